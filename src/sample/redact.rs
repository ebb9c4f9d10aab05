//! Takes secrets out of texts that others wrote: statements, settings, messages.
//!
//! Pure. It stands where texts come in from a server, so that the screen, a recording, a copy, the log and every output
//! hold `[redacted]` in place of the secret. A text may be cut at any letter.
//!
//! What counts as a secret: the value of a name that speaks of one (`password`, `api_key`, `token`, …), be it a clause
//! (`PASSWORD '…'`), an option, a setting, a column, a connection parameter or a key in JSON; the connection string of a
//! subscription; the arguments of pgcrypto's functions; the password in a URL; a password's hash; an `Authorization`
//! header; a private key; every text of a statement that names a secret or a table of secrets, unless it is compared
//! with another column; and every text of a statement that was cut, for the name may have stood behind. It rather takes out too much: a statement stays readable without its literals.

use std::borrow::Cow;
use std::sync::LazyLock;

use token::{Backslash, RedactToken, RedactTokenKind, tokens};

mod logged;
mod statement;
#[cfg(test)]
mod tests;
pub(crate) mod token;

pub use logged::Secrets;

/// What stands in place of a secret.
pub const MASK: &str = "[redacted]";

/// What a text ends with that was cut; pgdj's questions put it there.
pub const CUT: &str = "...";

/// Parts of names, in lower case, whose value is a secret.
const NAMES: &[&str] = &[
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "private_key",
    "access_key",
    "session_key",
    "session_data",
    "encryption_key",
    "credential",
    "conninfo",
    "jwt",
];

/// Parts of the names of tables whose secrets are in columns called `key`, `code`, `data`: of Django, allauth, django-otp,
/// OAuth Toolkit, social-auth. A table whose name speaks of a secret (`authtoken_token`) needs no place here.
const TABLES: &[&str] = &[
    "django_session",
    "emailconfirmation",
    "otp_totp",
    "otp_hotp",
    "otp_email",
    "otp_static",
    "oauth2_provider_",
    "social_auth_",
    "socialaccount_",
    "mfa_authenticator",
];

/// Functions whose texts are keys or what a key protects. Source: PostgreSQL manual F.26 "pgcrypto".
const KEYED: &[&str] = &[
    "crypt",
    "hmac",
    "encrypt",
    "decrypt",
    "encrypt_iv",
    "decrypt_iv",
    "pgp_sym_encrypt",
    "pgp_sym_encrypt_bytea",
    "pgp_sym_decrypt",
    "pgp_sym_decrypt_bytea",
    "pgp_pub_decrypt",
    "pgp_pub_decrypt_bytea",
];

/// What hashes of passwords begin with: Django's, crypt's, PostgreSQL's own.
const HASHES: &[&str] =
    &["pbkdf2_", "argon2", "bcrypt", "scrypt$", "scram-sha-256$", "$2a$", "$2b$", "$2y$", "$1$", "$5$", "$6$"];

/// What is looked for in a text before it is cut into tokens; what has none of them is left as it is.
const HINTS: &[&str] =
    &["://", "connection", "crypt", "hmac", "pgp_", "u&", "\\", "md5", "bearer ", "authorization", "private key"];

/// How deep texts within texts are looked into; what lies deeper is taken out whole.
const DEPTH: u8 = 4;

/// Words that may stand between a name and its value.
const BETWEEN: &[&str] =
    &["to", "in", "like", "ilike", "similar", "not", "any", "all", "is", "distinct", "from", "with"];

/// Words that end the value of a name.
const ENDS: &[&str] = &[
    "and",
    "or",
    "where",
    "from",
    "returning",
    "on",
    "order",
    "group",
    "limit",
    "union",
    "then",
    "else",
    "end",
    "when",
    "set",
    "valid",
    "as",
];

/// Returns a text without its secrets.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    if !has_hint(text) && !text.ends_with(CUT) {
        return Cow::Borrowed(text);
    }
    if let Some(end) = text.find('\'').filter(|_| text.ends_with(CUT) && text.contains("\\'")) {
        // Where its literals end depends on a setting that is not known: all from the first on is taken out.
        let head = format!("{}{CUT}", text.get(..end).unwrap_or_default());
        return Cow::Owned(format!("{}'{MASK}", redact(&head).trim_end_matches(CUT)));
    }
    let mut redacted = redact_within(text, 0);
    // What one pass masks can move where the quotes of broken SQL pair up, and so show the next pass another secret.
    for _ in 0..PASSES {
        let again = redact_within(&redacted, 0).into_owned();
        if again == redacted {
            break;
        }
        redacted = Cow::Owned(again);
    }
    redacted
}

/// The most passes over a text after the first.
const PASSES: usize = 8;

/// Whether a text may hold a secret; cheap, because every text of every sample is asked.
fn has_hint(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = |at: usize, hint: &str| {
        bytes.get(at..at + hint.len()).is_some_and(|part| part.eq_ignore_ascii_case(hint.as_bytes()))
    };
    let begins_any =
        |at: usize| [NAMES, HASHES, HINTS, TABLES].iter().any(|list| list.iter().any(|hint| begins(at, hint)));
    // Most places of most texts begin no hint by their first two letters; a letter at the end has a blank behind it.
    let seconds = bytes.iter().skip(1).chain(b" ");
    let mut pairs = bytes.iter().zip(seconds).enumerate();
    let letters = &*FIRST_LETTERS;
    pairs.any(|(at, (first, second))| letters.has(*first, *second) && begins_any(at))
}

/// The first two letters of all hints.
static FIRST_LETTERS: LazyLock<FirstLetters> = LazyLock::new(FirstLetters::of_hints);

struct FirstLetters(Vec<bool>);

impl FirstLetters {
    fn of_hints() -> Self {
        let mut letters = Self(vec![false; 1 << 16]);
        for hint in [NAMES, HASHES, HINTS, TABLES].into_iter().flatten() {
            let mut bytes = hint.bytes();
            let first = bytes.next().unwrap_or_default();
            // A hint of one letter begins with every second one.
            let seconds = bytes.next().map_or(0..=u8::MAX, |second| second..=second);
            for place in seconds.map(|second| Self::place(first, second)) {
                if let Some(known) = letters.0.get_mut(place) {
                    *known = true;
                }
            }
        }
        letters
    }

    fn has(&self, first: u8, second: u8) -> bool {
        self.0.get(Self::place(first, second)).copied().unwrap_or_default()
    }

    fn place(first: u8, second: u8) -> usize {
        usize::from(first.to_ascii_lowercase()) << 8 | usize::from(second.to_ascii_lowercase())
    }
}

fn redact_within(text: &str, depth: u8) -> Cow<'_, str> {
    let mut redacted = redact_as(text, depth, Backslash::Plain);
    if text.contains("\\'") {
        // The session may have standard_conforming_strings off: then its literals end elsewhere.
        redacted = Cow::Owned(redact_as(&redacted, depth, Backslash::Escape).into_owned());
    }
    match without_url_passwords(&redacted) {
        Some(masked) => Cow::Owned(masked),
        None => redacted,
    }
}

fn redact_as(text: &str, depth: u8, backslash: Backslash) -> Cow<'_, str> {
    let tokens = tokens(text, backslash);
    let mut marks = Marks { tokens: &tokens, masked: vec![false; tokens.len()] };
    marks.mark_all();
    if text.ends_with(CUT) {
        marks.mark_cut();
    }
    let mut redacted = String::with_capacity(text.len());
    let mut is_after_bare = false;
    for (token, is_masked) in tokens.iter().zip(&marks.masked) {
        let is_bare = *is_masked && !token.is_text();
        match token.kind {
            _ if is_bare && is_after_bare => {}
            _ if is_bare => redacted.push_str(MASK),
            RedactTokenKind::Literal if *is_masked || holds_secret(token, depth) => push_masked(&mut redacted, token),
            RedactTokenKind::Dollar if *is_masked || depth >= DEPTH || begins_as_key(token.body) => {
                push_masked(&mut redacted, token);
            }
            RedactTokenKind::Dollar => {
                redacted.push_str(token.open);
                redacted.push_str(&redact_within(token.body, depth + 1));
                redacted.push_str(token.close);
            }
            RedactTokenKind::Comment => redacted.push_str(&without_values(token.text)),
            _ => redacted.push_str(token.text),
        }
        is_after_bare = is_bare;
    }
    if redacted == text { Cow::Borrowed(text) } else { Cow::Owned(redacted) }
}

fn push_masked(redacted: &mut String, token: &RedactToken<'_>) {
    redacted.push_str(token.open);
    redacted.push_str(MASK);
    redacted.push_str(token.close);
}

/// Whether a name speaks of a secret.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|part| name.contains(part))
}

/// Whether a literal's content holds a secret, whatever stands around it.
fn holds_secret(token: &RedactToken<'_>, depth: u8) -> bool {
    if token.body == MASK {
        return false;
    }
    // What escapes spell is not worked out.
    if token.has_escapes() && token.body.contains('\\') && has_letters_escaped(token) {
        return true;
    }
    let content = token.body.replace("''", "'");
    if depth >= DEPTH {
        return has_hint(&content);
    }
    has_hint(&content)
        && (is_hash(&content)
            || is_header_or_key(&content)
            || without_values(&content) != content
            || redact_within(&content, depth + 1) != content.as_str())
}

/// Whether an escape of a literal may spell a letter: `\160`, `\x70`, `\u0070`; in `U&'…'` any does.
fn has_letters_escaped(token: &RedactToken<'_>) -> bool {
    let is_unicode = token.open.starts_with(['u', 'U']);
    let mut parts = token.body.split('\\').skip(1);
    is_unicode || parts.any(|part| part.starts_with(|letter: char| letter.is_ascii_digit() || "xuU".contains(letter)))
}

fn is_hash(content: &str) -> bool {
    let lower = content.to_ascii_lowercase();
    let is_md5 = lower
        .strip_prefix("md5")
        .is_some_and(|digits| digits.len() >= 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    is_md5 || HASHES.iter().any(|head| lower.starts_with(head))
}

/// Whether a text is a header that lets somebody in, alone or among others, or a private key in PEM.
fn is_header_or_key(content: &str) -> bool {
    let lower = content.to_ascii_lowercase();
    let scheme = || ["bearer ", "basic ", "token ", "digest "].iter().any(|scheme| lower.contains(scheme));
    begins_as_key(content)
        || lower.contains("authorization:")
        || lower.contains("authorization") && scheme()
        || lower.contains("private key-----")
}

/// Whether a text begins as a bearer's token or a key in PEM does.
fn begins_as_key(content: &str) -> bool {
    let lower = content.trim_start().get(..KEY_HEAD).unwrap_or(content.trim_start()).to_ascii_lowercase();
    lower.starts_with("bearer ")
        || lower.starts_with("authorization:")
        || lower.starts_with("-----begin ") && lower.contains("private key")
}

/// How far the head of a key in PEM goes: `-----BEGIN ENCRYPTED PRIVATE KEY-----`.
const KEY_HEAD: usize = 40;

/// Returns a plain text without what follows `name=` or `name:` where the name speaks of a secret.
fn without_values(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(rest) = lower.get(from..) {
        let Some(at) = NAMES.iter().filter_map(|name| rest.find(name)).min() else { break };
        let name = rest.get(at..).unwrap_or_default();
        let end = name.find(|letter: char| !letter.is_alphanumeric() && !"_-.".contains(letter)).unwrap_or(name.len());
        let after = name.get(end..).unwrap_or_default();
        let value = after.trim_start_matches(['"', '\'', ' ', '\\']);
        let value = value.strip_prefix([':', '=']).map(|value| value.trim_start_matches(['=', '>', ' ']));
        // A parameter is no value.
        if let Some(value) = value.filter(|value| !value.is_empty() && !value.starts_with(['$', '%', '?', '['])) {
            let kept = text.len() - value.len();
            let close = if text.ends_with("*/") { " */" } else { "" };
            return Cow::Owned(format!("{}{MASK}{close}", text.get(..kept).unwrap_or_default()));
        }
        from += at + end.max(1);
    }
    Cow::Borrowed(text)
}

/// Returns a text without the passwords of its URLs, if it has any.
fn without_url_passwords(text: &str) -> Option<String> {
    let mut masked = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        let end = after.find(|letter: char| letter.is_whitespace() || "'\"<>".contains(letter)).unwrap_or(after.len());
        let place = after.get(..end).unwrap_or_default();
        let password = place.rfind('@').and_then(|at| {
            let colon = place.get(..at)?.find(':')?;
            Some((colon + 1, at))
        });
        let (kept, next) = match password {
            Some((colon, at)) => {
                masked.push_str(place.get(..colon).unwrap_or_default());
                masked.push_str(MASK);
                ("", at)
            }
            // The text may end within the password.
            None if end == after.len() && has_cut_password(place) => {
                masked.push_str(place.split_inclusive(':').next().unwrap_or_default());
                (MASK, end)
            }
            None => ("", 0),
        };
        masked.push_str(kept);
        rest = after.get(next..).unwrap_or_default();
    }
    masked.push_str(rest);
    (masked != text).then_some(masked)
}

/// Whether what stands behind `://` at the end of a text may be `user:passw`, and not `host:port`.
fn has_cut_password(place: &str) -> bool {
    let Some((_, after)) = place.split(['/', '?', '#']).next().unwrap_or_default().split_once(':') else {
        return false;
    };
    let port = after.split(',').next().unwrap_or_default();
    port.len() > 5 || port.bytes().any(|digit| !digit.is_ascii_digit())
}

/// Which tokens are taken out.
struct Marks<'a> {
    tokens: &'a [RedactToken<'a>],
    masked: Vec<bool>,
}

impl Marks<'_> {
    fn mark_all(&mut self) {
        let words: Vec<usize> = (0..self.tokens.len()).filter(|at| self.is_word_or_name(*at)).collect();
        if self.names_secrets_in_a_list(&words) {
            self.mark_texts(0, self.tokens.len());
        }
        for at in statement::values_of_secrets(self.tokens) {
            self.mark_texts(at, at + 1);
        }
        for at in words {
            let Some(token) = self.tokens.get(at) else { continue };
            let next = self.after(at);
            let is_call = self.token(next).is_some_and(|next| next.is_mark('('));
            if is_call && KEYED.iter().any(|function| token.is_word(function)) {
                self.mark_texts(next + 1, self.end_of_value(next + 1, &[]));
            }
            if token.is_word("connection") || Self::is_secret(token) {
                self.mark_value(at);
            }
        }
    }

    /// Marks what a name behind the cut may make a secret.
    fn mark_cut(&mut self) {
        for at in statement::values_of_cut(self.tokens) {
            self.mark_texts(at, at + 1);
        }
    }

    fn token(&self, at: usize) -> Option<&RedactToken<'_>> {
        self.tokens.get(at)
    }

    /// Returns the place of the next token that is neither a blank nor a comment.
    fn after(&self, at: usize) -> usize {
        let is_said =
            |token: &RedactToken<'_>| !matches!(token.kind, RedactTokenKind::Space | RedactTokenKind::Comment);
        (at + 1..self.tokens.len()).find(|next| self.token(*next).is_some_and(is_said)).unwrap_or(self.tokens.len())
    }

    fn is_word_or_name(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| {
            matches!(token.kind, RedactTokenKind::Word | RedactTokenKind::Quoted | RedactTokenKind::Literal)
        })
    }

    /// Whether a token is the name of a secret; a literal may name one: `set_config('app.password', …)`.
    fn is_secret(token: &RedactToken<'_>) -> bool {
        let is_spelled = token.kind == RedactTokenKind::Quoted && token.has_escapes() && token.body.contains('\\');
        let is_name = |body: &str| {
            body.len() <= 64 && body.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter))
        };
        is_spelled || (token.kind != RedactTokenKind::Literal || is_name(token.body)) && is_secret_name(token.body)
    }

    /// Whether a write names a secret in a list: its value stands in another list, at the same place.
    fn names_secrets_in_a_list(&self, words: &[usize]) -> bool {
        let is_write = words.iter().any(|at| {
            self.token(*at).is_some_and(|token| ["insert", "update", "merge"].iter().any(|word| token.is_word(word)))
        });
        is_write
            && words.iter().any(|at| {
                let is_column = self
                    .token(*at)
                    .is_some_and(|token| token.kind != RedactTokenKind::Literal && Self::is_secret(token));
                let next = self.token(self.after(*at));
                let is_cut = next.is_none();
                is_column && (is_cut || next.is_some_and(|next| next.is_mark(',') || next.is_mark(')')))
            })
    }

    /// Marks the value of a name: the literals behind it, or all of an expression behind an operator.
    fn mark_value(&mut self, name: usize) {
        let mut at = self.after(name);
        if self.token(at).is_some_and(RedactToken::is_text) {
            let mut end = at;
            while self.token(end).is_some_and(RedactToken::is_text) {
                end = self.after(end);
            }
            self.mark_texts(at, end);
            return;
        }
        let is_literal = self.token(name).is_some_and(|token| token.kind == RedactTokenKind::Literal);
        let first = at;
        while let Some(token) = self.token(at) {
            let is_operator = token.kind == RedactTokenKind::Mark && "=<>!~:|)*".contains(token.text)
                || is_literal && token.is_mark(',');
            let is_between = token.kind == RedactTokenKind::Word && BETWEEN.iter().any(|word| token.is_word(word));
            // `::text` behind the name.
            let is_type = token.kind == RedactTokenKind::Word
                && at > 1
                && self.token(at - 1).is_some_and(|before| before.is_mark(':'));
            if !is_operator && !is_between && !is_type {
                break;
            }
            at = self.after(at);
        }
        if at == first {
            return;
        }
        self.mark_bare(name, first);
        self.mark_texts(at, self.end_of_value(at, ENDS));
    }

    /// Marks what is written without quotes right behind `name=`, as in a connection string.
    fn mark_bare(&mut self, name: usize, equals: usize) {
        if equals != name + 1 || !self.token(equals).is_some_and(|token| token.is_mark('=')) {
            return;
        }
        let first = equals + 1;
        if self.token(first).is_none_or(|token| token.is_text() || "$?%[(".contains(token.text.get(..1).unwrap_or("$")))
        {
            return;
        }
        for at in first..self.tokens.len() {
            let is_end = |token: &RedactToken<'_>| {
                matches!(token.kind, RedactTokenKind::Space | RedactTokenKind::Comment)
                    || token.is_text()
                    || ",);".contains(token.text)
            };
            if self.token(at).is_none_or(is_end) {
                return;
            }
            if let Some(masked) = self.masked.get_mut(at) {
                *masked = true;
            }
        }
    }

    /// Returns where the value that begins here ends: at a comma, a closing parenthesis, a semicolon or one of the words.
    fn end_of_value(&self, from: usize, words: &[&str]) -> usize {
        let is_whole_call = words.is_empty();
        let mut depth = 0_usize;
        for at in from..self.tokens.len() {
            let Some(token) = self.token(at) else { break };
            if token.is_mark('(') {
                depth += 1;
            } else if token.is_mark(')') {
                if depth == 0 {
                    return at;
                }
                depth -= 1;
            } else if token.is_mark(';')
                || depth == 0
                    && !is_whole_call
                    && (self.ends_with_comma(at) || words.iter().any(|word| token.is_word(word)))
            {
                return at;
            }
        }
        self.tokens.len()
    }

    /// Whether a value ends with this comma; a list of texts (`SET name = 'a', 'b'`) goes on.
    fn ends_with_comma(&self, at: usize) -> bool {
        self.token(at).is_some_and(|token| token.is_mark(','))
            && !self.token(self.after(at)).is_some_and(RedactToken::is_text)
    }

    fn mark_texts(&mut self, from: usize, to: usize) {
        for (token, masked) in self.tokens.iter().zip(&mut self.masked).take(to).skip(from) {
            *masked |= token.is_text();
        }
    }
}
