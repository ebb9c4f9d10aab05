//! `pgdj advise`: the few indexes that save most of the time of all statements, as Django code.

mod json;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FutureExt as _, try_join};
use tokio::sync::Notify;

use super::args::{AdviseArgs, Args};
use super::output;
use super::start::sampling;
use super::target::{say, target};
use crate::config::Config;
use crate::failure::{Failure, FailureKind};
use crate::pg::address::Environment;
use crate::pg::workload::{self, WorkloadRequest, WorkloadTarget};
use crate::report;
use crate::run::ShutdownSignals;
use crate::run::baselines::{Baselines, state_folder};
use crate::run::glance::findings_of;
use crate::workload::{Baseline, ChoiceLimits, WorkloadProgress};

/// How long the checks may take on after the advice: some need a second sample.
const GRACE: Duration = Duration::from_secs(3);

/// Runs the command; returns what is printed.
pub async fn run(
    args: &Args,
    asked: &AdviseArgs,
    config: &Config,
    environment: &Environment,
) -> Result<Vec<u8>, Failure> {
    if let Some(name) = &asked.pin {
        // Before the work, which takes a while.
        Baselines::within(state_folder(environment).as_deref()).check_is_free(name)?;
    }
    let target = target(args, config, environment).await?;
    let request = WorkloadRequest {
        statements: asked.limit,
        limits: ChoiceLimits { number: asked.max_indexes, bytes: asked.max_bytes.map(|bytes| bytes as f64) },
        time: asked.time,
    };
    let asking = WorkloadTarget {
        connector: Arc::clone(&target.connector),
        mode: target.mode,
        cancel_queue: target.cancel_queue.clone(),
    };
    let is_watched = std::io::stderr().is_terminal();
    let mut ends = ShutdownSignals::install()?;
    let told = move |progress: WorkloadProgress| {
        if is_watched {
            tell(&progress);
        }
    };
    let is_advised = Notify::new();
    let enough = async {
        is_advised.notified().await;
        tokio::time::sleep(GRACE).await;
    };
    let looking = findings_of(Arc::clone(&target.connector), sampling(config), enough).map(Ok);
    let advising = Box::pin(workload::advise(&asking, request, &told)).inspect(|_| is_advised.notify_one());
    // Without an advice nobody reads the findings.
    let both = try_join(advising, Box::pin(looking));
    let both = tokio::select! {
        both = both => both,
        // What it asks is dropped, and so cancelled on the server.
        () = ends.came() => Err(Failure::new(FailureKind::Refused, "cancelled while pgdj looked at the workload")),
    };
    if is_watched {
        say("\r\x1b[K");
    }
    drop(asking);
    target.end().await;
    let (advice, findings) = both?;
    if let Some(name) = &asked.pin {
        let baselines = Baselines::within(state_folder(environment).as_deref());
        let path = baselines.keep(&Baseline::of(&advice, name))?;
        let line = format!("kept as {name} in {}; when the indexes are built: pgdj verify {name}\n", path.display());
        say(&crate::ui::text::clean_stream(&line));
    }
    let documents = report::workload::documents(&advice, &findings);
    Ok(output::write(asked.format, &documents, || json::write(&advice, &findings), (config, environment)))
}

/// Says on standard error how far it is.
fn tell(progress: &WorkloadProgress) {
    let WorkloadProgress { looked_at, statements, asked, step } = progress;
    let of = if *statements > 0 { format!(" {looked_at}/{statements}") } else { String::new() };
    let line = format!("{}{of}; {} plans, {} so far; Ctrl-C cancels it", step.words(), asked.plans, asked.elapsed);
    say(&format!("\r{}\x1b[K", crate::ui::text::clean_cut(&line, 100)));
}
