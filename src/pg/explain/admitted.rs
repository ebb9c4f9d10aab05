//! The judgement that stands before a statement is planned: in read-only mode it refuses, else it warns.

use super::planned::Stumble;
use super::refusal;
use super::statement::Statement;
use crate::pg::control::Mode;
use crate::pg::judge::{Concern, Judge, Level, Objection, Verdict};
use crate::pg::transaction::{Transaction, prepare_prefix};

/// A statement that may go on.
#[derive(Debug)]
pub(in crate::pg) struct Admitted {
    /// What speaks against it; something only where it may go on all the same.
    pub(in crate::pg) objections: Vec<Objection>,
    judge: Option<Judge>,
    mode: Mode,
}

/// Judges a statement by what it writes, lets the server parse it, and judges it again with what that has locked.
pub(in crate::pg) async fn admit(
    transaction: &mut Transaction,
    statement: &Statement,
    (level, mode): (Level, Mode),
) -> Result<Admitted, Stumble> {
    let verdict = Judge::of(transaction, &statement.text, level).await;
    let Verdict { judge, objections } = verdict.map_err(|trouble| Stumble::server(trouble, ""))?;
    let admitted = Admitted { objections: Vec::new(), judge, mode }.with(objections)?;
    if admitted.judge.is_none() {
        return Ok(admitted);
    }
    let prepared = transaction.prepare(&statement.text).await;
    prepared.map_err(|trouble| Stumble::server(trouble, &prepare_prefix()))?;
    admitted.again(transaction).await
}

impl Admitted {
    /// Judges everything again, with what the transaction has locked since: by planning, children and partitions are.
    pub(in crate::pg) async fn again(mut self, transaction: &mut Transaction) -> Result<Self, Stumble> {
        let Some(judge) = self.judge.take() else { return Ok(self) };
        let verdict = judge.locked(transaction).await.map_err(|trouble| Stumble::server(trouble, ""))?;
        self.judge = verdict.judge;
        self.with(verdict.objections)
    }

    /// Takes what was found; in read-only mode that is the end of it.
    fn with(mut self, mut objections: Vec<Objection>) -> Result<Self, Stumble> {
        if self.mode == Mode::ReadOnly && !objections.is_empty() {
            return Err(Stumble::Told(refusal::may_do_more(&objections)));
        }
        // Whom a warning is enough for does not hear that it could be otherwise the next moment.
        objections.retain(|objection| objection.concern == Concern::Acts);
        self.objections = objections;
        Ok(self)
    }

    /// Returns what a person has to know before it runs, one sentence each.
    pub(in crate::pg) fn warnings(&self) -> Vec<String> {
        let words = self.objections.iter().take(refusal::MOST_OBJECTIONS).map(Objection::words);
        words.map(|words| format!("it may do more than read: {words}")).collect()
    }
}
