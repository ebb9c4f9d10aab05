//! Partition keys of another user: PostgreSQL 12 computes one whenever its table is opened.

use pgdj::pg::catalog;
use pgdj::pg::session::{Limits, Session, cancel_queue};

use super::{Scene, estimate, explain, request};
use crate::support::servers;

const HOSTILE: &str = "
    create table parts (a int) partition by range ((a + evil_i(1)));
    create table part_1 partition of parts for values from (1) to (100);
    create table with_row (r parts);
    insert into with_row values (row(1));
    grant select on parts, part_1, with_row to public";

/// What a plan from elsewhere names is looked up in the catalog though nobody judged a statement.
#[tokio::test]
async fn the_catalog_of_a_hostile_partition_key_is_read_without_running_it() {
    for server in servers() {
        let scene = Scene::set(server).await;
        scene.mallory.batch_execute(HOSTILE).await.unwrap();
        scene.was_hit();
        let (cancel_queue, _cancel_work) = cancel_queue();
        let mut session = Session::open(&scene.victim, Limits::SLOW, &cancel_queue).await.unwrap();
        let relations = ["parts", "part_1"].map(|name| ("public".to_owned(), name.to_owned()));
        let found = catalog::read(&mut session, &relations).await.unwrap();
        assert_eq!(found.catalog.tables.len(), 2, "{}", server.name);
        assert!(!scene.was_hit(), "{}", server.name);
    }
}

#[tokio::test]
async fn a_hostile_partition_key_stops_only_what_can_open_its_table() {
    for server in servers() {
        let scene = Scene::set(server).await;
        let name = &server.name;
        scene.mallory.batch_execute(HOSTILE).await.unwrap();
        scene.was_hit();
        for sql in ["select * from t where a = 1", "select lower(b), count(*) from t group by 1"] {
            assert_eq!(explain(&scene.victim, &estimate(sql)).await, Ok(()), "{name}: {sql}");
        }
        for sql in ["select * from parts where a = 1", "select * from part_1 where a = 1", "select r from with_row"] {
            for wanted in [request(sql), estimate(sql)] {
                let why = explain(&scene.victim, &wanted).await.expect_err(sql);
                assert!(why.contains("evil_i()") && !scene.was_hit(), "{name}: {sql}: {why}");
            }
        }
        let by_number = "select sum(pg_relation_size(oid)) from pg_class where relname like 'part%'";
        let answer = explain(&scene.victim, &request(by_number)).await;
        assert!(!scene.was_hit(), "{name}");
        if server.major == 12 {
            let why = answer.unwrap_err();
            let what = "the partition key of the table public.parts";
            assert!(why.contains(what) && why.contains("leave that function out"), "{name}: {why}");
        } else {
            assert_eq!(answer, Ok(()), "{name}");
        }
    }
}
