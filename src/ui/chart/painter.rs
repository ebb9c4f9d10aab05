//! Paints what is inside the frame of a chart: the grid, the stack, lines across and upright, the axis, the times.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};

use super::scale::{self, Scale, clock, time_step};
use super::{Limit, LoadChart, SessionClass, Stack, text};
use crate::ui::theme::{Role, Theme};

pub(super) struct Painter<'a> {
    chart: &'a LoadChart,
    theme: &'a Theme,
    plot: Rect,
    scale: &'a Scale,
    stacks: &'a [Stack],
    /// How much of each class there is in the whole chart.
    weights: Vec<f64>,
}

impl<'a> Painter<'a> {
    pub(super) fn new(
        chart: &'a LoadChart,
        theme: &'a Theme,
        plot: Rect,
        scale: &'a Scale,
        stacks: &'a [Stack],
    ) -> Self {
        Self { chart, theme, plot, scale, stacks, weights: weights(chart, stacks) }
    }

    /// Draws faint dots at the labels of the axis, for the eye to follow.
    pub(super) fn grid(&self, buffer: &mut Buffer) {
        let mark = if self.theme.glyphs.is_unicode { "┈" } else { "." };
        let style = self.theme.style(Role::Border);
        for y in self.scale.ticks().filter_map(|value| self.row_of(value)) {
            for x in self.plot.x..self.plot.right() {
                buffer.set_stringn(x, y, mark, 1, style);
            }
        }
    }

    pub(super) fn stack(&self, buffer: &mut Buffer) {
        for (stack, x) in self.stacks.iter().zip(self.plot.x..self.plot.right()) {
            match stack {
                Stack::Blank => {}
                Stack::Gap if self.plot.height > 0 => {
                    buffer.set_stringn(x, self.plot.bottom() - 1, "?", 1, self.theme.style(Role::Muted));
                }
                Stack::Gap => {}
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

    /// Draws the lines of the limits that are within reach over the stack, each with its label at the left.
    pub(super) fn limits(&self, buffer: &mut Buffer) {
        for limit in self.chart.limits.iter().filter(|limit| limit.value <= self.scale.top) {
            self.limit(buffer, limit);
        }
    }

    fn limit(&self, buffer: &mut Buffer, limit: &Limit) {
        let Some(y) = self.row_of(limit.value) else { return };
        let style = self.theme.style(limit.role);
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

    pub(super) fn cursor(&self, buffer: &mut Buffer) {
        self.upright(buffer, self.chart.cursor, Role::Accent);
    }

    pub(super) fn mark(&self, buffer: &mut Buffer) {
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

    fn right(&self) -> f64 {
        self.chart.right(usize::from(self.plot.width))
    }

    fn column_of(&self, moment: f64) -> Option<u16> {
        if self.plot.width == 0 {
            return None;
        }
        let left = self.right() - self.chart.span;
        let share = (moment - left) / self.chart.span;
        // The last column takes in what is just behind it.
        if !(0.0..=1.0 + 1.0 / f64::from(self.plot.width)).contains(&share) {
            return None;
        }
        let column = (share * f64::from(self.plot.width)).floor() as u16;
        Some(self.plot.x + column.min(self.plot.width - 1))
    }

    pub(super) fn axis(&self, buffer: &mut Buffer, x: u16, label: u16) {
        let border = self.theme.style(Role::Border);
        for y in self.plot.y..self.plot.bottom() {
            buffer.set_stringn(self.plot.x - 1, y, self.theme.glyphs.wall, 1, border);
        }
        let tick = if self.theme.glyphs.is_unicode { "┤" } else { "+" };
        let labelled: Vec<(f64, u16)> =
            self.scale.ticks().filter_map(|value| Some((value, self.row_of(value)?))).collect();
        // Nothing is at the bottom, where a value is not labelled already.
        let bottom = self.plot.bottom().saturating_sub(1);
        let zero = (self.plot.height > 0 && labelled.iter().all(|(_, y)| *y != bottom)).then_some((0.0, bottom));
        for (value, y) in labelled.into_iter().chain(zero) {
            let text = text::pad(&scale::number(value), usize::from(label), text::Align::Right);
            buffer.set_stringn(x, y, text, usize::from(label), self.theme.style(Role::Muted));
            buffer.set_stringn(self.plot.x - 1, y, tick, 1, border);
        }
    }

    /// Writes times at round moments into the lower border, as far apart as their labels need, and the time of the cursor.
    pub(super) fn times(&self, buffer: &mut Buffer, y: u16) {
        let chart = self.chart;
        let cursor = self.cursor_label();
        let taken = cursor.as_ref().map_or(0..0, |(x, label)| *x..*x + text::width(label) as u16);
        let (right, left) = (self.right(), self.right() - chart.span);
        let step = time_step(chart.span, self.plot.width);
        let mut free = self.plot.x;
        let mut at = ((left + chart.utc_offset) / step).ceil() * step - chart.utc_offset;
        while at <= right && chart.span > 0.0 {
            let label = format!(" {} ", clock(at + chart.utc_offset, step));
            let width = label.len() as u16;
            if let Some(x) = self.column_of(at).map(|x| x.saturating_sub(width / 2).max(free))
                && x + width <= self.plot.right()
                && (x >= taken.end || x + width <= taken.start)
            {
                buffer.set_stringn(x, y, &label, usize::from(width), self.theme.style(Role::Muted));
                free = x + width + 1;
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
}

/// Returns how much of each class there is; waiting for locks counts thrice, because that is what one looks for.
fn weights(chart: &LoadChart, stacks: &[Stack]) -> Vec<f64> {
    let mut weights = vec![0.0; chart.classes.len()];
    for stack in stacks {
        if let Stack::Values(values) = stack {
            weights.iter_mut().zip(values).for_each(|(weight, value)| *weight += value);
        }
    }
    let is_lock = |class: &SessionClass| class.role == Role::Lock;
    weights.iter_mut().zip(&chart.classes).filter(|(_, class)| is_lock(class)).for_each(|(weight, _)| *weight *= 3.0);
    weights
}
