//! What Django sends is explained in read-only mode: `statements.sql`, which `generate.py` wrote with Django 4.2 and 5.2.

use super::{estimate, explain, request};
use crate::support::pooler::Pooler;
use crate::support::{Login, Server, open, own, servers};

const SCHEMA: &str = include_str!("schema.sql");
const STATEMENTS: &str = include_str!("statements.sql");

async fn a_project(server: &Server) -> Login {
    let login = server.database().await;
    let admin = open(&login).await;
    for extension in ["pg_trgm", "unaccent", "hstore", "citext", "btree_gin"] {
        admin.batch_execute(&format!("create extension {extension}")).await.unwrap();
    }
    admin.batch_execute(SCHEMA).await.unwrap();
    login
}

/// Explains every so many statements, and returns how many the server did not take.
async fn check(login: &Login, name: &str, every: usize) -> usize {
    let mut left_out = 0;
    for (at, sql) in STATEMENTS.lines().enumerate().step_by(every) {
        // Half of them are run, half are planned.
        let wanted = if at % 2 == 0 { request(sql) } else { estimate(sql) };
        match explain(login, &wanted).await {
            Ok(()) => {}
            // 12 and 13 want arguments of one type where later releases convert them.
            Err(why) => {
                assert!(why.contains("does not exist"), "{name}: {sql}\n{why}");
                left_out += 1;
            }
        }
    }
    left_out
}

#[tokio::test]
async fn no_statement_of_django_is_refused() {
    assert!(STATEMENTS.lines().count() >= 200);
    // All of them on the machine's own, the oldest and the newest server; a third on those between.
    let servers = servers();
    for (at, server) in servers.iter().enumerate() {
        let login = a_project(server).await;
        let every = if at < 2 || at + 1 == servers.len() { 1 } else { 3 };
        let left_out = check(&login, &server.name, every).await;
        assert!(left_out <= 2, "{}: {left_out}", server.name);
    }
}

#[tokio::test]
async fn no_statement_of_django_is_refused_behind_a_pooler() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let login = a_project(server).await;
    assert_eq!(check(&pooler.login(&login), "pooled", 3).await, 0);
}
