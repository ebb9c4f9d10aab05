//! The servers of these tests: one with TLS, one without (and read-only), each started once.

use std::net::TcpListener;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use pgdj::pg::private::{PrivateServer, ServerSetup, ServerUser, run_as};

use super::certificates::{Authority, Signed, write};
use crate::support::installed;
use crate::support::servers::give;

/// The password of the roles that have one.
pub(crate) const PASSWORD: &str = "s3cret-word";

const HBA: &[&str] = &[
    "local all all trust",
    "hostssl all by_certificate 127.0.0.1/32 cert",
    "hostssl all only_tls 127.0.0.1/32 trust",
    "hostnossl all only_plain 127.0.0.1/32 trust",
    "host all by_scram 127.0.0.1/32 scram-sha-256",
    "host all by_md5 127.0.0.1/32 md5",
    "host all by_word 127.0.0.1/32 password",
    "host all postgres,limited,ghost 127.0.0.1/32 trust",
];

const ROLES: &str = "create role by_certificate login; create role only_tls login; create role only_plain login; \
    create role no_entry login; create role limited login connection limit 0; \
    set password_encryption = 'scram-sha-256'; create role by_scram login password 's3cret-word'; \
    create role by_word login password 's3cret-word'; \
    set password_encryption = 'md5'; create role by_md5 login password 's3cret-word';";

/// A server with TLS, and the authority that signed its certificate for `localhost`.
pub(crate) struct TlsServer {
    pub(crate) server: PrivateServer,
    pub(crate) authority: Authority,
}

/// A port at which nothing listens (tcpmux).
pub(crate) const CLOSED: u16 = 1;

/// Returns a port that is free, and that the system does not give to a socket that asks for any.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 12_000 + u16::try_from(std::process::id() % 15_000).unwrap();
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Returns how each of these servers is set up, on a machine that has one.
pub(crate) fn setup() -> ServerSetup {
    let bin = installed::own().expect("a test asks for one only where there is one").bin.clone();
    let hba = HBA.iter().map(|line| (*line).to_owned()).collect();
    ServerSetup { bin, hba, port: Some(free_port()), ..ServerSetup::default() }
}

/// Runs SQL as the superuser over the unix socket, and returns the first value.
pub(crate) fn sql(server: &PrivateServer, text: &str) -> String {
    let conninfo = server.conninfo("postgres");
    // A thread of its own: the caller may be in a runtime already.
    std::thread::scope(|scope| scope.spawn(|| run(&conninfo, text)).join().unwrap())
}

fn run(conninfo: &str, text: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, driver) = tokio_postgres::connect(conninfo, tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(driver);
        let rows = client.simple_query(text).await.unwrap();
        driver.abort();
        let value = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        value.unwrap_or_default()
    })
}

impl TlsServer {
    pub(crate) fn start() -> Self {
        Self::start_with(&setup())
    }

    pub(crate) fn start_with(setup: &ServerSetup) -> Self {
        let server = PrivateServer::start(setup).unwrap();
        let authority = Authority::new("pgdj test authority");
        let this = Self { server, authority };
        this.put("root.crt", &this.authority.pem);
        sql(&this.server, ROLES);
        sql(&this.server, "alter system set ssl_ca_file = 'root.crt'");
        this.show(&this.authority.sign(&["localhost"], "not looked at"), "first");
        this
    }

    /// Makes the server show this certificate from now on.
    pub(crate) fn show(&self, signed: &Signed, name: &str) {
        self.put(&format!("{name}.crt"), &signed.certificate);
        self.put(&format!("{name}.key"), &signed.key);
        sql(&self.server, &format!("alter system set ssl_cert_file = '{name}.crt'"));
        sql(&self.server, &format!("alter system set ssl_key_file = '{name}.key'"));
        sql(&self.server, "alter system set ssl = on");
        sql(&self.server, "select pg_catalog.pg_reload_conf()");
        let deadline = Instant::now() + Duration::from_secs(20);
        let expected = format!("{name}.key on");
        let show = "select current_setting('ssl_key_file') || ' ' || current_setting('ssl')";
        while sql(&self.server, show) != expected {
            assert!(Instant::now() < deadline, "the server did not take the certificate: {}", self.server.log());
        }
    }

    fn put(&self, name: &str, text: &str) {
        let folder = self.server.data_directory();
        give(&write(&folder, name, text, 0o600), &folder);
    }
}

/// The server with TLS that most tests share.
pub(crate) fn with_tls() -> &'static TlsServer {
    static SERVER: OnceLock<TlsServer> = OnceLock::new();
    SERVER.get_or_init(TlsServer::start)
}

/// A server without TLS whose sessions are read-only by default.
pub(crate) fn without_tls() -> &'static PrivateServer {
    static SERVER: OnceLock<PrivateServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut setup = setup();
        setup.settings.push("default_transaction_read_only = on".to_owned());
        let server = PrivateServer::start(&setup).unwrap();
        sql(&server, &format!("begin read write; {ROLES} commit"));
        server
    })
}

/// A standby that follows nobody.
pub(crate) fn standby(hot: &str) -> PrivateServer {
    let mut setup = setup();
    let home = tempfile::Builder::new().prefix("pgdj-standby").tempdir().unwrap();
    let like = with_tls().server.data_directory();
    give(home.path(), &like);
    let data = home.path().join("data");
    let mut initdb = Command::new(setup.bin.join("initdb"));
    initdb.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "--no-sync"]).current_dir("/");
    run_as(&mut initdb, ServerUser::of_servers());
    assert!(initdb.output().unwrap().status.success());
    give(&write(&data, "standby.signal", "", 0o600), &like);
    setup.settings.push(format!("hot_standby = {hot}"));
    setup.data = Some(data);
    PrivateServer::start(&setup).unwrap()
}
