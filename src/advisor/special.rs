//! Candidates of the other methods: GIN for what is inside a value, GiST for ranges, BRIN for what lies in its order.

use super::condition::{Clause, ClauseClass};
use super::scan::Scan;
use crate::catalog::index::{AccessMethod, Definition};
use crate::catalog::{Catalog, Expr, Key, Table};

/// A table smaller than this gains too little from BRIN: rows, or pages.
const BRIN_ROWS: f64 = 1e6;
/// Pages from which BRIN is worth it.
const BRIN_PAGES: f64 = 1e4;
/// From this correlation on the rows lie in the order of the column.
const IN_ORDER: f64 = 0.98;

/// Returns the candidates that are no b-trees.
pub fn candidates(scan: &Scan<'_>, clauses: &[Clause], _catalog: &Catalog) -> Vec<Definition> {
    let mut found: Vec<Definition> = clauses.iter().filter_map(one).collect();
    found.extend(
        clauses
            .iter()
            .filter(|clause| clause.class == ClauseClass::RangeOverlap)
            .filter_map(|clause| mixed_gist(clause, clauses)),
    );
    if let Some(brin) = brin(scan, clauses) {
        found.push(brin);
    }
    found.dedup();
    found
}

fn one(clause: &Clause) -> Option<Definition> {
    let key = Key::plain(clause.key.clone());
    Some(match clause.class {
        ClauseClass::Trigram | ClauseClass::Suffix => {
            Definition::of(AccessMethod::Gin, key.with_opclass("gin_trgm_ops"))
        }
        ClauseClass::JsonContains => Definition::of(AccessMethod::Gin, key.with_opclass("jsonb_path_ops")),
        ClauseClass::JsonHasKey | ClauseClass::ArrayOverlap | ClauseClass::TextSearch => {
            Definition::of(AccessMethod::Gin, key)
        }
        ClauseClass::RangeOverlap => Definition::of(AccessMethod::Gist, key),
        _ => return None,
    })
}

/// An equality beside the range, which needs `btree_gist`.
fn mixed_gist(range: &Clause, clauses: &[Clause]) -> Option<Definition> {
    let equal = clauses.iter().find(|clause| {
        clause.is_equality() && clause.key.as_column().is_some() && !matches!(clause.whole, Expr::Quantified { .. })
    })?;
    Some(Definition {
        method: AccessMethod::Gist,
        keys: vec![Key::plain(equal.key.clone()), Key::plain(range.key.clone())],
        ..Definition::default()
    })
}

/// A range over a column in whose order the table was written, and stays.
fn brin(scan: &Scan<'_>, clauses: &[Clause]) -> Option<Definition> {
    let table = scan.table;
    let is_large = table.rows_or_guess() >= BRIN_ROWS || table.pages >= BRIN_PAGES;
    let is_appended = table
        .counters
        .as_ref()
        .is_none_or(|counters| counters.updated + counters.deleted <= 0.01 * counters.inserted.max(1.0));
    let is_alone = !clauses.iter().any(Clause::is_equality);
    let wants_few = scan.order.as_ref().is_some_and(|order| order.limit.is_some());
    if !is_large || !is_appended || !is_alone || wants_few || scan.loops > 1.0 {
        return None;
    }
    let range = clauses.iter().find(|clause| {
        clause.class == ClauseClass::Range
            && clause.key.as_column().is_some()
            && table.statistics_of(&clause.key).is_some_and(|statistics| statistics.correlation.abs() >= IN_ORDER)
    })?;
    let options = vec![("autosummarize".to_owned(), "on".to_owned())];
    Some(Definition { options, ..Definition::of(AccessMethod::Brin, Key::plain(range.key.clone())) })
}

/// Returns the extensions that an index needs.
pub fn extensions(table: &Table, index: &Definition) -> Vec<&'static str> {
    let mut found = Vec::new();
    if index.keys.iter().any(|key| key.opclass.as_deref().is_some_and(|name| name.ends_with("_trgm_ops"))) {
        found.push("pg_trgm");
    }
    let is_scalar = |key: &Key| {
        key.expr
            .as_column()
            .and_then(|name| table.column(name))
            .is_some_and(|column| !matches!(column.category, 'R' | 'A' | 'G' | 'U'))
    };
    if index.method == AccessMethod::Gist && index.keys.iter().any(is_scalar) {
        found.push("btree_gist");
    }
    if index.method == AccessMethod::Gin && index.keys.iter().any(|key| key.opclass.is_none() && is_scalar(key)) {
        found.push("btree_gin");
    }
    found
}
