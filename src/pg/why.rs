//! From an error of the server to [`Missing`]: why a probe could not be read, and what would change it.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::probes::{Need, Probe};
use super::session::{Limits, sentence};
use crate::quote::{quote_ident, quote_text};
use crate::sample::{Missing, Seconds, ServerFacts};

/// Returns why a probe cannot be read on this server at all, or `None` if it can be tried.
pub fn cannot_be_read(probe: &Probe, facts: &ServerFacts) -> Option<Missing> {
    probe.needs.iter().find_map(|need| match *need {
        Need::Extension(name) if !facts.extensions.contains_key(name) => Some(not_installed(name, facts)),
        Need::Fact(fact) if !facts.has(fact) => Some(lacking(fact, facts)),
        Need::TableOfDjango(table) => refused(table, facts),
        Need::Primary if facts.is_standby => {
            Some(Missing::Unsupported { what: format!("{}, because it is a standby", probe.name) })
        }
        _ => None,
    })
}

/// Says why a table of Django's is not read.
fn refused(table: &str, facts: &ServerFacts) -> Option<Missing> {
    let Some(found) = facts.django.get(table) else {
        let what = format!("table {table} in database {}", facts.database);
        return Some(Missing::Unsupported { what });
    };
    if let Some(message) = found.refusal(table) {
        return Some(Missing::Failed { sqlstate: "none".to_owned(), message });
    }
    let denied = || Missing::Denied { what: format!("table {table}"), grant: grant_table(table, facts) };
    found.is_denied.then(denied)
}

/// Returns the statement that would let this role read a table of Django's.
fn grant_table(table: &str, facts: &ServerFacts) -> String {
    let schema = facts.django.get(table).map_or("public", |it| it.schema.as_str());
    facts.grant(&format!("SELECT ON {}.{table}", quote_ident(schema)))
}

/// Says why an extension is not there and how to get it.
pub(crate) fn not_installed(extension: &str, facts: &ServerFacts) -> Missing {
    let create = format!("CREATE EXTENSION {extension};");
    let is_preloaded = facts.preloaded.as_deref().map(|libraries| lists(libraries, extension));
    let (what, fix) = match (must_be_preloaded(extension), is_preloaded) {
        (true, Some(false)) => (
            "it is not in shared_preload_libraries",
            format!("{} then restart the server, then {create}", preload(extension, facts.preloaded.as_deref())),
        ),
        (true, None) => (
            "this database does not have it, and shared_preload_libraries must include it (hidden from this role)",
            create,
        ),
        _ => ("this database does not have it", create),
    };
    Missing::NotInstalled { extension: extension.to_owned(), what: what.to_owned(), fix }
}

fn must_be_preloaded(extension: &str) -> bool {
    matches!(extension, "pg_stat_statements" | "pg_qualstats" | "pg_stat_kcache" | "pg_wait_sampling")
}

fn lists(libraries: &str, name: &str) -> bool {
    libraries.split(',').any(|library| library.trim().trim_matches('"').rsplit('/').next() == Some(name))
}

/// Returns the statement that adds a library to those preloaded.
fn preload(extension: &str, libraries: Option<&str>) -> String {
    let mut all: Vec<String> = libraries
        .unwrap_or_default()
        .split(',')
        .map(|library| library.trim().trim_matches('"'))
        .filter(|library| !library.is_empty())
        .map(quote_text)
        .collect();
    all.push(quote_text(extension));
    format!("ALTER SYSTEM SET shared_preload_libraries = {};", all.join(", "))
}

/// Says what a missing view, column or function is; one of a stale extension comes with its update.
fn lacking(fact: &str, facts: &ServerFacts) -> Missing {
    let what = fact.trim_end_matches(".*").to_owned();
    let stale = facts.extensions.iter().find(|(name, extension)| {
        what.starts_with(name.as_str())
            && extension.available.as_ref().is_some_and(|newest| *newest != extension.version)
    });
    match stale {
        Some((name, extension)) => Missing::NotInstalled {
            extension: what,
            what: format!(
                "not in {name} {}, added in {}",
                extension.version,
                extension.available.as_deref().unwrap_or("a newer one")
            ),
            fix: format!("ALTER EXTENSION {name} UPDATE;"),
        },
        None => Missing::Unsupported { what },
    }
}

/// Whether an error says that the server has other things than it had when it was asked: an extension came, went or
/// changed, a view was replaced, the server is another.
pub(crate) fn is_out_of_date(error: &Error) -> bool {
    error.code().is_some_and(|state| {
        [
            SqlState::UNDEFINED_FUNCTION,
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::UNDEFINED_OBJECT,
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::AMBIGUOUS_FUNCTION,
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ]
        .contains(state)
    })
}

/// Says why a statement of a probe failed.
pub fn missing(error: &Error, probe: &Probe, facts: &ServerFacts, limits: Limits) -> Missing {
    let Some(state) = error.code() else {
        return Missing::Failed { sqlstate: "none".to_owned(), message: sentence(error) };
    };
    let message = sentence(error);
    match *state {
        SqlState::INSUFFICIENT_PRIVILEGE => Missing::Denied { what: message, grant: grant(probe, facts) },
        SqlState::LOCK_NOT_AVAILABLE => Missing::Blocked { by: Vec::new(), runs: String::new() },
        SqlState::QUERY_CANCELED => Missing::TimedOut { after: Seconds(limits.statement.as_secs_f64()) },
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE if extension_of(probe).is_some() => {
            let extension = extension_of(probe).unwrap_or_default();
            Missing::NotInstalled {
                extension: extension.to_owned(),
                what: message,
                fix: format!("{} then restart the server", preload(extension, facts.preloaded.as_deref())),
            }
        }
        SqlState::FEATURE_NOT_SUPPORTED => Missing::Unsupported { what: format!("{}: {message}", probe.name) },
        _ => Missing::Failed { sqlstate: state.code().to_owned(), message },
    }
}

fn extension_of(probe: &Probe) -> Option<&'static str> {
    probe.needs.iter().find_map(|need| match need {
        Need::Extension(name) => Some(*name),
        _ => None,
    })
}

/// Returns the statement that would let this role read a probe.
fn grant(probe: &Probe, facts: &ServerFacts) -> String {
    if let Some(extension) = extension_of(probe) {
        let schema = facts.extensions.get(extension).map_or("public", |it| it.schema.as_str());
        let usage = facts.grant(&format!("USAGE ON SCHEMA {}", quote_ident(schema)));
        return format!("{usage} {}", facts.grant("pg_read_all_stats"));
    }
    match probe.table() {
        Some(table) => grant_table(table, facts),
        None => facts.grant("pg_monitor"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::find;
    use crate::sample::server::Extension;

    fn check(facts: &ServerFacts, probe: &str, sentence: &str, remedy: Option<&str>) {
        let why = cannot_be_read(find(probe).unwrap(), facts).unwrap();
        assert_eq!((why.to_string().as_str(), why.remedy()), (sentence, remedy));
    }

    #[test]
    fn a_missing_extension_says_how_to_get_it() {
        let preloaded =
            |libraries: Option<&str>| ServerFacts { preloaded: libraries.map(str::to_owned), ..ServerFacts::default() };
        check(
            &preloaded(Some("auto_explain")),
            "statements",
            "pg_stat_statements is not installed: it is not in shared_preload_libraries",
            Some(
                "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements'; \
                 then restart the server, then CREATE EXTENSION pg_stat_statements;",
            ),
        );
        check(
            &preloaded(Some("$libdir/pg_stat_statements")),
            "statements",
            "pg_stat_statements is not installed: this database does not have it",
            Some("CREATE EXTENSION pg_stat_statements;"),
        );
    }

    #[test]
    fn a_stale_extension_says_how_to_update_it() {
        let stale = Extension { version: "1.7".into(), available: Some("1.10".into()), schema: "public".into() };
        let facts =
            ServerFacts { extensions: [("pg_stat_statements".to_owned(), stale)].into(), ..ServerFacts::default() };
        check(
            &facts,
            "statements_info",
            "pg_stat_statements_info is not installed: not in pg_stat_statements 1.7, added in 1.10",
            Some("ALTER EXTENSION pg_stat_statements UPDATE;"),
        );
        let facts = ServerFacts { database: "postgres".to_owned(), ..facts };
        let no_table = "this server has no table django_content_type in database postgres";
        check(&facts, "content_types", no_table, None);
    }
}
