//! Patterns whose value pgdj made up: whether an index serves LIKE depends on the pattern, so that nothing is advised from
//! one that no application sends.
//!
//! Pure. In such a plan the pattern becomes the parameter again that it was in the statement.

use std::borrow::Cow;

use crate::plan::Plan;

/// The operators of patterns as a plan writes them, before the literal: LIKE, ILIKE and regular expressions.
const OPERATORS: &[&str] = &["~~* '", "~~ '", "~* '", "~ '"];

/// What such a pattern becomes where the parameter's number is not known.
pub(crate) const UNKNOWN: &str = "$n";

/// Returns the plan with parameters in the place of the patterns that were made up.
///
/// `number` returns the parameter that a pattern is from, as `$1`, where its value was made up; a pattern that stands in the
/// statement itself never was.
pub(crate) fn without<'p>(plan: &'p Plan, statement: &str, number: impl Fn(&str) -> Option<String>) -> Cow<'p, Plan> {
    if !statement.contains('$') {
        return Cow::Borrowed(plan);
    }
    let made_up = |pattern: &str| {
        let is_written = !pattern.is_empty() && statement.contains(pattern);
        if is_written { None } else { number(pattern) }
    };
    let change = |text: &str| masked(text, &made_up);
    let mut changed: Option<Plan> = None;
    for (at, node) in plan.nodes.iter().enumerate() {
        let texts = node.fields.iter().filter_map(|(_, field)| field.as_text());
        if texts.clone().all(|text| change(text).is_none()) {
            continue;
        }
        let changed = changed.get_or_insert_with(|| plan.clone());
        if let Some(node) = changed.nodes.get_mut(at) {
            node.fields.iter_mut().for_each(|(_, field)| field.replace_texts(&change));
        }
    }
    changed.map_or(Cow::Borrowed(plan), Cow::Owned)
}

/// Returns the parameter that a pattern holds the made-up value of; `upper()` and `'%' || $1 || '%'` leave it recognisable.
pub(crate) fn parameter(pattern: &str, made_up: &[(usize, String)]) -> Option<String> {
    let pattern = pattern.to_lowercase();
    let is_from =
        |value: &str| if value.is_empty() { pattern.is_empty() } else { pattern.contains(&value.to_lowercase()) };
    made_up.iter().find(|(_, value)| is_from(value)).map(|(number, _)| format!("${number}"))
}

/// Replaces the patterns that were made up in a condition; `None` where there is none.
fn masked(condition: &str, made_up: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut whole = String::new();
    let mut rest = condition;
    let mut is_changed = false;
    while let Some(start) = next_pattern(rest) {
        let (before, literal) = rest.split_at(start);
        let Some((pattern, end)) = quoted(literal) else { break };
        whole.push_str(before);
        let after = literal.get(end..).unwrap_or_default();
        if let Some(number) = made_up(&pattern) {
            is_changed = true;
            whole.push_str(&number);
            rest = after.strip_prefix("::text").unwrap_or(after);
        } else {
            whole.push_str(literal.get(..end).unwrap_or_default());
            rest = after;
        }
    }
    whole.push_str(rest);
    is_changed.then_some(whole)
}

/// Returns where the quote of the next pattern stands.
fn next_pattern(condition: &str) -> Option<usize> {
    OPERATORS.iter().filter_map(|operator| Some(condition.find(operator)? + operator.len() - 1)).min()
}

/// Returns what a literal holds, and where it ends; its text begins with the quote.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '\'' {
            value.push(letter);
        } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
            value.push('\'');
        } else {
            return Some((value, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisor::tests::{catalog, plan};
    use crate::advisor::{Reason, advise};

    const SQL: &str = "select count(*) from orders where upper(reference::text) like upper($1) and note like 'x%'";

    fn scan(pattern: &str) -> Plan {
        plan(&format!(
            "Seq Scan on orders  (cost=0.00..48000.00 rows=1 width=72) (actual time=0.1..900 rows=1 loops=1)
  Filter: (upper((reference)::text) ~~ '{pattern}'::text)
  Rows Removed by Filter: 1499999
Execution Time: 900 ms"
        ))
    }

    #[test]
    fn a_pattern_that_pgdj_made_up_advises_no_index() {
        let plan = scan("EMRE.10788@EXAMPLE.ORG");
        assert!(!advise(&plan, &catalog()).is_silent());
        let made_up = [(1, "emre.10788@example.org".to_owned())];
        let plan = without(&plan, SQL, |pattern| parameter(pattern, &made_up));
        let advice = advise(&plan, &catalog());
        let [refusal] = advice.refusals.as_slice() else { panic!("{advice:?}") };
        assert!(advice.is_silent() && refusal.reason == Reason::PatternNotKnown);
        assert!(refusal.reason.is_open(), "no index is worth building was said beside a tip that names one");
        assert!(refusal.why.contains("$1") && refusal.why.contains("depends on the pattern"), "{}", refusal.why);
        assert!(refusal.why.contains("a trigram index (gin_trgm_ops)"), "{}", refusal.why);
    }

    #[test]
    fn an_admin_search_with_made_up_patterns_is_left_open_in_each_arm_and_beside_other_conditions() {
        let search = "(upper((reference)::text) ~~ '%EMRE%'::text)";
        let other = "(upper((external_id)::text) ~~ '%EMRE%'::text)";
        for filter in [format!("({search} OR {other})"), format!("(is_paid AND {search})")] {
            for kept in [1.0, 600_000.0] {
                let plan = plan(&format!(
                    "Seq Scan on orders  (cost=0.00..48000.00 rows=1 width=72) (actual time=0.1..900 rows={kept} loops=1)
  Filter: {filter}
  Rows Removed by Filter: {}
Execution Time: 900 ms",
                    1_500_000.0 - kept
                ));
                let plan = without(&plan, SQL, |_| Some("$1".to_owned()));
                let refusals = advise(&plan, &catalog()).refusals;
                let [refusal] = refusals.as_slice() else { panic!("{refusals:?}") };
                assert_eq!(refusal.reason, Reason::PatternNotKnown, "{filter}: {}", refusal.why);
            }
        }
    }

    #[test]
    fn a_pattern_that_is_known_stays() {
        let unknown = |_: &str| Some(UNKNOWN.to_owned());
        let plan = scan("EMRE%");
        let made_up = [(1, "ada%".to_owned()), (2, String::new())];
        assert!(matches!(without(&plan, SQL, |pattern| parameter(pattern, &made_up)), Cow::Borrowed(_)));
        assert!(matches!(without(&scan("x%"), SQL, unknown), Cow::Borrowed(_)));
        assert!(matches!(without(&plan, "select 1", unknown), Cow::Borrowed(_)));
    }

    #[test]
    fn a_pattern_is_found_wherever_it_stands() {
        let all = |pattern: &str| (!pattern.contains("kept")).then(|| "$1".to_owned());
        for (condition, expected) in [
            ("((a)::text ~~* '%it''s%'::text)", Some("((a)::text ~~* $1)")),
            ("((a ~~ 'kept%'::text) AND (b !~~ 'x'::text))", Some("((a ~~ 'kept%'::text) AND (b !~~ $1))")),
            ("(a ~ '^x'::text)", Some("(a ~ $1)")),
            ("(a = 'x'::text)", None),
            ("(a ~~ 'open", None),
        ] {
            assert_eq!(masked(condition, &all).as_deref(), expected);
        }
    }
}
