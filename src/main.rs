//! Parses, runs, and prints a failure with its hint.

use std::io::Write as _;
use std::process::ExitCode;

/// Says what a person should know before anything else; what cannot be written is lost.
fn warn(text: &str) {
    writeln!(std::io::stderr(), "warning: {}", pgdj::ui::text::clean_stream(text)).unwrap_or_default();
}

fn main() -> ExitCode {
    match pgdj::cli::parse(pgdj::cli::conceal::arguments(warn)).and_then(pgdj::cli::start::run) {
        Ok(status) => status,
        Err(failure) => {
            let text = pgdj::ui::text::clean_stream(&failure.to_string()).into_owned();
            // Where standard error is gone too, the status still tells.
            writeln!(std::io::stderr(), "{text}").unwrap_or_default();
            failure.status()
        }
    }
}
