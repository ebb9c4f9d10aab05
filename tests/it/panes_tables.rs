//! The Tables and Indexes panes over what the real sampler read: rows and details, a lock, a plain role.

use pgdj::app::{Pane, PaneView};
use pgdj::findings::Findings;
use pgdj::panes::{indexes, tables};
use pgdj::pg::sampler::SamplerCommand;
use pgdj::readings::Readings;
use pgdj::sample::{History, Snapshot};
use pgdj::ui::detail::Detail;
use serde_json::Value;
use std::sync::Arc;

use crate::support::watch::quick;
use crate::support::{Login, Server, Watched, ends, open, shop};

/// What is wrong beside what the shop has: its foreign key has no index.
const TROUBLE: &str = "
create table shop_cart (id bigserial primary key, state text, note text) with (autovacuum_vacuum_scale_factor = 0.01);
insert into shop_cart (state, note) select 'open', repeat('x', 100) from generate_series(1, 20000);
create index shop_cart_state on shop_cart (state);
create index shop_cart_state_again on shop_cart (state);
create index shop_cart_state_id on shop_cart (state, id);
analyze shop_cart;
delete from shop_cart where id % 2 = 0;
";

fn with_view<T>(history: &History, work: impl FnOnce(&PaneView<'_>) -> T) -> T {
    let moment = history.last().unwrap();
    let findings = Findings::default();
    let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
    work(&PaneView::new(history, moment, &readings, &findings))
}

/// The texts of a row and its detail, after a refresh from the newest snapshot; null where there is no such row.
fn row(pane: &mut dyn Pane, history: &History, key: &str) -> (Value, String) {
    with_view(history, |view| {
        pane.refresh(view);
        pane.select(key);
        let list = pane.list().unwrap();
        if list.selected_key() != Some(key) {
            return (Value::Null, String::new());
        }
        let cells = serde_json::from_str(&list.selected_json().unwrap()).unwrap();
        (cells, pane.inspect(view).map(|document| Detail::new(document).text(200)).unwrap_or_default())
    })
}

async fn oid(client: &tokio_postgres::Client, name: &str) -> String {
    let oid: i64 = client.query_one("select $1::text::regclass::oid::bigint", &[&name]).await.unwrap().get(0);
    oid.to_string()
}

/// Makes the shop with its trouble.
async fn troubled(server: &Server) -> (Login, tokio_postgres::Client) {
    let login = server.database().await;
    let maker = open(&login).await;
    shop::make(&maker).await;
    maker.batch_execute(TROUBLE).await.unwrap();
    // Before 15 a session that idles may keep what it counted to itself; one that ends does not.
    drop(maker);
    let client = open(&login).await;
    (login, client)
}

fn has_text(rows: Option<&pgdj::sample::RowSet>, column: &str, relid: &str, id: &str) -> bool {
    rows.is_some_and(|rows| {
        rows.iter().any(|row| row.int(id).is_some_and(|it| it.to_string() == relid) && row.number(column).is_some())
    })
}

fn dead_rows(snapshot: &Snapshot, relid: &str) -> f64 {
    let rows = snapshot.rows("tables");
    let dead = rows
        .into_iter()
        .flat_map(pgdj::sample::RowSet::iter)
        .find(|row| row.int("relid").is_some_and(|it| it.to_string() == relid));
    dead.and_then(|row| row.number("dead")).unwrap_or_default()
}

#[tokio::test]
async fn rows_and_details_hold_what_the_server_has() {
    for server in ends() {
        let (login, client) = troubled(server).await;
        let (cart, order) = (oid(&client, "shop_cart").await, oid(&client, "shop_order").await);
        let mut watched = Watched::start(login, quick());
        watched.complete().await;
        watched.until("the deletes are counted", |it| dead_rows(it, &cart) >= 10_000.0).await;
        let name = &server.name;

        let mut pane = tables::Tables::default();
        let (cells, detail) = row(&mut pane, &watched.history, &order);
        assert_eq!(cells["model"], "shop.order", "{name}");
        assert_eq!(cells["rows"], "5.0k", "{name}");
        assert_ne!(cells["size"], "", "{name}");
        assert!(detail.contains("Indexes: 3") && detail.contains("shop_order_open"), "{name}:\n{detail}");
        let (cells, detail) = row(&mut pane, &watched.history, &cart);
        assert_eq!(cells["dead"], "50%", "{name}");
        // The tests' servers run without autovacuum.
        assert_eq!(cells["vacuum_due"], "off", "{name}");
        assert!(detail.contains("none: autovacuum is off"), "{name}:\n{detail}");
        assert!(detail.contains("0.01 (server: 0.2; plus this share of the rows)"), "{name}:\n{detail}");
        assert!(cells["bloat"] == "?" || cells["bloat"].as_str().unwrap().starts_with('~'), "{name}: {cells}");

        let mut pane = indexes::Indexes::default();
        let again = oid(&client, "shop_cart_state_again").await;
        let (cells, detail) = row(&mut pane, &watched.history, &again);
        // It is smaller than what a verdict is for, and the fact is said.
        assert_eq!(cells["verdict"], "duplicate", "{name}: {cells}");
        assert_eq!(cells["other"], "duplicate of shop_cart_state", "{name}: {cells}");
        assert!(
            detail.contains("CREATE INDEX shop_cart_state_again") && detail.contains("It duplicates shop_cart_state:"),
            "{name}:\n{detail}"
        );
        assert!(detail.contains("Too small to matter") && !detail.contains("DROP INDEX"), "{name}:\n{detail}");
        let key: i64 =
            client.query_one("select oid::bigint from pg_constraint where contype = 'f'", &[]).await.unwrap().get(0);
        let (cells, detail) = row(&mut pane, &watched.history, &format!("fk {key}"));
        assert_eq!(cells["verdict"], "missing", "{name}");
        assert!(
            detail.contains("AddIndexConcurrently") && detail.contains("CREATE INDEX CONCURRENTLY"),
            "{name}:\n{detail}"
        );
        let (cells, _) = row(&mut pane, &watched.history, &oid(&client, "shop_order_pkey").await);
        assert_eq!((&cells["verdict"], &cells["origin"]), (&"".into(), &"primary key".into()), "{name}");
    }
}

#[tokio::test]
async fn a_locked_table_keeps_its_figures_and_names_who_locks_it() {
    for server in ends() {
        let (login, client) = troubled(server).await;
        let (order, index) = (oid(&client, "shop_order").await, oid(&client, "shop_order_status").await);
        let mut watched = Watched::start(login, quick());
        watched.complete().await;
        let (mut tables, mut indexes) = (tables::Tables::default(), indexes::Indexes::default());
        let (before, _) = row(&mut tables, &watched.history, &order);
        let (index_before, _) = row(&mut indexes, &watched.history, &index);
        let holder: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
        client.batch_execute("begin; lock table shop_order in access exclusive mode").await.unwrap();
        watched.commands.send(SamplerCommand::ReadNow).await.unwrap();
        let pid = holder.to_string();
        watched
            .until("both panes' rows say who", |it| {
                ["tables", "indexes", "table_sizes", "index_sizes"].iter().all(|probe| {
                    it.rows(probe).is_some_and(|rows| {
                        let id = i64::from(holder);
                        rows.iter().any(|row| row.get("locked_by").as_list().contains(&pgdj::sample::Value::Int(id)))
                    })
                })
            })
            .await;
        let (cells, detail) = row(&mut tables, &watched.history, &order);
        assert_eq!((&cells["locked"], &cells["size"]), (&pid.as_str().into(), &before["size"]), "{}", server.name);
        assert!(
            detail.contains("ACCESS EXCLUSIVE") && detail.contains(&format!("pid {pid}, postgres shop")),
            "{}:\n{detail}",
            server.name
        );
        let (cells, _) = row(&mut indexes, &watched.history, &index);
        assert_eq!(
            (&cells["locked"], &cells["size"]),
            (&pid.as_str().into(), &index_before["size"]),
            "{}",
            server.name
        );
        client.batch_execute("rollback").await.unwrap();
    }
}

#[tokio::test]
async fn a_plain_role_sees_the_rows_and_is_told_why_there_is_no_bloat() {
    for server in ends() {
        let (login, client) = troubled(server).await;
        let role = server.role("panes_plain", "").await;
        let cart = oid(&client, "shop_cart").await;
        let mut watched = Watched::start(login.with_user(&role), quick());
        watched.complete().await;
        watched.until("sizes are there", |it| has_text(it.rows("table_sizes"), "total_bytes", &cart, "relid")).await;
        let (cells, detail) = row(&mut tables::Tables::default(), &watched.history, &cart);
        assert_eq!(cells["bloat"], "?", "{}", server.name);
        assert_ne!(cells["size"], "", "{}", server.name);
        assert!(detail.contains("cannot estimate") && detail.contains("GRANT"), "{}:\n{detail}", server.name);
        let again = oid(&client, "shop_cart_state_again").await;
        let (_, detail) = row(&mut indexes::Indexes::default(), &watched.history, &again);
        assert!(detail.contains("It duplicates shop_cart_state:"), "{}: {detail}", server.name);
    }
}
