//! Cards one below another, each as tall as its text; what has no room is scrolled to.

use std::cell::{Cell, RefCell};

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::document::Document;
use crate::ui::detail::Detail;
use crate::ui::frame::{TextPart, draw_parts, parts_width};
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// The width from which on cards stand in two columns.
const TWO_COLUMNS: u16 = 150;

/// The least columns of a card.
const LEAST: u16 = 12;

/// Columns of a card beside its text: a border and a blank on each side.
const SIDES: u16 = 4;

/// A text in a frame that says what it is.
#[derive(Debug, Default)]
pub(super) struct Card {
    title: Vec<TextPart>,
    /// What is known of it, on the right of its upper border.
    note: Vec<TextPart>,
    /// Keys, or where it comes from, in its lower border.
    foot: Vec<TextPart>,
    body: Body,
}

/// What a card says.
#[derive(Debug)]
enum Body {
    Document(Detail),
    Lines(LaidLines),
}

impl Default for Body {
    fn default() -> Self {
        Self::Document(Detail::default())
    }
}

impl Body {
    fn line_count(&self, width: u16) -> usize {
        match self {
            Self::Document(document) => document.line_count(width),
            Self::Lines(lines) => lines.line_count(width),
        }
    }

    fn draw_line(&self, buffer: &mut Buffer, area: Rect, line: usize, theme: &Theme) {
        match self {
            Self::Document(document) => document.draw_line(buffer, area, line, theme),
            Self::Lines(lines) => {
                if let Some(line) = lines.laid.borrow().1.get(line) {
                    draw_parts(buffer, area, line, theme);
                }
            }
        }
    }
}

/// Something that lays itself out as lines of a width: bars, two plans beside each other.
pub(super) trait LayOut: std::fmt::Debug {
    /// Returns its lines.
    fn lines(&self, width: usize) -> Vec<Vec<TextPart>>;
}

/// Lines, laid out once for a width.
#[derive(Debug)]
struct LaidLines {
    of: Box<dyn LayOut>,
    laid: RefCell<(u16, Vec<Vec<TextPart>>)>,
}

impl LaidLines {
    fn line_count(&self, width: u16) -> usize {
        if self.laid.borrow().0 != width {
            *self.laid.borrow_mut() = (width, self.of.lines(usize::from(width)));
        }
        self.laid.borrow().1.len()
    }
}

impl Card {
    /// A card of a document, under its title.
    pub(super) fn new(document: Document, role: Role) -> Self {
        let title = text::clean(&document.title).into_owned();
        Self { title: vec![(title, role)], body: Body::Document(Detail::new(document)), ..Self::default() }
    }

    /// A card of what lays itself out.
    pub(super) fn of(title: &str, role: Role, lines: impl LayOut + 'static) -> Self {
        let body = Body::Lines(LaidLines { of: Box::new(lines), laid: RefCell::default() });
        Self { title: vec![(text::clean(title).into_owned(), role)], body, ..Self::default() }
    }

    /// Says what is known of it.
    pub(super) fn note(mut self, note: &str, role: Role) -> Self {
        self.note = vec![(text::clean(note).into_owned(), role)];
        self
    }

    /// Says where it comes from.
    pub(super) fn source(mut self, source: &str) -> Self {
        self.foot = vec![(text::clean(source).into_owned(), Role::Muted)];
        self
    }

    /// Names the keys that work on it.
    pub(super) fn keys(mut self, keys: &[(&str, &str)]) -> Self {
        self.foot = keys_as_parts(keys);
        self
    }

    fn rows(&self, width: u16) -> usize {
        self.body.line_count(width.saturating_sub(SIDES)) + 2
    }

    /// Draws one of its rows; the last one that has room closes the frame and says how many lines are not seen.
    fn draw_row(&self, buffer: &mut Buffer, area: Rect, row: RowOf, theme: &Theme) {
        let border = theme.glyphs.border;
        match row {
            RowOf::Top => rule(buffer, area, (border.top_left, border.top_right), (&self.title, &self.note), theme),
            RowOf::Line(line) => {
                let style = theme.style(Role::Border);
                buffer.set_stringn(area.x, area.y, border.vertical_left, 1, style);
                buffer.set_stringn(area.right() - 1, area.y, border.vertical_right, 1, style);
                let inside = Rect { x: area.x + 2, width: area.width.saturating_sub(SIDES), ..area };
                self.body.draw_line(buffer, inside, line, theme);
            }
            RowOf::Bottom => {
                rule(buffer, area, (border.bottom_left, border.bottom_right), (&[], &self.foot), theme);
            }
            RowOf::Cut(unseen, keys) => {
                let mut note = vec![(format!("{unseen} more lines  "), Role::Muted)];
                note.extend(keys_as_parts(keys));
                rule(buffer, area, (border.bottom_left, border.bottom_right), (&[], &note), theme);
            }
        }
    }
}

/// A row of a card.
#[derive(Clone, Copy)]
enum RowOf<'a> {
    Top,
    Line(usize),
    Bottom,
    /// The last that has room: how many rows are not seen, and the keys that show them.
    Cut(usize, &'a [(&'a str, &'a str)]),
}

fn keys_as_parts(keys: &[(&str, &str)]) -> Vec<TextPart> {
    let mut parts = Vec::new();
    for (key, does) in keys {
        let gap = if parts.is_empty() { "" } else { "  " };
        parts.push((format!("{gap}{key} "), Role::Key));
        parts.push(((*does).to_owned(), Role::Muted));
    }
    parts
}

/// Draws a border with words in it: one text on the left, one on the right where it has room.
fn rule(buffer: &mut Buffer, area: Rect, corners: (&str, &str), words: (&[TextPart], &[TextPart]), theme: &Theme) {
    let style = theme.style(Role::Border);
    let width = usize::from(area.width);
    let line = theme.glyphs.border.horizontal_top.repeat(width.saturating_sub(2));
    buffer.set_stringn(area.x, area.y, format!("{}{line}{}", corners.0, corners.1), width, style);
    let (left, right) = words;
    let set_apart = |parts: &[TextPart]| {
        let blank = || (" ".to_owned(), Role::Text);
        std::iter::once(blank()).chain(parts.iter().cloned()).chain(std::iter::once(blank())).collect::<Vec<_>>()
    };
    let room = width.saturating_sub(2);
    let mut used = 0;
    if !left.is_empty() {
        let left = set_apart(left);
        used = parts_width(&left).min(room);
        draw_parts(buffer, Rect { x: area.x + 1, width: used as u16, ..area }, &left, theme);
    }
    if !right.is_empty() {
        let right = set_apart(right);
        let wide = parts_width(&right);
        if used + wide + 2 <= room {
            let x = area.right() - 1 - wide as u16;
            draw_parts(buffer, Rect { x, width: wide as u16, ..area }, &right, theme);
        }
    }
}

/// A part of a deck.
#[derive(Debug)]
pub(super) enum DeckPart {
    /// A text without a frame.
    Text(Detail),
    /// A card.
    Card(Card),
}

impl DeckPart {
    /// Returns how many rows it takes in a width.
    pub(super) fn rows(&self, width: u16) -> usize {
        match self {
            Self::Text(text) => text.line_count(width.saturating_sub(2)),
            Self::Card(card) => card.rows(width),
        }
    }
}

/// How far a deck is scrolled.
#[derive(Debug, Default)]
pub(super) struct Deck {
    first: Cell<usize>,
    /// The furthest that it can be scrolled, as of the last frame.
    last_first: Cell<usize>,
    height: Cell<u16>,
}

impl Deck {
    /// Scrolls so many lines down, or up where it is negative.
    pub(super) fn scroll(&self, lines: isize) {
        self.first.set(self.first.get().saturating_add_signed(lines).min(self.last_first.get()));
    }

    /// Goes back to the beginning.
    pub(super) fn rewind(&self) {
        self.first.set(0);
    }

    /// Scrolls so many screens down, or up where it is negative.
    pub(super) fn scroll_pages(&self, pages: isize) {
        let page = isize::try_from(self.height.get().max(2) - 1).unwrap_or(1);
        self.scroll(pages.saturating_mul(page));
    }

    /// Draws parts, the first column from the first list; where there is one column, the lists stand below each other.
    /// `keys` show what has no room.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, columns: [&[&DeckPart]; 2], look: DeckLook<'_>) {
        let area = area.intersection(buffer.area);
        if area.width < LEAST || area.height == 0 {
            return;
        }
        let drawn: Vec<(Rect, Vec<&DeckPart>)> = if area.width >= TWO_COLUMNS && !columns[1].is_empty() {
            let halves: [Rect; 2] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
            halves.into_iter().zip(columns.map(<[_]>::to_vec)).collect()
        } else {
            vec![(area, columns.concat())]
        };
        let unseen = |(place, parts): &(Rect, Vec<&DeckPart>)| {
            let rows: usize = parts.iter().map(|part| part.rows(place.width)).sum();
            rows.saturating_sub(usize::from(place.height))
        };
        self.height.set(area.height);
        self.last_first.set(drawn.iter().map(unseen).max().unwrap_or(0));
        self.first.set(self.first.get().min(self.last_first.get()));
        for column in &drawn {
            draw_column(buffer, column.0, &column.1, self.first.get().min(unseen(column)), look);
        }
    }
}

/// With what a deck is drawn.
#[derive(Clone, Copy)]
pub(super) struct DeckLook<'a> {
    /// The keys that show what has no room.
    pub(super) keys: &'a [(&'a str, &'a str)],
    /// The theme.
    pub(super) theme: &'a Theme,
}

fn draw_column(buffer: &mut Buffer, area: Rect, parts: &[&DeckPart], first: usize, look: DeckLook<'_>) {
    let end = first + usize::from(area.height);
    let total: usize = parts.iter().map(|part| part.rows(area.width)).sum();
    let mut top = 0;
    for part in parts {
        let rows = part.rows(area.width);
        for row in top.max(first)..(top + rows).min(end) {
            let place = Rect { y: area.y + (row - first) as u16, height: 1, ..area };
            let at = row - top;
            match part {
                DeckPart::Text(text) => {
                    let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..place };
                    text.draw_line(buffer, inside, at, look.theme);
                }
                DeckPart::Card(card) => {
                    let is_last_row = row + 1 == end && total > end;
                    let row = match at {
                        0 => RowOf::Top,
                        at if at + 1 == rows => RowOf::Bottom,
                        _ if is_last_row => RowOf::Cut(total - end, look.keys),
                        at => RowOf::Line(at - 1),
                    };
                    card.draw_row(buffer, place, row, look.theme);
                }
            }
        }
        top += rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::snapshot::lines;

    fn drawn(deck: &Deck, size: (u16, u16)) -> String {
        let mut lead = Document::new("");
        lead.text("Two things.");
        let mut first = Document::new("The first");
        first.text("One line of it.");
        let mut second = Document::new("The second");
        (0..4).for_each(|at| second.text(&format!("Line {at}.")));
        let parts = [
            DeckPart::Text(Detail::new(lead)),
            DeckPart::Card(Card::new(first, Role::Title).note("known", Role::Muted).keys(&[("y", "copy")])),
            DeckPart::Card(Card::new(second, Role::Title)),
        ];
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        let (one, other): (Vec<&DeckPart>, Vec<&DeckPart>) = (parts[..2].iter().collect(), parts[2..].iter().collect());
        let look = DeckLook { keys: &[("J", "scroll")], theme: &Theme::default() };
        deck.draw(&mut buffer, area, [&one, &other], look);
        lines(&buffer).join("\n")
    }

    #[test]
    fn cards_are_as_tall_as_their_text_and_the_rest_is_scrolled_to() {
        let deck = Deck::default();
        let mut all = vec![drawn(&deck, (40, 12)), drawn(&deck, (40, 7))];
        deck.scroll(100);
        all.push(drawn(&deck, (40, 7)));
        all.push(drawn(&deck, (160, 6)));
        insta::assert_snapshot!(all.join("\n--\n"));
    }

    #[test]
    fn no_size_panics() {
        for (width, height) in (0..30).flat_map(|width| (0..8).map(move |height| (width, height))) {
            let deck = Deck::default();
            drawn(&deck, (width, height));
            deck.scroll(3);
            drawn(&deck, (width, height));
        }
    }
}
