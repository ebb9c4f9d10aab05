//! The one line that says what just happened.

use crate::ui::glyphs::Health;

/// A line in place of the footer, until the next key or the next few samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What is said.
    pub text: String,
    /// How well it went; `None` is a note, neither success nor failure.
    pub health: Option<Health>,
    /// Samples it still stays for.
    pub samples_left: u8,
}

impl Message {
    /// Says something that went well.
    pub fn good(text: impl Into<String>) -> Self {
        Self { text: text.into(), health: Some(Health::Good), samples_left: 4 }
    }

    /// Says something that is neither success nor failure.
    pub fn note(text: impl Into<String>) -> Self {
        Self { text: text.into(), health: None, samples_left: 4 }
    }

    /// Says something that went well in part.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { text: text.into(), health: Some(Health::Warning), samples_left: 12 }
    }

    /// Says something that did not go well.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { text: text.into(), health: Some(Health::Bad), samples_left: 12 }
    }
}
