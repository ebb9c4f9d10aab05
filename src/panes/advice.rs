//! Advice: what is worth doing for the whole workload, worst first?
//!
//! The indexes for all statements are looked for when a person presses R, never by itself; findings are listed at any time.
//! On a narrow screen vanish first what it costs writers, the build, the number of statements, the time; the kind, the
//! name, the share and the size stay.

mod documents;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::Rect;

use self::documents::{AdviceRow, RowSubject};
use super::column::{PaneColumn, cells, column, headers};
use super::explain;
use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::{
    Action, Choice, DrawContext, Effect, Job, JobId, JobIds, JobNews, JobProgress, JobResult, Message, Pane,
    PaneContext, PaneId, PaneRequest, PaneSpec, PaneSubject, PaneView, RowOrder, StatementToExplain,
};
use crate::document::Document;
use crate::failure::Failure;
use crate::pg::workload::WorkloadRequest;
use crate::readings::statement_line::statement_line;
use crate::report;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};
use crate::ui::dialog::PickItem;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, Notice};
use crate::workload::baseline::baseline_name;
use crate::workload::{Baseline, WorkloadAdvice, WorkloadProgress};

/// Its name.
pub const ID: PaneId = PaneId { name: "advice", title: "Advice" };

/// Looks for the indexes.
const LOOK: Action = Action::Own("look for indexes");
/// Writes the migrations to files, or keeps the advice.
const WRITE: Action = Action::Own("write the migration");

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show advice: which few indexes help the whole workload, what else is worth doing?",
    tab: "Adv",
    order: RowOrder::Sortable,
    bindings: KEYS,
    make: |_: &PaneContext| Box::new(Advice::default()),
};

const KEYS: &[Binding] = &[
    key(
        LOOK,
        &["R"],
        "look",
        "Look for the few indexes that save most time of all statements; nothing is run or built.",
    )
    .shown(3)
    .asks_server()
    .also("advise workload indexes"),
    key(Action::Explain, &["e"], "explain", "Explain a statement that the index helps.").shown(5).asks_server(),
    key(
        WRITE,
        &["w"],
        "write",
        "Write the migration of all indexes to a file in the folder pgdj was started in, or keep the advice for pgdj verify.",
    )
        .shown(7),
];

/// The pane.
#[derive(Debug)]
pub struct Advice {
    list: List,
    rows: Vec<AdviceRow>,
    ids: JobIds,
    /// The work that was asked for, and how far it is.
    asked: Option<(JobId, WorkloadProgress)>,
    found: Option<Result<Box<WorkloadAdvice>, Failure>>,
    /// The statements that a person chooses from, by their places.
    offered: Vec<usize>,
}

impl Default for Advice {
    fn default() -> Self {
        Self {
            list: List::default(),
            rows: Vec::new(),
            ids: JobIds::of(ID),
            asked: None,
            found: None,
            offered: Vec::new(),
        }
    }
}

impl Pane for Advice {
    fn refresh(&mut self, view: &PaneView<'_>) {
        let found = self.found.as_ref().and_then(|found| found.as_ref().ok());
        self.rows = documents::rows(found.map(Box::as_ref), view.findings);
        let columns = columns();
        let mut grid = Grid::new(headers(&columns));
        grid.rows = self.rows.iter().map(|row| GridRow::new(row.key.clone(), cells(&columns, row))).collect();
        grid.title = self.title();
        grid.footnote = Some(self.footnote());
        grid.notice = Some(Notice::new("No finding, and no index was looked for yet").remedy(
            "R looks for the few indexes that save most time of all statements. It plans them, and runs and builds nothing",
        ));
        self.list.refresh(grid);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.list.draw(frame, area, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, action: Action, _view: &PaneView<'_>) -> PaneRequest {
        match action {
            LOOK => self.look(),
            WRITE => self.write(),
            Action::Explain => self.explain(),
            Action::Jump => self.jump(),
            _ => PaneRequest::Nothing,
        }
    }

    fn inspect(&self, _view: &PaneView<'_>) -> Option<Document> {
        let found = self.found.as_ref().and_then(|found| found.as_ref().ok());
        self.selected().and_then(|row| documents::of(row, found.map(Box::as_ref)))
    }

    fn has_preview(&self) -> bool {
        true
    }

    fn offers(&self, action: Action) -> bool {
        let has_indexes = || self.advice().is_some_and(|advice| !advice.indexes.is_empty());
        match action {
            WRITE => has_indexes(),
            Action::Explain => self.selected().is_some_and(|row| !row.statements.is_empty()),
            _ => true,
        }
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        let row = self.selected()?;
        let document = documents::of(row, self.advice())?;
        let text = document.copied.clone().unwrap_or_else(|| row.title.clone());
        Some((text, format!("what to do: {}", row.title)))
    }

    fn picked(&mut self, of: Action, place: usize) -> PaneRequest {
        if of == WRITE {
            return self.written(place);
        }
        match self.offered.get(place) {
            Some(statement) if of == Action::Explain => self.explain_statement(*statement),
            _ => PaneRequest::Nothing,
        }
    }

    fn take_job(&mut self, id: JobId, news: JobNews) -> PaneRequest {
        let Some((_, progress)) = self.asked.as_mut().filter(|(asked, _)| *asked == id) else {
            return PaneRequest::Nothing;
        };
        match news {
            JobNews::Progress(JobProgress::Workload(now)) => *progress = now,
            JobNews::Done(result) => {
                self.asked = None;
                return self.done(result);
            }
            _ => {}
        }
        PaneRequest::Nothing
    }
}

impl Advice {
    fn advice(&self) -> Option<&WorkloadAdvice> {
        self.found.as_ref()?.as_ref().ok().map(Box::as_ref)
    }

    fn selected(&self) -> Option<&AdviceRow> {
        let key = self.list.selected_key()?;
        self.rows.iter().find(|row| row.key == key)
    }

    fn look(&mut self) -> PaneRequest {
        let id = self.ids.take();
        self.asked = Some((id, WorkloadProgress::default()));
        PaneRequest::Do(Effect::Start(id, Job::AdviseWorkload(WorkloadRequest::default())))
    }

    fn done(&mut self, result: JobResult) -> PaneRequest {
        match result {
            JobResult::WorkloadAdvised(Ok(advice)) => {
                let text = report::workload::verdict(&advice);
                self.found = Some(Ok(advice));
                PaneRequest::Report(Message::good(text))
            }
            JobResult::WorkloadAdvised(Err(failure)) => {
                let because = failure.because.first().map(|why| format!(": {why}")).unwrap_or_default();
                let hint = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                let text = format!("{}{because}{hint}", failure.what);
                self.found = Some(Err(failure));
                PaneRequest::Report(Message::bad(text))
            }
            _ => PaneRequest::Nothing,
        }
    }

    /// Asks what is to be written.
    fn write(&self) -> PaneRequest {
        let Some(advice) = self.advice() else { return PaneRequest::Nothing };
        let files = files(advice);
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let items = vec![
            PickItem::new("the migration of all indexes", names.join(", ")),
            PickItem::new(
                "a baseline, to compare later with what comes of it",
                format!("pgdj verify {}", name_of(advice)),
            ),
        ];
        PaneRequest::Pick(Choice { of: WRITE, title: "Write", items, selected: 0, key: "w" })
    }

    /// Writes the files of the advice, or keeps it as a baseline.
    fn written(&self, place: usize) -> PaneRequest {
        match (self.advice(), place) {
            (Some(advice), 0) => {
                let saved = files(advice).into_iter().map(|(name, text)| PaneRequest::Do(Effect::Save { name, text }));
                PaneRequest::All(saved.collect())
            }
            (Some(advice), _) => {
                PaneRequest::Do(Effect::KeepBaseline(Box::new(Baseline::of(advice, &name_of(advice)))))
            }
            (None, _) => PaneRequest::Nothing,
        }
    }

    /// Explains the one statement of a row, or asks which.
    fn explain(&mut self) -> PaneRequest {
        let Some(row) = self.selected() else { return PaneRequest::Nothing };
        let statements = row.statements.clone();
        if let [only] = statements.as_slice() {
            return self.explain_statement(*only);
        }
        let Some(advice) = self.advice() else { return PaneRequest::Nothing };
        let items = statements.iter().filter_map(|at| {
            let planned = advice.statements.get(*at)?;
            Some(PickItem::new(
                statement_line(&planned.statement.sql),
                format!("{} in {}", planned.statement.time, Count(planned.statement.calls).of("call", "calls")),
            ))
        });
        let items: Vec<PickItem> = items.collect();
        if items.is_empty() {
            return PaneRequest::Say("This row is about no statement".to_owned());
        }
        self.offered = statements;
        PaneRequest::Pick(Choice { of: Action::Explain, title: "Explain", items, selected: 0, key: "e" })
    }

    fn explain_statement(&self, at: usize) -> PaneRequest {
        let Some(planned) = self.advice().and_then(|advice| advice.statements.get(at)) else {
            return PaneRequest::Nothing;
        };
        let statement = &planned.statement;
        let subject = StatementToExplain { sql: statement.sql.clone(), from: format!("queryid {}", statement.queryid) };
        PaneRequest::Go(explain::ID, PaneSubject::Statement(subject))
    }

    fn jump(&self) -> PaneRequest {
        let Some(row) = self.selected() else { return PaneRequest::Nothing };
        match &row.subject {
            RowSubject::Finding(finding) => match super::overview::worst::place(finding) {
                Some((pane, key)) => PaneRequest::Go(pane, key.map_or(PaneSubject::Nothing, PaneSubject::Row)),
                None => PaneRequest::Say("This finding is about no single row".to_owned()),
            },
            _ => PaneRequest::Nothing,
        }
    }

    fn title(&self) -> String {
        match (&self.asked, &self.found) {
            (Some((_, progress)), _) => progress_words(progress),
            (None, Some(Ok(advice))) => {
                let (_, share) = report::workload::saving(advice);
                let indexes = crate::sample::unit::counted(advice.indexes.len(), "index", "indexes");
                if advice.statements.is_empty() {
                    "Advice: no statement could be looked at".to_owned()
                } else if advice.indexes.is_empty() {
                    "Advice: no index is worth building".to_owned()
                } else {
                    format!("Advice: {indexes} would save about {share} of the time of all statements")
                }
            }
            (None, Some(Err(failure))) => format!("Advice: {}", failure.what),
            (None, None) => "Advice: findings. R looks for indexes for all statements".to_owned(),
        }
    }

    fn footnote(&self) -> String {
        let Some(advice) = self.advice() else {
            return "R plans the statements of pg_stat_statements; nothing is run or built".to_owned();
        };
        let mut parts = Vec::new();
        if advice.certificate.candidates > 0 {
            parts.push(advice.certificate.words().trim_end_matches('.').to_owned());
        }
        let asked = &advice.asked;
        parts.push(format!("{} in {}", Count(asked.plans as f64).of("plan", "plans"), asked.elapsed));
        parts.join("; ")
    }
}

/// Returns the files of an advice: the migrations, and the SQL of tables without a model.
fn files(advice: &WorkloadAdvice) -> Vec<(String, String)> {
    // Two apps may have a file of one name.
    let flat = |path: &str| path.replace("/migrations/", "_").replace('/', "_");
    let mut files: Vec<(String, String)> =
        advice.migrations.iter().map(|file| (flat(&file.path), file.text.clone())).collect();
    if !advice.sql.is_empty() {
        files.push(("advised_indexes.sql".to_owned(), advice.sql.join("\n") + "\n"));
    }
    files
}

fn name_of(advice: &WorkloadAdvice) -> String {
    baseline_name(&advice.database, advice.at)
}

fn progress_words(progress: &WorkloadProgress) -> String {
    let WorkloadProgress { looked_at, statements, asked, step } = progress;
    let of = if *statements > 0 { format!(" {looked_at}/{statements}") } else { String::new() };
    let plans = Count(asked.plans as f64).of("plan", "plans");
    format!("Advice: {}{of}, Esc cancels; {plans}, {}", step.words(), asked.elapsed)
}

fn columns() -> Vec<PaneColumn<AdviceRow>> {
    vec![
        column(
            GridColumn::text("kind", "kind", 8).whole().help("An index to build, a statement to rewrite, or a finding with its severity.").at_most(9),
            |row: &AdviceRow| Cell::badge(row.kind(), row.role()).sorted_by(row.rank()),
        ),
        column(
            GridColumn::text("what", "what", 44).help("The index with its keys, the statement, or the finding.").at_most(200),
            |row| Cell::text(&row.title),
        ),
        column(
            GridColumn::number("share", "saves").help("Share of the time of all statements that it would save, estimated (pg_stat_statements)."),
            |row| Cell::optional(row.share.map(|share| (Share(share), share))),
        ),
        column(
            GridColumn::number("time", "time").help("Time that it would save in the time that was counted, estimated; of a statement, the time it takes.").drop(4),
            |row| Cell::optional(row.time.map(|time| (time, time.0))),
        ),
        column(
            GridColumn::number("helps", "helps").help("Statements that would be faster with the index.").drop(5),
            |row| Cell::optional(row.is_index().then_some((Count(row.statements.len() as f64), row.statements.len() as f64))),
        ),
        column(
            GridColumn::number("size", "size").help("Size of the index when built, estimated, in bytes.").drop(2),
            |row| Cell::optional(row.size.map(|size| (Bytes(size), size))),
        ),
        column(
            GridColumn::number("build", "build").help("How long a concurrent build works, estimated.").drop(6),
            |row| Cell::optional(row.build.map(|build: Seconds| (build, build.0))),
        ),
        column(
            GridColumn::number("writes", "writes").help("Time that writers would lose to the index in the time that was counted, estimated.").drop(7),
            |row| Cell::optional(row.writes.map(|writes| (writes, writes.0))),
        ),
        column(
            GridColumn::text("by", "checked by", 7).help("Who said so: the planner with HypoPG, or pgdj's own cost model.").at_most(10).drop(8),
            |row| Cell::text(row.checked_by),
        ),
    ]
}
