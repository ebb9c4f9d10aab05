//! The line of a node in FORMAT TEXT, both ways: `Parallel Seq Scan on shop_order o  (cost=… rows=… width=…)`.

use super::field::{Field, Fields};
use super::node::{KINDS, Node, NodeKind};
use crate::quote::ident_as_printed;

/// Whether the line ends with the figures of a node.
pub(crate) fn has_figures(text: &str) -> bool {
    text.ends_with(')') && (text.contains("(cost=") || text.contains("(actual ") || text.contains("(never executed)"))
}

/// Whether the figures, where there are any, are all there.
pub(crate) fn is_whole(text: &str) -> bool {
    text.ends_with(')') || !(text.contains("(cost=") || text.contains("(actual "))
}

/// Whether a line in front of a plan is something else: what a client or a person wrote there.
pub(crate) fn looks_unlike_plan(text: &str) -> bool {
    !text.contains("(cost=") && !text.contains("->")
}

/// Returns the name on a line before the root of a subplan: `InitPlan 1 (returns $0)`, `SubPlan 2`, `CTE recent`.
pub(crate) fn subplan(text: &str) -> Option<&str> {
    let is_name = ["InitPlan ", "SubPlan ", "CTE "].iter().any(|start| text.starts_with(start));
    (is_name && !text.contains(": ") && !has_figures(text)).then_some(text)
}

/// Returns the fields of a node's line, its kind among them, or `None` if the line names no kind of node.
pub(crate) fn fields(text: &str) -> Option<(NodeKind, Fields)> {
    let starts = ["  (cost=", " (cost=", "  (actual ", " (actual ", "  (never executed)", " (never executed)"];
    let start = starts.iter().find_map(|start| text.rfind(start));
    let (label, figures) = text.split_at(start.unwrap_or(text.len()));
    let mut fields = label_fields(label.trim())?;
    let kind = fields.first().and_then(|(_, field)| field.as_text()).map_or(NodeKind::Other, NodeKind::of);
    figures_fields(&mut fields, figures);
    Some((kind, fields))
}

fn text_field(fields: &mut Fields, name: &'static str, value: &str) {
    fields.push((name.into(), Field::Text(value.to_owned())));
}

fn label_fields(label: &str) -> Option<Fields> {
    let mut fields = Fields::new();
    let (is_async, rest) = strip(label, "Async ");
    let (is_parallel, rest) = strip(rest, "Parallel ");
    if !operation(&mut fields, rest) && !join(&mut fields, rest) && !aggregate(&mut fields, rest) {
        scan(&mut fields, rest)?;
    }
    fields.push(("Parallel Aware".into(), Field::Bool(is_parallel)));
    if is_async {
        fields.push(("Async Capable".into(), Field::Bool(true)));
    }
    Some(fields)
}

fn strip<'a>(text: &'a str, start: &str) -> (bool, &'a str) {
    text.strip_prefix(start).map_or((false, text), |rest| (true, rest))
}

/// Returns the table on a line below a `ModifyTable` that changes several: `Update on shop_event_1 e_1`.
pub(crate) fn target_table(text: &str) -> Option<Field> {
    let mut fields = Fields::new();
    if !operation(&mut fields, text) {
        return None;
    }
    fields.retain(|(name, _)| name != "Node Type" && name != "Operation");
    Some(Field::Group(fields))
}

const OPERATIONS: &[&str] = &["Insert", "Update", "Delete", "Merge"];

fn operation(fields: &mut Fields, label: &str) -> bool {
    let (is_foreign, rest) = strip(label, "Foreign ");
    let Some((operation, target)) = rest.split_once(" on ") else { return false };
    if !OPERATIONS.contains(&operation) {
        return false;
    }
    text_field(fields, "Node Type", if is_foreign { "Foreign Scan" } else { "ModifyTable" });
    text_field(fields, "Operation", operation);
    relation(fields, target);
    true
}

fn join(fields: &mut Fields, label: &str) -> bool {
    let (node_type, rest) = if let Some(rest) = label.strip_prefix("Nested Loop") {
        ("Nested Loop", rest)
    } else if let Some(rest) = label.strip_prefix("Merge ").filter(|rest| rest.ends_with("Join")) {
        ("Merge Join", rest)
    } else if let Some(rest) = label.strip_prefix("Hash ").filter(|rest| rest.ends_with("Join")) {
        ("Hash Join", rest)
    } else {
        return false;
    };
    let join_type = rest.trim().trim_end_matches("Join").trim();
    text_field(fields, "Node Type", node_type);
    text_field(fields, "Join Type", if join_type.is_empty() { "Inner" } else { join_type });
    true
}

const STRATEGIES: &[(&str, &str)] =
    &[("Aggregate", "Plain"), ("GroupAggregate", "Sorted"), ("HashAggregate", "Hashed"), ("MixedAggregate", "Mixed")];

fn aggregate(fields: &mut Fields, label: &str) -> bool {
    let (is_partial, rest) = strip(label, "Partial ");
    let (is_final, rest) = strip(rest, "Finalize ");
    if let Some((_, strategy)) = STRATEGIES.iter().find(|(name, _)| *name == rest) {
        text_field(fields, "Node Type", "Aggregate");
        text_field(fields, "Strategy", strategy);
        let mode = if is_partial { "Partial" } else { "Simple" };
        text_field(fields, "Partial Mode", if is_final { "Finalize" } else { mode });
        return true;
    }
    let (is_hashed, rest) = strip(label, "Hash");
    let Some(command) = rest.strip_prefix("SetOp ") else { return false };
    text_field(fields, "Node Type", "SetOp");
    text_field(fields, "Strategy", if is_hashed { "Hashed" } else { "Sorted" });
    text_field(fields, "Command", command);
    true
}

fn scan(fields: &mut Fields, label: &str) -> Option<()> {
    if let Some(rest) = label.strip_prefix("Custom Scan (") {
        let (provider, target) = rest.split_once(')')?;
        text_field(fields, "Node Type", "Custom Scan");
        text_field(fields, "Custom Plan Provider", provider);
        if let Some(target) = target.strip_prefix(" on ") {
            relation(fields, target);
        }
        return Some(());
    }
    let (node_type, kind) =
        KINDS.iter().filter(|(name, _)| label.starts_with(name)).max_by_key(|(name, _)| name.len())?;
    let rest = label.get(node_type.len()..)?;
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    text_field(fields, "Node Type", node_type);
    let (is_backward, rest) = strip(rest, " Backward");
    if matches!(kind, NodeKind::IndexScan | NodeKind::IndexOnlyScan) {
        text_field(fields, "Scan Direction", if is_backward { "Backward" } else { "Forward" });
    }
    let target = match rest.strip_prefix(" using ") {
        Some(rest) => {
            let (index, rest) = identifier(rest)?;
            text_field(fields, "Index Name", &index);
            rest.strip_prefix(" on ")
        }
        None => rest.strip_prefix(" on "),
    };
    match (target, kind) {
        (None, _) => {}
        (Some(target), NodeKind::BitmapIndexScan) => text_field(fields, "Index Name", &identifier(target)?.0),
        (Some(target), NodeKind::SubqueryScan | NodeKind::ValuesScan) => {
            text_field(fields, "Alias", &identifier(target)?.0);
        }
        (Some(target), NodeKind::FunctionScan) => named(fields, "Function Name", target),
        (Some(target), NodeKind::TableFunctionScan) => named(fields, "Table Function Name", target),
        (Some(target), NodeKind::CteScan | NodeKind::WorkTableScan) => named(fields, "CTE Name", target),
        (Some(target), NodeKind::NamedTuplestoreScan) => named(fields, "Tuplestore Name", target),
        (Some(target), _) => relation(fields, target),
    }
    Some(())
}

fn relation(fields: &mut Fields, target: &str) {
    named(fields, "Relation Name", target);
}

/// Reads `schema.name alias`; an alias like the name is not written.
fn named(fields: &mut Fields, name: &'static str, target: &str) {
    let Some((mut first, mut rest)) = identifier(target) else { return };
    let mut schema = None;
    if let Some((second, after)) = rest.strip_prefix('.').and_then(identifier) {
        schema = Some(std::mem::replace(&mut first, second));
        rest = after;
    }
    text_field(fields, name, &first);
    if let Some(schema) = schema {
        text_field(fields, "Schema", &schema);
    }
    let alias = rest.strip_prefix(' ').and_then(identifier).map_or(first, |(alias, _)| alias);
    text_field(fields, "Alias", &alias);
}

/// Reads a name as `quote_identifier` writes it; returns it without its quotes, and the rest.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '.']).unwrap_or(text.len());
        return (end > 0)
            .then(|| (text.get(..end).unwrap_or_default().to_owned(), text.get(end..).unwrap_or_default()));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

/// Reads `(cost=0.00..1.00 rows=1 width=4) (actual time=0.1..0.2 rows=1 loops=1)`.
fn figures_fields(fields: &mut Fields, figures: &str) {
    if figures.contains("(never executed)") {
        let zero = |name: &'static str| (name.into(), Field::Whole(0));
        fields.extend([zero("Actual Rows"), zero("Actual Loops")]);
    }
    for group in figures.split('(').skip(1) {
        let is_actual = group.starts_with("actual");
        for word in group.trim_end().trim_end_matches(')').split_whitespace() {
            let Some((name, value)) = word.split_once('=') else { continue };
            match (name, value.split_once("..")) {
                ("cost", Some((startup, total))) => {
                    number(fields, "Startup Cost", startup);
                    number(fields, "Total Cost", total);
                }
                ("time", Some((startup, total))) => {
                    number(fields, "Actual Startup Time", startup);
                    number(fields, "Actual Total Time", total);
                }
                ("rows", _) => number(fields, if is_actual { "Actual Rows" } else { "Plan Rows" }, value),
                ("width", _) => number(fields, "Plan Width", value),
                ("loops", _) => number(fields, "Actual Loops", value),
                _ => {}
            }
        }
    }
}

fn number(fields: &mut Fields, name: &'static str, written: &str) {
    let field = Field::number(written);
    if field.as_f64().is_some() {
        fields.push((name.into(), field));
    }
}

/// Returns the name of a node as the text form has it: `Parallel Seq Scan on shop_order o`, `Hash Left Join`.
pub fn label(node: &Node) -> String {
    let mut label = String::new();
    for (name, word) in [("Async Capable", "Async "), ("Parallel Aware", "Parallel ")] {
        label.push_str(if node.is_true(name) { word } else { "" });
    }
    label.push_str(&kind_label(node));
    if node.is_backward() {
        label.push_str(" Backward");
    }
    if let (Some(index), true) = (node.index(), matches!(node.kind, NodeKind::IndexScan | NodeKind::IndexOnlyScan)) {
        label.push_str(" using ");
        label.push_str(&ident_as_printed(index));
    }
    if let Some(target) = target(node) {
        label.push_str(" on ");
        label.push_str(&target);
    }
    label
}

fn kind_label(node: &Node) -> String {
    match node.kind {
        NodeKind::Aggregate => {
            let strategy = node.strategy().unwrap_or("Plain");
            let name =
                STRATEGIES.iter().find(|(_, known)| *known == strategy).map_or("Aggregate ???", |(name, _)| *name);
            match node.partial_mode() {
                Some(mode @ ("Partial" | "Finalize")) => format!("{mode} {name}"),
                _ => name.to_owned(),
            }
        }
        NodeKind::SetOp => {
            let hash = if node.strategy() == Some("Hashed") { "Hash" } else { "" };
            format!("{hash}SetOp {}", node.text("Command").unwrap_or_default()).trim_end().to_owned()
        }
        NodeKind::ModifyTable => node.operation().unwrap_or("ModifyTable").to_owned(),
        NodeKind::ForeignScan => match node.operation() {
            Some(operation) if operation != "Select" => format!("Foreign {operation}"),
            _ => "Foreign Scan".to_owned(),
        },
        NodeKind::CustomScan => match node.text("Custom Plan Provider") {
            Some(provider) => format!("Custom Scan ({provider})"),
            None => "Custom Scan".to_owned(),
        },
        NodeKind::NestedLoop | NodeKind::HashJoin | NodeKind::MergeJoin => {
            let name = node.node_type.trim_end_matches(" Join");
            match node.join_type().unwrap_or("Inner") {
                "Inner" => node.node_type.to_string(),
                other => format!("{name} {other} Join"),
            }
        }
        _ => node.node_type.to_string(),
    }
}

fn target(node: &Node) -> Option<String> {
    if node.kind == NodeKind::BitmapIndexScan {
        return node.index().map(ident_as_printed);
    }
    let names = ["Relation Name", "Function Name", "Table Function Name", "CTE Name", "Tuplestore Name"];
    let name = names.iter().find_map(|name| node.text(name));
    let alias = node.text("Alias");
    let mut target = String::new();
    if let (Some(schema), Some(_)) = (node.schema(), name) {
        target.push_str(&ident_as_printed(schema));
        target.push('.');
    }
    match (name, alias) {
        (Some(name), Some(alias)) if name != alias => {
            target.push_str(&ident_as_printed(name));
            target.push(' ');
            target.push_str(&ident_as_printed(alias));
        }
        (Some(name), _) => target.push_str(&ident_as_printed(name)),
        (None, Some(alias)) => target.push_str(&ident_as_printed(alias)),
        (None, None) => return None,
    }
    Some(target)
}
