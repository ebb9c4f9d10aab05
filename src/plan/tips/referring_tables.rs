//! A delete that searches another table for rows that refer to the deleted ones, without an index.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic};

/// Rows of the referring table below which a scan of it is nothing.
const FEW: f64 = 1000.0;

pub(super) static TIP: Tip = Tip {
    number: 55,
    id: "referring-table-unindexed",
    title: "each deleted row scans a table that refers to it",
    why: "For each deleted row PostgreSQL looks for rows that refer to it. A foreign key of Django is checked at COMMIT, so neither the estimate nor a run that is rolled back shows this time.",
    wrong: "the referring table stays small, or rows are never deleted outside of this statement.",
    source: "PostgreSQL manual: Foreign Keys; Django, DatabaseSchemaEditor.sql_create_fk (DEFERRABLE INITIALLY DEFERRED)",
    topic: Topic::Writing,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let deletes = seen.of(&[NodeKind::ModifyTable]).filter(|(_, node)| node.operation() == Some("Delete"));
    let mut hits = Vec::new();
    for (id, node) in deletes {
        let Some(table) = seen.context.table(node) else { continue };
        for referrer in table.referrers.iter().filter(|one| !one.is_indexed) {
            let Some(rows) = referrer.rows.filter(|rows| *rows >= FEW) else { continue };
            let (columns, when) = (referrer.columns.join(", "), if referrer.is_deferred { " at COMMIT" } else { "" });
            let seen = format!(
                "each deleted row is looked for{when} in {} ({} rows), which has no index that begins with {columns}",
                referrer.table,
                Count(rows)
            );
            let advice = format!("build an index on {} ({columns}); in Django, remove db_index=False", referrer.table);
            hits.push(Hit::at(id, seen, advice, 0.0).outside_the_plan());
        }
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::super::context::{ReferringFacts, TableFacts};
    use super::super::support::test::plan_of;
    use super::super::{TipContext, find};
    use super::*;

    fn seen(rows: f64, is_indexed: bool, statement: &str) -> Vec<String> {
        let plan = plan_of(&format!(
            "{statement} on shop_order  (cost=0.00..8.00 rows=0 width=0)\n  ->  Index Scan using p on shop_order  (cost=0.00..8.00 rows=1 width=6)"
        ));
        let referrer = ReferringFacts {
            table: "shop_item".to_owned(),
            columns: vec!["order_id".to_owned()],
            rows: Some(rows),
            is_indexed,
            is_deferred: true,
        };
        let table = TableFacts { name: "shop_order".to_owned(), referrers: vec![referrer], ..TableFacts::default() };
        let context = TipContext { tables: vec![table], ..TipContext::default() };
        find(&plan, &context).into_iter().filter(|hit| hit.tip.id == TIP.id).map(|hit| hit.seen).collect()
    }

    #[test]
    fn only_a_delete_before_a_large_table_without_an_index_is_told() {
        assert_eq!(
            seen(1_200_000.0, false, "Delete"),
            [
                "each deleted row is looked for at COMMIT in shop_item (1.2M rows), which has no index that begins with order_id"
            ]
        );
        assert!(seen(1_200_000.0, true, "Delete").is_empty());
        assert!(seen(200.0, false, "Delete").is_empty());
        assert!(seen(1_200_000.0, false, "Update").is_empty());
    }
}
