//! Extensions older than the server's files, as after `pg_upgrade`.

use super::{Concern, Finding, Fix, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, shows};
use crate::quote::quote_ident;
use crate::sample::Missing;

/// The rule.
pub static RULE: Rule =
    Rule { id: "old_extension", watches: "versions of the extensions", concern: Concern::Settings, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    if view.newer.server.role.is_empty() {
        // The server has not answered yet.
        return Err(Missing::NotYet);
    }
    let old: Vec<(&str, &str, &str)> = view
        .newer
        .server
        .extensions
        .iter()
        .filter_map(|(name, extension)| {
            Some((name.as_str(), extension.version.as_str(), extension.available.as_deref()?))
        })
        .filter(|(_, installed, available)| installed != available)
        .collect();
    let Some((name, installed, available)) = old.first() else { return Ok(vec![]) };
    let title = if old.len() == 1 {
        format!("extension {name} is {installed}, the server has {available}")
    } else {
        format!("outdated extensions: {}", and_more(name, old.len()))
    };
    let code: Vec<String> =
        old.iter().map(|(name, ..)| format!("ALTER EXTENSION {} UPDATE;", quote_ident(name))).collect();
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Notice,
        title,
        evidence: old
            .iter()
            .take(NAMED)
            .map(|(name, from, to)| shows(*name, format!("{from}, available {to}")))
            .collect(),
        why: "pg_upgrade does not update extensions: columns and functions of the newer version are missing.",
        fix: Fix::sql("Update it in each database; for most extensions this takes only brief locks.", code.join("\n")),
        jump: None,
        source: "pg_available_extensions; PostgreSQL manual: pg_upgrade, ALTER EXTENSION",
    }])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixture::snapshot;
    use crate::readings::Readings;
    use crate::sample::ServerFacts;
    use crate::sample::server::Extension;

    #[test]
    fn it_fires_where_the_versions_differ() {
        for (available, fires) in [(Some("1.10"), true), (Some("1.8"), false), (None, false)] {
            let extension =
                Extension { version: "1.8".into(), available: available.map(str::to_owned), schema: "public".into() };
            let facts = ServerFacts {
                role: "app".to_owned(),
                extensions: [("pg_stat_statements".to_owned(), extension)].into(),
                ..ServerFacts::default()
            };
            let mut seen = snapshot();
            seen.server = Arc::new(facts);
            assert_eq!(
                check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap().len(),
                usize::from(fires),
                "{available:?}"
            );
        }
    }
}
