//! The arguments. Their doc comments are the help, the man page and the completions.
//!
//! [`parse`] is pure: it neither prints nor ends the process. psql's flags mean what they mean to psql, `-h` for the host
//! included, so help is `--help` and `-?`.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config;
use crate::failure::{Failure, FailureKind};
use crate::pg::address::{AddressRequest, Alias, ConnectionFlags, Prompt, masked, may_hold_password};

/// Examples and words that the options do not explain.
const AFTER_HELP: &str = "\
TARGET is one of
  a URL            postgres://app@db1:5432/shop?sslmode=verify-full
  a conninfo       \"host=db1,db2 dbname=shop target_session_attrs=primary\"
  a service        the name of a section in ~/.pg_service.conf
  an alias         the name of a [targets.NAME] in ~/.config/pgdj/config.toml
Without TARGET, -h, -p, -U and -d: the libpq variables (PGSERVICE, PGHOST, …),
else DATABASE_URL, else the local server. The password comes from
TARGET, PGPASSWORD or ~/.pgpass; otherwise pgdj asks for it.

Examples
  pgdj                            the server of PGHOST, else the local one
  pgdj -h db1 -U app -d shop      as with psql
  pgdj prod --read-only           an alias; --read-only forbids all actions
  DATABASE_URL=postgis://… pgdj   the database that Django uses
  pgdj demo                       a sample Django shop with load and problems
  pgdj prod explain query.sql     plan, tips, and indexes as Django code
  pgdj prod advise                the few best indexes for all statements
  pgdj record incident.gz prod    record to a file, until Ctrl-C
  pgdj replay incident.gz         show the recording
  pgdj --print-sql                every statement pgdj can send, for your DBA
  pgdj completions bash           the text for /etc/bash_completion.d/pgdj";

/// A terminal console for PostgreSQL behind Django.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "pgdj",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    after_help = AFTER_HELP,
    max_term_width = 110
)]
pub struct Args {
    /// Where to connect: a URL, a key=value conninfo, a service or an alias
    pub target: Option<SecretText>,

    /// Where to connect, in psql's way.
    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// Settings for this run.
    #[command(flatten)]
    pub settings: RunSettings,

    /// The command; without one the console opens.
    #[command(subcommand)]
    pub command: Option<CliCommand>,
}

/// psql's connection options.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connection (as in psql)")]
pub struct ConnectionArgs {
    /// Host, address, or folder of the unix socket; separate several with commas
    #[arg(short = 'h', long, value_name = "HOST", global = true)]
    pub host: Option<String>,

    /// Port of the server
    #[arg(short = 'p', long, value_name = "PORT", global = true)]
    pub port: Option<String>,

    /// Role to connect as
    #[arg(short = 'U', long, value_name = "ROLE", global = true)]
    pub username: Option<String>,

    /// Database to connect to
    #[arg(short = 'd', long, value_name = "DATABASE", global = true)]
    pub dbname: Option<SecretText>,

    /// Never ask for a password
    #[arg(short = 'w', long, global = true, conflicts_with = "password")]
    pub no_password: bool,

    /// Ask for a password before connecting
    #[arg(short = 'W', long, global = true)]
    pub password: bool,
}

/// Settings for this run.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Options")]
pub struct RunSettings {
    /// Forbid all actions: cancel, terminate, trial indexes, EXPLAIN ANALYZE of a write
    #[arg(long, global = true)]
    pub read_only: bool,

    /// Theme: a built-in one, or a file in ~/.config/pgdj/themes
    #[arg(long, value_name = "NAME", global = true)]
    pub theme: Option<String>,

    /// Seconds between two readings of the counters, 0.5 to 60; sessions are read every second
    #[arg(long, value_name = "SECONDS", global = true)]
    pub pace: Option<String>,

    /// Read the settings from this file
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Write what pgdj does to this file, without passwords
    #[arg(long, value_name = "FILE", global = true)]
    pub log: Option<PathBuf>,

    /// Print every statement that pgdj itself can send, with what it reads and when
    #[arg(long, exclusive = true)]
    pub print_sql: bool,

    /// Print help
    #[arg(short = '?', long, global = true, action = clap::ArgAction::Help)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
}

/// What `pgdj explain` is to do.
#[derive(Debug, Clone, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of the command line, which are independent of each other")]
pub struct ExplainArgs {
    /// A file with one statement, or with plans (JSON, text, an `auto_explain` log); - is standard input
    pub file: Option<PathBuf>,

    /// Explain the statement with this queryid in `pg_stat_statements`
    #[arg(long, value_name = "N", allow_hyphen_values = true, conflicts_with_all = ["file", "plan"])]
    pub queryid: Option<i64>,

    /// With --queryid: plan the statement even if it calls what may do more than read; anybody can have sent it
    #[arg(long, requires = "queryid")]
    pub allow_calls: bool,

    /// Read plans from this file, without a server
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "analyze"])]
    pub plan: Option<PathBuf>,

    /// Run the statement, in a read-only transaction
    #[arg(long)]
    pub analyze: bool,

    /// Allow a statement that writes; it is rolled back
    #[arg(long, requires = "analyze")]
    pub write: bool,

    /// The value of $1; repeat it for $2, $3 and so on; NULL stands for null
    #[arg(long = "param", value_name = "VALUE", allow_hyphen_values = true)]
    pub params: Vec<String>,

    /// Seconds that the statement may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    pub timeout: f64,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,

    /// Exit with status 10 if there is a tip or an index worth building; with --against, if a sequential scan is new
    #[arg(long)]
    pub check: bool,

    /// Report sequential scans that this older plan does not have: a file from --format json, or any file of plans
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
}

/// What `pgdj advise` is to do.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AdviseArgs {
    /// Which server and database, as for the console
    pub target: Option<SecretText>,

    /// The most indexes
    #[arg(long, value_name = "N", default_value_t = crate::pg::workload::INDEXES)]
    pub max_indexes: usize,

    /// The most bytes of all of them together: 500MB, 2GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_bytes: Option<u64>,

    /// Look at this many statements, those first that take most time
    #[arg(long, value_name = "N", default_value_t = crate::pg::workload::STATEMENTS, value_parser = statements)]
    pub limit: usize,

    /// Count only what runs in this time from now on: 90s, 10m; without it, all since the counters were reset
    #[arg(long = "for", value_name = "TIME", value_parser = length_of_time)]
    pub time: Option<Duration>,

    /// Keep the advice under this name, to be compared with what comes of it: pgdj verify NAME
    ///
    /// The file is in ~/.local/state/pgdj/baselines, for your eyes only. It has the texts of the statements as the server keeps them,
    /// without values.
    #[arg(long, value_name = "NAME", value_parser = crate::run::baselines::name)]
    pub pin: Option<String>,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// What `pgdj verify` is to do.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct VerifyArgs {
    /// The name that the advice was kept under (pgdj advise --pin NAME); without it, the names are listed
    pub name: Option<String>,

    /// Exit status 10 if an index is not used or invalid, or if a statement that it was to help is slower
    #[arg(long)]
    pub check: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// Reads a number of statements.
fn statements(text: &str) -> Result<usize, String> {
    let number = text.parse::<usize>().ok().filter(|number| (1..=5000).contains(number));
    number.ok_or_else(|| "use a whole number from 1 to 5000".to_owned())
}

/// Reads a size: `500MB`, `2 GB`, `1048576`; units are of 1,024, as in PostgreSQL's settings.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || "write it as 500MB or 2GB".to_owned();
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.parse::<f64>().map_err(|_malformed| wrong())?;
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" | "k" | "kib" => 1024.0,
        "mb" | "m" | "mib" => 1024.0 * 1024.0,
        "gb" | "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "tb" | "t" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    Ok((number * unit) as u64)
}

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum OutputFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For an issue or a pull request.
    Markdown,
    /// A page for a browser that needs nothing beside it.
    Html,
}

/// The commands beside the console.
#[derive(Debug, Clone, Subcommand)]
pub enum CliCommand {
    /// Explain a statement or a plan: tips, and indexes as Django code
    Explain(ExplainArgs),

    /// Find the few indexes that save most time of all statements, as Django code
    ///
    /// It plans the statements that the server counts; it runs none of them and builds nothing.
    Advise(AdviseArgs),

    /// Compare what an advice promised with what came of it: which indexes are used, how fast the statements are
    ///
    /// It reads the counters and plans the statements again; it runs none of them.
    Verify(VerifyArgs),

    /// Open the console on a sample Django shop with load and problems
    ///
    /// It starts a private server and removes it at the end. Without PostgreSQL on this machine, it plays a recording.
    Demo {
        /// Record the demo to this file
        #[arg(long, value_name = "FILE", hide = true)]
        record: Option<PathBuf>,

        /// Play a recording so many times faster
        #[arg(long, value_name = "TIMES", hide = true, default_value_t = 1.0)]
        speed: f64,
    },

    /// Record what happens on a server to a file, until Ctrl-C
    Record {
        /// The file to write (gzipped JSON Lines); it contains the texts of statements
        file: PathBuf,

        /// Which server to record, as for the console
        target: Option<SecretText>,

        /// Stop after this time: 90s, 10m, 2h
        #[arg(long = "for", value_name = "TIME", value_parser = length_of_time)]
        length: Option<Duration>,
    },

    /// Show a recording in the console
    Replay {
        /// The recording
        file: PathBuf,
    },

    /// Print shell completions
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },

    /// Print the man page
    #[command(hide = true)]
    Man,
}

/// An argument that may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(pub String);

impl FromStr for SecretText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    /// Shows names; a URL or a conninfo is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if may_hold_password(&self.0) { f.write_str("\"…\"") } else { fmt::Debug::fmt(&self.0, f) }
    }
}

/// Reads a length of time: `90s`, `10m`, `1h30m`.
fn length_of_time(text: &str) -> Result<Duration, String> {
    let read = text.parse::<jiff::SignedDuration>().ok().and_then(|length| Duration::try_from(length).ok());
    read.filter(|length| !length.is_zero()).ok_or_else(|| "write it as 90s, 10m or 2h".to_owned())
}

/// What the command line asks for.
#[derive(Debug)]
pub enum ParsedArgs {
    /// To run.
    Run(Box<Args>),
    /// To print this (help or the version) and end well.
    Say(String),
}

/// Reads the arguments, the program's own name first.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<ParsedArgs, Failure> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match Args::try_parse_from(&arguments) {
        Ok(args) => args.judge().map(|args| ParsedArgs::Run(Box::new(args))),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(ParsedArgs::Say(error.render().to_string()))
        }
        Err(error) => Err(failure(&error, &arguments)),
    }
}

/// Returns the command line's description, for completions and the man page.
pub fn command() -> clap::Command {
    Args::command()
}

impl Args {
    fn judge(self) -> Result<Self, Failure> {
        if let Some(what) = self.address_in_a_file() {
            return Err(Failure::new(FailureKind::Usage, what).hint("TARGET comes first: pgdj TARGET explain FILE"));
        }
        // Of the commands, those that ask a server take one.
        let takes_target =
            matches!(self.command, None | Some(CliCommand::Explain(_) | CliCommand::Advise(_) | CliCommand::Verify(_)));
        match &self.target {
            Some(target) if !takes_target => {
                let word = if may_hold_password(&target.0) { "TARGET" } else { target.0.as_str() };
                let what = format!("this command takes no TARGET, and {word} comes before it");
                let hint = "to open an alias with the name of a command: pgdj -- NAME";
                Err(Failure::new(FailureKind::Usage, what).hint(hint))
            }
            _ => Ok(self),
        }
    }

    /// Says that a file's place holds an address with a password, without quoting it.
    fn address_in_a_file(&self) -> Option<String> {
        let file = match &self.command {
            Some(CliCommand::Explain(explain)) => explain.file.as_ref()?,
            Some(CliCommand::Record { file, .. } | CliCommand::Replay { file }) => file,
            _ => return None,
        };
        let is_address = masked(file.to_str()?).is_some() && !file.exists();
        is_address.then(|| "FILE is a server address with a password (not shown here)".to_owned())
    }

    /// Returns what decides where to connect.
    pub fn request<'a>(&'a self, aliases: &'a [Alias]) -> AddressRequest<'a> {
        let connection = &self.connection;
        let prompt = match (connection.no_password, connection.password) {
            (true, _) => Prompt::Never,
            (_, true) => Prompt::First,
            _ => Prompt::IfNeeded,
        };
        let flags = ConnectionFlags {
            host: connection.host.as_deref(),
            port: connection.port.as_deref(),
            user: connection.username.as_deref(),
            database: connection.dbname.as_ref().map(|name| name.0.as_str()),
        };
        AddressRequest { target: self.target(), flags, prompt, aliases }
    }

    /// Returns TARGET.
    pub fn target(&self) -> Option<&str> {
        let target = match &self.command {
            Some(CliCommand::Record { target, .. }) => target,
            Some(CliCommand::Advise(AdviseArgs { target: target @ Some(_), .. })) => target,
            _ => &self.target,
        };
        target.as_ref().map(|target| target.0.as_str())
    }
}

impl RunSettings {
    /// Returns the settings given as flags, for [`config::ConfigFlags::given`].
    pub fn given(&self) -> Vec<(&'static str, &'static str, String)> {
        let read_only = self.read_only.then(|| "true".to_owned());
        let flags = [
            ("--theme", "theme", self.theme.clone()),
            ("--pace", "pace", self.pace.clone()),
            ("--read-only", "read_only", read_only),
        ];
        flags.into_iter().filter_map(|(flag, name, value)| Some((flag, name, value?))).collect()
    }
}

impl Args {
    /// Reads the settings that are in force.
    pub fn config(&self, environment: &crate::pg::address::Environment) -> Result<config::Config, Failure> {
        let given = self.settings.given();
        let flags = config::ConfigFlags { file: self.settings.config.as_deref(), target: self.target(), given: &given };
        Ok(config::Config::load(&flags, environment)?)
    }
}

/// Says in one sentence what clap found; an argument that may hold a password is not quoted.
fn failure(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let text = error.render().to_string();
    let mut what =
        text.lines().next().unwrap_or_default().trim_start_matches("error: ").trim_end_matches(':').to_owned();
    if error.kind() == ErrorKind::MissingRequiredArgument
        && let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg)
    {
        let missing = missing.join(", ");
        what =
            if missing == "--analyze" { "--write needs --analyze".to_owned() } else { format!("{missing} is missing") };
    }
    let mut hint = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "))
        // A flag that does not exist is no value that somebody wanted to pass.
        .filter(|tip| !tip.starts_with("to pass "))
        .map_or_else(|| format!("see pgdj{} --help", subcommand(arguments)), str::to_owned);
    if let Some((plain, remedy)) = invalid(error) {
        (what, hint) = (plain, remedy.unwrap_or(hint));
    }
    if let Some(values) = text.lines().find_map(|line| line.trim().strip_prefix("[possible values: ")) {
        hint = format!("possible values: {}", values.trim_end_matches(']'));
    }
    if what.contains("-h <HOST>") || what.contains("--host <HOST>") {
        "-h is the host, as in psql; for help, run pgdj --help".clone_into(&mut hint);
    }
    for argument in arguments.iter().filter_map(|argument| argument.to_str()).filter(|text| may_hold_password(text)) {
        // `--flag=value` is quoted by clap in its parts.
        let parts = argument.split_once('=').map(|(_, value)| value);
        for secret in [Some(argument), parts].into_iter().flatten().filter(|secret| secret.len() > 1) {
            what = what.replace(secret, "…");
            hint = hint.replace(secret, "…");
        }
    }
    Failure::new(FailureKind::Usage, what).hint(hint)
}

/// Returns the command among the arguments, behind a blank.
fn subcommand(arguments: &[OsString]) -> String {
    let is_name = |word: &&str| Args::command().find_subcommand(word).is_some();
    let name = arguments.iter().skip(1).filter_map(|argument| argument.to_str()).find(is_name);
    name.map(|name| format!(" {name}")).unwrap_or_default()
}

/// Says that an option does not take a value, in the words of every such error, with what it takes where that is known.
fn invalid(error: &clap::Error) -> Option<(String, Option<String>)> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else { return None };
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return None };
    if value.is_empty() {
        return None;
    }
    let option = option.split(' ').next().unwrap_or_default();
    let remedy = std::error::Error::source(error).map(|cause| match cause.to_string().as_str() {
        cause if cause.contains("invalid digit") => "use a whole number".to_owned(),
        cause if cause.contains("invalid float") => "use a number".to_owned(),
        cause => cause.to_owned(),
    });
    Some((format!("invalid value \"{value}\" for {option}"), remedy))
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
