//! Real parts for tests: servers by major, a standby, PgBouncer, a proxy that counts and delays.

pub(crate) mod client;
pub(crate) mod console;
pub(crate) mod installed;
pub(crate) mod left_out;
pub(crate) mod pooler;
pub(crate) mod proxy;
pub(crate) mod pty;
pub(crate) mod servers;
pub(crate) mod shop;
pub(crate) mod signal;
pub(crate) mod watch;

pub(crate) use client::{Login, open, question};
pub(crate) use left_out::leave_out;
pub(crate) use servers::{Server, apart, ends, newest, own, own_and_newest, servers};
pub(crate) use watch::Watched;
