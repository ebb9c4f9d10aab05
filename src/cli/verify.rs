//! `pgdj verify`: what an advice promised beside what came of it.

mod json;

use std::process::ExitCode;
use std::sync::Arc;

use super::args::{Args, VerifyArgs};
use super::explain::HAS_ADVICE;
use super::output;
use super::target::{say, target};
use crate::config::Config;
use crate::failure::{Failure, FailureKind};
use crate::pg::address::Environment;
use crate::pg::workload::{self, WorkloadTarget};
use crate::report;
use crate::run::ShutdownSignals;
use crate::run::baselines::{Baselines, state_folder};
use crate::ui::text::clean_stream;
use crate::workload::compare;

/// Runs the command; returns what is printed, and the exit status.
pub async fn run(
    args: &Args,
    asked: &VerifyArgs,
    config: &Config,
    environment: &Environment,
) -> Result<(Vec<u8>, ExitCode), Failure> {
    let baselines = Baselines::within(state_folder(environment).as_deref());
    let Some(name) = &asked.name else { return Ok((listed(&baselines), ExitCode::SUCCESS)) };
    let mut baseline = baselines.read(name)?;
    let target = target(args, config, environment).await?;
    let asking = WorkloadTarget {
        connector: Arc::clone(&target.connector),
        mode: target.mode,
        cancel_queue: target.cancel_queue.clone(),
    };
    let mut ends = ShutdownSignals::install()?;
    let now = tokio::select! {
        now = Box::pin(workload::read_now(&asking, &baseline)) => now,
        // What it asks is dropped, and so cancelled on the server.
        () = ends.came() => Err(Failure::new(FailureKind::Refused, "cancelled while pgdj read the statements")),
    };
    drop(asking);
    target.end().await;
    let now = now?;
    if now.database != baseline.database {
        let what =
            format!("the baseline {name} is of the database {}, and this is {}", baseline.database, now.database);
        return Err(Failure::new(FailureKind::Usage, what).hint("name the target that the advice was for"));
    }
    let outcome = compare(&baseline, &now);
    if let Some(noted) = &outcome.noted {
        baseline.built = Some(noted.clone());
        if let Err(failure) = baselines.write(&baseline) {
            say(&format!("{}\n", clean_stream(&format!("warning: the counters were not noted: {failure}"))));
        }
    }
    let documents = report::outcome::documents(&baseline, &now, &outcome);
    let written =
        output::write(asked.format, &documents, || json::write(&baseline, &now, &outcome), (config, environment));
    let is_bad = asked.check && outcome.is_bad();
    Ok((written, if is_bad { ExitCode::from(HAS_ADVICE) } else { ExitCode::SUCCESS }))
}

/// Returns the names of the baselines, one a line.
fn listed(baselines: &Baselines) -> Vec<u8> {
    let names = baselines.names();
    if names.is_empty() {
        return b"No advice was kept yet: pgdj advise --pin NAME keeps one.\n".to_vec();
    }
    (names.join("\n") + "\n").into_bytes()
}
