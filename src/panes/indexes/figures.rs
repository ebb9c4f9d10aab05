//! What is known of each index, and of each one that a foreign key misses.
//!
//! Pure.

use std::collections::{HashMap, HashSet};

use crate::app::PaneView;
use crate::catalog::bloat::{Bloat, BloatLimits};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::usage::{IndexProblem, Judgement, ReferringKey, unindexed};
use crate::django::{IndexOrigin, Owner};
use crate::readings::searches::Searches;
use crate::readings::traffic::TrafficSpan;
use crate::sample::{Bytes, Missing, Timestamp};

/// Percent of a leaf page that a b-tree's build fills, unless told otherwise. Source: manual, CREATE INDEX.
const FILLFACTOR: f64 = 90.0;
/// Rows of a table from which a foreign key without an index is named in this list: below, reading the whole table costs
/// nothing. The finding, which calls for somebody to act, asks for ten times as many.
const LEAST_ROWS: f64 = 1000.0;
/// The same for a table of which the number of rows is not known.
const LEAST_TABLE_BYTES: Bytes = Bytes(128.0 * 1024.0);

/// An index, or the want of one.
#[derive(Debug, Clone, PartialEq)]
pub enum IndexOrMissing {
    /// An index.
    Index(Box<IndexUsage>),
    /// A foreign key that no index leads with.
    Missing(ReferringKey),
}

/// What is known of one.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexFigures {
    /// What it is of.
    pub subject: IndexOrMissing,
    /// What is wrong with it, worst first.
    pub verdicts: Vec<IndexProblem>,
    /// What would be wrong with it if it were larger.
    pub too_small: Vec<IndexProblem>,
    /// Which other index makes it needless, and how: `duplicate of shop_order_status_idx`; empty for none.
    pub other: String,
    /// The statements that would use one that is missing.
    pub searches: Searches,
    /// How bloated it is; `None` where the statistics were not read.
    pub bloat: Option<Bloat>,
    /// When the bloat was measured, where it was.
    pub measured_at: Option<Timestamp>,
    /// Scans a second, over the last minute.
    pub scan_rate: Option<f64>,
    /// The Django model of its table, where one is known or guessed.
    pub owner: Option<Owner>,
    /// Where in the models it comes from; `None` for one that is missing.
    pub from: Option<IndexOrigin>,
}

/// The indexes, and what was not read.
#[derive(Debug, Default)]
pub struct IndexList {
    /// Each index, and each that is missing.
    pub indexes: Vec<IndexFigures>,
    /// What is missing, in words; since when the counters run.
    pub notes: Vec<String>,
}

/// Returns what is known of the indexes, or why they were not read.
pub fn figures(view: &PaneView<'_>) -> Result<IndexList, Missing> {
    let usages = view.readings.indexes()?;
    let mut notes = vec![view.readings.counting().words(view.newer.at)];
    let bloats = view.readings.index_bloat();
    notes.extend(bloats.as_ref().err().map(|why| format!("no bloat: {why}")));
    if view.newer.rows("index_sizes").is_none()
        && let Some(why) = view.newer.section("index_sizes").why()
    {
        notes.push(format!("no sizes: {why}"));
    }
    let judged = view.readings.judgements();
    let project = view.readings.project();
    let origins = view.readings.origins();
    let rates = view.readings.index_scans(view.past(), TrafficSpan::Minute);
    let mut indexes = missing(view, &mut notes);
    let labels: HashMap<i64, String> = usages.iter().map(|usage| (usage.indexrelid, usage.label())).collect();
    indexes.extend(usages.iter().map(|usage| {
        let Judgement { verdicts, too_small } = judged.of(usage.indexrelid).cloned().unwrap_or_default();
        IndexFigures {
            searches: Searches::default(),
            other: verdicts.iter().chain(&too_small).find_map(|fact| other(fact, &labels)).unwrap_or_default(),
            verdicts,
            too_small,
            bloat: bloats.as_ref().ok().and_then(|bloats| bloats.get(&usage.indexrelid).cloned()),
            measured_at: None,
            scan_rate: rates.get(&usage.indexrelid).copied(),
            owner: project.owner(&usage.table),
            from: Some(origins.origin(usage)),
            subject: IndexOrMissing::Index(Box::new(usage.clone())),
        }
    }));
    Ok(IndexList { indexes, notes })
}

/// Says which other index makes one needless, and how; `None` for a fact that is of no other.
fn other(fact: &IndexProblem, labels: &HashMap<i64, String>) -> Option<String> {
    let (relation, other) = match fact {
        IndexProblem::DuplicateOf(other) => ("duplicate of", other),
        IndexProblem::CoveredBy(other) => ("prefix of", other),
        IndexProblem::BeingBuilt(_) | IndexProblem::Invalid | IndexProblem::Unused { .. } => return None,
    };
    Some(format!("{relation} {}", labels.get(other)?))
}

fn missing(view: &PaneView<'_>, notes: &mut Vec<String>) -> Vec<IndexFigures> {
    let tables = view.readings.tables().unwrap_or_default().iter();
    let large: HashSet<i64> =
        tables.filter(|table| table.is_of(LEAST_ROWS, LEAST_TABLE_BYTES)).map(|table| table.relid).collect();
    let project = view.readings.project();
    match view.readings.foreign_keys() {
        Ok(keys) => {
            let mut keys = unindexed(keys, view.readings.indexes().unwrap_or_default(), view.readings.judgements());
            keys.retain(|key| large.contains(&key.relid));
            let figures = keys.into_iter().map(|key| IndexFigures {
                verdicts: Vec::new(),
                too_small: Vec::new(),
                other: String::new(),
                searches: view.readings.searches().get(&key.oid).cloned().unwrap_or_default(),
                bloat: None,
                measured_at: None,
                scan_rate: None,
                owner: project.owner(&key.table),
                from: None,
                subject: IndexOrMissing::Missing(key.clone()),
            });
            figures.collect()
        }
        Err(why) => {
            notes.push(format!("foreign keys not checked: {why}"));
            Vec::new()
        }
    }
}

impl IndexFigures {
    /// Returns the oid of the index, or of the constraint that misses one.
    pub fn id(&self) -> i64 {
        match &self.subject {
            IndexOrMissing::Index(usage) => usage.indexrelid,
            IndexOrMissing::Missing(key) => key.oid,
        }
    }

    /// Returns what identifies the row.
    pub fn key(&self) -> String {
        match &self.subject {
            IndexOrMissing::Index(usage) => usage.indexrelid.to_string(),
            IndexOrMissing::Missing(key) => format!("fk {}", key.oid),
        }
    }

    /// Returns the index's name, or the foreign key's.
    pub fn name(&self) -> String {
        match &self.subject {
            IndexOrMissing::Index(usage) => usage.label(),
            IndexOrMissing::Missing(key) => format!("({})", key.name),
        }
    }

    /// Returns the table's name.
    pub fn table(&self) -> String {
        match &self.subject {
            IndexOrMissing::Index(usage) => usage.table_label(),
            IndexOrMissing::Missing(key) => key.table_label(),
        }
    }

    /// Returns the keys in words: `customer_id, created_at desc`.
    pub fn keys(&self) -> String {
        match &self.subject {
            IndexOrMissing::Missing(key) => key.columns.join(", "),
            IndexOrMissing::Index(usage) => {
                let options = usage.key_options.iter().copied().chain(std::iter::repeat(0));
                let keys = usage.key_names().zip(options).map(|(name, bits)| {
                    let name = if name.is_empty() { "(expression)" } else { name };
                    if bits & 1 == 1 { format!("{name} desc") } else { name.to_owned() }
                });
                let keys: Vec<String> = keys.collect();
                let partial = if usage.is_partial { " where …" } else { "" };
                format!("{}{partial}", keys.join(", "))
            }
        }
    }

    /// Returns in a word or two where in the models it comes from.
    pub fn origin(&self) -> String {
        self.from.as_ref().map(IndexOrigin::word).unwrap_or_default()
    }

    /// Returns the statement that makes the index, where it was read.
    pub fn definition(&self) -> Option<String> {
        match &self.subject {
            IndexOrMissing::Index(usage) => usage.definition.clone(),
            IndexOrMissing::Missing(_) => None,
        }
    }

    /// Returns the pids that lock it.
    pub fn locked_by(&self) -> &[i64] {
        match &self.subject {
            IndexOrMissing::Index(usage) => &usage.locked_by,
            IndexOrMissing::Missing(_) => &[],
        }
    }

    /// Whether it is bloated so that it is worth a word.
    pub(crate) fn is_bloated(&self) -> bool {
        self.bloat.as_ref().and_then(Bloat::amount).is_some_and(|amount| BloatLimits::INDEX.is_notable(amount))
    }

    /// Whether something is wrong with it.
    pub fn is_judged(&self) -> bool {
        matches!(self.subject, IndexOrMissing::Missing(_)) || !self.verdicts.is_empty() || self.is_bloated()
    }

    /// Returns how bad the worst verdict is; 0 for none.
    pub fn severity(&self) -> f64 {
        match (&self.subject, self.verdicts.first()) {
            (IndexOrMissing::Missing(_), _) if self.searches.is_costly() => 6.5,
            (IndexOrMissing::Missing(_), _) => 4.0,
            (_, Some(IndexProblem::Invalid)) => 6.0,
            (_, Some(IndexProblem::DuplicateOf(_))) => 5.0,
            (_, Some(IndexProblem::Unused { is_suspicion: false })) => 3.0,
            (_, Some(IndexProblem::CoveredBy(_))) => 2.5,
            (_, Some(IndexProblem::Unused { is_suspicion: true })) => 2.0,
            (_, Some(IndexProblem::BeingBuilt(_))) => 1.5,
            (_, None) => 0.0,
        }
    }

    /// Returns what is true of a small index and is no verdict, the worst first; a suspicion is no fact.
    pub(crate) fn small_fact(&self) -> Option<&IndexProblem> {
        self.too_small.iter().find(|fact| **fact != IndexProblem::Unused { is_suspicion: true })
    }

    /// Orders the indexes before anybody sorts: the worst verdict, then duplicates of any size, then the largest.
    pub(crate) fn urgency(&self) -> f64 {
        let size = match &self.subject {
            IndexOrMissing::Index(usage) => usage.size().unwrap_or(0.0),
            IndexOrMissing::Missing(_) => 0.0,
        };
        let is_small_twin = matches!(self.small_fact(), Some(IndexProblem::DuplicateOf(_)));
        let severity = match self.severity() {
            0.0 if self.is_bloated() => 1.0,
            0.0 if is_small_twin => 0.5,
            severity => severity,
        };
        severity * 1e15 + size
    }

    /// Puts a measurement in the estimate's place; what the fillfactor keeps free is no bloat.
    pub(crate) fn take_measured(&mut self, measured: Option<(f64, Timestamp)>) {
        let (Some((free_share, at)), IndexOrMissing::Index(usage)) = (measured, &self.subject) else { return };
        let fillfactor = usage.option("fillfactor").and_then(|value| value.parse().ok()).unwrap_or(FILLFACTOR);
        let size = Bytes(usage.size().unwrap_or(0.0));
        self.bloat = Some(Bloat::measured(free_share * 100.0, 0.0, fillfactor, size));
        self.measured_at = Some(at);
    }
}
