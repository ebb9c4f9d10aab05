//! The server's settings as a snapshot holds them, and what a role of the application would get.

use std::collections::HashMap;

use super::{rows, storage_option, texts};
use crate::sample::{Missing, Row, Snapshot};

/// The settings of a snapshot by name.
#[derive(Debug, Clone, Default)]
pub struct Settings(HashMap<String, Setting>);

/// One setting.
#[derive(Debug, Clone, Default)]
struct Setting {
    value: String,
    /// The unit of the value: `8kB`, `ms`; empty for none.
    unit: String,
    /// What a new session of this role and database has.
    default: String,
}

impl Settings {
    /// Returns the settings, or why they could not be read.
    pub fn of(snapshot: &Snapshot) -> Result<Self, Missing> {
        let setting = |row: Row<'_>| {
            let text = |column| row.text(column).to_owned();
            (text("name"), Setting { value: text("value"), unit: text("unit"), default: text("default_value") })
        };
        Ok(Self(rows(snapshot, "settings")?.iter().map(setting).collect()))
    }

    /// Returns each setting's name, its value in its own unit, and that unit.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().map(|(name, setting)| (name.as_str(), setting.value.as_str(), setting.unit.as_str()))
    }

    /// Returns a setting's value in its own unit, as `pg_settings` has it.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|setting| setting.value.as_str())
    }

    /// Returns a setting as a number in its own unit.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// Whether a setting is off; `None` where it is not known.
    pub(crate) fn is_off(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value == "off")
    }

    /// Returns what a new session of this role and database has, as a number in the setting's unit.
    pub(crate) fn default_number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.default.parse().ok()
    }
}

/// Where a role's value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingOrigin {
    /// `ALTER ROLE … IN DATABASE … SET`, `ALTER ROLE … SET` or `ALTER DATABASE … SET`, with the value as written.
    Catalog(String),
    /// Neither the role nor the database sets it: the server's configuration does, or the client.
    Server,
}

/// What `ALTER ROLE … SET` and `ALTER DATABASE … SET` set: a row of `pg_db_role_setting`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleSettings {
    /// The role; empty for all.
    role: String,
    /// The database; empty for all.
    database: String,
    /// The settings, as `name=value`.
    settings: Vec<String>,
}

impl RoleSettings {
    /// Returns every such row of a snapshot, or why they could not be read.
    pub fn all(snapshot: &Snapshot) -> Result<Vec<Self>, Missing> {
        let of = |row: Row<'_>| Self {
            role: row.text("role").to_owned(),
            database: row.text("database").to_owned(),
            settings: texts(&row, "settings"),
        };
        Ok(rows(snapshot, "role_settings")?.iter().map(of).collect())
    }
}

/// Returns where a role's sessions in a database get a setting from.
///
/// The order is the server's: role in database, role, database, all roles; source: `pg_db_role_setting` and
/// `process_settings()` in `src/backend/utils/init/postinit.c`.
pub fn origin(all: &[RoleSettings], role: &str, database: &str, setting: &str) -> SettingOrigin {
    let mut best: Option<(u8, &str)> = None;
    for row in all {
        let (for_role, for_database) = (row.role.as_str(), row.database.as_str());
        if !(for_role.is_empty() || for_role == role) || !(for_database.is_empty() || for_database == database) {
            continue;
        }
        let rank = 2 * u8::from(!for_role.is_empty()) + u8::from(!for_database.is_empty());
        let found = storage_option(&row.settings, setting);
        if let Some(value) = found
            && best.as_ref().is_none_or(|(known, _)| rank >= *known)
        {
            best = Some((rank, value));
        }
    }
    best.map_or(SettingOrigin::Server, |(_, value)| SettingOrigin::Catalog(value.to_owned()))
}

/// Whether a timeout as written in a setting means none: `0`, `0s`, `0 ms`.
pub(crate) fn is_no_timeout(value: &str) -> bool {
    let number: String = value.trim().chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
    number.parse::<f64>().is_ok_and(|number| number == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    #[test]
    fn the_nearest_setting_of_a_role_wins() {
        let seen = snapshot().with(
            "role_settings",
            vec![
                row! { role: "", database: "shop", settings: ["statement_timeout=60s"] },
                row! { role: "web", database: "", settings: ["work_mem=8MB", "statement_timeout=30s"] },
                row! { role: "web", database: "other", settings: ["statement_timeout=1s"] },
            ],
        );
        let all = RoleSettings::all(&seen).unwrap();
        let of = |role, database| origin(&all, role, database, "statement_timeout");
        assert_eq!(of("web", "shop"), SettingOrigin::Catalog("30s".into()));
        assert_eq!(of("web", "other"), SettingOrigin::Catalog("1s".into()));
        assert_eq!(of("cron", "shop"), SettingOrigin::Catalog("60s".into()));
        assert_eq!(of("cron", "elsewhere"), SettingOrigin::Server);
    }

    #[test]
    fn zero_in_any_unit_is_no_timeout() {
        for (text, is_none) in [("0", true), ("0ms", true), ("0 s", true), ("30s", false), ("500", false), ("", false)]
        {
            assert_eq!(is_no_timeout(text), is_none, "{text}");
        }
    }
}
