//! What a run leaves out, because this machine lacks it: said once each, or refused where all is demanded.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;

use super::installed::environment;

/// Says in one line what a test leaves out; with `PGDJ_TEST_ALL` set, as in CI, that is a failure.
pub(crate) fn leave_out(what: &str) {
    assert!(environment("PGDJ_TEST_ALL").is_none(), "PGDJ_TEST_ALL demands every part; left out: {what}");
    say(&format!("left out: {what}"));
}

/// Says a line once a run, past the capture that keeps what a test prints from whoever runs it.
pub(crate) fn say(line: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let is_news = SAID.lock().is_ok_and(|mut said| said.insert(line.to_owned()));
    if is_news {
        writeln!(std::io::stderr(), "{line}").unwrap_or_default();
    }
}
