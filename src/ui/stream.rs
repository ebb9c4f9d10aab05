//! Documents as a stream: clean lines for a pipe or a file, coloured ones for a terminal.

use crossterm::Command as _;
use crossterm::style::{Attribute, Color, ResetColor, SetAttribute, SetForegroundColor};
use ratatui::prelude::IntoCrossterm as _;
use ratatui::style::Modifier;

use super::document::{self, Medium};
use super::text;
use super::theme::{Role, Theme};
use crate::document::Document;

/// Writes documents one below the other, in colour with a theme. Of several each has its title.
pub fn write(documents: &[Document], theme: Option<&Theme>) -> String {
    let mut out = String::new();
    for (at, document) in documents.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if documents.len() > 1 {
            part(&text::clean(&document.title), Role::Title, theme, &mut out);
            out.push('\n');
        }
        for line in document::lines(document, &document::codes(document, usize::MAX), Medium::Stream) {
            for (text, role) in &line {
                part(text, *role, theme, &mut out);
            }
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
        }
    }
    out
}

fn part(text: &str, role: Role, theme: Option<&Theme>, out: &mut String) {
    match theme.filter(|_| role != Role::Text && !text.trim().is_empty()) {
        Some(theme) => paint(text, role, theme, out),
        None => out.push_str(text),
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
