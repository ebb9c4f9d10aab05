//! NOT IN with a subquery.

use super::support::{Hit, Relationship, Tip, TipInput, Topic, name, own, without_texts};

pub(super) static TIP: Tip = Tip {
    number: 46,
    id: "not-in",
    title: "NOT IN with a subquery",
    why: "The planner cannot use an anti join for NOT IN, because one NULL in the list makes every answer unknown.",
    wrong: "the list is short and fits in memory: then the hashed form is quick.",
    source: "PostgreSQL wiki, Don't Do This: NOT IN",
    topic: Topic::Subplan,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.all()
        .filter_map(|(id, node)| {
            let plain = without_texts(node.filter().or(node.join_filter())?);
            let start = plain.find("NOT (")?;
            let is_subquery = plain.get(start..).is_some_and(|rest| rest.contains("SubPlan ") && !rest.contains("EXISTS"));
            let is_slow = !seen.plan.is_analyzed() || own(node) >= seen.total() * 0.2;
            if !is_subquery || !is_slow {
                return None;
            }
            let what = format!("{} checks each row against NOT IN (subquery)", name(node));
            let (subplan, _) = seen.plan.child(id, Relationship::SubPlan)?;
            let advice = "use NOT EXISTS: in Django, ~Exists(queryset.filter(field=OuterRef('pk'))) instead of .exclude(field__in=queryset)";
            Some(Hit::at(id, what, advice, own(node) * 0.9).because_of(subplan))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn not_in_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (NOT (hashed SubPlan 1))
  SubPlan 1
    ->  Seq Scan on c  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=5000 loops=1)",
            "Seq Scan on o checks each row against NOT IN (subquery): use NOT EXISTS: in Django, ~Exists(queryset.filter(field=OuterRef('pk'))) instead of .exclude(field__in=queryset)",
        );
    }

    #[test]
    fn in_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (hashed SubPlan 1)
  SubPlan 1
    ->  Seq Scan on c  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=5000 loops=1)",
            "",
        );
    }

    #[test]
    fn not_of_a_column_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: ((NOT active) AND (hashed SubPlan 1))
  SubPlan 1
    ->  Seq Scan on c  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=5000 loops=1)",
            "",
        );
    }
}
