//! What can be wrong with an address, said without a password.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::ParameterOrigin;
use crate::failure::{Failure, FailureKind};

/// A mistake in the writing of a URL or a conninfo; it never quotes what may be a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct SyntaxError {
    /// What is wrong.
    pub what: String,
    /// How it is written right.
    pub hint: Option<String>,
}

impl SyntaxError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What can be wrong with an address.
#[derive(Debug, Error)]
pub enum AddressError {
    /// It is not written as it must be.
    #[error("{origin}: {what}")]
    Syntax {
        /// Where.
        origin: ParameterOrigin,
        /// What is wrong.
        what: String,
        /// How it is written right.
        hint: Option<String>,
    },
    /// No connection parameter has this name.
    #[error("{origin}: unknown connection parameter \"{word}\"")]
    UnknownKeyword {
        /// Where.
        origin: ParameterOrigin,
        /// What was written.
        word: String,
        /// The nearest parameter there is.
        near: Option<&'static str>,
    },
    /// A parameter does not take this value.
    #[error("{}", bad_value(origin, keyword, value))]
    BadValue {
        /// Where.
        origin: ParameterOrigin,
        /// The parameter.
        keyword: &'static str,
        /// What was written.
        value: String,
        /// What it takes, in words.
        valid: String,
    },
    /// Two parameters contradict each other.
    #[error("{what}")]
    Conflict {
        /// How.
        what: String,
        /// The way out.
        hint: String,
    },
    /// A protection pgdj cannot give.
    #[error("{origin}: {keyword} is not supported by pgdj")]
    Unsupported {
        /// Where.
        origin: ParameterOrigin,
        /// The parameter.
        keyword: &'static str,
        /// What to do instead.
        hint: String,
    },
    /// TARGET, or a flag, is an address whose writing is not understood. It is not quoted: it may hold a password.
    #[error("{origin} is neither a name nor an address")]
    NotAnAddress {
        /// Where.
        origin: ParameterOrigin,
    },
    /// TARGET is a word that stands for nothing.
    #[error("TARGET \"{word}\" is neither an alias nor a service")]
    UnknownTarget {
        /// What was written.
        word: String,
        /// The nearest one there is.
        near: Option<String>,
        /// All there are.
        names: Vec<String>,
    },
    /// No service has this name.
    #[error("no service is called \"{name}\"")]
    NoService {
        /// What was written.
        name: String,
        /// The files that were looked at.
        files: Vec<PathBuf>,
        /// All services there are.
        names: Vec<String>,
    },
    /// A file is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl AddressError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Syntax { hint, .. } => return hint.clone(),
            Self::UnknownKeyword { near: Some(near), .. } => format!("did you mean \"{near}\"?"),
            Self::UnknownKeyword { .. } => {
                "the parameters are those of libpq (PostgreSQL manual: Parameter Key Words)".to_owned()
            }
            Self::BadValue { valid, .. } => valid.clone(),
            Self::Conflict { hint, .. } | Self::Unsupported { hint, .. } => hint.clone(),
            Self::NotAnAddress { .. } => {
                "a URL begins with postgres://, and a conninfo is written host=HOST dbname=DATABASE".to_owned()
            }
            Self::UnknownTarget { near: Some(near), .. } => format!("did you mean \"{near}\"?"),
            Self::UnknownTarget { word, names, .. } => {
                format!("to open a database of this name use -d {word}{}", listed("; there are", names))
            }
            Self::NoService { files, names, .. } => {
                let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
                format!("looked in {}{}", files.join(" and "), listed("; there are", names))
            }
            Self::Unreadable { .. } => return None,
        };
        Some(hint)
    }
}

/// Says that a value is wrong, of a parameter that is named by its flag or variable alone, else by its place and its name;
/// a value that may be a part of a password is not shown.
fn bad_value(origin: &ParameterOrigin, keyword: &str, value: &str) -> String {
    let (place, name) = match origin {
        ParameterOrigin::Flag(name) | ParameterOrigin::Variable(name) => (String::new(), *name),
        ParameterOrigin::Target | ParameterOrigin::File { .. } => (format!("{origin}: "), keyword),
    };
    if value == "…" {
        format!("{place}invalid value for {name}")
    } else {
        format!("{place}invalid value \"{value}\" for {name}")
    }
}

fn listed(lead: &str, names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("{lead} {}", names.join(", ")) }
}

impl From<AddressError> for Failure {
    fn from(error: AddressError) -> Self {
        let kind =
            if matches!(error, AddressError::Unreadable { .. }) { FailureKind::File } else { FailureKind::Usage };
        let failure = Self::new(kind, error.to_string());
        let failure = match std::error::Error::source(&error) {
            Some(source) => failure.because(source),
            None => failure,
        };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
