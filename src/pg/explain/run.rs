//! One EXPLAIN from request to answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::refusal::{self, Circumstances};
use super::statement::{self, Effect, Statement};
use super::watch::watch;
use super::wire::{Cancelling, Greeting, PREPARED, Trouble, Wire, prepare_prefix};
use super::{Answer, Blocker, Consent, Options, Progress, Request, options};
use crate::Failure;
use crate::pg::control::Mode;
use crate::pg::session::{Connector, Query, Reaper};
use crate::plan;
use crate::quote::quote_text;
use crate::sample::{Seconds, Value};

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
    pub(super) reaper: Reaper,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// What the watchers know of the run.
#[derive(Default)]
struct Known {
    pid: OnceLock<i64>,
    cancelling: OnceLock<Cancelling>,
    /// Whether a cancel request is on its way.
    is_asking: watch::Sender<bool>,
    is_cancelled: AtomicBool,
}

impl Known {
    fn given_up(&self) -> Failure {
        if self.cancelling.get().is_some() { refusal::unconfirmed() } else { refusal::never_sent() }
    }
}

impl Runner {
    /// A runner; in [`Mode::ReadOnly`] it refuses every write. What is dropped while it runs, the reaper cancels.
    pub fn new(connector: Arc<dyn Connector>, mode: Mode, reaper: Reaper) -> Self {
        Self { connector, mode, reaper }
    }

    /// Explains a statement. `told` hears how it stands; when `stop` ends, it is cancelled on the server.
    pub async fn run(
        &self,
        request: &Request,
        told: impl Fn(Progress),
        stop: impl Future<Output = ()>,
    ) -> Result<Answer, Failure> {
        let statement = self.judge(request)?;
        let started = Instant::now();
        let known = Known::default();
        let (blockers_in, blockers) = watch::channel(Vec::new());
        let work = tokio::time::timeout(patience(request), self.converse(request, &statement, &known));
        let mut work = std::pin::pin!(work);
        let mut looking = std::pin::pin!(watch(self.connector.as_ref(), &self.reaper, &known.pid, blockers_in));
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
                    told(Progress { elapsed, blocked_by: blockers.borrow().clone() });
                }
            }
        };
        let blocked_by: Vec<Blocker> = blockers.borrow().clone();
        let circumstances = Circumstances {
            request,
            statement: &statement,
            elapsed: started.elapsed(),
            blocked_by: &blocked_by,
            is_cancelled: known.is_cancelled.load(Ordering::Relaxed),
        };
        match done {
            Ok(answered) => answered.map_err(|stumble| stumble.tell(&circumstances)),
            Err(_elapsed) => Err(refusal::silent(&self.connector.target(), patience(request))),
        }
    }

    /// Looks at what is asked before anything is sent.
    fn judge(&self, request: &Request) -> Result<Statement, Failure> {
        let statement = statement::look(&request.sql).map_err(|error| refusal::not_one(&error))?;
        if request.consent == Consent::Write && self.mode == Mode::ReadOnly {
            return Err(refusal::read_only_mode(statement.effect));
        }
        let is_run = request.options.analyze && (statement.parameters == 0 || !request.parameters.is_empty());
        if request.consent == Consent::ReadOnly && is_run && statement.effect != Effect::Reads {
            return Err(match self.mode {
                Mode::ReadOnly => refusal::read_only_mode(statement.effect),
                Mode::Full => refusal::no_consent(statement.effect),
            });
        }
        Ok(statement)
    }

    async fn converse(&self, request: &Request, statement: &Statement, known: &Known) -> Result<Answer, Stumble> {
        let mut wire = Wire::open(self.connector.as_ref(), &self.reaper).await.map_err(Stumble::Told)?;
        // Set once, here only.
        known.cancelling.set(wire.cancelling()).unwrap_or_default();
        let greeting = match wire.begin(request.consent, request.timeout_ms).await {
            Ok(greeting) => greeting,
            Err(trouble) => return Err(Stumble::Server { trouble, prefix: 0, role: String::new() }),
        };
        known.pid.set(greeting.pid).unwrap_or_default();
        let explained = explain(&mut wire, &greeting, request, statement).await;
        // Behind a pooler, the backend is another client's after ROLLBACK: a cancel that came then would be for that one.
        known.is_asking.subscribe().wait_for(|is_asking| !is_asking).await.map(drop).unwrap_or_default();
        wire.end().await;
        explained.map_err(|stumble| match stumble {
            Stumble::Server { trouble, prefix, .. } => Stumble::Server { trouble, prefix, role: greeting.role.clone() },
            told @ Stumble::Told(_) => told,
        })
    }
}

fn patience(request: &Request) -> Duration {
    Duration::from_millis(u64::from(request.timeout_ms)) + SILENCE
}

/// Waits for the wish to stop, then asks the server until it stops; ends when it does not.
async fn stopped(stop: impl Future<Output = ()>, known: &Known) {
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

/// Why there is no answer.
pub(super) enum Stumble {
    /// The server said something, after a prefix of so many characters before the statement.
    Server {
        /// What.
        trouble: Trouble,
        /// Characters sent before the statement.
        prefix: usize,
        /// The role in force, empty where it is not known.
        role: String,
    },
    /// It is told already.
    Told(Failure),
}

impl Stumble {
    pub(super) fn server(trouble: Trouble, prefix: &str) -> Self {
        Self::Server { trouble, prefix: prefix.chars().count(), role: String::new() }
    }

    pub(super) fn tell(self, circumstances: &Circumstances<'_>) -> Failure {
        match self {
            Self::Server { trouble, prefix, role } => refusal::of(&trouble, circumstances, prefix, &role),
            Self::Told(failure) if circumstances.is_cancelled => refusal::cancelled(circumstances).because(&failure),
            Self::Told(failure) => failure,
        }
    }
}

async fn explain(
    wire: &mut Wire,
    greeting: &Greeting,
    request: &Request,
    statement: &Statement,
) -> Result<Answer, Stumble> {
    let mut notices = statement.notes.clone();
    let mut wanted = request.options;
    let raw = if statement.parameters == 0 {
        wanted.generic_plan = false;
        if !request.parameters.is_empty() {
            notices.push("the values were not used: the statement has no parameters".to_owned());
        }
        let prefix = opening(&wanted, greeting, &mut notices);
        let answer = wire.ask(Query::new(format!("{prefix}{}", statement.text))).await;
        let answer = answer.map_err(|trouble| Stumble::server(trouble, &prefix))?;
        answer.scalar().and_then(Value::as_str).map(str::to_owned)
    } else {
        let types = wire.prepare(&statement.text).await;
        let types = types.map_err(|trouble| Stumble::server(trouble, &prepare_prefix()))?;
        if request.parameters.is_empty() {
            generic(wire, greeting, statement, (&mut wanted, &mut notices)).await?
        } else {
            custom(wire, greeting, &types, request, &mut notices).await?
        }
    };
    let raw = raw.unwrap_or_default();
    let Some(plan) = plan::parse(&raw).plans.into_iter().next() else {
        return Err(Stumble::Told(refusal::no_plan(&raw)));
    };
    if plan.iter().any(|(_, node)| node.number("Subplans Removed").is_some()) && request.parameters.is_empty() {
        let note = "partitions were left out by null values, because this server has no GENERIC_PLAN";
        if statement.parameters > 0 {
            notices.push(note.to_owned());
        }
    }
    notices.extend(wire.said());
    let estimate_only = !wanted.analyze;
    Ok(Answer { plan, raw, sql: request.sql.clone(), estimate_only, notices, at: greeting.at })
}

/// Returns `EXPLAIN (…) `, and notes what the server has not.
fn opening(options: &Options, greeting: &Greeting, notices: &mut Vec<String>) -> String {
    let (list, missing) = options::list(options, greeting.version);
    if !missing.is_empty() {
        notices.push(format!(
            "left out, because PostgreSQL {} has it not: {}",
            greeting.version / 10_000,
            missing.join(", ")
        ));
    }
    format!("/* pgdj explain */ explain ({list}) ")
}

/// The plan without the values of `$n`.
async fn generic(
    wire: &mut Wire,
    greeting: &Greeting,
    statement: &Statement,
    (wanted, notices): (&mut Options, &mut Vec<String>),
) -> Result<Option<String>, Stumble> {
    if wanted.analyze {
        notices.push("it was not run: its parameters have no values".to_owned());
    }
    wanted.analyze = false;
    // Since 16. Source: PostgreSQL manual, EXPLAIN.
    wanted.generic_plan = greeting.version >= 160_000;
    let prefix = opening(wanted, greeting, notices);
    let asked = if wanted.generic_plan {
        // A bound parameter would be folded into the plan, so this goes by the simple protocol; that it is one
        // statement was proved by preparing it.
        wire.simple(&format!("{prefix}{}", statement.text)).await
    } else {
        let nulls = vec!["null"; statement.parameters].join(", ");
        execute(wire, &prefix, "force_generic_plan", &nulls).await
    };
    asked.map_err(|trouble| Stumble::server(trouble, &prefix))
}

/// The plan for these values.
async fn custom(
    wire: &mut Wire,
    greeting: &Greeting,
    types: &[String],
    request: &Request,
    notices: &mut Vec<String>,
) -> Result<Option<String>, Stumble> {
    if types.len() != request.parameters.len() {
        return Err(Stumble::Told(refusal::count_of_values(types, request.parameters.len())));
    }
    let mut literals = Vec::with_capacity(types.len());
    for value in &request.parameters {
        literals.push(literal(value.as_deref()).ok_or_else(|| Stumble::Told(refusal::nul_in_value()))?);
    }
    let options = Options { generic_plan: false, ..request.options };
    let prefix = opening(&options, greeting, notices);
    let asked = execute(wire, &prefix, "force_custom_plan", &literals.join(", ")).await;
    asked.map_err(|trouble| Stumble::server(trouble, &prefix))
}

async fn execute(wire: &mut Wire, prefix: &str, mode: &str, values: &str) -> Result<Option<String>, Trouble> {
    wire.batch(&format!("set local plan_cache_mode = {mode}")).await?;
    let answer = wire.ask(Query::new(format!("{prefix}execute {PREPARED}({values})"))).await?;
    Ok(answer.scalar().and_then(Value::as_str).map(str::to_owned))
}

/// Returns a value as a literal; `None` with a NUL in it.
pub(super) fn literal(value: Option<&str>) -> Option<String> {
    match value {
        None => Some("null".to_owned()),
        Some(value) if value.contains('\0') => None,
        Some(value) => Some(quote_text(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_so_that_it_stays_a_value() {
        for (value, expected) in [
            (None, Some("null")),
            (Some("a"), Some("'a'")),
            (Some("'; drop table t; --"), Some("'''; drop table t; --'")),
            (Some("\\'"), Some("E'\\\\'''")),
            (Some("a\0"), None),
        ] {
            assert_eq!(literal(value).as_deref(), expected);
        }
    }
}
