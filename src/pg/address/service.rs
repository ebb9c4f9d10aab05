//! The connection service file: named sets of connection parameters.
//!
//! Source: PostgreSQL manual 34.17 "The Connection Service File"; fe-connect.c, `parseServiceFile`.

use std::io;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::{AddressError, GivenParameter, ParameterOrigin, keywords};

/// Where packages put the system-wide file when `PGSYSCONFDIR` does not say: Debian, Red Hat, Homebrew, source builds.
const SYSTEM_FOLDERS: &[&str] = &[
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/etc/pgsql",
    "/etc/postgresql",
    "/opt/homebrew/etc/postgresql",
    "/usr/local/etc/postgresql",
    "/usr/local/pgsql/etc",
];

/// Finds a service's parameters: in the user's file, else in the system's.
pub(super) fn find(
    name: &str,
    named_file: Option<&str>,
    environment: &Environment,
) -> Result<Vec<GivenParameter>, AddressError> {
    let files = files(named_file, environment);
    let mut names = Vec::new();
    for path in &files {
        let Some(text) = read(path, environment)? else { continue };
        if let Some(given) = section(&text, name, path)? {
            return Ok(given);
        }
        names.extend(section_names(&text).map(str::to_owned));
    }
    Err(AddressError::NoService { name: name.to_owned(), files, names })
}

/// Returns the names of all services there are, for messages.
pub(super) fn names(environment: &Environment) -> Vec<String> {
    let texts = files(None, environment).into_iter().filter_map(|path| read(&path, environment).ok().flatten());
    texts.flat_map(|text| section_names(&text).map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn files(named_file: Option<&str>, environment: &Environment) -> Vec<PathBuf> {
    let users = match named_file.or_else(|| environment.var("PGSERVICEFILE")) {
        Some(path) => Some(environment.expand(path)),
        None => environment.in_home(".pg_service.conf"),
    };
    let system = match environment.var("PGSYSCONFDIR") {
        Some(folder) => Some(Path::new(folder).join("pg_service.conf")),
        None => SYSTEM_FOLDERS
            .iter()
            .map(|folder| Path::new(folder).join("pg_service.conf"))
            .find(|path| environment.files.exists(path)),
    };
    users.into_iter().chain(system).collect()
}

fn read(path: &Path, environment: &Environment) -> Result<Option<String>, AddressError> {
    match environment.files.read(path) {
        Ok(seen) => Ok(Some(seen.text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AddressError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Reads one section; `None` if the file has none of this name. Other sections are not judged, as in libpq.
fn section(text: &str, name: &str, path: &Path) -> Result<Option<Vec<GivenParameter>>, AddressError> {
    let mut found: Option<Vec<GivenParameter>> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            if found.is_some() {
                break;
            }
            found = (section_name(line) == Some(name)).then(Vec::new);
            continue;
        }
        if let Some(given) = &mut found {
            given.push(parameter(line, ParameterOrigin::File { path: path.to_owned(), line: index + 1 })?);
        }
    }
    Ok(found)
}

fn section_names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| section_name(line.trim()))
}

fn section_name(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.split_once(']').map(|(name, _)| name)
}

fn parameter(line: &str, origin: ParameterOrigin) -> Result<GivenParameter, AddressError> {
    let syntax = |what: &str| AddressError::Syntax { origin: origin.clone(), what: what.to_owned(), hint: None };
    let Some((key, value)) = line.split_once('=') else {
        let what = if line.starts_with("ldap") { "LDAP lookup is not supported" } else { "the line has no \"=\"" };
        return Err(syntax(what));
    };
    match keywords::find(key) {
        Some(keyword) if matches!(keyword.name, "service" | "servicefile") => {
            Err(syntax("a service cannot name another service"))
        }
        Some(keyword) => Ok(GivenParameter { name: keyword.name, value: value.to_owned(), origin }),
        None => Err(AddressError::UnknownKeyword { origin, near: keywords::near(key.trim()), word: key.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::environment::{Environment, Files};
    use super::find;

    const FILE: &str = "# ours\n[broken]\nhost\n\n[prod]\nhost=db1\n  dbname=the shop  \n# port=1\nport=5433\n[prod]\nport=9\n\n[typo]\ndbnam=x\n[nested]\nservice=prod\n[ldap]\nldap://x\n";

    fn environment() -> Environment {
        let user = (PathBuf::from("/h/.pg_service.conf"), (FILE.to_owned(), 0o644));
        let system = (PathBuf::from("/s/pg_service.conf"), ("[sys]\nhost=far\n[prod]\nhost=no\n".to_owned(), 0o644));
        Environment {
            vars: [("PGSYSCONFDIR".to_owned(), "/s".to_owned())].into(),
            home: Some(PathBuf::from("/h")),
            user: None,
            files: Files::Given([user, system].into()),
        }
    }

    fn check(name: &str, expected: &str) {
        let found = match find(name, None, &environment()) {
            Ok(given) => given.iter().map(|one| format!("{}={}", one.name, one.value)).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn a_section_is_read_and_a_mistake_has_file_and_line() {
        check("prod", "host=db1 dbname=the shop port=5433");
        check("sys", "host=far");
        check("broken", "/h/.pg_service.conf:3: the line has no \"=\"");
        check("typo", "/h/.pg_service.conf:14: unknown connection parameter \"dbnam\"");
        check("nested", "/h/.pg_service.conf:16: a service cannot name another service");
        check("ldap", "/h/.pg_service.conf:18: LDAP lookup is not supported");
        check("none", "no service is called \"none\"");
    }

    #[test]
    fn a_named_file_takes_the_place_of_the_users_own() {
        let mut environment = environment();
        environment.vars.insert("PGSERVICEFILE".to_owned(), "/x/other.conf".to_owned());
        assert!(find("typo", None, &environment).is_err());
        assert_eq!(find("prod", None, &environment).unwrap().len(), 1, "the system's section");
        assert_eq!(find("prod", Some("~/.pg_service.conf"), &environment).unwrap().len(), 3);
    }
}
