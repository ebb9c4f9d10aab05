//! An index that leads to rows that are thrown away.

use super::indexable::{keys, keys_of, not_by};
use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own, short, table};

pub(super) static TIP: Tip = Tip {
    number: 6,
    id: "inefficient-index",
    title: "an index that finds rows the filter discards",
    why: "The index answers only some of the conditions; the rest are checked on each table row it finds.",
    wrong: "the other conditions are rarely used together with this one: the wider index then costs more writes than it saves.",
    source: "pgplan; Joe; pganalyze",
    topic: Topic::Access,
    rank: 4,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::IndexScan, NodeKind::IndexOnlyScan])
        .filter_map(|(id, node)| {
            let condition = node.index_cond()?;
            let (kept, removed) = (node.rows_total()?, node.removed_by_filter());
            if removed < 1000.0 || removed < kept * 10.0 {
                return None;
            }
            let index = node.index().unwrap_or("the index");
            let what = format!(
                "{index} finds {} rows by {}; {} are kept",
                Count(kept + removed),
                short(condition),
                Count(kept)
            );
            let filter = node.filter().unwrap_or_default();
            let better = (!keys(filter, node.alias()).is_empty()).then(|| {
                let keys = keys_of(&[node.index_cond(), node.filter()], node).join(", ");
                // A primary key or a unique index stays as it is: nothing can be added to it.
                let known = seen.context.table(node).and_then(|table| table.index(index));
                let instead = if known.is_some_and(|known| !known.is_unique) {
                    format!(", instead of {index}")
                } else {
                    String::new()
                };
                format!("an index on {} ({keys}){instead}", table(node))
            });
            let (advice, words) = better
                .map_or_else(|| not_by(filter, "compare a plain column with a value"), |words| (words.clone(), words));
            let hit = Hit::at(id, what, advice, own(node) * removed / (kept + removed)).because_of(seen.cause(id));
            Some(hit.naming(Some(words), node.relation()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn an_index_with_ten_times_more_rows_is_told() {
        check(
            &TIP,
            "Index Scan using o_store on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=5 loops=1)
  Index Cond: (store_id = 7)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 5000",
            "o_store finds 5.0k rows by (store_id = 7); 5 are kept: an index on o (store_id, status)",
        );
    }

    #[test]
    fn a_primary_key_is_not_to_be_extended() {
        use super::super::support::test::check_with;
        use super::super::{IndexFacts, TableFacts, TipContext};
        for (is_unique, instead) in [(true, ""), (false, ", instead of o_pkey")] {
            let index = IndexFacts { name: "o_pkey".to_owned(), keys: vec!["id".to_owned()], is_unique };
            let table = TableFacts { name: "o".to_owned(), indexes: vec![index], ..TableFacts::default() };
            check_with(
                &TIP,
                "Index Scan using o_pkey on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=5 loops=1)
  Index Cond: (id > 7)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 5000",
                &TipContext { tables: vec![table], ..TipContext::default() },
                &format!("o_pkey finds 5.0k rows by (id > 7); 5 are kept: an index on o (status, id){instead}"),
            );
        }
    }

    #[test]
    fn nine_times_is_not() {
        check(
            &TIP,
            "Index Scan using o_store on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=1000 loops=1)
  Index Cond: (store_id = 7)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 9000",
            "",
        );
    }

    #[test]
    fn an_index_without_a_filter_is_not() {
        check(
            &TIP,
            "Index Scan using o_store on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=1000 loops=1)
  Index Cond: (store_id = 7)",
            "",
        );
    }
}
