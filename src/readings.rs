//! What a sample means: one file a subject, read by panes, findings and the header alike.
//!
//! Pure. Each subject decodes its probe once, holds its thresholds and words what it says, so that no two places on
//! the screen can disagree.

pub mod act;
pub mod act_result;
pub mod backends;
pub mod cut;
pub mod sessions;
pub mod vacuum_horizon;
pub mod waits;
