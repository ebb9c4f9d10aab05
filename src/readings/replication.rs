//! When a standby is behind.
//!
//! Pure.

use super::threshold::{ReachedLimit, Threshold};

/// Seconds of replication lag.
pub const LAG: Threshold = Threshold { warning: 30.0, critical: 300.0 };
/// Bytes of WAL that the standby has not replayed.
pub const LAG_BYTES: Threshold = Threshold { warning: GB, critical: 10.0 * GB };

const GB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Returns the worse of the two limits that a lag has reached.
pub fn reached(seconds: f64, bytes: f64) -> Option<ReachedLimit> {
    LAG.reached(seconds).max(LAG_BYTES.reached(bytes))
}
