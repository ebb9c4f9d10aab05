//! Did you mean: the known word nearest to a mistyped one.

/// Returns the known word nearest to what was written, if it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Counts the letters to insert, remove, replace or swap with their neighbour (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (row, letter) in from.iter().enumerate() {
        let mut line = vec![row + 1];
        let mut left = row + 1;
        let mut last_to = None;
        for (column, other) in to.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&above, column) + usize::from(letter != other);
            let mut cost = replaced.min(at(&above, column + 1) + 1).min(left + 1);
            let is_swap = column > 0 && last == Some(other) && last_to == Some(letter);
            if is_swap {
                cost = cost.min(at(&before, column - 1) + 1);
            }
            line.push(cost);
            left = cost;
            last_to = Some(other);
        }
        before = above;
        above = line;
        last = Some(letter);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["verify-ca", "verify-full", "require", "prefer"];
        let check = |word, expected| assert_eq!(nearest(word, known), expected, "{word}");
        check("verfy-full", Some("verify-full"));
        check("requrie", Some("require"));
        check("REQUIRE", Some("require"));
        check("preffer", Some("prefer"));
        check("on", None);
        check("", None);
    }
}
