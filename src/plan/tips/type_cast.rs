//! A column that is cast before it is compared.

use super::support::{Hit, NodeKind, Tip, TipInput, Topic, own, rows_looked_at, rows_read, without_texts};

pub(super) static TIP: Tip = Tip {
    number: 43,
    id: "type-cast",
    title: "a column is cast before it is compared",
    why: "The value has a different type from the column, so the column is cast on every row and its index cannot be used.",
    wrong: "the cast is varchar shown as (column)::text, which is not a real one: the index works.",
    source: "pgMustard; PostgreSQL manual: Type Conversion, Operators",
    topic: Topic::Access,
    rank: 7,
    find,
};

/// Returns the first column in the condition that is cast and compared.
fn cast_column(filter: &str) -> Option<String> {
    let filter = without_texts(filter);
    CASTS.iter().find_map(|cast| {
        let (before, after) = filter.split_once(cast)?;
        let column = before.rsplit('(').next()?;
        let is_column =
            column.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '"') && !column.contains(' ');
        let is_compared = [" =", " <", " >"].iter().any(|operator| after.starts_with(operator));
        (is_column && is_compared).then(|| format!("({column}{cast}"))
    })
}

/// Types that a column is cast to only because the value has them; `text` is also how varchar is shown.
const CASTS: &[&str] = &[")::numeric", ")::double precision", ")::integer", ")::bigint", ")::real"];

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::SeqScan, NodeKind::IndexScan, NodeKind::IndexOnlyScan, NodeKind::BitmapHeapScan])
        .filter_map(|(id, node)| {
            let filter = node.filter()?;
            let cast = cast_column(filter)?;
            let (read, removed) = (rows_read(node), node.removed_by_filter());
            if node.actual.is_some() && (removed < 1000.0 || removed < read * 0.9) {
                return None;
            }
            let what = format!("{cast} runs for {}", rows_looked_at(seen, node));
            let advice =
                "pass a value of the column's own type: int for integer, str for text, Decimal only for numeric";
            Some(Hit::at(id, what, advice, own(node) * removed / read.max(1.0)).because_of(seen.cause(id)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_cast_key_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: ((id)::numeric = 5.0)
  Rows Removed by Filter: 50000",
            "(id)::numeric runs for each of 50k rows of o: pass a value of the column's own type: int for integer, str for text, Decimal only for numeric",
        );
    }

    #[test]
    fn a_varchar_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: ((status)::text = 'x'::text)
  Rows Removed by Filter: 50000",
            "",
        );
    }

    #[test]
    fn a_cast_value_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: (total = (5)::numeric)
  Rows Removed by Filter: 50000",
            "",
        );
    }
}
