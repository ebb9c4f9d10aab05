//! Settings: built-in defaults < the user's file < environment < the target's own < flags.
//!
//! Every setting is one line of `SETTINGS`; `config/default.toml` writes and explains each, and a test holds the two
//! equal. An unknown key or a wrong value is an error that says the file and line (or the variable, or the flag) and what
//! is valid.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::panes;
use crate::pg::address::{Alias, Environment, nearest};

mod error;
mod file;

pub use error::{ConfigError, SettingSource};

/// The built-in defaults, commented, as the user's file may begin.
pub const DEFAULT_TOML: &str = include_str!("config/default.toml");

/// The settings in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The theme's name.
    pub theme: String,
    /// How many colours to use: a word of [`crate::ui::theme::Depth::WORDS`].
    pub colour: String,
    /// What to draw with: `auto`, `unicode`, `ascii`.
    pub glyphs: String,
    /// The time between two samples.
    pub pace: Duration,
    /// Memory for the history, in megabytes.
    pub history_mb: u32,
    /// Whether the mouse is taken.
    pub has_mouse: bool,
    /// Whether everything that changes something is refused.
    pub is_read_only: bool,
    /// Server time pgdj may cost, in milliseconds a second.
    pub budget_ms: f64,
    /// The pane that opens first.
    pub pane: String,
    /// The CPUs of the server; `None` where that is not known.
    pub vcpus: Option<u32>,
    /// The aliases, for [`crate::pg::address::AddressRequest`].
    pub aliases: Vec<Alias>,
    /// The folder of the user's own themes, whether it exists or not.
    pub themes: Option<PathBuf>,
    /// What is doubtful, each one sentence.
    pub warnings: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: crate::ui::theme::DEFAULT.to_owned(),
            colour: "auto".to_owned(),
            glyphs: "auto".to_owned(),
            pace: Duration::from_secs(2),
            history_mb: 32,
            has_mouse: true,
            is_read_only: false,
            budget_ms: 20.0,
            pane: "overview".to_owned(),
            vcpus: None,
            aliases: Vec::new(),
            themes: None,
            warnings: Vec::new(),
        }
    }
}

/// What the command line says about settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConfigFlags<'a> {
    /// `--config`: a file that must exist.
    pub file: Option<&'a Path>,
    /// TARGET: the alias whose own settings are to hold, if it is one.
    pub target: Option<&'a str>,
    /// Settings given as flags: the flag, the setting's name, the value as it was written.
    pub given: &'a [(&'static str, &'static str, String)],
}

/// A setting: its name in the file, what it takes, and where it goes.
struct ConfigSetting {
    name: &'static str,
    takes: Takes,
    set: fn(&mut Config, SettingValue),
}

/// What a setting takes.
enum Takes {
    Words(&'static [&'static str]),
    Theme,
    Pane,
    Number { least: f64, most: f64, is_whole: bool },
    Flag,
}

/// A value that was checked.
#[derive(Debug, Clone, PartialEq)]
enum SettingValue {
    Word(String),
    Number(f64),
    Flag(bool),
}

impl SettingValue {
    fn word(self) -> String {
        match self {
            Self::Word(word) => word,
            Self::Number(number) => number.to_string(),
            Self::Flag(is_on) => is_on.to_string(),
        }
    }

    fn number(self) -> f64 {
        if let Self::Number(number) = self { number } else { 0.0 }
    }

    fn is_on(&self) -> bool {
        *self == Self::Flag(true)
    }
}

const fn number(least: f64, most: f64) -> Takes {
    Takes::Number { least, most, is_whole: false }
}

/// Every setting. The variable is `PGDJ_` and the name in capitals.
static SETTINGS: &[ConfigSetting] = &[
    ConfigSetting { name: "theme", takes: Takes::Theme, set: |config, value| config.theme = value.word() },
    ConfigSetting {
        name: "colour",
        takes: Takes::Words(&crate::ui::theme::Depth::WORDS),
        set: |config, value| config.colour = value.word(),
    },
    ConfigSetting {
        name: "glyphs",
        takes: Takes::Words(&["auto", "unicode", "ascii"]),
        set: |config, value| config.glyphs = value.word(),
    },
    ConfigSetting {
        name: "pace",
        takes: number(0.5, 60.0),
        set: |config, value| config.pace = Duration::from_secs_f64(value.number()),
    },
    ConfigSetting {
        name: "history_mb",
        takes: Takes::Number { least: 1.0, most: 4096.0, is_whole: true },
        set: |config, value| config.history_mb = value.number() as u32,
    },
    ConfigSetting { name: "mouse", takes: Takes::Flag, set: |config, value| config.has_mouse = value.is_on() },
    ConfigSetting { name: "read_only", takes: Takes::Flag, set: |config, value| config.is_read_only = value.is_on() },
    ConfigSetting {
        name: "budget_ms",
        takes: number(0.1, 1000.0),
        set: |config, value| config.budget_ms = value.number(),
    },
    ConfigSetting { name: "pane", takes: Takes::Pane, set: |config, value| config.pane = value.word() },
    ConfigSetting {
        name: "vcpus",
        takes: Takes::Number { least: 0.0, most: 4096.0, is_whole: true },
        set: |config, value| config.vcpus = Some(value.number() as u32).filter(|count| *count > 0),
    },
];

/// The settings a target may have of its own.
const OF_TARGETS: &[&str] = &["theme", "pace", "read_only", "vcpus"];

impl Config {
    /// Reads the settings: the file (`--config`, `PGDJ_CONFIG`, or `pgdj/config.toml` in the user's config folder), the
    /// environment, the target's own, the flags.
    pub fn load(flags: &ConfigFlags<'_>, environment: &Environment) -> Result<Self, ConfigError> {
        let folder = folder(environment);
        let themes = folder.as_ref().map(|folder| folder.join("themes"));
        let words = crate::ui::theme::names(themes.as_deref());
        let mut config = Self { themes, ..Self::default() };
        let file = file::read(flags.file, folder.as_deref(), environment)?;
        config.aliases = file.aliases;
        config.warnings = file.warnings;
        for given in &file.settings {
            config.apply(given, &words)?;
        }
        for given in variables(environment, &mut config.warnings) {
            config.apply(&given, &words)?;
        }
        for (alias, given) in &file.targets {
            // All are judged, so that a mistake is found before the day the target is needed.
            let holds = flags.target == Some(alias.as_str());
            let mut other = config.clone();
            if holds { &mut config } else { &mut other }.apply(given, &words)?;
        }
        for (flag, name, value) in flags.given {
            let given = GivenSetting {
                name: (*name).to_owned(),
                raw: RawSetting::Text(value.clone()),
                source: SettingSource::Flag(flag),
            };
            config.apply(&given, &words)?;
        }
        Ok(config)
    }

    fn apply(&mut self, given: &GivenSetting, themes: &[String]) -> Result<(), ConfigError> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == given.name) else {
            return Err(ConfigError::UnknownKey {
                origin: given.source.clone(),
                near: nearest(&given.name, SETTINGS.iter().map(|setting| setting.name)).map(str::to_owned),
                word: given.name.clone(),
                valid: SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", "),
            });
        };
        match judge(&setting.takes, &given.raw, themes) {
            Ok(value) => {
                (setting.set)(self, value);
                Ok(())
            }
            Err(valid) => Err(ConfigError::BadValue {
                origin: given.source.clone(),
                key: given.name.clone(),
                value: given.raw.shown(),
                valid,
            }),
        }
    }
}

/// A setting as it was given.
#[derive(Debug, Clone)]
struct GivenSetting {
    name: String,
    raw: RawSetting,
    source: SettingSource,
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
enum RawSetting {
    /// A variable's or a flag's: a word, a number, or `true` and `false`.
    Text(String),
    /// A string of the file.
    String(String),
    /// A number of the file.
    Number(f64),
    /// `true` or `false` of the file.
    Flag(bool),
    /// A list or another thing no setting takes.
    Other,
}

impl RawSetting {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::String(text) => format!("\"{text}\""),
            Self::Number(number) => number.to_string(),
            Self::Flag(is_on) => is_on.to_string(),
            Self::Other => "that".to_owned(),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn flag(&self) -> Option<bool> {
        match self {
            Self::Text(text) => match text.trim().to_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Some(true),
                "false" | "off" | "no" | "0" => Some(false),
                _ => None,
            },
            Self::Flag(is_on) => Some(*is_on),
            _ => None,
        }
    }
}

/// Checks a value; the error says what is valid.
fn judge(takes: &Takes, raw: &RawSetting, themes: &[String]) -> Result<SettingValue, String> {
    let word = |words: &mut dyn Iterator<Item = &str>| {
        let words: Vec<&str> = words.collect();
        let valid = || format!("valid: {}", words.join(", "));
        let (RawSetting::Text(text) | RawSetting::String(text)) = raw else { return Err(valid()) };
        if words.contains(&text.as_str()) {
            return Ok(SettingValue::Word(text.clone()));
        }
        let near = nearest(text, words.iter().copied());
        Err(near.map_or_else(valid, |near| format!("did you mean \"{near}\"? {}", valid())))
    };
    match takes {
        Takes::Words(words) => word(&mut words.iter().copied()),
        Takes::Pane => word(&mut panes::ALL.iter().map(|pane| pane.id.name)),
        Takes::Theme => word(&mut themes.iter().map(String::as_str)),
        Takes::Flag => raw.flag().map(SettingValue::Flag).ok_or_else(|| "valid: true, false".to_owned()),
        Takes::Number { least, most, is_whole } => {
            let number = raw.number().filter(|number| (*least..=*most).contains(number));
            let number = number.filter(|number| !is_whole || number.fract() == 0.0);
            let kind = if *is_whole { "a whole number" } else { "a number" };
            number.map(SettingValue::Number).ok_or_else(|| format!("valid: {kind} from {least} to {most}"))
        }
    }
}

/// Returns `$XDG_CONFIG_HOME/pgdj`, or `~/.config/pgdj`, on macOS too.
fn folder(environment: &Environment) -> Option<PathBuf> {
    // The specification says that a relative path there is to be ignored.
    let xdg = environment.var("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    xdg.or_else(|| environment.in_home(".config")).map(|folder| folder.join("pgdj"))
}

fn variables(environment: &Environment, warnings: &mut Vec<String>) -> Vec<GivenSetting> {
    let mut given = Vec::new();
    for (variable, value) in &environment.vars {
        let Some(name) = variable.strip_prefix("PGDJ_").map(str::to_lowercase) else { continue };
        let names = || SETTINGS.iter().map(|setting| setting.name);
        if value.is_empty() || matches!(name.as_str(), "config" | "log") {
            continue;
        }
        if names().any(|known| known == name) {
            let source = SettingSource::Variable(variable.clone());
            given.push(GivenSetting { name, raw: RawSetting::Text(value.clone()), source });
        } else if let Some(near) = nearest(&name, names()) {
            // Any program may use such a name, so it is no error; but a slip of the finger is said.
            warnings.push(format!("{variable} is not a setting; did you mean PGDJ_{}?", near.to_uppercase()));
        }
    }
    given
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
