//! The statement over one table that stands for a scan of a statement over several.
//!
//! HypoPG gives the planner the predicate and the expressions of an index as if its table were the first of the
//! statement. Of any other table, and of a table that is read through a view, the index is passed over without a word, or the
//! predicate is taken for a condition on another table, which can crash the backend (HypoPG issue 116). In a statement
//! over the one table neither can happen. What other tables give is a parameter in it.

use std::cell::RefCell;

use super::WantedIndex;
use crate::advisor::IndexSpec;
use crate::catalog::Expr;

use crate::catalog::parse::expression;
use crate::plan::{Node, NodeId, NodeKind, Plan};
use crate::quote::{qualified_always, quote_ident_always};

/// Returns the statement; `None` where the indexes are of several tables, or no condition can be written for one alone.
pub(super) fn statement(plan: &Plan, set: &[WantedIndex<'_>]) -> Option<String> {
    let spec = set.first()?.spec;
    if set.iter().any(|other| other.spec.schema != spec.schema || other.spec.table != spec.table) {
        return None;
    }
    let scans = plan.iter().filter(|(_, node)| node.kind.reads_table() && is_of(node, spec));
    let alone = scans.filter_map(|(id, node)| of_scan(plan, id, node, spec));
    alone.max_by_key(|alone| alone.conditions.len()).map(|alone| alone.sql)
}

fn is_of(node: &Node, spec: &IndexSpec) -> bool {
    node.relation() == Some(spec.table.as_str()) && node.schema().is_none_or(|schema| schema == spec.schema)
}

/// What one scan asks of its table.
struct Alone {
    conditions: Vec<String>,
    sql: String,
}

fn of_scan(plan: &Plan, id: NodeId, node: &Node, spec: &IndexSpec) -> Option<Alone> {
    let alias = node.alias()?;
    let parameters = Parameters::default();
    let mut conditions: Vec<String> = Vec::new();
    let own = [node.index_cond(), node.recheck_cond(), node.filter()];
    for part in own.into_iter().flatten().flat_map(|text| expression(text).conjuncts()) {
        push(&mut conditions, own_condition(part, alias, &parameters));
    }
    for (_, above) in plan.ancestors(id) {
        let joins = [above.hash_cond(), above.merge_cond(), above.join_filter()];
        for part in joins.into_iter().flatten().flat_map(|text| expression(text).conjuncts()) {
            push(&mut conditions, join_condition(part, alias, spec, &parameters));
        }
    }
    let order = order(plan, id, alias);
    if conditions.is_empty() && order.is_empty() {
        return None;
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
    let sql = format!(
        "select {} from {} as {}{filter}{order}",
        outputs(node, alias),
        qualified_always(&spec.schema, &spec.table),
        quote_ident_always(alias)
    );
    Some(Alone { conditions, sql })
}

fn push(conditions: &mut Vec<String>, condition: Option<String>) {
    if let Some(condition) = condition.filter(|condition| !conditions.contains(condition)) {
        conditions.push(condition);
    }
}

/// What other tables and sub-queries give: each is a parameter of its own.
#[derive(Default)]
struct Parameters {
    known: RefCell<Vec<Expr>>,
}

impl Parameters {
    fn of(&self, expr: &Expr) -> Expr {
        let mut known = self.known.borrow_mut();
        let at = known.iter().position(|one| one == expr).unwrap_or_else(|| {
            known.push(expr.clone());
            known.len() - 1
        });
        Expr::Parameter(format!("${}", at + 1))
    }
}

fn is_own(expr: &Expr, alias: &str) -> bool {
    matches!(expr, Expr::Column { table, .. } if table.as_deref().is_none_or(|table| table == alias))
}

fn has_own(expr: &Expr, alias: &str) -> bool {
    expr.any_part(&|part| is_own(part, alias))
}

/// A condition of the scan itself, with a parameter in place of each column of another table.
fn own_condition(part: Expr, alias: &str, parameters: &Parameters) -> Option<String> {
    let is_unreadable = part.any_part(&|part| matches!(part, Expr::SubPlan | Expr::Other(_)));
    if is_unreadable || !has_own(&part, alias) {
        return None;
    }
    let alone = part.map(&|part| match &part {
        Expr::Column { .. } if !is_own(&part, alias) => parameters.of(&part),
        Expr::Parameter(_) => parameters.of(&part),
        _ => part,
    });
    Some(alone.sql())
}

/// A join by a key of the index: a given value for the scan that the index would serve.
fn join_condition(part: Expr, alias: &str, spec: &IndexSpec, parameters: &Parameters) -> Option<String> {
    let Expr::Binary { op, left, right } = part else { return None };
    if op != "=" {
        return None;
    }
    let is_key = |expr: &Expr| {
        let bare = expr.clone().map(&|part| match part {
            Expr::Column { name, .. } => Expr::column(&name),
            Expr::Cast { operand, .. } => *operand,
            other => other,
        });
        spec.definition.keys.iter().any(|key| key.expr == bare)
    };
    let (own, other) = match (has_own(&left, alias), has_own(&right, alias)) {
        (true, false) => (left, right),
        (false, true) => (right, left),
        _ => return None,
    };
    is_key(&own).then(|| Expr::binary("=", *own, parameters.of(&other)).sql())
}

/// The order that is wanted of the scan's rows, and how many.
fn order(plan: &Plan, id: NodeId, alias: &str) -> String {
    let mut keys: Vec<String> = Vec::new();
    for (_, above) in plan.ancestors(id) {
        match above.kind {
            NodeKind::Sort | NodeKind::IncrementalSort if keys.is_empty() => {
                for key in above.sort_key() {
                    let (text, rest) = split_order(key);
                    let expr = expression(text);
                    let is_alone = expr.any_part(&|part| is_own(part, alias))
                        && !expr.any_part(&|part| match part {
                            Expr::Column { .. } => !is_own(part, alias),
                            Expr::SubPlan | Expr::Other(_) => true,
                            _ => false,
                        });
                    if !is_alone {
                        return String::new();
                    }
                    keys.push(format!("{}{rest}", expr.sql()));
                }
            }
            NodeKind::Limit => {
                let rows = above.actual.map(|it| it.rows).or(above.estimate.map(|it| it.rows)).unwrap_or(1.0).max(1.0);
                let by = if keys.is_empty() { String::new() } else { format!(" order by {}", keys.join(", ")) };
                return if keys.is_empty() { String::new() } else { format!("{by} limit {rows:.0}") };
            }
            NodeKind::Aggregate | NodeKind::Group | NodeKind::WindowAgg | NodeKind::SetOp | NodeKind::SubqueryScan => {
                break;
            }
            _ => {}
        }
    }
    if keys.is_empty() { String::new() } else { format!(" order by {}", keys.join(", ")) }
}

/// Returns a sort key's expression and what follows it: ` DESC NULLS LAST`.
fn split_order(key: &str) -> (&str, &str) {
    let at = [" DESC", " NULLS "].iter().filter_map(|word| key.find(word)).min().unwrap_or(key.len());
    key.split_at(at)
}

/// The columns that the scan gives, by which an index alone may answer.
fn outputs(node: &Node, alias: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    let texts = node.output();
    if texts.is_empty() {
        return if node.schema().is_some() { "1".to_owned() } else { "*".to_owned() };
    }
    for name in
        texts.iter().flat_map(|text| expression(text).columns().into_iter().map(str::to_owned).collect::<Vec<_>>())
    {
        let name = format!("{}.{}", quote_ident_always(alias), quote_ident_always(&name));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { "1".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Table;
    use crate::catalog::index::{Definition, Key};

    fn alone(text: &str, table: &str, key: &str) -> Option<String> {
        let definition = Definition::btree(vec![Key::plain(expression(key))]);
        let spec = IndexSpec { schema: "public".into(), table: table.into(), definition };
        let plan = crate::plan::parse(text).plans.remove(0);
        statement(&plan, &[WantedIndex { spec: &spec, table: Table::default() }])
    }

    const JOIN: &str = "Limit  (cost=1.00..2.00 rows=20 width=8)
  Output: o.id, c.email
  ->  Sort  (cost=1.00..2.00 rows=200 width=8)
        Output: o.id, c.email
        Sort Key: o.created_at DESC
        ->  Hash Join  (cost=1.00..2.00 rows=200 width=8)
              Output: o.id, c.email
              Hash Cond: (o.customer_id = c.id)
              ->  Seq Scan on public.orders o  (cost=1.00..2.00 rows=200 width=8)
                    Output: o.id, o.customer_id, o.created_at
                    Filter: (((o.status)::text = 'pending'::text) AND (o.total > c.least))
              ->  Hash  (cost=1.00..2.00 rows=1 width=8)
                    Output: c.email, c.id
                    ->  Seq Scan on public.customer c  (cost=1.00..2.00 rows=1 width=8)
                          Output: c.email, c.id
                          Filter: (upper((c.email)::text) = 'X'::text)";

    #[test]
    fn a_scan_is_asked_about_alone_and_what_others_give_is_a_parameter() {
        assert_eq!(
            alone(JOIN, "orders", "customer_id").unwrap(),
            "select \"o\".\"id\", \"o\".\"customer_id\", \"o\".\"created_at\" from \"public\".\"orders\" as \"o\" where \
             ((\"o\".\"status\")::text = 'pending'::text) and (\"o\".\"total\" > $1) and (\"o\".\"customer_id\" = $2) \
             order by \"o\".\"created_at\" DESC limit 20"
        );
        assert_eq!(
            alone(JOIN, "customer", "upper(email)").unwrap(),
            "select \"c\".\"email\", \"c\".\"id\" from \"public\".\"customer\" as \"c\" where (upper((\"c\".\"email\")::text) = 'X'::text)"
        );
        // A key that the scan is not joined by is no condition.
        assert!(!alone(JOIN, "orders", "status").unwrap().contains("customer_id\" ="));
        assert_eq!(alone(JOIN, "elsewhere", "status"), None);
    }

    #[test]
    fn what_cannot_be_asked_of_one_table_is_left_out() {
        let text = "Seq Scan on public.orders o  (cost=1.00..2.00 rows=200 width=8)
  Output: o.id
  Filter: ((o.total > (SubPlan 1)) AND (o.id = $1))";
        assert_eq!(
            alone(text, "orders", "total").unwrap(),
            "select \"o\".\"id\" from \"public\".\"orders\" as \"o\" where (\"o\".\"id\" = $1)"
        );
    }
}
