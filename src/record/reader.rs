//! Reads samples back from first to last, as many as a file still holds.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::decoder::Decoder;
use super::{LONGEST_LINE, Plans, RecordError};
use crate::sample::{ServerFacts, Snapshot};

/// Reads a recording: an iterator over its samples, oldest first.
pub struct Reader<R: Read> {
    lines: BufReader<MultiGzDecoder<R>>,
    decoder: Decoder,
    plans: Arc<Plans>,
    damage: Option<String>,
    is_at_end: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub fn new(input: R) -> Result<Self, RecordError> {
        let mut lines = BufReader::new(MultiGzDecoder::new(input));
        let Ok(first) = line(&mut lines) else { return Err(RecordError::NotOne) };
        let (decoder, plans) = Decoder::of_header(&first)?;
        Ok(Self { lines, decoder, plans, damage: None, is_at_end: false })
    }

    /// Returns what the server is, as of the last sample read.
    pub fn server(&self) -> &Arc<ServerFacts> {
        self.decoder.server()
    }

    /// Returns the plans of statements; empty in a recording without.
    pub fn plans(&self) -> &Arc<Plans> {
        &self.plans
    }

    /// Returns why the reading ended before the end of the file, where it did.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Arc<Snapshot>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_at_end {
            return None;
        }
        let text = match line(&mut self.lines) {
            Ok(text) if !text.is_empty() => text,
            ended => {
                self.is_at_end = true;
                self.damage = ended.err().map(|error| error.to_string());
                return None;
            }
        };
        match self.decoder.sample(&text) {
            Ok(sample) => Some(sample),
            Err(error) => {
                self.is_at_end = true;
                self.damage = Some(error.to_string());
                None
            }
        }
    }
}

/// Reads a line, empty at the end.
pub(super) fn line(lines: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text)?;
    Ok(text)
}
