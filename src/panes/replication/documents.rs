//! What is known of a row of Replication, and what to do.

use super::{ReplicationRow, Upstream};
use crate::app::PaneView;
use crate::document::{Document, Language, Tone};
use crate::readings::archiving::{Archiving, ArchivingState};
use crate::readings::replication::Standby;
use crate::readings::slots::{Slot, keep_limit};
use crate::sample::unit::Count;
use crate::sample::{Bytes, Seconds};

/// Returns what is known of a row.
pub(super) fn of(row: &ReplicationRow, view: &PaneView<'_>) -> Document {
    match row {
        ReplicationRow::Upstream(of) => upstream(of),
        ReplicationRow::Standby(standby) => a_standby(standby, view),
        ReplicationRow::Slot(slot, _) => a_slot(slot, view),
        ReplicationRow::Archive(archiving, since) => archive(archiving, *since),
    }
}

fn words<T: std::fmt::Display>(figure: Option<T>) -> String {
    figure.map_or_else(|| "?".to_owned(), |figure| figure.to_string())
}

fn upstream(Upstream { receiver, lag, behind, heard }: &Upstream) -> Document {
    let mut document = Document::new("This server is a standby");
    match receiver.pid {
        Some(pid) => document.pair("WAL receiver", &format!("pid {pid}, {}", super::known(&receiver.status))),
        None => document.pair_as("WAL receiver", "none runs", Tone::Warning),
    }
    if !receiver.sender.is_empty() {
        document.pair("upstream server", &receiver.sender);
    }
    if !receiver.slot.is_empty() {
        document.pair("replication slot there", &receiver.slot);
    }
    document.pair("last heard from", &heard.map_or_else(|| "?".to_owned(), |age| format!("{age} ago")));
    document.pair("last replayed commit", &lag.map_or_else(|| "?".to_owned(), |age| format!("{age} ago")));
    document.pair("received, not replayed", &words(*behind));
    if receiver.is_paused {
        document.pair_as("replay", "paused", Tone::Warning);
        document
            .text("Reads here stay at the moment of the pause, and WAL piles up on this server until replay goes on:");
        document.code(Language::Sql, "SELECT pg_wal_replay_resume();");
    } else if receiver.pid.is_none() {
        document.text(
            "Without a WAL receiver WAL comes from the archive (restore_command) or not at all: see primary_conninfo and \
             this server's log.",
        );
    }
    document
}

fn a_standby(standby: &Standby, view: &PaneView<'_>) -> Document {
    let kind = if standby.is_backup() { "Base backup by" } else { "Standby" };
    let mut document = Document::new(format!("{kind} {}", standby.name()));
    if standby.is_hidden() {
        let grant = view.newer.server.grant("pg_monitor");
        document.text_as(&format!("State, positions and lags are hidden from this role: {grant}"), Tone::Warning);
        return document;
    }
    document.pair("state", &standby.state);
    document.pair("WAL sender", &format!("pid {}", standby.pid));
    if standby.is_backup() {
        document.text("pg_basebackup or another client copies the files of this server; it ends by itself.");
        return document;
    }
    document.pair("synchronous", &standby.sync_state);
    document.pair("not replayed there", &words(standby.behind));
    for (label, lag) in
        [("write lag", standby.write_lag), ("flush lag", standby.flush_lag), ("replay lag", standby.replay_lag)]
    {
        document.pair(label, &lag.map_or_else(|| "none".to_owned(), |lag| lag.to_string()));
    }
    document.pair("last answer", &standby.silent_for.map_or_else(|| "?".to_owned(), |age| format!("{age} ago")));
    let slots = view.readings.slots().unwrap_or_default();
    if let Some(slot) = slots.iter().find(|slot| slot.active_pid == Some(standby.pid)) {
        document.pair("replication slot", &slot.name);
    }
    document.text(
        "Write lag is the network, flush lag the standby's disk, replay lag a statement there that delays replay \
         (max_standby_streaming_delay) or one processor at its limit.",
    );
    document
}

fn a_slot(slot: &Slot, view: &PaneView<'_>) -> Document {
    let mut document = Document::new(format!("Replication slot {}", slot.name));
    document.pair("type", &slot.kind);
    if slot.kind == "logical" {
        document.pair("plugin and database", &format!("{}, {}", slot.plugin, slot.database));
    }
    match (slot.active_pid, slot.inactive_for) {
        (Some(pid), _) => document.pair("read by", &format!("pid {pid}")),
        (None, Some(age)) => document.pair_as("not read for", &age.to_string(), Tone::Warning),
        (None, None) => document.pair_as("read by", "no session", Tone::Warning),
    }
    document.pair("keeps", &slot.kept.map_or_else(|| "no WAL".to_owned(), |kept| format!("{kept} of WAL")));
    if !slot.wal_status.is_empty() {
        document.pair("WAL status", &slot.wal_status);
    }
    if let Some(safe) = slot.safe {
        document.pair("lost after", &format!("{} more", Bytes(safe.0.max(0.0))));
    }
    if let Ok(settings) = view.readings.settings() {
        let limit = keep_limit(settings);
        let limit = limit.map_or_else(|| "unlimited: the disk can fill up".to_owned(), |limit| limit.to_string());
        document.pair("max_slot_wal_keep_size", &limit);
    }
    if slot.is_synced {
        document.text("A copy of the primary's slot: it is used after a failover, and cannot be dropped here.");
    } else if !slot.is_active {
        document.text("If its standby or subscriber never comes back, drop it; that cannot be undone:");
        document.code(Language::Sql, &slot.sql_to_drop());
    }
    document
}

fn archive(archiving: &Archiving, since: Option<Seconds>) -> Document {
    let mut document = Document::new("WAL archive");
    document.pair("archive_mode", &archiving.mode);
    let (state, tone) = match archiving.state() {
        ArchivingState::Off => ("off", Tone::Muted),
        ArchivingState::NotConfigured => ("neither archive_command nor archive_library is set", Tone::Bad),
        ArchivingState::Fails => ("the last attempt failed", Tone::Bad),
        ArchivingState::Works => ("works", Tone::Good),
    };
    document.pair_as("state", state, tone);
    if archiving.state() == ArchivingState::Off {
        document.text(
            "Without an archive (or a tool that streams WAL, such as pg_receivewal or barman) a backup can only be restored \
             to the moment it was taken.",
        );
        return document;
    }
    document.pair("archived", &format!("{} files since the reset", words(archiving.archived.map(Count))));
    if let Some(since) = since {
        document.pair("last archived", &format!("{}, {since} ago", archiving.last_archived));
    }
    document.pair("attempts that failed", &words(archiving.failed.map(Count)));
    if !archiving.last_failed.is_empty() {
        document.pair("last that failed", &archiving.last_failed);
    }
    document.pair("waits to be archived", &words(archiving.waiting));
    document
}
