//! The role of pgdj may not see the sessions and statements of others.

use super::{Concern, Finding, Fix, Rule, RuleInput, RuleResult, Severity, counted, shows};
use crate::quote::quote_ident;
use crate::sample::{Missing, shortfall};

/// The rule.
pub static RULE: Rule =
    Rule { id: "missing_rights", watches: "rights of the role that pgdj runs as", concern: Concern::Rights, check };

/// The probes of which `pg_monitor` shows more. What only the right to read tables shows is said where it is lacking.
const PROBES: [&str; 4] = ["activity", "statements", "replication", "settings"];

fn check(view: &RuleInput<'_>) -> RuleResult {
    let facts = &view.newer.server;
    if facts.role.is_empty() {
        return Err(Missing::NotYet);
    }
    let is_denied = |probe: &&str| matches!(shortfall(probe, facts), Some(Missing::Denied { .. }));
    let denied: Vec<&str> = PROBES.into_iter().filter(is_denied).collect();
    if denied.is_empty() || facts.may_as("pg_monitor") {
        return Ok(vec![]);
    }
    let is_blind = !facts.may_as("pg_read_all_stats");
    let backends = view.readings.backends().unwrap_or_default();
    let hidden = backends.iter().filter(|backend| backend.is_hidden).count();
    let role = quote_ident(&facts.role);
    let title = match (is_blind, hidden) {
        (false, _) => format!("role {role} does not see every setting: it is not a member of pg_monitor"),
        (true, 0) => format!("role {role} sees only its own sessions and statements: it is not a member of pg_monitor"),
        (true, _) => {
            let sessions = counted(hidden, "session is", "sessions are");
            format!("{sessions} hidden from role {role}, which is not a member of pg_monitor")
        }
    };
    let what = |probe: &str| shortfall(probe, facts).map(|why| why.to_string()).unwrap_or_default();
    Ok(vec![Finding {
        id: RULE.id,
        severity: if is_blind { Severity::Warning } else { Severity::Notice },
        title,
        evidence: denied.into_iter().map(|probe| shows(probe, what(probe))).collect(),
        why: "pgdj cannot find what is hidden: long transactions, locks and expensive statements of other roles.",
        fix: Fix::sql(
            "Run this as a superuser. pg_monitor reads statistics and settings, and no rows of your tables.",
            facts.grant("pg_monitor"),
        ),
        jump: None,
        source: "PostgreSQL manual: Predefined Roles",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;
    use crate::sample::{ServerFacts, Snapshot};

    fn judge(memberships: &[&str], seen: Snapshot) -> Vec<Finding> {
        let memberships = memberships.iter().map(|name| (*name).to_owned()).collect();
        let server = ServerFacts { role: "app".to_owned(), memberships, ..ServerFacts::default() };
        let seen = Snapshot { server: server.into(), ..seen };
        check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
    }

    #[test]
    fn a_plain_role_is_told_the_grant_and_how_much_is_hidden() {
        let hidden = || row! { pid: 2, user: "web", database: "shop" };
        let found = judge(&[], snapshot().with("activity", vec![hidden(), hidden()]));
        assert_eq!(found[0].title, "2 sessions are hidden from role app, which is not a member of pg_monitor");
        assert_eq!(found[0].fix.code.as_ref().unwrap().text, "GRANT pg_monitor TO app;");
        assert_eq!(found[0].severity, Severity::Warning);
        let found = judge(&[], snapshot());
        assert!(found[0].title.starts_with("role app sees only its own sessions"), "{}", found[0].title);
    }

    #[test]
    fn who_sees_everything_is_told_nothing() {
        assert_eq!(judge(&["pg_monitor", "pg_read_all_stats", "pg_read_all_settings"], snapshot()), vec![]);
        assert_eq!(judge(&["pg_read_all_stats", "pg_read_all_settings"], snapshot()), vec![]);
        assert_eq!(judge(&["pg_read_all_stats"], snapshot())[0].severity, Severity::Notice);
    }

    #[test]
    fn before_the_server_is_known_nothing_is_said_of_rights() {
        let seen = Snapshot { server: ServerFacts::default().into(), ..snapshot() };
        assert_eq!(check(&RuleInput::new(&Readings::of(seen.clone()), None)), Err(Missing::NotYet));
    }
}
