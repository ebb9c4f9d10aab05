//! What exists already: an index that serves, one to extend, one that becomes redundant.

use crate::catalog::{AccessMethod, Definition, Expr, Index, Key, Table};

/// Returns a valid index that does what a candidate would: its keys are the same or begin with the candidate's, and it
/// holds at least the same rows.
pub(crate) fn serving<'a>(table: &'a Table, candidate: &Definition) -> Option<&'a Index> {
    table.indexes.iter().find(|index| index.is_valid && does_as_well(&index.definition, candidate))
}

fn does_as_well(known: &Definition, candidate: &Definition) -> bool {
    let holds_rows = known.predicate.iter().all(|clause| candidate.predicate.contains(clause));
    // A full index is no substitute for one of a few rows, but for one that only leaves the nulls out.
    let is_as_narrow = candidate.predicate.iter().all(|clause| {
        known.predicate.contains(clause)
            || candidate.keys.first().is_some_and(|key| *clause == Expr::IsNotNull(Box::new(key.expr.clone())))
    });
    let holds_columns = candidate
        .include
        .iter()
        .all(|name| known.include.contains(name) || known.keys.iter().any(|key| key.expr.as_column() == Some(name)));
    let has_keys = match known.method {
        AccessMethod::BTree => begins_with(&known.keys, &candidate.keys),
        _ => candidate.keys.iter().all(|key| known.keys.contains(key)),
    };
    known.method == candidate.method && holds_rows && is_as_narrow && holds_columns && has_keys
}

/// Says whether keys begin with others, read forwards or backwards.
fn begins_with(keys: &[Key], prefix: &[Key]) -> bool {
    if keys.len() < prefix.len() {
        return false;
    }
    let mut turned: Option<bool> = None;
    prefix.iter().zip(keys).all(|(wanted, given)| match wanted.is_same_or_reversed(given) {
        Some(reversed) => *turned.get_or_insert(reversed) == reversed,
        None => false,
    })
}

/// Returns the indexes that a new one makes redundant: plain ones whose keys it begins with, and invalid twins.
///
/// Never one that a constraint, uniqueness or the replica identity stands on.
pub fn replaced<'a>(table: &'a Table, new: &Definition) -> Vec<&'a Index> {
    table
        .indexes
        .iter()
        .filter(|index| !index.is_unique && !index.is_primary && !index.is_constraint && !index.is_replica_identity)
        .filter(|index| {
            let known = &index.definition;
            let is_prefix = known.method == AccessMethod::BTree
                && new.method == AccessMethod::BTree
                && begins_with(&new.keys, &known.keys)
                && new.predicate.iter().all(|clause| known.predicate.contains(clause))
                && known.include.iter().all(|name| {
                    new.include.contains(name) || new.keys.iter().any(|key| key.expr.as_column() == Some(name))
                });
            let is_broken_twin = !index.is_valid && known == new;
            is_prefix || is_broken_twin
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn btree(columns: &[&str]) -> Definition {
        Definition::btree(columns.iter().map(|name| Key::plain(Expr::column(name))).collect())
    }

    fn table(columns: &[&str]) -> Table {
        let index = Index { name: "known".into(), definition: btree(columns), is_valid: true, ..Index::default() };
        Table { indexes: vec![index], ..Table::default() }
    }

    #[test]
    fn an_index_that_begins_with_the_keys_serves_and_a_shorter_one_is_replaced() {
        assert!(serving(&table(&["a", "b"]), &btree(&["a"])).is_some());
        assert!(serving(&table(&["b", "a"]), &btree(&["a"])).is_none());
        assert_eq!(replaced(&table(&["a"]), &btree(&["a", "b"])).len(), 1);
        let mut unique = table(&["a"]);
        unique.indexes[0].is_unique = true;
        assert!(replaced(&unique, &btree(&["a", "b"])).is_empty());
    }
}
