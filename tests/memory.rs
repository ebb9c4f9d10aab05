//! What the history says it takes, beside what the process takes for it. A process of its own: nothing else allocates.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use pgdj::pg::probes::PROBES;
use pgdj::sample::{History, Missing, Reading, RowSet, SampleCost, Section, ServerFacts, Snapshot, Timestamp, Value};

/// Snapshots taken, one a second: three quarters of an hour.
const SECONDS: u32 = 2700;

/// Memory of this process, in bytes; 0 where the system does not say.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

fn reading(at: f64, columns: &Arc<[pgdj::sample::Column]>, rows: u32, text: &Arc<String>) -> Section {
    let row = |number: u32| {
        let mut row =
            vec![Value::Int(i64::from(number)), Value::Float(at), Value::text(&format!("row {number} at {at}"))];
        row.push(Value::Text(Arc::clone(text)));
        row.resize(columns.len().max(4), Value::Null);
        row
    };
    let rows = RowSet::new(Arc::clone(columns), (0..rows).map(row));
    Section::Ready(Arc::new(Reading { at: Timestamp(at), rows }))
}

#[test]
fn what_is_kept_is_counted_as_what_it_takes() {
    let columns: BTreeMap<&str, Arc<[pgdj::sample::Column]>> =
        PROBES.iter().map(|probe| (probe.name, Arc::from(probe.columns))).collect();
    let text = Arc::new("select 1 ".repeat(100));
    let not_yet = PROBES.iter().map(|probe| (probe.name, Section::Missing(Missing::NotYet)));
    let mut sections: BTreeMap<&'static str, Section> = not_yet.collect();
    let mut history = History::bounded(usize::MAX);
    let before = resident_bytes();
    for second in 0..SECONDS {
        let at = f64::from(second);
        sections.insert("activity", reading(at, &columns["activity"], 10, &text));
        if second % 10 == 0 {
            // The slow lane's readings are older than the snapshot they are first part of.
            sections.insert("tables", reading(at - 3.0, &columns["tables"], 50, &text));
        }
        let (server, cost) = (Arc::new(ServerFacts::default()), SampleCost::default());
        history.push(Arc::new(Snapshot { at: Timestamp(at), server, sections: sections.clone(), cost }));
    }
    let taken = resident_bytes() - before;
    let said = history.bytes();
    let share = said as f64 / taken as f64;
    assert!((0.8..1.25).contains(&share), "{said} bytes are counted, {taken} are taken");
}

#[test]
fn a_bounded_history_stays_within_its_bound_and_counts_what_is_left() {
    let columns: Arc<[pgdj::sample::Column]> = Arc::from(PROBES[0].columns);
    let text = Arc::new("select 1".to_owned());
    let mut history = History::bounded(1_000_000);
    let shared = reading(0.0, &columns, 1000, &text);
    for second in 0..500 {
        let sections = [("tables", shared.clone()), ("activity", reading(f64::from(second), &columns, 10, &text))];
        let (at, server) = (Timestamp(f64::from(second)), Arc::new(ServerFacts::default()));
        history.push(Arc::new(Snapshot { at, server, sections: sections.into(), cost: SampleCost::default() }));
    }
    let newest = history.last().unwrap();
    let mut older = None;
    let mut left = 0;
    for snapshot in history.until(newest) {
        left += snapshot.weight_beside(older);
        older = Some(snapshot.as_ref());
    }
    assert_eq!(history.bytes(), left, "what the oldest shared with the next one still counts");
    assert!(left <= 1_000_000 && history.len() > 100, "{left} bytes in {}", history.len());
}
