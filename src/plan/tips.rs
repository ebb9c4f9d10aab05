//! Tips: the few things worth doing about a plan, one rule a file, ordered by the time they could save.
//!
//! A rule looks at the plan, and at what is known of tables and settings where that is at hand; without it, it is
//! silent rather than wrong. Rules that see the same cause (a spilled sort that an index would avoid) share a topic and
//! a place, and only the most specific of them speaks.

mod aggregate_spill;
mod bloat;
mod cartesian;
mod cold_cache;
mod context;
mod correlated;
mod cost_settings;
mod costly_node;
mod count_all;
mod cte_fence;
mod dirtied;
mod distinct_join;
mod first_wrong;
mod function_on_column;
mod generic_plan;
mod hash_spill;
mod heap_fetches;
mod incremental_sort;
mod index_reads_most;
mod indexable;
mod inefficient_index;
mod jit;
mod join_filter;
mod long_list;
mod loop_misplanned;
mod lossy_bitmap;
mod many_loops;
mod materialize;
mod memoize;
mod misestimate;
mod much_data;
mod no_limit;
mod not_in;
mod not_pruned;
mod offset;
mod or_across;
mod parallel_absent;
mod parallel_small;
mod planning;
mod recheck;
mod referring_tables;
mod repeated_query;
mod repeated_scan;
mod rows_removed;
mod slow_node;
mod slow_write;
mod sort_avoidable;
mod sort_spill;
mod stale_statistics;
mod support;
mod temp_blocks;
mod top_n;
mod triggers;
mod type_cast;
mod verdict;
mod waiting;
mod wide_rows;
mod workers_missing;
mod wrong_order_index;

pub use context::{IndexFacts, ReferringFacts, TableFacts, TipContext};
pub use verdict::{PlanVerdict, verdict};

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::{Node, NodeId, Plan};
use crate::sample::Seconds;

/// A rule.
#[derive(Debug)]
pub struct Tip {
    /// Its number in the list of tips, from 1.
    pub number: u8,
    /// Its name: `sort-spill`.
    pub id: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// Why it is slow.
    pub why: &'static str,
    /// When the advice is wrong.
    pub wrong: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// What it is about: rules of one topic at one place have one cause.
    topic: Topic,
    /// How much it knows of the cause: the highest of a topic speaks.
    rank: u8,
    /// Looks for its cases.
    find: fn(&TipInput<'_>) -> Vec<Hit>,
}

/// What a rule saw.
#[derive(Debug, Clone)]
pub struct TipHit {
    /// The rule.
    pub tip: &'static Tip,
    /// The node it is about; `None` for the whole plan.
    pub node: Option<NodeId>,
    /// What was seen, with its figures, beginning with a small letter.
    pub seen: String,
    /// What to do.
    pub advice: String,
    /// The index that the advice names, where it names one.
    pub index: Option<IndexIdea>,
    /// What it could save at most; zero where the plan has no times.
    pub saving: Seconds,
    /// Whether what it saves is not in the time of the plan: EXPLAIN ANALYZE sends no rows.
    pub is_outside: bool,
    /// How many other nodes it was seen at as well.
    pub others: usize,
}

impl TipHit {
    /// Whether it is about how rows are found, which an index on their table changes.
    pub(crate) fn is_about_access(&self) -> bool {
        self.tip.topic == Topic::Access
    }
}

/// An index that a tip names from the plan alone: where the planner was asked, what it says counts more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexIdea {
    /// The table, without its schema.
    pub table: String,
    /// The part of the advice that names the index.
    pub words: String,
    /// The first column of the order that the index is for, where it is for a sort.
    pub order: Option<String>,
}

/// The causes that several rules may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Topic {
    /// How rows are found.
    Access,
    /// Wrong numbers of rows.
    Estimates,
    /// Work that did not fit its memory.
    Memory,
    /// Order.
    Sort,
    /// How rows of two inputs meet.
    Join,
    /// Queries within the query.
    Subplan,
    /// Workers.
    Parallel,
    /// Time outside the nodes.
    Overhead,
    /// Reading from disk.
    Reading,
    /// What the client gets.
    Answer,
    /// Settings.
    Settings,
    /// Changing rows.
    Writing,
    /// Anything slow that nothing else explains.
    General,
}

/// What rules look at.
struct TipInput<'a> {
    plan: &'a Plan,
    context: &'a TipContext,
    /// The scans by their aliases, once a rule looks for one.
    scans: OnceCell<HashMap<&'a str, &'a Node>>,
}

impl<'a> TipInput<'a> {
    fn new(plan: &'a Plan, context: &'a TipContext) -> Self {
        Self { plan, context, scans: OnceCell::new() }
    }
}

/// What a rule found: a place, what was seen, what to do.
#[derive(Debug)]
struct Hit {
    node: Option<NodeId>,
    /// The place of the cause, if it is another.
    cause: Option<NodeId>,
    seen: String,
    advice: String,
    index: Option<IndexIdea>,
    saving: f64,
    is_outside: bool,
}

/// Every rule, in the order of the numbers.
pub static ALL: &[&Tip] = &[
    &slow_node::TIP,
    &costly_node::TIP,
    &misestimate::TIP,
    &first_wrong::TIP,
    &rows_removed::TIP,
    &inefficient_index::TIP,
    &wrong_order_index::TIP,
    &index_reads_most::TIP,
    &heap_fetches::TIP,
    &lossy_bitmap::TIP,
    &recheck::TIP,
    &sort_spill::TIP,
    &hash_spill::TIP,
    &aggregate_spill::TIP,
    &temp_blocks::TIP,
    &top_n::TIP,
    &sort_avoidable::TIP,
    &incremental_sort::TIP,
    &many_loops::TIP,
    &loop_misplanned::TIP,
    &repeated_scan::TIP,
    &correlated::TIP,
    &join_filter::TIP,
    &materialize::TIP,
    &memoize::TIP,
    &cartesian::TIP,
    &workers_missing::TIP,
    &parallel_small::TIP,
    &parallel_absent::TIP,
    &jit::TIP,
    &planning::TIP,
    &triggers::TIP,
    &cold_cache::TIP,
    &much_data::TIP,
    &bloat::TIP,
    &dirtied::TIP,
    &offset::TIP,
    &no_limit::TIP,
    &wide_rows::TIP,
    &cte_fence::TIP,
    &count_all::TIP,
    &not_pruned::TIP,
    &type_cast::TIP,
    &function_on_column::TIP,
    &or_across::TIP,
    &not_in::TIP,
    &distinct_join::TIP,
    &stale_statistics::TIP,
    &cost_settings::TIP,
    &waiting::TIP,
    &slow_write::TIP,
    &repeated_query::TIP,
    &long_list::TIP,
    &generic_plan::TIP,
    &referring_tables::TIP,
];

/// Savings below this part of the whole are not worth a word.
const LEAST_SHARE: f64 = 0.02;

/// Savings below this are not worth a word, in seconds.
const LEAST_TIME: f64 = 0.0005;

/// Returns what is worth doing, the largest saving first; one cause is told once.
pub fn find(plan: &Plan, context: &TipContext) -> Vec<TipHit> {
    let seen = TipInput::new(plan, context);
    let mut hits: Vec<(&'static Tip, Hit)> = Vec::new();
    for tip in ALL {
        hits.extend((tip.find)(&seen).into_iter().map(|hit| (*tip, hit)));
    }
    let hits = worth_it(plan, hits);
    let hits = one_per_cause(plan, hits);
    let mut hits = gather(hits);
    let share = |hit: &TipHit| hit.node.and_then(|id| plan.node(id)?.derived.share).unwrap_or(0.0);
    hits.sort_by(|one, other| {
        let by_saving = other.saving.0.total_cmp(&one.saving.0);
        by_saving.then(share(other).total_cmp(&share(one))).then(one.tip.number.cmp(&other.tip.number))
    });
    hits
}

type Hits = Vec<(&'static Tip, Hit)>;

fn worth_it(plan: &Plan, mut hits: Hits) -> Hits {
    let Some(total) = plan.total_time().filter(|_| plan.has_times()) else { return hits };
    let total = total.0 + plan.planning_time.map_or(0.0, |time| time.0);
    let least = (total * LEAST_SHARE).max(LEAST_TIME);
    hits.retain(|(_, hit)| hit.is_outside || hit.saving >= least);
    hits
}

fn one_per_cause(plan: &Plan, hits: Hits) -> Hits {
    let mut best: HashMap<(Topic, Option<NodeId>), u8> = HashMap::new();
    let place = |hit: &Hit| hit.cause.or(hit.node);
    for (tip, hit) in &hits {
        let rank = best.entry((tip.topic, place(hit))).or_insert(0);
        *rank = tip.rank.max(*rank);
    }
    let explained: HashSet<NodeId> =
        hits.iter().filter(|(tip, _)| tip.topic != Topic::General).filter_map(|(_, hit)| hit.node).collect();
    let reads_of_access =
        hits.iter().filter(|(tip, _)| tip.topic == Topic::Access).filter_map(|(_, hit)| plan.node(hit.node?));
    let reads: f64 = reads_of_access.map(|node| node.derived.self_buffers.shared.read).sum();
    let all_reads = plan.root().map_or(0.0, |root| root.buffers.shared.read);
    hits.into_iter()
        .filter(|(tip, hit)| match tip.topic {
            // What reads too much is told where it reads.
            Topic::Reading => reads < all_reads * 0.5,
            Topic::General => match hit.node {
                Some(node) => !explained.contains(&node),
                None => explained.is_empty(),
            },
            topic => best.get(&(topic, place(hit))).is_none_or(|rank| tip.rank == *rank),
        })
        .collect()
}

/// Tells of one rule at most twice, and counts the rest.
fn gather(mut hits: Hits) -> Vec<TipHit> {
    const MOST: usize = 2;
    hits.sort_by(|(_, one), (_, other)| other.saving.total_cmp(&one.saving));
    let mut told: Vec<TipHit> = Vec::new();
    for (tip, hit) in hits {
        let same = told.iter().filter(|known| known.tip.number == tip.number).count();
        if same >= MOST || (same > 0 && tip.topic == Topic::General) {
            if let Some(first) = told.iter_mut().find(|known| known.tip.number == tip.number) {
                first.others += 1;
            }
            continue;
        }
        let Hit { node, seen, advice, index, saving, is_outside, .. } = hit;
        told.push(TipHit { tip, node, seen, advice, index, saving: Seconds(saving), is_outside, others: 0 });
    }
    told
}

#[cfg(test)]
mod tests {
    use super::support::test::plan_of;
    use super::*;

    fn ids(text: &str) -> Vec<&'static str> {
        find(&plan_of(text), &TipContext::default()).iter().map(|hit| hit.tip.id).collect()
    }

    #[test]
    fn the_tips_are_numbered_as_the_list_of_them_is() {
        assert_eq!(ALL.len(), 55);
        for (at, tip) in ALL.iter().enumerate() {
            assert_eq!(usize::from(tip.number), at + 1, "{}", tip.id);
            assert!(
                tip.why.ends_with('.')
                    && tip.wrong.ends_with('.')
                    && !tip.wrong.starts_with("If ")
                    && !tip.source.is_empty(),
                "{}",
                tip.id
            );
        }
        let mut ids: Vec<&str> = ALL.iter().map(|tip| tip.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 55);
    }

    #[test]
    fn a_spilled_sort_is_told_once_although_three_rules_see_it() {
        let text = "Sort  (cost=1..2 rows=100000 width=8) (actual time=900..1000 rows=100000 loops=1)
  Sort Key: created
  Sort Method: external merge  Disk: 20480kB
  Buffers: shared hit=900, temp read=2560 written=2560
  ->  Seq Scan on o  (cost=1..2 rows=100000 width=8) (actual time=0.1..100 rows=100000 loops=1)
Execution Time: 1000 ms";
        let sorts = ids(text).into_iter().filter(|id| id.contains("sort") || id.contains("temp")).count();
        assert_eq!(sorts, 1, "{:?}", ids(text));
    }

    #[test]
    fn a_slow_scan_that_is_explained_is_not_also_called_slow() {
        let text = "Seq Scan on o  (cost=1..2 rows=1 width=8) (actual time=1..900 rows=1 loops=1)
  Filter: (reference = 'x'::text)
  Rows Removed by Filter: 1499999
  Buffers: shared hit=9 read=40000
  I/O Timings: read=700
Execution Time: 900 ms";
        assert_eq!(ids(text), ["rows-removed"]);
    }

    #[test]
    fn a_plan_that_is_fine_has_no_tips() {
        let text =
            "Index Scan using o_pkey on o  (cost=0.4..8.4 rows=1 width=8) (actual time=0.01..0.02 rows=1 loops=1)
  Index Cond: (id = 5)
Planning Time: 0.1 ms
Execution Time: 0.05 ms";
        assert_eq!(ids(text), [""; 0]);
    }

    #[test]
    fn a_hundred_scans_alike_are_told_twice_and_counted() {
        let scan = "\n  ->  Seq Scan on o_1  (cost=1..2 rows=1 width=8) (actual time=1..10 rows=1 loops=1)
        Filter: (a = 1)
        Rows Removed by Filter: 10000";
        let text =
            format!("Nested Loop  (cost=1..2 rows=1 width=8) (actual time=1..1000 rows=1 loops=1){}", scan.repeat(100));
        let hits = find(&plan_of(&text), &TipContext::default());
        let scans: Vec<&TipHit> = hits.iter().filter(|hit| hit.tip.id == "rows-removed").collect();
        assert!(scans.len() <= 2, "{hits:?}");
    }
}
