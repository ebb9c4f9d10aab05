//! Statistics that are out of date.

use super::support::{Count, Hit, Seen, Tip, Topic, off_by, own, quoted_table, table};

pub(super) static TIP: Tip = Tip {
    number: 48,
    id: "stale-statistics",
    title: "statistics that are out of date",
    why: "The planner knows the table as it was at the last ANALYZE.",
    wrong: "If the estimates are right all the same, nothing is gained.",
    source: "PostgreSQL manual 24.1.3",
    topic: Topic::Estimates,
    rank: 5,
    look,
};

fn look(seen: &Seen<'_>) -> Vec<Hit> {
    seen.all()
        .filter(|(_, node)| node.kind.reads_table())
        .filter_map(|(id, node)| {
            let facts = seen.context.table(node)?;
            let modified = facts.modified_since_analyze.unwrap_or(0.0);
            let is_never = facts.is_analyzed == Some(false);
            let is_old = modified > facts.rows.unwrap_or(0.0) * 0.1 + 1000.0;
            // Only on evidence: ANALYZE minutes after the last one helps nobody.
            let is_wrong = !seen.plan.is_analyzed() || off_by(node, 3.0).is_some();
            if !(is_never || is_old) || !is_wrong {
                return None;
            }
            let what = if is_never {
                format!("{} was never analysed", table(node))
            } else {
                format!("{} rows of {} changed since the last ANALYZE", Count(modified), table(node))
            };
            let above: f64 = seen.plan.ancestors(id).take(2).map(|(_, above)| own(above)).sum();
            Some(Hit::at(
                id,
                what,
                format!("ANALYZE {}; then look at the plan again", quoted_table(node)),
                own(node) + above,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check_with;
    use super::super::{Context, TableFacts};
    use super::*;

    #[test]
    fn a_changed_table_with_wrong_estimates_is_told() {
        let context = Context {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                rows: Some(100_000.0),
                modified_since_analyze: Some(50_000.0),
                is_analyzed: Some(true),
                ..TableFacts::default()
            }],
            ..Context::default()
        };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..900 rows=50000 loops=1)",
            &context,
            "50k rows of o changed since the last ANALYZE: ANALYZE o; then look at the plan again",
        );
    }

    #[test]
    fn a_few_changes_are_not() {
        let context = Context {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                rows: Some(100_000.0),
                modified_since_analyze: Some(9_000.0),
                is_analyzed: Some(true),
                ..TableFacts::default()
            }],
            ..Context::default()
        };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..900 rows=50000 loops=1)",
            &context,
            "",
        );
    }

    #[test]
    fn right_estimates_are_not() {
        let context = Context {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                rows: Some(100_000.0),
                modified_since_analyze: Some(50_000.0),
                is_analyzed: Some(true),
                ..TableFacts::default()
            }],
            ..Context::default()
        };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=50000 width=8) (actual time=0.0..900 rows=50000 loops=1)",
            &context,
            "",
        );
    }
}
