//! What can be wrong with the settings.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::failure::{Failure, FailureKind};

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// What can be wrong with the settings.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The file is not TOML, or a part of it has the wrong shape.
    #[error("{}:{line}: {what}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// No setting has this name.
    #[error("{origin}: unknown setting \"{word}\"")]
    UnknownKey {
        /// Where.
        origin: SettingSource,
        /// What was written.
        word: String,
        /// The nearest there is.
        near: Option<String>,
        /// All there are.
        valid: String,
    },
    /// A setting does not take this value.
    #[error("{}", bad_value(origin, key, value))]
    BadValue {
        /// Where.
        origin: SettingSource,
        /// The setting.
        key: String,
        /// What was written.
        value: String,
        /// What it takes, in words.
        valid: String,
    },
}

/// Says that a value is wrong, of a setting that is named by its flag or variable alone, else by its place and its name.
fn bad_value(origin: &SettingSource, key: &str, value: &str) -> String {
    match origin {
        SettingSource::Flag(_) | SettingSource::Variable(_) => format!("invalid value {value} for {origin}"),
        SettingSource::File { .. } => format!("{origin}: invalid value {value} for {key}"),
    }
}

impl ConfigError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } | Self::Syntax { .. } => None,
            Self::UnknownKey { near: Some(near), .. } => Some(format!("did you mean \"{near}\"?")),
            Self::UnknownKey { valid, .. } => Some(format!("valid: {valid}")),
            Self::BadValue { valid, .. } => Some(valid.clone()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let kind = if matches!(error, ConfigError::Unreadable { .. }) { FailureKind::File } else { FailureKind::Usage };
        let mut failure = Self::new(kind, error.to_string());
        if let ConfigError::Unreadable { cause, .. } = &error {
            failure = failure.because(cause);
        }
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
