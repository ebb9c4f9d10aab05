//! Finds the plans in a text: bare, as psql prints them, or in the server's log.
//!
//! A text is cut into blocks (one EXPLAIN's answer, one entry of the log), each cleaned of what psql or the log put
//! around it, and each read as JSON or as text by how it begins.

use std::borrow::Cow;

use super::json::{self, Json, ROOT};
use super::{NodeKind, Parsed, Plan, PlanFormat, Relationship, Trouble, read_json, read_text};
use crate::sample::Seconds;

/// What is read, in the words of a trouble.
const READ: &str = "pgdj reads EXPLAIN in FORMAT JSON and FORMAT TEXT";

/// Reads every plan of a text. Never fails: what was not understood is told.
pub fn parse(text: &str) -> Parsed {
    parse_within(text, 0)
}

/// How deep texts may hide in JSON in texts.
const WRAPPED: usize = 2;

fn parse_within(text: &str, depth: usize) -> Parsed {
    let mut parsed = Parsed::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A terminal sends the line breaks of pasted text as carriage returns.
    let text = &if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    if let Some(what) = other_format(text) {
        parsed.troubles.push(Trouble { line: None, what });
        return parsed;
    }
    for block in blocks(text) {
        read_block(&block, depth, &mut parsed);
    }
    if parsed.plans.is_empty() && parsed.troubles.is_empty() {
        let what = if text.trim().is_empty() {
            format!("there is no text; {READ}")
        } else {
            format!("there is no plan in this text; {READ}")
        };
        parsed.troubles.push(Trouble { line: None, what });
    }
    for plan in &parsed.plans {
        parsed.troubles.extend(missing_inputs(plan));
    }
    parsed
}

fn other_format(text: &str) -> Option<String> {
    let start = text.trim_start();
    let is_yaml = ["- Plan:", "- Query Text:", "- \"Plan\":"].iter().any(|head| start.starts_with(head));
    let name = if start.starts_with("<explain") || start.starts_with("<?xml") {
        "XML"
    } else if is_yaml {
        "YAML"
    } else {
        return None;
    };
    Some(format!("this plan is in FORMAT {name}, which pgdj does not read: {READ}; run it again with one of them"))
}

/// The lines of one answer or one log entry, each with its number.
#[derive(Debug, Default)]
struct TextBlock<'a> {
    lines: Vec<(usize, &'a str)>,
    duration: Option<Seconds>,
    /// Whether the log wrote quotes twice, as csvlog does.
    is_csv: bool,
}

fn blocks(text: &str) -> Vec<TextBlock<'_>> {
    let has_log = text.contains("duration: ") && text.contains("plan:");
    let mut blocks = vec![TextBlock::default()];
    let mut is_entry = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if has_log && let Some((duration, rest)) = log_header(line) {
            let is_csv = line.contains(",\"duration: ");
            blocks.push(TextBlock { duration: Some(duration), is_csv, ..TextBlock::default() });
            is_entry = true;
            push(&mut blocks, at, rest);
            continue;
        }
        if is_entry && starts_entry(line) {
            is_entry = false;
            blocks.push(TextBlock::default());
        }
        if has_log && !is_entry {
            continue;
        }
        if line.trim_matches(['|', '│', ' ']) == "QUERY PLAN" {
            blocks.push(TextBlock::default());
            continue;
        }
        push(&mut blocks, at, line);
    }
    blocks.retain(|block| block.lines.iter().any(|(_, line)| !line.is_empty()));
    blocks
}

fn push<'a>(blocks: &mut [TextBlock<'a>], at: usize, line: &'a str) {
    if let Some(block) = blocks.last_mut() {
        block.lines.push((at + 1, line));
    }
}

/// Returns the duration and the rest of the line where `auto_explain`'s entry begins.
fn log_header(line: &str) -> Option<(Seconds, &str)> {
    let (_, rest) = line.split_once("duration: ")?;
    let (number, rest) = rest.split_once(" ms")?;
    let rest = rest.trim_start().strip_prefix("plan:")?;
    Some((Seconds(number.trim().parse::<f64>().ok()? / 1e3), rest))
}

/// Whether the log goes on with another entry: its lines begin with a time or a prefix, those of an entry with a tab.
fn starts_entry(line: &str) -> bool {
    let is_time =
        line.get(..4).is_some_and(|year| year.bytes().all(|byte| byte.is_ascii_digit())) && line.get(4..5) == Some("-");
    let severities = [" LOG:  ", " ERROR:  ", " STATEMENT:  ", " DETAIL:  ", " FATAL:  ", " WARNING:  ", " HINT:  "];
    is_time || severities.iter().any(|severity| line.contains(severity))
}

fn read_block(block: &TextBlock<'_>, depth: usize, parsed: &mut Parsed) {
    let first = block.lines.iter().find(|(_, line)| is_json_start(bare(line)));
    let is_text = block.lines.iter().any(|(_, line)| line.contains("(cost=") || line.contains("(actual "));
    match first {
        Some((number, _)) if !is_text || block.starts_with_json() => read_json_block(block, *number, depth, parsed),
        _ => read_text_block(block, parsed),
    }
}

impl TextBlock<'_> {
    fn starts_with_json(&self) -> bool {
        let mut lines = self.lines.iter().map(|(_, line)| bare(line)).filter(|line| !is_frame(line));
        lines.next().is_some_and(is_json_start)
    }
}

fn is_json_start(line: &str) -> bool {
    line.starts_with('[') || line.starts_with('{')
}

/// Returns a line without what psql or the log put around it.
fn bare(line: &str) -> &str {
    let line = line.trim_matches(['|', '│', ' ', '\t']);
    line.trim_start_matches("#011")
}

/// Whether a line is nothing but psql's frame: a rule, `(3 rows)`, a fence of markdown.
fn is_frame(line: &str) -> bool {
    let line = line.trim();
    line.is_empty()
        || line.starts_with("```")
        || line
            .chars()
            .all(|letter| matches!(letter, '-' | '+' | '─' | '┼' | '┌' | '┐' | '└' | '┘' | '├' | '┤' | '═' | '='))
        || is_row_count(line)
}

fn is_row_count(line: &str) -> bool {
    let Some(inner) = line.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else { return false };
    let Some((number, word)) = inner.split_once(' ') else { return false };
    number.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(word, "row" | "rows" | "Zeile" | "Zeilen" | "ligne" | "lignes")
}

fn read_json_block(block: &TextBlock<'_>, from: usize, depth: usize, parsed: &mut Parsed) {
    let mut text = String::new();
    for (_, line) in block.lines.iter().filter(|(number, line)| *number >= from && !line.starts_with("```")) {
        let line = bare(line);
        // psql ends a line that goes on with + or, in Unicode, with ↵.
        let line = line.strip_suffix(['+', '↵']).map_or(line, |rest| rest.trim_end());
        text.push_str(line);
        text.push('\n');
    }
    if block.is_csv {
        text = text.replace("\"\"", "\"");
    }
    let mut rest = text.as_str();
    let mut line = from;
    loop {
        let start = rest.find(['[', '{']).filter(|start| is_line_start(rest, *start));
        let Some(value) = start.and_then(|start| rest.get(start..)) else { break };
        line += rest.get(..start.unwrap_or(0)).unwrap_or_default().matches('\n').count();
        let end = read_value(value, line, block.duration, depth, parsed);
        let Some(after) = value.get(end.max(1)..) else { break };
        line += value.get(..end.max(1)).unwrap_or_default().matches('\n').count();
        rest = after;
    }
}

fn is_line_start(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.trim_end_matches([' ', '\t', ',']).is_empty()
        || before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
}

/// Reads one JSON value; returns where it ended, or the end of the text after a fault.
fn read_value(text: &str, line: usize, duration: Option<Seconds>, depth: usize, parsed: &mut Parsed) -> usize {
    let doc = json::read(text);
    let before = parsed.plans.len();
    let mut found = read_json::plans(&doc, duration);
    parsed.plans.append(&mut found.plans);
    for hidden in found.texts.iter().filter(|_| depth < WRAPPED) {
        let mut inner = parse_within(hidden, depth + 1);
        parsed.plans.append(&mut inner.plans);
    }
    let is_empty = parsed.plans.len() == before;
    if is_empty
        && depth < WRAPPED
        && let Some(mut inner) = jsonlog(&doc, depth)
    {
        parsed.plans.append(&mut inner.plans);
        parsed.troubles.append(&mut inner.troubles);
        return doc.end;
    }
    if let Some((at, what)) = doc.fault {
        let line = line + text.get(..at).unwrap_or_default().matches('\n').count();
        let kept = if is_empty { "no plan was found before it" } else { "the part before it was read" };
        parsed.troubles.push(Trouble { line: Some(line), what: format!("{what}; {kept}") });
        return text.len();
    }
    if is_empty {
        let what = format!("this JSON holds no plan (an object with \"Plan\" in it); {READ}");
        parsed.troubles.push(Trouble { line: Some(line), what });
    }
    doc.end
}

/// Reads the message of a line of jsonlog (since 15).
fn jsonlog(doc: &json::Doc<'_>, depth: usize) -> Option<Parsed> {
    let Json::Text(message) = doc.value(doc.member(ROOT, "message")?) else { return None };
    log_header(message.lines().next()?)?;
    // The message is one entry: its lines go on to the end.
    Some(parse_within(message, depth + 1))
}

fn read_text_block(block: &TextBlock<'_>, parsed: &mut Parsed) {
    let is_log = block.duration.is_some();
    let is_bordered =
        block.lines.iter().filter(|(_, line)| !is_frame(line)).all(|(_, line)| line.starts_with(['|', '│']));
    let is_quoted = block.lines.iter().any(|(_, line)| is_in_quotes(line) && line.contains("(cost="));
    let mut lines = Vec::with_capacity(block.lines.len());
    let mut cleaned: Vec<(usize, String)> = Vec::with_capacity(block.lines.len());
    for (number, line) in block.lines.iter().filter(|(_, line)| !is_frame(line)) {
        let mut line =
            if is_log { line.strip_prefix('\t').or(line.strip_prefix("#011")).unwrap_or(line) } else { line };
        if is_bordered {
            line = line.trim_matches(['|', '│']).trim_end();
        }
        if is_quoted && is_in_quotes(line) {
            line = line.trim().trim_matches('"');
        }
        let line = line.strip_suffix(['+', '↵']).filter(|rest| rest.ends_with("  ")).map_or(line, str::trim_end);
        cleaned.push((
            *number,
            if block.is_csv || is_quoted { line.replace("\"\"", "\"") } else { line.replace('\t', "    ") },
        ));
    }
    lines.extend(cleaned.iter().map(|(number, line)| (*number, line.as_str())));
    let (plans, troubles) = read_text::plans(&lines, block.duration);
    // Prose without a plan in it is one trouble, not one a line.
    if !plans.is_empty() {
        parsed.troubles.extend(troubles);
    }
    parsed.plans.extend(plans);
}

fn is_in_quotes(line: &str) -> bool {
    let line = line.trim();
    line.len() > 1 && line.starts_with('"') && line.ends_with('"')
}

/// Tells of nodes that cannot be without inputs and are: the plan was cut.
fn missing_inputs(plan: &Plan) -> Vec<Trouble> {
    let lacking = plan.iter().filter_map(|(id, node)| {
        let needed = match node.kind {
            kind if kind.is_join() => 2,
            NodeKind::Sort | NodeKind::IncrementalSort | NodeKind::Limit | NodeKind::Gather | NodeKind::GatherMerge => {
                1
            }
            NodeKind::Aggregate
            | NodeKind::Hash
            | NodeKind::Materialize
            | NodeKind::Memoize
            | NodeKind::Unique
            | NodeKind::WindowAgg => 1,
            _ => 0,
        };
        let is_input =
            |node: &super::Node| !matches!(node.relationship, Relationship::InitPlan | Relationship::SubPlan);
        let inputs = plan.children(id).filter(|(_, child)| is_input(child)).count();
        (inputs < needed).then(|| match (plan.format, needed - inputs) {
            // A lone node is how examples are written.
            (PlanFormat::Json, _) if plan.nodes.len() == 1 => None,
            (_, 1) => Some(format!("the plan is cut: an input of {} is missing", node.node_type)),
            (_, _) => Some(format!("the plan is cut: the inputs of {} are missing", node.node_type)),
        })
    });
    lacking.flatten().take(3).map(|what| Trouble { line: None, what }).collect()
}
