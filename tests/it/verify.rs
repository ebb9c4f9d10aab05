//! What an index would do, asked of real servers: with HypoPG and without, behind a pooler, on a sample, and for real.

use std::sync::Arc;

use pgdj::advisor::IndexSpec;
use pgdj::catalog::index::{AccessMethod, Definition, Key};
use pgdj::catalog::parse::expression;
use pgdj::pg::control::Mode;
use pgdj::pg::explain::{Agreed, Consent, ExplainRequest, Options};
use pgdj::pg::session::cancel_queue;
use pgdj::pg::verify::{Allowed, Building, Evidence, PlannerVerdict, Tried, Verified, Verifier};
use pgdj::sample::Seconds;
use tokio_postgres::Client;

use crate::support::pooler::Pooler;
use crate::support::{Login, leave_out, newest, open, own, own_and_newest};

const TABLE: &str = "
    create table item (id bigint primary key, shop_id integer not null, name varchar(40) not null, state text not null,
        tags text[] not null, during tstzrange not null);
    insert into item select g, g % 2000, md5(g::text), case when g % 500 = 0 then 'open' else 'done' end,
        array['t' || g % 700, 't' || g % 900], tstzrange('2025-01-01'::timestamptz + g * interval '1 hour', '2025-01-01'::timestamptz + g * interval '1 hour' + interval '90 minutes')
    from generate_series(1, 40000) as g;
    analyze item";

/// A database with the table, with HypoPG where the server has it.
async fn shop(server: &crate::support::Server) -> Login {
    let login = server.database().await;
    let client = open(&login).await;
    client.batch_execute(TABLE).await.unwrap();
    if has_hypopg(&client).await {
        client.batch_execute("create schema \"Extra\"; create extension hypopg schema \"Extra\"").await.unwrap();
    }
    login
}

async fn has_hypopg(client: &Client) -> bool {
    is(client, "exists (select from pg_available_extensions where name = 'hypopg')").await
}

async fn is(client: &Client, claim: &str) -> bool {
    client.query_one(&format!("select {claim}"), &[]).await.unwrap().get(0)
}

fn index(method: AccessMethod, keys: &[(&str, Option<&str>)], predicate: &str) -> IndexSpec {
    let key = |(text, opclass): &(&str, Option<&str>)| Key {
        opclass: opclass.map(str::to_owned),
        ..Key::plain(expression(text))
    };
    let definition = Definition {
        method,
        keys: keys.iter().map(key).collect(),
        predicate: if predicate.is_empty() { Vec::new() } else { vec![expression(predicate)] },
        ..Definition::default()
    };
    IndexSpec { schema: "public".into(), table: "item".into(), definition }
}

fn btree(key: &str) -> IndexSpec {
    index(AccessMethod::BTree, &[(key, None)], "")
}

fn request(sql: &str, parameters: &[&str]) -> ExplainRequest {
    ExplainRequest {
        sql: sql.to_owned(),
        parameters: parameters.iter().map(|text| Some((*text).to_owned())).collect(),
        guessed: Vec::new(),
        options: Options { analyze: false, ..Options::default() },
        consent: Consent::ReadOnly,
        agreed: Agreed::Anything,
        timeout_ms: 30_000,
    }
}

fn verifier(login: &Login) -> Verifier {
    let (cancel_queue, work) = cancel_queue();
    tokio::spawn(work);
    Verifier::new(Arc::new(login.clone()), Mode::Full, cancel_queue)
}

async fn one(login: &Login, request: &ExplainRequest, set: &[IndexSpec], allowed: Allowed) -> Verified {
    let mut found = verifier(login).verify(request, &[set.to_vec()], allowed).await.unwrap();
    assert_eq!(found.len(), 1);
    found.pop().unwrap()
}

/// The kind of evidence, for a comparison.
fn evidence(verified: &Verified) -> &'static str {
    match verified.evidence {
        Evidence::Hypothetical | Evidence::HypotheticalAlone { .. } => "hypothetical",
        Evidence::Sample { .. } => "sample",
        Evidence::Catalog => "catalog",
    }
}

fn quick() -> Building {
    Building::expecting(Seconds(1.0), false)
}

async fn try_for_real(login: &Login, sql: &str, specs: &[IndexSpec]) -> Tried {
    verifier(login).try_for_real(&request(sql, &[]), specs, quick()).await.unwrap_or_else(|failure| panic!("{failure}"))
}

async fn no_index_is_left(login: &Login) {
    let client = open(login).await;
    assert!(is(&client, "count(*) = 1 from pg_index where indrelid = 'item'::regclass").await);
    assert!(is(&client, "count(*) = 0 from pg_class where relpersistence = 't' and relkind in ('r', 'i')").await);
}

const BY_SHOP: &str = "select * from item where shop_id = 7";

#[tokio::test]
async fn with_hypopg_the_planner_is_asked_and_nothing_is_left() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    if !has_hypopg(&open(&login).await).await {
        leave_out("HypoPG is not on this machine (Debian: apt install postgresql-15-hypopg)");
        return;
    }
    let check = async |sql: &str, set: &[IndexSpec], verdict: PlannerVerdict| {
        let verified = one(&login, &request(sql, &[]), set, Allowed::Reading).await;
        assert_eq!(
            (evidence(&verified), &verified.verdicts),
            ("hypothetical", &vec![verdict; set.len()]),
            "{sql} {:?}",
            verified.notes
        );
        verified
    };
    let verified = check(BY_SHOP, &[btree("shop_id")], PlannerVerdict::Used).await;
    assert!(verified.saving().unwrap() > 0.5, "{:?}", verified.costs());
    check("select * from item where shop_id > 3;", &[btree("shop_id")], PlannerVerdict::NotUsed).await;
    check(
        "select * from item where shop_id = 7 or name = 'x'",
        &[btree("shop_id"), btree("name")],
        PlannerVerdict::Used,
    )
    .await;
    let partial = index(AccessMethod::BTree, &[("shop_id", None)], "(state = 'open'::text)");
    check("select * from item where shop_id = 500 and state = 'open'", &[partial], PlannerVerdict::Used).await;
    let brin = index(AccessMethod::Brin, &[("id", None)], "");
    assert_ne!(check("select * from item where name = 'x'", &[brin], PlannerVerdict::NotUsed).await.before, None);
    let expression =
        check("select * from item where upper(name) = 'X'", &[btree("upper((name)::text)")], PlannerVerdict::Used)
            .await;
    assert!(
        expression.notes.iter().any(|note| note.contains("no statistics of the expression")),
        "{:?}",
        expression.notes
    );
    // A write is planned, never run.
    check("delete from item where shop_id = 7", &[btree("shop_id")], PlannerVerdict::Used).await;
    assert!(is(&open(&login).await, "count(*) = 40000 from item").await);
    // With values and without.
    let by_parameter = "select * from item where shop_id = $1 and state = $2";
    for values in [&[][..], &["7", "done"]] {
        let verified = one(&login, &request(by_parameter, values), &[btree("shop_id")], Allowed::Reading).await;
        assert!(verified.is_used(), "{values:?}: {verified:?}");
    }
    no_index_is_left(&login).await;
}

#[tokio::test]
async fn many_sets_are_tried_one_by_one_and_a_bad_one_takes_no_other_along() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    let sets = [vec![btree("shop_id")], vec![btree("no_such_column")], vec![btree("name")], vec![btree("shop_id")]];
    let found = verifier(&login).verify(&request(BY_SHOP, &[]), &sets, Allowed::Reading).await.unwrap();
    let is_used: Vec<bool> = found.iter().map(Verified::is_used).collect();
    if has_hypopg(&open(&login).await).await {
        assert_eq!(is_used, [true, false, false, true], "{found:?}");
    }
    assert!(
        matches!(found[1].verdicts[0], PlannerVerdict::Unknown(ref why) if why.contains("no_such_column")),
        "{:?}",
        found[1]
    );
}

#[tokio::test]
async fn behind_a_transaction_pooler_no_backend_keeps_a_hypothetical_index() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    let Some(pooler) = Pooler::start(server) else { return };
    let through = pooler.login(&login);
    let has_hypopg = has_hypopg(&open(&login).await).await;
    for sql in [BY_SHOP, "select * from item where shop_id = $1", "select * from nowhere"] {
        let sets = [vec![btree("shop_id")], vec![btree("no_such_column")]];
        let found = verifier(&through).verify(&request(sql, &[]), &sets, Allowed::Reading).await;
        assert_eq!(found.is_ok(), !sql.contains("nowhere"));
        assert!(!has_hypopg || found.is_err() || found.unwrap()[0].is_used());
    }
    if has_hypopg {
        // Two transactions at once are on both backends.
        let clients = [open(&through).await, open(&through).await];
        for client in &clients {
            client.batch_execute("begin").await.unwrap();
            assert!(is(client, "count(*) = 0 from \"Extra\".hypopg_list_indexes").await);
            assert!(is(client, "count(*) = 0 from pg_prepared_statements where name like 'pgdj%'").await);
        }
    }
    no_index_is_left(&login).await;
}

#[tokio::test]
async fn what_hypopg_cannot_do_goes_down_the_ladder_and_says_so() {
    for server in own_and_newest() {
        let login = shop(server).await;
        let by_tag = "select * from item where tags @> array['t7']";
        let gin = index(AccessMethod::Gin, &[("tags", None)], "");
        let gist = index(AccessMethod::Gist, &[("during", None)], "");
        let by_time = "select id from public.item where during && tstzrange('2025-03-01', '2025-03-02')";
        for (sql, spec) in [(by_tag, &gin), (by_time, &gist)] {
            let proved = one(&login, &request(sql, &[]), std::slice::from_ref(spec), Allowed::Reading).await;
            assert_eq!(
                (evidence(&proved), &proved.verdicts[0]),
                ("catalog", &PlannerVerdict::CanServe),
                "{}: {proved:?}",
                server.name
            );
            let sampled = one(&login, &request(sql, &[]), std::slice::from_ref(spec), Allowed::TemporaryTable).await;
            assert_eq!(
                (evidence(&sampled), &sampled.verdicts[0]),
                ("sample", &PlannerVerdict::Used),
                "{}: {sampled:?}",
                server.name
            );
            assert!(sampled.saving().unwrap() > 0.3 && sampled.sizes[0].unwrap().0 > 8192.0, "{:?}", sampled.costs());
        }
        // The catalog says no where no operator class has the operator, or none is there for the type.
        let cannot = async |sql: &str, spec: IndexSpec| {
            let proved = one(&login, &request(sql, &[]), &[spec], Allowed::Reading).await;
            assert!(matches!(proved.verdicts[0], PlannerVerdict::CannotServe(_)), "{}: {proved:?}", server.name);
        };
        cannot("select * from item where name = 'x'", index(AccessMethod::Gin, &[("name", None)], "")).await;
        cannot(
            "select * from item where during && '[2025-03-01,2025-03-02)'",
            index(AccessMethod::Gin, &[("tags", None), ("during", None)], ""),
        )
        .await;
        no_index_is_left(&login).await;
    }
}

#[tokio::test]
async fn without_hypopg_a_sample_serves_for_a_b_tree_too() {
    let Some(server) = newest() else { return };
    let login = shop(server).await;
    if has_hypopg(&open(&login).await).await {
        return;
    }
    let sampled = one(&login, &request(BY_SHOP, &[]), &[btree("shop_id")], Allowed::TemporaryTable).await;
    assert_eq!((evidence(&sampled), sampled.is_used()), ("sample", true), "{sampled:?}");
    assert!(sampled.notes.iter().any(|note| note.contains("HypoPG is not installed")), "{:?}", sampled.notes);
    let proved = one(&login, &request(BY_SHOP, &[]), &[btree("shop_id")], Allowed::Reading).await;
    assert_eq!((evidence(&proved), &proved.verdicts[0]), ("catalog", &PlannerVerdict::CanServe));
    no_index_is_left(&login).await;
}

#[tokio::test]
async fn what_cannot_be_explained_is_a_sentence() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    let check = async |login: &Login, sql: &str, expected: &str| {
        let failure =
            verifier(login).verify(&request(sql, &[]), &[vec![btree("shop_id")]], Allowed::Reading).await.unwrap_err();
        assert!(failure.to_string().contains(expected), "{failure}");
    };
    check(&login, "selec 1", "syntax error").await;
    check(&login, "select 1; drop table item", "the text has 2 statements").await;
    check(&login, "select * from nowhere", "relation \"nowhere\" does not exist").await;
    let stranger = server.role("stranger", "").await;
    check(&login.with_user(&stranger), BY_SHOP, "permission denied for table item").await;
}

#[tokio::test]
async fn a_trial_builds_measures_and_drops() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    let tried = try_for_real(&login, BY_SHOP, &[btree("shop_id")]).await;
    let (before, after) = tried.times().unwrap();
    assert!(tried.is_used == [true] && after.0 < before.0 && tried.build.0 > 0.0, "{tried:?}");
    assert!(tried.sizes[0].0 > 8192.0 * 4.0);
    let upper =
        try_for_real(&login, "select * from item where upper(name) = 'X'", &[btree("upper((name)::text)")]).await;
    assert!(upper.is_used == [true] && upper.notes.iter().any(|note| note.contains("was analyzed")), "{upper:?}");
    // A write is planned, not run.
    let write = try_for_real(&login, "delete from item where shop_id = 7", &[btree("shop_id")]).await;
    assert!(write.is_used == [true] && write.times().is_none());
    assert!(is(&open(&login).await, "count(*) = 40000 from item").await);
    no_index_is_left(&login).await;
}

#[tokio::test]
async fn of_a_table_in_partitions_each_partition_has_its_index() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    let sql = "create table part (id bigint not null, shop_id integer not null) partition by range (id);
        create table part_1 partition of part for values from (0) to (20000);
        create table part_2 partition of part for values from (20000) to (50000) partition by range (id);
        create table part_3 partition of part_2 for values from (20000) to (50000);
        insert into part select g, g % 2000 from generate_series(1, 40000) as g;
        analyze part";
    open(&login).await.batch_execute(sql).await.unwrap();
    let spec = IndexSpec { table: "part".into(), ..btree("shop_id") };
    let sql = "select * from part where shop_id = 7";
    let tried = try_for_real(&login, sql, std::slice::from_ref(&spec)).await;
    assert!(tried.is_used == [true] && tried.sizes[0].0 > 8192.0 * 4.0, "{tried:?}");
    if has_hypopg(&open(&login).await).await {
        let found = verifier(&login).verify(&request(sql, &[]), &[vec![spec]], Allowed::Reading).await.unwrap();
        assert!(found[0].evidence == Evidence::Hypothetical && found[0].is_used(), "{:?}", found[0].verdicts);
    }
    no_index_is_left(&login).await;
}

#[tokio::test]
async fn a_large_index_is_built_while_writes_go_on_and_a_build_has_a_limit() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    let large = Building::expecting(Seconds(60.0), false);
    let tried = verifier(&login).try_for_real(&request(BY_SHOP, &[]), &[btree("shop_id")], large).await.unwrap();
    assert!(
        tried.is_used == [true] && tried.notes.iter().any(|note| note.contains("writes had to continue")),
        "{tried:?}"
    );
    no_index_is_left(&login).await;
    let partitioned = Building::expecting(Seconds(60.0), true);
    assert!(matches!(partitioned, Building::InTransaction { limit } if limit.0 > 60.0), "{partitioned:?}");
    let at_once = Building::InTransaction { limit: Seconds(0.001) };
    let failure =
        verifier(&login).try_for_real(&request(BY_SHOP, &[]), &[btree("shop_id")], at_once).await.unwrap_err();
    assert!(failure.to_string().contains("time limit"), "{failure}");
    no_index_is_left(&login).await;
}

#[tokio::test]
async fn where_old_transactions_see_updated_rows_a_trial_builds_concurrently() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    let client = open(&login).await;
    for sql in ["alter table item set (fillfactor = 50)", "vacuum full item", "analyze item"] {
        client.batch_execute(sql).await.unwrap();
    }
    // One that has written elsewhere holds back the horizon, and is idle: a concurrent build does not wait for it.
    let old = open(&login).await;
    old.batch_execute("create table elsewhere (); begin; insert into elsewhere default values").await.unwrap();
    client.batch_execute("update item set state = 'held' where shop_id = 7").await.unwrap();
    // What an earlier trial left goes too.
    client.batch_execute("create index pgdj_trial_0_1 on item (name)").await.unwrap();
    let tried = try_for_real(&login, BY_SHOP, &[btree("shop_id")]).await;
    assert!(tried.is_used == [true] && tried.notes.iter().any(|note| note.contains("concurrently")), "{tried:?}");
    no_index_is_left(&login).await;
}

#[tokio::test]
async fn a_role_that_does_not_own_the_table_is_told_so() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    open(&login).await.batch_execute("grant select on item to public").await.unwrap();
    let stranger = server.role("stranger", "").await;
    let stranger = verifier(&login.with_user(&stranger));
    let failure = stranger.try_for_real(&request(BY_SHOP, &[]), &[btree("shop_id")], quick()).await;
    let text = failure.unwrap_err().to_string();
    assert!(text.contains("must be owner of table item") && text.contains("hint:"), "{text}");
}

#[tokio::test]
async fn a_trial_without_values_is_refused_for_it_would_measure_null() {
    let Some(server) = own() else { return };
    let login = shop(server).await;
    let sql = "select * from item where shop_id = $1 and state = $2";
    for values in [&[][..], &["7"]] {
        let tried = verifier(&login).try_for_real(&request(sql, values), &[btree("shop_id")], quick()).await;
        let text = tried.unwrap_err().to_string();
        assert!(text.contains("needs 2 values") && text.contains("give a value for each $n"), "{text}");
    }
    let tried = verifier(&login).try_for_real(&request(sql, &["7", "done"]), &[btree("shop_id")], quick()).await;
    assert!(tried.is_ok_and(|tried| tried.is_used == [true] && tried.times().is_some()));
    no_index_is_left(&login).await;
}
