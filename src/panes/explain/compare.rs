//! Two plans compared: in a sentence, as two bars, and side by side.

use super::deck::{Card, DeckPart, LayOut};
use super::pair::{ComparedRows, PlanLines, PlanPair, orders};
use crate::plan::diff::{Delta, Diff, NOTABLE, diff};
use crate::plan::{BLOCK, Plan};
use crate::sample::unit::{self, Count, counted};
use crate::sample::{Bytes, Seconds};
use crate::ui::frame::{TextPart, parts_width};
use crate::ui::gauge::bar;
use crate::ui::glyphs::Glyphs;
use crate::ui::text::{self, Align};
use crate::ui::theme::Role;

/// Columns of a screen from which on two plans stand beside each other.
const BESIDE: u16 = 100;

/// Columns of the labels of the result.
const LABEL: usize = 8;

/// Columns of a figure behind a bar.
const FIGURE: usize = 9;

/// What is compared, and what is known of it beside the two plans.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// What it is: an index tried for real, two runs.
    pub(super) title: String,
    /// How the title looks.
    pub(super) role: Option<Role>,
    /// Facts below the bars: a label, what is known, how it looks.
    pub(super) facts: Vec<(&'static str, String, Role)>,
    /// The index that is compared with, counted from 0.
    pub(super) index: Option<usize>,
    /// What follows the plans: the code of the index.
    pub(super) after: Vec<DeckPart>,
}

/// Two plans compared.
#[derive(Debug)]
pub(super) struct Comparison {
    result: DeckPart,
    beside: DeckPart,
    below: [DeckPart; 2],
    after: Vec<DeckPart>,
    /// The index that is compared with, counted from 0.
    pub(super) index: Option<usize>,
}

impl Comparison {
    /// Returns what is drawn in a width of the screen.
    pub(super) fn parts(&self, width: u16) -> Vec<&DeckPart> {
        let plans: &[DeckPart] =
            if width >= BESIDE { std::slice::from_ref(&self.beside) } else { self.below.as_slice() };
        std::iter::once(&self.result).chain(plans).chain(&self.after).collect()
    }
}

/// Compares two plans.
pub(super) fn compare(older: &Plan, newer: &Plan, compared: Compared, glyphs: &Glyphs) -> Comparison {
    let found = diff(older, newer);
    let rows = if older.is_analyzed() && newer.is_analyzed() { ComparedRows::Counted } else { ComparedRows::Estimated };
    let [before, after] = orders(&found.changes, older, newer);
    let lines = |title, order: &super::pair::PlanOrder<'_>| PlanLines::new(title, order, rows, glyphs);
    let (before, after) = (lines("before", &before), lines("after", &after));
    let card = |title: &str, lines: PlanLines| DeckPart::Card(Card::of(title, Role::Title, lines));
    let below = [card("Plan before", before.in_order()), card("Plan after", after.in_order())];
    let beside = DeckPart::Card(Card::of("The plans", Role::Title, PlanPair(before, after)));
    let result =
        ResultLines { sentence: sentence(&found), bars: Bars::of(&found), facts: compared.facts, glyphs: *glyphs };
    let result = DeckPart::Card(Card::of(&compared.title, compared.role.unwrap_or(Role::Title), result));
    Comparison { result, beside, below, after: compared.after, index: compared.index }
}

/// What more and less of a figure is called.
type Words = (&'static str, &'static str);

const TIME: Words = ("slower", "faster");
const COST: Words = ("higher", "lower");
const BUFFERS: Words = ("more", "less");

/// Returns how many times more or less, with how that looks; small differences are chance.
fn factor(delta: &Delta, (more, less): Words) -> Option<(String, Role)> {
    Some(match delta.factor().filter(|factor| *factor > 0.0)? {
        factor if factor >= NOTABLE => (format!("{}× {more}", unit::factor(factor)), Role::Bad),
        factor if factor <= 1.0 / NOTABLE => (format!("{}× {less}", unit::factor(1.0 / factor)), Role::Good),
        _ => ("no notable difference".to_owned(), Role::Muted),
    })
}

/// Returns what changed, as sentences.
fn sentence(found: &Diff) -> String {
    let say = |does: &str, words: Words, delta: &Delta, show: &dyn Fn(f64) -> String| {
        let (older, newer) = (delta.older?, delta.newer?);
        let times = factor(delta, words).map(|(times, _)| format!(" ({times})")).unwrap_or_default();
        Some(format!("{does} {} instead of {}{times}", show(newer), show(older)))
    };
    let time = say("takes", TIME, &found.time, &|time| Seconds(time).to_string());
    let cost = say("has an estimated cost of", COST, &found.cost, &|cost| Count(cost).to_string());
    let buffers = say("looks at", BUFFERS, &found.blocks, &|blocks| Bytes(blocks * BLOCK).to_string());
    let said: Vec<String> = time.or(cost).into_iter().chain(buffers).collect();
    let shapes = found.shapes().count();
    let shape = if shapes == 0 {
        "The plan has the same shape.".to_owned()
    } else {
        format!("{} in the plan.", counted(shapes, "node is different", "nodes are different"))
    };
    if said.is_empty() { shape } else { format!("It {}. {shape}", said.join(" and ")) }
}

/// What two bars show: the times, else the costs.
#[derive(Debug)]
struct Bars {
    before: (f64, String),
    after: (f64, String),
    /// How many times faster or slower.
    change: Option<(String, Role)>,
    /// Buffers before and after.
    buffers: [Option<String>; 2],
}

impl Bars {
    fn of(found: &Diff) -> Option<Self> {
        let both = |delta: &Delta| delta.older.zip(delta.newer);
        let (pair, change, show): (_, _, fn(f64) -> String) = match (both(&found.time), both(&found.cost)) {
            (Some(times), _) => (times, factor(&found.time, TIME), |time| Seconds(time).to_string()),
            (None, Some(costs)) => (costs, factor(&found.cost, COST), |cost| format!("cost {}", Count(cost))),
            (None, None) => return None,
        };
        let buffers = |blocks: Option<f64>| blocks.map(|blocks| format!("{} of buffers", Bytes(blocks * BLOCK)));
        Some(Self {
            before: (pair.0, show(pair.0)),
            after: (pair.1, show(pair.1)),
            change,
            buffers: [buffers(found.blocks.older), buffers(found.blocks.newer)],
        })
    }
}

/// The result as lines: how much faster, two bars, facts.
#[derive(Debug)]
struct ResultLines {
    sentence: String,
    bars: Option<Bars>,
    facts: Vec<(&'static str, String, Role)>,
    glyphs: Glyphs,
}

impl ResultLines {
    /// The figures that matter most, in the middle of the card.
    fn headline(&self, bars: &Bars, width: usize) -> Vec<TextPart> {
        let arrow = if self.glyphs.is_unicode { "→" } else { "->" };
        let mut line = vec![
            (bars.before.1.clone(), Role::Title),
            (format!("  {arrow}  "), Role::Muted),
            (bars.after.1.clone(), Role::Title),
        ];
        if let Some((times, role)) = &bars.change {
            line.push((format!("     {times}"), *role));
        }
        let blanks = width.saturating_sub(parts_width(&line)) / 2;
        line.insert(0, (" ".repeat(blanks), Role::Text));
        line
    }
}

/// A bar with its label and its figures.
struct BarLine {
    label: &'static str,
    share: f64,
    shown: String,
    buffers: String,
}

impl LayOut for ResultLines {
    fn lines(&self, width: usize) -> Vec<Vec<TextPart>> {
        let mut lines = Vec::new();
        if let Some(bars) = &self.bars {
            lines.push(Vec::new());
            lines.push(self.headline(bars, width));
            lines.push(Vec::new());
            let most = bars.before.0.max(bars.after.0);
            let [before, after] = &bars.buffers;
            let line = |label, figure: &(f64, String), buffers: &Option<String>| BarLine {
                label,
                share: if most > 0.0 { figure.0 / most } else { 0.0 },
                shown: figure.1.clone(),
                buffers: buffers.clone().unwrap_or_default(),
            };
            let both = [line("before", &bars.before, before), line("after", &bars.after, after)];
            let figure = both.iter().map(|bar| text::width(&bar.shown)).max().unwrap_or(0).max(FIGURE);
            let buffers = both.iter().map(|bar| text::width(&bar.buffers)).max().unwrap_or(0);
            let room = width.saturating_sub(LABEL + figure + 2 + buffers + 2);
            lines.extend(both.into_iter().map(|line| {
                let filled = bar(line.share, room, &self.glyphs);
                let rail = self.glyphs.rail.repeat(text::width(&filled) - text::width(filled.trim_end()));
                let role = if line.share >= 0.5 { Role::RampHigh } else { Role::RampLow };
                vec![
                    (text::pad(line.label, LABEL, Align::Left), Role::Muted),
                    (filled.trim_end().to_owned(), role),
                    (rail, Role::Faint),
                    (text::pad(&line.shown, figure + 2, Align::Right), Role::Title),
                    (format!("  {}", line.buffers), Role::Muted),
                ]
            }));
            lines.push(Vec::new());
        }
        let mut fact = |label: &str, value: &str, role: Role| {
            let values = text::wrap_words(value, width.saturating_sub(LABEL).max(1));
            for (at, value) in values.into_iter().enumerate() {
                let label = if at == 0 { label } else { "" };
                lines.push(vec![(text::pad(label, LABEL, Align::Left), Role::Muted), (value, role)]);
            }
        };
        for (label, value, role) in &self.facts {
            fact(label, &text::clean(value), *role);
        }
        fact("plan", &self.sentence, Role::Text);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse;
    use crate::ui::glyphs::UNICODE;

    fn result(older: &str, newer: &str) -> String {
        let plan = |text: &str| parse(text).plans.remove(0);
        let found = diff(&plan(older), &plan(newer));
        let lines =
            ResultLines { sentence: sentence(&found), bars: Bars::of(&found), facts: Vec::new(), glyphs: UNICODE };
        let text =
            |line: Vec<TextPart>| line.into_iter().map(|(text, _)| text).collect::<String>().trim_end().to_owned();
        lines.lines(70).into_iter().map(text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_was_run_is_compared_by_time_and_what_was_not_by_cost() {
        let estimate = "Seq Scan on o  (cost=0..2000 rows=599 width=8)";
        let cheap = "Index Scan using o_a on o  (cost=0..2 rows=599 width=8)";
        let run = "Seq Scan on o  (cost=1..2 rows=599 width=8) (actual time=0..100 rows=1000 loops=1)\nExecution Time: 100.0 ms";
        let fast = "Index Scan using o_a on o  (cost=1..2 rows=599 width=8) (actual time=0..1 rows=1000 loops=1)\nExecution Time: 1.0 ms";
        let all = [result(estimate, cheap), result(run, fast), result(fast, run), result(run, run)];
        insta::assert_snapshot!(all.join("\n--\n"));
    }
}
