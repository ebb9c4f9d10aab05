//! The name of a pane.

/// A pane by its name; [`super::PaneSpec`] has everything else about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaneId {
    /// As it is written in the settings.
    pub name: &'static str,
    /// As it is written on the screen.
    pub title: &'static str,
}
