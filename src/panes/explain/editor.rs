//! The editor of the statement: several lines in colour, undo, what was explained before.
//!
//! The text is as it was typed or pasted; it is cleaned only on its way to the screen. The colours are found when the
//! text changes, so that drawing looks at the lines it shows and no others.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui_textarea::{CursorMove, TextArea};

use crate::document::Language;
use crate::ui::code::spans;
use crate::ui::frame::{TextPart, draw_parts};
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// Statements that are kept for the keys that go back to them.
const MOST_KEPT: usize = 500;

/// What the editor makes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EditorAction {
    /// Nothing more: it was typed.
    Nothing,
    /// Run what stands there.
    Run,
    /// Leave the editor.
    Leave,
    /// Go on in the user's own editor.
    Own,
}

/// The keys of the editor and what each does, for the lines below it and the help.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("F5", "run (or Ctrl-r)"),
    ("Esc", "show the plan"),
    ("Alt-Up/Down", "previous, next statement"),
    ("Ctrl-l", "format"),
    ("Ctrl-g", "your $EDITOR"),
    ("Ctrl-z/y", "undo, redo"),
    ("Ctrl-x", "clear"),
];

/// The statement that is being written.
#[derive(Debug, Default)]
pub(super) struct Editor {
    area: TextArea<'static>,
    /// The parts of each line that have a colour, in bytes of the line.
    colours: Vec<Vec<(Range<usize>, Role)>>,
    /// The first line and the first column drawn.
    scroll: (usize, usize),
    past: Vec<String>,
    /// How far back in the past the text is, and what stood there before.
    back: Option<(usize, String)>,
}

impl Editor {
    /// Returns the text.
    pub(super) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether there is nothing but blanks.
    pub(super) fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// Returns how many lines there are.
    pub(super) fn height(&self) -> usize {
        self.area.lines().len()
    }

    /// Takes another text in place of this one; undo brings this one back.
    pub(super) fn set(&mut self, text: &str) {
        self.area.select_all();
        self.area.cut();
        self.area.insert_str(plain(text));
        self.area.move_cursor(CursorMove::Top);
        self.area.move_cursor(CursorMove::Head);
        self.scroll = (0, 0);
        self.colour();
    }

    /// Puts a text in at the cursor.
    pub(super) fn paste(&mut self, text: &str) {
        self.area.insert_str(plain(text));
        self.back = None;
        self.colour();
    }

    /// Takes the statements of earlier runs, the oldest first; those of this run stay the newest.
    pub(super) fn remember_all(&mut self, mut older: Vec<String>) {
        older.append(&mut self.past);
        self.past = older;
        self.cut_past();
    }

    /// Keeps a statement; returns whether it is another than the last one kept.
    pub(super) fn remember(&mut self, statement: &str) -> bool {
        self.back = None;
        if self.past.last().is_some_and(|last| last == statement) {
            return false;
        }
        self.past.push(statement.to_owned());
        self.cut_past();
        true
    }

    /// Returns the statements explained so far, the oldest first.
    pub(super) fn past(&self) -> &[String] {
        &self.past
    }

    fn cut_past(&mut self) {
        let surplus = self.past.len().saturating_sub(MOST_KEPT);
        drop(self.past.drain(..surplus));
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: &KeyEvent) -> EditorAction {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Esc => return EditorAction::Leave,
            KeyCode::F(5) => return EditorAction::Run,
            KeyCode::Char('r') if control => return EditorAction::Run,
            KeyCode::Char('g') if control => return EditorAction::Own,
            KeyCode::Char('l') if control => {
                let laid_out = crate::ui::code::format_sql(&self.text());
                self.set(&laid_out);
            }
            KeyCode::Char('x') if control => self.set(""),
            KeyCode::Char('z') if control => drop_bool(self.area.undo()),
            KeyCode::Char('y') if control => drop_bool(self.area.redo()),
            KeyCode::Up if alt => self.step_past(1),
            KeyCode::Down if alt => self.step_past(-1),
            KeyCode::Char('p') if alt => self.step_past(1),
            KeyCode::Char('n') if alt => self.step_past(-1),
            KeyCode::Tab => drop_bool(self.area.insert_str("  ")),
            _ => {
                if self.area.input(*key) {
                    self.back = None;
                    self.colour();
                }
                return EditorAction::Nothing;
            }
        }
        self.colour();
        EditorAction::Nothing
    }

    /// Goes back to an older statement, or forward to a newer.
    fn step_past(&mut self, steps: isize) {
        let (at, before) = self.back.take().unwrap_or_else(|| (0, self.text()));
        let at = at.saturating_add_signed(steps).min(self.past.len());
        let text = match at {
            0 => before.clone(),
            _ => self.past.get(self.past.len() - at).cloned().unwrap_or_default(),
        };
        self.set(&text);
        self.back = (at > 0).then_some((at, before));
    }

    /// Finds the colours anew.
    fn colour(&mut self) {
        let text = self.text();
        let mut colours = vec![Vec::new(); self.area.lines().len()];
        let mut starts = Vec::with_capacity(colours.len());
        let mut start = 0;
        for line in self.area.lines() {
            starts.push(start);
            start += line.len() + 1;
        }
        for (range, role) in spans(Language::Sql, &text) {
            let line = starts.partition_point(|start| *start <= range.start).saturating_sub(1);
            if let (Some(colours), Some(start)) = (colours.get_mut(line), starts.get(line)) {
                colours.push((range.start - start..range.end - start, role));
            }
        }
        self.colours = colours;
    }

    /// Draws the lines around the cursor; returns where the cursor is, if the editor has the keys.
    pub(super) fn draw(&mut self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Option<Position> {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return None;
        }
        let cursor = self.area.cursor();
        let (row, column) = (cursor.0, cursor.1);
        let line = self.area.lines().get(row).map_or("", String::as_str);
        let before = line.char_indices().nth(column).map_or(line, |(at, _)| line.get(..at).unwrap_or(line));
        let x = text::width(&text::clean(before));
        let (height, width) = (usize::from(area.height), usize::from(area.width));
        let (first, left) = self.scroll;
        let first = first.clamp((row + 1).saturating_sub(height), row);
        let left = left.clamp((x + 1).saturating_sub(width), x);
        self.scroll = (first, left);
        for (y, at) in (area.y..area.bottom()).zip(first..) {
            let Some(line) = self.area.lines().get(at) else { break };
            let colours = self.colours.get(at).map_or(&[][..], Vec::as_slice);
            let parts = visible(line, colours, left, width);
            draw_parts(buffer, Rect { y, height: 1, ..area }, &parts, theme);
        }
        let at = Position::new(area.x + (x - left) as u16, area.y + (row - first) as u16);
        buffer.set_style(Rect { x: at.x, y: at.y, width: 1, height: 1 }, Style::new().add_modifier(Modifier::REVERSED));
        Some(at)
    }

    /// Puts the cursor where somebody clicked, given the place within the editor.
    pub(super) fn click(&mut self, x: u16, y: u16) {
        let row = (self.scroll.0 + usize::from(y)).min(self.height().saturating_sub(1));
        let line = self.area.lines().get(row).map_or("", String::as_str);
        let (bytes, _) = text::fit(line, self.scroll.1 + usize::from(x));
        let column = line.get(..bytes).unwrap_or_default().chars().count();
        self.area.move_cursor(CursorMove::Jump(row as u16, column as u16));
    }
}

fn drop_bool(_did: bool) {}

/// Returns a pasted text with one kind of line end, tabs as blanks and without a byte that is no text.
fn plain(text: &str) -> String {
    let text = text::with_plain_line_ends(text).replace('\t', "    ");
    text.trim_start_matches('\u{feff}').replace('\0', "")
}

/// Returns the parts of a line within so many columns from a column on.
fn visible(line: &str, colours: &[(Range<usize>, Role)], left: usize, width: usize) -> Vec<TextPart> {
    let (from, _) = text::fit(line, left);
    let to = from + text::fit(line.get(from..).unwrap_or_default(), width).0;
    let mut parts: Vec<TextPart> = Vec::new();
    let mut push = |range: Range<usize>, role: Role| {
        let range = range.start.clamp(from, to)..range.end.clamp(from, to);
        if let Some(part) = line.get(range).filter(|part| !part.is_empty()) {
            parts.push((text::clean(part).into_owned(), role));
        }
    };
    let first = colours.partition_point(|(range, _)| range.end <= from);
    let mut at = from;
    for (range, role) in colours.iter().skip(first).take_while(|(range, _)| range.start < to) {
        push(at..range.start, Role::Text);
        push(range.clone(), *role);
        at = range.end;
    }
    push(at..to, Role::Text);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::snapshot::lines;

    fn typed(editor: &mut Editor, text: &str) {
        for letter in text.chars() {
            let code = if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) };
            editor.key(&KeyEvent::new(code, KeyModifiers::NONE));
        }
    }

    fn control(editor: &mut Editor, letter: char) -> EditorAction {
        editor.key(&KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
    }

    fn drawn(editor: &mut Editor, size: (u16, u16)) -> String {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        editor.draw(&mut buffer, area, &Theme::default());
        lines(&buffer).join("\n")
    }

    #[test]
    fn what_is_typed_can_be_undone_and_laid_out() {
        let mut editor = Editor::default();
        typed(&mut editor, "select a from b where c = 1");
        control(&mut editor, 'l');
        assert!(editor.height() > 2, "{}", editor.text());
        for _ in 0..2 {
            control(&mut editor, 'z');
        }
        assert_eq!(editor.text(), "select a from b where c = 1");
        assert_eq!(control(&mut editor, 'r'), EditorAction::Run);
        assert_eq!(editor.key(&KeyEvent::from(KeyCode::Esc)), EditorAction::Leave);
    }

    #[test]
    fn older_statements_come_back_and_what_was_typed_too() {
        let mut editor = Editor::default();
        editor.remember("select 2");
        editor.remember_all(vec!["select 1".to_owned()]);
        assert!(!editor.remember("select 2"));
        typed(&mut editor, "mine");
        let alt = |editor: &mut Editor, code| {
            editor.key(&KeyEvent::new(code, KeyModifiers::ALT));
            editor.text()
        };
        assert_eq!(alt(&mut editor, KeyCode::Up), "select 2");
        assert_eq!(alt(&mut editor, KeyCode::Up), "select 1");
        assert_eq!(alt(&mut editor, KeyCode::Up), "select 1");
        assert_eq!(alt(&mut editor, KeyCode::Down), "select 2");
        assert_eq!(alt(&mut editor, KeyCode::Down), "mine");
    }

    #[test]
    fn a_megabyte_can_be_pasted_and_its_end_be_seen() {
        let mut editor = Editor::default();
        editor.paste(&"select 'a', 1 -- note\r\n".repeat(45_000));
        editor.paste("the end");
        assert!(drawn(&mut editor, (40, 5)).ends_with("the end"));
        let mut long = Editor::default();
        long.paste(&"x".repeat(1_000_000));
        assert_eq!(drawn(&mut long, (10, 1)), "x".repeat(9));
    }

    #[test]
    fn a_hostile_text_is_drawn_clean_and_run_as_it_is() {
        let mut editor = Editor::default();
        editor.paste("select '\u{1b}[2J漢字'");
        assert_eq!(editor.text(), "select '\u{1b}[2J漢字'");
        let shown = drawn(&mut editor, (30, 1));
        assert!(!shown.contains('\u{1b}') && shown.contains("漢字"), "{shown}");
        for (width, height) in (0..20).flat_map(|width| (0..4).map(move |height| (width, height))) {
            drawn(&mut editor, (width, height));
        }
    }

    #[test]
    fn a_click_puts_the_cursor_there() {
        let mut editor = Editor::default();
        editor.set("select 1\nfrom t");
        editor.click(4, 1);
        typed(&mut editor, "!");
        assert_eq!(editor.text(), "select 1\nfrom! t");
    }
}
