//! A statement before it is sent: whether it is one, what it does, which `$n` it has.
//!
//! Pure. A first look, for clear words and early questions. The server decides by the extended protocol (one statement)
//! and by the read-only transaction (no write), [`crate::pg::judge`] what functions it may reach. What this lexer cannot
//! read is left to them.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Location, Token, Tokenizer, Word};

/// What a statement does when it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementEffect {
    /// It reads, as far as can be seen.
    Reads,
    /// It writes or locks rows; the verb: `DELETE`, `SELECT … FOR UPDATE`.
    Writes(&'static str),
    /// It calls a function that acts outside its transaction, which a read-only transaction does not stop.
    Acts(&'static str),
}

/// A statement that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedStatement {
    /// The text without an EXPLAIN before it and a semicolon after it.
    pub text: String,
    /// The highest `$n`, 0 without any.
    pub parameters: usize,
    /// What it does.
    pub effect: StatementEffect,
    /// What was changed of the text, one sentence each.
    pub notes: Vec<String>,
}

/// What EXPLAIN takes, for a hint.
pub(super) const WHAT_EXPLAIN_TAKES: &str = "EXPLAIN takes SELECT, WITH, VALUES, INSERT, UPDATE, DELETE, MERGE, EXECUTE, \
                                             DECLARE, CREATE TABLE AS and CREATE MATERIALIZED VIEW AS";

/// Why a text cannot be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOne {
    /// There is nothing in it but blanks and comments.
    #[error("there is no statement to explain")]
    Empty,
    /// There are several statements in it.
    #[error("the text has {0} statements; EXPLAIN takes one")]
    Several(usize),
    /// It is of a kind that has no plan.
    #[error("{0} has no plan")]
    NoPlan(String),
    /// It holds a NUL, which the protocol cannot send.
    #[error("the text contains a NUL character")]
    Nul,
}

impl NotOne {
    /// Returns what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => WHAT_EXPLAIN_TAKES,
            Self::Several(_) => "explain them one by one",
            Self::NoPlan(_) => WHAT_EXPLAIN_TAKES,
            Self::Nul => "remove it",
        }
    }
}

/// The words an explainable statement begins with. Source: PostgreSQL manual, EXPLAIN.
const OPENINGS: &[&str] = &[
    "select", "with", "values", "table", "insert", "update", "delete", "merge", "execute", "declare", "create",
    "refresh",
];

/// Functions that act outside their transaction: measured, a read-only one stops none of them.
const ACTING: &[&str] = &[
    "dblink",
    "dblink_connect",
    "dblink_exec",
    "dblink_send_query",
    "lo_export",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_advisory_unlock_all",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_cancel_backend",
    "pg_copy_logical_replication_slot",
    "pg_copy_physical_replication_slot",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_create_restore_point",
    "pg_drop_replication_slot",
    "pg_file_unlink",
    "pg_file_write",
    "pg_log_backend_memory_contexts",
    "pg_logical_emit_message",
    "pg_logical_slot_get_binary_changes",
    "pg_logical_slot_get_changes",
    "pg_notify",
    "pg_prewarm",
    "pg_promote",
    "pg_reload_conf",
    "pg_replication_slot_advance",
    "pg_rotate_logfile",
    "pg_start_backup",
    "pg_stat_reset",
    "pg_stat_reset_shared",
    "pg_stat_reset_single_function_counters",
    "pg_stat_reset_single_table_counters",
    "pg_stat_reset_slru",
    "pg_stat_statements_reset",
    "pg_stop_backup",
    "pg_switch_wal",
    "pg_terminate_backend",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_wal_replay_pause",
    "pg_wal_replay_resume",
];

/// Types whose typed literals (`interval '1 day'`) a statement of `pg_stat_statements` has as `interval $1`, which no server parses.
const LITERAL_TYPES: &[&str] = &["interval", "date", "time", "timestamp", "timestamptz"];

/// A token as it was written.
#[derive(Debug, Clone)]
pub(super) struct SqlPiece {
    pub(super) token: Token,
    pub(super) text: String,
}

impl SqlPiece {
    fn new(token: Token) -> Self {
        Self { text: token.to_string(), token }
    }

    fn is_blank(&self) -> bool {
        matches!(self.token, Token::Whitespace(_))
    }
}

/// Looks at a text.
pub fn check(sql: &str) -> Result<CheckedStatement, NotOne> {
    if sql.contains('\0') {
        return Err(NotOne::Nul);
    }
    let Some(pieces) = pieces(sql) else {
        // An open quote or comment: the server says it with the place.
        let text = sql.trim().to_owned();
        return Ok(CheckedStatement { text, parameters: 0, effect: StatementEffect::Reads, notes: Vec::new() });
    };
    let mut parts = statements(&pieces);
    let Some(part) = parts.pop() else { return Err(NotOne::Empty) };
    if !parts.is_empty() {
        return Err(NotOne::Several(parts.len() + 1));
    }
    read(part.to_vec())
}

/// Returns the statements of a text, one by one, without their semicolons; the whole text where it cannot be read.
pub fn split(sql: &str) -> Vec<String> {
    pieces(sql).map_or_else(|| vec![sql.to_owned()], |pieces| statements(&pieces).into_iter().map(text_of).collect())
}

/// Returns the tokens with their texts, exactly as they were written; `None` where the lexer cannot read them.
pub(super) fn pieces(sql: &str) -> Option<Vec<SqlPiece>> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql).with_unescape(false).tokenize_with_location().ok()?;
    let mut places = BytePositions::new(sql);
    let starts: Vec<usize> = tokens.iter().map(|token| places.byte(token.span.start)).collect();
    let ends = starts.iter().skip(1).copied().chain([sql.len()]);
    let texts = starts.iter().zip(ends).map(|(start, end)| sql.get(*start..end).unwrap_or_default().to_owned());
    Some(tokens.iter().zip(texts).map(|(token, text)| SqlPiece { token: token.token.clone(), text }).collect())
}

/// Turns lines and columns, which only grow, into bytes.
struct BytePositions<'a> {
    rest: std::str::CharIndices<'a>,
    line: u64,
    column: u64,
    end: usize,
}

impl<'a> BytePositions<'a> {
    fn new(sql: &'a str) -> Self {
        Self { rest: sql.char_indices(), line: 1, column: 1, end: sql.len() }
    }

    fn byte(&mut self, place: Location) -> usize {
        while (self.line, self.column) < (place.line, place.column) {
            match self.rest.next() {
                Some((_, '\n')) => (self.line, self.column) = (self.line + 1, 1),
                Some(_) => self.column += 1,
                None => return self.end,
            }
        }
        self.rest.offset()
    }
}

fn statements(pieces: &[SqlPiece]) -> Vec<&[SqlPiece]> {
    let parts = pieces.split(|piece| piece.token == Token::SemiColon);
    parts.filter(|part| part.iter().any(|piece| !piece.is_blank())).collect()
}

fn text_of(part: &[SqlPiece]) -> String {
    part.iter().map(|piece| piece.text.as_str()).collect::<String>().trim().to_owned()
}

fn read(part: Vec<SqlPiece>) -> Result<CheckedStatement, NotOne> {
    let mut notes = Vec::new();
    let part = without_explain(part, &mut notes)?;
    let part = without_declare(part, &mut notes);
    let part = with_casts(&part, &mut notes);
    let said: Vec<&Token> = part.iter().filter(|piece| !piece.is_blank()).map(|piece| &piece.token).collect();
    let opening = said.iter().find(|token| **token != &Token::LParen);
    if let Some(word) = opening.and_then(|token| word(token)).filter(|word| is_command(word)) {
        return Err(NotOne::NoPlan(word.to_uppercase()));
    }
    if let Some(what) = created_without_plan(&said) {
        return Err(NotOne::NoPlan(format!("CREATE {}", what.to_uppercase())));
    }
    let parameters = said.iter().filter_map(|token| parameter(token)).max().unwrap_or(0);
    if parameters > 0 && part.iter().any(|piece| piece.text.contains("/*, ... */")) {
        notes.push("a list that pg_stat_statements shortened is planned with its remaining values".to_owned());
    }
    Ok(CheckedStatement { text: text_of(&part), parameters, effect: effect(&said), notes })
}

/// Whether a statement of SQL begins with a word.
pub(in crate::pg) fn begins_a_statement(word: &str) -> bool {
    let word = word.to_lowercase();
    OPENINGS.contains(&word.as_str()) || is_command(&word) || word == "explain"
}

/// Returns the first word where no statement begins with it: the server's parser refuses that, and nothing runs.
pub(super) fn misspelt_opening(sql: &str) -> Option<String> {
    let pieces = pieces(sql)?;
    let opening = pieces.iter().find(|piece| !piece.is_blank() && piece.token != Token::LParen)?;
    let word = word(&opening.token)?;
    (!begins_a_statement(&word)).then(|| opening.text.clone())
}

/// Returns what a CREATE makes, where that has no plan: only a table or a materialized view is made of a query.
fn created_without_plan(said: &[&Token]) -> Option<String> {
    const BEFORE: &[&str] = &["or", "replace", "temp", "temporary", "unlogged", "global", "local", "unique"];
    let mut words = said.iter().map_while(|token| word(token));
    let is_create = words.next()? == "create";
    let what = words.find(|word| !BEFORE.contains(&word.as_str()))?;
    (is_create && !["table", "materialized"].contains(&what.as_str())).then_some(what)
}

/// Whether a word opens a statement that exists but has no plan; any other word is left to the server's parser.
fn is_command(word: &str) -> bool {
    const COMMANDS: &[&str] = &[
        "abort",
        "alter",
        "analyse",
        "analyze",
        "begin",
        "call",
        "checkpoint",
        "close",
        "cluster",
        "comment",
        "commit",
        "copy",
        "deallocate",
        "discard",
        "do",
        "drop",
        "end",
        "fetch",
        "grant",
        "import",
        "listen",
        "load",
        "lock",
        "move",
        "notify",
        "prepare",
        "reassign",
        "reindex",
        "release",
        "reset",
        "revoke",
        "rollback",
        "savepoint",
        "set",
        "show",
        "start",
        "truncate",
        "unlisten",
        "vacuum",
    ];
    COMMANDS.contains(&word)
}

/// Returns an unquoted word in lower case.
fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value.to_lowercase()),
        _ => None,
    }
}

fn is_word(token: Option<&&Token>, expected: &str) -> bool {
    token.and_then(|token| word(token)).is_some_and(|word| word == expected)
}

fn parameter(token: &Token) -> Option<usize> {
    match token {
        Token::Placeholder(text) => text.strip_prefix('$')?.parse().ok(),
        _ => None,
    }
}

/// Takes an EXPLAIN off that somebody pasted with the statement.
fn without_explain(part: Vec<SqlPiece>, notes: &mut Vec<String>) -> Result<Vec<SqlPiece>, NotOne> {
    let said = || part.iter().enumerate().filter(|(_, piece)| !piece.is_blank()).map(|(at, piece)| (at, &piece.token));
    let mut rest = said().peekable();
    if rest.next_if(|(_, token)| word(token).as_deref() == Some("explain")).is_none() {
        return Ok(part);
    }
    let has_options = rest.peek().is_some_and(|(_, token)| **token == Token::LParen) && {
        let first = said().skip(2).find(|(_, token)| **token != Token::LParen);
        first.and_then(|(_, token)| word(token)).is_some_and(|word| !OPENINGS.contains(&word.as_str()))
    };
    if has_options {
        for (_, token) in rest.by_ref() {
            if *token == Token::RParen {
                break;
            }
        }
    }
    let is_option = |token: &Token| matches!(word(token).as_deref(), Some("analyze" | "analyse" | "verbose"));
    while !has_options && rest.next_if(|(_, token)| is_option(token)).is_some() {}
    let Some((from, _)) = rest.peek() else { return Err(NotOne::Empty) };
    notes.push("the EXPLAIN in the text was ignored: the options chosen here apply".to_owned());
    Ok(part.iter().skip(*from).cloned().collect())
}

/// Takes `DECLARE … CURSOR … FOR` off, as Django sends it for `iterator()`: what is explained is the query.
fn without_declare(part: Vec<SqlPiece>, notes: &mut Vec<String>) -> Vec<SqlPiece> {
    let said: Vec<(usize, &Token)> =
        part.iter().enumerate().filter(|(_, piece)| !piece.is_blank()).map(|(at, piece)| (at, &piece.token)).collect();
    let is = |place: usize, expected: &str| is_word(said.get(place).map(|(_, token)| token), expected);
    if !is(0, "declare") {
        return part;
    }
    // The name, which may itself be CURSOR, and at most BINARY, INSENSITIVE, NO SCROLL stand before.
    let Some(cursor) = (2..=6).find(|place| is(*place, "cursor")) else { return part };
    let query = if is(cursor + 1, "for") { cursor + 2 } else { cursor + 4 };
    let Some((from, _)) = said.get(query).filter(|_| is(query - 1, "for")) else { return part };
    notes.push(
        "the query of the cursor is explained; a cursor is planned for its first rows (cursor_tuple_fraction), so its \
         plan may be another"
            .to_owned(),
    );
    part.iter().skip(*from).cloned().collect()
}

/// Rewrites what `pg_stat_statements` made of typed literals and of EXTRACT: `interval $1`, `EXTRACT($1 FROM x)`.
fn with_casts(part: &[SqlPiece], notes: &mut Vec<String>) -> Vec<SqlPiece> {
    let mut out: Vec<SqlPiece> = Vec::with_capacity(part.len());
    let mut changed = 0;
    let mut rest = part;
    while let Some((piece, after)) = rest.split_first() {
        rest = after;
        if parameter(&piece.token).is_none() {
            out.push(piece.clone());
        } else if let Some((at, type_name)) = literal_type_before(&out) {
            out.truncate(at);
            out.push(piece.clone());
            out.extend([Token::DoubleColon, Token::make_word(&type_name, None)].map(SqlPiece::new));
            changed += 1;
        } else if let (Some(at), Some(after)) = (extract_before(&out), after_from(after)) {
            out.truncate(at);
            out.extend(
                [Token::make_word("date_part", None), Token::LParen, piece.token.clone(), Token::Comma]
                    .map(SqlPiece::new),
            );
            rest = after;
            changed += 1;
        } else {
            out.push(piece.clone());
        }
    }
    if changed > 0 {
        notes.push(format!(
            "pgdj changed {} that PostgreSQL cannot parse in a normalized statement: \"interval $1\" became \
             \"$1::interval\", EXTRACT became date_part",
            crate::sample::unit::counted(changed, "constant", "constants")
        ));
    }
    out
}

/// Returns where a type stands at the end, with a blank behind it, as before a literal.
fn literal_type_before(out: &[SqlPiece]) -> Option<(usize, String)> {
    let at = out.iter().rposition(|piece| !piece.is_blank())?;
    let name = word(&out.get(at)?.token).filter(|word| LITERAL_TYPES.contains(&word.as_str()))?;
    // `a.date = $1` ends in no type; `select date $1` does, `x.interval $1` is no SQL anyway.
    (out.len() > at + 1).then_some((at, name))
}

/// Returns where `EXTRACT (` begins, if that is what stands at the end.
fn extract_before(out: &[SqlPiece]) -> Option<usize> {
    let mut said = out.iter().enumerate().rev().filter(|(_, piece)| !piece.is_blank());
    let (_, bracket) = said.next()?;
    let (at, name) = said.next()?;
    (bracket.token == Token::LParen && word(&name.token).as_deref() == Some("extract")).then_some(at)
}

/// Returns what follows FROM, if that comes next.
fn after_from(rest: &[SqlPiece]) -> Option<&[SqlPiece]> {
    let at = rest.iter().position(|piece| !piece.is_blank())?;
    let is_from = word(&rest.get(at)?.token).as_deref() == Some("from");
    is_from.then(|| rest.get(at + 1..)).flatten()
}

fn effect(said: &[&Token]) -> StatementEffect {
    if let Some(verb) = written(said) {
        return StatementEffect::Writes(verb);
    }
    let calls = said.iter().zip(said.iter().skip(1)).filter(|(_, next)| **next == &Token::LParen);
    let mut names = calls.filter_map(|(name, _)| match name {
        Token::Word(name) => Some(name.value.to_lowercase()),
        _ => None,
    });
    let acting = names.find_map(|name| ACTING.iter().find(|known| **known == name));
    acting.map_or(StatementEffect::Reads, |name| StatementEffect::Acts(name))
}

/// Returns the verb of a write anywhere in the statement.
fn written(said: &[&Token]) -> Option<&'static str> {
    let mut depth = 0_usize;
    for (at, token) in said.iter().enumerate() {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let Some(word) = word(token) else { continue };
        let before = at.checked_sub(1).and_then(|before| said.get(before));
        if let Some(verb) = verb(&word)
            && opens_statement(said, at, depth)
        {
            return Some(verb);
        }
        let is_lock = word == "for"
            && (is_word(said.get(at + 1), "update")
                || is_word(said.get(at + 1), "share")
                || (is_word(said.get(at + 1), "no") && is_word(said.get(at + 2), "key"))
                || (is_word(said.get(at + 1), "key") && is_word(said.get(at + 2), "share")));
        if is_lock {
            return Some("SELECT … FOR UPDATE");
        }
        if word == "into" && depth == 0 && !is_word(before, "insert") && !is_word(before, "merge") {
            return Some("SELECT … INTO");
        }
    }
    None
}

fn verb(word: &str) -> Option<&'static str> {
    Some(match word {
        "insert" => "INSERT",
        "update" => "UPDATE",
        "delete" => "DELETE",
        "merge" => "MERGE",
        "create" => "CREATE",
        "refresh" => "REFRESH",
        _ => return None,
    })
}

/// Whether a statement begins here: at the start, after the CTEs, or as the body of one.
fn opens_statement(said: &[&Token], at: usize, depth: usize) -> bool {
    let back = |steps: usize| at.checked_sub(steps).and_then(|before| said.get(before));
    match back(1) {
        None => true,
        Some(Token::LParen) => is_word(back(2), "as") || is_word(back(2), "materialized"),
        Some(Token::RParen) => depth == 0,
        _ => false,
    }
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
