//! A proxy before a server's unix socket: it counts round trips on the wire, adds latency, and can freeze.
//!
//! A round trip is counted where the client sends after it was given an answer: what it sends without waiting for an
//! answer is part of the same one. With a latency longer than the client's work, that is exact.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Login;

/// A proxy.
pub(crate) struct Proxy {
    directory: tempfile::TempDir,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_frozen: AtomicBool,
    round_trips: Mutex<Vec<Arc<Line>>>,
}

/// What passed over one connection.
#[derive(Default)]
struct Line {
    round_trips: AtomicU32,
    was_answered: AtomicBool,
}

const PORT: u16 = 5432;

impl Proxy {
    /// Starts a proxy before a login's server; each answer is held back for `latency`.
    pub(crate) fn start(login: &Login, latency: Duration) -> Self {
        let directory = tempfile::Builder::new().prefix("pgdj-proxy").tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join(format!(".s.PGSQL.{PORT}"))).unwrap();
        let shared = Arc::new(Shared::default());
        let server = PathBuf::from(&login.host).join(format!(".s.PGSQL.{}", login.port));
        let proxy = Self { directory, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = UnixStream::connect(&server).await else { continue };
                let line = Arc::new(Line::default());
                line.was_answered.store(true, Ordering::SeqCst);
                shared.round_trips.lock().unwrap().push(Arc::clone(&line));
                carry(client, upstream, (line, Arc::clone(&shared), latency));
            }
        });
        proxy
    }

    /// Returns the way in through the proxy.
    pub(crate) fn login(&self, login: &Login) -> Login {
        login.through(self.directory.path().display().to_string(), PORT)
    }

    /// Stops carrying anything, both ways, without closing: a server that hangs.
    pub(crate) fn freeze(&self) {
        self.shared.is_frozen.store(true, Ordering::SeqCst);
    }

    /// Carries on; what was sent meanwhile on old connections is lost.
    pub(crate) fn thaw(&self) {
        self.shared.is_frozen.store(false, Ordering::SeqCst);
    }

    /// Returns the round trips of a connection, in the order they were made.
    pub(crate) fn round_trips(&self, connection: usize) -> u32 {
        let lines = self.shared.round_trips.lock().unwrap();
        lines.get(connection).map_or(0, |line| line.round_trips.load(Ordering::SeqCst))
    }
}

fn carry(client: UnixStream, upstream: UnixStream, (line, shared, latency): (Arc<Line>, Arc<Shared>, Duration)) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = upstream.into_split();
    let (counted, is_on) = (Arc::clone(&line), Arc::clone(&shared));
    tokio::spawn(async move {
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
            if counted.was_answered.swap(false, Ordering::SeqCst) {
                counted.round_trips.fetch_add(1, Ordering::SeqCst);
            }
            if !is_on.is_frozen.load(Ordering::SeqCst) && to_server.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
    let (late, mut answers) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
    tokio::spawn(async move {
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
            if late.send((Instant::now() + latency, buffer[..count].to_vec())).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((due, bytes)) = answers.recv().await {
            tokio::time::sleep_until(due).await;
            if shared.is_frozen.load(Ordering::SeqCst) {
                continue;
            }
            line.was_answered.store(true, Ordering::SeqCst);
            if to_client.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
}
