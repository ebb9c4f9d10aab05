//! One guarded transaction at a time on a connection of its own: EXPLAIN, verification and trials run in it.
//!
//! It has two contexts, and every statement says by the method that sends it which one it runs in:
//!
//! - **Ours** ([`Transaction::ask`], [`Transaction::run`]): what pgdj asks of its own. It runs with the path
//!   `pg_catalog, pg_temp`, so that no operator, function or type of anybody else can be chosen.
//! - **Theirs** ([`Transaction::theirs`]): what a person or an advice wrote, which means what it means under the role's
//!   own path. Nothing of ours is asked there.
//!
//! The path is set in front of a statement, in the same round trip, whenever it may be another: after a statement of
//! theirs (which may call `set_config`), and after a savepoint was rolled back to. While no transaction is open nothing
//! of ours is sent: `SET LOCAL` would do nothing then, and the answer would come under the role's path.
//!
//! A write is possible only with [`AccessMode::Write`]; the transaction always ends with ROLLBACK ([`Transaction::end`]). What is
//! dropped while it runs is cancelled on the server. Knows no screen and spawns nothing.

pub(in crate::pg) mod parsed;

pub(in crate::pg) use parsed::ExplainParsed;

use std::time::Duration;

use futures_util::future::{FutureExt as _, join};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::connection::{CLOSED, Cancelling, Connection, End, end_of, sentence};
use super::guard::{
    DEALLOCATE, IDLE_TIMEOUT, LOCK_TIMEOUT, POINT, RELEASE, ROLLBACK, ROLLBACK_TO, SAVEPOINT, SET, STATEMENT_TIMEOUT,
    check_client, opening,
};
use super::own::{Hole, Own, Placeholder, Sql};
use super::path::{self, RolePath, Until};
use super::session::{Answer, CancelQueue, Connector, Query, QueryParameter};
use crate::Failure;
use crate::failure::FailureKind;
use crate::sample::{Timestamp, Value};

/// What went wrong with a question.
#[derive(Debug)]
pub(super) enum QueryTrouble {
    /// The server refused; the transaction, or its savepoint, has to be rolled back.
    Server(Box<Error>),
    /// The answer is of no use, and why.
    Unusable(String),
    /// The connection is gone, and why.
    Lost(String),
}

impl QueryTrouble {
    /// Returns the SQLSTATE of a refusal.
    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Server(error) => error.code(),
            Self::Unusable(_) | Self::Lost(_) => None,
        }
    }

    /// Returns the server's words, or the loss, which ends everything.
    pub(super) fn message(self) -> Result<String, Self> {
        match self {
            Self::Server(error) => Ok(sentence(&error)),
            Self::Unusable(why) => Ok(why),
            lost @ Self::Lost(_) => Err(lost),
        }
    }

    /// Returns the failure that a person sees.
    pub(super) fn failure(self, what: &str) -> Failure {
        let code = self.code().cloned();
        match self.message() {
            Err(Self::Lost(why)) => Failure::new(FailureKind::Connection, what).because_text(why),
            Err(_) => Failure::new(FailureKind::Refused, what),
            Ok(message) => {
                let failure = Failure::new(FailureKind::Refused, what).because_text(message);
                match code {
                    Some(SqlState::LOCK_NOT_AVAILABLE) => failure.hint(
                        "another session holds a conflicting lock (the Locks pane shows it while something waits); try again later",
                    ),
                    Some(SqlState::QUERY_CANCELED) => failure.hint("it exceeded its time limit, or was cancelled"),
                    Some(SqlState::INSUFFICIENT_PRIVILEGE) => {
                        failure.hint("this role lacks the right: try as the role that owns the table")
                    }
                    _ => failure,
                }
            }
        }
    }
}

/// Whether a transaction may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccessMode {
    /// The server refuses every write.
    Read,
    /// A person agreed: it writes, and is rolled back.
    Write,
}

/// What holds while a transaction is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guard {
    /// Whether it may write.
    pub(super) access: AccessMode,
    /// `statement_timeout`.
    pub(super) statement: Duration,
    /// `lock_timeout`.
    pub(super) lock: Duration,
    /// `idle_in_transaction_session_timeout`.
    pub(super) idle: Duration,
}

impl Guard {
    fn opening(self) -> Sql {
        let access = match self.access {
            AccessMode::Read => "read only",
            AccessMode::Write => "read write",
        };
        let [statement, lock, idle] = [self.statement, self.lock, self.idle].map(|it| it.as_millis().to_string());
        let settings =
            SET.fill(&[(STATEMENT_TIMEOUT.name, &statement), (LOCK_TIMEOUT.name, &lock), (IDLE_TIMEOUT.name, &idle)]);
        Sql::batch(&[opening(access, settings), check_client(Until::TransactionEnds)])
    }
}

/// Who answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeting {
    /// The pid of the backend that has the transaction.
    pub(super) pid: i64,
    /// `server_version_num`.
    pub(super) version: i64,
    /// The server's clock.
    pub(super) at: Timestamp,
    /// The role in force.
    pub(super) role: String,
    /// `server_encoding`.
    pub(super) encoding: String,
    /// The role's own path.
    pub(super) path: RolePath,
}

pub(super) static GREETING: Own = Own {
    name: "session of a transaction",
    reads: "The pid of the session, the server's version, clock and encoding, the role.",
    when: "once in each transaction of an EXPLAIN, index test or trial",
    holes: &[],
    sql: "select
    pg_catalog.pg_backend_pid()::bigint as pid,
    pg_catalog.current_setting('server_version_num')::bigint as version,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as at,
    current_user::text as role,
    pg_catalog.current_setting('server_encoding') as encoding",
};

/// The types of the parameters of a prepared statement.
pub(super) static PARAMETERS: Own = Own {
    name: "parameters",
    reads: "The types of the parameters of the statement that was just prepared; $1 is its name, pgdj_explained.",
    when: "after each PREPARE",
    holes: &[],
    sql: "select array(
        select pg_catalog.format_type(t.oid, null)
        from pg_catalog.unnest(p.parameter_types) with ordinality as t (oid, place)
        order by t.place
    ) as types
from pg_catalog.pg_prepared_statements as p
where p.name = $1",
};

/// What a person wrote, by this name on the backend, until the transaction ends.
const PREPARED: &str = "pgdj_explained";

/// What a person or a plan gave.
pub(super) const STATEMENT: Hole = Hole {
    name: "statement",
    doc: "your statement, or, where HypoPG is asked, the part of it that reads one table",
    form: Placeholder::Theirs,
};

pub(super) static PREPARE: Own = Own {
    name: "prepare",
    reads: "Nothing. The server parses your statement and says what it locks; it plans and runs nothing of it.",
    when: "when you explain a statement, or open the form for the values of its $n; after the check of what it calls",
    holes: &[STATEMENT],
    sql: "prepare pgdj_explained as {statement}",
};

/// What stands before the statement when it is prepared; ASCII, so that places can be counted back.
pub(super) fn prepare_prefix() -> String {
    PREPARE.before(STATEMENT.name, &[])
}

/// Whose path a statement runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SearchPath {
    Ours,
    Theirs,
}

/// How the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransactionState {
    /// No transaction is open.
    Idle,
    /// One is open, and the path in force is of this context; of none where it may be any.
    Open(Option<SearchPath>),
    /// The connection has ended: nothing would answer any more.
    Lost,
}

/// A connection on which one transaction at a time is open.
#[derive(Debug)]
pub(super) struct Transaction {
    connection: Connection,
    state: TransactionState,
    greeting: Greeting,
    /// The statement that is prepared.
    prepared: Option<String>,
    /// Those of several that are prepared, by their numbers.
    prepared_several: Vec<usize>,
}

impl Transaction {
    /// Connects; nothing is sent yet.
    pub(super) async fn open(connector: &dyn Connector, cancel_queue: &CancelQueue) -> Result<Self, Failure> {
        let connection = Connection::of(connector.connect().await?, cancel_queue);
        Ok(Self {
            connection,
            state: TransactionState::Idle,
            greeting: Greeting::default(),
            prepared: None,
            prepared_several: Vec::new(),
        })
    }

    /// Returns what cancels whatever this connection runs.
    pub(super) fn cancelling(&self) -> Cancelling {
        self.connection.cancelling()
    }

    /// Takes what the server said beside its answers.
    pub(super) fn said(&self) -> Vec<String> {
        self.connection.said()
    }

    /// Opens the guarded transaction, pins the path in the same message, and asks who answers.
    pub(super) async fn begin(&mut self, guard: Guard) -> Result<(), QueryTrouble> {
        let sql = guard.opening();
        let (begun, end) = self.connection.drive(self.connection.first_value(&sql)).await;
        // It has to be open before anything is asked in it.
        let shown = self.judge(begun, end)?;
        self.greeting.path = RolePath::parse(&shown.unwrap_or_default());
        self.state = TransactionState::Open(Some(SearchPath::Ours));
        let rows = self.ask(Query::new(GREETING.sql())).await?.into_rows();
        let Some(row) = rows.first() else {
            return Err(QueryTrouble::Unusable("the server gave no answer".to_owned()));
        };
        self.greeting.pid = row.int("pid").unwrap_or_default();
        self.greeting.version = row.int("version").unwrap_or_default();
        self.greeting.at = Timestamp(row.number("at").unwrap_or_default());
        row.text("role").clone_into(&mut self.greeting.role);
        row.text("encoding").clone_into(&mut self.greeting.encoding);
        Ok(())
    }

    /// Returns who answered when the transaction was begun.
    pub(super) fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Asks a question of ours, unnamed: the path is pinned.
    pub(super) async fn ask(&mut self, query: Query) -> Result<Answer, QueryTrouble> {
        self.ask_in(SearchPath::Ours, &query).await
    }

    /// Runs statements of ours by the simple protocol: the path is pinned.
    pub(super) async fn run(&mut self, sql: &Sql) -> Result<(), QueryTrouble> {
        self.run_in(SearchPath::Ours, sql).await
    }

    /// Controls the transaction (SAVEPOINT, ROLLBACK TO, RELEASE, SET LOCAL): statements in which no name is looked up,
    /// and which work after an error too. The path counts as unknown afterwards.
    pub(super) async fn control(&mut self, statements: &[Sql]) -> Result<(), QueryTrouble> {
        let TransactionState::Open(_) = self.state else { return Err(self.not_open()) };
        let (done, end) = self.connection.drive(self.connection.batch(&Sql::batch(statements))).await;
        self.state = TransactionState::Open(None);
        self.judge(done, end)
    }

    /// Sets a savepoint.
    pub(super) async fn save(&mut self, savepoint: &str) -> Result<(), QueryTrouble> {
        self.control(&[SAVEPOINT.fill(&[(POINT.name, savepoint)])]).await
    }

    /// Keeps what was done since a savepoint.
    pub(super) async fn release(&mut self, savepoint: &str) -> Result<(), QueryTrouble> {
        self.control(&[RELEASE.fill(&[(POINT.name, savepoint)])]).await
    }

    /// Undoes what was done since a savepoint, which can be gone back to again.
    pub(super) async fn go_back(&mut self, savepoint: &str) -> Result<(), QueryTrouble> {
        self.control(&[ROLLBACK_TO.fill(&[(POINT.name, savepoint)])]).await
    }

    /// Undoes what was done since a savepoint, and forgets it.
    pub(super) async fn undo(&mut self, savepoint: &str) -> Result<(), QueryTrouble> {
        let name = [(POINT.name, savepoint)];
        self.control(&[ROLLBACK_TO.fill(&name), RELEASE.fill(&name)]).await
    }

    /// Returns the context of what a person or an advice wrote.
    pub(super) fn theirs(&mut self) -> Theirs<'_> {
        Theirs(self)
    }

    /// Prepares what a person wrote, under the role's path, and returns the types of its parameters.
    ///
    /// PREPARE parses and rewrites; it plans nothing. A literal of a composite type or of an array of a domain does run
    /// the domain's checks then, so what the statement names is judged before ([`super::judge`]). Sent by the extended
    /// protocol, so that the server refuses a second statement. What was prepared before is forgotten. The relations it locked are in
    /// `pg_locks` under `pg_backend_pid()` until [`Self::end`]. It is analysed anew when it is executed, under the path
    /// of then: so that has to be the role's too ([`Theirs`]).
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<Vec<String>, QueryTrouble> {
        self.forget().await?;
        let prepare = Query::new(PREPARE.fill(&[(STATEMENT.name, sql)]));
        self.ask_in(SearchPath::Theirs, &prepare).await?;
        self.prepared = Some(sql.to_owned());
        self.parameters().await
    }

    /// Returns the types of the parameters of what is prepared.
    pub(super) async fn parameters(&mut self) -> Result<Vec<String>, QueryTrouble> {
        let answer = self.ask(Query::new(PARAMETERS.sql()).with(QueryParameter::Text(PREPARED.to_owned()))).await?;
        let types = answer.scalar().map(Value::as_list).unwrap_or_default();
        Ok(types.iter().map(|name| name.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Whether this statement is prepared: executed, it is not parsed again, so that it is what was judged.
    pub(super) fn has_prepared(&self, sql: &str) -> bool {
        self.prepared.as_deref() == Some(sql)
    }

    /// Forgets what was prepared, which would outlive a rollback.
    async fn forget(&mut self) -> Result<(), QueryTrouble> {
        let forget = self.forgetting();
        if !forget.is_empty() {
            self.control(&forget).await?;
        }
        Ok(())
    }

    /// Returns what forgets all that is prepared, which counts as forgotten from here.
    fn forgetting(&mut self) -> Vec<Sql> {
        let one = self.prepared.take().map(|_| DEALLOCATE.sql());
        one.into_iter().chain(self.prepared_several.drain(..).map(parsed::deallocate)).collect()
    }

    /// Ends the transaction with ROLLBACK, whatever became of it, and forgets what was prepared.
    pub(super) async fn end(&mut self) {
        if self.state == TransactionState::Lost || self.state == TransactionState::Idle {
            return;
        }
        // In one message: behind a pooler, the backend is kept until it has been answered.
        let sql = Sql::batch(&std::iter::once(ROLLBACK.sql()).chain(self.forgetting()).collect::<Vec<_>>());
        let (done, end) = self.connection.drive(self.connection.batch(&sql)).await;
        self.state = TransactionState::Idle;
        if let Err(QueryTrouble::Lost(why)) = self.judge(done, end) {
            tracing::info!(why, "a connection was lost before its ROLLBACK, which the server then does");
        }
    }

    /// Runs one statement outside of a transaction, under the role's path: what an advice wrote, and what cannot run in
    /// a transaction (`CREATE INDEX CONCURRENTLY`).
    pub(super) async fn alone(&mut self, sql: &Sql) -> Result<(), QueryTrouble> {
        match self.state {
            TransactionState::Idle => {
                let (done, end) = self.connection.drive(self.connection.batch(sql)).await;
                self.judge(done, end)
            }
            TransactionState::Open(_) => Err(QueryTrouble::Unusable("a transaction is open".to_owned())),
            TransactionState::Lost => Err(self.not_open()),
        }
    }

    async fn ask_in(&mut self, context: SearchPath, query: &Query) -> Result<Answer, QueryTrouble> {
        let switch = self.enter(context)?;
        let (done, end) = sent_after(&self.connection, switch, self.connection.ask(query)).await;
        self.judge(done, end)
    }

    async fn run_in(&mut self, context: SearchPath, sql: &Sql) -> Result<(), QueryTrouble> {
        let switch = self.enter(context)?;
        let (done, end) = sent_after(&self.connection, switch, self.connection.batch(sql)).await;
        self.judge(done, end)
    }

    /// Returns what sets the path of a context, where another may be in force.
    fn enter(&mut self, context: SearchPath) -> Result<Option<Sql>, QueryTrouble> {
        let TransactionState::Open(in_force) = self.state else { return Err(self.not_open()) };
        // What they wrote may itself set the path.
        self.state = TransactionState::Open((context == SearchPath::Ours).then_some(context));
        Ok((in_force != Some(context)).then(|| match context {
            SearchPath::Ours => path::pin(Until::TransactionEnds),
            SearchPath::Theirs => self.greeting.path.restore(),
        }))
    }

    fn not_open(&self) -> QueryTrouble {
        if self.state == TransactionState::Lost {
            return QueryTrouble::Lost(CLOSED.to_owned());
        }
        QueryTrouble::Unusable("no transaction is open".to_owned())
    }

    /// Returns the answer, or why there is none: a connection that ended says it better than what was waiting.
    fn judge<T>(&mut self, done: Result<T, Error>, end: Option<End>) -> Result<T, QueryTrouble> {
        if end.is_some() {
            self.state = TransactionState::Lost;
        }
        let error = match done {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match end_of(std::iter::once(&error), end) {
            Some(lost) => {
                self.state = TransactionState::Lost;
                Err(QueryTrouble::Lost(lost.why))
            }
            None => Err(QueryTrouble::Server(Box::new(error))),
        }
    }
}

/// Sends a statement right behind what sets its path. Where that fails, so does the statement: the transaction is aborted.
async fn sent_after<T>(
    connection: &Connection,
    switch: Option<Sql>,
    statement: impl Future<Output = Result<T, Error>>,
) -> (Result<T, Error>, Option<End>) {
    let switch = async {
        match switch {
            Some(sql) => connection.batch(&sql).await,
            None => Ok(()),
        }
    };
    let both = join(switch, statement).map(|(switched, done)| switched.and(done));
    connection.drive(both).await
}

/// Where what a person or an advice wrote runs: the role's own path is in force.
///
/// A call of an extension that looks names up itself (`hypopg_create_index`) belongs here too; then every name in the
/// statement around it has its schema, its arguments have exactly the types of the function, and it has no operator.
pub(super) struct Theirs<'a>(&'a mut Transaction);

impl Theirs<'_> {
    /// Runs one statement by the extended protocol, unnamed: the server refuses a second one.
    pub(super) async fn ask(self, query: Query) -> Result<Answer, QueryTrouble> {
        self.0.ask_in(SearchPath::Theirs, &query).await
    }

    /// Runs statements by the simple protocol: only those that were made of an advice.
    pub(super) async fn run(self, sql: &Sql) -> Result<(), QueryTrouble> {
        self.0.run_in(SearchPath::Theirs, sql).await
    }

    /// Runs a statement by the simple protocol and returns its first value. Only for what [`Transaction::prepare`] has
    /// proved to be one statement: this protocol takes several.
    pub(super) async fn first_value(self, sql: &Sql) -> Result<Option<String>, QueryTrouble> {
        let switch = self.0.enter(SearchPath::Theirs)?;
        let connection = &self.0.connection;
        let (done, end) = sent_after(connection, switch, connection.first_value(sql)).await;
        self.0.judge(done, end)
    }
}
