//! Probe `migrations`: The applied migrations: which one a new migration depends on.

use super::{Lane, Need, Probe, key, label, seconds};
use crate::sample::{Column, Unit};

/// The applied migrations: which one a new migration depends on.
pub static PROBE: Probe = Probe {
    name: "migrations",
    sql: include_str!("../sql/migrations.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: seconds(300),
    needs: &[Need::TableOfDjango("django_migrations")],
    doc: "The applied migrations: which one a new migration depends on.",
};

static COLUMNS: [Column; 3] = [
    key("id", Unit::Id, "Its number, in the order of application.", "django_migrations"),
    label("app", Unit::Text, "The app.", "django_migrations"),
    label("name", Unit::Text, "The migration's name.", "django_migrations"),
];
