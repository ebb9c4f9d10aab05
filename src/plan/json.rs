//! A JSON reader for plans: one value at a time, into an arena.
//!
//! Not `serde_json`: that one gives up at 128 levels and at the first fault, forgets the order of fields, and drops
//! nested values by recursion. This one has no limit of depth, keeps the order, and gives what it had understood when
//! the text ends in the middle.

use std::borrow::Cow;

/// A value of the arena; members are places in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written.
    Number(&'a str),
    /// A string.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<usize>),
    /// An object, in order.
    Object(Vec<(Cow<'a, str>, usize)>),
}

/// A value read from a text.
#[derive(Debug)]
pub(crate) struct Doc<'a> {
    values: Vec<Json<'a>>,
    /// Where in the text the value ended, in bytes.
    pub(crate) end: usize,
    /// What was wrong, and where in the text, in bytes.
    pub(crate) fault: Option<(usize, &'static str)>,
}

impl<'a> Doc<'a> {
    /// Returns a value of the arena; an unknown place is a null.
    pub(crate) fn value(&self, place: usize) -> &Json<'a> {
        self.values.get(place).unwrap_or(&Json::Null)
    }

    /// Returns the place of a member of an object.
    pub(crate) fn member(&self, place: usize, name: &str) -> Option<usize> {
        let Json::Object(members) = self.value(place) else { return None };
        members.iter().find(|(known, _)| known == name).map(|(_, place)| *place)
    }
}

/// The place of the outermost value.
pub(crate) const ROOT: usize = 0;

/// Reads the value that begins at the start of the text, and no further.
pub(crate) fn read(text: &str) -> Doc<'_> {
    let mut reader = JsonReader { text, at: 0, values: Vec::new(), open: Vec::new() };
    let fault = reader.run().err().map(|what| (reader.at, what));
    if reader.values.is_empty() {
        reader.values.push(Json::Null);
    }
    Doc { values: reader.values, end: reader.at, fault }
}

struct JsonReader<'a> {
    text: &'a str,
    at: usize,
    values: Vec<Json<'a>>,
    open: Vec<usize>,
}

impl<'a> JsonReader<'a> {
    fn run(&mut self) -> Result<(), &'static str> {
        self.value(None)?;
        while let Some(&place) = self.open.last() {
            match self.next()? {
                b']' | b'}' => {
                    self.at += 1;
                    self.open.pop();
                    continue;
                }
                b',' => {
                    self.at += 1;
                    // A comma before the end is a slip of whoever edited the plan.
                    if matches!(self.next()?, b']' | b'}') {
                        continue;
                    }
                }
                _ => {}
            }
            if matches!(self.values.get(place), Some(Json::Object(_))) {
                let name = self.name()?;
                self.value(Some(name))?;
            } else {
                self.value(None)?;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<u8, &'static str> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let gap = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += gap;
        rest.get(gap).copied().ok_or("the text ends in the middle of the JSON")
    }

    fn name(&mut self) -> Result<Cow<'a, str>, &'static str> {
        if self.next()? != b'"' {
            return Err("a name in quotes was expected");
        }
        let name = self.string()?;
        if self.next()? != b':' {
            return Err("a colon was expected");
        }
        self.at += 1;
        Ok(name)
    }

    fn value(&mut self, name: Option<Cow<'a, str>>) -> Result<(), &'static str> {
        let (value, is_open) = match self.next()? {
            b'{' => (Json::Object(Vec::new()), true),
            b'[' => (Json::List(Vec::new()), true),
            b'"' => (Json::Text(self.string()?), false),
            _ => (self.word()?, false),
        };
        let place = self.values.len();
        self.values.push(value);
        if let Some(parent) = self.open.last().and_then(|parent| self.values.get_mut(*parent)) {
            match parent {
                Json::Object(members) => members.push((name.unwrap_or_default(), place)),
                Json::List(items) => items.push(place),
                _ => {}
            }
        }
        if is_open {
            self.at += 1;
            self.open.push(place);
        }
        Ok(())
    }

    fn word(&mut self) -> Result<Json<'a>, &'static str> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length =
            rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')).count();
        let word = rest.get(..length).unwrap_or_default();
        let value = match word {
            "null" | "None" => Json::Null,
            "true" | "True" => Json::Bool(true),
            "false" | "False" => Json::Bool(false),
            _ if word.parse::<f64>().is_ok() => Json::Number(word),
            _ => return Err("a value was expected"),
        };
        self.at += length;
        Ok(value)
    }

    /// Reads a string from its opening quote.
    fn string(&mut self) -> Result<Cow<'a, str>, &'static str> {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let plain = rest.bytes().take_while(|byte| !matches!(byte, b'"' | b'\\')).count();
        match rest.as_bytes().get(plain) {
            Some(b'"') => {
                self.at += plain + 2;
                Ok(Cow::Borrowed(rest.get(..plain).unwrap_or_default()))
            }
            Some(_) => self.escaped(rest).map(Cow::Owned),
            None => Err("the text ends in the middle of a string"),
        }
    }

    fn escaped(&mut self, rest: &str) -> Result<String, &'static str> {
        let mut text = String::new();
        let mut letters = rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at += at + 2;
                    return Ok(text);
                }
                '\\' => match letters.next().map(|(_, letter)| letter) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('b') => text.push('\u{8}'),
                    Some('f') => text.push('\u{c}'),
                    Some('u') => text.push(unicode(&mut letters)),
                    Some(other) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        Err("the text ends in the middle of a string")
    }
}

/// Reads the four digits behind `\u`, and the second half of a pair.
fn unicode(letters: &mut std::str::CharIndices<'_>) -> char {
    let Some(first) = four(letters) else { return char::REPLACEMENT_CHARACTER };
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = letters.clone();
    if ahead.next().map(|(_, letter)| letter) == Some('\\')
        && ahead.next().map(|(_, letter)| letter) == Some('u')
        && let Some(second) = four(&mut ahead).filter(|second| (0xDC00..0xE000).contains(second))
    {
        *letters = ahead;
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    char::REPLACEMENT_CHARACTER
}

fn four(letters: &mut std::str::CharIndices<'_>) -> Option<u32> {
    let mut ahead = letters.clone();
    let mut code = 0;
    for _ in 0..4 {
        code = code * 16 + ahead.next()?.1.to_digit(16)?;
    }
    *letters = ahead;
    Some(code)
}

/// Writes a string with its quotes, as JSON wants it.
pub(crate) fn write_string(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string does not fail.
            control if u32::from(control) < 0x20 => write!(out, "\\u{:04x}", u32::from(control)).unwrap_or_default(),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(doc: &Doc<'_>) -> Vec<String> {
        doc.values
            .iter()
            .filter_map(|value| if let Json::Text(text) = value { Some(text.to_string()) } else { None })
            .collect()
    }

    #[test]
    fn order_and_escapes_are_kept() {
        let doc = read(r#" {"b": "x\n\"\u00e9\ud83d\ude00", "a": [1.50, true, null]} rest"#);
        assert_eq!(doc.fault, None);
        assert_eq!(texts(&doc), ["x\n\"é😀"]);
        let list = doc.member(ROOT, "a").unwrap();
        let Json::List(items) = doc.value(list) else { panic!("a list") };
        assert_eq!(doc.value(items[0]), &Json::Number("1.50"));
    }

    #[test]
    fn a_text_cut_anywhere_gives_what_was_before_the_cut() {
        let whole = r#"{"a": {"b": ["x", "y\u00e9", -1.5e3, true]}, "c": "z"}"#;
        assert_eq!(read(whole).fault, None);
        for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            assert!(read(&whole[..end]).fault.is_some(), "{}", &whole[..end]);
        }
        let doc = read(r#"{"a": {"b": ["x", "y"#);
        assert_eq!(texts(&doc), ["x"]);
    }

    #[test]
    fn a_million_levels_do_not_overflow_the_stack() {
        let text = "[".repeat(1_000_000);
        assert!(read(&text).fault.is_some());
        let text = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(read(&text).fault, None);
    }
}
