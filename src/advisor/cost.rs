//! What a scan would cost with an index that does not exist, in the planner's units.
//!
//! Used where nothing better can be had, and to choose what is worth trying. It follows
//! `cost_index`, `cost_bitmap_heap_scan` and `index_pages_fetched` of src/backend/optimizer/path/costsize.c, simplified.

use super::condition::{Clause, ClauseClass};
use super::order::WantedOrder;
use super::scan::Scan;
use crate::catalog::index::{AccessMethod, Definition};
use crate::catalog::size::{array_elements, estimated_bytes, indexed_rows, predicate_share};
use crate::catalog::{Catalog, Collation, Expr, Key, PlannerSettings, Table};

/// What an index would do for a scan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexEstimate {
    /// Cost of all executions of the scan, and of a sort that remains.
    pub cost: f64,
    /// Share of the table's rows that are fetched, 0..=1.
    pub fetched: f64,
    /// Size of the index in bytes.
    pub bytes: f64,
    /// Whether it gives the wanted order.
    pub gives_order: bool,
    /// Whether the table's pages need not be visited.
    pub is_index_only: bool,
    /// Rows that are fetched in one execution.
    pub rows: f64,
    /// How far the rows lie in the order of the first key, 0..=1.
    pub correlation: f64,
}

impl IndexEstimate {
    /// Returns what two indexes do together, each for an arm of an OR.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            cost: self.cost + other.cost,
            fetched: (self.fetched + other.fetched).min(1.0),
            bytes: self.bytes + other.bytes,
            gives_order: false,
            is_index_only: false,
            rows: self.rows + other.rows,
            correlation: self.correlation.min(other.correlation),
        }
    }

    /// Returns the same with the sort that remains above.
    #[must_use]
    pub fn sorted(self, scan: &Scan<'_>, catalog: &Catalog) -> Self {
        Self { cost: self.cost + remaining_sort(scan, &catalog.settings), ..self }
    }
}

/// How a key of an index meets the clauses of a scan.
struct Match {
    /// Share of the index's rows that its leading keys leave.
    share: f64,
    /// Keys that are fixed to one value.
    fixed: usize,
    /// Clauses that the keys take care of.
    used: Vec<Expr>,
    /// Searches of the index in one execution: one for each value of a list.
    searches: f64,
}

/// Returns what an index would do for a scan, whose join keys count as given values.
pub fn estimate(scan: &Scan<'_>, joined: &[Clause], index: &Definition, catalog: &Catalog) -> IndexEstimate {
    match index.method {
        AccessMethod::BTree => btree(scan, joined, index, catalog),
        AccessMethod::Brin => brin(scan, index, catalog),
        _ => inverted(scan, index, catalog),
    }
}

fn btree(scan: &Scan<'_>, joined: &[Clause], index: &Definition, catalog: &Catalog) -> IndexEstimate {
    let table = scan.table;
    let settings = &catalog.settings;
    let matched = match_keys(scan, joined, index);
    let bytes = estimated_bytes(table, index, catalog).unwrap_or(0.0);
    let inside: f64 = index.predicate.iter().map(|clause| predicate_share(table, clause)).product();
    let total = table.rows_or_guess().max(1.0);
    let is_complete = scan
        .clauses
        .iter()
        .all(|clause| matched.used.contains(&clause.whole) || index.predicate.contains(&clause.whole));
    let mut fetched = inside * matched.share;
    if joined.is_empty() {
        fetched = if is_complete && scan.removed.is_some() && !scan.stops_early {
            scan.selectivity()
        } else {
            fetched.max(scan.selectivity().min(1.0))
        };
    }
    let rows = (fetched * total).max(1.0);
    let order = scan.order.as_ref();
    let gives_order = order.is_some_and(|order| gives(index, matched.fixed, order, scan));
    let is_index_only = is_covering(scan, joined, index) && table.all_visible_share() > 0.5;
    // Where the null rows lie says nothing of the order of the others.
    let is_null =
        |key: &Key| matched.used.first().is_some_and(|used| *used == Expr::IsNull(Box::new(key.expr.clone())));
    let is_ordered = |key: &&Key| !is_null(key) && !is_of_one_value(key, matched.fixed, index, table);
    let leading = index.keys.first().filter(is_ordered);
    let leading = leading.map_or(0.0, |key| correlation(table, key, index.keys.len()));
    let access = HeapAccess {
        rows,
        total,
        pages: table.pages.max(1.0),
        visible: if is_index_only { table.all_visible_share() } else { 0.0 },
        correlation: leading,
        spread: inside,
    };
    let leaf_share = (rows / indexed_rows(table, index)).min(1.0);
    let leaves = (bytes / 8192.0 * leaf_share).ceil().max(1.0);
    // Each value of a list is a search of its own.
    let leaves = leaves.max(scattered(matched.searches, (bytes / 8192.0).max(1.0)));
    let part = match order {
        Some(WantedOrder { limit: Some(limit), .. }) if gives_order => share_before(*limit, scan, fetched, rows),
        _ => 1.0,
    };
    let loops = if joined.is_empty() { scan.loops } else { join_loops(scan, joined) };
    let search = IndexSearch { leaves, pages: (bytes / 8192.0).max(1.0), loops, part, gives_order };
    let sort = if gives_order { 0.0 } else { remaining_sort(scan, settings) };
    let fetched = if joined.is_empty() { fetched } else { (fetched * loops).min(1.0) };
    IndexEstimate {
        cost: search.cost(&access, settings) * loops.max(1.0) + sort,
        fetched: fetched * part,
        bytes,
        gives_order,
        is_index_only,
        rows,
        correlation: leading,
    }
}

/// Returns the fraction of a scan that runs before LIMIT stops it.
fn share_before(limit: f64, scan: &Scan<'_>, fetched: f64, rows: f64) -> f64 {
    let kept = if fetched > 0.0 { (scan.selectivity() / fetched).clamp(1e-6, 1.0) } else { 1.0 };
    // A join between the scan and the sort keeps a part of them.
    let of_join = scan.order.as_ref().map_or(1.0, |order| (order.rows / scan.rows.max(1.0)).clamp(1e-6, 1.0));
    let wanted = limit / (kept * of_join) / rows;
    (wanted + scan.passed_over()).min(1.0)
}

/// What a descent from the root to a leaf costs in comparisons, where its pages are in the cache.
///
/// Source: `btcostestimate` in src/backend/utils/adt/selfuncs.c.
const DESCENT: f64 = 0.5;

/// Pages that so many scattered rows lie on: Mackert and Lohman's formula where the table fits into the cache.
fn scattered(rows: f64, pages: f64) -> f64 {
    (2.0 * pages * rows / (2.0 * pages + rows)).min(pages).max(1.0)
}

fn join_loops(scan: &Scan<'_>, joined: &[Clause]) -> f64 {
    let of_join = scan
        .joins
        .iter()
        .filter(|join| joined.iter().any(|clause| clause.key == join.key))
        .map(|join| join.other_rows)
        .fold(1.0, f64::max);
    of_join * scan.loops.max(1.0)
}

fn match_keys(scan: &Scan<'_>, joined: &[Clause], index: &Definition) -> Match {
    let mut found = Match { share: 1.0, fixed: 0, used: Vec::new(), searches: 1.0 };
    let clauses: Vec<&Clause> = scan.clauses.iter().chain(joined).collect();
    let mut is_order_kept = true;
    for key in &index.keys {
        let is_pattern = key.opclass.as_deref().is_some_and(|name| name.ends_with("_pattern_ops"));
        if let Some(equal) = clauses.iter().find(|clause| clause.class == ClauseClass::Equal && clause.key == key.expr)
        {
            found.share *= equal.selectivity / predicate_overlap(index, equal);
            found.used.push(equal.whole.clone());
            // A list of values is no single value: the order after it is lost.
            let is_single = !matches!(equal.whole, Expr::Quantified { .. } | Expr::Or(_));
            if !is_single {
                found.searches = values_of(&equal.whole);
                break;
            }
            // IS NULL is searched as an equality is, but the planner does not see that the order after it is kept.
            is_order_kept &= !matches!(equal.whole, Expr::IsNull(_));
            found.fixed += usize::from(is_order_kept);
            continue;
        }
        let ranges = clauses.iter().filter(|clause| {
            clause.key == key.expr
                && match clause.class {
                    ClauseClass::Range => !is_pattern,
                    ClauseClass::Prefix => is_pattern || collation(scan.table, &key.expr) == Some(Collation::C),
                    _ => false,
                }
        });
        let mut left = 1.0;
        for (count, range) in ranges.enumerate() {
            // Two bounds of one range: what both leave, not what chance would.
            left = if count == 0 {
                range.selectivity
            } else {
                (left + range.selectivity - 1.0).max(left * range.selectivity * 0.1)
            };
            found.used.push(range.whole.clone());
        }
        found.share *= left;
        break;
    }
    found
}

/// Values of a list; 1 where they are not known.
fn values_of(list: &Expr) -> f64 {
    let Expr::Quantified { right, .. } = list else { return 1.0 };
    right.as_literal().map_or(1.0, |literal| array_elements(literal).len().max(1) as f64)
}

/// A clause that the predicate holds already leaves all of the index's rows.
fn predicate_overlap(index: &Definition, clause: &Clause) -> f64 {
    if index.predicate.contains(&clause.whole) { clause.selectivity.max(1e-9) } else { 1.0 }
}

/// Returns the collation of a column; expressions over text count as the column inside.
pub fn collation(table: &Table, expr: &Expr) -> Option<Collation> {
    let name = expr.columns().first().copied()?;
    table.column(name)?.collation
}

/// Says whether the keys after the fixed ones give the order, forwards or backwards.
pub fn gives(index: &Definition, fixed: usize, order: &WantedOrder, scan: &Scan<'_>) -> bool {
    let is_fixed = |key: &Key| {
        scan.clauses.iter().any(|clause| {
            clause.key == key.expr
                && clause.class == ClauseClass::Equal
                && matches!(clause.whole, Expr::Binary { .. } | Expr::Not(_) | Expr::Column { .. })
        })
    };
    let wanted: Vec<&Key> = order.keys.iter().filter(|key| !is_fixed(key)).collect();
    if wanted.is_empty() {
        return true;
    }
    for start in 0..=fixed.min(index.keys.len()) {
        let Some(given) = index.keys.get(start..) else { continue };
        if given.len() < wanted.len() {
            continue;
        }
        let mut turned: Option<bool> = None;
        let is_given = wanted.iter().zip(given).all(|(wanted, given)| match wanted.is_same_or_reversed(given) {
            Some(reversed) => *turned.get_or_insert(reversed) == reversed,
            None => false,
        });
        if is_given {
            return true;
        }
    }
    false
}

/// Says whether the index holds every column that the scan needs.
fn is_covering(scan: &Scan<'_>, joined: &[Clause], index: &Definition) -> bool {
    let Some(outputs) = &scan.outputs else { return false };
    let has = |name: &str| {
        index.include.iter().any(|known| known == name)
            || index.keys.iter().any(|key| key.expr.as_column() == Some(name))
    };
    let filtered = scan
        .clauses
        .iter()
        .chain(joined)
        .filter(|clause| !index.predicate.contains(&clause.whole))
        .flat_map(|clause| own_columns(scan.table, &clause.key));
    outputs.iter().map(String::as_str).chain(filtered).all(has)
}

fn own_columns<'a>(table: &Table, expr: &'a Expr) -> Vec<&'a str> {
    expr.columns().into_iter().filter(|name| table.column(name).is_some()).collect()
}

/// A column of which most rows have one value is taken for well ordered, for these lie side by side; the others may lie
/// anywhere, and a search for one of them reads them in the order of the table at best.
fn is_of_one_value(key: &Key, fixed: usize, index: &Definition, table: &Table) -> bool {
    const MOST_ROWS: f64 = 0.4;
    let is_in_predicate =
        index.predicate.iter().any(|clause| clause.columns().iter().any(|name| key.expr.as_column() == Some(name)));
    let statistics = table.statistics_of(&key.expr);
    let common = statistics.and_then(|statistics| statistics.common.first()).map_or(0.0, |(_, share)| *share);
    (fixed > 0 || is_in_predicate) && common >= MOST_ROWS
}

fn correlation(table: &Table, key: &Key, keys: usize) -> f64 {
    let statistics = table.statistics_of(&key.expr).or_else(|| table.statistics_of(monotone(&key.expr)?));
    let own = statistics.map_or(0.0, |statistics| statistics.correlation.abs());
    // With several keys the planner takes three quarters of the first one's.
    if keys > 1 { own * 0.75 } else { own }
}

/// What is inside an expression that keeps its order: the day or the month of a time.
fn monotone(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Cast { operand, type_name } if type_name == "date" => monotone(operand),
        Expr::Call { name, args } if matches!(name.as_str(), "date_trunc" | "timezone") => monotone(args.get(1)?),
        Expr::Column { .. } => Some(expr),
        _ => None,
    }
}

/// A search of an index, and how much of it is run.
struct IndexSearch {
    /// Leaf pages of one execution.
    leaves: f64,
    /// Pages of the whole index.
    pages: f64,
    loops: f64,
    /// The fraction that runs before LIMIT stops it.
    part: f64,
    gives_order: bool,
}

impl IndexSearch {
    /// Returns what one execution costs.
    fn cost(&self, access: &HeapAccess, settings: &PlannerSettings) -> f64 {
        let cpu = access.rows * settings.cpu_index_tuple_cost;
        if self.loops > 1.0 {
            // Pages stay in the cache from one execution to the next, those of the index above all.
            let index = scattered(self.leaves * self.loops, self.pages) / self.loops;
            let heap = access.repeated(self.loops, settings);
            return (index * settings.random_page_cost + cpu + heap) * self.part + DESCENT;
        }
        let plain = access.plain(settings);
        let heap = if self.gives_order { plain } else { plain.min(access.bitmap(settings)) };
        ((self.leaves + 1.0) * settings.random_page_cost + cpu + heap) * self.part + settings.random_page_cost
    }
}

/// Rows to be fetched from a table's pages.
struct HeapAccess {
    rows: f64,
    total: f64,
    pages: f64,
    visible: f64,
    correlation: f64,
    /// Share of the table's rows that the index holds, which lie anywhere in it.
    spread: f64,
}

impl HeapAccess {
    /// Pages that the rows lie on where they are in the order of the key.
    fn side_by_side(&self) -> f64 {
        (self.rows / (self.total * self.spread.max(1e-9)) * self.pages).min(self.rows).ceil().max(1.0)
    }

    fn scattered(&self) -> f64 {
        scattered(self.rows, self.pages)
    }

    /// What each of many executions costs: a page that another one has read is read no more.
    fn repeated(&self, loops: f64, settings: &PlannerSettings) -> f64 {
        let worst = scattered(self.rows * loops, self.pages) / loops;
        let best = self.side_by_side().min(worst);
        let pages = worst + self.correlation * self.correlation * (best - worst);
        pages * settings.random_page_cost * (1.0 - self.visible) + self.rows * settings.cpu_tuple_cost
    }

    fn plain(&self, settings: &PlannerSettings) -> f64 {
        let worst = self.scattered() * settings.random_page_cost;
        let side_by_side = self.side_by_side();
        let best = settings.random_page_cost + (side_by_side - 1.0) * settings.seq_page_cost;
        let io = worst + self.correlation * self.correlation * (best - worst);
        io.max(0.0) * (1.0 - self.visible) + self.rows * settings.cpu_tuple_cost
    }

    fn bitmap(&self, settings: &PlannerSettings) -> f64 {
        let side_by_side = self.side_by_side();
        let pages = if self.correlation > 0.98 { side_by_side } else { self.scattered() };
        let each = settings.random_page_cost
            - (settings.random_page_cost - settings.seq_page_cost) * (pages / self.pages).sqrt();
        pages * each + self.rows * (settings.cpu_tuple_cost + settings.cpu_operator_cost * 2.0)
    }
}

/// What the sort costs that an index without the wanted order leaves, all executions.
fn remaining_sort(scan: &Scan<'_>, settings: &PlannerSettings) -> f64 {
    let Some(order) = &scan.order else { return 0.0 };
    if order.sort.is_some() {
        // The same rows come to it as now.
        order.sort_cost
    } else {
        sort_cost(scan.rows, order.limit, settings) * scan.loops
    }
}

fn sort_cost(rows: f64, limit: Option<f64>, settings: &PlannerSettings) -> f64 {
    let kept = limit.unwrap_or(rows).clamp(2.0, rows.max(2.0));
    2.0 * settings.cpu_operator_cost * rows.max(2.0) * (2.0 * kept).log2()
}

fn brin(scan: &Scan<'_>, index: &Definition, catalog: &Catalog) -> IndexEstimate {
    let table = scan.table;
    let settings = &catalog.settings;
    let total = table.rows_or_guess().max(1.0);
    let share = scan.selectivity().max(1e-6);
    let rows = share * total;
    // A range of 128 pages is read whole, and one more at each end.
    let pages = (share * table.pages + 256.0).min(table.pages.max(1.0));
    let bytes = estimated_bytes(table, index, catalog).unwrap_or(24_576.0);
    let lossy = pages / table.pages.max(1.0) * total;
    let cost = bytes / 8192.0 * settings.random_page_cost
        + pages * settings.seq_page_cost
        + lossy * (settings.cpu_tuple_cost + settings.cpu_operator_cost);
    IndexEstimate {
        cost: cost * scan.loops + remaining_sort(scan, settings),
        fetched: pages / table.pages.max(1.0),
        bytes,
        gives_order: false,
        is_index_only: false,
        rows,
        correlation: 0.0,
    }
}

/// GIN and GiST: the share that the clauses on its keys leave, found through a bitmap.
fn inverted(scan: &Scan<'_>, index: &Definition, catalog: &Catalog) -> IndexEstimate {
    let table = scan.table;
    let settings = &catalog.settings;
    let total = table.rows_or_guess().max(1.0);
    let on_keys: f64 = scan
        .clauses
        .iter()
        .filter(|clause| index.keys.iter().any(|key| key.expr == clause.key))
        .map(|clause| clause.selectivity)
        .product();
    let share = if scan.removed.is_some() {
        scan.selectivity().max(on_keys.min(0.0003))
    } else {
        on_keys.min(scan.selectivity())
    };
    let rows = (share * total).max(1.0);
    let access = HeapAccess { rows, total, pages: table.pages.max(1.0), visible: 0.0, correlation: 0.0, spread: 1.0 };
    let bytes = inverted_bytes(table, index);
    let leaves = (bytes / 8192.0 * share).ceil().max(4.0);
    let cost = leaves * settings.random_page_cost + access.bitmap(settings);
    IndexEstimate {
        cost: cost * scan.loops + remaining_sort(scan, settings),
        fetched: share,
        bytes,
        gives_order: false,
        is_index_only: false,
        rows,
        correlation: 0.0,
    }
}

/// Returns the size of an index when built, in bytes: by the model for a b-tree or BRIN, a guess for the others.
pub fn bytes(table: &Table, index: &Definition, catalog: &Catalog) -> f64 {
    estimated_bytes(table, index, catalog).unwrap_or_else(|| inverted_bytes(table, index))
}

/// A guess at the size of a GIN or GiST index: entries by the width of what is indexed, compressed row pointers.
fn inverted_bytes(table: &Table, index: &Definition) -> f64 {
    let rows = indexed_rows(table, index);
    index
        .keys
        .iter()
        .map(|key| {
            let width: f64 = own_columns(table, &key.expr)
                .into_iter()
                .filter_map(|name| table.column(name))
                .map(crate::catalog::TableColumn::width)
                .sum();
            let per_row = match (&index.method, key.opclass.as_deref()) {
                (AccessMethod::Gist, _) => width + 16.0,
                // A trigram a letter, about two bytes each once compressed.
                (_, Some("gin_trgm_ops")) => width * 2.2 + 8.0,
                (_, Some("jsonb_path_ops")) => width * 0.12 + 4.0,
                _ if matches!(key.expr, Expr::Call { .. }) => width * 0.5 + 16.0,
                _ => width * 0.25 + 6.0,
            };
            rows * per_row
        })
        .sum::<f64>()
        .max(16_384.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_top_n_sort_costs_less_than_a_full_one() {
        let settings = PlannerSettings::default();
        assert!(sort_cost(1e6, Some(20.0), &settings) < sort_cost(1e6, None, &settings) / 2.0);
    }
}
