//! Advice for a whole workload on real servers: the statements are run, the indexes are built, and the plans and the
//! buffers say whether it was right. Times decide nothing.

use std::process::{Command, Output};
use std::sync::Arc;

use pgdj::pg::control::Mode;
use pgdj::pg::session::cancel_queue;
use pgdj::pg::workload::{WorkloadRequest, WorkloadTarget, advise};
use pgdj::workload::{ChoiceLimits, LeftOut, PricedBy, WorkloadAdvice};
use tokio_postgres::Client;

use crate::support::pty::Terminal;
use crate::support::{Login, Server, ends, leave_out, open, own};

/// A shop with data, and tables with names that need their quotes.
const SCHEMA: &str = r#"
create table django_content_type (id serial primary key, app_label varchar(100) not null, model varchar(100) not null);
create table django_migrations (id serial primary key, app varchar(255), name varchar(255), applied timestamptz);
insert into django_content_type (app_label, model) values ('shop', 'order'), ('shop', 'line'), ('blog', 'post');
insert into django_migrations (app, name, applied) values ('shop', '0007_last', now()), ('blog', '0001_initial', now());
create table shop_order (id bigserial primary key, customer_id bigint not null, status varchar(20) not null,
    reference varchar(40) not null, created_at timestamptz not null);
create table shop_line (id bigserial primary key, order_id bigint not null, sku varchar(40) not null, quantity int not null);
create table blog_post (id bigserial primary key, slug varchar(80) not null, published_at timestamptz, body text not null);
create table "Odd ""table""; drop" (k int, "It's ""odd"" col" int, note text);
create table tiny (id int primary key, name text);
insert into shop_order (customer_id, status, reference, created_at) select 1 + (n::bigint * 7919) % 5000,
    (array['new', 'paid', 'done', 'done'])[1 + n % 4], 'R' || n, '2026-01-01'::timestamptz + n * interval '1 minute'
    from generate_series(1, 40000) as n;
insert into shop_line (order_id, sku, quantity) select 1 + (n * 31) % 40000, 'sku' || (n % 900), n % 5
    from generate_series(1, 60000) as n;
insert into blog_post (slug, published_at, body) select 'post-' || n, case when n % 50 <> 0 then now() end,
    repeat(md5(n::text), 10) from generate_series(1, 8000) as n;
insert into "Odd ""table""; drop" select n, n % 3000, repeat('x', 30) from generate_series(1, 30000) as n;
insert into tiny select n, 'n' || n from generate_series(1, 20) as n;
analyze;
create extension pg_stat_statements"#;

/// What the application sends, and how often.
const STATEMENTS: &[(usize, &str)] = &[
    (
        30,
        r#"SELECT "shop_order"."id", "shop_order"."status" FROM "shop_order" WHERE "shop_order"."reference" = 'R4711' LIMIT 21"#,
    ),
    (
        20,
        r#"SELECT "shop_order"."id", "shop_order"."status" FROM "shop_order" WHERE "shop_order"."customer_id" = 47 ORDER BY "shop_order"."created_at" DESC LIMIT 20"#,
    ),
    (20, r#"SELECT COUNT(*) AS "__count" FROM "shop_order" WHERE "shop_order"."customer_id" = 48"#),
    (25, r#"SELECT "shop_line"."id", "shop_line"."sku" FROM "shop_line" WHERE "shop_line"."order_id" = 815"#),
    (
        20,
        r#"SELECT "blog_post"."id", "blog_post"."body" FROM "blog_post" WHERE "blog_post"."slug" = 'post-99' LIMIT 21"#,
    ),
    (20, r#"SELECT k, note FROM "Odd ""table""; drop" WHERE "It's ""odd"" col" = 42"#),
    (10, r#"UPDATE "shop_order" SET "status" = 'paid' WHERE "shop_order"."reference" = 'R55'"#),
    (40, r#"SELECT "tiny"."name" FROM "tiny" WHERE "tiny"."id" = 7"#),
    (5, r#"SELECT "shop_order"."status", COUNT(*) FROM "shop_order" GROUP BY "shop_order"."status""#),
    (2, r#"INSERT INTO "shop_line" ("order_id", "sku", "quantity") VALUES (5, 'x', 1)"#),
];

pub(crate) async fn shop(server: &Server) -> (Login, Client) {
    let login = server.database().await;
    let client = open(&login).await;
    client.batch_execute(SCHEMA).await.unwrap();
    (login, client)
}

pub(crate) async fn run_all(client: &Client) {
    // Those of this database alone: other tests count theirs.
    let reset =
        "select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)";
    client.batch_execute(reset).await.unwrap();
    send_all(client).await;
}

/// Sends the statements, without a reset of the counters.
pub(crate) async fn send_all(client: &Client) {
    for (times, sql) in STATEMENTS {
        for _ in 0..*times {
            client.batch_execute(sql).await.unwrap();
        }
    }
}

/// Blocks that all statements of the application touched.
async fn blocks(client: &Client) -> f64 {
    let sql = "select sum(shared_blks_hit + shared_blks_read)::float8 from pg_stat_statements
        where dbid = (select oid from pg_database where datname = current_database())
            and (query like 'SELECT%' or query like 'UPDATE%')";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

pub(crate) async fn with_hypopg(client: &Client) -> bool {
    client.batch_execute("create schema \"Extra\"; create extension hypopg schema \"Extra\"").await.is_ok()
}

async fn advice(login: &Login, limits: ChoiceLimits) -> WorkloadAdvice {
    let (cancel_queue, work) = cancel_queue();
    tokio::spawn(work);
    let target = WorkloadTarget { connector: Arc::new(login.clone()), mode: Mode::Full, cancel_queue };
    let request = WorkloadRequest { limits, ..WorkloadRequest::default() };
    advise(&target, request, &|_| {}).await.unwrap_or_else(|failure| panic!("{failure}"))
}

fn few(number: usize) -> ChoiceLimits {
    ChoiceLimits { number, bytes: None }
}

fn keys(advice: &WorkloadAdvice) -> Vec<String> {
    let mut keys: Vec<String> = advice.indexes.iter().map(|index| index.candidate.summary()).collect();
    keys.sort();
    keys
}

/// Builds the advised indexes as it is printed.
async fn build(client: &Client, advice: &WorkloadAdvice) {
    for code in advice.indexes.iter().flat_map(|index| &index.codes) {
        client.batch_execute(&code.as_ref().unwrap().sql).await.unwrap();
    }
    client.batch_execute("analyze").await.unwrap();
}

/// Every statement that an index was promised for uses it, with the values that the application sends.
async fn check_promises(client: &Client, advice: &WorkloadAdvice) {
    for index in &advice.indexes {
        let name = &index.codes[0].as_ref().unwrap().name;
        assert!(!index.helped.is_empty(), "{name}");
        for helped in &index.helped {
            let text = &advice.statements[helped.change.statement].statement.sql;
            let head = text.split('$').next().unwrap().trim_end().to_lowercase();
            let sent = STATEMENTS.iter().find(|(_, sql)| sql.to_lowercase().starts_with(&head));
            let Some((_, sql)) = sent else { panic!("{text} is not of the application") };
            let rows = client.query(&format!("explain {sql}"), &[]).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get::<_, String>(0)).collect();
            assert!(plan.join("\n").contains(name.as_str()), "{name} is not used by {sql}:\n{}", plan.join("\n"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_advised_indexes_are_used_and_the_workload_touches_fewer_blocks() {
    for server in ends() {
        let (login, client) = shop(server).await;
        let has_hypopg = with_hypopg(&client).await;
        run_all(&client).await;
        let before = blocks(&client).await;
        let advice = advice(&login, few(5)).await;
        let expected = match &advice.priced {
            PricedBy::Planner => true,
            PricedBy::Model(why) => {
                assert!(why.contains("HypoPG"), "{why}");
                false
            }
            PricedBy::Nobody => panic!("no candidate: {advice:?}"),
        };
        assert_eq!(expected, has_hypopg, "{}", server.name);
        let found = keys(&advice);
        for wanted in ["shop_order (reference)", "shop_line (order_id)", "blog_post (slug)"] {
            assert!(found.iter().any(|key| key == wanted), "{}: {wanted} of {found:?}", server.name);
        }
        assert!(found.iter().any(|key| key.starts_with("Odd \"table\"; drop (It's \"odd\" col")), "{found:?}");
        assert!(found.iter().any(|key| key.starts_with("shop_order (customer_id")), "{found:?}");
        assert!(!found.iter().any(|key| key.starts_with("tiny")), "{found:?}");
        let certificate = &advice.certificate;
        assert!(certificate.saves.0 <= certificate.bound.0 && certificate.gap() < 0.02, "{certificate:?}");
        assert!(advice.asked.plans <= 3000 && advice.asked.plans > 0, "{:?}", advice.asked);
        build(&client, &advice).await;
        check_promises(&client, &advice).await;
        run_all(&client).await;
        let after = blocks(&client).await;
        assert!(after < before * 0.3, "{}: {after} blocks of {before}", server.name);
        // What is built is not advised again.
        let again = self::advice(&login, few(5)).await;
        assert!(again.indexes.iter().all(|index| !found.contains(&index.candidate.summary())), "{:?}", keys(&again));
        let left: i64 = client.query_one("select count(*) from pg_prepared_xacts", &[]).await.unwrap().get(0);
        assert_eq!(left, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_and_the_size_are_kept_to() {
    let Some(server) = own() else { return };
    let (login, client) = shop(server).await;
    with_hypopg(&client).await;
    run_all(&client).await;
    let two = advice(&login, few(2)).await;
    assert_eq!(two.indexes.len(), 2);
    let most = 600_000.0;
    let small = advice(&login, ChoiceLimits { number: 5, bytes: Some(most) }).await;
    let size: f64 = small.indexes.iter().map(|index| index.candidate.size_bytes()).sum();
    assert!(!small.indexes.is_empty() && size <= most, "{size}: {:?}", keys(&small));
    assert!(advice(&login, few(0)).await.indexes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_read_the_tables_is_told_so() {
    let Some(server) = own() else { return };
    let (login, client) = shop(server).await;
    with_hypopg(&client).await;
    run_all(&client).await;
    let role = server.role("advise_monitor", "grant pg_monitor to advise_monitor").await;
    let advice = advice(&login.with_user(&role), few(5)).await;
    assert!(advice.indexes.is_empty() && advice.statements.is_empty(), "{:?}", keys(&advice));
    let denied = advice.left_out.iter().find(|group| group.why == LeftOut::Denied).unwrap();
    assert!(denied.statements >= 9, "{denied:?}");
    assert!(denied.example.as_ref().unwrap().contains("permission denied"), "{denied:?}");
    // A role that sees no texts.
    let plain = server.role("advise_plain", "").await;
    let advice = self::advice(&login.with_user(&plain), few(5)).await;
    let hidden = advice.left_out.iter().find(|group| group.why == LeftOut::Hidden).unwrap();
    assert!(hidden.statements >= 9, "{:?}", advice.left_out);
}

/// Anybody can put a statement into `pg_stat_statements`; a superuser who asks for advice must not plan what it calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_may_do_more_than_read_is_not_planned() {
    let Some(server) = own() else { return };
    let (login, client) = shop(server).await;
    run_all(&client).await;
    let evil = "create table trap (id int, note text);
        create function evil() returns int language plpgsql immutable as $$ begin perform pg_advisory_lock(4711); return 7; end $$;
        select count(*) from trap where id = evil();
        select pg_advisory_unlock_all()";
    client.batch_execute(evil).await.unwrap();
    let (sender, mut seen) = tokio::sync::mpsc::channel(1000);
    let (cancel_queue, work) = cancel_queue();
    tokio::spawn(work);
    let target = WorkloadTarget { connector: Arc::new(login.clone()), mode: Mode::Full, cancel_queue };
    let told = move |progress| sender.try_send(progress).unwrap_or_default();
    let advice = advise(&target, WorkloadRequest::default(), &told).await.unwrap();
    let refused = advice.left_out.iter().find(|group| group.why == LeftOut::MayDoMore).unwrap();
    assert!(refused.example.as_ref().unwrap().contains("evil"), "{refused:?}");
    assert!(advice.statements.iter().all(|planned| !planned.statement.sql.contains("evil")));
    assert!(!advice.indexes.is_empty());
    assert!(seen.recv().await.is_some(), "it says how far it is");
}

/// Statements are judged and locked together; what speaks against one of them leaves out that one alone.
#[tokio::test(flavor = "multi_thread")]
async fn of_the_statements_of_a_batch_only_those_are_left_out_that_something_speaks_against() {
    for server in ends() {
        let (login, client) = shop(server).await;
        run_all(&client).await;
        let more = "create function evil() returns int language plpgsql immutable as $$ begin return 7; end $$;
            create view trapped as select name from tiny where id = evil();
            create view innocent as select name from tiny";
        client.batch_execute(more).await.unwrap();
        for sql in [
            "select count(*) from tiny where id > evil()",
            "select count(*) from trapped",
            "select count(*) from innocent -- a comment hides what comes behind it",
        ] {
            client.batch_execute(sql).await.unwrap();
        }
        let mut other = open(&login).await;
        let holder = other.transaction().await.unwrap();
        holder.batch_execute("lock table blog_post in access exclusive mode").await.unwrap();
        let advice = advice(&login, few(5)).await;
        holder.rollback().await.unwrap();
        let left_out = |why: LeftOut| {
            let group = advice.left_out.iter().find(|group| group.why == why);
            group.map_or((0, ""), |group| (group.statements, group.example.as_deref().unwrap_or_default()))
        };
        let (refused, why) = left_out(LeftOut::MayDoMore);
        assert!(refused == 2 && why.contains("evil"), "{:?}", advice.left_out);
        assert_eq!(left_out(LeftOut::Blocked).0, 1, "{:?}", advice.left_out);
        let is_planned = |words: &str| advice.statements.iter().any(|it| it.statement.sql.contains(words));
        for words in ["innocent", "shop_line", "\"reference\" = $"] {
            assert!(is_planned(words), "{words}: {:?}", advice.left_out);
        }
        assert!(!is_planned("trapped") && !is_planned("evil"), "{:?}", advice.statements.len());
        assert!(advice.indexes.iter().any(|index| index.candidate.spec.table == "shop_order"), "{:?}", keys(&advice));
    }
}

/// A lock that comes between two steps of a batch leaves nothing behind that the next batch stumbles over.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_comes_and_goes_leaves_out_its_table_alone() {
    let Some(server) = own() else { return };
    let (login, client) = shop(server).await;
    run_all(&client).await;
    let locking = open(&login).await;
    // It queues again at once, so that it gets the table between the two times that a statement is parsed.
    let coming_and_going = tokio::spawn(async move {
        loop {
            locking.batch_execute("begin; lock table blog_post in access exclusive mode").await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(140)).await;
            locking.batch_execute("rollback").await.unwrap();
        }
    });
    for _ in 0..6 {
        let advice = advice(&login, few(5)).await;
        for group in &advice.left_out {
            assert!(![LeftOut::NotPlanned, LeftOut::Gone].contains(&group.why), "{:?}", advice.left_out);
        }
        assert!(advice.indexes.iter().any(|index| index.candidate.spec.table == "shop_order"), "{:?}", keys(&advice));
    }
    coming_and_going.abort();
}

fn pgdj(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgdj")).env_clear().env("HOME", "/nonexistent").args(arguments).output().unwrap()
}

async fn command(arguments: Vec<String>) -> (i32, String, String) {
    let run = move || pgdj(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_prints_text_markdown_and_json() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    let run = |rest: &[&str]| {
        let arguments = [&["advise", &login.conninfo()], rest].concat().into_iter().map(str::to_owned).collect();
        command(arguments)
    };
    let (status, said, complained) = run(&[]).await;
    assert_eq!((status, said.as_str()), (1, ""));
    assert!(complained.contains("pg_stat_statements") && complained.contains("CREATE EXTENSION"), "{complained}");
    client.batch_execute(SCHEMA).await.unwrap();
    run_all(&client).await;
    let (status, said, complained) = run(&["--max-indexes", "3"]).await;
    assert_eq!((status, complained.as_str()), (0, ""), "{said}");
    for words in [
        "3 indexes together would save about",
        "Index 1: ",
        "Statements it helps",
        "AddIndexConcurrently",
        "by pgdj's own cost model",
        "Within ",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    assert!(!said.contains('\u{1b}'), "{said}");
    let (_, markdown, _) = run(&["--format", "markdown"]).await;
    assert!(markdown.contains("```python") && markdown.contains("# "), "{markdown}");
    let (_, json, _) = run(&["--format", "json", "--max-bytes", "100MB", "--limit", "50"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["format"].as_u64(), json["priced_by"].as_str()), (Some(1), Some("model")));
    assert!(json["indexes"].as_array().unwrap().iter().all(|index| index["share"].as_f64().unwrap() > 0.0));
    for (arguments, words) in [
        (vec!["advise", "--max-bytes", "many"], "500MB"),
        (vec!["advise", "--limit", "0"], "1 to 5000"),
        (vec!["advise", "--max-indexes", "few"], "whole number"),
    ] {
        let (status, _, complained) = command(arguments.into_iter().map(str::to_owned).collect()).await;
        assert!(status == 2 && complained.contains(words), "{complained}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_runs_in_a_time_is_counted() {
    let Some(server) = own() else { return };
    let (login, client) = shop(server).await;
    run_all(&client).await;
    let arguments = ["advise", &login.conninfo(), "--for", "4s", "--format", "json"].map(str::to_owned).to_vec();
    let asking = tokio::spawn(command(arguments));
    // The first reading is over before a second has gone by, and the second is not yet.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let (_, sql) = STATEMENTS[0];
    for _ in 0..7 {
        client.batch_execute(sql).await.unwrap();
    }
    let (status, said, complained) = asking.await.unwrap();
    assert_eq!((status, complained.as_str()), (0, ""), "{said}");
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    let statements = json["statements"].as_array().unwrap();
    assert_eq!(statements.len(), 1, "{statements:?}");
    assert!(statements[0]["sql"].as_str().unwrap().contains("reference"), "{statements:?}");
    assert!((1.0..=7.0).contains(&statements[0]["calls"].as_f64().unwrap()), "{statements:?}");
    assert!(json["window_seconds"].as_f64().unwrap() >= 4.0);
}

/// Migrations of two apps, each of which Django can load by itself: what is printed is one file an app.
#[tokio::test(flavor = "multi_thread")]
async fn the_migration_has_all_indexes_of_an_app() {
    let Some(server) = own() else { return };
    let (login, client) = shop(server).await;
    if !with_hypopg(&client).await {
        leave_out("a migration of indexes that HypoPG priced");
    }
    run_all(&client).await;
    let advice = advice(&login, few(5)).await;
    let paths: Vec<&str> = advice.migrations.iter().map(|file| file.path.as_str()).collect();
    assert!(paths.contains(&"shop/migrations/0008_advised_indexes.py"), "{paths:?}");
    assert!(paths.iter().any(|path| path.starts_with("blog/migrations/0002_")), "{paths:?}");
    assert_eq!(advice.sql.len(), 1, "the table without a model: {:?}", advice.sql);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pane_asks_when_somebody_presses_a_key_and_never_by_itself() {
    let Some(server) = own() else { return };
    let (login, client) = shop(server).await;
    with_hypopg(&client).await;
    run_all(&client).await;
    let asked = "select count(*) from pg_stat_statements where query like '%pgdj workload: statements%'
        and dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_database where%count%'";
    let count = async || -> i64 { client.query_one(asked, &[]).await.unwrap().get(0) };
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start((120, 40), home.path(), &[&login.conninfo()]);
    terminal.wait_for("live").await;
    terminal.press("0");
    terminal.wait_for("R looks for indexes for all statements").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(count().await, 0);
    terminal.press("R");
    terminal.wait_for("indexes would save about").await;
    terminal.wait_for("of the best set of these").await;
    assert_eq!(count().await, 1);
    // The row of an index, by the filter.
    terminal.press("/");
    terminal.press("reference");
    terminal.press("\r");
    terminal.wait_for("order_reference_idx").await;
    terminal.press("\r");
    terminal.wait_for("Esc close").await;
    terminal.press("\u{1b}");
    // Right behind it, a letter would be Alt and the letter.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
}
