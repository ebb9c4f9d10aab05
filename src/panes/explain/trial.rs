//! "Try it for real": the index is built, the statement measured without and with it, and the index dropped.

use super::deck::DeckPart;
use super::{Explain, Panel, compare, indexes};
use crate::advisor::IndexSpec;
use crate::app::{Effect, Job, JobId, PaneRequest, PaneView};
use crate::catalog::{Table, TableLock, table};
use crate::django::DjangoCode;
use crate::django::sql::{Build, create_index};
use crate::document::Document;
use crate::failure::Failure;
use crate::pg::advice::AdvisedIndex;
use crate::pg::explain::ExplainRequest;
use crate::pg::maintenance::{IndexToBuild, MaintenanceTask};
use crate::pg::verify::{Building, Tried, trial_name};
use crate::plan::{BLOCK, NodeKind, Plan};
use crate::report::{TrialResult, built_size};
use crate::sample::unit::Count;
use crate::sample::{Bytes, Seconds};
use crate::ui::frame::TextPart;
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Role;

/// How many times a trial runs a quick statement with the index, and from how many seconds on it is not quick.
const RUNS: f64 = 3.0;
const SLOW: f64 = 2.0;

/// The keys below what was measured.
const TRIED: &[(&str, &str)] = &[("y", "copy code"), ("w", "write migration"), ("Esc", "back to the plan")];

/// The same for a statement with parameters.
const TRIED_WITH_VALUES: &[(&str, &str)] =
    &[("y", "copy code"), ("w", "write migration"), ("R", "other values"), ("Esc", "back to the plan")];

/// An index that a person was asked about, and that is being tried once they agree.
#[derive(Debug)]
pub(super) struct TrialRun {
    /// The job.
    pub(super) id: JobId,
    /// Which of the indexes shown it is.
    pub(super) at: usize,
    /// How long it has been running; `None` before a person agrees.
    pub(super) elapsed: Option<Seconds>,
}

/// Says how a trial under way stands.
pub(super) fn under_way(elapsed: Seconds, glyphs: &Glyphs) -> Vec<TextPart> {
    vec![
        (format!("{} trying the index {elapsed}", glyphs.selected), Role::Accent),
        ("  Esc cancels it on the server and leaves nothing behind".to_owned(), Role::Muted),
    ]
}

/// Says in one line why a trial failed.
pub(super) fn failed(trial: &TrialResult, failure: &Failure, glyphs: &Glyphs) -> Vec<TextPart> {
    vec![
        (format!("{} index trial {}: ", glyphs.bad, trial.at + 1), Role::Bad),
        (crate::ui::text::clean(&failure.what).into_owned(), Role::Bad),
    ]
}

/// Says what was measured: the title of the comparison, and the facts below its bars.
fn compared(at: usize, tried: &Tried, values: &str) -> compare::Compared {
    let is_used = tried.is_used.iter().all(|is_used| *is_used);
    let (used, role) =
        if is_used { ("used by the planner", Role::Good) } else { ("the planner does not use it", Role::Bad) };
    let title = format!("Index {} tried for real: built in {}, measured, removed again", at + 1, tried.build);
    let mut facts = vec![("index", format!("{} on disk, measured; {used}", built_size(tried)), role)];
    if tried.times().is_none() {
        facts.push(("time", "a write is only planned, so there are no times".to_owned(), Role::Muted));
    }
    if !values.is_empty() {
        facts.push(("values", values.to_owned(), Role::Text));
    }
    facts.extend(tried.notes.iter().map(|note| ("note", note.clone(), Role::Muted)));
    compare::Compared { title, role: Some(role), facts, index: Some(at), after: Vec::new() }
}

/// The question before an index is built: what is done, where, and who waits for it.
struct BuildQuestion<'a> {
    suggestion: &'a AdvisedIndex,
    table: Option<&'a Table>,
    plan: &'a Plan,
    /// Who holds a lock on the table that the build waits for: `pid 7 (ROW EXCLUSIVE, transaction open for 20m)`.
    holders: Vec<String>,
}

/// Returns who still holds a lock on a table that the build of an index waits for: a transaction that ended holds none.
fn holders(table: &Table, view: &PaneView<'_>) -> Vec<String> {
    let sessions = view.readings.backends().ok();
    let still = |lock: &TableLock| {
        let Some(sessions) = sessions else { return true };
        let is_same = |started: f64| lock.xact_started.is_none_or(|known| (known - started).abs() < 1.0);
        let session = sessions.iter().find(|session| session.pid == lock.pid);
        session.is_some_and(|session| session.xact_started.is_some_and(is_same))
    };
    let told = |lock: &TableLock| {
        let age = lock.xact_started.map(|started| Seconds((view.newer.at.0 - started).max(0.0)));
        let age = age.map(|age| format!(", transaction open for {age}")).unwrap_or_default();
        format!("pid {} ({}{age})", lock.pid, lock.mode_in_sql())
    };
    table.locks.iter().filter(|lock| still(lock)).map(told).collect()
}

impl BuildQuestion<'_> {
    fn specs(&self) -> Vec<IndexSpec> {
        self.suggestion.candidate.specs().cloned().collect()
    }

    fn is_write(&self) -> bool {
        self.plan.nodes.iter().any(|node| node.kind == NodeKind::ModifyTable)
    }

    /// How long writes would wait, about, if it were built in a transaction: for the build, and the runs after it.
    fn writes_wait(&self) -> Seconds {
        let time = self.plan.total_time().filter(|_| self.plan.is_analyzed() && !self.is_write());
        let runs = time.map_or(0.0, |time| if time.0 < SLOW { time.0 * RUNS } else { time.0 });
        Seconds(self.suggestion.candidate.write_cost.build.0 + runs)
    }

    fn building(&self) -> Building {
        let is_partitioned = self.table.is_some_and(|table| table.kind == table::RelationKind::Partitioned);
        Building::expecting(self.writes_wait(), is_partitioned)
    }

    fn about(&self, target: &str) -> Document {
        let candidate = &self.suggestion.candidate;
        let mut about = Document::new("What would be built");
        about.pair("on", target);
        for (at, spec) in self.specs().into_iter().enumerate() {
            let unknown = || Table { schema: spec.schema.clone(), name: spec.table.clone(), ..Table::default() };
            let table = self.table.cloned().unwrap_or_else(unknown);
            about.pair("builds", &create_index(&table, &spec.definition, &trial_name(at + 1), Build::Plain));
        }
        if let Some(table) = self.table {
            let rows = table.rows.map(|rows| format!(", {} rows", Count(rows))).unwrap_or_default();
            about.pair("table", &format!("{}.{}, {}{rows}", table.schema, table.name, Bytes(table.pages * BLOCK)));
        }
        about.pair("index", &format!("about {}", Bytes(candidate.size_bytes())));
        let measures = if self.is_write() {
            "its plan only, because it writes"
        } else {
            "the statement, up to 3 times without the index and 3 with it"
        };
        about.pair("measures", measures);
        match self.building() {
            Building::InTransaction { .. } => {
                let (wait, build) = (self.writes_wait(), candidate.write_cost.build);
                let parts =
                    if wait.0 > build.0 { format!(", {build} of it the build, then the runs") } else { String::new() };
                let table = &candidate.spec.table;
                if !self.holders.is_empty() {
                    let who = self.holders.join(", ");
                    about.pair("waits for", &format!("{who}: the build cannot start before that ends"));
                    about.pair("meanwhile", &format!("every new write to {table} waits behind the build"));
                }
                let who = format!("every write to {table}, for about {wait}{parts} (SHARE lock); reads continue");
                about.pair("who waits", &who);
                about.pair(
                    "afterwards",
                    "ROLLBACK: the index is gone (if old transactions hide it: built CONCURRENTLY, then dropped)",
                );
            }
            Building::Concurrently { .. } => {
                let build = candidate.write_cost.build;
                about.pair("who waits", &format!("no one: it is built CONCURRENTLY in about {build}, which costs I/O"));
                about.pair(
                    "afterwards",
                    "DROP INDEX CONCURRENTLY; the build and the drop wait for old transactions to end",
                );
            }
        }
        about
    }
}

impl Explain {
    /// Asks whether an index is to be tried: the first, or the one after that which was tried.
    pub(super) fn ask_trial(&mut self, view: &PaneView<'_>) -> PaneRequest {
        if self.is_trying().is_some() || self.run.is_some() {
            return PaneRequest::Say("An index trial is already running; Esc cancels it".to_owned());
        }
        let Some(plan_view) = &self.plan_view else {
            return PaneRequest::Say("Press R to run the statement first, then B for an index trial".to_owned());
        };
        let (Some(request), indexes::IndexSearch::Found(found)) = (&plan_view.request, &plan_view.search) else {
            return PaneRequest::Say("No index advice yet; press R to run the statement".to_owned());
        };
        if super::run::parameters(&request.sql) > request.parameters.len() {
            return self.ask_values_for_trial(request.clone());
        }
        let at = plan_view.tried.as_ref().map_or(0, |trial| trial.at + 1);
        let at = if at < found.indexes.len() { at } else { 0 };
        let Some(suggestion) = found.indexes.get(at) else {
            return PaneRequest::Say("No index to try for this statement".to_owned());
        };
        let spec = &suggestion.candidate.spec;
        let table = found.catalog.table(Some(&spec.schema), &spec.table);
        let holders = table.map(|table| holders(table, view)).unwrap_or_default();
        let question = BuildQuestion { suggestion, table, plan: &plan_view.source.plan, holders };
        let server = &view.newer.server;
        let job = Job::TryIndexes {
            request: Box::new(ExplainRequest { options: crate::pg::explain::Options::default(), ..request.clone() }),
            specs: question.specs(),
            building: question.building(),
        };
        let about = question.about(&format!("{} as {}, database {}", server.target, server.role, server.database));
        let id = self.ids.take();
        self.trial = Some(TrialRun { id, at, elapsed: None });
        PaneRequest::Ask {
            about,
            question: format!("Build index {} and measure the statement with it?", at + 1),
            then: Effect::Start(id, job),
        }
    }

    /// Asks whether the index that was tried, else the first, is to be built and kept.
    pub(super) fn ask_build(&mut self, view: &PaneView<'_>) -> PaneRequest {
        let found = self.plan_view.as_ref().map(|plan_view| (plan_view.tried.as_ref(), &plan_view.search));
        let Some((tried, indexes::IndexSearch::Found(found))) = found else {
            return PaneRequest::Say("No index advice yet; press R to run the statement".to_owned());
        };
        let at = tried.map_or(0, |trial| trial.at);
        let Some(suggestion) = found.indexes.get(at) else {
            return PaneRequest::Say("No index to build for this statement".to_owned());
        };
        let spec = &suggestion.candidate.spec;
        let table = found.catalog.table(Some(&spec.schema), &spec.table);
        if table.is_some_and(|table| table.kind == table::RelationKind::Partitioned) {
            let text = "The table is partitioned, so its index cannot be built concurrently: use the migration (w)";
            return PaneRequest::Say(text.to_owned());
        }
        let codes: Result<Vec<&DjangoCode>, &String> = suggestion.codes.iter().map(Result::as_ref).collect();
        let codes = match codes {
            Ok(codes) if !codes.is_empty() => codes,
            Ok(_) => return PaneRequest::Say("There is no code for this index".to_owned()),
            Err(why) => return PaneRequest::Say(format!("There is no name for this index: {why}")),
        };
        let indexes: Vec<IndexToBuild> = (suggestion.candidate.specs().zip(&codes))
            .map(|(spec, code)| IndexToBuild { spec: spec.clone(), name: code.name.clone() })
            .collect();
        let mut about = Document::new("What would be built");
        let server = &view.newer.server;
        about.pair("on", &format!("{} as {}, database {}", server.target, server.role, server.database));
        for code in &codes {
            about.pair("builds", code.sql.trim_end_matches(';'));
        }
        let candidate = &suggestion.candidate;
        about.pair(
            "index",
            &format!("about {}, in about {}", Bytes(candidate.size_bytes()), candidate.write_cost.build),
        );
        about.pair("who waits", "no reads and no writes; it waits itself for transactions that are open now");
        let holders = table.map(|table| holders(table, view)).unwrap_or_default();
        if !holders.is_empty() {
            about.pair("waits for", &holders.join(", "));
        }
        about.pair("if it fails", "or is cancelled by Esc, or pgdj ends: the invalid index is dropped");
        if let Some(migration) = codes.iter().find_map(|code| code.migration.as_ref()) {
            let told = format!(
                "still write the migration (w), so that the models have it; where the index is there already, apply it \
                 by manage.py migrate --fake {} {}",
                migration.path.split('/').next().unwrap_or_default(),
                migration.name()
            );
            about.pair("afterwards", &told);
        }
        let names: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
        let name = names.join(" and ");
        let job = Job::Maintain { task: MaintenanceTask::BuildIndexes(indexes), name: name.clone() };
        let question = format!("Build {name} on {} and keep it?", spec.table);
        PaneRequest::Ask { about, question, then: Effect::Start(self.ids.take(), job) }
    }

    /// Asks for the values of a statement that has none: without them a trial would measure NULL.
    fn ask_values_for_trial(&mut self, request: ExplainRequest) -> PaneRequest {
        let request = ExplainRequest { options: self.options, ..request };
        PaneRequest::All(vec![
            PaneRequest::Say("An index trial runs the statement: give each $n a value, then press B again".to_owned()),
            self.find_parameters(request),
        ])
    }

    /// Returns how long the trial has been running, where one is.
    pub(super) fn is_trying(&self) -> Option<Seconds> {
        self.trial.as_ref().and_then(|trial| trial.elapsed)
    }

    /// Takes what was measured; the plan that is shown is the one it is about, as another one gives the trial up.
    pub(super) fn take_tried(&mut self, id: JobId, tried: Result<Box<Tried>, Failure>) {
        let Some(trial) = self.trial.take_if(|trial| trial.id == id) else { return };
        let Some(plan_view) = &mut self.plan_view else { return };
        let is_done = tried.is_ok();
        plan_view.take_tried(TrialResult { at: trial.at, tried });
        self.panel = Panel::Index;
        if is_done {
            self.compare_tried();
        }
    }

    /// Gives up the trial under way; returns what the shell has to do for that.
    pub(super) fn give_up_trial(&mut self) -> Option<PaneRequest> {
        let trial = self.trial.take()?;
        trial.elapsed.map(|_| PaneRequest::Do(Effect::Cancel(trial.id)))
    }

    /// Gives up the trial and the run under way: another plan takes their place.
    pub(super) fn give_up_work(&mut self) -> Option<PaneRequest> {
        let run = self.run.take().map(|run| PaneRequest::Do(Effect::Cancel(run.id)));
        let requests: Vec<PaneRequest> = run.into_iter().chain(self.give_up_trial()).collect();
        (!requests.is_empty()).then_some(PaneRequest::All(requests))
    }

    /// Shows the plans without and with the index, as they were measured; returns whether there are any.
    pub(super) fn compare_tried(&mut self) -> bool {
        let Some(trial) = self.plan_view.as_ref().and_then(|plan_view| plan_view.tried.as_ref()) else { return false };
        let Ok(tried) = &trial.tried else { return false };
        let Some(plan_view) = &self.plan_view else { return false };
        let mut compared = compared(trial.at, tried, &plan_view.source.shown_values());
        let has_values = !plan_view.source.values.is_empty();
        let keys = if has_values { TRIED_WITH_VALUES } else { TRIED };
        let code = plan_view.search.code_card(trial.at);
        compared.after.extend(code.map(|card| DeckPart::Card(card.keys(keys))));
        let comparison = compare::compare(&tried.before, &tried.after, compared, &self.glyphs);
        self.show_comparison(comparison);
        true
    }
}
