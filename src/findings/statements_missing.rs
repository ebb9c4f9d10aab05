//! `pg_stat_statements` is not there.

use super::{Concern, Finding, Fix, Jump, Rule, RuleInput, RuleResult, Severity, shows};
use crate::sample::{Missing, Section};

/// The rule.
pub static RULE: Rule =
    Rule { id: "statements_missing", watches: "pg_stat_statements", concern: Concern::Settings, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    match view.newer.section("statements") {
        Section::Missing(Missing::NotInstalled { extension, what, fix }) => Ok(vec![Finding {
            id: RULE.id,
            severity: Severity::Notice,
            title: format!("{extension} is not installed: no statistics of statements"),
            evidence: vec![shows(extension, what)],
            why: "It counts time, calls and blocks of every statement: without it no one knows which statement costs \
                most.",
            fix: Fix::sql(
                "It costs one or two percent. Loading the library needs a restart, creating the extension does not.",
                fix.clone(),
            ),
            jump: Some(Jump::to("queries")),
            source: "PostgreSQL manual: pg_stat_statements",
        }]),
        Section::Missing(why) => Err(why.clone()),
        Section::Ready(_) | Section::Stale { .. } => Ok(vec![]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_only_where_it_is_not_installed() {
        let lacking = Missing::NotInstalled {
            extension: "pg_stat_statements".into(),
            what: "this database does not have it".into(),
            fix: "CREATE EXTENSION pg_stat_statements;".into(),
        };
        let seen = snapshot().without("statements", lacking);
        assert_eq!(check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap().len(), 1);
        let there = snapshot().with("statements", vec![]);
        assert_eq!(check(&RuleInput::new(&Readings::of(there.clone()), None)), Ok(vec![]));
        let lost = snapshot().without("statements", Missing::TimedOut { after: crate::sample::Seconds(1.0) });
        assert!(check(&RuleInput::new(&Readings::of(lost.clone()), None)).is_err());
    }
}
