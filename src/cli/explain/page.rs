//! Lines of parts, each with its role: clean bytes for a pipe, coloured ones for a terminal.

use crossterm::Command as _;
use crossterm::style::{Attribute, Color, ResetColor, SetAttribute, SetForegroundColor};
use ratatui::prelude::IntoCrossterm as _;
use ratatui::style::Modifier;

use crate::document::Language;
use crate::ui::code::Code;
use crate::ui::text::{clean_stream, wrap_words};
use crate::ui::theme::{Role, Theme};

/// Columns that prose is wrapped to.
const WIDTH: usize = 100;

/// Columns that code is wrapped to: none, so that it can be copied.
const UNWRAPPED: usize = usize::MAX / 2;

/// A text that is being written, in colour with a theme.
#[derive(Debug)]
pub(super) struct Page<'a> {
    out: String,
    theme: Option<&'a Theme>,
}

impl<'a> Page<'a> {
    /// An empty page.
    pub(super) fn new(theme: Option<&'a Theme>) -> Self {
        Self { out: String::new(), theme }
    }

    /// Adds a part to the line.
    pub(super) fn part(&mut self, text: impl AsRef<str>, role: Role) {
        let text = clean_stream(text.as_ref());
        match self.theme.filter(|_| role != Role::Text && !text.trim().is_empty()) {
            Some(theme) => paint(&text, role, theme, &mut self.out),
            None => self.out.push_str(&text),
        }
    }

    /// Ends the line.
    pub(super) fn end(&mut self) {
        self.part("\n", Role::Text);
    }

    /// Adds a whole line.
    pub(super) fn line(&mut self, text: impl AsRef<str>, role: Role) {
        self.part(text, role);
        self.end();
    }

    /// Adds prose behind a head of some width, wrapped and hanging.
    pub(super) fn prose(&mut self, head: &str, text: &str, role: Role) {
        let indent = head.chars().count();
        for (at, line) in wrap_words(&clean_stream(text), WIDTH.saturating_sub(indent)).into_iter().enumerate() {
            let blanks = " ".repeat(indent);
            self.part(if at == 0 { head } else { &blanks }, Role::Muted);
            self.line(line, role);
        }
    }

    /// Adds code, indented.
    pub(super) fn code(&mut self, language: Language, code: &str, indent: usize) {
        for line in Code::new(language, code.trim_end()).lines(UNWRAPPED) {
            if !line.is_empty() {
                self.part(" ".repeat(indent), Role::Text);
            }
            for (text, role) in line {
                self.part(text, role);
            }
            self.end();
        }
    }

    /// Returns the bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }
}

fn paint(text: &str, role: Role, theme: &Theme, out: &mut String) {
    let style = theme.style(role);
    let before = out.len();
    let mut write = |command: &dyn Fn(&mut String) -> std::fmt::Result| {
        // A String takes everything.
        command(out).unwrap_or_default();
    };
    if let Some(colour) = style.fg {
        let colour: Color = colour.into_crossterm();
        if colour != Color::Reset {
            write(&|out| SetForegroundColor(colour).write_ansi(out));
        }
    }
    if style.add_modifier.contains(Modifier::BOLD) {
        write(&|out| SetAttribute(Attribute::Bold).write_ansi(out));
    }
    if style.add_modifier.contains(Modifier::UNDERLINED) {
        write(&|out| SetAttribute(Attribute::Underlined).write_ansi(out));
    }
    let is_painted = out.len() > before;
    out.push_str(text);
    if is_painted {
        SetAttribute(Attribute::Reset).write_ansi(out).and_then(|()| ResetColor.write_ansi(out)).unwrap_or_default();
    }
}
