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

/// Explains every statement, and returns how many the server took.
async fn check(login: &Login, name: &str) -> usize {
    let mut taken = 0;
    for (at, sql) in STATEMENTS.lines().enumerate() {
        // Half of them are run, half are planned.
        let wanted = if at % 2 == 0 { request(sql) } else { estimate(sql) };
        match explain(login, &wanted).await {
            Ok(()) => taken += 1,
            // 12 and 13 want arguments of one type where later releases convert them.
            Err(why) => assert!(why.contains("does not exist"), "{name}: {sql}\n{why}"),
        }
    }
    taken
}

#[tokio::test]
async fn no_statement_of_django_is_refused() {
    for server in servers() {
        let login = a_project(server).await;
        let taken = check(&login, &server.name).await;
        assert!(taken >= 200, "{}: {taken}", server.name);
    }
}

#[tokio::test]
async fn no_statement_of_django_is_refused_behind_a_pooler() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let login = a_project(server).await;
    assert!(check(&pooler.login(&login), "pooled").await >= 200);
}
