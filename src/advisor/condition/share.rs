//! For which share of the rows a clause holds, by the catalog's statistics.

use super::like::like_runs;
use super::{Clause, ClauseClass};
use crate::catalog::size::predicate_share;
use crate::catalog::{Expr, Table};

/// Returns the share of rows for which a clause holds.
pub(super) fn selectivity(clause: &Clause, table: &Table) -> f64 {
    match &clause.class {
        ClauseClass::Equal => equality_share(clause, table),
        ClauseClass::Range => range_share(&clause.whole, table).unwrap_or(1.0 / 3.0),
        ClauseClass::NotNull | ClauseClass::Negative => predicate_or_negative(&clause.whole, table),
        ClauseClass::Prefix => prefix_share(&clause.whole, table).unwrap_or(0.005),
        ClauseClass::Trigram | ClauseClass::Suffix | ClauseClass::TextSearch | ClauseClass::RangeOverlap => 0.01,
        ClauseClass::JsonContains | ClauseClass::JsonHasKey | ClauseClass::ArrayOverlap => 0.01,
        ClauseClass::Either(arms) => {
            let missing: f64 =
                arms.iter().map(|arm| 1.0 - arm.iter().map(|clause| clause.selectivity).product::<f64>()).product();
            1.0 - missing
        }
        ClauseClass::Unusable(_) => 1.0 / 3.0,
    }
}

fn equality_share(clause: &Clause, table: &Table) -> f64 {
    let rows = table.rows_or_guess();
    let known = table.statistics_of(&clause.key).is_some();
    match &clause.whole {
        Expr::Binary { right, .. } if right.as_literal().is_none() => {
            table.statistics_of(&clause.key).map_or(0.005, |statistics| statistics.equal_share(None, rows))
        }
        Expr::Binary { .. } if !known => expression_share(&clause.key, table),
        whole => predicate_share(table, whole),
    }
}

/// An equality on an expression without statistics: as many values as the column inside has, where it is one to one.
fn expression_share(key: &Expr, table: &Table) -> f64 {
    let rows = table.rows_or_guess();
    let inner =
        || key.columns().first().and_then(|name| table.column(name)).and_then(|column| column.statistics.as_ref());
    match key {
        Expr::Call { name, .. } if matches!(name.as_str(), "upper" | "lower" | "reverse" | "md5") => {
            inner().map_or(0.005, |statistics| statistics.equal_share(None, rows))
        }
        // What the planner takes. Source: DEFAULT_EQ_SEL in src/include/utils/selfuncs.h.
        _ => 0.005,
    }
}

fn predicate_or_negative(whole: &Expr, table: &Table) -> f64 {
    match whole {
        Expr::Binary { op, left, right } if op == "<>" => {
            1.0 - predicate_share(table, &Expr::binary("=", (**left).clone(), (**right).clone()))
        }
        Expr::Binary { .. } | Expr::Quantified { .. } => 0.9,
        other => predicate_share(table, other),
    }
}

pub(super) fn range_share(whole: &Expr, table: &Table) -> Option<f64> {
    let Expr::Binary { op, left, right } = whole else { return None };
    let statistics = table.statistics_of(left)?;
    let below = statistics.below_share(&right.as_literal()?.text)?;
    let share = if op.starts_with('<') { below } else { 1.0 - statistics.null_share - below };
    Some(share.clamp(1e-7, 1.0))
}

fn prefix_share(whole: &Expr, table: &Table) -> Option<f64> {
    let Expr::Binary { op, left, right } = whole else { return None };
    let statistics = table.statistics_of(left)?;
    let literal = right.as_literal()?;
    let prefix = match op.as_str() {
        "~~" => like_runs(&literal.text).0.into_iter().next()?,
        "^@" => literal.text.clone(),
        _ => literal.text.trim_start_matches('^').chars().take_while(|letter| letter.is_alphanumeric()).collect(),
    };
    let after = format!("{prefix}\u{10ffff}");
    let share = statistics.below_share(&after)? - statistics.below_share(&prefix)?;
    Some(share.clamp(1.0 / table.rows_or_guess().max(10.0), 1.0))
}
