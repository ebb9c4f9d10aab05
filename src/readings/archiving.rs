//! Whether WAL is archived, whether that works, and how much waits for it.
//!
//! Pure.

use crate::catalog;
use crate::sample::{Bytes, Missing, Row, Snapshot};

/// The archiver of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Archiving {
    /// `archive_mode`: `off`, `on` or `always`.
    pub mode: String,
    /// Whether there is a command or a library that archives.
    pub is_configured: bool,
    /// Segments archived since the counters were reset.
    pub archived: Option<f64>,
    /// Attempts that failed since then.
    pub failed: Option<f64>,
    /// The last file archived; empty for none.
    pub last_archived: String,
    /// When it was archived, in seconds since 1970.
    pub last_archived_at: Option<f64>,
    /// The file of the last attempt that failed; empty for none.
    pub last_failed: String,
    /// When that was, in seconds since 1970.
    pub last_failed_at: Option<f64>,
    /// Whole segments of WAL written after the last one archived, in bytes; `None` where that cannot be said.
    pub waiting: Option<Bytes>,
}

/// How archiving goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchivingState {
    /// `archive_mode` is off, or this is a standby that leaves it to its primary.
    Off,
    /// On, with neither a command nor a library: WAL is kept and waits.
    NotConfigured,
    /// The last attempt failed.
    Fails,
    /// It works, as far as was seen.
    Works,
}

impl Archiving {
    /// Returns how WAL is archived, or why that could not be read.
    pub fn of(snapshot: &Snapshot, is_standby: bool) -> Result<Self, Missing> {
        let row = catalog::rows(snapshot, "archiving")?.first().ok_or(Missing::NotYet)?;
        let position = snapshot.rows("wal").and_then(|rows| rows.first()?.number("position"));
        let archiving = Self {
            mode: row.text("mode").to_owned(),
            is_configured: row.flag("is_configured") == Some(true),
            archived: row.number("archived"),
            failed: row.number("failed"),
            last_archived: row.text("last_archived").to_owned(),
            last_archived_at: row.number("last_archived_at"),
            last_failed: row.text("last_failed").to_owned(),
            last_failed_at: row.number("last_failed_at"),
            waiting: position.and_then(|position| waiting(&row, position)),
        };
        // With `on`, a standby archives nothing until it is promoted.
        let leaves_it = is_standby && archiving.mode == "on";
        Ok(if leaves_it { Self { mode: "off".to_owned(), ..archiving } } else { archiving })
    }

    /// Returns how it goes.
    pub fn state(&self) -> ArchivingState {
        if self.mode == "off" || self.mode.is_empty() {
            ArchivingState::Off
        } else if !self.is_configured {
            ArchivingState::NotConfigured
        } else if self.last_failed_at.is_some_and(|failed| self.last_archived_at.is_none_or(|worked| failed > worked)) {
            ArchivingState::Fails
        } else {
            ArchivingState::Works
        }
    }
}

/// Returns the whole segments between the last one archived and a position in the WAL, in bytes.
///
/// The name of a segment is its timeline, then the upper half of its first byte's position, then its number within that;
/// 8 hexadecimal digits each. Source: `XLogFileName()`.
fn waiting(row: &Row<'_>, position: f64) -> Option<Bytes> {
    let name = row.text("last_archived").get(..24).filter(|name| name.len() == row.text("last_archived").len())?;
    let segment = row.number("segment_bytes").filter(|bytes| *bytes > 0.0)?;
    let upper = u32::from_str_radix(name.get(8..16)?, 16).ok()?;
    let number = u32::from_str_radix(name.get(16..24)?, 16).ok()?;
    let end = f64::from(upper) * 4_294_967_296.0 + (f64::from(number) + 1.0) * segment;
    Some(Bytes(((position - end) / segment).floor().max(0.0) * segment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NamedRow, With as _, row, snapshot};

    const MB: i64 = 1 << 20;

    fn of(archiver: NamedRow, position: i64, is_standby: bool) -> Archiving {
        let seen = snapshot().with("archiving", vec![archiver]).with("wal", vec![row! { position: position }]);
        Archiving::of(&seen, is_standby).unwrap()
    }

    #[test]
    fn what_waits_is_counted_in_whole_segments_after_the_last_one_archived() {
        let name = "000000010000000200000003";
        let end = (2_i64 << 32) + 4 * 16 * MB;
        let waits = |name: &'static str, position| {
            of(row! { mode: "on", segment_bytes: 16 * MB, last_archived: name }, position, false).waiting
        };
        assert_eq!(waits(name, end + 3), Some(Bytes(0.0)));
        assert_eq!(waits(name, end + 33 * MB), Some(Bytes(32.0 * MB as f64)));
        assert_eq!(waits("00000002.history", end), None);
        assert_eq!(waits("", end), None);
        assert_eq!(waits("00000001000000020000000é", end), None);
        assert_eq!(waits("000000010000000200000003.00000028.backup", end), None);
    }

    #[test]
    fn it_fails_while_the_last_attempt_failed() {
        let state = |archiver, is_standby| of(archiver, 0, is_standby).state();
        let tried =
            |worked: f64| row! { mode: "on", is_configured: true, last_archived_at: worked, last_failed_at: 5.0 };
        let never = row! { mode: "on", is_configured: true, last_failed_at: 5.0 };
        assert_eq!(state(never, false), ArchivingState::Fails);
        assert_eq!(state(tried(4.0), false), ArchivingState::Fails);
        assert_eq!(state(tried(6.0), false), ArchivingState::Works);
        assert_eq!(state(tried(4.0), true), ArchivingState::Off);
        assert_eq!(state(row! { mode: "on", is_configured: false }, false), ArchivingState::NotConfigured);
        assert_eq!(state(row! { mode: "off", is_configured: true }, false), ArchivingState::Off);
    }
}
