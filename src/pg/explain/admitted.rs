//! The judgement that stands before a statement is planned: in read-only mode it refuses, else it warns.

use super::planned::Stumble;
use super::statement::CheckedStatement;
use super::{Agreed, refusal};
use crate::pg::control::Mode;
use crate::pg::judge::{Judge, Level, Objection, ObjectionKind, StatementVerdict};
use crate::pg::transaction::{Transaction, prepare_prefix};

/// Under which terms a statement is let through.
#[derive(Debug, Clone)]
pub(in crate::pg) struct Terms {
    /// What is going to happen to it.
    pub(in crate::pg) level: Level,
    /// Whether an objection is the end of it.
    pub(in crate::pg) mode: Mode,
    /// What a person has agreed to.
    pub(in crate::pg) agreed: Agreed,
}

/// A statement that may go on.
#[derive(Debug)]
pub(in crate::pg) struct Admitted {
    /// What speaks against it; something only where it may go on all the same.
    objections: Vec<Objection>,
    judge: Option<Judge>,
    terms: Terms,
}

/// Judges a statement by what it writes, lets the server parse it, and judges it again with what that has locked.
///
/// `warn` hears of all objections so far before anything goes on in spite of one: parsing runs code too.
pub(in crate::pg) async fn admit(
    transaction: &mut Transaction,
    statement: &CheckedStatement,
    terms: Terms,
    warn: &impl Fn(Vec<String>),
) -> Result<Admitted, Stumble> {
    let verdict = Judge::of(transaction, &statement.text, terms.level, terms.mode).await;
    let StatementVerdict { judge, objections } = verdict.map_err(|trouble| Stumble::server(trouble, ""))?;
    let admitted = Admitted { objections: Vec::new(), judge, terms }.with(objections, warn)?;
    if admitted.judge.is_none() {
        return Ok(admitted);
    }
    let prepared = transaction.prepare(&statement.text).await;
    prepared.map_err(|trouble| Stumble::server(trouble, &prepare_prefix()))?;
    admitted.again(transaction, warn).await
}

impl Admitted {
    /// Judges everything again, with what the transaction has locked since: by planning, children and partitions are.
    pub(in crate::pg) async fn again(
        mut self,
        transaction: &mut Transaction,
        warn: &impl Fn(Vec<String>),
    ) -> Result<Self, Stumble> {
        let Some(judge) = self.judge.take() else { return Ok(self) };
        let verdict = judge.locked(transaction).await.map_err(|trouble| Stumble::server(trouble, ""))?;
        self.judge = verdict.judge;
        self.with(verdict.objections, warn)
    }

    /// Takes what was found; in read-only mode, and where somebody has to agree first, that is the end of it.
    fn with(mut self, mut objections: Vec<Objection>, warn: &impl Fn(Vec<String>)) -> Result<Self, Stumble> {
        if self.terms.mode == Mode::ReadOnly && !objections.is_empty() {
            return Err(Stumble::Told(refusal::may_do_more(&objections)));
        }
        // Whom a warning is enough for does not hear that it could be otherwise the next moment.
        objections.retain(|objection| objection.concern == ObjectionKind::Acts);
        if let Agreed::To(agreed) = &self.terms.agreed
            && objections.iter().any(|objection| !agreed.contains(&objection.words()))
        {
            return Err(Stumble::Told(refusal::not_agreed(&objections, self.terms.level)));
        }
        let is_news = objections.iter().any(|objection| !self.objections.contains(objection));
        self.objections = objections;
        if is_news {
            warn(self.warnings());
        }
        Ok(self)
    }

    /// Returns what a person has to know before it runs, one sentence each.
    pub(in crate::pg) fn warnings(&self) -> Vec<String> {
        let words = self.objections.iter().take(MOST_WARNINGS).map(Objection::words);
        let more = self.objections.len().checked_sub(MOST_WARNINGS).filter(|more| *more > 0);
        words
            .chain(more.map(|more| format!("and {more} more")))
            .map(|it| format!("the statement may do more than read: {it}"))
            .collect()
    }
}

/// Warnings that are shown; the rest is counted.
const MOST_WARNINGS: usize = 20;
