//! What lies on top of a pane: help, the palette, a document, a question, the filter's line. A stack, not flags.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Rect, Size};

use super::keys::{Binding, KeyScope, bindings_of, key_name};
use super::{Action, Choice, DrawContext, Effect, PaneSpec, SignalKind};
use crate::document::Document;
use crate::ui::detail::Detail;
use crate::ui::dialog::{Confirm, Filled, Form, Help, HelpSection, PickItem, Picker, Window, overlay};
use crate::ui::frame::draw_parts;
use crate::ui::input::Input;
use crate::ui::table::GridColumn;
use crate::ui::text::{clean_cut, wrap_words};
use crate::ui::theme::Role;

/// Lines that one turn of the wheel scrolls.
const WHEEL: isize = 3;

/// Columns of the screen that what a column is is wrapped to: with its title 80 hold it.
const HELP: usize = 58;

/// Something on top of a pane.
#[derive(Debug)]
pub enum Layer {
    /// The keys that work here.
    Help {
        /// The keys.
        help: Help,
        /// The line it is scrolled to, and the last one it can be.
        scroll: (usize, usize),
    },
    /// Every action by name.
    Palette {
        /// The list.
        picker: Picker,
        /// What they do, in the order of the items.
        bindings: Vec<Binding>,
    },
    /// The themes, previewed as the cursor moves.
    Themes {
        /// The list.
        picker: Picker,
        /// The names, in the order of the items.
        names: Vec<String>,
        /// What to go back to.
        before: String,
    },
    /// Something to choose, asked for by the pane.
    Pick {
        /// The list.
        picker: Picker,
        /// What asked for it.
        of: ChoiceOf,
    },
    /// Something to read.
    Document(Detail),
    /// A question, and what follows a yes.
    Ask {
        /// The question with its facts.
        confirm: Confirm,
        /// What follows a yes.
        then: Effect,
    },
    /// Values to fill in.
    Form(Form),
    /// The line of the filter.
    Filter {
        /// What is typed.
        input: Input,
        /// What to go back to.
        before: String,
    },
}

/// What asks for a choice.
#[derive(Debug, Clone, Copy)]
pub struct ChoiceOf {
    /// The action.
    pub action: Action,
    /// The key that opened it.
    pub key: &'static str,
}

/// What a layer makes of a key or a click.
#[derive(Debug)]
pub enum LayerResponse {
    /// It stays.
    Stay,
    /// It closes.
    Close,
    /// The list is filtered by this, and the layer stays.
    Filter(String),
    /// The list is filtered by this, and the layer closes.
    FilterAndClose(String),
    /// This theme is shown, and the layer stays.
    Preview(String),
    /// This theme is shown, and the layer closes.
    Choose(String),
    /// It closes, and this is done.
    Act(Binding),
    /// It closes, and the pane goes to what the document is about.
    Jump,
    /// It closes, and the shell does this.
    Do(Effect),
    /// This is copied, and the layer stays.
    Copy(String),
    /// A form was filled in or left, and closes.
    Filled(Filled),
    /// It closes, and the pane takes the choice: what asked for it, and the place of what was chosen.
    Picked(Action, usize),
}

impl Layer {
    /// The keys that work in a pane, and what its columns are.
    pub fn help(
        pane: &'static PaneSpec,
        panes: &'static [PaneSpec],
        columns: &[(&'static str, Vec<GridColumn>)],
    ) -> Self {
        let section = |title: String, scopes: &[KeyScope]| HelpSection {
            title,
            keys: bindings_of(pane, panes)
                .filter(|binding| scopes.contains(&binding.scope))
                .map(|binding| (binding.keys_text(), binding.doc.trim_end_matches('.').to_owned()))
                .collect(),
        };
        let title = pane.id.title;
        let mut sections = vec![
            section(format!("In {title}"), &[KeyScope::Pane, KeyScope::Sorted]),
            section("In lists".to_owned(), &[KeyScope::Lists]),
            section("Everywhere".to_owned(), &[KeyScope::Everywhere]),
        ];
        sections.extend(columns.iter().map(|(of, columns)| column_help(of, columns)));
        Self::Help { help: Help { title: format!("Keys in {title}"), sections }, scroll: (0, 0) }
    }

    /// Every action that works in a pane.
    pub(crate) fn palette(pane: &'static PaneSpec, panes: &'static [PaneSpec]) -> Self {
        let bindings: Vec<Binding> =
            bindings_of(pane, panes).filter(|binding| binding.action != Action::Palette).collect();
        let items = bindings
            .iter()
            .map(|binding| PickItem {
                label: binding.short.to_owned(),
                note: binding.doc.trim_end_matches('.').to_owned(),
                key: binding.keys.first().copied().unwrap_or_default().to_owned(),
                also: binding.also,
            })
            .collect();
        Self::Palette { picker: Picker::new("Commands", items, 0), bindings }
    }

    /// The themes, each with its line.
    pub fn themes(themes: Vec<(String, String)>, current: &str) -> Self {
        let selected = themes.iter().position(|(name, _)| name == current).unwrap_or(0);
        let items = themes.iter().map(|(name, about)| PickItem::new(name.clone(), about.clone())).collect();
        let names = themes.into_iter().map(|(name, _)| name).collect();
        Self::Themes { picker: Picker::new("Themes", items, selected), names, before: current.to_owned() }
    }

    /// A choice that a pane asks for.
    pub fn choice(choice: Choice) -> Self {
        let picker = Picker::new(choice.title, choice.items, choice.selected);
        Self::Pick { picker, of: ChoiceOf { action: choice.of, key: choice.key } }
    }

    /// A question about what a document describes.
    pub fn ask(about: &Document, question: String, then: Effect) -> Self {
        // "cancel" would be read as cancelling a query.
        let does = match &then {
            Effect::Signal(signal) => signal.button,
            Effect::Signals(signals) => match signals.first().map(|signal| signal.kind) {
                Some(SignalKind::Terminate) => "terminate these sessions",
                _ => "cancel these statements",
            },
            Effect::Start(_, job) => job.button(),
            _ => "do it",
        };
        let choices = vec![("n".to_owned(), "go back".to_owned()), ("y".to_owned(), does.to_owned())];
        let confirm = Confirm { title: question, facts: about.facts().cloned().collect(), warning: None, choices };
        Self::Ask { confirm, then }
    }

    /// Returns the keys that work in it, for the last line of the screen; `None` where it has that line itself.
    pub(super) fn keys(&self) -> Option<&'static [(&'static str, &'static str)]> {
        match self {
            Self::Help { .. } => Some(&[("Esc", "close"), ("j k", "scroll")]),
            Self::Palette { .. } | Self::Themes { .. } | Self::Pick { .. } => {
                Some(&[("Enter", "choose"), ("Esc", "close"), ("Up Down", "move"), ("a-z", "search")])
            }
            Self::Document(detail) if detail.document().leads_to.is_some() => {
                Some(&[("Esc", "close"), ("y", "copy"), ("j k", "scroll"), ("o", "go there")])
            }
            Self::Document(_) => Some(&[("Esc", "close"), ("y", "copy"), ("j k", "scroll")]),
            Self::Ask { .. } => Some(&[("y", "yes"), ("n", "go back")]),
            Self::Form(_) => Some(&[("Enter", "next"), ("Tab", "field"), ("Esc", "go back")]),
            Self::Filter { .. } => None,
        }
    }

    /// The filter's line, with what is filtered by so far.
    pub fn filter(before: &str) -> Self {
        Self::Filter { input: Input::new(before), before: before.to_owned() }
    }

    /// Takes a key.
    pub fn key(&mut self, key: &KeyEvent) -> LayerResponse {
        let name = key_name(key).unwrap_or_default();
        match self {
            Self::Help { scroll, .. } => help_key(&name, scroll),
            Self::Palette { picker, bindings } => match key.code {
                KeyCode::Esc => LayerResponse::Close,
                KeyCode::Enter => picker
                    .selected()
                    .and_then(|at| bindings.get(at))
                    .map_or(LayerResponse::Close, |binding| LayerResponse::Act(*binding)),
                _ => {
                    let _is_taken = picker.on_key(*key);
                    LayerResponse::Stay
                }
            },
            Self::Themes { picker, names, before } => match key.code {
                KeyCode::Esc => LayerResponse::Choose(before.clone()),
                KeyCode::Enter => picker
                    .selected()
                    .and_then(|at| names.get(at))
                    .map_or(LayerResponse::Close, |name| LayerResponse::Choose(name.clone())),
                _ => {
                    let _is_taken = picker.on_key(*key);
                    picker
                        .selected()
                        .and_then(|at| names.get(at))
                        .map_or(LayerResponse::Stay, |name| LayerResponse::Preview(name.clone()))
                }
            },
            Self::Pick { picker, of } => pick_key(key, picker, *of),
            Self::Document(detail) => document_key(&name, detail),
            Self::Form(form) => match form.on_key(*key) {
                Filled::NotYet => LayerResponse::Stay,
                filled => LayerResponse::Filled(filled),
            },
            Self::Ask { then, .. } => match name.as_str() {
                "y" | "Y" => LayerResponse::Do(then.clone()),
                "n" | "N" | "Esc" | "q" => LayerResponse::Close,
                _ => LayerResponse::Stay,
            },
            Self::Filter { input, before } => match key.code {
                KeyCode::Esc => LayerResponse::FilterAndClose(before.clone()),
                KeyCode::Enter => LayerResponse::Close,
                _ => {
                    let _is_taken = input.on_key(*key);
                    LayerResponse::Filter(input.text().to_owned())
                }
            },
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) -> LayerResponse {
        match self {
            Self::Palette { picker, .. } | Self::Themes { picker, .. } | Self::Pick { picker, .. } => {
                picker.paste(text);
                LayerResponse::Stay
            }
            Self::Form(form) => {
                form.paste(text);
                LayerResponse::Stay
            }
            Self::Filter { input, .. } => {
                input.paste(text);
                LayerResponse::Filter(input.text().to_owned())
            }
            _ => LayerResponse::Stay,
        }
    }

    /// Takes the mouse: the wheel scrolls.
    pub fn mouse(&mut self, mouse: MouseEvent) -> LayerResponse {
        let lines = match mouse.kind {
            MouseEventKind::ScrollDown => WHEEL,
            MouseEventKind::ScrollUp => -WHEEL,
            _ => return LayerResponse::Stay,
        };
        match self {
            Self::Help { scroll, .. } => scroll.0 = scroll.0.saturating_add_signed(lines).min(scroll.1),
            Self::Document(detail) => detail.scroll(lines),
            _ => {}
        }
        LayerResponse::Stay
    }

    /// Draws the layer over the screen.
    pub fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let theme = context.theme;
        match self {
            Self::Help { help, scroll } => {
                let last = help.draw(frame.buffer_mut(), area, scroll.0, theme);
                *scroll = (scroll.0.min(last), last);
            }
            Self::Palette { picker, .. } | Self::Themes { picker, .. } | Self::Pick { picker, .. } => {
                if let Some(cursor) = picker.draw(frame.buffer_mut(), area, theme) {
                    frame.set_cursor_position(cursor);
                }
            }
            Self::Document(detail) => {
                let document = detail.document();
                let width = area.width.saturating_sub(4).min(130);
                // Two columns of the frame, two of its margin; two rows of the frame.
                let height = detail.rows(width.saturating_sub(4)).saturating_add(2);
                let size = Size::new(width, height.min(area.height.saturating_sub(2)));
                let title = clean_cut(&document.title, usize::from(size.width));
                let keys = match document.leads_to {
                    Some(pane) => format!("Esc close · y copy · o {pane}"),
                    None => "Esc close · y copy".to_owned(),
                };
                let inside =
                    overlay(frame.buffer_mut(), area, Window { size, title: &title, note: Some(&keys) }, theme);
                detail.draw(frame.buffer_mut(), inside, theme);
            }
            Self::Ask { confirm, .. } => confirm.draw(frame.buffer_mut(), area, theme),
            Self::Form(form) => {
                if let Some(cursor) = form.draw(frame.buffer_mut(), area, theme) {
                    frame.set_cursor_position(cursor);
                }
            }
            Self::Filter { input, .. } => {
                let line = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
                frame.buffer_mut().set_style(line, theme.screen());
                draw_parts(frame.buffer_mut(), line, &[(" ".repeat(usize::from(line.width)), Role::Text)], theme);
                if let Some(cursor) = input.draw(frame.buffer_mut(), line, "filter: ", theme) {
                    frame.set_cursor_position(cursor);
                }
            }
        }
    }
}

/// Returns what each column is: below its title the one that it has on a narrow screen.
fn column_help(of: &str, columns: &[GridColumn]) -> HelpSection {
    let mut keys = Vec::new();
    for column in columns.iter().filter(|column| !column.title.is_empty()) {
        let title = if column.title.is_empty() { &column.id } else { &column.title };
        let short = if column.short.len() < column.title.len() { column.short.as_ref() } else { "" };
        let lines = wrap_words(&column.help, HELP);
        let titles = [title.as_ref(), short];
        let count = lines.len().max(if short.is_empty() { 1 } else { 2 });
        keys.extend((0..count).map(|at| {
            let title = titles.get(at).copied().unwrap_or_default();
            (title.to_owned(), lines.get(at).cloned().unwrap_or_default())
        }));
    }
    HelpSection { title: of.to_owned(), keys }
}

fn help_key(name: &str, scroll: &mut (usize, usize)) -> LayerResponse {
    let to = |lines: isize| scroll.0.saturating_add_signed(lines).min(scroll.1);
    scroll.0 = match name {
        "j" | "Down" => to(1),
        "k" | "Up" => to(-1),
        "PageDown" | "Ctrl-d" | "Space" => to(10),
        "PageUp" | "Ctrl-u" => to(-10),
        "g" | "Home" => 0,
        "G" | "End" => scroll.1,
        _ => return LayerResponse::Close,
    };
    LayerResponse::Stay
}

/// Takes a key for a choice: what asked for it, and the key that opened it, which goes on to the next.
fn pick_key(key: &KeyEvent, picker: &mut Picker, of: ChoiceOf) -> LayerResponse {
    match key.code {
        KeyCode::Esc => return LayerResponse::Close,
        KeyCode::Enter => {
            return picker.selected().map_or(LayerResponse::Close, |place| LayerResponse::Picked(of.action, place));
        }
        _ if picker.is_untouched() && key_name(key).as_deref() == Some(of.key) => picker.next(),
        _ => {
            let _is_taken = picker.on_key(*key);
        }
    }
    LayerResponse::Stay
}

fn document_key(name: &str, detail: &Detail) -> LayerResponse {
    let document = detail.document();
    match name {
        "j" | "Down" => detail.scroll(1),
        "k" | "Up" => detail.scroll(-1),
        "PageDown" | "Ctrl-d" | "Space" => detail.scroll_pages(1),
        "PageUp" | "Ctrl-u" => detail.scroll_pages(-1),
        "g" | "Home" => detail.scroll(isize::MIN),
        "G" | "End" => detail.scroll(1_000_000),
        "o" if document.leads_to.is_some() => return LayerResponse::Jump,
        "y" => return LayerResponse::Copy(document.copied.clone().unwrap_or_else(|| detail.text(120))),
        "Esc" | "q" | "Enter" => return LayerResponse::Close,
        _ => {}
    }
    LayerResponse::Stay
}
