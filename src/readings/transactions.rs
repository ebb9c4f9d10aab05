//! When an open transaction is too old.
//!
//! Pure.

use super::backends::Backend;
use super::threshold::{ReachedLimit, Threshold};

/// Seconds for which a transaction is open that runs something.
///
/// Source: `PgHero` warns of a query from 60 s on; migrations and reports of a few minutes are usual.
pub const RUNNING: Threshold = Threshold { warning: 300.0, critical: 4.0 * 3600.0 };
/// Seconds for which a session does nothing in its transaction.
///
/// A warning where it is forgotten rather than between two statements, critical where it hurts by the dead rows it holds
/// alone. Source: `PgHero` and pgmetrics take 60 s.
pub const IDLE: Threshold = Threshold { warning: 60.0, critical: 3600.0 };
/// Seconds from which on an idle transaction is critical if others wait for it.
pub const BLOCKING: f64 = 10.0;

/// Returns the limit that a session's open transaction has reached; `None` outside of one, too.
pub fn reached(backend: &Backend) -> Option<ReachedLimit> {
    if backend.is_idle_in_transaction() {
        let idle = backend.state_age.unwrap_or_default();
        let is_blocking = backend.blocks > 0 && idle >= BLOCKING;
        return if is_blocking { Some(ReachedLimit::Critical) } else { IDLE.reached(idle) };
    }
    let reached = RUNNING.reached(backend.xact_age?);
    if is_dump(backend) { reached.min(Some(ReachedLimit::Warning)) } else { reached }
}

/// Whether it is a dump, which is meant to be one long transaction.
fn is_dump(backend: &Backend) -> bool {
    matches!(backend.application.as_str(), "pg_dump" | "pg_dumpall" | "pg_basebackup")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(backend: &Backend, expected: Option<ReachedLimit>) {
        assert_eq!(reached(backend), expected, "{backend:?}");
    }

    #[test]
    fn a_transaction_is_judged_by_what_it_does() {
        let running = |age: f64| Backend { state: "active".into(), xact_age: Some(age), ..Backend::default() };
        check(&running(299.0), None);
        check(&running(300.0), Some(ReachedLimit::Warning));
        check(&running(20_000.0), Some(ReachedLimit::Critical));
        check(&Backend { application: "pg_dump".into(), ..running(20_000.0) }, Some(ReachedLimit::Warning));
        check(&Backend { state: "idle".into(), ..Backend::default() }, None);
        let idle = |age: f64| Backend {
            state: "idle in transaction".into(),
            state_age: Some(age),
            xact_age: Some(9999.0),
            ..Backend::default()
        };
        check(&idle(59.0), None);
        check(&idle(60.0), Some(ReachedLimit::Warning));
        check(&idle(3600.0), Some(ReachedLimit::Critical));
        check(&Backend { blocks: 1, ..idle(9.0) }, None);
        check(&Backend { blocks: 1, ..idle(10.0) }, Some(ReachedLimit::Critical));
    }
}
