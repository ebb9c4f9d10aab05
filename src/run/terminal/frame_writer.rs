//! Writes the cells of a frame that changed with few bytes, for a slow line: what is set in the terminal stays set from
//! one cell to the next and from one frame to the next, and what looks the same is written together.

use std::cell::Cell as Shared;
use std::io::{self, Write};

use crossterm::cursor::{Hide, Show};
use crossterm::queue;
use crossterm::terminal::{self, BeginSynchronizedUpdate, Clear, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Size};
use unicode_width::UnicodeWidthStr as _;

use super::pen::{PLAIN, Pen, forget_unseen};
use super::shift::{self, shift};
use super::way::way;

/// Bytes that a terminal gets, and shows, at once. A longer frame is sent as one update.
const AT_ONCE: usize = 512;

/// Letters in a row that look the same.
#[derive(Debug)]
struct Run {
    at: Position,
    pen: Pen,
    /// Whether all of it is blank: it has no letter that its pen would show on.
    is_blank: bool,
    text: String,
    /// The column behind it; [`u16::MAX`] where it is not sure.
    end: u16,
}

impl Run {
    /// Whether it looks the same with another pen.
    fn may_have(&self, pen: Pen) -> bool {
        self.pen == pen || self.is_blank && self.pen.is_same_on_blanks(pen)
    }

    /// Takes a letter in that stands behind it, if one pen is enough for both.
    fn take(&mut self, pen: Pen, symbol: &str) -> bool {
        let is_blank = symbol == " ";
        let is_as_it = pen == self.pen || (is_blank || self.is_blank) && pen.is_same_on_blanks(self.pen);
        if is_as_it {
            if self.is_blank && !is_blank {
                self.pen = pen;
            }
            self.is_blank &= is_blank;
            self.text.push_str(symbol);
        }
        is_as_it
    }
}

/// Writes frames to a terminal.
#[derive(Debug)]
pub(super) struct FrameWriter<W: Write> {
    out: W,
    /// What was not sent yet.
    frame: Vec<u8>,
    /// The pen that is set; `None` where another program may have set one.
    pen: Option<Pen>,
    /// Where the next letter goes, where that is known.
    cursor: Option<Position>,
    /// The size of the terminal when it was asked last. Behind the last column there is no place for a cursor.
    size: Shared<Size>,
    /// What it shows, row by row.
    shown: Vec<Vec<Cell>>,
    is_cursor_shown: Option<bool>,
}

impl<W: Write> FrameWriter<W> {
    /// A writer to a terminal of which nothing is known.
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            frame: Vec::new(),
            pen: None,
            cursor: None,
            size: Shared::default(),
            shown: Vec::new(),
            is_cursor_shown: None,
        }
    }

    /// Forgets what the terminal has set: another program had it.
    pub(super) fn forget(&mut self) {
        (self.pen, self.cursor, self.is_cursor_shown) = (None, None, None);
    }

    /// Clears the terminal; what is set would colour it. With another size the cursor may be elsewhere too.
    pub(super) fn clear_all(&mut self) -> io::Result<()> {
        self.cursor = None;
        self.shown.clear();
        self.set(PLAIN);
        queue!(self.frame, Clear(terminal::ClearType::All))
    }

    fn set(&mut self, pen: Pen) {
        let sequence = self.pen.map_or_else(|| format!("\x1b[m{}", pen.after(PLAIN)), |old| pen.after(old));
        self.frame.extend_from_slice(sequence.as_bytes());
        self.pen = Some(pen);
    }

    fn go_to(&mut self, at: Position) {
        self.frame.extend_from_slice(way(self.cursor, at).as_bytes());
        self.cursor = Some(at);
    }

    fn write_run(&mut self, run: &Run) {
        self.go_to(run.at);
        self.frame.extend_from_slice(run.text.as_bytes());
        self.cursor = (run.end < self.size.get().width).then_some(Position { x: run.end, y: run.at.y });
    }

    /// Takes the changes of a row in, moves what only moved, and returns what is left to be written.
    fn take_row(&mut self, changes: Vec<(u16, u16, Cell)>) -> Vec<(u16, u16, Cell)> {
        let Some(y) = changes.first().map(|(_, y, _)| *y) else { return changes };
        let (width, row) = (usize::from(self.size.get().width), usize::from(y));
        if self.shown.len() <= row {
            self.shown.resize_with(row + 1, Vec::new);
        }
        let Some(before) = self.shown.get_mut(row) else { return changes };
        before.resize_with(width, Cell::default);
        let mut after = before.clone();
        for (x, _, cell) in &changes {
            if let Some(known) = after.get_mut(usize::from(*x)) {
                known.clone_from(cell);
            }
        }
        let moved = shift(before, &after, changes.len());
        if let Some(moved) = moved {
            shift::apply(before, moved);
        }
        let old = std::mem::replace(before, after);
        let Some(moved) = moved else { return changes };
        self.go_to(Position { x: moved.from as u16, y });
        self.frame.extend_from_slice(format!("\x1b[{}P", moved.cells).as_bytes());
        let new = self.shown.get(row).into_iter().flatten().cloned();
        let left = (0..).zip(old.into_iter().zip(new)).filter(|(_, (old, new))| old != new);
        left.map(|(x, (_, new))| (x, y, new)).collect()
    }

    fn send(&mut self) -> io::Result<()> {
        if !self.frame.is_empty() {
            self.out.write_all(&self.frame)?;
            self.frame.clear();
        }
        self.out.flush()
    }
}

/// Returns the letters that changed in runs of one pen each; blanks go along with what stands beside them.
fn runs(content: &[(u16, u16, Cell)]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (x, y, cell) in content {
        let (x, y) = (*x, *y);
        let (pen, symbol) = (Pen::of(cell), cell.symbol());
        // Behind a wide letter terminals disagree about the column.
        let end = if symbol.width() == 1 { x.saturating_add(1) } else { u16::MAX };
        if let Some(run) = runs.last_mut().filter(|run| run.at.y == y && run.end == x)
            && run.take(pen, symbol)
        {
            run.end = end;
            continue;
        }
        runs.push(Run { at: Position { x, y }, pen, is_blank: symbol == " ", text: symbol.to_owned(), end });
    }
    runs
}

/// Takes out of a frame what nobody sees.
pub(super) fn thin(buffer: &mut Buffer) {
    buffer.content.iter_mut().for_each(forget_unseen);
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl<W: Write> Backend for FrameWriter<W> {
    type Error = io::Error;

    /// Writes what changed, one pen after the other: to go to a place is shorter than to set a colour.
    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let content: Vec<(u16, u16, Cell)> = content.map(|(x, y, cell)| (x, y, cell.clone())).collect();
        let rows = content.chunk_by(|one, other| one.1 == other.1).map(<[_]>::to_vec);
        let left: Vec<(u16, u16, Cell)> = rows.flat_map(|row| self.take_row(row)).collect();
        let mut left = runs(&left);
        while let Some(first) = left.first() {
            let set = self.pen.unwrap_or(PLAIN);
            let cost = |run: &&Run| if run.may_have(set) { 0 } else { run.pen.after(set).len() };
            let next = left.iter().min_by_key(cost).unwrap_or(first);
            let pen = if next.may_have(set) { set } else { next.pen };
            self.set(pen);
            let (now, later): (Vec<Run>, Vec<Run>) = left.into_iter().partition(|run| run.may_have(pen));
            for run in &now {
                self.write_run(run);
            }
            left = later;
        }
        Ok(())
    }

    fn append_lines(&mut self, count: u16) -> io::Result<()> {
        self.cursor = None;
        self.frame.extend(std::iter::repeat_n(b'\n', usize::from(count)));
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.is_cursor_shown.replace(false) == Some(false) {
            return Ok(());
        }
        queue!(self.frame, Hide)
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.is_cursor_shown.replace(true) == Some(true) {
            return Ok(());
        }
        queue!(self.frame, Show)
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        let (x, y) = crossterm::cursor::position()?;
        Ok(Position { x, y })
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.go_to(position.into());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_all()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        let region = match region {
            ClearType::All => return self.clear_all(),
            ClearType::AfterCursor => terminal::ClearType::FromCursorDown,
            ClearType::BeforeCursor => terminal::ClearType::FromCursorUp,
            ClearType::CurrentLine => terminal::ClearType::CurrentLine,
            ClearType::UntilNewLine => terminal::ClearType::UntilNewLine,
        };
        self.set(PLAIN);
        queue!(self.frame, Clear(region))
    }

    fn size(&self) -> io::Result<Size> {
        // Asked before each frame: crossterm opens the terminal for it.
        let size = rustix::termios::tcgetwinsize(io::stdout()).map(|size| (size.ws_col, size.ws_row));
        let (width, height) = size.or_else(|_| terminal::size())?;
        self.size.set(Size { width, height });
        Ok(self.size.get())
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let size = terminal::window_size()?;
        let columns_rows = Size { width: size.columns, height: size.rows };
        Ok(WindowSize { columns_rows, pixels: Size { width: size.width, height: size.height } })
    }

    /// Sends the frame; one that a terminal might show half of is marked as one update.
    fn flush(&mut self) -> io::Result<()> {
        if self.frame.len() > AT_ONCE {
            let mut begin = Vec::new();
            queue!(begin, BeginSynchronizedUpdate)?;
            self.frame.splice(0..0, begin);
            queue!(self.frame, EndSynchronizedUpdate)?;
        }
        self.send()
    }
}

#[cfg(test)]
mod bytes_tests;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::backend::CrosstermBackend;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Modifier, Style};

    use super::*;

    const SIZE: Rect = Rect { x: 0, y: 0, width: 12, height: 4 };

    fn writer(size: Rect) -> FrameWriter<Vec<u8>> {
        let writer = FrameWriter::new(Vec::new());
        writer.size.set(size.as_size());
        writer
    }

    fn draw(writer: &mut FrameWriter<Vec<u8>>, before: &Buffer, after: &Buffer) -> Vec<u8> {
        writer.draw(before.diff(after).into_iter()).unwrap();
        writer.hide_cursor().unwrap();
        Backend::flush(writer).unwrap();
        std::mem::take(&mut writer.out)
    }

    fn terminal(size: Rect) -> vt100::Parser {
        let [rows, columns] = [size.height, size.width].map(|size| size.try_into().unwrap());
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
        let (rows, columns) = parser.screen().size();
        (0..rows.get()).flat_map(|y| (0..columns.get()).map(move |x| (y, x))).map(cell).collect()
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
            let (mut thrifty, mut plain) = ((writer(SIZE), terminal(SIZE)), terminal(SIZE));
            let mut before = (Buffer::empty(SIZE), Buffer::empty(SIZE));
            for parts in &frames {
                let after = frame(parts);
                let mut bytes = Vec::new();
                CrosstermBackend::new(&mut bytes).draw(before.1.diff(&after).into_iter()).unwrap();
                plain.process(&bytes);
                let mut thin = after.clone();
                super::thin(&mut thin);
                let bytes = draw(&mut thrifty.0, &before.0, &thin);
                thrifty.1.process(&bytes);
                prop_assert_eq!(shown(&thrifty.1), shown(&plain));
                before = (thin, after);
            }
        }

        /// A chart that moves to the left within its border, with a column here and there that has changed.
        #[test]
        fn a_terminal_moves_rows_by_itself(
            columns in prop::collection::vec(0..4_u16, 300),
            moves in prop::collection::vec((0..20_usize, 0..50_usize), 1..8),
        ) {
            const WIDE: Rect = Rect { x: 0, y: 0, width: 60, height: 3 };
            let (mut writer, mut terminal, mut from) = (writer(WIDE), terminal(WIDE), 0);
            let (mut before, mut columns) = (Buffer::empty(WIDE), columns);
            for (by, changed) in moves {
                from += by;
                columns[from + changed] += 1;
                let mut after = Buffer::empty(WIDE);
                for y in 0..3 {
                    after.set_string(0, y, "│", Style::new().fg(Color::Red));
                    for (x, column) in (5_u16..59).zip(&columns[from..]) {
                        let style = Style::new().fg(Color::Indexed(*column as u8));
                        after.set_string(x, y, if *column > y { "█" } else { " " }, style);
                    }
                    after.set_string(59, y, "│", Style::new().fg(Color::Red));
                }
                super::thin(&mut after);
                let bytes = draw(&mut writer, &before, &after);
                terminal.process(&bytes);
                let expected: Vec<&str> = after.content.iter().map(Cell::symbol).collect();
                let shown: Vec<String> = (0..3).flat_map(|y| (0..60).map(move |x| (y, x)))
                    .map(|(y, x)| terminal.screen().cell(y, x).map(|cell| cell.contents().to_owned()).unwrap())
                    .map(|text| if text.is_empty() { " ".to_owned() } else { text })
                    .collect();
                prop_assert_eq!(shown, expected);
                before = after;
            }
        }
    }

    #[test]
    fn a_frame_in_which_nothing_changed_writes_nothing() {
        let mut writer = writer(SIZE);
        let frame = frame(&[(0, 0, "a".to_owned(), Style::new())]);
        assert!(!draw(&mut writer, &Buffer::empty(SIZE), &frame).is_empty());
        assert_eq!(draw(&mut writer, &frame, &frame), b"");
    }

    #[test]
    fn what_is_set_stays_set_and_what_looks_the_same_is_written_together() {
        let mut writer = writer(SIZE);
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
        let expected = "\u{1b}[m\u{1b}[38;2;1;1;1;48;2;0;0;0m\u{1b}[1Ha \u{1b}[2Cb \
            \u{1b}[38;2;9;9;9m\u{1b}[4D1 \u{1b}[2C1\u{1b}[?25l";
        assert_eq!(first, expected);
        let second = String::from_utf8(draw(&mut writer, &of("1"), &of("2"))).unwrap();
        assert_eq!(second, "\u{1b}[5D2\u{1b}[3C2");
    }
}
