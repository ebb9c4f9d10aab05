//! What can be said of indexes from the catalog and the counters: unused, duplicate, overlapping, invalid, missing.
//!
//! Advice can be silent, not wrong: where the catalog alone cannot tell, nothing is said.

use std::collections::{HashMap, HashSet};

use super::index_usage::IndexUsage;
use super::table_usage::label;
use super::{ids, rows, texts};
use crate::sample::{Bytes, Missing, Row, Seconds, Snapshot, Timestamp};

/// Counters younger than this say little: monthly work has not been seen. Source: shared practice, pganalyze's and pgMustard's 14 days and more.
pub const YOUNG_COUNTERS: Seconds = Seconds(14.0 * 86_400.0);

/// Bytes from which an index that could go is worth a verdict: below, keeping it costs next to nothing, and a fresh Django
/// project has hundreds. Source: `PgHero` takes 10 MB, pgwatch 100 MB for unused ones; writes pay for small ones too.
pub const LEAST_BYTES: Bytes = Bytes(1024.0 * 1024.0);

/// Since when the counters of this database run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Counting {
    /// They were reset at this moment.
    Since(Timestamp),
    /// Since this moment, at which a crash lost all counters or the server was new, or later, when the database was made.
    AtMost(Timestamp),
    /// They were never reset: since the database was made.
    Always,
    /// It could not be read.
    Unknown,
}

impl Counting {
    /// Returns since when the current database's counters run.
    pub fn of(snapshot: &Snapshot) -> Self {
        let Some(rows) = snapshot.rows("databases") else { return Self::Unknown };
        match rows.iter().find(|row| row.flag("is_current") == Some(true)) {
            Some(row) => match (row.number("stats_reset"), row.number("counters_since")) {
                (Some(reset), _) => Self::Since(Timestamp(reset)),
                (None, Some(lost)) => Self::AtMost(Timestamp(lost)),
                (None, None) => Self::Always,
            },
            None => Self::Unknown,
        }
    }

    /// Returns since when the counters of the whole server run: a crash loses them all.
    pub fn of_server(snapshot: &Snapshot) -> Option<Timestamp> {
        snapshot.rows("databases")?.iter().find_map(|row| row.number("counters_since")).map(Timestamp)
    }

    /// Returns how long the counters have run at a moment, at most, where that is known.
    pub fn age(self, now: Timestamp) -> Option<Seconds> {
        match self {
            Self::Since(reset) | Self::AtMost(reset) => Some(Seconds((now.0 - reset.0).max(0.0))),
            Self::Always | Self::Unknown => None,
        }
    }

    /// Whether the counters are too young to call an index unused.
    pub(crate) fn is_young(self, now: Timestamp) -> bool {
        match self {
            Self::Since(_) | Self::AtMost(_) => self.age(now).is_some_and(|age| age.0 < YOUNG_COUNTERS.0),
            Self::Always => false,
            Self::Unknown => true,
        }
    }

    /// Returns in words how long has been counted.
    pub fn words(self, now: Timestamp) -> String {
        match self {
            Self::Since(_) => self.age(now).map_or_else(String::new, |age| format!("counted for {age}")),
            Self::AtMost(_) => self.age(now).map_or_else(String::new, |age| format!("counted for at most {age}")),
            Self::Always => "counted since the database was created".to_owned(),
            Self::Unknown => "the start of counting is unknown".to_owned(),
        }
    }
}

/// One thing wrong with an index.
#[derive(Debug, Clone, PartialEq)]
pub enum IndexProblem {
    /// A session of this pid builds it: nothing is wrong, and no query uses it before that is done.
    BeingBuilt(i64),
    /// A build that failed: no query may use it.
    Invalid,
    /// Another index is the same; this is the one that may go.
    DuplicateOf(i64),
    /// Another index begins with the same keys and serves the same searches.
    CoveredBy(i64),
    /// No scan since the counters run; with young counters only a suspicion.
    Unused {
        /// Whether the counters are younger than [`YOUNG_COUNTERS`].
        is_suspicion: bool,
    },
}

impl IndexProblem {
    /// Returns the verdict in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::BeingBuilt(_) => "being built",
            Self::Invalid => "invalid",
            Self::DuplicateOf(_) => "duplicate",
            Self::CoveredBy(_) => "redundant",
            Self::Unused { is_suspicion: false } => "unused",
            Self::Unused { is_suspicion: true } => "unused?",
        }
    }
}

/// Whether an index is large enough for a verdict, as far as its size is known.
pub(crate) fn is_large(index: &IndexUsage) -> bool {
    index.size().unwrap_or(0.0) >= LEAST_BYTES.0
}

/// What is said of an index.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// The verdicts, worst first.
    pub verdicts: Vec<IndexProblem>,
    /// What is true as well, and would be a verdict on an index of [`LEAST_BYTES`] or more.
    pub too_small: Vec<IndexProblem>,
}

/// Returns what is said of each index of which there is something to say, by its oid.
pub fn judgements(indexes: &[IndexUsage], counting: Counting, now: Timestamp) -> HashMap<i64, Judgement> {
    let large: HashSet<i64> = indexes.iter().filter(|index| is_large(index)).map(|index| index.indexrelid).collect();
    let judged = facts(indexes, counting, now).into_iter().map(|(oid, facts)| {
        let counts = |fact: &IndexProblem| *fact == IndexProblem::Invalid || large.contains(&oid);
        let (verdicts, too_small) = facts.into_iter().partition(counts);
        (oid, Judgement { verdicts, too_small })
    });
    judged.collect()
}

/// Says of each invalid index that a session builds at this moment that it is being built, and nothing else.
pub(crate) fn builds(indexes: &[IndexUsage], builder: impl Fn(&IndexUsage) -> Option<i64>) -> HashMap<i64, Judgement> {
    let invalid = indexes.iter().filter(|index| !index.is_valid);
    let built = invalid.filter_map(|index| {
        let verdicts = vec![IndexProblem::BeingBuilt(builder(index)?)];
        Some((index.indexrelid, Judgement { verdicts, too_small: Vec::new() }))
    });
    built.collect()
}

/// What is said of the indexes of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Judgements<'a> {
    /// By the catalog and the counters.
    pub(crate) judged: &'a HashMap<i64, Judgement>,
    /// Of those that are being built.
    pub(crate) builds: &'a HashMap<i64, Judgement>,
}

impl<'a> Judgements<'a> {
    /// Whether a session builds it at this moment.
    pub(crate) fn is_being_built(self, index: i64) -> bool {
        self.builds.contains_key(&index)
    }

    /// Returns what is said of an index; `None` for nothing.
    pub fn of(self, index: i64) -> Option<&'a Judgement> {
        self.builds.get(&index).or_else(|| self.judged.get(&index))
    }
}

/// Returns what is true of each index, worst first, by its oid, however small it is.
fn facts(indexes: &[IndexUsage], counting: Counting, now: Timestamp) -> HashMap<i64, Vec<IndexProblem>> {
    let mut found: HashMap<i64, Vec<IndexProblem>> = HashMap::new();
    let mut add = |oid, verdict| found.entry(oid).or_default().push(verdict);
    for index in indexes.iter().filter(|index| !index.is_valid) {
        add(index.indexrelid, IndexProblem::Invalid);
    }
    let duplicates = duplicates(indexes);
    for pair in &duplicates {
        add(pair.may_go, IndexProblem::DuplicateOf(pair.stays));
    }
    for pair in overlapping(indexes) {
        if !duplicates.iter().any(|duplicate| duplicate.may_go == pair.may_go) {
            add(pair.may_go, IndexProblem::CoveredBy(pair.stays));
        }
    }
    for index in indexes.iter().filter(|index| has_no_use(index)) {
        add(index.indexrelid, IndexProblem::Unused { is_suspicion: counting.is_young(now) });
    }
    found
}

/// Whether no query used the index since the counters run, nothing else needs it, and it is large enough to matter.
///
/// The one rule for the pane, the tile and the finding.
///
/// Partitions' indexes count one by one; an index that hangs on a constraint, on uniqueness, on replication or on
/// `CLUSTER` is never unused, an invalid one is another matter. A standby keeps its own counters: ask it too.
pub(crate) fn is_unused(index: &IndexUsage) -> bool {
    has_no_use(index) && is_large(index)
}

fn has_no_use(index: &IndexUsage) -> bool {
    index.scans == Some(0.0)
        && index.last_scan.is_none()
        && index.is_valid
        && !index.is_needed_otherwise()
        && !index.is_on_trial()
}

/// Two indexes of which one may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The oid of the one that may go.
    pub may_go: i64,
    /// The oid of the one that stays.
    pub stays: i64,
}

/// Returns each index that is the same as another that stays: table, method, keys, operator classes, collations,
/// order, included columns, expressions and predicate; a b-tree read backwards is the same.
pub fn duplicates(indexes: &[IndexUsage]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for group in by_table(indexes).values() {
        let mut ranked: Vec<&IndexUsage> = group.iter().copied().filter(|index| index.is_valid).collect();
        ranked.sort_by_key(|index| std::cmp::Reverse(worth(index)));
        for (place, index) in ranked.iter().enumerate() {
            let twin = ranked.iter().take(place).find(|better| is_same(better, index) && may_replace(better, index));
            if let Some(better) = twin {
                pairs.push(Pair { may_go: index.indexrelid, stays: better.indexrelid });
            }
        }
    }
    pairs.sort_by_key(|pair| pair.may_go);
    pairs
}

/// Returns each b-tree whose keys are the beginning of another's that has the same predicate and serves its searches.
pub fn overlapping(indexes: &[IndexUsage]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for group in by_table(indexes).values() {
        for index in group {
            if index.is_needed_otherwise() || !index.is_valid {
                continue;
            }
            let longer = group
                .iter()
                .filter(|longer| longer.is_valid && is_prefix(index, longer))
                .min_by_key(|longer| (longer.key_columns.len() + longer.included_columns.len(), longer.indexrelid));
            if let Some(longer) = longer {
                pairs.push(Pair { may_go: index.indexrelid, stays: longer.indexrelid });
            }
        }
    }
    pairs.sort_by_key(|pair| pair.may_go);
    pairs
}

/// Returns the application's indexes by their table; one on trial is dropped in a moment.
fn by_table(indexes: &[IndexUsage]) -> HashMap<i64, Vec<&IndexUsage>> {
    let mut tables: HashMap<i64, Vec<&IndexUsage>> = HashMap::new();
    for index in indexes.iter().filter(|index| !index.is_on_trial()) {
        tables.entry(index.relid).or_default().push(index);
    }
    tables
}

/// What speaks for keeping an index: what hangs on it, then that it is used, then its age. How much it is used is no
/// reason: of two that are the same it is the planner's whim, and the advice would change with it.
fn worth(index: &IndexUsage) -> (u8, bool, i64) {
    let hold = if index.is_primary {
        4
    } else if index.is_constraint || index.is_exclusion || index.is_replica_identity {
        3
    } else if index.is_unique {
        2
    } else {
        u8::from(index.is_clustered)
    };
    (hold, index.scans.is_some_and(|scans| scans > 0.0), -index.indexrelid)
}

/// Whether dropping `index` loses nothing that `better` does not give.
fn may_replace(better: &IndexUsage, index: &IndexUsage) -> bool {
    let is_bound = index.is_primary
        || index.is_constraint
        || index.is_exclusion
        || index.is_replica_identity
        || index.is_clustered;
    !is_bound && (!index.is_unique || better.is_unique)
}

fn is_same(left: &IndexUsage, right: &IndexUsage) -> bool {
    let is_order_equal = left.key_options == right.key_options
        || left.method == "btree"
            && left.key_options.iter().zip(&right.key_options).all(|(left, right)| left ^ right == 3);
    let sorted = |columns: &[i64]| {
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        columns
    };
    left.method == right.method
        && left.key_columns == right.key_columns
        && left.opclasses == right.opclasses
        && left.collations == right.collations
        && is_order_equal
        && sorted(&left.included_columns) == sorted(&right.included_columns)
        && left.expression_hash == right.expression_hash
}

/// Whether every search by `short` can be done by `long`, which has more keys.
fn is_prefix(short: &IndexUsage, long: &IndexUsage) -> bool {
    let keys = short.key_columns.len();
    let begins = |long: &[i64], short: &[i64]| long.get(..keys).is_some_and(|head| Some(head) == short.get(..keys));
    let order_of = |index: &IndexUsage| index.key_options.get(..keys).map(<[i64]>::to_vec);
    let is_order_equal = match (order_of(short), order_of(long)) {
        (Some(short), Some(long)) => short == long || short.iter().zip(&long).all(|(short, long)| short ^ long == 3),
        _ => false,
    };
    short.method == "btree"
        && long.method == "btree"
        && long.key_columns.len() > keys
        && short.expression_hash == long.expression_hash
        && begins(&long.key_columns, &short.key_columns)
        && begins(&long.opclasses, &short.opclasses)
        && begins(&long.collations, &short.collations)
        && is_order_equal
        && short
            .included_columns
            .iter()
            .all(|column| long.key_columns.contains(column) || long.included_columns.contains(column))
}

/// A foreign key, seen from the table that refers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReferringKey {
    /// The constraint's oid.
    pub oid: i64,
    /// The constraint's name.
    pub name: String,
    /// The table that refers.
    pub relid: i64,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// Whether it is partitioned.
    pub is_partitioned: bool,
    /// Numbers of the columns that refer.
    pub numbers: Vec<i64>,
    /// Their names.
    pub columns: Vec<String>,
    /// The table referred to.
    pub referred_relid: i64,
    /// Its name.
    pub referred_table: String,
    /// Whether it is checked at COMMIT.
    pub is_deferred: bool,
}

impl ReferringKey {
    /// Returns every foreign key of a snapshot, or why they could not be read.
    pub fn all(snapshot: &Snapshot) -> Result<Vec<Self>, Missing> {
        Ok(rows(snapshot, "foreign_keys")?.iter().map(|row| Self::of(&row)).collect())
    }

    fn of(row: &Row<'_>) -> Self {
        Self {
            oid: row.int("oid").unwrap_or_default(),
            name: row.text("name").to_owned(),
            relid: row.int("relid").unwrap_or_default(),
            schema: row.text("schema").to_owned(),
            table: row.text("table").to_owned(),
            is_partitioned: row.flag("is_partitioned").unwrap_or_default(),
            numbers: ids(row, "columns"),
            columns: texts(row, "column_names"),
            referred_relid: row.int("referred_relid").unwrap_or_default(),
            referred_table: row.text("referred_table").to_owned(),
            is_deferred: row.flag("is_deferred").unwrap_or_default(),
        }
    }

    /// Returns the table's name, with its schema where that is not `public`.
    pub(crate) fn table_label(&self) -> String {
        label(&self.schema, &self.table)
    }
}

/// Returns the foreign keys that no index of their table leads with that is valid or being built.
///
/// An index with a predicate counts as one: whether the predicate lets it serve cannot be told from here.
pub(crate) fn unindexed<'a>(
    keys: &'a [ReferringKey],
    indexes: &[IndexUsage],
    judged: Judgements<'_>,
) -> Vec<&'a ReferringKey> {
    let tables = by_table(indexes);
    let serves = |index: &IndexUsage| index.is_valid || judged.is_being_built(index.indexrelid);
    keys.iter().filter(|key| !is_indexed(key, tables.get(&key.relid).map_or(&[], Vec::as_slice), &serves)).collect()
}

/// Returns the foreign key that would be without an index, were this one gone.
pub(crate) fn key_only_served_by<'a>(
    index: &IndexUsage,
    keys: &'a [ReferringKey],
    indexes: &[IndexUsage],
) -> Option<&'a ReferringKey> {
    let own: Vec<&IndexUsage> =
        indexes.iter().filter(|other| other.relid == index.relid && !other.is_on_trial()).collect();
    let others: Vec<&IndexUsage> = own.iter().copied().filter(|other| other.indexrelid != index.indexrelid).collect();
    let is_valid = |index: &IndexUsage| index.is_valid;
    keys.iter()
        .filter(|key| key.relid == index.relid)
        .find(|key| is_indexed(key, &own, &is_valid) && !is_indexed(key, &others, &is_valid))
}

/// Whether one of its table's indexes leads with the columns of a foreign key.
fn is_indexed(key: &ReferringKey, indexes: &[&IndexUsage], serves: &dyn Fn(&IndexUsage) -> bool) -> bool {
    indexes.iter().any(|index| {
        let head = index.key_columns.get(..key.numbers.len());
        serves(index) && head.is_some_and(|head| key.numbers.iter().all(|column| head.contains(column)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, row, snapshot};

    fn index(oid: i64, keys: &[i64]) -> IndexUsage {
        IndexUsage {
            indexrelid: oid,
            relid: 1,
            method: "btree".into(),
            is_valid: true,
            is_ready: true,
            key_columns: keys.to_vec(),
            opclasses: keys.iter().map(|_| 100).collect(),
            collations: keys.iter().map(|_| 0).collect(),
            key_options: keys.iter().map(|_| 0).collect(),
            scans: Some(5.0),
            ..IndexUsage::default()
        }
    }

    #[test]
    fn an_exact_twin_may_go_and_the_constraint_stays() {
        let unique = IndexUsage { is_unique: true, is_constraint: true, ..index(2, &[3]) };
        assert_eq!(duplicates(&[index(1, &[3]), unique.clone()]), vec![Pair { may_go: 1, stays: 2 }]);
        let other_constraint = IndexUsage { indexrelid: 9, ..unique.clone() };
        assert_eq!(duplicates(&[unique, other_constraint]), vec![], "two constraints are for a person to judge");
        let backwards = IndexUsage { key_options: vec![3], ..index(4, &[3]) };
        assert_eq!(duplicates(&[index(1, &[3]), backwards]).len(), 1, "a b-tree is read both ways");
    }

    #[test]
    fn what_differs_in_anything_is_no_duplicate() {
        let plain = index(1, &[3]);
        let others = [
            IndexUsage { opclasses: vec![101], ..index(2, &[3]) },
            IndexUsage { collations: vec![950], ..index(2, &[3]) },
            IndexUsage { expression_hash: "x".into(), is_partial: true, ..index(2, &[3]) },
            IndexUsage { method: "hash".into(), ..index(2, &[3]) },
            IndexUsage { included_columns: vec![7], ..index(2, &[3]) },
            IndexUsage { relid: 2, ..index(2, &[3]) },
            IndexUsage { is_valid: false, ..index(2, &[3]) },
            IndexUsage { key_options: vec![2], ..index(2, &[3]) },
        ];
        for other in others {
            assert_eq!(duplicates(&[plain.clone(), other.clone()]), vec![], "{other:?}");
        }
    }

    #[test]
    fn a_prefix_may_go_when_nothing_hangs_on_it() {
        let long = index(2, &[3, 5]);
        assert_eq!(overlapping(&[index(1, &[3]), long.clone()]), vec![Pair { may_go: 1, stays: 2 }]);
        let must_stay = [
            index(1, &[5]),
            IndexUsage { is_unique: true, ..index(1, &[3]) },
            IndexUsage { expression_hash: "p".into(), ..index(1, &[3]) },
            IndexUsage { opclasses: vec![7], ..index(1, &[3]) },
            IndexUsage { collations: vec![7], ..index(1, &[3]) },
            IndexUsage { included_columns: vec![8], ..index(1, &[3]) },
            IndexUsage { method: "gin".into(), ..index(1, &[3]) },
        ];
        for short in must_stay {
            assert_eq!(overlapping(&[short.clone(), long.clone()]), vec![], "{short:?}");
        }
        let mixed = IndexUsage { key_options: vec![0, 3], ..index(2, &[3, 5]) };
        assert_eq!(overlapping(&[index(1, &[3]), mixed]).len(), 1, "only the order of the shared keys counts");
        let invalid = IndexUsage { is_valid: false, ..long };
        assert_eq!(overlapping(&[index(1, &[3]), invalid]), vec![]);
    }

    #[test]
    fn an_index_on_trial_makes_no_other_superfluous_and_serves_no_foreign_key() {
        let trial = |keys: &[i64]| IndexUsage { name: "pgdj_trial_7_1".into(), ..index(2, keys) };
        assert_eq!(duplicates(&[index(1, &[3]), trial(&[3])]), vec![]);
        assert_eq!(overlapping(&[index(1, &[3]), trial(&[3, 5])]), vec![]);
        let keys = vec![row! { oid: 10, name: "a_fk", relid: 1, columns: [3], column_names: ["customer_id"] }];
        let seen = snapshot().with("foreign_keys", keys);
        assert_eq!(
            unindexed(
                &ReferringKey::all(&seen).unwrap(),
                &[trial(&[3])],
                Judgements { judged: &HashMap::new(), builds: &HashMap::new() }
            )
            .len(),
            1
        );
    }

    #[test]
    fn only_what_nothing_else_needs_is_unused() {
        let idle = IndexUsage { scans: Some(0.0), bytes: Some(LEAST_BYTES.0), ..index(1, &[3]) };
        assert!(is_unused(&idle));
        let needed = [
            IndexUsage { scans: Some(1.0), ..idle.clone() },
            IndexUsage { name: "pgdj_trial_7_1".into(), ..idle.clone() },
            IndexUsage { bytes: Some(LEAST_BYTES.0 - 8192.0), ..idle.clone() },
            IndexUsage { scans: None, ..idle.clone() },
            IndexUsage { last_scan: Some(Timestamp(1.0)), ..idle.clone() },
            IndexUsage { is_unique: true, ..idle.clone() },
            IndexUsage { is_constraint: true, ..idle.clone() },
            IndexUsage { is_replica_identity: true, ..idle.clone() },
            IndexUsage { is_valid: false, ..idle.clone() },
        ];
        for index in needed {
            assert!(!is_unused(&index), "{index:?}");
        }
    }

    #[test]
    fn young_counters_make_a_suspicion() {
        let now = Timestamp(NOW);
        let idle = IndexUsage { scans: Some(0.0), bytes: Some(LEAST_BYTES.0), ..index(1, &[3]) };
        for (counting, is_suspicion) in [
            (Counting::Since(Timestamp(NOW - 13.0 * 86_400.0)), true),
            (Counting::Since(Timestamp(NOW - 15.0 * 86_400.0)), false),
            (Counting::AtMost(Timestamp(NOW - 13.0 * 86_400.0)), true),
            (Counting::AtMost(Timestamp(NOW - 15.0 * 86_400.0)), false),
            (Counting::Always, false),
            (Counting::Unknown, true),
        ] {
            let found = judgements(std::slice::from_ref(&idle), counting, now);
            assert_eq!(found[&1].verdicts, vec![IndexProblem::Unused { is_suspicion }], "{counting:?}");
        }
    }

    #[test]
    fn a_small_index_has_no_verdict_and_the_facts_are_kept() {
        let of = |bytes: f64| {
            let sized = |index: IndexUsage| IndexUsage { bytes: Some(bytes), scans: Some(0.0), ..index };
            let invalid = IndexUsage { is_valid: false, ..index(4, &[9]) };
            let all = [index(1, &[3]), index(2, &[3, 5]), index(3, &[3, 5]), invalid].map(sized);
            judgements(&all, Counting::Always, Timestamp(NOW))
        };
        let (small, large) = (of(16_384.0), of(LEAST_BYTES.0));
        let unused = IndexProblem::Unused { is_suspicion: false };
        assert_eq!(small[&1].verdicts, vec![]);
        assert_eq!(small[&1].too_small, vec![IndexProblem::CoveredBy(2), unused.clone()]);
        assert_eq!(small[&3].too_small, vec![IndexProblem::DuplicateOf(2), unused.clone()]);
        assert_eq!(small[&4].verdicts, vec![IndexProblem::Invalid], "no query can use it, whatever its size");
        assert_eq!(large[&1], Judgement { verdicts: vec![IndexProblem::CoveredBy(2), unused], too_small: vec![] });
    }

    #[test]
    fn a_foreign_key_is_indexed_by_a_leading_column() {
        let seen = snapshot().with(
            "foreign_keys",
            vec![
                row! { oid: 10, name: "a_fk", relid: 1, table: "shop_order", columns: [3], column_names: ["customer_id"] },
                row! { oid: 11, name: "b_fk", relid: 1, table: "shop_order", columns: [5], column_names: ["store_id"] },
            ],
        );
        let keys = ReferringKey::all(&seen).unwrap();
        let missing =
            unindexed(&keys, &[index(1, &[3, 5])], Judgements { judged: &HashMap::new(), builds: &HashMap::new() });
        assert_eq!(missing.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["b_fk"]);
        let invalid = IndexUsage { is_valid: false, ..index(1, &[3]) };
        assert_eq!(
            unindexed(&keys, &[invalid], Judgements { judged: &HashMap::new(), builds: &HashMap::new() }).len(),
            2
        );
    }
}
