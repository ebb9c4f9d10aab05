//! The integration tests: one binary, a module a subject.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod bloat;
mod connect;
mod demo;
