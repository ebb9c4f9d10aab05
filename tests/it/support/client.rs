//! Clients of the tests, and the connector of what is tested.

use std::sync::LazyLock;

use futures_util::future::{BoxFuture, FutureExt as _};
use pgdj::Failure;
use pgdj::failure::FailureKind;
use pgdj::pg::own::Own;
use pgdj::pg::own_backends::OwnBackends;
use pgdj::pg::session::{APPLICATION, CancelFn, Connector, NewConnection, Query};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio_postgres::{CancelToken, Client, Config, NoTls};

/// A way into a server.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) database: String,
}

impl Login {
    /// The way that a conninfo names.
    pub(crate) fn of_conninfo(conninfo: &str) -> Self {
        let config: Config = conninfo.parse().unwrap();
        let host = config.get_hosts().iter().find_map(|host| match host {
            tokio_postgres::config::Host::Unix(path) => Some(path.to_string_lossy().into_owned()),
            tokio_postgres::config::Host::Tcp(_) => None,
        });
        Self {
            host: host.unwrap(),
            port: config.get_ports().first().copied().unwrap_or(5432),
            user: config.get_user().unwrap().to_owned(),
            database: config.get_dbname().unwrap().to_owned(),
        }
    }

    /// Returns it as a conninfo, for a program's arguments.
    pub(crate) fn conninfo(&self) -> String {
        format!("host={} port={} user={} dbname={}", self.host, self.port, self.user, self.database)
    }

    /// The same way as another role.
    pub(crate) fn with_user(&self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self.clone() }
    }

    /// The same way through another socket.
    pub(crate) fn through(&self, host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, ..self.clone() }
    }

    fn config(&self, application: &str) -> Config {
        let mut config = Config::new();
        config.host(&self.host).port(self.port).user(&self.user).dbname(&self.database).application_name(application);
        config
    }
}

/// Opens a client of an application.
pub(crate) async fn open(login: &Login) -> Client {
    try_open(login, "shop").await.unwrap_or_else(|error| panic!("{login:?}: {error:?}"))
}

/// Opens a client of a named application, or says why the server takes none.
pub(crate) async fn try_open(login: &Login, application: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = login.config(application).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Returns pgdj's own backends.
pub(crate) async fn own_backends(client: &Client) -> Vec<u32> {
    let sql = "select pid from pg_stat_activity where application_name = 'pgdj'";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| u32::try_from(row.get::<_, i32>(0)).unwrap()).collect()
}

/// A question of a test, which pgdj itself would not send.
pub(crate) fn question(sql: &'static str) -> Query {
    let own = Own { name: "test", reads: "", when: "", holes: &[], sql };
    Query::new(own.sql())
}

/// Sends a cancel request and waits until it has been taken: the driver's own leaves before, which ends PgBouncer 1.18.
async fn cancel(token: &CancelToken, socket: &str) -> std::io::Result<()> {
    let request = pgdj::pg::key::cancel_request(token).await.ok_or(std::io::ErrorKind::NotConnected)?;
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(&request).await?;
    // It is answered by closing, which behind a pooler may be a reset.
    stream.read_to_end(&mut Vec::new()).await.map(drop).or(Ok(()))
}

/// The backends of every [`Login`] of this process.
static OWN: LazyLock<OwnBackends> = LazyLock::new(OwnBackends::default);

impl Connector for Login {
    fn connect(&self) -> BoxFuture<'_, Result<NewConnection, Failure>> {
        async {
            let failed = |error: &tokio_postgres::Error| {
                Failure::new(FailureKind::Connection, format!("cannot connect to {}", self.database)).because(error)
            };
            let (client, connection) = self.config(APPLICATION).connect(NoTls).await.map_err(|it| failed(&it))?;
            let token = client.cancel_token();
            let socket = format!("{}/.s.PGSQL.{}", self.host, self.port);
            let cancel = move || {
                let (token, socket) = (token.clone(), socket.clone());
                async move { cancel(&token, &socket).await.map_err(|error| error.to_string()) }.boxed()
            };
            Ok(OWN.with(NewConnection::of(client, connection, CancelFn::new(cancel))).await)
        }
        .boxed()
    }

    fn target(&self) -> String {
        self.database.clone()
    }

    fn own_backends(&self) -> OwnBackends {
        OWN.clone()
    }
}
