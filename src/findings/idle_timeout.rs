//! No `idle_in_transaction_session_timeout` for the roles of the application.

use super::statement_timeout::{OPTIONS, unlimited};
use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, counted, shows};

/// The rule.
pub static RULE: Rule =
    Rule { id: "idle_timeout", watches: "idle_in_transaction_session_timeout", concern: Concern::Settings, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let roles = unlimited(view, "idle_in_transaction_session_timeout")?;
    let Some(first) = roles.first() else { return Ok(vec![]) };
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Notice,
        title: format!(
            "the server sets no idle_in_transaction_session_timeout for role {} ({})",
            and_more(&first.role, roles.len()),
            counted(roles.iter().map(|role| role.sessions).sum(), "session", "sessions")
        ),
        evidence: roles
            .iter()
            .take(NAMED)
            .map(|role| {
                shows(&role.role, format!("{} in {}", counted(role.sessions, "session", "sessions"), role.database))
            })
            .collect(),
        why: "A forgotten transaction keeps its locks and holds vacuum back until someone notices.",
        fix: Fix::python(
            "Set a limit for the role. Behind PgBouncer use ALTER ROLE ... SET, because OPTIONS do not pass through \
             it. pgdj cannot see what OPTIONS already sets.",
            OPTIONS,
        ),
        jump: Some(Jump::to("activity")),
        source: "PostgreSQL manual: idle_in_transaction_session_timeout; Django docs, Databases: OPTIONS",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_names_the_role_unless_a_limit_is_set() {
        for (value, fires) in [("0", true), ("60000", false)] {
            let seen = snapshot()
                .with("settings", vec![row! { name: "idle_in_transaction_session_timeout", default_value: value }])
                .with("role_settings", vec![])
                .with("activity", vec![row! { pid: 1, user: "web", database: "shop", backend_type: "client backend" }]);
            let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
            assert_eq!(found.len(), usize::from(fires), "{value}");
        }
    }
}
