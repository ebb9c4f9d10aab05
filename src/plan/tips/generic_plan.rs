//! A plan that depends on the values.

use super::support::{Count, Hit, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 54,
    id: "generic-plan",
    title: "a plan that depends on the values",
    why: "Without values the planner makes one plan for all of them, and it differs much from the plan for these values.",
    wrong: "most values behave alike: then the generic plan saves planning time.",
    source: "PostgreSQL manual: PREPARE, plan_cache_mode",
    topic: Topic::Estimates,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let costs = seen.context.generic.as_ref().and_then(|generic| generic.total_cost()).zip(seen.plan.total_cost());
    let Some((generic, custom)) = costs.filter(|(generic, custom)| *generic > 0.0 && *custom > 0.0) else {
        return Vec::new();
    };
    let factor = (generic / custom).max(custom / generic);
    if factor < 10.0 {
        return Vec::new();
    }
    let what = format!("cost {} with these values, {} without", Count(custom), Count(generic));
    let advice = "set plan_cache_mode = force_custom_plan for this role, or bind on the client (Django with psycopg 3 does, unless server_side_binding is set)";
    vec![Hit::whole(what, advice, seen.total() * (1.0 - 1.0 / factor))]
}

#[cfg(test)]
mod tests {
    use super::super::TipContext;
    use super::super::support::test::{check, check_with};
    use super::*;

    #[test]
    fn a_far_generic_plan_is_told() {
        let context = TipContext {
            generic: Some(Box::new(super::super::support::test::plan_of(
                "Seq Scan on o  (cost=0.00..5000.00 rows=1 width=8)",
            ))),
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Index Scan using o_pkey on o  (cost=0.00..10.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)",
            &context,
            "cost 10 with these values, 5.0k without: set plan_cache_mode = force_custom_plan for this role, or bind on the client (Django with psycopg 3 does, unless server_side_binding is set)",
        );
    }

    #[test]
    fn a_near_one_is_not() {
        let context = TipContext {
            generic: Some(Box::new(super::super::support::test::plan_of(
                "Seq Scan on o  (cost=0.00..90.00 rows=1 width=8)",
            ))),
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Index Scan using o_pkey on o  (cost=0.00..10.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)",
            &context,
            "",
        );
    }

    #[test]
    fn without_one_nothing_is_told() {
        check(
            &TIP,
            "Index Scan using o_pkey on o  (cost=0.00..10.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)",
            "",
        );
    }
}
