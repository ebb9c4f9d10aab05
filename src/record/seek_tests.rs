//! A recording is sought in: every sample is found, whatever its members' headers say.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use flate2::bufread::GzDecoder;

use super::span::HEADER_BYTES;
use super::tests::{story, written};
use super::{LoadStep, RecordedWindow, RecordingFile, Span, Writer};
use crate::fixture::{With as _, row, snapshot};
use crate::sample::{Moment, Snapshot};

/// Memory for a few spans of a story.
const ROOM: usize = 1_000_000;
/// Steps within which any file of these tests is looked through.
const STEPS: usize = 5000;

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn open(bytes: &[u8]) -> RecordingFile {
    RecordingFile::open(file(bytes), ROOM).unwrap()
}

/// Goes to a moment, however far the file must be looked through for it.
fn seek(recording: &mut RecordingFile, number: usize) -> RecordedWindow {
    for _ in 0..STEPS {
        if let Some(window) = recording.seek(Moment::of(number as u64)) {
            return window;
        }
        recording.index_on();
    }
    panic!("sample {number} is sought for ever");
}

/// Looks through the file, and does what is done between two keys.
fn rest(recording: &mut RecordingFile) {
    for _ in 0..STEPS {
        match recording.load_more() {
            LoadStep::Lost => {
                let _window = seek(recording, 0);
            }
            LoadStep::Loaded => {}
            LoadStep::Nothing if recording.index_on() => {}
            LoadStep::Nothing => return,
        }
    }
    panic!("it reads for ever");
}

fn sample(window: &RecordedWindow) -> Option<&Arc<Snapshot>> {
    window.history.at(window.moment?)
}

/// Steps from the first sample to the last there is, and back.
fn stepped(recording: &mut RecordingFile) -> Vec<Arc<Snapshot>> {
    rest(recording);
    let mut samples: Vec<Arc<Snapshot>> = Vec::new();
    for number in 0..100_000 {
        let window = seek(recording, number);
        if window.moment != Some(Moment::of(number as u64)) {
            break;
        }
        samples.push(Arc::clone(sample(&window).unwrap()));
        if number % 50 == 0 {
            rest(recording);
        }
    }
    for number in (0..samples.len()).rev().step_by(7) {
        assert_eq!(sample(&seek(recording, number)), Some(&samples[number]));
    }
    samples
}

/// The places of the members, and the texts in them.
fn members(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let (mut members, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let mut decoder = GzDecoder::new(rest);
        let mut text = Vec::new();
        decoder.read_to_end(&mut text).unwrap();
        members.push((at, text));
        rest = decoder.into_inner();
    }
    members
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn spans(window: &RecordedWindow) -> Vec<Span> {
    window.spans.to_vec()
}

#[test]
fn every_sample_of_a_long_recording_can_be_stepped_to_in_bounded_memory() {
    let story = story(1500);
    let mut recording = open(&written(&story));
    assert!(stepped(&mut recording) == story);
    let window = seek(&mut recording, 700);
    assert!(window.history.len() >= 60 && window.history.len() < 1000, "{} in memory", window.history.len());
    rest(&mut recording);
    let window = recording.window();
    assert!(window.history.len() < 1000, "{} in memory", window.history.len());
    assert!((window.indexed, window.damage.as_deref()) == (1.0, None));
    let older = window.history.at(Moment::of(700 - 299)).unwrap();
    assert_eq!(older.at, story[700 - 299].at, "the load chart looks back five minutes");
}

#[test]
fn a_moment_is_shown_after_its_own_span_and_the_one_before_is_loaded_next_whatever_it_weighs() {
    let story = story(600);
    for room in [ROOM, 1] {
        let mut recording = RecordingFile::open(file(&written(&story)), room).unwrap();
        let _window = recording.open_first();
        while recording.index_on() {}
        for number in [300, 599, 120] {
            let window = seek(&mut recording, number);
            assert_eq!(sample(&window), Some(&story[number]));
            assert!(window.history.len() == 60 && !recording.has_span_before());
            assert_eq!(recording.load_more(), LoadStep::Loaded);
            let window = recording.window();
            assert!(window.history.len() == 120 && recording.has_span_before(), "{number}");
            assert_eq!(window.history.first(), Some(Moment::of(number as u64 / 60 * 60 - 60)));
        }
    }
}

#[test]
fn the_first_sample_is_shown_before_the_file_is_looked_through() {
    let story = story(90 * 60);
    let mut recording = RecordingFile::open(file(&packed(&members_text(&written(&story)))), ROOM).unwrap();
    let window = recording.open_first();
    assert_eq!((window.moment, sample(&window)), (Some(Moment::of(0)), Some(&story[0])));
    assert!(window.indexed < 1.0 && window.spans.len() < 90, "{} spans", window.spans.len());
    rest(&mut recording);
    assert_eq!((recording.window().indexed, recording.window().spans.len()), (1.0, 90));
}

/// All lines of a recording.
fn members_text(bytes: &[u8]) -> Vec<u8> {
    members(bytes).into_iter().flat_map(|(_, text)| text).collect()
}

#[test]
fn a_recording_whose_headers_say_nothing_is_found_to_have_the_same_spans() {
    let story = story(400);
    let bytes = written(&story);
    let older: Vec<u8> = members(&bytes).iter().flat_map(|(_, text)| packed(text)).collect();
    let anew = packed(&members_text(&bytes));
    let mut newest = open(&bytes);
    rest({
        let _window = newest.open_first();
        &mut newest
    });
    for bytes in [older, anew] {
        let mut recording = open(&bytes);
        assert!(stepped(&mut recording) == story);
        assert_eq!(spans(&recording.window()), spans(&newest.window()));
    }
}

#[test]
fn a_header_that_lies_is_found_out_and_no_sample_is_lost() {
    let story = story(400);
    let bytes = written(&story);
    let members = members(&bytes);
    let (third, fourth) = (members[3].0, members[4].0);
    let length = (fourth - third) as u64;
    let lengths = [0, 1, 44, length - 1, length + 1, length / 2, length * 2, bytes.len() as u64, u64::MAX];
    let two_members = (members[5].0 - third) as u64;
    let to_the_end = (bytes.len() - third) as u64;
    let lies = lengths.into_iter().chain([two_members, to_the_end]).map(|length| (0, length.to_le_bytes().to_vec()));
    let counts = [0_u32, 1, 59, 61, 100_000, u32::MAX].map(|count| (16, count.to_le_bytes().to_vec()));
    let moments = [0.0, f64::NAN, f64::MAX, -1.0].map(|at: f64| (8, at.to_le_bytes().to_vec()));
    let peaks = [(20, u32::MAX.to_le_bytes().to_vec()), (24, f32::INFINITY.to_le_bytes().to_vec())];
    for (at, lie) in lies.chain(counts).chain(moments).chain(peaks) {
        for member in [third, members[1].0, members[members.len() - 1].0] {
            let mut bytes = bytes.clone();
            let at = member + 16 + at;
            bytes[at..at + lie.len()].copy_from_slice(&lie);
            let mut recording = open(&bytes);
            assert_eq!(sample(&recording.open_first()), Some(&story[0]));
            // Of what a lie hides, what was looked at is found again.
            for number in 0..story.len() {
                let _window = seek(&mut recording, number);
            }
            assert!(stepped(&mut recording) == story, "at {at}: {lie:?}");
        }
    }
}

#[test]
fn what_is_left_of_a_file_that_was_cut_off_is_found() {
    let story = story(150);
    let bytes = written(&story);
    for length in (0..bytes.len()).step_by(211) {
        let Ok(mut recording) = RecordingFile::open(file(&bytes[..length]), ROOM) else { continue };
        let samples = stepped(&mut recording);
        assert!(samples == story[..samples.len()], "{length} bytes");
        let whole = members(&written(&story)).iter().skip(1).filter(|(at, _)| *at <= length).count();
        assert!(samples.len() + 60 >= whole.saturating_sub(1) * 60, "{} of {length} bytes", samples.len());
        let is_cut = !members(&bytes).iter().any(|(at, _)| *at == length);
        assert_eq!(recording.window().damage.is_some(), is_cut, "{length} bytes");
    }
}

#[test]
fn after_a_member_that_cannot_be_read_the_next_one_is() {
    let story = story(300);
    let mut bytes = written(&story);
    let members = members(&bytes);
    let middle = usize::midpoint(members[2].0, members[3].0);
    bytes[middle] ^= 0x55;
    let mut recording = open(&bytes);
    let _window = recording.open_first();
    for number in 0..300 {
        let _window = seek(&mut recording, number);
    }
    let samples = stepped(&mut recording);
    assert!(samples.len() >= 240 && samples.len() < 300, "{}", samples.len());
    assert!(samples[..60] == story[..60] && samples[samples.len() - 180..] == story[120..]);
    let damage = recording.window().damage.unwrap();
    assert!(damage.starts_with("the recording is damaged after "), "{damage}");
}

#[test]
fn no_garbled_byte_is_a_fault_or_goes_on_for_ever() {
    let story = story(130);
    let bytes = written(&story);
    let members = members(&bytes);
    for (at, _) in &members {
        for byte in 0..HEADER_BYTES {
            for mask in [0xff, 0x01, 0x80] {
                let mut bytes = bytes.clone();
                bytes[at + byte] ^= mask;
                let Ok(mut recording) = RecordingFile::open(file(&bytes), ROOM) else { continue };
                let samples = stepped(&mut recording);
                assert!(samples.iter().all(|sample| story.contains(sample)));
            }
        }
    }
    for step in (0..bytes.len()).step_by(101) {
        let mut bytes = bytes.clone();
        bytes[step] = bytes[step].wrapping_add(1);
        let Ok(mut recording) = RecordingFile::open(file(&bytes), ROOM) else { continue };
        let _samples = stepped(&mut recording);
    }
}

#[test]
fn a_file_that_grows_is_followed_from_its_last_sample() {
    let story = story(400);
    let bytes = written(&story);
    let members = members(&bytes);
    let third = members[3].0;
    // The end of a member, and the middle of one that is being written.
    for there in [third, third + 700] {
        let growing = file(&bytes[..there]);
        let mut recording = RecordingFile::open(growing.try_clone().unwrap(), ROOM).unwrap();
        let samples = stepped(&mut recording);
        assert!(samples.len() >= 120 && samples.len() < 180 && samples == story[..samples.len()]);
        std::os::unix::fs::FileExt::write_all_at(&growing, &bytes[there..], there as u64).unwrap();
        assert!(stepped(&mut recording) == story, "from {there}");
        assert_eq!(recording.window().damage, None);
        growing.set_len(third as u64).unwrap();
        for number in [399, 0, 200, 130] {
            assert!(seek(&mut recording, number).moment.is_some(), "a file that became shorter");
        }
    }
}

#[test]
fn a_recording_without_samples_has_no_moment() {
    let bytes = written(&story(1));
    let mut recording = open(&bytes[..members(&bytes)[1].0]);
    let window = recording.open_first();
    assert!(window.moment.is_none() && window.spans.is_empty());
    rest(&mut recording);
    assert_eq!(recording.load_more(), LoadStep::Nothing);
}

#[test]
fn a_span_knows_its_load_and_where_it_is_highest() {
    let active = row! { pid: 1, backend_type: "client backend", state: "active" };
    let first = snapshot();
    let at = first.at.0;
    let mut writer = Writer::new(Vec::new(), &first.server, u64::MAX).unwrap();
    for second in 0..180 {
        let count = if second == 100 { 50 } else { usize::from(second / 60 == 1) };
        let sample = snapshot().at(at + f64::from(second)).with("activity", vec![active.clone(); count]);
        writer.push(&Arc::new(sample)).unwrap();
    }
    let mut recording = open(&writer.finish().unwrap());
    let _window = recording.open_first();
    rest(&mut recording);
    let loads: Vec<_> = recording.window().spans.iter().map(|span| (span.load, span.peak)).collect();
    assert_eq!(loads, [(Some(0.0), 0), (Some(109.0 / 60.0), 40), (Some(0.0), 0)]);
}
