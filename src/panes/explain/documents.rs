//! What is read beside the tree: everything known of a node, the plan as a whole.

use super::known::ServerKnowledge;
use crate::document::Document;
use crate::plan::scans;
use crate::plan::text_label::label;
use crate::plan::{BLOCK, Blocks, Direction, Field, Node, NodeId, Plan};
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};

/// Everything known of a node: what was reckoned first, then every field the server gave.
pub(super) fn node(plan: &Plan, id: NodeId, known: &ServerKnowledge) -> Document {
    let Some(node) = plan.node(id) else { return Document::new("no node") };
    let mut document = Document::new(label(node));
    document.heading("Calculated");
    reckoned(&mut document, plan, id, node);
    table(&mut document, node, known);
    blocks(&mut document, node);
    document.heading("Raw EXPLAIN output");
    fields(&mut document, &node.fields, "");
    for worker in &node.workers {
        document.heading(&format!("Worker {}", worker.number));
        fields(&mut document, &worker.fields, "");
    }
    document
}

fn reckoned(document: &mut Document, plan: &Plan, id: NodeId, node: &Node) {
    let derived = &node.derived;
    if node.is_never_executed() {
        document.pair("loops", "never executed");
    }
    if let Some(time) = derived.self_time {
        let share = derived.share.map(|share| format!(" ({} of the total)", Share(share))).unwrap_or_default();
        document.pair("self time", &format!("{time}{share}"));
    }
    if let Some(time) = derived.total_time {
        let processes = if derived.processes > 1.0 {
            format!(", {} parallel processes", Count(derived.processes))
        } else {
            String::new()
        };
        let loops = if node.loops() > 1.0 { format!(", {} loops", Count(node.loops())) } else { String::new() };
        document.pair("total time", &format!("{time} with its inputs{loops}{processes}"));
    }
    let kept_rows = scans::kept(plan, id).unwrap_or(scans::Kept { rows: 0.0, is_at_most: false });
    let at_most = if kept_rows.is_at_most { "at most " } else { "" };
    if let (Some(actual), Some(estimate)) = (node.rows_total(), node.estimate) {
        let off = derived.misestimate.map(|off| match off.direction {
            // What something above stopped was not wrongly estimated.
            Direction::Over if derived.is_cut_short => ", stopped early".to_owned(),
            Direction::Under => format!(", underestimated {}×", Count(off.factor)),
            Direction::Over => format!(", overestimated {}×", Count(off.factor)),
            Direction::Exact => String::new(),
        });
        let off = off.unwrap_or_default();
        let (each, loops) = (Count(estimate.rows), node.loops());
        let actual = if loops > 1.0 {
            format!("{} per loop ({at_most}{} in total)", Count(actual / loops), Count(kept_rows.rows))
        } else {
            Count(actual).to_string()
        };
        document.pair("rows", &format!("{actual} actual, {each} estimated{off}"));
    }
    let read = node.rows_total().unwrap_or(0.0) + node.removed_by_filter();
    if node.removed_by_filter() > 0.0 {
        let kept = if kept_rows.is_at_most {
            format!("at most {}", Count(kept_rows.rows))
        } else {
            Share(kept_rows.rows / read.max(1.0)).to_string()
        };
        document.pair(
            "filter",
            &format!("{} of {} rows removed, {kept} kept", Count(node.removed_by_filter()), Count(read)),
        );
    }
    if let Some(cost) = derived.self_cost {
        document.pair("self cost", &format!("{} of {}", Count(cost), Count(plan.total_cost().unwrap_or(0.0))));
    }
    let charged = derived.charged_to.filter(|to| plan.node(id).and_then(|node| node.parent) != Some(*to));
    if let Some(to) = charged.and_then(|to| plan.node(to)) {
        document.pair("time counted in", &label(to));
    }
    if derived.is_cut_short {
        document.pair("stopped early", "possibly: a node above needs only its first rows");
    }
}

fn table(document: &mut Document, node: &Node, known: &ServerKnowledge) {
    let facts = known.context.table(node);
    if facts.is_none() && known.model(node).is_none() {
        return;
    }
    document.heading("The table");
    if let Some(model) = known.model(node) {
        document.pair("model", model);
    }
    if let Some(size) = known.size(node) {
        document.pair("size", &size.to_string());
    }
    let Some(facts) = facts else { return };
    let mut count = |label: &str, count: Option<f64>| {
        if let Some(count) = count {
            document.pair(label, &Count(count).to_string());
        }
    };
    count("live rows", facts.rows);
    count("dead rows", facts.dead);
    count("changed since ANALYZE", facts.modified_since_analyze);
    for index in &facts.indexes {
        document.pair(&index.name, &index.keys.join(", "));
    }
}

fn blocks(document: &mut Document, node: &Node) {
    let own = node.derived.self_buffers;
    if node.buffers.is_empty() {
        return;
    }
    document.heading("Buffers (this node only)");
    for (name, blocks) in [("shared", own.shared), ("local", own.local), ("temp", own.temp)] {
        if blocks != Blocks::default() {
            let parts =
                [("hit", blocks.hit), ("read", blocks.read), ("dirtied", blocks.dirtied), ("written", blocks.written)];
            let told = parts.iter().filter(|(_, count)| *count > 0.0);
            let told: Vec<String> = told.map(|(what, count)| format!("{} {what}", Bytes(count * BLOCK))).collect();
            document.pair(name, &told.join(", "));
        }
    }
    if node.io.total().0 > 0.0 {
        let over = if node.derived.processes > 1.0 { ", summed over the processes" } else { "" };
        document.pair("I/O time including inputs", &format!("{}{over}", node.io.total()));
    }
}

fn fields(document: &mut Document, fields: &[(crate::plan::Name, Field)], prefix: &str) {
    for (name, field) in fields.iter().filter(|(name, _)| name != "Workers") {
        match field {
            Field::Group(members) => self::fields(document, members, &format!("{prefix}{name}: ")),
            field => document.pair(&format!("{prefix}{name}"), &field.to_string()),
        }
    }
}

/// The plan as a whole: what is to be known of how it came, where the time went beside the nodes, and every field the server gave.
pub(super) fn whole(plan: &Plan, notes: &[String]) -> Document {
    let mut document = Document::new("The plan");
    if !notes.is_empty() {
        document.heading("Notes");
    }
    for note in notes {
        document.text(note);
    }
    document.heading("Where the time goes");
    let mut time = |label: &str, time: Option<Seconds>| {
        if let Some(time) = time.filter(|time| time.0 > 0.0) {
            document.pair(label, &time.to_string());
        }
    };
    time("planning", plan.planning_time);
    time("execution", plan.execution_time);
    time("in the nodes", plan.has_times().then_some(plan.accounts.nodes));
    time("in triggers", Some(plan.accounts.triggers));
    time("start-up, end, sending rows", plan.execution_time.map(|_| plan.accounts.rest));
    time("compilation (JIT)", plan.jit.and_then(|jit| jit.total));
    time("serialization", plan.serialization);
    for trigger in &plan.triggers {
        let name = trigger.constraint.as_deref().unwrap_or(&trigger.name);
        let took = trigger.time.map(|time| time.to_string()).unwrap_or_default();
        document.pair(&format!("trigger {name}"), &format!("{took} in {}", Count(trigger.calls).of("call", "calls")));
    }
    document.heading("Raw EXPLAIN output");
    fields(&mut document, &plan.fields, "");
    document
}
