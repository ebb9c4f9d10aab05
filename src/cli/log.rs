//! The log of `--log FILE`: off unless asked for, never on the terminal, without passwords.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use crate::failure::{Failure, Kind};

/// What is written unless `PGDJ_LOG` says otherwise, in tracing-subscriber's words.
const DEFAULT_FILTER: &str = "info,pgdj=debug";

/// Starts to write to a file that only its owner may read; `filter` is the value of `PGDJ_LOG`.
///
/// The driver's own records (of the crate `log`) go there too. Addresses are logged as they are shown, so a password is
/// not among them.
pub fn start(path: &Path, filter: Option<&str>) -> Result<(), Failure> {
    let what = || format!("cannot write the log to {}", path.display());
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let file = file.map_err(|error| Failure::new(Kind::File, what()).because(&error))?;
    let filter = EnvFilter::try_new(filter.unwrap_or(DEFAULT_FILTER)).map_err(|error| {
        let hint = format!("for instance PGDJ_LOG={DEFAULT_FILTER}");
        Failure::new(Kind::Usage, "PGDJ_LOG is no filter").because(&error).hint(hint)
    })?;
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Mutex::new(file)).finish();
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| Failure::new(Kind::Refused, what()).because(&error))?;
    tracing_log::LogTracer::init().map_err(|error| Failure::new(Kind::Refused, what()).because(&error))
}
