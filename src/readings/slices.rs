//! The load, sliced: active sessions by what they wait for, which view or statement they run, whose they are.
//!
//! Pure. A [`Dimension`] is what the load is cut by, a [`SliceValue`] one slice of it. A [`SliceFilter`] is what a person
//! narrowed the console to; [`SliceFilter::admits`] decides for every pane alike whether a session belongs.

mod ask;
mod samples;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use super::backends::Backend;
use super::load::WaitClass;
use super::lock_graph::LockGraph;
use super::statement_text::{main_table, normalised};
use super::tags::{Tags, task_of_application};

pub use samples::{LoadSamples, SampleCount, SliceRow, SliceSeries, TimeWindow};

/// What the load is cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// The class of what it waits for.
    WaitClass,
    /// What it waits for.
    WaitEvent,
    /// The statement without its literals.
    Statement,
    /// The Django view or route.
    View,
    /// The Django model of the table that the statement is mainly about.
    Model,
    /// The management command or background task.
    Task,
    /// The application, all workers of one as one.
    Application,
    /// The role.
    User,
    /// The database.
    Database,
    /// The client's address.
    Client,
    /// The state of the session.
    State,
    /// The session at the root of the locks that it waits for.
    RootBlocker,
}

impl Dimension {
    /// Every dimension, in the order of its lists.
    pub const ALL: [Self; 12] = [
        Self::WaitClass,
        Self::WaitEvent,
        Self::Statement,
        Self::View,
        Self::Model,
        Self::Task,
        Self::Application,
        Self::User,
        Self::Database,
        Self::Client,
        Self::State,
        Self::RootBlocker,
    ];

    /// Returns its name in a title: "Django view".
    pub fn name(self) -> &'static str {
        match self {
            Self::WaitClass => "wait class",
            Self::WaitEvent => "wait event",
            Self::Statement => "statement",
            Self::View => "Django view",
            Self::Model => "Django model",
            Self::Task => "command or task",
            Self::Application => "application",
            Self::User => "role",
            Self::Database => "database",
            Self::Client => "client",
            Self::State => "state",
            Self::RootBlocker => "root blocker",
        }
    }

    /// Returns its word in a breadcrumb: `view=products:detail`.
    pub fn word(self) -> &'static str {
        match self {
            Self::WaitClass => "wait",
            Self::WaitEvent => "event",
            Self::View => "view",
            Self::Model => "model",
            Self::Task => "task",
            Self::RootBlocker => "blocker",
            Self::Statement | Self::Application | Self::User | Self::Database | Self::Client | Self::State => {
                self.name()
            }
        }
    }

    /// Returns where it is read from, in a sentence without its end.
    pub fn about(self) -> &'static str {
        match self {
            Self::WaitClass => "what sessions wait for, by class; CPU where they wait for nothing",
            Self::WaitEvent => "what sessions wait for, by event",
            Self::Statement => "the statement without its literals, by its query id where the server gives one",
            Self::View => "the view or route of sqlcommenter's comment; without one the model of the table",
            Self::Model => "the model of the table that the statement is mainly about",
            Self::Task => "the management command or task of the application's name, or of a tag",
            Self::Application => "application_name, all workers of one application as one",
            Self::User => "the role that is logged in",
            Self::Database => "the database",
            Self::Client => "the address of the client",
            Self::State => "the state of the session",
            Self::RootBlocker => "the session at the root of the locks that it waits for",
        }
    }

    fn place(self) -> usize {
        self as usize
    }
}

/// One slice of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SliceValue {
    /// By its name.
    Named(Arc<str>),
    /// A statement by its query id.
    Query(i64),
    /// A statement without a tag, by the table that it is mainly about; empty where that is not known.
    Untagged(Arc<str>),
    /// The dimension does not apply: no task, no blocker, no name.
    Absent,
}

impl SliceValue {
    /// Returns what names it among the values of a dimension.
    pub fn key(&self) -> String {
        match self {
            Self::Named(name) => format!("named {name}"),
            Self::Query(id) => format!("query {id}"),
            Self::Untagged(table) => format!("untagged {table}"),
            Self::Absent => "absent".to_owned(),
        }
    }
}

/// One step of a filter: only this slice of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SliceCondition {
    /// The dimension.
    pub dimension: Dimension,
    /// The slice.
    pub value: SliceValue,
}

/// What the console is narrowed to: sessions that meet every condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SliceFilter {
    conditions: Vec<SliceCondition>,
}

impl SliceFilter {
    /// Narrows nothing.
    pub const ALL: &'static Self = &Self { conditions: Vec::new() };

    /// Returns the conditions in the order in which they were added.
    pub fn conditions(&self) -> &[SliceCondition] {
        &self.conditions
    }

    /// Whether it narrows nothing.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Adds a condition; one of the same dimension gives way to it.
    pub fn narrow(&mut self, condition: SliceCondition) {
        self.conditions.retain(|known| known.dimension != condition.dimension);
        self.conditions.push(condition);
    }

    /// Takes the last condition away; returns whether there was one.
    pub fn widen(&mut self) -> bool {
        self.conditions.pop().is_some()
    }

    /// Returns the slice that a dimension is narrowed to.
    pub fn value(&self, dimension: Dimension) -> Option<&SliceValue> {
        self.conditions.iter().find(|condition| condition.dimension == dimension).map(|condition| &condition.value)
    }

    /// Whether a session belongs.
    pub fn admits(&self, session: &Backend, roots: &RootNames) -> bool {
        self.conditions.iter().all(|condition| value_of(condition.dimension, session, roots) == condition.value)
    }

    fn admits_slices(&self, slices: &Slices) -> bool {
        self.conditions.iter().all(|condition| slices.value(condition.dimension) == &condition.value)
    }
}

/// The slices that an active session belongs to, one of each dimension.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Slices {
    values: [SliceValue; Dimension::ALL.len()],
    /// The class of its wait, as a place in [`WaitClass::ALL`].
    class: usize,
}

impl Slices {
    fn of(session: &Backend, roots: &RootNames) -> Self {
        let class = wait_class(session);
        Self {
            values: Dimension::ALL.map(|dimension| value_of(dimension, session, roots)),
            class: WaitClass::ALL.iter().position(|known| *known == class).unwrap_or(0),
        }
    }

    fn value(&self, dimension: Dimension) -> &SliceValue {
        self.values.get(dimension.place()).unwrap_or(&SliceValue::Absent)
    }
}

fn wait_class(session: &Backend) -> WaitClass {
    WaitClass::of(session.wait_class())
}

fn named(name: &str) -> SliceValue {
    if name.is_empty() { SliceValue::Absent } else { SliceValue::Named(name.into()) }
}

/// Returns the slice of a dimension that a session belongs to; what an idle one waits for is nothing.
fn value_of(dimension: Dimension, session: &Backend, roots: &RootNames) -> SliceValue {
    match dimension {
        Dimension::WaitClass | Dimension::WaitEvent if !session.is_active() => SliceValue::Absent,
        Dimension::WaitClass => named(wait_class(session).name()),
        Dimension::WaitEvent if session.wait.is_empty() => named(WaitClass::Cpu.name()),
        Dimension::WaitEvent => named(&session.wait),
        Dimension::Statement => match session.query_id {
            Some(id) if id != 0 => SliceValue::Query(id),
            _ => named(&normalised(&session.query)),
        },
        Dimension::View => match session.view.as_str() {
            "" if session.kind == "autovacuum worker" => SliceValue::Untagged("autovacuum".into()),
            "" => SliceValue::Untagged(main_table(&session.query).unwrap_or_default().into()),
            view => named(view),
        },
        Dimension::Model => named(&main_table(&session.query).unwrap_or_default()),
        Dimension::Task => {
            let tag = Tags::of(&session.query).task;
            named(&if tag.is_empty() { task_of_application(&session.application) } else { tag })
        }
        Dimension::Application => named(session.program()),
        Dimension::User => named(&session.user),
        Dimension::Database => named(&session.database),
        Dimension::Client => named(session.client.rsplit_once(':').map_or(session.client.as_str(), |(host, _)| host)),
        Dimension::State => named(&session.state),
        Dimension::RootBlocker => roots.of_waiter(session).map_or(SliceValue::Absent, SliceValue::Named),
    }
}

/// The sessions at the roots of the locks, by those who wait behind them.
#[derive(Debug, Clone, Default)]
pub struct RootNames(HashMap<i64, Arc<str>>);

impl RootNames {
    /// Names the roots of a graph. Who is behind two of them is counted to the one that most wait for.
    pub fn of(graph: &LockGraph, sessions: &[Backend]) -> Self {
        let mut names = HashMap::new();
        for root in graph.roots() {
            let name: Arc<str> = if root.is_ring() {
                let members: Vec<String> = root.members.iter().map(ToString::to_string).collect();
                format!("deadlock of {}", members.join(", ")).into()
            } else {
                name_of_root(root.first(), graph, sessions).into()
            };
            let members = if root.is_ring() { root.members.as_slice() } else { &[] };
            for waiter in root.behind.iter().chain(members) {
                names.entry(*waiter).or_insert_with(|| Arc::clone(&name));
            }
        }
        Self(names)
    }

    /// Returns the root that a session waits for, directly or behind others.
    fn of_waiter(&self, session: &Backend) -> Option<Arc<str>> {
        self.0.get(&session.leader.unwrap_or(session.pid)).cloned()
    }
}

fn name_of_root(node: i64, graph: &LockGraph, sessions: &[Backend]) -> String {
    if let Some(prepared) = graph.prepared(node) {
        return format!("prepared transaction {}", prepared.gid);
    }
    match sessions.iter().find(|session| session.pid == node) {
        Some(session) => format!("{node} {}", session.program()).trim_end().to_owned(),
        None if node <= 0 => "a prepared transaction".to_owned(),
        None => format!("{node}, not listed"),
    }
}
