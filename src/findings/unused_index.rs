//! Indexes that no query used since the counters run.

use super::duplicate_index::sized;
use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, counted, shows};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::usage::{Counting, is_unused};
use crate::readings::Readings;
use crate::sample::{Bytes, Missing, Seconds};

/// The rule.
pub static RULE: Rule = Rule { id: "unused_index", watches: "unused indexes", concern: Concern::Schema, check };

/// What to do where the counters ran for long enough.
const REMOVE: &str =
    "Check that no standby uses it and that it was not built recently. Then remove it. Code for the largest:";

/// Returns the code that removes an index: Django's where its model is known or guessed, else SQL.
pub(super) fn removal_fix(index: &IndexUsage, readings: &Readings, text: String) -> Fix {
    let removal = readings.removal_of(index);
    match removal.ok().and_then(|code| code.python()) {
        Some(code) => Fix::python(text, code),
        None => Fix::sql(text, index.drop_statement()),
    }
}

/// Returns what to do where the counters did not run for long enough.
fn wait(age: Option<Seconds>) -> String {
    let cover = age.map_or_else(|| "are recent".to_owned(), |age| format!("cover only {age}"));
    format!(
        "Do not drop it yet: the counters {cover}. Remove those that are still unused after a month, here and \
         on every standby; keep the index of a foreign key if referenced rows are deleted. Code for the largest:"
    )
}

fn check(view: &RuleInput<'_>) -> RuleResult {
    let indexes = sized(view)?;
    let now = view.newer.at;
    let counting = view.readings.counting();
    if counting == Counting::Unknown {
        return Err(view.rows("databases").err().unwrap_or(Missing::NotYet));
    }
    // One that is the same as another is another finding.
    let twins = view.readings.duplicates();
    let is_twin = |index: &IndexUsage| twins.iter().any(|twin| twin.may_go == index.indexrelid);
    let mut unused: Vec<&IndexUsage> = indexes.iter().filter(|index| is_unused(index) && !is_twin(index)).collect();
    unused.sort_by(|left, right| right.size().unwrap_or(0.0).total_cmp(&left.size().unwrap_or(0.0)));
    let Some(largest) = unused.first() else { return Ok(vec![]) };
    let total = Bytes(unused.iter().filter_map(|index| index.size()).sum());
    let is_young = counting.is_young(now);
    let count = unused.len();
    let (what, advice) = if is_young {
        (counted(count, "index not used yet", "indexes not used yet"), wait(counting.age(now)))
    } else {
        (counted(count, "unused index", "unused indexes"), REMOVE.to_owned())
    };
    let mut evidence = vec![shows("scans", format!("none, {}", counting.words(now)))];
    let origins = view.readings.origins();
    evidence.extend(unused.iter().take(NAMED).map(|index| {
        let text = format!("{} on {}, from {}", index.size_words(), index.table_label(), origins.origin(index).words());
        shows(index.label(), text)
    }));
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Notice,
        title: format!("{what} ({total}): {}", and_more(&largest.label(), count)),
        evidence,
        why: "Every insert and most updates maintain it, it uses cache and disk, and an update of its columns cannot be HOT.",
        fix: removal_fix(largest, view.readings, advice),
        jump: Some(Jump::to_row("indexes", largest.indexrelid)),
        source: "pg_stat_user_indexes.idx_scan; PgHero, pgwatch (unused indexes)",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, row, snapshot};

    fn judge(scans: i32, bytes: i32, days: f64) -> Vec<Finding> {
        let seen = snapshot()
            .with("databases", vec![row! { datname: "shop", is_current: true, stats_reset: NOW - days * 86_400.0 }])
            .with("content_types", vec![row! { app_label: "shop", model: "order" }])
            .with(
                "indexes",
                vec![
                    row! { indexrelid: 5, schema: "public", table: "shop_order", name: "order_recent", method: "btree",
                    is_valid: true, scans: scans, key_columns: [3], column_names: ["created_at"] },
                ],
            )
            .with("index_sizes", vec![row! { indexrelid: 5, bytes: bytes }]);
        check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
    }

    #[test]
    fn it_fires_for_a_large_one_without_scans() {
        let found = judge(0, 20_000_000, 30.0);
        assert_eq!(found[0].title, "1 unused index (19 MB): order_recent");
        assert!(found[0].fix.code.as_ref().unwrap().text.contains("RemoveIndexConcurrently(model_name='order'"));
        assert_eq!(judge(1, 20_000_000, 30.0), vec![]);
        assert_eq!(judge(0, 1_000_000, 30.0), vec![]);
    }

    #[test]
    fn young_counters_are_said() {
        let found = judge(0, 20_000_000, 2.0);
        assert_eq!(found[0].title, "1 index not used yet (19 MB): order_recent");
        assert!(
            found[0].fix.text.starts_with("Do not drop it yet: the counters cover only 2d00h."),
            "{}",
            found[0].fix.text
        );
        assert_eq!(found[0].evidence[0].1, "none, counted for 2d00h");
    }
}
