//! Makes the recording that the demo plays where there is no server: `pgdj demo --record FILE`.
//!
//! Some minutes of the demo's load with an incident in it, then the plans of its statements, made while nothing else
//! runs, with the catalog of their tables and what the planner says of the indexes that pgdj advises.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Demo, load};
use crate::failure::{Failure, FailureKind};
use crate::pg::address::{AddressRequest, ConnectionFlags, Environment, Prompt, resolve};
use crate::pg::connector::ToAddress;
use crate::pg::control::Mode;
use crate::pg::explain::{
    Agreed, Consent, ExplainAnswer, ExplainRequest, GuessedValue, Options, Runner, StatementParameter,
};
use crate::pg::sampler::{self, SamplerCommand, SamplerReport};
use crate::pg::session::{CancelQueue, Connector, Limits, Session, cancel_queue};
use crate::pg::verify::{Allowed, Verifier};
use crate::pg::{catalog, django_read};
use crate::record::{IndexAnswer, Plans, RecordedPlan, Rows, Writer, statement_key};
use crate::sample::{Bytes, RowSet, ServerFacts, Snapshot};

/// Time the load runs before the first sample: rates and caches settle.
const WARM_UP: Duration = Duration::from_secs(20);

/// The length of the recording, the incident included.
const LENGTH: Duration = Duration::from_secs(300);

/// Seconds between two samples.
const PACE: Duration = Duration::from_secs(2);

/// The most bytes that the recording may add to the program.
const MOST_BYTES: u64 = 1_500_000;

/// The first words of the statements that are explained.
const EXPLAINED: [&str; 5] = ["select", "insert", "update", "delete", "with"];

/// Records a demo that was just started to a file, which must not be there yet; `progress` is told each step.
pub async fn record(demo: &Demo, file: &Path, progress: impl Fn(&str)) -> Result<(), Failure> {
    let out = File::create_new(file).map_err(|error| cannot_write(file, &error))?;
    let connector = connector(demo)?;
    let load = tokio::spawn(load::run_with_incident(demo.conninfo()));
    sleep(WARM_UP).await;
    progress(&format!("recording for {} s", LENGTH.as_secs()));
    let samples = sample(Arc::clone(&connector)).await;
    load.abort();
    let Some(last) = samples.last() else {
        return Err(Failure::new(FailureKind::Refused, "the demo's server gave no samples"));
    };
    progress("explaining its statements");
    let plans = explain(&connector, &samples).await?;
    progress(&format!("writing {} samples and the plans of {} statements", samples.len(), plans.plans.len()));
    let facts = Arc::clone(&last.server);
    write(out, &facts, &samples, plans).map_err(|error| cannot_write(file, &*error))?;
    let bytes = file.metadata().map_or(0, |about| about.len());
    progress(&format!("{} in {}", Bytes(bytes as f64), file.display()));
    if bytes > MOST_BYTES {
        let what = format!("the recording is larger than {}", Bytes(MOST_BYTES as f64));
        return Err(Failure::new(FailureKind::Refused, what).hint("make it shorter, or its pace slower"));
    }
    Ok(())
}

fn cannot_write(file: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureKind::File, format!("cannot record to {}", file.display())).because(error)
}

fn connector(demo: &Demo) -> Result<Arc<dyn Connector>, Failure> {
    let conninfo = demo.conninfo();
    let request = AddressRequest {
        target: Some(&conninfo),
        flags: ConnectionFlags::default(),
        prompt: Prompt::Never,
        aliases: &[],
    };
    Ok(Arc::new(ToAddress::new(resolve(&request, &Environment::default())?, "demo")))
}

/// Samples as the console does.
async fn sample(connector: Arc<dyn Connector>) -> Vec<Arc<Snapshot>> {
    let (reports_in, mut reports) = mpsc::channel(sampler::REPORTS_ROOM);
    let (commands, commands_out) = mpsc::channel(1);
    let settings = sampler::SamplerSettings { pace: PACE, second: PACE, ..sampler::SamplerSettings::default() };
    let sampling = tokio::spawn(sampler::run(connector, settings, reports_in, commands_out));
    let end = Instant::now() + LENGTH;
    let mut samples = Vec::new();
    while let Ok(Some(report)) = timeout_at(end, reports.recv()).await {
        if let SamplerReport::Snapshot(snapshot) = report {
            samples.push(snapshot);
        }
    }
    // A sampler that has ended needs not be told.
    commands.try_send(SamplerCommand::Stop).unwrap_or_default();
    drop(reports);
    sampling.await.unwrap_or_default();
    samples
}

fn write(
    out: File,
    server: &Arc<ServerFacts>,
    samples: &[Arc<Snapshot>],
    plans: Plans,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut writer = Writer::with_plans(out, server, u64::MAX, Some(Arc::new(plans)))?;
    for sample in samples {
        writer.push(sample)?;
    }
    writer.finish()?.sync_all()?;
    Ok(())
}

/// Explains every statement that was seen, and reads what advice about the plans needs.
async fn explain(connector: &Arc<dyn Connector>, samples: &[Arc<Snapshot>]) -> Result<Plans, Failure> {
    let (cancel_queue, cancel_work) = cancel_queue();
    let cancel_work = tokio::spawn(cancel_work);
    let runner = Runner::new(Arc::clone(connector), Mode::Full, cancel_queue.clone());
    let mut explained = Vec::new();
    for sql in statements(samples) {
        if let Some(found) = explain_one(&runner, &sql).await {
            explained.push(found);
        }
    }
    let mut plans = read_facts(connector, &cancel_queue, &explained).await?;
    let verifier = Verifier::new(Arc::clone(connector), crate::pg::control::Mode::Full, cancel_queue.clone());
    for (request, answer) in explained {
        let sets = plans.sets(&answer.plan);
        let found = verifier.verify(&request, &sets, Allowed::Reading).await.unwrap_or_default();
        let indexes = sets.iter().zip(&found).map(|(set, verified)| IndexAnswer::new(set, verified)).collect();
        plans.plans.push(RecordedPlan {
            sql: request.sql,
            plan: compact(&answer.raw),
            is_estimate: answer.estimate_only,
            at: answer.at,
            indexes,
        });
    }
    drop((runner, verifier, cancel_queue));
    cancel_work.await.unwrap_or_default();
    Ok(plans)
}

/// Returns the server's JSON without the line breaks and blanks between its members; within a text there are none.
fn compact(json: &str) -> String {
    json.lines().map(str::trim_start).collect()
}

/// Returns each statement once, with the values of a session that ran it where one was seen.
fn statements(samples: &[Arc<Snapshot>]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    for sample in samples {
        let rows = sample.rows("activity").into_iter().flat_map(RowSet::iter);
        for text in rows.map(|row| row.text("query")).filter(|text| is_explained(text)) {
            seen.entry(statement_key(text)).or_insert_with(|| text.to_owned());
        }
    }
    let mut all = BTreeMap::new();
    for sample in samples {
        let rows = sample.rows("statement_texts").into_iter().flat_map(RowSet::iter);
        for text in rows.map(|row| row.text("query")).filter(|text| is_explained(text)) {
            let key = statement_key(text);
            let with_values = seen.get(&key).cloned();
            all.entry(key).or_insert_with(|| with_values.unwrap_or_else(|| text.to_owned()));
        }
    }
    all.into_values().collect()
}

fn is_explained(text: &str) -> bool {
    let first = text.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    // What pgdj and pg_stat_statements themselves ask is no statement of the shop.
    EXPLAINED.contains(&first.to_ascii_lowercase().as_str())
        && !text.contains("pg_catalog.")
        && !text.contains("pg_stat_")
}

/// Says where the first value that is offered for a parameter comes from.
fn guessed(number: usize, parameter: &StatementParameter) -> GuessedValue {
    let is_from_statistics = parameter.choices.first().is_some_and(|choice| choice.is_from_statistics);
    GuessedValue { number, is_from_statistics }
}

/// Runs a statement with ANALYZE, with values; only plans it where there are none; `None` where that fails too.
async fn explain_one(runner: &Runner, sql: &str) -> Option<(ExplainRequest, ExplainAnswer)> {
    let parameters = runner.choices(sql).await.unwrap_or_default();
    let values = parameters.iter().map(|parameter| parameter.choices.first().map(|choice| choice.value.clone()));
    let request = ExplainRequest {
        sql: sql.to_owned(),
        parameters: values.collect(),
        guessed: (1..).zip(&parameters).map(|(number, parameter)| guessed(number, parameter)).collect(),
        options: Options::default(),
        consent: Consent::Write,
        agreed: Agreed::Anything,
        timeout_ms: 30_000,
    };
    let estimate = ExplainRequest {
        parameters: Vec::new(),
        options: Options { analyze: false, ..Options::default() },
        ..request.clone()
    };
    for request in [request, estimate] {
        if let Ok(answer) = runner.run(&request, |_| {}, std::future::pending()).await {
            return Some((request, answer));
        }
    }
    None
}

/// Reads the catalog of the tables of all plans, and the names of the project.
async fn read_facts(
    connector: &Arc<dyn Connector>,
    cancel_queue: &CancelQueue,
    explained: &[(ExplainRequest, ExplainAnswer)],
) -> Result<Plans, Failure> {
    let lost = |why: String| Failure::new(FailureKind::Connection, "the connection was lost").because_text(why);
    let relations: BTreeSet<_> = explained.iter().flat_map(|(_, answer)| catalog::relations(&answer.plan)).collect();
    let relations: Vec<_> = relations.into_iter().collect();
    let mut session = Session::open(connector.as_ref(), Limits::SLOW, cancel_queue).await?;
    let parts = catalog::read_parts(&mut session, &relations).await.map_err(|gone| lost(gone.why))?;
    let project = django_read::read_parts(&mut session).await.map_err(|gone| lost(gone.why))?;
    let rows = |(name, set): (&String, &RowSet)| (name.clone(), Rows::from(set));
    Ok(Plans {
        catalog: parts.rows.iter().map(rows).collect(),
        catalog_notes: parts.notes,
        project: project.rows.iter().map(rows).collect(),
        ..Plans::default()
    })
}
