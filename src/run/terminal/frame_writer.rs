//! Writes the cells of a frame that changed with few bytes, for a slow line: what is set in the terminal stays set from
//! one cell to the next and from one frame to the next, and what looks the same is written together.

use std::io::{self, Write};

use crossterm::cursor::{Hide, MoveTo, MoveToColumn, Show};
use crossterm::queue;
use crossterm::style::{Attribute, Colors, Print, SetAttribute, SetBackgroundColor, SetColors, SetForegroundColor};
use crossterm::terminal::{self, BeginSynchronizedUpdate, Clear, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, IntoCrossterm as _, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

/// What shows on a blank cell too.
const ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

/// What a terminal sets and takes back one by one.
const ATTRIBUTES: [(Modifier, Attribute, Attribute); 7] = [
    (Modifier::ITALIC, Attribute::Italic, Attribute::NoItalic),
    (Modifier::UNDERLINED, Attribute::Underlined, Attribute::NoUnderline),
    (Modifier::SLOW_BLINK, Attribute::SlowBlink, Attribute::NoBlink),
    (Modifier::RAPID_BLINK, Attribute::RapidBlink, Attribute::NoBlink),
    (Modifier::REVERSED, Attribute::Reverse, Attribute::NoReverse),
    (Modifier::HIDDEN, Attribute::Hidden, Attribute::NoHidden),
    (Modifier::CROSSED_OUT, Attribute::CrossedOut, Attribute::NotCrossedOut),
];

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// The pen of a terminal that was reset.
const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// Letters in a row that look the same.
#[derive(Debug)]
struct Run {
    at: Position,
    pen: Pen,
    text: String,
    /// The column behind it; [`u16::MAX`] where it is not sure.
    end: u16,
}

/// Writes frames to a terminal.
#[derive(Debug)]
pub(super) struct FrameWriter<W: Write> {
    out: W,
    /// The pen that is set; `None` where another program may have set one.
    pen: Option<Pen>,
    /// Where the next letter goes, where that is known.
    cursor: Option<Position>,
    is_cursor_shown: Option<bool>,
    /// Whether a frame was begun that the terminal shows when it ends.
    is_begun: bool,
}

impl Pen {
    fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Whether a cell of this pen looks the same when it is written with another one.
    fn is_as(self, other: Self, symbol: &str) -> bool {
        let is_blank = symbol == " " && !(self.modifier | other.modifier).intersects(ON_BLANKS);
        self == other || is_blank && self.bg == other.bg
    }
}

impl<W: Write> FrameWriter<W> {
    /// A writer to a terminal of which nothing is known.
    pub(super) fn new(out: W) -> Self {
        Self { out, pen: None, cursor: None, is_cursor_shown: None, is_begun: false }
    }

    /// Forgets what the terminal has set: another program had it.
    pub(super) fn forget(&mut self) {
        (self.pen, self.cursor, self.is_cursor_shown) = (None, None, None);
    }

    /// Clears the terminal; what is set would colour it.
    pub(super) fn clear_all(&mut self) -> io::Result<()> {
        self.reset()?;
        queue!(self.out, Clear(terminal::ClearType::All))
    }

    fn reset(&mut self) -> io::Result<()> {
        if self.pen != Some(PLAIN) {
            self.pen = Some(PLAIN);
            queue!(self.out, SetAttribute(Attribute::Reset))?;
        }
        Ok(())
    }

    fn go_to(&mut self, at: Position) -> io::Result<()> {
        match self.cursor {
            Some(cursor) if cursor == at => Ok(()),
            Some(cursor) if cursor.y == at.y => queue!(self.out, MoveToColumn(at.x)),
            _ => queue!(self.out, MoveTo(at.x, at.y)),
        }
    }

    fn take(&mut self, pen: Pen) -> io::Result<()> {
        if self.pen.is_none() {
            self.reset()?;
        }
        let old = self.pen.unwrap_or(PLAIN);
        self.modify(old.modifier, pen.modifier)?;
        let (fg, bg) = (pen.fg.into_crossterm(), pen.bg.into_crossterm());
        match (old.fg == pen.fg, old.bg == pen.bg) {
            (true, true) => {}
            (false, true) => queue!(self.out, SetForegroundColor(fg))?,
            (true, false) => queue!(self.out, SetBackgroundColor(bg))?,
            (false, false) => queue!(self.out, SetColors(Colors::new(fg, bg)))?,
        }
        self.pen = Some(pen);
        Ok(())
    }

    fn modify(&mut self, old: Modifier, new: Modifier) -> io::Result<()> {
        let (mut added, removed) = (new - old, old - new);
        // Bold and dim end together.
        if removed.intersects(Modifier::BOLD | Modifier::DIM) {
            queue!(self.out, SetAttribute(Attribute::NormalIntensity))?;
            added |= new & (Modifier::BOLD | Modifier::DIM);
        }
        for (modifier, _, end) in ATTRIBUTES {
            if removed.contains(modifier) {
                queue!(self.out, SetAttribute(end))?;
            }
        }
        let intensities = [(Modifier::BOLD, Attribute::Bold), (Modifier::DIM, Attribute::Dim)];
        let others = ATTRIBUTES.map(|(modifier, begin, _)| (modifier, begin));
        for (modifier, begin) in intensities.into_iter().chain(others) {
            if added.contains(modifier) {
                queue!(self.out, SetAttribute(begin))?;
            }
        }
        Ok(())
    }

    fn write_run(&mut self, run: &Run) -> io::Result<()> {
        self.go_to(run.at)?;
        self.take(run.pen)?;
        queue!(self.out, Print(&run.text))?;
        self.cursor = Some(Position { x: run.end, y: run.at.y });
        Ok(())
    }
}

/// Returns the letters that changed in runs of one pen each; a blank goes along with what stands before it.
fn runs<'a>(content: impl Iterator<Item = (u16, u16, &'a Cell)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (x, y, cell) in content {
        let (pen, symbol) = (Pen::of(cell), cell.symbol());
        // Behind a wide letter terminals disagree about the column.
        let end = if symbol.width() == 1 { x.saturating_add(1) } else { u16::MAX };
        match runs.last_mut() {
            Some(run) if run.at.y == y && run.end == x && pen.is_as(run.pen, symbol) => {
                run.text.push_str(symbol);
                run.end = end;
            }
            _ => runs.push(Run { at: Position { x, y }, pen, text: symbol.to_owned(), end }),
        }
    }
    runs
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Backend for FrameWriter<W> {
    type Error = io::Error;

    /// Writes what changed, one pen after the other: to go to a place is shorter than to set a colour.
    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let mut left = runs(content);
        if !left.is_empty() && !self.is_begun {
            queue!(self.out, BeginSynchronizedUpdate)?;
            self.is_begun = true;
        }
        while let Some(first) = left.first() {
            let is_known = |run: &&Run| self.pen.is_some_and(|pen| run.pen == pen);
            let pen = left.iter().find(is_known).map_or(first.pen, |run| run.pen);
            let (now, later): (Vec<Run>, Vec<Run>) = left.into_iter().partition(|run| run.pen == pen);
            now.iter().try_for_each(|run| self.write_run(run))?;
            left = later;
        }
        Ok(())
    }

    fn append_lines(&mut self, count: u16) -> io::Result<()> {
        self.cursor = None;
        (0..count).try_for_each(|_| queue!(self.out, Print("\n")))
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.is_cursor_shown.replace(false) == Some(false) {
            return Ok(());
        }
        queue!(self.out, Hide)
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.is_cursor_shown.replace(true) == Some(true) {
            return Ok(());
        }
        queue!(self.out, Show)
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        let (x, y) = crossterm::cursor::position()?;
        Ok(Position { x, y })
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        self.go_to(position)?;
        self.cursor = Some(position);
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_all()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.reset()?;
        let region = match region {
            ClearType::All => terminal::ClearType::All,
            ClearType::AfterCursor => terminal::ClearType::FromCursorDown,
            ClearType::BeforeCursor => terminal::ClearType::FromCursorUp,
            ClearType::CurrentLine => terminal::ClearType::CurrentLine,
            ClearType::UntilNewLine => terminal::ClearType::UntilNewLine,
        };
        queue!(self.out, Clear(region))
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = terminal::size()?;
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let size = terminal::window_size()?;
        let columns_rows = Size { width: size.columns, height: size.rows };
        Ok(WindowSize { columns_rows, pixels: Size { width: size.width, height: size.height } })
    }

    /// Ends the frame, if one was begun.
    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_begun) {
            queue!(self.out, EndSynchronizedUpdate)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::backend::CrosstermBackend;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const SIZE: Rect = Rect { x: 0, y: 0, width: 12, height: 4 };

    fn draw(writer: &mut FrameWriter<Vec<u8>>, before: &Buffer, after: &Buffer) -> Vec<u8> {
        writer.draw(before.diff(after).into_iter()).unwrap();
        writer.hide_cursor().unwrap();
        Backend::flush(writer).unwrap();
        std::mem::take(&mut writer.out)
    }

    fn terminal() -> vt100::Parser {
        let [rows, columns] = [SIZE.height, SIZE.width].map(|size| size.try_into().unwrap());
        vt100::Parser::new(rows, columns, 0)
    }

    /// A text with its style at a place.
    fn part() -> impl Strategy<Value = (u16, u16, String, Style)> {
        let color = prop_oneof![Just(Color::Reset), Just(Color::Rgb(1, 2, 3)), Just(Color::Indexed(4))];
        let modifier = prop_oneof![
            Just(Modifier::empty()),
            Just(Modifier::BOLD),
            Just(Modifier::DIM),
            Just(Modifier::BOLD | Modifier::UNDERLINED),
            Just(Modifier::REVERSED | Modifier::ITALIC),
        ];
        let style = (color.clone(), color, modifier)
            .prop_map(|(fg, bg, modifier)| Style::reset().fg(fg).bg(bg).add_modifier(modifier));
        (0..12_u16, 0..4_u16, "[ a漢▁]{0,6}", style)
    }

    fn frame(parts: &[(u16, u16, String, Style)]) -> Buffer {
        let mut buffer = Buffer::empty(SIZE);
        for (x, y, text, style) in parts {
            buffer.set_string(*x, *y, text, *style);
        }
        buffer
    }

    /// What a terminal shows: each letter with all that can be seen of its pen.
    fn shown(parser: &vt100::Parser) -> Vec<String> {
        let cell = |(y, x)| parser.screen().cell(y, x).map(seen).unwrap_or_default();
        (0..4_u16).flat_map(|y| (0..12_u16).map(move |x| (y, x))).map(cell).collect()
    }

    fn seen(cell: &vt100::Cell) -> String {
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let is_blank = text == " " && !cell.underline() && !cell.inverse();
        let letter = (cell.fgcolor(), cell.bold(), cell.dim(), cell.italic());
        let letter = if is_blank { String::new() } else { format!("{letter:?}") };
        format!("{text:?} {:?} {letter} {} {}", cell.bgcolor(), cell.underline(), cell.inverse())
    }

    proptest! {
        #[test]
        fn a_terminal_shows_the_same_as_after_the_bytes_of_ratatui(
            frames in prop::collection::vec(prop::collection::vec(part(), 0..6), 1..5),
        ) {
            let (mut thrifty, mut plain) = ((FrameWriter::new(Vec::new()), terminal()), terminal());
            let mut before = Buffer::empty(SIZE);
            for parts in &frames {
                let after = frame(parts);
                let bytes = draw(&mut thrifty.0, &before, &after);
                thrifty.1.process(&bytes);
                let mut bytes = Vec::new();
                CrosstermBackend::new(&mut bytes).draw(before.diff(&after).into_iter()).unwrap();
                plain.process(&bytes);
                prop_assert_eq!(shown(&thrifty.1), shown(&plain));
                before = after;
            }
        }
    }

    #[test]
    fn a_frame_in_which_nothing_changed_writes_nothing() {
        let mut writer = FrameWriter::new(Vec::new());
        let frame = frame(&[(0, 0, "a".to_owned(), Style::new())]);
        assert!(!draw(&mut writer, &Buffer::empty(SIZE), &frame).is_empty());
        assert_eq!(draw(&mut writer, &frame, &frame), b"");
    }

    #[test]
    fn what_is_set_stays_set_and_what_looks_the_same_is_written_together() {
        let mut writer = FrameWriter::new(Vec::new());
        let muted = Style::new().fg(Color::Rgb(1, 1, 1)).bg(Color::Rgb(0, 0, 0));
        let strong = Style::new().fg(Color::Rgb(9, 9, 9)).bg(Color::Rgb(0, 0, 0));
        let of = |figure: &str| {
            frame(&[
                (0, 0, "a ".to_owned(), muted),
                (2, 0, format!("{figure} "), strong),
                (4, 0, "b ".to_owned(), muted),
                (6, 0, figure.to_owned(), strong),
            ])
        };
        let first = String::from_utf8(draw(&mut writer, &Buffer::empty(SIZE), &of("1"))).unwrap();
        let expected = "\u{1b}[?2026h\u{1b}[1;1H\u{1b}[0m\u{1b}[38;2;1;1;1;48;2;0;0;0ma \u{1b}[5Gb \
            \u{1b}[3G\u{1b}[38;2;9;9;9m1 \u{1b}[7G1\u{1b}[?25l\u{1b}[?2026l";
        assert_eq!(first, expected);
        let second = String::from_utf8(draw(&mut writer, &of("1"), &of("2"))).unwrap();
        assert_eq!(second, "\u{1b}[?2026h\u{1b}[3G2\u{1b}[7G2\u{1b}[?2026l");
    }
}
