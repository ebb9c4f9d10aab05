//! Which PostgreSQL servers a test run uses, and which of them a test asks for.
//!
//! The machine's own one takes part, and 12 to 18 where `target/servers/<major>` has them; `tests/run` fetches those.
//! Without one of its own, the newest fetched one stands in for it. `PGDJ_TEST_SERVERS` narrows the list: `own` takes the
//! machine's own alone, `15,18` its own and those, `none` is a machine without PostgreSQL. `PGDJ_TEST_OWN` names the `bin`
//! folder of another server that acts as the machine's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use pgdj::pg::private::installed;

use super::left_out::{leave_out, say};

/// The programs of one server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    /// `own`, or the major of a fetched one.
    pub(crate) name: String,
    pub(crate) major: u32,
    pub(crate) bin: PathBuf,
}

/// The majors that pgdj supports.
const MAJORS: std::ops::RangeInclusive<u32> = 12..=18;

/// Returns the servers of this run: the machine's own, then the fetched ones, oldest first.
pub(crate) fn all() -> &'static [Installed] {
    static ALL: OnceLock<Vec<Installed>> = OnceLock::new();
    ALL.get_or_init(|| {
        let wanted = environment("PGDJ_TEST_SERVERS");
        if wanted.as_deref() == Some("none") {
            return Vec::new();
        }
        let is_wanted = |major: u32| {
            wanted.as_deref().is_none_or(|list| list.split(',').any(|name| name.trim() == major.to_string()))
        };
        let (fetched, left_out): (Vec<u32>, Vec<u32>) =
            MAJORS.partition(|major| is_wanted(*major) && holds_server(&fetched_bin(*major)));
        if !left_out.is_empty() {
            let list: Vec<String> = left_out.iter().map(u32::to_string).collect();
            let what = format!("PostgreSQL {} (tests/run fetches them)", list.join(", "));
            if wanted.is_some() { say(&format!("left out: {what}")) } else { leave_out(&what) }
        }
        let fetched =
            fetched.into_iter().map(|major| Installed { name: major.to_string(), major, bin: fetched_bin(major) });
        the_machines_own().into_iter().chain(fetched).collect()
    })
}

/// Returns the machine's own server, or the newest fetched one; `None`, with a sentence, where there is none at all.
pub(crate) fn own() -> Option<&'static Installed> {
    let Some(first) = all().first() else {
        leave_out("every test that needs a PostgreSQL server: there is none on this machine (tests/run brings some)");
        return None;
    };
    if first.name == "own" {
        return Some(first);
    }
    leave_out("the machine's own PostgreSQL (Debian: apt install postgresql): the newest fetched one stands in for it");
    all().last()
}

/// Whether there is any; where there is none, says so.
pub(crate) fn has_server() -> bool {
    own().is_some()
}

/// Returns the server of the newest major.
pub(crate) fn newest() -> Option<&'static Installed> {
    own().and(all().iter().max_by_key(|it| it.major))
}

/// Returns the machine's own server, the oldest and the newest: each once.
pub(crate) fn ends() -> Vec<&'static Installed> {
    let oldest = all().iter().min_by_key(|it| it.major);
    distinct([own(), oldest, newest()])
}

/// Returns the machine's own server and the newest: each once, so that no round finds what the other left.
pub(crate) fn own_and_newest() -> Vec<&'static Installed> {
    distinct([own(), newest()])
}

fn distinct<const N: usize>(found: [Option<&'static Installed>; N]) -> Vec<&'static Installed> {
    let mut list: Vec<&Installed> = Vec::new();
    for server in found.into_iter().flatten() {
        if list.iter().all(|it| it.major != server.major) {
            list.push(server);
        }
    }
    list
}

/// Returns where the fetched servers lie by its real name: where the project is private to root, that is another place.
fn fetched() -> PathBuf {
    let named = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers");
    named.canonicalize().unwrap_or(named)
}

fn fetched_bin(major: u32) -> PathBuf {
    fetched().join(major.to_string()).join("bin")
}

fn holds_server(bin: &Path) -> bool {
    bin.join("postgres").exists() && bin.join("initdb").exists()
}

fn the_machines_own() -> Option<Installed> {
    let named = environment("PGDJ_TEST_OWN").map(PathBuf::from);
    let path = environment("PATH").map(Into::into);
    // What the tests have fetched is nobody's own.
    let is_own = |bin: &PathBuf| !bin.starts_with(fetched());
    let bin = named.or_else(|| installed(path.as_ref()).into_iter().find(is_own))?;
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    // "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)"
    let version = String::from_utf8_lossy(&output.stdout);
    let number = version.split_whitespace().nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    Some(Installed { name: "own".to_owned(), major: digits.parse().ok()?, bin })
}

#[expect(clippy::disallowed_methods, reason = "the tests are configured by the environment")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
