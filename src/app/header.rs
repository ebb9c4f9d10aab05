//! The lines at the top: the server, and its vital signs against their limits.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::freshness::Freshness;
use super::{App, Clock, Rights, SampleOrigin, ServerLink};
use crate::readings::sessions::at_least;
use crate::readings::threshold::{ReachedLimit, Threshold};
use crate::readings::vitals::{LEAST_HITS, Lag, OldestTransaction, Vitals};
use crate::readings::{connections, lock_graph, replication};
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds, ServerFacts, Snapshot, Timestamp};
use crate::ui::frame::{Segment, TextPart, draw_parts, draw_segments, parts_width};
use crate::ui::glyphs::Health;
use crate::ui::text::{clean, cut};
use crate::ui::theme::{Role, Theme};

/// Columns of the target's name; a unix socket's path would leave no room for what the server is.
const LONGEST_TARGET: usize = 32;
/// Paces after which a sign that was not read again is marked as old.
const MISSED_PACES: f64 = 3.0;

/// Seconds over which the cost is shown: long enough for every probe that is read often.
const COST_SPAN: f64 = 10.0;

/// One vital sign: a label, a value, and how well it is. `None` is said as unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign {
    label: &'static str,
    value: String,
    health: Option<Health>,
    /// The lower, the longer it stays on a narrow screen.
    rank: u8,
    /// The probe it comes from.
    probe: &'static str,
}

/// Returns the vital signs, in the order they are shown.
pub fn signs(vitals: &Vitals) -> Vec<Sign> {
    let mut signs = vec![connections_sign(vitals), states(vitals), transaction(vitals), waiting(vitals)];
    signs.push(Sign { probe: "databases", ..plain("tps", vitals.tps.map(|tps| Count(tps).to_string()), 3) });
    let hits = vitals.hit_ratio.map(|ratio| Share(ratio).to_string());
    signs.push(Sign {
        health: vitals.hit_ratio.filter(|ratio| *ratio < LEAST_HITS).map(|_| Health::Warning),
        probe: "databases",
        ..plain("cache hits", hits, 5)
    });
    signs.push(lag(vitals));
    let wal = vitals.wal_rate.map(|rate| format!("{}/s", Bytes(rate)));
    signs.push(Sign { probe: "wal", ..plain("WAL", wal, 6) });
    signs
}

/// A sign without a judgement, of the probe that most of them come from.
fn plain(label: &'static str, value: Option<String>, rank: u8) -> Sign {
    Sign { label, value: value.unwrap_or_else(|| "?".to_owned()), health: None, rank, probe: "activity" }
}

fn health(reached: Option<ReachedLimit>) -> Health {
    match reached {
        None => Health::Good,
        Some(ReachedLimit::Warning) => Health::Warning,
        Some(ReachedLimit::Critical) => Health::Bad,
    }
}

/// Returns how well the connections are against what ordinary roles may have of them.
pub(crate) fn connections_health(vitals: &Vitals) -> Option<Health> {
    vitals.connections.zip(vitals.max_connections).map(|(used, limit)| {
        let usable = (limit - vitals.reserved.unwrap_or(0)).max(1);
        health(connections::USED.reached(used as f64 / usable as f64))
    })
}

fn connections_sign(vitals: &Vitals) -> Sign {
    let health = connections_health(vitals);
    let value = vitals.connections.zip(vitals.max_connections).map(|(used, limit)| format!("{used}/{limit}"));
    Sign { health, probe: "server", ..plain("connections", value, 0) }
}

fn states(vitals: &Vitals) -> Sign {
    let Some(sessions) = vitals.sessions else { return plain("sessions", None, 4) };
    let count = |count: usize| at_least(count, sessions.hidden);
    let mut parts = vec![format!("{} active", count(sessions.active)), format!("{} idle", count(sessions.idle))];
    parts.push(format!("{} idle in tx", count(sessions.in_transaction)));
    if sessions.hidden > 0 {
        parts.push(format!("{} hidden", sessions.hidden));
    }
    if sessions.own > 0 {
        parts.push(format!("{} pgdj", sessions.own));
    }
    plain("", Some(parts.join(" ")), 4)
}

fn transaction(vitals: &Vitals) -> Sign {
    // One of the hidden sessions may have an older one.
    let is_partial = vitals.sessions.is_some_and(|sessions| sessions.hidden > 0);
    match vitals.oldest_transaction {
        Some(OldestTransaction { age, reached, .. }) => {
            let health = Some(health(reached));
            let more = if is_partial { "+" } else { "" };
            Sign {
                health: health.filter(|health| !is_partial || *health != Health::Good),
                ..plain("oldest tx", Some(format!("{}{more}", Seconds(age))), 2)
            }
        }
        None => plain("oldest tx", vitals.sessions.filter(|_| !is_partial).map(|_| "none".to_owned()), 2),
    }
}

fn waiting(vitals: &Vitals) -> Sign {
    let some = Threshold { warning: 1.0, critical: lock_graph::MANY as f64 };
    let health = vitals.waiting.map(|count| health(some.reached(count as f64)));
    Sign { health, ..plain("waiting", vitals.waiting.map(|count| count.to_string()), 1) }
}

fn lag(vitals: &Vitals) -> Sign {
    let (value, health) = match vitals.lag {
        None => (None, None),
        Some(Lag::NoStandby) => (Some("no standby".to_owned()), None),
        Some(Lag::Behind { seconds, bytes }) => {
            let text = match (seconds, bytes) {
                (Some(seconds), Some(bytes)) => format!("{} {}", Seconds(seconds), Bytes(bytes.max(0.0))),
                (Some(seconds), None) => Seconds(seconds).to_string(),
                (None, Some(bytes)) => Bytes(bytes.max(0.0)).to_string(),
                (None, None) => "?".to_owned(),
            };
            let is_known = seconds.is_some() || bytes.is_some();
            let reached = replication::reached(seconds.unwrap_or_default(), bytes.unwrap_or_default());
            (Some(text), is_known.then(|| health(reached)))
        }
    };
    Sign { health, probe: "replication", ..plain("lag", value, 7) }
}

impl App {
    /// Draws the server's line: on the left what it is, on the right how fresh the figures are, which goes last.
    pub(super) fn draw_server(&self, frame: &mut Frame<'_>, area: Rect) {
        let area = inside(area);
        let mut right = self.status();
        let most = usize::from(area.width) / 2;
        while right.len() > 1 && parts_width(&right) > most {
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
        let Some(facts) = &self.facts else {
            return vec![target(&self.start.target), Segment::new("connecting", Role::Muted)];
        };
        let server = self.shown.seen.as_ref().and_then(|(_, readings)| readings.server().ok());
        let is_standby = server.and_then(|server| server.is_standby).unwrap_or(facts.is_standby);
        let mut parts = vec![
            target(&facts.target),
            Segment::new(if is_standby { "standby" } else { "primary" }, Role::Accent).drop(1),
        ];
        parts.push(Segment::new(format!("PostgreSQL {}", short_version(&facts.version)), Role::Text).drop(3));
        parts.push(privilege(facts, self.start.rights).drop(2));
        if let Some((now, started)) = server.and_then(|server| server.now.zip(server.started)) {
            parts.push(Segment::new(format!("up {}", Seconds(now - started)), Role::Muted).drop(4));
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
        let mut parts = vec![(word.to_owned(), role)];
        if let Some(snapshot) = self.shown.snapshot() {
            let cost = snapshot.cost;
            match &freshness {
                Freshness::Fresh => parts.push((format!(" {}", clock(snapshot.at)), Role::Text)),
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
                parts.push((format!("  overhead {:>7}", format!("{}/s", Seconds(rate))), Role::Muted));
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
            let text =
                format!("{} {why}; {next}; shown below: the last data read", self.theme.glyphs.sign(Health::Bad));
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
        segments.extend(signs.iter().map(|sign| segment(sign, is_stale(sign), &self.theme)));
        draw_segments(frame.buffer_mut(), area, &segments, &self.theme);
    }

    /// Whether there is something newer than what a sign shows, which could not be read or was not for a while.
    fn is_overdue(&self, sign: &Sign) -> bool {
        let Some(snapshot) = self.shown.snapshot() else { return false };
        // What took the server long is read less often, and then says of what moment it is.
        // Standbys are looked for less often where there are none.
        let is_old = sign.probe == "server"
            && snapshot.age(sign.probe).is_some_and(|age| age.0 > MISSED_PACES * snapshot.cost.pace.0 + 2.0);
        snapshot.section(sign.probe).why().is_some() || is_old
    }
}

/// One blank before and after the line.
fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// Returns the version without what a packager adds to it: `15.18` of `15.18 (Debian 15.18-0+deb12u1)`.
fn short_version(version: &str) -> String {
    clean(version.split_whitespace().next().unwrap_or(version)).into_owned()
}

fn short_pace(pace: Seconds) -> String {
    if pace.0.fract() == 0.0 { format!("{:.0}s", pace.0) } else { format!("{:.1}s", pace.0) }
}

fn privilege(facts: &ServerFacts, rights: Rights) -> Segment {
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
    let role = Segment::new(who, Role::Text).and(power, Role::Muted);
    if rights == Rights::ReadOnly { role.and(" read-only", Role::Good) } else { role }
}

/// Returns a sign as it is drawn; one that is stale has a question mark in place of its judgement.
fn segment(sign: &Sign, is_stale: bool, theme: &Theme) -> Segment {
    let label = if sign.label.is_empty() { String::new() } else { format!("{} ", sign.label) };
    let shown = Segment::new(label, Role::Muted).drop(sign.rank);
    if is_stale {
        let mark = if sign.value.contains('?') { "" } else { "?" };
        return shown.and(format!("{}{mark}", sign.value), Role::Muted);
    }
    let mark = match sign.health {
        None | Some(Health::Good) => String::new(),
        Some(health) => format!("{} ", theme.glyphs.sign(health)),
    };
    let role = match sign.health {
        None => Role::Text,
        Some(Health::Good) => Role::Good,
        Some(Health::Warning) => Role::Warning,
        Some(Health::Bad) => Role::Bad,
    };
    shown.and(format!("{mark}{}", sign.value), role)
}
