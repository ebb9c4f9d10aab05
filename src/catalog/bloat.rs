//! How much of a table's heap is dead or free beyond what its fillfactor keeps free.
//!
//! Measured by `pgstattuple_approx` where it was asked for, else estimated from the statistics after ioguix
//! (pgsql-bloat-estimation), with the padding of each column reckoned in its place in the row; else said to be unknown.
//! TOAST is not part of it. Measured on 12, 15 and 18: within 5 points of `pgstattuple` on the cases of `tests/it/bloat.rs`.
//! Pages that a bulk load added in advance (16 on, up to 64) count as free here, and not in `pgstattuple`, which skips new pages.

use std::collections::HashMap;
use std::fmt;

use super::rows;
use super::table_usage::TableUsage;
use crate::quote::qualified;
use crate::sample::unit::Share;
use crate::sample::{Bytes, Missing, Row, RowSet, ServerFacts, Snapshot, Timestamp};

/// Bytes at the head of a page; `SizeOfPageHeaderData`.
const PAGE_HEADER: f64 = 24.0;
/// Bytes of a line pointer; `ItemIdData`.
const LINE_POINTER: f64 = 4.0;
/// Bytes of a row's fixed header before the null bitmap; `SizeofHeapTupleHeader`.
const ROW_HEADER: f64 = 23.0;
/// Alignment of rows on 64-bit servers; `MAXIMUM_ALIGNOF`.
const MAX_ALIGN: f64 = 8.0;
/// A heap of fewer pages is too small for a meaningful percentage: one page more or less decides it.
pub const TINY_PAGES: f64 = 16.0;
/// From this share of rows changed since the last analyze on, the widths of the columns are doubtful.
pub const ROUGH_CHANGE: f64 = 0.25;
/// Up to this share of change the figures of the last vacuum or analyze stand.
const SETTLED_CHANGE: f64 = 0.02;
/// Where the figures of then and of now are further apart than this, no number is shown.
const WIDEST_DOUBT: f64 = 0.05;
/// Rows that would overflow the heap by more than this are not as the statistics say.
const MISFIT: f64 = 0.05;

/// From where on bloat is worth a word: a share together with so many bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BloatLimits {
    /// Worth a word: from this share, 0..=1, and
    notice_share: f64,
    /// from so many bytes on.
    notice_bytes: f64,
    /// It costs: from this share, 0..=1, and
    warning_share: f64,
    /// from so many bytes on.
    warning_bytes: f64,
}

impl BloatLimits {
    /// Those of a table. Source: `check_postgres` and pgwatch look from 30 % on; some room free is how an updated table
    /// lives.
    pub const TABLE: Self = Self {
        notice_share: 0.30,
        notice_bytes: 10.0 * 1024.0 * 1024.0,
        warning_share: 0.50,
        warning_bytes: 1024.0 * 1024.0 * 1024.0,
    };
    /// Those of an index: a b-tree that rows are put into in no order is a third empty by itself.
    pub const INDEX: Self = Self { notice_share: 0.40, warning_share: 0.40, ..Self::TABLE };

    /// Whether bloat is worth a word.
    pub fn is_notable(self, amount: &Amount) -> bool {
        amount.share >= self.notice_share && amount.bytes.0 >= self.notice_bytes
    }

    /// Whether it costs.
    pub fn is_serious(self, amount: &Amount) -> bool {
        amount.share >= self.warning_share && amount.bytes.0 >= self.warning_bytes
    }
}

/// How bloated a relation is, or why that cannot be said.
#[derive(Debug, Clone, PartialEq)]
pub enum Bloat {
    /// A number, with where it is from.
    Known(Amount),
    /// No number that is one.
    CannotEstimate(Unknown),
}

/// How much is bloat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount {
    /// Share of the relation that is dead or free beyond its fillfactor's room, 0..=1.
    pub share: f64,
    /// That share in bytes.
    pub bytes: Bytes,
    /// How it was found.
    pub method: BloatMethod,
    /// How far to trust it.
    pub confidence: BloatConfidence,
}

/// An estimate below this share may be nothing at all: freshly built tables and indexes were estimated at up to 13 %.
const ERROR_SHARE: f64 = 0.15;

impl Amount {
    /// Whether it is an estimate that is no larger than its error.
    pub fn is_within_error(&self) -> bool {
        self.method != BloatMethod::Exact && self.share < ERROR_SHARE
    }

    /// Returns the share and the bytes: `23% (1.2 MB)`; of an estimate within its error, only that.
    pub fn words(&self) -> String {
        if self.is_within_error() {
            return format!("less than {}, within the error of the estimate", Share(ERROR_SHARE));
        }
        format!("{} ({})", Share(self.share), self.bytes)
    }
}

/// How bloat was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BloatMethod {
    /// By `pgstattuple_approx`, or `pgstatindex`.
    Exact,
    /// By the statistics.
    Estimate,
}

/// How far to trust a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BloatConfidence {
    /// It was counted.
    Measured,
    /// Few rows changed since the statistics were made: within 5 points for a full heap, 10 for an index.
    Good,
    /// Of a b-tree that stores equal keys once: how well they are merged is not in the statistics.
    Deduplicated,
    /// This share of the rows changed since the statistics were made.
    Rough(f64),
}

/// Why no number can be given.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// Why, in a few words.
    pub why: String,
    /// What would change it: a statement.
    pub remedy: Option<String>,
    /// Between which shares it is, 0..=1, where that is known.
    pub range: Option<(f64, f64)>,
}

impl Unknown {
    /// Returns it for a person: `74% to 79% (statistics are stale; …)`, or that it cannot be estimated and why.
    pub fn words(&self) -> String {
        match self.range {
            Some((low, high)) => format!("{} to {} ({})", Share(low), Share(high), self.why),
            None => format!("cannot estimate: {}", self.why),
        }
    }
}

impl Bloat {
    /// No number, but two: the statistics are older than what changed.
    fn between(low: f64, high: f64, remedy: String) -> Self {
        let range = Some((low.clamp(0.0, 1.0), high.clamp(0.0, 1.0)));
        let why = "statistics are stale; ANALYZE makes it exact enough".to_owned();
        Self::CannotEstimate(Unknown { why, remedy: Some(remedy), range })
    }

    pub(super) fn unknown(why: impl Into<String>, remedy: Option<String>) -> Self {
        Self::CannotEstimate(Unknown { why: why.into(), remedy, range: None })
    }

    /// Returns the amount, where there is one.
    pub fn amount(&self) -> Option<&Amount> {
        match self {
            Self::Known(amount) => Some(amount),
            Self::CannotEstimate(_) => None,
        }
    }

    /// Returns the bloat that `pgstattuple_approx` or `pgstattuple` measured, of percents of dead and free space.
    pub fn measured(dead_percent: f64, free_percent: f64, fillfactor: f64, heap: Bytes) -> Self {
        let share = beyond_fillfactor((dead_percent + free_percent) / 100.0, fillfactor).clamp(0.0, 1.0);
        Self::Known(Amount {
            share,
            bytes: Bytes(share * heap.0),
            method: BloatMethod::Exact,
            confidence: BloatConfidence::Measured,
        })
    }
}

impl fmt::Display for BloatMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exact => "measured",
            Self::Estimate => "estimate",
        })
    }
}

impl fmt::Display for BloatConfidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measured => f.pad("measured"),
            Self::Good => f.pad(&format!("good: under {} changed since analyze", Share(ROUGH_CHANGE))),
            Self::Deduplicated => f.pad("rough: it stores equal keys once, and the statistics do not say how well"),
            Self::Rough(changed) => {
                f.pad(&format!("rough: {} of the rows changed since the last analyze", Share(*changed)))
            }
        }
    }
}

/// What the statistics say of a heap: a row of `column_stats`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeapStats {
    /// Each column in order as `width align kind nulls`; see [`row_width`].
    pub layout: String,
    /// Whether a column has no statistics or is of type `name`.
    pub is_na: bool,
    /// Whether there is any statistic this role sees.
    pub has_statistics: bool,
    /// Whether this role may read the table, and with it its statistics; `None` where that was not asked.
    pub may_read: Option<bool>,
    /// Percent of a page that inserts may fill.
    pub fillfactor: f64,
    /// Pages at the last vacuum or analyze.
    pub pages: f64,
    /// Rows at the last vacuum or analyze; negative where there was none.
    pub reltuples: f64,
}

impl HeapStats {
    /// Reads a row of `column_stats`.
    pub fn of(row: &Row<'_>) -> Self {
        Self {
            layout: row.text("layout").to_owned(),
            is_na: row.flag("is_na").unwrap_or(true),
            has_statistics: row.flag("has_statistics").unwrap_or(false),
            may_read: row.flag("may_read"),
            fillfactor: row.number("fillfactor").unwrap_or(100.0),
            pages: row.number("pages").unwrap_or_default(),
            reltuples: row.number("reltuples").unwrap_or(-1.0),
        }
    }
}

/// Returns the estimated bloat of every table with a heap, by its oid, or why there is none.
pub fn estimates(snapshot: &Snapshot, tables: &[TableUsage]) -> Result<HashMap<i64, Bloat>, Missing> {
    let stats: HashMap<i64, HeapStats> = rows(snapshot, "column_stats")?
        .iter()
        .filter_map(|row| Some((row.int("relid")?, HeapStats::of(&row))))
        .collect();
    let block = block_size(snapshot);
    let server = &snapshot.server;
    let is_older = |table: &TableUsage| is_read_before_analyze(snapshot, "column_stats", table.last_analyze);
    let bloat = |table: &TableUsage| {
        let stats = stats.get(&table.relid)?;
        let may_read = stats.may_read != Some(false);
        let bloat =
            if may_read && is_older(table) { read_before_analyze() } else { estimate(stats, table, block, server) };
        Some((table.relid, bloat))
    };
    Ok(tables.iter().filter_map(bloat).collect())
}

/// Whether the statistics that pgdj read are those of before an analyze that it knows of: they are read less often.
pub(super) fn is_read_before_analyze(snapshot: &Snapshot, probe: &str, analyze: Option<Timestamp>) -> bool {
    let read = snapshot.section(probe).reading().map(|reading| reading.at);
    read.zip(analyze).is_some_and(|(read, analyze)| read.0 < analyze.0)
}

/// No number, until the statistics of the last analyze are read.
pub(super) fn read_before_analyze() -> Bloat {
    Bloat::unknown("pgdj read the statistics before the last analyze; they are read again shortly", None)
}

/// Returns the server's block size in bytes.
pub(super) fn block_size(snapshot: &Snapshot) -> f64 {
    let settings = snapshot.rows("settings").into_iter().flat_map(RowSet::iter);
    let mut of_block = settings.filter(|row| row.text("name") == "block_size");
    of_block.next().and_then(|row| row.text("value").parse().ok()).unwrap_or(8192.0)
}

/// Returns the bloat of a heap by its statistics; the server's facts say what would make them readable.
pub fn estimate(stats: &HeapStats, table: &TableUsage, block: f64, server: &ServerFacts) -> Bloat {
    if let Some(unknown) = unreadable(stats, table, server) {
        return Bloat::CannotEstimate(unknown);
    }
    let pages = table.heap_bytes.map_or(stats.pages, |bytes| bytes / block);
    if pages.max(stats.pages) < TINY_PAGES {
        return Bloat::unknown("too small for a meaningful percentage", None);
    }
    let Some(width) = row_width(&stats.layout) else {
        return Bloat::unknown("the widths of the columns were not read", None);
    };
    let then =
        (stats.reltuples >= 0.0 && stats.pages > 0.0).then(|| free_share(stats.reltuples, width, stats.pages, block));
    let now = table.live.map(|live| free_share(live, width, pages, block));
    let changed = changed_share(table);
    let (free, changed) = match (then, now) {
        (Some(then), Some(now)) if changed > SETTLED_CHANGE || (pages - stats.pages).abs() > SETTLED_CHANGE * pages => {
            if are_counters_late(table)
                && !may_hold_dead(table)
                && (pages - stats.pages).abs() <= SETTLED_CHANGE * pages
            {
                (then, 0.0)
            } else if (then.max(0.0) - now.max(0.0)).abs() <= WIDEST_DOUBT {
                (now, changed)
            } else {
                return Bloat::between(then.min(now), then.max(now), analyze(table));
            }
        }
        (Some(then), _) => (then, changed),
        (None, _) => return Bloat::unknown("never vacuumed or analyzed", Some(analyze(table))),
    };
    let share = beyond_fillfactor(free, stats.fillfactor);
    if free < -MISFIT {
        return Bloat::unknown(
            "the statistics do not fit its size: it has fewer or shorter rows than at the last ANALYZE",
            Some(analyze(table)),
        );
    }
    let share = share.clamp(0.0, 1.0);
    let confidence =
        if changed > ROUGH_CHANGE { BloatConfidence::Rough(changed.min(1.0)) } else { BloatConfidence::Good };
    let bytes = Bytes(share * table.heap_bytes.unwrap_or(pages * block));
    Bloat::Known(Amount { share, bytes, method: BloatMethod::Estimate, confidence })
}

/// Whether the counters since the last analyze are of what it has seen already: [`super::late`].
pub(crate) fn are_counters_late(table: &TableUsage) -> bool {
    let Some(inserted) = table.inserts else { return false };
    super::late::are_late(&super::late::TableCounters {
        reltuples: table.reltuples,
        was_analyzed: table.last_analyze.is_some(),
        inserted,
        updated: table.updates.unwrap_or_default(),
        deleted: table.deletes.unwrap_or_default(),
        changed: table.mod_since_analyze.unwrap_or_default(),
    })
}

/// Whether deleted rows may be there yet, dead: no vacuum came along with the analyze.
fn may_hold_dead(table: &TableUsage) -> bool {
    let is_vacuumed_too = match (table.last_vacuum, table.last_analyze) {
        (Some(vacuum), Some(analyze)) => (vacuum.0 - analyze.0).abs() <= 60.0,
        _ => false,
    };
    let has_dead = table.dead.unwrap_or_default() > SETTLED_CHANGE * table.reltuples;
    has_dead && !is_vacuumed_too
}

fn unreadable(stats: &HeapStats, table: &TableUsage, server: &ServerFacts) -> Option<Unknown> {
    let unknown = |why: &str, remedy| Some(Unknown { why: why.to_owned(), remedy: Some(remedy), range: None });
    if table.is_partitioned() {
        return Some(Unknown {
            why: "a partitioned table has no rows of its own".to_owned(),
            remedy: None,
            range: None,
        });
    }
    if stats.may_read == Some(false) && stats.is_na {
        return unknown("this role cannot read its statistics", grant(server, &table.schema, &table.name));
    }
    if !stats.has_statistics {
        return unknown("never analyzed", analyze(table));
    }
    stats.is_na.then(|| Unknown {
        why: "a column has no statistics, or is of type name".to_owned(),
        remedy: Some(analyze(table)),
        range: None,
    })
}

/// Returns the statement that lets this role read the statistics: of all tables where the server has that role (14).
pub(super) fn grant(server: &ServerFacts, schema: &str, table: &str) -> String {
    if server.has("role pg_read_all_data") {
        server.grant("pg_read_all_data")
    } else {
        server.grant(&format!("SELECT ON {}", qualified(schema, table)))
    }
}

/// Returns why some of these are not known, where a grant would change it.
pub fn denied<'a>(found: impl IntoIterator<Item = &'a Bloat>) -> Option<Missing> {
    found.into_iter().find_map(|bloat| match bloat {
        Bloat::CannotEstimate(Unknown { why, remedy: Some(grant), .. }) if grant.starts_with("GRANT") => {
            Some(Missing::Denied { what: why.clone(), grant: grant.clone() })
        }
        _ => None,
    })
}

fn analyze(table: &TableUsage) -> String {
    format!("ANALYZE {};", qualified(&table.schema, &table.name))
}

/// Rows changed since the last analyze as a share of the rows there are.
fn changed_share(table: &TableUsage) -> f64 {
    let rows = table.live.unwrap_or_default().max(table.reltuples).max(1.0);
    table.mod_since_analyze.unwrap_or_default() / rows
}

/// Share of a relation that a rebuild would give back, of the share that holds nothing alive; negative where it is fuller
/// than its fillfactor asks for.
///
/// A rebuild keeps room for what lives on, not for what is dead: what is alive needs `live / fillfactor` bytes.
fn beyond_fillfactor(free: f64, fillfactor: f64) -> f64 {
    1.0 - (1.0 - free) / (fillfactor / 100.0).clamp(0.1, 1.0)
}

/// Share of a heap of `pages` that is neither rows nor what the pages need for themselves.
fn free_share(rows: f64, width: f64, pages: f64, block: f64) -> f64 {
    // Line pointers of rows that went stay behind when neighbours on the page live on, and go when the end of the page
    // is empty (since 14): half of them is the middle.
    let room = (block - PAGE_HEADER) * pages;
    let fit = room / (width + LINE_POINTER);
    let pointers = LINE_POINTER * (rows + (fit - rows).max(0.0) / 2.0);
    1.0 - (PAGE_HEADER * pages + rows * width + pointers) / (block * pages)
}

/// Returns the mean width of a row in bytes, its header, padding and alignment within, without its line pointer.
///
/// `layout` has a word for each column in the order of the row, for instance `4if0 33cv120`: the mean width, the
/// alignment (c 1, s 2, i 4, d 8), `f` for a width that is the same in every row or `v` for one that varies, and the
/// share of nulls in ten-thousandths. `None` where a word cannot be read.
/// Source: `heap_compute_data_size()` in `src/backend/access/common/heaptuple.c`.
pub fn row_width(layout: &str) -> Option<f64> {
    let mut start = Row8 { at: [0.0; 8], mean: 0.0, no_nulls: 1.0 };
    if let Some(first) = start.at.first_mut() {
        *first = 1.0;
    }
    let mut columns = 0.0;
    for word in layout.split_ascii_whitespace() {
        start = start.with(Attribute::of(word)?);
        columns += 1.0;
    }
    if columns == 0.0 {
        return None;
    }
    let align = |bytes: f64| (bytes / MAX_ALIGN).ceil() * MAX_ALIGN;
    let bitmap = (f64::ceil(columns / 8.0) + ROW_HEADER, 1.0 - start.no_nulls);
    let header = align(ROW_HEADER) * start.no_nulls + align(bitmap.0) * bitmap.1;
    Some(header + start.aligned(8).mean)
}

#[derive(Debug, Clone, Copy)]
struct Attribute {
    width: f64,
    align: u8,
    is_fixed: bool,
    null_share: f64,
}

impl Attribute {
    fn of(word: &str) -> Option<Self> {
        let letters = word.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (width, rest) = word.split_at_checked(letters)?;
        let mut rest = rest.chars();
        let align = match rest.next()? {
            'c' => 1,
            's' => 2,
            'i' => 4,
            'd' => 8,
            _ => return None,
        };
        let is_fixed = rest.next()? == 'f';
        let nulls: f64 = rest.as_str().parse().ok()?;
        Some(Self { width: width.parse().ok()?, align, is_fixed, null_share: (nulls / 10_000.0).clamp(0.0, 1.0) })
    }
}

/// Where in a row the next column begins: the chance of each place modulo 8, and the mean number of bytes so far.
#[derive(Debug, Clone, Copy)]
struct Row8 {
    at: [f64; 8],
    mean: f64,
    no_nulls: f64,
}

impl Row8 {
    fn with(self, column: Attribute) -> Self {
        let set = 1.0 - column.null_share;
        let moved = self.aligned(column.align);
        let shift = (column.width as usize) % 8;
        let mut at = [0.0; 8];
        for (place, chance) in at.iter_mut().enumerate() {
            let whole = if column.is_fixed { moved.chance((place + 8 - shift) % 8) } else { 0.125 };
            *chance = whole * set + self.chance(place) * column.null_share;
        }
        let mean = self.mean * column.null_share + (moved.mean + column.width) * set;
        Self { at, mean, no_nulls: self.no_nulls * set }
    }

    fn aligned(self, align: u8) -> Self {
        let step = usize::from(align);
        let mut at = [0.0; 8];
        let mut pad = 0.0;
        for (place, chance) in self.at.iter().enumerate() {
            let to = place.div_ceil(step) * step;
            pad += chance * (to - place) as f64;
            if let Some(slot) = at.get_mut(to % 8) {
                *slot += chance;
            }
        }
        Self { at, mean: self.mean + pad, no_nulls: self.no_nulls }
    }

    fn chance(&self, place: usize) -> f64 {
        self.at.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    fn monitor() -> ServerFacts {
        ServerFacts { role: "monitor".into(), ..ServerFacts::default() }
    }

    #[test]
    fn where_one_role_reads_all_its_grant_is_the_remedy() {
        let columns = ["role pg_read_all_data".to_owned()].into();
        let facts = ServerFacts { columns, ..monitor() };
        assert_eq!(grant(&facts, "public", "shop_order"), "GRANT pg_read_all_data TO monitor;");
    }

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 0.01
    }

    #[test]
    fn padding_is_reckoned_column_by_column() {
        for (layout, width) in [
            ("4if0 8df0 4if0", 24.0 + 24.0),
            ("8df0 4if0 4if0", 24.0 + 16.0),
            ("4if0", 24.0 + 8.0),
            ("1cf0 2sf0 4if0", 24.0 + 8.0),
            ("4if0 33cf0", 24.0 + 40.0),
            ("4if0 33cv0", 24.0 + 37.0 + 3.5),
            ("4if10000 8df0", 24.0 + 8.0),
            ("8df5000", 24.0 + 4.0),
        ] {
            let found = row_width(layout).unwrap();
            assert!(near(found, width), "{layout}: {found}, not {width}");
        }
        let nine = "1cf0 1cf0 1cf0 1cf0 1cf0 1cf0 1cf0 1cf0 1cf10000";
        assert!(near(row_width(nine).unwrap(), 32.0 + 8.0), "a null bitmap of two bytes makes the header 32");
        for bad in ["", "x", "4", "4z", "4if", "4ifx"] {
            assert_eq!(row_width(bad), None, "{bad}");
        }
    }

    fn stats() -> HeapStats {
        // 36 bytes a row with its pointer: 226 rows a page.
        HeapStats {
            layout: "4if0 4if0".into(),
            has_statistics: true,
            may_read: Some(true),
            fillfactor: 100.0,
            pages: 1000.0,
            reltuples: 226_000.0,
            ..HeapStats::default()
        }
    }

    fn table(live: f64, changed: f64) -> TableUsage {
        TableUsage {
            schema: "public".into(),
            name: "shop_order".into(),
            kind: "r".into(),
            reltuples: 226_000.0,
            live: Some(live),
            mod_since_analyze: Some(changed),
            heap_bytes: Some(8_192_000.0),
            ..TableUsage::default()
        }
    }

    #[test]
    fn an_estimate_within_its_error_is_no_number() {
        let of =
            |share, method| Amount { share, bytes: Bytes(1024.0), method, confidence: BloatConfidence::Good }.words();
        assert_eq!(of(0.14, BloatMethod::Estimate), "less than 15%, within the error of the estimate");
        assert_eq!(of(0.15, BloatMethod::Estimate), "15% (1.0 kB)");
        assert_eq!(of(0.14, BloatMethod::Exact), "14% (1.0 kB)");
    }

    #[test]
    fn a_full_heap_has_no_bloat_and_half_of_one_has_half() {
        let share = |stats: &HeapStats, table: &TableUsage| {
            estimate(stats, table, 8192.0, &monitor()).amount().map(|amount| amount.share)
        };
        assert!(share(&stats(), &table(226_000.0, 0.0)).unwrap() < 0.01);
        let half = HeapStats { reltuples: 113_000.0, ..stats() };
        assert!((share(&half, &table(113_000.0, 0.0)).unwrap() - 0.47).abs() < 0.02);
        let since = estimate(&stats(), &table(113_000.0, 113_000.0), 8192.0, &monitor());
        assert!(since.amount().is_none(), "rows that went since, or counters that came late: {since:?}");
        let late =
            TableUsage { inserts: Some(226_000.0), last_analyze: Some(Timestamp(1.0)), ..table(452_000.0, 226_000.0) };
        assert!(share(&stats(), &late).unwrap() < 0.01, "what was counted late was there at the analyze");
    }

    #[test]
    fn what_the_fillfactor_keeps_free_is_no_bloat() {
        let seventy = HeapStats { fillfactor: 70.0, reltuples: 158_000.0, ..stats() };
        let amount = *estimate(&seventy, &table(158_000.0, 0.0), 8192.0, &monitor()).amount().unwrap();
        assert!(amount.share < 0.02, "{amount:?}");
        let exact = Bloat::measured(0.0, 30.2, 70.0, Bytes(1000.0));
        assert!(exact.amount().unwrap().share < 0.01);
        // 10.9 MB with 1.92 MB of live rows shrink to 1.92 MB / 0.7.
        let exact = *Bloat::measured(76.7, 5.7, 70.0, Bytes(10.9e6)).amount().unwrap();
        assert!((exact.share - 0.75).abs() < 0.005 && (exact.bytes.0 - 8.16e6).abs() < 5e4, "{exact:?}");
        let fifth = HeapStats { reltuples: 31_600.0, ..seventy };
        let amount = *estimate(&fifth, &table(31_600.0, 0.0), 8192.0, &monitor()).amount().unwrap();
        assert!((amount.share - 0.73).abs() < 0.02, "page headers and line pointers stay: {amount:?}");
    }

    #[test]
    fn where_there_is_no_number_there_is_a_reason_and_a_remedy() {
        let cases = [
            (
                HeapStats { may_read: Some(false), is_na: true, has_statistics: false, ..stats() },
                table(1.0, 0.0),
                "cannot read its statistics",
                Some("GRANT SELECT ON public.shop_order TO monitor;"),
            ),
            (
                HeapStats { is_na: true, has_statistics: false, ..stats() },
                table(1.0, 0.0),
                "never analyzed",
                Some("ANALYZE public.shop_order;"),
            ),
            (
                HeapStats { is_na: true, ..stats() },
                table(1.0, 0.0),
                "no statistics",
                Some("ANALYZE public.shop_order;"),
            ),
            (
                HeapStats { pages: 2.0, ..stats() },
                TableUsage { heap_bytes: Some(16384.0), ..table(10.0, 0.0) },
                "too small",
                None,
            ),
            (
                stats(),
                table(113_000.0, 500_000.0),
                "0.4% to 47% (statistics are stale; ANALYZE makes it exact enough)",
                Some("ANALYZE public.shop_order;"),
            ),
            (
                HeapStats { reltuples: 400_000.0, ..stats() },
                table(400_000.0, 0.0),
                "do not fit its size",
                Some("ANALYZE public.shop_order;"),
            ),
            (stats(), TableUsage { kind: "p".into(), ..table(1.0, 0.0) }, "partitioned", None),
        ];
        for (stats, table, why, remedy) in cases {
            let Bloat::CannotEstimate(unknown) = estimate(&stats, &table, 8192.0, &monitor()) else {
                panic!("a number where {why} was due");
            };
            assert!(unknown.words().contains(why), "{unknown:?}");
            assert_eq!(unknown.remedy.as_deref(), remedy);
        }
    }

    #[test]
    fn statistics_of_before_an_analyze_are_not_judged_with_figures_of_after_it() {
        let stats = row! { relid: 1, is_na: false, has_statistics: true, may_read: true, fillfactor: 100, pages: 1000,
        reltuples: 226_000.0, layout: "4if0 4if0" };
        let seen = snapshot().with("column_stats", vec![stats]);
        let read = seen.section("column_stats").reading().unwrap().at;
        let of = |analyze: f64| {
            let analyzed = TableUsage { relid: 1, last_analyze: Some(Timestamp(analyze)), ..table(113_000.0, 0.0) };
            estimates(&seen, &[analyzed]).unwrap().remove(&1).unwrap()
        };
        let Bloat::CannotEstimate(unknown) = of(read.0 + 5.0) else { panic!("a number out of two moments") };
        assert!(unknown.why.contains("before the last analyze") && unknown.remedy.is_none(), "{unknown:?}");
        assert!(matches!(of(read.0 - 5.0), Bloat::Known(_)));
    }

    #[test]
    fn confidence_is_said_in_words() {
        let updated = TableUsage { inserts: Some(226_000.0), ..table(220_000.0, 100_000.0) };
        let rough = estimate(&stats(), &updated, 8192.0, &monitor());
        let words = rough.amount().unwrap().confidence.to_string();
        assert_eq!(words, "rough: 44% of the rows changed since the last analyze");
    }
}
