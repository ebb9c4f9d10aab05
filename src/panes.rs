//! One pane a file: what to show, which keys, how it is drawn.

pub mod activity;
pub mod explain;
pub mod indexes;
mod measuring;
pub mod overview;
pub mod queries;
mod sessions;
pub mod tables;

use jiff::tz::TimeZone;

use crate::app::{Document, Pane, View};
use crate::catalog::bloat::Bloat;
use crate::readings::cut::Cut;
use crate::sample::unit::Share;
use crate::sample::{Missing, Seconds, Section, shortfall};
use crate::ui::table::Notice;
use crate::ui::theme::Role;

/// Every pane, in the order of their keys.
pub fn all() -> Vec<Box<dyn Pane>> {
    in_zone(TimeZone::system())
}

/// Every pane, with times of day in a zone.
pub fn in_zone(zone: TimeZone) -> Vec<Box<dyn Pane>> {
    vec![
        Box::new(overview::Overview::in_zone(zone)),
        Box::new(activity::Activity::default()),
        Box::new(queries::Queries::default()),
        Box::new(tables::Tables::default()),
        Box::new(indexes::Indexes::default()),
        Box::new(explain::Explain::default()),
    ]
}

/// What stands in the middle of a pane whose section cannot be shown.
pub fn notice(section: &Section) -> Notice {
    let Some(why) = section.why() else { return Notice::new("not read yet") };
    let notice = Notice::new(why.to_string()).role(Role::Warning);
    match why.remedy() {
        Some(remedy) => notice.remedy(remedy.to_owned()),
        None => notice,
    }
}

/// Returns the bloat as it is known before it is measured.
fn estimate_words(bloat: Option<&Bloat>) -> String {
    match bloat {
        None => "not read yet".to_owned(),
        Some(Bloat::CannotEstimate(unknown)) => format!("none: {}", unknown.why),
        Some(Bloat::Known(amount)) => {
            format!("{} ({}), {}", Share(amount.share), amount.bytes, amount.confidence)
        }
    }
}

/// Bytes a second that a measurement reads at least, from a slow disk.
const SLOW_DISK: f64 = 100.0 * 1024.0 * 1024.0;

/// Adds what an exact measurement takes: how long, what it blocks, how it is stopped.
fn exact_costs(about: &mut Document, bytes: f64, function: &str) {
    let longest = Seconds((bytes / SLOW_DISK).max(1.0).ceil());
    about.pair("takes", &format!("up to {longest} at 100 MB/s, less from memory; stops after 10 minutes"));
    about.pair("blocks", "no reads and no writes");
    about.pair("how", &format!("{function} over another connection; Esc cancels it"));
}

/// Seconds from which on the age of figures is worth saying; most are read every two.
const OLD: f64 = 3.0;

/// What this role does not see of a pane's rows, though they could be read.
fn hidden(view: &View<'_>, probe: &str) -> Option<Missing> {
    view.newer.section(probe).reading()?;
    // The bloat of tables and indexes hangs on their statistics.
    let of = match probe {
        "tables" => "column_stats",
        "indexes" => "index_stats",
        other => other,
    };
    shortfall(of, &view.newer.server)
}

/// Returns a reading of a probe from at least so many seconds before the one shown; the oldest where all are younger.
pub fn older_reading(view: &View<'_>, probe: &str, seconds: f64) -> Option<std::sync::Arc<crate::sample::Reading>> {
    let newer = view.newer.section(probe).reading()?.at;
    let mut found = None;
    for snapshot in view.history.until(view.moment).rev() {
        let Some(reading) = snapshot.section(probe).reading().filter(|reading| reading.at.0 < newer.0) else {
            continue;
        };
        found = Some(std::sync::Arc::clone(reading));
        if newer.0 - reading.at.0 >= seconds {
            break;
        }
    }
    found
}

/// Returns the other lists that a pane's figures come from, and what they are of: each may end at its own limit.
fn beside(probe: &str) -> &'static [(&'static str, &'static str)] {
    match probe {
        "activity" => &[("locks", "locks")],
        "tables" => &[("table_sizes", "sizes"), ("column_stats", "statistics")],
        "indexes" => &[("index_sizes", "sizes"), ("index_stats", "statistics"), ("foreign_keys", "foreign keys")],
        _ => &[],
    }
}

/// The line below a pane's rows: the age of its figures where it is worth saying, why there is nothing newer,
/// a note, and what this role does not see.
pub fn footnote(view: &View<'_>, probe: &str, note: &str) -> Option<String> {
    let section = view.newer.section(probe);
    let mut parts = Vec::new();
    let age = view.newer.age(probe).unwrap_or_default();
    let failed = section.why().filter(|_| section.reading().is_some());
    parts.extend(failed.map(|why| format!("{} old: {why}", Seconds(age.0))));
    parts.extend(section.rows().and_then(Cut::of).map(Cut::words));
    parts.extend(beside(probe).iter().filter_map(|(part, what)| {
        let cut = view.newer.rows(part).and_then(Cut::of)?;
        Some(format!("{what}: {}", cut.words()))
    }));
    if !note.is_empty() {
        parts.push(note.to_owned());
    }
    if let Some(why) = hidden(view, probe) {
        parts.push(format!("{why}: {}", why.remedy().unwrap_or_default()));
    }
    if failed.is_none() && age.0 >= OLD {
        parts.push(format!("{} old", Seconds(age.0.floor())));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
