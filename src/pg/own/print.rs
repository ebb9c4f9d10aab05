//! The list as a text that is itself an SQL file: each statement under comments that say what it reads and when.

use super::{GROUPS, Group, Own, body};
use crate::pg::probes::{PROBES, Pace, Probe};
use crate::sample::own;

/// Letters a line of a comment may have.
const WIDTH: usize = 110;

/// What a reader has to know first.
const HEAD: &[&str] = &[
    "Every statement that pgdj itself sends, with what it reads and when. pgdj did not connect to a server for this \
     list.",
    "",
    "This list is for reading, not for running. In the statements,",
    "  $1, $2                       are parameters, sent separately from the text;",
    "  {name}                       is replaced before the statement is sent; \"fill\" says with what;",
    "  /*? fact */ new /*: old */   sends new if the server has the fact (a column, a function), else old;",
    "  /*@ name */ public. /*@*/    sends the schema of that extension, or of that Django table;",
    "  '{}' /* own pids */          sends $1, the pids of pgdj's own sessions, to leave them out of its lists;",
    "  '-infinity' /* idle since */::timestamptz   sends pg_catalog.to_timestamp($2), the last reading of idle sessions;",
    "  '-infinity' /* new since */::timestamptz    sends pg_catalog.to_timestamp($3), the last reading of sessions;",
    "  '{}' /* known running */::bigint[]          sends $4, the pids of those that were not idle then;",
    "  '{}' /* known marks */::bigint[]            sends $1, by which only the statements that ran since are read;",
    "  '-infinity' /* least known */::float8       sends $2, where there are more statements than are read.",
    "",
    "The comment /* pgdj … */ after the first word is sent too: search for it to find the statement in \
     pg_stat_activity, pg_stat_statements and the server's log. The application_name is pgdj.",
    "",
    "{statement} is the statement that you explain. Connection parameters (role, database, client_encoding, \
     application_name, options) and cancel requests are part of the protocol, not SQL. pgdj resets no statistics, \
     changes no settings outside its own session, and writes to no table, unless you agree to run a statement that \
     writes.",
    "",
    "pgdj demo starts a private server and fills it. The statements for that are not in this list; pgdj sends them \
     to no other server.",
];

/// Returns the list.
pub fn print() -> String {
    let mut out = String::new();
    comment(&mut out, "", &format!("pgdj {}", env!("CARGO_PKG_VERSION")));
    for line in HEAD {
        comment(&mut out, "", line);
    }
    comment(&mut out, "", "");
    for (at, group) in GROUPS.iter().enumerate() {
        comment(&mut out, "", &format!("{}. {} ({})", at + 1, group.title, entries(group).len()));
    }
    for (at, group) in GROUPS.iter().enumerate() {
        out.push_str("\n\n");
        comment(&mut out, "", &format!("==== {}. {} ====", at + 1, group.title));
        comment(&mut out, "", group.guard);
        for entry in entries(group) {
            out.push('\n');
            entry.print(&mut out);
        }
    }
    out
}

/// A statement as it is printed.
struct PrintedStatement {
    name: &'static str,
    reads: &'static str,
    when: String,
    /// The comments at the head of its file: what it costs, and which rights and versions it needs.
    notes: Vec<(&'static str, &'static str)>,
    fill: Vec<String>,
    text: String,
}

fn entries(group: &Group) -> Vec<PrintedStatement> {
    let probes = PROBES.iter().filter(|probe| group.probes == Some(probe.lane));
    group.statements.iter().map(|own| of_own(own)).chain(probes.map(|probe| of_probe(probe))).collect()
}

fn of_own(own: &Own) -> PrintedStatement {
    PrintedStatement {
        name: own.name,
        reads: own.reads,
        when: own.when.to_owned(),
        notes: notes(own.sql),
        fill: own.holes.iter().map(|hole| format!("{{{}}} is {}", hole.name, hole.doc)).collect(),
        text: own.text(),
    }
}

fn of_probe(probe: &Probe) -> PrintedStatement {
    PrintedStatement {
        name: probe.name,
        reads: probe.doc,
        when: when(probe),
        notes: notes(probe.sql),
        fill: Vec::new(),
        text: own::marked(&body(probe.sql), probe.name),
    }
}

fn when(probe: &Probe) -> String {
    match probe.pace {
        Pace::Every(rest) if probe.table().is_some() => {
            format!("every {} s, and each time pgdj looks for indexes; only if it is a plain table", rest.as_secs())
        }
        Pace::Second => "with every sample, and every second between two samples".to_owned(),
        Pace::Sample => "with every sample".to_owned(),
        Pace::WhileRows(rest) => {
            format!("with every sample while it returns rows, else every {} s", rest.as_secs())
        }
        Pace::Every(rest) => format!("every {} s", rest.as_secs()),
        Pace::Asked => "when a sample has queryids whose text was not read yet; $1 is the list of them".to_owned(),
    }
}

/// Returns the comments at the head of a file, under their labels. The first is `name; cost: …; needs …; since …`.
fn notes(sql: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut lines = sql.lines().map_while(|line| line.strip_prefix("--")).map(str::trim);
    let Some((_, costs)) = lines.next().and_then(|line| line.split_once("cost: ")) else { return Vec::new() };
    let (costs, since) = costs.split_once("; since ").unwrap_or((costs, ""));
    let (costs, needs) = costs.split_once("; needs ").unwrap_or((costs, ""));
    let labelled = [("  cost:  ", costs), ("  needs: ", needs), ("  since: ", since)];
    let labelled = labelled.into_iter().filter(|(_, text)| !text.is_empty());
    labelled.chain(lines.map(|line| ("  note:  ", line))).collect()
}

impl PrintedStatement {
    fn print(&self, out: &mut String) {
        comment(out, "", self.name);
        comment(out, "  reads: ", self.reads);
        comment(out, "  when:  ", &self.when);
        for (label, note) in &self.notes {
            comment(out, label, note);
        }
        for fill in &self.fill {
            comment(out, "  fill:  ", fill);
        }
        out.push_str(self.text.trim_end());
        out.push_str(";\n");
    }
}

/// Writes a comment on as many lines as it needs; the later ones stand below the text of the first.
fn comment(out: &mut String, head: &str, text: &str) {
    let mut line = format!("-- {head}");
    let start = line.chars().count();
    for word in text.split_inclusive(' ') {
        let length = line.chars().count();
        if length > start && length + word.trim_end().chars().count() > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line = format!("-- {}", " ".repeat(start - 3));
        }
        line.push_str(word);
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_printed_once_and_every_line_is_sql_or_a_comment() {
        let text = print();
        for own in GROUPS.iter().flat_map(|group| group.statements) {
            assert_eq!(text.matches(&format!("\n-- {}\n", own.name)).count(), 1, "{}", own.name);
            assert!(text.contains(own.text().trim_end()), "{}", own.name);
        }
        for probe in PROBES {
            assert_eq!(text.matches(&format!("\n-- {}\n", probe.name)).count(), 1, "{}", probe.name);
        }
        let comments = text.lines().filter(|line| line.starts_with("--"));
        for line in comments {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn a_long_comment_goes_on_below_its_text() {
        let mut out = String::new();
        comment(&mut out, "  reads: ", &"word ".repeat(30));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.find("word") == Some(12)), "{out}");
    }
}
