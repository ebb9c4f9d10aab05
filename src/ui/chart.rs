//! The load chart: average active sessions over time, stacked by class.
//!
//! The frame carries what is said of it: the title and the legend above, the times below; inside are the stack, its axis and
//! a grid at the axis's labels. A moment that was not read is marked, never zero. Classes are told apart by colour and, where
//! there is none, by their letter. Below 24 columns the axis goes, without a border the times.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::Tile;
use super::text;
use super::theme::{Role, Theme};

mod legend;
mod painter;
mod scale;

pub(crate) use legend::{Legend, LegendPlace};
use painter::Painter;
use scale::Scale;
pub(crate) use scale::{average, span_for};

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
    /// How many times the greatest value it may be and still be drawn: beyond, it would flatten the values.
    pub reach: f64,
    /// How it looks.
    pub role: Role,
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
    /// Lines across, each drawn where it is within reach of the values.
    pub limits: Vec<Limit>,
    /// The moment the console shows, where it is not the newest.
    pub cursor: Option<f64>,
    /// The moment of the legend's figures, where it is not that of the cursor or the newest.
    pub shown: Option<f64>,
    /// A moment that a person marked.
    pub mark: Option<f64>,
    /// What the legend says.
    pub legend: Legend,
    /// Where the legend is.
    pub legend_place: LegendPlace,
    /// What is added to UTC for the times below, in seconds.
    pub utc_offset: f64,
}

/// What the frame of a chart says beside the legend and the times.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ChartFrame<'a> {
    /// What it shows; on the left.
    pub title: &'a str,
    /// What is to be known of its figures, between the title and the legend.
    pub note: Option<(&'a str, Role)>,
}

/// The classes of `PostgreSQL`'s wait events, in the order of the stack; the rest is `other`.
pub(crate) fn wait_classes() -> Vec<SessionClass> {
    [
        ("CPU", Role::Cpu, 'C'),
        ("IO", Role::Io, 'I'),
        ("Lock", Role::Lock, 'L'),
        ("LWLock", Role::Lwlock, 'W'),
        ("Client", Role::Client, 'N'),
        ("IPC", Role::Ipc, 'P'),
        ("Other", Role::Other, 'O'),
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
    /// Draws the chart in its frame and returns the area inside, for clicks.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme, frame: ChartFrame<'_>) -> Rect {
        let area = area.intersection(buffer.area);
        let tile = Tile { title: frame.title, key: None, note: None, has_focus: false };
        let inside = tile.draw(buffer, area, theme);
        if inside.is_empty() {
            return inside;
        }
        if inside != area {
            self.heading(buffer, area, theme, frame);
        }
        let Some((axis, body)) = self.layout(inside) else { return inside };
        let line = self.legend_line(inside);
        let plot = Rect { x: inside.x + axis, y: inside.y + line, width: inside.width - axis, height: body };
        let stacks = self.stacks(usize::from(plot.width));
        let scale = self.scale(&stacks, body);
        let painter = Painter::new(self, theme, plot, &scale, &stacks);
        painter.grid(buffer);
        painter.stack(buffer);
        painter.limits(buffer);
        painter.mark(buffer);
        painter.cursor(buffer);
        if axis > 0 {
            painter.axis(buffer, inside.x, axis - 1);
        }
        if inside.bottom() < area.bottom() {
            painter.times(buffer, inside.bottom());
        }
        if line > 0 {
            self.legend_inside(buffer, Rect { x: plot.x, width: plot.width, height: 1, y: inside.y }, theme);
        }
        inside
    }

    /// Returns the moment at a column of the screen, for clicks; the area is the one drawn into.
    pub(crate) fn moment_at(&self, area: Rect, x: u16) -> Option<f64> {
        let (axis, width) = self.across(area)?;
        let x = x.checked_sub(area.x + axis)?;
        let share = (f64::from(x) + 0.5) / f64::from(width.max(1));
        (x < width).then(|| self.right(usize::from(width)) - self.span + share * self.span)
    }

    /// Returns the seconds that a column of the screen stands for.
    pub(crate) fn step(&self, area: Rect) -> Option<f64> {
        self.across(area).map(|(_, width)| self.span / f64::from(width.max(1)))
    }

    /// Returns the columns that the axis takes, and those that are left.
    fn across(&self, area: Rect) -> Option<(u16, u16)> {
        let (axis, _) = self.layout(area)?;
        Some((axis, area.width.checked_sub(axis)?))
    }

    /// Returns the columns that the axis takes inside the frame, and the rows of the plot.
    fn layout(&self, inside: Rect) -> Option<(u16, u16)> {
        let body = inside.height.checked_sub(self.legend_line(inside))?;
        let stacks = self.stacks(usize::from(inside.width));
        let axis = if inside.width >= 24 { self.scale(&stacks, body).label_width() + 1 } else { 0 };
        Some((axis, body))
    }

    /// Returns the rows that a legend inside the frame takes.
    fn legend_line(&self, inside: Rect) -> u16 {
        u16::from(self.legend_place == LegendPlace::Line && inside.height >= 4)
    }

    fn scale(&self, stacks: &[Stack], rows: u16) -> Scale {
        Scale::over(greatest(stacks), &self.limits, rows)
    }

    /// Returns the right edge of so many columns. A chart that moves on goes by whole ones, so that each keeps its time.
    fn right(&self, width: usize) -> f64 {
        let right = self.end.or_else(|| self.points.last().map(|point| point.at)).unwrap_or(0.0);
        let step = self.span / width.max(1) as f64;
        if self.end.is_some() && step > 0.0 { (right / step + 1e-3).floor() * step } else { right }
    }

    /// Returns what each column shows: the mean of the points in its time, else the point that still holds.
    fn stacks(&self, width: usize) -> Vec<Stack> {
        let (right, step) = (self.right(width), self.span / width.max(1) as f64);
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

    /// Returns the values of the moment shown: at the cursor, else the newest.
    fn shown_values(&self) -> Option<&Point> {
        let Some(shown) = self.cursor.or(self.shown) else { return self.points.last() };
        self.points.iter().rev().find(|point| point.at <= shown + 0.01)
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

#[cfg(test)]
mod tests;
