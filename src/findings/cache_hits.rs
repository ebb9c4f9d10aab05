//! A low share of blocks found in shared buffers, over the interval.

use super::{Concern, Finding, Fix, Jump, Rule, RuleInput, RuleResult, Severity, shows};
use crate::readings::vitals::LEAST_HITS;
use crate::sample::unit::{Count, Share};
use crate::sample::{Missing, Row, Seconds};

/// Below this share. Source: `PgHero` warns below 99 % over all time; an interval is noisier.
pub const NOTICE_SHARE: f64 = 0.95;
/// Fewer blocks read in a second are not worth a word.
pub const LEAST_READS: f64 = 500.0;

/// The rule.
pub static RULE: Rule =
    Rule { id: "cache_hits", watches: "cache hits over the interval", concern: Concern::Work, check };

/// Returns the current database's row of `databases`.
pub(super) fn here<'a>(view: &RuleInput<'a>) -> Result<Option<Row<'a>>, Missing> {
    Ok(view.rows("databases")?.iter().find(|row| row.flag("is_current") == Some(true)))
}

fn check(view: &RuleInput<'_>) -> RuleResult {
    let interval = view.interval("databases")?;
    let Some(row) = here(view)? else { return Err(Missing::NotYet) };
    let (Some(read), Some(hit)) = (interval.rate(&row, "blks_read"), interval.rate(&row, "blks_hit")) else {
        return Err(Missing::NotYet);
    };
    let share = hit / (hit + read).max(1.0);
    if read < LEAST_READS || share >= NOTICE_SHARE {
        return Ok(vec![]);
    }
    Ok(vec![Finding {
        id: RULE.id,
        severity: if share < LEAST_HITS { Severity::Warning } else { Severity::Notice },
        title: format!(
            "cache hits {}, {} blocks read per second, over {}",
            Share(share),
            Count(read),
            Seconds(interval.seconds)
        ),
        evidence: vec![
            shows("blocks read per second", Count(read)),
            shows("blocks hit per second", Count(hit)),
            shows("over", Seconds(interval.seconds)),
        ],
        why: "Pages that are not in shared buffers come from the operating system's cache at best, from disk at worst.",
        fix: Fix::text(
            "Find the statement that reads most (Queries, sort by blocks read): usually one scan of a large table \
             needs an index. Raise shared_buffers (to a quarter of the memory) only after that.",
        ),
        jump: Some(Jump::to("queries")),
        source: "pg_stat_database.blks_hit, blks_read; PgHero (cache hit rate); PostgreSQL manual: shared_buffers",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn only_the_interval_counts() {
        let judge = |hit: i32, read: i32| {
            let older = snapshot()
                .at(NOW - 10.0)
                .with("databases", vec![row! { datname: "shop", is_current: true, blks_hit: 0, blks_read: 1_000_000 }]);
            let newer = snapshot().with(
                "databases",
                vec![row! { datname: "shop", is_current: true, blks_hit: hit, blks_read: 1_000_000 + read }],
            );
            let found = check(&RuleInput::new(&Readings::of(newer.clone()), Some(&older))).unwrap();
            found.first().map(|finding| finding.severity)
        };
        assert_eq!(judge(95_000, 5_000), None, "95 % is well");
        assert_eq!(judge(94_000, 6_000), Some(Severity::Notice));
        assert_eq!(judge(10_000, 90_000), Some(Severity::Warning));
        assert_eq!(judge(0, 4_900), None, "few reads");
        let newer = snapshot().with("databases", vec![row! { datname: "shop", is_current: true }]);
        assert!(check(&RuleInput::new(&Readings::of(newer.clone()), None)).is_err(), "one sample has no interval");
    }
}
