//! No `statement_timeout` for the roles of the application.

use std::collections::BTreeMap;

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, counted, shows};
use crate::catalog::settings::{SettingOrigin, is_no_timeout, origin};
use crate::sample::{Missing, Seconds};

/// A statement that has run so long proves that no limit a web request needs is in force.
pub const PROOF_AGE: Seconds = Seconds(300.0);

/// The rule.
pub static RULE: Rule =
    Rule { id: "statement_timeout", watches: "statement_timeout", concern: Concern::Settings, check };

/// A role for which no limit is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unlimited {
    /// The role.
    pub(super) role: String,
    /// The database its sessions are in.
    pub(super) database: String,
    /// How many sessions it has.
    pub(super) sessions: usize,
    /// Its longest running statement.
    pub(super) longest: Seconds,
}

/// Returns the roles with sessions in this database for which neither role, database nor server sets a timeout.
///
/// What a client sets itself when it connects cannot be seen from another session.
pub(super) fn unlimited(view: &RuleInput<'_>, setting: &str) -> Result<Vec<Unlimited>, Missing> {
    let settings = view.readings.settings()?;
    let here = view.newer.server.database.as_str();
    // Our own default is the server's, unless something is set for our own role or this database.
    let of_roles = view.readings.role_settings()?;
    let own = origin(of_roles, &view.newer.server.role, here, setting);
    let for_server = match own {
        SettingOrigin::Server => settings.default_number(setting).map(|value| value == 0.0),
        SettingOrigin::Catalog(_) => None,
    };
    let mut roles: BTreeMap<String, Unlimited> = BTreeMap::new();
    for backend in view.readings.backends()? {
        let role = backend.user.as_str();
        if !backend.is_client() || backend.database != here || role.is_empty() {
            continue;
        }
        let is_unlimited = match origin(of_roles, role, here, setting) {
            SettingOrigin::Catalog(value) => is_no_timeout(&value),
            SettingOrigin::Server => for_server == Some(true),
        };
        if is_unlimited {
            let entry = roles.entry(role.to_owned()).or_insert_with(|| Unlimited {
                role: role.to_owned(),
                database: here.to_owned(),
                sessions: 0,
                longest: Seconds(0.0),
            });
            entry.sessions += 1;
            if backend.state == "active" {
                entry.longest = Seconds(entry.longest.0.max(backend.query_age.unwrap_or_default()));
            }
        }
    }
    let mut roles: Vec<Unlimited> = roles.into_values().collect();
    roles.sort_by_key(|role| std::cmp::Reverse(role.sessions));
    Ok(roles)
}

/// Both limits in Django's form, this one and `idle_in_transaction_session_timeout`.
pub(super) const OPTIONS: &str = r#"DATABASES = {
    "default": {
        # ...
        "OPTIONS": {"options": "-c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"},
    }
}"#;

fn check(view: &RuleInput<'_>) -> RuleResult {
    let roles = unlimited(view, "statement_timeout")?;
    let Some(first) = roles.first() else { return Ok(vec![]) };
    let is_proved = roles.iter().any(|role| role.longest.0 >= PROOF_AGE.0);
    Ok(vec![Finding {
        id: RULE.id,
        severity: if is_proved { Severity::Warning } else { Severity::Notice },
        title: format!(
            "the server sets no statement_timeout for role {} ({})",
            and_more(&first.role, roles.len()),
            counted(roles.iter().map(|role| role.sessions).sum(), "session", "sessions")
        ),
        evidence: roles
            .iter()
            .take(NAMED)
            .map(|role| {
                let longest =
                    if role.longest.0 > 0.0 { format!(", longest now {}", role.longest) } else { String::new() };
                shows(
                    &role.role,
                    format!("{} in {}{longest}", counted(role.sessions, "session", "sessions"), role.database),
                )
            })
            .collect(),
        why: "A statement without a limit continues long after its request timed out, and holds its connection and locks.",
        fix: Fix::python(
            "Set a limit for the role: in OPTIONS, or for all its sessions with ALTER ROLE ... SET statement_timeout \
             = '30s', which also works behind PgBouncer. Use a separate role for migrations and reports. pgdj cannot \
             see what OPTIONS already sets.",
            OPTIONS,
        ),
        jump: Some(Jump::to("activity")),
        source: "PostgreSQL manual: statement_timeout; Django docs, Databases: OPTIONS",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;

    fn judge(server: &str, role_settings: Vec<NamedRow>, age: f64) -> Vec<Finding> {
        let seen = snapshot()
            .with("settings", vec![row! { name: "statement_timeout", default_value: server }])
            .with("role_settings", role_settings)
            .with(
                "activity",
                vec![
                    row! { pid: 1, user: "web", database: "shop", backend_type: "client backend", state: "active",
                    query_age: age },
                    row! { pid: 2, user: "other", database: "elsewhere", backend_type: "client backend" },
                ],
            );
        check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
    }

    #[test]
    fn it_fires_where_nothing_sets_it() {
        let found = judge("0", vec![], 1.0);
        assert_eq!(
            (found[0].title.as_str(), found[0].severity),
            ("the server sets no statement_timeout for role web (1 session)", Severity::Notice)
        );
        assert!(found[0].fix.code.as_ref().unwrap().text.contains("-c statement_timeout=30s"));
        assert_eq!(
            judge("0", vec![], 300.0)[0].severity,
            Severity::Warning,
            "a statement of five minutes is the proof"
        );
    }

    #[test]
    fn a_limit_of_server_role_or_database_keeps_it_silent() {
        assert_eq!(judge("30000", vec![], 1.0), vec![]);
        let role = || row! { role: "web", database: "", settings: ["statement_timeout=30s"] };
        assert_eq!(judge("0", vec![role()], 1.0), vec![]);
        assert_eq!(
            judge("0", vec![row! { role: "", database: "shop", settings: ["statement_timeout=1min"] }], 1.0),
            vec![]
        );
        let off = row! { role: "web", database: "", settings: ["statement_timeout=0"] };
        assert_eq!(judge("30000", vec![off], 1.0).len(), 1, "a role may turn the server's limit off");
    }

    #[test]
    fn our_own_limit_says_nothing_of_the_server() {
        let own = row! { role: "monitor", database: "", settings: ["statement_timeout=0"] };
        assert_eq!(judge("0", vec![own], 1.0), vec![]);
    }
}
