//! What the console sends to the terminal while samples come, counted.

use std::sync::Arc;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::app::{App, Event, PaneContext, Start};
use crate::fixture::{NOW, NamedRow, With as _, row, snapshot, start};
use crate::panes;
use crate::sample::{Seconds, Snapshot};

const SIZE: Rect = Rect { x: 0, y: 0, width: 160, height: 48 };

/// A console on a terminal that counts.
struct Counted {
    app: App,
    writer: FrameWriter<Vec<u8>>,
    before: Buffer,
}

impl Counted {
    fn on(pane: &str) -> Self {
        let start = Start { pace: Seconds(1.0), ..start(panes::named(pane).unwrap()) };
        let app = App::new(start, panes::ALL, &PaneContext::in_zone(TimeZone::UTC));
        let writer = FrameWriter::new(Vec::new());
        writer.size.set(SIZE.as_size());
        Self { app, writer, before: Buffer::empty(SIZE) }
    }

    /// Takes a sample and returns the bytes of its frame.
    fn bytes(&mut self, sample: Snapshot) -> usize {
        self.app.update(Event::Sampled(Arc::new(sample)));
        let mut terminal = Terminal::new(TestBackend::new(SIZE.width, SIZE.height)).unwrap();
        terminal.draw(|frame| self.app.draw(frame)).unwrap();
        let mut after = terminal.backend().buffer().clone();
        thin(&mut after);
        self.writer.draw(self.before.diff(&after).into_iter()).unwrap();
        Backend::flush(&mut self.writer).unwrap();
        self.before = after;
        std::mem::take(&mut self.writer.out).len()
    }
}

/// A sample of so many sessions that idle and so many that run, each second another number of them.
fn sample(second: u32, idle: u32, running: u32) -> Snapshot {
    let at = NOW + f64::from(second);
    let session = |number: u32, state: &'static str| -> NamedRow {
        row! { pid: 100 + number.cast_signed(), backend_start: NOW - 100.0, state: state, backend_type: "client backend", user: "web",
        database: "shop", application: "gunicorn", query_start: at - 0.1, query: "SELECT 1" }
    };
    let running = (0..running + second / 5 % 2).map(|number| session(number, "active"));
    let sessions = running.chain((0..idle).map(|number| session(1000 + number, "idle"))).collect();
    let counters = row! { datname: "shop", is_current: true, commits: 10 * second.cast_signed(), rollbacks: 0,
    blks_hit: 1000 * second.cast_signed(), blks_read: 10 };
    let server = row! { max_connections: 100, client_backends: 20, now: at, started: NOW - 9e5 };
    let mut sample = snapshot().at(at);
    sample.cost.server = Seconds(0.001 + 0.000_37 * f64::from(second % 7));
    sample.with("activity", sessions).with("server", vec![server]).with("databases", vec![counters])
}

/// Returns the mean of the bytes in two seconds between two moments, in seconds since the start.
fn mean(console: &mut Counted, seconds: std::ops::Range<u32>, sample: impl Fn(u32) -> Snapshot) -> f64 {
    let count = f64::from(seconds.end - seconds.start);
    let bytes: usize = seconds.map(|second| console.bytes(sample(second))).sum();
    bytes as f64 / count * 2.0
}

#[test]
fn a_second_costs_a_slow_line_few_bytes_while_the_chart_grows_and_when_it_is_full() {
    for (pane, idle, running, most) in [
        ("overview", 5, 0, [600.0, 230.0]),
        ("overview", 20, 10, [750.0, 250.0]),
        ("load", 20, 10, [1250.0, 300.0]),
        ("tables", 20, 10, [40.0, 40.0]),
    ] {
        let mut console = Counted::on(pane);
        let sample = |second: u32| sample(second, idle, running);
        let first = console.bytes(sample(0));
        assert!(first > 1000, "the first frame is written whole: {first}");
        mean(&mut console, 1..10, sample);
        let growing = mean(&mut console, 10..70, sample);
        mean(&mut console, 70..300, sample);
        let full = mean(&mut console, 300..420, sample);
        assert!(
            growing <= most[0] && full <= most[1],
            "{pane}, {running} active: {growing:.0}, then {full:.0} bytes in 2 s"
        );
    }
}
