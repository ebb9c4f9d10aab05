//! EXPLAIN on real servers: the plan, the guard, who blocks, cancelling, and everything that is no statement.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgdj::pg::address::{Address, Environment, resolve};
use pgdj::pg::connector::ToAddress;
use pgdj::pg::control::Mode;
use pgdj::pg::explain::{
    Agreed, Blocker, Consent, ExplainAnswer, ExplainProgress, ExplainRequest, Options, Runner, TIMEOUT_MS,
};
use pgdj::pg::session::cancel_queue;
use tokio_postgres::Client;

use crate::support::pooler::Pooler;
use crate::support::{Login, Server, open, own, servers, shop};

mod command;
mod page;

/// Everything is waited for at most this long.
const PATIENCE: Duration = Duration::from_secs(60);

fn request(sql: &str) -> ExplainRequest {
    ExplainRequest {
        sql: sql.to_owned(),
        parameters: Vec::new(),
        guessed: Vec::new(),
        options: Options::default(),
        consent: Consent::ReadOnly,
        agreed: Agreed::Anything,
        timeout_ms: TIMEOUT_MS,
    }
}

fn estimate(sql: &str) -> ExplainRequest {
    ExplainRequest { options: Options { analyze: false, ..Options::default() }, ..request(sql) }
}

/// The way in as pgdj itself takes it.
fn address(login: &Login) -> Address {
    let target = login.conninfo();
    let request = pgdj::pg::address::AddressRequest { target: Some(&target), ..Default::default() };
    resolve(&request, &Environment::default()).unwrap()
}

fn runner(login: &Login, mode: Mode) -> Runner {
    let (cancel_queue, work) = cancel_queue();
    tokio::spawn(work);
    Runner::new(Arc::new(ToAddress::new(address(login), "the shop")), mode, cancel_queue)
}

async fn run(login: &Login, request: &ExplainRequest) -> Result<ExplainAnswer, String> {
    runner(login, Mode::Full).run(request, |_| {}, std::future::pending()).await.map_err(|failure| failure.to_string())
}

async fn plan(login: &Login, request: &ExplainRequest) -> ExplainAnswer {
    run(login, request).await.unwrap_or_else(|failure| panic!("{}: {failure}", request.sql))
}

/// A database with the shop in it.
async fn a_shop(server: &Server) -> (Login, Client) {
    let login = server.database().await;
    let admin = open(&login).await;
    shop::make(&admin).await;
    (login, admin)
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

/// Waits until a claim holds.
async fn wait_for(client: &Client, claim: &str) {
    let deadline = Instant::now() + PATIENCE;
    while number(client, &format!("select count(*) where {claim}")).await == 0 {
        assert!(Instant::now() < deadline, "it does not come: {claim}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nothing of pgdj is left on the server: no backend, no lock, nothing prepared, no transaction.
async fn check_nothing_remains(admin: &Client) {
    wait_for(
        admin,
        "not exists (select from pg_stat_activity where application_name = 'pgdj' and datname = current_database())
         and not exists (select from pg_locks as l where l.database = (select oid from pg_database where datname = current_database())
             and l.pid <> pg_backend_pid() and l.locktype = 'relation')",
    )
    .await;
}

#[tokio::test]
async fn a_plan_comes_from_every_server_with_what_it_can_tell() {
    for server in servers() {
        let (login, admin) = a_shop(server).await;
        let sql = "select * from shop_order where status = 'open' order by total desc limit 5";
        let all = Options { serialize: true, memory: true, ..Options::default() };
        let answer = plan(&login, &ExplainRequest { options: all, ..request(sql) }).await;
        let name = &server.name;
        assert!(answer.plan.is_analyzed() && answer.plan.has_times() && !answer.estimate_only, "{name}");
        assert!(answer.plan.execution_time.is_some() && answer.plan.planning_time.is_some(), "{name}");
        assert!(!answer.plan.root().unwrap().buffers.is_empty(), "{name}: no buffers");
        assert!(answer.plan.root().unwrap().field("Output").is_some(), "{name}: not verbose");
        assert!(answer.at.0 > 1.7e9 && answer.raw.starts_with('['), "{name}");
        let version = number(&admin, "select current_setting('server_version_num')::bigint").await;
        assert_eq!(answer.plan.serialization.is_some(), version >= 170_000, "{name}");
        assert_eq!(answer.notices.is_empty(), version >= 170_000, "{name}: {:?}", answer.notices);

        let answer = plan(&login, &estimate(sql)).await;
        assert!(!answer.plan.is_analyzed() && answer.estimate_only && answer.plan.planning_time.is_some(), "{name}");
        check_nothing_remains(&admin).await;
    }
}

#[tokio::test]
async fn a_statement_with_parameters_is_planned_without_values_and_run_with_them() {
    for server in servers() {
        let (login, admin) = a_shop(server).await;
        let name = &server.name;
        let sql = "select * from shop_order where status = $1 and total > $2 limit $3";
        let generic = plan(&login, &request(sql)).await;
        assert!(generic.estimate_only && generic.raw.contains("$1"), "{name}: {}", generic.raw);
        assert!(generic.notices.iter().any(|note| note.contains("no values")), "{name}: {:?}", generic.notices);

        let values = |values: &[&str]| values.iter().map(|value| Some((*value).to_owned())).collect::<Vec<_>>();
        let custom = plan(&login, &ExplainRequest { parameters: values(&["paid", "10", "7"]), ..request(sql) }).await;
        assert!(custom.plan.is_analyzed() && custom.raw.contains("'paid'"), "{name}: {}", custom.raw);
        let quoted =
            plan(&login, &ExplainRequest { parameters: values(&["o'\\ pen", "10", "7"]), ..request(sql) }).await;
        assert!(quoted.raw.contains("o''\\\\ pen"), "{name}: {}", quoted.raw);
        let null = vec![None, Some("1".to_owned()), None];
        assert!(plan(&login, &ExplainRequest { parameters: null, ..request(sql) }).await.plan.is_analyzed(), "{name}");

        let few = run(&login, &ExplainRequest { parameters: values(&["open"]), ..request(sql) }).await.unwrap_err();
        assert!(
            few.contains("3 parameters, and 1 value was given") && few.contains("$2 numeric, $3 bigint"),
            "{name}: {few}"
        );
        let wrong =
            run(&login, &ExplainRequest { parameters: values(&["a", "b", "c"]), ..request(sql) }).await.unwrap_err();
        assert!(wrong.contains("a value does not match its parameter's type"), "{name}: {wrong}");
        check_nothing_remains(&admin).await;
    }
}

#[tokio::test]
async fn texts_of_pg_stat_statements_are_explained_or_refused_with_the_reason() {
    for server in servers() {
        let (login, _admin) = a_shop(server).await;
        for sql in [
            "select * from shop_order where created_at > now() - interval $1",
            "select $1 as \"a\" from shop_order where extract($2 from created_at at time zone $3) = $4 limit $5",
            "select * from shop_order where id in ($1 /*, ... */)",
            "select * from shop_customer where payload -> $1 = $2 and tags @> $3",
            "update shop_order set status = $1 where id = $2",
        ] {
            let answer = plan(&login, &request(sql)).await;
            assert!(answer.estimate_only, "{}: {sql}", server.name);
        }
        for (sql, expected) in [
            (
                "select date_trunc($1, created_at), count(*) from shop_order group by date_trunc($2, created_at)",
                "write the values again",
            ),
            ("select $1 + $2", "cast"),
            ("select * from shop_order where created_at > timestamp with time zone $1", "write the value again"),
        ] {
            let failure = run(&login, &request(sql)).await.unwrap_err();
            assert!(failure.contains(expected), "{}: {sql}\n{failure}", server.name);
        }
    }
}

#[tokio::test]
async fn the_parameters_come_with_types_columns_and_values_to_try() {
    for server in servers() {
        let (login, admin) = a_shop(server).await;
        let sql = "select * from shop_order as o join shop_customer as c on c.id = o.customer_id
            where o.status = $1 and o.total between $2 and $3 and lower(c.email) = lower($4) limit $5";
        let found = runner(&login, Mode::ReadOnly).choices(sql).await.unwrap();
        let seen: Vec<(&str, &str)> = found.iter().map(|it| (it.type_name.as_str(), it.column.as_str())).collect();
        let total = ("numeric", "shop_order.total");
        let expected =
            [("text", "shop_order.status"), total, total, ("text", "shop_customer.email"), ("bigint", "LIMIT")];
        assert_eq!(seen, expected, "{}", server.name);
        let status: Vec<(&str, &str)> =
            found[0].choices.iter().map(|it| (it.note.as_str(), it.value.as_str())).collect();
        assert_eq!(status, [("common, 90% of the rows", "paid"), ("rare, 10% of the rows", "open")], "{}", server.name);
        let notes: Vec<&str> = found[1].choices.iter().map(|it| it.note.as_str()).collect();
        assert!(notes.contains(&"boundary, about the smallest") && notes.len() >= 3, "{}: {notes:?}", server.name);
        assert_eq!(found[4].choices[0].value, "20");
        // Each is a value that the statement takes.
        let values = found.iter().map(|it| Some(it.choices.first().map_or("1".to_owned(), |it| it.value.clone())));
        let answer = plan(&login, &ExplainRequest { parameters: values.collect(), ..request(sql) }).await;
        assert!(answer.plan.is_analyzed());
        check_nothing_remains(&admin).await;
    }
}

#[tokio::test]
async fn what_the_server_says_beside_its_answer_comes_with_the_plan_within_bounds() {
    for server in servers() {
        let (login, admin) = a_shop(server).await;
        admin
            .batch_execute(
                "create function talk(n int) returns int language plpgsql volatile as $$ begin
                    for i in 1..n loop raise notice 'row %: \u{1b}[31m% \u{202e}', i, repeat('x', 5000); end loop;
                    raise warning 'the last' using hint = 'mend it';
                    return n;
                end $$",
            )
            .await
            .unwrap();
        let said = |answer: ExplainAnswer| -> Vec<String> {
            answer.notices.into_iter().filter(|notice| notice.starts_with("the server sent")).collect()
        };
        let notices = said(plan(&login, &request("select talk(1)")).await);
        let [first, second] = notices.as_slice() else { panic!("{}: {notices:?}", server.name) };
        assert!(first.starts_with("the server sent NOTICE: row 1: ") && first.len() <= 1000, "{first}");
        assert_eq!(second, "the server sent WARNING: the last (mend it)", "{}", server.name);
        let notices = said(plan(&login, &request("select talk(3000)")).await);
        assert_eq!(notices.len(), 21, "{}", server.name);
        assert_eq!(notices[20], "the server sent 2981 more messages", "{}", server.name);
    }
}

#[tokio::test]
async fn a_write_needs_consent_and_is_rolled_back() {
    for server in servers() {
        let (login, admin) = a_shop(server).await;
        let name = &server.name;
        admin
            .batch_execute("create function note() returns int language sql volatile as 'insert into shop_customer (email) values (''x'') returning 1'")
            .await
            .unwrap();
        let before = number(&admin, "select count(*) from shop_order").await;
        let agreed = |sql: &str| ExplainRequest { consent: Consent::Write, ..request(sql) };
        for sql in [
            "delete from shop_order where total > 4000",
            "with gone as (delete from shop_order returning id) select count(*) from gone",
            "select * from shop_order where id = 1 for update",
            "select note()",
        ] {
            let refused = run(&login, &request(sql)).await.unwrap_err();
            assert!(
                refused.contains("the statement writes") && refused.contains("agree to the write"),
                "{name}: {refused}"
            );
            assert!(run(&login, &estimate(sql)).await.is_ok(), "{name}: {sql} is not even planned");
            let refused = runner(&login, Mode::ReadOnly).run(&agreed(sql), |_| {}, std::future::pending()).await;
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("--read-only forbids it") && refused.contains("--read-only"), "{name}: {refused}");
            let answer = plan(&login, &agreed(sql)).await;
            assert!(answer.plan.is_analyzed(), "{name}: {sql}");
            assert_eq!(
                number(&admin, "select count(*) from shop_order").await,
                before,
                "{name}: {sql} was not rolled back"
            );
        }
        let refused = run(&login, &request("select pg_stat_reset()")).await.unwrap_err();
        assert!(refused.contains("calls pg_stat_reset(), which a rollback"), "{name}: {refused}");
        assert_eq!(number(&admin, "select count(*) from shop_customer").await, 500, "{name}");
        check_nothing_remains(&admin).await;
    }
}

#[tokio::test]
async fn what_is_no_single_readable_statement_is_refused_with_a_sentence_and_a_way_out() {
    for server in servers() {
        let (login, admin) = a_shop(server).await;
        let role = server.role("explain_nobody", "").await;
        let plain = login.with_user(&role);
        for (login, sql, expected) in [
            (&login, "selct 1", &["cannot parse the statement", "at line 1, column 1: selct 1"][..]),
            (
                &login,
                "select *\nfrom shop_order\nwhere id = %s",
                &["cannot parse", "at line 3, column 12", "%s is a placeholder"],
            ),
            (&login, "select 'open", &["cannot parse", "unterminated"]),
            (&login, "select 1; select 2", &["the text has 2 statements; EXPLAIN takes one"]),
            (&login, "", &["no statement to explain"]),
            (&login, "vacuum shop_order", &["VACUUM has no plan"]),
            (&login, "select * from nothing_here", &["names a table that does not exist", "search_path"]),
            (
                &login,
                "select nothing_here from shop_order",
                &["names a column that does not exist", "line 1, column 8"],
            ),
            (
                &plain,
                "select * from shop_order",
                &["lacks a right", "hint: GRANT SELECT ON shop_order TO explain_nobody;"],
            ),
            (&login, "select 1/0 from shop_order", &["division by zero"]),
            (&login, "execute something", &["prepared in another session"]),
        ] {
            let failure = run(login, &request(sql)).await.unwrap_err();
            for part in expected {
                assert!(failure.contains(part), "{}: {sql}\n{failure}\nlacks: {part}", server.name);
            }
        }
        // A role that watches is not told to ask for the right to write.
        let write = ExplainRequest {
            options: Options { analyze: false, ..Options::default() },
            ..request("update shop_order set id = id")
        };
        let failure = run(&plain, &write).await.unwrap_err();
        assert!(failure.contains("hint: connect as the application's role, which has the right"), "{failure}");
        // What the lexer does not know for two statements, the server does: none of the second is run.
        let trick = "select 1 as \"a\"\"; drop table shop_order; --";
        assert!(run(&login, &ExplainRequest { consent: Consent::Write, ..request(trick) }).await.is_err());
        assert_eq!(number(&admin, "select count(*) from shop_order").await, 5000);
        check_nothing_remains(&admin).await;
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_ends_with_its_timeout() {
    let Some(server) = own() else { return };
    let (login, admin) = a_shop(server).await;
    let began = Instant::now();
    let slow = ExplainRequest { timeout_ms: 300, ..request("select pg_sleep(60)") };
    let failure = run(&login, &slow).await.unwrap_err();
    assert!(failure.contains("did not end within 300ms") && failure.contains("longer timeout"), "{failure}");
    assert!(began.elapsed() < Duration::from_secs(20));
    check_nothing_remains(&admin).await;
    plan(&login, &request("select 1")).await;
}

#[tokio::test]
async fn a_blocked_explain_says_who_blocks_it() {
    let Some(server) = own() else { return };
    let (login, admin) = a_shop(server).await;
    let holder = open(&login).await;
    holder.batch_execute("begin; lock table shop_order").await.unwrap();
    let pid = number(&holder, "select pg_backend_pid()::bigint").await;
    let seen: Arc<Mutex<Vec<ExplainProgress>>> = Arc::default();
    let told = {
        let seen = Arc::clone(&seen);
        move |progress| seen.lock().unwrap().push(progress)
    };
    let waits = ExplainRequest { timeout_ms: 8_000, ..estimate("select * from shop_order") };
    let failure = runner(&login, Mode::Full).run(&waits, told, std::future::pending()).await.unwrap_err().to_string();
    assert!(failure.contains("for a lock and stopped"), "{failure}");
    assert!(failure.contains(&format!("pid {pid} blocks it (postgres, shop, idle in transaction")), "{failure}");
    let seen = seen.lock().unwrap().clone();
    let blockers: Vec<&Blocker> = seen.iter().flat_map(|progress| &progress.blocked_by).collect();
    assert!(blockers.iter().any(|it| it.pid == pid && it.query.contains("pg_backend_pid")), "{seen:?}");
    assert!(seen.windows(2).all(|two| two[0].elapsed <= two[1].elapsed) && seen.len() > 3, "{seen:?}");
    holder.batch_execute("rollback").await.unwrap();
    check_nothing_remains(&admin).await;
}

#[tokio::test]
async fn cancelled_or_dropped_it_ends_on_the_server() {
    let Some(server) = own() else { return };
    let (direct, admin) = a_shop(server).await;
    let pooler = Pooler::start(server);
    let logins = [Some(direct.clone()), pooler.as_ref().map(|pooler| pooler.login(&direct))];
    for login in logins.into_iter().flatten() {
        let running = "exists (select from pg_stat_activity where query like '%pg_sleep(100)%' and state = 'active'
            and datname = current_database() and pid <> pg_backend_pid())";
        let long = ExplainRequest { timeout_ms: 120_000, ..request("select pg_sleep(100)") };
        let began = Instant::now();
        let stop = wait_for(&admin, running);
        let failure = runner(&login, Mode::Full).run(&long, |_| {}, stop).await.unwrap_err().to_string();
        assert!(failure.contains("the EXPLAIN was cancelled after"), "{login:?} {:?} {failure}", began.elapsed());
        wait_for(&admin, &format!("not {running}")).await;

        let runner = Arc::new(runner(&login, Mode::Full));
        let start = || {
            let (runner, long) = (Arc::clone(&runner), long.clone());
            tokio::spawn(async move { runner.run(&long, |_| {}, std::future::pending()).await.is_ok() })
        };
        let task = start();
        wait_for(&admin, running).await;
        task.abort();
        wait_for(&admin, &format!("not {running}")).await;
        assert!(began.elapsed() < PATIENCE);
        plan(&login, &request("select 1")).await;
    }
    drop(pooler);
    check_nothing_remains(&admin).await;
}

#[tokio::test]
async fn behind_a_transaction_pooler_nothing_leaks_to_its_other_clients() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let (direct, admin) = a_shop(server).await;
    let login = pooler.login(&direct);
    let sql = "select * from shop_order where status = $1";
    for _ in 0..4 {
        plan(&login, &request(sql)).await;
        plan(&login, &ExplainRequest { parameters: vec![Some("open".to_owned())], ..request(sql) }).await;
        plan(&login, &request("select count(*) from shop_order")).await;
        run(&login, &request("select $1 + $2")).await.unwrap_err();
        run(
            &login,
            &ExplainRequest {
                parameters: vec![Some("x".to_owned())],
                guessed: Vec::new(),
                ..request("select * from shop_order where id = $1")
            },
        )
        .await
        .unwrap_err();
        assert_eq!(runner(&login, Mode::Full).choices(sql).await.unwrap().len(), 1);
        run(&login, &request("delete from shop_order")).await.unwrap_err();
        plan(&login, &ExplainRequest { consent: Consent::Write, ..request("delete from shop_order") }).await;
    }
    let other = open(&login).await;
    for _ in 0..8 {
        let rows = other
            .simple_query(
                "select count(*) from pg_prepared_statements
                 union all select count(*) from pg_settings where name in ('statement_timeout', 'lock_timeout', 'plan_cache_mode', 'transaction_read_only') and setting <> reset_val",
            )
            .await
            .unwrap();
        for row in rows {
            let tokio_postgres::SimpleQueryMessage::Row(row) = row else { continue };
            assert_eq!(row.get(0), Some("0"), "something leaks");
        }
    }
    assert_eq!(number(&admin, "select count(*) from shop_order").await, 5000);
}

#[tokio::test]
async fn a_server_that_goes_away_is_said() {
    let Some(server) = own() else { return };
    let (login, admin) = a_shop(server).await;
    let long = ExplainRequest { timeout_ms: 120_000, ..request("select pg_sleep(101)") };
    let run = run(&login, &long);
    let kill = async {
        let of = "from pg_stat_activity where query like '%pg_sleep(101)%' and state = 'active' and pid <> pg_backend_pid() and datname = current_database()";
        wait_for(&admin, &format!("exists (select {of})")).await;
        admin.batch_execute(&format!("select pg_terminate_backend(pid) {of}")).await.unwrap();
    };
    let (failure, ()) = tokio::join!(run, kill);
    let failure = failure.unwrap_err();
    assert!(failure.contains("the connection was lost") && failure.contains("administrator command"), "{failure}");
    check_nothing_remains(&admin).await;
}
