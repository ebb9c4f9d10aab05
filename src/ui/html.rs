//! Plans and what is said of them as one HTML page, which needs nothing beside it: no script, no picture, no network.
//!
//! Texts come from the server: each is cleaned, then written with its markup as text. The page forbids itself to load
//! anything (`Content-Security-Policy`). Nodes stand one below the other and are moved in by their depth: a browser does not
//! open ten thousand elements within each other.

use super::text::{clean, clean_stream};
use crate::document::{Block, Document, HeadingLevel, Language, Tone};
use crate::plan::{Node, NodeKind, Plan};
use crate::sample::unit::{Count, Share};

/// A document, and the plan it is about, which is shown as a tree in place of its text.
#[derive(Debug, Clone, Copy)]
pub struct HtmlPart<'a> {
    /// What is said.
    pub document: &'a Document,
    /// The plan.
    pub plan: Option<&'a Plan>,
}

/// Levels by which a node is moved in at most: a deeper one has its level as a number.
const DEEPEST: usize = 30;

/// What a node's conditions are called.
const CONDITIONS: [&str; 14] = [
    "Index Cond",
    "Recheck Cond",
    "Filter",
    "Join Filter",
    "Hash Cond",
    "Merge Cond",
    "TID Cond",
    "One-Time Filter",
    "Sort Key",
    "Presorted Key",
    "Group Key",
    "Cache Key",
    "Subplan Name",
    "CTE Name",
];

const STYLE: &str = "
:root { color-scheme: light dark; --text: #1f2430; --muted: #5c6370; --faint: #d5d9e0; --page: #fff; --card: #f5f6f8;
  --bar: #3b7dd8; --bad: #b3261e; --warning: #8a5a00; --good: #1b6e3c; --accent: #6b3fa0; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7ee; --muted: #a0a7b4; --faint: #3a404c; --page: #15181e;
  --card: #1e222a; --bar: #5b9cf0; --bad: #ff8a80; --warning: #f2c14e; --good: #7ddc9a; --accent: #c8a6ff; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
pre { background: var(--card); padding: .8rem 1rem; overflow-x: auto; border-radius: 6px; font: 13px/1.45 ui-monospace, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.2rem; margin: .3rem 0 1rem; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
.muted { color: var(--muted); } .strong { font-weight: 600; } .accent { color: var(--accent); }
.good { color: var(--good); } .warning { color: var(--warning); } .bad { color: var(--bad); font-weight: 600; }
table { border-collapse: collapse; width: 100%; font: 13px/1.45 ui-monospace, monospace; }
th { text-align: right; color: var(--muted); font-weight: normal; padding: .15rem .8rem .15rem 0; } th.node { text-align: left; }
td { padding: .15rem .8rem .15rem 0; border-top: 1px solid var(--faint); vertical-align: top; text-align: right; white-space: nowrap; }
td.node { text-align: left; white-space: normal; padding-left: calc(var(--depth) * 1.1rem); overflow-wrap: anywhere; }
td.node .seq { color: var(--bad); font-weight: 600; } td.node .condition { color: var(--muted); display: block; }
.share { display: inline-block; width: 6rem; height: .7rem; background: var(--faint); border-radius: 2px; overflow: hidden; }
.share span { display: block; height: 100%; background: var(--bar); width: calc(var(--part) * 1%); }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--muted); }
footer { margin-top: 3rem; color: var(--muted); font-size: 13px; }
";

/// Writes the page.
pub fn write(parts: &[HtmlPart<'_>]) -> String {
    let title = parts.first().map_or("EXPLAIN", |part| part.document.title.as_str());
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        escaped(title)
    );
    for part in parts {
        out.push_str(&format!("<h1>{}</h1>\n", escaped(&part.document.title)));
        for block in &part.document.blocks {
            match (block, part.plan) {
                (Block::Code(Language::Plan, text), Some(plan)) => {
                    tree(plan, &mut out);
                    let text = code(text);
                    out.push_str(&format!(
                        "<details><summary>As psql prints it</summary>\n<pre>{text}</pre></details>\n"
                    ));
                }
                _ => write_block(block, &mut out),
            }
        }
    }
    out.push_str(&format!("<footer>pgdj {}</footer>\n</body>\n</html>\n", env!("CARGO_PKG_VERSION")));
    out
}

fn write_block(block: &Block, out: &mut String) {
    match block {
        Block::Heading(HeadingLevel::Section, text) => out.push_str(&format!("<h2>{}</h2>\n", escaped(text))),
        Block::Heading(HeadingLevel::Item, text) => out.push_str(&format!("<h3>{}</h3>\n", escaped(text))),
        Block::Text(text, tone) => out.push_str(&format!("<p{}>{}</p>\n", class(*tone), escaped(text))),
        Block::Facts(facts) => {
            out.push_str("<dl>\n");
            for fact in facts {
                let (label, value) = (escaped(&fact.label), escaped(&fact.value));
                out.push_str(&format!("<dt>{label}</dt><dd{}>{value}</dd>\n", class(fact.tone)));
            }
            out.push_str("</dl>\n");
        }
        Block::List(items, tone) => {
            out.push_str(&format!("<ul{}>\n", class(*tone)));
            for item in items {
                out.push_str(&format!("<li>{}</li>\n", escaped(item)));
            }
            out.push_str("</ul>\n");
        }
        Block::Code(_, text) => out.push_str(&format!("<pre>{}</pre>\n", code(text))),
    }
}

/// Writes a plan as rows, one a node.
fn tree(plan: &Plan, out: &mut String) {
    let unit = if plan.has_times() { "self time" } else { "cost" };
    let rows = if plan.is_analyzed() { "rows" } else { "rows, estimated" };
    out.push_str(&format!(
        "<table>\n<tr><th class=\"node\">node</th><th>share</th><th>{unit}</th><th>{rows}</th><th>estimate</th><th>loops</th></tr>\n"
    ));
    // The ends of the subtrees that a node stands in.
    let mut open: Vec<usize> = Vec::new();
    for (id, node) in plan.iter() {
        while open.last().is_some_and(|end| *end <= id) {
            open.pop();
        }
        row(node, open.len(), out);
        open.push(node.derived.subtree_end);
    }
    out.push_str("</table>\n");
}

fn row(node: &Node, depth: usize, out: &mut String) {
    let share = node.derived.share.unwrap_or_default().clamp(0.0, 1.0);
    let spent = match (node.derived.self_time, node.derived.self_cost) {
        (Some(time), _) => time.to_string(),
        (None, Some(cost)) => format!("{cost:.0}"),
        (None, None) => String::new(),
    };
    let rows =
        if node.is_never_executed() { "never executed".to_owned() } else { Count(node.rows_or_estimate()).to_string() };
    let off = node.derived.misestimate.filter(|off| off.factor >= 10.0);
    let off = off.map_or_else(String::new, |off| format!("{}× off", Count(off.factor)));
    let loops = if node.loops() == 1.0 { String::new() } else { Count(node.loops()).to_string() };
    let level = if depth > DEEPEST { format!("<span class=\"muted\">level {depth}</span> ") } else { String::new() };
    out.push_str(&format!(
        "<tr><td class=\"node\" style=\"--depth:{}\">{level}{}{}</td><td><span class=\"share\" title=\"{}\"><span \
         style=\"--part:{:.1}\"></span></span></td><td>{spent}</td><td>{rows}</td><td class=\"warning\">{off}</td><td>{loops}</td></tr>\n",
        depth.min(DEEPEST),
        name(node),
        conditions(node),
        Share(share),
        share * 100.0,
    ));
}

/// Returns what a node is: `Seq Scan on shop_order`, `Index Scan on shop_order, index shop_order_pkey`.
fn name(node: &Node) -> String {
    let class = if matches!(node.kind, NodeKind::SeqScan) { " class=\"seq\"" } else { "" };
    let mut name = format!("<span{class}>{}</span>", escaped(&node.node_type));
    if let Some(relation) = node.relation() {
        name.push_str(&format!(" on {}", escaped(relation)));
    }
    if let Some(index) = node.index() {
        name.push_str(&format!(", index {}", escaped(index)));
    }
    name
}

fn conditions(node: &Node) -> String {
    let mut out = String::new();
    for label in CONDITIONS {
        let told = match node.text(label) {
            Some(text) => text.to_owned(),
            None => node.texts(label).join(", "),
        };
        if !told.is_empty() {
            out.push_str(&format!("<span class=\"condition\">{label}: {}</span>", escaped(&told)));
        }
    }
    let removed = node.removed_by_filter();
    if removed > 0.0 {
        out.push_str(&format!(
            "<span class=\"condition warning\">removed by the filter: {} rows</span>",
            Count(removed)
        ));
    }
    out
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Muted => " class=\"muted\"",
        Tone::Strong => " class=\"strong\"",
        Tone::Accent => " class=\"accent\"",
        Tone::Good => " class=\"good\"",
        Tone::Warning => " class=\"warning\"",
        Tone::Bad => " class=\"bad\"",
    }
}

/// Returns a text on one line in which nothing is markup.
fn escaped(text: &str) -> String {
    markup_as_text(&clean(text))
}

/// The same of several lines.
fn code(text: &str) -> String {
    markup_as_text(&clean_stream(text.trim_end()))
}

fn markup_as_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(plan_text: &str) -> String {
        let plan = crate::plan::parse(plan_text).plans.remove(0);
        let mut document = Document::new("EXPLAIN </title><script>alert(1)</script>");
        document.code(Language::Plan, plan_text);
        document.text_as("An \"index\" is worth <b>building</b>", Tone::Strong);
        write(&[HtmlPart { document: &document, plan: Some(&plan) }])
    }

    #[test]
    fn nothing_of_the_server_is_markup() {
        let page = page(
            "Seq Scan on \"<img src=x onerror=alert(1)>\"  (cost=0.00..10.00 rows=1 width=8) (actual time=0.0..1.0 rows=1 loops=1)\n  \
             Filter: (note = '</pre><script>x()</script>'::text)\n  Rows Removed by Filter: 99",
        );
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"), "{page}");
        assert!(page.contains("removed by the filter: 99 rows"), "{page}");
        assert!(
            page.contains("<span class=\"seq\">Seq Scan</span> on &quot;&lt;img") || page.contains("on &lt;img"),
            "{page}"
        );
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("), "{page}");
    }

    #[test]
    fn a_plan_of_any_depth_is_rows_without_nesting() {
        let mut text = String::new();
        for depth in 0..2_000 {
            let arrow = if depth == 0 { String::new() } else { format!("{}->  ", " ".repeat(depth * 6 - 4)) };
            text.push_str(&format!("{arrow}Limit  (cost=0.00..1.00 rows=1 width=4)\n"));
        }
        let page = page(&text);
        assert_eq!(page.matches("<tr><td").count(), 2_000);
        assert!(page.contains("level 1999") && page.contains("--depth:30"), "{}", page.len());
    }
}
