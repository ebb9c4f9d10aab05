//! The third kind of evidence: what the catalog proves. Read-only, and without an extension.
//!
//! An index can serve a condition `key operator value` if its operator class takes the key's type and has the operator.
//! Source: PostgreSQL manual 38.16 "Interfacing Extensions to Indexes".

use super::{Evidence, PlannerVerdict, Verified, WantedIndex};
use crate::advisor::IndexSpec;
use crate::catalog::parse::expression;
use crate::catalog::{Expr, Key};
use crate::pg::own::{Hole, Own, Placeholder};
use crate::pg::session::{Query, QueryParameter};
use crate::pg::transaction::{QueryTrouble, Transaction};
use crate::plan::Plan;
use crate::quote::quote_ident_always;
use crate::sample::Value;

/// Asks the catalog of each index.
pub(super) async fn verify(
    transaction: &mut Transaction,
    set: &[WantedIndex<'_>],
    before: &Plan,
) -> Result<Verified, QueryTrouble> {
    let mut verdicts = Vec::new();
    for WantedIndex { spec, .. } in set {
        transaction.save("pgdj_proof").await?;
        let verdict = match of(transaction, spec, before).await {
            Ok(verdict) => verdict,
            Err(trouble) => PlannerVerdict::Unknown(trouble.message()?),
        };
        transaction.undo("pgdj_proof").await?;
        verdicts.push(verdict);
    }
    let sizes = vec![None; set.len()];
    Ok(Verified {
        evidence: Evidence::Catalog,
        verdicts,
        before: Some(before.clone()),
        after: None,
        sizes,
        notes: Vec::new(),
    })
}

async fn of(transaction: &mut Transaction, spec: &IndexSpec, before: &Plan) -> Result<PlannerVerdict, QueryTrouble> {
    let conditions = conditions(before, spec);
    let method = spec.definition.method.to_string();
    let mut is_first = true;
    for key in &spec.definition.keys {
        let Some(family) = family(transaction, spec, key, &method).await? else {
            let class = key
                .opclass
                .as_ref()
                .map_or("no default operator class".to_owned(), |name| format!("no operator class {name}"));
            return Ok(PlannerVerdict::CannotServe(format!(
                "there is {class} of {method} for the type of {}",
                key.expr.sql()
            )));
        };
        // Of the first key a condition must be served, unless the index is there for an order.
        let operators = operators_on(&conditions, &key.expr);
        if is_first && !operators.is_empty() && !has_any(transaction, family, operators).await? {
            return Ok(PlannerVerdict::CannotServe(format!(
                "its operator class has no operator of the conditions on {}",
                key.expr.sql()
            )));
        }
        is_first = false;
    }
    Ok(PlannerVerdict::CanServe)
}

/// When the catalog is asked about an index.
const WHEN: &str = "when an explained plan has a scan that an index might make faster, and HypoPG cannot answer";

pub(in crate::pg) static FAMILY: Own = Own {
    name: "proof: operator class",
    reads: "The operator class that an index would take for a type; $1 its name or nothing, $2 the method, $3 the \
            type.",
    when: WHEN,
    holes: &[],
    sql: "select c.opcfamily::int8
from pg_catalog.pg_opclass as c
join pg_catalog.pg_am as m on m.oid = c.opcmethod and m.amname = $2
join pg_catalog.pg_type as t on t.oid = $3::int8::oid
where case when $1 = '' then c.opcdefault else c.opcname = $1 end
    and (
        c.opcintype = t.oid
        or exists (
            select from pg_catalog.pg_cast as b
            where b.castsource = t.oid and b.casttarget = c.opcintype and b.castmethod = 'b' and b.castcontext = 'i'
        )
        or c.opcintype = case t.typtype when 'e' then 'pg_catalog.anyenum'::regtype when 'r' then 'pg_catalog.anyrange'::regtype end
        or c.opcintype = 'pg_catalog.anyarray'::regtype and t.typcategory = 'A'
    )
order by c.opcintype = t.oid desc
limit 1",
};

/// The operator family that an index would take for a key.
async fn family(
    transaction: &mut Transaction,
    spec: &IndexSpec,
    key: &Key,
    method: &str,
) -> Result<Option<i64>, QueryTrouble> {
    let Some(type_oid) = type_of(transaction, spec, key).await? else { return Ok(None) };
    let opclass = key.opclass.clone().unwrap_or_default();
    let query =
        Query::new(FAMILY.sql()).with(QueryParameter::Text(opclass)).with(QueryParameter::Text(method.to_owned()));
    Ok(transaction.ask(query.with(QueryParameter::Int(type_oid))).await?.scalar().and_then(Value::as_int))
}

pub(in crate::pg) static OF_COLUMN: Own = Own {
    name: "proof: type of a column",
    reads: "The type of a column; $1 its schema, $2 its table, $3 its name.",
    when: WHEN,
    holes: &[],
    sql: "select a.atttypid::int8
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and a.attname = $3 and not a.attisdropped",
};

pub(in crate::pg) static OF_EXPRESSION: Own = Own {
    name: "proof: type of an expression",
    reads: "The type of an expression of an advised index, computed for one row of nulls. It reads no rows of the \
        table.",
    when: "the same, for an index on an expression; with --read-only, only after a check of what the expression calls",
    holes: &[
        Hole { name: "expression", doc: "the expression, as the plan has it", form: Placeholder::Theirs },
        Hole { name: "schema", doc: "the schema of the table", form: Placeholder::Name },
        Hole { name: "table", doc: "the table", form: Placeholder::Name },
    ],
    sql: "select pg_catalog.pg_typeof({expression})::pg_catalog.oid::pg_catalog.int8
from (select (null::{schema}.{table}).*) as {table}",
};

pub(in crate::pg) static HAS_OPERATOR: Own = Own {
    name: "proof: operators of a class",
    reads: "Whether an operator class has one of these operators; $1 its family, $2 the operators.",
    when: WHEN,
    holes: &[],
    sql: "select true
from pg_catalog.pg_amop as a
join pg_catalog.pg_operator as o on o.oid = a.amopopr
where a.amopfamily = $1::pg_catalog.int8::pg_catalog.oid and o.oprname = any (pg_catalog.string_to_array($2, ' '))
limit 1",
};

/// The oid of the type of a key: of a column the catalog knows it, of an expression the server has to be asked.
async fn type_of(transaction: &mut Transaction, spec: &IndexSpec, key: &Key) -> Result<Option<i64>, QueryTrouble> {
    if let Some(column) = key.expr.as_column() {
        let names = [spec.schema.as_str(), spec.table.as_str(), column];
        let bind = |query: Query, name: &str| query.with(QueryParameter::Text(name.to_owned()));
        let query = names.into_iter().fold(Query::new(OF_COLUMN.sql()), bind);
        let oid = transaction.ask(query).await?.scalar().and_then(Value::as_int);
        let gone = || QueryTrouble::Unusable(format!("there is no column {column}"));
        return oid.map(Some).ok_or_else(gone);
    }
    // An advice wrote the expression: it runs under the role's path, on a row of nulls. All else in here has its schema.
    let sql = OF_EXPRESSION.fill(&[
        ("expression", &key.expr.sql()),
        ("schema", &quote_ident_always(&spec.schema)),
        ("table", &quote_ident_always(&spec.table)),
    ]);
    Ok(transaction.theirs().ask(Query::new(sql)).await?.scalar().and_then(Value::as_int))
}

async fn has_any(transaction: &mut Transaction, family: i64, operators: Vec<String>) -> Result<bool, QueryTrouble> {
    let query = Query::new(HAS_OPERATOR.sql())
        .with(QueryParameter::Int(family))
        .with(QueryParameter::Text(operators.join(" ")));
    Ok(transaction.ask(query).await?.scalar().is_some())
}

/// Every condition that a plan has on a table, its parts one by one.
fn conditions(plan: &Plan, spec: &IndexSpec) -> Vec<Expr> {
    let nodes = plan.iter().map(|(_, node)| node).filter(|node| node.relation() == Some(spec.table.as_str()));
    let texts = nodes.flat_map(|node| [node.filter(), node.index_cond(), node.recheck_cond()]).flatten();
    texts.flat_map(|text| expression(text).conjuncts()).flat_map(parts).map(bare).collect()
}

/// The arms of an OR count as conditions of their own.
fn parts(expr: Expr) -> Vec<Expr> {
    if let Expr::Or(arms) = expr { arms.into_iter().flat_map(Expr::conjuncts).collect() } else { vec![expr] }
}

/// Without qualifiers and casts, by which the same key may differ in a plan and in an index.
fn bare(expr: Expr) -> Expr {
    expr.map(&|part| match part {
        Expr::Column { name, .. } => Expr::column(&name),
        Expr::Cast { operand, .. } => *operand,
        Expr::Constant(literal) => Expr::Constant(crate::catalog::expr::Literal { type_name: None, ..literal }),
        other => other,
    })
}

/// The operators of the conditions on a key; LIKE with a fixed beginning is served by the pattern classes' own operators.
fn operators_on(conditions: &[Expr], key: &Expr) -> Vec<String> {
    let key = bare(key.clone());
    let mut found: Vec<String> = Vec::new();
    for condition in conditions {
        match condition {
            Expr::Binary { op, left, .. } | Expr::Quantified { op, left, .. } if **left == key => {
                found.push(op.clone());
            }
            Expr::Binary { op, right, .. } if **right == key => found.push(op.clone()),
            _ => {}
        }
    }
    if found.iter().any(|op| op == "~~") {
        found.push("~>=~".to_owned());
    }
    found
}
