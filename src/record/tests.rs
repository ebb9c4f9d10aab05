//! What is written is read back, and as much as is left of a damaged file.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use super::decoder::Decoder;
use super::{FORMAT, Plans, Reader, RecordError, RecordedPlan, Writer};
use crate::pg::probes;
use crate::sample::{Missing, Reading, RowSet, SampleCost, Seconds, Section, ServerFacts, Snapshot, Timestamp, Value};

fn reading(probe: &str, at: f64, values: &[Value]) -> Arc<Reading> {
    let columns: Arc<[_]> = Arc::from(probes::find(probe).unwrap().columns);
    let row = (0..columns.len()).map(|at| values.get(at).cloned().unwrap_or_default()).collect();
    Arc::new(Reading { at: Timestamp(at), rows: RowSet::new(columns, [row]) })
}

fn denied() -> Missing {
    Missing::Denied { what: "pg_stat_statements".to_owned(), grant: "GRANT pg_monitor TO app".to_owned() }
}

/// A story in which every kind of section changes into every other.
pub(super) fn story(length: usize) -> Vec<Arc<Snapshot>> {
    let server = Arc::new(ServerFacts { target: "shop".to_owned(), version_num: 150_018, ..ServerFacts::default() });
    let mut wal = Section::Missing(Missing::NotYet);
    (0..length)
        .map(|step| {
            let at = 1_790_000_000.25 + step as f64;
            let text = Value::text("a \u{1b}[31m red\n \u{202e} text \"quoted\" \0");
            let list = Value::list(vec![Value::Int(7), Value::Null]);
            wal = match step % 7 {
                0 => Section::Ready(reading("wal", at, &[Value::Int(i64::MAX), Value::Float(3.0), Value::Bool(true)])),
                2 => wal.failed(Missing::Blocked { by: vec![4711], runs: "VACUUM FULL".to_owned() }),
                4 => Section::Missing(denied()),
                5 => wal.failed(Missing::TimedOut { after: Seconds(2.0) }),
                _ => wal.clone(),
            };
            let sections = BTreeMap::from([
                (
                    "activity",
                    Section::Ready(reading("activity", at, &[Value::Int(i64::try_from(step).unwrap()), text, list])),
                ),
                ("statements", Section::Missing(denied())),
                ("wal", wal.clone()),
            ]);
            let cost = SampleCost { server: Seconds(0.001), round_trips: 1, ..SampleCost::default() };
            Arc::new(Snapshot { at: Timestamp(at), server: Arc::clone(&server), sections, cost })
        })
        .collect()
}

pub(super) fn written(story: &[Arc<Snapshot>]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &story[0].server, u64::MAX).unwrap();
    for snapshot in story {
        writer.push(snapshot).unwrap();
    }
    assert_eq!(writer.frames(), story.len() as u64);
    writer.finish().unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let story = story(150);
    let file = written(&story);
    let mut reader = Reader::new(file.as_slice()).unwrap();
    assert_eq!(reader.server().target, "shop");
    let read: Vec<_> = reader.by_ref().collect();
    assert_eq!(reader.damage(), None);
    assert_eq!(read, story);
    assert!(Arc::ptr_eq(read[0].section("wal").reading().unwrap(), read[1].section("wal").reading().unwrap()));
}

#[test]
fn what_is_left_of_a_damaged_file_is_read() {
    let story = story(150);
    let file = written(&story);
    let mut most = 0;
    for length in (0..file.len()).step_by(97) {
        let Ok(mut reader) = Reader::new(&file[..length]) else { continue };
        let read: Vec<_> = reader.by_ref().collect();
        assert_eq!(read, story[..read.len()], "{length} bytes");
        assert!(reader.damage().is_some() || read.len() % 60 == 0, "{length} bytes, {} samples", read.len());
        most = most.max(read.len());
    }
    // All but the last member.
    assert!(most >= 120, "{most}");
    let mut garbled = file.clone();
    let at = garbled.len() - 20;
    garbled[at] ^= 0x55;
    let mut reader = Reader::new(garbled.as_slice()).unwrap();
    assert!(reader.by_ref().count() >= 120);
    assert!(reader.damage().is_some());
}

#[test]
fn what_is_no_recording_is_refused_with_a_reason() {
    let packed = |text: &str| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let header = |format: u32| format!("{{\"pgdj_recording\":{format},\"what\":[]}}\n");
    for (bytes, says) in [
        (Vec::new(), "not a recording"),
        (b"plain text".to_vec(), "not a recording"),
        (packed("{}\n"), "not a recording"),
        (packed(&header(FORMAT)), "not a recording"),
        (packed(&header(FORMAT + 1)), "it has format 3, and this pgdj knows formats up to 2"),
    ] {
        let error = Reader::new(bytes.as_slice()).err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_recording_ends_at_its_limit() {
    let story = story(200);
    let mut writer = Writer::new(Vec::new(), &story[0].server, 30_000).unwrap();
    let failed = story.iter().cycle().take(100_000).find_map(|snapshot| writer.push(snapshot).err());
    assert!(matches!(failed, Some(RecordError::Full { limit: 30_000 })), "{failed:?}");
    // What was written by then is whole.
    let frames = writer.frames();
    let file = writer.finish().unwrap();
    assert_eq!(Reader::new(file.as_slice()).unwrap().count() as u64, frames);
}

#[test]
fn plans_are_read_back_and_what_the_header_has_beyond_that_is_passed_over() {
    use std::io::Read as _;
    let plan = RecordedPlan { sql: "select 1".to_owned(), plan: "[]".to_owned(), ..RecordedPlan::default() };
    let plans = Arc::new(Plans { plans: vec![plan], ..Plans::default() });
    let writer = Writer::with_plans(Vec::new(), &Arc::new(ServerFacts::default()), u64::MAX, Some(Arc::clone(&plans)));
    let bytes = writer.unwrap().finish().unwrap();
    assert_eq!(Reader::new(bytes.as_slice()).unwrap().plans(), &plans);
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    let newer = text.replace(r#""plans":{"#, r#""of_a_newer_program":{"#);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(newer.as_bytes()).unwrap();
    let reader = Reader::new(std::io::Cursor::new(gzip.finish().unwrap())).unwrap();
    assert_eq!(**reader.plans(), Plans::default());
}

#[test]
fn secrets_of_a_recording_from_before_they_were_taken_out_are_taken_out() {
    let story = story(4);
    let text = |secret: &str| Value::text(&format!("ALTER ROLE bob PASSWORD '{secret}'"));
    let older: Vec<Arc<Snapshot>> = story
        .iter()
        .enumerate()
        .map(|(step, snapshot)| {
            let mut older = Snapshot::clone(snapshot);
            let secret = format!("hUnter{step}");
            let list = Value::list(vec![text(&secret), Value::Null]);
            let values = [Value::Int(1), text(&secret), list];
            older.sections.insert("activity", Section::Ready(reading("activity", older.at.0, &values)));
            Arc::new(older)
        })
        .collect();
    let bytes = written(&older);
    let read: Vec<Arc<Snapshot>> = Reader::new(bytes.as_slice()).unwrap().collect();
    assert_eq!(read.len(), older.len());
    for snapshot in read {
        let row = &snapshot.rows("activity").unwrap().rows[0];
        assert_eq!(row[1], text("[redacted]"));
        assert_eq!(row[2], Value::list(vec![text("[redacted]"), Value::Null]));
    }
}

#[test]
fn a_row_that_did_not_change_is_not_written_again_and_shares_its_texts() {
    use crate::fixture::{With as _, row, snapshot};
    let first = snapshot();
    let sample = |second: i64| {
        let statement = |id: i64| {
            let calls = if id % 100 == 0 { second * id } else { 7 };
            row! { queryid: id * 1_000_003, userid: 10, dbid: 5, user: "shop", calls: calls, total: 2000 + second }
        };
        let session =
            |pid: i64| row! { pid: pid, backend_start: 1.5, query: format!("SELECT {}", pid * 7919).as_str() };
        let at = first.at.0 + second as f64;
        let sample = snapshot().at(at).with("statements", (1..=2000).map(statement).collect());
        Arc::new(sample.with("activity", (1..=150).map(session).collect()))
    };
    let mut writer = Writer::new(Vec::new(), &first.server, u64::MAX).unwrap();
    let samples: Vec<_> = (0..30).map(sample).collect();
    let mut ends = Vec::new();
    for sample in &samples {
        writer.push(sample).unwrap();
        ends.push(writer.bytes());
    }
    let each = (ends[29] - ends[0]) / 29;
    assert!(each < 500, "{each} bytes a sample");
    let file = writer.finish().unwrap();
    let read: Vec<Arc<Snapshot>> = Reader::new(file.as_slice()).unwrap().collect();
    for (read, sample) in read.iter().zip(&samples) {
        assert_eq!(read.sections, sample.sections);
    }
    let text = |sample: &Snapshot| match sample.rows("activity").unwrap().iter().next().unwrap().get("query") {
        Value::Text(text) => Arc::clone(text),
        other => panic!("{other:?}"),
    };
    assert!(Arc::ptr_eq(&text(&read[0]), &text(&read[29])));
}

#[test]
fn what_an_older_program_did_not_read_is_not_awaited() {
    let mut lines = Vec::new();
    flate2::read::MultiGzDecoder::new(written(&story(1)).as_slice()).read_to_end(&mut lines).unwrap();
    let mut lines = lines.split(|byte| *byte == b'\n');
    let mut header: serde_json::Value = serde_json::from_slice(lines.next().unwrap()).unwrap();
    header["columns"].as_object_mut().unwrap().remove("slots").unwrap();
    let (mut decoder, _) = Decoder::of_header(header.to_string().as_bytes()).unwrap();
    let sample = decoder.sample(lines.next().unwrap()).unwrap();
    assert_eq!(sample.section("slots").why(), Some(&Missing::NotRecorded));
    assert_eq!(sample.section("indexes").why(), Some(&Missing::NotYet));
}
