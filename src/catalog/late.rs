//! Counters that came late: changes that the last analyze or vacuum has seen already, counted as if they came after it.
//!
//! A session hands its counters over up to a second later, at the end of its transaction at the earliest. One that fills
//! a table and analyses it leaves a table all of whose rows seem to have come since, until the next analyze. Source:
//! `pgstat_report_stat()`; `pgstat_report_analyze()` sets the count to zero.

/// The counters of a table and what the last analyze found.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TableCounters {
    /// Rows by the last analyze or vacuum, `pg_class.reltuples`.
    pub reltuples: f64,
    /// Whether an analyze is known.
    pub was_analyzed: bool,
    /// Rows inserted since the counters were reset.
    pub inserted: f64,
    /// Rows updated since then.
    pub updated: f64,
    /// Rows deleted since then.
    pub deleted: f64,
    /// Rows changed since the last analyze, as it is counted.
    pub changed: f64,
}

/// How far the rows that are counted and those that the analyze found may differ and be the same.
const SAME: f64 = 0.02;

/// Whether the rows counted as changed since the last analyze are such as it has seen.
pub(crate) fn are_late(counted: &TableCounters) -> bool {
    if !counted.was_analyzed || counted.reltuples <= 0.0 {
        return false;
    }
    let others = counted.updated + counted.deleted;
    // Every change ever counted is among them, though the analyze found rows.
    let is_all = counted.inserted + others <= counted.changed;
    // Many more changed than was ever updated or deleted: rows were inserted. But all rows ever inserted were found.
    let net = counted.inserted - counted.deleted;
    let has_many = counted.changed - others > 2.0 * SAME * counted.reltuples;
    let found_all = (net - counted.reltuples).abs() <= SAME * counted.reltuples && has_many;
    is_all || found_all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_the_analyze_has_found_did_not_come_after_it() {
        let table = |reltuples, inserted, changed| TableCounters {
            reltuples,
            was_analyzed: true,
            inserted,
            changed,
            ..TableCounters::default()
        };
        // Filled and analysed in one go; 400,000 more rows and an analyze in one transaction.
        assert!(are_late(&table(400_000.0, 400_000.0, 400_000.0)));
        assert!(are_late(&table(1_400_000.0, 1_400_000.0, 400_000.0)));
        // Too few to tell.
        assert!(!are_late(&table(1_004_000.0, 1_004_000.0, 4_000.0)));
        // They came after it.
        assert!(!are_late(&table(1_000_000.0, 1_400_000.0, 400_000.0)));
        // Updates: they may have come after it.
        let updated = TableCounters { updated: 400_000.0, ..table(1_000_000.0, 1_000_000.0, 400_000.0) };
        assert!(!are_late(&updated));
        assert!(!are_late(&TableCounters { was_analyzed: false, ..table(400_000.0, 400_000.0, 400_000.0) }));
    }
}
