//! Indexes that no query may use: left by a `CREATE INDEX CONCURRENTLY` that failed.

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, counted, shows};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::usage::IndexProblem;
use crate::sample::Bytes;

/// The rule.
pub static RULE: Rule = Rule { id: "invalid_index", watches: "invalid indexes", concern: Concern::Schema, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let indexes = view.readings.indexes()?;
    let judged = view.readings.judgements();
    let is_failed = |index: &&IndexUsage| {
        judged.of(index.indexrelid).is_some_and(|judgement| judgement.verdicts.contains(&IndexProblem::Invalid))
    };
    let invalid: Vec<&IndexUsage> = indexes.iter().filter(is_failed).collect();
    let Some(first) = invalid.first() else { return Ok(vec![]) };
    let code: Vec<String> = invalid.iter().take(NAMED).map(|index| index.drop_statement()).collect();
    let is_maintained = |index: &IndexUsage| if index.is_ready { "writes still maintain it" } else { "not maintained" };
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Warning,
        title: format!(
            "{}: {}",
            counted(invalid.len(), "invalid index", "invalid indexes"),
            and_more(&first.label(), invalid.len())
        ),
        evidence: invalid
            .iter()
            .take(NAMED)
            .map(|index| {
                let size = index.size().map_or_else(String::new, |bytes| format!("{} ", Bytes(bytes)));
                shows(index.label(), format!("{size}on {}, {}", index.table_label(), is_maintained(index)))
            })
            .collect(),
        why: "A failed build left it behind: no statement uses it, and an invalid unique index does not guarantee \
            uniqueness. Some are maintained by every write, as the evidence says.",
        fix: Fix::sql(
            if invalid.iter().any(|index| index.is_unique) {
                "Drop it. Duplicates are the usual reason for a failed build of a unique index: Enter in Indexes shows the query \
                 that finds them. Decide what to do with them, and run the migration again. A running build looks the same: \
                 check Activity first."
            } else {
                "Drop it and build it again (AddIndexConcurrently, run the migration again), or use REINDEX INDEX \
                 CONCURRENTLY. A running build looks the same: check Activity first."
            },
            code.join("\n"),
        ),
        jump: Some(Jump::to_row("indexes", first.indexrelid)),
        source: "pg_index.indisvalid; PostgreSQL manual: Building Indexes Concurrently",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn one_that_is_being_built_is_not_one() {
        let judge = |is_valid: bool, query: &str| {
            let seen = snapshot()
                .with("indexes", vec![row! { indexrelid: 9, schema: "public", table: "shop_order", name: "order_new", is_valid: is_valid }])
                .with("activity", vec![row! { pid: 1, state: "active", query: query }]);
            check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
        };
        assert_eq!(judge(true, ""), vec![]);
        assert_eq!(judge(false, "create index concurrently \"order_new\" on \"shop_order\" (x)"), vec![]);
        let found = judge(false, "SELECT 1");
        assert_eq!(found[0].fix.code.as_ref().unwrap().text, "DROP INDEX CONCURRENTLY public.order_new;");
    }
}
