//! What the statements of a workload write, and what an index costs them.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Word};

use crate::advisor::{Candidate, IndexSpec, WriteCost};
use crate::plan::{NodeKind, Plan};
use crate::sample::Seconds;

/// What one statement writes, over the window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WrittenRows {
    /// The table's schema, as far as the plan tells.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// How many rows.
    pub rows: f64,
    /// The columns that an UPDATE sets; `None` for an INSERT.
    pub updated: Option<Vec<String>>,
}

impl WrittenRows {
    /// Returns what a statement writes, by its plan; `None` for one that writes no entries of indexes.
    pub fn of(sql: &str, plan: &Plan, rows: f64) -> Option<Self> {
        let node = plan.nodes.iter().find(|node| node.kind == NodeKind::ModifyTable)?;
        let updated = match node.operation() {
            Some("Insert") => None,
            Some("Update") => Some(updated_columns(sql)),
            _ => return None,
        };
        let schema = node.schema().map(str::to_owned);
        Some(Self { schema, table: node.relation()?.to_owned(), rows, updated })
    }

    fn is_of(&self, spec: &IndexSpec) -> bool {
        self.table == spec.table && self.schema.as_ref().is_none_or(|schema| *schema == spec.schema)
    }
}

/// Returns the seconds that writers lose to a candidate over a window of so many seconds.
///
/// Inserts and updates that are not HOT write an entry into every index. An update that changes a column of the new index
/// loses HOT: then it writes into all the others as well. Of the rates since the counters were reset and of the
/// statements themselves the larger one counts.
pub fn lost_to_writes(candidate: &Candidate, written: &[WrittenRows], window: Option<Seconds>) -> Seconds {
    let cost = &candidate.write_cost;
    let own: Vec<&WrittenRows> = written.iter().filter(|rows| rows.is_of(&candidate.spec)).collect();
    let in_window = |rate: Option<f64>| rate.zip(window).map_or(0.0, |(rate, window)| rate * window.0);
    let sum = |is_update: bool| -> f64 {
        own.iter().filter(|rows| rows.updated.is_some() == is_update).map(|rows| rows.rows).sum()
    };
    let inserted = sum(false).max(in_window(cost.inserts_per_second));
    let updated = sum(true).max(in_window(cost.updates_per_second));
    let hot = cost.hot_share.unwrap_or(0.0);
    let entries = inserted + updated * (1.0 - hot) + lost_hot(candidate, &own, cost) * hot;
    Seconds(entries * cost.time_per_insert.0)
}

/// Entries that updates of the candidate's own columns write, into all indexes of the table.
fn lost_hot(candidate: &Candidate, own: &[&WrittenRows], cost: &WriteCost) -> f64 {
    let columns: Vec<&str> = candidate.specs().flat_map(|spec| spec.definition.columns()).collect();
    let changes = |rows: &&&WrittenRows| {
        rows.updated.as_ref().is_some_and(|set| set.iter().any(|column| columns.contains(&column.as_str())))
    };
    let rows: f64 = own.iter().filter(changes).map(|rows| rows.rows).sum();
    rows * (cost.indexes as f64 + 1.0)
}

/// Returns the columns that an UPDATE sets, as the server folds their names.
fn updated_columns(sql: &str) -> Vec<String> {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize() else { return Vec::new() };
    let mut found = Vec::new();
    let (mut depth, mut is_target, mut is_in_set) = (0_usize, false, false);
    for token in tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))) {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Comma if depth == 0 => is_target = is_in_set,
            Token::Eq if depth == 0 => is_target = false,
            Token::Word(Word { value, quote_style, .. }) if depth == 0 || is_target => {
                let folded = if quote_style.is_some() { value.clone() } else { value.to_lowercase() };
                match folded.as_str() {
                    "set" if quote_style.is_none() && !is_in_set => (is_in_set, is_target) = (true, true),
                    "from" | "where" | "returning" if quote_style.is_none() && is_in_set => break,
                    _ if is_in_set && is_target => found.push(folded),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisor::advise;
    use crate::advisor::tests::{catalog, plan};

    #[test]
    fn the_columns_that_an_update_sets_are_known() {
        for (sql, expected) in [
            (
                r#"UPDATE "shop_order" SET "status" = $1, "Total" = "shop_order"."Total" + $2 WHERE "id" = $3"#,
                vec!["status", "Total"],
            ),
            (
                "update t set (a, B) = (select x, y from u), c = coalesce(d, $1) from u where t.id = u.id",
                vec!["a", "b", "c"],
            ),
            ("update t set a = $1 returning b", vec!["a"]),
            ("insert into t values ($1)", vec![]),
            ("update t set 'open", vec![]),
        ] {
            assert_eq!(updated_columns(sql), expected, "{sql}");
        }
    }

    #[test]
    fn an_update_of_an_indexed_column_costs_more_than_one_of_others() {
        let text =
            "Seq Scan on orders o  (cost=0.00..48750.00 rows=1 width=72)\n  Filter: ((reference)::text = 'R1'::text)";
        let mut candidate = advise(&plan(text), &catalog()).candidates.remove(0);
        let cost = &mut candidate.write_cost;
        (cost.indexes, cost.hot_share, cost.time_per_insert) = (3, Some(0.9), Seconds(1e-6));
        (cost.inserts_per_second, cost.updates_per_second) = (Some(1.0), None);
        let table = candidate.spec.table.clone();
        let column = candidate.spec.definition.columns().first().map(|name| (*name).to_owned()).unwrap();
        let updating = |column: &str| WrittenRows {
            table: table.clone(),
            rows: 1000.0,
            updated: Some(vec![column.to_owned()]),
            ..WrittenRows::default()
        };
        let lost = |written: &[WrittenRows]| lost_to_writes(&candidate, written, Some(Seconds(100.0))).0 * 1e6;
        assert!((lost(&[]) - 100.0).abs() < 1e-6, "{}", lost(&[]));
        assert!((lost(&[updating("elsewhere")]) - 200.0).abs() < 1e-6);
        assert!((lost(&[updating(&column)]) - 3800.0).abs() < 1e-6);
    }
}
