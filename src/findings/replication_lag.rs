//! A standby that is behind.

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, shows};
use crate::readings::replication::{self, Standby};
use crate::sample::{Missing, Seconds};

/// The rule.
pub static RULE: Rule = Rule { id: "replication_lag", watches: "replication lag", concern: Concern::Now, check };

const WHY: &str = "Reads from the standby are that old, and a failover now would lose or wait for this data.";
const SOURCE: &str = "pg_stat_replication, pg_last_xact_replay_timestamp(); PostgreSQL manual: Streaming Replication";

fn check(view: &RuleInput<'_>) -> RuleResult {
    if view.is_standby() {
        let lag = view.readings.server()?.replay_lag;
        // NULL until the first transaction is replayed.
        let lag = lag.ok_or(Missing::NotYet)?;
        return Ok(replication::reached(lag, 0.0)
            .map(Severity::from)
            .map(|severity| Finding {
                id: RULE.id,
                severity,
                title: format!("this standby is {} behind", Seconds(lag)),
                evidence: vec![shows("since the last replayed commit", Seconds(lag))],
                why: WHY,
                fix: Fix::text(
                    "Check for a statement here that delays replay (max_standby_streaming_delay), for paused replay, \
                     and on the primary for a burst of WAL. If the primary is idle, this grows although nothing is \
                     missing.",
                ),
                jump: Some(Jump::to("replication")),
                source: SOURCE,
            })
            .into_iter()
            .collect());
    }
    let standbys = view.readings.standbys()?;
    if standbys.iter().any(Standby::is_hidden) {
        return Err(Missing::Denied {
            what: "pg_stat_replication of other roles".to_owned(),
            grant: view.newer.server.grant("pg_monitor"),
        });
    }
    let mut behind: Vec<(Severity, &Standby)> =
        standbys.iter().filter_map(|standby| Some((standby.reached()?.into(), standby))).collect();
    let bytes = |standby: &Standby| standby.behind.unwrap_or_default();
    let lag = |standby: &Standby| standby.replay_lag.unwrap_or_default();
    behind.sort_by(|left, right| left.0.cmp(&right.0).then(bytes(right.1).0.total_cmp(&bytes(left.1).0)));
    let Some((severity, worst)) = behind.first() else { return Ok(vec![]) };
    Ok(vec![Finding {
        id: RULE.id,
        severity: *severity,
        title: format!("standby {} is {} and {} behind", worst.name(), lag(worst), bytes(worst)),
        evidence: behind
            .iter()
            .take(NAMED)
            .map(|(_, one)| shows(one.name(), format!("{}, {} behind, {}", one.state, bytes(one), lag(one))))
            .collect(),
        why: WHY,
        fix: Fix::text(
            "Compare write, flush and replay lag: write lag points to the network, flush lag to the standby's disk, \
             replay lag to a statement there that delays replay or to a single core at its limit.",
        ),
        jump: Some(Jump::to_row("replication", worst.pid)),
        source: SOURCE,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn a_primary_names_its_standby() {
        for (lag, bytes, severity) in [
            (29.0, 1_000_000_i64, None),
            (30.0, 0, Some(Severity::Warning)),
            (0.0, 1_073_741_824, Some(Severity::Warning)),
            (300.0, 0, Some(Severity::Critical)),
        ] {
            let seen = snapshot().with("server", vec![row! { is_standby: false }]).with(
                "replication",
                vec![row! { pid: 1, application: "walreceiver", client: "10.0.0.2", state: "streaming", replay_lag: lag, lag_bytes: bytes }],
            );
            let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
            assert_eq!(found.first().map(|finding| finding.severity), severity, "{lag} {bytes}");
        }
    }

    #[test]
    fn a_standby_speaks_of_itself_and_blindness_is_said() {
        let standby = snapshot().with("server", vec![row! { is_standby: true, replay_lag: 400.0 }]);
        assert_eq!(
            check(&RuleInput::new(&Readings::of(standby.clone()), None)).unwrap()[0].title,
            "this standby is 6m40s behind"
        );
        let blind = snapshot()
            .with("server", vec![row! { is_standby: false }])
            .with("replication", vec![row! { pid: 1, state: "" }]);
        assert!(matches!(check(&RuleInput::new(&Readings::of(blind.clone()), None)), Err(Missing::Denied { .. })));
    }
}
