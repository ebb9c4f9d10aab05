//! Did you mean: the known word nearest to a mistyped one.

/// Returns the known word nearest to what was written, if it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        // A letter swapped with its neighbour is one slip, not two.
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
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
