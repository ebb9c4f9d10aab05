//! The demo on real servers: what the seed leaves, what its load does, and that nothing remains of it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pgdj::demo::{self, Demo};
use pgdj::pg::private::{self, PrivateServer, ServerSetup};
use rustix::process::Signal;
use tokio_postgres::{Client, NoTls};

use crate::support::installed::{self, Installed};
use crate::support::signal;

async fn start_on(bin: &Path) -> Demo {
    demo::start_on(&[bin.to_owned()], |_| {}).await.unwrap_or_else(|failure| panic!("{}: {failure}", bin.display()))
}

async fn connect(conninfo: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn holds(client: &Client, claim: &str) -> bool {
    client.query_one(&format!("select {claim}"), &[]).await.is_ok_and(|row| row.get::<_, Option<bool>>(0) == Some(true))
}

/// Waits until a claim about the server holds; what is true only now and then has to hold once.
async fn wait_for(client: &Client, what: &str, claim: &str) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !holds(client, claim).await {
        if Instant::now() >= deadline {
            let seen = client.simple_query(&format!("select {claim}")).await;
            panic!("within 90 s there was no sign of {what}: {claim}; the server says {seen:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the seed promises, and how the server says it.
const SEEDED: &[(&str, &str)] = &[
    ("400,000 orders", "count(*) = 400000 from shop_order"),
    ("two items for each", "count(*) = 800000 from shop_orderitem"),
    ("orders of every status", "count(distinct status) = 5 from shop_order"),
    (
        "the same rows on every server",
        "sum(total) = 80959510.24 and count(*) filter (where status = 'pending') = 1964 from shop_order",
    ),
    ("an analysed large table", "last_analyze is not null from pg_stat_user_tables where relname = 'shop_order'"),
    (
        "a table that was never analysed",
        "last_analyze is null and last_autoanalyze is null from pg_stat_user_tables where relname = 'shop_pricehistory'",
    ),
    (
        "a table half empty, its autovacuum off",
        "c.reloptions = '{autovacuum_enabled=false}' and s.free_percent > 40
         from pg_class as c, lateral (select 100 * free_space / table_len as free_percent from pgstattuple('shop_cart')) as s
         where c.relname = 'shop_cart'",
    ),
    ("dead rows that autovacuum leaves", "n_dead_tup > 10000 from pg_stat_user_tables where relname = 'django_session'"),
    ("a fillfactor", "reloptions = '{fillfactor=70}' from pg_class where relname = 'shop_product'"),
    (
        "one invalid index",
        "array_agg(indexrelid::regclass::text) = '{shop_customer_email_uniq}' from pg_index where not indisvalid",
    ),
    (
        "a duplicate index",
        "count(*) = 2 from pg_indexes where tablename = 'shop_order' and indexdef like '%(customer_id)'",
    ),
    (
        "an overlapping index",
        "count(*) = 2 from pg_indexes where tablename = 'shop_review' and indexdef like '%(product_id%'",
    ),
    ("an unused index", "idx_scan = 0 from pg_stat_user_indexes where indexrelname = 'shop_order_total_cd02c9_idx'"),
    (
        "a foreign key without an index",
        "count(*) = 0 from pg_indexes where tablename = 'shop_payment' and indexdef like '%order_id%'",
    ),
    (
        "deferrable foreign keys, all valid",
        "count(*) = 25 and bool_and(condeferred and convalidated) from pg_constraint where contype = 'f'",
    ),
    (
        "Django's own name of a foreign key",
        "count(*) = 1 from pg_constraint where conname = 'shop_order_customer_id_f638df20_fk_shop_customer_id'",
    ),
    ("a JSONB and an array column", "attributes ? 'colour' and tags[1] is not null from shop_product limit 1"),
    ("Django's migrations", "count(*) = 22 and count(distinct app) = 8 from django_migrations"),
    ("a content type for a model", "app_label = 'shop' from django_content_type where model = 'order'"),
    ("permissions", "count(*) = 76 from auth_permission"),
    ("sequences behind the rows", "last_value = 400000 and is_called from shop_order_id_seq"),
    ("an owner who is no superuser", "tableowner = 'shop' from pg_tables where tablename = 'shop_order'"),
    ("statistics of statements", "count(*) > 0 from pg_stat_statements"),
    ("no statement of the seed", "count(*) = 0 from pg_stat_statements where query like 'INSERT INTO shop_%'"),
];

#[tokio::test]
async fn the_seed_leaves_a_shop_with_its_troubles_on_every_server() {
    // Where there is none, this says so.
    installed::own();
    for Installed { bin, .. } in installed::all() {
        let demo = start_on(bin).await;
        eprintln!("{}: seeded in {:.1} s", demo.version(), demo.took().as_secs_f64());
        let client = connect(&demo.conninfo()).await;
        client.batch_execute("create extension if not exists pgstattuple").await.unwrap();
        for (what, claim) in SEEDED {
            // What sessions count is reported a moment after they have ended.
            wait_for(&client, &format!("{what} ({})", demo.version()), claim).await;
        }
    }
}

/// What the load shows sooner or later.
const SHOWN: &[(&str, &str)] = &[
    ("many sessions", "count(*) between 20 and 30 from pg_stat_activity where backend_type = 'client backend'"),
    ("a web worker", "count(*) > 5 from pg_stat_activity where application_name like 'gunicorn: worker [%]'"),
    (
        "a sqlcommenter comment",
        "count(*) > 0 from pg_stat_activity where query like '%/*controller=''%'',%route=''%''*/'",
    ),
    (
        "a request in a transaction",
        "count(*) > 0 from pg_stat_activity where application_name like 'gunicorn%' and state = 'idle in transaction'",
    ),
    (
        "an N+1",
        "sum(calls) > 49 from pg_stat_statements
         where query like 'SELECT \"shop_customer\".\"id\",%WHERE \"shop_customer\".\"id\" = $1 LIMIT $2%'",
    ),
    ("a queue of tasks", "sum(calls) > 5 from pg_stat_statements where query like '%FOR UPDATE SKIP LOCKED'"),
    (
        "a forgotten transaction",
        "count(*) > 0 from pg_stat_activity
         where application_name = 'manage.py shell' and state = 'idle in transaction' and backend_xid is not null",
    ),
    (
        "rivals for a row",
        "count(*) > 0 from pg_stat_activity where application_name like 'celery: sync_stock%' and wait_event_type = 'Lock'",
    ),
    ("a report that spills", "sum(temp_blks_written) > 1000 from pg_stat_statements where query like '%-- Metabase%'"),
    (
        "a migration behind a reader",
        "count(*) > 0 from pg_stat_activity as waiting, unnest(pg_blocking_pids(pid)) as blocker
         join pg_stat_activity as blocking on blocking.pid = blocker
         where waiting.application_name = 'manage.py migrate' and blocking.application_name like 'manage.py export%'",
    ),
    (
        "requests behind the migration",
        "count(*) > 1 from pg_stat_activity where application_name like 'gunicorn%' and wait_event_type = 'Lock'",
    ),
    ("dead rows of updates", "n_dead_tup > 500 from pg_stat_user_tables where relname = 'shop_product'"),
];

#[tokio::test]
async fn the_load_shows_every_kind_of_session_and_trouble() {
    let Some(own) = installed::own() else { return };
    let demo = start_on(&own.bin).await;
    let client = connect(&demo.conninfo()).await;
    let load = tokio::spawn(demo::load::run(demo.conninfo()));
    for (what, claim) in SHOWN {
        wait_for(&client, what, claim).await;
    }
    let worker = "from pg_stat_activity where application_name = 'gunicorn: worker [1]'";
    let terminated: i32 =
        client.query_one(&format!("select pid, pg_terminate_backend(pid) {worker}"), &[]).await.unwrap().get(0);
    wait_for(&client, "a worker that comes back", &format!("pid <> {terminated} {worker}")).await;
    assert!(!load.is_finished(), "the load goes on until it is dropped");
    load.abort();
    wait_for(&client, "its end", "count(*) = 1 from pg_stat_activity where backend_type = 'client backend'").await;

    let directory = demo.directory().to_owned();
    assert!(directory.exists());
    drop(demo);
    assert!(!directory.exists(), "the directory is removed with the demo");
    assert_eq!(processes_of(&directory), Vec::<u32>::new());
}

/// The processes that have this directory in their command line.
fn processes_of(directory: &Path) -> Vec<u32> {
    let wanted = directory.to_str().unwrap();
    let numbers =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(wanted)))
        .collect()
}

/// Set for the process that [`an_owner`] starts.
const IS_OWNER: &str = "PGDJ_TEST_IS_OWNER";

/// Not a test by itself: what the other process of the two below runs.
#[test]
fn the_owner_of_a_server_waits_to_be_killed() {
    if std::env::var_os(IS_OWNER).is_none() {
        return;
    }
    let bin = installed::own().unwrap().bin.clone();
    let server = PrivateServer::start(&ServerSetup { bin, ..ServerSetup::default() }).unwrap();
    eprintln!("directory: {}", server.socket_directory().display());
    // The other side never writes and closes only by its own end.
    std::io::stdin().read_exact(&mut [0]).unwrap_or_default();
}

/// Starts a process that owns a private server, and returns it with the server's directory; `None` without a server.
fn an_owner() -> Option<(Child, PathBuf)> {
    installed::own()?;
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "demo::the_owner_of_a_server_waits_to_be_killed", "--nocapture"])
        .env(IS_OWNER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stderr.take().unwrap()).lines();
    let directory = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("directory: ").map(PathBuf::from));
    Some((owner, directory.expect("the owner started its server")))
}

fn wait_until(what: &str, claim: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !claim() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill(pid: u32) {
    signal::send(pid, Signal::KILL);
}

#[test]
fn a_killed_owner_leaves_no_server_and_no_directory() {
    let Some((mut owner, directory)) = an_owner() else { return };
    assert!(!processes_of(&directory).is_empty());
    kill(owner.id());
    owner.wait().unwrap();
    wait_until("the server ends", || processes_of(&directory).is_empty());
    wait_until("the directory goes", || !directory.exists());
}

#[test]
fn what_a_killed_owner_and_a_killed_watchdog_leave_the_next_start_removes() {
    let Some((mut owner, directory)) = an_owner() else { return };
    let is_watchdog = |pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("pgdj-watchdog"))
    };
    let watchdog = processes_of(&directory).into_iter().find(is_watchdog).unwrap();
    kill(watchdog);
    kill(owner.id());
    owner.wait().unwrap();
    wait_until("the next start removes both", || {
        private::sweep(&std::env::temp_dir());
        !directory.exists() && processes_of(&directory).is_empty()
    });
}

#[test]
fn a_living_owners_directory_is_left_alone() {
    let Some((mut owner, directory)) = an_owner() else { return };
    assert!(!private::sweep(&std::env::temp_dir()).contains(&directory));
    assert!(directory.join("data").exists() && !processes_of(&directory).is_empty());
    drop(owner.stdin.take());
    owner.wait().unwrap();
    wait_until("its owner's end removes it", || !directory.exists());
}
