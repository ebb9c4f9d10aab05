use std::collections::HashSet;

use super::*;
use crate::fixture::{NOW, NamedRow, With as _, row, snapshot};
use crate::readings::Readings;
use crate::readings::load::LoadPoint;
use crate::sample::{History, Missing, Seconds, Snapshot, Timestamp};

const VIEW: &str = "SELECT a FROM shop_order WHERE id = 1 /*controller='orders%3Alist'*/";

fn window(from: f64, until: f64) -> TimeWindow {
    TimeWindow { from: Timestamp(NOW + from), until: Timestamp(NOW + until) }
}

fn active(pid: i32, query: &str) -> NamedRow {
    row! { pid: pid, user: "web", database: "shop", backend_type: "client backend", state: "active",
    application: "gunicorn: worker [1]", client: "10.0.0.1:4711", query: query }
}

fn with(mut row: NamedRow, more: NamedRow) -> NamedRow {
    row.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    row.extend(more);
    row
}

/// Snapshots a second apart, the first a second after [`NOW`].
fn history(samples: impl IntoIterator<Item = Vec<NamedRow>>) -> History {
    let mut history = History::bounded(1 << 26);
    for (second, rows) in (1..).zip(samples) {
        history.push(Arc::new(snapshot().at(NOW + f64::from(second)).with("activity", rows)));
    }
    history
}

fn samples(history: &History, window: TimeWindow) -> LoadSamples {
    let mut samples = LoadSamples::default();
    samples.take(history, window);
    samples
}

/// The rows as `key active`.
fn rows(samples: &LoadSamples, window: TimeWindow, filter: &SliceFilter, dimension: Dimension) -> Vec<String> {
    let rows = samples.rows(window, filter, dimension, Dimension::Statement);
    rows.iter().map(|row| format!("{} {:.2}", row.value.key(), row.active)).collect()
}

#[test]
fn the_load_is_the_mean_over_the_samples_of_a_window() {
    let waits = || with(active(2, VIEW), row! { wait_event_type: "Lock", wait_event: "relation" });
    let idle = || with(active(3, VIEW), row! { state: "idle in transaction" });
    let history = history([
        vec![active(1, VIEW), waits(), idle()],
        vec![active(1, "UPDATE shop_cart SET a = 1")],
        vec![],
        vec![active(1, VIEW)],
    ]);
    let all = window(0.0, 4.0);
    let samples = samples(&history, all);
    let of = |window, dimension| rows(&samples, window, SliceFilter::ALL, dimension);
    assert_eq!(of(all, Dimension::WaitClass), ["named CPU 0.75", "named Lock 0.25"]);
    assert_eq!(of(all, Dimension::WaitEvent), ["named CPU 0.75", "named Lock:relation 0.25"]);
    assert_eq!(of(all, Dimension::View), ["named orders:list 0.75", "untagged shop_cart 0.25"]);
    assert_eq!(of(all, Dimension::Model), ["named shop_order 0.75", "named shop_cart 0.25"]);
    assert_eq!(of(all, Dimension::Application), ["named gunicorn 1.00"]);
    assert_eq!(of(all, Dimension::Client), ["named 10.0.0.1 1.00"]);
    assert_eq!(of(all, Dimension::Task), ["absent 1.00"]);
    let statements = ["named SELECT a FROM shop_order WHERE id = $1 0.75", "named UPDATE shop_cart SET a = $1 0.25"];
    assert_eq!(of(all, Dimension::Statement), statements);
    assert_eq!(of(window(0.0, 1.0), Dimension::WaitClass), ["named CPU 1.00", "named Lock 1.00"]);
    // The beginning is not part of a window.
    assert_eq!(of(window(1.0, 2.0), Dimension::View), ["untagged shop_cart 1.00"]);
    let row = samples.rows(all, SliceFilter::ALL, Dimension::View, Dimension::Statement).remove(0);
    assert_eq!(row.by_class.map(|value| (value * 100.0) as u32), [50, 0, 25, 0, 0, 0, 0]);
    assert_eq!(row.mostly, Some(named("SELECT a FROM shop_order WHERE id = $1")));
}

#[test]
fn the_sum_of_all_slices_is_the_load_of_the_overview() {
    let worker = |pid, kind: &str, wait: &str| {
        with(
            active(pid, "autovacuum: VACUUM t"),
            row! { backend_type: kind, wait_event_type: "Timeout", wait_event: wait },
        )
    };
    let seen = vec![
        active(1, VIEW),
        worker(2, "autovacuum worker", "VacuumDelay"),
        worker(3, "autovacuum worker", "PgSleep"),
        worker(4, "walsender", "x"),
        row! { pid: 5, user: "web", database: "shop" },
        with(active(6, ""), row! { state: "disabled" }),
    ];
    let history = history([seen]);
    let all = window(0.0, 1.0);
    let samples = samples(&history, all);
    let load = LoadPoint::of(&Readings::of(Arc::clone(history.newest().unwrap()))).load.unwrap();
    for dimension in Dimension::ALL {
        let sum: f64 =
            samples.rows(all, SliceFilter::ALL, dimension, Dimension::View).iter().map(|row| row.active).sum();
        assert!((sum - load.total()).abs() < 1e-9, "{dimension:?}: {sum}");
        let series = samples.series(all, SliceFilter::ALL, dimension, 1);
        let sum: f64 = series.points[0].active.as_ref().unwrap().iter().sum();
        assert!((sum - load.total()).abs() < 1e-9, "{dimension:?}: {sum}");
    }
    assert_eq!(samples.count(all).unknown, load.unknown);
    assert_eq!(rows(&samples, all, SliceFilter::ALL, Dimension::View)[1], "untagged autovacuum 1.00");
}

#[test]
fn a_query_id_names_a_statement_and_its_text_is_kept() {
    let history = history([vec![with(active(1, VIEW), row! { query_id: -4711_i64 })]]);
    let all = window(0.0, 1.0);
    let samples = samples(&history, all);
    assert_eq!(rows(&samples, all, SliceFilter::ALL, Dimension::Statement), ["query -4711 1.00"]);
    assert_eq!(samples.text(-4711), Some("SELECT a FROM shop_order WHERE id = $1"));
    assert_eq!(samples.query_ids(all, SliceFilter::ALL), HashSet::from([-4711]));
    let mut filter = SliceFilter::default();
    filter.narrow(SliceCondition { dimension: Dimension::View, value: named("another") });
    assert!(samples.query_ids(all, &filter).is_empty());
}

#[test]
fn a_filter_admits_the_same_sessions_in_a_sample_and_in_a_pane() {
    let waits = with(active(2, VIEW), row! { wait_event_type: "Lock", wait_event: "relation", blocked_by: [9] });
    let root = with(active(9, "select 1"), row! { state: "idle in transaction", application: "manage.py shell" });
    let history = history([vec![active(1, VIEW), active(3, "SELECT 1"), waits, root]]);
    let all = window(0.0, 1.0);
    let samples = samples(&history, all);
    let readings = Readings::of(Arc::clone(history.newest().unwrap()));
    for dimension in Dimension::ALL {
        for row in samples.rows(all, SliceFilter::ALL, dimension, Dimension::View) {
            let mut filter = SliceFilter::default();
            filter.narrow(SliceCondition { dimension, value: row.value.clone() });
            let sessions = readings.backends().unwrap().iter();
            let admitted = sessions.filter(|one| one.is_active() && filter.admits(one, readings.root_names())).count();
            assert_eq!(row.active, admitted as f64, "{dimension:?} {:?}", row.value);
            let narrowed = samples.rows(all, &filter, dimension, Dimension::View);
            assert_eq!(narrowed, std::slice::from_ref(&row));
        }
    }
    let roots = rows(&samples, all, SliceFilter::ALL, Dimension::RootBlocker);
    assert_eq!(roots, ["absent 2.00", "named 9 manage.py shell 1.00"]);
    assert_eq!(readings.slice_label(Dimension::RootBlocker, &SliceValue::Absent), "(not blocked)");
}

#[test]
fn a_filter_is_a_breadcrumb() {
    let is = |dimension, name: &str| SliceCondition { dimension, value: named(name) };
    let mut filter = SliceFilter::default();
    filter.narrow(is(Dimension::WaitClass, "Lock"));
    filter.narrow(is(Dimension::View, "orders:list"));
    filter.narrow(is(Dimension::WaitClass, "IO"));
    assert_eq!(filter.conditions(), [is(Dimension::View, "orders:list"), is(Dimension::WaitClass, "IO")]);
    assert!(filter.widen() && filter.value(Dimension::WaitClass).is_none());
    assert!(filter.widen() && !filter.widen() && filter.is_empty());
}

#[test]
fn a_sample_is_read_once_and_forgotten_when_it_is_out_of_the_window() {
    let mut history = history((0..10).map(|_| vec![active(1, VIEW)]));
    let mut samples = LoadSamples::default();
    samples.take(&history, window(0.0, 5.0));
    let reads = crate::sample::rowset::counted::reads;
    let (before, count) = (reads(), |samples: &LoadSamples| samples.count(window(-100.0, 100.0)).taken);
    samples.take(&history, window(0.0, 5.0));
    assert_eq!((reads() - before, count(&samples)), (0, 5));
    // Further on, and further back again.
    samples.take(&history, window(3.0, 8.0));
    assert_eq!((reads() - before, count(&samples)), (3, 5));
    samples.take(&history, window(0.0, 8.0));
    assert_eq!((reads() - before, count(&samples)), (6, 8));
    samples.take(&history, window(50.0, 60.0));
    assert_eq!(count(&samples), 0);
    history.push(Arc::new(snapshot().at(NOW + 55.0).with("activity", vec![])));
    samples.take(&history, window(50.0, 60.0));
    assert_eq!(count(&samples), 1);
}

#[test]
fn what_is_missing_between_samples_is_counted() {
    let mut history = History::bounded(1 << 20);
    let seen = |at: f64| snapshot().at(NOW + at).with("activity", vec![active(1, "select 1")]);
    for at in [2.0, 4.0, 6.1, 12.0, 14.0] {
        history.push(Arc::new(seen(at)));
    }
    // A snapshot that brings the same reading again is no sample.
    let mut again = Snapshot::clone(history.newest().unwrap());
    again.at = Timestamp(NOW + 14.5);
    history.push(Arc::new(again));
    history.push(Arc::new(snapshot().at(NOW + 16.0).without("activity", Missing::NotYet)));
    let samples = samples(&history, window(0.0, 20.0));
    let count = samples.count(window(0.0, 20.0));
    assert_eq!((count.taken, count.missed), (5, 3));
    assert_eq!(count.resolution.map(|seconds| seconds.0.round()), Some(2.0));
    assert!(count.is_enough_for_shares() && !samples.count(window(0.0, 6.5)).is_enough_for_shares());
    let none = samples.count(window(100.0, 200.0));
    assert_eq!((none.taken, none.missed, none.resolution), (0, 0, None));
    assert!(window(0.0, 1.0).before().length() == Seconds(1.0));
}

#[test]
fn a_statement_that_was_cut_lost_its_tag_unless_that_stands_first() {
    let cut = |pid, query: &str| with(active(pid, query), row! { is_query_cut: true });
    let history =
        history([vec![cut(1, "SELECT aaaa..."), cut(2, "/*controller='a'*/ SELECT b..."), active(3, "select 1")]]);
    let all = window(0.0, 1.0);
    let count = samples(&history, all).count(all);
    assert_eq!((count.cut, count.has_tags), (1, true));
}

#[test]
fn ten_thousand_views_are_one_series_beyond_the_largest() {
    let view = |id: i32| format!("SELECT 1 /*controller='v{id}'*/");
    let history = history((0..10).map(|sample| {
        let views = (0..1000).map(|id| active(id, &view(sample * 1000 + id)));
        views.chain((0..50).map(|id| active(id, &view(7)))).collect()
    }));
    let all = window(0.0, 10.0);
    let mut samples = samples(&history, all);
    let series = samples.series(all, SliceFilter::ALL, Dimension::View, 6);
    assert_eq!((series.values.len(), &series.values[0]), (6, &named("v7")));
    assert!(series.points.iter().all(|point| point.active.as_ref().unwrap().iter().sum::<f64>() == 1050.0));
    assert_eq!(samples.rows(all, SliceFilter::ALL, Dimension::View, Dimension::Statement).len(), 10_000);
    // They are let go with their samples.
    samples.take(&history, window(9.0, 10.0));
    assert!(samples.held() < 2500, "{}", samples.held());
}

#[test]
fn a_slice_is_called_by_what_is_known_of_it() {
    let content = row! { app_label: "shop", model: "order" };
    let seen = snapshot().with("content_types", vec![content]).with("migrations", vec![]);
    let readings = Readings::of(seen);
    let label = |dimension, value: SliceValue| readings.slice_label(dimension, &value);
    assert_eq!(label(Dimension::View, SliceValue::Untagged("shop_order".into())), "(no tag) model shop.order");
    assert_eq!(label(Dimension::View, SliceValue::Untagged("".into())), "(no tag)");
    assert_eq!(label(Dimension::Model, named("shop_order")), "shop.order");
    assert_eq!(label(Dimension::View, named("(no tag)")), "(no tag)");
    assert_eq!(label(Dimension::Statement, SliceValue::Query(7)), "queryid 7");
    assert_eq!(label(Dimension::Task, SliceValue::Absent), "(no command or task)");
}

#[test]
fn a_recording_without_the_columns_has_slices_that_do_not_apply() {
    use crate::sample::{Reading, RowSet, Section, Value};
    let columns: Vec<_> = crate::pg::probes::find("activity").unwrap().columns.to_vec();
    let columns: Vec<_> = columns.into_iter().filter(|column| ["pid", "state"].contains(&&*column.name)).collect();
    let read = RowSet::new(columns.into(), [vec![Value::Int(1), Value::text("active")]]);
    let mut seen = snapshot().at(NOW + 1.0);
    seen.sections.insert("activity", Section::Ready(Arc::new(Reading { at: seen.at, rows: read })));
    let mut history = History::bounded(1 << 20);
    history.push(Arc::new(seen));
    let all = window(0.0, 1.0);
    let samples = samples(&history, all);
    assert_eq!(rows(&samples, all, SliceFilter::ALL, Dimension::WaitClass), ["named CPU 1.00"]);
    assert_eq!(rows(&samples, all, SliceFilter::ALL, Dimension::View), ["untagged  1.00"]);
    assert_eq!(rows(&samples, all, SliceFilter::ALL, Dimension::User), ["absent 1.00"]);
}

#[test]
fn many_samples_are_read_in_turns_the_newest_first() {
    let history = history((0..300).map(|_| vec![active(1, VIEW)]));
    let all = window(0.0, 300.0);
    let mut samples = LoadSamples::default();
    let mut counts = Vec::new();
    for _ in 0..4 {
        samples.take(&history, all);
        counts.push((samples.count(all).taken, samples.is_behind()));
    }
    assert_eq!(counts, [(120, true), (240, true), (300, false), (300, false)]);
    let mut samples = LoadSamples::default();
    samples.take(&history, window(0.0, 20.0));
    // Far behind the newest ones: these come first again.
    samples.take(&history, all);
    assert_eq!(samples.count(window(180.0, 300.0)).taken, 120);
}
