//! What drawing needs beside the figures.

use crate::ui::theme::Theme;

/// What a pane needs to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct DrawContext<'a> {
    /// Colours and marks.
    pub theme: &'a Theme,
}
