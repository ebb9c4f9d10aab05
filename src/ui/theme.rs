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
    Title,
    Border,
    BorderFocus,
    Header,
    Selection,
    Good,
    Warning,
    Bad,
    Accent,
    Key,
    Match,
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
    (Role::Muted, "muted", "secondary text: units, notes, zeros"),
    (Role::Title, "title", "titles of panes, tiles and dialogs"),
    (Role::Border, "border", "borders, rules, axes"),
    (Role::BorderFocus, "border_focus", "the border of what has the keys"),
    (Role::Header, "header", "headers of columns"),
    (Role::Selection, "selection", "the selected row"),
    (Role::Good, "good", "nothing to do"),
    (Role::Warning, "warning", "needs action soon"),
    (Role::Bad, "bad", "something to do"),
    (Role::Accent, "accent", "the current item: the cursor, the active tab, links"),
    (Role::Key, "key", "keys in the footer and the help"),
    (Role::Match, "match", "characters a filter matched"),
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
}

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
        let styles = shown.styles.map(|style| at_depth(style, depth));
        Ok(Self { name: name.to_owned(), about: own.about, shade: own.shade, depth, glyphs, styles })
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
        })
    }

    /// Returns how a role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
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

fn at_depth(style: Style, depth: Depth) -> Style {
    let colour = |colour: Option<Color>| colour.and_then(|colour| depth.nearest(colour));
    Style { fg: colour(style.fg), bg: colour(style.bg), ..style }
}

#[cfg(test)]
mod tests;
