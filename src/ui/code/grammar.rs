//! Python and JSON as tokens, by the grammars that syntect carries.
//!
//! SQL has a lexer of its own ([`super::sql`]): the SQL grammar of that collection knows neither dollar quotes nor
//! nested comments, and a query may be a megabyte. What is shown as Python is what pgdj wrote itself.

use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

use super::lexer::{Token, TokenKind};
use crate::document::Language;

/// A longer text stays without colours: the grammars work by regular expressions, half a megabyte a second.
const LONGEST: usize = 64 * 1024;

/// The grammars, unpacked when the first text asks for them: constant data that most sessions never need.
static GRAMMARS: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// What the beginning of a scope's name says of a token; the first that fits, the innermost scope asked first.
static KINDS: LazyLock<Vec<(Scope, TokenKind)>> = LazyLock::new(|| {
    let kinds = [
        ("comment", TokenKind::Comment),
        ("punctuation.definition.comment", TokenKind::Comment),
        ("punctuation.definition.string", TokenKind::Text),
        ("string", TokenKind::Text),
        ("constant.character", TokenKind::Text),
        ("constant.numeric", TokenKind::Number),
        ("constant.language.json", TokenKind::Keyword),
        ("constant.language", TokenKind::Number),
        ("keyword.operator.logical", TokenKind::Keyword),
        ("keyword.operator", TokenKind::Mark),
        ("keyword", TokenKind::Keyword),
        ("storage.modifier", TokenKind::Keyword),
        ("storage.type", TokenKind::Keyword),
        ("entity.name", TokenKind::Name),
        ("entity.other.inherited-class", TokenKind::Name),
        ("variable.function", TokenKind::Name),
        ("variable.annotation", TokenKind::Name),
        ("support", TokenKind::Name),
        ("punctuation", TokenKind::Mark),
    ];
    kinds.iter().filter_map(|(name, kind)| Some((Scope::new(name).ok()?, *kind))).collect()
});

/// Returns the text as tokens, one after the other; none where there is no grammar or the text is too long.
pub(super) fn tokens(language: Language, text: &str) -> Vec<Token> {
    let extension = match language {
        Language::Python => "py",
        Language::Json => "json",
        Language::Sql | Language::Plan | Language::Plain => return Vec::new(),
    };
    if text.len() > LONGEST {
        return Vec::new();
    }
    let Some(grammar) = GRAMMARS.find_syntax_by_extension(extension) else { return Vec::new() };
    let mut state = ParseState::new(grammar);
    let mut stack = ScopeStack::new();
    let mut tokens = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let Ok(operations) = state.parse_line(line, &GRAMMARS) else { return tokens };
        let mut from = 0;
        for (at, operation) in operations {
            push(&mut tokens, kind(&stack), start + from..start + at);
            from = at;
            if stack.apply(&operation).is_err() {
                return tokens;
            }
        }
        push(&mut tokens, kind(&stack), start + from..start + line.len());
        start += line.len();
    }
    if language == Language::Json {
        name_keys(text, &mut tokens);
    }
    tokens
}

/// The grammar of JSON takes keys and values for the same: what a colon follows is a key.
fn name_keys(text: &str, tokens: &mut [Token]) {
    for token in tokens.iter_mut().filter(|token| token.kind == TokenKind::Text) {
        if text.get(token.range.end..).is_some_and(|rest| rest.trim_start().starts_with(':')) {
            token.kind = TokenKind::Name;
        }
    }
}

fn kind(stack: &ScopeStack) -> TokenKind {
    let mut scopes = stack.as_slice().iter().rev();
    scopes
        .find_map(|scope| KINDS.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, kind)| *kind))
        .unwrap_or(TokenKind::Word)
}

fn push(tokens: &mut Vec<Token>, kind: TokenKind, range: std::ops::Range<usize>) {
    if range.is_empty() {
        return;
    }
    match tokens.last_mut().filter(|last| last.kind == kind && last.range.end == range.start) {
        Some(last) => last.range.end = range.end,
        None => tokens.push(Token { kind, range }),
    }
}
