//! Who waits for whom, and what an act does for those that wait: predicted, done, and looked at, on an old and a new server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgdj::readings::Readings;
use pgdj::readings::act::SignalKind;
use pgdj::readings::lock_acts::Forecast;
use pgdj::readings::lock_graph::{LockGraph, LockRoot, Removal};
use pgdj::sample::Snapshot;
use tokio_postgres::Client;

use crate::support::watch::{PATIENCE, quick};
use crate::support::{Login, Watched, apart, installed, open};

/// What the sessions of a shape do, in this order: each in a transaction that it keeps open, the later ones waiting.
struct Shape {
    name: &'static str,
    /// By name, what it runs; a session that is named again goes on in its transaction.
    steps: &'static [(&'static str, &'static str)],
    /// How many wait at the end.
    waiting: usize,
    /// The tops of the trees.
    roots: &'static [&'static [&'static str]],
    acts: &'static [Act],
}

/// An act, and whose wait ends by it.
struct Act {
    kind: SignalKind,
    on: &'static str,
    runs: &'static [&'static str],
}

const fn cancel(on: &'static str, runs: &'static [&'static str]) -> Act {
    Act { kind: SignalKind::Cancel, on, runs }
}

const fn end(on: &'static str, runs: &'static [&'static str]) -> Act {
    Act { kind: SignalKind::Terminate, on, runs }
}

const READ: &str = "select count(*) from t";
const ALTER: &str = "alter table t add column y int";
const ROW_1: &str = "update t set x = x + 1 where id = 1";
const ROW_2: &str = "update t set x = x + 1 where id = 2";

const SHAPES: &[Shape] = &[
    Shape {
        name: "a migration behind a forgotten transaction, requests behind the migration",
        steps: &[("idle", READ), ("alter", ALTER), ("r1", READ), ("r2", READ), ("r3", READ)],
        waiting: 4,
        roots: &[&["idle"]],
        acts: &[cancel("alter", &["r1", "r2", "r3"]), end("idle", &["alter"]), end("r1", &[])],
    },
    Shape {
        name: "a chain",
        steps: &[("a", ROW_1), ("b", ROW_2), ("b", ROW_1), ("c", ROW_2)],
        waiting: 2,
        roots: &[&["a"]],
        acts: &[end("a", &["b"]), end("b", &["c"]), cancel("b", &["c"])],
    },
    Shape {
        name: "many for one row",
        steps: &[("a", ROW_1), ("b", ROW_1), ("c", ROW_1), ("d", ROW_1)],
        waiting: 3,
        roots: &[&["a"]],
        acts: &[end("a", &["b"]), cancel("b", &[]), end("c", &[])],
    },
    Shape {
        name: "two roots",
        steps: &[("a", READ), ("b", READ), ("alter", ALTER), ("r", READ)],
        waiting: 2,
        roots: &[&["a"], &["b"]],
        acts: &[end("a", &[]), cancel("alter", &["r"])],
    },
    Shape {
        name: "two migrations in the queue",
        steps: &[("a", READ), ("m1", ALTER), ("m2", "create index on t (x)"), ("w", ROW_1), ("r", READ)],
        waiting: 4,
        roots: &[&["a"]],
        acts: &[cancel("m1", &["m2", "r"]), end("a", &["m1"]), cancel("m2", &[])],
    },
    Shape {
        name: "a ring",
        steps: &[("a", ROW_1), ("b", ROW_2), ("a", ROW_2), ("b", ROW_1), ("c", ROW_1)],
        waiting: 3,
        roots: &[&["a", "b"]],
        acts: &[end("a", &["b"]), end("b", &["a"])],
    },
    Shape {
        name: "advisory locks",
        steps: &[
            ("a", "select pg_advisory_lock(5)"),
            ("b", "select pg_advisory_lock(5)"),
            ("c", "select pg_advisory_lock(5)"),
        ],
        waiting: 2,
        roots: &[&["a"]],
        acts: &[end("a", &["b"]), cancel("b", &[])],
    },
    Shape {
        name: "a report that waits for a safe snapshot",
        steps: &[
            ("a", "commit; begin isolation level serializable; update t set x = x + 1 where id = 1"),
            ("b", "commit; begin isolation level serializable, read only, deferrable; select count(*) from t"),
        ],
        waiting: 1,
        roots: &[&["a"]],
        acts: &[end("a", &["b"])],
    },
];

/// The sessions of a shape.
struct Sessions {
    pids: BTreeMap<&'static str, i64>,
    clients: BTreeMap<&'static str, Arc<Client>>,
}

impl Sessions {
    async fn start(login: &Login, shape: &Shape) -> Self {
        let admin = open(login).await;
        let table =
            "drop table if exists t; create table t (id int primary key, x int); insert into t values (1, 1), (2, 2)";
        admin.batch_execute(table).await.unwrap();
        let mut sessions = Self { pids: BTreeMap::new(), clients: BTreeMap::new() };
        for (name, sql) in shape.steps {
            if !sessions.clients.contains_key(name) {
                let client = open(login).await;
                // Nobody but the test ends a ring.
                client.batch_execute("set deadlock_timeout = '1h'; begin").await.unwrap();
                let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
                sessions.pids.insert(name, i64::from(pid));
                sessions.clients.insert(name, Arc::new(client));
            }
            let client = Arc::clone(&sessions.clients[name]);
            let step = tokio::spawn(async move { client.batch_execute(sql).await });
            settled(&admin, sessions.pids[name]).await;
            drop(step);
        }
        sessions
    }

    fn named(&self, pids: &BTreeSet<i64>) -> BTreeSet<&'static str> {
        self.pids.iter().filter(|(_, pid)| pids.contains(pid)).map(|(name, _)| *name).collect()
    }
}

/// Waits until a session has done its step or waits for a lock.
async fn settled(admin: &Client, pid: i64) {
    let deadline = Instant::now() + PATIENCE;
    let sql =
        "select state = 'idle in transaction' and query not like 'select pg_backend_pid%' and query not like 'begin%'
            or exists (select from pg_locks as l where l.pid = a.pid and not l.granted) or coalesce(wait_event = 'SafeSnapshot', false)
        from pg_stat_activity as a where pid = $1::bigint";
    while !admin.query_one(sql, &[&pid]).await.unwrap().get::<_, bool>(0) {
        assert!(Instant::now() < deadline, "{pid} neither waits nor is done");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_read(graph: &LockGraph, waiting: usize) -> bool {
    let all = graph.waiting();
    let is_known = |root: &LockRoot| graph.predict(root.first(), Removal::Session).unknown.is_empty();
    all.len() == waiting && graph.roots().iter().all(is_known)
}

fn with_graph<T>(snapshot: &Snapshot, work: impl FnOnce(&Readings, &LockGraph) -> T) -> T {
    let readings = Readings::of(snapshot.clone());
    work(&readings, readings.lock_graph())
}

async fn check(login: &Login, shape: &Shape, act: &Act, is_ordered: bool) {
    let sessions = Sessions::start(login, shape).await;
    let mut watched = Watched::start(login.clone(), quick());
    let what = format!("{}, {} {}", shape.name, act.kind.verb(), act.on);
    let seen = watched.until(&what, |it| with_graph(it, |_, graph| is_read(graph, shape.waiting))).await;
    let (pid, admin) = (sessions.pids[act.on], open(login).await);
    let forecast = with_graph(&seen, |readings, graph| {
        let roots: Vec<BTreeSet<&str>> =
            graph.roots().iter().map(|root| sessions.named(&root.members.iter().copied().collect())).collect();
        let expected: Vec<BTreeSet<&str>> = shape.roots.iter().map(|root| root.iter().copied().collect()).collect();
        assert_eq!(roots, expected, "{what}");
        let one = readings.backends().unwrap().iter().find(|one| one.pid == pid).unwrap();
        Forecast::of(graph, one, act.kind)
    });
    assert_eq!(sessions.named(&forecast.freed()), act.runs.iter().copied().collect(), "{what}: {forecast:?}");
    assert!(forecast.is_certain || !is_ordered, "{what}");
    let function = act.kind.function();
    admin.execute(&format!("select {function}($1::int)"), &[&i32::try_from(pid).unwrap()]).await.unwrap();
    let gone = seen_waiting(&admin, &sessions).await;
    let before: BTreeSet<&str> = with_graph(&seen, |_, graph| sessions.named(&graph.waiting()));
    // Who was signalled waits no more for another reason.
    let freed: BTreeSet<&str> =
        before.difference(&sessions.named(&gone)).copied().filter(|name| *name != act.on).collect();
    assert_eq!(freed, act.runs.iter().copied().collect(), "{what}: observed");
    watched.task.abort();
    drop(watched.task.await);
    for pid in sessions.pids.values() {
        drop(admin.execute("select pg_terminate_backend($1::int)", &[&i32::try_from(*pid).unwrap()]).await);
    }
}

/// Returns who waits once that has been the same for a while.
async fn seen_waiting(admin: &Client, sessions: &Sessions) -> BTreeSet<i64> {
    let pids: Vec<i32> = sessions.pids.values().map(|pid| i32::try_from(*pid).unwrap()).collect();
    let sql = "select pid::bigint from pg_locks where not granted and pid = any ($1)
        union select pid::bigint from pg_stat_activity where wait_event = 'SafeSnapshot' and pid = any ($1)";
    let mut last = BTreeSet::new();
    let mut same = 0;
    while same < 20 {
        let now: BTreeSet<i64> = admin.query(sql, &[&pids]).await.unwrap().iter().map(|row| row.get(0)).collect();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    last
}

#[tokio::test]
async fn whose_wait_ends_is_predicted_in_every_shape() {
    for installed in installed::ends() {
        // Nobody else waits there.
        let server = apart(installed);
        let login = server.database().await;
        let is_ordered = server.major >= 14;
        for shape in SHAPES {
            for act in shape.acts {
                check(&login, shape, act, is_ordered).await;
            }
        }
    }
}

#[tokio::test]
async fn a_prepared_transaction_is_a_root_with_its_name() {
    for installed in installed::ends() {
        let server = apart(installed);
        let login = server.database().await;
        let holder = open(&login).await;
        holder.batch_execute("create table t (id int primary key, x int); insert into t values (1, 1)").await.unwrap();
        holder.batch_execute("begin; update t set x = 2 where id = 1; prepare transaction 'it''s one'").await.unwrap();
        let waiter = open(&login).await;
        let update = tokio::spawn(async move { waiter.batch_execute("update t set x = 3 where id = 1").await });
        let mut watched = Watched::start(login.clone(), quick());
        let seen = watched.until("it waits", |it| with_graph(it, |_, graph| is_read(graph, 1))).await;
        with_graph(&seen, |_, graph| {
            let roots = graph.roots();
            let prepared = graph.prepared(roots[0].first()).unwrap();
            assert_eq!((prepared.gid.as_str(), prepared.database.as_str()), ("it's one", login.database.as_str()));
            assert_eq!(prepared.owner, login.user);
            assert!(prepared.age(seen.at).is_some_and(|age| age < 600.0), "{prepared:?}");
        });
        holder.batch_execute("rollback prepared 'it''s one'").await.unwrap();
        update.await.unwrap().unwrap();
        watched.task.abort();
    }
}
