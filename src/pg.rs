//! Talks to servers; knows no screen.

pub mod address;
pub mod connect;
pub mod control;
pub mod private;
pub mod probes;
pub mod sampler;
pub mod server;
pub mod session;
pub mod tls;
