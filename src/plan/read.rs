//! Finds the plans in a text: bare, as psql prints them, or in the server's log.

use super::json::{self, ROOT};
use super::{Parsed, Trouble, read_json};

/// Reads every plan of a text. Never fails: what was not understood is told.
pub fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let doc = json::read(text);
    if let Some((_, what)) = doc.fault {
        parsed.troubles.push(Trouble { line: None, what: what.to_owned() });
    }
    let _ = ROOT;
    parsed.plans = read_json::plans(&doc, None).plans;
    parsed
}
