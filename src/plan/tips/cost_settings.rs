//! Settings that mislead the planner.

use super::support::{Bytes, Hit, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 49,
    id: "cost-settings",
    title: "settings that mislead the planner",
    why: "These settings do not describe this machine, or they forbid a plan type.",
    wrong: "the setting helps other statements; try the change for this one with SET LOCAL first.",
    source: "PostgreSQL manual: Query Planning (settings)",
    topic: Topic::Settings,
    rank: 3,
    find,
};

fn join(names: &[&str]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

/// Returns the bytes of a setting with a unit: `4GB`; without one it is in pages of 8 kB.
fn bytes(value: &str) -> Option<f64> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let number: f64 = value.get(..digits)?.parse().ok()?;
    let unit = match value.get(digits..)?.trim() {
        "kB" => 1024.0,
        "MB" => 1_048_576.0,
        "GB" => 1_073_741_824.0,
        "TB" => 1_099_511_627_776.0,
        _ => 8192.0,
    };
    Some(number * unit)
}

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let off: Vec<&str> = seen
        .plan
        .settings
        .iter()
        .filter(|(name, value)| name.starts_with("enable_") && value == "off")
        .map(|(name, _)| name.as_str())
        .collect();
    if !off.is_empty() {
        hits.push(Hit::whole(
            format!("{} off", join(&off)),
            "reset it, unless you are experimenting",
            seen.total() * 0.5,
        ));
    }
    let number = |name| seen.context.setting(seen.plan, name).and_then(|value| value.parse::<f64>().ok());
    if let (Some(true), Some(cost)) = (seen.context.is_on_ssd, number("random_page_cost").filter(|cost| *cost >= 4.0)) {
        hits.push(Hit::whole(
            format!("random_page_cost is {cost} on solid-state disks"),
            "set it to 1.1: alter database … set random_page_cost = 1.1",
            seen.total() * 0.5,
        ));
    }
    let cache = seen.context.setting(seen.plan, "effective_cache_size").and_then(bytes);
    if let (Some(memory), Some(cache)) =
        (seen.context.memory, cache.filter(|cache| seen.context.memory.is_some_and(|memory| *cache < memory.0 * 0.25)))
    {
        let what = format!("effective_cache_size is {} on a machine with {memory}", Bytes(cache));
        hits.push(Hit::whole(what, "set it to between half and three quarters of the memory", seen.total() * 0.3));
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::super::TipContext;
    use super::super::support::test::{check, check_with};
    use super::*;

    #[test]
    fn a_forbidden_way_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
Settings: enable_seqscan = 'off', work_mem = '8MB'",
            "enable_seqscan is off: reset it, unless you are experimenting",
        );
    }

    #[test]
    fn other_settings_are_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
Settings: work_mem = '8MB'",
            "",
        );
    }

    #[test]
    fn a_disk_of_old_is_told() {
        let context = TipContext {
            settings: [("random_page_cost".to_owned(), "4".to_owned())].into(),
            is_on_ssd: Some(true),
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            &context,
            "random_page_cost is 4 on solid-state disks: set it to 1.1: alter database … set random_page_cost = 1.1",
        );
    }
}
