//! Talks to servers; knows no screen.

pub mod act;
pub mod address;
pub mod advice;
pub mod catalog;
pub mod connect;
pub mod connector;
pub mod control;
pub mod decode;
pub mod django_read;
mod driver;
pub mod exact;
pub mod explain;
pub mod key;
mod notices;
pub mod own_backends;
pub mod private;
pub mod probes;
mod reaper;
pub mod sampler;
pub mod server;
pub mod session;
pub mod sql;
pub mod tls;
pub mod verify;
pub mod why;
mod words;
