//! What the lists of sessions and statements are narrowed to, and how that is taken back.

use super::{App, Message, Pane, PaneRequest};

impl App {
    /// `Backspace`: what the pane has open goes first, as a zoom, then the last condition that lists are narrowed to.
    pub(super) fn widen(&mut self) {
        let is_zoomed = self.panes.shown().is_some_and(Pane::is_zoomed);
        if let Some(request) = self.pane().filter(|_| is_zoomed).and_then(|pane| pane.close()) {
            self.refresh_pane();
            return self.grant(request);
        }
        if self.filter.is_empty() {
            self.message = Some(Message::note("The lists are not narrowed; Enter on a row of Load narrows them"));
        }
        self.grant(PaneRequest::Widen);
    }
}
