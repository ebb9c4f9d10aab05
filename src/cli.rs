//! The commands: arguments, and one file a command.

pub mod advise;
pub mod args;
pub mod conceal;
pub mod explain;
pub mod first;
mod index_code;
pub mod log;
mod output;
pub mod password;
pub mod shell;
pub mod start;
mod target;
pub mod verify;

pub use args::{Args, CliCommand, ParsedArgs, parse};
