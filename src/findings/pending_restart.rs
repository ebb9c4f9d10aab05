//! Settings that were changed and wait for a restart.

use super::{Concern, Finding, Fix, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, counted, shows};

/// The rule.
pub static RULE: Rule =
    Rule { id: "pending_restart", watches: "settings that wait for a restart", concern: Concern::Settings, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let waiting: Vec<(&str, &str)> = view
        .rows("settings")?
        .iter()
        .filter(|row| row.flag("pending_restart") == Some(true))
        .map(|row| (row.text("name"), row.text("value")))
        .collect();
    let Some((first, _)) = waiting.first() else { return Ok(vec![]) };
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Notice,
        title: format!(
            "{} for a restart: {}",
            counted(waiting.len(), "setting waits", "settings wait"),
            and_more(first, waiting.len())
        ),
        evidence: waiting.iter().take(NAMED).map(|(name, value)| shows(*name, format!("still {value}"))).collect(),
        why: "The server runs with settings that differ from its files; the next restart, planned or not, applies \
              them all at once.",
        fix: Fix::text("Plan the restart, or revert the change."),
        jump: None,
        source: "pg_settings.pending_restart",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_for_a_changed_setting() {
        for (pending, fires) in [(true, true), (false, false)] {
            let seen = snapshot()
                .with("settings", vec![row! { name: "shared_buffers", value: "16384", pending_restart: pending }]);
            assert_eq!(check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap().len(), usize::from(fires));
        }
    }
}
