//! PgBouncer in transaction pooling, before a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgdj::pg::private::{ServerUser, run_as};

use super::servers::give;
use super::{Login, Server, leave_out};

/// A running PgBouncer; it ends with its owner.
pub(crate) struct Pooler {
    directory: tempfile::TempDir,
    watchdog: Child,
}

/// Reads until the owner's end of the pipe closes, then ends the pooler.
const WATCHDOG: &str = r#"trap '' INT TERM HUP
"$1" "$2/pgbouncer.ini" >>"$2/log" 2>&1 &
pooler=$!
while IFS= read -r word; do :; done
kill -KILL "$pooler" 2>/dev/null; wait "$pooler" 2>/dev/null"#;

const PORT: u16 = 6432;

impl Pooler {
    /// Starts one with two connections to the server, shared by all clients; `None`, with a sentence, where there is no PgBouncer.
    pub(crate) fn start(server: &Server) -> Option<Self> {
        let programs = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let Some(program) = programs.iter().map(PathBuf::from).find(|program| program.exists()) else {
            leave_out("PgBouncer is not on this machine (Debian: apt install pgbouncer)");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("pgdj-pooler").tempdir().unwrap();
        let path = directory.path();
        let settings = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\nunix_socket_dir = {}\n\
             auth_type = trust\nauth_file = {}/users\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 50\n\
             server_round_robin = 1\nignore_startup_parameters = extra_float_digits\nadmin_users = postgres\n",
            server.private.socket_directory().display(),
            server.private.port(),
            path.display(),
            path.display()
        );
        fs::write(path.join("pgbouncer.ini"), settings).unwrap();
        fs::write(path.join("users"), "\"postgres\" \"\"\n\"reader\" \"\"\n\"plain\" \"\"\n").unwrap();
        fs::write(path.join("log"), "").unwrap();
        give(path, &server.private.data_directory());
        let owner = ServerUser::of_servers();
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "pgdj-pooler-watchdog"]).arg(program).arg(path);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        run_as(&mut command, owner);
        let pooler = Self { watchdog: command.spawn().unwrap(), directory };
        pooler.wait();
        Some(pooler)
    }

    /// Returns the way in, with the same role and database.
    pub(crate) fn login(&self, login: &Login) -> Login {
        login.through(self.path().display().to_string(), PORT)
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.path().join(format!(".s.PGSQL.{PORT}")).exists() {
            let log = || fs::read_to_string(self.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PgBouncer does not start: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        self.watchdog.wait().unwrap();
    }
}
