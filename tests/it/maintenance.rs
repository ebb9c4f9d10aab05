//! VACUUM, ANALYZE, an index that is built and kept, a reset: done as asked, passed over where locked, cancelled cleanly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pgdj::advisor::IndexSpec;
use pgdj::catalog::{Definition, Expr, Key};
use pgdj::pg::maintenance::{IndexToBuild, Maintainer, MaintenanceProgress, MaintenanceTask, TableTask};
use pgdj::pg::session::cancel_queue;
use tokio_postgres::Client;

use crate::control::{backend, facts};
use crate::support::pooler::Pooler;
use crate::support::pty::Terminal;
use crate::support::watch::PATIENCE;
use crate::support::{Login, ends, open, own};

async fn maintainer(login: &Login) -> Maintainer {
    let (cancel_queue, cancel_work) = cancel_queue();
    tokio::spawn(cancel_work);
    Maintainer::new(Arc::new(login.clone()), cancel_queue, facts(login).await)
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// A table of 20,000 rows of which half are dead, with a name that has to be quoted, and its oid.
async fn table(client: &Client) -> i64 {
    client
        .batch_execute(
            "create table \"Shop \"\"order\" (id int primary key, state text) with (autovacuum_enabled = off);
             insert into \"Shop \"\"order\" select n, 'open' from generate_series(1, 20000) as n;
             delete from \"Shop \"\"order\" where id % 2 = 0",
        )
        .await
        .unwrap();
    number(client, "select '\"Shop \"\"order\"'::regclass::oid::bigint").await
}

fn of_table(what: TableTask, relid: i64) -> MaintenanceTask {
    MaintenanceTask::Table { what, relid }
}

/// An index on `state`, as an advice has it.
fn on_state(name: &str) -> IndexToBuild {
    let key = Key::plain(Expr::column("state"));
    let definition = Definition { keys: vec![key], ..Definition::default() };
    let spec = IndexSpec { schema: "public".to_owned(), table: "Shop \"order".to_owned(), definition };
    IndexToBuild { spec, name: name.to_owned() }
}

#[tokio::test]
async fn dead_rows_are_removed_and_a_locked_table_is_passed_over() {
    for server in ends() {
        let login = server.database().await;
        // What a session counted is surely sent when it ends.
        let relid = table(&open(&login).await).await;
        let admin = open(&login).await;
        let maintainer = maintainer(&login).await;
        let done = maintainer.run(&of_table(TableTask::Analyze, relid), |_| {}).await.unwrap();
        assert_eq!(done.said, Vec::<String>::new(), "{}", server.name);
        assert_eq!(
            number(&admin, "select reltuples::bigint from pg_class where relname like 'Shop%order'").await,
            10_000
        );
        let done = maintainer.run(&of_table(TableTask::VacuumAnalyze, relid), |_| {}).await.unwrap();
        let (before, after) = (done.before.unwrap(), done.after.unwrap());
        assert_eq!((before.dead, after.dead, before.bytes), (10_000.0, 0.0, after.bytes), "{}", server.name);

        let holder = open(&login).await;
        holder.batch_execute("begin; lock table \"Shop \"\"order\" in access exclusive mode").await.unwrap();
        let pid = backend(&holder).await.pid;
        for task in TableTask::ALL {
            let failure = maintainer.run(&of_table(task, relid), |_| {}).await.unwrap_err();
            let told = format!("{failure:?}");
            assert!(
                told.contains(&format!("pid {pid}")) && told.contains("nothing was done"),
                "{}: {told}",
                server.name
            );
        }
        holder.batch_execute("rollback; create role maintenance_plain login").await.unwrap();
        let plain = self::maintainer(&login.with_user("maintenance_plain")).await;
        let failure = plain.run(&of_table(TableTask::Vacuum, relid), |_| {}).await.unwrap_err();
        let told = format!("{failure:?}");
        assert!(told.contains("maintenance_plain does not own Shop"), "{}: {told}", server.name);
        assert_eq!(told.contains("pg_maintain"), server.major >= 17, "{}: {told}", server.name);
        if server.major >= 17 {
            admin.batch_execute("grant maintain on \"Shop \"\"order\" to maintenance_plain").await.unwrap();
            plain.run(&of_table(TableTask::Vacuum, relid), |_| {}).await.unwrap();
        }
        admin.batch_execute("drop owned by maintenance_plain; drop role maintenance_plain").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_built_and_what_a_cancelled_build_leaves_is_dropped() {
    for server in ends() {
        let login = server.database().await;
        let admin = open(&login).await;
        table(&admin).await;
        let writer = open(&login).await;
        writer.batch_execute("begin; update \"Shop \"\"order\" set state = 'paid' where id = 1").await.unwrap();
        let pid = backend(&writer).await.pid;
        let maintainer = maintainer(&login).await;
        let index = on_state("Shop \"idx");
        let task = MaintenanceTask::BuildIndexes(vec![index.clone()]);
        let seen: Arc<Mutex<Vec<MaintenanceProgress>>> = Arc::default();
        let is_seen = || seen.lock().unwrap().iter().any(|progress| progress.waits_for == Some(pid));
        {
            let told = Arc::clone(&seen);
            let build = maintainer.run(&task, move |progress| told.lock().unwrap().push(progress));
            let waiting = async {
                while !is_seen() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::select! {
                done = build => panic!("{}: it did not wait: {done:?}", server.name),
                () = waiting => {}
                () = tokio::time::sleep(PATIENCE) => panic!("{}: {:?}", server.name, seen.lock().unwrap()),
            }
        }
        let left = "select count(*) from pg_index as i join pg_class as c on c.oid = i.indexrelid where c.relname like 'Shop%idx'";
        assert_eq!(number(&admin, left).await, 1, "{}: an invalid index is left", server.name);
        // Its drop waits for the same transaction.
        let (cleaned, ()) = tokio::join!(maintainer.clean_up(&index), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            writer.batch_execute("commit").await.unwrap();
        });
        cleaned.unwrap();
        assert_eq!(number(&admin, left).await, 0, "{}: nothing is left", server.name);
        let done = maintainer.run(&task, |_| {}).await.unwrap();
        assert!(done.size.is_some_and(|size| size.0 > 8192.0), "{}: {done:?}", server.name);
        assert_eq!(number(&admin, &format!("{left} and i.indisvalid")).await, 1);
        let failure = maintainer.run(&task, |_| {}).await.unwrap_err();
        assert!(format!("{failure:?}").contains("already"), "{failure:?}");
        assert_eq!(number(&admin, &format!("{left} and i.indisvalid")).await, 1, "another's index is not touched");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_a_table_is_vacuumed_too() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let relid = table(&open(&login).await).await;
    let Some(pooler) = Pooler::start(server) else { return };
    let behind_it = maintainer(&pooler.login(&login)).await;
    let done = behind_it.run(&of_table(TableTask::VacuumAnalyze, relid), |_| {}).await.unwrap();
    assert_eq!((done.before.unwrap().dead, done.after.unwrap().dead), (10_000.0, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_offers_it_asks_and_says_what_came_of_it() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let relid = table(&open(&login).await).await;
    assert!(relid > 0);
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start((100, 30), home.path(), &[&login.conninfo()]);
    terminal.wait_for("live").await;
    terminal.press("4");
    terminal.wait_for("Shop \"order").await;
    terminal.press("u");
    terminal.wait_for("removes dead rows").await;
    terminal.press("u");
    terminal.press("\r");
    let question = terminal.wait_for("Run VACUUM on Shop \"order?").await;
    for fact in ["who waits", "SHARE UPDATE EXCLUSIVE", "if it is locked", "at most 10k"] {
        assert!(question.contains(fact), "{fact}:\n{question}");
    }
    terminal.press("y");
    terminal.wait_for("dead rows 10k before, 0 now").await;
    terminal.press("q");
    terminal.end().await;
}
