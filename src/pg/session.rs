//! The guarded session: timeouts, read-only, cancel on drop.
