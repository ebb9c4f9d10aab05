//! PostgreSQL's lexer, as far as it decides which names and operators a statement writes.
//!
//! Pure. Follows `src/backend/parser/scan.l` of PostgreSQL 12 to 18 with `standard_conforming_strings = on`. Where the
//! releases read a text differently (`1a`, `0x1F`), or where reading it needs more than this lexer knows, the text is
//! refused: a judge that guesses can be lied to.

/// A token that can change what a statement calls; blanks and comments are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SqlToken {
    /// An identifier or a keyword, folded and cut as the server does it.
    Word {
        /// The name.
        name: String,
        /// Whether it was quoted, so that it is no keyword.
        is_quoted: bool,
    },
    /// An operator: `=`, `~~`, `->>`.
    Operator(String),
    /// A bracket, comma, dot, semicolon, colon, `::`, `..` or `:=`.
    Mark(&'static str),
    /// A string of any kind.
    Text,
    /// A number or a parameter.
    Value,
}

/// Why a text cannot be read with certainty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at {near}")]
pub(super) struct Unclear {
    what: &'static str,
    near: String,
}

/// The longest name. Source: `NAMEDATALEN` of `src/include/pg_config_manual.h`, less its closing NUL.
const LONGEST_NAME: usize = 63;

/// The characters of operators. Source: `op_chars` of `scan.l`.
const OPERATOR: &str = "~!@#^&|`?+-*/%<>=";

/// With one of these in it, an operator may end with `+` or `-`. Source: the rule `{operator}` of `scan.l`.
const KEEPS_ITS_SIGN: &str = "~!@#^&|`?%";

/// How the server folds a name without quotes beyond ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameFolding {
    /// It does not: the encoding of the database has several bytes for such a letter.
    /// Source: `downcase_identifier` of `src/backend/parser/scansup.c`.
    None,
    /// By the locale of the server, which is not known here.
    ByLocale,
}

impl NameFolding {
    /// Returns it for a `server_encoding`; most have several bytes, but only this one is met.
    pub(super) fn of(encoding: &str) -> Self {
        if encoding == "UTF8" { Self::None } else { Self::ByLocale }
    }
}

/// Reads a text.
pub(super) fn tokens(sql: &str, folding: NameFolding) -> Result<Vec<SqlToken>, Unclear> {
    let mut lexer = Lexer { rest: sql, folding };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        // `E'a' <newline> 'b'` goes on as an escape string, with comments allowed between: not worth a second lexer.
        if token == SqlToken::Text && tokens.last() == Some(&SqlToken::Text) {
            return Err(lexer.unclear("two strings in a row, of which the second continues the first"));
        }
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    rest: &'a str,
    folding: NameFolding,
}

fn starts_name(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii()
}

fn continues_name(letter: char) -> bool {
    starts_name(letter) || letter.is_ascii_digit() || letter == '$'
}

impl<'a> Lexer<'a> {
    fn unclear(&self, what: &'static str) -> Unclear {
        let near: String = self.rest.chars().take(30).take_while(|letter| *letter != '\n').collect();
        Unclear { what, near: if near.is_empty() { "the end".to_owned() } else { format!("\"{near}\"") } }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Takes what comes while the claim holds.
    fn take_while(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !holds(letter)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn next(&mut self) -> Result<Option<SqlToken>, Unclear> {
        self.skip_blanks()?;
        let Some(letter) = self.peek() else { return Ok(None) };
        let token = match letter {
            '\'' => self.string(false)?,
            '"' => {
                let name = self.quoted()?;
                self.word(name, true)?
            }
            '$' => self.dollar()?,
            '0'..='9' => self.number()?,
            '.' if self.rest.chars().nth(1).is_some_and(|next| next.is_ascii_digit()) => self.number()?,
            _ if starts_name(letter) => self.name()?,
            _ if OPERATOR.contains(letter) => self.operator(),
            _ => self.mark()?,
        };
        Ok(Some(token))
    }

    fn skip_blanks(&mut self) -> Result<(), Unclear> {
        loop {
            // A vertical tab is a blank since 16 only: it is refused as a character that is none of SQL's.
            self.take_while(|letter| matches!(letter, ' ' | '\t' | '\n' | '\r' | '\x0c'));
            if self.rest.starts_with("--") {
                self.take_while(|letter| letter != '\n' && letter != '\r');
            } else if self.rest.starts_with("/*") {
                self.comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn comment(&mut self) -> Result<(), Unclear> {
        let mut depth = 0_usize;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.skip(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.skip(2);
                if depth == 0 {
                    return Ok(());
                }
            } else if let Some(letter) = self.peek() {
                self.skip(letter.len_utf8());
            } else {
                return Err(self.unclear("a comment that is not closed"));
            }
        }
    }

    /// Takes a string from its quote on.
    fn string(&mut self, has_escapes: bool) -> Result<SqlToken, Unclear> {
        self.skip(1);
        loop {
            self.take_while(|letter| letter != '\'' && !(has_escapes && letter == '\\'));
            if self.rest.starts_with("''") || (self.rest.starts_with('\\') && self.rest.len() > 1) {
                self.skip(1);
                self.skip(self.peek().map_or(0, char::len_utf8));
            } else if self.rest.starts_with('\'') {
                self.skip(1);
                return Ok(SqlToken::Text);
            } else {
                return Err(self.unclear("a string that is not closed"));
            }
        }
    }

    /// Takes a quoted name from its quote on.
    fn quoted(&mut self) -> Result<String, Unclear> {
        self.skip(1);
        let mut name = String::new();
        loop {
            name.push_str(self.take_while(|letter| letter != '"'));
            if self.rest.starts_with("\"\"") {
                name.push('"');
                self.skip(2);
            } else if self.rest.starts_with('"') {
                self.skip(1);
                return Ok(name);
            } else {
                return Err(self.unclear("a quoted name that is not closed"));
            }
        }
    }

    fn dollar(&mut self) -> Result<SqlToken, Unclear> {
        let tail = self.rest.get(1..).unwrap_or_default();
        if tail.starts_with(|letter: char| letter.is_ascii_digit()) {
            self.skip(1);
            self.take_while(|letter| letter.is_ascii_digit());
            return self.value();
        }
        let end = tail.find('$').filter(|end| {
            let tag = tail.get(..*end).unwrap_or_default();
            tag.chars().all(|letter| continues_name(letter) && letter != '$')
                && !tag.starts_with(|it: char| it.is_ascii_digit())
        });
        let Some(tag) = end.and_then(|end| self.rest.get(..end + 2)) else {
            return Err(self.unclear("a dollar sign that opens no string"));
        };
        self.skip(tag.len());
        let Some(end) = self.rest.find(tag) else { return Err(self.unclear("a string that is not closed")) };
        self.skip(end + tag.len());
        Ok(SqlToken::Text)
    }

    fn number(&mut self) -> Result<SqlToken, Unclear> {
        self.take_while(|letter| letter.is_ascii_digit());
        if self.rest.starts_with('_') {
            // `1_000` is a number since 16, and before the number 1 with the name `_000`: so the name is a token too.
            let groups = self.rest.find(|letter: char| letter != '_' && !letter.is_ascii_digit());
            let groups = self.rest.get(..groups.unwrap_or(self.rest.len())).unwrap_or_default();
            let is_grouped = groups.split('_').skip(1).all(|group| !group.is_empty());
            let next = self.rest.get(groups.len()..).and_then(|rest| rest.chars().next());
            if is_grouped && !next.is_some_and(continues_name) {
                return Ok(SqlToken::Value);
            }
        }
        if self.rest.starts_with('.') && !self.rest.starts_with("..") {
            self.skip(1);
            self.take_while(|letter| letter.is_ascii_digit());
        }
        if let Some(tail) = self.rest.strip_prefix(['e', 'E']) {
            let signless = tail.strip_prefix(['+', '-']).unwrap_or(tail);
            if signless.starts_with(|letter: char| letter.is_ascii_digit()) {
                self.rest = signless;
                self.take_while(|letter| letter.is_ascii_digit());
            }
        }
        self.value()
    }

    /// Ends a number or a parameter: until 14 a letter right behind it begins a name, since 15 it is an error.
    fn value(&mut self) -> Result<SqlToken, Unclear> {
        if self.peek().is_some_and(continues_name) {
            return Err(self.unclear("a number that runs into a name"));
        }
        Ok(SqlToken::Value)
    }

    fn name(&mut self) -> Result<SqlToken, Unclear> {
        let second = self.rest.chars().nth(1);
        match (self.peek(), second) {
            (Some('e' | 'E'), Some('\'')) => {
                self.skip(1);
                return self.string(true);
            }
            (Some('b' | 'B' | 'x' | 'X' | 'n' | 'N'), Some('\'')) => {
                self.skip(1);
                return self.string(false);
            }
            (Some('u' | 'U'), Some('&')) if self.rest.chars().nth(2) == Some('\'') => {
                self.skip(2);
                return self.string(false);
            }
            (Some('u' | 'U'), Some('&')) if self.rest.chars().nth(2) == Some('"') => {
                self.skip(2);
                return self.unicode_name();
            }
            _ => {}
        }
        let written = self.take_while(continues_name);
        // Outside of ASCII, folding depends on the encoding of the database.
        let is_unknown = self.folding == NameFolding::ByLocale;
        if is_unknown && written.to_lowercase() != written.to_ascii_lowercase() {
            return Err(self.unclear("a capital letter outside of ASCII in a name without quotes"));
        }
        self.word(written.to_ascii_lowercase(), false)
    }

    /// Takes `U&"d\0061ta"` from its quote on.
    fn unicode_name(&mut self) -> Result<SqlToken, Unclear> {
        let written = self.quoted()?;
        let mut ahead = Lexer { rest: self.rest, folding: self.folding };
        ahead.skip_blanks()?;
        if ahead.take_while(continues_name).eq_ignore_ascii_case("uescape") {
            return Err(self.unclear("a name with UESCAPE"));
        }
        let Some(name) = unescaped(&written) else { return Err(self.unclear("a U& name that cannot be decoded")) };
        self.word(name, true)
    }

    fn word(&mut self, name: String, is_quoted: bool) -> Result<SqlToken, Unclear> {
        if name.is_empty() {
            return Err(self.unclear("a name without a letter"));
        }
        if name.len() <= LONGEST_NAME {
            return Ok(SqlToken::Word { name, is_quoted });
        }
        // In another encoding it has another length.
        if !name.is_ascii() {
            return Err(self.unclear("a name of more than 63 bytes"));
        }
        Ok(SqlToken::Word { name: name.get(..LONGEST_NAME).unwrap_or_default().to_owned(), is_quoted })
    }

    fn operator(&mut self) -> SqlToken {
        let run = self.rest.find(|letter| !OPERATOR.contains(letter)).unwrap_or(self.rest.len());
        let run = self.rest.get(..run).unwrap_or_default();
        let end = [run.find("/*"), run.find("--")].into_iter().flatten().min().unwrap_or(run.len());
        let mut operator = run.get(..end).unwrap_or_default();
        let body = operator.get(..operator.len().saturating_sub(1)).unwrap_or_default();
        if !body.contains(|letter| KEEPS_ITS_SIGN.contains(letter)) {
            while operator.len() > 1 && operator.ends_with(['+', '-']) {
                operator = operator.get(..operator.len() - 1).unwrap_or_default();
            }
        }
        let operator = operator.to_owned();
        self.skip(operator.len());
        // Source: `NOT_EQUALS` of `scan.l`.
        SqlToken::Operator(if operator == "!=" { "<>".to_owned() } else { operator })
    }

    fn mark(&mut self) -> Result<SqlToken, Unclear> {
        const MARKS: &[&str] = &["::", "..", ":=", ",", "(", ")", "[", "]", ".", ";", ":"];
        let Some(mark) = MARKS.iter().find(|mark| self.rest.starts_with(**mark)) else {
            return Err(self.unclear("a character that SQL does not have"));
        };
        self.skip(mark.len());
        Ok(SqlToken::Mark(mark))
    }
}

/// Decodes the escapes of a `U&` name: `\0061`, `\+000061`, `\\`; `None` for anything else.
fn unescaped(written: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = written;
    while let Some((plain, after)) = rest.split_once('\\') {
        name.push_str(plain);
        if let Some(after) = after.strip_prefix('\\') {
            name.push('\\');
            rest = after;
            continue;
        }
        let (digits, length) = after.strip_prefix('+').map_or((after, 4), |after| (after, 6));
        let code = digits.get(..length).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        // Half of a surrogate pair is no character.
        name.push(char::from_u32(u32::from_str_radix(code, 16).ok()?).filter(|letter| *letter != '\0')?);
        rest = digits.get(length..)?;
    }
    name.push_str(rest);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the tokens in short: words as they are, operators in `<>`, texts as `'`, values as `#`.
    fn short(sql: &str) -> String {
        match tokens(sql, NameFolding::None) {
            Err(error) => format!("unclear: {error}"),
            Ok(tokens) => tokens
                .into_iter()
                .map(|token| match token {
                    SqlToken::Word { name, is_quoted: false } => name,
                    SqlToken::Word { name, is_quoted: true } => format!("\"{name}\""),
                    SqlToken::Operator(text) => format!("<{text}>"),
                    SqlToken::Mark(mark) => mark.to_owned(),
                    SqlToken::Text => "'".to_owned(),
                    SqlToken::Value => "#".to_owned(),
                })
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    #[test]
    fn a_text_is_read_as_the_server_reads_it() {
        for (sql, expected) in [
            ("SELECT Lower(\"A\"\"b\") -- x\n, 1.5e-3", "select lower ( \"A\"b\" ) , #"),
            ("a /* b /* c */ d */ (1)", "a ( # )"),
            ("'it''s' || E'\\'' || e'\\\\'", "' <||> ' <||> '"),
            ("$$ ' $x$ $$, $x$ $$ ; $x$ $1", "' , ' #"),
            ("$a$ x $a$, a$$b, $12::int", "' , a$$b , # :: int"),
            ("b'0', x'1F', n'a', N'b', U&'\\0061'", "' , ' , ' , ' , '"),
            ("U&\"d\\0061t\\+000061\\\\\" (", "\"data\\\" ("),
            ("u&\"pg\\005fterminate_backend\"(1)", "\"pg_terminate_backend\" ( # )"),
            ("a=-1, b->>'x', c @-d, e<=-f, g *-- h\n i", "a <=> <-> # , b <->>> ' , c <@-> d , e <<=> <-> f , g <*> i"),
            (
                "a[1:2], x.y, .5, 1..2, a := 1, b=>2, c != d",
                "a [ # : # ] , x . y , # , # .. # , a := # , b <=>> # , c <<>> d",
            ),
            ("a*/**/b", "a <*> b"),
            ("x & y # z ^ 2 ? 'k' ?| a ?& b @> c", "x <&> y <#> z <^> # <?> ' <?|> a <?&> b <@>> c"),
            ("é = 1, GRÖSSE(1)", "é <=> # , grÖsse ( # )"),
            ("select 1_000, 12_345_678.5, _1", "select # _000 , # _345_678 # , _1"),
        ] {
            assert_eq!(short(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_cannot_be_read_with_certainty_is_refused() {
        for (sql, expected) in [
            ("select E'a' -- c\n 'b\\' pg_sleep(1) --'", "two strings in a row"),
            ("select 'a'\n'b'", "two strings in a row"),
            ("select 'a", "a string that is not closed"),
            ("select \"a", "a quoted name that is not closed"),
            ("select $a$ x $b$", "a string that is not closed"),
            ("select $a x", "a dollar sign"),
            ("/* /* */", "a comment that is not closed"),
            ("select 1a", "runs into a name"),
            ("select 0x1F", "runs into a name"),
            ("select 1_000a", "runs into a name"),
            ("select 1__000", "runs into a name"),
            ("select 1_000$a$ x $a$", "runs into a name"),
            ("select $1a", "runs into a name"),
            ("select U&\"d!0061t\" uescape '!'", "UESCAPE"),
            ("select U&\"\\00\"", "cannot be decoded"),
            ("select U&\"\\D800\"", "cannot be decoded"),
            ("select \"\"", "without a letter"),
            ("select É", "capital letter"),
            ("select a\x0bb", "a character that SQL does not have"),
            ("select \\d", "a character that SQL does not have"),
            ("select {a}", "a character that SQL does not have"),
        ] {
            let error = tokens(sql, NameFolding::ByLocale).map_err(|error| error.to_string()).unwrap_err();
            assert!(error.contains(expected), "{sql}: {error}");
        }
        let long = "é".repeat(32);
        assert!(tokens(&long, NameFolding::None).is_err());
        let long = "a".repeat(70);
        assert_eq!(short(&long), "a".repeat(63));
    }

    proptest::proptest! {
        #[test]
        fn anything_is_read_or_refused(text in ".{0,100}") {
            drop(tokens(&text, NameFolding::None));
        }

        #[test]
        fn what_is_between_marks_of_the_language_is_read_or_refused(
            text in "(a|B'|E'|U&\"|\\\\|'|\"|\\$x\\$|\\$|--|/\\*|\\*/|\n|1|\\.|=|-|\\+|:| ){0,14}"
        ) {
            drop(tokens(&text, NameFolding::None));
        }
    }
}
