//! The load chart: average active sessions over time, stacked by class.
//!
//! What stands where: a legend with the figures of the moment shown, the stack with its axis, the times below. A moment
//! that was not read is a gap, never zero. Classes are told apart by colour and, where there is none, by their letter. Below five
//! rows the legend goes, below four the times, below 24 columns the axis.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};

use super::frame::{Segment, TextPart, draw_segments, parts_width};
use super::text;
use super::theme::{Role, Theme};

mod scale;

pub(crate) use scale::average;
use scale::{Scale, clock, time_step};

/// A class of what sessions do.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionClass {
    /// Its name in the legend.
    pub name: Cow<'static, str>,
    /// How it looks.
    pub role: Role,
    /// What it is drawn with where there is no colour.
    pub letter: char,
}

/// What was read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The moment: seconds since 1970-01-01 UTC.
    pub at: f64,
    /// The value of each class, from the bottom; `None` where it could not be read.
    pub values: Option<Vec<f64>>,
    /// Sessions that may be active and are in no class, because their state is hidden.
    pub unknown: f64,
}

/// A line across the chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// Where it is.
    pub value: f64,
    /// What it is: `8 CPUs`.
    pub label: String,
}

/// A chart's contents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadChart {
    /// The classes, from the bottom.
    pub classes: Vec<SessionClass>,
    /// What was read, oldest first.
    pub points: Vec<Point>,
    /// How much time is shown, in seconds, ending at the newest point (or at `end`).
    pub span: f64,
    /// The right edge, where it is not the newest point.
    pub end: Option<f64>,
    /// How long a point stands for the time after it; beyond is a gap. A bit more than the pace, in seconds.
    pub hold: f64,
    /// A line across, drawn where it is within reach of the values.
    pub limit: Option<Limit>,
    /// The moment the console shows, where it is not the newest.
    pub cursor: Option<f64>,
    /// A moment that a person marked.
    pub mark: Option<f64>,
    /// What the legend says.
    pub legend: Legend,
    /// What is added to UTC for the times below, in seconds.
    pub utc_offset: f64,
}

/// What the legend of a load chart says.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Legend {
    /// The figures of the moment shown, in the order of the stack.
    #[default]
    Moment,
    /// These means of the classes, the largest first, without those that are zero.
    Mean(Vec<f64>),
}

/// The classes of `PostgreSQL`'s wait events, in the order of the stack; the rest is `other`.
pub(crate) fn wait_classes() -> Vec<SessionClass> {
    [
        ("cpu", Role::Cpu, 'C'),
        ("io", Role::Io, 'I'),
        ("lock", Role::Lock, 'L'),
        ("lwlock", Role::Lwlock, 'W'),
        ("client", Role::Client, 'N'),
        ("ipc", Role::Ipc, 'P'),
        ("other", Role::Other, 'O'),
    ]
    .map(|(name, role, letter)| SessionClass { name: name.into(), role, letter })
    .to_vec()
}

/// What a column of the chart shows.
#[derive(Debug, Clone, PartialEq)]
enum Stack {
    /// Before the first point or after the last.
    Blank,
    /// Between points, but not read.
    Gap,
    /// The classes' values.
    Values(Vec<f64>),
}

impl LoadChart {
    /// Draws the chart.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let has_legend = area.height >= 5;
        let has_times = area.height >= 4;
        let body = area.height - u16::from(has_legend) - u16::from(has_times);
        let top = area.y + u16::from(has_legend);
        let mut plot = Rect { y: top, height: body, ..area };
        let width_guess = usize::from(area.width);
        let stacks = self.stacks(width_guess);
        let scale = Scale::over(greatest(&stacks), self.limit.as_ref().map(|limit| limit.value), body);
        let label = scale.label_width();
        let has_axis = area.width >= 24;
        if has_axis {
            plot.x += label + 1;
            plot.width -= label + 1;
        }
        let stacks = self.stacks(usize::from(plot.width));
        let weights = self.weights(&stacks);
        let painter = Painter { chart: self, theme, plot, scale: &scale, stacks: &stacks, weights };
        painter.stack(buffer);
        painter.limit(buffer);
        painter.mark(buffer);
        painter.cursor(buffer);
        if has_axis {
            painter.axis(buffer, area.x, label);
        }
        if has_times {
            painter.times(buffer, plot.bottom());
        }
        if has_legend {
            painter.legend(buffer, Rect { x: plot.x, width: plot.width, y: area.y, height: 1 });
        }
    }

    /// Returns the moment at a column of the screen, for clicks; the area is the one drawn into.
    pub(crate) fn moment_at(&self, area: Rect, x: u16) -> Option<f64> {
        let (axis, width) = self.across(area)?;
        let x = x.checked_sub(area.x + axis)?;
        let share = (f64::from(x) + 0.5) / f64::from(width.max(1));
        (x < width).then(|| self.right() - self.span + share * self.span)
    }

    /// Returns the seconds that a column of the screen stands for.
    pub(crate) fn step(&self, area: Rect) -> Option<f64> {
        self.across(area).map(|(_, width)| self.span / f64::from(width.max(1)))
    }

    /// Returns the columns that the axis takes, and those that are left.
    fn across(&self, area: Rect) -> Option<(u16, u16)> {
        let body = area.height.checked_sub(u16::from(area.height >= 5) + u16::from(area.height >= 4))?;
        let stacks = self.stacks(usize::from(area.width));
        let scale = Scale::over(greatest(&stacks), self.limit.as_ref().map(|limit| limit.value), body);
        let axis = if area.width >= 24 { scale.label_width() + 1 } else { 0 };
        Some((axis, area.width.checked_sub(axis)?))
    }

    fn right(&self) -> f64 {
        self.end.or_else(|| self.points.last().map(|point| point.at)).unwrap_or(0.0)
    }

    /// Returns what each column shows: the mean of the points in its time, else the point that still holds.
    fn stacks(&self, width: usize) -> Vec<Stack> {
        let (right, step) = (self.right(), self.span / width.max(1) as f64);
        let left = right - self.span;
        let first = self.points.first().map_or(f64::INFINITY, |point| point.at);
        let last = self.points.last().map_or(f64::NEG_INFINITY, |point| point.at);
        let mut points = self.points.iter().peekable();
        let mut held: Option<&Point> = None;
        let column = |at: usize| {
            let begin = left + step * at as f64;
            // The last column takes the newest point in, whatever the rounding.
            let end = if at + 1 == width { right + step } else { begin + step };
            let mut sums = vec![0.0; self.classes.len()];
            let mut count = 0.0;
            let mut was_missed = false;
            while let Some(point) = points.next_if(|point| point.at < end) {
                held = Some(point);
                if point.at < begin {
                    continue;
                }
                if let Some(values) = &point.values {
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value.max(0.0));
                    count += 1.0;
                } else {
                    was_missed = true;
                }
            }
            if count > 0.0 {
                return Stack::Values(sums.into_iter().map(|sum| sum / count).collect());
            }
            if end <= first || self.end.is_some() && begin > last {
                return Stack::Blank;
            }
            match held.filter(|point| !was_missed && begin - point.at <= self.hold) {
                Some(Point { values: Some(values), .. }) => Stack::Values(values.clone()),
                _ => Stack::Gap,
            }
        };
        (0..width).map(column).collect()
    }

    /// Returns how much of each class there is; waiting for locks counts thrice, because that is what one looks for.
    fn weights(&self, stacks: &[Stack]) -> Vec<f64> {
        let mut weights = vec![0.0; self.classes.len()];
        for stack in stacks {
            if let Stack::Values(values) = stack {
                weights.iter_mut().zip(values).for_each(|(weight, value)| *weight += value);
            }
        }
        let is_lock = |class: &SessionClass| class.role == Role::Lock;
        weights
            .iter_mut()
            .zip(&self.classes)
            .filter(|(_, class)| is_lock(class))
            .for_each(|(weight, _)| *weight *= 3.0);
        weights
    }

    /// Returns the values of the moment shown: at the cursor, else the newest.
    fn shown_values(&self) -> Option<&Point> {
        let Some(cursor) = self.cursor else { return self.points.last() };
        self.points.iter().rev().find(|point| point.at <= cursor + 0.01)
    }
}

/// Returns the greatest sum of the columns.
fn greatest(stacks: &[Stack]) -> f64 {
    let total = |stack: &Stack| match stack {
        Stack::Values(values) => values.iter().sum(),
        Stack::Blank | Stack::Gap => 0.0,
    };
    stacks.iter().map(total).fold(0.0, f64::max)
}

struct Painter<'a> {
    chart: &'a LoadChart,
    theme: &'a Theme,
    plot: Rect,
    scale: &'a Scale,
    stacks: &'a [Stack],
    /// How much of each class there is in the whole chart.
    weights: Vec<f64>,
}

impl Painter<'_> {
    fn stack(&self, buffer: &mut Buffer) {
        for (stack, x) in self.stacks.iter().zip(self.plot.x..self.plot.right()) {
            match stack {
                Stack::Blank => {}
                Stack::Gap => {
                    let mark = if self.theme.glyphs.is_unicode { "┈" } else { "?" };
                    if self.plot.height > 0 {
                        buffer.set_stringn(x, self.plot.bottom() - 1, mark, 1, self.theme.style(Role::Muted));
                    }
                }
                Stack::Values(values) => self.column(buffer, x, values),
            }
        }
    }

    fn column(&self, buffer: &mut Buffer, x: u16, values: &[f64]) {
        let mut edges: Vec<f64> = Vec::with_capacity(values.len());
        let mut sum = 0.0;
        for value in values {
            sum += value;
            edges.push(sum / self.scale.top * f64::from(self.plot.height) * 8.0);
        }
        // What is there at all is seen, if only as the lowest step.
        if let Some(lowest) = edges.iter_mut().find(|edge| **edge > 0.0).filter(|_| sum > 0.0)
            && *lowest < 1.0
            && sum / self.scale.top * f64::from(self.plot.height) * 8.0 < 1.0
        {
            *lowest = 1.0;
        }
        for row in 0..self.plot.height {
            let y = self.plot.bottom() - 1 - row;
            let eighths: Vec<Option<usize>> = (0..8)
                .map(|part| f64::from(row) * 8.0 + f64::from(part) + 0.5)
                .map(|height| edges.iter().position(|edge| height < *edge))
                .collect();
            if eighths.first().is_none_or(Option::is_none) {
                break;
            }
            self.cell(buffer, Position::new(x, y), &eighths);
        }
    }

    /// Draws eight steps as one cell: the two classes (or a class and nothing) that fill most of it.
    fn cell(&self, buffer: &mut Buffer, place: Position, eighths: &[Option<usize>]) {
        let mut kinds: Vec<(Option<usize>, usize)> = Vec::new();
        for kind in eighths {
            match kinds.last_mut().filter(|(known, _)| known == kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((*kind, 1)),
            }
        }
        while kinds.len() > 2 {
            // Nothing above the stack stays nothing: the outline is what the eye follows. Of the classes the one that is
            // least over the whole chart gives way, the same in each column, lest the stack look torn.
            let weight =
                |kind: Option<usize>| kind.and_then(|class| self.weights.get(class)).copied().unwrap_or(f64::MAX);
            let by_weight = |(_, one): &(usize, &(Option<usize>, usize)),
                             (_, other): &(usize, &(Option<usize>, usize))| {
                weight(one.0).total_cmp(&weight(other.0))
            };
            let least = kinds.iter().enumerate().filter(|(_, (kind, _))| kind.is_some()).min_by(by_weight);
            let Some(least) = least.map(|(at, _)| at) else { break };
            let gone = kinds.remove(least);
            let heir = kinds.iter_mut().rfind(|(kind, _)| kind.is_some());
            if let Some((_, count)) = heir {
                *count += gone.1;
            }
        }
        let (lower, upper) = (kinds.first(), kinds.get(1));
        let Some((Some(class), count)) = lower.copied() else { return };
        let Some(cell) = buffer.cell_mut(place) else { return };
        if self.theme.is_mono() || !self.theme.glyphs.is_unicode {
            let class = match upper {
                Some((Some(other), more)) if *more > count => *other,
                Some((None, more)) if *more > count && place.y + 1 < self.plot.bottom() => return,
                _ => class,
            };
            let known = self.chart.classes.get(class);
            let style = known.map_or(Style::new(), |class| self.theme.style(class.role));
            cell.set_char(known.map_or('#', |class| class.letter)).set_style(style);
            return;
        }
        let total: usize = kinds.iter().map(|(_, count)| count).sum();
        let part = (count * 8 / total.max(1)).clamp(1, 8);
        let colour = |class: usize| self.chart.classes.get(class).and_then(|class| self.theme.style(class.role).fg);
        let mut style = Style::new();
        style.fg = colour(class);
        style.bg = upper.and_then(|(kind, _)| *kind).and_then(colour);
        cell.set_symbol(self.theme.glyphs.rising.get(part).copied().unwrap_or("█")).set_style(style);
    }

    /// Draws the limit's line over the stack, with its label at the left.
    fn limit(&self, buffer: &mut Buffer) {
        let Some(limit) = self.chart.limit.as_ref().filter(|limit| limit.value <= self.scale.top) else { return };
        let Some(y) = self.row_of(limit.value) else { return };
        let style = self.theme.style(Role::Warning);
        let mark = if self.theme.glyphs.is_unicode { "╌" } else { "-" };
        for x in self.plot.x..self.plot.right() {
            self.overlay(buffer, Position::new(x, y), mark, style);
        }
        let label = format!(" {} ", limit.label);
        if text::width(&label) + 8 < usize::from(self.plot.width) {
            let tag = Style { bg: self.theme.screen().bg, ..style };
            for (letter, x) in label.chars().zip(self.plot.x + 2..) {
                if let Some(cell) = buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_char(letter).set_style(tag);
                }
            }
        }
    }

    fn row_of(&self, value: f64) -> Option<u16> {
        let rows = (value / self.scale.top * f64::from(self.plot.height)).ceil() as u16;
        self.plot.bottom().checked_sub(rows.max(1)).filter(|y| *y >= self.plot.y && self.plot.height > 0)
    }

    /// Puts a mark over a cell, whose colour becomes the mark's background.
    fn overlay(&self, buffer: &mut Buffer, place: Position, mark: &str, style: Style) {
        let Some(cell) = buffer.cell_mut(place) else { return };
        let is_full = cell.symbol() == "█" || cell.bg != Color::Reset && cell.symbol() != " ";
        let under = if is_full && cell.symbol() == "█" { cell.fg } else { cell.bg };
        let has_colour = under != Color::Reset && Some(under) != self.theme.screen().bg;
        let ink =
            if has_colour { self.theme.screen().bg.filter(|bg| *bg != Color::Reset).or(style.fg) } else { style.fg };
        cell.set_symbol(mark);
        cell.set_style(Style { fg: ink, bg: Some(under), ..style });
    }

    fn cursor(&self, buffer: &mut Buffer) {
        self.upright(buffer, self.chart.cursor, Role::Accent);
    }

    fn mark(&self, buffer: &mut Buffer) {
        self.upright(buffer, self.chart.mark, Role::Key);
    }

    /// Draws a line from bottom to top at a moment.
    fn upright(&self, buffer: &mut Buffer, moment: Option<f64>, role: Role) {
        let Some(x) = moment.and_then(|moment| self.column_of(moment)) else { return };
        let style = self.theme.style(role);
        for y in self.plot.y..self.plot.bottom() {
            self.overlay(buffer, Position::new(x, y), self.theme.glyphs.wall, style);
        }
    }

    fn column_of(&self, moment: f64) -> Option<u16> {
        let left = self.chart.right() - self.chart.span;
        let share = (moment - left) / self.chart.span;
        if !(0.0..=1.0).contains(&share) || self.plot.width == 0 {
            return None;
        }
        let column = (share * f64::from(self.plot.width)).floor() as u16;
        Some(self.plot.x + column.min(self.plot.width - 1))
    }

    fn axis(&self, buffer: &mut Buffer, x: u16, label: u16) {
        let border = self.theme.style(Role::Border);
        for y in self.plot.y..self.plot.bottom() {
            buffer.set_stringn(self.plot.x - 1, y, self.theme.glyphs.wall, 1, border);
        }
        let tick = if self.theme.glyphs.is_unicode { "┤" } else { "+" };
        for value in self.scale.ticks() {
            let Some(y) = self.row_of(value) else { continue };
            let text = text::pad(&scale::number(value), usize::from(label), text::Align::Right);
            buffer.set_stringn(x, y, text, usize::from(label), self.theme.style(Role::Muted));
            buffer.set_stringn(self.plot.x - 1, y, tick, 1, border);
        }
    }

    /// Writes times at round moments, as far apart as their labels need, and the time of the cursor.
    fn times(&self, buffer: &mut Buffer, y: u16) {
        let chart = self.chart;
        let cursor = self.cursor_label();
        let taken = cursor.as_ref().map_or(0..0, |(x, label)| *x..*x + text::width(label) as u16);
        let (right, left) = (chart.right(), chart.right() - chart.span);
        // One style for the whole line: when the times move on, few bytes say so.
        let line = Rect { y, height: 1, ..self.plot };
        buffer.set_style(line, self.theme.style(Role::Muted));
        let step = time_step(chart.span, self.plot.width);
        let mut free = self.plot.x;
        let mut at = ((left + chart.utc_offset) / step).ceil() * step - chart.utc_offset;
        while at <= right && chart.span > 0.0 {
            let label = clock(at + chart.utc_offset, step);
            let width = label.len() as u16;
            if let Some(x) = self.column_of(at).map(|x| x.saturating_sub(width / 2).max(free))
                && x + width <= self.plot.right()
                && (x >= taken.end || x + width <= taken.start)
            {
                buffer.set_stringn(x, y, &label, usize::from(width), self.theme.style(Role::Muted));
                free = x + width + 2;
            }
            at += step;
        }
        if let Some((x, label)) = cursor {
            buffer.set_stringn(x, y, &label, usize::from(self.plot.width), self.theme.style(Role::Accent));
        }
    }

    /// Returns the cursor's time with its mark, and where it begins.
    fn cursor_label(&self) -> Option<(u16, String)> {
        let moment = self.chart.cursor?;
        let mark = if self.theme.glyphs.is_unicode { "▲" } else { "^" };
        let label = format!(" {mark} {} ", clock(moment + self.chart.utc_offset, 1.0));
        let last = self.plot.right().checked_sub(text::width(&label) as u16).filter(|last| *last >= self.plot.x)?;
        Some((self.column_of(moment)?.saturating_sub(1).clamp(self.plot.x, last), label))
    }

    /// Writes what the moment shown is made of; where there is little room, classes with nothing go first.
    fn legend(&self, buffer: &mut Buffer, area: Rect) {
        if let Legend::Mean(means) = &self.chart.legend {
            return self.means(buffer, area, means);
        }
        let point = self.chart.shown_values();
        let Some(values) = point.and_then(|point| point.values.as_ref()) else {
            let said = match point {
                Some(point) if point.unknown > 0.0 => format!("? active: {} hidden", scale::number(point.unknown)),
                Some(_) => "no data".to_owned(),
                None => "not read yet".to_owned(),
            };
            draw_segments(buffer, area, &[Segment::new(said, Role::Muted)], self.theme);
            return;
        };
        let total: f64 = values.iter().sum();
        let unknown = point.map_or(0.0, |point| point.unknown);
        let more =
            if unknown > 0.0 { format!("+ active, {} hidden", scale::number(unknown)) } else { " active".to_owned() };
        let mut segments = vec![Segment::new(scale::value(total), Role::Title).and(more, Role::Muted)];
        for (place, (class, value)) in self.chart.classes.iter().zip(values).enumerate() {
            let drop = if *value > 0.0 { 1 } else { 20 } + place as u8;
            segments.push(Segment { parts: self.key(class, *value), drop });
        }
        let whole: usize = segments.iter().map(|segment| parts_width(&segment.parts) + 2).sum();
        if whole > usize::from(area.width) + 2 {
            segments.retain(|segment| segment.drop < 20);
        }
        draw_segments(buffer, area, &segments, self.theme);
    }

    /// Writes means, the largest first; what has no room is left out.
    fn means(&self, buffer: &mut Buffer, area: Rect, means: &[f64]) {
        let total: f64 = means.iter().sum();
        let mut classes: Vec<(&SessionClass, f64)> = self.chart.classes.iter().zip(means.iter().copied()).collect();
        classes.retain(|(_, mean)| *mean > 0.0);
        classes.sort_by(|left, right| right.1.total_cmp(&left.1));
        let mut segments =
            vec![Segment::new(scale::average(total), Role::Title).and(" active on average", Role::Muted)];
        let named = classes.into_iter().zip(1_u8..);
        segments.extend(named.map(|((class, mean), drop)| {
            let parts = vec![
                self.class_mark(class),
                (format!(" {} ", class.name), Role::Muted),
                (scale::average(mean), Role::Text),
            ];
            Segment { parts, drop }
        }));
        draw_segments(buffer, area, &segments, self.theme);
    }

    fn class_mark(&self, class: &SessionClass) -> TextPart {
        let is_lettered = self.theme.is_mono() || !self.theme.glyphs.is_unicode;
        (if is_lettered { class.letter.to_string() } else { "■".to_owned() }, class.role)
    }

    /// A class in the legend: its colour or letter, its name, its value.
    fn key(&self, class: &SessionClass, value: f64) -> Vec<TextPart> {
        let role = if value > 0.0 { Role::Text } else { Role::Muted };
        vec![self.class_mark(class), (format!(" {} ", class.name), Role::Muted), (scale::value(value), role)]
    }
}

#[cfg(test)]
mod tests;
