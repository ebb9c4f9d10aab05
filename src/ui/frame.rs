//! Tiles, tabs and lines of parts: what stands around the widgets.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, Borders, Widget};

use super::text;
use super::theme::{Role, Theme};

/// The least size of a tile that has a border; below it has a line for its title, below that nothing.
const LEAST_BORDERED: (u16, u16) = (12, 4);

/// A part of a line: text and how it looks.
pub type TextPart = (String, Role);

/// A frame with a title and a note.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tile<'a> {
    /// What it shows; on the left.
    pub title: &'a str,
    /// The key that leads there, before the title.
    pub key: Option<&'a str>,
    /// What is to be known of its figures: their age, why there are no newer ones; on the right, cut before the title is.
    pub note: Option<(&'a str, Role)>,
    /// Whether it has the keys.
    pub has_focus: bool,
}

impl Tile<'_> {
    /// Draws the frame and returns the area inside.
    ///
    /// A small tile has no border, only its title; a tiny one neither.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) -> Rect {
        let area = area.intersection(buffer.area);
        if area.height < 2 || area.width < 2 {
            return area;
        }
        let border = theme.style(if self.has_focus { Role::BorderFocus } else { Role::Border });
        if area.width < LEAST_BORDERED.0 || area.height < LEAST_BORDERED.1 {
            let line = Rect { height: 1, ..area };
            self.title_line(buffer, line, theme);
            return Rect { y: area.y + 1, height: area.height - 1, ..area };
        }
        let block = Block::new().borders(Borders::ALL).border_set(theme.glyphs.border).border_style(border);
        let inside = block.inner(area);
        block.render(area, buffer);
        self.title_line(buffer, Rect { x: area.x + 1, width: area.width - 2, height: 1, ..area }, theme);
        inside
    }

    fn title_line(&self, buffer: &mut Buffer, line: Rect, theme: &Theme) {
        let room = usize::from(line.width);
        let role = if self.has_focus { Role::Accent } else { Role::Title };
        let mut left: Vec<TextPart> = vec![(" ".to_owned(), Role::Title)];
        if let Some(key) = self.key {
            left.push((format!("{key} "), Role::Key));
        }
        if !self.title.is_empty() {
            left.push((format!("{} ", self.title), role));
        }
        if left.len() == 1 {
            left.clear();
        }
        let used = parts_width(&left);
        draw_parts(buffer, line, &left, theme);
        let Some((note, role)) = self.note.filter(|(note, _)| !note.is_empty()) else { return };
        let least = 8;
        let Some(room) = room.checked_sub(used + 3).filter(|room| *room >= least.min(text::width(note))) else {
            return;
        };
        let note = format!(" {} ", text::cut_with(note, room, theme.glyphs.cut));
        let wide = text::width(&note) as u16;
        let x = line.right() - wide.min(line.width);
        draw_parts(buffer, Rect { x, width: wide, ..line }, &[(note, role)], theme);
    }
}

/// A part of a line that may be left out where there is no room.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its parts, drawn together or not at all.
    pub parts: Vec<TextPart>,
    /// When it is left out: the highest first, 0 never.
    pub drop: u8,
}

impl Segment {
    /// A segment that stays.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { parts: vec![(text.into(), role)], drop: 0 }
    }

    /// Adds a part to it.
    pub fn and(mut self, text: impl Into<String>, role: Role) -> Self {
        self.parts.push((text.into(), role));
        self
    }

    /// Says when it is left out: the highest first.
    pub fn drop(mut self, priority: u8) -> Self {
        self.drop = priority;
        self
    }
}

/// Draws segments from the left with two blanks between; those that have no room are left out, the highest `drop` first.
///
/// Returns where each was drawn, for clicks; one that was left out has no width.
pub(crate) fn draw_segments(buffer: &mut Buffer, area: Rect, segments: &[Segment], theme: &Theme) -> Vec<Rect> {
    let area = Rect { height: area.height.min(1), ..area }.intersection(buffer.area);
    let width = |at: &usize| segments.get(*at).map_or(0, |segment| parts_width(&segment.parts));
    let mut kept: Vec<usize> = (0..segments.len()).collect();
    let total = |kept: &[usize]| kept.iter().map(width).sum::<usize>() + 2 * kept.len().saturating_sub(1);
    while total(&kept) > usize::from(area.width) {
        let priority = |at: &usize| segments.get(*at).map_or(0, |segment| segment.drop);
        let gone = kept.iter().enumerate().filter(|(_, at)| priority(at) > 0).max_by_key(|(_, at)| priority(at));
        let Some((place, _)) = gone else { break };
        kept.remove(place);
    }
    let mut drawn = vec![Rect::default(); segments.len()];
    let mut x = area.x;
    for at in kept {
        let (Some(segment), Some(place)) = (segments.get(at), drawn.get_mut(at)) else { continue };
        let room = Rect { x, width: area.right().saturating_sub(x), ..area };
        let end = draw_parts(buffer, room, &segment.parts, theme);
        *place = Rect { width: end - x, ..room };
        x = end.saturating_add(2);
        if x >= area.right() {
            break;
        }
    }
    drawn
}

/// Draws the footer: the keys that work here, each with what it does; as many as there is room for.
pub(crate) fn draw_keys(buffer: &mut Buffer, area: Rect, keys: &[(&str, &str)], theme: &Theme) {
    let segment = |(at, (key, does)): (usize, &(&str, &str))| {
        Segment::new(*key, Role::Key).and(format!(" {does}"), Role::Muted).drop(1 + at.min(250) as u8)
    };
    let segments: Vec<Segment> = keys.iter().enumerate().map(segment).collect();
    draw_segments(buffer, area, &segments, theme);
}

/// A tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tab {
    /// The key that shows it.
    pub(crate) key: String,
    /// Its name.
    pub(crate) name: &'static str,
    /// Its name where there is little room.
    pub(crate) short: &'static str,
}

/// Draws the tabs, the active one marked; returns where each stands, for clicks.
///
/// Where they have no room all have their short names, whichever is active; where that does not do, all but the active one
/// shrink to their keys, then those that do not fit are left out.
pub(crate) fn draw_tabs(buffer: &mut Buffer, area: Rect, tabs: &[Tab], active: usize, theme: &Theme) -> Vec<Rect> {
    let room = usize::from(area.width);
    // Behind each key a blank, between two tabs two.
    let needs = |name: fn(&Tab) -> &str| {
        tabs.iter().map(|tab| text::width(&tab.key) + text::width(name(tab)) + 3).sum::<usize>().saturating_sub(2)
    };
    let is_wide = needs(|tab| tab.name) <= room;
    let is_named = needs(|tab| tab.short) <= room;
    let segment = |(at, tab): (usize, &Tab)| {
        let is_active = at == active;
        let role = if is_active { Role::Accent } else { Role::Muted };
        let segment = Segment::new(tab.key.clone(), if is_active { Role::Accent } else { Role::Key });
        let segment = match (is_wide, is_named || is_active) {
            (true, _) => segment.and(format!(" {}", tab.name), role),
            (false, true) => segment.and(format!(" {}", tab.short), role),
            (false, false) => segment,
        };
        segment.drop(if is_active { 0 } else { 1 + at.min(250) as u8 })
    };
    let segments: Vec<Segment> = tabs.iter().enumerate().map(segment).collect();
    let drawn = draw_segments(buffer, area, &segments, theme);
    if let Some(place) = drawn.get(active).filter(|place| place.width > 0) {
        // A blank on each side, of those between the tabs.
        let badge = Rect { x: place.x.saturating_sub(1), width: place.width + 2, ..*place };
        buffer.set_style(badge.intersection(buffer.area), theme.style(Role::Tab));
    }
    drawn
}

/// Draws parts one after the other, the last cut where the area ends; returns where they ended.
pub(crate) fn draw_parts(buffer: &mut Buffer, area: Rect, parts: &[TextPart], theme: &Theme) -> u16 {
    let area = area.intersection(buffer.area);
    let mut x = area.x;
    for (text, role) in parts {
        let room = usize::from(area.right().saturating_sub(x));
        if room == 0 || area.height == 0 {
            break;
        }
        let shown = text::cut_with(text, room, theme.glyphs.cut);
        let style = Style { bg: None, ..theme.style(*role) };
        x = buffer.set_stringn(x, area.y, shown, room, style).0;
    }
    x
}

/// Returns the columns parts take.
pub(crate) fn parts_width(parts: &[TextPart]) -> usize {
    parts.iter().map(|(text, _)| text::width(text)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::snapshot::lines;

    fn drawn(size: (u16, u16), draw: impl Fn(&mut Buffer, Rect)) -> String {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        draw(&mut buffer, area);
        lines(&buffer).join("\n")
    }

    #[test]
    fn a_tile_gives_up_its_note_then_its_border() {
        let note = Some(("12s old · blocked by pid 4711", Role::Warning));
        let tile = Tile { title: "Tables", key: Some("4"), note, has_focus: true };
        let all: Vec<String> = [(50, 4), (30, 4), (20, 4), (10, 3), (1, 1)]
            .iter()
            .map(|size| {
                drawn(*size, |buffer, area| assert!(tile.draw(buffer, area, &Theme::default()).width <= area.width))
            })
            .collect();
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn segments_are_left_out_by_priority() {
        let segments = [
            Segment::new("prod", Role::Title),
            Segment::new("PostgreSQL 17.2", Role::Muted).drop(2),
            Segment::new("up 12d", Role::Muted).drop(3),
            Segment::new("live", Role::Good).drop(1),
        ];
        let shown =
            |width| drawn((width, 1), |buffer, area| drop(draw_segments(buffer, area, &segments, &Theme::default())));
        for (width, line) in [
            (60, "prod  PostgreSQL 17.2  up 12d  live"),
            (30, "prod  PostgreSQL 17.2  live"),
            (20, "prod  live"),
            (5, "prod"),
            (3, "pr…"),
        ] {
            assert_eq!(shown(width), line);
        }
    }

    #[test]
    fn tabs_have_short_names_then_only_their_keys() {
        let tab = |key: &str, name, short| Tab { key: key.to_owned(), name, short };
        let tabs = [tab("1", "Overview", "Over"), tab("2", "Activity", "Activ"), tab("3", "Queries", "Queries")];
        let shown =
            |width| drawn((width, 1), |buffer, area| drop(draw_tabs(buffer, area, &tabs, 1, &Theme::default())));
        assert_eq!(shown(50), "1 Overview  2 Activity  3 Queries");
        assert_eq!(shown(33), "1 Overview  2 Activity  3 Queries");
        assert_eq!(shown(32), "1 Over  2 Activ  3 Queries");
        assert_eq!(shown(26), "1 Over  2 Activ  3 Queries");
        assert_eq!(shown(25), "1  2 Activ  3");
        assert_eq!(shown(8), "2 Activ");
    }
}
