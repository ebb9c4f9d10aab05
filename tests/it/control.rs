//! Cancel, terminate, and exact bloat on demand.

use std::sync::Arc;

use pgdj::pg::act::{self, ActOrder, SignalReply};
use pgdj::pg::control::{BackendKey, Doing, Mode, Permit, Signal, SignalOutcome};
use pgdj::pg::exact::{self, Exact, MeasuredRelation};
use pgdj::pg::server::read_facts;
use pgdj::pg::session::{Limits, Session, cancel_queue};
use pgdj::sample::{Missing, ServerFacts, Timestamp};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::watch::PATIENCE;
use crate::support::{Login, open, own, shop};

pub(crate) struct Acting {
    orders: mpsc::Sender<ActOrder>,
    told: mpsc::Receiver<SignalReply>,
}

pub(crate) async fn facts(login: &Login) -> Arc<ServerFacts> {
    let (cancel_queue, _cancel_work) = cancel_queue();
    let mut session = Session::open(login, Limits::SLOW, &cancel_queue).await.unwrap();
    Arc::new(read_facts(&mut session, "test").await.unwrap())
}

impl Acting {
    pub(crate) async fn start(login: &Login) -> Self {
        let (orders, ordered) = mpsc::channel(8);
        let (telling, told) = mpsc::channel(8);
        tokio::spawn(act::run(Arc::new(login.clone()), ordered, telling));
        orders.send(ActOrder::Facts(facts(login).await)).await.unwrap();
        Self { orders, told }
    }

    pub(crate) async fn signal(&mut self, signal: Signal, backend: BackendKey) -> SignalOutcome {
        let permit = Permit::of(Mode::Full).unwrap();
        self.orders.send(ActOrder::Signal { permit, signal, backend }).await.unwrap();
        timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap().outcome
    }
}

async fn measure(login: &Login, relation: MeasuredRelation) -> Result<Exact, Missing> {
    let facts = facts(login).await;
    let (cancel_queue, _cancel_work) = cancel_queue();
    let mut session = Session::open(login, exact::LIMITS, &cancel_queue).await.unwrap();
    exact::measure(&mut session, &facts, relation).await.unwrap()
}

pub(crate) async fn backend(client: &tokio_postgres::Client) -> BackendKey {
    let sql = "select pid::bigint, extract(epoch from backend_start)::float8 from pg_stat_activity where pid = pg_backend_pid()";
    let row = client.query_one(sql, &[]).await.unwrap();
    BackendKey { pid: row.get(0), started: Timestamp(row.get(1)), doing: Doing::Anything }
}

#[tokio::test]
async fn a_statement_is_cancelled_and_a_session_ended_but_never_its_successor() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    let it = backend(&client).await;
    let mut acting = Acting::start(&login).await;
    let other = BackendKey { started: Timestamp(it.started.0 - 0.000_01), ..it };
    assert_eq!(acting.signal(Signal::Terminate, other).await, SignalOutcome::Reused, "another backend of the same pid");
    let sleeping = tokio::spawn(async move { (client.batch_execute("select pg_sleep(600)").await, client) });
    let cancelled = async {
        // Until the statement runs there is nothing to cancel.
        while !sleeping.is_finished() {
            assert_eq!(acting.signal(Signal::Cancel, it).await, SignalOutcome::Sent);
        }
    };
    timeout(PATIENCE, cancelled).await.unwrap();
    let (result, client) = sleeping.await.unwrap();
    assert_eq!(result.unwrap_err().code().unwrap().code(), "57014");
    assert_eq!(acting.signal(Signal::Terminate, it).await, SignalOutcome::Sent);
    let ended = async { while client.batch_execute("select 1").await.is_ok() {} };
    timeout(PATIENCE, ended).await.unwrap();
    let gone = async { while acting.signal(Signal::Terminate, it).await != SignalOutcome::Gone {} };
    timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn a_role_without_the_right_is_told_which() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    let it = backend(&client).await;
    let role = server.role("reader", "grant pg_read_all_stats to reader").await;
    let mut acting = Acting::start(&login.with_user(&role)).await;
    let SignalOutcome::Denied { what, .. } = acting.signal(Signal::Cancel, it).await else { panic!("not denied") };
    assert!(what.contains("superuser"), "{what}");
    let plain = server.role("plain", "").await;
    let peer = open(&login.with_user(&server.role("peer", "").await)).await;
    let it = backend(&peer).await;
    let mut acting = Acting::start(&login.with_user(&plain)).await;
    let SignalOutcome::Denied { grant, .. } = acting.signal(Signal::Cancel, it).await else { panic!("not denied") };
    assert_eq!(grant, "GRANT pg_read_all_stats, pg_signal_backend TO plain;");
    client.batch_execute("select 1").await.unwrap();
}

#[tokio::test]
async fn bloat_is_measured_exactly_or_it_is_said_who_holds_the_table() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    let oid = async |name: &str| -> i64 {
        client.query_one("select $1::text::regclass::oid::bigint", &[&name]).await.unwrap().get(0)
    };
    let (table, index) = (oid("shop_order").await, oid("shop_order_status").await);
    let why = measure(&login, MeasuredRelation::Table(table)).await.unwrap_err();
    assert_eq!(why.remedy(), Some("CREATE EXTENSION pgstattuple;"));
    client.batch_execute("create extension pgstattuple; delete from shop_order where id % 2 = 0").await.unwrap();
    client.batch_execute("vacuum shop_order").await.unwrap();
    let exact = measure(&login, MeasuredRelation::Table(table)).await.unwrap();
    assert!((0.4..0.6).contains(&exact.share().unwrap()), "{exact:?}");
    let exact = measure(&login, MeasuredRelation::Index(index)).await.unwrap();
    assert!(exact.share().unwrap() > 0.1 && exact.scanned == 1.0, "{exact:?}");
    let holder = open(&login).await;
    holder.batch_execute("begin; lock table shop_order in access exclusive mode").await.unwrap();
    let result = measure(&login, MeasuredRelation::Table(table)).await;
    assert!(matches!(result, Err(Missing::Blocked { .. })), "{result:?}");
}

#[tokio::test]
async fn a_role_that_may_not_scan_is_told_the_grant() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    client.batch_execute("create table shop_order (); create extension pgstattuple").await.unwrap();
    let role = server.role("plain", "").await;
    let why = measure(&login.with_user(&role), MeasuredRelation::Table(1)).await.unwrap_err();
    assert_eq!(why.remedy(), Some("GRANT pg_stat_scan_tables TO plain;"));
}
