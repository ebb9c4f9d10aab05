//! Pages with hardly a row in them.

use super::support::{Count, Hit, NodeKind, Share, Tip, TipInput, Topic, own, quoted_table, rows_read, table};

pub(super) static TIP: Tip = Tip {
    number: 35,
    id: "bloat",
    title: "nearly empty pages",
    why: "Dead rows and empty pages are read like full ones.",
    wrong: "a row fills most of a page, or the table was just emptied and is filled again; check the Tables pane.",
    source: "pgMustard",
    topic: Topic::Access,
    rank: 2,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::SeqScan])
        .filter_map(|(id, node)| {
            let facts = seen.context.table(node);
            let dead = facts.and_then(|table| Some(table.dead? / (table.dead? + table.rows?).max(1.0))).unwrap_or(0.0);
            let (pages, rows) = (
                node.derived.self_buffers.shared.touched() / (node.loops() / node.derived.processes.max(1.0)).max(1.0),
                rows_read(node),
            );
            let is_empty = pages >= 1000.0 && rows < pages && !node.derived.is_cut_short;
            if !is_empty && (dead < 0.2 || pages < 100.0) {
                return None;
            }
            let what = if is_empty {
                format!("{} pages of {} held {} rows", Count(pages), table(node), Count(rows))
            } else {
                format!("{} of the rows of {} are dead", Share(dead), table(node))
            };
            let advice = format!(
                "VACUUM {}; pg_repack or VACUUM FULL reclaims the space; check what holds autovacuum back",
                quoted_table(node)
            );
            let saving = own(node) * if is_empty { 1.0 - rows / pages } else { dead };
            Some(Hit::at(id, what, advice, saving))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::{check, check_with};
    use super::super::{TableFacts, TipContext};
    use super::*;

    #[test]
    fn more_pages_than_rows_are_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=500 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=20000",
            "20k pages of o held 500 rows: VACUUM o; pg_repack or VACUUM FULL reclaims the space; check what holds autovacuum back",
        );
    }

    #[test]
    fn a_row_a_page_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=20000 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=20000",
            "",
        );
    }

    #[test]
    fn dead_rows_are_told_where_they_are_known() {
        let context = TipContext {
            tables: vec![TableFacts {
                name: "o".to_owned(),
                rows: Some(10.0),
                dead: Some(10.0),
                ..TableFacts::default()
            }],
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=20000 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
  Buffers: shared hit=500",
            &context,
            "50% of the rows of o are dead: VACUUM o; pg_repack or VACUUM FULL reclaims the space; check what holds autovacuum back",
        );
    }
}
