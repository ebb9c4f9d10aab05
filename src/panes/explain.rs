//! Explain: why is it slow, and what would help?
//!
//! The statement is written or brought here, its plan is shown as a tree, beside or below it the tips, the index or the
//! node. On a wide screen the tips stand to the right, on a narrow one below; on one too low for both only the tree
//! is shown, and `v` shows the tips in its place. A plan that is pasted is shown without a server.

mod answered;
mod cards;
mod compare;
mod deck;
mod documents;
mod editor;
mod empty;
mod forms;
mod indexes;
mod keys;
mod known;
mod moves;
mod names;
mod pair;
mod place;
mod plan_view;
mod run;
mod shown;
mod side_by_side;
mod statement;
mod tree;
mod trial;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use self::compare::Comparison;
use self::deck::{Deck, DeckPart};
use self::editor::{Editor, EditorAction as EditorAsked};
use self::forms::Filling;
use self::keys::{
    ANALYZE, BUILD, COMPARE, COPY_CODE, EDIT, FOLD, HOTTEST, KEEP, KEYS, NEXT_SCAN, OPEN, OPTIONS, PLAN_TEXT, RUN,
    SAVE_CODE, SCROLL_DOWN, SCROLL_UP, TRY,
};
use self::plan_view::{PlanSource, PlanView};
use self::run::ExplainRun;
use self::trial::TrialRun;
use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::{
    Action, DrawContext, Effect, Job, JobId, JobIds, JobNews, Pane, PaneId, PaneRequest, PaneSpec, PaneSubject,
    PaneView, RowOrder, StatementToExplain,
};
use crate::document::Document;
use crate::failure::Failure;
use crate::pg::explain::{Agreed, Consent, ExplainRequest, Options};
use crate::sample::redact::MASK;
use crate::ui::dialog::Filled;
use crate::ui::glyphs::Glyphs;

/// `statement_timeout` of a run unless another is chosen, in seconds.
const TIMEOUT: u32 = 30;

/// What is copied of an index.
const INDEX_CODE: &str = "the index as Django code, migration and SQL";

/// What the area of the plan shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum PlanMode {
    #[default]
    Tree,
    Text,
    Compare,
}

/// Which cards stand first beside or below the tree; the others follow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Panel {
    #[default]
    Tips,
    Index,
    Node,
    Nothing,
}

impl Panel {
    fn next(self) -> Self {
        match self {
            Self::Tips => Self::Index,
            Self::Index => Self::Node,
            Self::Node => Self::Nothing,
            Self::Nothing => Self::Tips,
        }
    }

    /// Returns what it brings to the top.
    fn word(self) -> &'static str {
        match self {
            Self::Tips => "tips",
            Self::Index => "index",
            Self::Node => "node",
            Self::Nothing => "tree only",
        }
    }
}

/// Its name.
pub const ID: PaneId = PaneId { name: "explain", title: "Explain" };

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the plan of a statement: why is it slow?",
    tab: "Expl",
    order: RowOrder::Fixed,
    bindings: KEYS,
    make: |context| Box::new(Explain::remembering(&context.statements)),
};

/// The key by which other panes bring the statement of a row here.
pub(super) const FROM_ROW: Binding =
    key(Action::Explain, &["e"], "explain", "Explain the statement of this row, without running it.").shown(3);

/// Shows this pane with a statement; `from` says where it comes from.
pub(super) fn show(sql: &str, from: String) -> PaneRequest {
    PaneRequest::Go(ID, PaneSubject::Statement(StatementToExplain { sql: sql.to_owned(), from }))
}

/// The pane.
#[derive(Debug)]
pub struct Explain {
    editor: Editor,
    is_editing: bool,
    options: Options,
    timeout_seconds: u32,
    /// Where the statement in the editor came from.
    from: String,
    /// Texts with which sessions sent it, the newest last.
    sent: Vec<String>,
    filling: Option<Filling>,
    run: Option<ExplainRun>,
    /// What goes on when a person agrees to what it calls.
    asked: Option<ExplainRun>,
    /// What was agreed to since this pane is open, in the words of the objections.
    agreed: Vec<String>,
    failure: Option<Failure>,
    plan_view: Option<PlanView>,
    ids: JobIds,
    trial: Option<TrialRun>,
    /// The search for indexes, the file that is being opened, and the editor that is open.
    advising: Option<JobId>,
    opening: Option<(JobId, String)>,
    /// The files that were offered, in the order of the picker.
    files: Vec<Effect>,
    editor_job: Option<JobId>,
    before: Option<Arc<PlanSource>>,
    comparison: Option<Comparison>,
    /// How far the comparison is scrolled.
    compared: Deck,
    mode: PlanMode,
    panel: Panel,
    /// The card about the selected node.
    node: Option<DeckPart>,
    /// How far the cards are scrolled.
    deck: Deck,
    /// The statements explained last, while there is no plan.
    recent: List,
    glyphs: Glyphs,
    places: place::DrawnAreas,
}

impl Default for Explain {
    fn default() -> Self {
        Self {
            editor: Editor::default(),
            is_editing: false,
            options: Options::default(),
            timeout_seconds: TIMEOUT,
            from: String::new(),
            sent: Vec::new(),
            filling: None,
            run: None,
            asked: None,
            agreed: Vec::new(),
            failure: None,
            plan_view: None,
            ids: JobIds::of(ID),
            trial: None,
            advising: None,
            opening: None,
            files: Vec::new(),
            editor_job: None,
            before: None,
            comparison: None,
            compared: Deck::default(),
            mode: PlanMode::default(),
            panel: Panel::default(),
            node: None,
            deck: Deck::default(),
            recent: List::default(),
            glyphs: crate::ui::glyphs::UNICODE,
            places: place::DrawnAreas::default(),
        }
    }
}

impl Pane for Explain {
    fn refresh(&mut self, view: &PaneView<'_>) {
        self.remember_sent(view);
        if let Some(plan_view) = &mut self.plan_view {
            plan_view.learn(view);
            plan_view.mark_with(&self.glyphs);
        } else {
            self.refresh_recent();
        }
        self.refresh_node();
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.glyphs = context.theme.glyphs;
        self.place(frame, area, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        match self.mode {
            PlanMode::Tree => match &mut self.plan_view {
                Some(plan_view) => Some(&mut plan_view.list),
                None => (!self.recent.is_empty()).then_some(&mut self.recent),
            },
            PlanMode::Compare | PlanMode::Text => None,
        }
    }

    fn act(&mut self, action: Action, view: &PaneView<'_>) -> PaneRequest {
        match action {
            EDIT => self.is_editing = true,
            Action::Inspect if self.plan_view.is_none() && !self.recent.is_empty() => return self.explain_recent(),
            RUN => {
                self.remember_sent(view);
                return self.start();
            }
            ANALYZE => return self.toggle_analyze(),
            OPTIONS => return self.ask_options(),
            OPEN => return self.ask_file(),
            KEEP => return self.keep(),
            TRY => return self.ask_trial(view),
            COMPARE => return self.toggle_compare(),
            Action::View => self.turn_panel(),
            PLAN_TEXT if self.plan_view.is_some() => {
                self.mode = if self.mode == PlanMode::Text { PlanMode::Tree } else { PlanMode::Text };
            }
            HOTTEST | NEXT_SCAN | FOLD => return self.go(action),
            SCROLL_DOWN => self.scroll(1),
            SCROLL_UP => self.scroll(-1),
            Action::Down | Action::Up | Action::PageDown | Action::PageUp | Action::First | Action::Last => {
                self.scroll_text(action);
            }
            BUILD => return self.ask_build(view),
            COPY_CODE => return self.copy_code(),
            SAVE_CODE => return self.offer_files(view),
            _ => {}
        }
        PaneRequest::Nothing
    }

    fn picked(&mut self, of: Action, place: usize) -> PaneRequest {
        let files = std::mem::take(&mut self.files);
        let file = files.into_iter().nth(place).filter(|_| of == SAVE_CODE);
        file.map_or(PaneRequest::Nothing, PaneRequest::Do)
    }

    fn inspect(&self, _view: &PaneView<'_>) -> Option<Document> {
        match self.mode {
            PlanMode::Tree => self.plan_view.as_ref()?.node(),
            PlanMode::Text | PlanMode::Compare => self
                .plan_view
                .as_ref()
                .map(|plan_view| documents::whole(&plan_view.source.plan, &plan_view.source.notes)),
        }
    }

    fn offers(&self, action: Action) -> bool {
        self.has_use_for(action)
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        let Some(plan_view) = &self.plan_view else {
            return Some((self.recent_statement()?.to_owned(), "the statement".to_owned()));
        };
        // An index is what a person takes from here; the plan is copied where it stands as text.
        let is_text = self.mode == PlanMode::Text;
        let code = plan_view.search.text(self.index()).filter(|_| !is_text);
        Some(match code {
            Some(code) => (code, INDEX_CODE.to_owned()),
            None => (crate::plan::text::psql(&plan_view.source.plan), "the plan as psql prints it".to_owned()),
        })
    }

    fn copy_whole(&self) -> Option<(String, String)> {
        Some((self.plan_view.as_ref()?.source.json(), "the plan as JSON".to_owned()))
    }

    fn click(&mut self, at: Position) -> PaneRequest {
        let place = self.places.editor;
        if place.contains(at) {
            self.is_editing = true;
            self.editor.click(at.x - place.x, at.y - place.y);
        } else if self.places.statement.contains(at) {
            self.is_editing = true;
        }
        PaneRequest::Nothing
    }

    fn moved(&mut self) {
        self.refresh_node();
    }

    fn typing(&self) -> Option<&'static [(&'static str, &'static str)]> {
        self.is_editing.then_some(editor::KEYS)
    }

    fn type_in(&mut self, key: &KeyEvent) -> PaneRequest {
        match self.editor.key(key) {
            EditorAsked::Nothing => PaneRequest::Nothing,
            EditorAsked::Run => self.start(),
            EditorAsked::Own => {
                let id = self.ids.take();
                self.editor_job = Some(id);
                PaneRequest::Do(Effect::Start(id, Job::EditText { text: self.editor.text() }))
            }
            EditorAsked::Leave => {
                self.is_editing = false;
                PaneRequest::Nothing
            }
        }
    }

    fn paste(&mut self, text: &str) -> PaneRequest {
        // Within a statement, `{1,2}` or `[1]` alone is an array.
        if run::is_plan(text) && (!self.is_editing || self.editor.is_blank() || run::has_figures(text)) {
            self.from = String::new();
            return with(self.give_up_work(), self.show_pasted(text));
        }
        if !self.is_editing {
            self.editor.set("");
            self.from = String::new();
        }
        self.is_editing = true;
        self.editor.paste(text);
        PaneRequest::Nothing
    }

    fn close(&mut self) -> Option<PaneRequest> {
        let is_failed = self.plan_view.as_mut().is_some_and(PlanView::forget_failed_trial);
        if self.failure.take().is_some() || is_failed {
            return Some(PaneRequest::Nothing);
        }
        let is_open = self.mode != PlanMode::Tree;
        self.mode = PlanMode::Tree;
        is_open.then_some(PaneRequest::Nothing)
    }

    fn filled(&mut self, filled: Filled) -> PaneRequest {
        self.take_form(filled)
    }

    fn open(&mut self, subject: PaneSubject) -> PaneRequest {
        let PaneSubject::Statement(asked) = subject else { return PaneRequest::Nothing };
        self.explain(&asked.sql, asked.from)
    }

    fn take_job(&mut self, id: JobId, news: JobNews) -> PaneRequest {
        match news {
            JobNews::Started => self.begin(id),
            JobNews::Progress(progress) => self.take_progress(id, progress),
            JobNews::Done(result) => return self.take_result(id, result),
        }
        PaneRequest::Nothing
    }
}

/// Puts what has to be done first before a request.
fn with(first: Option<PaneRequest>, next: PaneRequest) -> PaneRequest {
    match first {
        Some(first) => PaneRequest::All(vec![first, next]),
        None => next,
    }
}

impl Explain {
    /// A pane whose editor goes back through the statements explained in earlier runs, the oldest first.
    fn remembering(statements: &[String]) -> Self {
        let mut pane = Self::default();
        pane.editor.remember_all(statements.to_vec());
        pane
    }

    /// Estimates a statement that comes from elsewhere.
    fn explain(&mut self, sql: &str, from: String) -> PaneRequest {
        self.editor.set(&crate::ui::code::format_sql(sql));
        self.from = from;
        self.sent.clear();
        self.is_editing = false;
        self.mode = PlanMode::Tree;
        let options = Options { analyze: false, ..self.options };
        let request = self.request(options);
        let given_up = self.give_up_trial();
        with(given_up, self.estimate(request))
    }

    fn request(&self, options: Options) -> ExplainRequest {
        ExplainRequest {
            sql: self.editor.text(),
            parameters: Vec::new(),
            guessed: Vec::new(),
            options,
            consent: Consent::ReadOnly,
            agreed: Agreed::To(self.agreed.clone()),
            timeout_ms: self.timeout_seconds.saturating_mul(1000),
        }
    }

    /// Returns the queryid of the statement, where it came from the list of them.
    fn queryid(&self) -> Option<i64> {
        self.from.strip_prefix("queryid ")?.parse().ok()
    }

    /// Keeps the texts with which sessions send the statement: they have the constants that `$1` stands for.
    fn remember_sent(&mut self, view: &PaneView<'_>) {
        /// Texts that are kept.
        const MOST_SENT: usize = 5;
        let (Some(queryid), Ok(backends)) = (self.queryid(), view.readings.backends()) else { return };
        let same = backends.iter().filter(|backend| backend.query_id == Some(queryid) && !backend.is_query_cut);
        for backend in same.filter(|backend| !backend.query.contains(MASK)).take(MOST_SENT) {
            if !self.sent.contains(&backend.query) {
                self.sent.push(backend.query.clone());
            }
        }
        let surplus = self.sent.len().saturating_sub(MOST_SENT);
        drop(self.sent.drain(..surplus));
    }

    /// Runs what stands in the editor, or shows it if it is a plan.
    fn start(&mut self) -> PaneRequest {
        let text = self.editor.text();
        if self.editor.is_blank() {
            self.is_editing = true;
            return PaneRequest::Say("Write or paste a statement or a plan first".to_owned());
        }
        if self.run.is_some() || self.is_trying().is_some() {
            return PaneRequest::Say("An index trial is already running; Esc cancels it".to_owned());
        }
        self.is_editing = false;
        self.failure = None;
        if run::is_plan(&text) {
            return self.show_pasted(&text);
        }
        let request = self.request(self.options);
        if run::parameters(&text) == 0 {
            return self.estimate(request);
        }
        self.find_parameters(request)
    }

    fn estimate(&mut self, request: ExplainRequest) -> PaneRequest {
        self.failure = None;
        self.asked = None;
        let sql = request.sql.clone();
        // The same statement with other values: the plans of both are to be compared.
        let shown = self.plan_view.as_ref().map(|plan_view| &plan_view.source);
        if let Some(shown) = shown.filter(|shown| shown.is_the_statement(&sql, &request.parameters)) {
            self.before = Some(Arc::clone(shown));
        }
        let (run, next) = ExplainRun::estimate(self.ids.take(), request);
        self.run = Some(run);
        let remember = self.editor.remember(&sql).then_some(PaneRequest::Do(Effect::Remember(sql)));
        with(remember, next)
    }
}
