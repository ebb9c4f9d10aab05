//! Indexes whose keys another one begins with.

use super::duplicate_index::{Pairs, may_go_is_large, sized};
use super::{Concern, Finding, Jump, Rule, RuleInput, RuleResult, Severity, and_more, counted};

/// The rule.
pub static RULE: Rule = Rule { id: "overlapping_index", watches: "redundant indexes", concern: Concern::Schema, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let indexes = sized(view)?;
    let twins = view.readings.duplicates();
    let mut pairs = view.readings.overlapping().to_vec();
    pairs.retain(|pair| {
        let is_told = twins.iter().any(|twin| twin.may_go == pair.may_go);
        !is_told && may_go_is_large(indexes, pair)
    });
    let Some(pairs) = Pairs::of(indexes, &pairs) else { return Ok(vec![]) };
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Notice,
        title: format!(
            "{}{}: {}",
            counted(pairs.list.len(), "redundant index", "redundant indexes"),
            pairs.in_words(),
            and_more(&pairs.largest().0.label(), pairs.list.len())
        ),
        evidence: pairs.evidence("a prefix of"),
        why: "Every insert, and every update that is not HOT, maintains both. The longer one serves the same lookups, a little slower if it is much \
              larger.",
        fix: pairs.fix(
            view,
            "Remove the shorter one if the longer is not much larger and index-only scans of the shorter do not \
             matter. A ForeignKey's own index can go if Meta.indexes has one that starts with it. Code for the largest:",
        ),
        jump: Some(Jump::to_row("indexes", pairs.largest().0.indexrelid)),
        source: "PostgreSQL manual: Multicolumn Indexes; pg_index compared by keys, operator classes, collations, \
            order, predicate",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn a_foreign_keys_index_is_covered_by_a_longer_one() {
        let judge_of = |is_unique: bool, bytes: i32| {
            let seen = snapshot().with("content_types", vec![row! { app_label: "shop", model: "order" }]).with(
                "indexes",
                vec![
                    row! { indexrelid: 7, relid: 1, schema: "public", table: "shop_order", name: "shop_order_customer_id_9da9e4a3",
                        method: "btree", is_valid: true, is_unique: is_unique, key_columns: [3], column_names: ["customer_id"],
                        opclasses: [10], collations: [0], key_options: [0] },
                    row! { indexrelid: 8, relid: 1, schema: "public", table: "shop_order", name: "order_recent", method: "btree",
                        is_valid: true, key_columns: [3, 5], column_names: ["customer_id", "created_at"], opclasses: [10, 11],
                        collations: [0, 0], key_options: [0, 3] },
                ],
            );
            let seen = seen
                .with("index_sizes", vec![row! { indexrelid: 7, bytes: bytes }, row! { indexrelid: 8, bytes: bytes }]);
            check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
        };
        let judge = |is_unique| judge_of(is_unique, 2_097_152);
        let found = judge(false);
        assert_eq!(found[0].title, "1 redundant index (2.0 MB): shop_order_customer_id_9da9e4a3");
        assert!(found[0].fix.code.as_ref().unwrap().text.contains("db_index=False"));
        assert_eq!(judge(true), vec![], "uniqueness is needed");
        assert_eq!(judge_of(false, 16_384), vec![], "a fresh project has hundreds of these");
    }
}
