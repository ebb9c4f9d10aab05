//! Statements that are parsed once in a transaction, which keeps what they read locked, and then planned: many in one
//! round trip.
//!
//! What is sent together is sent whatever becomes of it, so nothing may depend on an answer: each statement stands between a
//! savepoint and its rollback, and a statement that is refused leaves one line in the server's log, not one for each behind
//! it.

use futures_util::future::{FutureExt as _, join3};
use tokio_postgres::Error;

use super::{
    DEALLOCATE, POINT, PREPARE, QueryTrouble, RELEASE, ROLLBACK_TO, SAVEPOINT, STATEMENT, Theirs, Transaction,
    TransactionState,
};
use crate::pg::connection::{Connection, End, together};
use crate::pg::own::{Hole, Own, Placeholder, Sql};
use crate::pg::path::{self, Until};
use crate::pg::session::{Answer, Query};

/// Statements that are sent together: what waits on either side stays small.
const TOGETHER: usize = 25;

/// The savepoint of a statement that is parsed.
const PARSE_POINT: &str = "pgdj_judge";

/// Which of several prepared statements.
const NUMBER: Hole = Hole { name: "number", doc: "which of a batch of statements", form: Placeholder::Number };

pub(in crate::pg) static PREPARE_SEVERAL: Own = Own {
    name: "prepare several",
    reads: "Nothing. The server parses a statement of pg_stat_statements and says what it locks; it plans and runs nothing of it.",
    when: "twice for each statement that is planned for advice for the whole workload: alone, to see whether it can be parsed, then \
        together, so that its tables stay locked until all are planned",
    holes: &[NUMBER, STATEMENT],
    sql: "prepare pgdj_explained_{number} as {statement}",
};

pub(in crate::pg) static DEALLOCATE_SEVERAL: Own = Own {
    name: "guard: deallocate several",
    reads: "Nothing. Forgets the prepared statement.",
    when: "after the statements of a batch are parsed",
    holes: &[NUMBER],
    sql: "deallocate pgdj_explained_{number}",
};

/// How a statement that was parsed is explained.
pub(in crate::pg) enum ExplainParsed {
    /// As it is, by the simple protocol.
    AsItIs(Sql),
    /// It is prepared with these settings, and executed.
    Prepared {
        /// What is set before.
        settings: Sql,
        /// The statement.
        statement: String,
        /// What explains its execution.
        execute: Sql,
    },
}

impl Transaction {
    /// Has the server parse what somebody wrote; each by itself, and nothing of it stays: no lock, no prepared statement.
    ///
    /// It proves that each is one statement. See [`Self::prepare`] for what parsing can run.
    pub(in crate::pg) async fn parse_each(
        &mut self,
        statements: &[&str],
    ) -> Result<Vec<Result<(), QueryTrouble>>, QueryTrouble> {
        let mut parsed = Vec::with_capacity(statements.len());
        for group in statements.chunks(TOGETHER) {
            self.forget().await?;
            let answers = self.theirs().ask_each(PARSE_POINT, &prepares(group)).await?;
            self.prepared_several = places_of(&answers);
            self.forget().await?;
            parsed.extend(answers.into_iter().map(|answer| answer.map(drop)));
        }
        Ok(parsed)
    }

    /// Has the server parse statements again, so that the transaction locks what they read until it ends; nothing stays
    /// prepared. Only for those that [`Self::parse_each`] found to be right: where one is refused now, the transaction is
    /// aborted.
    pub(in crate::pg) async fn lock_all(&mut self, statements: &[&str]) -> Result<(), QueryTrouble> {
        for group in statements.chunks(TOGETHER) {
            self.control(&[self.greeting.path.restore()]).await?;
            let (answers, end) = self.send_all(&prepares(group)).await;
            // What was prepared before one was refused outlives the rollback.
            self.prepared_several = places_of(&answers);
            self.judge(first_refused(answers), end)?;
            self.forget().await?;
        }
        Ok(())
    }

    /// Explains statements that were parsed in this transaction, each in a savepoint that is undone; returns the first
    /// value of each. Only after [`Self::parse_each`]: by the simple protocol, what is several would run as several.
    pub(in crate::pg) async fn explain_each(
        &mut self,
        savepoint: &str,
        explained: &[ExplainParsed],
    ) -> Result<Vec<Result<Option<String>, QueryTrouble>>, QueryTrouble> {
        let mut values = Vec::with_capacity(explained.len());
        for group in explained.chunks(TOGETHER) {
            self.forget().await?;
            let enter = self.enter_within(savepoint)?;
            let steps: Vec<(Sql, &Sql, Sql)> = group.iter().map(|one| one.steps(&enter, undo(savepoint))).collect();
            let connection = &self.connection;
            let sent = steps.iter().map(|(before, explain, after)| {
                between(connection, before, connection.first_value(explain), after).boxed()
            });
            let (answers, end) = connection.drive(together(sent.collect())).await;
            values.extend(self.judge_each(answers, end)?);
        }
        Ok(values)
    }

    /// Asks several questions of ours together, whose answers do not matter: the path is pinned.
    pub(in crate::pg) async fn ask_all(&mut self, queries: &[Query]) -> Result<(), QueryTrouble> {
        for group in queries.chunks(TOGETHER) {
            self.run(&path::pin(Until::TransactionEnds)).await?;
            let (answers, end) = self.send_all(group).await;
            self.judge(first_refused(answers), end)?;
        }
        Ok(())
    }

    /// Sends questions together, with nothing between them.
    async fn send_all(&self, queries: &[Query]) -> (Vec<Result<Answer, Error>>, Option<End>) {
        let steps = queries.iter().map(|query| self.connection.ask(query).boxed()).collect();
        self.connection.drive(together(steps)).await
    }

    /// Returns each answer, or why there is none; a connection that ended ends all.
    fn judge_each<T>(
        &mut self,
        answers: Vec<Result<T, Error>>,
        end: Option<End>,
    ) -> Result<Vec<Result<T, QueryTrouble>>, QueryTrouble> {
        if end.is_some() {
            let refused = answers.into_iter().find_map(Result::err);
            self.judge(refused.map_or(Ok(()), Err), end)?;
            return Err(self.not_open());
        }
        Ok(answers.into_iter().map(|answer| self.judge(answer, None)).collect())
    }

    /// Returns what sets a savepoint and then the role's own path; afterwards the path counts as unknown.
    fn enter_within(&mut self, savepoint: &str) -> Result<Sql, QueryTrouble> {
        let TransactionState::Open(_) = self.state else { return Err(self.not_open()) };
        self.state = TransactionState::Open(None);
        Ok(Sql::batch(&[SAVEPOINT.fill(&[(POINT.name, savepoint)]), self.greeting.path.restore()]))
    }
}

impl Theirs<'_> {
    /// Asks several things by the extended protocol, each in a savepoint that is undone, all in one round trip for a group
    /// of them; only for what leaves nothing in the transaction that is wanted.
    pub(in crate::pg) async fn ask_each(
        self,
        savepoint: &str,
        queries: &[Query],
    ) -> Result<Vec<Result<Answer, QueryTrouble>>, QueryTrouble> {
        let Theirs(transaction) = self;
        let after = Sql::batch(&undo(savepoint));
        let mut all = Vec::with_capacity(queries.len());
        for group in queries.chunks(TOGETHER) {
            let before = transaction.enter_within(savepoint)?;
            let connection = &transaction.connection;
            let sent = group.iter().map(|query| between(connection, &before, connection.ask(query), &after).boxed());
            let (answers, end) = connection.drive(together(sent.collect())).await;
            all.extend(transaction.judge_each(answers, end)?);
        }
        Ok(all)
    }
}

impl ExplainParsed {
    /// Returns what is sent before the explanation, the explanation, and what is sent after it.
    fn steps(&self, enter: &Sql, undo: [Sql; 2]) -> (Sql, &Sql, Sql) {
        match self {
            Self::AsItIs(explain) => (enter.clone(), explain, Sql::batch(&undo)),
            Self::Prepared { settings, statement, execute } => {
                // It was parsed in this transaction, and what it reads is locked, so it can be prepared.
                let prepare = PREPARE.fill(&[(STATEMENT.name, statement)]);
                let before = Sql::batch(&[enter.clone(), settings.clone(), prepare]);
                let [back, release] = undo;
                (before, execute, Sql::batch(&[back, release, DEALLOCATE.sql()]))
            }
        }
    }
}

/// Sends a statement between two messages of ours, all at once. What undoes it is a message of its own, so that a comment
/// at the end of the statement does not hide it.
async fn between<T>(
    connection: &Connection,
    before: &Sql,
    statement: impl Future<Output = Result<T, Error>>,
    after: &Sql,
) -> Result<T, Error> {
    let (begun, done, undone) = join3(connection.batch(before), statement, connection.batch(after)).await;
    begun?;
    let value = done?;
    undone.map(|()| value)
}

/// Returns what goes back to a savepoint and forgets it.
fn undo(savepoint: &str) -> [Sql; 2] {
    let name = [(POINT.name, savepoint)];
    [ROLLBACK_TO.fill(&name), RELEASE.fill(&name)]
}

/// Returns what prepares statements, each under its number.
fn prepares(statements: &[&str]) -> Vec<Query> {
    let prepare = |(at, sql): (usize, &&str)| {
        Query::new(PREPARE_SEVERAL.fill(&[(NUMBER.name, &at.to_string()), (STATEMENT.name, sql)]))
    };
    statements.iter().enumerate().map(prepare).collect()
}

/// Returns what forgets the statement of a number.
pub(super) fn deallocate(at: usize) -> Sql {
    DEALLOCATE_SEVERAL.fill(&[(NUMBER.name, &at.to_string())])
}

/// Returns the numbers of the statements that were prepared.
fn places_of<T, E>(answers: &[Result<T, E>]) -> Vec<usize> {
    answers.iter().enumerate().filter(|(_, answer)| answer.is_ok()).map(|(at, _)| at).collect()
}

/// Returns the first refusal; without one the first answer is as good as any.
fn first_refused(answers: Vec<Result<Answer, Error>>) -> Result<Answer, Error> {
    answers.into_iter().find(Result::is_err).unwrap_or_else(|| Ok(Answer::default()))
}
