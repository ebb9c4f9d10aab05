//! The slow lane by itself, in a race that a restart of the server makes only sometimes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use pgdj::Failure;
use pgdj::pg::sampler::slow::{self, LaneReport, LaneRequest};
use pgdj::pg::server::read_facts;
use pgdj::pg::session::{Connector, Limits, NewConnection, Session, cancel_queue};
use pgdj::sample::ServerFacts;
use tokio::sync::mpsc;

use crate::support::watch::PATIENCE;
use crate::support::{Login, apart, installed, own};

/// Leads to the first server once, and to the second from then on: as a restart does.
struct Restarted {
    servers: [Login; 2],
    connections: AtomicUsize,
}

impl Connector for Restarted {
    fn connect(&self) -> BoxFuture<'_, Result<NewConnection, Failure>> {
        let at = self.connections.fetch_add(1, Ordering::SeqCst).min(1);
        self.servers[at].connect()
    }

    fn target(&self) -> String {
        "shop".to_owned()
    }
}

async fn facts(login: &Login) -> Arc<ServerFacts> {
    let (cancel_queue, _) = cancel_queue();
    let mut session = Session::open(login, Limits::FAST, &cancel_queue).await.unwrap();
    Arc::new(read_facts(&mut session, "shop").await.unwrap())
}

/// Returns the reason of the next loss, or `None` where a probe is read before one.
async fn lost_or_read(told: &mut mpsc::Receiver<LaneReport>) -> Option<String> {
    loop {
        match tokio::time::timeout(PATIENCE, told.recv()).await.expect("reports").expect("the lane runs") {
            LaneReport::Lost(why) => return Some(why),
            LaneReport::Section { result: Ok(_), .. } => return None,
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_slow_lane_that_hears_of_a_new_server_on_its_old_connection_follows_it() {
    let (Some(older), Some(installed)) = (own(), installed::own()) else { return };
    let newer = apart(installed);
    let servers = [older.database().await, newer.database().await];
    let [before, after] = [facts(&servers[0]).await, facts(&servers[1]).await];
    assert!((before.started.0 - after.started.0).abs() > 1.0, "two servers, as far as the lane can tell");
    let connector = Arc::new(Restarted { servers, connections: AtomicUsize::new(0) });
    let (cancel_queue, cancel_work) = cancel_queue();
    let (requests, asked) = mpsc::channel(16);
    let (reports, mut told) = mpsc::channel(64);
    let lane = tokio::spawn(slow::run(connector, 0.02, cancel_queue, asked, reports));
    let cancel_work = tokio::spawn(cancel_work);
    requests.send(LaneRequest::Connected(before)).await.unwrap();
    assert_eq!(lost_or_read(&mut told).await, None, "it works on the first server");
    // Its connection to the first server still stands.
    requests.send(LaneRequest::Connected(after)).await.unwrap();
    let why = loop {
        if let Some(why) = lost_or_read(&mut told).await {
            break why;
        }
    };
    assert_eq!(why, "the server was restarted");
    assert_eq!(lost_or_read(&mut told).await, None, "it works on the second server");
    lane.abort();
    cancel_work.abort();
}
