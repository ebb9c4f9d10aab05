//! The shell: tokio tasks, terminal, effects. The only place that spawns.
//!
//! Five parties that never wait for each other: the keyboard's thread, the sampler, the act session, the jobs, and the
//! loop that owns the [`App`](crate::app::App) and the screen. Bounded channels lie between them.

pub mod baselines;
mod console;
mod effects;
pub mod glance;
mod jobs;
mod keyboard;
mod own_editor;
mod playback;
mod recording;
pub mod remembered;
mod replay;
mod seeking;
mod suspend;
pub mod terminal;
mod work;

pub(crate) use console::ShutdownSignals;
pub use console::{ConsoleSetup, KeptFiles, console};
pub use playback::Playback;
pub use recording::{Recording, record};
pub use replay::{Replay, load, play, replay};
