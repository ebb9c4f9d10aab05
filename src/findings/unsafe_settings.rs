//! Settings with which a crash loses data.

use super::{Concern, Finding, Fix, Rule, RuleInput, RuleResult, Severity, shows};

/// The settings, and what happens without them.
pub const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "a machine crash can destroy the whole cluster"),
    ("full_page_writes", "a crash during a write leaves torn pages"),
];

/// The rule.
pub static RULE: Rule =
    Rule { id: "unsafe_settings", watches: "settings that keep data safe", concern: Concern::Safety, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let settings = view.readings.settings()?;
    let off: Vec<&(&str, &str)> = SETTINGS.iter().filter(|(name, _)| settings.is_off(name) == Some(true)).collect();
    if off.is_empty() {
        return Ok(vec![]);
    }
    let names: Vec<&str> = off.iter().map(|(name, _)| *name).collect();
    let code: Vec<String> = names.iter().map(|name| format!("ALTER SYSTEM SET {name} = on;")).collect();
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Critical,
        title: format!("{} off: a crash can lose data", names.join(" and ")),
        evidence: off.iter().map(|(name, what)| shows(*name, format!("off: {what}"))).collect(),
        why: "This is only for servers you can afford to lose.",
        fix: Fix::sql("Turn it on; no restart is needed.", format!("{}\nSELECT pg_reload_conf();", code.join("\n"))),
        jump: None,
        source: "PostgreSQL manual: fsync, full_page_writes",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_for_what_is_off() {
        for (value, fires) in [("off", true), ("on", false)] {
            let seen = snapshot().with("settings", vec![row! { name: "fsync", value: value }]);
            assert_eq!(check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap().len(), usize::from(fires));
        }
    }
}
