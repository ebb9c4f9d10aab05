//! The literal parts of LIKE patterns.

/// Returns the literal runs of a LIKE pattern, and whether it starts and ends with one.
pub(super) fn like_runs(pattern: &str) -> (Vec<String>, bool, bool) {
    let mut runs: Vec<String> = Vec::new();
    let mut is_open = false;
    let mut starts = false;
    let mut letters = pattern.chars().enumerate();
    while let Some((at, letter)) = letters.next() {
        let plain = match letter {
            '%' | '_' => None,
            '\\' => letters.next().map(|(_, escaped)| escaped),
            other => Some(other),
        };
        let Some(plain) = plain else {
            is_open = false;
            continue;
        };
        if !is_open {
            runs.push(String::new());
            is_open = true;
            starts |= at == 0;
        }
        if let Some(run) = runs.last_mut() {
            run.push(plain);
        }
    }
    (runs, starts, is_open)
}
