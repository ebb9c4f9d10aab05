//! Documents as markdown, for an issue or a pull request.

use super::text::{clean, clean_stream};
use crate::document::{Block, Document, HeadingLevel, Language, Tone};

/// Writes documents one below the other.
pub fn write(documents: &[Document]) -> String {
    let mut out = String::new();
    for document in documents {
        out.push_str(&format!("# {}\n\n", prose(&document.title)));
        document.blocks.iter().for_each(|block| write_block(block, &mut out));
    }
    out
}

fn write_block(block: &Block, out: &mut String) {
    match block {
        Block::Heading(HeadingLevel::Section, text) => out.push_str(&format!("## {}\n\n", prose(text))),
        Block::Heading(HeadingLevel::Item, text) => out.push_str(&format!("### {}\n\n", prose(text))),
        Block::Text(text, Tone::Plain | Tone::Muted) => out.push_str(&format!("{}\n\n", prose(text))),
        Block::Text(text, _) => out.push_str(&format!("**{}**\n\n", prose(text))),
        Block::Facts(facts) => {
            let facts = facts.iter().map(|fact| format!("*{}:* {}", prose(&fact.label), prose(&fact.value)));
            list(facts, out);
        }
        Block::List(items, _) => list(items.iter().map(|item| prose(item)), out),
        Block::Code(language, code) => fence(*language, code, out),
    }
}

fn list(items: impl Iterator<Item = String>, out: &mut String) {
    items.for_each(|item| out.push_str(&format!("- {item}\n")));
    out.push('\n');
}

/// Returns a sentence on one line in which nothing is markup.
fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|' | '#') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// Adds a block of code behind a fence longer than any in it.
fn fence(language: Language, code: &str, out: &mut String) {
    let word = match language {
        Language::Sql => "sql",
        Language::Python => "python",
        Language::Json => "json",
        Language::Plan | Language::Plain => "text",
    };
    let code = clean_stream(code.trim_end());
    let longest = code.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    out.push_str(&format!("{fence}{word}\n{code}\n{fence}\n\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_no_markup() {
        assert_eq!(prose("a_b *c*\n<script> `x`"), "a\\_b \\*c\\* \\<script\\> \\`x\\`");
        let mut out = String::new();
        fence(Language::Sql, "select '```'\n", &mut out);
        assert_eq!(out, "````sql\nselect '```'\n````\n\n");
    }
}
