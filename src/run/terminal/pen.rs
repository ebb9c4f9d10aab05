//! How letters look, and the shortest sequence that makes a terminal write them so.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// What shows on a blank cell too.
const ON_BLANKS: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);
/// Bold and dim end together.
const INTENSITY: Modifier = Modifier::BOLD.union(Modifier::DIM);

/// What a terminal sets and takes back, by the numbers of ECMA-48.
const ATTRIBUTES: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// The pen of a terminal that was reset.
pub(super) const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

impl Pen {
    pub(super) fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Whether blanks look the same with this pen and with another one.
    pub(super) fn is_same_on_blanks(self, other: Self) -> bool {
        self.bg == other.bg && !(self.modifier | other.modifier).intersects(ON_BLANKS)
    }

    /// Returns the sequence that sets this pen where another one is set; nothing where they are the same.
    pub(super) fn after(self, old: Self) -> String {
        if self == old {
            return String::new();
        }
        let (changed, anew) = (self.codes(old), format!("0;{}", self.codes(PLAIN)));
        let codes = if changed.len() <= anew.len() { &changed } else { anew.trim_end_matches(';') };
        // Reset is what a sequence without a code does.
        format!("\x1b[{}m", if codes == "0" { "" } else { codes })
    }

    fn codes(self, old: Self) -> String {
        let mut codes: Vec<String> = Vec::new();
        let mut removed = old.modifier - self.modifier;
        let mut added = self.modifier - old.modifier;
        if removed.intersects(INTENSITY) {
            added |= self.modifier & INTENSITY;
            removed -= INTENSITY;
            codes.push("22".to_owned());
        }
        codes.extend(ATTRIBUTES.iter().filter(|(one, ..)| removed.contains(*one)).map(|(_, _, end)| end.to_string()));
        codes.extend(ATTRIBUTES.iter().filter(|(one, ..)| added.contains(*one)).map(|(_, begin, _)| begin.to_string()));
        codes.extend((self.fg != old.fg).then(|| colour(self.fg, 30)));
        codes.extend((self.bg != old.bg).then(|| colour(self.bg, 40)));
        codes.join(";")
    }
}

/// Returns the codes of a colour: letters are 30, what is behind them 40.
fn colour(colour: Color, base: u8) -> String {
    let dark = |number: u8| (base + number).to_string();
    let light = |number: u8| (base + 60 + number).to_string();
    match colour {
        Color::Reset => dark(9),
        Color::Black => dark(0),
        Color::Red => dark(1),
        Color::Green => dark(2),
        Color::Yellow => dark(3),
        Color::Blue => dark(4),
        Color::Magenta => dark(5),
        Color::Cyan => dark(6),
        Color::Gray => dark(7),
        Color::DarkGray => light(0),
        Color::LightRed => light(1),
        Color::LightGreen => light(2),
        Color::LightYellow => light(3),
        Color::LightBlue => light(4),
        Color::LightMagenta => light(5),
        Color::LightCyan => light(6),
        Color::White => light(7),
        Color::Indexed(number) => format!("{};5;{number}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}

/// Gives a blank no colour and no weight of letters, which nobody sees: what changes of them would be written.
pub(super) fn forget_unseen(cell: &mut Cell) {
    if cell.symbol() == " " && !cell.modifier.intersects(ON_BLANKS) {
        cell.fg = Color::Reset;
        cell.modifier = Modifier::empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pen_is_changed_or_set_anew_whatever_is_shorter() {
        let muted = Pen { fg: Color::Rgb(1, 2, 3), ..PLAIN };
        let bold = Pen { modifier: Modifier::BOLD, ..muted };
        let loud = Pen { modifier: Modifier::BOLD | Modifier::ITALIC | Modifier::UNDERLINED, ..muted };
        for (old, new, sequence) in [
            (muted, muted, ""),
            (muted, bold, "\x1b[1m"),
            (bold, muted, "\x1b[22m"),
            (bold, Pen { modifier: Modifier::DIM, ..muted }, "\x1b[22;2m"),
            (loud, PLAIN, "\x1b[m"),
            (bold, Pen { fg: Color::Red, ..PLAIN }, "\x1b[0;31m"),
            (muted, Pen { fg: Color::LightBlue, bg: Color::Indexed(7), ..PLAIN }, "\x1b[94;48;5;7m"),
        ] {
            assert_eq!(new.after(old), sequence, "{old:?} {new:?}");
        }
    }
}
