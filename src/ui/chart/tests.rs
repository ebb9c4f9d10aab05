use super::*;
use crate::ui::glyphs::{ASCII, UNICODE};
use crate::ui::snapshot::lines;
use crate::ui::theme::Depth;

/// Five minutes at a pace of two seconds: a calm beginning, a lock queue, a gap in the middle.
fn busy() -> LoadChart {
    let point = |at: i32| {
        let time = f64::from(at) * 2.0;
        let wave = (time / 23.0).sin();
        let lock = if (90..120).contains(&at) { f64::from(at - 90) / 5.0 } else { 0.0 };
        let values = vec![2.0 + wave, 0.8 - 0.4 * wave, lock, 0.2, 0.0, 0.0, 0.1];
        Point { at: 1_700_000_000.0 + time, values: (!(60..70).contains(&at)).then_some(values), unknown: 0.0 }
    };
    LoadChart {
        classes: wait_classes(),
        points: (0..150).map(point).collect(),
        span: 300.0,
        hold: 5.0,
        limits: vec![Limit { value: 4.0, label: "4 vCPUs".to_owned(), reach: 2.5, role: Role::Warning }],
        ..LoadChart::default()
    }
}

fn shown(chart: &LoadChart, size: (u16, u16), theme: &Theme) -> String {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    chart.draw(&mut buffer, area, theme, ChartFrame { title: "Load by wait: 5", note: None });
    lines(&buffer).join("\n")
}

#[test]
fn a_chart_fits_every_size() {
    let sizes = [(120, 14), (80, 10), (50, 7), (30, 5), (30, 4), (20, 3), (10, 2), (10, 1)];
    let all: Vec<String> = sizes.iter().map(|size| shown(&busy(), *size, &Theme::default())).collect();
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
fn without_colour_each_class_has_its_letter() {
    let mono = Theme::load("mono", None, Depth::Mono, UNICODE).unwrap();
    let ascii = Theme::load("mono", None, Depth::Mono, ASCII).unwrap();
    let all = [shown(&busy(), (80, 12), &mono), shown(&busy(), (60, 8), &ascii)];
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
fn the_moment_stepped_to_is_marked_and_its_figures_shown() {
    let mut chart = busy();
    chart.cursor = Some(1_700_000_000.0 + 230.0);
    insta::assert_snapshot!(shown(&chart, (80, 10), &Theme::default()));
}

#[test]
fn what_was_not_read_is_a_gap_and_not_zero() {
    let mut chart = busy();
    chart.points.retain(|point| point.at > 1_700_000_100.0);
    for point in &mut chart.points {
        if let Some(values) = &mut point.values {
            values.fill(0.0);
        }
    }
    let stacks = chart.stacks(30);
    assert_eq!(stacks[0], Stack::Blank);
    assert_eq!(stacks.iter().filter(|stack| **stack == Stack::Gap).count(), 1);
    assert_eq!(stacks[29], Stack::Values(vec![0.0; 7]));
}

#[test]
fn a_column_without_a_point_of_its_own_shows_the_one_that_holds() {
    let mut chart = busy();
    chart.span = 20.0;
    assert!(chart.stacks(100).iter().all(|stack| matches!(stack, Stack::Values(_))));
}

#[test]
fn clicks_find_their_moment() {
    let chart = busy();
    let area = Rect::new(0, 0, 80, 10);
    let (first, last) = (chart.moment_at(area, 4).unwrap(), chart.moment_at(area, 79).unwrap());
    assert!(last - first > 280.0 && last <= chart.right(100) + chart.span / 100.0);
    assert_eq!(chart.moment_at(area, 0), None);
}

#[test]
fn nothing_read_and_no_size_are_no_trouble() {
    for chart in
        [LoadChart::default(), busy(), LoadChart { classes: wait_classes(), span: 60.0, ..LoadChart::default() }]
    {
        for (width, height) in (0..40).flat_map(|width| (0..8).map(move |height| (width, height))) {
            shown(&chart, (width, height), &Theme::default());
        }
    }
}
