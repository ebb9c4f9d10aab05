//! `pgdj explain` as a person runs it: forms, exit statuses, and every file that is no plan.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{Login, a_shop, check_nothing_remains, number};
use crate::hostile_names::assert_printable;
use crate::support::{open, own, servers};

/// A sequential scan that keeps 2 rows of 400,000.
const SLOW: &str = r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "shop_order", "Alias": "shop_order",
    "Startup Cost": 0.0, "Total Cost": 9000.0, "Plan Rows": 2, "Plan Width": 40,
    "Actual Startup Time": 1.0, "Actual Total Time": 180.0, "Actual Rows": 2, "Actual Loops": 1,
    "Filter": "((status)::text = 'lost'::text)", "Rows Removed by Filter": 399998},
    "Planning Time": 0.1, "Execution Time": 180.1}]"#;

/// A plan in which nothing is worth a word.
const FINE: &str = " Result  (cost=0.00..0.01 rows=1 width=4) (actual time=0.001..0.001 rows=1 loops=1)\n Planning Time: 0.010 ms\n Execution Time: 0.020 ms\n";

const LOG: &str = "2026-11-23 06:00:00.000 UTC [77] LOG:  duration: 180.100 ms  plan:
\tQuery Text: select * from shop_order where status = 'lost'
\tSeq Scan on shop_order  (cost=0.00..9000.00 rows=2 width=40) (actual time=1.000..180.000 rows=2 loops=1)
\t  Filter: ((status)::text = 'lost'::text)
\t  Rows Removed by Filter: 399998
2026-11-23 06:00:01.000 UTC [78] LOG:  duration: 0.020 ms  plan:
\tQuery Text: select 1
\tResult  (cost=0.00..0.01 rows=1 width=4) (actual time=0.001..0.001 rows=1 loops=1)
";

/// Runs the program with this on its standard input.
fn pgdj(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdj"));
    command.env_clear().env("HOME", "/nonexistent").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A program that reads nothing of it closes the pipe.
    let feeding = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap_or_default());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output
}

#[track_caller]
fn check(arguments: &[&str], input: &str, (status, out, err): (i32, &[&str], &[&str])) -> String {
    let output = pgdj(arguments, input);
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(status), "{arguments:?}\n{said}\n{complained}");
    for part in out {
        assert!(said.contains(part), "{arguments:?} lacks {part}:\n{said}");
    }
    for part in err {
        assert!(complained.contains(part), "{arguments:?} lacks {part}:\n{complained}");
    }
    assert!(!said.contains('\u{1b}') && !complained.contains('\u{1b}'), "colours where nobody sees them: {said}");
    said
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn a_plan_is_read_without_a_server_from_wherever_it_is() {
    let slow = file(SLOW);
    let path = slow.path().to_str().unwrap();
    let expected: &[&str] =
        &["QUERY PLAN", "Seq Scan on shop_order  (cost=", "Sequential scans", "400k rows read, 2 kept", "Tips"];
    check(&["explain", path], "", (0, expected, &[]));
    check(&["explain", "--plan", path], "", (0, expected, &[]));
    check(&["explain", "-"], SLOW, (0, expected, &[]));
    check(&["explain"], SLOW, (0, expected, &[]));
    check(&["explain", "--check"], SLOW, (10, expected, &[]));
    check(&["explain", "--check"], FINE, (0, &["This plan is fine"], &[]));
    let log =
        check(&["explain", "--plan", "-"], LOG, (0, &["plan 1 of 2", "plan 2 of 2", "select * from shop_order"], &[]));
    assert_eq!(log.matches("QUERY PLAN").count(), 2, "{log}");
}

#[test]
fn each_form_has_the_plan_and_the_tips() {
    let json = check(&["explain", "--format", "json"], SLOW, (0, &[], &[]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["format"], 2);
    let plan = &json["plans"][0];
    assert_eq!(plan["explain"][0]["Plan"]["Node Type"], "Seq Scan");
    assert_eq!(plan["sequential_scans"][0]["rows_read"], 400_000.0);
    assert_eq!((&plan["is_fine"], &plan["is_analyzed"]), (&false.into(), &true.into()));
    assert!(plan["tips"][0]["saving_seconds"].as_f64().unwrap() > 0.1, "{plan}");
    let expected: &[&str] = &["# EXPLAIN", "\n Seq Scan on shop_order", "## Tips", "- *do:* "];
    check(&["explain", "--format", "markdown", "--check"], SLOW, (10, expected, &[]));
}

#[test]
fn json_holds_no_character_that_a_terminal_obeys_and_reads_the_same() {
    let name = "a\u{9b}31m\u{7f}\u{202e}\u{200b}\u{3164}\u{e0041}\u{1f600}";
    let plan = serde_json::json!([{"Query Text": format!("select 1 from \"{name}\""), "Plan": {
        "Node Type": "Seq Scan", "Relation Name": name, "Alias": name, "Filter": format!("(x = '{name}'::text)"),
        "Startup Cost": 0.0, "Total Cost": 9000.0, "Plan Rows": 2, "Plan Width": 8, "Actual Rows": 2, "Actual Loops": 1,
        "Actual Startup Time": 0.1, "Actual Total Time": 400.0, "Rows Removed by Filter": 400_000}}]);
    let printed =
        check(&["explain", "--format", "json"], &plan.to_string(), (0, &["\\u009b31m", "\\udb40\\udc41"], &[]));
    assert_printable(&printed);
    let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let plan = &json["plans"][0];
    assert_eq!(
        (&plan["explain"][0]["Plan"]["Relation Name"], &plan["sql"]),
        (&name.into(), &format!("select 1 from \"{name}\"").into())
    );
    assert!(plan["sequential_scans"][0]["table"].as_str().unwrap().contains('\u{9b}'), "{plan}");
}

/// The same statement by an index.
const QUICK: &str = " Index Scan using shop_order_status on shop_order  (cost=0.42..8.44 rows=2 width=40) (actual time=0.010..0.020 rows=2 loops=1)
   Index Cond: ((status)::text = 'lost'::text)
 Planning Time: 0.100 ms
 Execution Time: 0.050 ms
";

#[track_caller]
fn against(older: &str, newer: &str, expected: (i32, &[&str], &[&str])) {
    check(&["explain", "--check", "--against", older], newer, expected);
}

#[test]
fn ci_fails_on_a_sequential_scan_that_is_new_and_on_no_other() {
    let (slow, quick, log) = (file(SLOW), file(QUICK), file(LOG));
    let name = |file: &tempfile::NamedTempFile| file.path().to_str().unwrap().to_owned();
    let new = "1 new sequential scan ";
    against(&name(&quick), SLOW, (10, &[new, "- Seq Scan on shop_order: 400k rows read, 2 kept"], &[]));
    against(&name(&slow), SLOW, (0, &["No new sequential scan "], &[]));
    against(&name(&slow), QUICK, (0, &["No new sequential scan "], &[]));
    // Of one statement among many, the plan of that statement counts.
    against(&name(&log), LOG, (0, &["No new sequential scan "], &[]));
    let other = LOG.replace("Query Text: select 1", "Query Text: select 2").replace("Result ", "Seq Scan on t ");
    against(&name(&log), &other, (10, &[new, "- Seq Scan on t: "], &[]));
    // What pgdj itself wrote serves as well.
    let report = file(&check(&["explain", "--format", "json"], QUICK, (0, &[], &[])));
    against(&name(&report), SLOW, (10, &[new], &[]));
    let json = check(&["explain", "--format", "json", "--check", "--against", &name(&report)], SLOW, (10, &[], &[]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["against"]["new_sequential_scans"], serde_json::json!([{"plan": 0, "node": 0}]));
    let markdown: &[&str] = &["# Against the older plan", "- Seq Scan on shop\\_order: 400k rows read"];
    check(&["explain", "--format", "markdown", "--against", &name(&report)], SLOW, (0, markdown, &[]));
    against(&name(&file("select 1")), SLOW, (1, &[], &["(--against)", "hint: keep one with"]));
    against("/nonexistent/plan", SLOW, (4, &[], &["cannot read /nonexistent/plan"]));
}

#[test]
fn what_is_no_plan_is_said_with_a_way_out() {
    let cut = &SLOW[..SLOW.len() - 60];
    check(&["explain"], cut, (0, &["Seq Scan on shop_order", "not parsed: line"], &[]));
    let hint = "hint: EXPLAIN (ANALYZE";
    check(&["explain"], "{\"a\": 1}", (1, &[], &["error: no plan found in standard input", "holds no plan", hint]));
    check(&["explain"], "[{\"Plan\": ", (1, &[], &["no plan found in standard input", hint]));
    check(&["explain", "--plan", "-"], "select 1", (1, &[], &["no plan found in standard input", hint]));
    check(&["explain"], "<explain xmlns=\"x\"></explain>", (1, &[], &["FORMAT XML"]));
    check(&["explain", "--plan", "-"], "", (1, &[], &["there is no text"]));
    check(
        &["explain", "/nonexistent/plan.json"],
        "",
        (4, &[], &["cannot read /nonexistent/plan.json", "No such file"]),
    );
    check(&["explain", "a", "--plan", "b"], "", (2, &[], &["cannot be used with"]));
    check(&["explain", "--write"], "", (2, &[], &["--analyze"]));
    check(
        &["explain", "--timeout", "0"],
        "select 1",
        (2, &[], &["--timeout must be more than 0 and at most 86400 seconds"]),
    );
    check(&["explain", "--format", "xml"], "", (2, &[], &["xml"]));
}

#[test]
fn a_plan_of_100_000_nodes_or_1_000_levels_is_read() {
    let node = |name: &str, rest: &str| {
        format!(
            "{{\"Node Type\":\"{name}\",\"Startup Cost\":0.0,\"Total Cost\":5.0,\"Plan Rows\":1,\"Plan Width\":4{rest}}}"
        )
    };
    let mut wide = String::new();
    for at in 0..100_000 {
        let rest = format!(",\"Parent Relationship\":\"Member\",\"Relation Name\":\"part_{at}\"");
        write!(wide, "{}{}", if at == 0 { "" } else { "," }, node("Seq Scan", &rest)).unwrap();
    }
    let wide = format!("[{{\"Plan\":{}}}]", node("Append", &format!(",\"Plans\":[{wide}]")));
    let mut deep = node("Result", "");
    for _ in 0..1_000 {
        deep = node("Materialize", &format!(",\"Plans\":[{deep}]"));
    }
    let deep = format!("[{{\"Plan\":{deep}}}]");
    let began = Instant::now();
    check(&["explain"], &wide, (0, &["part_99999", "and 99990 more"], &[]));
    for format in ["text", "json", "markdown"] {
        check(&["explain", "--format", format], &deep, (0, &["Materialize"], &[]));
    }
    // A debug build on a busy machine; what it takes when it matters is measured apart.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn on_a_terminal_it_is_coloured_and_without_colours_where_none_are_wanted() {
    let slow = file(SLOW);
    for (no_color, is_coloured) in [("", true), ("1", false)] {
        let pair = portable_pty::native_pty_system().openpty(portable_pty::PtySize {
            rows: 60,
            cols: 120,
            ..Default::default()
        });
        let pair = pair.unwrap();
        let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_pgdj"));
        command.env_clear();
        command.cwd("/");
        for (name, value) in [("HOME", "/nonexistent"), ("TERM", "xterm-256color"), ("NO_COLOR", no_color)] {
            command.env(name, value);
        }
        command.args(["explain", slow.path().to_str().unwrap()]);
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut said = Vec::new();
        // The end of a pseudo-terminal is an error on Linux.
        reader.read_to_end(&mut said).unwrap_or_default();
        assert!(child.wait().unwrap().success());
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.contains("shop_order"), "{said}");
        let is_painted = said.contains("\u{1b}[3") || said.contains("\u{1b}[9");
        assert_eq!(is_painted, is_coloured, "{said:?}");
    }
}

fn to(login: &Login) -> Vec<String> {
    [
        ("-h", login.host.clone()),
        ("-p", login.port.to_string()),
        ("-U", login.user.clone()),
        ("-d", login.database.clone()),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect()
}

#[track_caller]
fn ask(login: &Login, arguments: &[&str], input: &str, expected: (i32, &[&str], &[&str])) -> String {
    let way = to(login);
    let all: Vec<&str> =
        ["explain"].into_iter().chain(way.iter().map(String::as_str)).chain(arguments.iter().copied()).collect();
    check(&all, input, expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_explained_on_every_server() {
    for server in servers() {
        let (login, admin) = a_shop(server).await;
        let sql = "select * from shop_order where customer_id = $1 and total > $2;\n";
        ask(&login, &[], sql, (0, &["QUERY PLAN", "note: not run: $1 has"][..1], &[]));
        ask(&login, &["--analyze", "--param", "7", "--param", "-1"], sql, (0, &["actual time", "Execution Time"], &[]));
        let json = ask(&login, &["--format", "json"], "select 1", (0, &[], &[]));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["plans"][0]["explain"][0]["Plan"]["Node Type"], "Result", "{}", server.name);
        for (arguments, input, expected) in [
            (&["--analyze"][..], "delete from shop_order", "the statement writes (DELETE)"),
            (&["--analyze", "--write", "--read-only"], "delete from shop_order", "--read-only forbids it"),
            (&[], "selct 1", "cannot parse the statement"),
            (&[], "select 1; select 2", "the text has 2 statements"),
            (&[], "select * from nowhere", "names a table that does not exist"),
            (&["--analyze", "--timeout", "0.2"], "select pg_sleep(30)", "did not end within 200ms"),
            (&["--queryid", "-12345"], "", "pg_stat_statements"),
        ] {
            ask(&login, arguments, input, (1, &[], &[expected, "hint: "]));
        }
        ask(&login, &["--analyze", "--write"], "delete from shop_order", (0, &["Delete on"], &[]));
        assert_eq!(number(&admin, "select count(*) from shop_order").await, 5000, "{}", server.name);
        check_nothing_remains(&admin).await;
    }
    let Some(server) = own() else { return };
    let gone = Login { port: 1, ..server.login("postgres") };
    ask(&gone, &[], "select 1", (3, &[], &["cannot connect"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_found_by_its_queryid() {
    for server in servers() {
        let (login, admin) = a_shop(server).await;
        admin.batch_execute("create extension pg_stat_statements").await.unwrap();
        admin.batch_execute("select count(*) from shop_order where status = 'sought' and total > 3").await.unwrap();
        let id = "select queryid from pg_stat_statements where query like '%shop_order where status = $1%' and query not like '%pg_stat%'
            and dbid = (select oid from pg_database where datname = current_database())";
        let id = number(&admin, id).await.to_string();
        ask(&login, &["--queryid", &id], "", (0, &["shop_order", "$1"], &[]));
        ask(
            &login,
            &["--queryid", &id, "--param", "open", "--param", "4", "--analyze"],
            "",
            (0, &["actual time"], &[]),
        );
        let other = server.database().await;
        open(&other).await.batch_execute("create extension pg_stat_statements").await.unwrap();
        ask(&other, &["--queryid", &id], "", (1, &[], &["ran in database", "hint: add -d"]));
        ask(&login, &["--queryid", "1"], "", (1, &[], &["no statement with queryid 1"]));
        // Anybody can have sent it.
        let evil = "create function evil() returns text language plpgsql immutable as $$ begin return 'x'; end $$;
            select id from shop_order where status = evil()";
        admin.batch_execute(evil).await.unwrap();
        let id =
            "select queryid from pg_stat_statements where query like '%status = evil()%' and query not like '%pg_stat%'
            and query not like '%create%' limit 1";
        let id = number(&admin, id).await.to_string();
        ask(&login, &["--queryid", &id], "", (1, &[], &["evil", "not planned", "--allow-calls"]));
        ask(&login, &["--queryid", &id, "--allow-calls"], "", (0, &["shop_order"], &["evil"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_advised_as_django_code_and_the_planner_was_asked() {
    let Some(server) = own() else { return };
    let (login, admin) = a_shop(server).await;
    admin
        .batch_execute(
            "insert into django_migrations (app, name, applied) values ('shop', '0007_things', now());
             insert into shop_order (customer_id, status, total) select 1 + n % 500, 'paid', n % 9000 from generate_series(1, 200000) as n",
        )
        .await
        .unwrap();
    admin.batch_execute("vacuum analyze shop_order").await.unwrap();
    let has_hypopg = admin.batch_execute("create extension hypopg").await.is_ok();
    let sql = "select * from shop_order where customer_id = 77 order by created_at desc limit 20";
    let code: &[&str] =
        &["Indexes", "models.Index(", "fields=['customer', 'created_at']", "CREATE INDEX CONCURRENTLY", "shop.order"];
    let text = ask(&login, &["--analyze", "--check"], sql, (10, code, &[]));
    assert_eq!(text.contains("the planner would use it (hypothetical index, HypoPG)"), has_hypopg, "{text}");
    let json = ask(&login, &["--analyze", "--format", "json"], sql, (0, &[], &[]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let index = &json["plans"][0]["indexes"][0];
    assert!(index["code"][0]["migration"]["text"].as_str().unwrap().contains("AddIndexConcurrently"), "{index}");
    assert_eq!(index["is_verified"], has_hypopg);
    assert!(index["build_seconds"].is_number() && index["evidence"].is_string(), "{index}");
    ask(&login, &["--format", "markdown"], sql, (0, &["```python", "```sql\nCREATE INDEX"], &[]));
    check_nothing_remains(&admin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_names_the_tables_that_commit_searches() {
    let Some(server) = own() else { return };
    let (login, admin) = a_shop(server).await;
    admin
        .batch_execute(
            "create table shop_refund (id bigint generated always as identity, order_id bigint not null
                 references shop_order (id) deferrable initially deferred);
             insert into shop_refund (order_id) select id from shop_order, generate_series(1, 10) where id <= 500;
             analyze shop_refund",
        )
        .await
        .unwrap();
    let sql = "delete from shop_order where id = 600";
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "each deleted row is looked for at COMMIT in shop_refund (5.0k rows), which has no index that begins with order_id";
    for arguments in [&["--analyze", "--write"] as &[&str], &[]] {
        let said = ask(&login, arguments, sql, (0, &["referring-table-unindexed"], &[]));
        assert!(in_one_line(&said).contains(told), "{said}");
    }
    admin.batch_execute("create index on shop_refund (order_id)").await.unwrap();
    let said = ask(&login, &["--analyze", "--write"], sql, (0, &[], &[]));
    assert!(in_one_line(&said).contains("COMMIT (the foreign keys of shop_refund)"), "{said}");
    assert!(!said.contains("each deleted row"), "{said}");
    check_nothing_remains(&admin).await;
}
