//! A form: a few values to fill in, each with choices worth trying, or switches.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};

use super::{Window, overlay};
use crate::ui::frame::{TextPart, draw_parts};
use crate::ui::input::Input;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// Columns of a form at most.
const WIDEST: u16 = 90;

/// A form that is being filled in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Form {
    /// What it is for.
    pub title: String,
    /// What Enter does, where it does not run a statement with these values.
    pub verb: Option<&'static str>,
    /// What can be left out or done instead: the key's words, for instance `Ctrl-g the generic plan`.
    pub otherwise: Option<String>,
    /// The fields.
    pub fields: Vec<FormField>,
    at: usize,
    first: usize,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FormField {
    /// Its name.
    pub label: String,
    /// What is to be known of it: a type, a column.
    pub note: String,
    /// What is in it.
    pub value: FormValue,
    /// Values worth trying: why, and the value.
    pub choices: Vec<(String, String)>,
}

/// What is in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormValue {
    /// A text that is typed.
    Text(Input),
    /// SQL's null.
    Null(Input),
    /// A switch.
    Switch(bool),
}

impl Default for FormValue {
    fn default() -> Self {
        Self::Text(Input::default())
    }
}

/// What a form makes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// It is being filled in.
    NotYet,
    /// It is left.
    Left,
    /// It is done: a text for each field, `None` for null, `on` or `off` for a switch.
    Done(Vec<Option<String>>),
    /// What [`Form::otherwise`] says.
    Otherwise,
}

impl Form {
    /// An empty form.
    pub fn new(title: impl Into<String>, fields: Vec<FormField>) -> Self {
        Self { title: title.into(), fields, ..Self::default() }
    }

    /// Names what Enter does, for instance `open`; then no field can be null.
    #[must_use]
    pub fn verb(self, verb: &'static str) -> Self {
        Self { verb: Some(verb), ..self }
    }

    /// Takes a key.
    pub(crate) fn on_key(&mut self, key: KeyEvent) -> Filled {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let count = self.fields.len().max(1);
        match key.code {
            KeyCode::Esc => return Filled::Left,
            KeyCode::Enter | KeyCode::F(5) => return Filled::Done(self.values()),
            KeyCode::Char('g') if control && self.otherwise.is_some() => return Filled::Otherwise,
            KeyCode::Up | KeyCode::BackTab => self.at = (self.at + count - 1) % count,
            KeyCode::Down | KeyCode::Tab => self.at = (self.at + 1) % count,
            KeyCode::Char('n') if control => self.choose(1),
            KeyCode::Char('p') if control => self.choose(-1),
            _ => self.type_in(key, control),
        }
        Filled::NotYet
    }

    /// Types a text in.
    pub fn paste(&mut self, pasted: &str) {
        if let Some(FormField { value: FormValue::Text(input), .. }) = self.fields.get_mut(self.at) {
            input.paste(pasted);
        }
    }

    fn type_in(&mut self, key: KeyEvent, control: bool) {
        let Some(field) = self.fields.get_mut(self.at) else { return };
        match &mut field.value {
            FormValue::Switch(is_on) => {
                if matches!(key.code, KeyCode::Char(' ') | KeyCode::Left | KeyCode::Right) {
                    *is_on = !*is_on;
                }
            }
            FormValue::Text(input) | FormValue::Null(input) if control && key.code == KeyCode::Char('x') => {
                let input = std::mem::take(input);
                let is_null = matches!(field.value, FormValue::Null(_));
                field.value = if is_null { FormValue::Text(input) } else { FormValue::Null(input) };
            }
            FormValue::Text(input) => {
                let _is_taken = input.on_key(key);
            }
            FormValue::Null(_) => {}
        }
    }

    /// Takes the next of the choices, or the one before.
    fn choose(&mut self, step: isize) {
        let Some(field) = self.fields.get_mut(self.at) else { return };
        let count = field.choices.len().cast_signed();
        if count == 0 {
            return;
        }
        let here = match &field.value {
            FormValue::Text(input) => field.choices.iter().position(|(_, value)| value == input.text()),
            _ => None,
        };
        let there = match here {
            Some(at) => (at.cast_signed() + step).rem_euclid(count).cast_unsigned(),
            None => 0,
        };
        if let Some((_, value)) = field.choices.get(there) {
            field.value = FormValue::Text(Input::new(value));
        }
    }

    fn values(&self) -> Vec<Option<String>> {
        let value = |field: &FormField| match &field.value {
            FormValue::Text(input) => Some(input.text().to_owned()),
            FormValue::Null(_) => None,
            FormValue::Switch(is_on) => Some(if *is_on { "on" } else { "off" }.to_owned()),
        };
        self.fields.iter().map(value).collect()
    }

    /// Draws the form in the middle of an area; returns where the cursor is.
    pub fn draw(&mut self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Option<Position> {
        let choices = self.fields.get(self.at).map_or(0, |field| field.choices.len().min(4));
        let height = (self.fields.len() + choices + 4).min(usize::from(area.height)) as u16;
        let size = Size::new(area.width.saturating_sub(4).min(WIDEST), height);
        let keys = format!("Enter {} · Esc cancel", self.verb.unwrap_or("run"));
        let inside = overlay(buffer, area, Window { size, title: &self.title, note: Some(&keys) }, theme);
        let rows = usize::from(inside.height.saturating_sub(2)).saturating_sub(choices).max(1);
        self.first = self.first.clamp((self.at + 1).saturating_sub(rows), self.at);
        let label = self.label_width();
        let mut y = inside.y;
        let mut cursor = None;
        for (at, field) in self.fields.iter().enumerate().skip(self.first).take(rows) {
            if y >= inside.bottom() {
                break;
            }
            let line = Rect { y, height: 1, ..inside };
            cursor = self.draw_field(buffer, line, at, theme).or(cursor);
            y += 1;
            if at == self.at {
                for (note, value) in field.choices.iter().take(choices) {
                    let value = text::clean_cut(value, 40);
                    let parts: Vec<TextPart> = vec![
                        (" ".repeat(label), Role::Text),
                        (value, Role::Accent),
                        (format!("  {note}"), Role::Muted),
                    ];
                    draw_parts(buffer, Rect { y, height: u16::from(y < inside.bottom()), ..inside }, &parts, theme);
                    y += 1;
                }
            }
        }
        self.draw_keys(buffer, inside, theme);
        cursor
    }

    /// Returns the columns of the labels, with the blanks behind them.
    fn label_width(&self) -> usize {
        self.fields.iter().map(|field| text::width(&field.label)).max().unwrap_or(0) + 2
    }

    /// Draws a field; returns where the cursor is, if it is in it.
    fn draw_field(&self, buffer: &mut Buffer, line: Rect, at: usize, theme: &Theme) -> Option<Position> {
        let field = self.fields.get(at)?;
        let has_focus = at == self.at;
        let role = if has_focus { Role::Accent } else { Role::Muted };
        let name = text::pad(&text::clean(&field.label), self.label_width(), text::Align::Left);
        let x = draw_parts(buffer, line, &[(name, role)], theme);
        let note = text::clean_cut(&field.note, usize::from(line.width / 3));
        let note_width = text::width(&note) as u16;
        let room = (line.right() - x).saturating_sub(note_width + 1);
        let place = Rect { x, width: room, ..line };
        draw_parts(
            buffer,
            Rect { x: line.right() - note_width, width: note_width, ..line },
            &[(note, Role::Muted)],
            theme,
        );
        match &field.value {
            FormValue::Text(input) if has_focus => input.draw(buffer, place, "", theme),
            FormValue::Text(input) => {
                draw_parts(buffer, place, &[(text::clean(input.text()).into_owned(), Role::Text)], theme);
                None
            }
            FormValue::Null(_) => {
                draw_parts(buffer, place, &[("null".to_owned(), Role::SqlKeyword)], theme);
                None
            }
            FormValue::Switch(is_on) => {
                let (word, role) = if *is_on { ("on", Role::Good) } else { ("off", Role::Muted) };
                draw_parts(buffer, place, &[(word.to_owned(), role)], theme);
                None
            }
        }
    }

    fn draw_keys(&self, buffer: &mut Buffer, inside: Rect, theme: &Theme) {
        let field = self.fields.get(self.at);
        let mut parts: Vec<TextPart> = Vec::new();
        let mut told = |key: &str, does: &str| {
            parts.push((key.to_owned(), Role::Key));
            parts.push((format!(" {does}  "), Role::Muted));
        };
        match field.map(|field| &field.value) {
            Some(FormValue::Switch(_)) => told("Space", "on, off"),
            Some(_) => {
                if field.is_some_and(|field| !field.choices.is_empty()) {
                    told("Ctrl-n", "next choice");
                }
                if self.verb.is_none() {
                    told("Ctrl-x", "null");
                }
            }
            None => {}
        }
        if let Some((key, does)) = self.otherwise.as_deref().and_then(|otherwise| otherwise.split_once(' ')) {
            told(key, does);
        }
        let y = inside.bottom().saturating_sub(1);
        draw_parts(buffer, Rect { y, height: inside.height.min(1), ..inside }, &parts, theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::snapshot::lines;

    fn form() -> Form {
        let field = |label: &str, note: &str, choices: &[(&str, &str)]| FormField {
            label: label.to_owned(),
            note: note.to_owned(),
            value: FormValue::default(),
            choices: choices.iter().map(|(note, value)| ((*note).to_owned(), (*value).to_owned())).collect(),
        };
        let mut form = Form::new(
            "Values",
            vec![
                field("$1", "text, shop_order.status", &[("common, 60%", "paid"), ("rare", "lost")]),
                field("$2", "integer", &[]),
                FormField { label: "analyze".into(), value: FormValue::Switch(true), ..FormField::default() },
            ],
        );
        form.otherwise = Some("Ctrl-g the generic plan".to_owned());
        form
    }

    fn press(form: &mut Form, code: KeyCode, modifiers: KeyModifiers) -> Filled {
        form.on_key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn choices_are_taken_one_after_the_other_and_null_is_a_value() {
        let mut form = form();
        press(&mut form, KeyCode::Char('n'), KeyModifiers::CONTROL);
        press(&mut form, KeyCode::Char('n'), KeyModifiers::CONTROL);
        press(&mut form, KeyCode::Down, KeyModifiers::NONE);
        press(&mut form, KeyCode::Char('x'), KeyModifiers::CONTROL);
        press(&mut form, KeyCode::Tab, KeyModifiers::NONE);
        press(&mut form, KeyCode::Char(' '), KeyModifiers::NONE);
        let done = press(&mut form, KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(done, Filled::Done(vec![Some("lost".into()), None, Some("off".into())]));
        assert_eq!(press(&mut form, KeyCode::Char('g'), KeyModifiers::CONTROL), Filled::Otherwise);
        assert_eq!(press(&mut form, KeyCode::Esc, KeyModifiers::NONE), Filled::Left);
    }

    #[test]
    fn the_choices_of_the_field_that_is_typed_into_are_shown() {
        let area = Rect::new(0, 0, 70, 12);
        let mut buffer = Buffer::empty(area);
        let mut form = form();
        form.paste("new");
        form.draw(&mut buffer, area, &Theme::default());
        insta::assert_snapshot!(lines(&buffer).join("\n"));
        for (width, height) in (0..24).flat_map(|width| (0..7).map(move |height| (width, height))) {
            let area = Rect::new(0, 0, width, height);
            form.draw(&mut Buffer::empty(area), area, &Theme::default());
        }
    }
}
