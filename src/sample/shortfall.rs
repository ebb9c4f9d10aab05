//! What a section that was read does not show, and what would change it.
//!
//! Pure. A view of the server hides from a role what it may not see without an error: rows are there, but their texts
//! are not, or the statistics of a table are as if it had none. That is said beside the rows.

use super::{Missing, ServerFacts};

/// Returns what this role does not see in a probe's rows, or `None` where it sees all there is.
///
/// Source: PostgreSQL manual 27.2 "The Cumulative Statistics System", 21.5 "Predefined Roles", 53.28 "`pg_stats`".
pub fn shortfall(probe: &str, facts: &ServerFacts) -> Option<Missing> {
    let denied = |what: &str, grant: String| Some(Missing::Denied { what: what.to_owned(), grant });
    let is_stale = |name: &str| {
        facts.extensions.get(name).filter(|it| it.available.as_ref().is_some_and(|newest| *newest != it.version))
    };
    let is_blind = !facts.may_as("pg_read_all_stats");
    match probe {
        "activity" if is_blind => {
            denied("statements, states and waits of other roles are hidden", facts.grant("pg_monitor"))
        }
        "replication" if is_blind => denied("positions and lags are hidden", facts.grant("pg_monitor")),
        "statements" | "statement_texts" if is_blind => {
            denied("the statements of other roles are summed into one row per role", facts.grant("pg_monitor"))
        }
        "statements" | "statement_texts" => is_stale("pg_stat_statements").map(|stale| Missing::NotInstalled {
            extension: "the newest pg_stat_statements".to_owned(),
            what: format!(
                "this database has {}, the server {}, so some columns are empty",
                stale.version,
                stale.available.as_deref().unwrap_or("a newer one")
            ),
            fix: "ALTER EXTENSION pg_stat_statements UPDATE;".to_owned(),
        }),
        "settings" if !facts.may_as("pg_read_all_settings") => {
            denied("a few settings are hidden", facts.grant("pg_monitor"))
        }
        // Statistics are shown for tables this role may read; not even pg_monitor changes that.
        "column_stats" | "index_stats" if !facts.may_as("pg_read_all_data") => {
            let hidden = "statistics of tables that this role cannot read are hidden, and their bloat is not estimated";
            if facts.has("role pg_read_all_data") {
                let what = format!("{hidden} (the grant lets it read every table)");
                denied(&what, facts.grant("pg_read_all_data"))
            } else {
                denied(hidden, facts.grant("SELECT ON ALL TABLES IN SCHEMA public"))
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::server::Extension;

    fn check(facts: &ServerFacts, probe: &str, expected: Option<(&str, &str)>) {
        let why = shortfall(probe, facts).map(|why| (why.to_string(), why.remedy().unwrap_or_default().to_owned()));
        let why = why.as_ref().map(|(sentence, remedy)| (sentence.as_str(), remedy.as_str()));
        assert_eq!(why, expected, "{probe}");
    }

    #[test]
    fn what_a_plain_role_does_not_see_is_said_with_its_grant() {
        let columns = ["role pg_read_all_data".to_owned()].into();
        let plain = ServerFacts { role: "app".to_owned(), columns, ..ServerFacts::default() };
        let read_all_stats = "GRANT pg_monitor TO app;";
        for (probe, what, grant) in [
            ("activity", "permission denied: statements, states and waits of other roles are hidden", read_all_stats),
            (
                "statements",
                "permission denied: the statements of other roles are summed into one row per role",
                read_all_stats,
            ),
            ("settings", "permission denied: a few settings are hidden", "GRANT pg_monitor TO app;"),
            (
                "column_stats",
                "permission denied: statistics of tables that this role cannot read are hidden, and their bloat is not estimated (the grant lets it read every table)",
                "GRANT pg_read_all_data TO app;",
            ),
        ] {
            check(&plain, probe, Some((what, grant)));
        }
        check(&plain, "databases", None);
    }

    #[test]
    fn a_superuser_sees_all_but_what_a_stale_extension_lacks() {
        let mut facts = ServerFacts { is_superuser: true, ..ServerFacts::default() };
        check(&facts, "activity", None);
        check(&facts, "column_stats", None);
        let stale = Extension { version: "1.7".into(), available: Some("1.10".into()), schema: "public".into() };
        facts.extensions.insert("pg_stat_statements".to_owned(), stale);
        let sentence = "the newest pg_stat_statements is not installed: this database has 1.7, the server 1.10, so some columns are empty";
        check(&facts, "statements", Some((sentence, "ALTER EXTENSION pg_stat_statements UPDATE;")));
    }
}
