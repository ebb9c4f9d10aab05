//! `pgdj explain`: a statement or a plan in; the plan, what is worth doing about it, and the Django code out.

mod against;
mod documents;
mod input;
mod json;
mod report;
mod reported;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use super::args::{Args, ExplainArgs, OutputFormat};
use super::target::{Target, say, target, theme};
use crate::config::Config;
use crate::failure::{Failure, FailureKind};
use crate::pg::address::Environment;
use crate::pg::advice;
use crate::pg::explain::{Agreed, Consent, ExplainProgress, ExplainRequest, Options, Runner};
use crate::plan;
use crate::readings::statements::MeanCall;
use crate::run::ShutdownSignals;
use crate::sample::Bytes;
use crate::ui::html::{self, HtmlPart};
use crate::ui::{markdown, stream};

use input::ExplainInput;
use report::ExplainReport;
use reported::Reported;

/// The exit status of `--check` where something is worth doing, or a sequential scan is new; no failure has it.
pub const HAS_ADVICE: u8 = 10;

/// Runs the command; returns what is printed and the exit status.
pub async fn run(
    args: &Args,
    asked: &ExplainArgs,
    config: &Config,
    environment: &Environment,
) -> Result<(Vec<u8>, ExitCode), Failure> {
    let timeout_ms = timeout_ms(asked.timeout)?;
    let older = asked.against.as_deref().map(against::read).transpose()?;
    let mut report = match input::read(asked)? {
        ExplainInput::Plan { text, from } => of_plans(&text, &from)?,
        ExplainInput::Statement(sql) => {
            let target = target(args, config, environment).await?;
            let report = of_statement(&target, asked, &sql, None, timeout_ms).await;
            target.end().await;
            report?
        }
        ExplainInput::QueryId(id) => {
            let target = target(args, config, environment).await?;
            let report = match input::statement_of(target.connector.as_ref(), &target.cancel_queue, id).await {
                Ok(kept) => of_statement(&target, asked, &kept.sql, kept.mean, timeout_ms).await,
                Err(failure) => Err(failure),
            };
            target.end().await;
            report?
        }
    };
    report.against = older.map(|(from, older)| against::compare(from, &older, &report.plans));
    let text = match asked.format {
        OutputFormat::Text => stream::write(&documents::documents(&report), theme(config, environment).as_ref()),
        OutputFormat::Json => json::write(&report),
        OutputFormat::Markdown => markdown::write(&documents::documents(&report)),
        OutputFormat::Html => {
            let documents = documents::documents(&report);
            let plans = report.plans.iter().map(|plan| Some(&plan.plan)).chain(std::iter::repeat(None));
            let parts = documents.iter().zip(plans).map(|(document, plan)| HtmlPart { document, plan });
            html::write(&parts.collect::<Vec<_>>())
        }
    };
    let status = if asked.check && report.is_bad() { ExitCode::from(HAS_ADVICE) } else { ExitCode::SUCCESS };
    Ok((text.into_bytes(), status))
}

fn timeout_ms(seconds: f64) -> Result<u32, Failure> {
    // A day: statement_timeout takes no more than 24 of them, and nobody waits so long.
    if seconds > 0.0 && seconds <= 86_400.0 {
        return Ok((seconds * 1e3).ceil() as u32);
    }
    Err(Failure::new(FailureKind::Usage, "--timeout must be more than 0 and at most 86400 seconds"))
}

/// Reads plans that somebody has already; no server is asked.
fn of_plans(text: &str, from: &str) -> Result<ExplainReport, Failure> {
    let parsed = plan::parse(text);
    let troubles: Vec<String> = parsed.troubles.iter().map(ToString::to_string).collect();
    if parsed.plans.is_empty() {
        let failure = Failure::new(FailureKind::Refused, format!("no plan found in {from}"));
        let failure = troubles.into_iter().take(3).fold(failure, Failure::because_text);
        return Err(failure.hint("EXPLAIN (ANALYZE, BUFFERS, VERBOSE, SETTINGS, FORMAT JSON) gives the most detail"));
    }
    Ok(ExplainReport { plans: parsed.plans.into_iter().map(Reported::from_file).collect(), troubles, against: None })
}

async fn of_statement(
    target: &Target,
    asked: &ExplainArgs,
    sql: &str,
    mean: Option<MeanCall>,
    timeout_ms: u32,
) -> Result<ExplainReport, Failure> {
    let request = ExplainRequest {
        sql: sql.to_owned(),
        parameters: asked.params.iter().map(|value| (value != "NULL").then(|| value.clone())).collect(),
        guessed: Vec::new(),
        options: Options { analyze: asked.analyze, ..Options::default() },
        consent: if asked.write { Consent::Write } else { Consent::ReadOnly },
        // Anybody can put a statement into pg_stat_statements, so nobody has agreed to what that one calls.
        agreed: if asked.queryid.is_some() && !asked.allow_calls { Agreed::To(Vec::new()) } else { Agreed::Anything },
        timeout_ms,
    };
    let runner = Runner::new(Arc::clone(&target.connector), target.mode, target.cancel_queue.clone());
    let is_watched = std::io::stderr().is_terminal();
    let mut ends = ShutdownSignals::install()?;
    let warned = RefCell::new(BTreeSet::new());
    let told = |progress: ExplainProgress| {
        warn(&progress.warnings, &mut warned.borrow_mut());
        tell(&progress, is_watched);
    };
    let answer = runner.run(&request, told, ends.came()).await;
    if is_watched {
        say("\r\x1b[K");
    }
    let answer = answer.map_err(|failure| match failure.kind {
        FailureKind::NotAgreed => failure.hint("if you trust what it calls, add --allow-calls"),
        _ => failure,
    })?;
    // If the advice fails, the plan is still shown.
    let advised = tokio::select! {
        advised = advice::advise(&target.connector, target.mode, &target.cancel_queue, &request, &answer.plan) => advised,
        // What it asks is dropped, and so cancelled on the server.
        () = ends.came() => return Err(Failure::new(FailureKind::Refused, "cancelled while pgdj looked for indexes")),
    };
    let mut advised = match advised {
        Ok(advised) => advised,
        Err(failure) => {
            advice::Advised { notes: vec![format!("no index advice: {}", failure.what)], ..advice::Advised::default() }
        }
    };
    advised.context.rows_per_call = mean.map(|mean| mean.rows);
    advised.context.mean_time = mean.map(|mean| mean.time);
    advised.context.temp_per_call = mean.map(|mean| Bytes(mean.temp_written * plan::BLOCK));
    advised.notes.extend(crate::report::beside_the_mean(&answer.plan, advised.context.mean_time));
    advised.notes.extend(crate::report::rows_beside_the_mean(&answer.plan, advised.context.rows_per_call));
    Ok(ExplainReport { plans: vec![Reported::from_server(answer, advised)], troubles: Vec::new(), against: None })
}

/// Says on standard error what the statement may do, before it does.
fn warn(warnings: &[String], said: &mut BTreeSet<String>) {
    for warning in warnings {
        if !said.insert(warning.clone()) {
            continue;
        }
        say(&format!("warning: {}\n", crate::ui::text::clean(warning)));
    }
}

/// Says on standard error how it stands, from the first second on.
fn tell(progress: &ExplainProgress, is_watched: bool) {
    if !is_watched || progress.elapsed.0 < 1.0 {
        return;
    }
    let waits: Vec<String> = progress.blocked_by.iter().map(|it| format!("pid {} ({})", it.pid, it.who)).collect();
    let waits = if waits.is_empty() { String::new() } else { format!(", blocked by {}", waits.join(", ")) };
    let line = format!("{} so far{waits}; Ctrl-C cancels it", progress.elapsed);
    say(&format!("\r{}\x1b[K", crate::ui::text::clean_cut(&line, 100)));
}
