//! The user's own editor on a text, and files that are written for the user.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::{Failure, FailureKind};

/// Runs an editor on a text and returns what it left.
///
/// The command may hold arguments (`code --wait`), so a shell reads it, as git and psql do.
pub(super) async fn edit(text: String, command: String) -> Result<String, Failure> {
    let failed =
        |error: io::Error| Failure::new(FailureKind::File, "cannot write the file for the editor").because(&error);
    let path = write_draft(&text).map_err(failed)?;
    let status = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(format!("exec {command} \"$1\""))
        .arg("sh")
        .arg(&path)
        .status()
        .await;
    let edited = fs::read_to_string(&path);
    fs::remove_file(&path).unwrap_or_default();
    match status {
        Ok(status) if status.success() => edited
            .map(|text| text.trim_end_matches('\n').to_owned())
            .map_err(|error| Failure::new(FailureKind::File, "cannot read what the editor wrote").because(&error)),
        Ok(status) => {
            Err(Failure::new(FailureKind::Refused, format!("the editor ended with {status}; the text is unchanged"))
                .hint(format!("check $VISUAL or $EDITOR: {command}")))
        }
        Err(error) => Err(Failure::new(FailureKind::Refused, "cannot start the editor").because(&error)),
    }
}

/// Writes a text to a new file that only the user may read.
fn write_draft(text: &str) -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("pgdj-{}-{number}.sql", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    Ok(path)
}

/// Writes a text to a file that is not there yet; where it is, to the next name with a number.
pub(super) fn save(name: &str, text: &str) -> io::Result<PathBuf> {
    /// Names that are tried.
    const MOST: u32 = 100;
    let name = Path::new(name);
    for number in 1..=MOST {
        let path = match (number, name.extension().and_then(|ending| ending.to_str())) {
            (1, _) => name.to_owned(),
            (number, Some(ending)) => name.with_extension(format!("{number}.{ending}")),
            (number, None) => name.with_extension(number.to_string()),
        };
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "a hundred files with this name already exist"))
}

/// The largest file that is read, in bytes: a plan of 100,000 nodes has about 60 MB.
const LARGEST: u64 = 128 * 1024 * 1024;

/// Reads a file that a person named; `~/` is the home.
pub(super) fn open(path: &str) -> Result<String, Failure> {
    let failure = || Failure::new(FailureKind::File, format!("cannot read {path}"));
    let home = path.strip_prefix("~/").zip(std::env::home_dir());
    let place = home.map_or_else(|| PathBuf::from(path), |(rest, home)| home.join(rest));
    let known = fs::metadata(&place).map_err(|error| failure().because(&error))?;
    if !known.is_file() {
        return Err(failure().because_text("it is not a regular file"));
    }
    if known.len() > LARGEST {
        return Err(failure().because_text("it is larger than 128 MB").hint("extract the plan that you want to see"));
    }
    let bytes = fs::read(&place).map_err(|error| failure().because(&error))?;
    String::from_utf8(bytes).map_err(|error| failure().because(&error).hint("convert it to UTF-8 first"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_editor_writes_comes_back_and_its_file_is_gone() {
        let edited = edit("select 1".into(), "sed -i s/1/2/".into()).await.unwrap();
        assert_eq!(edited, "select 2");
        let failure = edit("select 1".into(), "false".into()).await.unwrap_err();
        assert!(failure.what.contains("the text is unchanged"), "{failure}");
        let of_ours = format!("pgdj-{}-", std::process::id());
        let left = fs::read_dir(std::env::temp_dir()).unwrap().filter_map(Result::ok);
        assert!(!left.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with(&of_ours)));
    }

    #[test]
    fn a_file_is_read_or_it_is_said_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("plan.txt"), "Result").unwrap();
        fs::write(path("latin"), [0xe4]).unwrap();
        assert_eq!(open(&path("plan.txt")).unwrap(), "Result");
        for (name, word) in [("latin", "UTF-8"), ("nothing", "No such file"), ("", "not a regular file")] {
            let failure = open(&path(name)).unwrap_err().to_string();
            assert!(failure.contains(word), "{failure}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("0002_index.py");
        let name = name.to_str().unwrap();
        let first = save(name, "one").unwrap();
        let second = save(name, "two").unwrap();
        assert!(first.ends_with("0002_index.py") && second.ends_with("0002_index.2.py"), "{second:?}");
        assert_eq!(fs::read_to_string(first).unwrap(), "one");
    }
}
