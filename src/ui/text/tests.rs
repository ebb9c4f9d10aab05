use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::*;

#[test]
fn hostile_text_becomes_one_visible_line() {
    for (raw, shown) in [
        ("plain", "plain"),
        ("a\nb", "a b"),
        ("select\n    1,\r\n\t2", "select 1, 2"),
        ("a  b", "a  b"),
        ("\n\nselect 1\n", "select 1 "),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("nul\0end", "nul␀end"),
        ("\u{9b}31m", "\u{fffd}31m"),
        ("abc\u{202e}fdp.exe", "abc\u{fffd}fdp.exe"),
        ("a\u{200b}b\u{feff}c\u{ad}d", "abcd"),
        ("👩\u{200d}💻", "👩💻"),
        ("❤\u{fe0f}", "❤"),
        ("👍🏽", "👍"),
        ("\u{301}start", "start"),
        ("Ünïcödé", "Ünïcödé"),
        ("שלום", "שלום"),
    ] {
        assert_eq!(clean(raw), shown, "{raw:?}");
    }
}

#[test]
fn lines_are_kept_or_streamed() {
    assert_eq!(clean_lines("a\r\n\tb\tc"), "a\n    b   c");
    assert_eq!(clean_stream("a\tb\n\x1b]0;owned\x07"), "a\tb\n␛]0;owned␇");
}

#[test]
fn a_letter_carries_a_few_marks_only() {
    let zalgo = format!("a{}", "\u{301}".repeat(1000));
    assert_eq!(clean(&zalgo).chars().count(), 1 + MAX_MARKS);
}

#[test]
fn cuts_fall_on_a_grapheme() {
    for (text, width, expected) in [
        ("hello", 5, "hello"),
        ("hello", 4, "hel…"),
        ("hello", 1, "…"),
        ("hello", 0, ""),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("日本語", 2, "…"),
        ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
    ] {
        assert_eq!(cut(text, width), expected, "{text:?} at {width}");
    }
}

#[test]
fn a_megabyte_costs_no_more_than_the_line_it_is_cut_to() {
    let text = "select 'ü' ".repeat(100_000);
    assert!(head(&text, 80).len() < 2000);
    assert_eq!(width(&clean_cut(&text, 80)), 80);
}

#[test]
fn long_lines_break_at_blanks_and_hang() {
    let wrapped = wrap("  where customer_id = 12 and status = 'open'", 24);
    assert_eq!(wrapped, ["  where customer_id = 12", "    and status = 'open'"]);
    assert_eq!(wrap("abcdefghij", 4), ["abcd", "  ef", "  gh", "  ij"]);
    assert_eq!(wrap_words("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap_words("all of 100%, (a, b)", 10), ["all of", "100%, (a,", "b)"]);
    assert_eq!(wrap("", 4), [""]);
    assert_eq!(wrap("日本", 1), [""]);
    // A letter with a vowel sign of its own column: three columns, more than the indentation leaves of four.
    assert_eq!(wrap("0᠐゛\u{dd8}", 4), ["0᠐", "゛\u{dd8}"]);
}

/// Columns the buffer fills for a text.
fn buffer_columns(text: &str) -> usize {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 4000, 1));
    usize::from(buffer.set_stringn(0, 0, text, 4000, Style::default()).0)
}

proptest! {
    #[test]
    fn cleaned_text_is_visible_and_stays_as_it_is(raw in any::<String>()) {
        let once = clean(&raw).into_owned();
        prop_assert!(!once.contains(char::is_control));
        prop_assert!(!once.chars().any(is_invisible));
        prop_assert_eq!(&clean(&once), &once);
    }

    #[test]
    fn only_line_ends_and_tabs_survive_in_a_stream(raw in any::<String>()) {
        prop_assert!(!clean_stream(&raw).chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        prop_assert!(!clean_lines(&raw).chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn widths_are_those_of_the_buffer(raw in "\\PC{0,60}") {
        prop_assert_eq!(width(&raw), buffer_columns(&raw));
    }

    #[test]
    fn a_cut_fits_and_a_pad_fills(raw in any::<String>(), columns in 0_usize..40) {
        let text = clean(&raw);
        prop_assert!(width(&cut(&text, columns)) <= columns);
        prop_assert_eq!(width(&pad(&text, columns, Align::Right)), columns);
        prop_assert!(width(&clean_cut(&raw, columns)) <= columns);
    }

    #[test]
    fn wrapped_lines_fit_and_lose_only_blanks(raw in any::<String>(), columns in 2_usize..60) {
        let text = clean_lines(&raw);
        // Some graphemes are wider than two columns; what fits nowhere is not asked for.
        prop_assume!(text.graphemes(true).all(|one| grapheme_width(one) <= columns));
        let lines = wrap(&text, columns);
        prop_assert!(lines.iter().all(|line| width(line) <= columns));
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(letters(&lines.concat()), letters(&text));
    }
}

#[test]
fn a_name_keeps_its_end() {
    for (name, width, shown) in [("shop_order", 10, "shop_order"), ("shop_order", 3, "sh…"), ("", 0, "")] {
        assert_eq!(cut_middle(name, width, '…'), shown);
    }
    assert_eq!(cut_middle("shop_orderitem_product_id_48153f22", 27, '…'), "shop_orderitem_pro…48153f22");
    let wide = cut_middle("日本語の名前がここにある", 9, '…');
    assert!(width(&wide) <= 9 && wide.ends_with('る'), "{wide}");
}
