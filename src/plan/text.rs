//! A plan in FORMAT TEXT, as psql prints it, made from its fields.
//!
//! The server writes both forms in one pass, so the order of the fields is the order of the lines. Source:
//! `src/backend/commands/explain.c`.

use super::field::{self, Field, Fields, Name};
use super::text_label::label;
use super::{Node, NodeId, NodeKind, Plan, Relationship};
use crate::quote::ident_as_printed;

/// The deepest level that is indented.
///
/// A plan of 10,000 levels would be gigabytes of blanks. Deeper lines stand where this level stands, and a node names
/// its own: `[57] ->  Seq Scan on t`; the reader of texts understands that.
const DEEPEST: usize = 32;

/// Returns the lines of a plan without psql's frame.
pub fn lines(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::with_capacity(plan.nodes.len() * 2);
    each_line(plan, |line| lines.push(line));
    lines
}

/// Gives the lines one by one: those of a deep plan are too many to be held more than once.
fn each_line(plan: &Plan, mut give: impl FnMut(String)) {
    let mut lines: Vec<String> = Vec::new();
    let is_verbose = plan.nodes.iter().any(|node| node.field("Output").is_some());
    let mut ahead: Vec<(NodeId, usize)> = vec![(0, 0)];
    while let Some((id, indent)) = ahead.pop() {
        let Some(node) = plan.node(id) else { continue };
        let mut at = indent;
        if node.parent.is_some() {
            let is_deep = node.depth > DEEPEST;
            let level = if is_deep { format!("[{}] ", node.depth) } else { String::new() };
            if let Some(name) = node.subplan_name() {
                lines.push(format!("{:at$}{level}{name}", ""));
                at += if is_deep { 0 } else { 2 };
            }
            lines.push(format!("{:at$}{level}->  {}", "", head(node)));
            at += if is_deep { 0 } else { 6 };
        } else {
            lines.push(head(node));
            at += 2;
        }
        let mut out = Out { lines: &mut lines, indent: at, kind: node.kind, is_verbose };
        out.fields(&node.fields);
        lines.drain(..).for_each(&mut give);
        ahead.extend(in_order(plan, id).into_iter().rev().map(|child| (child, at)));
    }
    plan_lines(plan, &mut lines);
    lines.drain(..).for_each(give);
}

/// Returns the text with psql's head, rule and count.
pub fn psql(plan: &Plan) -> String {
    const HEAD: &str = "QUERY PLAN";
    let (mut width, mut count) = (HEAD.len(), 0_usize);
    each_line(plan, |line| {
        width = line.split('\n').map(|row| row.chars().count()).fold(width, usize::max);
        count += 1;
    });
    width += 2;
    let mut text = String::new();
    let mut give = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    // Not by `{:^width$}`, which panics beyond 65,535 columns: a condition may be longer.
    let before = (width - HEAD.len()) / 2;
    give(&format!("{}{HEAD}{}", " ".repeat(before), " ".repeat(width - HEAD.len() - before)));
    give(&"-".repeat(width));
    each_line(plan, |line| {
        let mut rows = line.split('\n').peekable();
        while let Some(row) = rows.next() {
            // psql marks the end of a line inside a value.
            give(&format!(" {row}{}", if rows.peek().is_some() { " +" } else { "" }));
        }
    });
    give(&format!("({count} row{})", if count == 1 { "" } else { "s" }));
    text
}

/// Returns the children as the text orders them: `InitPlans`, inputs, `SubPlan`s.
fn in_order(plan: &Plan, id: NodeId) -> Vec<NodeId> {
    let mut children: Vec<(u8, NodeId)> = plan
        .children(id)
        .map(|(child, node)| match node.relationship {
            Relationship::InitPlan => (0, child),
            Relationship::SubPlan => (2, child),
            _ => (1, child),
        })
        .collect();
    children.sort_by_key(|(order, _)| *order);
    children.into_iter().map(|(_, child)| child).collect()
}

/// Returns the line of a node: its label and its figures.
pub fn head(node: &Node) -> String {
    let mut head = label(node);
    let show = |name: &str| node.field(name).map(ToString::to_string);
    if let (Some(startup), Some(total)) = (show("Startup Cost"), show("Total Cost")) {
        let (rows, width) = (show("Plan Rows").unwrap_or_default(), show("Plan Width").unwrap_or_default());
        head.push_str(&format!("  (cost={startup}..{total} rows={rows} width={width})"));
    }
    let Some(actual) = node.actual else { return head };
    if actual.loops == 0.0 {
        head.push_str(" (never executed)");
        return head;
    }
    head.push_str(" (");
    head.push_str(&actual_text(&node.fields));
    head.push(')');
    head
}

fn actual_text(fields: &[(Name, Field)]) -> String {
    let show = |name: &str| field::find(fields, name).map(ToString::to_string).unwrap_or_default();
    let times = match field::find(fields, "Actual Total Time") {
        Some(total) => format!("time={}..{total} ", show("Actual Startup Time")),
        None => String::new(),
    };
    format!("actual {times}rows={} loops={}", show("Actual Rows"), show("Actual Loops"))
}

/// Fields that are in the line of a node, or that the text does not have.
const IN_HEAD: &[&str] = &[
    "Node Type",
    "Strategy",
    "Partial Mode",
    "Operation",
    "Parent Relationship",
    "Subplan Name",
    "Custom Plan Provider",
    "Parallel Aware",
    "Async Capable",
    "Scan Direction",
    "Index Name",
    "Relation Name",
    "Function Name",
    "Table Function Name",
    "CTE Name",
    "Tuplestore Name",
    "Schema",
    "Alias",
    "Join Type",
    "Command",
    "Startup Cost",
    "Total Cost",
    "Plan Rows",
    "Plan Width",
    "Actual Startup Time",
    "Actual Total Time",
    "Actual Rows",
    "Actual Loops",
    "Worker Number",
    "Sort Space Used",
    "Sort Space Type",
    "Original Hash Buckets",
    "Hash Batches",
    "Original Hash Batches",
    "Peak Memory Usage",
    "Disk Usage",
    "Cache Misses",
    "Cache Evictions",
    "Cache Overflows",
    "Maximum Storage",
    "Memory Allocated",
    "Tuples Updated",
    "Tuples Deleted",
    "Tuples Skipped",
];

/// Fields that the text has only if they are not zero or false.
const IF_ANY: &[&str] = &[
    "Rows Removed by Filter",
    "Rows Removed by Join Filter",
    "Rows Removed by Index Recheck",
    "Rows Removed by Conflict Filter",
    "Subplans Removed",
    "Disabled",
    "Single Copy",
];

struct Out<'a> {
    lines: &'a mut Vec<String>,
    indent: usize,
    kind: NodeKind,
    is_verbose: bool,
}

impl Out<'_> {
    fn line(&mut self, text: &str) {
        self.lines.push(format!("{:indent$}{text}", "", indent = self.indent));
    }

    fn fields(&mut self, fields: &Fields) {
        let mut usage = false;
        for (name, value) in fields.iter().filter(|(name, _)| !IN_HEAD.contains(&name.as_ref())) {
            let is_usage = name.ends_with(" Blocks") || name.contains("I/O") || name.starts_with("WAL ");
            if is_usage && !name.ends_with("Heap Blocks") {
                if !usage {
                    usage = true;
                    self.usage(fields);
                }
                continue;
            }
            if let Some(text) = self.field(fields, name, value) {
                self.line(&text);
            }
        }
    }

    /// Returns the line of a field; a field that shares a line with others gives it at the first of them.
    fn field(&mut self, fields: &Fields, name: &str, value: &Field) -> Option<String> {
        let number = value.as_f64();
        let is_nothing = number == Some(0.0) || value.as_bool() == Some(false) || *value == Field::List(Vec::new());
        match name {
            _ if IF_ANY.contains(&name) && is_nothing => None,
            "Inner Unique" => (self.is_verbose && !is_nothing).then(|| format!("{name}: {value}")),
            "Sort Method" => Some(sort(fields, value)),
            "Hash Buckets" => Some(hash(fields)),
            "Planned Partitions" | "HashAgg Batches" => aggregate(fields, name),
            "Cache Hits" => Some(cache(fields)),
            "Exact Heap Blocks" | "Lossy Heap Blocks" => heap_blocks(fields, name),
            "Storage" => Some(format!("Storage: {value}  Maximum Storage: {}kB", show(fields, "Maximum Storage"))),
            "Full-sort Groups" | "Pre-sorted Groups" => Some(groups(name, value.members())),
            "Workers" => self.workers(value),
            "Target Tables" => self.targets(fields, value),
            "Grouping Sets" => self.grouping_sets(value),
            "Hash Keys" | "Group Keys" => self.keys(name, value),
            "Tuples Inserted"
                if self.kind == NodeKind::ModifyTable && field::find(fields, "Tuples Updated").is_some() =>
            {
                merged(fields)
            }
            "Sampling Method" => Some(sampling(fields)),
            "Sampling Parameters" | "Repeatable Seed" => None,
            "Memory Used" => Some(memory(fields)),
            // The text names the workers' share of it only in the workers' lines.
            "JIT" => None,
            _ => Some(format!("{name}: {value}")),
        }
    }

    fn usage(&mut self, fields: &Fields) {
        for line in [buffers(fields), timings(fields), wal(fields)].into_iter().flatten() {
            self.line(&line);
        }
    }

    fn workers(&mut self, value: &Field) -> Option<String> {
        for worker in value.items().iter().map(Field::members) {
            let name = format!("Worker {}:  ", show(worker, "Worker Number"));
            let has_times = field::find(worker, "Actual Loops").is_some();
            let first = self.lines.len();
            self.indent += if has_times { 2 } else { 0 };
            self.fields(&worker.to_vec());
            self.indent -= if has_times { 2 } else { 0 };
            if has_times {
                let head = format!("{:indent$}{name}{}", "", actual_text(worker), indent = self.indent);
                self.lines.insert(first, head);
            } else if let Some(line) = self.lines.get_mut(first) {
                line.insert_str(self.indent.min(line.len()), &name);
            }
        }
        None
    }

    fn targets(&mut self, fields: &Fields, value: &Field) -> Option<String> {
        for target in value.items().iter().map(Field::members) {
            let mut name = String::new();
            if let Some(schema) = field::text(target, "Schema") {
                name = format!("{}.", ident_as_printed(schema));
            }
            let relation = field::text(target, "Relation Name").unwrap_or_default();
            name.push_str(&ident_as_printed(relation));
            if let Some(alias) = field::text(target, "Alias").filter(|alias| *alias != relation) {
                name.push(' ');
                name.push_str(&ident_as_printed(alias));
            }
            self.line(&format!("{} on {name}", show(fields, "Operation")));
        }
        None
    }

    fn grouping_sets(&mut self, value: &Field) -> Option<String> {
        for set in value.items().iter().map(Field::members) {
            if let Some(sort) = field::find(set, "Sort Key") {
                self.line(&format!("Sort Key: {sort}"));
            }
            for (name, keys) in set.iter().filter(|(name, _)| name.ends_with("Keys")) {
                self.indent += if field::find(set, "Sort Key").is_some() { 2 } else { 0 };
                self.keys(name, keys);
                self.indent -= if field::find(set, "Sort Key").is_some() { 2 } else { 0 };
            }
        }
        None
    }

    fn keys(&mut self, name: &str, value: &Field) -> Option<String> {
        for key in value.items() {
            let text = if key.items().is_empty() { "()".to_owned() } else { key.to_string() };
            self.line(&format!("{}: {text}", name.trim_end_matches('s')));
        }
        None
    }
}

fn show(fields: &[(Name, Field)], name: &str) -> String {
    field::find(fields, name).map(ToString::to_string).unwrap_or_default()
}

fn some(fields: &[(Name, Field)], name: &str) -> Option<f64> {
    field::number(fields, name).filter(|number| *number > 0.0)
}

fn sort(fields: &Fields, method: &Field) -> String {
    format!("Sort Method: {method}  {}: {}kB", show(fields, "Sort Space Type"), show(fields, "Sort Space Used"))
}

fn hash(fields: &Fields) -> String {
    let both = |name: &str| {
        let (now, was) = (show(fields, &format!("Hash {name}")), show(fields, &format!("Original Hash {name}")));
        if now == was { now } else { format!("{now} (originally {was})") }
    };
    let is_changed = ["Buckets", "Batches"].iter().any(|name| both(name).contains("originally"));
    let (mut buckets, mut batches) = (both("Buckets"), both("Batches"));
    if is_changed {
        // Both originals are shown as soon as one of them changed.
        buckets = format!("{} (originally {})", show(fields, "Hash Buckets"), show(fields, "Original Hash Buckets"));
        batches = format!("{} (originally {})", show(fields, "Hash Batches"), show(fields, "Original Hash Batches"));
    }
    format!("Buckets: {buckets}  Batches: {batches}  Memory Usage: {}kB", show(fields, "Peak Memory Usage"))
}

fn aggregate(fields: &Fields, name: &str) -> Option<String> {
    let batches = some(fields, "HashAgg Batches");
    let partitions = some(fields, "Planned Partitions");
    if name == "HashAgg Batches" && field::find(fields, "Planned Partitions").is_some() {
        return None;
    }
    let mut parts = Vec::new();
    if partitions.is_some() {
        parts.push(format!("Planned Partitions: {}", show(fields, "Planned Partitions")));
    }
    if batches.is_some() {
        parts.push(format!("Batches: {}", show(fields, "HashAgg Batches")));
        parts.push(format!("Memory Usage: {}kB", show(fields, "Peak Memory Usage")));
        if some(fields, "Disk Usage").is_some() {
            parts.push(format!("Disk Usage: {}kB", show(fields, "Disk Usage")));
        }
    }
    (!parts.is_empty()).then(|| parts.join("  "))
}

fn cache(fields: &Fields) -> String {
    let count = |name: &str| show(fields, &format!("Cache {name}"));
    format!(
        "Hits: {}  Misses: {}  Evictions: {}  Overflows: {}  Memory Usage: {}kB",
        count("Hits"),
        count("Misses"),
        count("Evictions"),
        count("Overflows"),
        show(fields, "Peak Memory Usage")
    )
}

fn heap_blocks(fields: &Fields, name: &str) -> Option<String> {
    if name == "Lossy Heap Blocks" && field::find(fields, "Exact Heap Blocks").is_some() {
        return None;
    }
    let parts: Vec<String> = [("exact", "Exact Heap Blocks"), ("lossy", "Lossy Heap Blocks")]
        .iter()
        .filter(|(_, name)| some(fields, name).is_some())
        .map(|(word, name)| format!("{word}={}", show(fields, name)))
        .collect();
    (!parts.is_empty()).then(|| format!("Heap Blocks: {}", parts.join(" ")))
}

fn groups(name: &str, group: &[(Name, Field)]) -> String {
    let methods = field::find(group, "Sort Methods Used");
    let plural = if methods.is_some_and(|methods| methods.items().len() > 1) { "s" } else { "" };
    let methods = methods.map(ToString::to_string).unwrap_or_default();
    let mut text = format!("{name}: {}  Sort Method{plural}: {methods}", show(group, "Group Count"));
    for word in ["Memory", "Disk"] {
        let Some(space) = field::find(group, &format!("Sort Space {word}")).map(Field::members) else { continue };
        let (average, peak) = (show(space, "Average Sort Space Used"), show(space, "Peak Sort Space Used"));
        text.push_str(&format!("  Average {word}: {average}kB  Peak {word}: {peak}kB"));
    }
    text
}

fn merged(fields: &Fields) -> Option<String> {
    let parts: Vec<String> = ["inserted", "updated", "deleted", "skipped"]
        .iter()
        .filter_map(|word| {
            let name = format!("Tuples {}{}", word.get(..1)?.to_uppercase(), word.get(1..)?);
            some(fields, &name).map(|_| format!("{word}={}", show(fields, &name)))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("Tuples: {}", parts.join(" ")))
}

fn sampling(fields: &Fields) -> String {
    let (method, parameters) = (show(fields, "Sampling Method"), show(fields, "Sampling Parameters"));
    let seed = field::find(fields, "Repeatable Seed").map(|seed| format!(" REPEATABLE ({seed})")).unwrap_or_default();
    format!("Sampling: {method} ({parameters}){seed}")
}

fn memory(fields: &Fields) -> String {
    format!("Memory: used={}kB  allocated={}kB", show(fields, "Memory Used"), show(fields, "Memory Allocated"))
}

fn buffers(fields: &[(Name, Field)]) -> Option<String> {
    let sorts = ["Shared", "Local", "Temp"];
    let parts: Vec<String> = sorts
        .iter()
        .filter_map(|sort| {
            let words = ["Hit", "Read", "Dirtied", "Written"].iter().filter_map(|word| {
                let name = format!("{sort} {word} Blocks");
                some(fields, &name).map(|_| format!(" {}={}", word.to_lowercase(), show(fields, &name)))
            });
            let words: String = words.collect();
            (!words.is_empty()).then(|| format!("{}{words}", sort.to_lowercase()))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("Buffers: {}", parts.join(", ")))
}

fn timings(fields: &[(Name, Field)]) -> Option<String> {
    let is_named = field::find(fields, "Temp I/O Read Time").is_some();
    let sorts = [("", "shared"), ("Shared ", "shared"), ("Local ", "local"), ("Temp ", "temp")];
    let parts: Vec<String> = sorts
        .iter()
        .filter_map(|(sort, word)| {
            let times = ["Read", "Write"].iter().filter_map(|way| {
                let name = format!("{sort}I/O {way} Time");
                some(fields, &name).map(|_| format!("{}={}", way.to_lowercase(), show(fields, &name)))
            });
            let times: Vec<String> = times.collect();
            let prefix = if is_named { format!("{word} ") } else { String::new() };
            (!times.is_empty()).then(|| format!("{prefix}{}", times.join(" ")))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("I/O Timings: {}", parts.join(", ")))
}

fn wal(fields: &[(Name, Field)]) -> Option<String> {
    let words =
        [("records", "WAL Records"), ("fpi", "WAL FPI"), ("bytes", "WAL Bytes"), ("buffers full", "WAL Buffers Full")];
    let parts: Vec<String> = words
        .iter()
        .filter(|(_, name)| some(fields, name).is_some())
        .map(|(word, name)| format!("{word}={}", show(fields, name)))
        .collect();
    (!parts.is_empty()).then(|| format!("WAL: {}", parts.join(" ")))
}

fn plan_lines(plan: &Plan, lines: &mut Vec<String>) {
    for (name, value) in &plan.fields {
        match (name.as_ref(), value) {
            ("Query Text" | "Query Parameters", _) => {}
            ("Planning Time" | "Execution Time", _) => lines.push(format!("{name}: {value} ms")),
            ("Settings", Field::Group(settings)) if !settings.is_empty() => {
                let settings = settings.iter().map(|(name, value)| format!("{name} = '{value}'"));
                lines.push(format!("Settings: {}", settings.collect::<Vec<_>>().join(", ")));
            }
            ("Planning", Field::Group(planning)) => {
                let used = field::find(planning, "Memory Used").map(|_| memory(planning));
                let below: Vec<String> = [used, buffers(planning), timings(planning)]
                    .into_iter()
                    .flatten()
                    .map(|line| format!("  {line}"))
                    .collect();
                if !below.is_empty() {
                    lines.push("Planning:".to_owned());
                    lines.extend(below);
                }
            }
            ("Triggers", triggers) => lines.extend(triggers.items().iter().map(|item| trigger(plan, item.members()))),
            ("JIT", Field::Group(jit)) => jit_lines(jit, lines),
            ("Serialization", Field::Group(group)) => {
                let time = field::find(group, "Time").map(|time| format!(" time={time} ms ")).unwrap_or_default();
                let (volume, format) = (show(group, "Output Volume"), show(group, "Format"));
                lines.push(format!("Serialization:{time} output={volume}kB  format={format}"));
                lines.extend(buffers(group).map(|line| format!("  {line}")));
            }
            (_, Field::Group(_) | Field::List(_)) => {}
            _ => lines.push(format!("{name}: {value}")),
        }
    }
}

fn trigger(plan: &Plan, trigger: &[(Name, Field)]) -> String {
    let name = show(trigger, "Trigger Name");
    let is_verbose = plan.nodes.iter().any(|node| node.field("Output").is_some());
    let mut text = match field::text(trigger, "Constraint Name") {
        Some(constraint) if is_verbose && !name.is_empty() => format!("Trigger {name} for constraint {constraint}"),
        Some(constraint) => format!("Trigger for constraint {constraint}"),
        None => format!("Trigger {name}"),
    };
    let relations: std::collections::BTreeSet<&str> =
        plan.triggers.iter().filter_map(|trigger| trigger.relation.as_deref()).collect();
    let tables: std::collections::BTreeSet<&str> =
        plan.nodes.iter().filter(|node| node.kind == NodeKind::ModifyTable).filter_map(Node::relation).collect();
    if relations.len() > 1 || tables.len() > 1 {
        text.push_str(&format!(" on {}", show(trigger, "Relation")));
    }
    let time = field::find(trigger, "Time").map(|time| format!(" time={time}")).unwrap_or_default();
    format!("{text}:{time} calls={}", show(trigger, "Calls"))
}

fn jit_lines(jit: &Fields, lines: &mut Vec<String>) {
    lines.push("JIT:".to_owned());
    lines.push(format!("  Functions: {}", show(jit, "Functions")));
    let options = field::find(jit, "Options").map(Field::members).unwrap_or_default();
    let options: Vec<String> = options.iter().map(|(name, value)| format!("{name} {value}")).collect();
    lines.push(format!("  Options: {}", options.join(", ")));
    let Some(Field::Group(timing)) = field::find(jit, "Timing") else { return };
    let timing: Vec<String> = timing
        .iter()
        .map(|(name, value)| match value {
            // Since 17 generation is a group with the time of deforming in it.
            Field::Group(parts) => format!("{name} {} ms (Deform {} ms)", show(parts, "Total"), show(parts, "Deform")),
            _ => format!("{name} {value} ms"),
        })
        .collect();
    lines.push(format!("  Timing: {}", timing.join(", ")));
}
