//! When connections are near their limit.
//!
//! Pure.

use super::threshold::Threshold;

/// Share of the connections that ordinary roles may have, 0..=1.
///
/// A warning where a deploy that doubles the workers for a moment does not fit any more, critical where the next request
/// may be refused. Source: `check_pgactivity` (`backends`: 90 %, 95 %), taken lower because Django opens connections in
/// bursts.
pub const USED: Threshold = Threshold { warning: 0.80, critical: 0.95 };
