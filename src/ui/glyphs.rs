//! The marks the widgets draw with, in Unicode or, where the locale is not UTF-8, in ASCII.

use ratatui::symbols::border;

/// How well something is. It always has a sign beside its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Health {
    /// Nothing to do.
    #[default]
    Good,
    /// Soon something to do.
    Warning,
    /// Something to do.
    Bad,
}

/// The marks of one locale; chosen once at the start and carried by the theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Whether the terminal shows more than ASCII.
    pub is_unicode: bool,
    /// Stands for what was cut off a text.
    pub cut: char,
    /// The sign of [`Health::Good`].
    pub good: &'static str,
    /// The sign of [`Health::Warning`].
    pub warning: &'static str,
    /// The sign of [`Health::Bad`].
    pub bad: &'static str,
    /// Sorted ascending.
    pub ascending: &'static str,
    /// Sorted descending.
    pub descending: &'static str,
    /// More columns to the left.
    pub more_left: &'static str,
    /// More columns to the right.
    pub more_right: &'static str,
    /// The mark at the selected row.
    pub selected: &'static str,
    /// The mark of a row that is one of several to act on.
    pub marked: &'static str,
    /// A group that is open.
    pub open: &'static str,
    /// A group that is folded.
    pub folded: &'static str,
    /// Tree: a branch with siblings below.
    pub branch: &'static str,
    /// Tree: the last branch.
    pub last_branch: &'static str,
    /// Tree: a line passing by.
    pub trunk: &'static str,
    /// Between two notes on one line.
    pub dot: &'static str,
    /// A horizontal rule.
    pub rule: &'static str,
    /// A vertical rule.
    pub wall: &'static str,
    /// The scrollbar's thumb.
    pub thumb: &'static str,
    /// The scrollbar's track.
    pub track: &'static str,
    /// Eighths of a cell from below: nothing to full.
    pub rising: [&'static str; 9],
    /// A bar: whole, half and nothing.
    pub bar: [&'static str; 3],
    /// The part of a gauge that is not filled.
    pub rail: &'static str,
    /// The text cursor's arrow in prompts.
    pub prompt: &'static str,
    /// The border of blocks.
    pub border: border::Set<'static>,
}

/// The marks for a UTF-8 locale.
pub const UNICODE: Glyphs = Glyphs {
    is_unicode: true,
    cut: '…',
    good: "✓",
    warning: "▲",
    bad: "✗",
    ascending: "▴",
    descending: "▾",
    more_left: "‹",
    more_right: "›",
    selected: "▌",
    marked: "●",
    open: "▾ ",
    folded: "▸ ",
    branch: "├",
    last_branch: "└",
    trunk: "│",
    dot: "·",
    rule: "─",
    wall: "│",
    thumb: "┃",
    track: "│",
    rising: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    bar: ["━", "╸", " "],
    rail: "─",
    prompt: "›",
    border: border::ROUNDED,
};

/// The marks for every other locale.
pub const ASCII: Glyphs = Glyphs {
    is_unicode: false,
    cut: '~',
    good: "ok",
    warning: "!",
    bad: "!!",
    ascending: "^",
    descending: "v",
    more_left: "<",
    more_right: ">",
    selected: ">",
    marked: "*",
    open: "- ",
    folded: "+ ",
    branch: "|",
    last_branch: "`",
    trunk: "|",
    dot: "-",
    rule: "-",
    wall: "|",
    thumb: "#",
    track: "|",
    rising: [" ", ".", ".", ":", ":", "=", "=", "#", "#"],
    bar: ["=", "-", " "],
    rail: ".",
    prompt: ">",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

impl Glyphs {
    /// Returns the marks for a locale: `LC_ALL`, else `LC_CTYPE`, else `LANG` decide, as they do for libc.
    ///
    /// The Linux console (`TERM=linux`) has a UTF-8 locale but few of the marks; it gets the ASCII ones.
    pub(crate) fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        let is_console = matches!(set("TERM").as_deref(), Some("linux" | "dumb"));
        if is_utf8 && !is_console { UNICODE } else { ASCII }
    }

    /// Returns the sign of a health.
    pub fn sign(&self, health: Health) -> &'static str {
        match health {
            Health::Good => self.good,
            Health::Warning => self.warning,
            Health::Bad => self.bad,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::text;

    #[test]
    fn the_locale_decides_the_marks() {
        for (variables, is_unicode) in [
            (vec![("LANG", "C.UTF-8")], true),
            (vec![("LANG", "de_AT.utf8"), ("TERM", "xterm")], true),
            (vec![("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], false),
            (vec![("LANG", "en_US.UTF-8"), ("TERM", "linux")], false),
            (vec![("LANG", "POSIX")], false),
            (vec![], false),
        ] {
            let found = Glyphs::detect(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(found.is_unicode, is_unicode, "{variables:?}");
        }
    }

    #[test]
    fn every_mark_takes_the_same_columns_in_each_set() {
        for (unicode, ascii) in [
            (UNICODE.ascending, ASCII.ascending),
            (UNICODE.selected, ASCII.selected),
            (UNICODE.open, ASCII.open),
            (UNICODE.branch, ASCII.branch),
            (UNICODE.trunk, ASCII.trunk),
        ] {
            assert_eq!(text::width(unicode), text::width(ascii));
            assert!(ascii.is_ascii());
        }
    }
}
