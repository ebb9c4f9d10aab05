//! Python as text: literals, imports, and calls that are broken over lines where they are too long for one.
//!
//! Lines are at most 88 letters wide and a broken call ends with a comma, as Black and Ruff write it.

use std::collections::{BTreeMap, BTreeSet};

use crate::quote::is_unprintable;

/// Widest line of code. Source: Black's `--line-length`, which Django's own code follows.
const WIDEST: usize = 88;

/// An expression, a predicate or a value, as Django code and as the SQL that Django makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PythonAndSql {
    /// `Upper('email')`, `Q(status='done')`.
    pub(super) python: Py,
    /// SQL without the outer parentheses of an index key: `UPPER("email")`, `"status" = 'done'`.
    pub(super) sql: String,
}

/// A piece of Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Py {
    /// Anything that stays on one line.
    Atom(String),
    /// `name(args)`, and what follows it: `.desc()`.
    Call { name: String, args: Vec<(Option<&'static str>, Py)>, then: &'static str },
    /// `[items]`.
    List(Vec<Py>),
}

impl Py {
    /// A text as a Python literal.
    pub(super) fn text(text: &str) -> Self {
        Self::Atom(python_text(text))
    }

    /// A name, as it is.
    pub(super) fn name(name: &'static str) -> Self {
        Self::Atom(name.to_owned())
    }

    /// A call with arguments by position.
    pub(super) fn call(name: &str, args: Vec<Self>) -> Self {
        Self::Call { name: name.to_owned(), args: args.into_iter().map(|arg| (None, arg)).collect(), then: "" }
    }

    /// The same call with one more argument by name.
    #[must_use]
    pub(super) fn with(mut self, keyword: &'static str, value: Self) -> Self {
        if let Self::Call { args, .. } = &mut self {
            args.push((Some(keyword), value));
        }
        self
    }

    /// Returns it on one line.
    pub(super) fn flat(&self) -> String {
        match self {
            Self::Atom(text) => text.clone(),
            Self::Call { name, args, then } => {
                let args: Vec<String> = args.iter().map(|(keyword, value)| named(*keyword, &value.flat())).collect();
                format!("{name}({}){then}", args.join(", "))
            }
            Self::List(items) => format!("[{}]", items.iter().map(Self::flat).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Returns it on as many lines as it needs; the first starts after `used` letters, the others are indented by
    /// `indent` and more. What follows it (a comma) takes one letter more.
    pub(super) fn broken(&self, indent: usize, used: usize) -> String {
        let flat = self.flat();
        if used + flat.chars().count() < WIDEST {
            return flat;
        }
        let inner = indent + 4;
        let (open, parts, close) = match self {
            Self::Atom(_) => return flat,
            Self::Call { name, args, then } => {
                let part = |(keyword, value): &(Option<&'static str>, Self)| {
                    let used = inner + keyword.map_or(0, |keyword| keyword.len() + 1);
                    named(*keyword, &value.broken(inner, used))
                };
                (format!("{name}("), args.iter().map(part).collect::<Vec<_>>(), format!("){then}"))
            }
            Self::List(items) => {
                ("[".to_owned(), items.iter().map(|item| item.broken(inner, inner)).collect(), "]".to_owned())
            }
        };
        let mut out = open;
        for part in parts {
            out.push_str(&format!("\n{:inner$}{part},", ""));
        }
        format!("{out}\n{:indent$}{close}", "")
    }
}

fn named(keyword: Option<&str>, value: &str) -> String {
    keyword.map_or_else(|| value.to_owned(), |keyword| format!("{keyword}={value}"))
}

/// Modules and the names taken from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Imports {
    names: BTreeMap<&'static str, BTreeSet<&'static str>>,
    modules: BTreeSet<&'static str>,
}

impl Imports {
    /// Adds `from module import name`.
    pub(super) fn add(&mut self, module: &'static str, name: &'static str) {
        self.names.entry(module).or_default().insert(name);
    }

    /// Adds `import module`.
    pub(super) fn add_module(&mut self, module: &'static str) {
        self.modules.insert(module);
    }

    /// Takes over what others import.
    pub(super) fn merge(&mut self, others: Self) {
        self.modules.extend(others.modules);
        for (module, names) in others.names {
            self.names.entry(module).or_default().extend(names);
        }
    }

    /// Says whether anything is taken from a module or from below it.
    pub(super) fn has(&self, module: &str) -> bool {
        self.names.keys().any(|known| known.starts_with(module))
    }

    /// Returns the statements as isort orders them: Python's own modules first, then Django's.
    pub(super) fn lines(&self) -> Vec<String> {
        let [own, django] = self.parts();
        own.into_iter().chain(django).collect()
    }

    /// Returns the head of a file: the statements, with an empty line between Python's own and Django's.
    pub(super) fn head(&self) -> String {
        let parts = self.parts().map(|lines| lines.join("\n"));
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    fn parts(&self) -> [Vec<String>; 2] {
        let modules = self.modules.iter().map(|module| format!("import {module}"));
        let (django, own): (Vec<_>, Vec<_>) = self.names.iter().partition(|(module, _)| module.starts_with("django"));
        let statement = |(module, names): (&&str, &BTreeSet<&str>)| {
            format!("from {module} import {}", names.iter().copied().collect::<Vec<_>>().join(", "))
        };
        [modules.chain(own.into_iter().map(statement)).collect(), django.into_iter().map(statement).collect()]
    }
}

/// Returns a text as a comment of one line: what would end the line or move the cursor becomes a space.
pub(super) fn python_comment(text: &str) -> String {
    let shown = |letter: char| if is_unprintable(letter) { ' ' } else { letter };
    format!("# {}", text.chars().map(shown).collect::<String>())
}

/// Returns a text as a Python literal.
pub(super) fn python_text(text: &str) -> String {
    // As `repr()` does: double quotes only for a text that has single ones and no double ones.
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            // What is not seen, or moves the cursor, is written by its number.
            letter if is_unprintable(letter) && u32::from(letter) <= 0xffff => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter if is_unprintable(letter) => out.push_str(&format!("\\U{:08x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_literal_that_python_reads_back() {
        for (text, expected) in [
            ("done", "'done'"),
            ("it's", "\"it's\""),
            ("it's \"so\"", "'it\\'s \"so\"'"),
            ("a\\b\n\u{1b}[31m", "'a\\\\b\\n\\u001b[31m'"),
            ("\u{202e}x", "'\\u202ex'"),
            ("été", "'été'"),
        ] {
            assert_eq!(python_text(text), expected);
        }
    }

    #[test]
    fn a_call_is_broken_only_where_it_is_too_long() {
        let fields = Py::List(vec![Py::text("status"), Py::text("-created_at")]);
        let index = Py::call("models.Index", Vec::new()).with("fields", fields).with("name", Py::text("x"));
        assert_eq!(index.broken(0, 0), "models.Index(fields=['status', '-created_at'], name='x')");
        assert_eq!(
            index.broken(12, 60),
            "models.Index(\n                fields=['status', '-created_at'],\n                name='x',\n            )"
        );
    }
}
