//! The vital signs of the header: connections, sessions, the oldest transaction, who waits, and how the work goes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::readings::sessions::at_least;
use crate::readings::threshold::{ReachedLimit, Threshold};
use crate::readings::vitals::{LEAST_HITS, Lag, OldestTransaction, Vitals};
use crate::readings::{connections, lock_graph, replication};
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};
use crate::ui::frame::{Segment, TextPart};
use crate::ui::gauge;
use crate::ui::glyphs::Health;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// One vital sign: a label, a value, and how well it is. `None` is said as unknown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sign {
    label: &'static str,
    value: String,
    health: Option<Health>,
    /// The lower, the longer it stays on a narrow screen.
    rank: u8,
    /// The probe it comes from.
    pub(super) probe: &'static str,
    /// How much of its limit it is, and how bad that is, both 0..=1.
    meter: Option<(f64, f64)>,
}

/// Returns the vital signs, in the order they are shown.
pub(super) fn signs(vitals: &Vitals) -> Vec<Sign> {
    let mut signs = vec![connections_sign(vitals), states(vitals), transaction(vitals), waiting(vitals)];
    signs.push(Sign { probe: "databases", ..plain("tps", vitals.tps.map(|tps| Count(tps).to_string()), 3) });
    let hits = vitals.hit_ratio.map(|ratio| Share(ratio).to_string());
    signs.push(Sign {
        health: vitals.hit_ratio.filter(|ratio| *ratio < LEAST_HITS).map(|_| Health::Warning),
        probe: "databases",
        meter: vitals.hit_ratio.map(|ratio| (ratio, ((1.0 - ratio) / (1.0 - LEAST_HITS)).clamp(0.0, 1.0))),
        ..plain("hits", hits, 4)
    });
    signs.extend(lag(vitals));
    let wal = vitals.wal_rate.map(|rate| format!("{}/s", Bytes(rate)));
    signs.push(Sign { probe: "wal", ..plain("WAL", wal, 6) });
    signs
}

/// A sign without a judgement, of the probe that most of them come from.
fn plain(label: &'static str, value: Option<String>, rank: u8) -> Sign {
    Sign { label, value: value.unwrap_or_else(|| "?".to_owned()), health: None, rank, probe: "activity", meter: None }
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
    vitals.connections_share().map(|share| health(connections::USED.reached(share)))
}

fn connections_sign(vitals: &Vitals) -> Sign {
    let share = vitals.connections_share();
    Sign {
        health: connections_health(vitals),
        probe: "server",
        meter: share.map(|share| (share, share)),
        ..plain("conn", vitals.connections_words(), 0)
    }
}

fn states(vitals: &Vitals) -> Sign {
    let Some(sessions) = vitals.sessions else { return plain("sessions", None, 5) };
    let count = |count: usize| at_least(count, sessions.hidden);
    let mut parts = vec![format!("{} active", count(sessions.active)), format!("{} idle", count(sessions.idle))];
    parts.push(format!("{} idle in tx", count(sessions.in_transaction)));
    if sessions.hidden > 0 {
        parts.push(format!("{} hidden", sessions.hidden));
    }
    if sessions.own > 0 {
        parts.push(format!("{} pgdj", sessions.own));
    }
    plain("", Some(parts.join("  ")), 5)
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

/// Returns the lag of the furthest standby; where there is none, there is nothing to say.
fn lag(vitals: &Vitals) -> Option<Sign> {
    let (value, health) = match vitals.lag {
        None => (None, None),
        Some(Lag::NoStandby) => return None,
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
    Some(Sign { health, probe: "replication", ..plain("lag", value, 7) })
}

impl Sign {
    /// Returns the sign as it is drawn, with a meter of so many columns; one that is stale has a question mark in place of its
    /// judgement.
    pub(super) fn segment(&self, is_stale: bool, meter: usize, theme: &Theme) -> Segment {
        let label = if self.label.is_empty() { String::new() } else { format!("{} ", self.label) };
        let mut shown = Segment::new(label, Role::Muted).drop(self.rank);
        if is_stale {
            let mark = if self.value.contains('?') { "" } else { "?" };
            // Without its place the signs behind it would move.
            if let Some((share, _)) = self.meter.filter(|_| meter > 0) {
                let bar = gauge::meter(share, meter, &theme.glyphs).into_iter().map(|(text, _)| (text, Role::Faint));
                shown.parts.extend(bar);
                shown = shown.and(" ", Role::Faint);
            }
            return shown.and(format!("{}{mark}", self.value), Role::Muted);
        }
        if let Some((share, _)) = self.meter.filter(|_| meter > 0) {
            shown.parts.extend(gauge::meter(share, meter, &theme.glyphs));
            shown = shown.and(" ", Role::Text);
        }
        match self.health {
            None | Some(Health::Good) => shown.parts.extend(figures(&self.value)),
            Some(health) => {
                let mark = format!("{} ", theme.glyphs.sign(health));
                shown = shown.and(format!("{mark}{}", self.value), Role::of(health));
            }
        }
        shown
    }
}

/// Gives the meter of a sign its colour, where the sign was drawn.
pub(super) fn warm(buffer: &mut Buffer, place: Rect, sign: &Sign, segment: &Segment, theme: &Theme) {
    let bar = segment.parts.get(1).filter(|(_, role)| *role == Role::Bar);
    if let Some(((_, heat), (filled, _))) = sign.meter.zip(bar).filter(|_| place.width > 0) {
        let x = place.x + text::width(sign.label) as u16 + 1;
        let filled = Rect { x, width: text::width(filled) as u16, ..place };
        gauge::warm(buffer, filled.intersection(place), heat, theme);
    }
}

/// Returns a value as its figures and, a level below them, its units and limits: `57`/`/60`, `99`/`%`.
pub(super) fn figures(value: &str) -> Vec<TextPart> {
    let mut parts: Vec<TextPart> = Vec::new();
    let mut is_limit = false;
    for letter in value.chars() {
        is_limit |= letter == '/';
        let is_figure = !is_limit && (letter.is_ascii_digit() || matches!(letter, '.' | '+' | '?'));
        let role = if is_figure { Role::Text } else { Role::Muted };
        match parts.last_mut().filter(|(_, known)| *known == role) {
            Some((text, _)) => text.push(letter),
            None => parts.push((letter.to_string(), role)),
        }
        is_limit &= letter != ' ';
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::frame::parts_width;

    fn shown(vitals: &Vitals, meter: usize) -> String {
        let theme = Theme::default();
        let text = |sign: &Sign| {
            sign.segment(false, meter, &theme).parts.into_iter().map(|(text, _)| text).collect::<String>()
        };
        signs(vitals).iter().map(text).collect::<Vec<_>>().join("  ")
    }

    #[test]
    fn connections_are_counted_against_what_ordinary_roles_may_have() {
        let vitals = |used| Vitals {
            connections: Some(used),
            max_connections: Some(60),
            reserved: Some(3),
            lag: Some(Lag::NoStandby),
            hit_ratio: Some(0.99),
            ..Vitals::default()
        };
        for (used, expected) in [(25, "conn 25/57  "), (57, "conn ✗ 57/57  "), (59, "conn ✗ 57/57 +2  ")] {
            let shown = shown(&vitals(used), 0);
            assert!(shown.starts_with(expected), "{shown}");
            assert!(!shown.contains("lag"), "there is no standby: {shown}");
        }
        assert!(shown(&vitals(25), 8).contains("hits ━━━━━━━━ 99%"), "{}", shown(&vitals(25), 8));
        assert!(shown(&Vitals::default(), 8).contains("lag ?"), "what was not read is unknown");
    }

    #[test]
    fn figures_are_told_from_their_units() {
        let parts = figures("57/60");
        assert_eq!(parts, [("57".to_owned(), Role::Text), ("/60".to_owned(), Role::Muted)]);
        assert_eq!(parts_width(&figures("1m03s")), text::width("1m03s"));
        assert_eq!(figures("28 kB/s").first(), Some(&("28".to_owned(), Role::Text)));
    }
}
