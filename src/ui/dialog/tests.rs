use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::document::Tone;
use crate::ui::snapshot::lines;

fn drawn(size: (u16, u16), draw: impl FnOnce(&mut Buffer, Rect)) -> String {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    draw(&mut buffer, area);
    lines(&buffer).join("\n")
}

fn help() -> Help {
    let section = |title: &str, keys: &[(&str, &str)]| HelpSection {
        title: title.to_owned(),
        keys: keys.iter().map(|(key, does)| ((*key).to_owned(), (*does).to_owned())).collect(),
    };
    Help {
        title: "Keys in Activity".to_owned(),
        sections: vec![
            section(
                "Move",
                &[("j k", "down, up"), ("g G", "first, last row"), ("← →", "columns"), ("PgUp PgDn", "a page")],
            ),
            section("List", &[("/", "filter"), ("s S", "sort by, reverse"), ("Enter", "inspect")]),
            section(
                "Session",
                &[("c", "cancel the query"), ("K", "terminate the session"), ("e", "explain"), ("y", "copy")],
            ),
            section("Time", &[("Space", "pause"), ("[ ]", "step back, forward")]),
            section("Everywhere", &[("1-9 Tab", "panes"), (":", "all actions"), ("?", "this help"), ("q", "quit")]),
        ],
    }
}

fn confirm() -> Confirm {
    let fact = |label: &str, value: &str| Fact { label: label.to_owned(), value: value.to_owned(), tone: Tone::Plain };
    Confirm {
        title: "Terminate this session?".to_owned(),
        facts: vec![
            fact("pid", "4711 since 12:03:14"),
            fact("user", "shop_app from 10.0.0.12, manage.py migrate"),
            fact("transaction", "13m32s, holds 4 locks, 12 sessions wait behind it"),
            fact(
                "query",
                "ALTER TABLE shop_order ADD COLUMN total numeric(10, 2) NOT NULL DEFAULT 0, ADD CONSTRAINT total_check CHECK (total >= 0)\x1b[2J",
            ),
        ],
        warning: Some("What it did since it began is rolled back.".to_owned()),
        choices: vec![("n".to_owned(), "cancel".to_owned()), ("y".to_owned(), "terminate".to_owned())],
    }
}

fn palette() -> Picker {
    let item = |label: &str, note: &str, key: &str| PickItem {
        label: label.to_owned(),
        note: note.to_owned(),
        key: key.to_owned(),
        also: "",
    };
    let items = vec![
        item("pause", "hold the screen, go on sampling", "Space"),
        item("theme", "choose the colours, with a preview", ""),
        item("sort", "sort by the next column", "s"),
        item("terminate session", "end the selected session", "K"),
        item("cancel query", "cancel what the selected session runs", "c"),
        item("quit", "leave pgdj", "q"),
    ];
    Picker::new("Actions", items, 0)
}

fn type_in(picker: &mut Picker, text: &str) {
    for c in text.chars() {
        picker.on_key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    }
}

#[test]
fn help_flows_into_the_columns_there_are() {
    let all: Vec<String> = [(120, 20), (70, 20), (40, 12), (12, 5)]
        .iter()
        .map(|size| drawn(*size, |buffer, area| assert!(help().draw(buffer, area, 2, &Theme::default()) < 40)))
        .collect();
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
fn a_question_names_what_it_would_hit() {
    let all: Vec<String> = [(90, 16), (44, 16), (20, 6)]
        .iter()
        .map(|size| drawn(*size, |buffer, area| confirm().draw(buffer, area, &Theme::default())))
        .collect();
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
fn a_list_is_narrowed_by_typing_best_first() {
    let mut picker = palette();
    let before = drawn((70, 12), |buffer, area| assert!(picker.draw(buffer, area, &Theme::default()).is_some()));
    type_in(&mut picker, "se");
    let after = drawn((70, 12), |buffer, area| assert!(picker.draw(buffer, area, &Theme::default()).is_some()));
    insta::assert_snapshot!([before, after].join("\n--\n"));
    assert_eq!(picker.selected(), Some(3));
    type_in(&mut picker, "xyz");
    assert_eq!(picker.selected(), None);
}

#[test]
fn arrows_go_around_a_list() {
    let mut picker = palette();
    picker.on_key(KeyEvent::new(KeyCode::Up, KeyModifiers::NONE));
    assert_eq!(picker.selected(), Some(5));
    picker.on_key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
    assert_eq!(picker.selected(), Some(0));
}

#[test]
fn no_size_panics() {
    for (width, height) in (0..30).flat_map(|width| (0..9).map(move |height| (width, height))) {
        drawn((width, height), |buffer, area| {
            help().draw(buffer, area, 5, &Theme::default());
            confirm().draw(buffer, area, &Theme::default());
            palette().draw(buffer, area, &Theme::default());
        });
    }
}
