//! The first rung: `HypoPG`.
//!
//! Its indexes live in the backend's memory and outlive a rollback: each is dropped by its own number before the
//! transaction ends, whatever went wrong in between. A lost connection takes them along, for a pooler closes a backend
//! whose client went away within a transaction.

use super::ask::Statement;
use super::line::{Line, Trouble};
use super::{Rung, Verdict, Verified, Wanted, verdicts};
use crate::catalog::expr::quoted;
use crate::pg::session::{Parameter, Query};
use crate::plan::Plan;

/// A hypothetical index: its number, and its name as plans have it.
struct Hypothetical {
    number: i64,
    name: String,
}

/// Asks the planner; `None`, with a note, where `HypoPG` refuses one of the indexes.
pub(super) async fn verify(
    line: &mut Line,
    statement: &Statement,
    set: &[Wanted<'_>],
    (schema, before): (&str, &Plan),
    notes: &mut Vec<String>,
) -> Result<Option<Verified>, Trouble> {
    let mut created: Vec<Hypothetical> = Vec::new();
    let mut planned = Ok(None);
    for spec in set {
        match one(line, schema, spec).await {
            Ok(index) => created.push(index),
            Err(trouble) => {
                planned = Err(trouble);
                break;
            }
        }
    }
    if planned.is_ok() {
        planned = statement.explain(line).await.map(Some);
    }
    drop_all(line, schema, &created).await?;
    let plan = match planned {
        Ok(plan) => plan,
        Err(trouble) => {
            notes.push(format!("HypoPG cannot simulate it: {}", trouble.message()?));
            None
        }
    };
    let names: Vec<String> = created.into_iter().map(|index| index.name).collect();
    Ok(plan.map(|after| {
        let verdicts = verdicts(&after, &names);
        Verified {
            rung: Rung::Hypothetical,
            notes: doubts(set, &verdicts),
            sizes: vec![None; set.len()],
            verdicts,
            before: Some(before.clone()),
            after: Some(after),
        }
    }))
}

/// Creates one within a savepoint, so that a refusal does not end the transaction.
async fn one(line: &mut Line, schema: &str, wanted: &Wanted<'_>) -> Result<Hypothetical, Trouble> {
    line.batch("savepoint pgdj_hypothetical").await?;
    let sql = format!(
        "select h.indexrelid::pg_catalog.int8 as number, h.indexname::pg_catalog.text as name \
         from {}.hypopg_create_index($1) as h",
        quoted(schema)
    );
    let created = line.ask(Query::new(sql).with(Parameter::Text(wanted.create_for_hypopg("pgdj")))).await;
    let end = if created.is_ok() { "release savepoint" } else { "rollback to savepoint" };
    line.batch(&format!("{end} pgdj_hypothetical")).await?;
    let rows = created?.into_rows();
    let row = rows.first();
    let number = row.as_ref().and_then(|row| row.int("number"));
    let name = row.as_ref().map(|row| row.text("name").to_owned());
    match (number, name) {
        (Some(number), Some(name)) => Ok(Hypothetical { number, name }),
        _ => Err(Trouble::Server { code: None, message: "it made no index".to_owned() }),
    }
}

async fn drop_all(line: &mut Line, schema: &str, indexes: &[Hypothetical]) -> Result<(), Trouble> {
    for index in indexes {
        let sql =
            format!("select {}.hypopg_drop_index($1::pg_catalog.int8::pg_catalog.oid) as dropped", quoted(schema));
        line.ask(Query::new(sql).with(Parameter::Int(index.number))).await?;
    }
    Ok(())
}

/// What is known of the limits of the simulation. Source: 104 pairs measured with 1.3.1 on PostgreSQL 15.
fn doubts(set: &[Wanted<'_>], verdicts: &[Verdict]) -> Vec<String> {
    let is_used = verdicts.iter().all(|verdict| *verdict == Verdict::Used);
    let mut doubts = Vec::new();
    if set.iter().any(Wanted::has_expression) {
        let seen = if is_used { "its cost is too high" } else { "the real one may be used" };
        doubts.push(format!("{seen}: there are no statistics on the expression before the index is built"));
    }
    if set.iter().any(Wanted::is_partial) && !is_used {
        doubts.push(
            "a partial index that would be read alone, without the table, is not simulated: the real one may be used"
                .to_owned(),
        );
    }
    doubts
}
