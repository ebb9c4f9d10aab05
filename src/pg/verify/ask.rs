//! A statement and its EXPLAIN within an open transaction, and what that transaction can do.

use tokio_postgres::error::SqlState;

use crate::Failure;
use crate::advisor::IndexSpec;
use crate::catalog::{Table, TableColumn};
use crate::pg::control::Mode;
use crate::pg::explain::admitted::{Terms, admit};
use crate::pg::explain::planned::{Explaining, Reparse, Stumble, explain, plan_parsed};
use crate::pg::explain::{self, Agreed, ExplainRequest, Options, refusal};
use crate::pg::judge::Level;
use crate::pg::own::Own;
use crate::pg::private::CLUSTER_NAME;
use crate::pg::session::{Query, QueryParameter};
use crate::pg::transaction::{QueryTrouble, Transaction};
use crate::plan::Plan;

/// What can be done on this connection.
#[derive(Debug, Default)]
pub(in crate::pg) struct ConnectionMeans {
    /// The schema of `HypoPG`, where it is installed and may be used.
    pub(in crate::pg) hypopg: Option<String>,
    /// Whether temporary tables can be made: not on a standby, nor without the right to.
    pub(super) has_temporary: bool,
    /// Whether it is a server that pgdj started for itself, which nobody misses if it has to restart.
    pub(super) is_private: bool,
}

pub(in crate::pg) static CIRCUMSTANCES: Own = Own {
    name: "what can be tested",
    reads: "The schema of HypoPG, whether the server is the demo's, whether the role may create temporary tables.",
    when: "once for each explained plan with a scan that an index might make faster",
    holes: &[],
    sql: "select
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
        and pg_catalog.has_database_privilege(pg_catalog.current_database(), 'temporary') as has_temporary",
};

impl ConnectionMeans {
    pub(in crate::pg) async fn read(transaction: &mut Transaction) -> Result<Self, QueryTrouble> {
        let rows = transaction.ask(Query::new(CIRCUMSTANCES.sql())).await?.into_rows();
        let Some(row) = rows.first() else { return Ok(Self::default()) };
        Ok(Self {
            hypopg: row.get("hypopg").as_str().map(str::to_owned),
            has_temporary: row.flag("has_temporary").unwrap_or_default(),
            is_private: row.text("cluster_name") == CLUSTER_NAME,
        })
    }
}

/// Columns, by which the literals of a predicate are written as Django writes them.
pub(in crate::pg) static COLUMNS: Own = Own {
    name: "columns of the table of an index",
    reads: "Names and types of the columns of one table; $1 is its schema, $2 its name.",
    when: "before an index is tested or tried",
    holes: &[],
    sql: "select
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
limit 1600",
};

/// Reads the tables of these indexes; one that is not there has no columns.
pub(in crate::pg) async fn tables(
    transaction: &mut Transaction,
    specs: impl Iterator<Item = &IndexSpec>,
) -> Result<Vec<Table>, QueryTrouble> {
    let mut tables: Vec<Table> = Vec::new();
    for spec in specs {
        if tables.iter().any(|table| table.schema == spec.schema && table.name == spec.table) {
            continue;
        }
        let query = Query::new(COLUMNS.sql())
            .with(QueryParameter::Text(spec.schema.clone()))
            .with(QueryParameter::Text(spec.table.clone()));
        let rows = transaction.ask(query).await?.into_rows();
        let columns = rows.iter().map(|row| TableColumn {
            name: row.text("name").to_owned(),
            type_name: row.text("type_name").to_owned(),
            is_not_null: row.flag("is_not_null").unwrap_or_default(),
            category: row.text("category").chars().next().unwrap_or_default(),
            ..TableColumn::default()
        });
        let columns = columns.collect();
        tables.push(Table { schema: spec.schema.clone(), name: spec.table.clone(), columns, ..Table::default() });
    }
    Ok(tables)
}

pub(in crate::pg) static PARTITIONS: Own = Own {
    name: "partitions of the table of an index",
    reads: "The partitions of one table; $1 is its schema, $2 its name.",
    when: "before HypoPG is asked about an index",
    holes: &[],
    sql: "select n.nspname::text as schema, c.relname::text as name
from pg_catalog.pg_class as w
join pg_catalog.pg_namespace as wn on wn.oid = w.relnamespace
cross join lateral pg_catalog.pg_partition_tree(w.oid) as p
join pg_catalog.pg_class as c on c.oid = p.relid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where wn.nspname = $1 and w.relname = $2 and w.relkind = 'p' and p.isleaf and p.level > 0
order by c.oid
limit 1000",
};

/// Returns the partitions of a table that hold rows: schema and name; none for a table that is whole.
///
/// Source: PostgreSQL manual 9.27 "`pg_partition_tree`", since 12.
pub(super) async fn partitions(
    transaction: &mut Transaction,
    spec: &IndexSpec,
) -> Result<Vec<(String, String)>, QueryTrouble> {
    let query = Query::new(PARTITIONS.sql())
        .with(QueryParameter::Text(spec.schema.clone()))
        .with(QueryParameter::Text(spec.table.clone()));
    let rows = transaction.ask(query).await?.into_rows();
    Ok(rows.iter().map(|row| (row.text("schema").to_owned(), row.text("name").to_owned())).collect())
}

pub(in crate::pg) static READ_ONLY: Own = Own {
    name: "guard: read-only from here",
    reads: "Nothing. Your statement cannot write, in a trial either; it holds until the savepoint is rolled back.",
    when: "before each EXPLAIN that tests or tries an index",
    holes: &[],
    sql: "set local transaction_read_only = on",
};

/// A statement with its values.
#[derive(Debug, Clone)]
pub(in crate::pg) struct BoundStatement {
    /// The statement.
    looked_at: explain::CheckedStatement,
    /// The values of `$1`, `$2`, …; empty asks for the generic plan where there are any.
    parameters: Vec<Option<String>>,
    /// What a person has agreed to that it calls.
    agreed: Agreed,
}

/// What is compared: costs, and whether an index is used.
const PLANNED: Options = Options {
    analyze: false,
    buffers: false,
    settings: false,
    wal: false,
    timing: true,
    serialize: false,
    memory: false,
    generic_plan: false,
    verbose: true,
};

impl BoundStatement {
    /// A statement without values.
    pub(in crate::pg) fn without_values(statement: explain::CheckedStatement) -> Self {
        Self { looked_at: statement, parameters: Vec::new(), agreed: Agreed::To(Vec::new()) }
    }

    pub(super) fn of(request: &ExplainRequest) -> Result<Self, Failure> {
        let statement = explain::statement::check(&request.sql).map_err(|error| refusal::not_one(&error))?;
        Ok(Self { looked_at: statement, parameters: request.parameters.clone(), agreed: request.agreed.clone() })
    }

    /// Returns the text.
    pub(in crate::pg) fn sql(&self) -> &str {
        &self.looked_at.text
    }

    /// The same with another text.
    pub(super) fn with_sql(&self, sql: String) -> Self {
        let mut other = self.clone();
        other.looked_at.text = sql;
        other
    }

    /// A statement of ours, made of a part of this one; its parameters have no values.
    pub(super) fn part(&self, sql: &str) -> Option<Self> {
        let statement = explain::statement::check(sql).ok()?;
        Some(Self { looked_at: statement, parameters: Vec::new(), agreed: self.agreed.clone() })
    }

    /// Judges it, as it stands before every plan and every run; who asks was warned when it was explained.
    pub(in crate::pg) async fn admit(
        &self,
        transaction: &mut Transaction,
        level: Level,
        mode: Mode,
    ) -> Result<(), QueryTrouble> {
        transaction.save("pgdj_judge").await?;
        let terms = Terms { level, mode, agreed: self.agreed.clone() };
        let admitted = admit(transaction, &self.looked_at, terms, &|_| {}).await;
        transaction.undo("pgdj_judge").await?;
        admitted.map(drop).map_err(Stumble::trouble)
    }

    /// Returns its plan.
    pub(in crate::pg) async fn explain(&self, transaction: &mut Transaction) -> Result<Plan, QueryTrouble> {
        self.guarded(transaction, PLANNED).await
    }

    /// Returns the plans of several without values; only for those that were parsed in the open transaction, which is
    /// read-only.
    pub(in crate::pg) async fn plan_parsed(
        transaction: &mut Transaction,
        statements: &[&Self],
    ) -> Result<Vec<Result<Plan, QueryTrouble>>, QueryTrouble> {
        let looked_at: Vec<&explain::CheckedStatement> =
            statements.iter().map(|statement| &statement.looked_at).collect();
        let plans = plan_parsed(transaction, &looked_at, PLANNED).await?;
        Ok(plans.into_iter().map(|plan| plan.map_err(Stumble::trouble)).collect())
    }

    /// Runs it and returns its plan with times; a write, which the read-only savepoint refuses, is planned only, as is
    /// one without the values of its parameters.
    pub(super) async fn measure(&self, transaction: &mut Transaction) -> Result<Plan, QueryTrouble> {
        let run = Options { analyze: true, buffers: true, ..PLANNED };
        match self.guarded(transaction, run).await {
            Err(trouble) if trouble.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                self.guarded(transaction, PLANNED).await
            }
            other => other,
        }
    }

    /// Explains within a savepoint, after which the transaction is as it was before.
    async fn guarded(&self, transaction: &mut Transaction, options: Options) -> Result<Plan, QueryTrouble> {
        transaction.save("pgdj_explain").await?;
        transaction.control(&[READ_ONLY.sql()]).await?;
        let asked = Explaining { statement: &self.looked_at, values: &self.parameters, options, parsed: Reparse::Anew };
        let explained = explain(transaction, &asked).await;
        transaction.undo("pgdj_explain").await?;
        Ok(explained.map_err(Stumble::trouble)?.plan)
    }
}
