//! B-tree candidates of a scan: equality first, then range or order; whole, partial and covering.

use super::condition::{Clause, ClauseClass, can_be_predicate};
use super::cost::collation;
use super::scan::Scan;
use crate::catalog::index::KeyDirection;
use crate::catalog::{Collation, Definition, Expr, Key, Table};

/// Most keys of a candidate.
const MOST_KEYS: usize = 4;
/// Widest sum of keys, bytes.
const WIDEST: f64 = 200.0;
/// A predicate that holds for more rows is no saving, unless the key gives an order.
const RARE: f64 = 0.15;
/// With an order wanted a predicate may hold for most rows: it keeps a column out of the key.
const COMMON: f64 = 0.9;
/// A column with so few values is one that statements name by a literal.
const FEW_VALUES: f64 = 20.0;
/// Rows that are fetched as fast as one: some dozens of pages at most.
const FEW_FETCHES: f64 = 50.0;
/// Largest sum of columns carried for index-only scans, bytes.
const CARRIED: f64 = 40.0;

/// What a candidate is built from.
pub struct CandidateParts<'a> {
    /// The scan.
    pub scan: &'a Scan<'a>,
    /// Its clauses, or those of one arm of an OR.
    pub clauses: &'a [Clause],
    /// Join keys that count as given values.
    pub joined: &'a [Clause],
}

/// Returns the b-trees that could serve a scan, without regard to what exists.
pub fn candidates(parts: &CandidateParts<'_>) -> Vec<Definition> {
    let mut found: Vec<Definition> = Vec::new();
    for predicate in predicates(parts) {
        let prefix = equal_keys(parts, &predicate);
        for tail in tails(parts, &prefix) {
            let mut keys = prefix.clone();
            keys.extend(tail);
            keys.truncate(MOST_KEYS);
            if keys.is_empty() && !predicate.is_empty() {
                keys = key_of_predicate(parts, &predicate);
            }
            if keys.is_empty() || width(parts.scan.table, &keys) > WIDEST {
                continue;
            }
            let plain = Definition { predicate: sparse(parts, &predicate, &keys), ..Definition::btree(keys) };
            let covering = covering(parts, &plain);
            for definition in std::iter::once(plain).chain(covering) {
                if !found.contains(&definition) {
                    found.push(definition);
                }
            }
        }
    }
    found
}

/// Returns the index on the equality keys and the wanted order.
pub(super) fn page_index(scan: &Scan<'_>) -> Option<Definition> {
    let parts = CandidateParts { scan, clauses: &scan.clauses, joined: &[] };
    let mut keys = equal_keys(&parts, &[]);
    keys.extend(wanted_order(&parts, &keys)?);
    Some(Definition::btree(keys))
}

/// The predicates worth trying: none, the rare clauses, and with an order wanted the common ones too.
fn predicates(parts: &CandidateParts<'_>) -> Vec<Vec<Expr>> {
    let mut found = vec![Vec::new(), predicate(parts, RARE)];
    if is_page(parts) {
        found.push(predicate(parts, COMMON));
    }
    // An index on fewer rows yet is one for this very statement; two or three of them would be many indexes.
    found.dedup();
    found
}

/// The flags and null tests that hold for few rows, and the one state that holds for fewest.
///
/// A second value is left to the keys: other statements name other values of it.
fn predicate(parts: &CandidateParts<'_>, most: f64) -> Vec<Expr> {
    let table = parts.scan.table;
    let is_possible = |clause: &&Clause| {
        let most = match clause.class {
            ClauseClass::NotNull => most.max(0.5),
            // What is left when a rare value is left out is nearly all.
            ClauseClass::Negative => RARE,
            _ => most,
        };
        clause.selectivity <= most
            && matches!(clause.class, ClauseClass::Equal | ClauseClass::NotNull | ClauseClass::Negative)
            && can_be_predicate(clause, table)
    };
    let possible: Vec<&Clause> = parts.clauses.iter().filter(is_possible).collect();
    let mut found: Vec<Expr> =
        possible.iter().filter(|clause| is_flag(&clause.whole)).map(|clause| clause.whole.clone()).collect();
    let states = possible.iter().filter(|clause| !is_flag(&clause.whole) && is_state(clause, table));
    let rarest = states.min_by(|one, other| one.selectivity.total_cmp(&other.selectivity));
    let is_key_left = parts.scan.order.is_some()
        || !parts.joined.is_empty()
        || parts.clauses.iter().any(|clause| {
            matches!(clause.class, ClauseClass::Equal | ClauseClass::Range | ClauseClass::Prefix)
                && !found.contains(&clause.whole)
                && rarest.is_none_or(|state| state.whole != clause.whole)
        });
    // Where the keys leave a few rows anyway, an index that serves every value of the state is worth more.
    let others = parts.clauses.iter().chain(parts.joined).filter(|clause| {
        clause.class == ClauseClass::Equal
            && !found.contains(&clause.whole)
            && rarest.is_none_or(|state| state.whole != clause.whole)
    });
    let loops = parts.scan.loops.max(1.0);
    let left = loops * table.rows_or_guess() * others.map(|clause| clause.selectivity).product::<f64>();
    let is_of_use = is_page(parts) || left > few(table);
    if let Some(state) = rarest.filter(|_| is_of_use && (is_key_left || found.is_empty())) {
        found.push(state.whole.clone());
    }
    found
}

/// A boolean column or a null test: there are but two of each.
fn is_flag(whole: &Expr) -> bool {
    matches!(whole, Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Column { .. } | Expr::Not(_))
}

/// Says whether a column is one of states: few values, one of which most rows have. A language or a queue is none.
fn is_state(clause: &Clause, table: &Table) -> bool {
    let is_foreign_key = clause
        .key
        .as_column()
        .is_some_and(|name| table.foreign_keys.iter().any(|key| key.columns.iter().any(|own| own == name)));
    let Some(statistics) = table.statistics_of(&clause.key) else { return false };
    let most = statistics.common.first().map_or(0.0, |(_, share)| *share);
    let distinct = statistics.distinct(table.rows_or_guess());
    !is_foreign_key && distinct <= FEW_VALUES && (most >= 0.4 || distinct <= 2.0)
}

/// The equality keys that a predicate leaves, in the order of an existing index's prefix, else the rarest first, no
/// more than are needed to come down to a few rows.
fn equal_keys(parts: &CandidateParts<'_>, predicate: &[Expr]) -> Vec<Key> {
    let table = parts.scan.table;
    let mut equal: Vec<&Clause> = Vec::new();
    for clause in parts.joined.iter().chain(parts.clauses) {
        let is_new = !equal.iter().any(|known| known.key == clause.key);
        if clause.is_equality() && is_new && !predicate.contains(&clause.whole) && is_sortable(&clause.key, table) {
            equal.push(clause);
        }
    }
    // A list of values breaks an order after it, so it comes last.
    let is_list = |clause: &Clause| matches!(clause.whole, Expr::Quantified { .. } | Expr::Or(_));
    equal.sort_by(|one, other| is_list(one).cmp(&is_list(other)).then(one.selectivity.total_cmp(&other.selectivity)));
    let total = table.rows_or_guess();
    let inside: f64 = predicate.iter().map(|clause| crate::catalog::size::predicate_share(table, clause)).product();
    let mut rows = total * inside;
    // An order after the keys needs all of them; a filter needs no more once a few rows are left.
    let enough = if is_page(parts) { 0.0 } else { few(table).min(FEW_FETCHES) };
    let mut chosen: Vec<&Clause> = Vec::new();
    for clause in &equal {
        let is_join = parts.joined.iter().any(|join| join.key == clause.key);
        let is_first = chosen.is_empty() && predicate.is_empty();
        // The planner does not see that the order is kept behind IS NULL.
        let is_in_the_way = is_page(parts) && matches!(clause.whole, Expr::IsNull(_));
        if (rows <= enough && !is_join && !is_first) || clause.selectivity > 0.95 || is_in_the_way {
            continue;
        }
        rows *= clause.selectivity;
        chosen.push(clause);
    }
    let prefix = existing_prefix(table, &chosen);
    let place = |clause: &Clause| prefix.iter().position(|key| **key == clause.key).unwrap_or(usize::MAX);
    chosen.sort_by(|one, other| is_list(one).cmp(&is_list(other)).then(place(one).cmp(&place(other))));
    chosen.into_iter().map(|clause| Key::plain(clause.key.clone())).collect()
}

/// Rows that are few enough for no further key.
fn few(table: &Table) -> f64 {
    (0.0005 * table.rows_or_guess()).max(20.0)
}

/// Says whether the first rows of an order are wanted.
fn is_page(parts: &CandidateParts<'_>) -> bool {
    parts.scan.order.as_ref().is_some_and(|order| order.limit.is_some())
}

fn is_sortable(expr: &Expr, table: &Table) -> bool {
    expr.as_column().is_none_or(|name| table.column(name).is_some_and(crate::catalog::TableColumn::is_btree_able))
}

/// The keys of the longest existing b-tree whose leading keys are all equalities here.
fn existing_prefix<'a>(table: &'a Table, equal: &[&Clause]) -> Vec<&'a Expr> {
    let is_equal = |key: &Key| equal.iter().any(|clause| clause.key == key.expr);
    table
        .indexes
        .iter()
        .filter(|index| {
            index.is_valid
                && !index.is_primary
                && index.definition.predicate.is_empty()
                && index.definition.method == crate::catalog::AccessMethod::BTree
        })
        .map(|index| {
            index.definition.keys.iter().take_while(|key| is_equal(key)).map(|key| &key.expr).collect::<Vec<_>>()
        })
        .max_by_key(Vec::len)
        .unwrap_or_default()
}

/// What may follow the equality keys: the order, the best range, or nothing.
fn tails(parts: &CandidateParts<'_>, prefix: &[Key]) -> Vec<Vec<Key>> {
    let mut found = Vec::new();
    if let Some(order) = wanted_order(parts, prefix) {
        found.push(order);
    }
    found.extend(range_key(parts, prefix).map(|key| vec![key]));
    found.extend(pattern_key(parts, prefix).map(|key| vec![key]));
    found.push(Vec::new());
    found
}

/// The keys of the order that the prefix does not fix; all descending is written ascending, because an index is read
/// backwards as well, and one that grows at its end splits its pages better.
fn wanted_order(parts: &CandidateParts<'_>, prefix: &[Key]) -> Option<Vec<Key>> {
    let scan = parts.scan;
    let order = scan.order.as_ref()?;
    let is_worth_it = order.limit.is_some() || order.sort_cost >= 0.3 * scan.cost_at_stake();
    if !is_worth_it || scan.offset >= super::verdict::DEEP_OFFSET {
        return None;
    }
    let is_fixed = |key: &Key| {
        prefix.iter().any(|known| known.expr == key.expr)
            || parts.clauses.iter().any(|clause| {
                clause.key == key.expr && clause.is_equality() && !matches!(clause.whole, Expr::Quantified { .. })
            })
    };
    let mut keys: Vec<Key> = order.keys.iter().filter(|key| !is_fixed(key)).cloned().collect();
    if keys.is_empty() || !keys.iter().all(|key| is_sortable(&key.expr, scan.table)) {
        return None;
    }
    let is_backwards = keys
        .iter()
        .all(|key| key.direction == KeyDirection::Descending && key.nulls == crate::catalog::index::Nulls::Usual);
    if is_backwards {
        for key in &mut keys {
            key.direction = KeyDirection::Ascending;
        }
    }
    Some(keys)
}

/// The range that leaves the fewest rows; two bounds on one key count together.
fn range_key(parts: &CandidateParts<'_>, prefix: &[Key]) -> Option<Key> {
    let mut shares: Vec<(&Expr, f64)> = Vec::new();
    for clause in parts
        .clauses
        .iter()
        .filter(|clause| clause.class == ClauseClass::Range && is_sortable(&clause.key, parts.scan.table))
    {
        match shares.iter_mut().find(|(key, _)| *key == &clause.key) {
            Some((_, share)) => *share = (*share + clause.selectivity - 1.0).max(1e-6),
            None => shares.push((&clause.key, clause.selectivity)),
        }
    }
    let (key, share) = shares.into_iter().min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (share <= 0.9 && !prefix.iter().any(|known| known.expr == *key)).then(|| Key::plain(key.clone()))
}

/// A text searched by its start, under the operator class that LIKE needs.
fn pattern_key(parts: &CandidateParts<'_>, prefix: &[Key]) -> Option<Key> {
    let clause = parts.clauses.iter().find(|clause| clause.class == ClauseClass::Prefix)?;
    if prefix.iter().any(|known| known.expr == clause.key) {
        return None;
    }
    let key = Key::plain(clause.key.clone());
    if collation(parts.scan.table, &clause.key) == Some(Collation::C) {
        return Some(key);
    }
    let is_varchar = clause
        .key
        .as_column()
        .and_then(|name| parts.scan.table.column(name))
        .is_some_and(|column| column.type_name == "character varying");
    Some(key.with_opclass(if is_varchar { "varchar_pattern_ops" } else { "text_pattern_ops" }))
}

/// A predicate alone: the one or two columns that are needed, so that the table need not be visited; else its own
/// column, the smallest key there is, because its entries are the same.
fn key_of_predicate(parts: &CandidateParts<'_>, predicate: &[Expr]) -> Vec<Key> {
    let table = parts.scan.table;
    let is_narrow = |name: &String| {
        table.column(name).is_some_and(|column| column.is_btree_able() && column.width() <= CARRIED / 2.0)
    };
    if let Some(outputs) = &parts.scan.outputs
        && (1..=2).contains(&outputs.len())
        && outputs.iter().all(is_narrow)
    {
        return outputs.iter().map(|name| Key::plain(Expr::column(name))).collect();
    }
    let joined = parts.scan.joins.iter().find_map(|join| join.key.as_column());
    if let Some(name) = joined.filter(|name| is_narrow(&(*name).to_owned())) {
        return vec![Key::plain(Expr::column(name))];
    }
    let column = predicate.iter().flat_map(Expr::columns).next();
    column.map(|name| Key::plain(Expr::column(name))).into_iter().collect()
}

/// A key that is null for most rows needs no entries for them: any comparison implies IS NOT NULL.
fn sparse(parts: &CandidateParts<'_>, predicate: &[Expr], keys: &[Key]) -> Vec<Expr> {
    let table = parts.scan.table;
    let mut predicate = predicate.to_vec();
    let Some(first) = keys.first() else { return predicate };
    let is_mostly_null = first.expr.as_column().is_some()
        && table.statistics_of(&first.expr).is_some_and(|statistics| statistics.null_share >= 0.5);
    let is_compared = parts.clauses.iter().any(|clause| {
        clause.key == first.expr
            && matches!(clause.class, ClauseClass::Equal | ClauseClass::Range | ClauseClass::Prefix)
            && !matches!(clause.whole, Expr::IsNull(_))
    });
    let not_null = Expr::IsNotNull(Box::new(first.expr.clone()));
    if is_mostly_null && is_compared && !predicate.contains(&not_null) {
        predicate.push(not_null);
    }
    predicate
}

fn width(table: &Table, keys: &[Key]) -> f64 {
    keys.iter()
        .filter_map(|key| key.expr.as_column())
        .filter_map(|name| table.column(name))
        .map(crate::catalog::TableColumn::width)
        .sum()
}

/// The same index with the few narrow columns that spare the visit to the table.
fn covering(parts: &CandidateParts<'_>, plain: &Definition) -> Option<Definition> {
    let scan = parts.scan;
    let table = scan.table;
    // Whoever asks for every column will ask for the next one too: SELECT * wants no covering index.
    let outputs = scan.outputs.as_ref().filter(|outputs| outputs.len() < table.columns.len().max(2))?;
    // Of a page of an order no more than its rows are fetched.
    let fetched = scan.order.as_ref().and_then(|order| order.limit).map_or(scan.rows, |limit| limit.min(scan.rows));
    if plain.has_expression() || table.all_visible_share() < 0.8 || fetched < 200.0 {
        return None;
    }
    let is_key = |name: &str| plain.keys.iter().any(|key| key.expr.as_column() == Some(name));
    let filtered = parts
        .clauses
        .iter()
        .filter(|clause| !plain.predicate.contains(&clause.whole))
        .flat_map(|clause| clause.key.columns());
    let mut carried: Vec<String> = Vec::new();
    for name in outputs.iter().map(String::as_str).chain(filtered) {
        if table.column(name).is_some() && !is_key(name) && !carried.iter().any(|known| known == name) {
            carried.push(name.to_owned());
        }
    }
    let width: f64 = carried.iter().filter_map(|name| table.column(name)).map(crate::catalog::TableColumn::width).sum();
    (!carried.is_empty() && carried.len() <= 3 && width <= CARRIED)
        .then(|| Definition { include: carried, ..plain.clone() })
}
