//! Pages by the last row's key, as Django code writes them: `a < x OR (a = x AND id < y)`.
//!
//! No index search starts at such a condition: an index in the wanted order is read from its end, and all rows before the
//! page are thrown away. The same statement with `a <= x` starts at the page.

use super::advice::{Refusal, Rewrite, expr_text};
use super::condition::{Clause, ClauseClass};
use super::scan::Scan;
use super::verdict::needs;
use super::words::count;
use crate::catalog::index::KeyDirection;
use crate::catalog::{Definition, Expr, Key};

/// Rows before the page from which on they are worth another way to write it,
const MANY_ROWS: f64 = 1000.0;
/// and so many for each row of the page.
const MANY_FOR_EACH: f64 = 10.0;
/// What is taken for the rows before a page where its place is not known.
const SOMEWHERE: f64 = 1.0 / 3.0;

/// From this correlation on rows lie in the order of a column.
const IN_ORDER: f64 = 0.9;

/// The condition of such a page.
struct Keyset<'s> {
    /// The first key of the order, and its operator and value: `created_at < '2024-01-01'`.
    bound: &'s Expr,
    /// Share of the rows that stand before the page in the order, 0..=1.
    before: f64,
    /// Whether they lie side by side in the table, so that they are read fast.
    is_in_order: bool,
}

impl Scan<'_> {
    /// Returns the share of the rows that an index in the wanted order reads before it comes to the page, 0..=1.
    pub(super) fn passed_over(&self) -> f64 {
        self.keyset().filter(|keyset| !keyset.is_in_order).map_or(0.0, |keyset| keyset.before)
    }

    fn keyset(&self) -> Option<Keyset<'_>> {
        let order = self.order.as_ref().filter(|order| order.limit.is_some())?;
        let is_fixed = |key: &&Key| self.clauses.iter().any(|clause| clause.is_equality() && clause.key == key.expr);
        let first = order.keys.iter().find(|key| !is_fixed(key))?;
        let is_bounded =
            self.clauses.iter().any(|clause| clause.class == ClauseClass::Range && clause.key == first.expr);
        let bound = self.clauses.iter().find_map(|clause| bound_of(clause, &first.expr))?;
        let Expr::Binary { op, right, .. } = bound else { return None };
        let is_descending = first.direction == KeyDirection::Descending;
        if is_bounded || op.starts_with('<') != is_descending {
            return None;
        }
        let statistics = self.table.statistics_of(&first.expr);
        let below = right.as_literal().and_then(|value| statistics?.below_share(&value.text));
        let before = below.map_or(SOMEWHERE, |below| if is_descending { 1.0 - below } else { below });
        let is_in_order = statistics.is_some_and(|statistics| statistics.correlation.abs() >= IN_ORDER);
        Some(Keyset { bound, before: before.clamp(0.0, 1.0), is_in_order })
    }

    /// Returns how to write the condition so that a search of the index starts at the page.
    pub(super) fn bounded_page(&self) -> Option<Rewrite> {
        let bound = self.keyset()?.bound;
        let Expr::Binary { op, left, right } = bound else { return None };
        let with_equal = if op.ends_with('=') { op.clone() } else { format!("{op}=") };
        let lookup = if op.starts_with('<') { "lte" } else { "gte" };
        let name = left.as_column().unwrap_or("created_at");
        let value = expr_text(right);
        Some(Rewrite {
            what: format!(
                "add {} {with_equal} {value} to the condition: it changes no result, and the search of an index starts there",
                expr_text(left)
            ),
            django: Some(format!("filter({name}__{lookup}=last.{name}) before the Q(…) | Q(…) of the page")),
        })
    }

    /// Returns why a page that lies deep in the order has to be written another way before an index helps.
    pub(super) fn deep_page(&self) -> Option<Refusal> {
        // Where the index alone is no loss it comes with the rewrite beside it.
        let keyset = self.keyset().filter(|keyset| !keyset.is_in_order)?;
        let rewrite = self.bounded_page()?;
        let order = self.order.as_ref()?;
        let equal = self.clauses.iter().filter(|clause| clause.is_equality());
        let inside: f64 = equal.map(|clause| clause.selectivity).product();
        let passed = keyset.before * inside * self.table.rows_or_guess();
        let many = (MANY_FOR_EACH * order.limit.unwrap_or(1.0)).max(MANY_ROWS);
        if passed < many {
            return None;
        }
        let why = format!(
            "an index on the order would read about {} rows of {} before it comes to this page: an OR is no start of a search",
            count(passed),
            self.table.name
        );
        let mut refusal = needs(self, why, &rewrite.what, rewrite.django.as_deref());
        refusal.then = super::btree::page_index(self)
            .filter(|index| !self.has_index(index))
            .map(|index| super::advice::IndexSpec::on(self.table, index));
        Some(refusal)
    }

    fn has_index(&self, index: &Definition) -> bool {
        super::existing::serving(self.table, index).is_some()
    }
}

/// Returns the bound `a < x` of `a < x OR (a = x AND …)`.
fn bound_of<'c>(clause: &'c Clause, key: &Expr) -> Option<&'c Expr> {
    let ClauseClass::Either(arms) = &clause.class else { return None };
    let [one, other] = arms.as_slice() else { return None };
    let of = |bound: &'c [Clause], rest: &[Clause]| {
        let [only] = bound else { return None };
        let Expr::Binary { right: value, .. } = &only.whole else { return None };
        let is_same = |clause: &Clause| {
            clause.is_equality()
                && clause.key == *key
                && matches!(&clause.whole, Expr::Binary { right, .. } if right == value)
        };
        (only.class == ClauseClass::Range && only.key == *key && rest.len() > 1 && rest.iter().any(is_same))
            .then_some(&only.whole)
    };
    of(one, other).or_else(|| of(other, one))
}
