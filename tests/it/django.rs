//! Django is the judge of the code that is printed for it: `makemigrations` makes the same index of our line as of our
//! migration, `sqlmigrate` the same SQL as ours, `migrate` succeeds there and back, and the planner uses the index.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};

use pgdj::advisor::{IndexSpec, advise};
use pgdj::catalog::usage::ReferringKey;
use pgdj::catalog::{Catalog, Definition, Expr, Index, Key};
use pgdj::django::{
    Declared, DjangoCode, DjangoVersion, MigrationFile, Project, ThereAndBack, code_for_spec, index_for_key,
    migration_of_sql, removal_of,
};
use pgdj::pg::private::{PrivateServer, ServerSetup};
use pgdj::pg::session::{Limits, Session, cancel_queue};
use pgdj::plan::Plan;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

mod cases;
mod hostile;
mod whatif;

use crate::support::installed::{self, has_server};
use crate::support::left_out::say;
use crate::support::{Login, leave_out, open};
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
            let bin = installed::own().expect("each test has looked whether there is one").bin.clone();
            let settings = ["autovacuum = off", "shared_buffers = '64MB'", "max_parallel_workers_per_gather = 0"];
            let settings = settings.map(str::to_owned).into();
            let server = PrivateServer::start(&ServerSetup { bin, settings, ..ServerSetup::default() }).unwrap();
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
    let mut command = python_of(version);
    command.arg(manifest().join("tests/it/django/judge.py"));
    command
}

fn python_of(version: &str) -> Command {
    Command::new(program_of(version))
}

fn program_of(version: &str) -> PathBuf {
    manifest().join(format!("target/django/{version}/bin/python"))
}

/// Whether the Djangos are there; where they are not, says so.
fn has_django() -> bool {
    let is_there = ["4.2", "5.2", "newest"].into_iter().all(|version| program_of(version).exists());
    if !is_there {
        leave_out("Django's verdict on the code (tests/run fetches Django 4.2, 5.2 and the newest)");
    }
    is_there
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
async fn project(login: &Login) -> Project {
    let (cancel_queue, _work) = cancel_queue();
    let mut session = Session::open(login, Limits::SLOW, &cancel_queue).await.unwrap();
    let mut project = pgdj::pg::django_read::project(&mut session).await.unwrap();
    assert_eq!((project.last_migration("shopapp"), &project.unread), (Some("0001_initial"), &None));
    let fields = [("Kunden Nr", "kunde"), ("Tag", "day")].map(|(column, field)| (column.to_owned(), field.to_owned()));
    let ledger = Declared { app: "shopapp".into(), model: "ledger".into(), fields: fields.into() };
    project.declared.insert("Altes Buch".to_owned(), ledger);
    project
}

/// Reads the tables as `pgdj` reads them.
async fn catalog(login: &Login) -> Catalog {
    let list =
        "select c.relname::text from pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'";
    let rows = open(login).await.query(list, &[]).await.unwrap();
    let relations: Vec<(String, String)> = rows.iter().map(|row| ("public".to_owned(), row.get(0))).collect();
    let (cancel_queue, _work) = cancel_queue();
    let mut session = Session::open(login, Limits::SLOW, &cancel_queue).await.unwrap();
    let read = pgdj::pg::catalog::read(&mut session, &relations).await.unwrap();
    assert!(read.notes.is_empty(), "{:?}", read.notes);
    read.catalog
}

/// One index under judgement.
struct Entry {
    name: String,
    query: &'static str,
    code: DjangoCode,
    /// Names of indexes that it is of use only together with.
    with: Vec<String>,
}

/// What is judged: the code of each case and of what the advisor says, and of some removals.
struct Judged {
    entries: Vec<Entry>,
    removals: Vec<Removal>,
    settings: Vec<Setting>,
}

/// A removal under judgement.
struct Removal {
    code: DjangoCode,
    /// What a person is told to change in a model, before and after.
    change: Option<[&'static str; 2]>,
}

/// A table's setting as a migration.
struct Setting {
    table: &'static str,
    sql: String,
    migration: MigrationFile,
}

/// Code after code: each migration depends on the one before it, and takes no name that is taken.
async fn judged(login: &Login, version: DjangoVersion, plans: &[(&'static Case, Plan)]) -> Judged {
    let catalog = catalog(login).await;
    let mut project = project(login).await;
    let mut entries: Vec<Entry> = Vec::new();
    for case in CASES {
        let code = code_for_spec(&case.spec(&catalog), &catalog, &project, version).unwrap();
        project.after(&code);
        let with = case.name.split_once(", with ").map(|(_, other)| name_of(&entries, other));
        entries.push(Entry { name: case.name.to_owned(), query: case.query, code, with: with.into_iter().collect() });
    }
    let mut known: Vec<IndexSpec> = CASES.iter().map(|case| case.spec(&catalog)).collect();
    let mut advised = 0;
    for (case, plan) in plans {
        for candidate in advise(plan, &catalog).candidates.iter().filter(|candidate| candidate.companions.is_empty()) {
            advised += 1;
            if known.contains(&candidate.spec) {
                continue;
            }
            known.push(candidate.spec.clone());
            let code = code_for_spec(&candidate.spec, &catalog, &project, version).unwrap();
            project.after(&code);
            let name = format!("advised for {}: {}", case.name, candidate.spec.summary());
            entries.push(Entry { name, query: case.query, code, with: Vec::new() });
        }
    }
    assert!(plans.is_empty() || advised > 20, "the advisor found only {advised} indexes for these queries");
    entries.extend(foreign_keys(&mut project));
    let removals = removals(&catalog, &mut project, (&name_of(&entries, "eq_unique"), version));
    let settings = settings(&mut project);
    Judged { entries, removals, settings }
}

/// The indexes that the project's foreign keys lack; no row has the values of the queries.
fn foreign_keys(project: &mut Project) -> Vec<Entry> {
    let lacking = [
        ("shopapp_order", "store_id", "Order.objects.filter(store_id=-1)"),
        ("shopapp_orderitem", "product_id", "OrderItem.objects.filter(product_id=-1)"),
        ("shopapp_booking", "room_id", "Booking.objects.filter(room_id=-1)"),
    ];
    let entry = |(table, column, query): (&str, &str, &'static str)| {
        let (schema, columns) = ("public".to_owned(), vec![column.to_owned()]);
        let key = ReferringKey { schema, table: table.to_owned(), columns, ..ReferringKey::default() };
        let code = index_for_key(&key, project).unwrap();
        project.after(&code);
        Entry { name: format!("foreign key {table}.{column}"), query, code, with: Vec::new() }
    };
    lacking.map(entry).into()
}

/// Settings of tables as migrations, one with a name in quotes.
fn settings(project: &mut Project) -> Vec<Setting> {
    let setting = |table: &'static str| {
        let relation = pgdj::quote::qualified("public", table);
        let sql = format!("ALTER TABLE {relation} SET (autovacuum_vacuum_scale_factor = 0.02)");
        let back = format!("ALTER TABLE {relation} RESET (autovacuum_vacuum_scale_factor)");
        let both = ThereAndBack { there: &format!("{sql};"), back: &format!("{back};") };
        let migration = migration_of_sql(table, "autovacuum", both, project).unwrap();
        project.add_migration("shopapp", migration.name());
        Setting { table, sql, migration }
    };
    ["shopapp_order", "Altes Buch"].map(setting).into()
}

fn name_of(entries: &[Entry], case: &str) -> String {
    let found = entries.iter().find(|entry| entry.name == case);
    found.unwrap_or_else(|| panic!("there is no case {case}")).code.name.clone()
}

/// The field that loses its index, as it is in models.py and as the note asks for it.
const CUSTOMER: [&str; 2] = [
    "customer = models.ForeignKey(Customer, models.CASCADE)",
    "customer = models.ForeignKey(Customer, models.CASCADE, db_index=False)",
];

/// The removals of an index of `Meta`, of a field, of the companion of a field's, and of a many-to-many field's table.
fn removals(catalog: &Catalog, project: &mut Project, (of_meta, version): (&str, DjangoVersion)) -> Vec<Removal> {
    let taken = |head: &str, tail: &str| {
        let found = project.taken.iter().find(|name| name.starts_with(head) && name.ends_with(tail));
        found.unwrap_or_else(|| panic!("{head}…{tail}")).clone()
    };
    let like = Some("varchar_pattern_ops".to_owned());
    let removed = [
        ("shopapp_order", of_meta.to_owned(), ("reference", None), None),
        ("shopapp_order", taken("shopapp_order_customer_id_", ""), ("customer_id", None), Some(CUSTOMER)),
        ("shopapp_customer", taken("shopapp_customer_email_", "_like"), ("email", like), None),
        ("shopapp_article_labels", taken("shopapp_article_labels_category_id_", ""), ("category_id", None), None),
    ];
    let code = |(table, name, (column, opclass), change)| {
        let definition = Definition::btree(vec![Key { opclass, ..Key::plain(Expr::column(column)) }]);
        let index = Index { name, definition, is_valid: true, ..Index::default() };
        let code = removal_of(catalog.table(None, table).unwrap(), &index, project, version).unwrap();
        project.after(&code);
        Removal { code, change }
    };
    removed.map(code).into()
}

fn input(Judged { entries, removals, settings }: &Judged) -> Value {
    let case = |Entry { name, query, code, with }: &Entry| {
        let with: Vec<&String> = with.iter().chain([&code.name]).collect();
        let file = code.migration.as_ref().unwrap();
        json!({
            "name": name,
            "model": code.owner.as_ref().unwrap().model,
            "line": code.meta_line,
            "imports": code.imports,
            "migration": [file.name(), file.text],
            "sql": code.sql,
            "index": code.name,
            "with": with,
            "query": query,
        })
    };
    let removal = |Removal { code, change }: &Removal| {
        let file = code.migration.as_ref().unwrap();
        json!({ "index": code.name, "sql": code.sql, "migration": [file.name(), file.text], "change": change })
    };
    let setting = |Setting { table, sql, migration }: &Setting| json!({ "table": table, "sql": sql, "migration": [migration.name(), migration.text] });
    let cases: Vec<Value> = entries.iter().map(case).collect();
    let removals: Vec<Value> = removals.iter().map(removal).collect();
    let settings: Vec<Value> = settings.iter().map(setting).collect();
    json!({ "cases": cases, "removals": removals, "settings": settings })
}

/// The SQL of each case's query, by its name.
type Queries = serde_json::Map<String, Value>;

/// Asks Django for it; not to be called where something is awaited.
fn queries() -> &'static Queries {
    static QUERIES: OnceLock<Queries> = OnceLock::new();
    QUERIES.get_or_init(|| {
        let court = Court::get();
        let login = court.copy("judged_queries");
        let queries: Queries = CASES.iter().map(|case| (case.name.to_owned(), json!(case.query))).collect();
        let python = court.python("5.2", "queries", project_of(court, "template"), &login.database);
        serde_json::from_str(&run(python, &json!(queries).to_string())).unwrap()
    })
}

/// The plan of each case's query, run without any index.
async fn plans(login: &Login, queries: &Queries) -> Vec<(&'static Case, Plan)> {
    let client = open(login).await;
    let mut plans = Vec::new();
    for case in CASES {
        let sql = queries[case.name].as_str().unwrap();
        let row =
            client.query_one(&format!("explain (analyze, verbose, buffers, format json) {sql}"), &[]).await.unwrap();
        let text: Value = row.get(0);
        plans.push((case, pgdj::plan::parse(&text.to_string()).plans.swap_remove(0)));
    }
    plans
}

/// Whose indexes are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Those of the cases.
    Cases,
    /// And those that the advisor finds for the same queries.
    Advisor,
}

fn check(folder: &str, version: DjangoVersion, whose: Whose) {
    if !has_django() || !has_server() {
        return;
    }
    let court = Court::get();
    let database = format!("judged_{}", folder.replace('.', "_"));
    let login = court.copy(&database);
    let project = project_of(court, folder);
    copy(&project_of(court, "template"), &project);
    let queries = (whose == Whose::Advisor).then(queries);
    let given = block_on(async {
        let plans = match queries {
            Some(queries) => plans(&login, queries).await,
            None => Vec::new(),
        };
        judged(&login, version, &plans).await
    });
    let verdicts = run(court.python(folder, "judge", project, &database), &input(&given).to_string());
    let verdicts: Value = serde_json::from_str(&verdicts).unwrap();
    let mut faults = Vec::new();
    for Entry { name, code, .. } in &given.entries {
        let verdict = &verdicts["cases"][name];
        let mut fault = |what: String| faults.push(format!("{name}: {what}"));
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
    let of_whole =
        ["left", "invalid", "remaining", "removals", "settings", "after"].map(|what| (what, verdicts[what].clone()));
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
    check("4.2", DjangoVersion::new(4, 2), Whose::Cases);
}

#[test]
fn django_5_2_makes_of_our_code_what_we_say() {
    check("5.2", DjangoVersion::new(5, 2), Whose::Advisor);
}

#[test]
fn the_newest_django_makes_of_our_code_what_we_say() {
    if !has_django() {
        return;
    }
    let mut command = python_of("newest");
    command.args(["-c", "import django; print(*django.VERSION[:2])"]);
    let version = run(command, "");
    let mut parts = version.split_whitespace().map(|part| part.parse().unwrap());
    let version = DjangoVersion::new(parts.next().unwrap(), parts.next().unwrap());
    if version == DjangoVersion::new(5, 2) {
        return say("the newest Django for this machine's Python is 5.2, which is judged already");
    }
    check("newest", version, Whose::Cases);
}
