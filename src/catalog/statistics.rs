//! What ANALYZE found, and the selectivities that follow from it.

use std::cmp::Ordering;

use super::expr::Expr;

/// The statistics of one column, from `pg_stats`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnStatistics {
    /// Share of rows that are null, 0..=1.
    pub null_share: f64,
    /// Average width in bytes of a value that is not null.
    pub width: f64,
    /// `n_distinct`: a count, or, negative, a share of the rows.
    pub n_distinct: f64,
    /// Correlation of the physical with the logical order, -1..=1; 0 when unknown.
    pub correlation: f64,
    /// The most common values with their share of all rows.
    pub common: Vec<(String, f64)>,
    /// Bounds of the histogram of the other values.
    pub bounds: Vec<String>,
    /// The most common elements of an array with their share of the rows that are not null.
    pub common_elements: Vec<(String, f64)>,
}

impl ColumnStatistics {
    /// Returns how many distinct values that are not null a table of so many rows has, at least 1.
    pub fn distinct(&self, rows: f64) -> f64 {
        let distinct = if self.n_distinct < 0.0 { -self.n_distinct * rows } else { self.n_distinct };
        distinct.max(1.0)
    }

    /// Returns the share of rows with this value, or with an average one where it is not known (`None`).
    pub(crate) fn equal_share(&self, value: Option<&str>, rows: f64) -> f64 {
        if let Some(value) = value
            && let Some((_, share)) = self.common.iter().find(|(common, _)| is_same(common, value))
        {
            return *share;
        }
        let distinct = self.distinct(rows);
        if value.is_none() {
            return (1.0 - self.null_share) / distinct;
        }
        let taken: f64 = self.common.iter().map(|(_, share)| share).sum();
        let others = (distinct - self.common.len() as f64).max(1.0);
        let rest = ((1.0 - self.null_share - taken).max(0.0)) / others;
        // A value that is not among the common ones is no more frequent than the rarest of them.
        self.common.last().map_or(rest, |(_, least)| rest.min(*least))
    }

    /// Returns the share of rows below a value (or equal to it: the two are not told apart), 0..=1.
    ///
    /// `None` without a histogram or common values.
    pub(crate) fn below_share(&self, value: &str) -> Option<f64> {
        if self.common.is_empty() && self.bounds.len() < 2 {
            return None;
        }
        let taken: f64 = self.common.iter().map(|(_, share)| share).sum();
        let common: f64 = self
            .common
            .iter()
            .filter(|(common, _)| order(common, value) == Ordering::Less)
            .map(|(_, share)| share)
            .sum();
        let rest = (1.0 - self.null_share - taken).max(0.0);
        if self.bounds.len() < 2 {
            return Some(common);
        }
        let at = self.bounds.partition_point(|bound| order(bound, value) == Ordering::Less);
        let bins = (self.bounds.len() - 1) as f64;
        let within = match at {
            0 => 0.0,
            at if at >= self.bounds.len() => 1.0,
            at => {
                let (Some(low), Some(high)) = (self.bounds.get(at - 1), self.bounds.get(at)) else { return None };
                ((at - 1) as f64 + fraction(low, high, value)) / bins
            }
        };
        Some((common + rest * within).clamp(0.0, 1.0))
    }
}

/// Statistics of an expression, from `pg_stats_ext_exprs` or from those of an expression index.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpressionStatistics {
    /// The expression, normalised.
    pub expr: Expr,
    /// What ANALYZE found.
    pub statistics: ColumnStatistics,
}

/// Compares two values as the server prints them: as numbers where both are, else byte by byte.
///
/// Dates and times are compared as moments: a plan from elsewhere may print them in another zone than the statistics.
fn order(left: &str, right: &str) -> Ordering {
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
        _ => match (moment(left), moment(right)) {
            (Some(left), Some(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
            _ => left.cmp(right),
        },
    }
}

fn is_same(left: &str, right: &str) -> bool {
    left == right
        || matches!((left, right), ("t", "true") | ("f", "false") | ("true", "t") | ("false", "f"))
        || matches!((left.parse::<f64>(), right.parse::<f64>()), (Ok(left), Ok(right)) if left.total_cmp(&right) == Ordering::Equal)
}

/// Where a value lies between two bounds, 0..=1.
fn fraction(low: &str, high: &str, value: &str) -> f64 {
    let Some((low, high, value)) = scalar(low).zip(scalar(high)).zip(scalar(value)).map(|((l, h), v)| (l, h, v)) else {
        return 0.5;
    };
    if high <= low { 0.5 } else { ((value - low) / (high - low)).clamp(0.0, 1.0) }
}

/// A number for a value: itself, or the seconds of a date or a time.
fn scalar(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    moment(text)
}

/// The seconds of a date, or of a time with its offset from UTC, since 2000.
fn moment(text: &str) -> Option<f64> {
    if text.len() < 10 || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let date = text.get(..10)?.parse::<jiff::civil::Date>().ok()?;
    let days = f64::from(date.since(jiff::civil::date(2000, 1, 1)).ok()?.get_days());
    let time = text.get(11..19).and_then(|time| time.parse::<jiff::civil::Time>().ok());
    let seconds = time.map_or(0.0, |time| {
        f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second())
    });
    Some(days * 86_400.0 + seconds - text.get(19..).map_or(0.0, offset))
}

/// The offset of a zone as the server prints it after a time, in seconds: `+02`, `-03:30`, behind a fraction.
fn offset(text: &str) -> f64 {
    let Some(at) = text.find(['+', '-']) else { return 0.0 };
    let sign = if text.get(at..=at) == Some("-") { -1.0 } else { 1.0 };
    let parts = text.get(at + 1..).unwrap_or_default().split(':').map(|part| part.parse::<f64>().unwrap_or(0.0));
    sign * parts.zip([3600.0, 60.0, 1.0]).map(|(part, unit)| part * unit).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days() -> ColumnStatistics {
        ColumnStatistics {
            n_distinct: -1.0,
            bounds: (1..=11).map(|day| format!("2025-01-{day:02} 00:00:00+00")).collect(),
            ..ColumnStatistics::default()
        }
    }

    #[test]
    fn a_date_lies_within_its_bin() {
        let share = days().below_share("2025-01-03 12:00:00+00").unwrap();
        assert!((share - 0.25).abs() < 1e-9, "{share}");
        assert_eq!(days().below_share("2024-01-01"), Some(0.0));
        assert_eq!(days().below_share("2026-01-01"), Some(1.0));
    }

    #[test]
    fn a_common_value_has_its_own_share_and_a_rare_one_the_rest() {
        let status = ColumnStatistics {
            n_distinct: 4.0,
            common: vec![("done".into(), 0.93), ("cancelled".into(), 0.05)],
            ..ColumnStatistics::default()
        };
        assert!((status.equal_share(Some("done"), 1e6) - 0.93).abs() < 1e-9);
        assert!((status.equal_share(Some("pending"), 1e6) - 0.01).abs() < 1e-9);
        assert!((status.equal_share(None, 1e6) - 0.25).abs() < 1e-9);
    }
}
