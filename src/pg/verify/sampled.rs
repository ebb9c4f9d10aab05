//! The second kind of evidence: a sample of the table under its own name, with its indexes and the new one.
//!
//! A temporary table stands before all others in the search path, so that the statement finds the sample without being
//! changed; one that names the schema is changed in just that.

use super::ask::{BoundStatement, ConnectionMeans};
use super::{Evidence, Verified, WantedIndex, verdicts};
use crate::pg::own::{Hole, Own, Placeholder, Sql};
use crate::pg::session::{Query, QueryParameter};
use crate::pg::transaction::{QueryTrouble, Transaction};
use crate::quote::quote_ident_always;
use crate::sample::{Bytes, Value};

/// Rows of a sample: fewer and the planner reads it whole, more and it takes too long.
const MOST_ROWS: f64 = 100_000.0;
/// Rows below which a table is taken whole.
const LEAST_ROWS: f64 = 20_000.0;
/// The share that is enough for a large table, percent.
const USUAL_PERCENT: f64 = 5.0;

const TABLE: Hole = Hole { name: "table", doc: "the table's name, which the sample has too", form: Placeholder::Name };
const RELATION: Hole = Hole { name: "relation", doc: "the table, with its schema", form: Placeholder::Name };

/// When a sample is made.
const WHEN: &str = "never in this version";

pub(in crate::pg) static ROWS: Own = Own {
    name: "sample: rows of a table",
    reads: "How many rows a table has, as last counted; $1 its schema, $2 its name.",
    when: WHEN,
    holes: &[],
    sql: "select c.reltuples::float8
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2",
};

pub(in crate::pg) static CREATE: Own = Own {
    name: "sample: table",
    reads: "Nothing. Makes an empty temporary table.",
    when: WHEN,
    holes: &[TABLE, RELATION],
    sql: "create temporary table {table} (like {relation} including indexes) on commit drop",
};

pub(in crate::pg) static COPY_ALL: Own = Own {
    name: "sample: rows of a small table",
    reads: "The whole table.",
    when: WHEN,
    holes: &[TABLE, RELATION],
    sql: "insert into pg_temp.{table} select * from {relation}",
};

pub(in crate::pg) static COPY_PART: Own = Own {
    name: "sample: rows of a large table",
    reads: "A part of the table, at most about 100,000 rows.",
    when: WHEN,
    holes: &[TABLE, RELATION, Hole { name: "percent", doc: "the part", form: Placeholder::Number }],
    sql: "insert into pg_temp.{table} select * from {relation} tablesample system ({percent})",
};

pub(in crate::pg) static COPY_FIRST: Own = Own {
    name: "sample: rows of a table that was never counted",
    reads: "Its first 100,000 rows.",
    when: WHEN,
    holes: &[TABLE, RELATION],
    sql: "insert into pg_temp.{table} select * from {relation} limit 100000",
};

pub(in crate::pg) static ANALYZE: Own = Own {
    name: "sample: analyze",
    reads: "The sample, for its statistics.",
    when: WHEN,
    holes: &[TABLE],
    sql: "analyze pg_temp.{table}",
};

pub(in crate::pg) static BUILD: Own = Own {
    name: "sample: index",
    reads: "The sample. Builds the index on it.",
    when: WHEN,
    holes: &[
        Hole { name: "index", doc: "pgdj_sample_1, 2, …", form: Placeholder::Name },
        Hole { name: "place", doc: "the sample and the keys of the advised index", form: Placeholder::Theirs },
    ],
    sql: "CREATE INDEX /* pgdj sample: index */ {index} ON {place}",
};

pub(in crate::pg) static SIZE: Own = Own {
    name: "sample: size of the index",
    reads: "The size of the index on the sample; $1 its name.",
    when: WHEN,
    holes: &[],
    sql: "select pg_catalog.pg_relation_size(c.oid)::float8
from pg_catalog.pg_class as c
where c.relnamespace = pg_catalog.pg_my_temp_schema() and c.relname = $1",
};

/// Asks the planner; `None`, with a note, where no sample can be made.
pub(super) async fn verify(
    transaction: &mut Transaction,
    statement: &BoundStatement,
    set: &[WantedIndex<'_>],
    circumstances: &ConnectionMeans,
    notes: &mut Vec<String>,
) -> Result<Option<Verified>, QueryTrouble> {
    if !circumstances.has_temporary {
        notes.push(
            "cannot create a temporary table here: this is a standby, or the TEMPORARY right is missing".to_owned(),
        );
        return Ok(None);
    }
    transaction.save("pgdj_sample").await?;
    let tried = with_sample(transaction, statement, set).await;
    transaction.undo("pgdj_sample").await?;
    match tried {
        Ok(verified) => Ok(Some(verified)),
        Err(trouble) => {
            notes.push(format!("no sample could be tried: {}", trouble.message()?));
            Ok(None)
        }
    }
}

async fn with_sample(
    transaction: &mut Transaction,
    statement: &BoundStatement,
    set: &[WantedIndex<'_>],
) -> Result<Verified, QueryTrouble> {
    let mut tables: Vec<(&str, &str)> =
        set.iter().map(|wanted| (wanted.spec.schema.as_str(), wanted.spec.table.as_str())).collect();
    tables.sort_unstable();
    tables.dedup();
    let mut sql = statement.sql().to_owned();
    let mut share: f64 = 1.0;
    for (schema, table) in tables {
        share = share.min(sample(transaction, schema, table).await?);
        sql = in_sample(&sql, schema, table);
    }
    let statement = statement.with_sql(sql);
    let before = statement.explain(transaction).await?;
    let names: Vec<String> = (1..=set.len()).map(|at| format!("pgdj_sample_{at}")).collect();
    for (wanted, name) in set.iter().zip(&names) {
        let index = [("index", quote_ident_always(name)), ("place", wanted.place_in("pg_temp"))];
        transaction.theirs().run(&BUILD.fill(&index.each_ref().map(|(name, value)| (*name, value.as_str())))).await?;
        if wanted.has_expression() {
            transaction.run(&ANALYZE.fill(&[(TABLE.name, &quote_ident_always(&wanted.spec.table))])).await?;
        }
    }
    let after = statement.explain(transaction).await?;
    let mut sizes = Vec::new();
    for name in &names {
        let query = Query::new(SIZE.sql()).with(QueryParameter::Text(name.clone()));
        let bytes = transaction.ask(query).await?.scalar().and_then(Value::as_f64);
        sizes.push(bytes.map(|bytes| Bytes(bytes / share)));
    }
    let notes =
        vec!["costs are those of the sample; the size of a GIN index on many distinct values is too high".to_owned()];
    let names: Vec<Vec<String>> = names.into_iter().map(|name| vec![name]).collect();
    let verdicts = verdicts(&after, &names);
    Ok(Verified {
        evidence: Evidence::Sample { share },
        verdicts,
        before: Some(before),
        after: Some(after),
        sizes,
        notes,
    })
}

/// Makes the sample and returns its share of the rows.
async fn sample(transaction: &mut Transaction, schema: &str, table: &str) -> Result<f64, QueryTrouble> {
    let relation = format!("{}.{}", quote_ident_always(schema), quote_ident_always(table));
    let query = Query::new(ROWS.sql())
        .with(QueryParameter::Text(schema.to_owned()))
        .with(QueryParameter::Text(table.to_owned()));
    let rows = transaction.ask(query).await?.scalar().and_then(Value::as_f64).unwrap_or_default();
    let percent = percent_of(rows);
    let (table, part) = (quote_ident_always(table), format!("{percent:.4}"));
    let names = [(TABLE.name, table.as_str()), (RELATION.name, &relation)];
    let copy = if rows <= 0.0 {
        COPY_FIRST.fill(&names)
    } else if percent < 100.0 {
        COPY_PART.fill(&[names.as_slice(), &[("percent", &part)]].concat())
    } else {
        COPY_ALL.fill(&names)
    };
    let made = [CREATE.fill(&names), copy, ANALYZE.fill(&[(TABLE.name, &table)])];
    transaction.run(&Sql::batch(&made)).await?;
    Ok(percent / 100.0)
}

/// The percentage of a table's rows that goes into its sample; a table that was never counted is read to its first rows.
fn percent_of(rows: f64) -> f64 {
    if rows <= LEAST_ROWS {
        return 100.0;
    }
    let least = LEAST_ROWS / rows * 100.0;
    let most = MOST_ROWS / rows * 100.0;
    USUAL_PERCENT.min(most).max(least)
}

/// The statement with the table's own schema in place of the sample's.
fn in_sample(sql: &str, schema: &str, table: &str) -> String {
    let there = format!("pg_temp.{}", quote_ident_always(table));
    let written = [
        format!("{}.{}", quote_ident_always(schema), quote_ident_always(table)),
        format!("{schema}.{}", quote_ident_always(table)),
        format!("{}.{table}", quote_ident_always(schema)),
        format!("{schema}.{table}"),
    ];
    written.iter().fold(sql.to_owned(), |sql, name| replace_whole(&sql, name, &there))
}

/// Replaces a name where no letter of a longer one stands before or after it.
fn replace_whole(text: &str, name: &str, by: &str) -> String {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '"' || letter == '$';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (head, tail) = (rest.get(..at).unwrap_or_default(), rest.get(at + name.len()..).unwrap_or_default());
        out.push_str(head);
        let is_whole = !out.ends_with(is_part) && !out.ends_with('.') && !tail.starts_with(is_part);
        out.push_str(if is_whole { by } else { name });
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_large_enough_and_not_too_large() {
        for (rows, percent) in [(0.0, 100.0), (20_000.0, 100.0), (100_000.0, 20.0), (1e6, 5.0), (1e7, 1.0)] {
            assert!((percent_of(rows) - percent).abs() < 1e-9, "{rows}");
        }
    }

    #[test]
    fn only_the_table_s_own_name_is_replaced() {
        for (sql, expected) in [
            ("select * from public.t", "select * from pg_temp.\"t\""),
            ("select * from \"public\".\"t\" where x", "select * from pg_temp.\"t\" where x"),
            ("select * from public.tt, other.public.t", "select * from public.tt, other.public.t"),
            ("select * from t", "select * from t"),
        ] {
            assert_eq!(in_sample(sql, "public", "t"), expected);
        }
    }
}
