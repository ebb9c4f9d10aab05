//! A recording of any length in bounded memory: where all samples are too many, every second one, fourth one, and so on.
//!
//! Pure. What is kept spans the whole recording, with its first and its last sample; rates are between the samples kept.

use std::sync::Arc;

use crate::sample::Snapshot;

/// The samples of a recording that are kept.
#[derive(Debug)]
pub struct Sparse {
    /// Those that are kept, oldest first.
    pub samples: Vec<Arc<Snapshot>>,
    /// One of so many is kept: 1 where all are.
    pub every: usize,
    /// How many there are in the recording.
    pub read: usize,
}

impl Sparse {
    /// Takes samples, oldest first, into about so many bytes.
    pub fn within(limit_bytes: usize, samples: impl Iterator<Item = Arc<Snapshot>>) -> Self {
        let mut sparse = Self { samples: Vec::new(), every: 1, read: 0 };
        let (mut bytes, mut skipped) = (0, None);
        for sample in samples {
            let place = sparse.read;
            sparse.read += 1;
            if !place.is_multiple_of(sparse.every) {
                skipped = Some(sample);
                continue;
            }
            skipped = None;
            bytes += weight(sparse.samples.last(), &sample);
            sparse.samples.push(sample);
            // Two are kept whatever they weigh: a rate is between two.
            while bytes > limit_bytes && sparse.samples.len() > 2 {
                bytes = sparse.halve(&mut skipped);
            }
        }
        sparse.samples.extend(skipped);
        sparse
    }

    /// Keeps every second of what is kept; returns what that weighs. The newest may become the one that is skipped.
    fn halve(&mut self, skipped: &mut Option<Arc<Snapshot>>) -> usize {
        self.every *= 2;
        if self.samples.len().is_multiple_of(2) {
            *skipped = self.samples.last().cloned();
        }
        let mut place = 0;
        self.samples.retain(|_| {
            place += 1;
            place % 2 == 1
        });
        let older = std::iter::once(None).chain(self.samples.iter().map(Some));
        older.zip(&self.samples).map(|(older, sample)| weight(older, sample)).sum()
    }
}

/// Returns about how many bytes a sample holds beside the one before it, with which it shares what was not read anew.
fn weight(older: Option<&Arc<Snapshot>>, sample: &Snapshot) -> usize {
    let readings = sample.sections.iter().filter_map(|(name, section)| {
        let reading = section.reading()?;
        let is_shared =
            older.and_then(|older| older.section(name).reading()).is_some_and(|it| Arc::ptr_eq(it, reading));
        (!is_shared).then(|| reading.rows.weight_beside(None))
    });
    size_of::<Snapshot>() + readings.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sample::{Reading, RowSet, SampleCost, Section, ServerFacts, Timestamp, Value};

    /// Samples a second apart, each with a kilobyte, and one in ten with ten more that the next nine share.
    fn samples(count: u32) -> impl Iterator<Item = Arc<Snapshot>> {
        let reading = |at, length| {
            let rows = RowSet { columns: Arc::from([]), rows: vec![vec![Value::text(&"x".repeat(length))]] };
            Section::Ready(Arc::new(Reading { at, rows }))
        };
        let mut rare = None;
        (0..count).map(move |second| {
            let at = Timestamp(f64::from(second));
            if second % 10 == 0 {
                rare = Some(reading(at, 10_000));
            }
            let mut sections = BTreeMap::from([("activity", reading(at, 1000))]);
            sections.extend(rare.clone().map(|section| ("settings", section)));
            Arc::new(Snapshot { at, server: Arc::new(ServerFacts::default()), sections, cost: SampleCost::default() })
        })
    }

    fn seconds(sparse: &Sparse) -> Vec<f64> {
        sparse.samples.iter().map(|sample| sample.at.0).collect()
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let sparse = Sparse::within(1 << 20, samples(100));
        assert_eq!((sparse.every, sparse.read, sparse.samples.len()), (1, 100, 100));
    }

    #[test]
    fn a_recording_of_any_length_stays_within_the_bound_and_spans_all_of_it() {
        for (count, limit) in [(1000, 100_000), (5000, 100_000), (5000, 50_000), (20_000, 200_000)] {
            let sparse = Sparse::within(limit, samples(count));
            let older = std::iter::once(None).chain(sparse.samples.iter().map(Some));
            let bytes: usize = older.zip(&sparse.samples).map(|(older, sample)| weight(older, sample)).sum();
            // The last sample comes on top.
            assert!(bytes < limit + 12_000, "{bytes} of {limit}");
            assert!(bytes > limit / 4, "{bytes} of {limit} are too few");
            assert_eq!(sparse.read, count as usize);
            let kept = seconds(&sparse);
            assert_eq!((kept.first(), kept.last()), (Some(&0.0), Some(&f64::from(count - 1))));
            let step = sparse.every as f64;
            assert!(kept.windows(2).rev().skip(1).all(|pair| (pair[1] - pair[0] - step).abs() < 1e-9), "{kept:?}");
        }
    }

    #[test]
    fn the_newest_sample_is_never_lost() {
        for count in 1..200 {
            let kept = seconds(&Sparse::within(30_000, samples(count)));
            assert_eq!(kept.last(), Some(&f64::from(count - 1)), "of {count}");
            assert!(kept.is_sorted());
        }
        let two = Sparse::within(1, samples(50));
        assert!(two.samples.len() <= 3 && seconds(&two).first() == Some(&0.0), "{:?}", seconds(&two));
    }
}
