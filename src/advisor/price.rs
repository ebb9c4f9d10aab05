//! What a given index would save each scan of a plan, by the advisor's own model: for a workload, in which an index that
//! was thought of for one statement may serve another.

use super::advice::IndexSpec;
use super::choose::looked_up;
use super::condition::Clause;
use super::cost;
use super::scan::{Scan, scans};
use crate::catalog::{Catalog, Expr};
use crate::plan::{NodeId, Plan};

/// What an index would save a scan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScanPrice {
    /// The scan.
    pub(crate) node: NodeId,
    /// Cost of the scan and of the sort that the index could save, all executions, in the planner's units.
    pub(crate) before: f64,
    /// The same with the index.
    pub(crate) after: f64,
}

/// Returns what each of these indexes would save the scans of a plan; nothing for those that it does not serve.
pub(crate) fn prices(plan: &Plan, catalog: &Catalog, specs: &[&IndexSpec]) -> Vec<Vec<ScanPrice>> {
    let scans = scans(plan, catalog);
    specs.iter().map(|spec| scans.iter().filter_map(|scan| price(scan, catalog, spec)).collect()).collect()
}

fn price(scan: &Scan<'_>, catalog: &Catalog, spec: &IndexSpec) -> Option<ScanPrice> {
    let definition = &spec.definition;
    if IndexSpec::on(scan.table, definition.clone()) != *spec {
        return None;
    }
    let holds = |part: &Expr| scan.clauses.iter().any(|clause| implies(clause, part));
    if !definition.predicate.iter().all(holds) {
        return None;
    }
    // Only a b-tree serves a scan by its order or its columns alone.
    let is_searched =
        |key: &crate::catalog::Key| scan.clauses.iter().any(|clause| clause.key == key.expr && clause.is_searchable());
    if definition.method != crate::catalog::AccessMethod::BTree && !definition.keys.iter().any(is_searched) {
        return None;
    }
    let alone = cost::estimate(scan, &[], definition, catalog).cost;
    let joined = looked_up(scan).into_iter().map(|joined| cost::estimate(scan, &joined, definition, catalog).cost);
    let after = joined.fold(alone, f64::min);
    let before = scan.cost_at_stake();
    // What the workers of a parallel plan would no longer share counts against it.
    let saved = before - after - scan.parallel_loss;
    (saved > 0.0).then_some(ScanPrice { node: scan.id, before, after: before - saved })
}

/// Whether rows that meet a clause are all in an index with this condition.
fn implies(clause: &Clause, part: &Expr) -> bool {
    if clause.whole == *part {
        return true;
    }
    match part {
        Expr::IsNotNull(key) => clause.key == **key && !matches!(clause.whole, Expr::IsNull(_)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisor::tests::{catalog, plan};
    use crate::catalog::{AccessMethod, Definition, Key};

    #[test]
    fn only_a_b_tree_serves_a_scan_that_does_not_search_by_its_key() {
        let text =
            "Seq Scan on orders o  (cost=0.00..48750.00 rows=1 width=72)\n  Filter: ((reference)::text = 'R1'::text)";
        let (plan, catalog) = (plan(text), catalog());
        let table = catalog.table(None, "orders").unwrap();
        let on = |method: AccessMethod, column: &str| {
            let key = Key::plain(Expr::Column { table: None, name: column.to_owned() });
            IndexSpec::on(table, Definition::of(method, key))
        };
        let saves = |spec: &IndexSpec| prices(&plan, &catalog, &[spec]).iter().any(|prices| !prices.is_empty());
        assert!(saves(&on(AccessMethod::BTree, "reference")));
        assert!(!saves(&on(AccessMethod::Gin, "status")) && !saves(&on(AccessMethod::Gist, "status")));
    }
}
