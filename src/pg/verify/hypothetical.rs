//! The first kind of evidence: `HypoPG`.
//!
//! Its indexes live in the backend's memory and outlive a rollback: each is dropped by its own number before the
//! transaction ends, whatever went wrong in between. A lost connection takes them along, for a pooler closes a backend
//! whose client went away within a transaction.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Mode;
use super::ask::{self, BoundStatement};
use super::{Evidence, PlannerVerdict, Verified, WantedIndex, verdicts};
use crate::advisor::IndexSpec;
use crate::pg::own::{Hole, Own, Placeholder};
use crate::pg::session::{Query, QueryParameter};
use crate::pg::transaction::{QueryTrouble, Transaction};
use crate::plan::Plan;
use crate::quote::quote_ident_always;

/// The savepoint of a step.
const POINT: &str = "pgdj_hypothetical";

/// A hypothetical index: its number, its name as plans have it, and whose place in the set it takes.
struct Hypothetical {
    number: i64,
    name: String,
    place: usize,
}

const SCHEMA: Hole = Hole { name: "schema", doc: "the schema that HypoPG is installed in", form: Placeholder::Name };

/// See [`is_ready`].
pub(in crate::pg) static READY: Own = Own {
    name: "hypopg: ready",
    reads: "Whether HypoPG works: simulates an index in the memory of this session, and drops it. Nothing is built.",
    when: "before HypoPG is used, if it is installed",
    holes: &[SCHEMA],
    sql: "select {schema}.hypopg_drop_index(h.indexrelid) as dropped
from {schema}.hypopg_create_index('create index on pg_catalog.pg_class using btree (oid)'::text) as h",
};

pub(in crate::pg) static SIMULATE: Own = Own {
    name: "hypopg: simulate an index",
    reads: "Nothing. Simulates an index in the memory of this session; $1 is its CREATE INDEX. Nothing is built or \
            locked.",
    when: "for each index that pgdj considers for a plan, if HypoPG is installed",
    holes: &[SCHEMA],
    sql: "select h.indexrelid::pg_catalog.int8 as number, h.indexname::pg_catalog.text as name
from {schema}.hypopg_create_index($1) as h",
};

pub(in crate::pg) static FORGET: Own = Own {
    name: "hypopg: drop a simulated index",
    reads: "Nothing. Drops a simulated index from the memory of this session; $1 is its number.",
    when: "after each simulation",
    holes: &[SCHEMA],
    sql: "select {schema}.hypopg_drop_index($1::pg_catalog.int8::pg_catalog.oid) as dropped",
};

/// Partitions for which an index is simulated; the planner looks at each partition's own.
const MOST_PARTITIONS: usize = 200;

/// Where `HypoPG` simulates.
#[derive(Clone, Copy)]
pub(super) struct Simulation<'a> {
    /// The schema it is installed in.
    pub(super) schema: &'a str,
    /// The plan without the indexes.
    pub(super) before: &'a Plan,
    /// Whether a crash of the server would be nobody else's.
    pub(super) is_private: bool,
    /// What the connection may do.
    pub(super) mode: Mode,
}

/// Asks the planner; `None`, with a note, where `HypoPG` refuses one of the indexes.
pub(super) async fn verify(
    transaction: &mut Transaction,
    statement: &BoundStatement,
    set: &[WantedIndex<'_>],
    simulation: &Simulation<'_>,
    notes: &mut Vec<String>,
) -> Result<Option<Verified>, QueryTrouble> {
    let Simulation { schema, before, .. } = *simulation;
    if !is_ready(transaction, schema).await? {
        notes.push("HypoPG cannot simulate it: it makes no index on this server".to_owned());
        return Ok(None);
    }
    let mut created: Vec<Hypothetical> = Vec::new();
    let mut planned = Ok(None);
    let set_of: Vec<&WantedIndex<'_>> = set.iter().collect();
    for one in simulate(transaction, schema, &set_of, &mut KnownPartitions::default()).await? {
        match one {
            Ok(index) => created.push(index),
            Err(trouble) => planned = planned.and(Err(trouble)),
        }
    }
    if planned.is_ok() {
        planned = statement.explain(transaction).await.map(Some);
    }
    drop_all(transaction, schema, &created).await?;
    let plan = match planned {
        Ok(plan) => plan,
        Err(trouble) => {
            notes.push(format!("HypoPG cannot simulate it: {}", trouble.message()?));
            None
        }
    };
    let of_place = |place| created.iter().filter(move |index| index.place == place).map(|index| index.name.clone());
    let names: Vec<Vec<String>> = (0..set.len()).map(|place| of_place(place).collect()).collect();
    Ok(plan.map(|after| {
        let verdicts = verdicts(&after, &names);
        Verified {
            evidence: Evidence::Hypothetical,
            notes: doubts(set, &verdicts),
            sizes: vec![None; set.len()],
            verdicts,
            before: Some(before.clone()),
            after: Some(after),
        }
    }))
}

/// Indexes that are simulated together.
pub(in crate::pg) struct Simulated<'a> {
    schema: &'a str,
    created: Vec<Hypothetical>,
}

impl<'a> Simulated<'a> {
    /// Simulates these; one that `HypoPG` refuses has no name afterwards.
    pub(in crate::pg) async fn create(
        transaction: &mut Transaction,
        schema: &'a str,
        set: &[&WantedIndex<'_>],
        known: &mut KnownPartitions,
    ) -> Result<Self, QueryTrouble> {
        let mut simulated = Self { schema, created: Vec::new() };
        for created in simulate(transaction, schema, set, known).await? {
            match created {
                Ok(index) => simulated.created.push(index),
                Err(trouble) => {
                    let why = trouble.message()?;
                    tracing::info!(why, "HypoPG cannot simulate an index");
                }
            }
        }
        Ok(simulated)
    }

    /// Returns the names of each in plans.
    pub(in crate::pg) fn names(&self, count: usize) -> Vec<Vec<String>> {
        let of_place =
            |place| self.created.iter().filter(move |index| index.place == place).map(|index| index.name.clone());
        (0..count).map(|place| of_place(place).collect()).collect()
    }

    /// Drops them all.
    pub(in crate::pg) async fn drop(self, transaction: &mut Transaction) -> Result<(), QueryTrouble> {
        drop_all(transaction, self.schema, &self.created).await
    }
}

/// Has HypoPG ask what it asks once on each backend, under the pinned path; returns whether it answers.
///
/// For its first number it runs `SELECT max(oid) FROM pg_catalog.pg_class WHERE oid < 16384` under the path in force:
/// with the role's path, an operator or an aggregate of somebody else would be called.
/// Source: `hypo_get_min_fake_oid` of HypoPG 1.3.1 and 1.4; a hostile operator `<` made its backend crash.
pub(in crate::pg) async fn is_ready(transaction: &mut Transaction, schema: &str) -> Result<bool, QueryTrouble> {
    let sql = READY.fill(&[(SCHEMA.name, &quote_ident_always(schema))]);
    transaction.save(POINT).await?;
    let dropped = transaction.ask(Query::new(sql)).await;
    if dropped.is_ok() {
        transaction.release(POINT).await?;
    } else {
        transaction.go_back(POINT).await?;
    }
    match dropped {
        Ok(answer) => Ok(answer.scalar().is_some()),
        Err(trouble) => trouble.message().map(|_| false),
    }
}

/// The partitions of tables that were asked for before.
#[derive(Debug, Default)]
pub(in crate::pg) struct KnownPartitions(BTreeMap<(String, String), Vec<(String, String)>>);

impl KnownPartitions {
    async fn of(
        &mut self,
        transaction: &mut Transaction,
        spec: &IndexSpec,
    ) -> Result<&[(String, String)], QueryTrouble> {
        let table = (spec.schema.clone(), spec.table.clone());
        Ok(match self.0.entry(table) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(ask::partitions(transaction, spec).await?),
        })
    }
}

/// Returns what creates an index, or one for each partition: an index of the whole does not exist for the planner.
fn statements_of(wanted: &WantedIndex<'_>, partitions: &[(String, String)]) -> Vec<String> {
    if partitions.is_empty() {
        return vec![wanted.create_for_hypopg("pgdj")];
    }
    let of_each = partitions.iter().take(MOST_PARTITIONS);
    of_each.map(|(schema, table)| wanted.create_for_partition(schema, table, "pgdj")).collect()
}

/// Simulates the indexes of a set, many in one round trip.
///
/// Each is created in a savepoint that is undone: the index stays, for it is in the memory of the backend alone.
async fn simulate(
    transaction: &mut Transaction,
    schema: &str,
    set: &[&WantedIndex<'_>],
    known: &mut KnownPartitions,
) -> Result<Vec<Result<Hypothetical, QueryTrouble>>, QueryTrouble> {
    // It looks up the names in the index under the path in force, which has to be the role's.
    let sql = SIMULATE.fill(&[(SCHEMA.name, &quote_ident_always(schema))]);
    let (mut places, mut queries) = (Vec::new(), Vec::new());
    for (place, wanted) in set.iter().enumerate() {
        for statement in statements_of(wanted, known.of(transaction, wanted.spec).await?) {
            places.push(place);
            queries.push(Query::new(sql.clone()).with(QueryParameter::Text(statement)));
        }
    }
    let answers = transaction.theirs().ask_each(POINT, &queries).await?;
    let created = places.into_iter().zip(answers).map(|(place, answer)| {
        let rows = answer?.into_rows();
        let row = rows.first();
        let number = row.as_ref().and_then(|row| row.int("number"));
        let name = row.as_ref().map(|row| row.text("name").to_owned());
        match (number, name) {
            (Some(number), Some(name)) => Ok(Hypothetical { number, name, place }),
            _ => Err(QueryTrouble::Unusable("it made no index".to_owned())),
        }
    });
    Ok(created.collect())
}

async fn drop_all(transaction: &mut Transaction, schema: &str, indexes: &[Hypothetical]) -> Result<(), QueryTrouble> {
    let sql = FORGET.fill(&[(SCHEMA.name, &quote_ident_always(schema))]);
    let forget = |index: &Hypothetical| Query::new(sql.clone()).with(QueryParameter::Int(index.number));
    transaction.ask_all(&indexes.iter().map(forget).collect::<Vec<_>>()).await
}

/// What is known of the limits of the simulation. Source: 104 pairs measured with 1.3.1 on PostgreSQL 15.
fn doubts(set: &[WantedIndex<'_>], verdicts: &[PlannerVerdict]) -> Vec<String> {
    let is_used = verdicts.iter().all(|verdict| *verdict == PlannerVerdict::Used);
    let mut doubts = Vec::new();
    if set.iter().any(WantedIndex::has_expression) {
        let seen = if is_used { "the real index costs less" } else { "the real index may be used" };
        doubts.push(format!("{seen}: the planner has no statistics of the expression before the index is built"));
    }
    if set.iter().any(WantedIndex::is_partial) && !is_used {
        doubts.push(
            "HypoPG does not simulate index-only scans of partial indexes: the real index may be used".to_owned(),
        );
    }
    doubts
}
