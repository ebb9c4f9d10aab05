//! What is known of one index, in words: why the verdict, when it would be wrong, and the code that mends it.

use super::super::sessions;
use super::figures::{IndexFigures, IndexOrMissing};
use crate::app::PaneView;
use crate::catalog::bloat::{Bloat, BloatConfidence};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::{IndexProblem, LEAST_BYTES, ReferringKey, key_only_served_by};
use crate::django::{IndexOrigin, index_for_key};
use crate::document::{Document, Language, Tone};
use crate::quote::{qualified, quote_ident};
use crate::readings::vacuum_horizon::VacuumHorizon;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};

/// Code that mends something.
pub(super) struct FixCode {
    /// The language it is written in.
    pub(super) language: Language,
    /// The code.
    pub(super) text: String,
}

/// Returns the code that mends an index; `None` where nothing is wrong with it.
pub(super) fn code(one: &IndexFigures, view: &PaneView<'_>) -> Option<FixCode> {
    let sql = |text: String| Some(FixCode { language: Language::Sql, text });
    match &one.subject {
        IndexOrMissing::Missing(key) => {
            let code = index_for_key(key, view.readings.project_for_code()).ok()?;
            match code.python() {
                Some(text) => Some(FixCode { language: Language::Python, text }),
                None => sql(code.sql),
            }
        }
        IndexOrMissing::Index(usage) => match one.verdicts.first() {
            Some(IndexProblem::BeingBuilt(_)) => None,
            None if !one.is_bloated() => None,
            // Another build would fail on the same duplicates.
            Some(IndexProblem::Invalid) if usage.is_unique => sql(usage.drop_statement()),
            Some(IndexProblem::Invalid) | None => {
                sql(format!("REINDEX INDEX CONCURRENTLY {};", qualified(&usage.schema, &usage.name)))
            }
            Some(_) => match view.readings.removal_of(usage).ok().and_then(|code| code.python()) {
                Some(text) => Some(FixCode { language: Language::Python, text }),
                None => sql(usage.drop_statement()),
            },
        },
    }
}

/// Everything known of an index.
pub(super) fn index(one: &IndexFigures, all: &[IndexFigures], view: &PaneView<'_>) -> Document {
    match &one.subject {
        IndexOrMissing::Missing(key) => missing(one, key, view),
        IndexOrMissing::Index(usage) => existing(one, usage, all, view),
    }
}

fn existing(one: &IndexFigures, usage: &IndexUsage, all: &[IndexFigures], view: &PaneView<'_>) -> Document {
    let mut document = Document::new(format!("Index {}", usage.label()));
    match (&usage.definition, usage.locked_by.is_empty()) {
        (Some(definition), _) => document.code(Language::Sql, &crate::ui::code::format_sql(definition)),
        (None, true) => document.text("Its definition has not been read yet."),
        (None, false) => document.text("Its definition cannot be read while its table is locked."),
    }
    if !usage.locked_by.is_empty() {
        let lockers = sessions::lockers(view, &usage.table_label(), &usage.locked_by);
        document.text(&format!("No new figures: {lockers} ACCESS EXCLUSIVE on {}.", usage.table_label()));
    }
    for pid in &usage.locked_by {
        document.text(&sessions::who(view, *pid));
    }
    facts(&mut document, one, usage, view);
    for verdict in &one.verdicts {
        document.heading(verdict.word());
        document.text(&why(verdict, usage, all, view));
    }
    too_small(&mut document, one, usage, all, view);
    if let Some(key) = one.verdicts.iter().find_map(|verdict| only_of_key(verdict, usage, view)) {
        document.text(&format!(
            "It is the only index that starts with the foreign key {}: without it, each delete of a row of {} and \
             each change of its key scans the whole of {}. Remove it only if neither happens.",
            key.name, key.referred_table, key.table
        ));
    }
    if one.verdicts.is_empty() && one.is_bloated() {
        document.heading("bloated");
        document.text("REINDEX CONCURRENTLY reclaims the space without blocking writes.");
        if let Some(first) = view.readings.horizon().ok().and_then(VacuumHorizon::before_a_rebuild) {
            document.text_as(&first, Tone::Warning);
        }
    }
    if let Some(code) = code(one, view) {
        document.heading("What to do");
        document.text(advice(one.verdicts.first(), usage));
        document.code(code.language, &code.text);
        if code.language == Language::Python {
            document.text("Or by hand:");
            document.code(Language::Sql, &usage.drop_statement());
        } else if one.verdicts.first() == Some(&IndexProblem::Invalid) {
            if !usage.is_unique {
                document.text("Or drop it:");
                document.code(Language::Sql, &usage.drop_statement());
            }
            if let Some(query) = repeated_keys(usage) {
                document.text("The index is UNIQUE; its build fails while duplicates exist. Find them:");
                document.code(Language::Sql, &query);
            }
        }
        document.copied = Some(code.text);
    }
    document
}

/// What is true of an index that is not worth a change.
fn too_small(
    document: &mut Document,
    one: &IndexFigures,
    usage: &IndexUsage,
    all: &[IndexFigures],
    view: &PaneView<'_>,
) {
    if one.too_small.is_empty() {
        return;
    }
    document.heading("Too small to matter");
    for fact in &one.too_small {
        document.text(&why(fact, usage, all, view));
    }
    document.text(&format!("Keeping it costs next to nothing: pgdj gives a verdict from {LEAST_BYTES} on."));
}

fn facts(document: &mut Document, one: &IndexFigures, usage: &IndexUsage, view: &PaneView<'_>) {
    let now = view.newer.at;
    document.heading("Figures");
    let model = one.owner.as_ref().map(|owner| format!(" ({})", owner.shown())).unwrap_or_default();
    document.pair("table", &format!("{}{model}", usage.table_label()));
    document.pair("defined by", &one.from.as_ref().map(IndexOrigin::words).unwrap_or_default());
    document.pair("size", &usage.size_words());
    let scans = usage.scans.map_or_else(|| "?".to_owned(), |scans| Count(scans).to_string());
    document.pair("scans", &format!("{scans}, {}", view.readings.counting().words(now)));
    if let Some(at) = usage.last_scan {
        document.pair("last scan", &format!("{} ago", Seconds((now.0 - at.0).max(0.0))));
    }
    if let Some((read, fetched)) = usage.entries_read.zip(usage.rows_fetched) {
        document.pair("entries read", &format!("{}, {} fetched", Count(read), Count(fetched).of("row", "rows")));
    }
    if let Some(share) = usage.hit_share() {
        document.pair("cache hits", &Share(share).to_string());
    }
    if !usage.options.is_empty() {
        document.pair("storage parameters", &usage.options.join(", "));
    }
    match &one.bloat {
        None => {}
        Some(Bloat::CannotEstimate(unknown)) => document.pair("bloat", &unknown.words()),
        Some(Bloat::Known(amount)) => {
            let how = match amount.confidence {
                BloatConfidence::Measured => {
                    let when = one.measured_at.map(|at| format!(" at {}", crate::app::screen::clock_text(at)));
                    format!("measured by pgstatindex{}", when.unwrap_or_default())
                }
                confidence => format!("estimate, {confidence}; b measures exactly"),
            };
            document.pair("bloat", &amount.words());
            document.pair("bloat source", &how);
        }
    }
    let needed: Vec<&str> = [
        (usage.is_primary, "primary key"),
        (usage.is_unique && !usage.is_primary, "uniqueness"),
        (usage.is_constraint && !usage.is_primary, "a constraint"),
        (usage.is_replica_identity, "replica identity"),
        (usage.is_clustered, "CLUSTER"),
    ]
    .iter()
    .filter(|(is, _)| *is)
    .map(|(_, what)| *what)
    .collect();
    if !needed.is_empty() {
        let (title, doubt) =
            if usage.is_valid { ("needed for", "") } else { ("meant for", " (not while the index is invalid)") };
        document.pair(title, &format!("{}{doubt}", needed.join(", ")));
    }
}

/// Returns the foreign key that would be without an index, were this unused one gone.
fn only_of_key<'a>(verdict: &IndexProblem, usage: &IndexUsage, view: &PaneView<'a>) -> Option<&'a ReferringKey> {
    if !matches!(verdict, IndexProblem::Unused { .. }) {
        return None;
    }
    key_only_served_by(usage, view.readings.foreign_keys().ok()?, view.readings.indexes().ok()?)
}

/// Returns the query that finds the keys a unique index cannot be built over; `None` where it is not unique or no plain one.
fn repeated_keys(usage: &IndexUsage) -> Option<String> {
    let is_plain = usage.is_unique && !usage.is_expression && !usage.is_partial;
    let keys: Vec<String> = usage.key_names().filter(|name| !name.is_empty()).map(quote_ident).collect();
    let keys = keys.join(", ");
    (is_plain && !keys.is_empty()).then(|| {
        let table = qualified(&usage.schema, &usage.table);
        format!("SELECT {keys}, count(*) FROM {table} GROUP BY {keys} HAVING count(*) > 1 LIMIT 100;")
    })
}

fn name_of(oid: i64, all: &[IndexFigures]) -> String {
    all.iter().find(|one| one.id() == oid).map_or_else(|| format!("index {oid}"), IndexFigures::name)
}

fn why(verdict: &IndexProblem, usage: &IndexUsage, all: &[IndexFigures], view: &PaneView<'_>) -> String {
    match verdict {
        IndexProblem::BeingBuilt(pid) => {
            format!("Pid {pid} builds it at this moment; no statement can use it before that is done.")
        }
        IndexProblem::Invalid => {
            "Its build failed or is still running: no statement can use it, but writes may already \
            maintain it. Before you touch it, check Activity for a running CREATE INDEX CONCURRENTLY."
                .to_owned()
        }
        IndexProblem::DuplicateOf(other) => {
            format!("It duplicates {}: one of the two is enough.", name_of(*other, all))
        }
        IndexProblem::CoveredBy(other) => format!(
            "{} starts with the same keys and serves the same lookups. Keep this one only if it is much smaller and \
             its index-only scans matter.",
            name_of(*other, all)
        ),
        IndexProblem::Unused { is_suspicion } => {
            let size = usage.size().map_or_else(String::new, |bytes| format!(" of {}", Bytes(bytes)));
            let words = view.readings.counting().words(view.newer.at);
            let caution = if *is_suspicion { " That is too short to be sure: monthly reports may use it." } else { "" };
            format!(
                "No scan of this index{size}, {words}.{caution} Each server has its own counters: check \
                 the standbys too. Scans by foreign key checks are counted."
            )
        }
    }
}

fn advice(verdict: Option<&IndexProblem>, usage: &IndexUsage) -> &'static str {
    match verdict {
        Some(IndexProblem::Invalid) if usage.is_unique => {
            "Drop it. Some rows have the same key: find them (the query is below), decide which of them are right, merge or \
             change the others, and run the migration again:"
        }
        Some(IndexProblem::Invalid) => "Rebuild it (PostgreSQL 12 and later), or drop it and run the migration again:",
        Some(IndexProblem::Unused { is_suspicion: true }) => {
            "If it is still unused after a month, here and on every standby, remove it without blocking writes:"
        }
        Some(_) => "Remove it without blocking writes:",
        None => "Rebuild it:",
    }
}

fn missing(one: &IndexFigures, key: &ReferringKey, view: &PaneView<'_>) -> Document {
    let mut document = Document::new(format!("No index for {}", key.name));
    let model = one.owner.as_ref().map(|owner| format!(" ({})", owner.shown())).unwrap_or_default();
    document.pair("table", &format!("{}{model}", key.table_label()));
    document.pair("columns", &key.columns.join(", "));
    document.pair("refers to", &key.referred_table);
    let tables = view.readings.tables().unwrap_or_default();
    let find = |relid| tables.iter().find(|table| table.relid == relid);
    if let Some(rows) = find(key.relid).and_then(TableUsage::rows) {
        document.pair("rows read each time", &Count(rows).to_string());
    }
    if let Some(deletes) = find(key.referred_relid).and_then(|table| table.deletes) {
        let words = view.readings.counting().words(view.newer.at);
        document.pair("deletes there", &format!("{}, {words}", Count(deletes)));
    }
    if one.searches.share > 0.0 {
        let share = one.searches.share();
        document.pair("searches by it", &format!("{share} of the time of all statements (pg_stat_statements)"));
        document.pair("most of it", &one.searches.words());
    }
    document.text(
        "Each delete of a referenced row and each change of its key scans the whole table; so does every lookup from \
         the other side. The index is unnecessary only if referenced rows are never deleted and no query \
         follows the reverse relation (…_set or related_name).",
    );
    let Ok(code) = index_for_key(key, view.readings.project_for_code()) else { return document };
    document.heading("What to do");
    if let Some(python) = code.python() {
        document.code(Language::Python, &python);
        document.text("Or by hand:");
        document.copied = Some(python);
    } else {
        document.copied = Some(code.sql.clone());
    }
    document.code(Language::Sql, &code.sql);
    document
}
