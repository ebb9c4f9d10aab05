//! Snapshots for tests: rows written by column name under the probes' own columns.

#![allow(dead_code, reason = "for the tests of rules, each of which uses a part of it")]

use std::sync::Arc;

use crate::app::{PaneSpec, PaneView, Rights, SampleOrigin, Start};
use crate::findings::Findings;
use crate::pg::probes;
use crate::readings::Readings;
use crate::sample::{History, Missing, Reading, RowSet, Seconds, Section, ServerFacts, Snapshot, Timestamp, Value};
use crate::ui::theme::Theme;

/// The moment of a snapshot made here.
pub(crate) const NOW: f64 = 1_800_000_000.0;

/// A row as its named values; a column that is not named is null.
pub(crate) type NamedRow = Vec<(&'static str, Value)>;

/// What a test may write as a value.
pub(crate) trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for i32 {
    fn into_value(self) -> Value {
        Value::Int(i64::from(self))
    }
}
impl IntoValue for i64 {
    fn into_value(self) -> Value {
        Value::Int(self)
    }
}
impl IntoValue for f64 {
    fn into_value(self) -> Value {
        Value::Float(self)
    }
}
impl IntoValue for bool {
    fn into_value(self) -> Value {
        Value::Bool(self)
    }
}
impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::text(self)
    }
}
impl<T: IntoValue + Clone, const N: usize> IntoValue for [T; N] {
    fn into_value(self) -> Value {
        Value::list(self.into_iter().map(IntoValue::into_value).collect())
    }
}
impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

/// A row: `row! { pid: 1, state: "active" }`.
macro_rules! row {
    ($($name:ident : $value:expr),* $(,)?) => {
        vec![$((stringify!($name), $crate::fixture::IntoValue::into_value($value))),*]
    };
}
pub(crate) use row;

/// How a console of a test starts, on a pane.
pub(crate) fn start(pane: &'static PaneSpec) -> Start {
    Start {
        target: "shop".to_owned(),
        pane,
        pace: Seconds(2.0),
        rights: Rights::MayAct,
        origin: SampleOrigin::Server,
        zone: jiff::tz::TimeZone::UTC,
        history_bytes: 10_000_000,
        theme: Theme::default(),
        themes: None,
        vcpus: None,
    }
}

/// Shows a pane the newest sample of a history, without findings.
pub(crate) fn with_view<T>(history: &History, work: impl FnOnce(&PaneView<'_>) -> T) -> T {
    let (moment, findings) = (history.last().unwrap(), Findings::default());
    let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
    work(&PaneView::new(history, moment, &readings, &findings))
}

/// An empty snapshot at [`NOW`].
pub(crate) fn snapshot() -> Snapshot {
    Snapshot {
        at: Timestamp(NOW),
        server: Arc::new(ServerFacts {
            database: "shop".into(),
            role: "monitor".into(),
            memberships: ["pg_monitor", "pg_read_all_stats", "pg_read_all_settings"].map(str::to_owned).into(),
            ..ServerFacts::default()
        }),
        sections: std::collections::BTreeMap::new(),
        cost: crate::sample::SampleCost::default(),
    }
}

/// Returns the moment for an age: a test may say how long a session has been at something.
fn started(name: &'static str, value: Value, at: f64) -> (&'static str, Value) {
    let start = match name {
        "query_age" => "query_start",
        "xact_age" => "xact_start",
        "backend_age" => "backend_start",
        "state_age" => "state_change",
        _ => return (name, value),
    };
    (start, value.as_f64().map_or(Value::Null, |age| Value::Float(at - age)))
}

/// Adds sections to a snapshot in a test.
pub(crate) trait With {
    fn with(self, probe: &'static str, rows: Vec<NamedRow>) -> Self;
    fn without(self, probe: &'static str, why: Missing) -> Self;
    fn at(self, seconds: f64) -> Self;
}

impl With for Snapshot {
    fn with(mut self, probe: &'static str, rows: Vec<NamedRow>) -> Self {
        let columns = probes::find(probe).unwrap_or_else(|| panic!("no probe {probe}")).columns;
        let at = self.at.0;
        let rows: Vec<Vec<Value>> = rows
            .into_iter()
            .map(|named| {
                let named: NamedRow = named.into_iter().map(|(name, value)| started(name, value, at)).collect();
                for (name, _) in &named {
                    assert!(columns.iter().any(|column| column.name == *name), "{probe} has no column {name}");
                }
                columns
                    .iter()
                    .map(|column| {
                        named.iter().find(|(name, _)| column.name == *name).map_or(Value::Null, |(_, v)| v.clone())
                    })
                    .collect()
            })
            .collect();
        let reading = Reading { at: self.at, rows: RowSet::new(columns.into(), rows) };
        self.sections.insert(probe, Section::Ready(Arc::new(reading)));
        self
    }

    fn without(mut self, probe: &'static str, why: Missing) -> Self {
        self.sections.insert(probe, Section::Missing(why));
        self
    }

    fn at(mut self, seconds: f64) -> Self {
        self.at = Timestamp(seconds);
        self
    }
}
