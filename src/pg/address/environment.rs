//! What the world around the program says: variables, files, the home folder, the user's name.
//!
//! A plain value, so that resolving an address is a pure function of it. [`Environment::real`] is the one place where
//! the real environment is read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The variables, files and names that decide where to connect.
#[derive(Clone, Default)]
pub struct Environment {
    /// Environment variables by name.
    pub vars: BTreeMap<String, String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The operating system's name of the user, PostgreSQL's default role.
    pub user: Option<String>,
    /// Where files are read from.
    pub files: Files,
}

/// Where files are read from: the disk, or a list given by a test.
#[derive(Clone, Default)]
pub enum Files {
    /// The machine's own file system.
    Disk,
    /// Only these files, by path: their text and permission bits.
    #[default]
    None,
    /// Only these files, by path: their text and permission bits.
    Given(BTreeMap<PathBuf, (String, u32)>),
}

/// A file as it was read.
#[derive(Clone)]
pub struct SeenFile {
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// The permission bits, for instance `0o600`.
    pub mode: u32,
    /// Whether it is a plain file, not a folder, pipe or device.
    pub is_plain: bool,
}

impl Environment {
    /// Reads the real environment.
    pub fn real() -> Self {
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let account = Account::of_this_process();
        // libpq takes $HOME first, then the account's folder; source: src/port/path.c, get_home_path().
        let home = vars.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let home = home.or_else(|| account.as_ref().map(|account| account.home.clone()));
        let named = || vars.get("USER").or_else(|| vars.get("LOGNAME")).filter(|name| !name.is_empty()).cloned();
        let user = account.map(|account| account.name).or_else(named);
        Self { vars, home, user, files: Files::Disk }
    }

    /// Returns a variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns a path below the home folder.
    pub(crate) fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(path))
    }

    /// Expands a leading `~/`, which a shell does not expand within `sslcert=~/x`.
    pub(crate) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}

impl fmt::Debug for Environment {
    /// Writes the names of the variables only: PGPASSWORD and `DATABASE_URL` hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Files {
    /// Reads a file.
    pub fn read(&self, path: &Path) -> io::Result<SeenFile> {
        match self {
            Self::Disk => read_from_disk(path),
            Self::None => Err(io::ErrorKind::NotFound.into()),
            Self::Given(files) => {
                let (text, mode) = files.get(path).ok_or(io::ErrorKind::NotFound)?;
                Ok(SeenFile { text: text.clone(), mode: *mode, is_plain: true })
            }
        }
    }

    /// Returns whether something is at this path.
    pub fn exists(&self, path: &Path) -> bool {
        match self {
            Self::Disk => path.exists(),
            Self::None => false,
            Self::Given(files) => files.keys().any(|file| file.starts_with(path)),
        }
    }
}

fn read_from_disk(path: &Path) -> io::Result<SeenFile> {
    let about = fs::metadata(path)?;
    let mode = about.permissions().mode() & 0o777;
    if !about.is_file() {
        // Reading a pipe or a device could hang; the caller says what it is.
        return Ok(SeenFile { text: String::new(), mode, is_plain: false });
    }
    let bytes = fs::read(path)?;
    Ok(SeenFile { text: String::from_utf8_lossy(&bytes).into_owned(), mode, is_plain: true })
}

/// An entry of `/etc/passwd`.
struct Account {
    name: String,
    home: PathBuf,
}

impl Account {
    /// Finds the account of the effective user, as libpq does; `None` where `/proc` or the entry is missing.
    fn of_this_process() -> Option<Self> {
        let uid = fs::metadata("/proc/self").ok()?.uid();
        let users = fs::read_to_string("/etc/passwd").ok()?;
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let is_ours = fields.nth(1)?.parse::<u32>().ok()? == uid;
            let home = fields.nth(2)?;
            is_ours.then(|| Self { name: name.to_owned(), home: PathBuf::from(home) })
        })
    }
}
