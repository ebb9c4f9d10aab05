//! How it is said what is done to a table, an index or the counters, how far it is, and what came of it.

use super::Message;
use crate::failure::Failure;
use crate::pg::maintenance::{Maintained, MaintenanceProgress};
use crate::sample::Bytes;
use crate::sample::unit::{Count, Share};

/// Says how far it is: `VACUUM of shop_order: scanning heap 45%, 12.0s. Esc cancels it on the server`.
pub(super) fn progress_words(title: &str, progress: &MaintenanceProgress) -> String {
    let done = progress.done.map(|done| format!(" {}", Share(done))).unwrap_or_default();
    let phase = if progress.phase.is_empty() { "running".to_owned() } else { format!("{}{done}", progress.phase) };
    let waits = progress.waits_for.map(|pid| format!(", for the transaction of pid {pid}")).unwrap_or_default();
    format!("{title}: {phase}{waits}, {}. Esc cancels it on the server", progress.elapsed)
}

/// Says what came of it.
pub(super) fn result(title: &str, done: &Result<Box<Maintained>, Failure>) -> Message {
    let done = match done {
        Ok(done) => done,
        Err(failure) => {
            let because = failure.because.first().map(|because| format!(": {because}")).unwrap_or_default();
            let hint = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            return Message::bad(format!("{title} was not done{because}{hint}"));
        }
    };
    let mut parts = Vec::new();
    if let (Some(before), Some(after)) = (done.before, done.after) {
        if before.dead > 0.0 || after.dead > 0.0 {
            parts.push(format!("dead rows {} before, {} now", Count(before.dead), Count(after.dead)));
        }
        parts.push(format!("size {}", Bytes(after.bytes)));
    }
    parts.extend(done.size.map(|size| format!("{size} on disk")));
    parts.extend(done.said.first().cloned());
    let what = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
    let text = format!("{title} ended after {}{what}", done.took);
    if done.said.is_empty() { Message::good(text) } else { Message::warning(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;
    use crate::sample::Seconds;

    #[test]
    fn it_is_said_how_far_it_is_and_for_whom_it_waits() {
        let running = MaintenanceProgress { elapsed: Seconds(3.0), ..MaintenanceProgress::default() };
        assert_eq!(
            progress_words("ANALYZE of t", &running),
            "ANALYZE of t: running, 3.0s. Esc cancels it on the server"
        );
        let waiting = MaintenanceProgress {
            phase: "waiting for old snapshots".to_owned(),
            done: Some(0.5),
            waits_for: Some(7),
            ..running
        };
        assert_eq!(
            progress_words("the build of i", &waiting),
            "the build of i: waiting for old snapshots 50%, for the transaction of pid 7, 3.0s. Esc cancels it on the server"
        );
    }

    #[test]
    fn what_was_not_done_is_said_with_its_reason() {
        let failure = Failure::new(FailureKind::Refused, "cannot run VACUUM")
            .because_text("app does not own t")
            .hint("run it as the owner");
        let message = result("VACUUM of t", &Err(failure));
        assert_eq!(message.text, "VACUUM of t was not done: app does not own t (run it as the owner)");
    }
}
