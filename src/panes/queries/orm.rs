//! What a statement looks like to somebody who wrote Django code.
//!
//! Pure. A guess is short and marked as one; where nothing is recognised nothing is said.

use crate::readings::statements::Statement;

/// Calls a second from which one-row look-ups by key are suspected of being an N+1.
const N_PLUS_ONE_RATE: f64 = 20.0;

/// Returns what ORM call a statement looks like.
///
/// `get()` and the access of an unloaded foreign key send `LIMIT 21`, which `pg_stat_statements` shows as a parameter.
/// Source: `django/db/models/query.py`, `MAX_GET_RESULTS`.
pub(in crate::panes) fn hint(text: &str, statement: &Statement, per_second: Option<f64>) -> Option<&'static str> {
    let head = text.trim_start().get(..24).unwrap_or(text.trim_start());
    if head.starts_with("SAVEPOINT") || head.starts_with("RELEASE") {
        return Some("atomic()");
    }
    if head.starts_with("SELECT COUNT(*)") {
        return Some("count()");
    }
    if head.starts_with("SELECT 1 AS") || head.starts_with("SELECT $1 AS") {
        return Some("exists()");
    }
    if !head.starts_with("SELECT") {
        return None;
    }
    let is_one_row = statement.calls >= 10.0 && statement.rows <= statement.calls;
    let is_by_key = text.contains("\".\"id\" = $") || text.contains("_id\" = $");
    if is_one_row && is_by_key && text.contains("LIMIT $") {
        return Some(if per_second.unwrap_or(0.0) >= N_PLUS_ONE_RATE { "N+1?" } else { "get()" });
    }
    None
}

/// Returns what a pattern means and what to do about it.
pub(in crate::panes) fn explained(hint: &str) -> Option<&'static str> {
    match hint {
        "N+1?" => Some(
            "Many lookups of one row by its key each second: perhaps a loop that reads a related object of every row (N+1 \
             queries). Look for a loop over a queryset; select_related() or prefetch_related() reads them at once.",
        ),
        "get()" => Some("A lookup of one row by its key, as get() or an access to a foreign key sends it."),
        "count()" => Some(
            "A count(), as paginators send it; it reads at least every row that matches, and without a fitting index every row.",
        ),
        "exists()" => Some("An exists(), which stops at the first row."),
        "atomic()" => Some("A savepoint, which a nested atomic() makes."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_up_by_key_sent_often_is_suspected() {
        let text = r#"SELECT "shop_customer"."id", "shop_customer"."name" FROM "shop_customer" WHERE "shop_customer"."id" = $1 LIMIT $2"#;
        let statement = Statement { calls: 500.0, rows: 500.0, ..Statement::default() };
        assert_eq!(hint(text, &statement, Some(50.0)), Some("N+1?"));
        assert_eq!(hint(text, &statement, Some(1.0)), Some("get()"));
        let many = Statement { calls: 500.0, rows: 9000.0, ..Statement::default() };
        assert_eq!(hint(text, &many, Some(50.0)), None);
    }
}
