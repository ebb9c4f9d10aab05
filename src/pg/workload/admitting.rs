//! Judges the statements of a batch together, and has the server parse them, so that what they read stays locked.
//!
//! The judge's questions about the catalog cost more than the plans, and statements of one application ask about the same
//! objects. So a batch is judged as one statement that writes all of their names. Where something speaks against it, it
//! is judged by halves until the statements are found that it speaks against.

use super::asking::{GUARD, NoPlan, lost, refused};
use crate::Failure;
use crate::pg::control::Mode;
use crate::pg::explain::limits::with_limits;
use crate::pg::explain::refusal::may_do_more;
use crate::pg::explain::statement::check;
use crate::pg::judge::{Judge, Level};
use crate::pg::transaction::Transaction;
use crate::pg::verify::ask::BoundStatement;
use crate::workload::{LeftOut, WorkloadStatement};

/// What came of a statement: it may be planned in this transaction, or why it is left out.
pub(super) type Admission = Result<BoundStatement, NoPlan>;

/// Judges statements in the open transaction, as in read-only mode: nobody agreed to these.
///
/// The answers are those of the first so many statements: where something speaks against what a batch has locked, it is
/// begun again with fewer statements.
pub(super) async fn admit(
    transaction: &mut Transaction,
    statements: &[&WorkloadStatement],
) -> Result<Vec<Admission>, Failure> {
    let mut admissions: Vec<Admission> = statements.iter().map(|statement| bound(statement)).collect();
    loop {
        by_names(transaction, &mut admissions).await?;
        parse(transaction, &mut admissions).await?;
        let going_on = going_on(&admissions);
        if going_on.is_empty() {
            return Ok(admissions);
        }
        let Some(why) = locked(transaction, &texts(&admissions, &going_on)).await? else { return Ok(admissions) };
        if let [only] = going_on.as_slice() {
            leave_out(&mut admissions, *only, why);
            return Ok(admissions);
        }
        // In another transaction, for what one of them has locked would be held against all.
        transaction.end().await;
        transaction.begin(GUARD).await.map_err(lost)?;
        admissions.truncate(admissions.len() / 2);
    }
}

/// Locks what statements read, and judges them with that; returns why they are left out.
async fn locked(transaction: &mut Transaction, texts: &[&str]) -> Result<Option<NoPlan>, Failure> {
    match transaction.lock_all(texts).await {
        Ok(()) => objection(transaction, texts, What::Locked).await,
        Err(trouble) => refused(trouble).map(Some),
    }
}

/// What statements are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// What they write, before the server has seen them.
    Written,
    /// That and what the transaction has locked, now that they are parsed.
    Locked,
}

fn leave_out(admissions: &mut [Admission], place: usize, why: NoPlan) {
    if let Some(admission) = admissions.get_mut(place) {
        *admission = Err(why);
    }
}

/// Reads a statement as one that can be planned without values.
fn bound(statement: &WorkloadStatement) -> Admission {
    match check(&with_limits(&statement.sql, statement.rows_per_call())) {
        Ok(checked) => Ok(BoundStatement::without_values(checked)),
        Err(_) => Err((LeftOut::NotPlanned, None)),
    }
}

/// Returns the places of those that may go on so far.
fn going_on(admissions: &[Admission]) -> Vec<usize> {
    admissions.iter().enumerate().filter(|(_, admission)| admission.is_ok()).map(|(at, _)| at).collect()
}

fn texts<'a>(admissions: &'a [Admission], places: &[usize]) -> Vec<&'a str> {
    places
        .iter()
        .filter_map(|at| admissions.get(*at))
        .filter_map(|admission| admission.as_ref().ok())
        .map(BoundStatement::sql)
        .collect()
}

/// Judges what they write, before the server has seen it: together, and by halves where something speaks against them.
async fn by_names(transaction: &mut Transaction, admissions: &mut [Admission]) -> Result<(), Failure> {
    let mut groups = vec![going_on(admissions)];
    while let Some(group) = groups.pop() {
        if group.is_empty() {
            continue;
        }
        let Some(why) = objection(transaction, &texts(admissions, &group), What::Written).await? else { continue };
        if let [only] = group.as_slice() {
            leave_out(admissions, *only, why);
            continue;
        }
        let (one, other) = group.split_at(group.len() / 2);
        groups.extend([other.to_vec(), one.to_vec()]);
    }
    Ok(())
}

/// Returns why statements are left out; `None` where nothing speaks against any of them.
async fn objection(transaction: &mut Transaction, texts: &[&str], what: What) -> Result<Option<NoPlan>, Failure> {
    let (level, mode) = (Level::Planned, Mode::ReadOnly);
    transaction.save(POINT).await.map_err(lost)?;
    let verdict = match what {
        What::Written => Judge::of_several(transaction, texts, level, mode).await,
        What::Locked => Judge::of_several_locked(transaction, texts, level, mode).await,
    };
    match verdict {
        Ok(verdict) => {
            transaction.release(POINT).await.map_err(lost)?;
            let objections = verdict.objections;
            let why = || may_do_more(&objections).because.join("; ");
            Ok((!objections.is_empty()).then(|| (LeftOut::MayDoMore, Some(why()))))
        }
        Err(trouble) => {
            let why = refused(trouble)?;
            transaction.undo(POINT).await.map_err(lost)?;
            Ok(Some(why))
        }
    }
}

/// The savepoint of a question about statements.
const POINT: &str = "pgdj_judge";

/// Has the server parse them, each by itself.
async fn parse(transaction: &mut Transaction, admissions: &mut [Admission]) -> Result<(), Failure> {
    let places = going_on(admissions);
    let parsed = transaction.parse_each(&texts(admissions, &places)).await.map_err(lost)?;
    for (place, parsed) in places.into_iter().zip(parsed) {
        if let Err(trouble) = parsed {
            leave_out(admissions, place, refused(trouble)?);
        }
    }
    Ok(())
}
