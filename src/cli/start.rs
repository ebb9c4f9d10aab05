//! From the arguments to the command that runs.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::args::{Args, CliCommand, ParsedArgs};
use super::{advise, explain, first, log, shell, verify};
use crate::app::{Rights, SampleOrigin, Start};
use crate::config::Config;
use crate::demo;
use crate::failure::{Failure, FailureKind};
use crate::panes;
use crate::pg::address::{AddressRequest, ConnectionFlags, is_left_open, resolve};
use crate::pg::address::{Environment, Prompt};
use crate::pg::connect::ConnectError;
use crate::pg::connector::ToAddress;
use crate::pg::{own, sampler};
use crate::record::RecordingFile;
use crate::run::baselines::{Baselines, state_folder};
use crate::run::remembered::Remembered;
use crate::run::terminal::Mouse;
use crate::run::{ConsoleSetup, KeptFiles, Playback, Recording, Replay, console, play, record, replay};
use crate::sample::Seconds;
use crate::ui::glyphs::{ASCII, Glyphs, UNICODE};
use crate::ui::theme::{Depth, Theme};

/// What to do for somebody who named no server, where there is none on this machine.
const NO_TARGET: &str = "name a server (see pgdj --help), or try the demo: pgdj demo";

/// Runs what the command line asks for; returns the exit status.
pub fn run(parsed: ParsedArgs) -> Result<ExitCode, Failure> {
    let args = match parsed {
        ParsedArgs::Say(text) => return say(text.as_bytes()).map(|()| ExitCode::SUCCESS),
        ParsedArgs::Run(args) => args,
    };
    if args.settings.print_sql {
        return say(own::print().as_bytes()).map(|()| ExitCode::SUCCESS);
    }
    match &args.command {
        Some(CliCommand::Completions { shell }) => return say(&shell::completions(*shell)).map(|()| ExitCode::SUCCESS),
        Some(CliCommand::Man) => {
            let page = shell::man()
                .map_err(|error| Failure::new(FailureKind::File, "cannot write the man page").because(&error))?;
            return say(&page).map(|()| ExitCode::SUCCESS);
        }
        _ => {}
    }
    log::redact_panics();
    let environment = Environment::real();
    if let Some(path) = &args.settings.log {
        log::start(path, environment.var("PGDJ_LOG"))?;
    }
    let config = args.config(&environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(FailureKind::Refused, "cannot start").because(&error))?;
    let result = runtime.block_on(async {
        match &args.command {
            Some(CliCommand::Demo { record: Some(file), .. }) => record_demo(file).await.map(|()| ExitCode::SUCCESS),
            Some(CliCommand::Demo { speed, .. }) => {
                Box::pin(run_demo(&config, &environment, *speed)).await.map(|()| ExitCode::SUCCESS)
            }
            Some(CliCommand::Explain(asked)) => {
                let (bytes, status) = explain::run(&args, asked, &config, &environment).await?;
                say(&bytes).map(|()| status)
            }
            Some(CliCommand::Advise(asked)) => {
                let bytes = Box::pin(advise::run(&args, asked, &config, &environment)).await?;
                say(&bytes).map(|()| ExitCode::SUCCESS)
            }
            Some(CliCommand::Verify(asked)) => {
                let (bytes, status) = Box::pin(verify::run(&args, asked, &config, &environment)).await?;
                say(&bytes).map(|()| status)
            }
            Some(CliCommand::Record { file, length, .. }) => {
                run_record(&args, &config, &environment, file, *length).await.map(|()| ExitCode::SUCCESS)
            }
            Some(CliCommand::Replay { file }) => {
                Box::pin(run_replay(file, &config, &environment)).await.map(|()| ExitCode::SUCCESS)
            }
            _ => Box::pin(run_console(&args, &config, &environment)).await.map(|()| ExitCode::SUCCESS),
        }
    });
    // The keyboard's thread waits for a key that never comes.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    result
}

async fn run_console(args: &Args, config: &Config, environment: &Environment) -> Result<(), Failure> {
    let request = args.request(&config.aliases);
    let mut address = resolve(&request, environment)?;
    let first_made = first::connect(&mut address, |error| unreached(error, &request, environment)).await?;
    let name = address.to_string();
    let warnings = config.warnings.iter().chain(&address.warnings).cloned().collect();
    let connector = Arc::new(ToAddress::new(address, name.clone()).beginning_with(first_made));
    console(ConsoleSetup { warnings, ..setup(config, environment, name, connector)? }).await
}

/// Says why there is no connection. Who named no server, and has none, is shown the demo too.
fn unreached(error: ConnectError, request: &AddressRequest<'_>, environment: &Environment) -> Failure {
    let is_without_server = error.found_no_server() && is_left_open(request, environment);
    let failure = Failure::from(error);
    if is_without_server { failure.hint(NO_TARGET) } else { failure }
}

async fn run_record(
    args: &Args,
    config: &Config,
    environment: &Environment,
    file: &Path,
    length: Option<Duration>,
) -> Result<(), Failure> {
    let mut address = resolve(&args.request(&config.aliases), environment)?;
    let first_made = first::connect(&mut address, Failure::from).await?;
    for warning in config.warnings.iter().chain(&address.warnings) {
        tell(&format!("warning: {warning}"));
    }
    let name = address.to_string();
    let connector = Arc::new(ToAddress::new(address, name).beginning_with(first_made));
    let recording = Recording { connector, sampler: sampling(config), file: file.to_owned(), length };
    record(recording, tell).await
}

async fn run_replay(file: &Path, config: &Config, environment: &Environment) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::new(FailureKind::File, format!("cannot read the recording {}", file.display())).because(error)
    };
    let opened = File::open(file).map_err(|error| failed(&error))?;
    let mut recording = RecordingFile::open(opened, history_bytes(config)).map_err(|error| failed(&error))?;
    let window = recording.open_first();
    if window.moment.is_none() {
        let failure = Failure::new(FailureKind::File, format!("the recording {} holds no samples", file.display()));
        return Err(window.damage.into_iter().fold(failure, Failure::because_text));
    }
    let start = Start {
        rights: Rights::ReadOnly,
        origin: SampleOrigin::Recording,
        ..start(config, environment, recording.server().target.clone())?
    };
    replay(Replay { file: recording, window, start, mouse: mouse(config) }).await
}

/// Says a step; what cannot be written is nobody's loss.
fn tell(step: &str) {
    let text = crate::ui::text::clean_stream(step).into_owned();
    writeln!(std::io::stderr(), "{text}").unwrap_or_default();
}

async fn record_demo(file: &Path) -> Result<(), Failure> {
    let demo = demo::start(tell).await?;
    demo::recorder::record(&demo, file, tell).await
}

async fn run_demo(config: &Config, environment: &Environment, speed: f64) -> Result<(), Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdout().is_terminal() {
        return Err(Failure::new(
            FailureKind::Terminal,
            "the demo opens the console, which needs a terminal; standard output is not a terminal",
        ));
    }
    let demo = match demo::start(tell).await {
        Ok(demo) => demo,
        Err(failure) => return Box::pin(play_demo(config, environment, speed, &failure)).await,
    };
    let conninfo = demo.conninfo();
    let request = AddressRequest {
        target: Some(&conninfo),
        flags: ConnectionFlags::default(),
        prompt: Prompt::Never,
        aliases: &[],
    };
    let address = resolve(&request, &Environment::default())?;
    let connector = Arc::new(ToAddress::new(address, "demo"));
    let load = tokio::spawn(demo::load::run(demo.conninfo()));
    let result = console(setup(config, environment, "demo".to_owned(), connector)?).await;
    load.abort();
    drop(demo);
    result
}

/// Plays the recording of the demo, because there can be no live one.
async fn play_demo(config: &Config, environment: &Environment, speed: f64, failure: &Failure) -> Result<(), Failure> {
    tell(&format!("{failure}\nplaying a recording of the demo instead"));
    let unreadable =
        |error| Failure::new(FailureKind::File, "the recording of the demo cannot be read").because(&error);
    let playback = Playback::open(demo::RECORDING, speed).map_err(unreadable)?;
    let start = Start {
        rights: Rights::ReadOnly,
        origin: SampleOrigin::Played,
        ..start(config, environment, playback.server().target.clone())?
    };
    play(start, mouse(config), playback, demo::banner(failure)).await
}

fn setup(
    config: &Config,
    environment: &Environment,
    target: String,
    connector: Arc<ToAddress>,
) -> Result<ConsoleSetup, Failure> {
    let start = start(config, environment, target)?;
    let editor = environment.var("VISUAL").or_else(|| environment.var("EDITOR")).unwrap_or("vi").to_owned();
    let state = state_folder(environment);
    Ok(ConsoleSetup {
        start,
        connector,
        sampler: sampling(config),
        mouse: mouse(config),
        editor,
        kept: KeptFiles {
            remembered: Remembered::within(state.as_deref()),
            baselines: Baselines::within(state.as_deref()),
        },
        warnings: Vec::new(),
    })
}

pub(super) fn sampling(config: &Config) -> sampler::SamplerSettings {
    sampler::SamplerSettings {
        pace: config.pace,
        budget: config.budget_ms / 1e3,
        ..sampler::SamplerSettings::default()
    }
}

fn history_bytes(config: &Config) -> usize {
    config.history_mb as usize * 1024 * 1024
}

fn mouse(config: &Config) -> Mouse {
    if config.has_mouse { Mouse::Listened } else { Mouse::Left }
}

fn start(config: &Config, environment: &Environment, target: String) -> Result<Start, Failure> {
    let variable = |name: &str| environment.var(name).map(str::to_owned);
    let depth = Depth::from_word(&config.colour).unwrap_or_else(|| Depth::detect(variable));
    let glyphs = match config.glyphs.as_str() {
        "unicode" => UNICODE,
        "ascii" => ASCII,
        _ => Glyphs::detect(variable),
    };
    let theme = Theme::load(&config.theme, config.themes.as_deref(), depth, glyphs)
        .map_err(|error| Failure::new(FailureKind::Usage, "cannot read the theme").because(&error))?;
    Ok(Start {
        target,
        pane: panes::named(&config.pane).unwrap_or(panes::FIRST),
        pace: Seconds(config.pace.as_secs_f64()),
        rights: if config.is_read_only { Rights::ReadOnly } else { Rights::MayAct },
        origin: SampleOrigin::Server,
        zone: jiff::tz::TimeZone::system(),
        history_bytes: history_bytes(config),
        theme,
        themes: config.themes.clone(),
        vcpus: config.vcpus,
    })
}

fn say(bytes: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(bytes) {
        // The reader of a pipe may leave when it has seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(FailureKind::File, "cannot write to standard output").because(&error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::pg::connect::{Attempt, ConnectTrouble};

    fn error(trouble: ConnectTrouble) -> ConnectError {
        let attempts = vec![Attempt { place: "/tmp/.s.PGSQL.5432".to_owned(), trouble }];
        ConnectError {
            database: "me".to_owned(),
            user: "me".to_owned(),
            password_from: None,
            warnings: Vec::new(),
            attempts,
        }
    }

    #[test]
    fn who_names_no_server_and_has_none_is_shown_the_demo() {
        let no_socket = || error(ConnectTrouble::Socket(io::ErrorKind::NotFound.into()));
        let hint = |failure: Failure| failure.hint.unwrap_or_default();
        let (nothing, named) =
            (AddressRequest::default(), AddressRequest { target: Some("prod"), ..AddressRequest::default() });
        let bare = Environment::default();
        assert!(hint(unreached(no_socket(), &nothing, &bare)).ends_with("pgdj demo"));
        assert!(!hint(unreached(no_socket(), &named, &bare)).contains("pgdj demo"));
        assert!(!hint(unreached(error(ConnectTrouble::PasswordNeeded), &nothing, &bare)).contains("pgdj demo"));
    }
}
