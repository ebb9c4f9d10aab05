//! Probe `content_types`: The models Django knows of: which app and model a table belongs to.

use super::{Lane, Need, Probe, key, seconds};
use crate::sample::{Column, Unit};

/// The models Django knows of: which app and model a table belongs to.
pub static PROBE: Probe = Probe {
    name: "content_types",
    sql: include_str!("../sql/content_types.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: seconds(60),
    needs: &[Need::TableOfDjango("django_content_type")],
    doc: "The models Django knows of: which app and model a table belongs to.",
};

static COLUMNS: [Column; 2] = [
    key("app_label", Unit::Text, "The app.", "django_content_type"),
    key("model", Unit::Text, "The model's name in lower case.", "django_content_type"),
];
