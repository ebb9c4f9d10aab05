//! Attacks that run code of another user, each shown to bite without the judge.

use std::sync::Arc;

use super::{Scene, estimate, explain, request, runner, version, warned};
use crate::support::pooler::Pooler;
use crate::support::{Login, open, servers};
use pgdj::failure::FailureKind;
use pgdj::pg::control::Mode;
use pgdj::pg::explain::{Agreed, ExplainProgress, ExplainRequest};
use pgdj::pg::session::cancel_queue;
use pgdj::pg::verify::{Allowed, Verifier};

/// When mallory's code runs, without the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bites {
    /// With a plain EXPLAIN already.
    Planned,
    /// With EXPLAIN ANALYZE.
    Executed,
    /// Only for who is no superuser.
    ExecutedByOthers,
}

use Bites::{Executed, ExecutedByOthers, Planned};

/// The first major that has it, what mallory prepares, what the victim is lured to explain, and when it bites.
type Attack = (i64, &'static str, &'static str, Bites);

const ATTACKS: &[Attack] = &[
    (12, "", "select evil()", Executed),
    (12, "", "select * from t limit evil()", Executed),
    (12, "", "select * from t order by evil()", Executed),
    (12, "", "select * from public . evil /* ( */ () as x", Executed),
    (12, "", "select sum(a) over (order by a rows between evil() preceding and current row) from t", Executed),
    (12, "", "select count(*) filter (where evil_b(a)) from t", Executed),
    (12, "", "with x as (select evil() as e) select e from x", Executed),
    (12, "", r#"select U&"e\0076il"()"#, Executed),
    (12, "", "select 1 from t where a = evil_i(1)", Planned),
    (12, "", "select 1 from t where a > evil_s(1)", Planned),
    (12, "", "select query_to_xml('select evil()', true, true, '')", Executed),
    (12, "", "select * from ts_stat('select evil()::text::tsvector')", Executed),
    (12, "", "select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, evil()::text::tsquery')", Executed),
    // views
    (
        12,
        "create view inner_view as select a, evil() as e from t; create view outer_view as select * from inner_view;
         grant select on inner_view, outer_view to public",
        "select * from outer_view",
        Executed,
    ),
    (12, "", "select table_to_xml('outer_view', true, true, '')", Executed),
    (12, "", "select schema_to_xml('public', true, true, '')", Executed),
    (
        12,
        r#"create view bytes as select 1 as "[", evil() as "]" from t; grant select on bytes to public"#,
        "select * from bytes",
        Executed,
    ),
    (
        12,
        r#"create view fields as select 1 as ":funcid", 2 as "}", 3 as "\", evil() as e from t; grant select on fields to public"#,
        "select * from fields",
        Executed,
    ),
    (
        12,
        "create view with_limit as select a from t limit evil(); grant select on with_limit to public",
        "select count(*) from with_limit",
        Executed,
    ),
    (
        12,
        "create view with_frame as select sum(a) over (rows between evil() preceding and current row) as s from t; grant select on with_frame to public",
        "select * from with_frame",
        Executed,
    ),
    // functions
    (12, "create function field(t) returns int language plpgsql as 'begin return public.pwn(); end'", "select (t).field from t", Executed),
    (12, "", "select t.field from t", Executed),
    (12, "", r#"select x."field" from t as x"#, Executed),
    (12, "create function inlined(int) returns int language sql stable as 'select evil_i($1)'", "select inlined(1)", Planned),
    (12, "create function sneaky() returns int language sql immutable as 'select evil()'", "select sneaky()", Planned),
    (12, "create function in_two(int) returns int language sql stable as 'select inlined($1)'", "select in_two(1)", Planned),
    (14, "create function body(int) returns int language sql stable begin atomic select evil_i($1); end", "select body(1)", Planned),
    (12, "create function default_arg(a int default evil()) returns int language sql volatile as 'select $1'", "select default_arg()", Executed),
    (12, "create function rows_of() returns setof int language sql stable as 'select a from inner_view'", "select count(*) from rows_of()", Executed),
    (
        12,
        "set check_function_bodies = off; create schema inside; grant usage on schema inside to public;
         create function inside.lower(text) returns text language plpgsql as 'begin perform public.pwn(); return $1; end';
         create function inside.second() returns text language sql as 'select lower(''X'')';
         create function first_of() returns text language sql set search_path = inside, pg_catalog as 'select second()'",
        "select first_of()",
        Executed,
    ),
    (
        12,
        r#"set check_function_bodies = off; create schema "all"; grant usage on schema "all" to public;
         create function "all".lower(text) returns text language plpgsql as 'begin perform public.pwn(); return $1; end';
         select set_config('search_path', 'all, pg_catalog', false);
         create function public.shout() returns text language sql set search_path from current as 'select lower(''X'')';
         set search_path = public"#,
        "select shout()",
        Executed,
    ),
    (
        12,
        r#"create schema "x.y"; grant usage on schema "x.y" to public;
         create function "x.y".lower(text) returns text language plpgsql as 'begin perform public.pwn(); return $1; end';
         select set_config('search_path', 'x.y, pg_catalog', false);
         create function public.dotted() returns text language sql set search_path from current as 'select lower(''X'')';
         set search_path = public"#,
        "select dotted()",
        Executed,
    ),
    (
        12,
        r#"create schema "a+b"; grant usage on schema "a+b" to public;
         create function "a+b".lower(text) returns text language plpgsql as 'begin perform public.pwn(); return $1; end';
         select set_config('search_path', 'a+b, pg_catalog', false);
         create function public.added() returns text language sql set search_path from current as 'select lower(''X'')';
         set search_path = public"#,
        "select added()",
        Executed,
    ),
    // operators, aggregates
    (
        12,
        "create operator === (leftarg = text, rightarg = text, function = pwn_op, restrict = eqsel);
         create operator !== (leftarg = text, rightarg = text, function = textne, negator = ===)",
        "select 1 from t where b === 'x'",
        Planned,
    ),
    (12, "", "select 1 from t where b operator(public.===) 'x'", Planned),
    (12, "", "select 1 from t where not b !== 'x'", Planned),
    (12, "create operator public.~~ (leftarg = name, rightarg = name, function = name_like)", "select 1 from pg_class where relname like relname", Executed),
    (12, "create aggregate evil_sum(int) (sfunc = evil_step, stype = int)", "select evil_sum(a) from t", Executed),
    (12, "create aggregate evil_final(int) (sfunc = int4pl, stype = int, finalfunc = evil_i, initcond = '0')", "select evil_final(a) from t", Executed),
    // types
    (
        12,
        "create type boxed as (a int); create function unboxed(boxed) returns int language plpgsql as 'begin return public.pwn(); end';
         create cast (boxed as int) with function unboxed(boxed) as implicit;
         create table boxes (c boxed); insert into boxes values (row(1)); grant select on boxes to public",
        "select c::int from boxes",
        Executed,
    ),
    (12, "", "select abs(c) from boxes", Executed),
    (12, "", "select row(1)::boxed::int", Executed),
    (
        12,
        "create domain checked as int check (evil_b(value)); create type composed as (a checked);
         create table literals (a int, d checked[], c composed); grant select on literals to public",
        r#"select * from json_to_record('{"a": 1}') as x(a checked)"#,
        Executed,
    ),
    (12, "", "select 1::checked", Executed),
    (12, "", "select '(1)'::composed", Planned),
    (12, "", "select 1 from literals where d = '{1}'", Planned),
    (12, "", "select json_populate_record(null::composed, '{\"a\": 1}')", Executed),
    (12, "", "select json_populate_record(l, '{\"c\": {\"a\": 1}}') from (select (null::literals).*) as l", Executed),
    (12, "create view hidden as select null::checked[] as h; grant select on hidden to public", "select 1 from hidden where h = '{1}'", Planned),
    (12, "create function gives() returns checked[] language sql as 'select null::checked[]'", "select 1 where gives() = '{1}'", Planned),
    (16, "", "select pg_input_is_valid('1', 'checked')", Executed),
    // Input functions that are given the type by number.
    (12, "", "select domain_in('1', 'checked'::regtype, -1) is null", Executed),
    (12, "", "select 1 from pg_class where reltuples > (domain_in('1', 'checked'::regtype, -1) is null)::int", Planned),
    (12, "", "select array_in('{1}', (select oid from pg_type where typname = 'checked'), -1)::text", Executed),
    (12, "", "select record_in('(1)', 'composed'::regtype, -1)::text", Executed),
    (12, "create type ranged as range (subtype = checked)", "select range_in('[1,2]', 'ranged'::regtype, -1)::text", Executed),
    (14, "", "select multirange_in('{[1,2]}', (select rngmultitypid from pg_range where rngtypid = 'ranged'::regtype), -1)::text", Executed),
    (
        12,
        "create view given as select domain_in('1', oid, -1) is null as g from pg_type where typname = 'checked'; grant select on given to public",
        "select * from given",
        Executed,
    ),
    // tables
    (
        12,
        "create table policed (a int); alter table policed enable row level security;
         create policy p on policed using (evil_b(a)); insert into policed values (1); grant select on policed to public",
        "select * from policed",
        ExecutedByOthers,
    ),
    (
        12,
        "create table indexed (a int); create index on indexed ((a + evil_i(1))); grant select on indexed to public",
        "select * from indexed where a = 1",
        Planned,
    ),
    (
        12,
        "create table parent (a int); create table child (check (evil_b(1))) inherits (parent); grant select on parent to public",
        "select * from parent where a = 1",
        Planned,
    ),
    (
        12,
        "create table parts (a int) partition by range ((a + evil_i(1)));
         create table part_1 partition of parts for values from (1) to (100); grant select on parts to public",
        "select * from parts where a = 1",
        Planned,
    ),
    (
        18,
        "create table virtual (a int); insert into virtual values (1); grant select on virtual to public",
        "select * from virtual, evil()",
        Executed,
    ),
];

/// Functions that attacks above put behind operators and aggregates.
const BEHIND: &str = "
    create function pwn_op(text, text) returns bool language plpgsql volatile as 'begin return public.pwn() = 1; end';
    create function name_like(name, name) returns bool language plpgsql volatile as 'begin return public.pwn() = 1; end';
    create function evil_step(int, int) returns int language plpgsql immutable as 'begin return public.pwn(); end';";

/// Shows that the attack bites, without pgdj.
async fn check_bite(scene: &Scene, login: &Login, (sql, bites): (&str, Bites)) -> bool {
    let client = open(login).await;
    let analyze = if bites == Planned { "" } else { "(analyze)" };
    drop(client.batch_execute(&format!("begin read only; explain {analyze} {sql}; rollback")).await);
    scene.was_hit()
}

/// How much is tried with each attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// It is run, planned, asked about, and in full mode too.
    All,
    /// It is run in read-only mode.
    Run,
}

async fn check_all(scene: &Scene, login: &Login, (name, tried): (&str, Tried)) {
    let major = version(&scene.admin).await;
    for (since, prepared, sql, bites) in ATTACKS {
        if *since > major {
            continue;
        }
        if !prepared.is_empty() {
            // A second way in finds it prepared.
            drop(scene.mallory.batch_execute(prepared).await);
            scene.was_hit();
        }
        let is_spared = *bites == ExecutedByOthers && login.user == "postgres";
        assert!(check_bite(scene, login, (sql, *bites)).await || is_spared, "{name}: this attack does not bite: {sql}");
        let run = explain(login, &request(sql)).await;
        assert!(!scene.was_hit(), "{name}: ran with ANALYZE: {sql}");
        let why = run.expect_err(sql);
        let is_judged =
            why.contains("may do more than read") && why.contains("--read-only forbids it") && !why.contains("--write");
        assert!(is_judged, "{name}: {sql}\n{why}");
        if tried == Tried::Run {
            continue;
        }
        let planned = explain(login, &estimate(sql)).await;
        assert!(!scene.was_hit(), "{name}: ran without ANALYZE: {sql}");
        assert!(*bites != Planned || planned.is_err(), "{name}: planned: {sql}");
        drop(runner(login, Mode::ReadOnly).choices(&format!("{sql} /* */")).await);
        assert!(!scene.was_hit(), "{name}: ran when its parameters were asked for: {sql}");
        check_question(scene, login, (name, sql, *bites)).await;
    }
}

/// In full mode, nothing runs before a person has agreed to what is named.
async fn check_question(scene: &Scene, login: &Login, (name, sql, bites): (&str, &str, Bites)) {
    let full = runner(login, Mode::Full);
    for wanted in [request(sql), estimate(sql)] {
        let asked = ExplainRequest { agreed: Agreed::To(Vec::new()), ..wanted.clone() };
        let answer = full.run(&asked, |_| {}, std::future::pending()).await;
        assert!(!scene.was_hit(), "{name}: ran before anybody agreed: {sql}");
        let is_asked = matches!(&answer, Err(failure) if failure.kind == FailureKind::NotAgreed);
        assert!(is_asked || bites != Planned && !wanted.options.analyze, "{name}: not asked: {sql}");
    }
    let with_parameter = format!("select * from ({sql}) as x (v) where $1 is null");
    drop(full.choices(&with_parameter).await);
    assert!(!scene.was_hit(), "{name}: ran when its parameters were asked for in full mode: {sql}");
    let verifier = Verifier::new(Arc::new(login.clone()), Mode::Full, cancel_queue().0);
    let pasted = ExplainRequest { agreed: Agreed::To(Vec::new()), ..estimate(sql) };
    drop(verifier.verify(&pasted, &[Vec::new()], Allowed::Reading).await);
    assert!(!scene.was_hit(), "{name}: ran for an advice about a pasted plan: {sql}");
}

#[tokio::test]
async fn nothing_of_another_user_runs_in_read_only_mode() {
    for server in servers() {
        let scene = Scene::set(server).await;
        scene.mallory.batch_execute(BEHIND).await.unwrap();
        check_all(&scene, &scene.victim, (&server.name, Tried::All)).await;
    }
}

#[tokio::test]
async fn nothing_of_another_user_runs_behind_a_pooler() {
    // Everything on the machine's own server; on the others that PgBouncer changes nothing.
    for (at, server) in servers().into_iter().enumerate() {
        let Some(pooler) = Pooler::start(server) else { return };
        let scene = Scene::set(server).await;
        scene.mallory.batch_execute(BEHIND).await.unwrap();
        let tried = if at == 0 { Tried::All } else { Tried::Run };
        let name = format!("{} pooled", server.name);
        check_all(&scene, &pooler.login(&scene.victim.with_user("postgres")), (&name, tried)).await;
    }
}

#[tokio::test]
async fn in_full_mode_a_person_is_warned_by_name_before_it_runs() {
    for server in servers() {
        let scene = Scene::set(server).await;
        let name = &server.name;
        scene.mallory.batch_execute("create view v as select evil() as e; grant select on v to public").await.unwrap();
        let warnings = warned(&scene.victim, &request("select * from v")).await;
        let first = warnings.first().map(String::as_str).unwrap_or_default();
        assert!(
            first.contains("public.evil() (in the view public.v)") && first.contains("plpgsql"),
            "{name}: {warnings:?}"
        );
        assert!(scene.was_hit(), "{name}: it ran, as a person wished");
        assert_eq!(
            warned(&scene.victim, &request("select * from t where a = 1")).await,
            Vec::<String>::new(),
            "{name}"
        );
        for sql in ["select * from t where a = evil_i(1)", "select 1 from t where '(1)'::composed is null"] {
            scene.mallory.batch_execute(COMPOSED).await.unwrap_or_default();
            scene.was_hit();
            let warnings = warned(&scene.victim, &estimate(sql)).await;
            assert!(warnings.iter().any(|warning| warning.contains("public.evil_")), "{name}: {warnings:?}");
            assert!(scene.was_hit(), "{name}: it was planned, as a person wished: {sql}");
        }
    }
}

const COMPOSED: &str = "create domain checked as int check (evil_b(value)); create type composed as (a checked)";

#[tokio::test]
async fn the_warning_comes_before_anything_is_parsed_or_planned() {
    for server in servers() {
        let scene = Scene::set(server).await;
        scene.mallory.batch_execute(COMPOSED).await.unwrap();
        scene.was_hit();
        for (sql, what) in [
            ("select * from t where a = evil_i(1)", "the function public.evil_i()"),
            (
                "select 1 from t where '(1)'::composed is null",
                "the function public.evil_b() (in the type public.checked)",
            ),
        ] {
            let seen = std::sync::Mutex::new(Vec::new());
            let told = |progress: ExplainProgress| {
                let is_early = !scene.evidence.exists();
                seen.lock().unwrap().extend(progress.warnings.into_iter().map(|warning| (warning, is_early)));
            };
            drop(runner(&scene.victim, Mode::Full).run(&estimate(sql), told, std::future::pending()).await);
            let seen = seen.into_inner().unwrap();
            let is_named = |(warning, is_early): &(String, bool)| warning.contains(what) && *is_early;
            assert!(seen.iter().any(is_named), "{}: {sql}: {seen:?}", server.name);
            assert!(scene.was_hit(), "{}: it was planned: {sql}", server.name);
        }
    }
}

#[tokio::test]
async fn what_a_person_agreed_to_is_planned_and_nothing_else() {
    for server in servers() {
        let scene = Scene::set(server).await;
        let name = &server.name;
        let full = runner(&scene.victim, Mode::Full);
        let sql = "select * from t where a = evil_i(1)";
        let asked = ExplainRequest { agreed: Agreed::To(Vec::new()), ..estimate(sql) };
        let failure = full.run(&asked, |_| {}, std::future::pending()).await.unwrap_err();
        assert_eq!(failure.because.len(), 1, "{name}: {failure}");
        let agreed = Agreed::To(failure.because.clone());
        let answer =
            full.run(&ExplainRequest { agreed: agreed.clone(), ..asked }, |_| {}, std::future::pending()).await;
        assert!(answer.is_ok() && scene.was_hit(), "{name}: {answer:?}");
        let more = ExplainRequest { agreed, ..estimate("select * from t where a = evil_i(1) and evil_b(a)") };
        let failure = full.run(&more, |_| {}, std::future::pending()).await.unwrap_err();
        assert!(failure.kind == FailureKind::NotAgreed && !scene.was_hit(), "{name}: {failure}");
        assert!(failure.because.iter().any(|why| why.contains("public.evil_b()")), "{name}: {failure}");
    }
}

#[tokio::test]
async fn a_path_of_another_s_is_judged_as_it_is() {
    for server in servers() {
        let scene = Scene::set(server).await;
        let name = &server.name;
        scene
            .mallory
            .batch_execute(
                "create schema trap; grant usage on schema trap to public;
                 create function trap.lower(text) returns text language plpgsql as 'begin perform public.pwn(); return $1; end'",
            )
            .await
            .unwrap();
        let sql = "select lower(b) from t";
        assert_eq!(explain(&scene.victim, &request(sql)).await, Ok(()), "{name}: it is not on the path");
        let set = format!(
            "alter role victim in database {} set search_path = trap, pg_catalog, public",
            scene.victim.database
        );
        scene.admin.batch_execute(&set).await.unwrap();
        assert!(check_bite(&scene, &scene.victim, (sql, Executed)).await, "{name}");
        let why = explain(&scene.victim, &request(sql)).await.unwrap_err();
        assert!(why.contains("trap.lower()") && !scene.was_hit(), "{name}: {why}");
        let why = explain(&scene.victim, &request("select trap.lower('x')")).await.unwrap_err();
        assert!(why.contains("trap.lower()") && !scene.was_hit(), "{name}: {why}");
        assert_eq!(explain(&scene.victim, &request("select upper(b) from t")).await, Ok(()), "{name}");
    }
}
