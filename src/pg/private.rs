//! A private PostgreSQL server in a temporary directory: for `pgdj demo` and for the tests.
//!
//! It listens on a unix socket in its own directory (on TCP only if asked), and goes away with its owner: a watchdog
//! holds a pipe of this process, and when that closes, by a crash or a kill too, stops the server and removes the directory.
//! What is left where both were killed, the next start removes.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

pub use leftovers::sweep;

mod leftovers;

/// The `cluster_name` of a private server, by which it is known to be one.
pub const CLUSTER_NAME: &str = "pgdj private server";

/// What can go wrong with a private server.
#[derive(Debug, Error)]
pub enum PrivateError {
    /// A step of the set-up could not be run.
    #[error("cannot {step}")]
    Step {
        /// What was tried.
        step: &'static str,
        /// Why it could not.
        #[source]
        source: io::Error,
    },
    /// A program of PostgreSQL refused.
    #[error("{program} failed: {message}")]
    Program {
        /// The program.
        program: String,
        /// The last of what it said.
        message: String,
    },
}

/// How a private server is to be set up.
#[derive(Debug, Clone, Default)]
pub struct ServerSetup {
    /// The folder with `initdb` and `postgres`.
    pub bin: PathBuf,
    /// Lines for `postgresql.conf`, for instance `shared_preload_libraries = 'pg_stat_statements'`.
    pub settings: Vec<String>,
    /// A TCP port on 127.0.0.1 beside the unix socket.
    pub port: Option<u16>,
    /// Lines for `pg_hba.conf` in place of `local all all trust` and `host all all 127.0.0.1/32 trust`.
    pub hba: Vec<String>,
    /// A data directory to take instead of `initdb`, for instance a base backup. It is moved into the server's own.
    pub data: Option<PathBuf>,
}

/// A running private server; dropped, it is stopped at once and its directory removed.
#[derive(Debug)]
pub struct PrivateServer {
    directory: PathBuf,
    watchdog: Child,
    port: u16,
    /// Locked for as long as this owner lives.
    owner: fs::File,
}

/// The locale of private servers: the same order of texts everywhere. macOS has no `C.UTF-8`.
const LOCALE: &str = if cfg!(target_os = "macos") { "--locale=C" } else { "--locale=C.UTF-8" };

/// The superuser of a private server.
pub const SUPERUSER: &str = "postgres";

/// Started by `sh`: reads until the owner's end of the pipe closes, then cleans up. A line asks for a restart.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
program=$1 directory=$2
run() {
    "$program" -D "$directory/data" -k "$directory" >>"$directory/log" 2>&1 &
    server=$!
}
run
while IFS= read -r word; do
    kill -INT "$server"
    wait "$server"
    run
done
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$2"
"#;

impl PrivateServer {
    /// Sets up a cluster and starts it; returns once it accepts connections.
    pub fn start(setup: &ServerSetup) -> Result<Self, PrivateError> {
        sweep(&std::env::temp_dir());
        let directory =
            fresh_directory().map_err(|source| PrivateError::Step { step: "make a temporary directory", source })?;
        let started = Self::start_in(setup, &directory);
        if started.is_err() {
            // The directory is of no use without its server; what cannot be removed is left to the system's cleaning.
            fs::remove_dir_all(&directory).unwrap_or_default();
        }
        started
    }

    fn start_in(setup: &ServerSetup, directory: &Path) -> Result<Self, PrivateError> {
        let step = |step| move |source| PrivateError::Step { step, source };
        let owner_file = leftovers::claim(directory).map_err(step("claim the temporary directory"))?;
        let owner = ServerUser::of_servers();
        if let Some(owner) = owner {
            std::os::unix::fs::chown(directory, Some(owner.uid), Some(owner.gid))
                .map_err(step("hand the directory to the server's user"))?;
        }
        let data = directory.join("data");
        match &setup.data {
            Some(ready) => fs::rename(ready, &data).map_err(step("take the data directory"))?,
            None => init(setup, &data, owner)?,
        }
        let port = setup.port.unwrap_or(5432);
        write_settings(setup, &data, port).map_err(step("write the server's settings"))?;
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "pgdj-watchdog"]).arg(setup.bin.join("postgres")).arg(directory);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .current_dir(directory);
        run_as(&mut command, owner);
        let watchdog = command.spawn().map_err(step("start the server"))?;
        let mut server = Self { directory: directory.to_owned(), watchdog, port, owner: owner_file };
        server.wait_until_ready(0)?;
        Ok(server)
    }

    /// Shuts the server down as the system would (fast: open transactions are rolled back) and starts it again.
    pub fn restart(&mut self) -> Result<(), PrivateError> {
        use std::io::Write as _;
        let pid_file = self.data_directory().join("postmaster.pid");
        let pid = || fs::read_to_string(&pid_file).ok().and_then(|text| text.lines().next().map(str::to_owned));
        let before = pid();
        let Some(pipe) = self.watchdog.stdin.as_mut() else { return Ok(()) };
        pipe.write_all(b"restart\n").map_err(|source| PrivateError::Step { step: "ask for a restart", source })?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline && pid().is_none_or(|pid| Some(pid) == before) {
            std::thread::sleep(Duration::from_millis(20));
        }
        // What the log says up to here is of the run before.
        self.wait_until_ready(self.log().len())
    }

    /// Returns the directory of the unix socket, for use as `host`.
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the port: part of the socket's name, and the TCP port where one was asked for.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the data directory.
    pub fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Returns a conninfo for a database of this server over its unix socket.
    pub fn conninfo(&self, database: &str) -> String {
        format!("host={} port={} user={SUPERUSER} dbname={database}", self.directory.display(), self.port)
    }

    /// Returns what the server wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn wait_until_ready(&mut self, log_from: usize) -> Result<(), PrivateError> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let pid_file = self.data_directory().join("postmaster.pid");
        while Instant::now() < deadline {
            // Line 8 of postmaster.pid is the state; source: src/include/utils/pidfile.h.
            let is_ready = fs::read_to_string(&pid_file)
                .is_ok_and(|text| text.lines().nth(7).is_some_and(|state| matches!(state.trim(), "ready" | "standby")));
            if is_ready {
                return Ok(());
            }
            if self.watchdog.try_wait().is_ok_and(|status| status.is_some())
                || self.log().get(log_from..).is_some_and(|log| log.contains("database system is shut down"))
            {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = self.log();
        let tail: Vec<&str> = log.lines().rev().take(5).collect();
        Err(PrivateError::Program {
            program: "postgres".to_owned(),
            message: tail.into_iter().rev().collect::<Vec<_>>().join("; "),
        })
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        // Closing the pipe tells the watchdog to stop the server and remove the directory.
        drop(self.watchdog.stdin.take());
        // A watchdog that cannot be waited for has gone already.
        self.watchdog.wait().map(drop).unwrap_or_default();
        if self.directory.exists() {
            // The watchdog was killed. What cannot be removed is left to the next sweep.
            leftovers::remove(&self.directory).unwrap_or_default();
        }
        self.owner.unlock().unwrap_or_default();
    }
}

/// The user a server runs as when we are root, whom PostgreSQL refuses.
#[derive(Debug, Clone, Copy)]
pub struct ServerUser {
    uid: u32,
    gid: u32,
}

impl ServerUser {
    /// Returns who is to own a server: `None` for ourselves; as root the user `postgres`, else `nobody`.
    pub fn of_servers() -> Option<Self> {
        let is_root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
        if !is_root {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let find = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        };
        find("postgres").or_else(|| find("nobody"))
    }
}

/// Makes a command run as the owner of servers.
pub fn run_as(command: &mut Command, owner: Option<ServerUser>) {
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid);
    }
}

fn fresh_directory() -> io::Result<PathBuf> {
    let base = std::env::temp_dir();
    let stamp =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    for attempt in 0..1000_u32 {
        let directory = base.join(format!("pgdj-{}-{}", std::process::id(), stamp.wrapping_add(attempt)));
        match fs::create_dir(&directory) {
            Ok(()) => {
                fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))?;
                return Ok(directory);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name for it is taken"))
}

fn init(setup: &ServerSetup, data: &Path, owner: Option<ServerUser>) -> Result<(), PrivateError> {
    let mut command = Command::new(setup.bin.join("initdb"));
    command.arg("-D").arg(data).args(["-U", SUPERUSER, "-A", "trust", "--no-sync", "-E", "UTF8", LOCALE]);
    command.current_dir("/").stdin(Stdio::null());
    run_as(&mut command, owner);
    let output = command.output().map_err(|source| PrivateError::Step { step: "run initdb", source })?;
    succeed("initdb", &output)
}

fn succeed(program: &str, output: &Output) -> Result<(), PrivateError> {
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(PrivateError::Program { program: program.to_owned(), message })
}

fn write_settings(setup: &ServerSetup, data: &Path, port: u16) -> io::Result<()> {
    use std::io::Write as _;
    let listen = if setup.port.is_some() { "127.0.0.1" } else { "" };
    let mut conf = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
    writeln!(
        conf,
        "cluster_name = '{CLUSTER_NAME}'\nlisten_addresses = '{listen}'\nport = {port}\nfsync = off\nfull_page_writes = off\nlogging_collector = off"
    )?;
    for line in &setup.settings {
        writeln!(conf, "{line}")?;
    }
    if !setup.hba.is_empty() {
        fs::write(data.join("pg_hba.conf"), setup.hba.join("\n") + "\n")?;
    }
    Ok(())
}

/// Returns the folders with a PostgreSQL server on this machine, newest major first: on `PATH`, and where packages put it.
pub fn installed(path: Option<&OsString>) -> Vec<PathBuf> {
    let on_path = path.map(|path| std::env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
    with_server(on_path.into_iter().chain(packaged(Path::new("/"))))
}

/// Returns where packages put the programs of a server, newest major first; `root` is `/`, but in a test.
pub(crate) fn packaged(root: &Path) -> Vec<PathBuf> {
    let parents = [
        "usr/lib/postgresql",
        "usr/pgsql",
        "opt/homebrew/opt",
        "usr/local/opt",
        "usr/local/pgsql",
        "Library/PostgreSQL",
    ];
    let mut packaged: Vec<PathBuf> = parents.iter().flat_map(|parent| majors_below(&root.join(parent))).collect();
    packaged.push(root.join("usr/local/pgsql/bin"));
    packaged.extend((10..30).rev().map(|major| root.join(format!("usr/pgsql-{major}/bin"))));
    packaged.sort_by_key(|bin| std::cmp::Reverse(major_of(bin)));
    packaged
}

/// Returns the `bin` of each folder in this one, newest major first: of `18` before that of `17`.
pub(crate) fn majors_below(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut bins: Vec<PathBuf> = entries.map(|entry| entry.path().join("bin")).collect();
    bins.sort_by_key(|bin| std::cmp::Reverse(major_of(bin)));
    bins
}

/// Returns those of these folders that hold a server's programs, each once, by their real names.
pub(crate) fn with_server(bins: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for bin in bins {
        let Ok(program) = fs::canonicalize(bin.join("postgres")) else { continue };
        let Some(real) = program.parent().map(Path::to_owned) else { continue };
        if real.join("initdb").exists() && !found.contains(&real) {
            found.push(real);
        }
    }
    found
}

fn major_of(bin: &Path) -> u32 {
    let folder = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    folder.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or(0)
}
