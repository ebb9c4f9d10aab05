//! The options of EXPLAIN, those that the server has.

use super::Options;

/// An option: its name, the release it came with, what it needs, whether it is asked for.
struct ExplainOption {
    name: &'static str,
    since: i64,
    with: With,
    is_chosen: bool,
}

/// What an option goes with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    /// ANALYZE or not.
    Any,
    /// ANALYZE only.
    Analyze,
}

/// Returns the list for `EXPLAIN (…)`, and the names of those that were asked for and that this release has not.
///
/// `version` is `server_version_num`. Source: each was tried on each release from 12 to 18.
pub fn list(options: &Options, version: i64) -> (String, Vec<&'static str>) {
    let known = |name, since, with, is_chosen| ExplainOption { name, since, with, is_chosen };
    let all = [
        known("BUFFERS", if options.analyze { 0 } else { 130_000 }, With::Any, options.buffers),
        known("SETTINGS", 120_000, With::Any, options.settings),
        known("WAL", 130_000, With::Analyze, options.wal),
        known("SERIALIZE", 170_000, With::Analyze, options.serialize),
        known("MEMORY", 170_000, With::Any, options.memory),
        known("VERBOSE", 0, With::Any, options.verbose),
        known("GENERIC_PLAN", 160_000, With::Any, options.generic_plan && !options.analyze),
    ];
    let mut list = vec!["FORMAT JSON", "SUMMARY"];
    if options.analyze {
        list.push("ANALYZE");
        list.push(if options.timing { "TIMING" } else { "TIMING OFF" });
        if !options.buffers {
            // On by itself since 18.
            list.push("BUFFERS OFF");
        }
    }
    let mut missing = Vec::new();
    let chosen = all.iter().filter(|option| option.is_chosen && (options.analyze || option.with == With::Any));
    for option in chosen {
        if version >= option.since {
            list.push(option.name);
        } else {
            missing.push(option.name);
        }
    }
    (list.join(", "), missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(analyze: bool, version: i64, expected: &str, left_out: &[&str]) {
        let options = Options { analyze, serialize: true, memory: true, ..Options::default() };
        let (text, missing) = list(&options, version);
        assert_eq!((text.as_str(), missing.as_slice()), (expected, left_out), "{version}");
    }

    #[test]
    fn a_server_is_asked_for_what_it_has() {
        check(
            true,
            120_022,
            "FORMAT JSON, SUMMARY, ANALYZE, TIMING, BUFFERS, SETTINGS, VERBOSE",
            &["WAL", "SERIALIZE", "MEMORY"],
        );
        check(
            true,
            150_018,
            "FORMAT JSON, SUMMARY, ANALYZE, TIMING, BUFFERS, SETTINGS, WAL, VERBOSE",
            &["SERIALIZE", "MEMORY"],
        );
        check(
            true,
            180_004,
            "FORMAT JSON, SUMMARY, ANALYZE, TIMING, BUFFERS, SETTINGS, WAL, SERIALIZE, MEMORY, VERBOSE",
            &[],
        );
        check(false, 120_022, "FORMAT JSON, SUMMARY, SETTINGS, VERBOSE", &["BUFFERS", "MEMORY"]);
        check(false, 180_004, "FORMAT JSON, SUMMARY, BUFFERS, SETTINGS, MEMORY, VERBOSE", &[]);
    }

    #[test]
    fn a_generic_plan_is_not_run() {
        let generic = |analyze| Options { analyze, generic_plan: true, ..Options::default() };
        assert!(list(&generic(false), 160_000).0.contains("GENERIC_PLAN"));
        assert!(!list(&generic(true), 160_000).0.contains("GENERIC_PLAN"));
        assert_eq!(list(&generic(false), 150_000).1, ["GENERIC_PLAN"]);
    }
}
