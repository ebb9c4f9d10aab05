//! Probe `role_settings`: Settings by role and database: where `statement_timeout` is usually set for Django.

use super::{Lane, Probe, gauge, key, label, seconds};
use crate::sample::{Column, Unit};

/// Settings by role and database: where `statement_timeout` is usually set for Django.
pub static PROBE: Probe = Probe {
    name: "role_settings",
    sql: include_str!("../sql/role_settings.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: seconds(30),
    needs: &[],
    doc: "Settings by role and database: where `statement_timeout` is usually set for Django.",
};

static COLUMNS: [Column; 5] = [
    key("role", Unit::Text, "Role, empty for all.", "pg_db_role_setting"),
    key("database", Unit::Text, "Database, empty for all.", "pg_db_role_setting"),
    label("settings", Unit::Texts, "The settings, as name=value.", "pg_db_role_setting.setconfig"),
    gauge(
        "can_login",
        Unit::Flag,
        "Whether the role logs in; true where the setting is for all roles.",
        "pg_roles.rolcanlogin",
    ),
    gauge(
        "total",
        Unit::Count,
        "Settings of roles and databases there are; rows may be cut at a limit.",
        "pg_db_role_setting",
    ),
];
