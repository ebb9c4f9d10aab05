//! Records a server to a file, without a screen.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::console::ShutdownSignals;
use crate::failure::{Failure, FailureKind};
use crate::pg::sampler::{self, SamplerCommand, SamplerReport};
use crate::pg::session::Connector;
use crate::record::{DEFAULT_LIMIT_BYTES, RecordError, Writer};
use crate::sample::unit::Count;
use crate::sample::{Bytes, Snapshot};

/// What is to be recorded.
pub struct Recording {
    /// Makes the connections.
    pub connector: Arc<dyn Connector>,
    /// How the sampler works.
    pub sampler: sampler::SamplerSettings,
    /// The file; it must not be there yet.
    pub file: PathBuf,
    /// When it ends; else with Ctrl-C.
    pub length: Option<Duration>,
}

/// What was recorded.
#[derive(Debug, Clone, Copy)]
struct RecordedTotals {
    frames: u64,
    bytes: u64,
}

/// Records until the time is over, a signal comes, or the file may grow no further; `told` is given each step to say.
pub async fn record(recording: Recording, told: impl Fn(&str)) -> Result<(), Failure> {
    let name = recording.file.display().to_string();
    let file = create(&recording.file)?;
    let mut ends = ShutdownSignals::install()?;
    let (reports_in, mut reports) = mpsc::channel(sampler::REPORTS_ROOM);
    let (commands, commands_out) = mpsc::channel(1);
    let (samples, samples_out) = mpsc::channel(sampler::REPORTS_ROOM);
    let sampling = tokio::spawn(sampler::run(recording.connector, recording.sampler, reports_in, commands_out));
    let writing = tokio::task::spawn_blocking(move || write(file, samples_out));
    let until = async {
        match recording.length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    let mut until = std::pin::pin!(until);
    loop {
        let report = tokio::select! {
            report = reports.recv() => report,
            () = ends.came() => break,
            () = &mut until => break,
        };
        match report {
            // The sampler's own count of what it dropped is part of each sample, so waiting here hides nothing.
            Some(SamplerReport::Snapshot(snapshot)) => {
                if samples.send(snapshot).await.is_err() {
                    break;
                }
            }
            Some(SamplerReport::Lost { failure, .. }) => told(&format!("no samples at the moment: {}", failure.what)),
            Some(SamplerReport::Connected(facts)) => told(&format!("recording {} to {name}", facts.target)),
            None => break,
        }
    }
    // A sampler that has ended needs not be told.
    commands.try_send(SamplerCommand::Stop).unwrap_or_default();
    drop((samples, reports));
    let failed = |error: &dyn std::error::Error| {
        Failure::new(FailureKind::File, format!("cannot continue recording to {name}")).because(error)
    };
    let written = writing.await.map_err(|error| failed(&error))?;
    drop(sampling.await);
    let (written, error) = written;
    told(&format!(
        "recorded {} in {} to {name}",
        Count(written.frames as f64).of("sample", "samples"),
        Bytes(written.bytes as f64)
    ));
    error.map_or(Ok(()), |error| Err(failed(&error).hint(format!("pgdj replay {name} shows it"))))
}

/// Makes the file, for its owner only: it holds the texts of queries.
fn create(path: &std::path::Path) -> Result<File, Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| {
        let failure = Failure::new(FailureKind::File, format!("cannot record to {}", path.display())).because(&error);
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => failure.hint("pgdj never overwrites a recording: choose another name"),
            _ => failure,
        }
    })
}

/// Writes until the samples end; a disk that is full ends it with what was written by then.
fn write(file: File, mut samples: mpsc::Receiver<Arc<Snapshot>>) -> (RecordedTotals, Option<RecordError>) {
    let mut written = RecordedTotals { frames: 0, bytes: 0 };
    let mut file = Some(file);
    let mut writer = None;
    while let Some(snapshot) = samples.blocking_recv() {
        let opened = match file.take() {
            Some(file) => Writer::new(file, &snapshot.server, DEFAULT_LIMIT_BYTES).map(|new| writer = Some(new)),
            None => Ok(()),
        };
        let pushed = opened.and_then(|()| writer.as_mut().map_or(Ok(()), |writer| writer.push(&snapshot)));
        if let Some(writer) = &writer {
            written = RecordedTotals { frames: writer.frames(), bytes: writer.bytes() };
        }
        if let Err(error) = pushed {
            // What can still be written is; the error is the one that ended it.
            drop(writer.map(Writer::finish));
            return (written, Some(error));
        }
    }
    match writer.map(Writer::finish) {
        Some(Ok(file)) => {
            written.bytes = file.metadata().map_or(written.bytes, |file| file.len());
            (written, None)
        }
        Some(Err(error)) => (written, Some(error)),
        None => (written, None),
    }
}
