//! Rows of `activity` as sessions: whose they are, and what of them this role may see.
//!
//! Pure. Panes, findings and the header count with these alone, so that they agree.

use crate::sample::Row;

/// Whether a row is a client's backend.
pub fn is_client(row: &Row<'_>) -> bool {
    row.text("backend_type") == "client backend" || is_hidden(row)
}

/// Whether a row is a client of a role whose sessions this role may not look into.
///
/// Role and database are shown to everybody, the kind of the backend and its state are not; background processes have
/// no role or no database. Source: `pg_stat_get_activity()`, `HAS_PGSTAT_PERMISSIONS`.
pub fn is_hidden(row: &Row<'_>) -> bool {
    row.text("backend_type").is_empty() && !row.text("user").is_empty() && !row.text("database").is_empty()
}

/// Whether the state of a client is not known: it is hidden, or the session runs with `track_activities` off.
pub fn has_unknown_state(row: &Row<'_>) -> bool {
    is_hidden(row) || row.text("state") == "disabled"
}

/// Whether a row waits for a lock; from a plain role the wait is hidden, and who blocks is not.
pub fn waits_for_a_lock(row: &Row<'_>) -> bool {
    row.text("wait_event_type") == "Lock" || !row.get("blocked_by").is_null()
}

/// Returns a count of sessions in a state, where the state of others is not known: `3+` is at least three, `?` any number.
pub fn at_least(count: usize, unknown: usize) -> String {
    match (count, unknown) {
        (count, 0) => count.to_string(),
        (0, _) => "?".to_owned(),
        (count, _) => format!("{count}+"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{With as _, row, snapshot};

    #[test]
    fn a_hidden_row_is_a_client_only_where_it_has_a_role_and_a_database() {
        let seen = snapshot().with(
            "activity",
            vec![
                row! { pid: 1, user: "web", database: "shop" },
                row! { pid: 2, user: "postgres" },
                row! { pid: 3, database: "shop" },
                row! { pid: 4, user: "web", database: "shop", backend_type: "client backend" },
                row! { pid: 5, user: "web", database: "shop", backend_type: "parallel worker", state: "active" },
                row! { pid: 6, user: "web", database: "shop", backend_type: "client backend", state: "disabled" },
            ],
        );
        let pids = |is: fn(&Row<'_>) -> bool| -> Vec<i64> {
            seen.rows("activity").unwrap().iter().filter(is).filter_map(|row| row.int("pid")).collect()
        };
        assert_eq!(pids(is_client), [1, 4, 6]);
        assert_eq!(pids(is_hidden), [1]);
        assert_eq!(pids(has_unknown_state), [1, 6]);
    }

    #[test]
    fn a_count_beside_unknown_ones_is_at_least_that() {
        assert_eq!([at_least(0, 0), at_least(3, 0), at_least(0, 2), at_least(3, 2)], ["0", "3", "?", "3+"]);
    }
}
