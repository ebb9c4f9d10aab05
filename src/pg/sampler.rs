//! Takes the samples: asks what is due in one round trip and publishes a [`Snapshot`] a second.
//!
//! Two lanes that never wait for each other. The *fast* lane asks what cannot wait behind a lock on a relation; the *slow*
//! lane asks the rest over a connection of its own, and its newest sections are part of the next snapshot. Whatever
//! happens to the server, snapshots go on at their pace, each section with its age and its reason; the connection comes
//! back by itself.
//!
//! Knows no screen and spawns nothing: [`run`] is one future.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::session::{Connector, cancel_queue};
use crate::Failure;
use crate::sample::{ServerFacts, Snapshot};

pub mod budget;
pub mod bundle;
pub mod fast_lane;
pub mod idle;
pub mod kept;
pub mod latest_sections;
pub mod merge;
pub mod moved;
pub mod round_trip;
pub mod schedule;
pub mod slow;
pub mod texts;
pub mod timing;

/// How the sampler works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerSettings {
    /// The pace asked for, at least [`SamplerSettings::second`].
    pub pace: Duration,
    /// How often snapshots are published and the backends are read, for the load chart: one second, except in tests.
    pub second: Duration,
    /// The server's seconds that pgdj may use in each second, over both lanes: what costs more is read less often.
    pub budget: f64,
    /// How long the server may take for an answer before the connection is given up.
    pub patience: Duration,
}

impl Default for SamplerSettings {
    fn default() -> Self {
        Self {
            pace: Duration::from_secs(2),
            second: Duration::from_secs(1),
            budget: 0.02, // a fiftieth of one core
            patience: Duration::from_secs(10),
        }
    }
}

/// What the sampler has to say.
#[derive(Debug)]
pub enum SamplerReport {
    /// The server is there, and this is what it has; again after each reconnection, and when an extension came or went.
    Connected(Arc<ServerFacts>),
    /// The connection could not be made, or is lost; the next attempt follows.
    Lost {
        /// What happened.
        failure: Failure,
        /// Time until the next attempt.
        retry_in: Duration,
    },
    /// A sample.
    Snapshot(Arc<Snapshot>),
}

/// What the sampler can be told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SamplerCommand {
    /// Sample at this pace.
    Pace(Duration),
    /// Read everything at once, whatever is due.
    ReadNow,
    /// Cancel what runs, and end.
    Stop,
}

/// Snapshots may wait for their taker in a channel of this many; a fuller one loses some, which is counted.
pub const REPORTS_ROOM: usize = 8;

/// How long what is being read at the end may take.
const GRACE: Duration = Duration::from_millis(500);

/// How long the end may take: cancel requests that are on their way, and connections that close.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// Samples until it is told to stop or nobody takes its reports.
pub async fn run(
    connector: Arc<dyn Connector>,
    settings: SamplerSettings,
    reports: mpsc::Sender<SamplerReport>,
    commands: mpsc::Receiver<SamplerCommand>,
) {
    let (cancel_queue, cancel_work) = cancel_queue();
    let (requests, asked_for) = mpsc::channel(16);
    let (lane_reports, heard) = mpsc::channel(64);
    let slow = slow::run(Arc::clone(&connector), settings.budget, cancel_queue.clone(), asked_for, lane_reports);
    let fast = fast_lane::FastLane::new(connector, settings, cancel_queue, fast_lane::Channels { reports, requests });
    let sampling = async {
        let mut slow = std::pin::pin!(slow);
        tokio::select! {
            () = fast.run(commands, heard) => {}
            () = &mut slow => return,
        }
        // Without the fast lane it ends after what it is reading.
        drop(tokio::time::timeout(GRACE, slow).await);
    };
    let mut cancel_work = std::pin::pin!(cancel_work);
    tokio::select! {
        () = &mut cancel_work => return,
        () = sampling => {}
    }
    // Both lanes are gone: what they left running is cancelled.
    if tokio::time::timeout(SHUTDOWN_LIMIT, cancel_work).await.is_err() {
        tracing::info!("a statement may still run: its statement_timeout ends it");
    }
}
