//! What a snapshot knows of the tables that a plan reads: sizes, statistics' age, indexes, models, settings.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::catalog::bloat::are_counters_late;
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::settings::Settings;
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::unindexed;
use crate::plan::tips::{IndexFacts, ReferringFacts, TableFacts, TipContext};
use crate::plan::{Node, NodeKind, Plan};
use crate::readings::Readings;
use crate::sample::Bytes;

/// What is known beside a plan; empty without a server.
#[derive(Debug, Default)]
pub(super) struct ServerKnowledge {
    /// What the tips may look at.
    pub(super) context: TipContext,
    sizes: HashMap<String, Bytes>,
    models: HashMap<String, String>,
}

impl ServerKnowledge {
    /// Returns what a snapshot knows of a plan's tables.
    pub(super) fn of(plan: &Plan, queryid: Option<i64>, readings: &Readings) -> Self {
        let names: HashSet<&str> = plan.nodes.iter().filter_map(Node::relation).collect();
        let tables = readings.tables().unwrap_or_default();
        let tables: Vec<&TableUsage> = tables.iter().filter(|table| names.contains(table.name.as_str())).collect();
        let indexes = readings.indexes().unwrap_or_default();
        let writes = plan.nodes.iter().any(|node| node.kind == NodeKind::ModifyTable);
        let project = readings.project();
        let mean = queryid.or(plan.query_id).and_then(|id| readings.mean_call(id));
        let label = |name: &&str| Some(((*name).to_owned(), project.owner(name)?.shown()));
        Self {
            sizes: tables
                .iter()
                .map(|table| (table.name.clone(), Bytes(table.heap_bytes.unwrap_or(table.pages * 8192.0))))
                .filter(|(_, size)| size.0 > 0.0)
                .collect(),
            models: names.iter().filter_map(label).collect(),
            context: TipContext {
                tables: tables
                    .iter()
                    .map(|table| TableFacts {
                        referrers: if writes { referrers(table, readings) } else { Vec::new() },
                        ..facts(table, indexes)
                    })
                    .collect(),
                settings: readings.settings().map(settings).unwrap_or_default(),
                rows_per_call: mean.map(|mean| mean.rows),
                mean_time: mean.map(|mean| mean.time),
                temp_per_call: mean.map(|mean| Bytes(mean.temp_written * crate::plan::BLOCK)),
                ..TipContext::default()
            },
        }
    }

    /// Returns the size of a table's heap.
    pub(super) fn size(&self, node: &Node) -> Option<Bytes> {
        self.sizes.get(node.relation()?).copied()
    }

    /// Returns the model of a table: `shop.order`, with "probably" before a guess.
    pub(super) fn model(&self, node: &Node) -> Option<&str> {
        self.models.get(node.relation()?).map(String::as_str)
    }
}

fn facts(table: &TableUsage, indexes: &[IndexUsage]) -> TableFacts {
    let own = indexes.iter().filter(|index| index.relid == table.relid);
    TableFacts {
        schema: Some(table.schema.clone()),
        name: table.name.clone(),
        rows: table.rows(),
        pages: Some(table.pages).filter(|pages| *pages > 0.0),
        dead: table.dead,
        modified_since_analyze: table.mod_since_analyze.filter(|_| !are_counters_late(table)),
        is_analyzed: table.last_analyze.map(|_| true).or((table.reltuples < 0.0).then_some(false)),
        hot_share: table.hot_share(),
        indexes: own
            .map(|index| IndexFacts {
                name: index.name.clone(),
                keys: index.column_names.clone(),
                is_unique: index.is_unique || index.is_primary,
            })
            .collect(),
        referrers: Vec::new(),
    }
}

/// Returns the tables that refer to a table.
fn referrers(table: &TableUsage, readings: &Readings) -> Vec<ReferringFacts> {
    let keys = readings.foreign_keys().unwrap_or_default();
    let tables = readings.tables().unwrap_or_default();
    let bare: HashSet<i64> = match readings.indexes() {
        Ok(indexes) => unindexed(keys, indexes, readings.judgements()).iter().map(|key| key.oid).collect(),
        Err(_) => HashSet::new(),
    };
    keys.iter()
        .filter(|key| key.referred_relid == table.relid)
        .map(|key| ReferringFacts {
            table: key.table.clone(),
            columns: key.columns.clone(),
            rows: tables.iter().find(|one| one.relid == key.relid).and_then(TableUsage::rows),
            is_indexed: !bare.contains(&key.oid),
            is_deferred: key.is_deferred,
        })
        .collect()
}

/// Returns the settings as `current_setting` writes them.
fn settings(settings: &Settings) -> BTreeMap<String, String> {
    settings.iter().map(|(name, value, unit)| (name.to_owned(), with_unit(value, unit))).collect()
}

fn with_unit(value: &str, unit: &str) -> String {
    let Ok(number) = value.parse::<f64>() else { return value.to_owned() };
    match unit {
        "" => value.to_owned(),
        "8kB" => format!("{}kB", number * 8.0),
        unit => format!("{value}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::with_unit;

    #[test]
    fn settings_are_written_with_their_units() {
        for (value, unit, shown) in [("16384", "8kB", "131072kB"), ("4096", "kB", "4096kB"), ("on", "", "on")] {
            assert_eq!(with_unit(value, unit), shown);
        }
    }
}
