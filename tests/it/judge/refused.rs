//! What no read-only session may run, whoever wrote it, and what reads only and must pass.

use super::{Scene, estimate, explain, request};
use crate::support::pooler::Pooler;
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
    ("declare c cursor for select pg_reload_conf()", "pg_reload_conf()"),
    ("declare c no scroll cursor with hold for select * from t for update", "FOR UPDATE"),
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
    ("select as_postgres()", "it sets role while it runs"),
    ("select for_app()", "it sets app.tenant while it runs"),
    ("select * from fdw_view", "the foreign table public.far (in the view public.fdw_view)"),
    ("select dblink_get_connections()", "dblink_get_connections()"),
    ("select dblink_exec('', 'select 1')", "dblink_exec"),
    ("select postgres_fdw_handler()", "postgres_fdw_handler()"),
    ("import foreign schema public from server elsewhere into public", "IMPORT has no plan"),
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
    "select * from pg_settings limit 3",
    "select name, setting from pg_catalog.pg_settings where name = 'work_mem'",
    "select * from ruled",
    "declare c cursor for select * from t",
    "DECLARE \"_django_curs_1_sync_1\" NO SCROLL CURSOR WITH HOLD FOR SELECT a FROM t",
    "select with_memory(), in_utc()",
    "select pg_size_pretty(pg_total_relation_size('t')), pg_relation_size('t'), pg_table_size('t'), pg_indexes_size('t')",
    "select \"GRÖSSE\", GRÖSSE, größe, Länge from maße as GRÖSSTE",
    "values (1), (2)",
];

const SETUP: &str = "
    create extension postgres_fdw; create extension dblink; create extension tablefunc; create extension pg_trgm; create extension isn;
    create extension unaccent; create extension citext; create extension hstore; create extension tsm_system_rows;
    create server elsewhere foreign data wrapper postgres_fdw;
    create foreign table far (a int) server elsewhere;
    create view through as select * from far;
    create view fdw_view as select a from far where a > 0;
    grant select on fdw_view to public;
    create view ruled as select a from t;
    create rule on_update as on update to ruled do instead select evil_i(1);
    grant all on ruled to public;
    create function with_memory() returns int language sql stable set work_mem = '8MB' set enable_seqscan = off as 'select 1';
    create function in_utc() returns text language sql stable set timezone = 'UTC' set datestyle = 'iso' as 'select now()::text';
    create function as_postgres() returns int language sql stable set role = postgres as 'select 1';
    create function for_app() returns int language sql stable set app.tenant = '1' as 'select 1';
    create table maße (\"GRÖSSE\" int, \"grÖsse\" int, größe int, länge int);
    grant select on maße to public;
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
        let pooler = Pooler::start(server);
        let through = pooler.as_ref().map(|pooler| pooler.login(&superuser));
        for login in std::iter::once(&superuser).chain(&through) {
            for (sql, expected) in REFUSED {
                let why = explain(login, &request(sql)).await.expect_err(sql);
                assert!(why.contains(expected) && !why.contains("--write"), "{}: {sql}\n{why}", server.name);
            }
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
        // `1_000` is a number since 16; 15 refuses it itself.
        if server.major != 15 {
            assert_eq!(explain(&scene.victim, &request("select 1_000")).await, Ok(()), "{}", server.name);
        }
        let why = explain(&scene.victim, &estimate("update ruled set a = 1")).await.unwrap_err();
        assert!(why.contains("evil_i()") && !scene.was_hit(), "{}: {why}", server.name);
        // A write is planned, with its defaults and triggers.
        for sql in ["insert into numbered (kind) values ('a')", "delete from numbered where n = 1"] {
            let superuser = scene.victim.with_user("postgres");
            assert_eq!(explain(&superuser, &estimate(sql)).await, Ok(()), "{}: {sql}", server.name);
        }
    }
}

/// What the extensions that Django projects use are asked, each with the extensions it needs.
const OF_EXTENSIONS: &[(&str, &[&str])] = &[
    ("pg_trgm", &["select similarity(b, 'x'), b <-> 'x' from t where b % 'x' order by word_similarity('x', b)"]),
    ("citext", &["select b::citext = 'X', max(b::citext) from t group by b"]),
    ("hstore", &["select hstore('a', b) -> 'a', hstore('a', b) @> 'a=>x' from t"]),
    ("unaccent", &["select unaccent(b) from t where unaccent(b) like unaccent('x%')"]),
    ("btree_gin", &["select 1 from with_gin where a = 1"]),
    ("btree_gist", &["select a <-> 3 from t order by a <-> 3", "select 1 from with_gist where a = 1"]),
    (
        "intarray",
        &["select array[1, 2] & array[2], icount(array[1]), sort(array[2, 1]) from t where array[1] @@ '1'::query_int"],
    ),
    (
        "pgcrypto",
        &[
            "select digest(b, 'sha256'), encode(hmac(b, 'k', 'md5'), 'hex'), crypt(b, gen_salt('bf', 4)) from t limit 1",
            "select public.gen_random_uuid(), gen_random_bytes(4)",
        ],
    ),
    ("uuid-ossp", &["select uuid_generate_v4(), uuid_generate_v1mc(), uuid_generate_v5(uuid_ns_url(), b) from t"]),
    ("fuzzystrmatch", &["select levenshtein(b, 'x'), soundex(b), metaphone(b, 4), dmetaphone(b) from t"]),
    ("ltree", &["select 'a.b'::ltree <@ 'a', nlevel('a.b'::ltree), 'a.b'::ltree ~ '*.b' from t"]),
    ("vector", &["select '[1,2]'::vector <-> '[2,3]', avg('[1,2]'::vector) from t"]),
    (
        "postgis",
        &[
            "select id, place::bytea, ST_AsGeoJSON(place), ST_AsText(place), ST_AsGML(place), ST_AsKML(place) from shop",
            "select id from shop where ST_DWithin(place, ST_GeomFromEWKB('\\x0101000020e610000000000000000000000000000000000000'::bytea), 1)",
            "select id from shop where place && ST_MakeEnvelope(0, 0, 2, 2, 4326) and ST_Intersects(place, ST_Buffer(ST_Point(1, 1, 4326), 1))",
            "select ST_DistanceSphere(place, place), ST_Distance(around, around), ST_Area(ST_Transform(place, 3857)) from shop",
            "select ST_Union(place), ST_Collect(place), ST_Extent(place)::box2d, ST_MakeLine(place) from shop",
            "select ST_Length(around), around::geometry, ST_Contains(place, place), ST_Within(place, place), place ~ place, place @ place from shop",
            "select ST_SRID(place), ST_X(place), ST_IsValid(place), ST_Centroid(place), ST_Azimuth(place, place), ST_Scale(place, 1, 1) from shop",
            "select * from geometry_columns limit 1",
        ],
    ),
];

#[tokio::test]
async fn what_extensions_of_django_projects_compute_is_explained() {
    for server in servers() {
        let scene = Scene::set(server).await;
        let mut missing = Vec::new();
        for (extension, statements) in OF_EXTENSIONS {
            if scene.admin.batch_execute(&format!("create extension \"{extension}\"")).await.is_err() {
                missing.push(*extension);
                continue;
            }
            let made = match *extension {
                "btree_gin" => "create table with_gin (a int); create index on with_gin using gin (a)",
                "btree_gist" => "create table with_gist (a int, exclude using gist (a with =))",
                "postgis" => {
                    "create table shop (id int, place geometry(Point, 4326), around geography(Point, 4326));
                     create index on shop using gist (place); create index on shop using gist (around);
                     insert into shop values (1, ST_Point(1, 1, 4326), ST_Point(1, 1, 4326))"
                }
                _ => "",
            };
            scene.admin.batch_execute(made).await.unwrap();
            scene.admin.batch_execute("grant select on all tables in schema public to public").await.unwrap();
            for sql in *statements {
                for wanted in [request(sql), estimate(sql)] {
                    assert_eq!(explain(&scene.victim, &wanted).await, Ok(()), "{}: {extension}: {sql}", server.name);
                }
            }
            if *extension == "postgis" {
                geo_is_not_a_way_in(&scene).await;
            }
        }
        let usual = ["vector", "postgis", "uuid-ossp", "pgcrypto"];
        assert!(missing.iter().all(|extension| usual.contains(extension)), "{}: {missing:?}", server.name);
    }
}

/// `PostGIS` runs SQL of its own, whose operators are looked up on the role's path.
async fn geo_is_not_a_way_in(scene: &Scene) {
    let sql = "select ST_AsGeoJSON(ST_Point(1, 1, 3857), 9, 2)";
    assert_eq!(explain(&scene.victim, &request(sql)).await, Ok(()));
    scene
        .mallory
        .batch_execute(
            "create function joined(varchar, text) returns text language plpgsql as 'begin perform public.pwn(); return $1; end';
             create operator || (leftarg = varchar, rightarg = text, function = joined)",
        )
        .await
        .unwrap();
    let client = crate::support::open(&scene.victim).await;
    drop(client.batch_execute(sql).await);
    assert!(scene.was_hit(), "this attack does not bite");
    let why = explain(&scene.victim, &request(sql)).await.unwrap_err();
    assert!(why.contains("public.joined()") && !scene.was_hit(), "{why}");
    for acting in ["select ST_FromFlatGeobufToTable('public', 'x', '')", "select ST_EstimatedExtent('shop', 'place')"] {
        let why = explain(&scene.victim.with_user("postgres"), &request(acting)).await.unwrap_err();
        assert!(why.contains("may do more than read"), "{why}");
    }
}
