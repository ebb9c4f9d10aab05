//! How long a recording of 1 GB takes to open and to jump in, with a frame of Overview drawn each time.
//!
//! `cargo bench --bench recording [-- FOLDER]`. It makes the file of the demo's recording, again and again with its moments
//! moved on, and keeps it in the folder; and a second one whose members' headers say nothing, as those of older programs.
//! Timings decide no test; the goal is 200 ms.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and ends at a fault")]

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgdj::app::{App, Event, PaneContext, Rights, SampleOrigin, Start};
use pgdj::demo::RECORDING;
use pgdj::panes;
use pgdj::record::{LoadStep, Reader, RecordedWindow, RecordingFile, Writer};
use pgdj::sample::{Moment, Reading, Seconds, Section, Snapshot, Timestamp};
use pgdj::ui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const BYTES: u64 = 1 << 30;
/// The memory that `history_mb` allows unless it says otherwise.
const ROOM: usize = 64 << 20;
/// Where a member's header has the mark of what it says.
const MARK_AT: u64 = 12;

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = folder.map_or_else(std::env::temp_dir, PathBuf::from);
    let (newest, older) = (folder.join("pgdj-1gb.jsonl.gz"), folder.join("pgdj-1gb-older.jsonl.gz"));
    if !newest.exists() {
        make(&newest);
    }
    if !older.exists() {
        make_older(&newest, &older);
    }
    measure("as pgdj writes it", &newest);
    measure("as older programs wrote it", &older);
}

fn make(path: &Path) {
    let samples: Vec<Arc<Snapshot>> = Reader::new(RECORDING).unwrap().collect();
    let first = samples.first().unwrap();
    let length = samples.last().unwrap().at.0 - first.at.0 + 1.0;
    let mut writer = Writer::new(File::create(path).unwrap(), &first.server, u64::MAX).unwrap();
    let mut round = 0.0;
    while writer.bytes() < BYTES {
        let mut moved: BTreeMap<*const Reading, Arc<Reading>> = BTreeMap::new();
        for sample in &samples {
            let seconds = round * length;
            let mut again = Snapshot::clone(sample);
            again.at.0 += seconds;
            for section in again.sections.values_mut() {
                let Section::Ready(reading) = section else { continue };
                let of = |reading: &Reading| {
                    Arc::new(Reading { at: Timestamp(reading.at.0 + seconds), rows: reading.rows.clone() })
                };
                *reading = Arc::clone(moved.entry(Arc::as_ptr(reading)).or_insert_with(|| of(reading)));
            }
            writer.push(&Arc::new(again)).unwrap();
        }
        round += 1.0;
    }
    println!("made {}: {} samples", path.display(), writer.frames());
    drop(writer.finish().unwrap());
}

fn make_older(newest: &Path, path: &Path) {
    std::fs::copy(newest, path).unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    let (mut at, end) = (0, file.metadata().unwrap().len());
    while at < end {
        let mut length = [0; 8];
        file.read_exact_at(&mut length, at + MARK_AT + 4).unwrap();
        file.write_all_at(b"xx", at + MARK_AT).unwrap();
        at += u64::from_le_bytes(length);
    }
}

/// A console on a recording.
struct Console {
    file: RecordingFile,
    app: App,
    terminal: Terminal<TestBackend>,
}

impl Console {
    fn open(path: &Path) -> Self {
        let start = Start {
            target: "demo".to_owned(),
            pane: panes::FIRST,
            pace: Seconds(2.0),
            rights: Rights::ReadOnly,
            origin: SampleOrigin::Recording,
            zone: jiff::tz::TimeZone::UTC,
            history_bytes: ROOM,
            theme: Theme::default(),
            themes: None,
            vcpus: None,
        };
        let app = App::new(start, panes::ALL, &PaneContext::in_zone(jiff::tz::TimeZone::UTC));
        let file = RecordingFile::open(File::open(path).unwrap(), ROOM).unwrap();
        let mut console = Self { file, app, terminal: Terminal::new(TestBackend::new(160, 45)).unwrap() };
        let window = console.file.open_first();
        console.show(window);
        console
    }

    fn show(&mut self, window: RecordedWindow) {
        self.app.update(Event::Recorded(Box::new(window)));
        self.terminal.draw(|frame| self.app.draw(frame)).unwrap();
    }

    fn jump(&mut self, number: u64) {
        let window = self.file.seek(Moment::of(number)).unwrap();
        self.show(window);
    }

    fn look_back(&mut self) {
        while self.file.load_more() == LoadStep::Loaded {}
        let window = self.file.window();
        self.show(window);
    }
}

fn measure(what: &str, path: &Path) {
    println!("\n{} bytes {what}", path.metadata().unwrap().len());
    let (mut console, took) = timed(|| Console::open(path));
    say("first frame", took);
    let ((), took) = timed(|| while console.file.index_on() {});
    say("all of it is indexed", took);
    let spans = console.file.window().spans;
    let last = spans.last().unwrap();
    let last = last.from + u64::from(last.samples) - 1;
    let worst = spans.iter().max_by(|left, right| left.load.unwrap().total_cmp(&right.load.unwrap())).unwrap();
    println!("  {} samples in {} spans", last + 1, spans.len());
    for (name, number) in [("last", last), ("worst", worst.from + u64::from(worst.peak)), ("first", 0)] {
        say(&format!("jump to the {name} sample"), timed(|| console.jump(number)).1);
    }
    let jumps = (1..=50).map(|step| timed(|| console.jump(step * 7919 * 13 % last)).1);
    say("jump to any sample, the slowest of 50", jumps.max().unwrap());
    say("five minutes before it, and what else fits into memory", timed(|| console.look_back()).1);
    let (mut slowest, from) = (Duration::ZERO, last / 2);
    console.jump(from);
    for number in from..from + 200 {
        slowest = slowest.max(timed(|| console.jump(number)).1);
    }
    say("a step, the slowest of 200 without reading ahead", slowest);
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (work(), began.elapsed())
}

fn say(what: &str, took: Duration) {
    println!("  {:8.1} ms  {what}", took.as_secs_f64() * 1e3);
}
