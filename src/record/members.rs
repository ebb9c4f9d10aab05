//! The lines of one gzip member, read from any place of a file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use flate2::bufread::GzDecoder;

use super::reader::line;

/// Bytes that are read of a file at once.
const BLOCK: usize = 64 * 1024;

/// A file, read from a place on; others may read it elsewhere at the same time.
#[derive(Debug)]
pub(super) struct FileFrom {
    file: Arc<File>,
    at: u64,
}

impl FileFrom {
    /// Begins at a place.
    pub(super) fn new(file: &Arc<File>, at: u64) -> Self {
        Self { file: Arc::clone(file), at }
    }
}

impl Read for FileFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The lines of the gzip member at a place.
#[derive(Debug)]
pub(super) struct MemberLines {
    lines: BufReader<GzDecoder<BufReader<FileFrom>>>,
}

impl MemberLines {
    /// Begins with the first line.
    pub(super) fn open(file: &Arc<File>, at: u64) -> Self {
        let input = BufReader::with_capacity(BLOCK, FileFrom::new(file, at));
        Self { lines: BufReader::with_capacity(BLOCK, GzDecoder::new(input)) }
    }

    /// Reads a line; `None` at the member's end.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let text = line(&mut self.lines)?;
        Ok((!text.is_empty()).then_some(text))
    }

    /// Returns how far the file was read: at the member's end, where the next one begins.
    pub(super) fn end(&self) -> u64 {
        let input = self.lines.get_ref().get_ref();
        input.get_ref().at - input.buffer().len() as u64
    }
}
