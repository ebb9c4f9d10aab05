//! A crash leaves every sample that was taken, wherever it stops the writing.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::tests::story;
use super::{Reader, RecordingFile, Sink, Writer};
use crate::sample::{Moment, Snapshot};

/// Bytes that were written, and where.
type Written = Vec<(u64, Vec<u8>)>;

/// Keeps what is written in the order in which it is.
#[derive(Clone, Default)]
struct Journal {
    written: Arc<Mutex<Written>>,
    end: u64,
}

impl Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.lock().unwrap().push((self.end, bytes.to_vec()));
        self.end += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Journal {
    fn replace(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.written.lock().unwrap().push((at, bytes.to_vec()));
        Ok(())
    }
}

/// What a crash leaves after so many of the bytes that would be written.
fn left(written: &Written, bytes: usize) -> Vec<u8> {
    let (mut file, mut rest) = (Vec::new(), bytes);
    for (at, part) in written {
        let part = &part[..part.len().min(rest)];
        if part.is_empty() {
            break;
        }
        let end = *at as usize + part.len();
        if end > file.len() {
            file.resize(end, 0);
        }
        file[*at as usize..end].copy_from_slice(part);
        rest -= part.len();
    }
    file
}

/// Returns how many samples are found, the last of them, and what is said of the rest.
fn found(bytes: &[u8]) -> (usize, Option<Arc<Snapshot>>, Option<String>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let mut recording = RecordingFile::open(file, 1_000_000).unwrap();
    while recording.index_on() {}
    let count = recording.window().spans.iter().map(|span| span.samples as usize).sum();
    let window = recording.seek(Moment::of(1_000_000)).unwrap();
    (count, window.moment.and_then(|last| window.history.at(last).cloned()), window.damage)
}

#[test]
fn wherever_a_crash_stops_the_writing_all_samples_are_there_but_the_one_being_written() {
    let story = story(64);
    let journal = Journal::default();
    let mut writer = Writer::new(journal.clone(), &story[0].server, u64::MAX).unwrap();
    let total = |journal: &Journal| journal.written.lock().unwrap().iter().map(|(_, part)| part.len()).sum::<usize>();
    let mut ends = vec![total(&journal)];
    for sample in &story {
        writer.push(sample).unwrap();
        ends.push(total(&journal));
    }
    let journal = writer.finish().unwrap();
    let written = journal.written.lock().unwrap();
    let all = written.iter().map(|(_, part)| part.len()).sum::<usize>();
    let member_end = ends[60];
    for bytes in ends[0]..=all {
        // Every byte around the end of a member, and of the samples after it; a part of those before.
        if bytes + 100 < member_end && bytes % 13 != 0 && !ends.contains(&bytes) {
            continue;
        }
        let file = left(&written, bytes);
        let samples = ends.iter().filter(|end| **end <= bytes).count() - 1;
        let (count, last, damage) = found(&file);
        // The last bytes of a sample only end it.
        assert!((samples..=samples + 1).contains(&count), "{count} after {bytes} bytes");
        assert_eq!(last.as_ref(), story[..count].last(), "after {bytes} bytes");
        assert_eq!(Reader::new(file.as_slice()).unwrap().count(), count, "after {bytes} bytes");
        if ends.contains(&bytes) {
            assert_eq!(damage, None, "after {bytes} bytes");
        }
    }
}

/// A disk with room for so many bytes.
struct SmallDisk {
    file: Vec<u8>,
    room: usize,
}

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room - self.file.len());
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for &mut SmallDisk {
    fn replace(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.replace(at, bytes)
    }
}

#[test]
fn on_a_full_disk_is_every_sample_that_could_be_written() {
    let story = story(100);
    let size = super::tests::written(&story).len();
    for room in (size / 4..size).step_by(331) {
        let mut disk = SmallDisk { file: Vec::new(), room };
        let Ok(mut writer) = Writer::new(&mut disk, &story[0].server, u64::MAX) else { continue };
        let failed = story.iter().find_map(|sample| writer.push(sample).err());
        let frames = writer.frames() as usize;
        if failed.is_some() {
            assert!(writer.push(&story[0]).is_err() && writer.finish().is_err());
        }
        let found = found(&disk.file).0;
        assert!((frames..=frames + 1).contains(&found), "{found} of {frames}, {room} bytes");
    }
}

#[test]
fn who_reads_while_it_is_written_sees_every_sample_at_once() {
    let story = story(130);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.jsonl.gz");
    let mut writer = Writer::new(File::create(&path).unwrap(), &story[0].server, u64::MAX).unwrap();
    let mut recording = None;
    for (number, sample) in story.iter().enumerate() {
        writer.push(sample).unwrap();
        let recording =
            recording.get_or_insert_with(|| RecordingFile::open(File::open(&path).unwrap(), 1_000_000).unwrap());
        let window = loop {
            match recording.seek(Moment::of(number as u64)) {
                Some(window) => break window,
                None => recording.index_on(),
            };
        };
        assert_eq!(window.moment.and_then(|moment| window.history.at(moment)), Some(sample), "sample {number}");
        assert_eq!(window.damage, None);
    }
}
