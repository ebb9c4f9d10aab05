//! The snapshots of this session, bounded in bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Snapshot, Timestamp};

/// Memory the history may hold.
pub const DEFAULT_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// Of so many snapshots that are let go, after one the next is weighed whole.
const WEIGHED_WHOLE: u64 = 60;

/// The snapshots of this session, oldest first; the oldest go when the bound is reached.
#[derive(Debug)]
pub struct History {
    snapshots: VecDeque<(Arc<Snapshot>, usize)>,
    bytes: usize,
    limit_bytes: usize,
    forgotten: u64,
}

/// A place in the history that stays the same place when older snapshots go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// Names the snapshot of a number, counted from 0.
    pub fn of(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number of its snapshot, counted from 0.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl Default for History {
    fn default() -> Self {
        Self::bounded(DEFAULT_LIMIT_BYTES)
    }
}

impl History {
    /// An empty history of at most so many bytes (the newest two snapshots stay whatever they weigh).
    pub fn bounded(limit_bytes: usize) -> Self {
        Self { snapshots: VecDeque::new(), bytes: 0, limit_bytes, forgotten: 0 }
    }

    /// Some snapshots of a longer row of them, of which the first has this number.
    pub fn window(from: u64, snapshots: Vec<Arc<Snapshot>>) -> Self {
        let snapshots = snapshots.into_iter().map(|snapshot| (snapshot, 0)).collect();
        Self { snapshots, bytes: 0, limit_bytes: usize::MAX, forgotten: from }
    }

    /// Adds the newest snapshot.
    pub fn push(&mut self, snapshot: Arc<Snapshot>) {
        let weight = snapshot.weight_beside(self.newest().map(Arc::as_ref));
        self.bytes += weight;
        self.snapshots.push_back((snapshot, weight));
        while self.bytes > self.limit_bytes && self.snapshots.len() > 2 {
            self.forget_oldest();
        }
    }

    /// Returns about how many bytes of memory the snapshots take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets the oldest snapshot go; what the next one shared with it counts as that one's from then on.
    fn forget_oldest(&mut self) {
        let Some((oldest, gone)) = self.snapshots.pop_front() else { return };
        self.forgotten += 1;
        let Some((next, weight)) = self.snapshots.front_mut() else {
            self.bytes -= gone;
            return;
        };
        // Weighing a whole snapshot takes long where it is large: in between, what only the oldest held is gone.
        let left = match self.forgotten % WEIGHED_WHOLE {
            0 => next.weight_beside(None),
            _ => *weight + gone.saturating_sub(oldest.weight_beside(Some(next))),
        };
        self.bytes = (self.bytes + left).saturating_sub(gone + *weight);
        *weight = left;
    }

    /// Returns how many snapshots there are.
    pub fn len(&self) -> usize {
        self.snapshots.len()
    }

    /// Whether nothing was sampled yet.
    pub fn is_empty(&self) -> bool {
        self.snapshots.is_empty()
    }

    /// Returns the newest snapshot.
    pub fn newest(&self) -> Option<&Arc<Snapshot>> {
        self.snapshots.back().map(|(snapshot, _)| snapshot)
    }

    /// Returns the oldest moment.
    pub fn first(&self) -> Option<Moment> {
        (!self.is_empty()).then_some(Moment(self.forgotten))
    }

    /// Returns the newest moment.
    pub fn last(&self) -> Option<Moment> {
        let newest = self.snapshots.len().checked_sub(1)? as u64;
        Some(Moment(self.forgotten + newest))
    }

    /// Returns the snapshot at a moment; one that is forgotten gives the oldest there is.
    pub fn at(&self, moment: Moment) -> Option<&Arc<Snapshot>> {
        let index = usize::try_from(moment.0.saturating_sub(self.forgotten)).ok()?;
        self.snapshots.get(index).map(|(snapshot, _)| snapshot)
    }

    /// Returns which snapshot of how many a moment is, counted from 1.
    pub fn place(&self, moment: Moment) -> (u64, usize) {
        (moment.0.saturating_sub(self.forgotten) + 1, self.len())
    }

    /// Returns the moment some steps earlier (negative) or later, held within what is there.
    pub fn step(&self, from: Moment, steps: i64) -> Option<Moment> {
        let last = self.last()?.0;
        let to = from.0.saturating_add_signed(steps).clamp(self.forgotten, last);
        Some(Moment(to))
    }

    /// Returns the moment nearest to a time.
    pub fn nearest(&self, time: Timestamp) -> Option<Moment> {
        let after = self.snapshots.partition_point(|(snapshot, _)| snapshot.at.0 < time.0);
        let index = after.min(self.snapshots.len().checked_sub(1)?);
        Some(Moment(self.forgotten + index as u64))
    }

    /// Returns the snapshots up to and with a moment, oldest first.
    pub fn until(&self, moment: Moment) -> impl DoubleEndedIterator<Item = &Arc<Snapshot>> {
        let count = usize::try_from(moment.0.saturating_sub(self.forgotten)).unwrap_or(usize::MAX).saturating_add(1);
        self.snapshots.iter().take(count).map(|(snapshot, _)| snapshot)
    }
}
