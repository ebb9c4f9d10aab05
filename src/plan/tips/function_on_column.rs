//! A function around a column.

use super::support::{Hit, NodeKind, Tip, TipInput, Topic, own, rows_looked_at, rows_read, without_texts};

pub(super) static TIP: Tip = Tip {
    number: 44,
    id: "function-on-column",
    title: "a function around a column",
    why: "An index on the column cannot answer a condition on the function's result.",
    wrong: "few rows are filtered out: then an index would not be used either.",
    source: "pgplan; PostgreSQL manual: Indexes on Expressions",
    topic: Topic::Access,
    rank: 6,
    find,
};

/// Functions and what to do about each. The names as the server prints them.
const FUNCTIONS: &[(&str, &str)] = &[
    ("unaccent(", "wrap unaccent in your own IMMUTABLE SQL function: an index cannot be built on unaccent itself"),
    ("upper(", "add an index on it: models.Index(Upper('…'), name=…)"),
    ("lower(", "add an index on it: models.Index(Lower('…'), name=…)"),
    ("date_trunc(", "use a half-open range, which an index on the column answers: field__gte=start, field__lt=end"),
    ("date_part(", "use a half-open range, which an index on the column answers: field__gte=start, field__lt=end"),
    ("EXTRACT(", "use a half-open range, which an index on the column answers: field__gte=start, field__lt=end"),
    ("AT TIME ZONE", "use a half-open range instead of __date: field__gte=start, field__lt=end"),
    ("timezone(", "use a half-open range instead of __date: field__gte=start, field__lt=end"),
    ("to_tsvector(", "add a GinIndex on the same SearchVector with its config, or a SearchVectorField"),
    ("COALESCE(", "compare the column itself, with OR … IS NULL"),
    ("substr(", "use field__startswith with a varchar_pattern_ops index"),
    ("\"substring\"(", "use field__startswith with a varchar_pattern_ops index"),
];

/// The operators of patterns, which a plain index on the function does not serve.
const PATTERNS: &[&str] = &[" ~~ '", " ~~* '", " ~ '", " ~* '", " ~~ $", " ~~* $", " ~ $", " ~* $"];

/// Returns what to do about a function, and the part of it that names an index.
fn advice(function: &str, usual: &str, plain: &str) -> (String, Option<String>) {
    let is_case = matches!(function, "upper(" | "lower(");
    if is_case && PATTERNS.iter().any(|operator| plain.contains(operator)) {
        let name = if function == "upper(" { "Upper" } else { "Lower" };
        let words = format!("add a trigram index on it: GinIndex(OpClass({name}('…'), name='gin_trgm_ops'), name=…)");
        return (words.clone(), Some(words));
    }
    (usual.to_owned(), is_case.then(|| usual.to_owned()))
}

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::SeqScan])
        .filter_map(|(id, node)| {
            let plain = without_texts(node.filter()?);
            let (function, usual) = FUNCTIONS.iter().find(|(function, _)| plain.contains(function))?;
            let (read, removed) = (rows_read(node), node.removed_by_filter());
            if node.actual.is_some() && (removed < 1000.0 || removed < read * 0.9) {
                return None;
            }
            let name = function.trim_matches(['(', '"']);
            let name = if function.ends_with('(') { format!("{name}()") } else { name.to_owned() };
            let what = format!("{name} runs for {}", rows_looked_at(seen, node));
            let (advice, index) = advice(function, usual, &plain);
            let hit = Hit::at(id, what, advice, own(node) * removed / read.max(1.0)).because_of(seen.cause(id));
            Some(hit.naming(index, node.relation()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::{check, check_with};
    use super::super::{TableFacts, TipContext};
    use super::*;

    #[test]
    fn a_function_on_each_row_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: (upper((email)::text) = 'X'::text)
  Rows Removed by Filter: 50000",
            "upper() runs for each of 50k rows of o: add an index on it: models.Index(Upper('…'), name=…)",
        );
    }

    #[test]
    fn a_pattern_needs_a_trigram_index_which_the_advice_takes_the_place_of() {
        let text = "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: (upper((email)::text) ~~ '%X%'::text)
  Rows Removed by Filter: 50000";
        let words = "add a trigram index on it: GinIndex(OpClass(Upper('…'), name='gin_trgm_ops'), name=…)";
        check(&TIP, text, &format!("upper() runs for each of 50k rows of o: {words}"));
        let hits = super::super::verdict(&super::super::support::test::plan_of(text), &TipContext::default()).tips;
        let hit = hits.iter().find(|hit| hit.tip.id == TIP.id).expect("the tip is given");
        assert_eq!(hit.index.as_ref().map(|index| index.words.as_str()), Some(words));
    }

    #[test]
    fn an_estimate_does_not_take_the_rows_that_are_kept_for_those_that_are_read() {
        let estimate = "Seq Scan on o  (cost=1.00..2.00 rows=631 width=8)
  Filter: (upper((email)::text) = 'X'::text)";
        let todo = "add an index on it: models.Index(Upper('…'), name=…)";
        check(&TIP, estimate, &format!("upper() runs for each row of o: {todo}"));
        let facts = TableFacts { name: "o".to_owned(), rows: Some(60_000.0), ..TableFacts::default() };
        let context = TipContext { tables: vec![facts], ..TipContext::default() };
        check_with(&TIP, estimate, &context, &format!("upper() runs for each of about 60k rows of o: {todo}"));
    }

    #[test]
    fn a_function_in_a_text_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: (note = 'upper(x)'::text)
  Rows Removed by Filter: 50000",
            "",
        );
    }

    #[test]
    fn a_filter_that_keeps_most_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50000 loops=1)
  Filter: (upper((email)::text) = 'X'::text)
  Rows Removed by Filter: 900",
            "",
        );
    }
}
