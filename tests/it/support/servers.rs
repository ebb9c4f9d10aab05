//! One server a major and test run, started when first asked for; a database of its own for each test.
//!
//! The machine's own server always takes part; 12 to 18 where `target/servers/<major>` has them. `PGDJ_TEST_SERVERS`
//! names the majors to take (`15,18`), or says `own`; `PGDJ_TEST_ALL` demands that all are there. They go away with this process: a watchdog sees to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use pgdj::pg::private::{PrivateServer, Setup, installed};

use super::Login;
use super::left_out::{leave_out, say};

/// A running server.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) private: PrivateServer,
    pub(crate) bin: PathBuf,
}

/// A place of a server in the list: its name, its programs, and itself once it runs.
struct Place {
    name: String,
    bin: PathBuf,
    server: OnceLock<Server>,
}

/// Returns every server of this run, started.
pub(crate) fn servers() -> Vec<&'static Server> {
    places().iter().map(start).collect()
}

/// Returns the machine's own server.
pub(crate) fn own() -> &'static Server {
    start(places().first().expect("this machine has no PostgreSQL server: the tests need one"))
}

/// Returns the newest server there is.
pub(crate) fn newest() -> &'static Server {
    start(places().last().expect("this machine has no PostgreSQL server: the tests need one"))
}

/// Starts a server like the machine's own for one test alone, whose figures nobody else may move.
pub(crate) fn apart() -> Server {
    let shared = own();
    launch(&shared.name, &shared.bin)
}

fn start(place: &'static Place) -> &'static Server {
    place.server.get_or_init(|| launch(&place.name, &place.bin))
}

fn launch(name: &str, bin: &Path) -> Server {
    let settings = [
        "shared_preload_libraries = 'pg_stat_statements'",
        "pg_stat_statements.track = all",
        // Every test has a database of its own, and so statements of its own: none may be evicted by another's.
        "pg_stat_statements.max = 50000",
        "max_connections = 80",
        "max_prepared_transactions = 5",
        "autovacuum = off",
        "jit = off",
    ];
    let setup = Setup { bin: bin.to_owned(), settings: settings.map(str::to_owned).to_vec(), ..Setup::default() };
    let private = PrivateServer::start(&setup).unwrap_or_else(|error| panic!("server {name}: {error}"));
    Server { name: name.to_owned(), private, bin: bin.to_owned() }
}

fn places() -> &'static [Place] {
    static PLACES: OnceLock<Vec<Place>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let wanted = environment("PGDJ_TEST_SERVERS");
        let place = |name: String, bin: PathBuf| Place { name, bin, server: OnceLock::new() };
        let path = environment("PATH").map(Into::into);
        let mut places: Vec<Place> =
            installed(path.as_ref()).into_iter().take(1).map(|bin| place("own".to_owned(), bin)).collect();
        let mut left_out = Vec::new();
        for major in 12..=18 {
            let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/servers/{major}/bin"));
            let is_wanted = wanted.as_deref().is_none_or(|list| list.split(',').any(|name| name == major.to_string()));
            if is_wanted && bin.join("postgres").exists() {
                places.push(place(major.to_string(), bin));
            } else {
                left_out.push(major.to_string());
            }
        }
        if !left_out.is_empty() {
            let what = format!("PostgreSQL {} (.ci/servers.sh fetches them)", left_out.join(", "));
            if wanted.is_some() { say(&format!("left out: {what}")) } else { leave_out(&what) }
        }
        places
    })
}

#[expect(clippy::disallowed_methods, reason = "the tests are configured by the environment")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Server {
    /// Makes a database of its own for a test.
    pub(crate) async fn database(&self) -> Login {
        // Two at once would wait for template0 and fail.
        static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let _one = ONE_AT_A_TIME.lock().await;
        let client = super::open(&self.login("postgres")).await;
        client.batch_execute(&format!("create database {name} template template0")).await.unwrap();
        self.login(&name)
    }

    /// Returns the way in as a superuser.
    pub(crate) fn login(&self, database: &str) -> Login {
        Login {
            host: self.private.socket_directory().display().to_string(),
            port: self.private.port(),
            user: "postgres".to_owned(),
            database: database.to_owned(),
        }
    }

    /// Makes a role that may log in, or leaves the one there is.
    pub(crate) async fn role(&self, name: &str, grants: &str) -> String {
        static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _one = ONE_AT_A_TIME.lock().await;
        let client = super::open(&self.login("postgres")).await;
        let sql = format!(
            "do $$ begin if not exists (select from pg_roles where rolname = '{name}') then create role {name} login; end if; end $$; {grants}"
        );
        client.batch_execute(&sql).await.unwrap();
        name.to_owned()
    }

    /// Starts a standby of this server: an online base backup by hand, as every major can do it.
    pub(crate) async fn standby(&self) -> PrivateServer {
        static ONE_AT_A_TIME: Mutex<u32> = Mutex::new(0);
        let copy = {
            let mut count = ONE_AT_A_TIME.lock().unwrap();
            *count += 1;
            std::env::temp_dir().join(format!("pgdj-standby-{}-{}", std::process::id(), *count))
        };
        let client = super::open(&self.login("postgres")).await;
        let is_old = client.batch_execute("select pg_backup_start('pgdj', true)").await.is_err();
        if is_old {
            client.batch_execute("select pg_start_backup('pgdj', true, false)").await.unwrap();
        }
        let copied = Command::new("cp").arg("-a").arg(self.private.data_directory()).arg(&copy).status().unwrap();
        assert!(copied.success());
        let stop = if is_old {
            "select labelfile from pg_stop_backup(false, false)"
        } else {
            "select labelfile from pg_backup_stop(false)"
        };
        let label: String = client.query_one(stop, &[]).await.unwrap().get(0);
        fs::remove_file(copy.join("postmaster.pid")).unwrap();
        fs::write(copy.join("backup_label"), label).unwrap();
        fs::write(copy.join("standby.signal"), "").unwrap();
        let data = self.private.data_directory();
        let owned = Command::new("chown").arg("-R").arg("--reference").arg(data).arg(&copy).status().unwrap();
        assert!(owned.success());
        let primary = format!(
            "primary_conninfo = 'host={} port={} user=postgres application_name=standby'",
            self.private.socket_directory().display(),
            self.private.port()
        );
        let setup = Setup { bin: self.bin.clone(), settings: vec![primary], data: Some(copy), ..Setup::default() };
        PrivateServer::start(&setup).unwrap_or_else(|error| panic!("standby of {}: {error}", self.name))
    }
}
