//! A theme's file: palette, roles, `inherits`.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use thiserror::Error;

use super::{ROLES, Role};

/// Themes that may inherit one from the other; more is a circle.
const MAX_INHERITED: usize = 8;

/// The screen a theme is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shade {
    /// A dark screen.
    Dark,
    /// A light screen.
    Light,
}

/// What is wrong with a theme.
#[derive(Debug, Error)]
pub enum ThemeError {
    /// There is none of this name.
    #[error("unknown theme \"{name}\"; the themes are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Its file cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// It is not TOML, or not a theme's.
    #[error("theme \"{name}\": {error}")]
    Malformed {
        /// The theme.
        name: String,
        /// Where and what.
        #[source]
        error: toml::de::Error,
    },
    /// A role, or something in it, is not known.
    #[error("theme \"{name}\", role \"{role}\": {what}")]
    WrongRole {
        /// The theme.
        name: String,
        /// The role as it is written.
        role: String,
        /// What is wrong and what would be right.
        what: String,
    },
    /// It inherits itself.
    #[error("theme \"{name}\" inherits itself")]
    Circle {
        /// The theme.
        name: String,
    },
}

/// A theme's file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    /// One line for the picker.
    #[serde(default)]
    about: Option<String>,
    shade: Option<Shade>,
    /// The theme whose palette and roles count where this one says nothing.
    inherits: Option<String>,
    /// The theme that stands in on a terminal of sixteen colours.
    sixteen: Option<String>,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<String, RoleStyle>,
    /// Roles that look otherwise than in `sixteen` there.
    #[serde(default)]
    sixteen_roles: BTreeMap<String, RoleStyle>,
}

/// How a role looks: a colour, or more than that.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum RoleStyle {
    Colour(String),
    Full(FullLook),
}

/// A look with a background and attributes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullLook {
    fg: Option<String>,
    bg: Option<String>,
    /// Any of `bold`, `dim`, `italic`, `underline`, `reverse`.
    #[serde(default)]
    with: Vec<String>,
}

/// A theme with everything it inherits, at full depth.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) about: String,
    pub(super) shade: Shade,
    pub(super) sixteen: String,
    pub(super) styles: [Style; ROLES.len()],
    pub(super) overrides: Vec<(Role, Style)>,
    /// Whether it uses a colour that is not one of the sixteen.
    pub(super) needs_more_colours: bool,
}

impl Resolved {
    /// Returns this with some styles replaced.
    pub(super) fn with(mut self, overrides: &[(Role, Style)]) -> Self {
        for (role, style) in overrides {
            if let Some(place) = self.styles.get_mut(*role as usize) {
                *place = *style;
            }
        }
        self
    }
}

/// Returns a theme with everything it inherits.
pub(super) fn resolve(name: &str, read: &dyn Fn(&str) -> Result<String, ThemeError>) -> Result<Resolved, ThemeError> {
    let mut chain = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(current) = next {
        if chain.len() >= MAX_INHERITED {
            return Err(ThemeError::Circle { name: name.to_owned() });
        }
        let text = read(&current)?;
        let file: ThemeFile =
            toml::from_str(&text).map_err(|error| ThemeError::Malformed { name: current.clone(), error })?;
        chain.push((current, file));
        next = chain.last().and_then(|(_, file)| file.inherits.clone());
    }
    let mut palette = BTreeMap::new();
    let mut looks = BTreeMap::new();
    let mut sixteen_looks = BTreeMap::new();
    for (name, file) in chain.iter().rev() {
        palette.extend(file.palette.clone());
        looks.extend(file.roles.iter().map(|(role, look)| (role.clone(), (name.clone(), look.clone()))));
        sixteen_looks
            .extend(file.sixteen_roles.iter().map(|(role, look)| (role.clone(), (name.clone(), look.clone()))));
    }
    let first = |pick: fn(&ThemeFile) -> Option<String>| chain.iter().find_map(|(_, file)| pick(file));
    let shade = chain.iter().find_map(|(_, file)| file.shade).unwrap_or(Shade::Dark);
    let mut resolved = Resolved {
        about: first(|file| file.about.clone()).unwrap_or_default(),
        shade,
        sixteen: first(|file| file.sixteen.clone())
            .unwrap_or_else(|| if shade == Shade::Light { "ansi-light" } else { "ansi" }.to_owned()),
        styles: [Style::new(); ROLES.len()],
        overrides: styles(&sixteen_looks, &palette)?,
        needs_more_colours: false,
    };
    resolved = resolved.clone().with(&styles(&looks, &palette)?);
    let is_named = |colour: Option<Color>| !matches!(colour, Some(Color::Rgb(..) | Color::Indexed(_)));
    resolved.needs_more_colours = !resolved.styles.iter().all(|style| is_named(style.fg) && is_named(style.bg));
    Ok(resolved)
}

/// Returns the styles of the roles that are written.
fn styles(
    looks: &BTreeMap<String, (String, RoleStyle)>,
    palette: &BTreeMap<String, String>,
) -> Result<Vec<(Role, Style)>, ThemeError> {
    let one = |(written, (name, look)): (&String, &(String, RoleStyle))| {
        let wrong = |what: String| ThemeError::WrongRole { name: name.clone(), role: written.clone(), what };
        let role = ROLES.iter().find(|(_, known, _)| known == written).map(|(role, ..)| *role);
        let known = || ROLES.iter().map(|(_, known, _)| *known).collect::<Vec<_>>().join(", ");
        let role = role.ok_or_else(|| wrong(format!("unknown role; the roles are {}", known())))?;
        Ok((role, style(look, palette).map_err(wrong)?))
    };
    looks.iter().map(one).collect()
}

fn style(look: &RoleStyle, palette: &BTreeMap<String, String>) -> Result<Style, String> {
    let full = match look {
        RoleStyle::Colour(fg) => FullLook { fg: Some(fg.clone()), ..FullLook::default() },
        RoleStyle::Full(full) => full.clone(),
    };
    let mut style = Style::new();
    style.fg = full.fg.map(|written| colour(&written, palette)).transpose()?;
    style.bg = full.bg.map(|written| colour(&written, palette)).transpose()?;
    for attribute in &full.with {
        style = style.add_modifier(match attribute.as_str() {
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underline" => Modifier::UNDERLINED,
            "reverse" => Modifier::REVERSED,
            _ => return Err(format!("\"{attribute}\" is not one of bold, dim, italic, underline, reverse")),
        });
    }
    Ok(style)
}

/// Returns a colour: a name of the palette, `#rrggbb`, one of the sixteen (`red`, `bright-red`), or `default`.
fn colour(written: &str, palette: &BTreeMap<String, String>) -> Result<Color, String> {
    let meant = palette.get(written).map_or(written, String::as_str);
    if let Some(digits) = meant.strip_prefix('#') {
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6);
        let [_, red, green, blue] = value.map(u32::to_be_bytes).ok_or_else(|| format!("\"{meant}\" is not #rrggbb"))?;
        return Ok(Color::Rgb(red, green, blue));
    }
    Ok(match meant {
        "default" => Color::Reset,
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        _ => return Err(format!("\"{meant}\" is not a palette colour, a #rrggbb value or one of the sixteen names")),
    })
}
