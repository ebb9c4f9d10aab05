//! Baselines in the user's state folder: one file each, for the user's eyes only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, FailureKind, without_number};
use crate::pg::address::Environment;
use crate::workload::Baseline;
use crate::workload::baseline::FORMAT;

/// The most bytes of a file that is read.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// The longest name.
const LONGEST_NAME: usize = 64;

/// The baselines that are kept.
#[derive(Debug, Clone, Default)]
pub struct Baselines {
    folder: Option<PathBuf>,
}

/// Returns pgdj's folder for what it keeps between runs; `None` where there is no home.
///
/// Source: XDG Base Directory Specification, `XDG_STATE_HOME`.
pub fn state_folder(environment: &Environment) -> Option<PathBuf> {
    let xdg = environment.var("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    xdg.or_else(|| environment.in_home(".local/state")).map(|folder| folder.join("pgdj"))
}

/// Reads a name: letters, digits, `.`, `-` and `_`, so that it is the name of a file and of nothing else.
pub fn name(text: &str) -> Result<String, String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    if text.is_empty() || text.len() > LONGEST_NAME || text.starts_with(['.', '-']) || !text.chars().all(is_name) {
        return Err(format!("use up to {LONGEST_NAME} letters, digits, '.', '-' and '_', the first a letter or digit"));
    }
    Ok(text.to_owned())
}

impl Baselines {
    /// The baselines in a state folder.
    pub fn within(folder: Option<&Path>) -> Self {
        Self { folder: folder.map(|folder| folder.join("baselines")) }
    }

    /// Refuses a name that is taken, or none.
    pub fn check_is_free(&self, name: &str) -> Result<(), Failure> {
        let path = self.path(name)?;
        if !path.exists() {
            return Ok(());
        }
        let failure = Failure::new(FailureKind::Usage, format!("there is a baseline {name} already"));
        Err(failure.hint(format!("choose another name, or remove {}", path.display())))
    }

    /// Writes a baseline that is not there yet; returns where it is.
    pub fn keep(&self, baseline: &Baseline) -> Result<PathBuf, Failure> {
        self.check_is_free(&baseline.name)?;
        self.write(baseline)
    }

    /// Writes a baseline, also in place of an older one; returns where it is.
    pub fn write(&self, baseline: &Baseline) -> Result<PathBuf, Failure> {
        let path = self.path(&baseline.name)?;
        let written = self.write_to(&path, baseline);
        written.map_err(|error| {
            let what = format!("cannot write the baseline {}", path.display());
            Failure::new(FailureKind::File, what).because_text(without_number(&error.to_string()))
        })?;
        Ok(path)
    }

    fn write_to(&self, path: &Path, baseline: &Baseline) -> io::Result<()> {
        if let Some(folder) = &self.folder {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let newer = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&newer)?;
        file.write_all(serde_json::to_string(baseline)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(newer, path)
    }

    /// Reads a baseline by its name.
    pub fn read(&self, name: &str) -> Result<Baseline, Failure> {
        let path = self.path(name)?;
        let file = File::open(&path).map_err(|error| {
            let failure = Failure::new(FailureKind::File, format!("there is no baseline {name}"))
                .because_text(format!("{}: {}", path.display(), without_number(&error.to_string())));
            let names = self.names();
            let known = if names.is_empty() {
                "none was kept yet".to_owned()
            } else {
                format!("there is {}", names.join(", "))
            };
            failure.hint(format!("pgdj advise --pin {name} keeps one; {known}"))
        })?;
        let broken =
            |why: String| Failure::new(FailureKind::File, format!("cannot read {}", path.display())).because_text(why);
        let mut text = String::new();
        file.take(MOST_BYTES).read_to_string(&mut text).map_err(|error| broken(without_number(&error.to_string())))?;
        let baseline: Baseline =
            serde_json::from_str(&text).map_err(|error| broken(format!("it is no baseline of pgdj: {error}")))?;
        if baseline.format > FORMAT {
            return Err(broken(format!("it is of a newer pgdj (format {})", baseline.format)));
        }
        if !baseline.is_plausible() {
            return Err(broken("a counter or a cost in it is negative, or no number".to_owned()));
        }
        Ok(Baseline { name: name.to_owned(), ..baseline })
    }

    /// Returns the names of all that are kept, in their order.
    pub fn names(&self) -> Vec<String> {
        let entries = self.folder.as_ref().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
        let names =
            entries.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
        let mut names: Vec<String> = names.filter(|text| name(text).is_ok()).collect();
        names.sort();
        names
    }

    fn path(&self, text: &str) -> Result<PathBuf, Failure> {
        let name =
            name(text).map_err(|why| Failure::new(FailureKind::Usage, "no name for a baseline").because_text(why))?;
        match &self.folder {
            Some(folder) => Ok(folder.join(name + ".json")),
            None => {
                Err(Failure::new(FailureKind::File, "there is no folder for baselines")
                    .hint("set HOME or XDG_STATE_HOME"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Timestamp;
    use crate::workload::baseline::baseline_name;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_baseline_comes_back_and_is_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let baselines = Baselines::within(Some(&folder.path().join("state")));
        assert_eq!(baselines.names(), [""; 0]);
        let kept =
            Baseline { name: "shop".to_owned(), database: "shop".to_owned(), format: FORMAT, ..Baseline::default() };
        let path = baselines.keep(&kept).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(baselines.read("shop").unwrap(), kept);
        assert_eq!(baselines.names(), ["shop"]);
        assert!(baselines.keep(&kept).unwrap_err().what.contains("already"));
        assert!(baselines.read("other").unwrap_err().hint.unwrap().contains("there is shop"));
        fs::write(&path, "{\"format\": 99}").unwrap();
        assert!(baselines.read("shop").is_err());
    }

    #[test]
    fn a_name_leads_to_no_other_file() {
        for bad in ["", "../x", "a/b", ".hidden", "-x", "a b", "é", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
        for good in ["shop-2026", "a.b_c", "7"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        assert_eq!(baseline_name("Odd/../name", Timestamp(1_790_000_000.0)), "Oddname-20260921-141320");
        assert!(name(&baseline_name("", Timestamp(0.0))).is_ok());
    }
}
