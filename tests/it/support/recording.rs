//! Snapshots on file: one JSON line each, gzipped; a reading that did not change is not written again.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use pgdj::pg::probes;
use pgdj::sample::{Missing, Reading, RowSet, SampleCost, Section, ServerFacts, Snapshot, Timestamp, Value};
use serde::{Deserialize, Serialize};

/// A snapshot as it is written.
#[derive(Serialize, Deserialize)]
struct Frame {
    at: f64,
    cost: SampleCost,
    sections: BTreeMap<String, Part>,
}

/// A section as it is written: the rows only where they were read anew.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Vec<Value>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Missing>,
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(format!("{name}.jsonl.gz"))
}

/// Writes a recording.
pub(crate) fn write(name: &str, facts: &ServerFacts, snapshots: &[Arc<Snapshot>]) {
    let mut out = GzEncoder::new(std::fs::File::create(path(name)).unwrap(), Compression::best());
    writeln!(out, "{}", serde_json::to_string(facts).unwrap()).unwrap();
    let mut written: BTreeMap<&str, f64> = BTreeMap::new();
    for snapshot in snapshots {
        let mut frame = Frame { at: snapshot.at.0, cost: snapshot.cost, sections: BTreeMap::new() };
        for (probe, section) in &snapshot.sections {
            let mut part = Part { why: section.why().cloned(), ..Part::default() };
            if let Some(reading) = section.reading() {
                part.read_at = Some(reading.at.0);
                if written.insert(probe, reading.at.0) != Some(reading.at.0) {
                    part.rows = Some(reading.rows.rows.clone());
                }
            }
            frame.sections.insert((*probe).to_owned(), part);
        }
        writeln!(out, "{}", serde_json::to_string(&frame).unwrap()).unwrap();
    }
    out.finish().unwrap();
}

/// Reads a recording.
pub(crate) fn read(name: &str) -> (Arc<ServerFacts>, Vec<Arc<Snapshot>>) {
    let mut lines = BufReader::new(GzDecoder::new(std::fs::File::open(path(name)).unwrap())).lines();
    let facts: Arc<ServerFacts> = Arc::new(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    let mut known: BTreeMap<String, Arc<Reading>> = BTreeMap::new();
    let snapshots = lines.map(|line| {
        let frame: Frame = serde_json::from_str(&line.unwrap()).unwrap();
        let sections = frame.sections.into_iter().filter_map(|(name, part)| {
            let probe = probes::find(&name)?;
            if let Some((rows, at)) = part.rows.zip(part.read_at) {
                let rows = RowSet { columns: probe.columns.into(), rows };
                known.insert(name.clone(), Arc::new(Reading { at: Timestamp(at), rows }));
            }
            let last = known.get(&name).filter(|_| part.read_at.is_some()).cloned();
            let section = match (last, part.why) {
                (Some(last), None) => Section::Ready(last),
                (Some(last), Some(why)) => Section::Stale { last, why },
                (None, why) => Section::Missing(why.unwrap_or(Missing::NotYet)),
            };
            Some((probe.name, section))
        });
        let sections = sections.collect();
        Arc::new(Snapshot { at: Timestamp(frame.at), server: Arc::clone(&facts), sections, cost: frame.cost })
    });
    let snapshots = snapshots.collect();
    (facts, snapshots)
}
