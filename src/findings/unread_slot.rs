//! Replication slots that keep WAL for no one, and those that are lost.

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, shows};
use crate::readings::slots::{Slot, keep_limit};
use crate::sample::{Bytes, Seconds};

/// The rule.
pub static RULE: Rule = Rule { id: "unread_slot", watches: "replication slots", concern: Concern::Safety, check };

const SOURCE: &str = "pg_replication_slots; PostgreSQL manual: Replication Slots, max_slot_wal_keep_size; 1 GB is the default max_wal_size";

fn check(view: &RuleInput<'_>) -> RuleResult {
    let slots = view.readings.slots()?;
    let lost: Vec<&Slot> = slots.iter().filter(|slot| slot.is_lost() && !slot.is_synced).collect();
    let mut found: Vec<Finding> = lost_slots(&lost).into_iter().collect();
    if slots.iter().any(|slot| slot.reached(None).is_some()) {
        let limit = keep_limit(view.readings.settings()?);
        found.extend(unread_slots(slots, limit));
    }
    Ok(found)
}

fn unread_slots(slots: &[Slot], limit: Option<Bytes>) -> Option<Finding> {
    let kept = |slot: &Slot| slot.kept.unwrap_or_default();
    let mut unread: Vec<(Severity, &Slot)> =
        slots.iter().filter_map(|slot| Some((slot.reached(limit)?.into(), slot))).collect();
    unread.sort_by(|left, right| kept(right.1).0.total_cmp(&kept(left.1).0));
    let (severity, worst) = *unread.first()?;
    let words = |slot: &Slot| {
        let since = slot.inactive_for.map(|age| format!(", not read for {age}")).unwrap_or_default();
        let safe = slot.safe.map(|left| format!(", lost after {} more", Bytes(left.0.max(0.0)))).unwrap_or_default();
        shows(&slot.name, format!("{}, keeps {}{since}{safe}", slot.kind, kept(slot)))
    };
    let limit = limit.map_or_else(|| "unlimited: the disk can fill up".to_owned(), |limit| limit.to_string());
    let evidence = unread.iter().take(NAMED).map(|(_, slot)| words(slot));
    let since = worst.inactive_for.map(|age: Seconds| format!(" for {age}")).unwrap_or_default();
    let name = and_more(&worst.name, unread.len());
    Some(Finding {
        id: RULE.id,
        severity,
        title: format!("replication slot {name} keeps {} of WAL, not read{since}", kept(worst)),
        evidence: evidence.chain([shows("max_slot_wal_keep_size", limit)]).collect(),
        why: "The server keeps all WAL from a slot's position on. If no one reads the slot, the WAL grows until the disk \
              is full and the server stops, or until max_slot_wal_keep_size is reached and the slot is lost.",
        fix: Fix::sql(
            "Restart its standby or subscriber if it still exists: it continues from this slot and cannot without it. \
             Drop the slot only if its reader never comes back.",
            drops(unread.iter().map(|(_, slot)| *slot)),
        ),
        jump: Some(Jump::to("replication")),
        source: SOURCE,
    })
}

fn lost_slots(lost: &[&Slot]) -> Option<Finding> {
    let first = lost.first()?;
    Some(Finding {
        id: RULE.id,
        severity: Severity::Warning,
        title: match lost.len() {
            1 => format!("replication slot {} is lost", first.name),
            count => format!("{count} replication slots are lost: {}", and_more(&first.name, count)),
        },
        evidence: lost.iter().take(NAMED).map(|slot| shows(&slot.name, format!("{}, lost", slot.kind))).collect(),
        why: "The server removed WAL that this slot still needed, or invalidated the slot: no one can read it again.",
        fix: Fix::sql(
            "Create its standby or subscription again, or let the standby catch up from the WAL archive. Then drop the \
             slot: it is of no use.",
            drops(lost.iter().copied()),
        ),
        jump: Some(Jump::to("replication")),
        source: SOURCE,
    })
}

fn drops<'a>(slots: impl Iterator<Item = &'a Slot>) -> String {
    slots.take(NAMED).map(Slot::sql_to_drop).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;
    use crate::sample::Missing;

    const GB: i64 = 1 << 30;

    fn judge(slots: Vec<NamedRow>, keep: &'static str) -> Vec<Finding> {
        let settings = vec![row! { name: "max_slot_wal_keep_size", value: keep, unit: "MB" }];
        let seen = snapshot().with("slots", slots).with("settings", settings);
        check(&RuleInput::new(&Readings::of(seen), None)).unwrap()
    }

    #[test]
    fn a_slot_that_no_one_reads_is_named_with_its_wal() {
        let slots = || {
            vec![
                row! { name: "old", type: "physical", kept_bytes: 12 * GB, inactive_for: 7200.0, wal_status: "extended" },
                row! { name: "cdc", type: "logical", kept_bytes: 2 * GB, safe_bytes: GB },
                row! { name: "read", kept_bytes: 50 * GB, is_active: true },
                row! { name: "small", kept_bytes: GB - 1 },
            ]
        };
        let found = judge(slots(), "-1");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "replication slot old and 1 more keeps 12 GB of WAL, not read for 2h00m");
        assert_eq!(found[0].severity, Severity::Critical);
        let evidence = [
            shows("old", "physical, keeps 12 GB, not read for 2h00m"),
            shows("cdc", "logical, keeps 2.0 GB, lost after 1.0 GB more"),
            shows("max_slot_wal_keep_size", "unlimited: the disk can fill up"),
        ];
        assert_eq!(found[0].evidence, evidence);
        let code = found[0].fix.code.as_ref().unwrap();
        let drops = "SELECT pg_drop_replication_slot('old');\nSELECT pg_drop_replication_slot('cdc');";
        assert_eq!(code.text, drops);
        assert_eq!(judge(slots(), "20480")[0].severity, Severity::Warning, "the slot is lost before the disk is full");
    }

    #[test]
    fn a_lost_slot_is_named_and_settings_are_not_guessed() {
        let lost = row! { name: "gone", type: "physical", wal_status: "lost" };
        let found = judge(vec![lost], "64");
        assert_eq!((found.len(), found[0].title.as_str()), (1, "replication slot gone is lost"));
        let unknown = snapshot().with("slots", vec![row! { name: "old", kept_bytes: 12 * GB }]);
        assert_eq!(check(&RuleInput::new(&Readings::of(unknown), None)), Err(Missing::NotYet));
    }
}
