//! Indexes that are the same as another.

use std::collections::HashMap;

use super::unused_index::removal_fix;
use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, counted, shows};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::usage::{Pair, is_large};
use crate::sample::{Bytes, Missing};

/// The rule.
pub static RULE: Rule = Rule { id: "duplicate_index", watches: "duplicate indexes", concern: Concern::Schema, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let indexes = sized(view)?;
    let mut pairs = view.readings.duplicates().to_vec();
    pairs.retain(|pair| may_go_is_large(indexes, pair));
    let Some(pairs) = Pairs::of(indexes, &pairs) else { return Ok(vec![]) };
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Warning,
        title: format!(
            "{}{}: {}",
            counted(pairs.list.len(), "duplicate index", "duplicate indexes"),
            pairs.in_words(),
            and_more(&pairs.largest().0.label(), pairs.list.len())
        ),
        evidence: pairs.evidence("the same as"),
        why: "Every insert, and every update that is not HOT, maintains both, and no statement needs the second.",
        fix: pairs.fix(view, "One of the two is enough: pgdj names the one that no constraint needs and that is scanned less. Code for the largest:"),
        jump: Some(Jump::to_row("indexes", pairs.largest().0.indexrelid)),
        source: "pg_index compared: keys, operator classes, collations, order, expressions, predicate; PgHero",
    }])
}

/// Pairs of indexes, the largest first, for this rule and for overlapping ones.
pub(super) struct Pairs<'a> {
    /// The one that may go and the one that stays.
    pub(super) list: Vec<(&'a IndexUsage, &'a IndexUsage)>,
    /// What those that may go take together.
    pub(super) bytes: Bytes,
    first: (&'a IndexUsage, &'a IndexUsage),
}

impl<'a> Pairs<'a> {
    /// Looks the indexes up; `None` where there is no pair.
    pub(super) fn of(indexes: &'a [IndexUsage], pairs: &[Pair]) -> Option<Self> {
        let by_oid: HashMap<i64, &IndexUsage> = indexes.iter().map(|index| (index.indexrelid, index)).collect();
        let mut list: Vec<(&IndexUsage, &IndexUsage)> =
            pairs.iter().filter_map(|pair| Some((*by_oid.get(&pair.may_go)?, *by_oid.get(&pair.stays)?))).collect();
        list.sort_by(|left, right| right.0.size().unwrap_or(0.0).total_cmp(&left.0.size().unwrap_or(0.0)));
        let bytes = Bytes(list.iter().filter_map(|(index, _)| index.size()).sum());
        let first = list.first().copied()?;
        Some(Self { list, bytes, first })
    }

    /// Returns the pair of which the one that may go is largest.
    pub(super) fn largest(&self) -> (&'a IndexUsage, &'a IndexUsage) {
        self.first
    }

    /// Returns what those that may go take, as an aside; nothing where no size was read.
    pub(super) fn in_words(&self) -> String {
        if self.bytes.0 > 0.0 { format!(" ({})", self.bytes) } else { String::new() }
    }

    /// Returns a line for each pair.
    pub(super) fn evidence(&self, relation: &str) -> Vec<(String, String)> {
        self.list
            .iter()
            .take(NAMED)
            .map(|(may_go, stays)| {
                let text = format!("{} on {}, {relation} {}", may_go.size_words(), may_go.table_label(), stays.label());
                shows(may_go.label(), text)
            })
            .collect()
    }

    /// Returns how the largest is removed.
    pub(super) fn fix(&self, view: &RuleInput<'_>, text: &str) -> Fix {
        removal_fix(self.first.0, view.readings, text.to_owned())
    }
}

/// Returns the indexes once their sizes are known: a small one is not worth a finding, and a freshly migrated project has
/// some of 8 kB.
pub(super) fn sized<'a>(view: &RuleInput<'a>) -> Result<&'a [IndexUsage], Missing> {
    let indexes = view.readings.indexes()?;
    if indexes.iter().any(|index| index.bytes.is_none()) {
        view.rows("index_sizes")?;
    }
    Ok(indexes)
}

/// Whether the index that may go is large enough to matter; the Indexes pane names a smaller one in its details.
pub(super) fn may_go_is_large(indexes: &[IndexUsage], pair: &Pair) -> bool {
    indexes.iter().find(|index| index.indexrelid == pair.may_go).is_some_and(is_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;

    fn index(oid: i32, name: &str, opclass: i32) -> NamedRow {
        row! { indexrelid: oid, relid: 1, schema: "public", table: "shop_order", name: name, method: "btree", is_valid: true,
        key_columns: [3], column_names: ["status"], opclasses: [opclass], collations: [100], key_options: [0], scans: 5 }
    }

    #[test]
    fn it_fires_for_twins_only() {
        let judge_of = |rows: Vec<NamedRow>, bytes: i32| {
            let seen = snapshot().with("indexes", rows).with("index_sizes", vec![row! { indexrelid: 8, bytes: bytes }]);
            check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
        };
        let judge = |rows| judge_of(rows, 2_097_152);
        let found = judge(vec![index(7, "order_status", 10), index(8, "order_status_2", 10)]);
        assert_eq!(found[0].title, "1 duplicate index (2.0 MB): order_status_2");
        assert_eq!(found[0].evidence[0].1, "2.0 MB on shop_order, the same as order_status");
        assert_eq!(judge(vec![index(7, "order_status", 10), index(8, "order_status_like", 11)]), vec![]);
        // Django CMS has such a pair from its first migration on.
        assert_eq!(judge_of(vec![index(7, "order_status", 10), index(8, "order_status_2", 10)], 8192), vec![]);
    }
}
