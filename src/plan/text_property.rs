//! The properties in FORMAT TEXT: `Sort Method: quicksort  Memory: 25kB` as the fields that JSON has for it.

use super::field::{self, Field, Fields, Name};
use super::node::NodeKind;

/// Which part of a plan the lines belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PlanSection {
    /// The nodes.
    #[default]
    Node,
    /// Below `Planning:`.
    Planning,
    /// Below `JIT:`.
    Jit,
    /// Below `Serialization:`.
    Serialization,
    /// Anything else beside the nodes.
    Plan,
}

/// Properties that are lists in JSON.
const LISTS: &[&str] =
    &["Output", "Sort Key", "Presorted Key", "Group Key", "Conflict Arbiter Indexes", "Params Evaluated"];

/// Adds the line of a plan beside its nodes; returns whether it was one.
pub(crate) fn of_plan(fields: &mut Fields, section: &mut PlanSection, text: &str) -> bool {
    let indented = *section;
    match text {
        "Planning:" => return open(fields, section, "Planning", PlanSection::Planning),
        "JIT:" => return open(fields, section, "JIT", PlanSection::Jit),
        _ => {}
    }
    let Some((name, value)) = text.split_once(':') else { return false };
    let value = value.trim();
    match name {
        "Planning Time" | "Execution Time" => {
            fields.push((field::name_of(name), Field::number(value.trim_end_matches("ms").trim())));
        }
        "Query Identifier" => fields.push((field::name_of(name), Field::number(value))),
        "Settings" => fields.push((field::name_of(name), Field::Group(settings(value)))),
        "Serialization" => {
            open(fields, section, "Serialization", PlanSection::Serialization);
            return with_group(fields, "Serialization", |group| serialization(group, value));
        }
        _ if name.starts_with("Trigger ") => push_to_list(fields, "Triggers", trigger(name, value)),
        "Functions" | "Options" | "Timing" if indented == PlanSection::Jit => {
            return with_group(fields, "JIT", |jit| jit_line(jit, name, value));
        }
        _ if indented == PlanSection::Planning => {
            return with_group(fields, "Planning", |group| of_node(group, NodeKind::Other, text).is_some());
        }
        _ if indented == PlanSection::Serialization => {
            return with_group(fields, "Serialization", |group| of_node(group, NodeKind::Other, text).is_some());
        }
        _ => return false,
    }
    *section = PlanSection::Plan;
    true
}

fn open(fields: &mut Fields, section: &mut PlanSection, name: &'static str, as_section: PlanSection) -> bool {
    *section = as_section;
    fields.push((name.into(), Field::Group(Fields::new())));
    true
}

fn with_group(fields: &mut Fields, name: &str, add: impl FnOnce(&mut Fields) -> bool) -> bool {
    match fields.iter_mut().find(|(known, _)| known == name) {
        Some((_, Field::Group(group))) => add(group),
        _ => false,
    }
}

/// Adds an item to a list, which is made if need be.
pub(crate) fn push_to_list(fields: &mut Fields, name: &str, item: Field) {
    if let Some((_, Field::List(items))) = fields.iter_mut().find(|(known, _)| known == name) {
        items.push(item);
    } else {
        fields.push((field::name_of(name), Field::List(vec![item])));
    }
}

fn settings(value: &str) -> Fields {
    let pairs = split_list(value);
    let pairs = pairs.iter().filter_map(|pair| pair.split_once(" = "));
    pairs.map(|(name, value)| (Name::from(name.to_owned()), Field::Text(unquote(value)))).collect()
}

fn unquote(value: &str) -> String {
    value.trim().trim_matches('\'').replace("''", "'")
}

fn trigger(name: &str, value: &str) -> Field {
    let mut group = Fields::new();
    let name = name.trim_start_matches("Trigger ");
    let mut put = |name: &'static str, text: &str| group.push((name.into(), Field::Text(text.to_owned())));
    let (name, relation) = name.split_once(" on ").map_or((name, None), |(name, relation)| (name, Some(relation)));
    match name.split_once("for constraint ") {
        Some((trigger, constraint)) => {
            put("Trigger Name", trigger.trim());
            put("Constraint Name", constraint);
        }
        None => put("Trigger Name", name),
    }
    if let Some(relation) = relation {
        put("Relation", relation);
    }
    for (name, value) in pairs(value) {
        group.push((if name == "time" { "Time" } else { "Calls" }.into(), Field::number(value)));
    }
    Field::Group(group)
}

fn pairs(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split([' ', ',']).filter_map(|word| word.split_once('='))
}

fn serialization(group: &mut Fields, value: &str) -> bool {
    for (name, value) in pairs(value) {
        let field = Field::number(value.trim_end_matches("kB"));
        match name {
            "time" => group.push(("Time".into(), field)),
            "output" => group.push(("Output Volume".into(), field)),
            "format" => group.push(("Format".into(), Field::Text(value.to_owned()))),
            _ => {}
        }
    }
    true
}

fn jit_line(jit: &mut Fields, name: &str, value: &str) -> bool {
    let group = match name {
        "Functions" => Field::number(value),
        "Options" => Field::Group(
            value
                .split(", ")
                .filter_map(|option| option.split_once(' '))
                .map(|(name, value)| (Name::from(name.to_owned()), Field::Bool(value == "true")))
                .collect(),
        ),
        _ => Field::Group(
            split_list(value)
                .iter()
                .filter_map(|part| {
                    let mut words = part.split_whitespace();
                    let (name, time) = (words.next()?, words.next()?);
                    Some((Name::from(name.to_owned()), Field::number(time)))
                })
                .collect(),
        ),
    };
    jit.push((Name::from(name.to_owned()), group));
    true
}

/// Adds the property of a node; returns the name of the field it is in, or `None` if the line is none.
pub(crate) fn of_node(fields: &mut Fields, kind: NodeKind, text: &str) -> Option<String> {
    if text.starts_with("Worker ") {
        return worker(fields, text).then(|| "Workers".to_owned());
    }
    let (name, value) = text.split_once(':')?;
    let value = value.trim_start();
    if !is_name(name) {
        return None;
    }
    let known = field::name_of(name);
    match name {
        "Buffers" => buffers(fields, value),
        "I/O Timings" => timings(fields, value),
        "WAL" => wal(fields, value),
        "Heap Blocks" => for_pairs(fields, value, &[("exact", "Exact Heap Blocks"), ("lossy", "Lossy Heap Blocks")]),
        "Tuples" => for_pairs(fields, value, MERGED),
        "Memory" => {
            for_pairs(fields, &value.replace("kB", ""), &[("used", "Memory Used"), ("allocated", "Memory Allocated")]);
        }
        "Sort Method" | "Buckets" | "Batches" | "Planned Partitions" | "Hits" | "Storage" => {
            double_spaced(fields, kind, text);
        }
        "Full-sort Groups" | "Pre-sorted Groups" => {
            let group = sort_groups(text);
            fields.push((known, group));
        }
        "Hash Key" => push_to_list(fields, "Hash Keys", Field::List(list(value))),
        "Group Key" if field::find(fields, "Group Key").is_some() || field::find(fields, "Hash Keys").is_some() => {
            push_to_list(fields, "Group Keys", Field::List(list(value)));
        }
        _ if LISTS.contains(&name) => fields.push((known, Field::List(list(value)))),
        _ => fields.push((known, plain(value))),
    }
    Some(name.to_owned())
}

const MERGED: &[(&str, &str)] = &[
    ("inserted", "Tuples Inserted"),
    ("updated", "Tuples Updated"),
    ("deleted", "Tuples Deleted"),
    ("skipped", "Tuples Skipped"),
];

/// Whether it can be the name of a property: words that begin with a capital, as every one of the server's does.
fn is_name(name: &str) -> bool {
    name.len() <= 48
        && name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, ' ' | '-' | '/' | '_'))
}

fn plain(value: &str) -> Field {
    match value {
        "true" => Field::Bool(true),
        "false" => Field::Bool(false),
        _ if value.starts_with(|letter: char| letter.is_ascii_digit()) => Field::number(value),
        _ => Field::Text(value.to_owned()),
    }
}

fn list(value: &str) -> Vec<Field> {
    split_list(value).into_iter().map(|item| Field::Text(item.to_owned())).collect()
}

/// Splits at the commas that are in no parentheses, brackets or quotes.
pub(crate) fn split_list(value: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_i32, None, 0);
    let mut items = Vec::new();
    for (at, byte) in value.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[') => depth += 1,
            (None, b')' | b']') => depth -= 1,
            (None, b',') if depth <= 0 && value.as_bytes().get(at + 1) == Some(&b' ') => {
                items.push(value.get(start..at).unwrap_or_default());
                start = at + 2;
            }
            _ => {}
        }
    }
    items.push(value.get(start..).unwrap_or_default());
    items
}

fn for_pairs(fields: &mut Fields, value: &str, names: &[(&str, &'static str)]) {
    for (name, value) in pairs(value) {
        if let Some((_, known)) = names.iter().find(|(known, _)| *known == name) {
            fields.push(((*known).into(), Field::number(value)));
        }
    }
}

/// Reads `shared hit=1 read=2, temp written=3`.
fn buffers(fields: &mut Fields, value: &str) {
    for part in value.split(", ") {
        let (sort, rest) = part.split_once(' ').unwrap_or((part, ""));
        for (name, value) in pairs(rest) {
            let name = format!("{} {} Blocks", capital(sort), capital(name));
            fields.push((field::name_of(&name), Field::number(value)));
        }
    }
}

/// Reads `read=0.1 write=0.2` (up to 14) and `shared read=0.1, temp write=0.2`.
fn timings(fields: &mut Fields, value: &str) {
    for part in value.split(", ") {
        let sort = part.split(' ').next().filter(|word| !word.contains('='));
        for (name, value) in pairs(part) {
            let name = match sort {
                Some(sort) => format!("{} I/O {} Time", capital(sort), capital(name)),
                None => format!("I/O {} Time", capital(name)),
            };
            fields.push((field::name_of(&name), Field::number(value)));
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

fn wal(fields: &mut Fields, value: &str) {
    let value = value.replace("buffers full=", "full=");
    let names = [("records", "WAL Records"), ("fpi", "WAL FPI"), ("bytes", "WAL Bytes"), ("full", "WAL Buffers Full")];
    for_pairs(fields, &value, &names);
}

/// Reads a line of several properties, two spaces between them: `Buckets: 1024  Batches: 1  Memory Usage: 9kB`.
fn double_spaced(fields: &mut Fields, kind: NodeKind, text: &str) {
    let is_hash = kind == NodeKind::Hash;
    for part in text.split("  ") {
        let Some((name, value)) = part.split_once(": ") else { continue };
        let (value, original) = value
            .split_once(" (originally ")
            .map_or((value, None), |(now, was)| (now, Some(was.trim_end_matches(')'))));
        let mut put = |name: &str, field: Field| fields.push((field::name_of(name), field));
        let kilobytes = || Field::number(value.trim_end_matches("kB"));
        match name {
            "Sort Method" => put("Sort Method", Field::Text(value.to_owned())),
            "Memory" | "Disk" => {
                put("Sort Space Used", kilobytes());
                put("Sort Space Type", Field::Text(name.to_owned()));
            }
            "Buckets" => {
                put("Hash Buckets", Field::number(value));
                put("Original Hash Buckets", Field::number(original.unwrap_or(value)));
            }
            "Batches" if is_hash => {
                put("Hash Batches", Field::number(value));
                put("Original Hash Batches", Field::number(original.unwrap_or(value)));
            }
            "Batches" => put("HashAgg Batches", Field::number(value)),
            "Memory Usage" => put("Peak Memory Usage", kilobytes()),
            "Disk Usage" | "Maximum Storage" => put(name, kilobytes()),
            "Hits" | "Misses" | "Evictions" | "Overflows" => put(&format!("Cache {name}"), Field::number(value)),
            _ => put(name, plain(value)),
        }
    }
}

/// Reads `Full-sort Groups: 4  Sort Method: quicksort  Average Memory: 29kB  Peak Memory: 29kB`.
fn sort_groups(text: &str) -> Field {
    let mut group = Fields::new();
    let mut spaces: Vec<(&str, Fields)> = Vec::new();
    for part in text.split("  ") {
        let Some((name, value)) = part.split_once(": ") else { continue };
        let kilobytes = Field::number(value.trim_end_matches("kB"));
        let space = if name.ends_with("Disk") { "Sort Space Disk" } else { "Sort Space Memory" };
        match name {
            "Full-sort Groups" | "Pre-sorted Groups" => group.push(("Group Count".into(), Field::number(value))),
            "Sort Method" | "Sort Methods" => group.push(("Sort Methods Used".into(), Field::List(list(value)))),
            _ if name.starts_with("Average ") => {
                spaces.push((space, vec![("Average Sort Space Used".into(), kilobytes)]));
            }
            _ if name.starts_with("Peak ") => {
                if let Some((_, members)) = spaces.iter_mut().find(|(known, _)| *known == space) {
                    members.push(("Peak Sort Space Used".into(), kilobytes));
                }
            }
            _ => {}
        }
    }
    group.extend(spaces.into_iter().map(|(name, members)| (field::name_of(name), Field::Group(members))));
    Field::Group(group)
}

/// Reads `Worker 0:  actual time=0.1..0.2 rows=3 loops=1`, `Worker 0:  Sort Method: quicksort  Memory: 25kB`.
fn worker(fields: &mut Fields, text: &str) -> bool {
    let Some((number, rest)) = text.trim_start_matches("Worker ").split_once(':') else { return false };
    if number.parse::<u32>().is_err() {
        return false;
    }
    let number = Field::number(number);
    let is_known = |item: &Field| field::find(item.members(), "Worker Number") == Some(&number);
    let has_it = field::find(fields, "Workers").is_some_and(|list| list.items().iter().any(is_known));
    if !has_it {
        push_to_list(fields, "Workers", Field::Group(vec![("Worker Number".into(), number)]));
    }
    let rest = rest.trim();
    let Some(figures) = rest.strip_prefix("actual ") else { return rest.is_empty() || of_worker(fields, rest) };
    let mut add = |name: &'static str, value: &str| {
        with_last_worker(fields, |worker| {
            worker.push((name.into(), Field::number(value)));
            true
        });
    };
    for (name, value) in pairs(figures) {
        match (name, value.split_once("..")) {
            ("time", Some((startup, total))) => {
                add("Actual Startup Time", startup);
                add("Actual Total Time", total);
            }
            ("rows", _) => add("Actual Rows", value),
            ("loops", _) => add("Actual Loops", value),
            _ => {}
        }
    }
    true
}

/// Adds a line below a worker's to that worker; returns whether there is a worker and the line is a property.
pub(crate) fn of_worker(fields: &mut Fields, text: &str) -> bool {
    with_last_worker(fields, |worker| of_node(worker, NodeKind::Other, text).is_some())
}

fn with_last_worker(fields: &mut Fields, add: impl FnOnce(&mut Fields) -> bool) -> bool {
    let workers = fields.iter_mut().find(|(name, _)| name == "Workers");
    match workers {
        Some((_, Field::List(items))) => match items.last_mut() {
            Some(Field::Group(worker)) => add(worker),
            _ => false,
        },
        _ => false,
    }
}
