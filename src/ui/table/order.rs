//! Which rows are shown, in which order: filter, sort and folding.

use std::cmp::Ordering;
use std::collections::HashSet;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::grid::{Cell, Grid, GridRow, RowNesting, SortKey};

/// Characters beyond which a text must hold the words as they are: in a long one, the letters of any word are found in order.
const FUZZY_LENGTH: usize = 48;

/// The levels of a tree whose branches are kept for each line: no screen shows more.
pub(super) const DEEPEST: u16 = 64;

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortDirection {
    /// The smallest first, a to z.
    Ascending,
    /// The greatest first.
    Descending,
}

/// The rows shown.
#[derive(Debug, Clone, Default)]
pub(super) struct ShownRows {
    /// The rows in order.
    pub(super) lines: Vec<LineOf>,
    /// How many rows the filter found, those in folded groups too.
    pub(super) found: usize,
}

/// One row shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineOf {
    /// Its place in the grid.
    pub(super) row: usize,
    /// Rows below it in the grid.
    pub(super) children: usize,
    /// Whether those are hidden.
    pub(super) is_folded: bool,
    /// Its level; 1 at the top, 0 in a table without levels.
    pub(super) level: usize,
    /// For its topmost ancestors, at most [`DEEPEST`], and for itself: whether a sibling follows.
    pub(super) followed: Vec<bool>,
}

/// What decides the rows shown.
pub(super) struct Arrangement<'a> {
    pub(super) filter: Option<&'a mut Filter>,
    pub(super) sort: Option<(usize, SortDirection)>,
    pub(super) folded: &'a HashSet<String>,
}

/// Returns the rows to show.
pub(super) fn arrange(grid: &Grid, by: Arrangement<'_>) -> ShownRows {
    let kept = by.filter.map(|filter| matching(grid, filter));
    let found = kept.as_ref().map_or(grid.rows.len(), |(_, found)| *found);
    let is_kept = |row: usize| kept.as_ref().is_none_or(|(kept, _)| kept.get(row) == Some(&true));
    if grid.shape == RowNesting::Flat {
        let mut order: Vec<usize> = (0..grid.rows.len()).filter(|row| is_kept(*row)).collect();
        sort(&mut order, grid, by.sort);
        let lines =
            order.into_iter().map(|row| LineOf { row, children: 0, is_folded: false, level: 0, followed: Vec::new() });
        return ShownRows { lines: lines.collect(), found };
    }
    let tree = children(grid);
    let mut nested =
        Nested { grid, tree: &tree, is_kept: &is_kept, sort: by.sort, folded: by.folded, lines: Vec::new() };
    nested.walk();
    ShownRows { lines: nested.lines, found }
}

/// Which rows hang below which.
struct RowTree {
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
}

fn children(grid: &Grid) -> RowTree {
    let mut tree = RowTree { roots: Vec::new(), children: vec![Vec::new(); grid.rows.len()] };
    let mut path: Vec<usize> = Vec::new();
    for (at, row) in grid.rows.iter().enumerate() {
        path.truncate(usize::from(row.depth));
        match path.last().and_then(|parent| tree.children.get_mut(*parent)) {
            Some(siblings) => siblings.push(at),
            None => tree.roots.push(at),
        }
        path.push(at);
    }
    tree
}

struct Nested<'a> {
    grid: &'a Grid,
    tree: &'a RowTree,
    is_kept: &'a dyn Fn(usize) -> bool,
    sort: Option<(usize, SortDirection)>,
    folded: &'a HashSet<String>,
    lines: Vec<LineOf>,
}

impl Nested<'_> {
    /// Adds siblings and what is below them; on a stack of its own, because a tree may be deep.
    fn walk(&mut self) {
        let mut waiting = vec![(self.ordered(&self.tree.roots).into_iter(), Vec::<bool>::new())];
        while let Some((mut siblings, above)) = waiting.pop() {
            let level = waiting.len() + 1;
            let Some(row) = siblings.next() else { continue };
            // Of a deep tree no more than is drawn: all of it would be the square of the levels.
            let mut followed = above.get(..usize::from(DEEPEST)).unwrap_or(&above).to_vec();
            followed.push(siblings.len() > 0);
            waiting.push((siblings, above));
            let below = self.tree.children.get(row).map_or(&[][..], Vec::as_slice);
            let key = self.grid.rows.get(row).map_or("", |row| row.key.as_str());
            let is_folded = !below.is_empty() && self.folded.contains(key);
            self.lines.push(LineOf { row, children: below.len(), is_folded, level, followed: followed.clone() });
            if !is_folded && !below.is_empty() {
                waiting.push((self.ordered(below).into_iter(), followed));
            }
        }
    }

    fn ordered(&self, rows: &[usize]) -> Vec<usize> {
        let mut order: Vec<usize> = rows.iter().copied().filter(|row| (self.is_kept)(*row)).collect();
        sort(&mut order, self.grid, self.sort);
        order
    }
}

fn sort(order: &mut [usize], grid: &Grid, by: Option<(usize, SortDirection)>) {
    let Some((column, direction)) = by else { return };
    let cell = |row: usize| grid.rows.get(row).and_then(|row| row.cells.get(column));
    if order.iter().any(|row| matches!(cell(*row).map(|cell| cell.sort), Some(SortKey::Text))) {
        // Lower case is made once a row, not once a comparison.
        let mut keyed: Vec<_> = order
            .iter()
            .map(|row| (cell(*row).map_or(SortKey::Missing, |cell| cell.sort), cell(*row).map(lower), *row))
            .collect();
        keyed.sort_by(|one, other| compare(one.0, other.0, direction, || one.1.as_deref().cmp(&other.1.as_deref())));
        order.iter_mut().zip(keyed).for_each(|(place, (.., row))| *place = row);
        return;
    }
    let key = |row: &usize| cell(*row).map_or(SortKey::Missing, |cell| cell.sort);
    order.sort_by(|one, other| compare(key(one), key(other), direction, || Ordering::Equal));
}

/// The beginning of a text in lower case: enough to sort by.
fn lower(cell: &Cell) -> String {
    if cell.text.is_ascii() {
        let head = cell.text.get(..64).unwrap_or(&cell.text);
        return head.to_ascii_lowercase();
    }
    cell.text.chars().take(64).flat_map(char::to_lowercase).collect()
}

/// Orders two cells; equals keep the order of the grid, nothing comes last.
fn compare(one: SortKey, other: SortKey, direction: SortDirection, texts: impl FnOnce() -> Ordering) -> Ordering {
    let directed =
        |ordering: Ordering| if direction == SortDirection::Descending { ordering.reverse() } else { ordering };
    match (one, other) {
        (SortKey::Missing, SortKey::Missing) => Ordering::Equal,
        (SortKey::Missing, _) => Ordering::Greater,
        (_, SortKey::Missing) => Ordering::Less,
        (SortKey::Number(one), SortKey::Number(other)) => directed(one.total_cmp(&other)),
        (SortKey::Text, SortKey::Text) => directed(texts()),
        (SortKey::Number(_), SortKey::Text) => directed(Ordering::Less),
        (SortKey::Text, SortKey::Number(_)) => directed(Ordering::Greater),
    }
}

/// The words a table is filtered by.
pub(super) struct Filter {
    matcher: Matcher,
    /// For short texts: the letters in order.
    fuzzy: Vec<Pattern>,
    /// For long texts: the words as they are.
    exact: Vec<Pattern>,
    letters: Vec<char>,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").field("words", &self.fuzzy.len()).finish_non_exhaustive()
    }
}

impl Filter {
    /// A filter of words; each must be found in some cell of the row. `None` for nothing but blanks.
    pub(super) fn new(words: &str) -> Option<Self> {
        let patterns = |kind| -> Vec<Pattern> {
            let one = |word| Pattern::new(word, CaseMatching::Smart, Normalization::Smart, kind);
            words.split_whitespace().map(one).collect()
        };
        let fuzzy = patterns(AtomKind::Fuzzy);
        if fuzzy.is_empty() {
            return None;
        }
        let exact = patterns(AtomKind::Substring);
        Some(Self { matcher: Matcher::new(Config::DEFAULT), fuzzy, exact, letters: Vec::new() })
    }

    fn is_match(&mut self, row: &GridRow) -> bool {
        let words = self.fuzzy.len();
        (0..words).all(|word| row.cells.iter().any(|cell| self.word_matches(word, &cell.text)))
    }

    fn word_matches(&mut self, word: usize, text: &str) -> bool {
        let is_long = text.len() > FUZZY_LENGTH;
        let patterns = if is_long { &self.exact } else { &self.fuzzy };
        let Some(pattern) = patterns.get(word) else { return true };
        let letters = Utf32Str::new(text, &mut self.letters);
        if pattern.score(letters, &mut self.matcher).is_none() {
            return false;
        }
        is_long || close_places(pattern, letters, &mut self.matcher).is_some()
    }

    /// Returns the places of the matched characters (graphemes, as nucleo counts them), in order.
    pub(super) fn places(&mut self, text: &str) -> Vec<u32> {
        let is_long = text.len() > FUZZY_LENGTH;
        let patterns = if is_long { &self.exact } else { &self.fuzzy };
        let letters = Utf32Str::new(text, &mut self.letters);
        let mut places: Vec<u32> =
            patterns.iter().filter_map(|pattern| close_places(pattern, letters, &mut self.matcher)).flatten().collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// Returns where a word's letters are found, if they are close together: spread over a name they are chance.
fn close_places(pattern: &Pattern, letters: Utf32Str<'_>, matcher: &mut Matcher) -> Option<Vec<u32>> {
    let mut places = Vec::new();
    pattern.indices(letters, matcher, &mut places)?;
    let (first, last) = (places.iter().min()?, places.iter().max()?);
    let span = (last - first + 1) as usize;
    (span <= places.len() * 2 + 2).then_some(places)
}

/// Returns which rows are kept, with the ancestors and the children of those found, and how many were found.
fn matching(grid: &Grid, filter: &mut Filter) -> (Vec<bool>, usize) {
    let mut kept: Vec<bool> = grid.rows.iter().map(|row| filter.is_match(row)).collect();
    let found = kept.iter().filter(|is_match| **is_match).count();
    if grid.shape == RowNesting::Flat {
        return (kept, found);
    }
    let mut path: Vec<usize> = Vec::new();
    let matched = kept.clone();
    for (at, row) in grid.rows.iter().enumerate() {
        path.truncate(usize::from(row.depth));
        let is_below = grid.shape == RowNesting::Grouped && path.iter().any(|above| matched.get(*above) == Some(&true));
        if matched.get(at) == Some(&true) {
            for above in path.iter().rev() {
                let Some(place) = kept.get_mut(*above) else { break };
                // Above an ancestor that is kept already, all are.
                if std::mem::replace(place, true) {
                    break;
                }
            }
        } else if is_below && let Some(place) = kept.get_mut(at) {
            *place = true;
        }
        path.push(at);
    }
    (kept, found)
}
