//! What one round trip asks, in its order, and what each part of it cost the server.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Error;

use super::bundle::ProbeQuestion;
use super::kept::AlreadyRead;
use super::timing::{CLOCK, Times, take_times};
use crate::pg::blockers::{self, LockTarget};
use crate::pg::own::{Mark, Sql};
use crate::pg::session::{Answer, Answers, Limits, Query};
use crate::sample::{Seconds, ServerFacts, Timestamp, Value};

/// What may cost many times as much as all others: its time is told by itself.
const DEAR: &[&str] = &["statements"];

/// What is asked in one round trip.
#[derive(Debug)]
pub struct RoundTrip {
    /// The questions, in their order.
    pub questions: Vec<ProbeQuestion>,
    /// What was known when it was made.
    pub(crate) known: AlreadyRead,
    steps: Vec<RoundTripStep>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RoundTripStep {
    /// The question at this place.
    Question(usize),
    /// The server's clock: what stands before it is measured by it.
    Clock,
    /// Who blocks.
    Blockers,
}

/// What came back.
#[derive(Debug)]
pub struct Returned {
    /// The answer to each question, in their order.
    pub answers: Answers,
    /// Who blocks, where that was asked.
    pub blockers: Option<Answer>,
    /// When the first statement was taken up, and when the last that tells it was done.
    pub times: Option<Times>,
    /// What the server worked on it all; waiting for a lock costs it nothing.
    pub cost: Option<Seconds>,
    /// What the server worked on each question; together on those between two times that are known.
    pub costs: Vec<Option<Seconds>>,
}

/// The statements of single probes as they are sent to a server, and what their parameters are: made once, and not each
/// second.
#[derive(Debug, Default)]
pub(crate) struct MadeStatements {
    facts: Option<Arc<ServerFacts>>,
    made: HashMap<(&'static str, IsFirst), (Sql, Vec<Mark>)>,
}

/// Whether a statement is the first of its round trip, which tells its time.
type IsFirst = bool;

impl MadeStatements {
    fn of(&mut self, question: &ProbeQuestion, place: usize, facts: &Arc<ServerFacts>) -> (Sql, Vec<Mark>) {
        let make = || question.sql(place, facts).with_parameters();
        let [probe] = question.probes.as_slice() else { return make() };
        if self.facts.as_ref().is_none_or(|known| !Arc::ptr_eq(known, facts)) {
            *self = Self { facts: Some(Arc::clone(facts)), made: HashMap::new() };
        }
        self.made.entry((probe.name, place == 0)).or_insert_with(make).clone()
    }
}

impl RoundTrip {
    /// Puts the questions in their order; behind a pooler the bundle tells the time, which is its last.
    pub(crate) fn new(questions: Vec<ProbeQuestion>, known: AlreadyRead, is_pooled: bool, has_blockers: bool) -> Self {
        let mut steps = Vec::new();
        for (place, question) in questions.iter().enumerate() {
            let is_dear = question.probes.iter().any(|probe| DEAR.contains(&probe.name));
            if is_dear && !is_pooled && place > 1 {
                steps.push(RoundTripStep::Clock);
            }
            steps.push(RoundTripStep::Question(place));
        }
        if !is_pooled && questions.len() > 1 {
            steps.push(RoundTripStep::Clock);
        }
        if has_blockers {
            steps.push(RoundTripStep::Blockers);
        }
        Self { questions, known, steps }
    }

    /// Returns how many statements it is.
    pub fn statements(&self) -> usize {
        self.steps.len()
    }

    /// Returns the statements for a server; what is known already is not read again.
    pub(crate) fn queries(&self, facts: &Arc<ServerFacts>, made: &mut MadeStatements) -> Vec<Query> {
        let mut ask = |question: &ProbeQuestion, place| {
            let (sql, marks) = made.of(question, place, facts);
            marks.into_iter().fold(Query::new(sql), |query, mark| query.with(self.known.parameter(mark)))
        };
        let mut query = |step: &RoundTripStep| match *step {
            RoundTripStep::Question(place) => self.questions.get(place).map(|question| ask(question, place)),
            RoundTripStep::Clock => Some(Query::new(CLOCK.sql())),
            RoundTripStep::Blockers => Some(blockers::question(LockTarget::Catalog)),
        };
        self.steps.iter().filter_map(&mut query).collect()
    }

    /// Sorts what came back, and takes the times off.
    pub fn sort(&self, answers: Answers) -> Returned {
        let mut returned = Returned {
            answers: Vec::new(),
            blockers: None,
            times: None,
            cost: None,
            costs: vec![None; self.questions.len()],
        };
        let mut meter = Meter::default();
        for (step, mut answer) in self.steps.iter().zip(answers) {
            match *step {
                RoundTripStep::Question(place) => {
                    let is_told = place == 0 || self.questions.get(place).is_some_and(ProbeQuestion::is_bundle);
                    let times = answer.as_mut().ok().filter(|_| is_told).and_then(take_times);
                    match times {
                        Some(times) => meter.tells(place, times, &mut returned.costs),
                        None => meter.passes(place, answer.as_ref().err()),
                    }
                    returned.answers.push(answer);
                }
                RoundTripStep::Clock => {
                    let told = answer.ok().and_then(|answer| answer.scalar().and_then(Value::as_f64)).map(Timestamp);
                    if let Some(end) = told {
                        meter.is_now(end, &mut returned.costs);
                    }
                }
                RoundTripStep::Blockers => returned.blockers = Some(answer.unwrap_or_default()),
            }
        }
        returned.times = meter.start.zip(meter.mark).map(|(start, end)| Times { start, end });
        returned.cost = meter.start.map(|_| Seconds(meter.worked));
        returned
    }
}

/// Adds up what the server worked between the times that are known.
#[derive(Default)]
struct Meter {
    start: Option<Timestamp>,
    mark: Option<Timestamp>,
    /// The questions since the last time that is known, and how many of them waited for a lock in vain.
    since: Vec<usize>,
    waits: usize,
    worked: f64,
}

impl Meter {
    fn tells(&mut self, place: usize, times: Times, costs: &mut [Option<Seconds>]) {
        self.is_now(times.start, costs);
        self.since.push(place);
        self.is_now(times.end, costs);
    }

    fn passes(&mut self, place: usize, error: Option<&Error>) {
        self.since.push(place);
        self.waits += usize::from(error.is_some_and(blockers::is_blocked));
    }

    fn is_now(&mut self, now: Timestamp, costs: &mut [Option<Seconds>]) {
        if let Some(mark) = self.mark {
            let waited = self.waits as f64 * Limits::FAST.lock.as_secs_f64();
            let worked = (now.0 - mark.0 - waited).max(0.0);
            self.worked += worked;
            for place in &self.since {
                if let Some(cost) = costs.get_mut(*place) {
                    *cost = Some(Seconds(worked));
                }
            }
        }
        self.start.get_or_insert(now);
        self.mark = Some(now);
        self.since.clear();
        self.waits = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::pg::probes::find;
    use crate::pg::sampler::idle::ReadingOf;
    use crate::pg::sampler::kept::KeptRows;

    fn question(names: &[&str]) -> ProbeQuestion {
        ProbeQuestion { probes: names.iter().map(|name| find(name).unwrap()).collect() }
    }

    fn answer(values: &[f64]) -> Answer {
        Answer { columns: Vec::new(), rows: vec![values.iter().copied().map(Value::Float).collect()] }
    }

    fn known() -> AlreadyRead {
        KeptRows::default().known(Instant::now(), Vec::new(), ReadingOf::Sample)
    }

    fn milliseconds(costs: &[Option<Seconds>]) -> Vec<i64> {
        costs.iter().map(|cost| cost.map_or(-1, |cost| (cost.0 * 1e3).round() as i64)).collect()
    }

    #[test]
    fn the_clock_stands_around_what_is_dear() {
        let trip = RoundTrip::new(vec![question(&["activity"])], known(), false, false);
        assert_eq!(trip.steps, [RoundTripStep::Question(0)], "it tells its time itself");
        let several = || ["activity", "server", "statements"].map(|name| question(&[name])).into();
        let trip = RoundTrip::new(several(), known(), false, true);
        assert_eq!(
            trip.steps,
            [
                RoundTripStep::Question(0),
                RoundTripStep::Question(1),
                RoundTripStep::Clock,
                RoundTripStep::Question(2),
                RoundTripStep::Clock,
                RoundTripStep::Blockers
            ]
        );
        assert!(!RoundTrip::new(several(), known(), true, false).steps.contains(&RoundTripStep::Clock));
    }

    #[test]
    fn a_statement_is_made_once_for_what_a_server_has() {
        let (mut made, trip) =
            (MadeStatements::default(), RoundTrip::new(vec![question(&["activity"])], known(), false, false));
        let old = Arc::new(ServerFacts::default());
        let new = Arc::new(ServerFacts {
            columns: ["pg_stat_activity.query_id".to_owned()].into(),
            ..ServerFacts::default()
        });
        let mut text = |facts| trip.queries(facts, &mut made)[0].sql.as_str().to_owned();
        assert_eq!(text(&old), text(&old));
        assert!(text(&new).contains("a.query_id as query_id") && !text(&old).contains("a.query_id as query_id"));
    }

    #[test]
    fn each_part_has_its_own_cost() {
        let names = ["activity", "server", "wal", "statements"];
        let trip = RoundTrip::new(names.map(|name| question(&[name])).into(), known(), false, false);
        let answers = vec![
            answer(&[7.0, 10.0, 10.003]),
            answer(&[1.0]),
            answer(&[1.0]),
            answer(&[10.004]),
            answer(&[1.0]),
            answer(&[10.064]),
        ];
        let returned = trip.sort(answers.into_iter().map(Ok).collect());
        assert_eq!(milliseconds(&returned.costs), [3, 1, 1, 60]);
        assert_eq!(milliseconds(&[returned.cost]), [64]);
        assert_eq!(returned.answers.len(), 4);
        assert_eq!(returned.times, Some(Times { start: Timestamp(10.0), end: Timestamp(10.064) }));
    }

    #[test]
    fn behind_a_pooler_the_bundle_tells_the_time() {
        let questions = vec![question(&["activity"]), question(&["statements"]), question(&["server", "wal"])];
        let trip = RoundTrip::new(questions, known(), true, false);
        let bundle = Answer {
            columns: Vec::new(),
            rows: vec![vec![
                Value::list(Vec::new()),
                Value::list(Vec::new()),
                Value::Float(10.05),
                Value::Float(10.052),
            ]],
        };
        let returned = trip.sort(vec![Ok(answer(&[7.0, 10.0, 10.003])), Ok(answer(&[1.0])), Ok(bundle)]);
        assert_eq!(milliseconds(&returned.costs), [3, 47, 2]);
        assert_eq!(milliseconds(&[returned.cost]), [52]);
    }
}
