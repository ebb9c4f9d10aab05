//! Quantities and the one way each is written.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment, in seconds since 1970-01-01 UTC. The server's clock, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, Default)]
pub struct Timestamp(pub f64);

impl Timestamp {
    /// Returns the seconds from an older moment to this one, or `None` if it is not older.
    pub fn since(self, older: Self) -> Option<Seconds> {
        let elapsed = self.0 - older.0;
        (elapsed > 0.0).then_some(Seconds(elapsed))
    }
}

/// A length of time in seconds; shown in at most six columns: `0.4ms`, `950ms`, `12.3s`, `4m05s`, `3h12m`, `5d02h`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, Default)]
pub struct Seconds(pub f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0.0);
        let text = if seconds == 0.0 {
            "0s".to_owned()
        } else if seconds < 1e-6 {
            "<1µs".to_owned()
        } else if seconds < 0.000_095 {
            format!("{:.0}µs", seconds * 1e6)
        } else if seconds < 0.01 {
            format!("{:.1}ms", seconds * 1e3)
        } else if seconds < 0.9995 {
            format!("{:.0}ms", seconds * 1e3)
        } else if seconds < 59.95 {
            format!("{seconds:.1}s")
        } else {
            let whole = seconds.round();
            let (minutes, hours, days) = (whole / 60.0, whole / 3600.0, whole / 86400.0);
            if minutes < 60.0 {
                format!("{:.0}m{:02.0}s", minutes.floor(), whole % 60.0)
            } else if hours < 24.0 {
                format!("{:.0}h{:02.0}m", hours.floor(), (minutes % 60.0).floor())
            } else if days < 1000.0 {
                format!("{:.0}d{:02.0}h", days.floor(), (hours % 24.0).floor())
            } else {
                format!("{:.0}y", days / 365.25)
            }
        };
        f.pad(&text)
    }
}

/// A number of bytes; shown in at most six columns: `812 B`, `1.2 kB`, `35 MB`, `1.7 TB`, in steps of 1024 as the server does.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, Default)]
pub struct Bytes(pub f64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&scaled(self.0, 1024.0, &["B", "kB", "MB", "GB", "TB", "PB"], " "))
    }
}

/// A number of things; shown in at most five columns: `999`, `1.2k`, `35k`, `1.7M`, `12G`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Count(pub f64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 != 0.0 && self.0.abs() < 9.995 && self.0.fract() != 0.0 {
            return match self.0.abs() {
                little if little < 0.005 => f.pad("<0.01"),
                little if little < 0.095 => f.pad(&format!("{:.2}", self.0)),
                _ => f.pad(&format!("{:.1}", self.0)),
            };
        }
        f.pad(&scaled(self.0, 1000.0, &["", "k", "M", "G", "T", "P"], ""))
    }
}

impl Count {
    /// Returns `1 row` or `3.1k rows`.
    pub fn of(self, one: &str, many: &str) -> String {
        let number = self.to_string();
        let noun = if number == "1" { one } else { many };
        format!("{number} {noun}")
    }
}

/// Returns `1 index` or `3 indexes`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Writes a factor out: 1.3 or 9,200 rather than 9.2k.
pub(crate) fn factor(factor: f64) -> String {
    if factor < 10.0 { format!("{factor:.1}") } else { grouped(factor.round() as usize) }
}

/// A part of one; shown in at most five columns: `0%`, `0.4%`, `12%`, `100%`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        let text = if percent == 0.0 || percent.abs() >= 9.95 {
            format!("{percent:.0}%")
        } else if percent.abs() < 0.05 {
            "<0.1%".to_owned()
        } else {
            format!("{percent:.1}%")
        };
        f.pad(&text)
    }
}

/// Writes a number with the largest step that leaves at least one before the point.
fn scaled(number: f64, step: f64, names: &[&str], gap: &str) -> String {
    let mut rest = number.abs();
    let mut name = names.first().copied().unwrap_or_default();
    let mut is_scaled = false;
    for next in names.iter().skip(1) {
        if rest < 999.5 {
            break;
        }
        rest /= step;
        name = next;
        is_scaled = true;
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let gap = if name.is_empty() { "" } else { gap };
    if is_scaled && rest < 9.95 { format!("{sign}{rest:.1}{gap}{name}") } else { format!("{sign}{rest:.0}{gap}{name}") }
}

/// Writes a number with a comma between thousands: which of two is larger must not be rounded away.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn lengths_of_time_fit_six_columns() {
        for (seconds, text) in [
            (0.0, "0s"),
            (0.000_42, "0.4ms"),
            (0.95, "950ms"),
            (0.9999, "1.0s"),
            (12.34, "12.3s"),
            (59.96, "1m00s"),
            (245.0, "4m05s"),
            (11_520.0, "3h12m"),
            (439_200.0, "5d02h"),
        ] {
            assert_eq!(Seconds(seconds).to_string(), text);
            assert!(text.len() <= 6);
        }
    }

    #[test]
    fn bytes_go_by_1024() {
        for (bytes, text) in
            [(0.0, "0 B"), (812.0, "812 B"), (1229.0, "1.2 kB"), (36_700_160.0, "35 MB"), (1_048_000.0, "1.0 MB")]
        {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn counts_and_shares_are_short() {
        assert_eq!(Count(999.0).to_string(), "999");
        assert_eq!(Count(1234.0).to_string(), "1.2k");
        assert_eq!(Count(0.25).to_string(), "0.2");
        assert_eq!(Count(0.042).to_string(), "0.04");
        assert_eq!(Count(0.0001).to_string(), "<0.01");
        assert_eq!(Count(35_000.0).to_string(), "35k");
        assert_eq!(Share(0.0).to_string(), "0%");
        assert_eq!(Share(0.004).to_string(), "0.4%");
        assert_eq!(Share(1.0).to_string(), "100%");
    }
}
