//! What the fast lane learns from what was read and from the slow lane: a promotion, an extension, new statements.

use super::FastLane;
use crate::pg::probes::{Lane, Probe};
use crate::pg::sampler::budget;
use crate::pg::sampler::latest_sections::asked_probe;
use crate::pg::sampler::slow::{LaneReport, LaneRequest, Urgency};
use crate::pg::session::APPLICATION;
use crate::sample::{Missing, Reading, Row, RowSet, Section, ServerFacts, SharedRow, Timestamp, Value};

impl FastLane {
    /// Looks at what was just read: a promotion and an extension change what the server has, new statements have texts.
    pub(super) fn notice(&mut self, probes: &[&'static Probe], at: Timestamp) {
        let row = self.latest.section("server").rows().and_then(RowSet::first);
        if let Some(seen) = row.filter(|row| has_changed(row, self.latest.facts())).map(|row| traits(&row)) {
            let is_new = self.looked_for.as_ref() != Some(&seen);
            if self.request(LaneRequest::Look(if is_new { Urgency::AtOnce } else { Urgency::WhenRested })) {
                self.looked_for = Some(seen);
            }
        }
        let is_waiting = |row: Row<'_>| !row.get("blocked_by").is_null();
        if self.latest.section("activity").rows().is_some_and(|rows| rows.iter().any(is_waiting))
            && self.latest.section("locks").rows().is_some_and(RowSet::is_empty)
        {
            self.schedule.at_once("locks");
        }
        self.share_budget();
        let Some(asked) = asked_probe().filter(|probe| self.latest.is_read(probe)) else { return };
        let statements = match self.latest.section("statements").clone() {
            Section::Ready(statements) if probes.iter().any(|probe| probe.name == "statements") => statements,
            // Texts of statements that cannot be read are not read for the same reason.
            Section::Missing(why) if matches!(self.latest.section(asked.name), Section::Missing(_)) => {
                return self.latest.failed(asked, why);
            }
            _ => return,
        };
        let ids = self.texts.unseen(&statements.rows);
        let is_all_known = ids.is_empty();
        if !is_all_known && self.request(LaneRequest::Texts(ids)) {
            self.texts.asked(&statements.rows);
        } else if self.latest.section(asked.name).why().is_some() && is_all_known && !self.texts.is_waiting() {
            // Nothing is to be asked: what kept texts from being read, a lost connection for instance, is over.
            self.show_texts(asked, at);
        }
    }

    /// Uses less of the server where other pgdj's do the same. Behind a pooler our own sessions cannot be told from theirs.
    fn share_budget(&mut self) {
        let Some(sessions) = self.latest.section("activity").rows() else { return };
        if self.session.as_ref().is_none_or(|session| session.is_pooled) {
            return;
        }
        let Some(application) = sessions.position("application") else { return };
        let is_other = |row: &&SharedRow| row.get(application).and_then(Value::as_str) == Some(APPLICATION);
        let others = sessions.rows.iter().filter(is_other).count();
        let share = budget::share(self.settings.budget, others);
        if share != self.share && self.request(LaneRequest::Budget(share)) {
            self.share = share;
            self.budget.allow(share);
        }
    }

    fn show_texts(&mut self, asked: &'static Probe, at: Timestamp) {
        let rows = self.texts.rows(self.latest.columns(asked.name));
        self.latest.known(asked, Reading { at, rows });
    }

    pub(super) fn hear(&mut self, report: LaneReport) {
        match report {
            LaneReport::Section { probe, at, result: Ok(rows) } => {
                self.latest.read(probe, at, rows.into_iter().map(SharedRow::from).collect());
            }
            LaneReport::Section { probe, result: Err(why), .. } => self.latest.failed(probe, why),
            LaneReport::Texts { at, result } => self.hear_texts(at, result),
            LaneReport::Cost { server, round_trips, statements } => {
                self.cost.server.0 += server;
                self.cost.round_trips += round_trips;
                self.cost.statements += statements;
            }
            LaneReport::Facts(facts) => {
                // Should nobody listen, the next beat ends it.
                self.connected(facts);
                self.schedule.clear();
            }
            LaneReport::Lost(why) => {
                self.texts.failed();
                self.latest.lost(&why, |lane| lane == Lane::Slow);
            }
        }
    }

    fn hear_texts(&mut self, at: Timestamp, result: Result<Vec<Vec<Value>>, Missing>) {
        let Some(probe) = asked_probe() else { return };
        match result {
            Ok(rows) => {
                self.texts.add(rows, self.latest.section("statements").rows());
                self.show_texts(probe, at);
            }
            Err(why) => {
                self.texts.failed();
                self.latest.failed(probe, why);
            }
        }
    }
}

/// What the `server` probe tells that changes what can be read.
fn traits(row: &Row<'_>) -> [Value; 3] {
    ["is_standby", "read_all_stats", "extensions"].map(|name| row.get(name).clone())
}

/// Whether the `server` probe tells of a promotion, a grant or other extensions than those that were found.
fn has_changed(row: &Row<'_>, facts: &ServerFacts) -> bool {
    let known = facts.extensions.iter().map(|(name, it)| format!("{name} {} {}", it.version, it.schema));
    let seen = row.get("extensions");
    row.flag("is_standby").is_some_and(|is| is != facts.is_standby)
        || row.flag("read_all_stats").is_some_and(|may| may != facts.may_as("pg_read_all_stats"))
        || !seen.is_null() && !known.eq(seen.as_list().iter().filter_map(Value::as_str))
}
