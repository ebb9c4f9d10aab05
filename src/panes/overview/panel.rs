//! Draws the findings: one line each, the selected one with what it does and what to do, critical ones always in sight.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use crate::app::list::List;
use crate::findings::{Finding, Severity};
use crate::readings::statement_line::statement_line;
use crate::ui::scrollbar::Scrollbar;
use crate::ui::table::draw_notice;
use crate::ui::text::{clean, cut_with, width, wrap_at_most};
use crate::ui::theme::{Role, Theme};

/// Columns of the gutter, the badge and the blanks behind it.
const BEFORE: u16 = 9;
/// Lines that the selected finding takes at the most, one that is critical two more.
const MOST_LINES: usize = 3;
/// Lines that a title takes at the most.
const TITLE_LINES: usize = 2;
/// Rows that the findings which are not critical keep at least, however many are.
const LEAST_REST: usize = 2;
/// Columns of the titles at least, where what to do is beside them.
const LEAST_TITLE: usize = 60;
/// Columns of what to do from which on it is beside the titles.
const LEAST_FIX: usize = 40;
/// What stands before what to do.
const DO: &str = "do  ";

/// A finding as it is drawn, cleaned.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    key: String,
    severity: Severity,
    title: String,
    detail: Option<String>,
    fix: String,
}

/// A line of an entry: at a column of the panel, with its look.
type EntryLine = Vec<(u16, String, Role)>;

/// The findings and where they were drawn.
#[derive(Debug, Default)]
pub(super) struct Panel {
    entries: Vec<Entry>,
    /// The first of those below the pinned ones that is drawn.
    first: usize,
    /// The rows that each entry was drawn on, for clicks.
    drawn: Vec<(Rect, String)>,
}

impl Panel {
    /// Takes the findings, each with its key.
    pub(super) fn refresh(&mut self, findings: &[Finding], keys: Vec<String>) {
        let entry = |(finding, key): (&Finding, String)| Entry {
            key,
            severity: finding.severity,
            title: clean(&finding.title).into_owned(),
            detail: finding.statement().map(|(what, text)| format!("{what}: {}", clean(&statement_line(text)))),
            fix: fix_words(finding),
        };
        self.entries = findings.iter().zip(keys).map(entry).collect();
    }

    /// Returns how many rows the findings would take at a width, with the first selected.
    pub(super) fn height(&self, columns: u16, theme: &Theme) -> u16 {
        let room = Room::of(&self.entries.iter().collect::<Vec<_>>(), columns);
        let lines = |(at, entry): (usize, &Entry)| entry.lines(&room, at == 0, theme).len();
        u16::try_from(self.entries.iter().enumerate().map(lines).sum::<usize>()).unwrap_or(u16::MAX)
    }

    /// Returns the key of the finding drawn at a place.
    pub(super) fn key_at(&self, at: Position) -> Option<&str> {
        self.drawn.iter().find(|(place, _)| place.contains(at)).map(|(_, key)| key.as_str())
    }

    /// Draws the findings in the order of the list, with its selection.
    pub(super) fn draw(&mut self, buffer: &mut Buffer, area: Rect, list: &List, theme: &Theme) {
        self.drawn.clear();
        if area.is_empty() {
            return;
        }
        let order: Vec<&Entry> =
            list.shown().filter_map(|row| self.entries.iter().find(|entry| entry.key == row.key)).collect();
        if order.is_empty() {
            draw_notice(buffer, area, &list.notice(), theme);
            return;
        }
        let selected = list.selected_key().and_then(|key| order.iter().position(|entry| entry.key == key)).unwrap_or(0);
        let room = Room::of(&order, area.width);
        let lines: Vec<Vec<EntryLine>> =
            order.iter().enumerate().map(|(at, entry)| entry.lines(&room, at == selected, theme)).collect();
        let heights: Vec<usize> = lines.iter().map(Vec::len).collect();
        let pinned = pinned(&order, &heights, usize::from(area.height));
        let above: usize = heights.iter().take(pinned).sum();
        let below = usize::from(area.height).saturating_sub(above);
        self.first = first_shown(&heights, pinned, below, (self.first, selected));
        let mut drawn = Vec::new();
        let mut y = area.y;
        let shown = (0..pinned).chain(self.first.max(pinned)..order.len());
        for at in shown {
            let (Some(entry), Some(lines)) = (order.get(at), lines.get(at)) else { continue };
            let rows = (lines.len() as u16).min(area.bottom().saturating_sub(y));
            if rows == 0 {
                break;
            }
            let place = Rect { y, height: rows, width: area.width - 1, ..area };
            draw_entry(buffer, place, (entry, lines, at == selected), theme);
            drawn.push((place, entry.key.clone()));
            y += rows;
        }
        let rest = Rect { x: area.right() - 1, width: 1, y: area.y + above as u16, height: below as u16 };
        let lines_below = heights.iter().skip(pinned);
        let (count, skipped) = (lines_below.clone().sum(), lines_below.take(self.first.saturating_sub(pinned)).sum());
        Scrollbar { count, first: skipped }.draw(buffer, rest, theme);
        self.drawn = drawn;
    }
}

/// Returns what to do; a text that ends before its code says where that is.
fn fix_words(finding: &Finding) -> String {
    let text = clean(&finding.fix.text);
    match text.strip_suffix(':') {
        Some(before) => format!("{before} (Enter shows the code)"),
        None => text.into_owned(),
    }
}

/// Returns how many findings at the top stay in sight: the critical ones, behind what this role may not see.
fn pinned(order: &[&Entry], heights: &[usize], rows: usize) -> usize {
    let is_critical = |at: usize| order.get(at).is_some_and(|entry| entry.severity == Severity::Critical);
    let first = usize::from(!is_critical(0) && is_critical(1));
    let until = (first..order.len()).take_while(|at| is_critical(*at)).last().map_or(0, |last| last + 1);
    let mut used = 0;
    let fits = |height: &&usize| {
        used += **height;
        used + LEAST_REST <= rows
    };
    if until == order.len() { 0 } else { heights.iter().take(until).take_while(fits).count() }
}

/// Returns the first finding below the pinned ones so that the selected one is seen whole, near where it was before.
fn first_shown(heights: &[usize], pinned: usize, rows: usize, (before, selected): (usize, usize)) -> usize {
    let sum = |from: usize, until: usize| heights.get(from..until).map_or(0, |part| part.iter().sum::<usize>());
    // With one of the pinned ones selected, what comes next to them is seen.
    let before = if selected < pinned { pinned } else { before };
    let mut first = before.clamp(pinned, heights.len().saturating_sub(1).max(pinned));
    if selected >= pinned {
        first = first.min(selected);
        while first < selected && sum(first, selected + 1) > rows {
            first += 1;
        }
    }
    // Where the end would leave rows empty, what is before fills them.
    while first > pinned && sum(first - 1, heights.len()) <= rows {
        first -= 1;
    }
    first
}

/// The columns that titles and what to do have.
struct Room {
    title: usize,
    /// Columns for what to do beside the titles, where there are enough.
    fix: Option<(u16, usize)>,
}

impl Room {
    fn of(order: &[&Entry], columns: u16) -> Self {
        let all = usize::from(columns.saturating_sub(BEFORE + 2));
        // Those that are critical have two lines.
        let plain = order.iter().filter(|entry| entry.severity != Severity::Critical);
        let title = plain.map(|entry| width(&entry.title)).max().unwrap_or(0).max(LEAST_TITLE);
        match all.checked_sub(title + 3).filter(|fix| *fix >= LEAST_FIX) {
            Some(fix) => Self { title, fix: Some((BEFORE + title as u16 + 3, fix)) },
            None => Self { title: all, fix: None },
        }
    }
}

impl Entry {
    fn lines(&self, room: &Room, is_selected: bool, theme: &Theme) -> Vec<EntryLine> {
        let cut = theme.glyphs.cut;
        let is_critical = self.severity == Severity::Critical;
        let most = MOST_LINES + if is_critical { 2 } else { 0 };
        let title_lines = if is_selected || is_critical { TITLE_LINES } else { 1 };
        let mut left: Vec<(String, Role)> = wrap_at_most(&self.title, room.title, title_lines, cut)
            .into_iter()
            .map(|line| (line, Role::Text))
            .collect();
        let detail = self.detail.as_ref().filter(|_| is_selected || is_critical);
        left.extend(detail.map(|detail| (cut_with(detail, room.title, cut), Role::Muted)));
        let mut lines: Vec<EntryLine> = left.into_iter().map(|(line, role)| vec![(BEFORE, line, role)]).collect();
        if let Some((x, columns)) = room.fix {
            let rows = if is_selected { most } else { lines.len() };
            for (at, line) in wrap_at_most(&self.fix, columns, rows, cut).into_iter().enumerate() {
                match lines.get_mut(at) {
                    Some(beside) => beside.push((x, line, Role::Muted)),
                    None => lines.push(vec![(x, line, Role::Muted)]),
                }
            }
        } else if is_selected {
            let rows = most.saturating_sub(lines.len()).clamp(1, 2);
            let fix = wrap_at_most(&self.fix, room.title.saturating_sub(DO.len()), rows, cut);
            for (at, line) in fix.into_iter().enumerate() {
                let label = if at == 0 { DO } else { "" };
                lines.push(vec![(BEFORE, label.to_owned(), Role::Muted), (BEFORE + DO.len() as u16, line, Role::Text)]);
            }
        }
        lines
    }
}

fn draw_entry(buffer: &mut Buffer, place: Rect, drawn: (&Entry, &[EntryLine], bool), theme: &Theme) {
    let (entry, lines, is_selected) = drawn;
    let selection = theme.style(Role::Selection);
    let is_reversed = selection.add_modifier.contains(Modifier::REVERSED);
    let base = if is_selected { selection } else { theme.style(Role::Text) };
    if is_selected {
        buffer.set_style(place, selection);
        let gutter = selection.patch(Style { bg: None, ..theme.style(Role::Accent) });
        for y in place.y..place.bottom() {
            buffer.set_stringn(place.x, y, theme.glyphs.selected, 1, gutter);
        }
    }
    let (badge, style) = badge(entry.severity, theme);
    // On a row whose colours are turned over, the badge's own would be turned over with them.
    let style = if is_selected && is_reversed { style.remove_modifier(Modifier::REVERSED) } else { style };
    buffer.set_stringn(place.x + 1, place.y, badge, usize::from(place.width.saturating_sub(1)), style);
    for (y, line) in (place.y..place.bottom()).zip(lines) {
        for (x, text, role) in line {
            let own = Style { bg: base.bg, ..theme.style(*role) };
            let style = if is_selected && is_reversed { base } else { base.patch(own) };
            let room = place.width.saturating_sub(*x);
            buffer.set_stringn(place.x + x, y, text, usize::from(room), style);
        }
    }
}

/// Returns the word of a severity, padded: every severity takes the same columns.
fn badge(severity: Severity, theme: &Theme) -> (&'static str, Style) {
    let (word, role) = match severity {
        Severity::Critical => (" CRIT ", Role::BadgeBad),
        Severity::Warning => (" WARN ", Role::BadgeWarning),
        Severity::Notice => (" NOTE ", Role::BadgePlain),
    };
    (word, theme.style(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_findings_stay_in_sight_as_long_as_there_is_room_for_others() {
        let entry =
            |severity| Entry { key: String::new(), severity, title: String::new(), detail: None, fix: String::new() };
        let [bad, warning] = [Severity::Critical, Severity::Warning].map(entry);
        for (order, rows, count) in [
            (vec![&bad, &bad, &warning, &warning], 9, 2),
            (vec![&warning, &bad, &warning, &warning], 9, 2),
            (vec![&bad, &bad, &warning, &warning], 3, 1),
            (vec![&bad, &bad], 9, 0),
            (vec![&warning, &warning], 9, 0),
        ] {
            assert_eq!(pinned(&order, &vec![1; order.len()], rows), count, "{order:?}");
        }
    }

    #[test]
    fn the_selected_finding_is_seen_whole_and_the_list_moves_no_more_than_it_must() {
        for (heights, pinned, rows, at, first) in [
            (vec![1; 9], 0, 4, (0, 3), 0),
            (vec![1; 9], 0, 4, (0, 4), 1),
            (vec![1; 9], 0, 4, (3, 4), 3),
            (vec![1; 9], 0, 4, (3, 1), 1),
            (vec![1; 9], 2, 4, (0, 0), 2),
            (vec![1, 1, 1, 3], 1, 3, (1, 3), 3),
            (vec![1; 3], 0, 9, (2, 2), 0),
        ] {
            assert_eq!(first_shown(&heights, pinned, rows, at), first, "{heights:?} {pinned} {rows} {at:?}");
        }
    }
}
