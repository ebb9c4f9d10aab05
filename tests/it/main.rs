//! The integration tests: one binary, a module a subject; support code starts the servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot be set up fails")]

mod bad_input;
mod bloat;
mod blocked;
mod catalog;
mod completions;
mod connect;
mod control;
mod corpus;
mod demo;
mod django;
mod explain;
mod findings;
mod foreign_keys;
mod hostile_names;
mod hostile_schema;
mod judge;
mod panes_tables;
mod pictures;
mod played_demo;
mod pooled;
mod probes;
mod recordings;
mod rights;
mod sampler;
mod secrets;
mod server_log;
mod shell;
mod silence;
mod slow_lane;
mod support;
mod terminal;
mod trial;
mod trouble;
mod vacuum_horizon;
mod verify;
