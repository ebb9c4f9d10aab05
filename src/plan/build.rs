//! From the fields of nodes, as either reader found them, to a plan.

use std::borrow::Cow;

use super::facts::{Aggregated, Buffers, Hashed, IoTimes, Jit, Memoized, Sorted, Trigger, Wal, milliseconds};
use super::field::{self, Field, Fields};
use super::node::{Actual, Estimate, Kind, Node, Relationship, Removed, Worker};
use super::{Derived, Format, NodeId, Plan, derive};
use crate::sample::Seconds;
use crate::sample::redact::redact;

/// A plan in the making: nodes are added parents first, each subtree in one piece.
#[derive(Debug, Default)]
pub struct Builder {
    pub(super) nodes: Vec<Raw>,
    /// The fields beside the nodes.
    pub fields: Fields,
    /// The form it is read from.
    pub format: Format,
    /// The duration of `auto_explain`.
    pub duration: Option<Seconds>,
}

#[derive(Debug)]
pub(super) struct Raw {
    parent: Option<NodeId>,
    fields: Fields,
}

impl Builder {
    /// Adds a node below one that was added before.
    pub fn add(&mut self, parent: Option<NodeId>, fields: Fields) -> NodeId {
        self.nodes.push(Raw { parent, fields });
        self.nodes.len() - 1
    }

    /// Returns the fields of a node that was added before.
    pub fn fields_of(&mut self, id: NodeId) -> Option<&mut Fields> {
        self.nodes.get_mut(id).map(|raw| &mut raw.fields)
    }

    /// Whether no node was added.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns the plan with all that follows from its figures.
    pub fn finish(self) -> Plan {
        let mut fields = self.fields;
        // A log holds the statements of others.
        for (_, field) in fields.iter_mut().filter(|(name, _)| name == "Query Text") {
            if let Field::Text(query) = field
                && let Cow::Owned(redacted) = redact(query)
            {
                *query = redacted;
            }
        }
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

fn nodes(raws: Vec<Raw>) -> Vec<Node> {
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
    let kind = Kind::of(&node_type);
    let is_hash = kind == Kind::Hash;
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
        sorted: matches!(kind, Kind::Sort | Kind::IncrementalSort).then(|| Sorted::of(&fields)).flatten(),
        hashed: is_hash.then(|| Hashed::of(&fields)).flatten(),
        aggregated: (kind == Kind::Aggregate).then(|| Aggregated::of(&fields)).flatten(),
        memoized: (kind == Kind::Memoize).then(|| Memoized::of(&fields)).flatten(),
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
