//! Attacks that replace an object between the judgement and the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Scene, estimate, explain, request, warned};
use crate::support::{ends, open, servers};

/// Harmless, in hands that can replace them at any moment.
const OF_MALLORY: &str = "
    create function flip() returns int language sql stable as 'select 1';
    create function beneath() returns int language sql stable as 'select 1';
    create view over_flip as select beneath() as b;
    create aggregate total(int) (sfunc = int4pl, stype = int);
    create domain small as int check (value < 10);
    create type pair as (a int, b int);
    grant select on over_flip to public;";

#[tokio::test]
async fn what_its_owner_can_replace_is_refused_in_read_only_mode_with_the_owner() {
    for server in servers() {
        let scene = Scene::set(server).await;
        let name = &server.name;
        scene.mallory.batch_execute(OF_MALLORY).await.unwrap();
        for (sql, what) in [
            ("select flip()", "the function public.flip()"),
            ("select * from over_flip", "the function public.beneath() (in the view public.over_flip)"),
            ("select total(a) from t", "the function public.total()"),
            ("select 1::small", "the type public.small"),
            ("select '(1,2)'::pair", "the type public.pair"),
        ] {
            for wanted in [request(sql), estimate(sql)] {
                let why = explain(&scene.victim, &wanted).await.expect_err(sql);
                let expected = format!("{what}: its owner mallory can replace it");
                assert!(why.contains(&expected) && why.contains("OWNER TO"), "{name}: {sql}\n{why}");
            }
            let none = Vec::<String>::new();
            assert_eq!(warned(&scene.victim, &request(sql)).await, none, "{name}: {sql}: full mode");
            let of_mallory = scene.victim.with_user("mallory");
            assert_eq!(explain(&of_mallory, &request(sql)).await, Ok(()), "{name}: {sql}: her own");
        }
        // The owner of the database could do worse.
        let own_it = format!("alter database {} owner to mallory", scene.victim.database);
        scene.admin.batch_execute(&own_it).await.unwrap();
        assert_eq!(explain(&scene.victim, &request("select flip()")).await, Ok(()), "{name}");
        let return_it = format!("alter database {} owner to postgres", scene.victim.database);
        scene.admin.batch_execute(&return_it).await.unwrap();
        scene.admin.batch_execute("alter function flip() owner to postgres").await.unwrap();
        assert_eq!(explain(&scene.victim, &request("select flip()")).await, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn an_extension_of_another_role_proves_nothing() {
    // Since 13 who may create in a database may create this extension there.
    for server in servers().into_iter().filter(|server| server.major >= 13) {
        let scene = Scene::set(server).await;
        let member = "create extension pg_trgm; create function joined() returns int language sql as 'select 1';
            alter extension pg_trgm add function joined()";
        scene.mallory.batch_execute(member).await.unwrap();
        let why = explain(&scene.victim, &request("select joined()")).await.unwrap_err();
        assert!(why.contains("mallory can replace it"), "{why}");
        assert_eq!(explain(&scene.victim, &request("select similarity(b, 'x') from t")).await, Ok(()));
    }
}

#[tokio::test]
async fn a_view_that_is_replaced_all_the_time_never_runs_what_was_not_judged() {
    for server in ends() {
        let scene = Scene::set(server).await;
        let harmless = "create or replace view rv as select 1 as e";
        scene.mallory.batch_execute(&format!("{harmless}; grant select on rv to public")).await.unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let flipping = {
            let (client, is_over) = (open(&scene.victim.with_user("mallory")).await, Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    client.batch_execute("create or replace view rv as select evil() as e").await.unwrap();
                    client.batch_execute(harmless).await.unwrap();
                }
            })
        };
        for _ in 0..60 {
            drop(explain(&scene.victim, &request("select * from rv")).await);
            assert!(!scene.was_hit());
        }
        is_over.store(true, Ordering::Relaxed);
        flipping.await.unwrap();
    }
}
