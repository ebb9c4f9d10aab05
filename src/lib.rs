//! pgdj: a terminal console for PostgreSQL behind Django.
//!
//! # The code map
//!
//! Pure, without a screen, a socket, a clock or the environment:
//! [`sample`] (what was seen), [`readings`] (what it means), [`document`] (what is said of it, as blocks to read),
//! [`quote`] (SQL names and texts as they are written),
//! [`catalog`] (tables, indexes and statistics as plain types, bloat and sizes),
//! [`plan`] (an EXPLAIN plan), [`django`] (names and code), [`advisor`] (index candidates and their choice),
//! [`workload`] (the best few indexes for all statements, and the bound that no choice exceeds),
//! [`findings`] (rules over a snapshot).
//!
//! Talks to servers, knows no screen: [`pg`]; it sends only what is registered in [`pg::own`]. What is said of a plan and
//! its advice, as documents: `report`. Recordings of what it saw: [`record`]. Settings: [`config`]. The face: [`app`] (the state machine), [`panes`], [`ui`] (widgets and themes).
//! The shell, the only place that spawns: [`run`]. The commands: [`cli`], [`demo`].
//!
//! # The rules
//!
//! 1. One way: probe → `Snapshot` → [`app::Timeline`] → [`readings::Readings`], which decode each subject once → findings and
//!    `refresh` of the shown pane → `draw`; key → [`app::Action`] →
//!    [`app::PaneRequest`] → [`app::Effect`] → [`app::Event`]. What takes longer than a frame is a [`app::Job`]: begun by
//!    `Effect::Start`, ended by `Event::Job`, cancelled by Esc. A pane never talks to the database; `draw` computes
//!    nothing; nothing awaits in `app` and `panes`.
//! 2. Record what was read, derive the rest: a rate, a share, a verdict comes from two samples.
//! 3. A part may fail alone: what could not be read is [`sample::Missing`], said in the same words everywhere.
//! 4. Ask the server what it has, not what version it is: [`sample::ServerFacts::has`].
//! 5. Generic where we show, typed where we reason: [`sample::RowSet`] under [`sample::Column`]s.
//! 6. One file to add one thing: a pane ([`panes::ALL`]), a probe, a tip, a finding, a theme is one file and a line in
//!    its list. A column of a pane is one declaration, a subject of a sample one file of [`readings`] with its thresholds:
//!    panes and findings never read rows, they ask [`readings::Readings`], where a subject has a field, the probes it is
//!    decoded from, and a method. A probe is an `.sql` file and a file of columns; if its rows are few, its name also stands
//!    in `pg::sampler::bundle`, and if they may be cut at a limit, in [`readings::cut`] and in `tests/it/limits.rs`.
//! 7. The pure core cannot fail. Advice can be silent, not wrong.
//! 8. Sampler, worker and control never queue behind each other; every channel is bounded.
//! 9. All foreign text is cleaned once, by [`ui::text`], and cut by display width at a grapheme.
//! 10. No god object, no global state; files under about 500 lines, functions under about 60, no bool parameters.
//! 11. Errors: `thiserror` in modules; at the face a [`Failure`] with a hint.
//! 12. Themes are TOML in `themes/`; colour only through a role.

pub mod advisor;
pub mod app;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod demo;
pub mod django;
pub mod document;
pub mod failure;
pub mod findings;
#[cfg(test)]
mod fixture;
pub mod panes;
pub mod pg;
pub mod plan;
pub mod quote;
pub mod readings;
pub mod record;
mod report;
pub mod run;
pub mod sample;
pub mod ui;
pub mod workload;

pub use failure::Failure;
