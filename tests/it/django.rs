//! Django is the judge of the code that is printed for it: `makemigrations` makes the same index of our line as of our
//! migration, `sqlmigrate` the same SQL as ours, `migrate` succeeds there and back, and the planner uses the index.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use pgdj::advisor::IndexSpec;
use pgdj::catalog::{Definition, Expr, Index, Key};
use pgdj::django::{Declared, DjangoCode, DjangoVersion, Names, code_for, removal_of};
use pgdj::pg::explain::{Consent, Options, Request};
use pgdj::pg::private::{PrivateServer, Setup, installed};
use pgdj::pg::session::{Limits, Session, reaper};
use pgdj::pg::verify::{Allowed, Verified, Verifier};
use serde_json::{Value, json};
use tokio_postgres::NoTls;

mod cases;
mod hostile;
mod tables;

use crate::support::{Login, open};
use cases::{CASES, Case};

/// A server with the project's tables in the database `judged`, which each version takes a copy of.
struct Court {
    server: PrivateServer,
    project: tempfile::TempDir,
}

impl Court {
    fn get() -> &'static Self {
        static COURT: OnceLock<Court> = OnceLock::new();
        COURT.get_or_init(|| {
            let bin = installed(std::env::var_os("PATH").as_ref()).into_iter().next().expect("PostgreSQL is installed");
            let settings = ["autovacuum = off", "shared_buffers = '64MB'", "max_parallel_workers_per_gather = 0"];
            let settings = settings.map(str::to_owned).into();
            let server = PrivateServer::start(&Setup { bin, settings, ..Setup::default() }).unwrap();
            let project = tempfile::tempdir().unwrap();
            let court = Self { server, project };
            court.sql("postgres", "create database judged");
            run(court.python("4.2", "prepare", project_of(&court, "template"), "judged"), "");
            court
        })
    }

    /// A way into a copy of the project's database.
    fn copy(&self, database: &str) -> Login {
        // Two at once would wait for the template and fail.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock().unwrap();
        self.sql("postgres", &format!("create database {database} template judged"));
        Login {
            host: self.server.socket_directory().display().to_string(),
            port: self.server.port(),
            user: "postgres".to_owned(),
            database: database.to_owned(),
        }
    }

    fn sql(&self, database: &str, text: &str) {
        let conninfo = self.server.conninfo(database);
        block_on(async {
            let (client, connection) = tokio_postgres::connect(&conninfo, NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(text).await.unwrap();
        });
    }

    fn python(&self, version: &str, verb: &str, project: PathBuf, database: &str) -> Command {
        let mut command = judge(version);
        command.arg(verb).arg(project);
        command.env("PGHOST", self.server.socket_directory()).env("PGPORT", self.server.port().to_string());
        command.env("PGDATABASE", database).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// The judge of one version, before it is told what to do.
fn judge(version: &str) -> Command {
    let python = manifest().join(format!("target/django/{version}/bin/python"));
    assert!(python.exists(), "there is no Django {version} in target/django: run .ci/django.sh, which makes it");
    let mut command = Command::new(python);
    command.arg(manifest().join("tests/it/django/judge.py"));
    command
}

fn manifest() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn project_of(court: &Court, name: &str) -> PathBuf {
    court.project.path().join(name)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Runs a program with this input, and returns what it printed.
fn run(mut command: Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Reads the names as `pgdj` reads them from any database; the table whose names no catalog tells is declared.
async fn names(login: &Login) -> Names {
    let (reaper, _work) = reaper();
    let mut session = Session::open(login, Limits::SLOW, &reaper).await.unwrap();
    let mut names = pgdj::pg::django_read::names(&mut session).await.unwrap();
    assert_eq!(names.last_migration.get("shopapp").map(String::as_str), Some("0001_initial"));
    let fields = [("Kunden Nr", "kunde"), ("Tag", "day")].map(|(column, field)| (column.to_owned(), field.to_owned()));
    let ledger = Declared { app: "shopapp".into(), model: "ledger".into(), fields: fields.into() };
    names.declared.insert("Altes Buch".to_owned(), ledger);
    names
}

/// What is judged: the code of each case, and of some removals.
struct Judged {
    codes: Vec<(&'static Case, DjangoCode)>,
    removals: Vec<DjangoCode>,
}

/// Each migration depends on the one before it, and takes no name that is taken.
async fn judged(login: &Login, version: DjangoVersion) -> Judged {
    let client = open(login).await;
    let tables = tables::tables(&client).await;
    let mut names = names(login).await;
    let mut codes = Vec::new();
    for case in CASES {
        let table = tables.iter().find(|table| table.name == case.table).unwrap();
        let code = code_for(table, &case.definition(table), &names, version).unwrap();
        names.after(&code);
        codes.push((case, code));
    }
    let order = tables.iter().find(|table| table.name == "shopapp_order").unwrap();
    let customer = tables.iter().find(|table| table.name == "shopapp_customer").unwrap();
    let removed = [
        (order, codes[0].1.name.clone(), "reference", None),
        (order, taken(&names, "shopapp_order_customer_id_", ""), "customer_id", None),
        (customer, taken(&names, "shopapp_customer_email_", "_like"), "email", Some("varchar_pattern_ops".to_owned())),
    ];
    let mut removals = Vec::new();
    for (table, name, column, opclass) in removed {
        let definition = Definition::btree(vec![Key { opclass, ..Key::plain(Expr::column(column)) }]);
        let index = Index { name, definition, is_valid: true, ..Index::default() };
        let code = removal_of(table, &index, &names, version).unwrap();
        names.after(&code);
        removals.push(code);
    }
    Judged { codes, removals }
}

/// An index whose name ends with a hash of Django's.
fn taken(names: &Names, head: &str, tail: &str) -> String {
    names.taken.iter().find(|name| name.starts_with(head) && name.ends_with(tail)).unwrap().clone()
}

fn input(Judged { codes, removals }: &Judged) -> Value {
    let name_of = |wanted: &str| {
        let found = codes.iter().find(|(case, _)| case.name == wanted);
        found.unwrap_or_else(|| panic!("there is no case {wanted}")).1.name.as_str()
    };
    let case = |(case, code): &(&Case, DjangoCode)| {
        let mut with = vec![code.name.as_str()];
        with.extend(case.name.split_once(", with ").map(|(_, other)| name_of(other)));
        json!({
            "name": case.name,
            "model": code.owner.as_ref().unwrap().model,
            "line": code.meta_line,
            "imports": code.imports,
            "migration": [code.migration.as_ref().unwrap().name(), code.migration.as_ref().unwrap().text],
            "sql": code.sql,
            "index": code.name,
            "with": with,
            "query": case.query,
        })
    };
    let removal = |code: &DjangoCode| {
        let file = code.migration.as_ref().unwrap();
        json!({ "index": code.name, "sql": code.sql, "migration": [file.name(), file.text] })
    };
    let (cases, removals): (Vec<Value>, Vec<Value>) =
        (codes.iter().map(case).collect(), removals.iter().map(removal).collect());
    json!({ "cases": cases, "removals": removals })
}

fn check(folder: &str, version: DjangoVersion) {
    let court = Court::get();
    let database = format!("judged_{}", folder.replace('.', "_"));
    let login = court.copy(&database);
    let project = project_of(court, folder);
    copy(&project_of(court, "template"), &project);
    let given = block_on(judged(&login, version));
    let verdicts = run(court.python(folder, "judge", project, &database), &input(&given).to_string());
    let verdicts: Value = serde_json::from_str(&verdicts).unwrap();
    let mut faults = Vec::new();
    for (case, code) in &given.codes {
        let verdict = &verdicts["cases"][case.name];
        let mut fault = |what: String| faults.push(format!("{}: {what}", case.name));
        if verdict["same_index"] != true {
            fault(format!("makemigrations makes another index of {:?}", code.meta_line));
        }
        if verdict["theirs"] != verdict["ours"] {
            fault(format!("the SQL differs\n  theirs {}\n  ours   {}", verdict["theirs"], verdict["ours"]));
        }
        if verdict["used"] != true {
            fault(format!("the planner does not use {}\n{}", code.name, verdict["plan"].as_str().unwrap_or_default()));
        }
    }
    let of_whole = ["left", "invalid", "remaining", "removals"].map(|what| (what, verdicts[what].clone()));
    faults.extend(
        of_whole
            .into_iter()
            .filter(|(_, found)| *found != json!("") && *found != json!([]))
            .map(|it| format!("{it:?}")),
    );
    assert!(faults.is_empty(), "Django {}:\n{}", verdicts["django"], faults.join("\n"));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn django_4_2_makes_of_our_code_what_we_say() {
    check("4.2", DjangoVersion::new(4, 2));
}

#[test]
fn django_5_2_makes_of_our_code_what_we_say() {
    check("5.2", DjangoVersion::new(5, 2));
}

#[test]
fn the_newest_django_makes_of_our_code_what_we_say() {
    check("newest", DjangoVersion::new(5, 2));
}

/// Asks what each index would do, as if none were there, and returns the rung and whether it is used.
async fn verified(login: &Login, queries: &Value) -> Vec<(&'static str, Verified)> {
    let client = open(login).await;
    client
        .batch_execute("create extension pg_trgm; create extension btree_gin; create extension btree_gist")
        .await
        .unwrap();
    if client.batch_execute("create extension hypopg").await.is_err() {
        eprintln!(
            "left out: no HypoPG on this machine (Debian: apt install postgresql-15-hypopg); a sample is asked instead"
        );
    }
    let tables = tables::tables(&client).await;
    let (reaper, work) = reaper();
    tokio::spawn(work);
    let verifier = Verifier::new(Arc::new(login.clone()), reaper);
    let mut found = Vec::new();
    for case in CASES {
        let spec = |case: &Case| {
            let table = tables.iter().find(|table| table.name == case.table).unwrap();
            IndexSpec::on(table, case.definition(table))
        };
        let mut set = vec![spec(case)];
        set.extend(
            case.name
                .split_once(", with ")
                .and_then(|(_, other)| CASES.iter().find(|case| case.name == other))
                .map(spec),
        );
        let request = Request {
            sql: queries[case.name].as_str().unwrap().to_owned(),
            parameters: Vec::new(),
            options: Options::default(),
            consent: Consent::ReadOnly,
            timeout_ms: 30_000,
        };
        let mut answers = verifier
            .verify(&request, &[set], Allowed::TemporaryTable)
            .await
            .unwrap_or_else(|failure| panic!("{}: {failure}", case.name));
        found.push((case.name, answers.pop().unwrap()));
    }
    found
}

#[test]
fn what_would_be_used_is_what_is_used() {
    let court = Court::get();
    let login = court.copy("judged_verified");
    let queries: serde_json::Map<String, Value> =
        CASES.iter().map(|case| (case.name.to_owned(), json!(case.query))).collect();
    let project = project_of(court, "template");
    let queries = run(court.python("5.2", "queries", project, "judged_verified"), &json!(queries).to_string());
    let found = block_on(verified(&login, &serde_json::from_str(&queries).unwrap()));
    let unused = found.iter().filter(|(_, verified)| !verified.is_used());
    let unused: Vec<String> =
        unused.map(|(name, it)| format!("{name}: {:?} {:?} {:?}", it.rung, it.verdicts, it.notes)).collect();
    assert!(unused.is_empty(), "{}", unused.join("\n"));
}
