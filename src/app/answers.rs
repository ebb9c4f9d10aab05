//! The layers that are opened over a pane, and what follows from what they answer.

use super::acts::sending;
use super::layer::{Layer, LayerResponse};
use super::{Action, App, Choice, Effect, Message, PaneRequest};
use crate::ui::theme::{self, Theme};

impl App {
    pub(super) fn open_filter(&mut self) {
        let Some(before) = self.pane().and_then(|pane| Some(pane.list()?.filter().to_owned())) else { return };
        self.layers.push(Layer::filter(&before));
    }

    pub(super) fn open_sort(&mut self) {
        let Some((items, selected)) = self.pane().and_then(|pane| Some(pane.list()?.sort_choice())) else { return };
        let choice = Choice { of: Action::Sort, title: "Sort by", items, selected, key: "s" };
        self.layers.push(Layer::choice(choice));
    }

    pub(super) fn open_themes(&mut self) {
        let folder = self.start.themes.as_deref();
        let about = |name: &str| {
            Theme::load(name, folder, self.theme.depth, self.theme.glyphs).map(|theme| theme.about).unwrap_or_default()
        };
        let themes = theme::names(folder).into_iter().map(|name| (name.clone(), about(&name))).collect();
        self.layers.push(Layer::themes(themes, &self.theme.name));
    }

    /// Does what a layer answered to a key or a click.
    pub(super) fn answer(&mut self, answer: LayerResponse) {
        match answer {
            LayerResponse::Stay => {}
            LayerResponse::Close => self.pop_layer(),
            LayerResponse::Filter(text) => {
                if let Some(list) = self.pane().and_then(|pane| pane.list()) {
                    list.set_filter(&text);
                }
            }
            LayerResponse::FilterAndClose(text) => {
                if let Some(list) = self.pane().and_then(|pane| pane.list()) {
                    list.set_filter(&text);
                }
                self.pop_layer();
            }
            LayerResponse::Preview(name) => self.preview(&name),
            LayerResponse::Choose(name) => {
                self.preview(&name);
                self.pop_layer();
            }
            LayerResponse::Act(binding) => {
                self.pop_layer();
                self.act_on(&binding);
            }
            LayerResponse::Jump => {
                self.pop_layer();
                self.act(Action::Jump);
            }
            LayerResponse::Do(effect) => {
                self.pop_layer();
                // A server that does not answer lets the answer wait for seconds.
                self.message = sending(&effect).or(self.message.take());
                self.grant(PaneRequest::Do(effect));
            }
            LayerResponse::Filled(filled) => {
                self.pop_layer();
                let request = self.pane().map_or(PaneRequest::Nothing, |pane| pane.filled(filled));
                self.refresh_pane();
                self.grant(request);
            }
            LayerResponse::Picked(Action::Sort, place) => {
                self.pop_layer();
                if let Some(list) = self.pane().and_then(|pane| pane.list()) {
                    list.sort_by_choice(place);
                }
                if let Some(pane) = self.panes.shown_mut() {
                    pane.moved();
                }
            }
            LayerResponse::Picked(of, place) => {
                self.pop_layer();
                let request = self.pane().map_or(PaneRequest::Nothing, |pane| pane.picked(of, place));
                self.refresh_pane();
                self.grant(request);
            }
            LayerResponse::Copy(text) => self.ask_shell(Effect::Copy { text, what: "the text".to_owned() }),
        }
    }

    pub(super) fn pop_layer(&mut self) {
        // What is closed has said what it had to say.
        drop(self.layers.pop());
    }

    pub(super) fn preview(&mut self, name: &str) {
        match Theme::load(name, self.start.themes.as_deref(), self.theme.depth, self.theme.glyphs) {
            Ok(theme) => self.theme = theme,
            Err(error) => self.message = Some(Message::bad(error.to_string())),
        }
    }
}
