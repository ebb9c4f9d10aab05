//! The third rung: what the catalog proves. Read-only, and without an extension.
//!
//! An index can serve a condition `key operator value` if its operator class takes the key's type and has the operator.
//! Source: PostgreSQL manual 38.16 "Interfacing Extensions to Indexes".

use super::line::{Line, Trouble};
use super::{Rung, Verdict, Verified, Wanted};
use crate::advisor::IndexSpec;
use crate::catalog::parse::expression;
use crate::catalog::{Expr, Key};
use crate::pg::session::{Parameter, Query};
use crate::plan::Plan;
use crate::quote::quote_ident_always;
use crate::sample::Value;

/// Asks the catalog of each index.
pub(super) async fn verify(line: &mut Line, set: &[Wanted<'_>], before: &Plan) -> Result<Verified, Trouble> {
    let mut verdicts = Vec::new();
    for Wanted { spec, .. } in set {
        line.batch("savepoint pgdj_proof").await?;
        let verdict = match of(line, spec, before).await {
            Ok(verdict) => verdict,
            Err(trouble) => Verdict::Unknown(trouble.message()?),
        };
        line.batch("rollback to savepoint pgdj_proof; release savepoint pgdj_proof").await?;
        verdicts.push(verdict);
    }
    let sizes = vec![None; set.len()];
    Ok(Verified { rung: Rung::Catalog, verdicts, before: Some(before.clone()), after: None, sizes, notes: Vec::new() })
}

async fn of(line: &mut Line, spec: &IndexSpec, before: &Plan) -> Result<Verdict, Trouble> {
    let conditions = conditions(before, spec);
    let method = spec.definition.method.to_string();
    let mut is_first = true;
    for key in &spec.definition.keys {
        let Some(family) = family(line, spec, key, &method).await? else {
            let class = key
                .opclass
                .as_ref()
                .map_or("no default operator class".to_owned(), |name| format!("no operator class {name}"));
            return Ok(Verdict::CannotServe(format!(
                "there is {class} of {method} for the type of {}",
                key.expr.sql()
            )));
        };
        // Of the first key a condition must be served, unless the index is there for an order.
        let operators = operators_on(&conditions, &key.expr);
        if is_first && !operators.is_empty() && !has_any(line, family, operators).await? {
            return Ok(Verdict::CannotServe(format!(
                "its operator class has no operator of the conditions on {}",
                key.expr.sql()
            )));
        }
        is_first = false;
    }
    Ok(Verdict::CanServe)
}

/// The operator family that an index would take for a key; the type of the key is asked of a row of nulls.
async fn family(line: &mut Line, spec: &IndexSpec, key: &Key, method: &str) -> Result<Option<i64>, Trouble> {
    let sql = format!(
        "select c.opcfamily::pg_catalog.int8
        from (select pg_catalog.pg_typeof({key}) as type from (select (null::{schema}.{table}).*) as {table}) as k
        join pg_catalog.pg_opclass as c on case when $1 = '' then c.opcdefault else c.opcname = $1 end
        join pg_catalog.pg_am as m on m.oid = c.opcmethod and m.amname = $2
        join pg_catalog.pg_type as t on t.oid = k.type
        where c.opcintype = t.oid
            or exists (
                select from pg_catalog.pg_cast as b
                where b.castsource = t.oid and b.casttarget = c.opcintype and b.castmethod = 'b' and b.castcontext = 'i'
            )
            or c.opcintype = case t.typtype when 'e' then 'anyenum'::regtype when 'r' then 'anyrange'::regtype end
            or c.opcintype = 'anyarray'::regtype and t.typcategory = 'A'
        order by c.opcintype = t.oid desc
        limit 1",
        key = key.expr.sql(),
        schema = quote_ident_always(&spec.schema),
        table = quote_ident_always(&spec.table),
    );
    let opclass = key.opclass.clone().unwrap_or_default();
    let query = Query::new(sql).with(Parameter::Text(opclass)).with(Parameter::Text(method.to_owned()));
    Ok(line.ask(query).await?.scalar().and_then(Value::as_int))
}

async fn has_any(line: &mut Line, family: i64, operators: Vec<String>) -> Result<bool, Trouble> {
    let sql = "select true from pg_catalog.pg_amop as a join pg_catalog.pg_operator as o on o.oid = a.amopopr \
        where a.amopfamily = $1::pg_catalog.int8::pg_catalog.oid and o.oprname = any (pg_catalog.string_to_array($2, ' ')) limit 1";
    let query = Query::new(sql).with(Parameter::Int(family)).with(Parameter::Text(operators.join(" ")));
    Ok(line.ask(query).await?.scalar().is_some())
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
