//! What is known of one statement, in words.

use super::{BLOCK, orm};
use crate::app::PaneView;
use crate::document::{Document, Language};
use crate::readings::backends::Backend;
use crate::readings::statements::{Costs, Statement};
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};

/// What is said of a statement besides its figures.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    /// Its text, where it was read.
    pub(super) text: Option<&'a str>,
    /// The view or task that runs it; empty where none is known.
    pub(super) caller: &'a str,
    /// Of which time the figures are.
    pub(super) since: &'a str,
}

/// Everything known of a statement.
pub(super) fn statement(one: &Statement, costs: &Costs, told: Told<'_>, view: &PaneView<'_>) -> Document {
    let Told { text, caller, since } = told;
    let mut document = Document::new(format!("Statement {}", one.queryid));
    match text {
        Some(text) => document.code(Language::Sql, &crate::ui::code::format_sql(text)),
        None => document.text("Its text has not been read."),
    }
    let per_second = costs.seconds.filter(|seconds| *seconds > 0.0).map(|seconds| one.calls / seconds);
    if let Some(hint) = text.and_then(|text| orm::hint(text, one, per_second)) {
        document.heading(&format!("Pattern: {hint}"));
        document.text(orm::explained(hint).unwrap_or_default());
    }
    document.heading(&format!("Cost, {since}"));
    let (time, all) = (Seconds(one.time_ms / 1e3), Seconds(costs.total_ms / 1e3));
    document.pair("total time", &format!("{time} ({} of {all} for all statements)", Share(one.share)));
    let rate = costs.seconds.map(|seconds| format!(", {}", per_time(one.calls / seconds))).unwrap_or_default();
    document.pair("calls", &format!("{}{rate}", Count(one.calls)));
    document.pair("mean", &Seconds(one.mean_ms() / 1e3).to_string());
    document.pair("rows", &format!("{} ({} per call)", Count(one.rows), Count(one.rows_per_call())));
    blocks(&mut document, one);
    since_reset(&mut document, one);
    document.heading("Who");
    if !caller.is_empty() {
        document.pair("view or task", caller);
    }
    document.pair("role", &one.user);
    document.pair("database", &one.database);
    document.pair("called by", if one.is_toplevel { "client" } else { "function (not top level)" });
    running(&mut document, one, view);
    document
}

fn blocks(document: &mut Document, one: &Statement) {
    let total = one.hit + one.read;
    if total > 0.0 {
        document.pair(
            "shared buffers",
            &format!(
                "{} hit, {} read ({} hits)",
                Bytes(one.hit * BLOCK),
                Bytes(one.read * BLOCK),
                Share(one.hit / total)
            ),
        );
    }
    if one.dirtied > 0.0 {
        document.pair("dirtied", &Bytes(one.dirtied * BLOCK).to_string());
    }
    if one.io_ms > 0.0 {
        document.pair("I/O time", &Seconds(one.io_ms / 1e3).to_string());
    }
    if one.temp_written + one.temp_read > 0.0 {
        let (written, read) = (Bytes(one.temp_written * BLOCK), Bytes(one.temp_read * BLOCK));
        document.pair("temporary files", &format!("{written} written, {read} read (it needed more than work_mem)"));
    }
    if let Some(wal) = one.wal_bytes.filter(|bytes| *bytes > 0.0) {
        document.pair("WAL", &Bytes(wal).to_string());
    }
    if let Some(ms) = one.plan_ms {
        document.pair("planning", &Seconds(ms / 1e3).to_string());
    }
}

/// Returns how often: each second, or where that is less than once, each minute or hour.
fn per_time(per_second: f64) -> String {
    let (count, unit) = match per_second {
        rate if rate >= 1.0 => (rate, "second"),
        rate if rate >= 1.0 / 60.0 => (rate * 60.0, "minute"),
        rate => (rate * 3600.0, "hour"),
    };
    format!("{} per {unit}", Count(count))
}

fn since_reset(document: &mut Document, one: &Statement) {
    if let Some(max) = one.max_ms {
        let spread = one.stddev_ms.map(|ms| format!(", standard deviation {}", Seconds(ms / 1e3))).unwrap_or_default();
        document.pair("slowest call", &format!("{} since the reset{spread}", Seconds(max / 1e3)));
    }
}

fn running(document: &mut Document, one: &Statement, view: &PaneView<'_>) {
    let Ok(backends) = view.readings.backends() else { return };
    let is_running = |backend: &&Backend| backend.query_id == Some(one.queryid) && backend.state == "active";
    let now = backends.iter().filter(is_running).count();
    if backends.iter().any(|backend| backend.query_id.is_some()) {
        document.pair("running now", &crate::sample::unit::counted(now, "session", "sessions"));
    }
    let Some(seen) = view.readings.sightings(view.past()).get(&one.queryid) else { return };
    let words = format!(
        "{} of the {} it was seen running, over the last {}",
        Count(seen.on_locks),
        Count(seen.active).of("time", "times"),
        seen.over
    );
    document.pair("waiting for locks", &words);
    if seen.is_mostly_on_locks() {
        // The time of pg_stat_statements is elapsed time, with what was spent waiting.
        document.text(
            "Its time is mostly waiting for locks that other sessions hold: it may be fast by itself. See Locks for \
             who holds them.",
        );
    }
}
