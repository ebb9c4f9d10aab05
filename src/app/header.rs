//! The lines at the top: the server with how fresh its figures are, and its vital signs.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::freshness::Freshness;
use super::signs::{Sign, figures, signs, warm};
use super::{App, Clock, Rights, SampleOrigin, ServerLink};
use crate::sample::unit::Share;
use crate::sample::{Seconds, ServerFacts, Snapshot, Timestamp};
use crate::ui::frame::{Segment, TextPart, draw_parts, draw_segments, parts_width};
use crate::ui::glyphs::Health;
use crate::ui::text::{clean, cut};
use crate::ui::theme::Role;

/// Columns of the target's name; a unix socket's path would leave no room for what the server is.
const LONGEST_TARGET: usize = 32;
/// Paces after which a sign that was not read again is marked as old.
const MISSED_PACES: f64 = 3.0;
/// Seconds beyond these that an answer may take.
const GRACE: f64 = 2.0;

/// Whether figures of such an age are late, where they are usually read so often.
pub(super) fn is_late(age: Seconds, usual: Seconds) -> bool {
    age.0 > MISSED_PACES * usual.0 + GRACE
}

/// What stands before the cost.
const OVERHEAD: &str = "  overhead ";
/// Seconds over which the cost is shown: long enough for every probe that is read often.
const COST_SPAN: f64 = 10.0;

impl App {
    /// Draws the server's line: on the left what it is, on the right how fresh the figures are, which goes last.
    pub(super) fn draw_server(&self, frame: &mut Frame<'_>, area: Rect) {
        let area = inside(area);
        let mut right = self.status();
        let most = usize::from(area.width) / 2;
        // A label does not stay without its figure.
        let is_label = |part: Option<&TextPart>| part.is_some_and(|(text, _)| text == OVERHEAD);
        while right.len() > 1 && (parts_width(&right) > most || is_label(right.last())) {
            right.pop();
        }
        let wide = u16::try_from(parts_width(&right)).unwrap_or(u16::MAX).min(area.width);
        let at = Rect { x: area.right() - wide, width: wide, ..area };
        draw_parts(frame.buffer_mut(), at, &right, &self.theme);
        let room = Rect { width: (area.width - wide).saturating_sub(2), ..area };
        draw_segments(frame.buffer_mut(), room, &self.server(), &self.theme);
    }

    fn server(&self) -> Vec<Segment> {
        let target = |name: &str| Segment::new(cut(&clean(name), LONGEST_TARGET), Role::Title);
        let wall = || Segment::new(format!("{} ", self.theme.glyphs.wall), Role::Border);
        let Some(facts) = &self.facts else {
            return vec![target(&self.start.target), Segment::new("connecting", Role::Muted)];
        };
        let server = self.shown.seen.as_ref().and_then(|(_, readings)| readings.server().ok());
        let is_standby = server.and_then(|server| server.is_standby).unwrap_or(facts.is_standby);
        // The primary is the usual case.
        let (kind, role) = if is_standby { ("standby", Role::Warning) } else { ("primary", Role::Muted) };
        let mut parts = vec![target(&facts.target), Segment::new(kind, role).drop(1)];
        let version = Segment::new("PostgreSQL ", Role::Muted);
        parts.push(version.and(short_version(&facts.version), Role::Text).drop(3));
        parts.push(privilege(wall(), facts, self.start.rights).drop(2));
        if let Some((now, started)) = server.and_then(|server| server.now.zip(server.started)) {
            let mut up = wall().and("up ", Role::Muted).drop(4);
            up.parts.extend(figures(&Seconds(now - started).to_string()));
            parts.push(up);
        }
        parts
    }

    /// How fresh the figures are and what they cost; the last part is the least important.
    fn status(&self) -> Vec<TextPart> {
        let is_recording = self.start.origin == SampleOrigin::Recording;
        let clock = |at: Timestamp| super::screen::clock_text_in(at, self.start.zone.clone());
        let freshness = self.freshness();
        let (word, role) = match (&self.link, self.clock, &freshness) {
            _ if is_recording => ("REPLAY", Role::Warning),
            (ServerLink::Up | ServerLink::Waiting, Clock::Live, _) if self.start.origin == SampleOrigin::Played => {
                ("RECORDING", Role::Warning)
            }
            (ServerLink::Down { .. }, ..) => ("NO CONNECTION", Role::Bad),
            (_, Clock::Held(_), _) => ("PAUSED", Role::Warning),
            (ServerLink::Waiting, ..) => ("no data yet", Role::Muted),
            (ServerLink::Up, Clock::Live, Freshness::Never { .. }) => ("no data", Role::Warning),
            (ServerLink::Up, Clock::Live, Freshness::Stale { .. }) => ("stale", Role::Bad),
            (ServerLink::Up, Clock::Live, Freshness::Fresh) => ("live", Role::Good),
        };
        let dot = if self.theme.glyphs.is_unicode && word == "live" { "● " } else { "" };
        let mut parts = vec![(format!("{dot}{word}"), role)];
        if let Some(snapshot) = self.shown.snapshot() {
            let cost = snapshot.cost;
            match &freshness {
                Freshness::Fresh => {
                    parts.push((format!(" {}", clock(snapshot.at)), Role::Text));
                    let signs = signs(&self.shown.vitals);
                    let overdue = signs.iter().filter(|sign| self.is_overdue(sign));
                    let ages = overdue.filter_map(|sign| Some(snapshot.age(sign.probe)?.0));
                    if let Some(age) = ages.max_by(f64::total_cmp).filter(|_| self.clock == Clock::Live) {
                        parts.push((format!(" counters {} old", Seconds(age)), Role::Warning));
                    }
                }
                // Since when is said with the reason.
                Freshness::Stale { since, .. } if matches!(self.link, ServerLink::Down { .. }) => {
                    parts.push((format!("  data of {}", clock(*since)), Role::Bad));
                }
                Freshness::Stale { since, .. } if self.clock == Clock::Live && !is_recording => {
                    parts.push((format!(" since {}", clock(*since)), Role::Bad));
                }
                Freshness::Stale { since, .. } => {
                    parts.push((format!(" {}", clock(snapshot.at)), Role::Text));
                    parts.push((format!(" stale since {}", clock(*since)), Role::Bad));
                }
                Freshness::Never { .. } => {}
            }
            if let Some(moment) = self.shown.moment().filter(|_| is_recording) {
                let (place, count) = self.timeline.place(moment);
                let indexing = self.timeline.indexed().map(|share| format!(", indexing {}", Share(share)));
                parts.push((format!("  {place} of {count}{}", indexing.unwrap_or_default()), Role::Text));
            }
            let slowed = if cost.pace.0 > cost.wanted_pace.0 { " (slowed)" } else { "" };
            parts.push((format!("  every {}{slowed}", short_pace(cost.pace)), Role::Muted));
            if let Some(rate) = self.cost_rate() {
                parts.push((OVERHEAD.to_owned(), Role::Muted));
                parts.push((format!("{:>7}", format!("{}/s", Seconds(rate))), Role::Text));
            }
        }
        parts
    }

    /// Seconds the server spent on our statements in each second, over the last ten.
    fn cost_rate(&self) -> Option<f64> {
        let newer = self.shown.snapshot()?;
        let spans = |snapshot: &&std::sync::Arc<Snapshot>| newer.at.0 - snapshot.at.0 < COST_SPAN;
        let recent = self.timeline.history().until(self.shown.moment()?).rev().take_while(spans);
        let (spent, oldest) = recent.fold((0.0, newer.at.0), |(sum, _), it| (sum + it.cost.server.0, it.at.0));
        Some(spent / (newer.at.0 - oldest).max(1.0))
    }

    /// Draws the vital signs; what does not fit goes in the order of its rank. Why they are not known, or not of this
    /// moment, stands before them.
    pub(super) fn draw_signs(&self, frame: &mut Frame<'_>, area: Rect) {
        let area = inside(area);
        if let ServerLink::Down { why, retry_at } = &self.link {
            let left = retry_at.0 - self.now.0;
            let next = if left >= 0.5 { format!("next attempt in {left:.0}s") } else { "trying again".to_owned() };
            // The reason may be long, and what comes after it is cut.
            let text = format!("{} {next}; below: the last data read; {why}", self.theme.glyphs.sign(Health::Bad));
            draw_parts(frame.buffer_mut(), area, &[(clean(&text).into_owned(), Role::Bad)], &self.theme);
            return;
        }
        let mut segments = Vec::new();
        let freshness = self.freshness();
        if let Freshness::Stale { why, .. } | Freshness::Never { why } = &freshness {
            let text = format!("{} {}", self.theme.glyphs.sign(Health::Warning), clean(why));
            segments.push(Segment::new(text, Role::Warning));
        }
        let signs = signs(&self.shown.vitals);
        let is_stale = |sign: &Sign| freshness != Freshness::Fresh || self.is_overdue(sign);
        let meter = meter_width(area.width);
        let before = segments.len();
        segments.extend(signs.iter().map(|sign| sign.segment(is_stale(sign), meter, &self.theme)));
        let places = draw_segments(frame.buffer_mut(), area, &segments, &self.theme);
        for (sign, (segment, place)) in signs.iter().zip(segments.iter().zip(places).skip(before)) {
            warm(frame.buffer_mut(), place, sign, segment, &self.theme);
        }
    }

    /// Whether there is something newer than what a sign shows, which could not be read or was not for a while.
    fn is_overdue(&self, sign: &Sign) -> bool {
        let Some(snapshot) = self.shown.snapshot() else { return false };
        // What took the server long is read less often, and then says of what moment it is.
        // Standbys are looked for less often where there are none.
        let is_old =
            sign.probe == "server" && snapshot.age(sign.probe).is_some_and(|age| is_late(age, snapshot.cost.pace));
        snapshot.section(sign.probe).why().is_some() || is_old
    }
}

/// One blank before and after the line.
fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// Returns the columns of a meter on a line of so many.
fn meter_width(columns: u16) -> usize {
    match columns {
        150.. => 16,
        110.. => 8,
        76.. => 6,
        _ => 0,
    }
}

/// Returns the version without what a packager adds to it: `15.18` of `15.18 (Debian 15.18-0+deb12u1)`.
fn short_version(version: &str) -> String {
    clean(version.split_whitespace().next().unwrap_or(version)).into_owned()
}

fn short_pace(pace: Seconds) -> String {
    if pace.0.fract() == 0.0 { format!("{:.0}s", pace.0) } else { format!("{:.1}s", pace.0) }
}

fn privilege(wall: Segment, facts: &ServerFacts, rights: Rights) -> Segment {
    let power = if facts.is_superuser {
        " (superuser)"
    } else if facts.may_as("pg_monitor") {
        " (pg_monitor)"
    } else if facts.may_as("pg_read_all_stats") {
        " (pg_read_all_stats)"
    } else {
        " (no pg_monitor)"
    };
    let who = format!("{}@{}", clean(&facts.role), clean(&facts.database));
    let role = wall.and(who, Role::Text).and(power, Role::Muted);
    if rights == Rights::ReadOnly { role.and(" read-only", Role::Good) } else { role }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use crate::app::{App, Event, PaneContext};
    use crate::fixture::start;
    use crate::sample::{Seconds, Timestamp};

    #[test]
    fn the_next_attempt_is_seen_on_a_narrow_screen_however_long_the_reason() {
        let mut app = App::new(
            start(&crate::panes::overview::PANE),
            crate::panes::ALL,
            &PaneContext::in_zone(jiff::tz::TimeZone::UTC),
        );
        app.update(Event::Tick(Timestamp(10.0)));
        let why = "cannot connect to db.internal.example.org:5432: the server closed the connection".to_owned();
        app.update(Event::Lost { since: Timestamp(10.0), why, retry_in: Seconds(8.0) });
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| app.draw(frame)).unwrap();
        let text: String = terminal.backend().buffer().content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.contains("next attempt in 8s"), "{text}");
    }
}
