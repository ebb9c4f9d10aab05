//! Moving about in what is shown: nodes, cards, text; and taking the code of an index away.

use super::deck::{Card, DeckPart};
use super::keys::{FOLD, HOTTEST, NEXT_SCAN, SAVE_CODE};
use super::plan_view::OfferedFile;
use super::{Explain, INDEX_CODE, Panel, PlanMode, PlanView};
use crate::app::{Action, Choice, Effect, PaneRequest, PaneView};
use crate::ui::dialog::PickItem;
use crate::ui::theme::Role;

impl Explain {
    /// Returns which index the screen is about: the one that is compared with, else the first.
    pub(super) fn index(&self) -> usize {
        let compared = self.comparison.as_ref().filter(|_| self.mode == PlanMode::Compare);
        compared.and_then(|comparison| comparison.index).unwrap_or(0)
    }

    /// Copies the index's code.
    pub(super) fn copy_code(&self) -> PaneRequest {
        let search = self.plan_view.as_ref().map(|plan_view| &plan_view.search);
        let text = search.and_then(|search| search.text(self.index()));
        match text {
            Some(text) => PaneRequest::Do(Effect::Copy { text, what: INDEX_CODE.to_owned() }),
            None => PaneRequest::Say("No index to copy for this plan".to_owned()),
        }
    }

    /// Offers what can be written to a file: the index, and the plan in each form.
    pub(super) fn offer_files(&mut self, view: &PaneView<'_>) -> PaneRequest {
        let Some(plan_view) = &self.plan_view else {
            return PaneRequest::Say("No plan to write; press R to run the statement".to_owned());
        };
        let index = plan_view.search.file(self.index());
        let index = index.map(|(name, text)| OfferedFile { what: "the index", name, text });
        let files = index.into_iter().chain(plan_view.files(view.newer.at));
        let (items, files): (Vec<PickItem>, Vec<Effect>) = files
            .map(|OfferedFile { what, name, text }| (PickItem::new(what, name.clone()), Effect::Save { name, text }))
            .unzip();
        self.files = files;
        PaneRequest::Pick(Choice { of: SAVE_CODE, title: "Write to a file", items, selected: 0, key: "w" })
    }

    pub(super) fn toggle_analyze(&mut self) -> PaneRequest {
        self.options.analyze = !self.options.analyze;
        let told = if self.options.analyze {
            "R: EXPLAIN ANALYZE (runs the statement)"
        } else {
            "R: EXPLAIN only (does not run the statement)"
        };
        PaneRequest::Say(told.to_owned())
    }

    pub(super) fn go(&mut self, action: Action) -> PaneRequest {
        let Some(plan_view) = &mut self.plan_view else { return PaneRequest::Nothing };
        self.mode = PlanMode::Tree;
        match action {
            HOTTEST => plan_view.next_hot(),
            NEXT_SCAN if !plan_view.next_scan() => {
                return PaneRequest::Say("No table is read sequentially in this plan".to_owned());
            }
            FOLD => {
                let _is_branch = plan_view.list.toggle_fold();
            }
            _ => {}
        }
        PaneRequest::Nothing
    }

    pub(super) fn refresh_node(&mut self) {
        let is_needed = self.panel != Panel::Nothing && self.mode == PlanMode::Tree;
        let node = self.plan_view.as_ref().filter(|_| is_needed).and_then(PlanView::node);
        self.node = node.map(|node| DeckPart::Card(Card::new(node, Role::Title)));
    }

    /// Brings the next cards to the top.
    pub(super) fn turn_panel(&mut self) {
        self.panel = self.panel.next();
        self.deck.rewind();
        self.refresh_node();
    }

    /// Scrolls the cards by half a screen or so.
    pub(super) fn scroll(&mut self, steps: isize) {
        /// Lines of one step.
        const STEP: isize = 5;
        let deck = if self.mode == PlanMode::Compare { &self.compared } else { &self.deck };
        deck.scroll(steps * STEP);
    }

    /// Scrolls what has no rows: the plan as text, or two plans compared.
    pub(super) fn scroll_text(&mut self, action: Action) {
        let Some(plan_view) = self.plan_view.as_ref().filter(|_| self.mode != PlanMode::Tree) else { return };
        let (text, deck) = (&plan_view.text, &self.compared);
        let is_text = self.mode == PlanMode::Text;
        let lines = |lines: isize| if is_text { text.scroll(lines) } else { deck.scroll(lines) };
        let pages = |pages: isize| if is_text { text.scroll_pages(pages) } else { deck.scroll_pages(pages) };
        match action {
            Action::Down => lines(1),
            Action::Up => lines(-1),
            Action::PageDown => pages(1),
            Action::PageUp => pages(-1),
            Action::First => lines(isize::MIN),
            _ => lines(isize::MAX),
        }
    }
}
