//! One pane a file: its name, its keys, what it shows and how it is drawn. A new one is its file and a place in [`ALL`].

pub mod activity;
pub mod advice;
mod chosen;
mod column;
pub mod explain;
pub mod indexes;
pub mod load;
pub mod locks;
mod measuring;
pub mod overview;
pub mod queries;
pub mod replication;
mod sessions;
pub mod tables;
mod upkeep;

use jiff::tz::TimeZone;

use crate::app::{Action, Choice, PaneRequest, PaneSpec, PaneView};
use crate::catalog::bloat::Bloat;
use crate::document::Document;
use crate::readings::cut::Cut;
use crate::sample::unit::counted;
use crate::sample::{Missing, Seconds, Section, shortfall};
use crate::ui::chart::{Limit, span_for};
use crate::ui::dialog::PickItem;
use crate::ui::table::Notice;
use crate::ui::theme::Role;

/// The pane that opens unless another is chosen.
pub static FIRST: &PaneSpec = &overview::PANE;

/// Every pane, in the order of their keys.
pub static ALL: &[PaneSpec] = &[
    overview::PANE,
    activity::PANE,
    queries::PANE,
    tables::PANE,
    indexes::PANE,
    explain::PANE,
    locks::PANE,
    load::PANE,
    replication::PANE,
    advice::PANE,
];

/// Returns the pane of a name, as written in the settings.
pub fn named(name: &str) -> Option<&'static PaneSpec> {
    ALL.iter().find(|pane| pane.id.name.eq_ignore_ascii_case(name))
}

/// Seconds that a zone is ahead of UTC at a moment.
fn utc_offset(zone: &TimeZone, at: f64) -> f64 {
    let at = jiff::Timestamp::from_second(at as i64).unwrap_or_default();
    f64::from(zone.to_offset(at).seconds())
}

/// Returns the lines of a load chart: the server's CPUs, and the connections that ordinary roles may have.
fn load_limits(view: &PaneView<'_>, vcpus: Option<u32>) -> Vec<Limit> {
    let vcpus = vcpus.map(|count| Limit {
        value: f64::from(count),
        label: counted(count as usize, "vCPU", "vCPUs"),
        reach: 2.5,
        role: Role::Warning,
    });
    let usable = view.readings.vitals(view.past()).usable_connections();
    let connections = usable.map(|count| Limit {
        value: count as f64,
        label: format!("all {count} connections"),
        reach: 1.5,
        role: Role::Bad,
    });
    vcpus.into_iter().chain(connections).collect()
}

/// A load chart that shows all its time moves on in so many steps for its width: each draws the whole chart, a sample only
/// the column of its moment.
const CHART_STEPS: f64 = 12.0;

/// Returns how much time a load chart shows that ends with `end`, `most` at the most, and the moment of its right edge.
///
/// While the data are less than that, the chart stays where they begin and grows in steps.
fn chart_time(view: &PaneView<'_>, end: f64, most: f64) -> (f64, f64) {
    // What is older may be in the file of a recording, or was forgotten.
    let oldest = view.history.first().filter(|first| first.number() == 0).and_then(|first| view.history.at(first));
    if let Some(begin) = oldest.map(|oldest| oldest.at.0).filter(|begin| end - begin + view.newer.cost.second() <= most)
    {
        let span = span_for(end - begin + view.newer.cost.second(), most);
        return (span, begin + span);
    }
    let step = most / CHART_STEPS;
    (most, (end / step).ceil() * step)
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
        Some(Bloat::CannotEstimate(unknown)) if unknown.range.is_some() => unknown.words(),
        Some(Bloat::CannotEstimate(unknown)) => format!("none: {}", unknown.why),
        Some(Bloat::Known(amount)) => {
            format!("{}, {}", amount.words(), amount.confidence)
        }
    }
}

/// Bytes a second that a measurement reads at least, from a slow disk.
const SLOW_DISK: f64 = 100.0 * 1024.0 * 1024.0;

/// Adds what an exact measurement takes: how long, what it blocks, how it is stopped.
fn exact_costs(about: &mut Document, bytes: Option<f64>, function: &str) {
    let takes = match bytes {
        None => "?".to_owned(),
        Some(bytes) if bytes < SLOW_DISK => "less than 1s".to_owned(),
        Some(bytes) => format!("up to {} at 100 MB/s", Seconds((bytes / SLOW_DISK).ceil())),
    };
    about.pair("takes", &format!("{takes} (limit: 10 minutes)"));
    about.pair("blocks", "no reads and no writes");
    about.pair("how", &format!("{function} over another connection; Esc cancels it"));
}

/// Seconds from which on the age of figures is worth saying; most are read every two.
const OLD: f64 = 3.0;

/// Asks which view of a pane to show, of names with what each shows.
pub(crate) fn choose_view(views: &[(&str, &str)], selected: usize) -> PaneRequest {
    let item = |(name, about): &(&str, &str)| PickItem::new(*name, *about);
    let items = views.iter().map(item).collect();
    PaneRequest::Pick(Choice { of: Action::View, title: "View", items, selected, key: "v" })
}

/// What this role does not see of a pane's rows, though they could be read.
fn hidden(view: &PaneView<'_>, probe: &str) -> Option<Missing> {
    view.newer.section(probe).reading()?;
    // The bloat of tables and indexes hangs on their statistics.
    let of = match probe {
        "tables" => "column_stats",
        "indexes" => "index_stats",
        other => other,
    };
    shortfall(of, &view.newer.server)
}

/// Says in a few words what [`hidden`] says in a sentence with its remedy, for a line that is cut: the journal has the whole.
fn hidden_words(probe: &str) -> &'static str {
    match probe {
        "activity" => "other roles hidden",
        "statements" => "some statements incomplete",
        "tables" | "indexes" => "some statistics hidden",
        _ => "some figures hidden",
    }
}

/// Returns the other lists that a pane's figures come from, and what they are of: each may end at its own limit.
fn beside(probe: &str) -> &'static [(&'static str, &'static str)] {
    match probe {
        "activity" => &[("locks", "locks")],
        "replication" => &[("slots", "slots")],
        "tables" => &[("table_sizes", "sizes"), ("column_stats", "statistics")],
        "indexes" => &[("index_sizes", "sizes"), ("index_stats", "statistics"), ("foreign_keys", "foreign keys")],
        _ => &[],
    }
}

/// The line below a pane's rows: the age of its figures where it is worth saying, why there is nothing newer,
/// what this role does not see, and a note.
pub(crate) fn footnote(view: &PaneView<'_>, probe: &str, note: &str) -> Option<String> {
    let section = view.newer.section(probe);
    let mut parts = Vec::new();
    let age = view.newer.age(probe).unwrap_or_default();
    let failed = section.why().filter(|_| section.reading().is_some());
    parts.extend(failed.map(|why| format!("{} old: {why}", Seconds(age.0))));
    parts.extend(view.readings.cut(probe).map(Cut::words));
    parts.extend(
        beside(probe).iter().filter_map(|(part, what)| Some(format!("{what}: {}", view.readings.cut(part)?.words()))),
    );
    if hidden(view, probe).is_some() {
        parts.push(format!("{} (! for why)", hidden_words(probe)));
    }
    if !note.is_empty() {
        parts.push(note.to_owned());
    }
    if failed.is_none() && age.0 >= OLD {
        parts.push(format!("{} old", Seconds(age.0.floor())));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod decoding_tests;
#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;
    use crate::app::keys::bindings_of;
    use crate::app::{Action, DrawContext, Pane};
    use crate::ui::table::GridColumn;

    #[test]
    fn no_key_asks_for_two_things_in_one_pane() {
        for pane in ALL {
            let mut seen = HashMap::new();
            for binding in bindings_of(pane, ALL) {
                for key in binding.keys {
                    assert_eq!(seen.insert(*key, binding.action), None, "{key} in {}", pane.id.title);
                }
            }
        }
    }

    /// A plan to be pasted.
    const PLAN: &str = " Seq Scan on t  (cost=0.00..9.00 rows=2 width=4) (actual time=0.01..0.02 rows=1 loops=1)";

    /// Does everything that a pane can do; returns the columns that it showed.
    fn columns_of(pane: &mut dyn Pane, spec: &PaneSpec, view: &PaneView<'_>) -> Vec<GridColumn> {
        let theme = crate::ui::theme::Theme::default();
        let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(200, 50)).unwrap();
        let mut shown = Vec::new();
        let mut actions: Vec<Action> = spec.bindings.iter().map(|binding| binding.action).collect();
        for _ in 0..2 {
            drop(pane.paste(PLAN));
            for action in &actions {
                pane.refresh(view);
                terminal.draw(|frame| pane.draw(frame, frame.area(), DrawContext { theme: &theme })).unwrap();
                if let PaneRequest::Pick(choice) = pane.act(*action, view) {
                    for place in 0..choice.items.len() {
                        drop(pane.picked(choice.of, place));
                        pane.refresh(view);
                        shown.extend(pane.columns().into_iter().flat_map(|(_, columns)| columns));
                    }
                }
                shown.extend(pane.columns().into_iter().flat_map(|(_, columns)| columns));
            }
            // The other way round, the plan that was kept is another one than that which is shown.
            actions.reverse();
        }
        shown
    }

    #[test]
    fn every_column_says_what_it_is() {
        let mut history = crate::sample::History::bounded(1 << 20);
        history.push(Arc::new(crate::fixture::snapshot()));
        let moment = history.last().unwrap();
        let readings = crate::readings::Readings::of(Arc::clone(history.at(moment).unwrap()));
        let findings = crate::findings::Findings::default();
        let view = PaneView::new(&history, moment, &readings, &findings);
        let mut ids = std::collections::BTreeSet::new();
        for spec in ALL {
            let mut pane = (spec.make)(&crate::app::PaneContext::in_zone(jiff::tz::TimeZone::UTC));
            for column in columns_of(pane.as_mut(), spec, &view) {
                let (pane, help) = (spec.id.title, &column.help);
                assert!(help.ends_with('.') && !help.contains("  "), "{pane}: {}: {help:?}", column.id);
                ids.insert((pane, column.id));
            }
        }
        // Both views of Activity, Tables and Explain, the tiles of Overview.
        for id in [("Explain", "bar"), ("Tables", "freeze"), ("Tables", "heap_hits"), ("Overview", "fix")] {
            assert!(ids.contains(&(id.0, id.1.into())), "{id:?} of {ids:?}");
        }
    }

    #[test]
    fn every_pane_has_a_name_of_its_own() {
        for pane in ALL {
            assert_eq!(named(pane.id.title).map(|found| found.id), Some(pane.id));
        }
        assert!(named("nothing").is_none());
    }
}
