//! How much of a b-tree a rebuild would give back, by a size model that knows deduplication.
//!
//! Good for plain b-trees with statistics; elsewhere it says that it cannot tell, `pgstatindex` can.

use std::collections::{HashMap, HashSet};

use super::bloat::{
    Amount, Bloat, BloatConfidence, BloatMethod, ROUGH_CHANGE, block_size, grant, is_read_before_analyze,
    read_before_analyze,
};
use super::index_usage::IndexUsage;
use super::rows;
use super::size::{btree_pages, group_bytes};
use super::table_usage::TableUsage;
use crate::quote::{qualified, quote_text};
use crate::sample::{Bytes, Missing, Row, ServerFacts, Snapshot, Timestamp};

/// An index of fewer pages is too small for a meaningful percentage.
pub const TINY_PAGES: f64 = 16.0;
/// Where the two ends of what is possible are further apart than this, no number is shown.
pub const WIDEST_DOUBT: f64 = 0.10;
/// Where the model expects this much more than there is, it does not fit the index.
pub const TOO_SMALL: f64 = 1.15;
/// With more nulls among its keys an index is mostly one long list, which the model does not fit.
pub const MOST_NULLS: f64 = 0.9;
/// With fewer distinct keys for each entry some are stored together: inserts merge them later and less than a build does.
const UNIQUE: f64 = 0.95;
/// Bytes of an entry's header.
const ENTRY_HEADER: f64 = 8.0;

/// What the statistics say of a b-tree: a row of `index_stats`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IndexStats {
    /// Mean width of the keys in bytes, each aligned to its type.
    pub key_width: f64,
    /// Distinct keys at most: the product over the columns.
    pub distinct_most: f64,
    /// Distinct keys at least: the largest of one column.
    pub distinct_least: f64,
    /// Largest share of nulls among the keys.
    pub null_share: f64,
    /// Share of the rows that have one of the most common values; of an index with one key only.
    pub common_share: f64,
    /// How many most common values there are; of an index with one key only.
    pub common_values: f64,
    /// Keys.
    pub keys: f64,
    /// Whether no estimate is possible.
    pub is_na: bool,
    /// Whether this role may read the table's statistics; `None` where that was not asked.
    pub may_read: Option<bool>,
    /// Whether the b-tree stores equal keys once.
    pub can_deduplicate: bool,
    /// Percent of a leaf page that a build fills.
    pub fillfactor: f64,
    /// Pages at the last vacuum or analyze.
    pub pages: f64,
    /// Entries at the last vacuum or analyze.
    pub reltuples: f64,
}

impl IndexStats {
    /// Reads a row of `index_stats`.
    pub fn of(row: &Row<'_>) -> Self {
        let number = |column| row.number(column).unwrap_or_default();
        let most = number("distinct_rows");
        Self {
            key_width: number("key_width"),
            distinct_most: most,
            distinct_least: row.number("distinct_least").unwrap_or(most),
            null_share: number("null_share"),
            common_share: number("common_share"),
            common_values: number("common_values"),
            keys: row.number("keys").unwrap_or(1.0),
            is_na: row.flag("is_na").unwrap_or(true),
            may_read: row.flag("may_read"),
            can_deduplicate: row.flag("can_deduplicate").unwrap_or(false),
            fillfactor: row.number("fillfactor").unwrap_or(90.0),
            pages: number("pages"),
            reltuples: row.number("reltuples").unwrap_or(-1.0),
        }
    }
}

/// Returns the estimated bloat of every index, by its oid, or why there is none.
pub fn estimates(
    snapshot: &Snapshot,
    indexes: &[IndexUsage],
    tables: &[TableUsage],
) -> Result<HashMap<i64, Bloat>, Missing> {
    let analyzed: HashMap<i64, Option<Timestamp>> =
        tables.iter().map(|table| (table.relid, table.last_analyze)).collect();
    let changed: HashMap<i64, f64> = tables
        .iter()
        .filter_map(|table| Some((table.relid, table.mod_since_analyze? / table.rows()?.max(1.0))))
        .collect();
    let stats: HashMap<i64, IndexStats> = rows(snapshot, "index_stats")?
        .iter()
        .filter_map(|row| Some((row.int("indexrelid")?, IndexStats::of(&row))))
        .collect();
    let lost: HashSet<i64> = tables.iter().filter(|table| table.has_lost_counters()).map(|table| table.relid).collect();
    let block = block_size(snapshot);
    let server = &snapshot.server;
    Ok(indexes
        .iter()
        .filter_map(|index| {
            // Live rows that were counted since a crash are not those of the table.
            let uncounted = lost.contains(&index.relid).then(|| IndexUsage { table_live: None, ..index.clone() });
            let index = uncounted.as_ref().unwrap_or(index);
            let changed = changed.get(&index.relid).copied().unwrap_or_default();
            let stats = stats.get(&index.indexrelid)?;
            let analyze = analyzed.get(&index.relid).copied().flatten();
            let bloat = if is_read_before_analyze(snapshot, "index_stats", analyze) {
                read_before_analyze()
            } else {
                estimate(stats, index, block, changed, server)
            };
            Some((index.indexrelid, bloat))
        })
        .collect())
}

/// Returns the bloat of an index by its statistics; the server's facts say what would make them readable.
///
/// `changed` is the share of the table's rows that changed since their statistics were collected.
pub fn estimate(stats: &IndexStats, index: &IndexUsage, block: f64, changed: f64, server: &ServerFacts) -> Bloat {
    let measure =
        || Some(format!("SELECT * FROM pgstatindex({});", quote_text(&qualified(&index.schema, &index.name))));
    if index.method != "btree" {
        return Bloat::unknown(format!("no estimate for {} indexes", index.method), None);
    }
    if index.is_partial || index.is_expression {
        return Bloat::unknown("no estimate for a partial or expression index", measure());
    }
    if stats.is_na {
        return match stats.may_read {
            Some(false) => Bloat::unknown(
                "this role cannot read the statistics of its table",
                Some(grant(server, &index.schema, &index.table)),
            ),
            _ => Bloat::unknown("its columns have no statistics", measure()),
        };
    }
    let pages = index.bytes.map_or(stats.pages, |bytes| bytes / block);
    if pages < TINY_PAGES {
        return Bloat::unknown("too small for a meaningful percentage", None);
    }
    let has_moved = (pages - stats.pages).abs() > 0.02 * pages;
    let entries = match index.table_live {
        Some(live) if (has_moved || stats.reltuples <= 0.0) && live > 0.0 => live,
        None if has_moved => return Bloat::unknown("it has grown, and its table's rows are not known", measure()),
        _ => stats.reltuples,
    };
    if entries <= 0.0 {
        return Bloat::unknown("the number of entries is unknown", measure());
    }
    let least = expected_pages(stats, entries, stats.distinct_least, block);
    let most = expected_pages(stats, entries, stats.distinct_most, block);
    let share = |expected: f64| 1.0 - expected / pages;
    if share(least).max(0.0) - share(most).max(0.0) > WIDEST_DOUBT {
        return Bloat::unknown("it is unknown how often its key combinations repeat", measure());
    }
    let expected = f64::midpoint(least, most);
    if expected > TOO_SMALL * pages {
        return Bloat::unknown("smaller than its statistics suggest", measure());
    }
    let share = share(expected).clamp(0.0, 1.0);
    let bytes = Bytes(share * pages * block);
    if stats.null_share > MOST_NULLS {
        return Bloat::unknown("most of its keys are NULL", measure());
    }
    let has_equal_keys = stats.can_deduplicate && stats.distinct_most < UNIQUE * entries;
    let confidence = match has_equal_keys {
        _ if changed > ROUGH_CHANGE => BloatConfidence::Rough(changed.min(1.0)),
        true => BloatConfidence::Deduplicated,
        false => BloatConfidence::Good,
    };
    Bloat::Known(Amount { share, bytes, method: BloatMethod::Estimate, confidence })
}

/// Returns the pages a fresh build of so many entries would have, by the model of [`super::size`].
fn expected_pages(stats: &IndexStats, entries: f64, distinct: f64, block: f64) -> f64 {
    btree_pages(entry_bytes(stats, entries, distinct), stats.fillfactor / 100.0) * 8192.0 / block + 1.0
}

/// Bytes of all entries: those of nulls, of the most common values and of the rest, each repeated as often as it is.
fn entry_bytes(stats: &IndexStats, entries: f64, distinct: f64) -> f64 {
    if stats.keys > 1.0 {
        return repeated_bytes(entries, distinct, stats.key_width, stats.can_deduplicate);
    }
    let nulls = entries * stats.null_share;
    let common = entries * stats.common_share;
    let rest = (entries - nulls - common).max(0.0);
    let width = stats.key_width / (1.0 - stats.null_share).max(0.01);
    let bytes = |rows, values, width| repeated_bytes(rows, values, width, stats.can_deduplicate);
    bytes(nulls, 1.0, 8.0)
        + bytes(common, stats.common_values, width)
        + bytes(rest, (distinct - stats.common_values).max(1.0), width)
}

/// Bytes of entries that repeat evenly, each with its header.
fn repeated_bytes(entries: f64, distinct: f64, width: f64, can_deduplicate: bool) -> f64 {
    if entries < 1.0 {
        return 0.0;
    }
    let key = ENTRY_HEADER + (width / 8.0).ceil() * 8.0;
    group_bytes(entries, distinct.clamp(1.0, entries), key, can_deduplicate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> IndexStats {
        IndexStats {
            key_width: 4.0,
            distinct_most: 1e6,
            distinct_least: 1e6,
            keys: 1.0,
            can_deduplicate: true,
            fillfactor: 90.0,
            pages: 2745.0,
            reltuples: 1e6,
            may_read: Some(true),
            ..IndexStats::default()
        }
    }

    fn index() -> IndexUsage {
        IndexUsage { method: "btree".into(), table_live: Some(1e6), name: "i".into(), ..IndexUsage::default() }
    }

    #[test]
    fn a_fresh_unique_index_of_a_million_has_no_bloat() {
        let bloat = estimate(&stats(), &index(), 8192.0, 0.0, &ServerFacts::default());
        assert!(bloat.amount().unwrap().share < 0.02, "{bloat:?}");
        let half = IndexStats { reltuples: 5e5, distinct_most: 5e5, distinct_least: 5e5, ..stats() };
        assert!(
            (estimate(&half, &index(), 8192.0, 0.0, &ServerFacts::default()).amount().unwrap().share - 0.5).abs()
                < 0.02
        );
    }

    #[test]
    fn nothing_good_is_promised_where_equal_keys_are_stored_once() {
        let confidence = |distinct: f64, can_deduplicate| {
            let stats = IndexStats { distinct_most: distinct, distinct_least: distinct, can_deduplicate, ..stats() };
            estimate(&stats, &index(), 8192.0, 0.0, &ServerFacts::default()).amount().unwrap().confidence
        };
        assert_eq!(confidence(1e6, true), BloatConfidence::Good);
        assert_eq!(confidence(4e5, true), BloatConfidence::Deduplicated);
        assert_eq!(confidence(4e5, false), BloatConfidence::Good);
        assert!(!BloatConfidence::Deduplicated.to_string().starts_with("good"));
    }

    #[test]
    fn where_it_cannot_tell_it_says_so() {
        let cases = [
            (stats(), IndexUsage { method: "gin".into(), ..index() }, "no estimate for gin"),
            (stats(), IndexUsage { is_partial: true, ..index() }, "partial"),
            (IndexStats { is_na: true, may_read: Some(false), ..stats() }, index(), "cannot read the statistics"),
            (IndexStats { is_na: true, ..stats() }, index(), "no statistics"),
            (IndexStats { pages: 4.0, ..stats() }, index(), "too small"),
            (IndexStats { keys: 2.0, distinct_least: 100.0, ..stats() }, index(), "combinations repeat"),
            (IndexStats { pages: 1500.0, ..stats() }, index(), "smaller than"),
            (IndexStats { reltuples: 0.0, ..stats() }, IndexUsage { table_live: None, ..index() }, "entries"),
            (
                stats(),
                IndexUsage { table_live: None, bytes: Some(2.0 * 2745.0 * 8192.0), ..index() },
                "rows are not known",
            ),
        ];
        for (stats, index, why) in cases {
            match estimate(&stats, &index, 8192.0, 0.0, &ServerFacts::default()) {
                Bloat::CannotEstimate(unknown) => assert!(unknown.why.contains(why), "{unknown:?}"),
                Bloat::Known(amount) => panic!("{amount:?} where {why} was due"),
            }
        }
    }
}
