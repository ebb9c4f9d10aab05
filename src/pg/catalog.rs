//! Reads the [`Catalog`] of the tables that a plan touches.
//!
//! Two round trips under the session's own limits. A part that may not be read, or waits for a lock, is left out and
//! said in [`Read::notes`]: advice without it is weaker, not wrong.

mod rows;

use std::collections::BTreeMap;

use tokio_postgres::Error;

use super::own::Own;
use super::session::{Answer, Lost, Query, QueryParameter, Session, sentence};
use crate::catalog::{Catalog, PlannerSettings};
use crate::plan::Plan;
use crate::sample::unit::grouped;
use crate::sample::{Row, RowSet};

/// What was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Read {
    /// The catalog, as far as it could be read.
    pub catalog: Catalog,
    /// What could not be read and what that means, one sentence each.
    pub notes: Vec<String>,
}

/// Returns the tables that a plan touches: schema (empty where the plan does not say) and name.
pub fn relations(plan: &Plan) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (_, node) in plan.iter() {
        let Some(name) = node.relation() else { continue };
        let relation = (node.schema().unwrap_or_default().to_owned(), name.to_owned());
        if !found.contains(&relation) {
            found.push(relation);
        }
    }
    found
}

/// The parts that are read first, and what follows where they are missing.
const FIRST: [(&str, &str); 2] =
    [("server", "costs are calculated with PostgreSQL's defaults"), ("tables", "no advice is possible")];

/// When the catalog is read.
const WHEN: &str = "each time pgdj looks for indexes: after you explain a statement or open a plan";

pub(super) static SERVER: Own = Own {
    name: "catalog: server",
    reads: "The settings that costs depend on, the extensions.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/server.sql"),
};

pub(super) static TABLES: Own = Own {
    name: "catalog: tables",
    reads: "The tables of the plan: size, rows, counters. $1 is the list of names as JSON, $2 the role's search_path.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/tables.sql"),
};

pub(super) static COLUMNS: Own = Own {
    name: "catalog: columns",
    reads: "The columns of these tables.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/columns.sql"),
};

pub(super) static INDEXES: Own = Own {
    name: "catalog: indexes",
    reads: "The indexes of these tables.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/indexes.sql"),
};

pub(super) static STATISTICS: Own = Own {
    name: "catalog: statistics",
    reads: "The statistics of their columns: common values, histogram bounds. Only of tables that the role may read.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/statistics.sql"),
};

pub(super) static SIZES: Own = Own {
    name: "catalog: sizes",
    reads: "The sizes of their files.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/sizes.sql"),
};

pub(super) static FOREIGN_KEYS: Own = Own {
    name: "catalog: foreign keys",
    reads: "Their foreign keys.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/foreign_keys.sql"),
};

pub(super) static GROUPS: Own = Own {
    name: "catalog: groups of columns",
    reads: "Extended statistics on groups of columns.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/groups.sql"),
};

pub(super) static EXPRESSIONS: Own = Own {
    name: "catalog: expressions",
    reads: "Extended statistics on expressions; from PostgreSQL 14 on.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/expressions.sql"),
};

pub(super) static LOCKS: Own = Own {
    name: "catalog: locks",
    reads: "Which sessions hold a lock on these tables that the build of an index waits for.",
    when: WHEN,
    holes: &[],
    sql: include_str!("catalog/locks.sql"),
};

/// The parts of the catalog that are read by the tables' oids.
static PARTS: [(&str, &Own, &str); 8] = [
    ("columns", &COLUMNS, "no index can be advised without the columns"),
    ("indexes", &INDEXES, "an advised index may already exist"),
    ("statistics", &STATISTICS, "selectivities and sizes are rough estimates"),
    ("sizes", &SIZES, "sizes are as old as the last VACUUM"),
    ("foreign keys", &FOREIGN_KEYS, "relations are unknown"),
    ("groups of columns", &GROUPS, "columns count as independent"),
    ("expressions", &EXPRESSIONS, "selectivities of expressions are rough estimates"),
    ("locks", &LOCKS, "a trial may wait for a lock"),
];

/// The rows that a [`Read`] is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CatalogRows {
    /// The rows of each part that could be read, by its name.
    pub rows: BTreeMap<String, RowSet>,
    /// What could not be read and what that means, one sentence each.
    pub notes: Vec<String>,
}

/// Reads the catalog of tables, given by schema (empty: along the `search_path`) and name.
pub async fn read(session: &mut Session, relations: &[(String, String)]) -> Result<Read, Lost> {
    Ok(read_parts(session, relations).await?.read())
}

/// Reads the rows of the catalog of tables, as [`read`] does.
pub(crate) async fn read_parts(session: &mut Session, relations: &[(String, String)]) -> Result<CatalogRows, Lost> {
    let wanted: serde_json::Value = relations.iter().map(|(schema, name)| vec![schema.as_str(), name]).collect();
    let first = [
        Query::new(SERVER.sql()),
        Query::new(TABLES.sql())
            .with(QueryParameter::Text(wanted.to_string()))
            .with(QueryParameter::Text(session.path.json())),
    ];
    let mut parts = CatalogRows::default();
    for (((name, then), own), answer) in FIRST.iter().zip([&SERVER, &TABLES]).zip(session.pipeline(&first).await?) {
        parts.keep(name, then, answer);
        parts.say_limit(name, then, own);
    }
    let oids = parts.oids();
    if oids.is_empty() {
        return Ok(parts);
    }
    let has_expressions = parts.first("server").and_then(|row| row.flag("has_expression_statistics")).unwrap_or(false);
    let wanted = || PARTS.iter().filter(|(name, ..)| has_expressions || *name != "expressions");
    let second: Vec<Query> =
        wanted().map(|(_, own, _)| Query::new(own.sql()).with(QueryParameter::Ids(oids.clone()))).collect();
    for ((name, own, then), answer) in wanted().zip(session.pipeline(&second).await?) {
        parts.keep(name, then, answer);
        parts.say_limit(name, then, own);
    }
    Ok(parts)
}

impl CatalogRows {
    fn keep(&mut self, name: &str, then: &str, answer: Result<Answer, Error>) {
        match answer {
            Ok(answer) => {
                self.rows.insert(name.to_owned(), answer.into_rows());
            }
            Err(error) => {
                let part = if name == "server" { "server's settings" } else { name };
                self.notes.push(format!("the {part} could not be read ({}): {then}", sentence(&error)));
            }
        }
    }

    /// Notes that a list is as long as its statement lets it be: what is behind its end is not known.
    fn say_limit(&mut self, name: &str, then: &str, own: &Own) {
        let limit = own.sql.trim_end().rsplit_once("limit ").and_then(|(_, number)| number.parse::<usize>().ok());
        let rows = self.rows.get(name).map_or(0, RowSet::len);
        if limit.is_some_and(|limit| rows >= limit) {
            let rows = grouped(rows);
            self.notes.push(format!("only the first {rows} rows of the {name} were read. For the rest: {then}"));
        }
    }

    fn first(&self, part: &str) -> Option<Row<'_>> {
        self.rows.get(part)?.first()
    }

    fn oids(&self) -> Vec<i64> {
        let tables = self.rows.get("tables").into_iter().flat_map(RowSet::iter);
        tables.map(|row| i64::from(rows::table(&row).oid)).collect()
    }

    /// Returns what the rows say.
    pub fn read(&self) -> Read {
        let mut read = Read { notes: self.notes.clone(), ..Read::default() };
        if let Some(row) = self.first("server") {
            server_facts(&row, &mut read.catalog);
        }
        let Some(tables) = self.rows.get("tables") else { return read };
        read.catalog.tables = tables.iter().map(|row| rows::table(&row)).collect();
        for (name, ..) in &PARTS {
            if let Some(rows) = self.rows.get(*name) {
                rows::add(name, rows, &mut read.catalog);
            }
        }
        for row in tables.iter().filter(|row| row.flag("may_read") == Some(false)) {
            read.notes.push(format!(
                "this role cannot see the statistics of {}: selectivities and sizes are rough estimates (GRANT SELECT \
                 makes them visible)",
                row.text("name")
            ));
        }
        read
    }
}

fn server_facts(row: &Row<'_>, catalog: &mut Catalog) {
    catalog.version = row.int("version").and_then(|version| u32::try_from(version).ok()).unwrap_or_default();
    let texts = |column| crate::catalog::texts(row, column);
    let mut settings = PlannerSettings {
        disabled: texts("disabled"),
        is_standby: row.flag("is_standby").unwrap_or(false),
        ..PlannerSettings::default()
    };
    for text in texts("costs") {
        let Some((name, value)) = text.split_once('=') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        let place = match name {
            "seq_page_cost" => &mut settings.seq_page_cost,
            "random_page_cost" => &mut settings.random_page_cost,
            "cpu_tuple_cost" => &mut settings.cpu_tuple_cost,
            "cpu_index_tuple_cost" => &mut settings.cpu_index_tuple_cost,
            "cpu_operator_cost" => &mut settings.cpu_operator_cost,
            _ => &mut settings.effective_cache_pages,
        };
        *place = value;
    }
    catalog.settings = settings;
    catalog.extensions = texts("extensions")
        .into_iter()
        .filter_map(|text| {
            let (name, schema) = text.split_once('=')?;
            Some((name.to_owned(), (!schema.is_empty()).then(|| schema.to_owned())))
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_as_long_as_its_limit_is_said_to_be_a_part() {
        let rows = |count: usize| RowSet::new(Vec::new().into(), vec![Vec::new(); count]);
        let notes = |count: usize| {
            let mut parts =
                CatalogRows { rows: [("indexes".to_owned(), rows(count))].into(), ..CatalogRows::default() };
            parts.say_limit("indexes", "an advised index may already exist", &INDEXES);
            parts.notes
        };
        assert_eq!(notes(9_999), Vec::<String>::new());
        let said =
            "only the first 10,000 rows of the indexes were read. For the rest: an advised index may already exist";
        assert_eq!(notes(10_000), [said]);
    }

    #[test]
    fn the_tables_of_a_plan_are_named_once() {
        let text = r#"[{"Plan": {"Node Type": "Append", "Plans": [
            {"Node Type": "Seq Scan", "Relation Name": "a", "Schema": "s", "Alias": "x"},
            {"Node Type": "Seq Scan", "Relation Name": "a", "Schema": "s", "Alias": "y"},
            {"Node Type": "Seq Scan", "Relation Name": "b", "Alias": "b"}]}}]"#;
        let plan = crate::plan::parse(text).plans.remove(0);
        assert_eq!(relations(&plan), [("s".into(), "a".into()), (String::new(), "b".into())]);
    }
}
