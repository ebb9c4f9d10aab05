//! Statements that are parsed once in a transaction, which keeps what they read locked, and then planned: many in one
//! round trip.
//!
//! What is sent together is sent whatever becomes of it, so nothing may depend on an answer: each statement stands between a
//! savepoint and its rollback, and a statement that is refused leaves one line in the server's log, not one for each behind
//! it.

use futures_util::future::{BoxFuture, FutureExt as _, join3};
use tokio_postgres::Error;

use super::{
    DEALLOCATE, POINT, PREPARE, QueryTrouble, RELEASE, ROLLBACK_TO, SAVEPOINT, STATEMENT, Theirs, Transaction,
    TransactionState,
};
use crate::pg::connection::{Connection, together};
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
            let begin = self.enter_within(PARSE_POINT)?;
            let prepare = |at: usize, sql: &str| Query::new(prepare_as(at, sql));
            let steps: Vec<Undone> =
                group.iter().enumerate().map(|(at, sql)| Undone::ask(PARSE_POINT, &begin, prepare(at, sql))).collect();
            let answers = self.undo_each(steps).await?;
            let done = answers.iter().enumerate().filter(|(_, answer)| answer.is_ok());
            let forget: Vec<Sql> = done.map(|(at, _)| deallocate(at)).collect();
            if !forget.is_empty() {
                self.control(&forget).await?;
            }
            parsed.extend(answers.into_iter().map(|answer| answer.map(drop)));
        }
        Ok(parsed)
    }

    /// Has the server parse statements again, so that the transaction locks what they read until it ends; nothing stays
    /// prepared. Only for those that [`Self::parse_each`] found to be right: where one is refused now, the transaction is
    /// aborted.
    pub(in crate::pg) async fn lock_all(&mut self, statements: &[&str]) -> Result<(), QueryTrouble> {
        for group in statements.chunks(TOGETHER) {
            let TransactionState::Open(_) = self.state else { return Err(self.not_open()) };
            let path = self.greeting.path.restore();
            self.control(&[path]).await?;
            let queries: Vec<Query> =
                group.iter().enumerate().map(|(at, sql)| Query::new(prepare_as(at, sql))).collect();
            let steps: Vec<BoxFuture<'_, Result<Answer, Error>>> =
                queries.iter().map(|query| self.connection.ask(query).boxed()).collect();
            let (answers, end) = self.connection.drive(together(steps)).await;
            let first_refused = answers.into_iter().find(Result::is_err);
            self.judge(first_refused.unwrap_or(Ok(Answer::default())), end)?;
            self.control(&(0..group.len()).map(deallocate).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Explains statements that were parsed in this transaction, each in a savepoint that is undone; returns the first
    /// value of each. Only after [`Self::parse_each`]: by the simple protocol, what is several would run as several.
    pub(in crate::pg) async fn explain_each(
        &mut self,
        savepoint: &str,
        explained: Vec<ExplainParsed>,
    ) -> Result<Vec<Result<Option<String>, QueryTrouble>>, QueryTrouble> {
        let mut values = Vec::with_capacity(explained.len());
        let mut waiting = explained.into_iter();
        loop {
            let group: Vec<ExplainParsed> = waiting.by_ref().take(TOGETHER).collect();
            if group.is_empty() {
                return Ok(values);
            }
            self.forget().await?;
            let begin = self.enter_within(savepoint)?;
            let steps = group.into_iter().map(|explained| Undone::explain(savepoint, &begin, explained)).collect();
            let answers = self.undo_each(steps).await?;
            values.extend(answers.into_iter().map(|answer| answer.map(Option::unwrap_or_default)));
        }
    }

    /// Asks several questions of ours together, whose answers do not matter: the path is pinned.
    pub(in crate::pg) async fn ask_all(&mut self, queries: Vec<Query>) -> Result<(), QueryTrouble> {
        for group in queries.chunks(TOGETHER) {
            self.run(&path::pin(Until::TransactionEnds)).await?;
            let steps: Vec<BoxFuture<'_, Result<Answer, Error>>> =
                group.iter().map(|query| self.connection.ask(query).boxed()).collect();
            let (answers, end) = self.connection.drive(together(steps)).await;
            let first_refused = answers.into_iter().find(Result::is_err);
            self.judge(first_refused.unwrap_or(Ok(Answer::default())), end)?;
        }
        Ok(())
    }

    /// Sends savepoints, statements and their undoing together.
    async fn undo_each(&mut self, steps: Vec<Undone>) -> Result<Vec<Result<FirstValue, QueryTrouble>>, QueryTrouble> {
        let running: Vec<BoxFuture<'_, Result<FirstValue, Error>>> =
            steps.iter().map(|step| step.send(&self.connection).boxed()).collect();
        let (answers, end) = self.connection.drive(together(running)).await;
        drop(steps);
        if end.is_some() {
            let first_refused = answers.into_iter().find(Result::is_err).unwrap_or(Ok(None));
            self.judge(first_refused, end)?;
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

/// The first value of an answer, where one was asked for.
type FirstValue = Option<Option<String>>;

fn prepare_as(at: usize, sql: &str) -> Sql {
    PREPARE_SEVERAL.fill(&[(NUMBER.name, &at.to_string()), (STATEMENT.name, sql)])
}

fn deallocate(at: usize) -> Sql {
    DEALLOCATE_SEVERAL.fill(&[(NUMBER.name, &at.to_string())])
}

/// A statement between a savepoint and its rollback.
struct Undone {
    before: Sql,
    statement: UndoneStatement,
    /// A message of its own, so that a comment at the end of the statement does not hide it.
    undo: Sql,
}

enum UndoneStatement {
    /// By the extended protocol: the server refuses a second statement.
    Ask(Query),
    /// By the simple protocol; its first value is wanted.
    FirstValue(Sql),
}

impl Undone {
    fn ask(savepoint: &str, begin: &Sql, query: Query) -> Self {
        Self { before: begin.clone(), statement: UndoneStatement::Ask(query), undo: Sql::batch(&undoing(savepoint)) }
    }

    fn explain(savepoint: &str, begin: &Sql, explained: ExplainParsed) -> Self {
        let undo = undoing(savepoint);
        match explained {
            ExplainParsed::AsItIs(sql) => {
                let statement = UndoneStatement::FirstValue(sql);
                Self { before: begin.clone(), statement, undo: Sql::batch(&undo) }
            }
            ExplainParsed::Prepared { settings, statement, execute } => {
                // It was parsed in this transaction, and what it reads is locked, so it can be prepared.
                let prepare = PREPARE.fill(&[(STATEMENT.name, &statement)]);
                Self {
                    before: Sql::batch(&[begin.clone(), settings, prepare]),
                    statement: UndoneStatement::FirstValue(execute),
                    undo: Sql::batch(&[undo.as_slice(), &[DEALLOCATE.sql()]].concat()),
                }
            }
        }
    }

    async fn send(&self, connection: &Connection) -> Result<FirstValue, Error> {
        let statement = async {
            match &self.statement {
                UndoneStatement::Ask(query) => connection.ask(query).await.map(|_| None),
                UndoneStatement::FirstValue(sql) => connection.first_value(sql).await.map(Some),
            }
        };
        let (begun, done, undone) =
            join3(connection.batch(&self.before), statement, connection.batch(&self.undo)).await;
        begun?;
        let value = done?;
        undone.map(|()| value)
    }
}

fn undoing(savepoint: &str) -> [Sql; 2] {
    let name = [(POINT.name, savepoint)];
    [ROLLBACK_TO.fill(&name), RELEASE.fill(&name)]
}

impl Theirs<'_> {
    /// Asks several things by the extended protocol, each in a savepoint that is undone, all in one round trip for a group
    /// of them; only for what leaves nothing in the transaction that is wanted.
    pub(in crate::pg) async fn ask_each(
        self,
        savepoint: &str,
        queries: Vec<Query>,
    ) -> Result<Vec<Result<Answer, QueryTrouble>>, QueryTrouble> {
        let Theirs(transaction) = self;
        let mut all = Vec::with_capacity(queries.len());
        for group in queries.chunks(TOGETHER) {
            let before = transaction.enter_within(savepoint)?;
            let undo = Sql::batch(&undoing(savepoint));
            let connection = &transaction.connection;
            let send = |query| {
                let (before, undo) = (&before, &undo);
                async move {
                    let sent = join3(connection.batch(before), connection.ask(query), connection.batch(undo));
                    let (entered, answer, undone) = sent.await;
                    entered?;
                    let answer = answer?;
                    undone.map(|()| answer)
                }
                .boxed()
            };
            let steps: Vec<BoxFuture<'_, Result<Answer, Error>>> = group.iter().map(send).collect();
            let (answers, end) = connection.drive(together(steps)).await;
            if end.is_some() {
                let first_refused = answers.into_iter().find(Result::is_err).unwrap_or(Ok(Answer::default()));
                transaction.judge(first_refused, end)?;
                return Err(transaction.not_open());
            }
            all.extend(answers.into_iter().map(|answer| transaction.judge(answer, None)).collect::<Vec<_>>());
        }
        Ok(all)
    }
}
