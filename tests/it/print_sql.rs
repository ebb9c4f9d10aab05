//! `pgdj --print-sql` is complete: whatever pgdj does to a server, each statement in the server's log is one of those that
//! it prints.
//!
//! The log has every statement (`log_statement = all`); what is filled in has to be of the form that the list says.

mod printed;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pgdj::advisor::IndexSpec;
use pgdj::catalog::index::{AccessMethod, Definition, Key};
use pgdj::catalog::parse::expression;
use pgdj::pg::control::{BackendKey, Doing, Mode, Permit, Signal, send};
use pgdj::pg::explain::{Agreed, Consent, ExplainRequest, Options, Runner, TIMEOUT_MS};
use pgdj::pg::maintenance::{IndexToBuild, Maintainer, MaintenanceTask, TableTask};
use pgdj::pg::session::{Connector, Limits, Session, cancel_queue};
use pgdj::pg::verify::{Allowed, Building, Evidence, Verifier};
use pgdj::sample::{Seconds, ServerFacts, Timestamp};
use tokio_postgres::Client;

use crate::control::facts;
use crate::hostile_schema::script;
use crate::support::pooler::Pooler;
use crate::support::pty::{PGDJ, Terminal};
use crate::support::{Login, Server, apart, installed, leave_out, open, shop};
use printed::Printed;

/// What stands before each entry of the log: the application that sent it.
const PREFIX: &str = "@@%a@";

/// Sent only in circumstances that these servers and this script do not have.
const ELSEWHERE: &[&str] = &[
    // Before 14 only, where target_session_attrs asks for it.
    "is it a standby",
    "is it read-only",
    // 12 only.
    "check: partition keys",
    // The tables are small, and counted.
    "sample: rows of a large table",
    "sample: rows of a table that was never counted",
];

/// Sent only where HypoPG is installed.
const BY_HYPOPG: &[&str] = &[
    "hypopg: ready",
    "hypopg: simulate an index",
    "hypopg: drop a simulated index",
    "partitions of the table of an index",
];

/// Sent only behind a pooler.
const BEHIND_A_POOLER: &[&str] =
    &["guard: transaction behind a pooler", "guard: savepoint", "guard: back to the savepoint", "guard: commit"];

fn log_of(server: &Server) -> Vec<String> {
    let log = server.private.log();
    let entries = log.split("@@").filter_map(|entry| entry.split_once('@'));
    let sent = entries.filter(|(application, _)| *application != "shop").filter_map(|(_, entry)| {
        let entry = entry.trim_end();
        let said = entry.strip_prefix("LOG:  ").and_then(|said| {
            let (kind, sql) = said.split_once(": ")?;
            (kind == "statement" || kind.starts_with("execute ")).then_some(sql)
        });
        // What the server refused to parse is logged with its error alone.
        said.or_else(|| entry.strip_prefix("STATEMENT:  "))
    });
    sent.map(|sql| sql.replace("\n\t", "\n")).collect()
}

/// An operator class of somebody's own, which the check of a statement looks up.
const CLASS: &str = "create operator class shop_ids for type int8 using btree
    as operator 1 <, operator 3 =, function 1 btint8cmp(int8, int8);
    create index shop_order_customer on shop_order (customer_id shop_ids)";

async fn logging(found: &installed::Installed) -> (Server, Login, Client) {
    let server = apart(found);
    let login = server.database().await;
    let admin = open(&login).await;
    shop::make(&admin).await;
    for extension in ["pg_stat_statements", "pgstattuple"] {
        admin.batch_execute(&format!("create extension {extension}")).await.unwrap();
    }
    drop(admin.batch_execute("create extension hypopg").await);
    admin.batch_execute(CLASS).await.unwrap();
    for setting in [format!("log_line_prefix = '{PREFIX}'"), "log_statement = 'all'".to_owned()] {
        admin.batch_execute(&format!("alter system set {setting}")).await.unwrap();
    }
    admin.batch_execute("select pg_reload_conf()").await.unwrap();
    let mut left = 1000;
    while !server.private.log().contains("@@") {
        admin.batch_execute("select 1").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        left -= 1;
        assert!(left > 0, "the settings of the log are not in force");
    }
    (server, login, admin)
}

fn command(login: &Login, arguments: &[&str], input: &str) -> std::process::Child {
    started(&[&[login.conninfo().as_str()], arguments].concat(), input)
}

fn started(arguments: &[&str], input: &str) -> std::process::Child {
    let mut command = Command::new(PGDJ);
    command.args(arguments).env_clear().env("HOME", "/nonexistent");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child
}

async fn ended(child: std::process::Child) -> Output {
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
}

async fn explained(login: &Login, arguments: &[&str], sql: &str) {
    let output = ended(command(login, &[&["explain"], arguments].concat(), sql)).await;
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The program as a person runs it: the console, a recording behind a lock, EXPLAIN in its forms.
async fn as_a_person(login: &Login, admin: &Client) {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start((140, 40), home.path(), &[&login.conninfo()]);
    terminal.wait_for("live").await;
    for pane in ["2", "3", "4", "5", "6", "1"] {
        terminal.press(pane);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
    let other = open(login).await;
    // A recording that waits for a lock asks who holds it.
    other.batch_execute("begin; lock table django_content_type; lock table shop_order").await.unwrap();
    let file = home.path().join("incident.gz");
    let mut record = Command::new(PGDJ);
    record.args(["record", file.to_str().unwrap(), &login.conninfo(), "--for", "6s"]);
    record.env_clear().env("HOME", home.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let recording = record.spawn().unwrap();
    // An EXPLAIN that waits for a lock asks as well.
    let waiting = command(login, &["explain", "--analyze"], "select * from shop_order order by total limit 3");
    assert!(ended(recording).await.status.success());
    other.batch_execute("rollback").await.unwrap();
    assert!(ended(waiting).await.status.success());
    explained(login, &["--read-only", "--analyze"], "select * from shop_order where status = 'open'").await;
    explained(login, &["--analyze", "--param", "open"], "select * from shop_order where status = $1").await;
    explained(login, &["--analyze", "--write"], "delete from shop_order where id = 7").await;
    let id = "select queryid from pg_stat_statements where query like 'select total from shop_order%' limit 1";
    admin.batch_execute("select total from shop_order where id = 7").await.unwrap();
    let id: i64 = admin.query_one(id, &[]).await.unwrap().get(0);
    explained(login, &["--queryid", &id.to_string()], "").await;
    let advised = ended(command(login, &["advise"], "")).await;
    assert!(advised.status.success(), "{}", String::from_utf8_lossy(&advised.stderr));
}

fn index(table: &str, method: AccessMethod, keys: &[&str]) -> Vec<IndexSpec> {
    let keys = keys.iter().map(|key| Key::plain(expression(key))).collect();
    let definition = Definition { method, keys, ..Definition::default() };
    vec![IndexSpec { schema: "public".into(), table: table.into(), definition }]
}

/// What the rest of the script does not come to: a session that is ended, indexes that HypoPG cannot simulate, an index
/// on an expression for real.
async fn the_rest(login: &Login) {
    let (cancel_queue, cancel_work) = cancel_queue();
    let cancel_work = tokio::spawn(cancel_work);
    let mut session = Session::open(login, Limits::ACT, &cancel_queue).await.unwrap();
    let nobody = BackendKey { pid: 1, started: Timestamp(0.0), doing: Doing::Anything };
    let permit = Permit::of(Mode::Full).unwrap();
    send(&mut session, &ServerFacts::default(), permit, Signal::Terminate, nobody).await;
    drop(session);
    let connector: Arc<dyn Connector> = Arc::new(login.clone());
    let runner = Runner::new(Arc::clone(&connector), Mode::Full, cancel_queue.clone());
    let parameters = runner.choices("select * from public.shop_order where status = $1").await.unwrap();
    assert!(!parameters[0].choices.is_empty(), "{parameters:?}");
    drop(runner);
    let verifier = Verifier::new(connector, Mode::Full, cancel_queue);
    let request = |sql: &str| ExplainRequest {
        sql: sql.to_owned(),
        parameters: Vec::new(),
        guessed: Vec::new(),
        options: Options { analyze: false, ..Options::default() },
        consent: Consent::ReadOnly,
        agreed: Agreed::Anything,
        timeout_ms: TIMEOUT_MS,
    };
    let tags = request("select * from public.shop_customer where tags @> array['x'] and lower(email) = 'x'");
    let gin = index("shop_customer", AccessMethod::Gin, &["tags", "lower(email)"]);
    verifier.verify(&tags, &[gin], Allowed::Reading).await.unwrap();
    let gin = index("shop_customer", AccessMethod::Gin, &["tags"]);
    let sampled = verifier.verify(&tags, &[gin], Allowed::TemporaryTable).await.unwrap();
    assert!(matches!(sampled[0].evidence, Evidence::Sample { .. }), "{sampled:?}");
    let upper = request("select * from public.shop_order where upper(status) = 'X'");
    let expression = index("shop_order", AccessMethod::BTree, &["upper((status)::text)"]);
    verifier.verify(&upper, std::slice::from_ref(&expression), Allowed::TemporaryTable).await.unwrap();
    let building = Building::InTransaction { limit: Seconds(30.0) };
    verifier.try_for_real(&upper, &expression, building).await.unwrap();
    drop(verifier);
    cancel_work.await.unwrap();
}

/// VACUUM, ANALYZE, an index and a reset, slow enough to be watched; a build that is given up; a role that may not.
async fn maintained(login: &Login, admin: &Client) {
    let (cancel_queue, cancel_work) = cancel_queue();
    tokio::spawn(cancel_work);
    let facts = facts(login).await;
    let of = |login: &Login| Maintainer::new(Arc::new(login.clone()), cancel_queue.clone(), Arc::clone(&facts));
    let relid: i64 = admin.query_one("select 'shop_order'::regclass::oid::bigint", &[]).await.unwrap().get(0);
    let table = |what: TableTask| MaintenanceTask::Table { what, relid };
    for setting in ["set vacuum_cost_delay = '50ms'", "set vacuum_cost_limit = 1"] {
        admin.batch_execute(&format!("alter role {} {setting}", login.user)).await.unwrap();
    }
    admin.batch_execute("update shop_order set total = total + 1").await.unwrap();
    for task in TableTask::ALL {
        of(login).run(&table(task), |_| {}).await.unwrap();
    }
    for setting in ["reset vacuum_cost_delay", "reset vacuum_cost_limit"] {
        admin.batch_execute(&format!("alter role {} {setting}", login.user)).await.unwrap();
    }
    let spec = index("shop_order", AccessMethod::BTree, &["total"]).remove(0);
    let kept = IndexToBuild { spec, name: "shop_order_total_idx".to_owned() };
    let build = MaintenanceTask::BuildIndexes(vec![kept.clone()]);
    let writer = open(login).await;
    writer.batch_execute("begin; update shop_order set total = 0 where id = 1").await.unwrap();
    let maintainer = of(login);
    let given_up = tokio::time::timeout(Duration::from_secs(3), maintainer.run(&build, |_| {})).await;
    assert!(given_up.is_err(), "it waits: {given_up:?}");
    let (cleaned, ()) = tokio::join!(maintainer.clean_up(&kept), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        writer.batch_execute("rollback").await.unwrap();
    });
    cleaned.unwrap();
    maintainer.run(&MaintenanceTask::ResetStatements, |_| {}).await.unwrap();
    admin.batch_execute("create role plain login").await.unwrap();
    of(&login.with_user("plain")).run(&table(TableTask::Vacuum), |_| {}).await.unwrap_err();
    admin.batch_execute("drop role plain").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_in_a_server_s_log_is_printed() {
    let printed = Printed::by(PGDJ);
    for found in installed::own_and_newest() {
        let (server, login, admin) = logging(found).await;
        let mut seen = BTreeSet::new();
        as_a_person(&login, &admin).await;
        script(&login).await;
        the_rest(&login).await;
        maintained(&login, &admin).await;
        let direct = log_of(&server);
        for sql in &direct {
            let names = printed.names(sql).unwrap_or_else(|| panic!("{}: not printed:\n{sql}", server.name));
            seen.extend(names);
        }
        assert!(direct.len() > 300, "{}: {} statements", server.name, direct.len());
        let has = "select count(*) > 0 from pg_extension where extname = 'hypopg'";
        let has_hypopg: bool = admin.query_one(has, &[]).await.unwrap().get(0);
        let mut elsewhere = ELSEWHERE.to_vec();
        elsewhere.extend(if has_hypopg { &[] } else { BY_HYPOPG });
        // MAINTAIN came with 17.
        elsewhere.extend((server.major < 17).then_some("maintenance: right to maintain"));
        elsewhere.push(if server.major < 17 {
            "reset pg_stat_statements"
        } else {
            "reset pg_stat_statements before 1.11"
        });
        let pooler = Pooler::start(&server);
        elsewhere.extend(if pooler.is_some() { &[] } else { BEHIND_A_POOLER });
        if let Some(pooler) = pooler {
            script(&pooler.login(&login)).await;
            // What PgBouncer sends of its own, to give a backend the parameters of its next client.
            let behind = log_of(&server).split_off(direct.len());
            for sql in behind.iter().filter(|sql| !sql.starts_with("SET application_name=")) {
                let names =
                    printed.names(sql).unwrap_or_else(|| panic!("{}, pooled: not printed:\n{sql}", server.name));
                seen.extend(names);
            }
        }
        // The list has nothing that is not sent: it would be trusted less.
        let unsent: Vec<&str> =
            printed.all().filter(|name| !seen.contains(*name) && !elsewhere.contains(name)).collect();
        assert!(unsent.is_empty(), "{}: printed and not sent: {unsent:?}", server.name);
    }
}

/// Servers before 14 do not tell by themselves whether they are a standby.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_an_old_server_is_asked_is_printed_too() {
    let Some(found) = installed::ends().into_iter().find(|found| found.major < 13) else {
        leave_out("what only PostgreSQL 12 is asked (tests/run fetches one)");
        return;
    };
    let printed = Printed::by(PGDJ);
    let (server, login, _admin) = logging(found).await;
    for wanted in ["primary", "read-write"] {
        let target = format!("{} target_session_attrs={wanted}", login.conninfo());
        let arguments = [target.as_str(), "explain", "-"];
        let output = ended(started(&arguments, "select * from shop_order where id = 7")).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut seen = BTreeSet::new();
    for sql in log_of(&server) {
        seen.extend(printed.names(&sql).unwrap_or_else(|| panic!("{}: not printed:\n{sql}", server.name)));
    }
    for name in ["is it a standby", "is it read-only", "check: partition keys"] {
        assert!(seen.contains(name), "{name} was not sent");
    }
}

#[test]
fn a_statement_that_is_not_printed_is_found() {
    let printed = Printed::by(PGDJ);
    for (sql, is_printed) in [
        ("select 1", false),
        ("show /* pgdj guard: search_path of the role */ search_path", true),
        ("show /* pgdj guard: search_path of the role */ search_path; select 1", false),
        ("savepoint /* pgdj guard: savepoint */ pgdj; commit /* pgdj guard: commit */", true),
        ("begin /* pgdj guard: begin */ isolation level read committed read only", true),
        ("begin /* pgdj guard: begin */ isolation level read committed", false),
        ("analyze /* pgdj trial: analyze */ \"public\".\"a b\"", true),
        ("analyze /* pgdj trial: analyze */ a; drop table b", false),
        ("explain /* pgdj explain */ (FORMAT JSON) delete from a", true),
        ("explain /* pgdj explain */ (format json) delete from a", false),
        (
            "select /* pgdj wal */ p.*, extract(epoch from pg_catalog.statement_timestamp())::float8 as taken_up, \
          extract(epoch from pg_catalog.clock_timestamp())::float8 as made_at from ( select evil() ) as p",
            false,
        ),
    ] {
        assert_eq!(printed.names(sql).is_some(), is_printed, "{sql}");
    }
}

#[test]
fn it_is_printed_without_a_server_and_without_a_home() {
    let print = |arguments: &[&str]| Command::new(PGDJ).args(arguments).env_clear().output().unwrap();
    let output = print(&["--print-sql"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{:?}", output.stderr);
    for words in ["==== 1. When a connection opens", "pg_terminate_backend", "CREATE INDEX CONCURRENTLY", "pgdj demo"] {
        assert!(text.contains(words), "{words}");
    }
    assert!(!print(&["--print-sql", "prod"]).status.success(), "it takes nothing beside it");
}
