//! The one line that says what just happened.

use crate::ui::glyphs::Health;

/// A line in place of the footer, until the next key or the next few samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What is said.
    pub text: String,
    /// How well it went.
    pub health: Health,
    /// Samples it still stays for.
    pub samples_left: u8,
}

impl Message {
    /// Says something that went well.
    pub fn good(text: impl Into<String>) -> Self {
        Self { text: text.into(), health: Health::Good, samples_left: 4 }
    }

    /// Says something that did not.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { text: text.into(), health: Health::Bad, samples_left: 12 }
    }
}
