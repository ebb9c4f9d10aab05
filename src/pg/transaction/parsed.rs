//! Statements that are parsed once in a transaction, which keeps what they read locked, and then planned in few round trips.

use futures_util::future::{FutureExt as _, join3};

use super::{
    DEALLOCATE, POINT, PREPARE, RELEASE, ROLLBACK_TO, SAVEPOINT, STATEMENT, Theirs, Transaction, TransactionState,
    sent_after,
};
use crate::pg::own::Sql;
use crate::pg::session::{Answer, Query};
use crate::pg::transaction::QueryTrouble;

/// The savepoint of [`Transaction::parse`].
const PARSE_POINT: &str = "pgdj_judge";

impl Transaction {
    /// Has the server parse what somebody wrote, which locks the relations that it reads until the transaction ends, and
    /// proves that it is one statement; nothing stays prepared. A statement that is refused leaves the transaction as it
    /// was.
    ///
    /// See [`Self::prepare`] for what parsing can run.
    pub(in crate::pg) async fn parse(&mut self, sql: &str) -> Result<(), QueryTrouble> {
        self.forget().await?;
        let prepare = Query::new(PREPARE.fill(&[(STATEMENT.name, sql)]));
        let parsed = self.theirs().ask_within(PARSE_POINT, &prepare).await;
        let name = [(POINT.name, PARSE_POINT)];
        match parsed {
            Ok(_) => self.control(&[DEALLOCATE.sql(), RELEASE.fill(&name)]).await,
            Err(QueryTrouble::Lost(why)) => Err(QueryTrouble::Lost(why)),
            Err(trouble) => {
                self.undo(PARSE_POINT).await?;
                Err(trouble)
            }
        }
    }

    /// Sets a savepoint, runs one statement of theirs by the simple protocol, and undoes it, all in one round trip; returns
    /// the statement's first value. Only for what [`Self::parse`] has proved to be one statement.
    pub(in crate::pg) async fn first_value_undone(
        &mut self,
        savepoint: &str,
        sql: &Sql,
    ) -> Result<Option<String>, QueryTrouble> {
        self.undone(savepoint, &[], sql).await
    }

    /// The same for what executes a statement that is prepared in between; only after [`Self::parse`] of that statement.
    pub(in crate::pg) async fn executed_undone(
        &mut self,
        savepoint: &str,
        settings: Sql,
        prepared: &str,
        execute: &Sql,
    ) -> Result<Option<String>, QueryTrouble> {
        self.forget().await?;
        let prepare = PREPARE.fill(&[(STATEMENT.name, prepared)]);
        let value = self.undone(savepoint, &[settings, prepare], execute).await;
        // Where it was not prepared, something is wrong that the transaction cannot go on with anyway.
        if !matches!(value, Err(QueryTrouble::Lost(_))) {
            self.control(&[DEALLOCATE.sql()]).await?;
        }
        value
    }

    /// Sends a savepoint, the role's path, what comes before a statement, the statement, and its undoing together.
    async fn undone(&mut self, savepoint: &str, before: &[Sql], sql: &Sql) -> Result<Option<String>, QueryTrouble> {
        let entered = self.enter_within(savepoint)?;
        let before = Sql::batch(&std::iter::once(entered).chain(before.iter().cloned()).collect::<Vec<_>>());
        let name = [(POINT.name, savepoint)];
        // A message of its own, so that a comment at the end of the statement does not hide it.
        let undo = Sql::batch(&[ROLLBACK_TO.fill(&name), RELEASE.fill(&name)]);
        let begun = self.connection.batch(&before);
        let first = self.connection.first_value(sql);
        let undone = self.connection.batch(&undo);
        let all = join3(begun, first, undone);
        let all = all.map(|(begun, first, undone)| begun.and(first).and_then(|value| undone.map(|()| value)));
        let (done, end) = self.connection.drive(all).await;
        self.judge(done, end)
    }

    /// Returns what sets a savepoint and then the role's own path; afterwards the path counts as unknown.
    fn enter_within(&mut self, savepoint: &str) -> Result<Sql, QueryTrouble> {
        let TransactionState::Open(_) = self.state else { return Err(self.not_open()) };
        self.state = TransactionState::Open(None);
        Ok(Sql::batch(&[SAVEPOINT.fill(&[(POINT.name, savepoint)]), self.greeting.path.restore()]))
    }
}

impl Theirs<'_> {
    /// Sets a savepoint and runs one statement behind it, in one round trip; the savepoint stays.
    pub(in crate::pg) async fn ask_within(self, savepoint: &str, query: &Query) -> Result<Answer, QueryTrouble> {
        let before = self.0.enter_within(savepoint)?;
        let (done, end) = sent_after(&self.0.connection, Some(before), self.0.connection.ask(query)).await;
        self.0.judge(done, end)
    }
}
