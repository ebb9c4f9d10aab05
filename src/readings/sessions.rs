//! How counts of sessions are written where the state of some is hidden.
//!
//! Pure.

/// Returns a count of sessions in a state, where the state of others is not known: `3+` is at least three, `?` any number.
pub(crate) fn at_least(count: usize, unknown: usize) -> String {
    match (count, unknown) {
        (count, 0) => count.to_string(),
        (0, _) => "?".to_owned(),
        (count, _) => format!("{count}+"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_beside_unknown_ones_is_at_least_that() {
        assert_eq!([at_least(0, 0), at_least(3, 0), at_least(0, 2), at_least(3, 2)], ["0", "3", "?", "3+"]);
    }
}
