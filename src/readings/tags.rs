//! What a statement says of where it comes from: the comment of sqlcommenter, and the name of the application.
//!
//! Pure. A tag is text that somebody else wrote, percent-encoded: decoded it may hold anything, so what a terminal would
//! not show as itself is replaced here, and what is longer than a name is cut.
//! Source: sqlcommenter specification, "Format" and "Attributes"; django-sqlcommenter sends `controller` (the view's name),
//! `route`, `app_name`, `framework` and `db_driver`.

use crate::quote::is_unprintable;

/// Letters of a tag that are kept; a view's name and a route are shorter.
const LONGEST: usize = 120;

/// What the tags of a statement name; empty where they do not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags {
    /// The Django view: `controller` with its `action`, else the `route`.
    pub view: String,
    /// The background task or management command: `task`, `job` or `command`.
    pub task: String,
}

impl Tags {
    /// Reads the comment at the end of a statement, else the one before it.
    ///
    /// A comment without its end was cut, and so may its last value be: it says nothing.
    pub fn of(statement: &str) -> Self {
        let read = |comment: Option<&str>| comment.map(Self::read).filter(|tags| *tags != Self::default());
        read(last_comment(statement)).or_else(|| read(first_comment(statement))).unwrap_or_default()
    }

    fn read(comment: &str) -> Self {
        let pairs = pairs(comment);
        let tag = |name: &str| {
            let value = pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| decoded(value));
            value.filter(|value| !value.trim().is_empty())
        };
        let view = match (tag("controller"), tag("action")) {
            (Some(controller), Some(action)) => Some(format!("{controller}:{action}")),
            (Some(name), None) | (None, Some(name)) => Some(name),
            (None, None) => tag("route"),
        };
        let task = tag("task").or_else(|| tag("job")).or_else(|| tag("command"));
        Self { view: view.unwrap_or_default(), task: task.unwrap_or_default() }
    }
}

fn last_comment(statement: &str) -> Option<&str> {
    let text = statement.trim_end_matches(|letter: char| letter == ';' || letter.is_whitespace()).strip_suffix("*/")?;
    text.get(text.rfind("/*")? + 2..)
}

fn first_comment(statement: &str) -> Option<&str> {
    let text = statement.trim_start().strip_prefix("/*")?;
    text.get(..text.find("*/")?)
}

/// Returns the names of a comment with their values as they are written, without the quotes around them.
fn pairs(comment: &str) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    let mut rest = comment;
    while let Some((name, after)) = rest.split_once('=') {
        // Words before the first name, as in a hint, belong to none.
        let name = name.rsplit([',', ' ']).find(|part| !part.trim().is_empty()).unwrap_or_default().trim();
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('\'') {
            Some(quoted) => end_of_quoted(quoted),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        pairs.push((name, value.trim()));
        rest = next;
    }
    pairs
}

/// Parts a text at the quote that ends it; one with a backslash before it is part of the value.
fn end_of_quoted(text: &str) -> (&str, &str) {
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '\'' => return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            _ => {}
        }
    }
    (text, "")
}

/// Returns a value without its percent escapes, as a name that can be shown.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes().iter();
    while let Some(byte) = rest.next() {
        let escaped = (*byte == b'%').then(|| {
            let digits = rest.as_slice().get(..2)?;
            u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        });
        if let Some(Some(byte)) = escaped {
            bytes.push(byte);
            rest.nth(1);
        } else {
            bytes.push(*byte);
        }
    }
    let text = String::from_utf8_lossy(&bytes).replace("\\'", "'");
    named(&text)
}

/// Returns a foreign text as a name: one line, without what a terminal would not show as itself, not too long.
fn named(text: &str) -> String {
    let shown = text.trim().chars().take(LONGEST);
    shown.map(|letter| if is_unprintable(letter) { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

/// Returns the background task or management command that an application's name tells: `manage.py migrate` of
/// `/srv/manage.py migrate shop 0013`, `celery: import_prices` of `celery: import_prices [2]`; empty where it tells none.
pub fn task_of_application(application: &str) -> String {
    let mut words = application.split_whitespace();
    let program = words.next().map(|program| program.rsplit('/').next().unwrap_or(program)).unwrap_or_default();
    if matches!(program, "manage.py" | "django-admin") {
        let command = words.find(|word| !word.starts_with('-')).unwrap_or_default();
        return named(&format!("{program} {command}"));
    }
    let Some((queue, task)) = application.split_once(':') else { return String::new() };
    let queue = queue.trim();
    if !matches!(queue, "celery" | "rq" | "huey" | "dramatiq") {
        return String::new();
    }
    // The workers of one pool, and the runs of one task, are numbered.
    let task = task.split('[').next().unwrap_or_default().trim();
    let task = task.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches(['-', '_', ' ', '#']);
    named(&format!("{queue}: {task}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_the_view() {
        for (statement, view) in [
            ("SELECT 1 /*controller='orders',action='list',framework='django%3A5.2'*/", "orders:list"),
            (
                "SELECT 1 /*controller='products%3Adetail',db_driver='django.db.backends.postgresql',framework='django%3A5.2',\
                 route='products/%3Cint%3Apk%3E/'*/",
                "products:detail",
            ),
            ("SELECT 1 /* route='%2Forders%2F' */;\n", "/orders/"),
            ("/*route='a',controller='b'*/ SELECT '/*controller=''c''*/'", "b"),
            ("/*+ SeqScan(t) controller='a'*/ SELECT 1", "a"),
            ("/*controller='first'*/ SELECT 1 /* hello */", "first"),
            ("SELECT 1 /*controller='%ZZ'*/", "%ZZ"),
            ("SELECT 1 /*controller='it\\'s',action=''*/", "it's"),
            ("SELECT 1 /*controller='a%1b%5b31m%0a%e2%80%ae'*/", "a\u{fffd}[31m\u{fffd}\u{fffd}"),
            ("SELECT 1 /*controller='%ff%00'*/", "\u{fffd}\u{fffd}"),
            ("SELECT 1 /*controller=a,route='b'*/", "a"),
            // What was cut says nothing: it may be half a name.
            ("SELECT 1 /*controller='products%3Ad...", ""),
            ("SELECT 1 /* hello */", ""),
            ("SELECT '/*controller=x*/'", ""),
            ("SELECT 1 /*=,='=*/", ""),
            ("", ""),
            ("*/", ""),
            ("/*/", ""),
        ] {
            assert_eq!(Tags::of(statement).view, view, "{statement}");
        }
        let long = format!("SELECT 1 /*route='{}'*/", "é".repeat(10_000));
        assert_eq!(Tags::of(&long).view.chars().count(), LONGEST);
    }

    #[test]
    fn a_task_is_told_by_its_tag_or_by_the_application() {
        assert_eq!(Tags::of("SELECT 1 /*task='shop.tasks.import_prices'*/").task, "shop.tasks.import_prices");
        for (application, task) in [
            ("manage.py migrate shop 0013", "manage.py migrate"),
            ("/srv/shop/manage.py --settings=x export", "manage.py export"),
            ("celery: ForkPoolWorker-12", "celery: ForkPoolWorker"),
            ("celery: sync_stock [2]", "celery: sync_stock"),
            ("gunicorn: worker [1]", ""),
            ("manage.py", "manage.py"),
            ("", ""),
        ] {
            assert_eq!(task_of_application(application), task, "{application}");
        }
    }
}
