//! The vacuum horizon: who keeps VACUUM from removing dead rows, how far back, and in which tables.
//!
//! A row that was deleted or updated can be removed once no transaction is left that may still see it. Four things
//! count as such: a session with a snapshot (`backend_xmin`) or a transaction id (`backend_xid`), a standby that sends
//! feedback, a replication slot, and a prepared transaction.
//! Source: `ComputeXidHorizons()` in procarray.c; manual 24.1.2, 26.2.5 and 26.2.6.
//!
//! A snapshot inherits the oldest transaction that runs when it is taken, also one of another database. So a session
//! of a few milliseconds can be as far back as one that has been open for an hour: the cause is the latter.

use crate::catalog;
use crate::quote::quote_text;
use crate::readings::Readings;
use crate::readings::backends::Backend;
use crate::readings::cut::Cut;
use crate::sample::unit::Count;
use crate::sample::{Missing, Row, Seconds, Timestamp};

/// Seconds after which a statement that runs has its snapshot, if it takes one.
const SETTLED: f64 = 2.0;
/// Seconds from which on a transaction is too long to wait for it with a rebuild.
const OLD: f64 = 60.0;

/// What kind of thing holds vacuum back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderKind {
    /// A session, or a background process.
    Session,
    /// A standby without a slot, through `hot_standby_feedback`.
    Standby,
    /// A replication slot.
    Slot,
    /// A prepared transaction.
    Prepared,
}

/// Where dead rows have to stay because of a holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pins {
    /// Nowhere, and why.
    Nothing(&'static str),
    /// In catalogs that all databases share: it is connected to another database.
    SharedCatalogs,
    /// In system catalogs: a logical slot needs them to decode.
    SystemCatalogs,
    /// In every table of this database.
    Database,
    /// In every table of every database.
    Cluster,
    /// Nowhere on this standby, but on its primary where `hot_standby_feedback` is on.
    Primary,
}

/// One thing that may hold vacuum back.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Its backend; `None` for a prepared transaction and an unused slot.
    pub pid: Option<i64>,
    /// `application_name`, name of the slot, or identifier of the prepared transaction.
    pub name: String,
    /// Its database; empty for none.
    pub database: String,
    /// Transactions whose dead rows it may keep: all that started since.
    pub transactions: i64,
    /// Since its transaction started or was prepared, or since the slot is unused.
    pub open_for: Option<Seconds>,
    /// Where it keeps them.
    pub pins: Pins,
    /// Age of its snapshot.
    xmin_age: Option<i64>,
    /// Age of its own transaction id.
    xid_age: Option<i64>,
}

/// Everything that may hold vacuum back, the oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VacuumHorizon {
    /// The holders.
    pub holders: Vec<Holder>,
    /// When they were read: the sessions are read more often.
    read_at: Timestamp,
    /// How the list was cut: those further back come first.
    cut: Option<Cut>,
}

/// What is said of a session where another transaction is further back.
const ENDS_NOTHING: &str = "ending this session would not let VACUUM remove more";

/// What the reading of the sessions says of one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sight {
    pid: i64,
    /// When the sessions were read.
    at: Timestamp,
    /// When its transaction started; `None` outside of one.
    xact_started: Option<f64>,
    /// When the statement that it runs started; `None` where it runs none.
    statement_started: Option<f64>,
    /// Whether it is a client's: only such a one has no snapshot outside of a transaction.
    is_client: bool,
    /// Whether another waits for the end of its transaction, so that it has a transaction id.
    has_id: bool,
}

impl Sight {
    fn of(readings: &Readings, pid: i64) -> Option<Self> {
        let reading = readings.snapshot().section("activity").reading()?;
        let backends = readings.backends().ok()?;
        let backend = backends.iter().find(|backend| backend.pid == pid)?;
        let waits_for_its_end = |other: &Backend| other.wait == "Lock:transactionid" && other.blocked_by.contains(&pid);
        Some(Self {
            pid,
            at: reading.at,
            xact_started: backend.xact_started,
            statement_started: backend.query_started.filter(|_| backend.state == "active"),
            is_client: backend.kind == "client backend",
            has_id: backends.iter().any(waits_for_its_end),
        })
    }
}

/// What a session holds back.
enum Hold<'a> {
    /// It is not known, and why.
    Unknown(String),
    /// Nothing, and why.
    Nothing(&'static str),
    /// Nothing so many seconds ago, and why; what it does since is not known.
    NothingBefore(Seconds, &'static str),
    /// What this holder does.
    As(&'a Holder),
}

/// Returns what a session pins, in words, or why that is not known.
///
/// The sessions and who holds vacuum back are two readings: what one says counts only as far as the other does not say
/// that it is over, or that it has begun since.
pub(crate) fn words_of_session(readings: &Readings, pid: i64) -> String {
    match readings.horizon() {
        Ok(horizon) => horizon.sentence(&horizon.hold_of_session(readings, pid)),
        Err(why) => format!("? ({why})"),
    }
}

/// Returns the same as an answer: "no" with the reason, or "yes" and what it pins.
pub(crate) fn answer_of_session(readings: &Readings, pid: i64) -> String {
    match readings.horizon() {
        Ok(horizon) => horizon.answer(&horizon.hold_of_session(readings, pid)),
        Err(why) => format!("? ({why})"),
    }
}

impl VacuumHorizon {
    /// Decodes the section `vacuum_horizon`, or says why there is none.
    pub fn of(readings: &Readings) -> Result<Self, Missing> {
        let snapshot = readings.snapshot();
        let place = ServerScope { database: &snapshot.server.database, is_standby: readings.is_standby() };
        let mut holders: Vec<Holder> =
            catalog::rows(snapshot, "vacuum_horizon")?.iter().map(|row| Holder::of(&row, &place)).collect();
        let reading = snapshot.section("vacuum_horizon").reading();
        holders.sort_by(|left, right| {
            let open_for = |holder: &Holder| holder.open_for.map_or(0.0, |age| age.0);
            right.transactions.cmp(&left.transactions).then(open_for(right).total_cmp(&open_for(left)))
        });
        let read_at = reading.map_or(snapshot.at, |reading| reading.at);
        Ok(Self { holders, read_at, cut: readings.cut("vacuum_horizon") })
    }

    /// Returns who holds back the vacuum of this database's tables furthest; `None` where nothing does.
    ///
    /// Where the oldest is a snapshot that inherits its age, it is the transaction it inherits it from.
    pub fn oldest(&self) -> Option<&Holder> {
        let oldest = self.holders.iter().find(|holder| matches!(holder.pins, Pins::Database | Pins::Cluster))?;
        Some(self.cause(oldest).unwrap_or(oldest))
    }

    /// Returns the same, unless its transaction began after a vacuum that ended so long ago: that one was not kept from
    /// anything by it.
    pub fn oldest_before(&self, vacuum: Option<Seconds>) -> Option<&Holder> {
        let is_before = |holder: &&Holder| holder.open_for.zip(vacuum).is_none_or(|(open, ended)| open.0 >= ended.0);
        self.oldest().filter(is_before)
    }

    /// Returns, in a sentence, who has to end before an index is built or rebuilt without blocking writes; `None` where
    /// no one is old enough to matter.
    ///
    /// Such a build waits for every older snapshot of the database, and an index entry stays as long as its dead row.
    pub fn before_a_rebuild(&self) -> Option<String> {
        let oldest = self.oldest().filter(|oldest| oldest.open_for.is_none_or(|age| age.0 >= OLD))?;
        Some(format!(
            "First end what holds vacuum back: {} {}. Until then a rebuild keeps the entries of those rows, and may wait for \
             it. {}",
            oldest.who(),
            oldest.what_it_pins(),
            oldest.how_to_end()
        ))
    }

    /// Returns the running transaction from which a snapshot inherits its age; `None` where its age is its own.
    pub(crate) fn cause(&self, holder: &Holder) -> Option<&Holder> {
        let age = holder.xmin_age.filter(|age| holder.xid_age.is_none_or(|own| own < *age))?;
        let is_cause = |other: &&Holder| other.xid_age == Some(age) && !std::ptr::eq(*other, holder);
        self.holders.iter().find(is_cause)
    }

    /// Returns the session of a pid, or `None` where it has neither a snapshot nor a transaction id.
    pub fn session(&self, pid: i64) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.kind != HolderKind::Slot && holder.pid == Some(pid))
    }

    /// Returns the prepared transactions.
    pub fn prepared(&self) -> impl Iterator<Item = &Holder> {
        self.holders.iter().filter(|holder| holder.kind == HolderKind::Prepared)
    }

    fn hold_of_session(&self, readings: &Readings, pid: i64) -> Hold<'_> {
        match Sight::of(readings, pid) {
            Some(sight) => self.hold_of(&sight),
            None => self.hold_of_pid(pid),
        }
    }

    fn hold_of(&self, sight: &Sight) -> Hold<'_> {
        let is_older = self.read_at.0 < sight.at.0;
        let is_other = is_older && sight.xact_started.is_some_and(|started| started > self.read_at.0);
        let is_over = is_older && sight.is_client && sight.xact_started.is_none();
        match self.session(sight.pid) {
            _ if is_other => Hold::Unknown("not read since its transaction began".to_owned()),
            Some(_) if is_over => Hold::Nothing("its transaction has ended"),
            Some(holder) => Hold::As(holder),
            None if self.may_have_missed(sight) => Hold::Unknown("not known until the next sample".to_owned()),
            None if sight.has_id => Hold::Unknown("not read since it got a transaction ID".to_owned()),
            None if is_older && !is_over && self.cut.is_none() => {
                Hold::NothingBefore(Seconds(sight.at.0 - self.read_at.0), "it had no snapshot and no transaction ID")
            }
            None => self.hold_of_pid(sight.pid),
        }
    }

    /// Whether a session that runs a statement may have its snapshot although it is not among the holders: they were read
    /// before the statement began, or after it had ended.
    fn may_have_missed(&self, sight: &Sight) -> bool {
        let Some(started) = sight.statement_started.filter(|_| sight.is_client) else { return false };
        self.read_at.0 - started < SETTLED || self.read_at.0 > sight.at.0
    }

    fn hold_of_pid(&self, pid: i64) -> Hold<'_> {
        match (self.session(pid), self.cut) {
            (Some(holder), _) => Hold::As(holder),
            (None, Some(cut)) => Hold::Unknown(format!("transactions: {}, the oldest", cut.words())),
            (None, None) => Hold::Nothing("it has no snapshot and no transaction ID"),
        }
    }

    /// Returns what a pid pins, in words, by this reading alone; one that is no holder pins nothing.
    pub fn words_of_pid(&self, pid: i64) -> String {
        self.sentence(&self.hold_of_pid(pid))
    }

    fn sentence(&self, hold: &Hold<'_>) -> String {
        match hold {
            Hold::Unknown(why) => format!("? ({why})"),
            Hold::Nothing(why) => format!("does not hold back vacuum: {why}"),
            Hold::NothingBefore(ago, why) => format!("did not hold back vacuum {ago} ago: {why}"),
            Hold::As(holder) => self.words(holder),
        }
    }

    fn answer(&self, hold: &Hold<'_>) -> String {
        match hold {
            Hold::Unknown(why) => format!("? ({why})"),
            Hold::Nothing(why) => format!("no: {why}"),
            Hold::NothingBefore(ago, why) => format!("no, as of {ago} ago: {why}"),
            Hold::As(holder) => match &holder.pins {
                Pins::Nothing(why) => format!("no: {why}"),
                Pins::Primary => "not on this standby; with hot_standby_feedback, on the primary".to_owned(),
                // Until that one ends, each new snapshot is as far back as this one: nothing is gained by its end.
                _ => match self.cause(holder) {
                    Some(cause) => {
                        format!("no: {}; {ENDS_NOTHING}", cause.is_open())
                    }
                    None => match self.oldest().filter(|oldest| oldest.transactions > holder.transactions) {
                        Some(oldest) => format!("no: {}; {ENDS_NOTHING}", oldest.is_open()),
                        None => format!("yes: it {}", self.words(holder)),
                    },
                },
            },
        }
    }

    /// Returns what a holder pins, in words, with the transaction it inherits its age from.
    pub fn words(&self, holder: &Holder) -> String {
        match self.cause(holder).filter(|_| !matches!(holder.pins, Pins::Nothing(_))) {
            Some(cause) => format!("{}, because {}", holder.what_it_pins(), cause.is_open()),
            None => holder.what_it_pins(),
        }
    }
}

/// What the server is that is asked.
struct ServerScope<'a> {
    database: &'a str,
    is_standby: bool,
}

impl Holder {
    fn of(row: &Row<'_>, place: &ServerScope<'_>) -> Self {
        let kind = match row.text("kind") {
            "standby" => HolderKind::Standby,
            "slot" => HolderKind::Slot,
            "prepared" => HolderKind::Prepared,
            _ => HolderKind::Session,
        };
        let (xmin_age, xid_age) = (row.int("xmin_age"), row.int("xid_age"));
        // What it did itself is no dead row of others.
        let own = xid_age.map(|age| age - 1);
        let oldest = xmin_age.max(own);
        let mut holder = Self {
            kind,
            pid: row.int("pid"),
            name: row.text("name").to_owned(),
            database: row.text("database").to_owned(),
            transactions: oldest.or(row.int("catalog_age")).unwrap_or(0).max(0),
            open_for: row.number("open_for").map(|age| Seconds(age.max(0.0))),
            pins: Pins::Database,
            xmin_age,
            xid_age,
        };
        holder.pins = holder.pins(row, place, oldest.is_some());
        holder
    }

    fn pins(&self, row: &Row<'_>, place: &ServerScope<'_>, has_rows: bool) -> Pins {
        if row.flag("is_vacuum") == Some(true) {
            return Pins::Nothing("a VACUUM does not hold back another VACUUM");
        }
        if self.transactions == 0 {
            return Pins::Nothing("no other transaction has written since");
        }
        if place.is_standby {
            return Pins::Primary;
        }
        match self.kind {
            HolderKind::Slot if !has_rows => Pins::SystemCatalogs,
            HolderKind::Slot | HolderKind::Standby => Pins::Cluster,
            HolderKind::Session | HolderKind::Prepared => {
                if self.database.is_empty() {
                    Pins::Cluster
                } else if place.database.is_empty() || self.database == place.database {
                    Pins::Database
                } else {
                    Pins::SharedCatalogs
                }
            }
        }
    }

    /// Returns what it is: `pid 7 (celery)`, `replication slot standby_1`, `prepared transaction 'x'`.
    pub fn who(&self) -> String {
        let name = &self.name;
        match (self.kind, self.pid) {
            (HolderKind::Slot, _) => format!("replication slot {name}"),
            (HolderKind::Prepared, _) => format!("prepared transaction {}", quote_text(name)),
            (HolderKind::Standby, Some(pid)) => format!("standby {name} (pid {pid})"),
            (_, pid) => {
                let pid = pid.unwrap_or_default();
                let other = if self.pins == Pins::SharedCatalogs {
                    format!("database {}", self.database)
                } else {
                    String::new()
                };
                let parts: Vec<&str> =
                    [name.as_str(), other.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
                if parts.is_empty() { format!("pid {pid}") } else { format!("pid {pid} ({})", parts.join(", ")) }
            }
        }
    }

    /// Returns that it is open and since when: `pid 7 (celery) has a transaction open for 13m19s`.
    fn is_open(&self) -> String {
        let since = self.open_for.map(|age| format!(" for {age}")).unwrap_or_default();
        match self.kind {
            HolderKind::Session => format!("{} has a transaction open{since}", self.who()),
            _ => format!("{} is open{since}", self.who()),
        }
    }

    /// Returns how far back it is and where that keeps dead rows, in words.
    pub(crate) fn what_it_pins(&self) -> String {
        let rows = format!(
            "keeps dead rows of the last {}",
            Count(self.transactions as f64).of("transaction", "transactions")
        );
        match &self.pins {
            Pins::Nothing(why) => format!("does not hold back vacuum: {why}"),
            Pins::SharedCatalogs => {
                format!("{rows} in shared catalogs only: it is connected to database {}", self.database)
            }
            Pins::SystemCatalogs => format!("{rows} in system catalogs only"),
            Pins::Database => format!("{rows} in every table of this database"),
            Pins::Cluster => format!("{rows} in every table of every database"),
            Pins::Primary => {
                "holds back nothing on this standby; with hot_standby_feedback it holds back vacuum on the primary"
                    .to_owned()
            }
        }
    }

    /// Returns how to end it, in a sentence.
    pub(crate) fn how_to_end(&self) -> &'static str {
        match self.kind {
            HolderKind::Session => "Commit or roll back its transaction, or terminate the session (K in Activity).",
            HolderKind::Standby => {
                "Terminate the long statement on the standby, or turn hot_standby_feedback off \
                there."
            }
            HolderKind::Slot => {
                "If its consumer still exists, let it catch up or terminate its long statement. Drop the slot only \
                 if nothing uses it."
            }
            HolderKind::Prepared => "Commit it or roll it back from a session in its database.",
        }
    }

    /// Returns the SQL that ends it; `None` where no statement does.
    pub fn sql_to_end(&self) -> Option<String> {
        let name = quote_text(&self.name);
        match self.kind {
            HolderKind::Session | HolderKind::Standby => None,
            HolderKind::Slot => Some(format!("SELECT pg_drop_replication_slot({name});")),
            HolderKind::Prepared => Some(format!("ROLLBACK PREPARED {name};")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, NamedRow, With as _, row, snapshot};

    use crate::sample::Value;

    fn horizon(rows: Vec<NamedRow>) -> VacuumHorizon {
        VacuumHorizon::of(&Readings::of(snapshot().with("vacuum_horizon", rows))).unwrap()
    }

    #[test]
    fn a_transaction_id_holds_back_as_much_as_a_snapshot() {
        let seen = horizon(vec![
            row! { kind: "session", pid: 7, database: "shop", xid_age: 501, open_for: 960.0 },
            row! { kind: "session", pid: 8, database: "shop", xmin_age: 20 },
        ]);
        assert_eq!(seen.oldest().unwrap().pid, Some(7));
        assert_eq!(
            seen.words_of_pid(7),
            "keeps dead rows of the last 500 transactions in every table of this database"
        );
    }

    #[test]
    fn a_snapshot_that_inherits_its_age_is_not_the_cause() {
        // The worker has run for 9 ms; its snapshot begins at the transaction of pid 7, which is in another database.
        let seen = horizon(vec![
            row! { kind: "session", pid: 9, database: "shop", xmin_age: 501, open_for: 0.009 },
            row! { kind: "session", pid: 7, database: "other", xid_age: 501, open_for: 960.0, name: "shell" },
        ]);
        assert_eq!(seen.oldest().unwrap().pid, Some(7));
        let words = "keeps dead rows of the last 501 transactions in every table of this database, because \
                     pid 7 (shell, database other) has a transaction open for 16m00s";
        assert_eq!(seen.words_of_pid(9), words);
        assert_eq!(
            seen.answer(&seen.hold_of_pid(9)),
            "no: pid 7 (shell, database other) has a transaction open for 16m00s; ending this session would not let VACUUM remove more"
        );
    }

    #[test]
    fn what_pins_nothing_says_why() {
        let seen = horizon(vec![
            row! { kind: "session", pid: 1, database: "shop", xmin_age: 900, is_vacuum: true },
            row! { kind: "session", pid: 2, database: "shop", xid_age: 1 },
            row! { kind: "session", pid: 3, database: "shop", xmin_age: 0 },
        ]);
        assert_eq!(seen.oldest(), None);
        for (pid, words) in [
            (1, "does not hold back vacuum: a VACUUM does not hold back another VACUUM"),
            (2, "does not hold back vacuum: no other transaction has written since"),
            (3, "does not hold back vacuum: no other transaction has written since"),
            (4, "does not hold back vacuum: it has no snapshot and no transaction ID"),
        ] {
            assert_eq!(seen.words_of_pid(pid), words);
        }
    }

    /// What is said of pid 7, the sessions being read a second after who holds vacuum back.
    fn of_two_samples(sessions: Vec<NamedRow>, holders: Vec<NamedRow>) -> String {
        let older = snapshot().at(NOW - 1.0).with("vacuum_horizon", holders);
        let mut newer = snapshot().with("activity", sessions);
        newer.sections.insert("vacuum_horizon", older.section("vacuum_horizon").clone());
        words_of_session(&Readings::of(newer), 7)
    }

    #[test]
    fn two_readings_do_not_make_one_fact() {
        let client = |started: Option<f64>| {
            let started = started.map_or(Value::Null, Value::Float);
            row! { pid: 7, backend_type: "client backend", state: "active", xact_start: started }
        };
        let holder = || vec![row! { kind: "session", pid: 7, database: "shop", xid_age: 501 }];
        let waiter = row! { pid: 8, wait_event_type: "Lock", wait_event: "transactionid", blocked_by: [7] };
        // It wrote after the one reading and before the other: it is no session that holds nothing back.
        let wrote = of_two_samples(vec![client(Some(NOW - 60.0)), waiter], vec![]);
        assert_eq!(wrote, "? (not read since it got a transaction ID)");
        let idle = of_two_samples(vec![client(Some(NOW - 60.0))], vec![]);
        assert_eq!(idle, "did not hold back vacuum 1.0s ago: it had no snapshot and no transaction ID");
        let running = |started: f64| {
            row! { pid: 7, backend_type: "client backend", state: "active", xact_start: NOW - 60.0, query_start: started }
        };
        for started in [NOW - 0.5, NOW - 1.5, NOW - 2.9] {
            assert_eq!(
                of_two_samples(vec![running(started)], vec![]),
                "? (not known until the next sample)",
                "{started}"
            );
        }
        assert!(of_two_samples(vec![running(NOW - 30.0)], vec![]).starts_with("did not hold back vacuum"));
        let begun = "? (not read since its transaction began)";
        assert_eq!(of_two_samples(vec![client(Some(NOW - 0.5))], vec![]), begun);
        assert_eq!(of_two_samples(vec![client(Some(NOW - 0.5))], holder()), begun, "that was the one before");
        let over = of_two_samples(vec![client(None)], holder());
        assert_eq!(over, "does not hold back vacuum: its transaction has ended");
        let holds = of_two_samples(vec![client(Some(NOW - 60.0))], holder());
        assert!(holds.starts_with("keeps dead rows of the last 500 transactions"), "{holds}");
    }

    #[test]
    fn of_two_sessions_only_the_one_further_back_holds_vacuum_back() {
        let session = |pid: i32, age: i32, open: f64| {
            row! { kind: "session", pid: pid, database: "shop", xid_age: age, xmin_age: age, open_for: open }
        };
        let seen = horizon(vec![session(1, 900, 1200.0), session(2, 501, 600.0), session(3, 300, 60.0)]);
        let answer = |pid: i64| seen.answer(&seen.hold_of_pid(pid));
        assert!(answer(1).starts_with("yes: it keeps dead rows"), "{}", answer(1));
        for pid in [2, 3] {
            let words =
                "no: pid 1 has a transaction open for 20m00s; ending this session would not let VACUUM remove more";
            assert_eq!(answer(pid), words);
        }
    }

    #[test]
    fn a_session_beyond_the_limit_is_not_said_to_hold_nothing_back() {
        let rows = vec![row! { kind: "session", pid: 1, xid_age: 9, database: "shop", total: 3 }];
        let seen = snapshot().with("vacuum_horizon", rows);
        assert_eq!(words_of_session(&Readings::of(seen), 7), "? (transactions: showing 1 of 3, the oldest)");
    }

    #[test]
    fn each_kind_pins_its_own_tables() {
        for (seen, pins, who) in [
            (row! { kind: "session", pid: 1, xmin_age: 5, database: "shop" }, Pins::Database, "pid 1"),
            (row! { kind: "session", pid: 1, xmin_age: 5, database: "b" }, Pins::SharedCatalogs, "pid 1 (database b)"),
            (row! { kind: "session", pid: 1, xmin_age: 5 }, Pins::Cluster, "pid 1"),
            (row! { kind: "standby", pid: 1, xmin_age: 5, name: "s" }, Pins::Cluster, "standby s (pid 1)"),
            (row! { kind: "slot", name: "s", xmin_age: 5 }, Pins::Cluster, "replication slot s"),
            (row! { kind: "slot", name: "s", catalog_age: 5 }, Pins::SystemCatalogs, "replication slot s"),
            (
                row! { kind: "prepared", name: "it's", xid_age: 5, database: "shop" },
                Pins::Database,
                "prepared transaction 'it''s'",
            ),
        ] {
            let seen = horizon(vec![seen]);
            let holder = &seen.holders[0];
            assert_eq!((&holder.pins, holder.who().as_str()), (&pins, who));
            assert_eq!(seen.oldest().is_some(), matches!(pins, Pins::Database | Pins::Cluster));
        }
    }

    #[test]
    fn a_standby_has_no_vacuum_to_hold_back() {
        let rows = vec![row! { kind: "session", pid: 1, xmin_age: 5, database: "shop" }];
        let seen = snapshot().with("server", vec![row! { is_standby: true }]).with("vacuum_horizon", rows);
        assert_eq!(VacuumHorizon::of(&Readings::of(seen)).unwrap().oldest(), None);
    }

    #[test]
    fn what_came_after_a_vacuum_did_not_keep_it_from_anything() {
        let holder = row! { kind: "session", pid: 7, database: "shop", xmin_age: 900, open_for: 30.0 };
        let readings = Readings::of(snapshot().with("vacuum_horizon", vec![holder]));
        let horizon = readings.horizon().unwrap();
        let pid = |vacuum: f64| horizon.oldest_before(Some(Seconds(vacuum))).and_then(|holder| holder.pid);
        assert_eq!((pid(29.0), pid(31.0)), (Some(7), None));
    }
}
