//! Django's own tables are data: whatever is put in their place, before it is judged or after, nothing of it runs.

use pgdj::pg::own::Sql;
use pgdj::pg::probes::{content_types, migrations};
use pgdj::pg::server::read_facts;
use pgdj::pg::session::{Limits, NotCopied, Query, Session, cancel_queue};
use tokio_postgres::Client;

use super::{LAST, called};
use crate::support::pooler::Pooler;
use crate::support::watch::{PATIENCE, quick};
use crate::support::{Login, Watched, open, own, servers};

/// What counts its calls.
const EVIL: &str = "create function evil(text) returns text language plpgsql immutable as $$ begin return $1; end $$;
    create function evil() returns text language plpgsql immutable as $$ begin return 'x'; end $$;";

const TABLES: &str = "create table django_content_type (id int, app_label text, model text);
    create table django_migrations (id int, app text, name text);
    insert into django_content_type values (1, 'shop', 'order'); insert into django_migrations values (1, 'shop', '0001_initial');
    grant select on django_content_type, django_migrations to public;";

/// What somebody puts in the place of `django_content_type` once it was judged, and whether it is read then.
const SWAPS: [(&str, bool); 5] = [
    ("create view django_content_type as select 1 as id, evil('a') as app_label, evil() as model", false),
    ("create materialized view django_content_type as select 1 as id, 'a' as app_label, 'b' as model", true),
    // The planner evaluates what is constant in the index of a table that it only reads.
    (
        "create table django_content_type (id int, app_label text, model text);
         create index on django_content_type ((app_label || evil('a'))) where evil() = 'x'",
        true,
    ),
    (
        "create table django_content_type (id int, app_label text, model text);
         create policy p on django_content_type using (evil() = 'x');
         alter table django_content_type enable row level security",
        false,
    ),
    (
        "create domain trap as text check (evil() is not null);
         create table django_content_type (id int, app_label trap, model text)",
        true,
    ),
];

async fn database(server: &crate::support::Server) -> (Login, Client) {
    let login = server.database().await;
    let admin = open(&login).await;
    for sql in [EVIL, TABLES, LAST] {
        admin.batch_execute(sql).await.unwrap();
    }
    let track = format!("alter database {} set track_functions = 'all'", login.database);
    admin.batch_execute(&track).await.unwrap();
    (login, admin)
}

/// Reads both tables over a session that judged them before one was swapped.
async fn read_after(swap: (&str, bool), admin: &Client, session: &mut Session, place: &str) {
    let again = "drop table if exists django_content_type, django_migrations; drop domain if exists trap";
    admin.batch_execute(&format!("{again}; {TABLES}")).await.unwrap();
    let facts = read_facts(session, "test").await.unwrap();
    assert_eq!(facts.django["django_content_type"].refusal("django_content_type"), None);
    let (sql, is_read) = swap;
    let grant = "grant select on django_content_type to public";
    admin.batch_execute(&format!("drop table django_content_type; {sql}; {grant}")).await.unwrap();
    let query = Query::new(Sql::of_probe(&content_types::PROBE, &facts));
    let copied = session.copy(&query, content_types::PROBE.columns).await.unwrap();
    assert_eq!(copied.is_ok(), is_read, "{place}: {copied:?}");
    // The session goes on, and the other table is read as it was.
    let query = Query::new(Sql::of_probe(&migrations::PROBE, &facts));
    let rows = session.copy(&query, migrations::PROBE.columns).await.unwrap().unwrap().rows;
    assert_eq!(rows.len(), 1, "{place}");
    let kind = if sql.contains("materialized") { "materialized view" } else { "view" };
    if !sql.contains("create table") {
        admin.batch_execute(&format!("drop {kind} django_content_type")).await.unwrap();
    }
}

#[tokio::test]
async fn what_takes_the_place_of_a_judged_table_runs_nothing() {
    for server in servers() {
        let (login, admin) = database(server).await;
        let plain = login.with_user(&server.role("reader", "").await);
        let pooler = Pooler::start(server);
        let ways = [Some(plain.clone()), pooler.as_ref().map(|pooler| pooler.login(&plain))];
        let (cancel_queue, cancel_work) = cancel_queue();
        let cancel_work = tokio::spawn(cancel_work);
        for way in ways.into_iter().flatten() {
            let mut session = Session::open(&way, Limits::SLOW, &cancel_queue).await.unwrap();
            for (swap, is_read) in SWAPS {
                let place = format!("{}, pooled: {}: {swap}", server.name, session.is_pooled);
                // From 18 on COPY reads a materialized view, whose rows are stored.
                let is_read = is_read && (server.major >= 18 || !swap.contains("materialized"));
                read_after((swap, is_read), &admin, &mut session, &place).await;
            }
        }
        drop((cancel_queue, pooler));
        cancel_work.await.unwrap();
        let mut before = called(&login, &admin).await;
        assert_eq!(before, Vec::<String>::new(), "{}", server.name);
        // Each trap shuts on whoever asks as anybody would; the last of them, a type, only on who writes.
        for (swap, _) in SWAPS.iter().filter(|(swap, _)| swap.contains("evil") && !swap.contains("domain")) {
            let again = "drop table if exists django_content_type; drop view if exists django_content_type";
            let again = again.split("; ").map(|sql| admin.batch_execute(sql));
            drop(futures_util::future::join_all(again).await);
            admin.batch_execute(&format!("{swap}; grant select on django_content_type to public")).await.unwrap();
            open(&plain).await.batch_execute("select app_label from django_content_type").await.unwrap();
            let now = called(&login, &admin).await;
            assert_ne!(now, before, "{}: {swap}: no trap shuts", server.name);
            before = now;
        }
    }
}

#[tokio::test]
async fn tables_that_change_places_while_they_are_read_run_nothing() {
    const TRAP: &str = "create view trap as select 1 as id, evil('a') as app_label, evil() as model;
        create schema other; create view other.django_content_type as select * from public.trap;
        grant select on trap, other.django_content_type to public; grant usage on schema other, public to public;
        create schema home; alter table django_content_type set schema home; grant usage on schema home to public";
    const TURNS: [&str; 2] = [
        // A schema's name changes without a lock on its tables.
        "begin; alter schema home rename to aside; alter schema other rename to home; commit",
        "begin; alter schema home rename to other; alter schema aside rename to home; commit",
    ];
    let Some(server) = own() else { return };
    let (login, admin) = database(server).await;
    admin.batch_execute(TRAP).await.unwrap();
    let path = format!("alter database {} set search_path = home, public", login.database);
    admin.batch_execute(&path).await.unwrap();
    let plain = login.with_user(&server.role("reader", "").await);
    let turning = open(&login).await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let turns = tokio::spawn(async move {
        while stopped.try_recv().is_err() {
            for turn in TURNS {
                turning.batch_execute(turn).await.unwrap();
            }
        }
    });
    let (cancel_queue, cancel_work) = cancel_queue();
    let cancel_work = tokio::spawn(cancel_work);
    let pooler = Pooler::start(server);
    for way in [Some(plain.clone()), pooler.as_ref().map(|pooler| pooler.login(&plain))].into_iter().flatten() {
        let mut session = Session::open(&way, Limits::SLOW, &cancel_queue).await.unwrap();
        let facts = read_facts(&mut session, "test").await.unwrap();
        let query = Query::new(Sql::of_probe(&content_types::PROBE, &facts));
        let (mut read, mut refused) = (0, 0);
        let both = async {
            while read < 50 || refused < 50 {
                match session.copy(&query, content_types::PROBE.columns).await.unwrap() {
                    Ok(_) => read += 1,
                    Err(NotCopied::Server(_)) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
                pgdj::pg::django_read::project(&mut session).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, both).await.unwrap_or_else(|_| panic!("the tables do not change places"));
    }
    stop.send(()).unwrap();
    turns.await.unwrap();
    drop((cancel_queue, pooler));
    cancel_work.await.unwrap();
    assert_eq!(called(&login, &admin).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_view_in_the_place_of_a_table_of_django_is_not_read() {
    let cases = [
        ("create view django_content_type as select 1 as id, evil() as app_label, evil() as model", "it is a view"),
        (
            "create domain trap as text check (evil() is not null); create table django_content_type (id int, app_label trap, model text)",
            "a column has a type that does not come with PostgreSQL",
        ),
        (
            "create materialized view django_content_type as select 1 as id, 'a' as app_label, 'b' as model",
            "a materialized view",
        ),
        (
            "create table django_content_type (id int, app_label text, model text) partition by list (model)",
            "a partitioned table",
        ),
        (
            "create table django_content_type (id int, app_label text, model text); \
             create policy p on django_content_type using (evil() = 'x'); \
             alter table django_content_type enable row level security; grant select on django_content_type to public",
            "row-level security",
        ),
    ];
    let Some(server) = own() else { return };
    for (sql, expected) in cases {
        let login = server.database().await;
        let admin = open(&login).await;
        admin
            .batch_execute(&format!(
                "create function evil() returns text language plpgsql immutable as $$ begin return 'x'; end $$; {sql}"
            ))
            .await
            .unwrap();
        admin.batch_execute(&format!("alter database {} set track_functions = 'all'", login.database)).await.unwrap();
        admin.batch_execute(LAST).await.unwrap();
        let plain = login.with_user(&server.role("reader", "").await);
        let (cancel_queue, cancel_work) = cancel_queue();
        let cancel_work = tokio::spawn(cancel_work);
        let mut session = Session::open(&plain, Limits::SLOW, &cancel_queue).await.unwrap();
        let project = pgdj::pg::django_read::project(&mut session).await.unwrap();
        let why = project.unread.unwrap_or_default();
        assert!(why.contains(expected), "{sql}: {why}");
        drop((session, cancel_queue));
        cancel_work.await.unwrap();
        let mut watched = Watched::start(plain, quick());
        let snapshot = watched.complete().await;
        let section = snapshot.section("content_types");
        assert!(section.why().is_some_and(|why| why.to_string().contains(expected)), "{sql}: {:?}", section.why());
        watched.task.abort();
        assert_eq!(called(&login, &admin).await, Vec::<String>::new(), "{sql}");
    }
}
