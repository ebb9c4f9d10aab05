//! What a table shows: columns, rows and cells as text, made by a pane in its `refresh`.

use std::borrow::Cow;

use crate::sample::unit::Share;
use crate::ui::text::{self, Align};
use crate::ui::theme::Role;

/// Columns of a foreign text that a cell keeps: more than the widest screen shows.
const CELL_WIDTH: usize = 512;

/// What a table shows.
#[derive(Debug, Clone)]
pub struct Grid {
    /// The columns, in their order; the first stays when the others scroll.
    pub columns: Vec<GridColumn>,
    /// The rows, in the order they have unless sorted; a tree's rows stand below their parent.
    pub rows: Vec<GridRow>,
    /// How the rows hang together.
    pub shape: RowNesting,
    /// What is said in the middle when there are no rows: that all is well, or why it could not be read.
    pub notice: Option<Notice>,
    /// What is said below the rows beside the counts: the age of the figures, what was left out.
    pub footnote: Option<String>,
    /// What is listed, for the frame around it: `Statements, last minute`.
    pub title: String,
}

/// How rows hang together, by [`GridRow::depth`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowNesting {
    /// They do not.
    #[default]
    Flat,
    /// Rows of depth 0 are groups that can be folded; sorting orders groups and the rows within each.
    Grouped,
    /// A tree with branches drawn; sorting orders siblings, a filter keeps the ancestors of what it finds.
    Tree,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct GridColumn {
    /// Identifies the column from one refresh to the next.
    pub id: Cow<'static, str>,
    /// The header where there is room.
    pub title: Cow<'static, str>,
    /// The header where there is little; the same as `title` unless given.
    pub short: Cow<'static, str>,
    /// On which side the cells stand. [`Align::Right`] means numbers: they are never cut.
    pub align: Align,
    /// Columns of the screen a text may shrink to.
    pub min: u16,
    /// Columns of the screen a text may grow to.
    pub max: u16,
    /// What it is, in one sentence with its unit and its source.
    pub help: Cow<'static, str>,
    /// When it vanishes on a narrow screen: the highest first, 0 never.
    pub drop: u8,
    /// How it is sorted.
    pub sort: SortKind,
    /// Where a text is cut that has no room.
    pub cut: CutAt,
    /// What becomes of it while all its cells are alike.
    pub when_alike: WhenAlike,
    /// Whether its texts are never cut: others shrink for it.
    pub is_whole: bool,
}

/// Where a text is cut that has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CutAt {
    /// At its end: prose and SQL.
    #[default]
    End,
    /// In its middle: names that their ends tell apart.
    Middle,
}

/// What becomes of a column while all its cells are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenAlike {
    /// It is shown.
    #[default]
    Shown,
    /// Its value is told once, in the frame's title.
    ToldOnce,
}

/// How a column is sorted when it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKind {
    /// Not at all.
    Fixed,
    /// From a to z, or the smallest first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GridRow {
    /// Identifies the row from one refresh to the next: a pid with its start, an oid, a queryid.
    pub key: String,
    /// A cell for each column.
    pub cells: Vec<Cell>,
    /// How the whole row looks, where its cells say nothing else.
    pub role: Option<Role>,
    /// How deep it stands in a tree or below its group; 0 at the top.
    pub depth: u16,
    /// Whether its first cell has the whole row.
    pub is_wide: bool,
}

/// A cell: text ready to be shown, how it looks and what it is sorted by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// The text, cleaned.
    pub text: String,
    /// How it looks; the row's role unless given.
    pub role: Option<Role>,
    /// What it is sorted by.
    pub sort: SortKey,
    /// How it is drawn.
    pub kind: CellKind,
    /// The columns of the screen it takes.
    pub(super) width: u16,
}

/// How a cell is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum CellKind {
    /// As its text.
    #[default]
    Text,
    /// As its text, in the colour that a share of 0..=1 has on the ramp.
    Heat(f64),
    /// As its text on its role's background, as wide as its column.
    Badge,
    /// As a meter of a share, 0..=1, as wide as its column; the text says the same.
    Meter(f64),
    /// As a bar of several parts; the text says the same in words.
    Bar(Box<[BarPart]>),
}

/// A part of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarPart {
    /// Columns of the screen.
    pub width: u16,
    /// How it looks.
    pub role: Role,
    /// What it is drawn with where there is no colour.
    pub letter: char,
}

/// What a cell is sorted by. Nothing comes last in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum SortKey {
    /// Nothing is known.
    #[default]
    Missing,
    /// The number behind the text.
    Number(f64),
    /// The text itself, without regard to case.
    Text,
}

/// What is said where rows would be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Notice {
    /// One sentence.
    pub sentence: String,
    /// What would change it: a statement, a key.
    pub remedy: Option<String>,
    /// How the sentence looks.
    pub role: Option<Role>,
}

impl Default for Grid {
    /// Nothing was read: an empty list is no answer.
    fn default() -> Self {
        let notice = Some(Notice::new("not read yet"));
        let (columns, rows) = (Vec::new(), Vec::new());
        Self { columns, rows, shape: RowNesting::Flat, notice, footnote: None, title: String::new() }
    }
}

impl Grid {
    /// A grid of these columns, to be filled with rows; one that stays empty is given a notice that says so.
    pub fn new(columns: Vec<GridColumn>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// A grid that cannot be filled: it keeps its headers and says why.
    pub fn missing(columns: Vec<GridColumn>, notice: Notice) -> Self {
        Self { columns, notice: Some(notice), ..Self::default() }
    }

    /// Returns the column of an id.
    pub fn column(&self, id: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.id == id)
    }

    /// Returns the row of a key.
    pub fn row(&self, key: &str) -> Option<&GridRow> {
        self.rows.iter().find(|row| row.key == key)
    }
}

impl GridColumn {
    /// A column of words, which may shrink to `min` columns of the screen and grows as far as there is room.
    pub fn text(id: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>, min: u16) -> Self {
        let title = title.into();
        Self {
            id: id.into(),
            short: title.clone(),
            title,
            align: Align::Left,
            min,
            max: u16::MAX,
            help: Cow::Borrowed(""),
            drop: 0,
            sort: SortKind::Ascending,
            cut: CutAt::End,
            when_alike: WhenAlike::Shown,
            is_whole: false,
        }
    }

    /// A column of numbers, right-aligned, never cut, the greatest first.
    pub fn number(id: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>) -> Self {
        Self { align: Align::Right, sort: SortKind::Descending, ..Self::text(id, title, 0) }
    }

    /// Gives it a header for narrow screens.
    pub fn short(mut self, short: impl Into<Cow<'static, str>>) -> Self {
        self.short = short.into();
        self
    }

    /// Says in a sentence what it is, its unit and its source.
    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = help.into();
        self
    }

    /// Gives it a greatest width.
    pub(crate) fn at_most(mut self, max: u16) -> Self {
        self.max = max;
        self
    }

    /// Says when it vanishes on a narrow screen: the highest first.
    pub fn drop(mut self, priority: u8) -> Self {
        self.drop = priority;
        self
    }

    /// Says how it is sorted.
    pub fn sorted(mut self, sort: SortKind) -> Self {
        self.sort = sort;
        self
    }

    /// Says that its texts are names: they are cut in the middle.
    pub(crate) fn names(mut self) -> Self {
        self.cut = CutAt::Middle;
        self
    }

    /// Says that its texts are never cut: what a pane is for.
    pub(crate) fn whole(mut self) -> Self {
        self.is_whole = true;
        self
    }

    /// Says that a value which all rows share is told in the title instead.
    pub(crate) fn told_once(mut self) -> Self {
        self.when_alike = WhenAlike::ToldOnce;
        self
    }

    /// Whether its cells are numbers.
    pub(super) fn is_number(&self) -> bool {
        self.align == Align::Right
    }
}

impl GridRow {
    /// A row at the top level.
    pub fn new(key: impl Into<String>, cells: Vec<Cell>) -> Self {
        Self { key: key.into(), cells, role: None, depth: 0, is_wide: false }
    }

    /// Gives the whole row a look.
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// Gives its first cell the whole row.
    pub(crate) fn wide(mut self) -> Self {
        self.is_wide = true;
        self
    }

    /// Sets it below another.
    pub fn depth(mut self, depth: u16) -> Self {
        self.depth = depth;
        self
    }
}

impl Cell {
    /// A foreign text: cleaned, as one line, sorted as text. The empty text sorts last.
    pub fn text(foreign: &str) -> Self {
        let text = text::clean_cut(foreign, CELL_WIDTH);
        let sort = if text.is_empty() { SortKey::Missing } else { SortKey::Text };
        Self::made(text, sort)
    }

    /// A number as it is shown (`12.3s`) and as it is sorted (12.34).
    pub fn number(shown: impl std::fmt::Display, number: f64) -> Self {
        let sort = if number.is_nan() { SortKey::Missing } else { SortKey::Number(number) };
        Self::made(shown.to_string(), sort)
    }

    /// A number that may be missing; then the cell is empty and sorts last.
    pub(crate) fn optional<T: std::fmt::Display>(number: Option<(T, f64)>) -> Self {
        number.map_or_else(Self::default, |(shown, number)| Self::number(shown, number))
    }

    /// A text of ours (a mark, a bar, a sparkline), sorted by a number.
    pub fn mark(shown: impl Into<String>, number: f64) -> Self {
        Self::made(shown.into(), SortKey::Number(number))
    }

    /// A state, drawn in capitals on a background of its own; sorted as text.
    pub(crate) fn badge(state: &str, role: Role) -> Self {
        let cell = Self::text(state).role(role);
        let width = if cell.text.is_empty() { 0 } else { cell.width.saturating_add(2) };
        let kind = if width == 0 { CellKind::Text } else { CellKind::Badge };
        Self { kind, width, ..cell }
    }

    /// A bar of several parts, which `words` say for who copies the row; sorted by a number.
    pub fn bar(parts: Vec<BarPart>, words: String, number: f64) -> Self {
        let width = parts.iter().fold(0_u16, |sum, part| sum.saturating_add(part.width));
        Self { kind: CellKind::Bar(parts.into()), width, ..Self::made(words, SortKey::Number(number)) }
    }

    /// A meter of a share, 0..=1, at least so many columns of the screen wide.
    pub(crate) fn meter(share: f64, width: u16) -> Self {
        let text = Share(share).to_string();
        Self { kind: CellKind::Meter(share), width, ..Self::made(text, SortKey::Number(share)) }
    }

    /// Sorts it by a number in place of its text.
    pub(crate) fn sorted_by(self, number: f64) -> Self {
        Self { sort: SortKey::Number(number), ..self }
    }

    /// Gives a number the colour that its share, 0..=1, of the greatest has.
    pub(crate) fn heat(self, share: f64) -> Self {
        Self { kind: CellKind::Heat(share), ..self }
    }

    /// A number that is not known: a question mark, which sorts last.
    pub fn unknown() -> Self {
        Self::made("?".to_owned(), SortKey::Missing).role(Role::Muted)
    }

    /// Gives the cell a look.
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    fn made(text: String, sort: SortKey) -> Self {
        let width = u16::try_from(text::width(&text)).unwrap_or(u16::MAX);
        Self { text, role: None, sort, kind: CellKind::Text, width }
    }
}

impl From<&str> for Cell {
    fn from(foreign: &str) -> Self {
        Self::text(foreign)
    }
}

impl Notice {
    /// One sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: text::clean_lines(&sentence.into()).into_owned(), remedy: None, role: None }
    }

    /// Adds what would change it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(text::clean_lines(&remedy.into()).into_owned());
        self
    }

    /// Gives the sentence a look.
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }
}
