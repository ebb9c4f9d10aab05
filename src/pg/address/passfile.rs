//! The password file: which password belongs to a host, port, database and user.
//!
//! Source: PostgreSQL manual 34.16 "The Password File"; fe-connect.c, `passwordFromFile`.

use std::path::Path;

use super::Password;
use super::environment::Files;

/// What a password is looked up by.
#[derive(Debug, Clone, Copy)]
pub(super) struct PasswordKey<'a> {
    /// The host as it was written; `localhost` for a unix socket in a default folder.
    pub(super) host: &'a str,
    /// The port.
    pub(super) port: &'a str,
    /// The database.
    pub(super) database: &'a str,
    /// The role.
    pub(super) user: &'a str,
}

/// A password file that could be used, or nothing and why.
#[derive(Debug, Clone, Default)]
pub(super) struct PassFile {
    text: PassfileText,
    /// Why the file is ignored, in one sentence.
    pub(super) warning: Option<String>,
}

/// The file's text, never shown.
#[derive(Clone, Default)]
struct PassfileText(String);

impl std::fmt::Debug for PassfileText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("\"…\"")
    }
}

impl PassFile {
    /// Reads a password file; one that is missing, not plain, or open to others is ignored, as libpq does.
    pub(super) fn read(files: &Files, path: &Path) -> Self {
        let Ok(seen) = files.read(path) else { return Self::default() };
        let warning = if !seen.is_plain {
            format!("password file {} is ignored: it is not a plain file", path.display())
        } else if seen.mode & 0o077 != 0 {
            let path = path.display();
            format!("password file {path} is ignored: others may read it (mode {:04o}); chmod 0600 {path}", seen.mode)
        } else {
            return Self { text: PassfileText(seen.text), warning: None };
        };
        Self { text: PassfileText::default(), warning: Some(warning) }
    }

    /// Returns the password of the first line that matches.
    pub(super) fn find(&self, wanted: &PasswordKey<'_>) -> Option<Password> {
        self.text.0.lines().find_map(|line| password_of(line, wanted))
    }
}

fn password_of(line: &str, wanted: &PasswordKey<'_>) -> Option<Password> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    for value in [wanted.host, wanted.port, wanted.database, wanted.user] {
        let (field, after) = next_field(rest);
        let after = after?;
        if field != PassfileField::Any && field != PassfileField::Exactly(value.to_owned()) {
            return None;
        }
        rest = after;
    }
    match next_field(rest).0 {
        PassfileField::Any => Some(Password::new("*")),
        PassfileField::Exactly(password) if password.is_empty() => None,
        PassfileField::Exactly(password) => Some(Password::new(password)),
    }
}

#[derive(PartialEq, Eq)]
enum PassfileField {
    Any,
    Exactly(String),
}

/// Reads up to the next `:` that is not escaped; the rest is `None` at the end of the line.
fn next_field(text: &str) -> (PassfileField, Option<&str>) {
    let mut field = String::new();
    let mut is_escaped = false;
    let mut end = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ':' => {
                end = Some(at);
                break;
            }
            '\\' => {
                is_escaped = true;
                field.push(letters.next().map_or('\\', |(_, escaped)| escaped));
            }
            other => field.push(other),
        }
    }
    let field = if field == "*" && !is_escaped { PassfileField::Any } else { PassfileField::Exactly(field) };
    (field, end.and_then(|end| text.get(end + 1..)))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::environment::Files;
    use super::{PassFile, PasswordKey};

    const WANTED: PasswordKey<'_> = PasswordKey { host: "db", port: "5432", database: "shop", user: "app" };

    fn file(text: &str, mode: u32) -> PassFile {
        let path = PathBuf::from("/h/.pgpass");
        PassFile::read(&Files::Given([(path.clone(), (text.to_owned(), mode))].into()), &path)
    }

    #[test]
    fn the_first_line_that_matches_gives_the_password() {
        let check = |text: &str, expected: Option<&str>| {
            let found = file(text, 0o600).find(&WANTED);
            assert_eq!(found.as_ref().map(super::super::Password::reveal), expected, "{text}");
        };
        check("db:5432:shop:app:one", Some("one"));
        check("*:*:*:*:any", Some("any"));
        check("db:5432:other:app:no\ndb:*:shop:app:yes\n*:*:*:*:late", Some("yes"));
        check("# db:5432:shop:app:one", None);
        check("\n\r\ndb:5432:shop:app:one\r\n", Some("one"));
        check(r"db:5432:shop:app:a\:b\\c", Some(r"a:b\c"));
        check("db:5432:shop:app:a:b", Some("a"));
        check(r"d\b:5432:shop:app:x", Some("x"));
        check(r"\*:5432:shop:app:x", None);
        check("db:5432:shop:app:*", Some("*"));
        check("db:5432:shop:app:", None);
        check("db:5432:shop:app", None);
        check("db2:5432:shop:app:x", None);
        check("d*:5432:shop:app:x", None);
        check("", None);
    }

    #[test]
    fn a_file_others_may_read_is_ignored_and_said() {
        for (mode, is_used) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o660, false)] {
            let file = file("*:*:*:*:x", mode);
            assert_eq!(file.find(&WANTED).is_some(), is_used, "{mode:o}");
            assert_eq!(file.warning.is_none(), is_used, "{mode:o}");
        }
        let warning = file("*:*:*:*:x", 0o644).warning.unwrap();
        assert_eq!(
            warning,
            "password file /h/.pgpass is ignored: others may read it (mode 0644); chmod 0600 /h/.pgpass"
        );
    }

    #[test]
    fn a_missing_file_is_no_trouble() {
        let none = PassFile::read(&Files::None, Path::new("/h/.pgpass"));
        assert!(none.warning.is_none() && none.find(&WANTED).is_none());
    }
}
