//! The load: a web application's sessions, its background work and its usual troubles.
//!
//! [`run`] spawns nothing: all sessions are futures of one task, and dropping it ends them. A session that is lost or
//! terminated comes back by itself. The whole is to cost about half a core, most of it on the server.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::{Client, Config, Error, NoTls};

use busy::RunningView;
use dice::Dice;

pub use busy::BusyTime;

mod background;
mod busy;
mod dice;
pub(super) mod trouble;
mod web;

/// How long a lost session waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(2);

/// How often the time of a statement that runs is counted.
const COUNTED_EVERY: Duration = Duration::from_millis(100);

/// Web workers that get requests all the time.
const BUSY_WORKERS: u16 = 8;
/// Web workers with a kept connection and hardly a request: `CONN_MAX_AGE`.
const SPARE_WORKERS: u16 = 3;
/// Processes of celery.
const CELERY_WORKERS: u16 = 4;

/// What a session does all day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoadRole {
    /// A gunicorn worker: one request after another.
    Web,
    /// A gunicorn worker that gets a request every minute.
    SpareWeb,
    /// A celery worker that takes tasks from the queue.
    Celery,
    /// The scheduler that fills the queue.
    Beat,
    /// A report tool with sorts that spill to disk.
    Report,
    /// A shell in which someone forgot to commit.
    Forgotten,
    /// An export that reads a table for some seconds, while [`LoadRole::Migration`] wants to alter it.
    Export,
    /// `manage.py migrate`, which waits behind the export while requests queue behind it.
    Migration,
    /// The first of two that update the same rows.
    RivalOne,
    /// The second of them.
    RivalTwo,
    /// A connection of a desktop tool that does nothing.
    Idle,
    /// Of the incident: a shell in which someone changed an order and forgot to commit.
    ForgottenOrder,
    /// Of the incident: `manage.py migrate`, which wants to alter the orders, and waits for that shell.
    OrderMigration,
    /// Of the incident: the one who ends it.
    Rescue,
}

/// One session: who it is to the server, and what it does.
#[derive(Debug, Clone)]
struct LoadSession {
    role: LoadRole,
    user: &'static str,
    application: String,
    number: u16,
}

/// What a session has at hand while it is connected.
struct ConnectedClient<'a> {
    client: &'a Client,
    dice: Dice,
    /// The start of the load; what happens now and then is timed from here, so that sessions meet.
    began: Instant,
    /// What statements take, by the view that they name.
    busy: Arc<BusyTime>,
    /// The view that is served.
    serves: Option<RunningView>,
}

impl ConnectedClient<'_> {
    /// Runs statements as psycopg's client-side binding sends them: one text with its literals.
    async fn sql(&self, text: &str) -> Result<(), Error> {
        self.counted(text, self.client.batch_execute(text)).await
    }

    /// Serves a view from here on; returns the comment that its statements have.
    fn view(&mut self, view: &str, route: &str) -> String {
        let running = RunningView::new(view, route);
        let comment = running.comment.clone();
        self.serves = Some(running);
        comment
    }

    /// Waits for a statement, and counts the time while it runs to the view that its comment names.
    async fn counted<T>(&self, text: &str, statement: impl Future<Output = T>) -> T {
        let view = self.serves.as_ref().filter(|view| text.ends_with(&view.comment)).map(|view| view.place);
        let mut statement = pin!(statement);
        let began = Instant::now();
        let mut counted = Duration::ZERO;
        loop {
            // What runs for long is counted as it goes.
            let done = tokio::select! {
                done = &mut statement => Some(done),
                () = sleep(COUNTED_EVERY) => None,
            };
            let busy = self.busy.without_round_trip(began.elapsed());
            self.busy.add(view, busy.saturating_sub(counted));
            counted = busy.max(counted);
            if let Some(done) = done {
                if text == "BEGIN" {
                    self.busy.learn_round_trip(began.elapsed());
                }
                return done;
            }
        }
    }

    /// Runs one query and returns the first column of each row; null is left out.
    async fn column(&self, text: &str) -> Result<Vec<String>, Error> {
        let messages = self.counted(text, self.client.simple_query(text)).await?;
        let rows = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten().map(str::to_owned),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Waits between `least` and `most` milliseconds: the time Python takes, or until the next visitor comes.
    async fn pause(&mut self, least: u64, most: u64) {
        sleep(Duration::from_millis(self.dice.between(least, most))).await;
    }

    /// Waits for the next moment that is `phase` seconds into a period of `every` seconds, counted from the load's start.
    async fn next(&self, every: f64, phase: f64) {
        let elapsed = self.began.elapsed().as_secs_f64();
        let periods = ((elapsed - phase) / every).floor() + 1.0;
        sleep_until(self.began + Duration::from_secs_f64(periods.max(0.0) * every + phase)).await;
    }

    /// Waits for the moment so many seconds after the load's start; for ever, where it has gone by.
    async fn once_at(&self, seconds: f64) {
        let moment = self.began + Duration::from_secs_f64(seconds);
        if moment < Instant::now() {
            std::future::pending::<()>().await;
        }
        sleep_until(moment).await;
    }

    /// Ends a transaction that failed; what is lost is the connection, which its owner notices.
    async fn roll_back(&self) {
        self.sql("ROLLBACK").await.unwrap_or_default();
    }
}

/// Runs the load on the demo's database until it is dropped; `conninfo` is the demo's.
pub async fn run(conninfo: String) -> Result<(), Error> {
    run_counted(conninfo, Arc::default()).await
}

/// Runs the load as [`run`] does, and counts what its statements take.
pub async fn run_counted(conninfo: String, busy: Arc<BusyTime>) -> Result<(), Error> {
    run_all(&conninfo, sessions(), busy).await
}

/// Runs the load with one incident in it, for the recording: an ALTER behind a forgotten transaction, requests behind both.
///
/// It begins `trouble::INCIDENT_FROM` after the start.
pub(crate) async fn run_with_incident(conninfo: String) -> Result<(), Error> {
    let mut all = sessions();
    let incident = [
        (LoadRole::ForgottenOrder, "shop", "manage.py shell_plus"),
        (LoadRole::OrderMigration, "shop", "manage.py migrate shop 0013"),
        (LoadRole::Rescue, "postgres", "psql"),
    ];
    for (role, user, application) in incident {
        let number = u16::try_from(all.len()).unwrap_or(u16::MAX) + 1;
        all.push(LoadSession { role, user, application: application.to_owned(), number });
    }
    run_all(&conninfo, all, Arc::default()).await
}

async fn run_all(conninfo: &str, sessions: Vec<LoadSession>, busy: Arc<BusyTime>) -> Result<(), Error> {
    let config: Config = conninfo.parse()?;
    let began = Instant::now();
    let mut all: FuturesUnordered<_> =
        sessions.into_iter().map(|session| keep(config.clone(), session, began, Arc::clone(&busy))).collect();
    while all.next().await.is_some() {}
    Ok(())
}

/// Returns every session of the load.
fn sessions() -> Vec<LoadSession> {
    let mut all = Vec::new();
    let mut number = 0;
    let mut add = |role, user, application: String| {
        number += 1;
        all.push(LoadSession { role, user, application, number });
    };
    for worker in 1..=BUSY_WORKERS + SPARE_WORKERS {
        let role = if worker <= BUSY_WORKERS { LoadRole::Web } else { LoadRole::SpareWeb };
        add(role, "shop", format!("gunicorn: worker [{worker}]"));
    }
    for worker in 1..=CELERY_WORKERS {
        add(LoadRole::Celery, "shop", format!("celery: ForkPoolWorker-{worker}"));
    }
    add(LoadRole::Beat, "shop", "celery: beat".to_owned());
    add(LoadRole::RivalOne, "shop", "celery: sync_stock [1]".to_owned());
    add(LoadRole::RivalTwo, "shop", "celery: sync_stock [2]".to_owned());
    add(LoadRole::Report, "metabase", "Metabase v0.50 [demo]".to_owned());
    add(LoadRole::Forgotten, "shop", "manage.py shell".to_owned());
    add(LoadRole::Export, "shop", "manage.py export_reviews".to_owned());
    add(LoadRole::Migration, "shop", "manage.py migrate".to_owned());
    add(LoadRole::Idle, "postgres", "pgAdmin 4 - DB:shop".to_owned());
    all
}

/// Connects, works, and connects again whenever the connection is lost.
async fn keep(mut config: Config, session: LoadSession, began: Instant, busy: Arc<BusyTime>) {
    config.user(session.user).application_name(&session.application);
    let mut round = 0;
    loop {
        round += 1;
        if let Ok((client, connection)) = config.connect(NoTls).await {
            let dice = Dice::new(u64::from(session.number) << 32 | round);
            let work = ConnectedClient { client: &client, dice, began, busy: Arc::clone(&busy), serves: None };
            tokio::select! {
                // Both are dropped together: with the connection all that waits for it ends too.
                _lost = connection => {}
                () = session.role.work(work) => {}
            }
        }
        sleep(RECONNECT).await;
    }
}

impl LoadRole {
    /// Does what this role does until the connection is lost.
    async fn work(self, mut work: ConnectedClient<'_>) {
        if self == Self::Forgotten {
            // Later than the rest, so that the screen shows how it comes up; after a termination it takes a while too.
            sleep(Duration::from_secs(6)).await;
        }
        while !work.client.is_closed() {
            let done = match self {
                Self::Web => web::serve(&mut work, 80, 800).await,
                Self::SpareWeb => web::serve(&mut work, 30_000, 90_000).await,
                Self::Celery => background::take_task(&mut work).await,
                Self::Beat => background::schedule_tasks(&mut work).await,
                Self::Report => background::report(&mut work).await,
                Self::Forgotten => trouble::forget(&mut work).await,
                Self::Export => trouble::export(&mut work).await,
                Self::Migration => trouble::migrate(&mut work).await,
                Self::RivalOne => trouble::rival(&mut work, [7, 11]).await,
                Self::RivalTwo => trouble::rival(&mut work, [11, 7]).await,
                Self::Idle => background::idle(&mut work).await,
                Self::ForgottenOrder => trouble::forget_an_order(&mut work).await,
                Self::OrderMigration => trouble::migrate_orders(&mut work).await,
                Self::Rescue => trouble::rescue(&mut work).await,
            };
            if done.is_err() {
                work.roll_back().await;
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}
