//! A statement and its EXPLAIN within an open transaction, and what that transaction can do.

use tokio_postgres::error::SqlState;

use super::line::{Line, Trouble};
use crate::advisor::IndexSpec;
use crate::catalog::{Column, Table};
use crate::pg::explain::Request;
use crate::pg::private::CLUSTER_NAME;
use crate::pg::session::{Parameter, Query};
use crate::plan::{self, Plan};
use crate::quote::{qualified_always, quote_text};
use crate::sample::Value;

/// What can be done on this connection.
#[derive(Debug, Default)]
pub(super) struct Circumstances {
    /// The schema of `HypoPG`, where it is installed and may be used.
    pub(super) hypopg: Option<String>,
    /// Whether temporary tables can be made: not on a standby, nor without the right to.
    pub(super) has_temporary: bool,
    /// Whether it is a server that pgdj started for itself, which nobody misses if it has to restart.
    pub(super) is_private: bool,
}

const CIRCUMSTANCES: &str = "select
    (
        select n.nspname::text
        from pg_catalog.pg_proc as p
        join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
        join pg_catalog.pg_extension as e on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid
        join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        where e.extname = 'hypopg' and p.proname = 'hypopg_create_index'
            and pg_catalog.has_function_privilege(p.oid, 'execute') and pg_catalog.has_schema_privilege(n.oid, 'usage')
        limit 1
    ) as hypopg,
    pg_catalog.current_setting('cluster_name') as cluster_name,
    not pg_catalog.pg_is_in_recovery()
        and pg_catalog.has_database_privilege(pg_catalog.current_database(), 'temporary') as has_temporary";

impl Circumstances {
    pub(super) async fn read(line: &mut Line) -> Result<Self, Trouble> {
        let rows = line.ask(Query::new(CIRCUMSTANCES)).await?.into_rows();
        let Some(row) = rows.first() else { return Ok(Self::default()) };
        Ok(Self {
            hypopg: row.get("hypopg").as_str().map(str::to_owned),
            has_temporary: row.flag("has_temporary").unwrap_or_default(),
            is_private: row.text("cluster_name") == CLUSTER_NAME,
        })
    }
}

/// Columns, by which the literals of a predicate are written as Django writes them.
const COLUMNS: &str = "select
    a.attname::text as name,
    pg_catalog.format_type(a.atttypid, null) as type_name,
    a.attnotnull as is_not_null,
    t.typcategory::text as category
from pg_catalog.pg_attribute as a
join pg_catalog.pg_type as t on t.oid = a.atttypid
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
order by a.attnum
limit 1600";

/// Reads the tables of these indexes; one that is not there has no columns.
pub(super) async fn tables(line: &mut Line, specs: impl Iterator<Item = &IndexSpec>) -> Result<Vec<Table>, Trouble> {
    let mut tables: Vec<Table> = Vec::new();
    for spec in specs {
        if tables.iter().any(|table| table.schema == spec.schema && table.name == spec.table) {
            continue;
        }
        let query =
            Query::new(COLUMNS).with(Parameter::Text(spec.schema.clone())).with(Parameter::Text(spec.table.clone()));
        let rows = line.ask(query).await?.into_rows();
        let columns = rows.iter().map(|row| Column {
            name: row.text("name").to_owned(),
            type_name: row.text("type_name").to_owned(),
            is_not_null: row.flag("is_not_null").unwrap_or_default(),
            category: row.text("category").chars().next().unwrap_or_default(),
            ..Column::default()
        });
        let columns = columns.collect();
        tables.push(Table { schema: spec.schema.clone(), name: spec.table.clone(), columns, ..Table::default() });
    }
    Ok(tables)
}

/// Returns the partitions of a table that hold rows: schema and name; none for a table that is whole.
///
/// Source: PostgreSQL manual 9.27 "`pg_partition_tree`", since 12.
pub(super) async fn partitions(line: &mut Line, spec: &IndexSpec) -> Result<Vec<(String, String)>, Trouble> {
    let sql = "select n.nspname::text as schema, c.relname::text as name
        from pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) as p
        join pg_catalog.pg_class as c on c.oid = p.relid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where p.isleaf and p.parentrelid is not null and p.level > 0
        order by c.oid
        limit 1000";
    let name = qualified_always(&spec.schema, &spec.table);
    let rows = line.ask(Query::new(sql).with(Parameter::Text(name))).await?.into_rows();
    Ok(rows.iter().map(|row| (row.text("schema").to_owned(), row.text("name").to_owned())).collect())
}

/// The statement a person wrote, by this name on the backend; forgotten again after each EXPLAIN.
const PREPARED: &str = "pgdj_verified";

/// A statement with its values.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// The text.
    pub(super) sql: String,
    /// The values of `$1`, `$2`, …; empty asks for the generic plan where there are any.
    parameters: Vec<Option<String>>,
}

/// Whether a statement is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// It is planned.
    No,
    /// It is planned and run, read-only.
    Yes,
}

impl Statement {
    pub(super) fn of(request: &Request) -> Self {
        let sql = request.sql.trim().trim_end_matches(';').to_owned();
        Self { sql, parameters: request.parameters.clone() }
    }

    /// The same with another text.
    pub(super) fn with_sql(&self, sql: String) -> Self {
        Self { sql, parameters: self.parameters.clone() }
    }

    /// A statement of ours, whose parameters have no values.
    pub(super) fn alone(sql: String) -> Self {
        Self { sql, parameters: Vec::new() }
    }

    /// Returns its plan.
    pub(super) async fn explain(&self, line: &mut Line) -> Result<Plan, Trouble> {
        self.guarded(line, Run::No).await
    }

    /// Runs it and returns its plan with times; a write, which the read-only savepoint refuses, is planned only.
    pub(super) async fn measure(&self, line: &mut Line) -> Result<Plan, Trouble> {
        match self.guarded(line, Run::Yes).await {
            Err(Trouble::Server { code: Some(SqlState::READ_ONLY_SQL_TRANSACTION), .. }) => {
                self.guarded(line, Run::No).await
            }
            other => other,
        }
    }

    /// Explains within a savepoint, after which the transaction is as it was before.
    async fn guarded(&self, line: &mut Line, run: Run) -> Result<Plan, Trouble> {
        line.batch("savepoint pgdj_explain; set local transaction_read_only = on").await?;
        let explained = self.prepared(line, run).await;
        line.batch("rollback to savepoint pgdj_explain; release savepoint pgdj_explain").await?;
        explained
    }

    /// It is prepared by the extended protocol, by which the server refuses a second statement; anew each time, for the
    /// plan of one without parameters is kept and would not know of a new hypothetical index.
    async fn prepared(&self, line: &mut Line, run: Run) -> Result<Plan, Trouble> {
        line.ask(Query::new(format!("prepare {PREPARED} as {}", self.sql))).await?;
        let explained = self.executed(line, run).await;
        // A prepared statement outlives a rollback. In a failed transaction only that has to come first.
        if explained.is_err() {
            line.batch("rollback to savepoint pgdj_explain").await?;
        }
        line.batch(&format!("deallocate {PREPARED}")).await?;
        explained
    }

    async fn executed(&self, line: &mut Line, run: Run) -> Result<Plan, Trouble> {
        let values = if self.parameters.is_empty() { self.nulls(line).await? } else { self.parameters.clone() };
        let mode =
            if self.parameters.is_empty() && !values.is_empty() { "force_generic_plan" } else { "force_custom_plan" };
        line.batch(&format!("set local plan_cache_mode = {mode}")).await?;
        let values: Vec<String> = values
            .iter()
            .map(|value| value.as_ref().map_or_else(|| "null".to_owned(), |text| quote_text(text)))
            .collect();
        let list = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
        let options = if run == Run::Yes { "analyze, buffers, " } else { "" };
        let sql = format!("explain ({options}verbose, format json) execute {PREPARED}{list}");
        let answer = line.ask(Query::new(sql)).await?;
        let text = answer.scalar().and_then(Value::as_str).unwrap_or_default();
        let mut parsed = plan::parse(text);
        if parsed.plans.is_empty() {
            return Err(Trouble::Server { code: None, message: "the server gave no plan".to_owned() });
        }
        Ok(parsed.plans.swap_remove(0))
    }

    /// A null for each `$n` of a statement that came without values.
    async fn nulls(&self, line: &mut Line) -> Result<Vec<Option<String>>, Trouble> {
        if !self.sql.contains('$') {
            return Ok(Vec::new());
        }
        let sql = format!(
            "select pg_catalog.cardinality(p.parameter_types) as count from pg_catalog.pg_prepared_statements as p where p.name = '{PREPARED}'"
        );
        let answer = line.ask(Query::new(sql)).await?;
        let count = answer.scalar().and_then(Value::as_int).and_then(|count| usize::try_from(count).ok());
        Ok(vec![None; count.unwrap_or_default()])
    }
}
