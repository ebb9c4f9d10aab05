//! The journal: what pgdj did on the server, what it costs it, and which rules could not be judged.

use super::App;
use crate::document::Document;
use crate::sample::{Seconds, shortfall};

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
            document.heading("What could not be read");
            let mut is_whole = true;
            for (probe, section) in &snapshot.sections {
                if let Some(why) = section.why().cloned().or_else(|| shortfall(probe, &snapshot.server)) {
                    is_whole = false;
                    let remedy = why.remedy().map(|remedy| format!(": {remedy}")).unwrap_or_default();
                    document.pair(&in_words(probe), &format!("{why}{remedy}"));
                }
            }
            if is_whole {
                document.text("Everything was read.");
            }
        }
        if !self.shown.findings.unknown.is_empty() {
            document.heading("Checks that were not possible");
            for unjudged in &self.shown.findings.unknown {
                document.pair(unjudged.watches, &unjudged.why.to_string());
            }
        }
        document.heading("What pgdj did");
        if self.journal.is_empty() {
            document.text("Nothing but reading.");
        }
        for line in self.journal.iter().rev() {
            document.text(line);
        }
        document
    }
}

/// Returns a probe's name in words: `column_stats` is the column statistics.
fn in_words(probe: &str) -> String {
    probe.replace('_', " ").replace("stats", "statistics")
}
