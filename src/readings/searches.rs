//! Which statements look for the rows of a table by a column, and what part of the time of all they take.
//!
//! Pure, by the texts of `pg_stat_statements` alone: whether an index serves such a statement is not known from here.

use std::collections::HashMap;
use std::sync::Arc;

use super::Readings;
use super::statement_line::statement_line;
use super::statement_text::{Significant, significant};
use crate::catalog::usage::unindexed;
use crate::sample::Seconds;
use crate::sample::unit::{Count, Share};

/// The part of the time of all statements from which on a search is worth a warning.
const LEAST_SHARE: f64 = 0.05;

/// A mean call below this is as fast as a search by an index.
const FAST: Seconds = Seconds(0.001);

/// Letters of a statement that a sentence has room for.
const LINE: usize = 160;

/// The statements that search a table by a column, since the reset of `pg_stat_statements`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Searches {
    /// Their part of the time of all statements, 0..=1.
    pub share: f64,
    /// The one that takes most, on one line.
    pub text: String,
    /// How often that one was called.
    pub calls: f64,
    /// How long a call of it takes on average.
    pub mean: Seconds,
}

impl Searches {
    /// Whether they take so much time that the want of an index is felt.
    pub fn is_costly(&self) -> bool {
        self.share >= LEAST_SHARE
    }

    /// Returns how often the costliest of them was called, how long a call takes, and which it is.
    pub fn words(&self) -> String {
        let mut text: String = self.text.chars().take(LINE).collect();
        if text.len() < self.text.len() {
            text.push('…');
        }
        format!("{}, {} on average: {text}", Count(self.calls).of("call", "calls"), self.mean)
    }

    /// Returns their part of the time of all statements.
    pub fn share(&self) -> Share {
        Share(self.share)
    }
}

/// Calls and milliseconds of one statement, over all who ran it.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    calls: f64,
    time_ms: f64,
}

/// Returns the searches by each foreign key without an index, by the constraint's oid; none where the statements were not
/// read.
pub(super) fn of_unindexed_keys(readings: &Readings) -> HashMap<i64, Searches> {
    let (Ok(keys), Ok(indexes)) = (readings.foreign_keys(), readings.indexes()) else { return HashMap::new() };
    let keys = unindexed(keys, indexes, readings.judgements());
    if keys.is_empty() {
        return HashMap::new();
    }
    let names: Vec<(&str, &[String])> = keys.iter().map(|key| (key.table.as_str(), key.columns.as_slice())).collect();
    keys.iter().map(|key| key.oid).zip(searches(readings, &names)).collect()
}

/// Returns the searches by the columns of each `(table, columns)`.
fn searches(readings: &Readings, keys: &[(&str, &[String])]) -> Vec<Searches> {
    let mut totals: HashMap<i64, Total> = HashMap::new();
    let mut all = 0.0;
    for row in readings.snapshot.rows("statements").into_iter().flat_map(crate::sample::RowSet::iter) {
        let queryid = row.int("queryid").unwrap_or(0);
        if readings.is_own_statement(queryid) {
            continue;
        }
        let total = totals.entry(queryid).or_default();
        let time = row.number("total_time").unwrap_or(0.0);
        total.calls += row.number("calls").unwrap_or(0.0);
        total.time_ms += time;
        all += time;
    }
    let texts = readings.statement_texts();
    let timed: Vec<(&Arc<String>, Total)> = totals
        .into_iter()
        .filter(|(_, total)| total.calls > 0.0 && total.time_ms / total.calls >= FAST.0 * 1e3)
        .filter_map(|(queryid, total)| Some((texts.get(&queryid)?, total)))
        .collect();
    keys.iter().map(|(table, columns)| searches_by(&timed, all, (table, columns))).collect()
}

fn searches_by(timed: &[(&Arc<String>, Total)], all: f64, (table, columns): (&str, &[String])) -> Searches {
    let is_search = |text: &str| {
        text.contains(table)
            && columns.iter().all(|column| text.contains(column.as_str()) && compares(text, table, column))
    };
    let own = timed.iter().filter(|(text, _)| is_search(text));
    let mut found = Searches::default();
    let mut most = 0.0;
    for (text, total) in own {
        found.share += if all > 0.0 { total.time_ms / all } else { 0.0 };
        if total.time_ms > most {
            most = total.time_ms;
            found = Searches {
                share: found.share,
                text: statement_line(text),
                calls: total.calls,
                mean: Seconds(total.time_ms / total.calls / 1e3),
            };
        }
    }
    found
}

/// Whether a statement looks for rows by a column of a table: `= …` or `IN (…)` behind its first WHERE.
fn compares(statement: &str, table: &str, column: &str) -> bool {
    let all = significant(statement);
    let Some(start) = all.iter().position(|token| token.is_word("where")) else { return false };
    let has_join = all.iter().any(|token| token.is_word("join"));
    let at = |place: usize| all.get(place);
    (start..all.len()).any(|place| {
        if at(place).is_none_or(|token| !is_name(token, column)) {
            return false;
        }
        let is_qualified = place >= 2 && at(place - 1).is_some_and(|before| before.is_mark('.'));
        let is_of_table = if is_qualified {
            at(place - 2).is_some_and(|qualifier| is_name(qualifier, table) || is_alias(&all, table, qualifier.body))
        } else {
            !has_join
        };
        let is_compared = at(place + 1).is_some_and(|next| next.is_mark('=') || next.is_word("in"));
        // As the server itself writes it, to check a foreign key: `$1 OPERATOR(pg_catalog.=) "order_id"`.
        let is_mirrored = !is_qualified
            && (1..=2).any(|back| place > back && at(place - back).is_some_and(|before| before.is_mark('=')));
        is_of_table && (is_compared || is_mirrored)
    })
}

fn is_name(token: &Significant<'_>, name: &str) -> bool {
    token.body == name
}

/// Whether a statement calls a table by another name: `shop_item U0`, `shop_item AS i`.
fn is_alias(all: &[Significant<'_>], table: &str, alias: &str) -> bool {
    all.iter().enumerate().filter(|(_, token)| is_name(token, table)).any(|(place, _)| {
        let skip = usize::from(all.get(place + 1).is_some_and(|next| next.is_word("as")));
        all.get(place + 1 + skip).is_some_and(|next| next.body == alias)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    #[test]
    fn a_search_by_a_column_of_a_table_is_told_from_others() {
        for (statement, expected) in [
            (r#"SELECT "shop_item"."id" FROM "shop_item" WHERE "shop_item"."order_id" = $1"#, true),
            (r#"SELECT "shop_item"."id" FROM "shop_item" WHERE "shop_item"."order_id" IN ($1, $2)"#, true),
            ("select * from shop_item where qty > $1 and order_id = $2", true),
            (
                r#"SELECT 1 FROM "shop_order" WHERE EXISTS(SELECT $1 FROM "shop_item" U0 WHERE U0."order_id" = "shop_order"."id")"#,
                true,
            ),
            (
                r#"SELECT 1 FROM ONLY "public"."shop_item" x WHERE $1 OPERATOR(pg_catalog.=) "order_id" FOR KEY SHARE OF x"#,
                true,
            ),
            (r#"UPDATE "shop_item" SET "order_id" = $1 WHERE "shop_item"."id" = $2"#, false),
            (r#"INSERT INTO "shop_item" ("order_id") VALUES ($1)"#, false),
            (r#"SELECT * FROM "shop_item" JOIN "shop_note" ON true WHERE "shop_note"."order_id" = $1"#, false),
            ("select * from shop_item join shop_note n on true where order_id = $1", false),
            (r#"SELECT "shop_item"."order_id" FROM "shop_item" WHERE "shop_item"."id" = $1"#, false),
            ("select * from shop_item where order_id > $1", false),
        ] {
            assert_eq!(compares(statement, "shop_item", "order_id"), expected, "{statement}");
        }
    }

    #[test]
    fn its_part_of_the_time_of_all_statements_is_counted() {
        let search = r#"SELECT "shop_item"."id" FROM "shop_item" WHERE "shop_item"."order_id" = $1"#;
        let text = |id: i64, text: &str| row! { queryid: id, query: text };
        let seen = snapshot()
            .with(
                "statements",
                vec![
                    row! { queryid: 1, calls: 10, total_time: 9000.0 },
                    row! { queryid: 1, calls: 10, total_time: 200.0 },
                    row! { queryid: 2, calls: 10, total_time: 800.0 },
                    row! { queryid: 3, calls: 1000, total_time: 10.0 },
                ],
            )
            .with("statement_texts", vec![text(1, search), text(2, "select 2"), text(3, search)]);
        let columns = ["order_id".to_owned()];
        let found = searches(&Readings::of(seen), &[("shop_item", &columns), ("shop_order", &columns)]);
        assert!((found[0].share - 0.92).abs() < 0.01 && found[0].is_costly(), "{found:?}");
        assert!((found[0].calls - 20.0).abs() < 1e-9 && (found[0].mean.0 - 0.46).abs() < 1e-9, "{found:?}");
        assert!(found[0].words().contains("FROM shop_item"), "{}", found[0].words());
        assert_eq!(found[1], Searches::default());
    }
}
