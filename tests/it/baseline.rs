//! `pgdj advise --pin` and `pgdj verify` through the real program: what was promised beside what came of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Client;

use crate::advise::{run_all, send_all, shop, with_hypopg};
use crate::support::{Login, ends, open, own};

/// Runs pgdj with a state folder of its own; returns the exit status, what it printed and what it said.
async fn pgdj(state: &Path, arguments: &[&str]) -> (i32, String, String) {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let state = state.to_owned();
    let run = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdj"));
        command.env_clear().env("HOME", "/nonexistent").env("XDG_STATE_HOME", state).args(arguments).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

async fn verified(state: &Path, login: &Login) -> Value {
    let (status, said, complained) = pgdj(state, &[&login.conninfo(), "verify", "first", "--format", "json"]).await;
    assert_eq!((status, complained.as_str()), (0, ""), "{said}");
    serde_json::from_str(&said).unwrap()
}

fn verdicts(verified: &Value) -> Vec<&str> {
    verified["indexes"].as_array().unwrap().iter().map(|index| index["verdict"].as_str().unwrap()).collect()
}

/// Waits until the server counts a scan of an index.
async fn counted(client: &Client, name: &str) {
    for _ in 0..100 {
        let sql = "select coalesce(sum(idx_scan), 0)::float8 from pg_stat_user_indexes where indexrelname = $1";
        if client.query_one(sql, &[&name]).await.unwrap().get::<_, f64>(0) > 0.0 {
            return;
        }
        // Before 15 counters travel through a process of the server.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no scan of {name} was counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_is_compared_with_what_came_of_it() {
    for server in ends() {
        let (login, client) = shop(server).await;
        with_hypopg(&client).await;
        run_all(&client).await;
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        let conninfo = login.conninfo();
        let keeping = ["advise", &conninfo, "--max-indexes", "3", "--pin", "first", "--format", "json"];
        let (status, said, complained) = pgdj(state, &keeping).await;
        assert!(status == 0 && complained.contains("pgdj verify first"), "{complained}");
        let advice: Value = serde_json::from_str(&said).unwrap();
        let file = state.join("pgdj/baselines/first.json");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!std::fs::read_to_string(&file).unwrap().contains("R4711"), "no value of a parameter is kept");
        let (status, _, complained) = pgdj(state, &keeping).await;
        assert!(status == 2 && complained.contains("there is a baseline first already"), "{complained}");
        assert_eq!(verdicts(&verified(state, &login).await), ["not_built"; 3]);

        // The first is built as advised, the second under another name, the third with other keys under its name.
        let code = |at: usize, member: &str| advice["indexes"][at]["code"][0][member].as_str().unwrap().to_owned();
        let (name, other) = (code(0, "name"), code(1, "name"));
        client.batch_execute(&code(0, "sql")).await.unwrap();
        client.batch_execute(&code(1, "sql").replace(&other, "made_by_hand")).await.unwrap();
        let useless = format!(
            "create index \"{}\" on \"{}\" ((1))",
            code(2, "name"),
            advice["indexes"][2]["table"].as_str().unwrap()
        );
        client.batch_execute(&useless).await.unwrap();
        client.batch_execute("analyze").await.unwrap();
        let first = verified(state, &login).await;
        assert_eq!(first["is_since_built"], false);
        assert_eq!(verdicts(&first)[2], "unused", "its plan does not use it: {first}");
        assert!(verdicts(&first)[..2].iter().all(|verdict| *verdict == "too_early"), "{first}");

        send_all(&client).await;
        counted(&client, &name).await;
        counted(&client, "made_by_hand").await;
        let later = verified(state, &login).await;
        assert_eq!(verdicts(&later), ["used", "used", "unused"], "{later}");
        assert_eq!(later["is_since_built"], true);
        for index in &later["indexes"].as_array().unwrap()[..2] {
            for statement in index["statements"].as_array().unwrap() {
                assert_eq!(statement["uses_index"], true, "{statement}");
                assert!(statement["calls"].as_f64().unwrap() >= 10.0, "{statement}");
            }
        }
        assert_eq!(later["indexes"][1]["parts"][0]["name"], "made_by_hand");
        let (status, text, _) = pgdj(state, &[&conninfo, "verify", "first", "--check"]).await;
        assert_eq!(status, 10, "{text}");
        for words in ["Of 3 indexes: 2 used, 1 not used.", "Take it back", "DROP INDEX CONCURRENTLY", "uses the index"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
        client
            .batch_execute("update pg_index set indisvalid = false where indexrelid = 'made_by_hand'::regclass")
            .await
            .unwrap();
        assert_eq!(verdicts(&verified(state, &login).await)[1], "invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_that_is_not_there_or_of_another_database_is_told() {
    let Some(server) = own() else { return };
    let (login, client) = shop(server).await;
    run_all(&client).await;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let (status, said, _) = pgdj(state, &["verify"]).await;
    assert!(status == 0 && said.contains("No advice was kept yet"), "{said}");
    let conninfo = login.conninfo();
    let (status, _, complained) = pgdj(state, &[&conninfo, "verify", "first"]).await;
    assert!(status == 4 && complained.contains("there is no baseline first"), "{complained}");
    let (status, _, complained) = pgdj(state, &["advise", &conninfo, "--pin", "../first"]).await;
    assert!(status == 2 && complained.contains("letters, digits"), "{complained}");
    let (status, _, complained) = pgdj(state, &["advise", &conninfo, "--pin", "first"]).await;
    assert_eq!(status, 0, "{complained}");
    let (_, said, _) = pgdj(state, &["verify"]).await;
    assert_eq!(said, "first\n");
    let elsewhere = server.database().await;
    open(&elsewhere).await.batch_execute("create extension pg_stat_statements").await.unwrap();
    let (status, _, complained) = pgdj(state, &[&elsewhere.conninfo(), "verify", "first"]).await;
    assert!(status == 2 && complained.contains("the baseline first is of the database"), "{complained}");
}
