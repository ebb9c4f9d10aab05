//! The words of the program: every text a person reads is listed, and phrases that were found hard to read stay out.
//!
//! `PGDJ_LIST_TEXTS=texts.txt cargo test --test words` writes the list, one text a line with its file and line.

use std::fs;
use std::path::{Path, PathBuf};

/// A text of the source: a string literal outside tests and comments.
struct Text {
    file: PathBuf,
    line: usize,
    words: String,
}

/// Phrases that no text may hold, and what to write instead.
const PHRASES: &[(&str, &str)] = &[
    ("has it not", "not in …, added in …"),
    ("have it not", "not in …, added in …"),
    ("has not.", "name what is missing"),
    ("nobody", "no one"),
    ("came of it", "the result"),
    ("reckon", "estimate or calculate"),
    ("mend ", "improve or fix"),
    ("thought of", "considered"),
    ("cannot be had", "not available"),
    ("to be had", "available"),
    ("anew", "again, or rebuild"),
    ("gives the room back", "reclaims the space"),
    ("gives the space back", "reclaims the space"),
    ("behind it wait", "waiting behind it"),
    ("waited-for", "locks others wait for"),
    ("would spare", "would avoid"),
    ("is to be ", "an active sentence"),
    ("it never was", "rolled back afterwards"),
    ("as the server said it", "raw EXPLAIN output"),
    ("turn the order round", "reverse the sort"),
    ("hold the screen", "pause"),
    ("costs it", "overhead"),
    ("let autovacuum come", "re-enable autovacuum"),
    ("rules wait for data", "checks pending"),
    ("rules not judged", "checks not possible"),
    ("none has anything to say", "all checks passed"),
    ("thrown away", "discarded"),
    ("throws away", "discards"),
    ("read whole", "scanned"),
    ("look-up", "lookup"),
    ("sub-query", "subquery"),
    ("analysed", "analyzed"),
    ("in place of", "instead of"),
    ("read-only mode", "--read-only forbids it"),
    ("running query", "running statement"),
    ("the query of pid", "the statement of pid"),
    ("runs no query", "runs no statement"),
    ("no query uses", "no statement uses"),
    ("for this query", "for this statement"),
    ("this backend", "this session"),
    ("the backends", "the sessions"),
    ("process id of the backend", "process id of the session"),
    ("end the session", "terminate the session"),
    ("end its session", "terminate it"),
    ("be ended", "be terminated"),
    ("awaits", "waits for"),
    ("awaited", "waited for"),
    ("made by hand", "created by hand"),
    ("without its end", "that is not closed"),
    ("plain index can be built", "what an index cannot do, and why"),
    ("with certainty", "cannot parse"),
    ("round of questions", "batch of statements"),
    ("of part ", "the title of the section"),
    ("for each advice", "each time pgdj looks for indexes"),
    ("a connection of its own", "a separate connection"),
    ("a session of its own", "a separate connection"),
    ("} %", "no blank before a percent sign"),
    ("0 % ", "no blank before a percent sign"),
    ("values were given", "counted()"),
    ("is computed for each", "runs for each"),
    ("like companion", "_like index"),
    ("sessions busy", "average active sessions"),
    ("differ in shape", "nodes changed"),
    ("upkeep", "maintenance"),
    ("making trouble", "name what is added"),
    ("next samples show", "waiting for …"),
    ("changed since its", "changed since the last ANALYZE"),
    ("in its transaction", "transaction open for"),
    ("not in this database", "this database does not have it"),
    ("cannot be \\\"", "invalid value"),
    ("where not to build", "indexes not advised"),
    ("without an index, of", "without an index: …, rows"),
    ("what it calls?", "including these calls?"),
    ("manual 1", "the title of the section of the manual"),
    ("manual 2", "the title of the section of the manual"),
    ("manual 5", "the title of the section of the manual"),
    ("manual f.", "the title of the section of the manual"),
];

#[test]
fn no_text_holds_a_phrase_that_is_hard_to_read() {
    let texts = texts();
    if let Some(path) = std::env::var_os("PGDJ_LIST_TEXTS") {
        let list: Vec<String> = texts.iter().map(|text| format!("{}\t{}", text.place(), text.words)).collect();
        fs::write(path, list.join("\n")).expect("the list is written");
    }
    let found: Vec<String> = texts
        .iter()
        .flat_map(|text| PHRASES.iter().map(move |phrase| (text, phrase)))
        .filter(|(text, (phrase, _))| text.words.to_lowercase().contains(phrase))
        .map(|(text, (phrase, instead))| format!("{}: «{phrase}»; write: {instead}\n    {}", text.place(), text.words))
        .collect();
    assert!(found.is_empty(), "{} texts:\n{}", found.len(), found.join("\n"));
}

/// Second words for a thing, which no label of a row or a column may have, and the word that is used.
const LABELS: &[(&str, &str)] = &[
    ("user", "role"),
    ("query", "statement"),
    ("backend", "session"),
    ("xact", "tx in columns, transaction elsewhere"),
    ("ORM", "pattern"),
    ("looks like", "pattern"),
    ("checked", "check"),
    ("tried", "trial"),
    ("from", "called by, or defined by"),
    ("pace", "every …"),
    ("vacuumed", "last vacuum"),
    ("analyzed", "last analyze"),
    ("wasted", "bloat size"),
    ("expected", "estimated"),
    ("vacuum", "holds back vacuum, last vacuum, next vacuum"),
];

#[test]
fn no_label_is_a_second_word_for_a_thing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src/panes", "src/app", "src/findings"] {
        collect(&root.join(folder), &mut files);
    }
    let mut found = Vec::new();
    for path in files {
        let source = fs::read_to_string(&path).expect("a source file is read");
        let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (line, text) in code.lines().enumerate() {
            // A column's title comes after its id.
            let column = text.split_once("GridColumn::").and_then(|(_, rest)| rest.split('"').nth(3));
            let pair = ["pair(\"", "pair_as(\"", "shows(\""].iter().find_map(|call| text.split_once(call));
            let pair = pair.and_then(|(_, rest)| rest.split('"').next());
            for label in column.into_iter().chain(pair) {
                let second = LABELS.iter().find(|(word, _)| *word == label);
                found.extend(
                    second.map(|(_, word)| format!("{}:{}: «{label}»; write: {word}", path.display(), line + 1)),
                );
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

impl Text {
    fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

/// Returns every text of two words or more, in the order of the files.
fn texts() -> Vec<Text> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.sort();
    let mut texts = Vec::new();
    for path in files {
        let source = fs::read_to_string(&path).expect("a source file is read");
        let file = path.strip_prefix(root).unwrap_or(&path).to_owned();
        let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let literals = literals(code).into_iter().filter(|(_, words)| is_prose(words));
        texts.extend(literals.map(|(line, words)| Text { file: file.clone(), line, words }));
    }
    assert!(texts.len() > 1000, "only {} texts were found", texts.len());
    texts
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the source is read") {
        let path = entry.expect("an entry of a folder is read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !name.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// Whether a literal is a text for people: at least two words, and no SQL.
fn is_prose(words: &str) -> bool {
    let start = words.trim_start().to_lowercase();
    let is_sql = ["select ", "select\n", "with ", "/* pgdj"].iter().any(|sql| start.starts_with(sql));
    words.trim().contains(' ') && words.chars().any(char::is_alphabetic) && !is_sql
}

/// Returns the string literals of a source file with their lines; comments and characters are skipped.
fn literals(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(place) = rest.find(['"', '/', '\'', 'r']) {
        let line = code[..code.len() - rest.len() + place].matches('\n').count() + 1;
        let before = rest[..place].chars().next_back();
        let here = &rest[place..];
        rest = if here.starts_with("//") {
            here.find('\n').map_or("", |end| &here[end..])
        } else if let Some((text, after)) = raw(here, before) {
            found.push((line, text.to_owned()));
            after
        } else if let Some(body) = here.strip_prefix('"') {
            let end = closing(body);
            found.push((line, joined(&body[..end])));
            body.get(end + 1..).unwrap_or_default()
        } else {
            &here[character(here)..]
        };
    }
    found
}

/// Returns a raw string and what follows it, if one starts here.
fn raw(here: &str, before: Option<char>) -> Option<(&str, &str)> {
    if before.is_some_and(|before| before.is_alphanumeric() || before == '_') {
        return None;
    }
    let hashes = here.strip_prefix('r')?;
    let body = hashes.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(hashes.len() - body.len()));
    body.strip_prefix('"')?.split_once(&end)
}

/// Returns where the string ends whose opening quote stands before this text.
fn closing(body: &str) -> usize {
    let mut is_escaped = false;
    for (place, sign) in body.char_indices() {
        match sign {
            '"' if !is_escaped => return place,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    body.len()
}

/// Returns the bytes to skip at a sign that starts no string: a character literal is passed over whole.
fn character(here: &str) -> usize {
    for literal in ["'\"'", "'\\\"'", "'/'", "'\\''", "'r'"] {
        if here.starts_with(literal) {
            return literal.len();
        }
    }
    1
}

/// Joins the lines of a literal that a backslash continues.
fn joined(body: &str) -> String {
    let mut parts = body.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start())
}
