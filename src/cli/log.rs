//! The log of `--log FILE`: off unless asked for, never on the terminal, without passwords.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::failure::{Failure, FailureKind};
use crate::run::terminal::PANICKED;
use crate::sample::redact::redact;

/// What is written unless `PGDJ_LOG` says otherwise, in tracing-subscriber's words.
const DEFAULT_FILTER: &str = "info,pgdj=debug";

/// Makes a panic, on whatever thread, say what it says without the secrets that its text may hold, and end the process:
/// a release unwinds nothing.
#[expect(clippy::disallowed_methods, reason = "nothing is left to return to from a panic on another thread")]
pub(crate) fn redact_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = format!("{panic}\n{}", std::backtrace::Backtrace::capture());
        // A panic that cannot be written is lost.
        writeln!(io::stderr(), "{}", redact(&text)).unwrap_or_default();
        std::process::exit(PANICKED);
    }));
}

/// Writes each record without the secrets that a statement or a message in it may hold.
struct Redacted(File);

impl Write for Redacted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // One record comes in one piece.
        self.0.write_all(redact(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Starts to write to a file that only its owner may read; `filter` is the value of `PGDJ_LOG`.
///
/// The driver's own records (of the crate `log`) go there too. Addresses are logged as they are shown, so a password is
/// not among them.
pub fn start(path: &Path, filter: Option<&str>) -> Result<(), Failure> {
    let what = || format!("cannot write the log to {}", path.display());
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let file = file.map_err(|error| Failure::new(FailureKind::File, what()).because(&error))?;
    let filter = filter.unwrap_or(DEFAULT_FILTER).parse::<Targets>().map_err(|error| {
        let hint = format!("for instance PGDJ_LOG={DEFAULT_FILTER}");
        Failure::new(FailureKind::Usage, "PGDJ_LOG is not a valid filter").because(&error).hint(hint)
    })?;
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Mutex::new(Redacted(file)));
    let subscriber = tracing_subscriber::registry().with(lines).with(filter);
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| Failure::new(FailureKind::Refused, what()).because(&error))?;
    // The parser of expressions writes every text it is given, in pieces.
    tracing_log::LogTracer::builder()
        .ignore_crate("sqlparser")
        .init()
        .map_err(|error| Failure::new(FailureKind::Refused, what()).because(&error))
}
