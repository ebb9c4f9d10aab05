//! Probe `settings`: The settings that findings and advice look at.

use super::{Lane, Probe, gauge, key, label, seconds};
use crate::sample::{Column, Unit};

/// The settings that findings and advice look at.
pub static PROBE: Probe = Probe {
    name: "settings",
    sql: include_str!("../sql/settings.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: seconds(30),
    needs: &[],
    doc: "The settings that findings and advice look at.",
};

static COLUMNS: [Column; 6] = [
    key("name", Unit::Text, "Name of the setting.", "pg_settings"),
    label("value", Unit::Text, "Its value in the unit below.", "pg_settings.setting"),
    label("unit", Unit::Text, "The unit, for instance 8kB, ms, s; empty for none.", "pg_settings.unit"),
    label(
        "default_value",
        Unit::Text,
        "What a new session of this role and database would have.",
        "pg_settings.reset_val",
    ),
    label("source", Unit::Text, "Where the value comes from.", "pg_settings"),
    gauge("pending_restart", Unit::Flag, "Whether a changed value waits for a restart.", "pg_settings"),
];
