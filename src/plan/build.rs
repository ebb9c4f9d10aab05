//! From the fields of nodes, as either reader found them, to a plan.

use std::borrow::Cow;

use super::facts::{Aggregated, Buffers, Hashed, IoTimes, Jit, Memoized, Sorted, Trigger, Wal, milliseconds};
use super::field::{self, Field, Fields};
use super::node::{Actual, Estimate, Node, NodeKind, Relationship, Removed, Worker};
use super::{Derived, NodeId, Plan, PlanFormat, derive};
use crate::sample::Seconds;
use crate::sample::redact::{Secrets, redact};

/// A plan in the making: nodes are added parents first, each subtree in one piece.
#[derive(Debug, Default)]
pub struct Builder {
    pub(super) nodes: Vec<RawNode>,
    /// The fields beside the nodes.
    pub fields: Fields,
    /// The form it is read from.
    pub format: PlanFormat,
    /// The duration of `auto_explain`.
    pub duration: Option<Seconds>,
}

#[derive(Debug)]
pub(super) struct RawNode {
    parent: Option<NodeId>,
    fields: Fields,
}

impl Builder {
    /// Adds a node below one that was added before.
    pub fn add(&mut self, parent: Option<NodeId>, fields: Fields) -> NodeId {
        self.nodes.push(RawNode { parent, fields });
        self.nodes.len() - 1
    }

    /// Returns the fields of a node that was added before.
    pub(crate) fn fields_of(&mut self, id: NodeId) -> Option<&mut Fields> {
        self.nodes.get_mut(id).map(|raw| &mut raw.fields)
    }

    /// Whether no node was added.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns the plan with all that follows from its figures.
    pub fn finish(mut self) -> Plan {
        self.redact();
        let fields = self.fields;
        let time = |name| field::number(&fields, name).map(milliseconds);
        let planning = field::find(&fields, "Planning").map(Field::members).unwrap_or_default();
        let serialization = field::find(&fields, "Serialization").map(Field::members).unwrap_or_default();
        let triggers = field::find(&fields, "Triggers").map(Field::items).unwrap_or_default();
        let settings = field::find(&fields, "Settings").map(Field::members).unwrap_or_default();
        let mut plan = Plan {
            format: self.format,
            query: field::text(&fields, "Query Text").map(str::to_owned),
            query_id: match field::find(&fields, "Query Identifier") {
                Some(Field::Whole(id)) => Some(*id),
                Some(other) => other.to_string().parse().ok(),
                None => None,
            },
            planning_time: time("Planning Time"),
            planning_buffers: Buffers::of(planning),
            execution_time: time("Execution Time"),
            duration: self.duration,
            jit: Jit::of(&fields),
            triggers: triggers.iter().map(|trigger| Trigger::of(trigger.members())).collect(),
            settings: settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            serialization: field::number(serialization, "Time").map(milliseconds),
            nodes: nodes(self.nodes),
            fields,
            ..Plan::default()
        };
        derive::fill(&mut plan);
        plan
    }
}

impl Builder {
    /// Takes secrets out of a plan that came with its statement: a log holds those of others.
    fn redact(&mut self) {
        let Some(query) = field::text(&self.fields, "Query Text") else { return };
        let mut secrets = Secrets::of(query);
        for (name, field) in &mut self.fields {
            match (name.as_ref(), field) {
                ("Query Parameters", Field::Text(list)) => *list = secrets.redact_parameters(list),
                ("Query Text", Field::Text(query)) => *query = redact(query).into_owned(),
                _ => {}
            }
        }
        let change = |text: &str| match secrets.redact(text) {
            Cow::Owned(redacted) => Some(redacted),
            Cow::Borrowed(_) => None,
        };
        let nodes = self.nodes.iter_mut().flat_map(|node| &mut node.fields);
        let beside = self.fields.iter_mut().filter(|(name, _)| !name.starts_with("Query "));
        nodes.chain(beside).for_each(|(_, field)| field.replace_texts(&change));
    }
}

fn nodes(raws: Vec<RawNode>) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::with_capacity(raws.len());
    for (id, raw) in raws.into_iter().enumerate() {
        let mut node = node(raw.fields);
        node.parent = raw.parent.filter(|parent| *parent < id);
        if let Some(parent) = node.parent.and_then(|parent| nodes.get_mut(parent)) {
            node.depth = parent.depth + 1;
            parent.children.push(id);
        }
        nodes.push(node);
    }
    nodes
}

fn node(fields: Fields) -> Node {
    let node_type = match field::find(&fields, "Node Type") {
        Some(Field::Text(name)) => field::name_of(name),
        _ => "?".into(),
    };
    let kind = NodeKind::of(&node_type);
    let is_hash = kind == NodeKind::Hash;
    Node {
        kind,
        parent: None,
        children: Vec::new(),
        depth: 0,
        relationship: field::text(&fields, "Parent Relationship").map(Relationship::of).unwrap_or_default(),
        is_parallel_aware: field::find(&fields, "Parallel Aware").and_then(Field::as_bool).unwrap_or(false),
        estimate: estimate(&fields),
        actual: actual(&fields),
        removed: Removed {
            by_filter: field::number(&fields, "Rows Removed by Filter"),
            by_join_filter: field::number(&fields, "Rows Removed by Join Filter"),
            by_index_recheck: field::number(&fields, "Rows Removed by Index Recheck"),
        },
        buffers: Buffers::of(&fields),
        io: IoTimes::of(&fields),
        wal: Wal::of(&fields),
        sorted: matches!(kind, NodeKind::Sort | NodeKind::IncrementalSort).then(|| Sorted::of(&fields)).flatten(),
        hashed: is_hash.then(|| Hashed::of(&fields)).flatten(),
        aggregated: (kind == NodeKind::Aggregate).then(|| Aggregated::of(&fields)).flatten(),
        memoized: (kind == NodeKind::Memoize).then(|| Memoized::of(&fields)).flatten(),
        workers: workers(&fields),
        derived: Derived::default(),
        node_type,
        fields,
    }
}

fn estimate(fields: &Fields) -> Option<Estimate> {
    Some(Estimate {
        startup_cost: field::number(fields, "Startup Cost").unwrap_or(0.0),
        total_cost: field::number(fields, "Total Cost")?,
        rows: field::number(fields, "Plan Rows").unwrap_or(0.0),
        width: field::number(fields, "Plan Width").unwrap_or(0.0),
    })
}

fn actual(fields: &[(field::Name, Field)]) -> Option<Actual> {
    Some(Actual {
        startup: field::number(fields, "Actual Startup Time").map(milliseconds),
        total: field::number(fields, "Actual Total Time").map(milliseconds),
        rows: field::number(fields, "Actual Rows").unwrap_or(0.0),
        loops: field::number(fields, "Actual Loops")?,
    })
}

/// Returns the workers; 12 may list them twice, once with their sorts.
fn workers(fields: &Fields) -> Vec<Worker> {
    let mut workers: Vec<Worker> = Vec::new();
    let lists = fields.iter().filter(|(name, _)| name == "Workers").flat_map(|(_, list)| list.items());
    for members in lists.map(Field::members).filter(|members| !members.is_empty()) {
        let number = field::number(members, "Worker Number").unwrap_or(0.0) as i64;
        match workers.iter_mut().find(|worker| worker.number == number) {
            Some(worker) => worker.fields.extend(members.iter().skip(1).cloned()),
            None => workers.push(Worker { number, actual: None, fields: members.to_vec() }),
        }
    }
    for worker in &mut workers {
        worker.actual = actual(&worker.fields);
    }
    workers
}

#[cfg(test)]
mod tests {
    use crate::plan::parse;
    use crate::plan::to_json::to_json;

    const TEXT: &str = "2026-11-24 10:00:00 UTC [7] LOG:  duration: 12.000 ms  plan:
\tQuery Text: UPDATE auth_user SET password = $1,
\t  email = $2 WHERE id = $3
\tQuery Parameters: $1 = 'hUnter2', $2 = 'a
\tb@c', $3 = '7'
\tUpdate on auth_user  (cost=0.15..8.17 rows=1 width=10) (actual time=0.1..0.2 rows=0 loops=1)
\t  ->  Index Scan using auth_user_pkey on auth_user  (cost=0.15..8.17 rows=1 width=10) (actual time=0.1..0.2 rows=1 loops=1)
\t        Output: 'hUnter2'::character varying(128), 'x'::text
\t        Index Cond: (id = 7)
\t        Filter: ((password)::text <> 'other'::text)
";

    fn json() -> String {
        r#"duration: 12.000 ms  plan:
        {"Query Text": "UPDATE auth_user SET password = $1, email = $2 WHERE id = $3",
         "Query Parameters": "$1 = 'hUnter2', $2 = 'a\nb@c', $3 = '7'",
         "Plan": {"Node Type": "ModifyTable", "Operation": "Update", "Relation Name": "auth_user", "Plans": [
            {"Node Type": "Index Scan", "Index Cond": "(id = 7)", "Filter": "((password)::text <> 'other'::text)",
             "Output": ["'hUnter2'::character varying(128)", "'x'::text"]}]}}"#
            .to_owned()
    }

    #[test]
    fn a_plan_of_the_log_holds_no_secret_of_its_statement() {
        for text in [TEXT.to_owned(), json()] {
            let plan = parse(&text).plans.remove(0);
            let field = |name: &str| plan.fields.iter().find(|(known, _)| known == name).unwrap().1.to_string();
            assert_eq!(field("Query Parameters"), "$1 = '[redacted]', $2 = 'a\nb@c', $3 = '7'", "{text}");
            assert!(plan.query.as_deref().unwrap().contains("password = $1"), "{:?}", plan.query);
            assert_eq!(plan.nodes.len(), 2, "{text}");
            let all = to_json(&plan);
            assert!(!all.contains("hUnter2") && !all.contains("other"), "{all}");
            assert!(all.contains("'[redacted]'::character varying(128)") && all.contains("'x'::text"), "{all}");
        }
    }
}
