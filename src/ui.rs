//! Widgets and themes; knows no server and no pane.
//!
//! A pane prepares what it shows in `refresh` as one of the models here (a [`table::Grid`], a
//! [`chart::LoadChart`], a [`detail::Detail`]) and only places it in `draw`. Colour comes through
//! [`theme::Role`], marks through [`glyphs::Glyphs`], and every text that is not ours through [`text`].

pub mod chart;
pub mod code;
pub mod detail;
pub mod dialog;
mod document;
pub mod frame;
pub mod gauge;
pub mod glyphs;
pub mod html;
pub mod input;
pub mod markdown;
pub mod scrollbar;
#[cfg(test)]
pub(crate) mod snapshot;
pub mod spark;
pub mod stream;
pub mod table;
pub mod text;
pub mod theme;

pub use glyphs::{Glyphs, Health};
pub use theme::{Depth, Role, Theme};
