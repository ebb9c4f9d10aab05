//! A line to type into, by grapheme: the filter, the palette, a value asked for.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;

use super::text;
use super::theme::{Role, Theme};

/// The longest line, in bytes; a paste beyond is cut.
const MOST: usize = 4096;

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    text: String,
    /// The cursor: a byte on a grapheme's boundary.
    at: usize,
}

impl Input {
    /// A line that holds a text already, with the cursor at its end.
    pub fn new(text: &str) -> Self {
        let mut input = Self::default();
        input.paste(text);
        input
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Empties the line.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Does what a key does to a line (readline's keys too); returns whether it was one of them.
    pub(crate) fn on_key(&mut self, key: KeyEvent) -> bool {
        let held = key.modifiers - KeyModifiers::SHIFT;
        let control = held == KeyModifiers::CONTROL;
        let word = control || held == KeyModifiers::ALT;
        match key.code {
            KeyCode::Char('a') if control => self.at = 0,
            KeyCode::Char('e') if control => self.at = self.text.len(),
            KeyCode::Char('b') if control => self.at = self.before(),
            KeyCode::Char('f') if control => self.at = self.after(),
            KeyCode::Char('w' | 'h') if control => self.remove(self.word_before(), self.at),
            KeyCode::Char('u') if control => self.remove(0, self.at),
            KeyCode::Char('k') if control => self.remove(self.at, self.text.len()),
            KeyCode::Char('d') if control => self.remove(self.at, self.after()),
            KeyCode::Char(c) if held.is_empty() => self.paste(c.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace if word => self.remove(self.word_before(), self.at),
            KeyCode::Backspace => self.remove(self.before(), self.at),
            KeyCode::Delete => self.remove(self.at, self.after()),
            KeyCode::Left if word => self.at = self.word_before(),
            KeyCode::Right if word => self.at = self.word_after(),
            KeyCode::Left => self.at = self.before(),
            KeyCode::Right => self.at = self.after(),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Puts a text in at the cursor, as one clean line.
    pub fn paste(&mut self, pasted: &str) {
        let mut clean = text::clean(pasted).into_owned();
        let room = MOST.saturating_sub(self.text.len());
        while clean.len() > room {
            clean.pop();
        }
        self.text.insert_str(self.at, &clean);
        self.at += clean.len();
        // A mark typed after a letter joins it: the cursor stands behind both.
        let end =
            self.text.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len()).find(|end| *end >= self.at);
        self.at = end.unwrap_or(self.text.len()).max(if self.at == 0 { 0 } else { self.at });
    }

    /// Draws a prompt and the line with its cursor, scrolled so that the cursor is seen; returns where the cursor is.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, prompt: &str, theme: &Theme) -> Option<Position> {
        let area = Rect { height: area.height.min(1), ..area }.intersection(buffer.area);
        if area.is_empty() {
            return None;
        }
        let prompt_width = text::width(prompt) as u16;
        let x = if prompt_width + 4 <= area.width {
            buffer.set_stringn(area.x, area.y, prompt, usize::from(area.width), theme.style(Role::Key)).0
        } else {
            area.x
        };
        let room = usize::from(area.right() - x).saturating_sub(1);
        let before = self.text.get(..self.at).unwrap_or_default();
        let shown = tail(before, room);
        let (cursor, _) = buffer.set_stringn(x, area.y, shown, room, theme.style(Role::Text));
        let after = self.text.get(self.at..).unwrap_or_default();
        let left = usize::from(area.right() - cursor);
        buffer.set_stringn(
            cursor,
            area.y,
            text::cut_with(after, left, theme.glyphs.cut),
            left,
            theme.style(Role::Text),
        );
        if cursor < area.right() {
            let place = Rect { x: cursor, y: area.y, width: 1, height: 1 };
            buffer.set_style(place, Style::new().add_modifier(Modifier::REVERSED));
        }
        Some(Position::new(cursor.min(area.right() - 1), area.y))
    }

    fn remove(&mut self, from: usize, to: usize) {
        if from < to {
            self.text.replace_range(from..to, "");
            self.at = from;
        }
    }

    fn before(&self) -> usize {
        let before = self.text.get(..self.at).unwrap_or_default();
        before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let after = self.text.get(self.at..).unwrap_or_default();
        self.at + after.graphemes(true).next().map_or(0, str::len)
    }

    /// The beginning of the word before the cursor.
    fn word_before(&self) -> usize {
        let before = self.text.get(..self.at).unwrap_or_default().trim_end();
        before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8))
    }

    /// The end of the word after the cursor.
    fn word_after(&self) -> usize {
        let after = self.text.get(self.at..).unwrap_or_default();
        let blank = after.len() - after.trim_start().len();
        let word = after.get(blank..).and_then(|word| word.find(char::is_whitespace));
        self.at + word.map_or(after.len(), |end| blank + end)
    }
}

/// Returns the end of a text that fits so many columns.
fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let mut start = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += text::grapheme_width(grapheme);
        if used > columns {
            break;
        }
        start = at;
    }
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::snapshot::lines;

    fn press(input: &mut Input, keys: &str) {
        for key in keys.split(' ') {
            let (modifiers, name) = match key.split_once('+') {
                Some(("c", name)) => (KeyModifiers::CONTROL, name),
                Some(("a", name)) => (KeyModifiers::ALT, name),
                _ => (KeyModifiers::NONE, key),
            };
            let code = match name {
                "left" => KeyCode::Left,
                "right" => KeyCode::Right,
                "home" => KeyCode::Home,
                "back" => KeyCode::Backspace,
                "del" => KeyCode::Delete,
                "space" => KeyCode::Char(' '),
                _ => KeyCode::Char(name.chars().next().unwrap()),
            };
            assert!(input.on_key(KeyEvent::new(code, modifiers)), "{key}");
        }
    }

    #[test]
    fn keys_edit_by_grapheme_and_word() {
        for (text, keys, expected) in [
            ("", "a b c", "abc"),
            ("abc", "left x", "abxc"),
            ("abc", "home del", "bc"),
            ("日本", "back", "日"),
            ("e\u{301}e\u{301}", "back", "e\u{301}"),
            ("one two  ", "c+w", "one "),
            ("one two", "c+u", ""),
            ("one two", "c+a c+k x", "x"),
            ("one two", "a+left x", "one xtwo"),
            ("one two", "home c+right x", "onex two"),
            ("", "back c+w c+u left right del a", "a"),
        ] {
            let mut input = Input::new(text);
            press(&mut input, keys);
            assert_eq!(input.text(), expected, "{text:?} {keys}");
        }
    }

    #[test]
    fn a_paste_becomes_one_clean_line() {
        let mut input = Input::new("ab");
        press(&mut input, "left");
        input.paste("1\n  2\x1b[0m");
        assert_eq!(input.text(), "a1 2␛[0mb");
        input.paste(&"x".repeat(1_000_000));
        assert!(input.text().len() <= MOST);
    }

    #[test]
    fn the_cursor_is_always_seen() {
        let area = Rect::new(0, 0, 12, 1);
        let mut buffer = Buffer::empty(area);
        let input = Input::new("a long filter that scrolls");
        let cursor = input.draw(&mut buffer, area, "/ ", &Theme::default()).unwrap();
        assert_eq!(lines(&buffer), ["/ t scrolls"]);
        assert_eq!(cursor.x, 11);
    }

    proptest! {
        #[test]
        fn any_keys_leave_a_cursor_between_graphemes(
            pastes in proptest::collection::vec(any::<String>(), 0..4),
            keys in "([abdefhkuw]|left|right|back|del|home)( ([abdefhkuw]|left|right|back|del|home)){0,20}",
            width in 0_u16..20,
        ) {
            let mut input = Input::default();
            for paste in &pastes {
                input.paste(paste);
                press(&mut input, &keys);
                press(&mut input, &keys.replace(' ', " c+").replace("c+home", "home").replace("c+del", "del").replace("c+back", "back"));
            }
            prop_assert!(input.text.is_char_boundary(input.at));
            let area = Rect::new(0, 0, width, 1);
            let mut buffer = Buffer::empty(area);
            input.draw(&mut buffer, area, "> ", &Theme::default());
        }
    }
}
