//! Statistics that are out of date.

use super::support::{Count, Hit, Tip, TipInput, Topic, misled, off_by, own, quoted_table, table};

pub(super) static TIP: Tip = Tip {
    number: 48,
    id: "stale-statistics",
    title: "statistics that are out of date",
    why: "The planner knows the table as it was at the last ANALYZE.",
    wrong: "the estimates are right anyway: then ANALYZE changes nothing.",
    source: "PostgreSQL manual: Updating Planner Statistics",
    topic: Topic::Estimates,
    rank: 5,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.all()
        .filter(|(_, node)| node.kind.reads_table())
        .filter_map(|(id, node)| {
            let facts = seen.context.table(node)?;
            let modified = facts.modified_since_analyze.unwrap_or(0.0);
            let is_never = facts.is_analyzed == Some(false);
            let is_old = modified > facts.rows.unwrap_or(0.0) * 0.1 + 1000.0;
            // Only on evidence: an ANALYZE minutes after the last one helps nobody. Where the plan was not run, only
            // that there are no statistics at all is one.
            let is_wrong = if seen.plan.is_analyzed() { off_by(node, 3.0).is_some() } else { is_never };
            if !(is_never || is_old) || !is_wrong {
                return None;
            }
            let what = if is_never {
                format!("{} was never analyzed", table(node))
            } else {
                format!("{} rows of {} changed since the last ANALYZE", Count(modified), table(node))
            };
            let misled = misled(seen.plan, id).unwrap_or(0.0);
            // Without statistics the planner may not even choose an index.
            let saving = if is_never { own(node) + misled } else { misled };
            Some(Hit::at(id, what, format!("ANALYZE {}, then explain again", quoted_table(node)), saving))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check_with;
    use super::super::{TableFacts, TipContext};
    use super::*;

    #[test]
    fn a_changed_table_with_wrong_estimates_is_told() {
        let context = TipContext {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                rows: Some(100_000.0),
                modified_since_analyze: Some(50_000.0),
                is_analyzed: Some(true),
                ..TableFacts::default()
            }],
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..900 rows=50000 loops=1)",
            &context,
            "50k rows of o changed since the last ANALYZE: ANALYZE o, then explain again",
        );
    }

    #[test]
    fn a_few_changes_are_not() {
        let context = TipContext {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                rows: Some(100_000.0),
                modified_since_analyze: Some(9_000.0),
                is_analyzed: Some(true),
                ..TableFacts::default()
            }],
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..900 rows=50000 loops=1)",
            &context,
            "",
        );
    }

    #[test]
    fn without_a_run_there_is_no_evidence_unless_there_are_no_statistics() {
        let context = |is_analyzed| TipContext {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                rows: Some(100_000.0),
                modified_since_analyze: Some(50_000.0),
                is_analyzed: Some(is_analyzed),
                ..TableFacts::default()
            }],
            ..TipContext::default()
        };
        let estimate = "Seq Scan on o  (cost=1.00..2.00 rows=10 width=8)";
        check_with(&TIP, estimate, &context(true), "");
        check_with(&TIP, estimate, &context(false), "o was never analyzed: ANALYZE o, then explain again");
    }

    #[test]
    fn right_estimates_are_not() {
        let context = TipContext {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                rows: Some(100_000.0),
                modified_since_analyze: Some(50_000.0),
                is_analyzed: Some(true),
                ..TableFacts::default()
            }],
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=50000 width=8) (actual time=0.0..900 rows=50000 loops=1)",
            &context,
            "",
        );
    }
}
