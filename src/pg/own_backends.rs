//! The backends of this process, by their pids: what pgdj hides from its lists and counts, and nothing else.
//!
//! Whoever makes connections keeps one [`OwnBackends`]; a connection is in it for as long as it lasts. Behind a pooler
//! the pid that the protocol tells is no backend's, so there a list hides only the session that reads it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::FutureExt as _;

use super::key;
use super::session::NewConnection;

/// How long a backend may need to end after its connection did.
const ENDING: Duration = Duration::from_secs(3);

/// The pids of this process's backends.
#[derive(Debug, Clone, Default)]
pub struct OwnBackends(Arc<Mutex<BTreeMap<i64, PidState>>>);

/// How many connections name a pid, and when the last of them ended.
#[derive(Debug, Clone, Copy, Default)]
struct PidState {
    connections: usize,
    ended: Option<Instant>,
}

impl OwnBackends {
    /// Returns a connection that is among the own ones until it ends.
    pub async fn with(&self, link: NewConnection) -> NewConnection {
        let Some(pid) = key::key_pid(&link.client.cancel_token()).await.map(i64::from) else { return link };
        self.states().entry(pid).or_default().connections += 1;
        let entry = OwnEntry { own: self.clone(), pid };
        let driver = link.driver;
        let driver = async move {
            // Whoever lets go of the driver ends the connection, and with it the entry.
            let _entry = entry;
            driver.await
        };
        NewConnection { driver: driver.boxed(), ..link }
    }

    /// Returns the pids, those of backends that are just ending included.
    pub fn pids(&self) -> Vec<i64> {
        let mut states = self.states();
        states.retain(|_, state| state.connections > 0 || state.ended.is_some_and(|ended| ended.elapsed() < ENDING));
        states.keys().copied().collect()
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<i64, PidState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place among the own ones.
#[derive(Debug)]
struct OwnEntry {
    own: OwnBackends,
    pid: i64,
}

impl Drop for OwnEntry {
    fn drop(&mut self) {
        if let Some(state) = self.own.states().get_mut(&self.pid) {
            state.connections = state.connections.saturating_sub(1);
            state.ended = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::own::Mark;
    use crate::pg::probes::PROBES;

    #[test]
    fn a_pid_is_an_own_one_while_its_connections_last() {
        let own = OwnBackends::default();
        own.states().entry(7).or_default().connections += 2;
        let entry = OwnEntry { own: own.clone(), pid: 7 };
        assert_eq!(own.pids(), [7]);
        drop(entry);
        assert_eq!(own.pids(), [7], "another connection has it");
        drop(OwnEntry { own: own.clone(), pid: 7 });
        assert_eq!(own.pids(), [7], "it is just ending");
        own.states().get_mut(&7).unwrap().ended = Instant::now().checked_sub(ENDING);
        assert!(own.pids().is_empty());
    }

    #[test]
    fn no_statement_hides_a_session_by_its_name_alone() {
        for probe in PROBES {
            let by_name = probe.sql.lines().filter(|line| line.contains("application_name") && line.contains("'pgdj'"));
            for line in by_name {
                assert!(line.contains(Mark::OwnPids.text()), "{}: {line}", probe.name);
            }
        }
    }
}
