//! The lines at the top: the server, and its vital signs against their limits.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::vitals::{Lag, Vitals};
use super::{App, Clock, Link, Rights};
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds, ServerFacts};
use crate::ui::glyphs::Health;
use crate::ui::text::{clean, cut, width};
use crate::ui::theme::{Role, Theme};

/// A share of usable connections that asks for attention.
const CONNECTIONS_WARNING: f64 = 0.75;
/// A share of usable connections at which the next request may be refused.
const CONNECTIONS_BAD: f64 = 0.90;
/// Age of a transaction, in seconds, that asks for attention: it holds back vacuum and keeps locks.
const TRANSACTION_WARNING: f64 = 60.0;
/// Age of a transaction, in seconds, that is an incident in a web application.
const TRANSACTION_BAD: f64 = 300.0;
/// Sessions waiting for a lock that are an incident.
const WAITING_BAD: usize = 5;
/// Replication lag in seconds: attention, incident.
const LAG: (f64, f64) = (10.0, 60.0);

/// One vital sign: a label, a value, and how well it is. `None` is said as unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign {
    label: &'static str,
    value: String,
    health: Option<Health>,
    /// The lower, the longer it stays on a narrow screen.
    rank: u8,
}

/// Returns the vital signs, in the order they are shown.
pub fn signs(vitals: &Vitals) -> Vec<Sign> {
    let mut signs = vec![connections(vitals), states(vitals), transaction(vitals), waiting(vitals)];
    signs.push(plain("tps", vitals.tps.map(|tps| Count(tps).to_string()), 3));
    let hits = vitals.hit_ratio.map(|ratio| Share(ratio).to_string());
    signs.push(Sign {
        health: vitals.hit_ratio.filter(|ratio| *ratio < 0.9).map(|_| Health::Warning),
        ..plain("cache hits", hits, 5)
    });
    signs.push(lag(vitals));
    signs.push(plain("WAL", vitals.wal_rate.map(|rate| format!("{}/s", Bytes(rate))), 6));
    signs
}

fn plain(label: &'static str, value: Option<String>, rank: u8) -> Sign {
    Sign { label, value: value.unwrap_or_else(|| "?".to_owned()), health: None, rank }
}

fn judge(value: f64, warning: f64, bad: f64) -> Health {
    if value >= bad {
        Health::Bad
    } else if value >= warning {
        Health::Warning
    } else {
        Health::Good
    }
}

/// Returns how well the connections are against what ordinary roles may have of them.
pub fn connections_health(vitals: &Vitals) -> Option<Health> {
    vitals.connections.zip(vitals.max_connections).map(|(used, limit)| {
        let usable = (limit - vitals.reserved.unwrap_or(0)).max(1);
        judge(used as f64 / usable as f64, CONNECTIONS_WARNING, CONNECTIONS_BAD)
    })
}

fn connections(vitals: &Vitals) -> Sign {
    let health = connections_health(vitals);
    let value = vitals.connections.zip(vitals.max_connections).map(|(used, limit)| format!("{used}/{limit}"));
    Sign { health, ..plain("connections", value, 0) }
}

fn states(vitals: &Vitals) -> Sign {
    let value = vitals.sessions.map(|sessions| {
        let mut parts = vec![format!("{} active", sessions.active), format!("{} idle", sessions.idle)];
        parts.push(format!("{} in tx", sessions.in_transaction));
        if sessions.hidden > 0 {
            parts.push(format!("{} hidden", sessions.hidden));
        }
        parts.join(" ")
    });
    plain("", value, 4)
}

fn transaction(vitals: &Vitals) -> Sign {
    match vitals.oldest_transaction {
        Some((age, _)) => Sign {
            health: Some(judge(age, TRANSACTION_WARNING, TRANSACTION_BAD)),
            ..plain("oldest tx", Some(Seconds(age).to_string()), 2)
        },
        None => plain("oldest tx", vitals.sessions.map(|_| "none".to_owned()), 2),
    }
}

fn waiting(vitals: &Vitals) -> Sign {
    let health = vitals.waiting.map(|count| judge(count as f64, 1.0, WAITING_BAD as f64));
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
            (Some(text), seconds.map(|seconds| judge(seconds, LAG.0, LAG.1)))
        }
    };
    Sign { health, ..plain("lag", value, 7) }
}

impl App {
    /// Draws the server's line.
    pub(super) fn draw_server(&self, frame: &mut Frame<'_>, area: Rect) {
        let theme = &self.theme;
        let right = self.status_spans();
        let right_width: usize = right.iter().map(|span| width(&span.content)).sum();
        let room = usize::from(area.width).saturating_sub(right_width + 1);
        let left = cut(&self.server_text(), room);
        let gap = usize::from(area.width).saturating_sub(width(&left) + right_width);
        let mut spans = vec![Span::styled(left, theme.style(Role::Title)), Span::raw(" ".repeat(gap))];
        spans.extend(right);
        frame.render_widget(Line::from(spans), area);
    }

    fn server_text(&self) -> String {
        let Some(facts) = &self.facts else { return format!("{} - connecting", clean(&self.start.target)) };
        let server = self.shown.snapshot.as_ref().and_then(|snapshot| {
            snapshot
                .rows("server")?
                .first()
                .map(|row| (row.flag("is_standby"), row.number("now"), row.number("started")))
        });
        let is_standby = server.and_then(|(is_standby, ..)| is_standby).unwrap_or(facts.is_standby);
        let mut parts = vec![clean(&facts.target).into_owned(), format!("PostgreSQL {}", clean(&facts.version))];
        parts.push(if is_standby { "standby" } else { "primary" }.to_owned());
        if let Some((_, Some(now), Some(started))) = server {
            parts.push(format!("up {}", Seconds(now - started)));
        }
        parts.push(privilege(facts, self.start.rights));
        parts.join(&format!(" {} ", self.theme.glyphs.dot))
    }

    fn status_spans(&self) -> Vec<Span<'static>> {
        let theme = &self.theme;
        let (word, role) = match (&self.link, self.clock) {
            (Link::Down { .. }, _) => ("NO SERVER", Role::Bad),
            (_, Clock::Held(_)) => ("HELD", Role::Warning),
            (Link::Waiting, _) => ("waiting", Role::Muted),
            (Link::Up, Clock::Live) => ("live", Role::Good),
        };
        let mut spans = vec![Span::styled(word, theme.style(role))];
        if let Some(snapshot) = &self.shown.snapshot {
            let cost = snapshot.cost;
            let muted = theme.style(Role::Muted);
            spans.push(Span::styled(format!(" {}", super::screen::clock_text(snapshot.at)), theme.style(Role::Text)));
            if self.age_of_data() > 2.5 * self.pace.0.max(1.0) {
                spans.push(Span::styled(format!(" {} old", Seconds(self.age_of_data())), theme.style(Role::Bad)));
            }
            let slowed = if cost.pace.0 > cost.wanted_pace.0 { " slowed" } else { "" };
            spans.push(Span::styled(
                format!(" every {}{slowed} cost {}", short_pace(cost.pace), Seconds(cost.server.0)),
                muted,
            ));
        }
        spans
    }

    /// Draws the vital signs over one or two lines; what does not fit goes in the order of its rank.
    pub(super) fn draw_signs(&self, frame: &mut Frame<'_>, area: Rect) {
        if let Link::Down { why, retry_in } = &self.link {
            let text = format!(
                "{} {why}; next attempt in {retry_in}; below is what was read last",
                self.theme.glyphs.sign(Health::Bad)
            );
            frame.render_widget(
                Line::styled(cut(&clean(&text), usize::from(area.width)), self.theme.style(Role::Bad)),
                area,
            );
            return;
        }
        let mut signs = signs(&self.shown.vitals);
        while total_width(&signs, &self.theme) > usize::from(area.width) && signs.len() > 1 {
            let Some(last) = signs.iter().map(|sign| sign.rank).max() else { break };
            signs.retain(|sign| sign.rank != last);
        }
        let spans: Vec<Span<'_>> = signs.iter().flat_map(|sign| sign_spans(sign, &self.theme)).collect();
        frame.render_widget(Line::from(spans), area);
    }
}

fn short_pace(pace: Seconds) -> String {
    if pace.0.fract() == 0.0 { format!("{:.0}s", pace.0) } else { format!("{:.1}s", pace.0) }
}

fn privilege(facts: &ServerFacts, rights: Rights) -> String {
    let role = clean(&facts.role);
    let power = if facts.is_superuser {
        " (superuser)"
    } else if facts.may_as("pg_monitor") {
        " (pg_monitor)"
    } else if facts.may_as("pg_read_all_stats") {
        " (pg_read_all_stats)"
    } else {
        " (no pg_monitor)"
    };
    let reading = if rights == Rights::ReadOnly { ", read-only" } else { "" };
    format!("{role}{power}{reading}")
}

fn total_width(signs: &[Sign], theme: &Theme) -> usize {
    signs.iter().flat_map(|sign| sign_spans(sign, theme)).map(|span| width(&span.content)).sum()
}

fn sign_spans(sign: &Sign, theme: &Theme) -> Vec<Span<'static>> {
    let style = sign.health.map_or(theme.style(Role::Text), |health| theme.health(health));
    let mark = match sign.health {
        None | Some(Health::Good) => String::new(),
        Some(health) => format!("{} ", theme.glyphs.sign(health)),
    };
    let label = if sign.label.is_empty() { String::new() } else { format!("{} ", sign.label) };
    vec![
        Span::styled(label, theme.style(Role::Muted)),
        Span::styled(format!("{mark}{}", sign.value), style),
        Span::styled("  ", Style::new()),
    ]
}
