//! One server a major and test run, started when first asked for; a database of its own for each test.
//!
//! They go away with this process: a watchdog sees to it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use pgdj::pg::private::{PrivateServer, ServerSetup};

use super::Login;
use super::installed::{self, Installed};

/// A running server.
pub(crate) struct Server {
    /// `own`, or the major of a fetched one.
    pub(crate) name: String,
    pub(crate) major: u32,
    pub(crate) private: PrivateServer,
    pub(crate) bin: PathBuf,
}

/// Returns every server of this run, started.
pub(crate) fn servers() -> Vec<&'static Server> {
    // Where there is none, this says so.
    installed::own();
    installed::all().iter().map(started).collect()
}

/// Returns the machine's own server; `None`, with a sentence, on a machine without any.
pub(crate) fn own() -> Option<&'static Server> {
    installed::own().map(started)
}

/// Returns the newest server there is.
pub(crate) fn newest() -> Option<&'static Server> {
    installed::newest().map(started)
}

/// Returns the machine's own server and the newest, each once.
pub(crate) fn own_and_newest() -> Vec<&'static Server> {
    installed::own_and_newest().into_iter().map(started).collect()
}

/// Returns the machine's own server, the oldest and the newest, each once.
pub(crate) fn ends() -> Vec<&'static Server> {
    installed::ends().into_iter().map(started).collect()
}

/// Starts a server for one test alone, whose cluster-wide figures and lists nobody else may change.
pub(crate) fn apart(installed: &Installed) -> Server {
    launch(installed)
}

fn started(found: &'static Installed) -> &'static Server {
    static STARTED: OnceLock<Vec<(&Installed, OnceLock<Server>)>> = OnceLock::new();
    let all = STARTED.get_or_init(|| installed::all().iter().map(|it| (it, OnceLock::new())).collect());
    let (_, server) = all.iter().find(|(it, _)| std::ptr::eq(*it, found)).expect("it is one of them");
    server.get_or_init(|| launch(found))
}

fn launch(Installed { name, major, bin }: &Installed) -> Server {
    let settings = [
        "shared_preload_libraries = 'pg_stat_statements'",
        "pg_stat_statements.track = all",
        // Every test has a database of its own, and so statements of its own: none may be evicted by another's.
        "pg_stat_statements.max = 50000",
        "max_connections = 80",
        "max_prepared_transactions = 5",
        "wal_level = logical",
        "autovacuum = off",
        "jit = off",
    ];
    let setup =
        ServerSetup { bin: bin.clone(), settings: settings.map(str::to_owned).to_vec(), ..ServerSetup::default() };
    let private = PrivateServer::start(&setup).unwrap_or_else(|error| panic!("server {name}: {error}"));
    Server { name: name.clone(), major: *major, private, bin: bin.clone() }
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
        let data = self.private.data_directory();
        copy_live(&data, &copy);
        let stop = if is_old {
            "select labelfile from pg_stop_backup(false, false)"
        } else {
            "select labelfile from pg_backup_stop(false)"
        };
        let label: String = client.query_one(stop, &[]).await.unwrap().get(0);
        fs::remove_file(copy.join("postmaster.pid")).unwrap();
        fs::write(copy.join("backup_label"), label).unwrap();
        fs::write(copy.join("standby.signal"), "").unwrap();
        give(&copy, &data);
        let primary = format!(
            "primary_conninfo = 'host={} port={} user=postgres application_name=standby'",
            self.private.socket_directory().display(),
            self.private.port()
        );
        let setup =
            ServerSetup { bin: self.bin.clone(), settings: vec![primary], data: Some(copy), ..ServerSetup::default() };
        PrivateServer::start(&setup).unwrap_or_else(|error| panic!("standby of {}: {error}", self.name))
    }
}

/// Gives a file, or a folder with everything in it, to the owner of another.
pub(crate) fn give(path: &Path, like: &Path) {
    let owner = fs::metadata(like).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        fs::read_dir(path).unwrap().flatten().for_each(|entry| give(&entry.path(), like));
    }
}

/// Copies a folder in which a server works: what it removes meanwhile is not missed, as in any base backup.
fn copy_live(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_live(&entry.path(), &target);
        } else if let Err(error) = fs::copy(entry.path(), target) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", entry.path().display());
        }
    }
}
