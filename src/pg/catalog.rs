//! Reads the [`Catalog`] of the tables that a plan touches.
//!
//! Two round trips under the session's own limits. A part that may not be read, or waits for a lock, is left out and
//! said in [`Read::notes`]: advice without it is weaker, not wrong.

mod rows;

use super::session::{Lost, Parameter, Query, Session, sentence};
use crate::catalog::{Catalog, Settings};
use crate::plan::Plan;
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

/// The parts of the catalog that are read by the tables' oids.
const PARTS: [(&str, &str, &str); 7] = [
    ("columns", include_str!("catalog/columns.sql"), "no index can be advised without the columns"),
    ("indexes", include_str!("catalog/indexes.sql"), "an index that is advised may exist already"),
    ("statistics", include_str!("catalog/statistics.sql"), "shares and sizes are guessed"),
    ("sizes", include_str!("catalog/sizes.sql"), "sizes are as old as the last VACUUM"),
    ("foreign keys", include_str!("catalog/foreign_keys.sql"), "relations are not known"),
    ("groups of columns", include_str!("catalog/groups.sql"), "columns count as independent"),
    ("expressions", include_str!("catalog/expressions.sql"), "shares of expressions are guessed"),
];

/// Reads the catalog of tables, given by schema (empty: along the `search_path`) and name.
pub async fn read(session: &mut Session, relations: &[(String, String)]) -> Result<Read, Lost> {
    let wanted: serde_json::Value = relations.iter().map(|(schema, name)| vec![schema.as_str(), name]).collect();
    let first = [
        query("server", include_str!("catalog/server.sql")),
        query("tables", include_str!("catalog/tables.sql"))
            .with(Parameter::Text(wanted.to_string()))
            .with(Parameter::Text(session.path.json())),
    ];
    let mut read = Read::default();
    let mut answers = session.pipeline(&first).await?.into_iter();
    let mut next = |what: &str, then: &str, notes: &mut Vec<String>| match answers.next()? {
        Ok(answer) => Some(answer.into_rows()),
        Err(error) => {
            notes.push(format!("the {what} could not be read ({}): {then}", sentence(&error)));
            None
        }
    };
    let server = next("server's settings", "costs are reckoned with PostgreSQL's defaults", &mut read.notes);
    let tables = next("tables", "nothing can be advised", &mut read.notes);
    let mut has_expressions = false;
    if let Some(row) = server.as_ref().and_then(RowSet::first) {
        has_expressions = row.flag("has_expression_statistics").unwrap_or(false);
        server_facts(&row, &mut read.catalog);
    }
    let Some(tables) = tables else { return Ok(read) };
    read.catalog.tables = tables.iter().map(|row| rows::table(&row)).collect();
    let oids: Vec<i64> = read.catalog.tables.iter().map(|table| i64::from(table.oid)).collect();
    if oids.is_empty() {
        return Ok(read);
    }
    let parts = || PARTS.iter().filter(|(name, ..)| has_expressions || *name != "expressions");
    let second: Vec<Query> =
        parts().map(|(name, sql, _)| query(name, sql).with(Parameter::Ids(oids.clone()))).collect();
    for ((name, _, then), answer) in parts().zip(session.pipeline(&second).await?) {
        match answer {
            Ok(answer) => rows::add(name, &answer.into_rows(), &mut read.catalog),
            Err(error) => read.notes.push(format!("the {name} could not be read ({}): {then}", sentence(&error))),
        }
    }
    for row in tables.iter().filter(|row| row.flag("may_read") == Some(false)) {
        read.notes.push(format!(
            "the statistics of {} may not be seen by this role: shares and sizes are guessed (GRANT SELECT shows them)",
            row.text("name")
        ));
    }
    Ok(read)
}

/// A statement under its name, without the comment lines at its head.
fn query(name: &str, sql: &str) -> Query {
    let body: Vec<&str> = sql.lines().skip_while(|line| line.starts_with("--")).collect();
    Query::new(format!("/* pgdj catalog: {name} */ {}", body.join("\n")))
}

fn server_facts(row: &Row<'_>, catalog: &mut Catalog) {
    catalog.version = row.int("version").and_then(|version| u32::try_from(version).ok()).unwrap_or_default();
    let texts = |column| crate::catalog::texts(row, column);
    let mut settings = Settings {
        disabled: texts("disabled"),
        is_standby: row.flag("is_standby").unwrap_or(false),
        ..Settings::default()
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
    fn the_tables_of_a_plan_are_named_once() {
        let text = r#"[{"Plan": {"Node Type": "Append", "Plans": [
            {"Node Type": "Seq Scan", "Relation Name": "a", "Schema": "s", "Alias": "x"},
            {"Node Type": "Seq Scan", "Relation Name": "a", "Schema": "s", "Alias": "y"},
            {"Node Type": "Seq Scan", "Relation Name": "b", "Alias": "b"}]}}]"#;
        let plan = crate::plan::parse(text).plans.remove(0);
        assert_eq!(relations(&plan), [("s".into(), "a".into()), (String::new(), "b".into())]);
    }
}
