//! Indexes.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::list::List;
use crate::app::{Action, Document, Look, Pane, PaneId, View, Wish};

/// The pane.
#[derive(Debug, Default)]
pub struct Indexes {
    list: List,
}

impl Pane for Indexes {
    fn id(&self) -> PaneId {
        PaneId::Indexes
    }
    fn refresh(&mut self, _view: &View<'_>) {}
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, look: Look<'_>) {
        self.list.draw(frame, area, look);
    }
    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }
    fn act(&mut self, _action: Action, _view: &View<'_>) -> Wish {
        Wish::Nothing
    }
    fn inspect(&self, _view: &View<'_>) -> Option<Document> {
        None
    }
    fn copy(&self) -> Option<(String, String)> {
        None
    }
}
