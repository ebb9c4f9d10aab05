//! An EXPLAIN plan: JSON and text in, a tree with self times and buffers out.
//!
//! Pure: no server, no screen, no clock. [`parse`] cannot fail: it gives what it understood and, as [`Trouble`]s, what
//! it did not. The tree is an arena, so that a plan of a thousand levels is as safe as one of two.

pub mod build;
#[cfg(test)]
mod deep;
pub mod derive;
mod derived;
pub mod diff;
pub mod facts;
pub mod field;
#[cfg(test)]
mod fixtures;
pub mod hot;
mod json;
pub mod node;
mod read;
mod read_json;
mod read_text;
pub mod scans;
pub mod text;
pub mod text_label;
mod text_property;
pub mod tips;
pub mod to_json;

pub use derive::Accounts;
pub use derived::{Derived, Direction, Misestimate, NodeId};
pub use facts::{Aggregated, BLOCK, Blocks, Buffers, Hashed, IoTimes, Jit, Memoized, Sorted, Trigger, Wal};
pub use field::{Field, Fields, Name};
pub use node::{Actual, Estimate, Node, NodeKind, Relationship, Removed, Worker};
pub use read::parse;

use crate::sample::Seconds;

/// What was found in a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parsed {
    /// The plans, in the order of the text; each has a root.
    pub plans: Vec<Plan>,
    /// What was not understood, or is missing.
    pub troubles: Vec<Trouble>,
}

/// Something in a text that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The line of the text, from 1, where it is known.
    pub line: Option<usize>,
    /// One sentence: what, and what was done about it.
    pub what: String,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// The form a plan was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlanFormat {
    /// FORMAT JSON.
    #[default]
    Json,
    /// FORMAT TEXT: figures the server leaves out when they are zero are not known.
    Text,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The nodes, parents before their children, each subtree in one piece; the root first.
    pub nodes: Vec<Node>,
    /// The form it was read from.
    pub format: PlanFormat,
    /// The statement, if the plan came with it (`auto_explain`).
    pub query: Option<String>,
    /// `Query Identifier`, as in `pg_stat_statements.queryid`; since 14.
    pub query_id: Option<i64>,
    /// `Planning Time`.
    pub planning_time: Option<Seconds>,
    /// Blocks that planning read; since 13.
    pub planning_buffers: Buffers,
    /// `Execution Time`: start, all nodes, triggers, end. `None` without ANALYZE, and from `auto_explain`.
    pub execution_time: Option<Seconds>,
    /// `duration:` of `auto_explain`, planning not included.
    pub duration: Option<Seconds>,
    /// Just-in-time compilation, if there was any.
    pub jit: Option<Jit>,
    /// Triggers that fired.
    pub triggers: Vec<Trigger>,
    /// Settings that differ from their defaults and that the planner heeds (SETTINGS).
    pub settings: Vec<(String, String)>,
    /// Time to turn the rows into what is sent (SERIALIZE); since 17.
    pub serialization: Option<Seconds>,
    /// Every field beside the nodes, in the server's order.
    pub fields: Fields,
    /// Where the execution time went, as a whole.
    pub accounts: Accounts,
}

impl Plan {
    /// Returns the root; `None` only for a plan that [`parse`] did not make.
    pub fn root(&self) -> Option<&Node> {
        self.nodes.first()
    }

    /// Returns a node.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// Returns every node with its place, parents first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + ExactSizeIterator {
        self.nodes.iter().enumerate()
    }

    /// Returns the children of a node, in the server's order.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Node)> {
        let children = self.node(id).map(|node| node.children.as_slice()).unwrap_or_default();
        children.iter().filter_map(|child| Some((*child, self.node(*child)?)))
    }

    /// Returns the child with this relationship.
    pub fn child(&self, id: NodeId, relationship: Relationship) -> Option<(NodeId, &Node)> {
        self.children(id).find(|(_, node)| node.relationship == relationship)
    }

    /// Returns the parent of a node.
    pub fn parent(&self, id: NodeId) -> Option<(NodeId, &Node)> {
        let parent = self.node(id)?.parent?;
        Some((parent, self.node(parent)?))
    }

    /// Returns the nodes above a node, the nearest first.
    pub(crate) fn ancestors(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Node)> {
        std::iter::successors(self.parent(id), |(id, _)| self.parent(*id))
    }

    /// Returns a node and all below it.
    pub(crate) fn subtree(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Node)> {
        let end = self.node(id).map_or(id, |node| node.derived.subtree_end);
        self.iter().skip(id).take(end.saturating_sub(id))
    }

    /// Whether it was run (ANALYZE).
    pub fn is_analyzed(&self) -> bool {
        self.root().is_some_and(|root| root.actual.is_some())
    }

    /// Whether its nodes have times (ANALYZE without TIMING OFF).
    pub fn has_times(&self) -> bool {
        self.root().is_some_and(|root| root.derived.total_time.is_some())
    }

    /// Returns the time that the shares are shares of: the execution time, else the root's, else `auto_explain`'s duration.
    pub fn total_time(&self) -> Option<Seconds> {
        let root = self.root().and_then(|root| root.derived.total_time);
        match (self.execution_time, root) {
            (Some(execution), Some(root)) => Some(Seconds(execution.0.max(root.0))),
            (execution, root) => execution.or(root).or(self.duration),
        }
    }

    /// Returns the cost of the whole plan, in units of `seq_page_cost`.
    pub fn total_cost(&self) -> Option<f64> {
        self.root()?.estimate.map(|estimate| estimate.total_cost)
    }

    /// Returns a setting that differs from its default.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
