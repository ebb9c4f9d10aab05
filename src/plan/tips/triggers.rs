//! Time spent in triggers.

use super::support::{Count, Hit, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 32,
    id: "trigger-time",
    title: "time spent in triggers",
    why: "Triggers ran for each row; a foreign key's trigger searches for rows that refer to the changed one, and scans the whole table without an index.",
    wrong: "an audit trigger needs its time; then run it once for all rows (FOR EACH STATEMENT).",
    source: "pgMustard; PostgreSQL manual: Foreign Keys",
    topic: Topic::Writing,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let slow = seen.plan.triggers.iter().filter_map(|trigger| {
        let time = trigger.time?;
        if time.0 < seen.total() * 0.2 || time.0 < 0.005 {
            return None;
        }
        let what = format!("{} took {time} in {} calls", trigger.constraint.as_ref().unwrap_or(&trigger.name), Count(trigger.calls));
        let is_foreign_key = trigger.constraint.is_some() || trigger.name.starts_with("RI_ConstraintTrigger");
        let advice = if is_foreign_key {
            "index the referring column of that foreign key (in Django, remove db_index=False), or delete the referring rows first in one statement"
        } else {
            "make it FOR EACH STATEMENT with a transition table, or a WHEN condition so that it fires less"
        };
        Some(Hit::whole(what, advice, time.0))
    });
    slow.collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_foreign_key_without_an_index_is_told() {
        check(
            &TIP,
            "Delete on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..100 rows=0 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)
Trigger RI_ConstraintTrigger_a_5 for constraint item_order_fk: time=800 calls=200
Execution Time: 1000 ms",
            "item_order_fk took 800ms in 200 calls: index the referring column of that foreign key (in Django, remove db_index=False), or delete the referring rows first in one statement",
        );
    }

    #[test]
    fn a_tenth_of_the_time_is_not() {
        check(
            &TIP,
            "Delete on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..100 rows=0 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)
Trigger RI_ConstraintTrigger_a_5 for constraint item_order_fk: time=100 calls=200
Execution Time: 1000 ms",
            "",
        );
    }

    #[test]
    fn another_trigger_gets_other_advice() {
        check(
            &TIP,
            "Delete on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..100 rows=0 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)
Trigger stamp: time=800 calls=200
Execution Time: 1000 ms",
            "stamp took 800ms in 200 calls: make it FOR EACH STATEMENT with a transition table, or a WHEN condition so that it fires less",
        );
    }
}
