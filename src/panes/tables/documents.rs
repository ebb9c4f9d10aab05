//! What is known of one table, in words, and what may be done about it.

use super::super::sessions;
use super::figures::TableFigures;
use crate::app::PaneView;
use crate::catalog::autovacuum::{self, ThresholdProgress};
use crate::catalog::bloat::{Bloat, BloatConfidence};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::usage::IndexProblem;
use crate::django::{MigrationFile, ThereAndBack, migration_of_sql};
use crate::document::{Document, Language};
use crate::quote::qualified;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds, Timestamp};

/// Rows from which a share of the table is too late a threshold. Source: manual 24.1.6; shared practice for large tables.
const LARGE: f64 = 1_000_000.0;
/// Bloat from which a rewrite is worth a thought: share, bytes.
const WORTH_A_REWRITE: (f64, f64) = (0.4, 100.0 * 1024.0 * 1024.0);
/// Dead rows that are worth a vacuum by hand.
const WORTH_A_VACUUM: f64 = 10_000.0;

/// One thing to do: why, the statement, and its way back where it is a setting.
pub(super) struct TableAdvice {
    /// Why, in a sentence.
    pub(super) why: String,
    /// The statement.
    pub(super) sql: String,
    /// The statement that undoes it, where it belongs into a migration.
    pub(super) undo: Option<String>,
}

/// Returns what may be done about a table; nothing where nothing asks for it.
pub(super) fn advice(one: &TableFigures) -> Vec<TableAdvice> {
    let usage = &one.usage;
    let name = qualified(&usage.schema, &usage.name);
    let mut found = Vec::new();
    let is_enabled = one.due.as_ref().is_none_or(|due| due.is_enabled);
    let vacuum = one.due.as_ref().and_then(|due| due.vacuum);
    if !is_enabled && !usage.is_partitioned() {
        found.push(TableAdvice {
            why: "Autovacuum is off for this table. Re-enable it, unless your own job vacuums the table:".to_owned(),
            sql: format!("ALTER TABLE {name} RESET (autovacuum_enabled);"),
            undo: Some(format!("ALTER TABLE {name} SET (autovacuum_enabled = false);")),
        });
    }
    found.extend(one.vacuum_pid.and_then(|pid| slowed(one, pid)));
    let is_due = vacuum.is_some_and(|progress| progress.share() >= 1.0 && progress.counted >= WORTH_A_VACUUM);
    // A second vacuum would only wait for the one that runs.
    if is_due && !one.is_held_back && one.vacuum_pid.is_none() {
        found.push(TableAdvice {
            why: if is_enabled {
                "Dead rows exceed the autovacuum threshold; autovacuum is late, or an old transaction holds it back:"
            } else {
                "Dead rows exceed the autovacuum threshold, and autovacuum is off for this table:"
            }
            .to_owned(),
            sql: format!("VACUUM (ANALYZE) {name};"),
            undo: None,
        });
    }
    if usage.lacks_statistics() {
        found.push(TableAdvice {
            why: "It was never analyzed, so the planner uses defaults.".to_owned(),
            sql: format!("ANALYZE {name};"),
            undo: None,
        });
    }
    let has_own_scale = usage.option("autovacuum_vacuum_scale_factor").is_some();
    let is_large = usage.rows().unwrap_or(0.0) >= LARGE && !has_own_scale;
    if let Some(change) = vacuum.filter(|_| is_large).and_then(|due| autovacuum::start_earlier(usage, due.threshold)) {
        found.push(TableAdvice {
            why: "For a table of this size, 20% dead rows is late. Vacuum at 2%:".to_owned(),
            sql: change.sql,
            undo: Some(change.undo),
        });
    }
    let amount = one.bloat.as_ref().and_then(Bloat::amount);
    if let Some(amount) = amount.filter(|found| found.share >= WORTH_A_REWRITE.0 && found.bytes.0 >= WORTH_A_REWRITE.1)
    {
        found.push(TableAdvice {
            why: format!(
                "{} are free space. New rows will fill it; pg_repack reclaims it while the application runs. VACUUM \
                 FULL locks the table until it is done:",
                amount.bytes
            ),
            sql: format!("VACUUM (FULL, ANALYZE) {name};"),
            undo: None,
        });
    }
    found
}

/// Says how to speed up a vacuum that runs and that the table's own cost settings slow down.
///
/// The statement takes the lock that the vacuum holds: an autovacuum then stops, and starts again without these settings.
fn slowed(one: &TableFigures, pid: i64) -> Option<TableAdvice> {
    let usage = &one.usage;
    let own = |name| Some(format!("{name}={}", usage.option(name)?));
    let own: Vec<String> =
        ["autovacuum_vacuum_cost_delay", "autovacuum_vacuum_cost_limit"].into_iter().filter_map(own).collect();
    let change = autovacuum::work_faster(usage).filter(|_| !own.is_empty())?;
    Some(TableAdvice {
        why: format!(
            "A vacuum is running here (pid {pid}), slowed by the table's own settings {}. Reset them: the lock this needs \
             stops an autovacuum, which then starts again at the server's speed:",
            own.join(" and ")
        ),
        sql: change.sql,
        undo: Some(change.undo),
    })
}

/// Everything known of a table.
pub(super) fn table(one: &TableFigures, view: &PaneView<'_>) -> Document {
    let usage = &one.usage;
    let mut document = Document::new(format!("Table {}", usage.label()));
    if !usage.locked_by.is_empty() {
        locked(&mut document, one, view);
    }
    sizes(&mut document, one);
    upkeep(&mut document, one, view);
    own_settings(&mut document, one, view);
    traffic(&mut document, one);
    let advice = advice(one);
    if !advice.is_empty() {
        document.heading("What to do");
    }
    for one_advice in &advice {
        document.text(&one_advice.why);
        document.code(Language::Sql, &one_advice.sql);
        if let Some(migration) = migration(one, one_advice, view) {
            document.text(&format!("As a Django migration, {}:", migration.path));
            document.code(Language::Python, &migration.text);
        }
    }
    document.copied = advice.into_iter().next().map(|advice| advice.sql);
    indexes(&mut document, one, view);
    document
}

/// Returns the migration of a setting, where the table has a model.
fn migration(one: &TableFigures, advice: &TableAdvice, view: &PaneView<'_>) -> Option<MigrationFile> {
    let sql = ThereAndBack { there: &advice.sql, back: advice.undo.as_deref()? };
    migration_of_sql(&one.usage.name, "autovacuum", sql, view.readings.project())
}

fn locked(document: &mut Document, one: &TableFigures, view: &PaneView<'_>) {
    let age = one.usage.sizes_at.map(|at| Seconds((view.newer.at.0 - at.0).max(0.0)));
    let age = age.map_or_else(|| "never read".to_owned(), |age| format!("{age} old"));
    document.text(&format!(
        "{} ACCESS EXCLUSIVE on it: its sizes are {age} until the lock is released.",
        sessions::lockers(view, &one.usage.label(), &one.usage.locked_by)
    ));
    for pid in &one.usage.locked_by {
        document.text(&sessions::who(view, *pid));
    }
}

fn sizes(document: &mut Document, one: &TableFigures) {
    let usage = &one.usage;
    if let Some(owner) = &one.owner {
        document.pair("model", &format!("{} ({})", owner.label(), owner.certainty.words()));
    }
    document.pair("size", &usage.size().map_or_else(|| "?".to_owned(), |size| Bytes(size).to_string()));
    if let Some((heap, total)) = usage.heap_bytes.zip(usage.total_bytes) {
        document.pair("heap", &Bytes(heap).to_string());
        match usage.toast_bytes.zip(usage.index_bytes) {
            Some((toast, indexes)) => {
                document.pair("TOAST, FSM, VM", &Bytes(toast).to_string());
                document.pair("indexes", &Bytes(indexes).to_string());
            }
            None => document.pair("indexes and TOAST", &Bytes((total - heap).max(0.0)).to_string()),
        }
    }
    let number = |number: Option<f64>| number.map_or_else(|| "?".to_owned(), |number| Count(number).to_string());
    if usage.has_lost_counters() {
        let estimate = match usage.rows() {
            Some(rows) => format!("{} at the last ANALYZE", Count(rows)),
            None => "never analyzed".to_owned(),
        };
        document.pair("live rows", &format!("? (counters were reset; {estimate})"));
        document.pair("dead rows", &format!("? ({} since the counters were reset)", number(usage.dead)));
    } else {
        document.pair("live rows, estimated", &number(usage.live));
        document.pair("dead rows, estimated", &number(usage.dead));
    }
    match &one.bloat {
        None => document.pair("bloat", "not read yet"),
        Some(Bloat::CannotEstimate(unknown)) => {
            document.pair("bloat", &unknown.words());
            if let Some(remedy) = &unknown.remedy {
                document.pair("what helps", remedy);
            }
        }
        Some(Bloat::Known(amount)) => {
            let when = one.measured_at.map(|at| format!(" at {}", crate::app::screen::clock_text(at)));
            let how = match amount.confidence {
                BloatConfidence::Measured => format!("measured by pgstattuple_approx{}", when.unwrap_or_default()),
                confidence => format!("estimate, {confidence}; b measures exactly"),
            };
            document.pair("bloat", &amount.words());
            document.pair("bloat source", &how);
        }
    }
    if !usage.options.is_empty() {
        document.pair("storage parameters", &usage.options.join(", "));
    }
}

fn upkeep(document: &mut Document, one: &TableFigures, view: &PaneView<'_>) {
    let now = view.newer.at;
    document.heading("Maintenance");
    if let Some(running) = running_vacuum(one, view) {
        document.pair("vacuum running", &running);
    }
    if one.is_held_back {
        document.text("A vacuum ran a moment ago and left the dead rows.");
        let vacuumed = one.usage.last_vacuum.and_then(|last| now.since(last));
        document.pair("held back by", &sessions::vacuum_holder(view, vacuumed));
    }
    let ago = |at: Option<Timestamp>| {
        at.map_or_else(
            || "never (since the counters were reset)".to_owned(),
            |at| format!("{} ago", Seconds((now.0 - at.0).max(0.0))),
        )
    };
    document.pair("last vacuum", &ago(one.usage.last_vacuum));
    document.pair("last analyze", &ago(one.usage.last_analyze));
    let Some(due) = &one.due else { return };
    if !due.is_enabled {
        document.pair("autovacuum", "off for this table (except to prevent wraparound)");
    }
    let when = |progress: Option<ThresholdProgress>, what: &str| match progress {
        _ if !due.is_enabled => "none: autovacuum is off".to_owned(),
        progress => due_at(progress, what),
    };
    document.pair("vacuum due at", &when(due.vacuum, "dead rows"));
    if due.is_enabled && due.inserts.is_some() {
        document.pair("insert vacuum at", &when(due.inserts, "inserted rows"));
    }
    document.pair("analyze due at", &when(due.analyze, "changed rows"));
    // To prevent wraparound autovacuum comes also where it is off.
    document.pair("forced vacuum at", &due_at(due.freeze, "transactions of age"));
}

/// Returns a threshold and how near it is: `1.1k dead rows: 18k now (16×)`.
fn due_at(progress: Option<ThresholdProgress>, what: &str) -> String {
    let Some(one) = progress else { return "?".to_owned() };
    let share = one.share();
    let share = match share {
        share if share >= 2.0 => format!(" ({}×)", Count(share)),
        share if share > 0.0 => format!(" ({})", Share(share)),
        _ => String::new(),
    };
    format!("{} {what}: {} now{share}", Count(one.threshold), Count(one.counted))
}

/// Returns how far the vacuum of this table is, where one runs.
fn running_vacuum(one: &TableFigures, view: &PaneView<'_>) -> Option<String> {
    let vacuum = view.readings.vacuums().iter().find(|vacuum| vacuum.relid == one.usage.relid)?;
    let scanned = vacuum.scanned.map(|share| format!(", {} scanned", Share(share))).unwrap_or_default();
    let phase = if vacuum.phase.is_empty() { "this role cannot see the phase" } else { &vacuum.phase };
    Some(format!("pid {}, {phase}{scanned}", vacuum.pid))
}

/// The table's own settings of autovacuum: what each means, and what the server has.
fn own_settings(document: &mut Document, one: &TableFigures, view: &PaneView<'_>) {
    let own: Vec<(&str, &str)> = one
        .usage
        .options
        .iter()
        .filter_map(|option| option.split_once('='))
        .filter(|(name, _)| name.trim_start_matches("toast.").starts_with("autovacuum_"))
        .collect();
    if own.is_empty() {
        return;
    }
    document.heading("Autovacuum settings of this table");
    let settings = view.readings.settings().ok();
    for (name, value) in own {
        let plain = name.trim_start_matches("toast.");
        let server = if plain == "autovacuum_enabled" { "autovacuum" } else { plain };
        let server = settings.and_then(|settings| settings.text(server));
        document.pair(name, &own_setting(plain, value, server));
    }
}

/// Returns a setting of the table beside the server's: `100 ms (server: 2 ms; 0 = no delay)`.
fn own_setting(parameter: &str, value: &str, server: Option<&str>) -> String {
    let unit = if parameter == "autovacuum_vacuum_cost_delay" { " ms" } else { "" };
    // The default is that of another setting. Source: manual, "Automatic Vacuuming".
    let stands_for = match (parameter, server) {
        ("autovacuum_vacuum_cost_limit", Some("-1")) => " (uses vacuum_cost_limit)",
        ("autovacuum_vacuum_cost_delay", Some("-1")) => " (uses vacuum_cost_delay)",
        _ => "",
    };
    let server = server.map(|server| match stands_for {
        "" => format!("server: {server}{unit}"),
        stands_for => format!("server: {server}{stands_for}"),
    });
    let is_off = parameter == "autovacuum_enabled" && matches!(value, "false" | "off" | "no" | "0" | "f" | "n");
    let meaning = match parameter {
        "autovacuum_enabled" if is_off => "; only anti-wraparound vacuums run".to_owned(),
        "autovacuum_enabled" => String::new(),
        parameter => format!("; {}", meaning(parameter)),
    };
    match server {
        Some(server) if parameter == "autovacuum_enabled" => format!("{value} ({server}){meaning}"),
        Some(server) => format!("{value}{unit} ({server}{meaning})"),
        None => format!("{value}{unit}{meaning}"),
    }
}

/// Returns what a storage parameter of autovacuum means. Source: manual, CREATE TABLE, "Storage Parameters"; 24.1.6.
fn meaning(parameter: &str) -> &'static str {
    match parameter {
        "autovacuum_vacuum_threshold" => "minimum dead rows",
        "autovacuum_vacuum_scale_factor" => "plus this share of the rows",
        "autovacuum_vacuum_max_threshold" => "maximum dead rows",
        "autovacuum_vacuum_insert_threshold" => "minimum inserted rows; -1 is never",
        "autovacuum_vacuum_insert_scale_factor" => "plus this share of the rows",
        "autovacuum_analyze_threshold" => "minimum changed rows before an analyze",
        "autovacuum_analyze_scale_factor" => "plus this share of the rows",
        "autovacuum_vacuum_cost_delay" => "0 = no delay",
        "autovacuum_vacuum_cost_limit" => "cost limit between two delays",
        "autovacuum_freeze_max_age" => "age in transactions that forces a vacuum",
        "autovacuum_multixact_freeze_max_age" => "age in multixacts that forces a vacuum",
        _ => "see CREATE TABLE in the PostgreSQL manual",
    }
}

fn traffic(document: &mut Document, one: &TableFigures) {
    let usage = &one.usage;
    document.heading("Since the counters were reset");
    let number = |number: Option<f64>| number.map_or_else(|| "?".to_owned(), |number| Count(number).to_string());
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| Share(share).to_string());
    document.pair("sequential scans", &format!("{}, {} rows read", number(usage.seq_scan), number(usage.seq_tup_read)));
    document.pair("index scans", &number(usage.idx_scan));
    document.pair("sequential share of scans", &share(usage.seq_scan_share()));
    document.pair(
        "rows written",
        &format!(
            "{} inserted, {} updated, {} deleted",
            number(usage.inserts),
            number(usage.updates),
            number(usage.deletes)
        ),
    );
    document.pair("HOT updates", &share(usage.hot_share()));
}

fn indexes(document: &mut Document, one: &TableFigures, view: &PaneView<'_>) {
    let Ok(all) = view.readings.indexes() else { return };
    let judgements = view.readings.judgements();
    let mut own: Vec<&IndexUsage> = all.iter().filter(|index| index.relid == one.usage.relid).collect();
    own.sort_by(|left, right| right.size().unwrap_or(0.0).total_cmp(&left.size().unwrap_or(0.0)));
    document.heading(&format!("Indexes: {}", own.len()));
    for index in own {
        let verdicts = judgements.of(index.indexrelid).into_iter().flat_map(|judged| &judged.verdicts);
        let words: Vec<&str> = verdicts.map(IndexProblem::word).collect();
        let size = index.size_words();
        let scans = index.scans.map_or_else(|| "? scans".to_owned(), |scans| Count(scans).of("scan", "scans"));
        let keys: Vec<&str> =
            index.key_names().map(|name| if name.is_empty() { "(expression)" } else { name }).collect();
        document.pair(&index.name, &format!("({}) {size}, {scans} {}", keys.join(", "), words.join(", ")));
    }
}
