//! What is asked of the readings of a moment about the slices of the load.

use std::cell::Ref;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Dimension, LoadSamples, RootNames, SliceFilter, SliceValue, TimeWindow};
use crate::readings::Readings;
use crate::readings::statement_text::normalised;
use crate::sample::History;

impl Readings {
    /// Returns at the root of which session's locks each waiting session is.
    pub fn root_names(&self) -> &RootNames {
        let roots = |all: &Self| RootNames::of(all.lock_graph(), all.backends().unwrap_or_default());
        self.read(&["activity", "locks"], |all| &all.roots, roots)
    }

    /// Returns the samples of a stretch of time as slices of the load; those that are not known yet are read.
    pub fn load_samples(&self, history: &History, window: TimeWindow) -> Ref<'_, LoadSamples> {
        // What is looked at already stays as it is.
        if let Ok(mut samples) = self.load_samples.try_borrow_mut() {
            samples.take(history, window);
        }
        self.load_samples.borrow()
    }

    /// Returns the Django view of each statement, by its queryid, else the command or task: the one that most sessions had
    /// which ran it in a stretch of time. A statement that most ran without a tag has none.
    pub(crate) fn callers(&self, history: &History, window: TimeWindow) -> HashMap<i64, Arc<str>> {
        let samples = self.load_samples(history, window);
        let mut callers = HashMap::new();
        for beside in [Dimension::Task, Dimension::View] {
            for row in samples.rows(window, SliceFilter::ALL, Dimension::Statement, beside) {
                if let (SliceValue::Query(id), Some(SliceValue::Named(name))) = (row.value, row.mostly) {
                    callers.insert(id, name);
                }
            }
        }
        callers
    }

    /// Returns what a slice of the load is called.
    pub fn slice_label(&self, dimension: Dimension, value: &SliceValue) -> String {
        let model = |table: &str| self.project().owner(table).map(|owner| owner.short());
        match (dimension, value) {
            (Dimension::Model, SliceValue::Named(table)) => model(table).unwrap_or_else(|| table.to_string()),
            (_, SliceValue::Named(name)) => name.to_string(),
            (_, SliceValue::Untagged(table)) => match model(table) {
                Some(model) => format!("(no tag) model {model}"),
                None => format!("(no tag) {table}").trim_end().to_owned(),
            },
            (_, SliceValue::Query(id)) => {
                let known = self.statement_texts().get(id).filter(|text| !text.is_empty());
                let known = known.map(|text| normalised(text));
                let seen = || self.load_samples.borrow().text(*id).map(str::to_owned);
                known.or_else(seen).unwrap_or_else(|| format!("queryid {id}"))
            }
            (Dimension::WaitClass | Dimension::WaitEvent, SliceValue::Absent) => "(not active)".to_owned(),
            (Dimension::RootBlocker, SliceValue::Absent) => "(not blocked)".to_owned(),
            (_, SliceValue::Absent) => format!("(no {})", dimension.name()),
        }
    }
}
