//! Statements that reach a table through a foreign key: what is advised with HypoPG and without, each index really built.
//!
//! HypoPG does not see an index with a condition or an expression unless its table is the first of the statement, and
//! then right advice was dropped without a word: of these statements twelve were right without it and six with it.

use std::sync::Arc;

use pgdj::catalog::Catalog;
use pgdj::django::sql::{Build, create_index};
use pgdj::pg::advice::{Advised, advise};
use pgdj::pg::explain::{Agreed, Consent, ExplainRequest, Options};
use pgdj::pg::private::{PrivateServer, ServerSetup};
use pgdj::pg::session::cancel_queue;
use pgdj::pg::verify::Evidence;
use pgdj::plan::{self, Plan};
use tokio_postgres::Client;

use crate::support::{Login, Server, leave_out, open, own};

const SHOP: &str = "
    create table customer (id bigint primary key, email varchar(80) not null, name varchar(80) not null, tier varchar(8) not null,
        is_active boolean not null, country_id bigint not null);
    create table product (id bigint primary key, sku varchar(20) not null, name varchar(80) not null);
    create table shop_order (id bigint primary key, customer_id bigint not null, status varchar(12) not null, reference varchar(20) not null,
        created_at timestamptz not null, deleted_at timestamptz, total numeric(10, 2) not null, note text not null);
    create table item (id bigint primary key, order_id bigint not null, product_id bigint not null, quantity integer not null);
    select setseed(0.42);
    insert into customer select g, 'user' || g || '@example.org', 'Name ' || g, case when g % 50 = 0 then 'ent' else 'free' end, g % 97 <> 0,
        g % 200 from generate_series(1, 30000) as g;
    insert into product select g, 'SKU-' || lpad(g::text, 6, '0'), 'Product ' || g from generate_series(1, 20000) as g;
    insert into shop_order select g, 1 + floor(random() * 30000)::int, case when r < 0.95 then 'done' when r < 0.995 then 'sent' when r < 0.9995 then 'pending' else 'failed' end,
        'R' || g, '2025-01-01'::timestamptz + g * interval '3 minutes', case when random() < 0.004 then '2025-06-01'::timestamptz + g * interval '1 second' end,
        round((random() * 1000)::numeric, 2), repeat('n', 60) from (select g, random() as r from generate_series(1, 150000) as g) as s;
    insert into item select g, 1 + g / 2, 1 + floor(random() * 20000)::int, 1 + g % 5 from generate_series(1, 299000) as g;
    create index customer_country on customer (country_id);
    create index shop_order_customer on shop_order (customer_id);
    create index item_order on item (order_id);
    create index item_product on item (product_id)";

/// What each is about, and the statement as Django writes it.
const STATEMENTS: &[(&str, &str)] = &[
    (
        "email",
        "select o.id, o.total from shop_order o inner join customer c on (o.customer_id = c.id) where c.email = 'user77@example.org'",
    ),
    (
        "email in capitals",
        "select o.id, o.total from shop_order o inner join customer c on (o.customer_id = c.id) where upper(c.email::text) = upper('user77@example.org')",
    ),
    (
        "two flags",
        "select o.id, o.total from shop_order o inner join customer c on (o.customer_id = c.id) where c.tier = 'ent' and not c.is_active",
    ),
    (
        "a queue with its customers",
        "select o.id, c.email from shop_order o inner join customer c on (o.customer_id = c.id) where o.status = 'pending' order by o.created_at desc limit 20",
    ),
    (
        "a queue of a country",
        "select c.email, o.id from customer c inner join shop_order o on (o.customer_id = c.id) where o.status = 'failed' and c.country_id = 5",
    ),
    (
        "items of failed orders",
        "select i.id, i.quantity from item i inner join shop_order o on (i.order_id = o.id) where o.status = 'failed'",
    ),
    (
        "items of a name in capitals",
        "select i.id, i.quantity from item i inner join product p on (i.product_id = p.id) where upper(p.name::text) = upper('Product 77')",
    ),
    (
        "items of the start of a number",
        "select i.id, i.quantity from item i inner join product p on (i.product_id = p.id) where p.sku::text like 'SKU-00077%'",
    ),
    (
        "customers with a failed order",
        "select c.id, c.email from customer c where exists (select 1 from shop_order o where o.customer_id = c.id and o.status = 'failed')",
    ),
    (
        "a reference",
        "select o.id, c.email from shop_order o inner join customer c on (o.customer_id = c.id) where o.reference = 'R777'",
    ),
    (
        "items of deleted orders",
        "select i.id, o.deleted_at from item i inner join shop_order o on (i.order_id = o.id) where o.deleted_at is not null and o.deleted_at > '2025-06-02 12:00+00'",
    ),
    (
        "a name in small letters",
        "select o.id, o.total from shop_order o inner join customer c on (o.customer_id = c.id) where lower(c.name::text) = 'name 77'",
    ),
];

/// The part of the cost that a right index saves at least.
const LEAST: f64 = 0.25;

async fn shop(login: &Login) -> Client {
    let client = open(login).await;
    client.batch_execute(SHOP).await.unwrap();
    client.batch_execute("vacuum analyze").await.unwrap();
    // Other tests on the same server take the parallel workers now and then, and the plans change with it.
    let database = format!("alter database {} set max_parallel_workers_per_gather = 0", login.database);
    client.batch_execute(&database).await.unwrap();
    open(login).await
}

async fn has_hypopg(client: &Client) -> bool {
    let sql = "select exists (select from pg_available_extensions where name = 'hypopg')";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn explain(client: &Client, options: &str, sql: &str) -> Plan {
    let row = client.query_one(&format!("explain ({options}verbose, format json) {sql}"), &[]).await.unwrap();
    plan::parse(&row.get::<_, serde_json::Value>(0).to_string()).plans.remove(0)
}

async fn advised(login: &Login, sql: &str, plan: &Plan) -> Advised {
    let (cancel_queue, work) = cancel_queue();
    tokio::spawn(work);
    let request = ExplainRequest {
        sql: sql.to_owned(),
        parameters: Vec::new(),
        guessed: Vec::new(),
        options: Options { analyze: false, ..Options::default() },
        consent: Consent::ReadOnly,
        agreed: Agreed::Anything,
        timeout_ms: 30_000,
    };
    let connector: Arc<dyn pgdj::pg::session::Connector> = Arc::new(login.clone());
    advise(&connector, pgdj::pg::control::Mode::Full, &cancel_queue, &request, plan)
        .await
        .unwrap_or_else(|failure| panic!("{sql}: {failure}"))
}

/// Builds the first index that is advised; says what is wrong with it.
async fn proved(client: &Client, sql: &str, advised: &Advised) -> Result<String, String> {
    let Some(first) = advised.indexes.first() else {
        let refusals: Vec<&str> = advised.refusals.iter().map(|refusal| refusal.why.as_str()).collect();
        return Err(format!("nothing is advised: {:?}; {refusals:?}", advised.notes));
    };
    let ddl = |at: usize, spec: &pgdj::advisor::IndexSpec, catalog: &Catalog| {
        let table = catalog.table(Some(&spec.schema), &spec.table).unwrap();
        create_index(table, &spec.definition, &format!("built_{at}"), Build::Plain)
    };
    let before = explain(client, "", sql).await;
    client.batch_execute("begin").await.unwrap();
    let mut names = Vec::new();
    for (at, spec) in first.candidate.specs().enumerate() {
        client.batch_execute(&ddl(at, spec, &advised.catalog)).await.unwrap();
        client.batch_execute(&format!("analyze {}", spec.table)).await.unwrap();
        names.push(format!("built_{at}"));
    }
    let after = explain(client, "", sql).await;
    client.batch_execute("rollback").await.unwrap();
    let summary = first.candidate.summary();
    let is_used = |name: &String| after.iter().any(|(_, node)| node.index() == Some(name.as_str()));
    if !names.iter().all(is_used) {
        return Err(format!("{summary} is not used"));
    }
    let saving = 1.0 - after.total_cost().unwrap() / before.total_cost().unwrap();
    if saving < LEAST { Err(format!("{summary} saves {saving:.2}")) } else { Ok(summary) }
}

/// Asks for advice on each statement and returns those that were wrong, with how each was verified.
async fn wrong(login: &Login, client: &Client) -> (Vec<String>, Vec<Evidence>) {
    let (mut wrong, mut evidence) = (Vec::new(), Vec::new());
    for (name, sql) in STATEMENTS {
        let plan = explain(client, "analyze, buffers, ", sql).await;
        let advised = advised(login, sql, &plan).await;
        evidence.extend(advised.indexes.first().and_then(|index| Some(index.verified.as_ref()?.evidence.clone())));
        match proved(client, sql, &advised).await {
            Ok(summary) => eprintln!("ok  {name}: {summary}"),
            Err(why) => wrong.push(format!("{name}: {why}\n{}", pgdj::plan::text::psql(&plan))),
        }
    }
    (wrong, evidence)
}

async fn check(login: &Login, client: &Client) -> Vec<Evidence> {
    let (wrong, evidence) = wrong(login, client).await;
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), STATEMENTS.len(), wrong.join("\n"));
    evidence
}

#[tokio::test]
async fn without_hypopg_what_is_advised_through_a_foreign_key_is_right() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = shop(&login).await;
    let evidence = check(&login, &client).await;
    assert!(evidence.iter().all(|known| *known == Evidence::Catalog), "{evidence:?}");
}

#[tokio::test]
async fn with_hypopg_what_is_advised_through_a_foreign_key_is_as_right() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    // On a busy machine it comes while the statements are looked at, and the plans change with it, as on no other server of the tests.
    let first = open(&login).await;
    for sql in ["alter system set autovacuum = off", "select pg_reload_conf()"] {
        first.batch_execute(sql).await.unwrap();
    }
    let client = shop(&login).await;
    if !has_hypopg(&client).await {
        leave_out("HypoPG is not on this machine (Debian: apt install postgresql-15-hypopg)");
        return;
    }
    client.batch_execute("create extension hypopg").await.unwrap();
    let evidence = check(&login, &client).await;
    let alone = evidence.iter().filter(|known| matches!(known, Evidence::HypotheticalAlone { .. })).count();
    let whole = evidence.iter().filter(|known| **known == Evidence::Hypothetical).count();
    assert!(alone >= 6 && whole >= 1 && alone + whole == STATEMENTS.len(), "{evidence:?}");
}

/// A server that somebody else runs: nothing tells it from one in production.
fn somebodys(server: &Server) -> PrivateServer {
    let settings = ["cluster_name = 'main'", "autovacuum = off", "jit = off"].map(str::to_owned).to_vec();
    PrivateServer::start(&ServerSetup { bin: server.bin.clone(), settings, ..ServerSetup::default() }).unwrap()
}

#[tokio::test]
async fn on_a_server_that_is_not_our_own_no_index_with_a_condition_is_hypothetical() {
    let Some(server) = own() else { return };
    let theirs = somebodys(server);
    let login = Login {
        host: theirs.socket_directory().display().to_string(),
        port: theirs.port(),
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
    };
    let client = shop(&login).await;
    if !has_hypopg(&client).await {
        leave_out("HypoPG is not on this machine (Debian: apt install postgresql-15-hypopg)");
        return;
    }
    client.batch_execute("create extension hypopg").await.unwrap();
    let evidence = check(&login, &client).await;
    assert!(evidence.contains(&Evidence::Catalog) && evidence.contains(&Evidence::Hypothetical), "{evidence:?}");
    let sql = STATEMENTS.iter().find(|(name, _)| *name == "items of failed orders").unwrap().1;
    let found = advised(&login, sql, &explain(&client, "analyze, ", sql).await).await;
    let verified = found.indexes[0].verified.as_ref().unwrap();
    assert_eq!(verified.evidence, Evidence::Catalog);
    assert!(verified.notes.iter().any(|note| note.contains("HypoPG issue 116")), "{:?}", verified.notes);
}
