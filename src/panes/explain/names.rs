//! What nodes of a plan are called in the tree: what they do, the table, then the index. Tables and indexes stay whole.

use std::collections::{HashMap, HashSet};

use super::known::ServerKnowledge;
use crate::plan::text_label::label;
use crate::plan::{Node, NodeKind, Plan, Relationship};
use crate::quote::ident_as_printed;
use crate::report::TRIED;
use crate::sample::unit::Count;
use crate::ui::text::clean_cut;

/// Columns of the screen for the keys of a sort or of groups.
const KEYS: usize = 26;

/// Names the nodes of one plan.
#[derive(Debug)]
pub(super) struct NodeNames<'a> {
    known: &'a ServerKnowledge,
    /// Tables that are read under more than one name: there the name says which.
    repeated: HashSet<&'a str>,
}

impl<'a> NodeNames<'a> {
    /// The names of a plan; of its tables something may be known.
    pub(super) fn of(plan: &'a Plan, known: &'a ServerKnowledge) -> Self {
        let mut aliases: HashMap<&str, &str> = HashMap::new();
        let mut repeated = HashSet::new();
        for node in &plan.nodes {
            let (Some(table), Some(alias)) = (node.relation(), node.alias()) else { continue };
            if *aliases.entry(table).or_insert(alias) != alias {
                repeated.insert(table);
            }
        }
        Self { known, repeated }
    }

    /// Returns the name of a node, with what it is to its parent where that is not plain.
    pub(super) fn name(&self, node: &Node) -> String {
        let name = self.without_place(node);
        let is_tried = node.fields.iter().any(|(field, _)| field == TRIED);
        let name = if is_tried { format!("{name} tried") } else { name };
        match (node.subplan_name(), node.relationship) {
            (Some(subplan), Relationship::InitPlan | Relationship::SubPlan) => format!("{subplan}: {name}"),
            _ => name,
        }
    }

    fn without_place(&self, node: &Node) -> String {
        match node.kind {
            NodeKind::SeqScan if node.relation().is_some() => {
                let model =
                    self.known.model(node).map(|model| format!(" ({})", short_model(model))).unwrap_or_default();
                format!("SEQ SCAN {}{model}", self.table(node))
            }
            NodeKind::IndexScan | NodeKind::IndexOnlyScan if node.relation().is_some() => {
                let backward = if node.is_backward() { " Backward" } else { "" };
                let index = node.index().map(|index| format!(" ({})", short_index(index, node))).unwrap_or_default();
                format!("{}{backward} {}{index}", node.node_type, self.table(node))
            }
            NodeKind::Sort | NodeKind::IncrementalSort => with_keys(node.node_type.to_string(), " ", &node.sort_key()),
            NodeKind::Aggregate | NodeKind::Group => with_keys(label(node), " by ", &node.group_key()),
            NodeKind::Gather | NodeKind::GatherMerge => match node.number("Workers Launched") {
                Some(workers) => format!("{}, {}", node.node_type, Count(workers).of("worker", "workers")),
                None => node.node_type.to_string(),
            },
            _ if node.relation().is_some() => {
                let label = label(node);
                let does = label.split_once(" on ").map_or(label.as_str(), |(does, _)| does);
                format!("{does} {}", self.table(node))
            }
            _ => label(node).replacen(" on ", " ", 1),
        }
    }

    /// Returns the table without its schema, which is in the node's own document.
    fn table(&self, node: &Node) -> String {
        let table = node.relation().unwrap_or_default();
        let alias = node.text("Alias").filter(|alias| *alias != table && self.repeated.contains(table));
        let alias = alias.map(|alias| format!(" {}", ident_as_printed(alias))).unwrap_or_default();
        format!("{}{alias}", ident_as_printed(table))
    }
}

/// Returns `Order` for `shop.Order`, and with a question mark where that is a guess.
fn short_model(model: &str) -> String {
    let doubt = if model.starts_with("probably ") { "?" } else { "" };
    format!("{}{doubt}", model.rsplit(['.', ' ']).next().unwrap_or(model))
}

/// Returns an index's name without that of its table before it, which stands beside it.
fn short_index(index: &str, node: &Node) -> String {
    let table = node.relation().unwrap_or_default();
    let rest = index.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')).filter(|rest| !rest.is_empty());
    rest.map_or_else(|| ident_as_printed(index), str::to_owned)
}

fn with_keys(what: String, word: &str, keys: &[&str]) -> String {
    if keys.is_empty() {
        return what;
    }
    let keys: Vec<&str> = keys.iter().map(|key| without_table(key)).collect();
    format!("{what}{word}{}", clean_cut(&keys.join(", "), KEYS))
}

/// Returns a key without the table before a column; an expression stays as it is.
fn without_table(key: &str) -> &str {
    let is_name = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
    match key.split_once('.') {
        Some((table, column)) if is_name(table) && !column.is_empty() => column,
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse;

    #[test]
    fn tables_and_indexes_stand_in_the_name_and_what_goes_without_saying_does_not() {
        for (text, expected) in [
            ("Seq Scan on shop_order o", "SEQ SCAN shop_order"),
            ("Parallel Seq Scan on \"Order Lines\"", "SEQ SCAN \"Order Lines\""),
            ("Index Scan using shop_customer_pkey on shop_customer c", "Index Scan shop_customer (pkey)"),
            ("Index Only Scan Backward using by_day on shop_order", "Index Only Scan Backward shop_order (by_day)"),
            ("Bitmap Index Scan on shop_order_status", "Bitmap Index Scan shop_order_status"),
            ("Bitmap Heap Scan on shop_order o", "Bitmap Heap Scan shop_order"),
            ("Update on shop_order", "Update shop_order"),
            ("CTE Scan on recent r", "CTE Scan recent r"),
            ("Hash Left Join", "Hash Left Join"),
            ("Result", "Result"),
            ("Sort", "Sort"),
        ] {
            let plan = parse(&format!("{text}  (cost=0.00..1.00 rows=1 width=4)")).plans.remove(0);
            let known = ServerKnowledge::default();
            assert_eq!(NodeNames::of(&plan, &known).name(&plan.nodes[0]), expected);
        }
    }

    #[test]
    fn a_table_that_is_read_twice_is_told_apart_and_a_sort_says_by_what() {
        let plan = parse(
            "Sort  (cost=0.00..1.00 rows=1 width=4)
  Sort Key: o.created_at DESC, (lower(o.note))
  ->  Nested Loop  (cost=0.00..1.00 rows=1 width=4)
        ->  Seq Scan on shop_order o  (cost=0.00..1.00 rows=1 width=4)
        ->  Seq Scan on shop_order t3  (cost=0.00..1.00 rows=1 width=4)",
        )
        .plans
        .remove(0);
        let known = ServerKnowledge::default();
        let names = NodeNames::of(&plan, &known);
        let said: Vec<String> = plan.nodes.iter().map(|node| names.name(node)).collect();
        assert_eq!(
            said,
            ["Sort created_at DESC, (lower(o…", "Nested Loop", "SEQ SCAN shop_order o", "SEQ SCAN shop_order t3"]
        );
        assert_eq!((short_model("shop.Order"), short_model("probably shop.Order")), ("Order".into(), "Order?".into()));
    }
}
