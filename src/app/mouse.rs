//! The mouse: the wheel moves the selection, a click chooses a tab, a row, a header, or a moment of a chart.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{Action, App, PaneRequest};

impl App {
    pub(super) fn on_mouse(&mut self, mouse: MouseEvent) {
        let at = Position::new(mouse.column, mouse.row);
        if let Some(layer) = self.layers.last_mut() {
            let answer = layer.mouse(mouse);
            return self.answer(answer);
        }
        match mouse.kind {
            MouseEventKind::ScrollDown => self.act_in_pane(Action::Down),
            MouseEventKind::ScrollUp => self.act_in_pane(Action::Up),
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            _ => {}
        }
    }

    fn click(&mut self, at: Position) {
        if let Some(pane) = self.tab_at(at) {
            self.show(pane);
            return;
        }
        let Some(pane) = self.pane() else { return };
        let request = match pane.list().map(|list| list.click(at)) {
            Some(true) => {
                pane.moved();
                PaneRequest::Nothing
            }
            _ => pane.click(at),
        };
        self.grant(request);
    }
}
