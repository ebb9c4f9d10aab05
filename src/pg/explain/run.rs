//! One EXPLAIN from request to answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::admitted::{Terms, admit};
use super::planned::{ExplainedPlan, Explaining, Reparse, Stumble, explain};
use super::refusal::{self, FailedRun};
use super::statement::{self, CheckedStatement, StatementEffect};
use super::watch::watch;
use super::{Blocker, Consent, ExplainAnswer, ExplainProgress, ExplainRequest, Options};
use crate::Failure;
use crate::pg::connection::Cancelling;
use crate::pg::control::Mode;
use crate::pg::judge::Level;
use crate::pg::session::{CancelQueue, Connector};
use crate::pg::transaction::{AccessMode, Greeting, Guard, Transaction};
use crate::sample::Seconds;

/// Time between two words about how it stands.
const PROGRESS: Duration = Duration::from_millis(250);

/// Time between two cancel requests: the first may come before the statement has begun.
const CANCEL_PACE: Duration = Duration::from_millis(500);

/// How long a server may take to confirm a cancel before its connection is given up.
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);

/// What a server may take beyond the statement's own limit before it counts as silent: connecting, planning, an answer of many megabytes.
const SILENCE: Duration = Duration::from_secs(60);

/// Explains statements on one target.
#[derive(Clone)]
pub struct Runner {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) mode: Mode,
    pub(super) cancel_queue: CancelQueue,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// What the watchers know of the run.
#[derive(Default)]
struct RunState {
    pid: OnceLock<i64>,
    cancelling: OnceLock<Cancelling>,
    /// Whether a cancel request is on its way.
    is_asking: watch::Sender<bool>,
    is_cancelled: AtomicBool,
    /// What the statement may do besides reading rows.
    warnings: Mutex<Vec<String>>,
}

impl RunState {
    fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn warn(&self, warnings: Vec<String>) {
        *self.warnings.lock().unwrap_or_else(PoisonError::into_inner) = warnings;
    }

    fn given_up(&self) -> Failure {
        if self.cancelling.get().is_some() { refusal::unconfirmed() } else { refusal::never_sent() }
    }
}

impl Runner {
    /// A runner; in [`Mode::ReadOnly`] it refuses every write. What is dropped while it runs, the cancel queue cancels.
    pub fn new(connector: Arc<dyn Connector>, mode: Mode, cancel_queue: CancelQueue) -> Self {
        Self { connector, mode, cancel_queue }
    }

    /// Explains a statement. `told` hears how it stands; when `stop` ends, it is cancelled on the server.
    pub async fn run(
        &self,
        request: &ExplainRequest,
        told: impl Fn(ExplainProgress),
        stop: impl Future<Output = ()>,
    ) -> Result<ExplainAnswer, Failure> {
        let statement = self.judge(request)?;
        let started = Instant::now();
        let known = RunState::default();
        let (blockers_in, blockers) = watch::channel(Vec::new());
        let work = tokio::time::timeout(patience(request), Box::pin(self.converse(request, &statement, &known, &told)));
        let mut work = std::pin::pin!(work);
        let mut looking = std::pin::pin!(watch(self.connector.as_ref(), &self.cancel_queue, &known.pid, blockers_in));
        let mut stopping = std::pin::pin!(stopped(stop, &known));
        let mut ticks = tokio::time::interval(PROGRESS);
        let done = loop {
            // Each branch is a future that is kept, or a timer.
            tokio::select! {
                done = &mut work => break done,
                () = &mut looking => {}
                () = &mut stopping => return Err(known.given_up()),
                _ = ticks.tick() => {
                    let elapsed = Seconds(started.elapsed().as_secs_f64());
                    told(ExplainProgress { elapsed, blocked_by: blockers.borrow().clone(), warnings: known.warnings() });
                }
            }
        };
        let blocked_by: Vec<Blocker> = blockers.borrow().clone();
        let circumstances = FailedRun {
            request,
            statement: &statement,
            elapsed: started.elapsed(),
            blocked_by: &blocked_by,
            is_cancelled: known.is_cancelled.load(Ordering::Relaxed),
            mode: self.mode,
        };
        match done {
            Ok(answered) => answered.map_err(|(stumble, role)| tell(stumble, &circumstances, &role)),
            Err(_elapsed) => Err(refusal::silent(&self.connector.target(), patience(request))),
        }
    }

    /// Looks at what is asked before anything is sent.
    fn judge(&self, request: &ExplainRequest) -> Result<CheckedStatement, Failure> {
        let statement = statement::check(&request.sql).map_err(|error| refusal::not_one(&error))?;
        if request.consent == Consent::Write && self.mode == Mode::ReadOnly {
            return Err(refusal::read_only_mode(statement.effect));
        }
        let misspelt = statement::misspelt_opening(&statement.text).filter(|_| self.mode == Mode::ReadOnly);
        if let Some(word) = misspelt {
            return Err(refusal::no_statement(&word));
        }
        let is_run = level(request, &statement) == Level::Executed;
        if request.consent == Consent::ReadOnly && is_run && statement.effect != StatementEffect::Reads {
            return Err(match self.mode {
                Mode::ReadOnly => refusal::read_only_mode(statement.effect),
                Mode::Full => refusal::no_consent(statement.effect),
            });
        }
        Ok(statement)
    }

    async fn converse(
        &self,
        request: &ExplainRequest,
        statement: &CheckedStatement,
        known: &RunState,
        told: &impl Fn(ExplainProgress),
    ) -> Result<ExplainAnswer, (Stumble, String)> {
        let opened = Transaction::open(self.connector.as_ref(), &self.cancel_queue).await;
        let mut transaction = opened.map_err(|failure| (Stumble::Told(failure), String::new()))?;
        // Set once, here only.
        known.cancelling.set(transaction.cancelling()).unwrap_or_default();
        let begun = transaction.begin(guard(request.consent, request.timeout_ms)).await;
        begun.map_err(|trouble| (Stumble::server(trouble, ""), String::new()))?;
        let greeting = transaction.greeting().clone();
        known.pid.set(greeting.pid).unwrap_or_default();
        let run = CheckedRun { request, statement, known };
        let explained = self.explain(&mut transaction, run, told).await;
        // Behind a pooler, the backend is another client's after ROLLBACK: a cancel that came then would be for that one.
        known.is_asking.subscribe().wait_for(|is_asking| !is_asking).await.map(drop).unwrap_or_default();
        let said = transaction.said();
        transaction.end().await;
        let Greeting { role, at, .. } = greeting;
        let explained = explained.map_err(|stumble| (stumble, role))?;
        let notices = [statement.notes.clone(), explained.notes, said].concat();
        let estimate_only = !explained.options.analyze;
        Ok(ExplainAnswer {
            plan: explained.plan,
            raw: explained.raw,
            sql: request.sql.clone(),
            estimate_only,
            notices,
            at,
        })
    }

    /// Judges the statement, says what speaks against it, and explains it.
    async fn explain(
        &self,
        transaction: &mut Transaction,
        run: CheckedRun<'_>,
        told: &impl Fn(ExplainProgress),
    ) -> Result<ExplainedPlan, Stumble> {
        let CheckedRun { request, statement, known } = run;
        let level = level(request, statement);
        let warn = |warnings: Vec<String>| {
            known.warn(warnings.clone());
            told(ExplainProgress { warnings, ..ExplainProgress::default() });
        };
        let terms = Terms { level, mode: self.mode, agreed: request.agreed.clone() };
        let mut admitted = admit(transaction, statement, terms, &warn).await?;
        // In pg_stat_activity an EXECUTE does not show what runs, so it is only sent where the judgement refuses.
        let parsed = if self.mode == Mode::ReadOnly { Reparse::WhenJudged } else { Reparse::Anew };
        let asked = Explaining { statement, values: &request.parameters, options: request.options, parsed };
        if self.mode == Mode::ReadOnly && level == Level::Executed {
            // Planning locks more: partitions that came in between, tables in the bodies of functions.
            let options = Options { analyze: false, generic_plan: false, ..request.options };
            // Without parameters the plan of what is prepared would be kept, and its planning time be that of nothing.
            let parsed = if statement.parameters == 0 { Reparse::Anew } else { Reparse::WhenJudged };
            explain(transaction, &Explaining { options, parsed, ..asked }).await?;
            admitted = admitted.again(transaction, &warn).await?;
        }
        let mut explained = explain(transaction, &asked).await?;
        explained.notes.extend(admitted.warnings());
        Ok(explained)
    }
}

/// What is run: what was asked for, the statement in it, and what is known of the run.
#[derive(Clone, Copy)]
struct CheckedRun<'a> {
    request: &'a ExplainRequest,
    statement: &'a CheckedStatement,
    known: &'a RunState,
}

/// Returns what happens to a statement: without the values of its parameters it is planned only.
fn level(request: &ExplainRequest, statement: &CheckedStatement) -> Level {
    let is_run = request.options.analyze && (statement.parameters == 0 || !request.parameters.is_empty());
    if is_run { Level::Executed } else { Level::Planned }
}

/// The longest a lock is waited for; never more than half of what the statement may take.
const LOCK: Duration = Duration::from_secs(10);

/// How long the transaction may be idle: pgdj asks without a pause.
const IDLE: Duration = Duration::from_secs(10);

/// What holds while a statement is explained.
pub(super) fn guard(consent: Consent, timeout_ms: u32) -> Guard {
    let statement = Duration::from_millis(u64::from(timeout_ms));
    let access = match consent {
        Consent::ReadOnly => AccessMode::Read,
        Consent::Write => AccessMode::Write,
    };
    Guard { access, statement, lock: (statement / 2).clamp(Duration::from_millis(1), LOCK), idle: IDLE }
}

fn patience(request: &ExplainRequest) -> Duration {
    Duration::from_millis(u64::from(request.timeout_ms)) + SILENCE
}

/// Waits for the request to stop, then asks the server until it stops; ends when it does not.
async fn stopped(stop: impl Future<Output = ()>, known: &RunState) {
    stop.await;
    known.is_cancelled.store(true, Ordering::Relaxed);
    let began = Instant::now();
    while began.elapsed() < CANCEL_PATIENCE {
        if let Some(cancelling) = known.cancelling.get() {
            known.is_asking.send_replace(true);
            let sent = tokio::time::timeout(CANCEL_PATIENCE, cancelling.cancel()).await;
            known.is_asking.send_replace(false);
            match sent {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::info!(error, "a cancel request could not be sent"),
                Err(_elapsed) => return,
            }
        } else if began.elapsed() > CANCEL_PACE {
            // There is no connection yet, so there is nothing on the server.
            return;
        }
        tokio::time::sleep(CANCEL_PACE).await;
    }
}

/// Returns what a person sees.
pub(super) fn tell(stumble: Stumble, circumstances: &FailedRun<'_>, role: &str) -> Failure {
    match stumble {
        Stumble::Server { trouble, prefix } => refusal::of(trouble, circumstances, prefix, role),
        Stumble::Told(failure) if circumstances.is_cancelled => refusal::cancelled(circumstances).because(&failure),
        Stumble::Told(failure) => failure,
    }
}
