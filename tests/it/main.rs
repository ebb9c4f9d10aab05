//! The integration tests: one binary, a module a subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod connect;
mod demo;
