//! What is known of a pane before it is made: its name, its keys, and how it is made.

use jiff::tz::TimeZone;

use super::keys::Binding;
use super::pane::Pane;
use super::pane_id::PaneId;

/// A pane as it stands in the list of panes.
#[derive(Debug)]
pub struct PaneSpec {
    /// Its name.
    pub id: PaneId,
    /// What it answers: "who is doing what?"
    pub question: &'static str,
    /// What its tab says where there is little room.
    pub tab: &'static str,
    /// Whether a person can put its rows in another order.
    pub order: RowOrder,
    /// Its own keys; those of lists and those that work everywhere come with every pane.
    pub bindings: &'static [Binding],
    /// Makes it.
    pub make: fn(&PaneContext) -> Box<dyn Pane>,
}

/// Whether a person can put rows in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// By any column.
    Sortable,
    /// It says something itself, as that of a tree.
    Fixed,
}

/// What a pane may need when it is made.
#[derive(Debug, Clone)]
pub struct PaneContext {
    /// The zone in which times of day are written.
    pub zone: TimeZone,
    /// The statements explained in earlier runs, the oldest first.
    pub statements: Vec<String>,
    /// The CPUs of the server, where they are known.
    pub vcpus: Option<u32>,
}

impl PaneContext {
    /// Times of day in a zone, and nothing explained yet.
    pub fn in_zone(zone: TimeZone) -> Self {
        Self { zone, statements: Vec::new(), vcpus: None }
    }
}
