//! Colours by meaning: a widget asks for a [`Role`], a theme says how it looks on this terminal.
//!
//! A theme is a TOML file in `themes/` (a palette, the roles, `inherits`), compiled in, or one of a user's folder with the
//! same shape. It is resolved once, for one colour depth; [`Theme::style`] is a look-up. On 16 colours a theme takes the
//! looks of its `sixteen` theme, whose colours are the terminal's own; with no colour at all every theme looks like `mono`.

use std::path::Path;

use ratatui::style::{Color, Style};

use super::glyphs::{Glyphs, Health, UNICODE};
use crate::document::Tone;

mod depth;
mod file;

pub use depth::Depth;
pub use file::{Shade, ThemeError};

/// What a colour means. Widgets know these and no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described in ROLES, from which the documentation of themes is made")]
pub enum Role {
    Text,
    Muted,
    Faint,
    Title,
    Border,
    BorderFocus,
    Header,
    Selection,
    Good,
    Warning,
    Bad,
    Accent,
    Tab,
    Key,
    Match,
    BadgeBad,
    BadgeWarning,
    BadgeGood,
    BadgePlain,
    RampLow,
    RampMiddle,
    RampHigh,
    Cpu,
    Io,
    Lock,
    Lwlock,
    Client,
    Ipc,
    Other,
    Bar,
    Spark,
    SqlKeyword,
    SqlString,
    SqlNumber,
    SqlComment,
    SqlName,
    DiffAdd,
    DiffRemove,
}

/// Every role: its name in a theme's file and what it is for.
pub const ROLES: &[(Role, &str, &str)] = &[
    (Role::Text, "text", "everything that has no other role; its background is the screen's"),
    (Role::Muted, "muted", "secondary text: labels, units, notes"),
    (Role::Faint, "faint", "zeros, rules between parts, empty parts of meters"),
    (Role::Title, "title", "titles of panes, tiles and dialogs"),
    (Role::Border, "border", "borders, rules, axes"),
    (Role::BorderFocus, "border_focus", "the border of what has the keys"),
    (Role::Header, "header", "headers of columns"),
    (Role::Selection, "selection", "the selected row"),
    (Role::Good, "good", "nothing to do"),
    (Role::Warning, "warning", "needs action soon"),
    (Role::Bad, "bad", "something to do"),
    (Role::Accent, "accent", "the current item: the cursor, the column sorted by, links"),
    (Role::Tab, "tab", "the active tab"),
    (Role::Key, "key", "keys in the footer and the help"),
    (Role::Match, "match", "characters a filter matched"),
    (Role::BadgeBad, "badge_bad", "a state that needs action"),
    (Role::BadgeWarning, "badge_warning", "a state that soon needs action"),
    (Role::BadgeGood, "badge_good", "a state that is good"),
    (Role::BadgePlain, "badge_plain", "a state without a verdict"),
    (Role::RampLow, "ramp_low", "meters: little"),
    (Role::RampMiddle, "ramp_middle", "meters: half"),
    (Role::RampHigh, "ramp_high", "meters: all of it"),
    (Role::Cpu, "cpu", "load chart: running on a CPU"),
    (Role::Io, "io", "load chart: waiting for I/O"),
    (Role::Lock, "lock", "load chart: waiting for a lock"),
    (Role::Lwlock, "lwlock", "load chart: waiting for a lightweight lock or a buffer pin"),
    (Role::Client, "client", "load chart: waiting for the client"),
    (Role::Ipc, "ipc", "load chart: waiting for another process"),
    (Role::Other, "other", "load chart: timeouts, extensions, activity"),
    (Role::Bar, "bar", "bars of shares and gauges without a verdict"),
    (Role::Spark, "spark", "sparklines"),
    (Role::SqlKeyword, "sql_keyword", "code: keywords"),
    (Role::SqlString, "sql_string", "code: strings"),
    (Role::SqlNumber, "sql_number", "code: numbers and constants"),
    (Role::SqlComment, "sql_comment", "code: comments"),
    (Role::SqlName, "sql_name", "code: functions, types and quoted names"),
    (Role::DiffAdd, "diff_add", "lines a change adds"),
    (Role::DiffRemove, "diff_remove", "lines a change removes"),
];

/// The themes compiled in: file name and text. The first is the default.
const BUILT_IN: &[(&str, &str)] = &[
    ("harbor", include_str!("../../themes/harbor.toml")),
    ("ember", include_str!("../../themes/ember.toml")),
    ("forest", include_str!("../../themes/forest.toml")),
    ("paper", include_str!("../../themes/paper.toml")),
    ("frost", include_str!("../../themes/frost.toml")),
    ("clear", include_str!("../../themes/clear.toml")),
    ("clear-light", include_str!("../../themes/clear-light.toml")),
    ("ansi", include_str!("../../themes/ansi.toml")),
    ("ansi-light", include_str!("../../themes/ansi-light.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// The theme that is used unless another is chosen.
pub const DEFAULT: &str = "harbor";

/// A theme made ready for one terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// The name it is chosen by.
    pub name: String,
    /// One line for the picker.
    pub about: String,
    /// Whether it is made for a dark or a light screen.
    pub shade: Shade,
    /// The colours the terminal has.
    pub depth: Depth,
    /// The marks to draw with.
    pub glyphs: Glyphs,
    styles: [Style; ROLES.len()],
    /// The colours of meters from nothing to all.
    ramp: [Style; RAMP_STEPS],
}

/// Colours that a meter can have.
const RAMP_STEPS: usize = 9;

impl Theme {
    /// Returns a theme by its name, from the user's folder or from those compiled in.
    pub fn load(name: &str, folder: Option<&Path>, depth: Depth, glyphs: Glyphs) -> Result<Self, ThemeError> {
        let read = |name: &str| source(name, folder);
        let own = file::resolve(name, &read)?;
        let shown = match depth {
            Depth::Mono => file::resolve("mono", &|name| source(name, None))?,
            Depth::Sixteen if own.needs_more_colours => file::resolve(&own.sixteen, &read)?.with(&own.overrides),
            _ => own.clone(),
        };
        let ramp = ramp(&shown.styles).map(|style| at_depth(style, depth));
        let styles = shown.styles.map(|style| at_depth(style, depth));
        Ok(Self { name: name.to_owned(), about: own.about, shade: own.shade, depth, glyphs, styles, ramp })
    }

    /// Returns the default theme; it is compiled in and cannot fail, should it ever, it has no colours.
    pub fn fallback(depth: Depth, glyphs: Glyphs) -> Self {
        Self::load(DEFAULT, None, depth, glyphs).unwrap_or_else(|_| Self {
            name: DEFAULT.to_owned(),
            about: String::new(),
            shade: Shade::Dark,
            depth: Depth::Mono,
            glyphs,
            styles: [Style::new(); ROLES.len()],
            ramp: [Style::new(); RAMP_STEPS],
        })
    }

    /// Returns how a role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// Returns the colour of a share, 0..=1: from low to high, in between where the terminal has the colours.
    pub fn ramp(&self, share: f64) -> Style {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        let step = (share * (RAMP_STEPS - 1) as f64).round() as usize;
        self.ramp.get(step).copied().unwrap_or_default()
    }

    /// Returns how a health looks.
    pub(crate) fn health(&self, health: Health) -> Style {
        self.style(Role::of(health))
    }

    /// Returns the style of the whole screen, to be set before anything is drawn.
    pub fn screen(&self) -> Style {
        self.style(Role::Text)
    }

    /// Whether classes must be told apart by pattern or letter, because colour cannot.
    pub(crate) fn is_mono(&self) -> bool {
        self.depth == Depth::Mono || self.styles.iter().all(|style| style.fg.is_none_or(|fg| fg == Color::Reset))
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::fallback(Depth::True, UNICODE)
    }
}

impl Role {
    /// Returns the role of a health.
    pub fn of(health: Health) -> Self {
        match health {
            Health::Good => Self::Good,
            Health::Warning => Self::Warning,
            Health::Bad => Self::Bad,
        }
    }

    /// Returns the role of a tone.
    pub fn of_tone(tone: Tone) -> Self {
        match tone {
            Tone::Plain => Self::Text,
            Tone::Muted => Self::Muted,
            Tone::Strong => Self::Title,
            Tone::Accent => Self::Accent,
            Tone::Good => Self::Good,
            Tone::Warning => Self::Warning,
            Tone::Bad => Self::Bad,
        }
    }

    /// Returns the name it has in a theme's file.
    pub fn name(self) -> &'static str {
        ROLES.get(self as usize).map_or("", |(_, name, _)| name)
    }
}

/// Returns the names of the themes there are, those compiled in first, then the user's.
pub fn names(folder: Option<&Path>) -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    let mut own: Vec<String> =
        found.into_iter().flatten().filter_map(Result::ok).filter_map(|entry| stem(&entry.path())).collect();
    own.sort();
    own.retain(|name| !names.contains(name));
    names.extend(own);
    names
}

fn stem(path: &Path) -> Option<String> {
    if path.extension()? != "toml" {
        return None;
    }
    Some(path.file_stem()?.to_str()?.to_owned())
}

/// Returns a theme's text: the user's file wins over the one compiled in.
fn source(name: &str, folder: Option<&Path>) -> Result<String, ThemeError> {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    if let Some(path) =
        folder.map(|folder| folder.join(format!("{name}.toml"))).filter(|path| is_plain && path.exists())
    {
        return std::fs::read_to_string(&path)
            .map_err(|error| ThemeError::Unreadable { path: path.display().to_string(), error });
    }
    let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
    built_in
        .map(|(_, text)| (*text).to_owned())
        .ok_or_else(|| ThemeError::Unknown { name: name.to_owned(), known: names(folder).join(", ") })
}

/// Returns the steps between the three colours of meters; of colours that cannot be mixed the nearest.
fn ramp(styles: &[Style; ROLES.len()]) -> [Style; RAMP_STEPS] {
    let of = |role: Role| styles.get(role as usize).copied().unwrap_or_default();
    let (low, middle, high) = (of(Role::RampLow), of(Role::RampMiddle), of(Role::RampHigh));
    std::array::from_fn(|step| {
        let share = 2.0 * step as f64 / (RAMP_STEPS - 1) as f64;
        if share <= 1.0 { between(low, middle, share) } else { between(middle, high, share - 1.0) }
    })
}

/// Mixes two colours: none of the second at 0, all of it at 1.
fn between(first: Style, second: Style, share: f64) -> Style {
    let (Some(Color::Rgb(r1, g1, b1)), Some(Color::Rgb(r2, g2, b2))) = (first.fg, second.fg) else {
        return if share < 0.5 { first } else { second };
    };
    let mix = |one: u8, other: u8| (f64::from(one) + (f64::from(other) - f64::from(one)) * share).round() as u8;
    first.fg(Color::Rgb(mix(r1, r2), mix(g1, g2), mix(b1, b2)))
}

fn at_depth(style: Style, depth: Depth) -> Style {
    let colour = |colour: Option<Color>| colour.and_then(|colour| depth.nearest(colour));
    Style { fg: colour(style.fg), bg: colour(style.bg), ..style }
}

#[cfg(test)]
mod tests;
