//! The figures of a node that belong together: blocks, times of reading and writing, WAL, sorts and hash tables.

use super::field::{self, Field, Name};
use crate::sample::{Bytes, Seconds};

/// The size of a block, in bytes; source: `BLCKSZ`, which packages do not change.
pub const BLOCK: f64 = 8192.0;

/// Blocks of one sort: of tables and indexes, of temporary tables, or of spilled work.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Blocks {
    /// Found in the buffer cache.
    pub hit: f64,
    /// Read from the operating system.
    pub read: f64,
    /// Changed for the first time.
    pub dirtied: f64,
    /// Written out by this backend.
    pub written: f64,
}

impl Blocks {
    /// Returns the blocks that were looked at.
    pub(crate) fn touched(&self) -> f64 {
        self.hit + self.read
    }

    fn zip(self, other: Self, with: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            hit: with(self.hit, other.hit),
            read: with(self.read, other.read),
            dirtied: with(self.dirtied, other.dirtied),
            written: with(self.written, other.written),
        }
    }
}

/// The blocks of a node (BUFFERS).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Buffers {
    /// Of tables and indexes.
    pub shared: Blocks,
    /// Of temporary tables.
    pub local: Blocks,
    /// Of sorts, hashes and materializations that spilled; they have `read` and `written` only.
    pub temp: Blocks,
}

impl Buffers {
    /// Whether no block was counted, or BUFFERS was off.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns these without a share of others, never below zero.
    pub(crate) fn without(self, other: Self, share: f64) -> Self {
        let with = |own: f64, other: f64| (own - other * share).max(0.0);
        Self {
            shared: self.shared.zip(other.shared, with),
            local: self.local.zip(other.local, with),
            temp: self.temp.zip(other.temp, with),
        }
    }

    pub(crate) fn of(fields: &[(Name, Field)]) -> Self {
        let mut buffers = Self::default();
        for (name, value) in fields {
            let Some(value) = name.ends_with("Blocks").then(|| value.as_f64()).flatten() else { continue };
            let cell = match name.as_ref() {
                "Shared Hit Blocks" => &mut buffers.shared.hit,
                "Shared Read Blocks" => &mut buffers.shared.read,
                "Shared Dirtied Blocks" => &mut buffers.shared.dirtied,
                "Shared Written Blocks" => &mut buffers.shared.written,
                "Local Hit Blocks" => &mut buffers.local.hit,
                "Local Read Blocks" => &mut buffers.local.read,
                "Local Dirtied Blocks" => &mut buffers.local.dirtied,
                "Local Written Blocks" => &mut buffers.local.written,
                "Temp Read Blocks" => &mut buffers.temp.read,
                "Temp Written Blocks" => &mut buffers.temp.written,
                _ => continue,
            };
            *cell = value;
        }
        buffers
    }
}

/// Time spent on reading and writing blocks (`track_io_timing`); zero where it was not measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct IoTimes {
    /// Reading tables and indexes; up to 16 temporary tables too.
    pub read: Seconds,
    /// Writing tables and indexes; up to 16 temporary tables too.
    pub write: Seconds,
    /// Reading temporary tables; since 17.
    pub local_read: Seconds,
    /// Writing temporary tables; since 17.
    pub local_write: Seconds,
    /// Reading spilled work; since 15.
    pub temp_read: Seconds,
    /// Writing spilled work; since 15.
    pub temp_write: Seconds,
}

impl IoTimes {
    /// Returns all of it.
    pub fn total(&self) -> Seconds {
        let all = [self.read, self.write, self.local_read, self.local_write, self.temp_read, self.temp_write];
        Seconds(all.iter().map(|time| time.0).sum())
    }

    pub(crate) fn of(fields: &[(Name, Field)]) -> Self {
        let mut times = Self::default();
        for (name, value) in fields {
            let Some(value) = name.contains("I/O").then(|| value.as_f64()).flatten() else { continue };
            let cell = match name.as_ref() {
                "I/O Read Time" | "Shared I/O Read Time" => &mut times.read,
                "I/O Write Time" | "Shared I/O Write Time" => &mut times.write,
                "Local I/O Read Time" => &mut times.local_read,
                "Local I/O Write Time" => &mut times.local_write,
                "Temp I/O Read Time" => &mut times.temp_read,
                "Temp I/O Write Time" => &mut times.temp_write,
                _ => continue,
            };
            *cell = milliseconds(value);
        }
        times
    }
}

/// WAL that was written (WAL, since 13).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Wal {
    /// Records.
    pub records: f64,
    /// Whole pages in them.
    pub full_pages: f64,
    /// Bytes.
    pub bytes: Bytes,
    /// How often the WAL buffers were full; since 18.
    pub buffers_full: f64,
}

impl Wal {
    pub(crate) fn of(fields: &[(Name, Field)]) -> Option<Self> {
        Some(Self {
            records: field::number(fields, "WAL Records")?,
            full_pages: field::number(fields, "WAL FPI").unwrap_or(0.0),
            bytes: Bytes(field::number(fields, "WAL Bytes").unwrap_or(0.0)),
            buffers_full: field::number(fields, "WAL Buffers Full").unwrap_or(0.0),
        })
    }
}

/// How a sort went; of parallel workers the largest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sorted {
    /// `quicksort`, `top-N heapsort`, `external sort`, `external merge` or `still in progress`.
    pub method: String,
    /// Whether it went to disk.
    pub is_on_disk: bool,
    /// The space it took, in memory or on disk.
    pub space: Bytes,
}

impl Sorted {
    pub(crate) fn of(fields: &[(Name, Field)]) -> Option<Self> {
        let own = Self::plain(fields);
        let of_workers = fields.iter().filter(|(name, _)| name == "Workers").flat_map(|(_, list)| list.items());
        let of_workers = of_workers.filter_map(|worker| Self::plain(worker.members()));
        let of_groups = ["Full-sort Groups", "Pre-sorted Groups"].into_iter();
        let of_groups = of_groups.filter_map(|name| Self::groups(field::find(fields, name)?.members()));
        own.into_iter()
            .chain(of_workers)
            .chain(of_groups)
            .max_by(|one, other| one.is_on_disk.cmp(&other.is_on_disk).then(one.space.0.total_cmp(&other.space.0)))
    }

    fn plain(fields: &[(Name, Field)]) -> Option<Self> {
        let space_type = field::text(fields, "Sort Space Type");
        let method = field::text(fields, "Sort Method").or(space_type.map(|_| ""))?;
        Some(Self {
            method: method.to_owned(),
            is_on_disk: space_type == Some("Disk"),
            space: kilobytes(field::number(fields, "Sort Space Used").unwrap_or(0.0)),
        })
    }

    fn groups(group: &[(Name, Field)]) -> Option<Self> {
        let methods = field::find(group, "Sort Methods Used")?;
        let disk = field::find(group, "Sort Space Disk");
        let space = disk.or_else(|| field::find(group, "Sort Space Memory")).map(Field::members).unwrap_or_default();
        Some(Self {
            method: methods.to_string(),
            is_on_disk: disk.is_some(),
            space: kilobytes(field::number(space, "Peak Sort Space Used").unwrap_or(0.0)),
        })
    }
}

/// The hash table of a Hash; of parallel workers the largest.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hashed {
    /// Buckets at the end.
    pub buckets: f64,
    /// Batches at the end; more than 1 went to disk.
    pub batches: f64,
    /// Batches as they were planned.
    pub original_batches: f64,
    /// The most memory it took.
    pub memory: Bytes,
}

impl Hashed {
    pub(crate) fn of(fields: &[(Name, Field)]) -> Option<Self> {
        let batches = field::number(fields, "Hash Batches")?;
        Some(Self {
            buckets: field::number(fields, "Hash Buckets").unwrap_or(0.0),
            batches,
            original_batches: field::number(fields, "Original Hash Batches").unwrap_or(batches),
            memory: kilobytes(field::number(fields, "Peak Memory Usage").unwrap_or(0.0)),
        })
    }
}

/// The hash table of an Aggregate (since 13); of parallel workers the largest.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Aggregated {
    /// Partitions that were planned to go to disk.
    pub planned_partitions: f64,
    /// Batches; more than 1 went to disk.
    pub batches: f64,
    /// The most memory it took.
    pub memory: Bytes,
    /// What it wrote to disk.
    pub disk: Bytes,
}

impl Aggregated {
    pub(crate) fn of(fields: &[(Name, Field)]) -> Option<Self> {
        let workers = field::find(fields, "Workers").map(Field::items).unwrap_or_default();
        let all = std::iter::once(fields).chain(workers.iter().map(Field::members));
        all.filter_map(|fields| {
            Some(Self {
                batches: field::number(fields, "HashAgg Batches")?,
                planned_partitions: field::number(fields, "Planned Partitions").unwrap_or(0.0),
                memory: kilobytes(field::number(fields, "Peak Memory Usage").unwrap_or(0.0)),
                disk: kilobytes(field::number(fields, "Disk Usage").unwrap_or(0.0)),
            })
        })
        .max_by(|one, other| one.disk.0.total_cmp(&other.disk.0).then(one.memory.0.total_cmp(&other.memory.0)))
    }
}

/// The cache of a Memoize, over all loops; of parallel workers the sum.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Memoized {
    /// Lookups answered from the cache.
    pub hits: f64,
    /// Lookups that were not.
    pub misses: f64,
    /// Entries thrown out for lack of memory.
    pub evictions: f64,
    /// Entries too large to keep.
    pub overflows: f64,
    /// The most memory it took.
    pub memory: Bytes,
}

impl Memoized {
    pub(crate) fn of(fields: &[(Name, Field)]) -> Option<Self> {
        let workers = field::find(fields, "Workers").map(Field::items).unwrap_or_default();
        let all = std::iter::once(fields).chain(workers.iter().map(Field::members));
        let all = all.filter(|fields| field::find(fields, "Cache Hits").is_some());
        all.map(|fields| {
            let number = |name| field::number(fields, name).unwrap_or(0.0);
            Self {
                hits: number("Cache Hits"),
                misses: number("Cache Misses"),
                evictions: number("Cache Evictions"),
                overflows: number("Cache Overflows"),
                memory: kilobytes(number("Peak Memory Usage")),
            }
        })
        .reduce(|one, other| Self {
            hits: one.hits + other.hits,
            misses: one.misses + other.misses,
            evictions: one.evictions + other.evictions,
            overflows: one.overflows + other.overflows,
            memory: Bytes(one.memory.0.max(other.memory.0)),
        })
    }
}

/// Just-in-time compilation of the whole plan.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Jit {
    /// Functions that were compiled.
    pub functions: f64,
    /// Time it took, workers' included; `None` without ANALYZE.
    pub total: Option<Seconds>,
    /// Whether it inlined.
    pub inlines: bool,
    /// Whether it optimized.
    pub optimizes: bool,
}

impl Jit {
    pub(crate) fn of(fields: &[(Name, Field)]) -> Option<Self> {
        let jit = field::find(fields, "JIT")?.members();
        let options = field::find(jit, "Options").map(Field::members).unwrap_or_default();
        let timing = field::find(jit, "Timing").map(Field::members).unwrap_or_default();
        let is_on = |name| field::find(options, name).and_then(Field::as_bool).unwrap_or(false);
        Some(Self {
            functions: field::number(jit, "Functions").unwrap_or(0.0),
            total: field::number(timing, "Total").map(milliseconds),
            inlines: is_on("Inlining"),
            optimizes: is_on("Optimization"),
        })
    }
}

/// A trigger that fired.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trigger {
    /// Its name: `RI_ConstraintTrigger_a_16412` for a foreign key.
    pub name: String,
    /// The constraint it is for, if any.
    pub constraint: Option<String>,
    /// The table it fired on.
    pub relation: Option<String>,
    /// The time of all its calls; `None` with TIMING OFF.
    pub time: Option<Seconds>,
    /// Its calls.
    pub calls: f64,
}

impl Trigger {
    pub(crate) fn of(fields: &[(Name, Field)]) -> Self {
        let owned = |name| field::text(fields, name).map(str::to_owned);
        Self {
            name: owned("Trigger Name").unwrap_or_default(),
            constraint: owned("Constraint Name"),
            relation: owned("Relation"),
            time: field::number(fields, "Time").map(milliseconds),
            calls: field::number(fields, "Calls").unwrap_or(0.0),
        }
    }
}

/// Returns a time the server gave in milliseconds.
pub(crate) fn milliseconds(number: f64) -> Seconds {
    Seconds(number / 1e3)
}

fn kilobytes(number: f64) -> Bytes {
    Bytes(number * 1024.0)
}
