//! A cache of searches that rarely helps.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own, work_mem_for};

pub(super) static TIP: Tip = Tip {
    number: 25,
    id: "memoize-thrash",
    title: "a Memoize cache that rarely helps",
    why: "Most lookups missed the cache, or entries were evicted, so the cache costs more than it saves.",
    wrong: "there are few lookups: the first one of each value always misses.",
    source: "PostgreSQL 14 release notes, enable_memoize",
    topic: Topic::Memory,
    rank: 2,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Memoize])
        .filter_map(|(id, node)| {
            let cache = node.memoized?;
            let all = cache.hits + cache.misses;
            let is_full = cache.evictions > 0.0 || cache.overflows > 0.0;
            if all < 1000.0 || (cache.misses <= all * 0.5 && !is_full) {
                return None;
            }
            let evicted = if is_full {
                format!(", {} entries evicted", Count(cache.evictions + cache.overflows))
            } else {
                String::new()
            };
            let what = format!("{} of {} lookups missed the cache{evicted}", Count(cache.misses), Count(all));
            let advice = if is_full {
                format!("set work_mem to {} for this statement", work_mem_for(cache.memory.0 * 4.0))
            } else {
                "the planner expected fewer distinct values: ANALYZE, or set a higher n_distinct; try enable_memoize = off"
                    .to_owned()
            };
            Some(Hit::at(id, what, advice, own(node)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn mostly_misses_are_told() {
        check(
            &TIP,
            "Memoize  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=2000)
  Hits: 100  Misses: 1900  Evictions: 0  Overflows: 0  Memory Usage: 100kB",
            "1.9k of 2.0k lookups missed the cache: the planner expected fewer distinct values: ANALYZE, or set a higher n_distinct; try enable_memoize = off",
        );
    }

    #[test]
    fn half_is_not() {
        check(
            &TIP,
            "Memoize  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=2000)
  Hits: 1000  Misses: 1000  Evictions: 0  Overflows: 0  Memory Usage: 100kB",
            "",
        );
    }

    #[test]
    fn a_few_searches_are_not() {
        check(
            &TIP,
            "Memoize  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=500)
  Hits: 1  Misses: 499  Evictions: 0  Overflows: 0  Memory Usage: 100kB",
            "",
        );
    }
}
