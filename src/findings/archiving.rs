//! WAL that is not archived although it should be.

use super::{Concern, Finding, Fix, Jump, Rule, RuleInput, RuleResult, Severity, shows};
use crate::readings::archiving::{Archiving, ArchivingState};
use crate::readings::threshold::Threshold;
use crate::sample::{Bytes, Seconds};

/// The rule.
pub static RULE: Rule = Rule { id: "archiving", watches: "archiving of WAL", concern: Concern::Safety, check };

/// Bytes of WAL that wait to be archived: a server keeps them all, whatever `max_wal_size` is.
const WAITING_BYTES: Threshold = Threshold { warning: GB, critical: 10.0 * GB };
/// Seconds without a success, while attempts fail.
const FAILING_FOR: Threshold = Threshold { warning: 0.0, critical: 3600.0 };

const GB: f64 = 1024.0 * 1024.0 * 1024.0;

fn check(view: &RuleInput<'_>) -> RuleResult {
    let archiving = view.readings.archiving()?;
    let now = view.newer.at.0;
    let since = |at: Option<f64>| at.map(|at| Seconds((now - at).max(0.0)));
    let waiting = archiving.waiting.unwrap_or_default();
    let waits = WAITING_BYTES.reached(waiting.0);
    let title = match archiving.state() {
        ArchivingState::Off => return Ok(vec![]),
        ArchivingState::NotConfigured => "archive_mode is on, and no archive_command is set: WAL is kept".to_owned(),
        ArchivingState::Fails => match since(archiving.last_archived_at) {
            Some(age) => format!("archiving of WAL fails; the last file was archived {age} ago"),
            None => "archiving of WAL fails; no file was archived yet".to_owned(),
        },
        ArchivingState::Works if waits.is_some() => format!("{waiting} of WAL waits to be archived"),
        ArchivingState::Works => return Ok(vec![]),
    };
    let fails = match archiving.state() {
        ArchivingState::Fails => FAILING_FOR.reached(since(archiving.last_archived_at).unwrap_or_default().0),
        _ => None,
    };
    Ok(vec![Finding {
        id: RULE.id,
        severity: fails.max(waits).map_or(Severity::Warning, Severity::from),
        title,
        evidence: evidence(archiving, since(archiving.last_failed_at), waiting),
        why: "PostgreSQL keeps each WAL segment until it is archived: the disk of pg_wal fills up, and then the server \
              stops. Backups that need the missing segments cannot be restored to a point in time.",
        fix: Fix::text(
            "Read the server's log: it has what archive_command printed, or what the library said. Often the disk or the \
             bucket of the archive is full, or its credentials have expired. The archiver tries again by itself, each \
             minute at the latest. Never delete files of pg_wal by hand.",
        ),
        jump: Some(Jump::to("replication")),
        source: "pg_stat_archiver; PostgreSQL manual: Continuous Archiving and Point-in-Time Recovery",
    }])
}

fn evidence(archiving: &Archiving, failed: Option<Seconds>, waiting: Bytes) -> Vec<(String, String)> {
    let mut evidence = Vec::new();
    if let Some(age) = failed {
        evidence.push(shows("last attempt that failed", format!("{}, {age} ago", archiving.last_failed)));
    }
    if !archiving.last_archived.is_empty() {
        evidence.push(shows("last file archived", &archiving.last_archived));
    }
    if archiving.waiting.is_some() {
        evidence.push(shows("WAL that waits", waiting));
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;

    fn judge(archiver: NamedRow, position: i64) -> Option<(Severity, String)> {
        let seen = snapshot().with("archiving", vec![archiver]).with("wal", vec![row! { position: position }]);
        let found = check(&RuleInput::new(&Readings::of(seen), None)).unwrap();
        found.into_iter().next().map(|finding| (finding.severity, finding.title))
    }

    #[test]
    fn it_fires_while_the_last_attempt_failed_or_much_waits() {
        let tried = |worked: f64, failed: f64| {
            row! { mode: "on", is_configured: true, segment_bytes: 16 << 20, last_archived: "000000010000000000000000",
            last_archived_at: NOW - worked, last_failed_at: NOW - failed, last_failed: "000000010000000000000001" }
        };
        let fails = |words: &str| format!("archiving of WAL fails; the last file was archived {words} ago");
        assert_eq!(judge(tried(5.0, 9.0), 1 << 25), None);
        assert_eq!(judge(tried(90.0, 9.0), 1 << 25), Some((Severity::Warning, fails("1m30s"))));
        assert_eq!(judge(tried(7200.0, 9.0), 1 << 25), Some((Severity::Critical, fails("2h00m"))));
        assert_eq!(judge(tried(5.0, 9.0), 3 << 30).unwrap().0, Severity::Warning);
        assert_eq!(judge(tried(5.0, 9.0), 11 << 30).unwrap().0, Severity::Critical);
        assert_eq!(judge(row! { mode: "off" }, 11 << 30), None);
        assert!(judge(row! { mode: "on", is_configured: false }, 0).unwrap().1.contains("no archive_command"));
    }
}
