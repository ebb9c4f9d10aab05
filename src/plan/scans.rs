//! The sequential scans of a plan: what each read and what it kept.

use super::{Field, NodeId, NodeKind, Plan};
use crate::sample::Seconds;

/// A sequential scan, or a sample of one.
#[derive(Debug, Clone, PartialEq)]
pub struct SeqScan {
    /// Its node.
    pub node: NodeId,
    /// The table's schema; only with VERBOSE.
    pub schema: Option<String>,
    /// The table.
    pub relation: String,
    /// The name the query calls it by.
    pub alias: String,
    /// Whether processes shared it.
    pub is_parallel: bool,
    /// How often the table was read whole; 1 without ANALYZE.
    pub times: f64,
    /// Rows read, over all times; `None` without ANALYZE.
    pub rows_read: Option<f64>,
    /// Rows kept, over all times; without ANALYZE those expected.
    pub rows_kept: f64,
    /// Whether it kept at most these: the plan has rounded the rows of each loop to none.
    pub is_kept_at_most: bool,
    /// Rows its filter threw away, over all times; `None` without ANALYZE.
    pub rows_removed: Option<f64>,
    /// Blocks of 8 kB it looked at, found in memory or read; `None` without BUFFERS.
    pub blocks: Option<f64>,
    /// Its filter.
    pub filter: Option<String>,
    /// Its own time; `None` without times.
    pub time: Option<Seconds>,
    /// Part of the whole, 0..=1: of the time, else of the cost.
    pub share: f64,
    /// Whether something above may have stopped it early.
    pub is_cut_short: bool,
}

impl SeqScan {
    /// Returns the part of the rows read that were kept, 0..=1; `None` without ANALYZE, if it read none, or if they are not
    /// known.
    pub(crate) fn kept_share(&self) -> Option<f64> {
        self.rows_read.filter(|read| *read > 0.0 && !self.is_kept_at_most).map(|read| self.rows_kept / read)
    }
}

/// The rows that a node returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// Rows over all loops and processes.
    pub rows: f64,
    /// Whether they may be fewer.
    pub is_at_most: bool,
}

/// Returns the rows that a node returned over all loops and processes; `None` without ANALYZE.
///
/// The server prints the average of the loops, up to 17 as a whole number: one row in two processes is printed as 0. What
/// the workers had of them, or a Gather above, says more. Source: `ExplainNode` in `src/backend/commands/explain.c`.
pub fn kept(plan: &Plan, id: NodeId) -> Option<Kept> {
    let node = plan.node(id)?;
    let actual = node.actual?;
    let exactly = |rows: f64| Some(Kept { rows, is_at_most: false });
    let digits = match node.field("Actual Rows") {
        Some(Field::Real(_, digits)) => i32::from(*digits),
        _ => 0,
    };
    let most = (actual.loops * 0.5 * 0.1_f64.powi(digits)).floor();
    if actual.rows > 0.0 || actual.loops <= 1.0 || most < 1.0 {
        return exactly(actual.rows * actual.loops);
    }
    let of_workers = node.workers.iter().filter_map(|worker| worker.actual);
    let mut least: f64 = of_workers.map(|actual| actual.rows * actual.loops).sum();
    for (_, above) in plan.ancestors(id) {
        match above.kind {
            NodeKind::Sort if above.sorted.as_ref().is_none_or(|sorted| !sorted.method.starts_with("top-N")) => {}
            NodeKind::Gather | NodeKind::GatherMerge if above.loops() <= 1.0 && above.filter().is_none() => {
                let rows = above.rows_total().unwrap_or(0.0);
                // What a LIMIT stopped may have left rows below.
                if !above.derived.is_cut_short {
                    return exactly(rows);
                }
                least = least.max(rows);
                break;
            }
            _ => break,
        }
    }
    if least >= most { exactly(least) } else { Some(Kept { rows: most, is_at_most: true }) }
}

/// Returns the sequential scans that ran, or may, the most expensive first.
pub fn sequential(plan: &Plan) -> Vec<SeqScan> {
    let scans = plan.iter().filter(|(_, node)| node.kind == NodeKind::SeqScan && !node.is_never_executed());
    let mut scans: Vec<SeqScan> = scans
        .map(|(id, node)| {
            let kept = kept(plan, id);
            let removed = node.actual.map(|_| node.removed_by_filter());
            let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
            SeqScan {
                node: id,
                schema: node.schema().map(str::to_owned),
                relation: owned(node.relation()),
                alias: owned(node.alias()),
                is_parallel: node.is_parallel_aware,
                times: node.loops() / node.derived.processes.max(1.0),
                rows_read: node.rows_total().zip(removed).map(|(kept, removed)| kept + removed),
                rows_kept: kept.map_or_else(|| node.rows_or_estimate(), |kept| kept.rows),
                is_kept_at_most: kept.is_some_and(|kept| kept.is_at_most),
                rows_removed: removed,
                blocks: Some(node.derived.self_buffers.shared.touched() + node.derived.self_buffers.local.touched())
                    .filter(|blocks| *blocks > 0.0),
                filter: node.filter().map(str::to_owned),
                time: node.derived.self_time,
                share: node.derived.share.unwrap_or(0.0),
                is_cut_short: node.derived.is_cut_short,
            }
        })
        .collect();
    scans.sort_by(|one, other| other.share.total_cmp(&one.share).then(one.node.cmp(&other.node)));
    scans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse;

    #[test]
    fn a_parallel_scan_counts_the_rows_of_all_its_processes() {
        let text = "Gather  (cost=1..2 rows=1 width=8) (actual time=1..100 rows=30 loops=1)
  Workers Launched: 2
  ->  Parallel Seq Scan on shop_order o  (cost=1..2 rows=1 width=8) (actual time=1..90 rows=10 loops=3)
        Filter: (status = 'x'::text)
        Rows Removed by Filter: 1000
        Buffers: shared hit=40 read=60";
        let scans = sequential(&parse(text).plans.remove(0));
        let scan = &scans[0];
        assert_eq!((scan.rows_read, scan.rows_kept, scan.rows_removed), (Some(3030.0), 30.0, Some(3000.0)));
        assert_eq!((scan.times, scan.blocks, scan.is_parallel), (1.0, Some(100.0), true));
        assert_eq!((scan.relation.as_str(), scan.alias.as_str()), ("shop_order", "o"));
        assert!((scan.share - 0.9).abs() < 1e-9);
    }

    #[test]
    fn rows_that_are_rounded_to_none_may_be_some() {
        let text = "Limit  (cost=1..2 rows=1 width=8) (actual time=1..100 rows=1 loops=1)
  ->  Gather  (cost=1..2 rows=1 width=8) (actual time=1..100 rows=1 loops=1)
        Workers Launched: 2
        ->  Parallel Seq Scan on p  (cost=1..2 rows=1 width=8) (actual time=1..90 rows=0 loops=5)
              Filter: (a = 1)
              Rows Removed by Filter: 1000";
        let kept = |text: &str| {
            let scan = sequential(&parse(text).plans.remove(0)).remove(0);
            (scan.rows_kept, scan.is_kept_at_most, scan.kept_share().is_some())
        };
        assert_eq!(kept(text), (2.0, true, false), "of five loops 0.4 is printed as 0");
        // What nothing stopped gave all of its rows to the Gather.
        let whole = text.lines().skip(1).map(|line| &line[6..]).collect::<Vec<_>>().join("\n");
        assert_eq!(kept(&whole), (1.0, false, true));
        let repeated = text.replace("Limit ", "Aggregate ").replace("Gather ", "Append ");
        assert!(kept(&repeated).1, "nothing says how many");
        let worker = "\n              Worker 0:  actual time=1..90 rows=2 loops=1";
        assert_eq!(kept(&format!("{text}{worker}")), (2.0, false, true), "the workers had all there can be");
        // Since 18 two digits are printed.
        assert_eq!(kept(&text.replace("rows=0 loops=5", "rows=0.00 loops=5")), (0.0, false, true));
        assert_eq!(kept(&text.replace("rows=0 loops=5", "rows=0 loops=1")), (0.0, false, true));
    }

    #[test]
    fn an_estimate_knows_what_it_will_keep_only() {
        let scans = sequential(&parse("Seq Scan on o  (cost=1..2 rows=7 width=8)\n  Filter: (a = 1)").plans.remove(0));
        assert_eq!((scans[0].rows_read, scans[0].rows_kept, scans[0].kept_share()), (None, 7.0, None));
    }

    #[test]
    fn an_estimate_of_a_parallel_scan_is_of_all_its_processes() {
        let kept = |text: &str| {
            let plan = parse(text).plans.remove(0);
            sequential(&plan).into_iter().map(|scan| (scan.relation, scan.rows_kept)).collect::<Vec<_>>()
        };
        let shared = "Gather  (cost=1..2 rows=381000 width=8)
  Workers Planned: 1
  ->  Parallel Seq Scan on shop_payment  (cost=1..2 rows=224118 width=8)";
        // The leader has 0.7 of what a worker has beside one, and nothing from the fourth on.
        assert_eq!(kept(shared), [("shop_payment".to_owned(), 224_118.0 * 1.7)]);
        assert_eq!(kept(&shared.replace("Planned: 1", "Planned: 4")), [("shop_payment".to_owned(), 224_118.0 * 4.0)]);
        // Each process reads all of the table that it does not share.
        let whole = "Gather  (cost=1..2 rows=170 width=8)
  Workers Planned: 1
  ->  Nested Loop  (cost=1..2 rows=100 width=8)
        ->  Parallel Seq Scan on o  (cost=1..2 rows=100 width=8)
        ->  Seq Scan on c  (cost=1..2 rows=10 width=8)";
        assert_eq!(kept(whole), [("o".to_owned(), 170.0), ("c".to_owned(), 10.0)]);
        let plan = parse(whole).plans.remove(0);
        let rows: Vec<f64> = plan.nodes.iter().map(crate::plan::Node::rows_or_estimate).collect();
        assert_eq!(rows, [170.0, 170.0, 170.0, 10.0], "a join of what is shared is shared");
    }

    #[test]
    fn a_scan_that_never_ran_is_none() {
        assert_eq!(
            sequential(&parse("Seq Scan on o  (cost=1..2 rows=7 width=8) (never executed)").plans.remove(0)),
            []
        );
    }
}
