//! The error a person sees: what went wrong, because of what, and what to do.

use std::fmt;
use std::process::ExitCode;

use crate::sample::redact::redact;

/// What kind of failure it is; it decides the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A wrong option, argument or setting: status 2.
    Usage,
    /// The server could not be reached, or refused: status 3.
    Connection,
    /// A file could not be read or written: status 4.
    File,
    /// The terminal cannot be used: status 5.
    Terminal,
    /// What was asked cannot be done: status 1.
    Refused,
    /// Somebody has to agree to it first; `because` says to what: status 1.
    NotAgreed,
}

/// The error a person sees. `what` is one sentence without the type's name, `hint` is what to do.
#[derive(Debug)]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// One sentence: what could not be done.
    pub what: String,
    /// The causes, outermost first, each one sentence.
    pub because: Vec<String>,
    /// What the person can do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a cause or a hint.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), because: Vec::new(), hint: None }
    }

    /// Adds a cause and the causes below it.
    #[must_use]
    pub fn because(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = redact(&without_number(&error.to_string())).into_owned();
            if self.because.last().is_none_or(|last| !last.contains(&text)) {
                self.because.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds a cause in words.
    #[must_use]
    pub(crate) fn because_text(mut self, text: impl Into<String>) -> Self {
        self.because.push(without_number(&text.into()));
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the exit status of the process.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            FailureKind::Refused | FailureKind::NotAgreed => 1,
            FailureKind::Usage => 2,
            FailureKind::Connection => 3,
            FailureKind::File => 4,
            FailureKind::Terminal => 5,
        })
    }
}

/// Returns the words of an error without the number of the operating system: `No such file or directory` of
/// `No such file or directory (os error 2)`.
pub(crate) fn without_number(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" (os error ") {
        let Some((number, behind)) = after.split_once(')') else { break };
        if number.parse::<i32>().is_err() {
            break;
        }
        out.push_str(before);
        rest = behind;
    }
    out + rest
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for cause in &self.because {
            write!(f, "\n  because: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_operating_system_is_left_out() {
        for (text, words) in [
            ("No such file or directory (os error 2)", "No such file or directory"),
            ("a (os error 2), b (os error 13)", "a, b"),
            ("an (os error of ours)", "an (os error of ours)"),
            ("", ""),
        ] {
            assert_eq!(without_number(text), words);
        }
        let error = std::io::Error::from_raw_os_error(2);
        assert!(!Failure::new(FailureKind::File, "no").because(&error).to_string().contains("os error"));
    }
}
