//! The exact bloat of tables and indexes: asked for one at a time, kept until pgdj ends.

use std::collections::HashMap;

use crate::app::keys::{Binding, key};
use crate::app::{Action, Effect, Job, JobId, JobIds, JobNews, JobResult, Message, PaneId, PaneRequest};
use crate::pg::exact::{Exact, MeasuredRelation};
use crate::sample::unit::Share;
use crate::sample::{Missing, Timestamp};

/// Asks whether the bloat of a row is to be measured.
pub(super) const MEASURE: Action = Action::Own("measure bloat");

/// Its key.
pub(super) const KEY: Binding =
    key(MEASURE, &["b"], "measure bloat", "Measure the bloat of this row exactly; asks first.").shown(6).asks_server();

/// What was measured in one pane, and what is being measured.
#[derive(Debug)]
pub(super) struct Measuring {
    ids: JobIds,
    /// The measurement that was asked for last.
    asked: Option<(JobId, MeasuredRelation, String)>,
    measured: HashMap<i64, (f64, Timestamp)>,
}

impl Measuring {
    /// Nothing is measured yet.
    pub(super) fn of(pane: PaneId) -> Self {
        Self { ids: JobIds::of(pane), asked: None, measured: HashMap::new() }
    }

    /// Numbers another job of the same pane.
    pub(super) fn next_id(&mut self) -> JobId {
        self.ids.take()
    }

    /// Returns what the shell has to do to measure a relation.
    pub(super) fn ask(&mut self, relation: MeasuredRelation, name: String) -> Effect {
        let id = self.ids.take();
        self.asked = Some((id, relation, name.clone()));
        Effect::Start(id, Job::MeasureBloat { relation, name })
    }

    /// Returns the share of each relation that is dead or free, 0..=1, and when that was measured, by oid.
    pub(super) fn measured(&self) -> &HashMap<i64, (f64, Timestamp)> {
        &self.measured
    }

    /// Keeps what was measured.
    pub(super) fn keep(&mut self, oid: i64, share: f64, at: Timestamp) {
        self.measured.insert(oid, (share, at));
    }

    /// Takes news of a measurement.
    pub(super) fn take(&mut self, id: JobId, news: JobNews) -> PaneRequest {
        let JobNews::Done(result) = news else { return PaneRequest::Nothing };
        let Some((_, relation, name)) = self.asked.take_if(|(asked, ..)| *asked == id) else {
            return PaneRequest::Nothing;
        };
        match result {
            JobResult::BloatMeasured(Ok(exact)) => {
                let (MeasuredRelation::Table(oid) | MeasuredRelation::Index(oid)) = relation;
                self.keep(oid, exact.share().unwrap_or(0.0), exact.at);
                let kept = match relation {
                    MeasuredRelation::Index(_) => "; what the fillfactor keeps free (10% by default) is no bloat",
                    MeasuredRelation::Table(_) => "",
                };
                PaneRequest::Report(Message::good(format!("{}{kept}", measured_text(&name, &exact))))
            }
            JobResult::BloatMeasured(Err(why)) => PaneRequest::Report(Message::bad(not_measured_text(&name, &why))),
            _ => PaneRequest::Nothing,
        }
    }
}

fn measured_text(name: &str, exact: &Exact) -> String {
    let share = Share(exact.share().unwrap_or(0.0));
    let how = if exact.scanned > 0.0 {
        format!("{} read", Share(exact.scanned))
    } else {
        "from the free space map; no page had to be read".to_owned()
    };
    format!("{name}: {share} of {} is free or dead, measured ({how})", exact.bytes)
}

fn not_measured_text(name: &str, why: &Missing) -> String {
    let remedy = why.remedy().map(|remedy| format!(" ({remedy})")).unwrap_or_default();
    format!("{name} was not measured: {why}{remedy}")
}
