//! A list to pick from, narrowed by typing: the palette, themes, targets.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::{Window, overlay};
use crate::ui::input::Input;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// Rows of the list at most.
const MOST_ROWS: u16 = 14;

/// Something to pick.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PickItem {
    /// Its name; what is typed is looked for here first.
    pub label: String,
    /// What it is or does; looked for too.
    pub note: String,
    /// The key that does the same; on the right.
    pub key: String,
    /// Other words for it, which are looked for and not shown: `kill`.
    pub also: &'static str,
}

impl PickItem {
    /// Something that is picked by its name or by what it is.
    pub fn new(label: impl Into<String>, note: impl Into<String>) -> Self {
        Self { label: label.into(), note: note.into(), ..Self::default() }
    }
}

/// A list that is being narrowed.
#[derive(Debug, Default)]
pub struct Picker {
    title: String,
    items: Vec<PickItem>,
    input: Input,
    /// The items found, best first, each with the places of its label that matched.
    found: Vec<(usize, Vec<u32>)>,
    cursor: usize,
    first: std::cell::Cell<usize>,
}

impl Picker {
    /// A list with an item selected.
    pub fn new(title: impl Into<String>, items: Vec<PickItem>, selected: usize) -> Self {
        let mut picker = Self { title: title.into(), items, ..Self::default() };
        picker.narrow();
        picker.cursor = selected.min(picker.found.len().saturating_sub(1));
        picker
    }

    /// Goes on to the next item, and from the last to the first.
    pub(crate) fn next(&mut self) {
        let last = self.found.len().saturating_sub(1);
        self.cursor = if self.cursor >= last { 0 } else { self.cursor + 1 };
    }

    /// Whether nothing was typed yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.input.is_empty()
    }

    /// Returns the item under the cursor, for a preview and for Enter.
    pub fn selected(&self) -> Option<usize> {
        self.found.get(self.cursor).map(|(item, _)| *item)
    }

    /// Does what a key does here; returns whether it did something. Enter and Esc are the caller's.
    pub(crate) fn on_key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let last = self.found.len().saturating_sub(1);
        match key.code {
            KeyCode::Up | KeyCode::BackTab => self.cursor = self.cursor.checked_sub(1).unwrap_or(last),
            KeyCode::Down | KeyCode::Tab => self.cursor = if self.cursor >= last { 0 } else { self.cursor + 1 },
            KeyCode::Char('p') if control => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Char('n') if control => self.cursor = (self.cursor + 1).min(last),
            KeyCode::PageUp => self.cursor = self.cursor.saturating_sub(usize::from(MOST_ROWS)),
            KeyCode::PageDown => self.cursor = (self.cursor + usize::from(MOST_ROWS)).min(last),
            _ => {
                let before = self.input.text().to_owned();
                let is_taken = self.input.on_key(key);
                if before != self.input.text() {
                    self.narrow();
                }
                return is_taken;
            }
        }
        true
    }

    /// Types a text in.
    pub fn paste(&mut self, pasted: &str) {
        self.input.paste(pasted);
        self.narrow();
    }

    /// Finds the items anew: the best match first, equals in the order given.
    fn narrow(&mut self) {
        self.cursor = 0;
        let pattern = Pattern::parse(self.input.text(), CaseMatching::Smart, Normalization::Smart);
        let words = Pattern::new(self.input.text(), CaseMatching::Smart, Normalization::Smart, AtomKind::Substring);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut letters = Vec::new();
        let mut scored: Vec<(u32, usize, Vec<u32>)> = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            let mut places = Vec::new();
            let label = pattern.indices(Utf32Str::new(&item.label, &mut letters), &mut matcher, &mut places);
            // What is found in the name counts more than what is found in the words about it.
            let score = if label.is_some() {
                label.map(|score| score + 1000)
            } else {
                places.clear();
                let note = words.score(Utf32Str::new(&item.note, &mut letters), &mut matcher);
                note.or_else(|| words.score(Utf32Str::new(item.also, &mut letters), &mut matcher))
            };
            if let Some(score) = score {
                places.sort_unstable();
                scored.push((score, at, places));
            }
        }
        if !self.input.is_empty() {
            scored.sort_by_key(|(score, at, _)| (std::cmp::Reverse(*score), *at));
        }
        self.found = scored.into_iter().map(|(_, at, places)| (at, places)).collect();
    }

    /// Draws the list in the middle of an area; returns where the text cursor is.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Option<Position> {
        let label = self.items.iter().map(|item| text::width(&item.label)).max().unwrap_or(0);
        let widest = |item: &PickItem| text::width(&item.note) + text::width(&item.key);
        let rest = self.items.iter().map(widest).max().unwrap_or(0);
        let width = (label + rest + 10).clamp(32, 84) as u16;
        let rows = (self.items.len() as u16).clamp(1, MOST_ROWS);
        let note = format!("{} of {}", self.found.len(), self.items.len());
        let inside = overlay(
            buffer,
            area,
            Window { size: Size::new(width, rows + 4), title: &self.title, note: Some(&note) },
            theme,
        );
        let input = Rect { height: inside.height.min(1), ..inside };
        let prompt = format!("{} ", theme.glyphs.prompt);
        let cursor = self.input.draw(buffer, input, &prompt, theme);
        let gap = u16::from(inside.height > 4);
        let list = Rect {
            y: inside.y + input.height + gap,
            height: inside.height.saturating_sub(input.height + gap),
            ..inside
        };
        if self.found.is_empty() && list.height > 0 {
            let style = theme.style(Role::Muted);
            buffer.set_stringn(list.x, list.y, "No match", usize::from(list.width), style);
        }
        let height = usize::from(list.height);
        let first = self.first.get().clamp((self.cursor + 1).saturating_sub(height).min(self.cursor), self.cursor);
        self.first.set(first);
        for ((at, (item, places)), y) in self.found.iter().enumerate().skip(first).zip(list.y..list.bottom()) {
            let Some(item) = self.items.get(*item) else { continue };
            let line = PickRow { item, places, label, is_selected: at == self.cursor };
            line.draw(buffer, Rect { y, height: 1, ..list }, theme);
        }
        cursor
    }
}

struct PickRow<'a> {
    item: &'a PickItem,
    places: &'a [u32],
    label: usize,
    is_selected: bool,
}

impl PickRow<'_> {
    fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let width = usize::from(area.width);
        let style = |role: Role| {
            let own = Style { bg: None, ..theme.style(role) };
            if self.is_selected && role != Role::Match { theme.style(Role::Selection) } else { own }
        };
        if self.is_selected {
            buffer.set_style(area, theme.style(Role::Selection));
        }
        let mark = if self.is_selected { theme.glyphs.selected } else { " " };
        let x = buffer.set_stringn(area.x, area.y, mark, 1, style(Role::Accent)).0;
        let label = text::cut_with(&self.item.label, width.saturating_sub(2), theme.glyphs.cut);
        buffer.set_stringn(x, area.y, &label, width.saturating_sub(1), style(Role::Text));
        let mut place = x;
        for (at, grapheme) in label.graphemes(true).enumerate() {
            let wide = text::grapheme_width(grapheme) as u16;
            if self.places.binary_search(&(at as u32)).is_ok() {
                buffer.set_style(Rect { x: place, width: wide, ..area }.intersection(area), style(Role::Match));
            }
            place += wide;
        }
        let key = text::width(&self.item.key);
        let note_x = x as usize + self.label + 2;
        let note_room = (usize::from(area.right())).saturating_sub(note_x + key + 2);
        if note_room >= 6 {
            let note = text::cut_with(&self.item.note, note_room, theme.glyphs.cut);
            buffer.set_stringn(note_x as u16, area.y, note, note_room, style(Role::Muted));
        }
        if width > self.label + key + 4 {
            buffer.set_stringn(area.right() - key as u16, area.y, &self.item.key, key, style(Role::Key));
        }
    }
}
