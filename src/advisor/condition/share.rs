//! For which share of the rows a clause holds, by the catalog's statistics.

use super::like::like_runs;
use super::{Clause, ClauseClass};
use crate::catalog::size::predicate_share;
use crate::catalog::statistics::ColumnStatistics;
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
    // What the planner takes. Source: DEFAULT_EQ_SEL in src/include/utils/selfuncs.h.
    known_expression_share(key, table).unwrap_or(0.005)
}

/// The same; `None` where nothing is known.
fn known_expression_share(key: &Expr, table: &Table) -> Option<f64> {
    let rows = table.rows_or_guess();
    let of_column = |statistics: &ColumnStatistics| Some(statistics.equal_share(None, rows));
    match key {
        Expr::Call { name, .. } if matches!(name.as_str(), "upper" | "lower" | "reverse" | "md5") => {
            let column = key.columns().first().and_then(|name| table.column(name))?;
            column.statistics.as_ref().and_then(of_column)
        }
        _ => first_not_null(key, table, &of_column),
    }
}

fn predicate_or_negative(whole: &Expr, table: &Table) -> f64 {
    match whole {
        Expr::Binary { op, left, right } if op == "<>" => {
            1.0 - predicate_share(table, &Expr::binary("=", (**left).clone(), (**right).clone()))
        }
        Expr::Binary { .. } => 0.9,
        Expr::Quantified { op, left, .. } if op != "<>" || left.as_column().is_none() => 0.9,
        other => predicate_share(table, other),
    }
}

pub(super) fn range_share(whole: &Expr, table: &Table) -> Option<f64> {
    let Expr::Binary { op, left, right } = whole else { return None };
    let value = right.as_literal()?.text.as_str();
    let of_column = |statistics: &ColumnStatistics| {
        let below = statistics.below_share(value)?;
        Some(if op.starts_with('<') { below } else { (1.0 - statistics.null_share - below).max(0.0) })
    };
    let share = match table.statistics_of(left) {
        Some(statistics) => of_column(statistics),
        None => first_not_null(left, table, &of_column),
    };
    Some(share?.clamp(1e-7, 1.0))
}

/// Returns the share of the rows for which `coalesce(a, b)` meets a condition whose share of each column is known.
///
/// Where `a` is null, `b` counts; that the two have nothing to do with each other is assumed.
fn first_not_null(expr: &Expr, table: &Table, of_column: &dyn Fn(&ColumnStatistics) -> Option<f64>) -> Option<f64> {
    let inner = if let Expr::Cast { operand, .. } = expr { operand } else { expr };
    let Expr::Call { name, args } = inner else { return None };
    if name != "coalesce" {
        return None;
    }
    let (mut share, mut left) = (0.0, 1.0);
    for arg in args {
        let arg = if let Expr::Cast { operand, .. } = arg { operand } else { arg };
        let statistics = table.statistics_of(arg)?;
        share += left * of_column(statistics)?;
        left *= statistics.null_share;
    }
    Some(share)
}

/// Says whether the share of a clause follows from statistics, and is no default.
pub(super) fn is_known(clause: &Clause, table: &Table) -> bool {
    let has_statistics = |expr: &Expr| table.statistics_of(expr).is_some();
    match &clause.class {
        ClauseClass::Equal => match &clause.whole {
            Expr::Binary { .. } if !has_statistics(&clause.key) => known_expression_share(&clause.key, table).is_some(),
            _ => has_statistics(&clause.key),
        },
        ClauseClass::Range => range_share(&clause.whole, table).is_some(),
        ClauseClass::NotNull => has_statistics(&clause.key),
        ClauseClass::Negative => clause.key.as_column().is_some() && has_statistics(&clause.key),
        ClauseClass::Prefix => prefix_share(&clause.whole, table).is_some(),
        ClauseClass::Either(arms) => arms.iter().flatten().all(|clause| is_known(clause, table)),
        _ => false,
    }
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
