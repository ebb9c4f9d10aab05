//! From the arguments to the command that runs.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::args::{Args, Command, Parsed};
use super::{explain, log, password, shell};
use crate::app::{PaneId, Rights, Start};
use crate::config::Config;
use crate::demo;
use crate::failure::{Failure, Kind};
use crate::pg::address::{Environment, Prompt};
use crate::pg::address::{Flags, Request, resolve};
use crate::pg::connect::connect_asking;
use crate::pg::connector::ToAddress;
use crate::pg::sampler;
use crate::run::remembered::Remembered;
use crate::run::terminal::Mouse;
use crate::run::{Setup, console};
use crate::sample::Seconds;
use crate::ui::glyphs::{ASCII, Glyphs, UNICODE};
use crate::ui::theme::{Depth, Theme};

/// Runs what the command line asks for; returns the exit status.
pub fn run(parsed: Parsed) -> Result<ExitCode, Failure> {
    let args = match parsed {
        Parsed::Say(text) => return say(text.as_bytes()).map(done),
        Parsed::Run(args) => args,
    };
    match &args.command {
        Some(Command::Completions { shell }) => return say(&shell::completions(*shell)).map(done),
        Some(Command::Man) => {
            let page =
                shell::man().map_err(|error| Failure::new(Kind::File, "cannot write the man page").because(&error))?;
            return say(&page).map(done);
        }
        _ => {}
    }
    let environment = Environment::real();
    if let Some(path) = &args.settings.log {
        log::start(path, environment.var("PGDJ_LOG"))?;
    }
    let config = args.config(&environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Kind::Refused, "cannot start").because(&error))?;
    let result = runtime.block_on(async {
        match &args.command {
            Some(Command::Demo) => run_demo(&config, &environment).await.map(done),
            Some(Command::Explain(wish)) => {
                let (bytes, status) = explain::run(&args, wish, &config, &environment).await?;
                say(&bytes).map(|()| status)
            }
            _ => run_console(&args, &config, &environment).await.map(done),
        }
    });
    // The keyboard's thread waits for a key that never comes.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    result
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

async fn run_console(args: &Args, config: &Config, environment: &Environment) -> Result<(), Failure> {
    let mut address = resolve(&args.request(&config.aliases), environment)?;
    // A first connection, before the screen is taken: here a password can be asked for, and a failure be read.
    let connected = connect_asking(&mut address, password::ask).await?;
    drop(connected);
    let name = address.to_string();
    let connector = Arc::new(ToAddress::new(address, name.clone()));
    console(setup(config, environment, name, connector)?).await
}

async fn run_demo(config: &Config, environment: &Environment) -> Result<(), Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdout().is_terminal() {
        return Err(Failure::new(
            Kind::Terminal,
            "the demo opens the console, which needs a terminal, and standard output is not one",
        ));
    }
    let told = |step: &str| {
        // Progress that cannot be written is nobody's loss.
        writeln!(std::io::stderr(), "{step}").unwrap_or_default();
    };
    let demo = demo::start(told).await?;
    let conninfo = demo.conninfo();
    let request = Request { target: Some(&conninfo), flags: Flags::default(), prompt: Prompt::Never, aliases: &[] };
    let address = resolve(&request, &Environment::default())?;
    let connector = Arc::new(ToAddress::new(address, "demo"));
    let load = tokio::spawn(demo::load::run(demo.conninfo()));
    let result = console(setup(config, environment, "demo".to_owned(), connector)?).await;
    load.abort();
    drop(demo);
    result
}

fn setup(
    config: &Config,
    environment: &Environment,
    target: String,
    connector: Arc<ToAddress>,
) -> Result<Setup, Failure> {
    let variable = |name: &str| environment.var(name).map(str::to_owned);
    let depth = Depth::from_word(&config.colour).unwrap_or_else(|| Depth::detect(variable));
    let glyphs = match config.glyphs.as_str() {
        "unicode" => UNICODE,
        "ascii" => ASCII,
        _ => Glyphs::detect(variable),
    };
    let theme = Theme::load(&config.theme, config.themes.as_deref(), depth, glyphs)
        .map_err(|error| Failure::new(Kind::Usage, "cannot read the theme").because(&error))?;
    let start = Start {
        target,
        pane: PaneId::named(&config.pane).unwrap_or(PaneId::Overview),
        pace: Seconds(config.pace.as_secs_f64()),
        rights: if config.is_read_only { Rights::ReadOnly } else { Rights::MayAct },
        history_bytes: config.history_mb as usize * 1024 * 1024,
        theme,
        themes: config.themes.clone(),
    };
    let sampler =
        sampler::Settings { pace: config.pace, budget: config.budget_ms / 1e3, ..sampler::Settings::default() };
    let mouse = if config.has_mouse { Mouse::Listened } else { Mouse::Left };
    let editor = environment.var("VISUAL").or_else(|| environment.var("EDITOR")).unwrap_or("vi").to_owned();
    let xdg = environment.var("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = xdg.or_else(|| environment.in_home(".local/state")).map(|folder| folder.join("pgdj"));
    let remembered = Remembered::within(state.as_deref());
    Ok(Setup { start, connector, sampler, mouse, editor, remembered })
}

fn say(bytes: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(bytes) {
        // The reader of a pipe may leave when it has seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Kind::File, "cannot write to standard output").because(&error))
        }
        _ => Ok(()),
    }
}
