//! The server recovered from a crash, or was started again, a short while ago.

use super::{Concern, Finding, Fix, Rule, RuleInput, RuleResult, Severity, shows};
use crate::sample::Seconds;

/// The rule.
pub static RULE: Rule =
    Rule { id: "crash_recovery", watches: "restarts and crash recovery", concern: Concern::Now, check };

/// For so long it is worth a word.
const RECENT: f64 = 3600.0;
/// For so long a restart is: caches fill and connections are opened again in that time.
const JUST_STARTED: f64 = 900.0;
/// Seconds between the creation of a cluster and a start that is not its first.
const LEAST_LIFE: f64 = 300.0;

fn check(view: &RuleInput<'_>) -> RuleResult {
    let server = view.readings.server()?;
    let now = view.newer.at;
    let Some((started, since)) = server.started.zip(view.readings.counters_since()?) else { return Ok(vec![]) };
    let (ago, up) = (Seconds((now.0 - since.0).max(0.0)), Seconds((now.0 - started).max(0.0)));
    // A new server's counters are older than its first start, and a clean restart keeps them.
    if since.0 <= started {
        let is_new = started - since.0 < LEAST_LIFE;
        return Ok(if is_new || up.0 >= JUST_STARTED { vec![] } else { vec![restart(up)] });
    }
    if ago.0 >= RECENT {
        return Ok(vec![]);
    }
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Warning,
        title: format!("the server recovered from a crash {ago} ago"),
        evidence: vec![shows("postmaster runs for", up), shows("all counters were reset", format!("{ago} ago"))],
        why: "When a backend crashes or is killed by SIGKILL (the OOM killer does that), PostgreSQL ends all sessions and \
              replays WAL. The cumulative statistics are lost: dead rows, scans and last vacuums are counted from zero.",
        fix: Fix::sql(
            "Read the server's log of that moment. After an out-of-memory kill look at work_mem times connections, and at \
             vm.overcommit_memory. ANALYZE lets autovacuum count from a known state. If somebody reset all counters \
             (pg_stat_reset_shared), there was no crash.",
            "ANALYZE;",
        ),
        jump: None,
        source: "pg_postmaster_start_time(); stats_reset of pg_stat_bgwriter and pg_stat_archiver, which crash recovery \
            resets; PostgreSQL manual: The Cumulative Statistics System, Linux Memory Overcommit",
    }])
}

fn restart(up: Seconds) -> Finding {
    Finding {
        id: RULE.id,
        severity: Severity::Notice,
        title: format!("the server was started {up} ago"),
        evidence: vec![shows("postmaster runs for", up)],
        why: "A restart ends all sessions and empties shared buffers: statements read from disk until the cache is full \
              again, and applications open all their connections at once.",
        fix: Fix::text(
            "If no one restarted it on purpose, read the server's log and the journal of the machine for that moment. \
             pg_prewarm (autoprewarm) loads the cache again after a restart.",
        ),
        jump: None,
        source: "pg_postmaster_start_time()",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn counters_that_began_after_the_server_were_lost() {
        let judge = |started: f64, since: f64| {
            let seen = snapshot()
                .with("server", vec![row! { started: NOW - started }])
                .with("databases", vec![row! { is_current: true, counters_since: NOW - since }]);
            let found = check(&RuleInput::new(&Readings::of(seen), None)).unwrap();
            found.first().map(|finding| finding.title.clone())
        };
        assert_eq!(judge(9000.0, 120.0), Some("the server recovered from a crash 2m00s ago".to_owned()));
        assert_eq!(judge(60.0, 9000.0), Some("the server was started 1m00s ago".to_owned()));
        assert_eq!(judge(1000.0, 9000.0), None, "a restart a while ago");
        assert_eq!(judge(60.0, 61.0), None, "a new server");
        assert_eq!(judge(90000.0, 5000.0), None, "long ago");
    }
}
