//! What follows for a node from the figures of its plan; [`super::derive`] computes it.

use super::facts::Buffers;
use crate::sample::Seconds;

/// The place of a node in [`super::Plan::nodes`]; the root is 0, and a parent's is smaller than its children's.
pub type NodeId = usize;

/// What follows for one node.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Derived {
    /// Time of all loops with the children, processes side by side; `None` without times.
    pub total_time: Option<Seconds>,
    /// Time of all loops without what was charged to it; they add up to the time of the nodes. `None` without times.
    pub self_time: Option<Seconds>,
    /// Cost without the children's, repeated inner sides counted where they are; `None` with COSTS OFF.
    pub self_cost: Option<f64>,
    /// Part of the whole, 0..=1: of the time where there are times, else of the cost.
    pub share: Option<f64>,
    /// Blocks without the children's.
    pub self_buffers: Buffers,
    /// How many processes shared it, on average; 1 outside a Gather.
    pub processes: f64,
    /// Among how many processes the planner divided its rows; 1 where each process has all of them.
    pub divisor: f64,
    /// How far the estimate was off; `None` where it was not run, or cannot be compared.
    pub misestimate: Option<Misestimate>,
    /// Whether something above may have stopped it before its end: a LIMIT, a semi join, an EXISTS.
    pub is_cut_short: bool,
    /// The node its time is charged to; `None` for the root, and for a CTE (to its scans, or to none).
    pub charged_to: Option<NodeId>,
    /// One past the last node of its subtree.
    pub subtree_end: NodeId,
}

/// How far an estimate was off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Misestimate {
    /// The larger of the two numbers of rows divided by the smaller, both at least 1; so 1 is exact.
    pub factor: f64,
    /// Which way.
    pub direction: Direction,
}

/// Which way an estimate was off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More rows came than were expected.
    Under,
    /// Fewer rows came than were expected.
    Over,
    /// As many as expected.
    Exact,
}
