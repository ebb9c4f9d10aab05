//! The shortest sequence that moves the cursor, of those that every terminal has known since the VT100.

use ratatui::layout::Position;

/// Lines down and columns back that single letters go; further is shorter by a number.
const FEW: u16 = 3;

/// Returns the way to a place, from another one where that is known.
pub(super) fn way(from: Option<Position>, to: Position) -> String {
    let absolute = if to.x == 0 { format!("\x1b[{}H", to.y + 1) } else { format!("\x1b[{};{}H", to.y + 1, to.x + 1) };
    let Some(from) = from else { return absolute };
    let down = match (to.y.checked_sub(from.y), from.y.checked_sub(to.y)) {
        (Some(0), _) => String::new(),
        // The terminal is raw: a line feed keeps the column, and above the last line nothing scrolls.
        (Some(lines @ 1..=FEW), _) => "\n".repeat(usize::from(lines)),
        (Some(lines), _) => format!("\x1b[{lines}B"),
        (None, lines) => step(lines.unwrap_or_default(), 'A'),
    };
    let column = format!("\x1b[{}G", to.x + 1);
    let across = match (to.x.checked_sub(from.x), from.x.checked_sub(to.x)) {
        (Some(0), _) => String::new(),
        (Some(columns), _) => step(columns, 'C'),
        _ if to.x == 0 => "\r".to_owned(),
        (None, Some(columns @ 1..=FEW)) => "\x08".repeat(usize::from(columns)),
        (None, columns) => step(columns.unwrap_or_default(), 'D'),
    };
    let across = if column.len() < across.len() { column } else { across };
    if down.len() + across.len() <= absolute.len() { down + &across } else { absolute }
}

fn step(count: u16, letter: char) -> String {
    if count == 1 { format!("\x1b[{letter}") } else { format!("\x1b[{count}{letter}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_is_taken() {
        for (from, to, expected) in [
            (None, (0, 0), "\x1b[1H"),
            (None, (4, 2), "\x1b[3;5H"),
            (Some((4, 2)), (4, 2), ""),
            (Some((4, 2)), (5, 2), "\x1b[C"),
            (Some((4, 2)), (3, 3), "\n\x08"),
            (Some((4, 2)), (0, 4), "\n\n\r"),
            (Some((4, 2)), (4, 30), "\x1b[28B"),
            (Some((104, 2)), (4, 2), "\x1b[5G"),
            (Some((104, 30)), (99, 29), "\x1b[A\x1b[5D"),
            (Some((104, 30)), (12, 9), "\x1b[10;13H"),
        ] {
            let from = from.map(Position::from);
            assert_eq!(way(from, Position::from(to)), expected, "{from:?} {to:?}");
        }
    }
}
