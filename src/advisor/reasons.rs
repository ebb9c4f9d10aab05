//! When to say no, and why.
/// An OFFSET from which on pages should be turned by the last row's key.
pub const DEEP_OFFSET: f64 = 1000.0;
