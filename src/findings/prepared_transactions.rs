//! Prepared transactions that were left behind.

use super::{Concern, Finding, Fix, NAMED, Rule, RuleInput, RuleResult, Severity, counted, shows};
use crate::quote::quote_text;
use crate::readings::vacuum_horizon::{Holder, VacuumHorizon};
use crate::sample::Seconds;

/// From so old on: a transaction manager commits within seconds.
pub const WARNING_AGE: Seconds = Seconds(300.0);
/// From so old on.
pub const CRITICAL_AGE: Seconds = Seconds(3600.0);

/// The rule.
pub static RULE: Rule =
    Rule { id: "prepared_transactions", watches: "prepared transactions", concern: Concern::Safety, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let server = view.readings.server()?;
    let count = server.prepared_transactions.unwrap_or_default();
    let age = Seconds(server.oldest_prepared.unwrap_or_default());
    if count < 1 || age.0 < WARNING_AGE.0 {
        return Ok(vec![]);
    }
    let unknown = VacuumHorizon::default();
    let horizon = view.readings.horizon().unwrap_or(&unknown);
    let mut evidence = vec![shows("prepared transactions", count), shows("oldest", age)];
    evidence.extend(horizon.prepared().take(NAMED).map(|holder| {
        shows(quote_text(&holder.name), format!("in database {}, {}", holder.database, horizon.words(holder)))
    }));
    let ends: Vec<String> = horizon.prepared().take(NAMED).filter_map(Holder::sql_to_end).collect();
    let end = if ends.is_empty() { "ROLLBACK PREPARED 'the gid';".to_owned() } else { ends.join("\n") };
    Ok(vec![Finding {
        id: RULE.id,
        severity: if age.0 >= CRITICAL_AGE.0 { Severity::Critical } else { Severity::Warning },
        title: format!(
            "{} left behind, the oldest for {age}",
            counted(count as usize, "prepared transaction", "prepared transactions")
        ),
        evidence,
        why: "It keeps its locks and holds vacuum back without a session, even through restarts, until someone ends \
              it.",
        fix: Fix::sql(
            "Django does not prepare transactions: find its owner, then end it from a session in its database.",
            format!("SELECT gid, prepared, owner, database FROM pg_prepared_xacts ORDER BY prepared;\n{end}"),
        ),
        jump: None,
        source: "pg_prepared_xacts; PostgreSQL manual: PREPARE TRANSACTION",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_after_five_minutes() {
        for (count, age, severity) in [
            (0, 9e9, None),
            (1, 299.0, None),
            (1, 300.0, Some(Severity::Warning)),
            (2, 3600.0, Some(Severity::Critical)),
        ] {
            let seen = snapshot().with("server", vec![row! { prepared_transactions: count, oldest_prepared: age }]);
            let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
            assert_eq!(found.first().map(|finding| finding.severity), severity, "{count} {age}");
        }
    }
}
