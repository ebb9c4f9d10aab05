//! What no read-only session may run, whoever wrote it, and what reads only and must pass.

use super::{Scene, estimate, explain, request};
use crate::support::servers;

/// Statements that are refused with ANALYZE, with a word of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("select * from t for update", "FOR UPDATE"),
    ("select * from t for no key update", "FOR UPDATE"),
    ("select * from t for key share", "FOR UPDATE"),
    ("delete from t", "DELETE"),
    ("with x as (delete from t returning *) select * from x", "DELETE"),
    ("insert into t values (1)", "INSERT"),
    ("select a into u from t", "INTO"),
    ("create table u as select 1", "CREATE"),
    ("create materialized view u as select 1", "CREATE"),
    ("call evil()", "CALL has no plan"),
    ("do $$ begin perform 1; end $$", "DO has no plan"),
    ("copy t to program 'id'", "COPY has no plan"),
    ("select 1; select pg_reload_conf()", "2 statements"),
    ("select 1 /* ; */; -- ;\n drop table t", "2 statements"),
    ("execute other", "EXECUTE"),
    ("declare c cursor for select 1", "DECLARE"),
    ("select lo_create(4711)", "lo_create()"),
    ("select lo_import('/etc/passwd')", "lo_import()"),
    ("select lo_from_bytea(0, 'x')", "lo_from_bytea()"),
    ("select pg_terminate_backend(1)", "pg_terminate_backend()"),
    ("select pg_catalog.\"pg_cancel_backend\" (1)", "pg_cancel_backend()"),
    (r#"select U&"pg\005fterminate_backend"(1)"#, "pg_terminate_backend()"),
    ("select 1 where pg_reload_conf()", "pg_reload_conf()"),
    ("select set_config('transaction_read_only', 'off', true)", "set_config()"),
    ("select nextval('x')", "nextval()"),
    ("select pg_notify('a', 'b')", "pg_notify()"),
    ("select pg_advisory_lock(1)", "pg_advisory_lock()"),
    ("select pg_stat_reset()", "pg_stat_reset()"),
    ("select pg_read_file('PG_VERSION')", "pg_read_file()"),
    ("select pg_ls_dir('.')", "pg_ls_dir()"),
    ("select txid_current()", "txid_current()"),
    ("select database_to_xml(true, true, '')", "database_to_xml()"),
    ("select * from far", "the foreign table public.far"),
    ("select * from through", "the foreign table public.far (in the view public.through)"),
    ("select crosstab('select 1, 2, 3')", "crosstab()"),
    ("select * from dblink('', 'select 1') as x(a int)", "dblink"),
    ("select set_limit(0.1)", "set_limit()"),
    ("select isn_weak(true)", "isn_weak()"),
    ("select E'a' -- c\n '\\' || pg_reload_conf()::text --'", "--read-only forbids it"),
    ("select U&\"d!0061t\" uescape '!' from t", "pgdj cannot parse"),
];

/// Statements that only read, some of them close to what is refused.
const HARMLESS: &[&str] = &[
    "select 'pg_terminate_backend(1)', $$ lo_create(1) $$ -- pg_reload_conf()",
    "select a as \"nextval\" from t /* for update */",
    "select random(), clock_timestamp(), now(), gen_random_text(3), current_user from t",
    "select * from t where b like 'x%' and b similar to 'x' and a between 1 and 3 and a is distinct from 2",
    "select count(*), string_agg(b, ',' order by a), percentile_cont(0.5) within group (order by a) from t",
    "select * from pg_stat_activity limit 3",
    "select c.relname from pg_catalog.pg_class as c where c.relkind = 'r' limit 3",
    "select * from information_schema.columns limit 1",
    "select * from t tablesample bernoulli (10)",
    "select * from t tablesample system_rows (3)",
    "select b % 'x', similarity(b, 'x'), unaccent(b), b::citext = 'X', 'a=>1'::hstore -> 'a' from t",
    "select * from numbered where n = 3 and kind = 'a'",
    "select plus_one(a), f_unaccent(b) from t",
    "select * from short where e = 'abc'",
    "select 1 from generate_series(1, 3) as g",
    "select in_no_schema(), in_pg_catalog()",
    "select row_number() over (order by a) from t",
    "select xmlelement(name x, b), (xpath('/a', '<a/>'))[1] from t",
    "table t",
    "values (1), (2)",
];

const SETUP: &str = "
    create extension postgres_fdw; create extension dblink; create extension tablefunc; create extension pg_trgm; create extension isn;
    create extension unaccent; create extension citext; create extension hstore; create extension tsm_system_rows;
    create server elsewhere foreign data wrapper postgres_fdw;
    create foreign table far (a int) server elsewhere;
    create view through as select * from far;
    grant select on far, through to public;
    create type kind as enum ('a', 'b');
    create domain text_of_three as text check (length(value) = 3 and value ~ '^[a-z]+$');
    create table numbered (n serial primary key, kind kind default 'a', check (n > 0));
    create index on numbered ((n * 2)) where n > 3;
    create table short (e text_of_three);
    grant select on numbered, short to public;
    create function plus_one(int) returns int language sql immutable as 'select $1 + 1';
    create function f_unaccent(text) returns text language sql immutable as 'select public.unaccent(''public.unaccent'', $1)';
    create function gen_random_text(int) returns text language sql volatile as 'select repeat(random()::text, $1)';
    create function in_no_schema() returns text language sql set search_path = '' as 'select pg_catalog.lower(''X'')';
    create function in_pg_catalog() returns text language sql set search_path = pg_catalog, pg_temp as 'select lower(''X'')';
    create function on_write() returns trigger language plpgsql as 'begin return new; end';
    create trigger on_write before insert on numbered for each row execute function on_write();";

#[tokio::test]
async fn what_does_more_than_read_is_refused_by_name() {
    for server in servers() {
        let scene = Scene::set(server).await;
        scene.admin.batch_execute(SETUP).await.unwrap();
        let superuser = scene.victim.with_user("postgres");
        for (sql, expected) in REFUSED {
            let why = explain(&superuser, &request(sql)).await.expect_err(sql);
            assert!(why.contains(expected) && !why.contains("--write"), "{}: {sql}\n{why}", server.name);
        }
        // Where there is such a function.
        let slots = explain(&superuser, &request("select pg_stat_reset_replication_slot('x')")).await.unwrap_err();
        assert!(slots.contains("pg_stat_reset_replication_slot"), "{}: {slots}", server.name);
    }
}

#[tokio::test]
async fn what_only_reads_is_explained() {
    for server in servers() {
        let scene = Scene::set(server).await;
        scene.admin.batch_execute(SETUP).await.unwrap();
        for sql in HARMLESS {
            assert_eq!(explain(&scene.victim, &request(sql)).await, Ok(()), "{}: {sql}", server.name);
        }
        // A write is planned, with its defaults and triggers.
        for sql in ["insert into numbered (kind) values ('a')", "delete from numbered where n = 1"] {
            let superuser = scene.victim.with_user("postgres");
            assert_eq!(explain(&superuser, &estimate(sql)).await, Ok(()), "{}: {sql}", server.name);
        }
    }
}
