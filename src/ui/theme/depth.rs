//! How many colours the terminal has, and the nearest of them to a colour.

use ratatui::style::Color;

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, underline and reverse only.
    Mono,
    /// The terminal's own sixteen.
    Sixteen,
    /// The 216 of the cube and 24 greys.
    Palette,
    /// Sixteen million.
    True,
}

impl Depth {
    /// The words of the `colour` setting.
    pub const WORDS: [&'static str; 5] = ["auto", "none", "16", "256", "true"];

    /// Returns the depth a setting asks for; `None` for `auto` and for a word that is none of [`Depth::WORDS`].
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::Mono),
            "16" => Some(Self::Sixteen),
            "256" => Some(Self::Palette),
            "true" => Some(Self::True),
            _ => None,
        }
    }

    /// Returns the depth the environment tells of; the caller hands in how a variable is read.
    ///
    /// `NO_COLOR` (no-color.org: set and not empty) comes first. True colour is said by `COLORTERM` or a `TERM` that ends in
    /// `-direct`, or is known of a terminal that says who it is. `ssh` does not forward `COLORTERM`: then it is 256 by `TERM`.
    pub(crate) fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        if set("NO_COLOR").is_some() || term == "dumb" {
            return Self::Mono;
        }
        let colorterm = set("COLORTERM").unwrap_or_default();
        let knows_true = matches!(colorterm.as_str(), "truecolor" | "24bit")
            || term.ends_with("-direct")
            || ["alacritty", "kitty", "foot", "wezterm", "ghostty"].iter().any(|name| term.contains(name))
            || set("WT_SESSION").is_some();
        // Terminal.app draws true colours wrongly before macOS 26 and sets no COLORTERM.
        if knows_true {
            return Self::True;
        }
        if term.contains("256color") || set("TERM_PROGRAM").as_deref() == Some("Apple_Terminal") {
            return Self::Palette;
        }
        // GNU screen and the Linux console take a 256-colour sequence for something else.
        Self::Sixteen
    }

    /// Returns the nearest colour this depth has; `None` where it has none.
    pub fn nearest(self, colour: Color) -> Option<Color> {
        match (self, colour) {
            (Self::Mono, _) => None,
            (Self::Palette, Color::Rgb(red, green, blue)) => Some(Color::Indexed(nearest_indexed([red, green, blue]))),
            (Self::Sixteen, Color::Rgb(red, green, blue)) => Some(nearest_named([red, green, blue])),
            _ => Some(colour),
        }
    }
}

/// The levels of the colour cube (xterm's).
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The sixteen as xterm has them by default.
pub(super) const NAMED: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

fn nearest_indexed(wanted: [u8; 3]) -> u8 {
    let level = |value: u8| {
        let distance = |at: &usize| LEVELS.get(*at).map_or(u8::MAX, |level| level.abs_diff(value));
        (0..LEVELS.len()).min_by_key(distance).unwrap_or(0)
    };
    let [red, green, blue] = wanted.map(level);
    let cube = [red, green, blue].map(|at| LEVELS.get(at).copied().unwrap_or(0));
    let mean = wanted.iter().map(|value| u16::from(*value)).sum::<u16>() / 3;
    let step = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = [8 + 10 * step; 3];
    if distance(wanted, grey) < distance(wanted, cube) { 232 + step } else { (16 + 36 * red + 6 * green + blue) as u8 }
}

fn nearest_named(wanted: [u8; 3]) -> Color {
    NAMED.iter().min_by_key(|(_, rgb)| distance(wanted, *rgb)).map_or(Color::Reset, |(name, _)| *name)
}

/// The distance as the eye weighs it, squared.
///
/// Source: the "redmean" approximation, compuphase.com/cmetric.htm.
fn distance(one: [u8; 3], other: [u8; 3]) -> i32 {
    let [r1, g1, b1] = one.map(i32::from);
    let [r2, g2, b2] = other.map(i32::from);
    let mean = i32::midpoint(r1, r2);
    let (red, green, blue) = (r1 - r2, g1 - g2, b1 - b2);
    (((512 + mean) * red * red) >> 8) + 4 * green * green + (((767 - mean) * blue * blue) >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_tells_the_depth() {
        for (variables, depth) in [
            (vec![("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (vec![("TERM", "xterm-256color")], Depth::Palette),
            (vec![("TERM", "xterm-direct")], Depth::True),
            (vec![("TERM", "xterm-kitty")], Depth::True),
            (vec![("TERM", "screen")], Depth::Sixteen),
            (vec![("TERM", "linux")], Depth::Sixteen),
            (vec![("TERM", "dumb"), ("COLORTERM", "truecolor")], Depth::Mono),
            (vec![("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::Mono),
            (vec![("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::Palette),
            (vec![], Depth::Sixteen),
        ] {
            let found = Depth::detect(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(found, depth, "{variables:?}");
        }
    }

    #[test]
    fn the_nearest_of_256_is_the_colour_itself_where_it_is_there() {
        for (rgb, index) in
            [([0, 0, 0], 16), ([255, 255, 255], 231), ([95, 135, 175], 67), ([128, 128, 128], 244), ([18, 18, 18], 233)]
        {
            assert_eq!(nearest_indexed(rgb), index, "{rgb:?}");
        }
    }
}
