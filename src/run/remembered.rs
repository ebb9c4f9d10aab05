//! The statements explained in earlier runs: one JSON string a line, in the user's state folder, for the user's eyes only.
//!
//! A statement may hold what nobody else is to read, so the file is 0600. Two consoles may add to it at the same time.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Statements that are kept when the file is cut.
const KEPT: usize = 500;

/// Lines from which on the file is cut at the start.
const CUT_FROM: usize = 1000;

/// The longest statement that is kept, in bytes.
const LONGEST: usize = 64 * 1024;

/// The file of the statements.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    path: Option<PathBuf>,
}

impl Remembered {
    /// The file in a state folder; without one nothing is kept.
    pub fn within(folder: Option<&Path>) -> Self {
        Self { path: folder.map(|folder| folder.join("explained.jsonl")) }
    }

    /// Returns the statements, the oldest first; what cannot be read is none, a line that is broken is passed over.
    pub fn read(&self) -> Vec<String> {
        let text = self.path.as_ref().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().count();
        let mut all: Vec<String> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        all.drain(..all.len().saturating_sub(KEPT));
        if lines > CUT_FROM
            && let Err(error) = self.rewrite(&all)
        {
            tracing::info!(%error, "the saved statements were not shortened");
        }
        all
    }

    /// Adds a statement.
    pub fn add(&self, statement: &str) -> io::Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| statement.len() <= LONGEST) else { return Ok(()) };
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut line = serde_json::to_string(statement)?;
        line.push('\n');
        // One write of one line: another console's line stays whole.
        OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.write_all(line.as_bytes())
    }

    fn rewrite(&self, all: &[String]) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let newer = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&newer)?;
        for statement in all {
            writeln!(file, "{}", serde_json::to_string(statement)?)?;
        }
        file.sync_all()?;
        fs::rename(newer, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn statements_come_back_in_the_next_run_and_are_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state/pgdj");
        let file = Remembered::within(Some(&state));
        assert_eq!(file.read(), [""; 0]);
        file.add("select 1\n-- two lines").unwrap();
        file.add("select 'ü'").unwrap();
        let path = state.join("explained.jsonl");
        fs::write(&path, fs::read_to_string(&path).unwrap() + "\"cut in the mid").unwrap();
        assert_eq!(Remembered::within(Some(&state)).read(), ["select 1\n-- two lines", "select 'ü'"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        file.add(&"x".repeat(LONGEST + 1)).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < 1000);
        Remembered::within(None).add("select 1").unwrap();
    }

    #[test]
    fn a_long_file_is_cut_to_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let file = Remembered::within(Some(folder.path()));
        for number in 0..=CUT_FROM {
            file.add(&number.to_string()).unwrap();
        }
        assert_eq!((file.read().len(), file.read().last().unwrap().as_str()), (KEPT, "1000"));
        let text = fs::read_to_string(folder.path().join("explained.jsonl")).unwrap();
        assert_eq!(text.lines().count(), KEPT);
    }
}
