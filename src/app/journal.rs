//! The journal: what pgdj did on the server, what it costs it, and which rules could not be judged.

use super::App;
use super::header::is_late;
use crate::document::Document;
use crate::pg::probes::{self, Pace};
use crate::sample::{Seconds, ServerFacts, Snapshot, shortfall};

impl App {
    pub(super) fn journal_document(&self) -> Document {
        let mut document = Document::new("Journal");
        if let Some(snapshot) = self.shown.snapshot() {
            let cost = snapshot.cost;
            document.heading("Overhead of the last sample");
            document.pair("server time", &Seconds(cost.server.0).to_string());
            document.pair("elapsed", &Seconds(cost.elapsed.0).to_string());
            document.pair("round trips", &cost.round_trips.to_string());
            document.pair("statements", &cost.statements.to_string());
            let slowed = if cost.pace.0 > cost.wanted_pace.0 {
                format!(" (you asked for {}; slowed to limit overhead)", cost.wanted_pace)
            } else {
                String::new()
            };
            document.pair("counters", &format!("read every {}{slowed}", cost.pace));
            document.pair("samples dropped", &cost.dropped.to_string());
            document.pair("history", &format!("{} samples", self.timeline.history().len()));
            not_read(&mut document, snapshot);
        }
        if !self.shown.findings.unknown.is_empty() {
            document.heading("Checks that were not possible");
            for unjudged in &self.shown.findings.unknown {
                document.pair(unjudged.watches, &unjudged.why.to_string());
            }
        }
        document.heading("What pgdj did");
        if self.journal.is_empty() {
            document.text("It only read.");
        }
        for line in self.journal.iter().rev() {
            document.text(line);
        }
        document
    }
}

/// Says what could not be read and what was not read for longer than usual: figures that are late are not all there is.
fn not_read(document: &mut Document, snapshot: &Snapshot) {
    document.heading("What could not be read, or is late");
    let mut is_whole = true;
    for (probe, section) in &snapshot.sections {
        let told = match section.why().cloned().or_else(|| shortfall(probe, &snapshot.server)) {
            Some(why) => Some(format!("{why}{}", why.remedy().map(|remedy| format!(": {remedy}")).unwrap_or_default())),
            None => late(probe, snapshot),
        };
        if let Some(told) = told {
            is_whole = false;
            document.pair(&in_words(probe), &told);
        }
    }
    if is_whole {
        document.text("Everything was read, and nothing is late.");
    }
}

/// Says how old a probe's figures are, where that is much older than its interval.
fn late(probe: &str, snapshot: &Snapshot) -> Option<String> {
    let (age, section) = (snapshot.age(probe)?, snapshot.section(probe));
    let sample = snapshot.cost.pace;
    let is_empty = section.rows().is_none_or(|rows| rows.iter().next().is_none());
    let usual = match probes::find(probe)?.pace {
        Pace::Second => snapshot.cost.second(),
        Pace::WhileRows(interval) if is_empty => interval.as_secs_f64().max(sample.0),
        Pace::Sample | Pace::WhileRows(_) => sample.0,
        Pace::Every(interval) => interval.as_secs_f64().max(sample.0),
        Pace::Asked => return None,
    };
    let usual = Seconds(usual);
    is_late(age, usual).then(|| format!("late: read {age} ago, usually every {usual}"))
}

/// Says why there is another connection, by what is known of the server anew: what follows "connected to demo as postgres".
pub(super) fn connected_again(known: &ServerFacts, newer: &ServerFacts) -> String {
    let installed: Vec<&str> =
        newer.extensions.keys().filter(|name| !known.extensions.contains_key(*name)).map(String::as_str).collect();
    let granted: Vec<&str> = newer.memberships.difference(&known.memberships).map(String::as_str).collect();
    let what = if known.started != newer.started {
        "the server was started again".to_owned()
    } else if !installed.is_empty() {
        format!("new extension: {}", installed.join(", "))
    } else if !granted.is_empty() {
        format!("new membership: {}", granted.join(", "))
    } else if known.is_standby != newer.is_standby {
        format!("it is a {} now", if newer.is_standby { "standby" } else { "primary" })
    } else if known.columns != newer.columns || known.django != newer.django {
        "its views, functions or Django tables changed".to_owned()
    } else {
        "the same server, with nothing changed".to_owned()
    };
    format!(" again: {what}")
}

/// Returns a probe's name in words: `column_stats` is the column statistics.
fn in_words(probe: &str) -> String {
    probe.replace('_', " ").replace("stats", "statistics")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, row, snapshot};
    use crate::ui::detail::Detail;

    #[test]
    fn what_is_late_is_not_said_to_be_read() {
        let text = |snapshot: &Snapshot| {
            let mut document = Document::new("");
            not_read(&mut document, snapshot);
            Detail::new(document).text(100)
        };
        let mut seen = snapshot().with("tables", vec![row! { relid: 1 }]).with("activity", vec![]);
        (seen.cost.pace, seen.cost.wanted_pace) = (Seconds(2.0), Seconds(2.0));
        assert!(text(&seen).contains("Everything was read, and nothing is late."));
        let later = seen.clone().at(NOW + 40.0).with("activity", vec![]);
        let said = text(&later);
        assert!(said.contains("late: read 40") && !said.contains("Everything"), "{said}");
        assert!(!said.contains("activity"), "{said}");
    }

    #[test]
    fn another_connection_has_a_reason() {
        let known = ServerFacts::default();
        let granted = ServerFacts { memberships: ["pg_monitor".to_owned()].into(), ..known.clone() };
        assert_eq!(connected_again(&known, &granted), " again: new membership: pg_monitor");
        let standby = ServerFacts { is_standby: true, ..known.clone() };
        assert_eq!(connected_again(&known, &standby), " again: it is a standby now");
        assert_eq!(connected_again(&known, &known), " again: the same server, with nothing changed");
    }
}
