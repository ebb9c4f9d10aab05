//! A key=value connection string, read and written as libpq does.
//!
//! Source: PostgreSQL manual 34.1.1.1 "Keyword/Value Connection Strings"; fe-connect.c, `conninfo_parse`.

use super::SyntaxError;

/// Whether a text is meant as key=value rather than as a name.
pub(super) fn is_conninfo(text: &str) -> bool {
    text.contains('=')
}

/// Splits a conninfo into its parameters, in order, without judging their names.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, SyntaxError> {
    let mut reader = ConninfoReader { text, at: 0 };
    let mut pairs: Vec<(String, String)> = Vec::new();
    loop {
        reader.skip_space();
        if reader.peek().is_none() {
            return Ok(pairs);
        }
        let start = reader.at;
        let key = reader.take_while(|letter| letter != '=' && !letter.is_ascii_whitespace());
        reader.skip_space();
        if reader.peek() != Some('=') {
            return Err(missing_equals(start, text, pairs.last()));
        }
        reader.next();
        reader.skip_space();
        let value = reader.value()?;
        pairs.push((key.to_owned(), value));
    }
}

/// The word is not quoted in the message: after a password with a space in it, it is half of the password.
fn missing_equals(start: usize, text: &str, before: Option<&(String, String)>) -> SyntaxError {
    let column = text.get(..start).map_or(0, |head| head.chars().count()) + 1;
    let what = format!("the word at character {column} has no \"=\" after it");
    match before {
        Some((key, _)) if key == "password" => {
            SyntaxError::new(what).hint("a password with a space is written in single quotes: password='two words'")
        }
        _ => SyntaxError::new(what).hint("a value with a space is written in single quotes: dbname='my shop'"),
    }
}

struct ConninfoReader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> ConninfoReader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.take_while(|letter| letter.is_ascii_whitespace());
    }

    fn value(&mut self) -> Result<String, SyntaxError> {
        let mut value = String::new();
        if self.peek() != Some('\'') {
            while let Some(letter) = self.peek().filter(|letter| !letter.is_ascii_whitespace()) {
                self.next();
                // A backslash at the very end stands for nothing, as in libpq.
                match letter {
                    '\\' => value.extend(self.next()),
                    letter => value.push(letter),
                }
            }
            return Ok(value);
        }
        self.next();
        loop {
            match self.next() {
                None => return Err(SyntaxError::new("a quoted value has no closing quote")),
                Some('\'') => return Ok(value),
                Some('\\') => value.extend(self.next()),
                Some(letter) => value.push(letter),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    /// Writes a conninfo that [`parse`] reads back.
    fn write<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let quoted = pairs.into_iter().map(|(key, value)| {
            let is_plain =
                !value.is_empty() && !value.contains(|c: char| c.is_ascii_whitespace() || c == '\'' || c == '\\');
            if is_plain {
                return format!("{key}={value}");
            }
            format!("{key}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
        });
        quoted.collect::<Vec<_>>().join(" ")
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let parsed = parse(text).unwrap();
        let parsed: Vec<(&str, &str)> = parsed.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn words_quotes_and_escapes_are_read_as_libpq_does() {
        check("", &[]);
        check("  ", &[]);
        check("host=a port=1", &[("host", "a"), ("port", "1")]);
        check(" host = a  port\t=\n1 ", &[("host", "a"), ("port", "1")]);
        check("host=", &[("host", "")]);
        check("dbname='my shop'", &[("dbname", "my shop")]);
        check(r"dbname=my\ shop", &[("dbname", "my shop")]);
        check(r"password='it\'s \\ ='", &[("password", r"it's \ =")]);
        check("host='' port=5", &[("host", ""), ("port", "5")]);
        check("dbname=a=b", &[("dbname", "a=b")]);
        check("dbname=it's", &[("dbname", "it's")]);
        check("dbname='a'user=b", &[("dbname", "a"), ("user", "b")]);
        check(r"dbname=a\", &[("dbname", "a")]);
        check("user=größe", &[("user", "größe")]);
    }

    #[test]
    fn a_mistake_is_told_by_its_place_and_without_the_text() {
        let check = |text: &str, expected: &str| assert_eq!(parse(text).unwrap_err().what, expected, "{text}");
        check("host", "the word at character 1 has no \"=\" after it");
        check("password=my secret", "the word at character 13 has no \"=\" after it");
        check("dbname='x", "a quoted value has no closing quote");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in proptest::collection::vec("\\PC*", 0..4)) {
            let pairs: Vec<(&str, &str)> = values.iter().map(|value| ("options", value.as_str())).collect();
            let parsed = parse(&write(pairs.iter().copied())).unwrap();
            let parsed: Vec<(&str, &str)> = parsed.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            prop_assert_eq!(parsed, pairs);
        }

        #[test]
        fn no_text_makes_it_fall(text in "\\PC*") {
            drop(parse(&text));
        }
    }
}
