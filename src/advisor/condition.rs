//! The clauses of a condition by what an index can do with them.
//!
//! The classes are those of b-trees (equality, range) and of what only other methods serve; a clause that no index
//! serves keeps the reason, because a person will ask.

mod immutable;
mod like;
mod share;

use crate::catalog::expr::{Literal, LiteralForm, Quantifier};
use crate::catalog::size::array_elements;
use crate::catalog::{Expr, Table};
use crate::sample::redact::MASK;
pub(crate) use immutable::indexable;
use like::like_runs;
use share::selectivity;

/// What an index can do with a clause.
#[derive(Debug, Clone, PartialEq)]
pub enum ClauseClass {
    /// `=`, `= ANY` of a short list, `IS NULL`, a boolean by itself.
    Equal,
    /// `<`, `<=`, `>`, `>=`.
    Range,
    /// `IS NOT NULL`: no key, but a predicate.
    NotNull,
    /// `LIKE 'x%'`: a range under a pattern operator class, or the C collation.
    Prefix,
    /// LIKE, ILIKE or a regular expression with at least three letters in a row; trigrams serve it.
    Trigram,
    /// LIKE `'%x'`: an index on the reversed text would serve a rewritten query.
    Suffix,
    /// `@>` of jsonb.
    JsonContains,
    /// `?`, `?|`, `?&` of jsonb.
    JsonHasKey,
    /// `@>`, `<@`, `&&` of arrays.
    ArrayOverlap,
    /// `@>`, `<@`, `&&` of ranges.
    RangeOverlap,
    /// `@@` of a text search vector.
    TextSearch,
    /// Arms joined by OR, each a list of clauses, all on this relation.
    Either(Vec<Vec<Clause>>),
    /// `<>`, NOT: an index finds what is there, not what is not.
    Negative,
    /// Anything else, with the reason as a clause for a person.
    Unusable(String),
}

/// One part of a condition, on one column or one expression of the relation.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// What an index can do with it.
    pub class: ClauseClass,
    /// The key: a column or an expression, normalised. For OR and unusable clauses the whole clause.
    pub key: Expr,
    /// The clause itself, normalised.
    pub whole: Expr,
    /// Whether it compares with a literal, so that a partial index can rest on it.
    pub is_constant: bool,
    /// Share of the relation's rows for which it holds, 0..=1.
    pub selectivity: f64,
}

impl Clause {
    /// Says whether a b-tree's leading keys can serve it as an equality.
    pub(crate) fn is_equality(&self) -> bool {
        self.class == ClauseClass::Equal
    }

    /// Whether an index of any kind can search by it.
    pub(crate) fn is_searchable(&self) -> bool {
        !matches!(self.class, ClauseClass::NotNull | ClauseClass::Negative | ClauseClass::Unusable(_))
    }

    /// Returns the part of it that is compared with a pattern that is not known: itself, or an arm of an OR.
    pub(crate) fn unknown_pattern(&self) -> Option<&Self> {
        match &self.class {
            ClauseClass::Unusable(why) => (why == UNKNOWN_PATTERN).then_some(self),
            ClauseClass::Either(arms) => arms.iter().flatten().find_map(Self::unknown_pattern),
            _ => None,
        }
    }

    /// Says whether its share follows from statistics, and is no default.
    pub(crate) fn has_known_share(&self, table: &Table) -> bool {
        share::is_known(self, table)
    }

    /// Says whether the share of a range follows from statistics, and is not the planner's default.
    pub fn is_known(&self, table: &Table) -> bool {
        share::range_share(&self.whole, table).is_some()
    }
}

/// The relation that conditions are read for.
#[derive(Debug, Clone, Copy)]
pub struct ScanRelation<'a> {
    /// The table.
    pub table: &'a Table,
    /// The alias by which the plan calls it.
    pub alias: &'a str,
    /// The alias of the partitioned table, by which nodes above the partitions name its columns.
    pub whole: Option<&'a str>,
}

impl<'a> ScanRelation<'a> {
    /// The relation of a scan; partitions are called by the alias of their table and a number.
    ///
    /// Source: `expand_single_inheritance_child` and `set_rtable_names`; PostgreSQL 13 numbers them in EXPLAIN.
    pub fn of(table: &'a Table, alias: &'a str) -> Self {
        let numbered = alias.rsplit_once('_').filter(|(_, number)| number.bytes().all(|digit| digit.is_ascii_digit()));
        let whole = numbered.filter(|_| table.parent.is_some()).map(|(whole, _)| whole);
        Self { table, alias, whole }
    }
}

/// Where the columns of an expression come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnOrigin {
    /// From nowhere: literals and parameters.
    Nowhere,
    /// From this relation.
    Own,
    /// From others: for a scan inside, a parameter.
    Foreign,
    /// From both.
    Mixed,
}

/// Reads the parts of a condition on one relation.
pub(crate) fn clauses(condition: Expr, relation: ScanRelation<'_>) -> Vec<Clause> {
    condition.conjuncts().into_iter().map(|part| clause(part, relation)).collect()
}

fn clause(part: Expr, relation: ScanRelation<'_>) -> Clause {
    let origin = origin_of(&part, relation);
    let (class, key, whole) = classify(part, relation);
    // Of a secret that was taken out, the value is not known.
    let is_unknown = |part: &Expr| match part {
        Expr::Parameter(_) | Expr::SubPlan => true,
        Expr::Constant(literal) => literal.text.contains(MASK),
        _ => false,
    };
    let is_constant = origin == ColumnOrigin::Own && !whole.any_part(&is_unknown);
    let mut found = Clause { class, key, whole, is_constant, selectivity: 1.0 };
    found.selectivity = selectivity(&found, relation.table);
    found
}

fn classify(part: Expr, relation: ScanRelation<'_>) -> (ClauseClass, Expr, Expr) {
    let table = relation.table;
    match part {
        Expr::Or(arms) => either(arms, relation),
        Expr::Not(inner) if is_boolean_column(&inner, table) => {
            let key = inner.normalised(table);
            (ClauseClass::Equal, key.clone(), Expr::Not(Box::new(key)))
        }
        Expr::Call { name, mut args } if matches!(name.as_str(), "is_true" | "is_false") && args.len() == 1 => {
            let inner = args.pop().unwrap_or(Expr::SubPlan);
            let inner = if name == "is_true" { inner } else { Expr::Not(Box::new(inner)) };
            classify(inner, relation)
        }
        Expr::Not(inner) => {
            let whole = Expr::Not(inner).normalised(table);
            (ClauseClass::Negative, whole.clone(), whole)
        }
        Expr::IsNull(inner) => null_test(*inner, relation, ClauseClass::Equal),
        Expr::IsNotNull(inner) => null_test(*inner, relation, ClauseClass::NotNull),
        Expr::Quantified { op, left, right, quantifier: Quantifier::Any } if op == "=" => list(*left, *right, relation),
        Expr::Quantified { op, left, right, quantifier } => {
            let key = left.clone().normalised(table);
            let is_column = op == "<>" && key.as_column().is_some();
            let whole = Expr::Quantified { op, left, right, quantifier }.normalised(table);
            (ClauseClass::Negative, if is_column { key } else { whole.clone() }, whole)
        }
        Expr::Binary { op, left, right } => comparison(op, *left, *right, relation),
        column if is_boolean_column(&column, table) => {
            let key = column.normalised(table);
            (ClauseClass::Equal, key.clone(), key)
        }
        other => unusable(other, table, "no index type answers this kind of condition"),
    }
}

fn unusable(whole: Expr, table: &Table, why: &str) -> (ClauseClass, Expr, Expr) {
    let whole = whole.normalised(table);
    (ClauseClass::Unusable(why.to_owned()), whole.clone(), whole)
}

fn is_boolean_column(expr: &Expr, table: &Table) -> bool {
    expr.as_column().and_then(|name| table.column(name)).is_some_and(|column| column.type_name == "boolean")
}

fn null_test(inner: Expr, relation: ScanRelation<'_>, class: ClauseClass) -> (ClauseClass, Expr, Expr) {
    let is_null = class == ClauseClass::Equal;
    let key = inner.normalised(relation.table);
    let whole = if is_null { Expr::IsNull(Box::new(key.clone())) } else { Expr::IsNotNull(Box::new(key.clone())) };
    if indexable(&key, relation.table) {
        (class, key, whole)
    } else {
        unusable(whole, relation.table, "its expression cannot be indexed")
    }
}

/// Longest list of values that counts as an equality: each is a search of its own.
const LONGEST_LIST: usize = 20_000;

fn list(left: Expr, right: Expr, relation: ScanRelation<'_>) -> (ClauseClass, Expr, Expr) {
    let key = left.normalised(relation.table);
    let count = right.as_literal().map_or(1, |literal| array_elements(literal).len());
    let right = right.normalised(relation.table);
    // The element type follows from the cast of the array; a relabelled array is the same list.
    let whole = Expr::Quantified {
        op: "=".to_owned(),
        left: Box::new(key.clone()),
        right: Box::new(right),
        quantifier: Quantifier::Any,
    };
    if origin_of(&key, relation) != ColumnOrigin::Own || !indexable(&key, relation.table) {
        return unusable(whole, relation.table, "its expression cannot be indexed");
    }
    if count > LONGEST_LIST {
        return unusable(whole, relation.table, "the list has too many values: an index lookup for each is too slow");
    }
    (ClauseClass::Equal, key, whole)
}

fn comparison(op: String, left: Expr, right: Expr, relation: ScanRelation<'_>) -> (ClauseClass, Expr, Expr) {
    let table = relation.table;
    let (key, op, value) = match (origin_of(&left, relation), origin_of(&right, relation)) {
        (ColumnOrigin::Own, ColumnOrigin::Nowhere | ColumnOrigin::Foreign) => (left, op, right),
        (ColumnOrigin::Nowhere | ColumnOrigin::Foreign, ColumnOrigin::Own) => match commuted(&op) {
            Some(turned) => (right, turned.to_owned(), left),
            None => {
                return unusable(
                    Expr::binary(&op, left, right),
                    table,
                    "the column is on the wrong side of the operator",
                );
            }
        },
        (ColumnOrigin::Own, ColumnOrigin::Own) => {
            return unusable(Expr::binary(&op, left, right), table, "it compares columns of the same row");
        }
        _ => return unusable(Expr::binary(&op, left, right), table, "it spans several tables"),
    };
    let is_volatile = value.any_part(&|part| matches!(part, Expr::Call { name, .. } if matches!(name.as_str(), "random" | "clock_timestamp" | "nextval")));
    let key = key.normalised(table);
    // A value of another relation keeps its qualifier: without it, it would look like a column of this one.
    let value = if origin_of(&value, relation) == ColumnOrigin::Nowhere { value.normalised(table) } else { value };
    let whole = Expr::binary(&op, key.clone(), value);
    if is_volatile {
        return unusable(whole, table, "its value is different for each row");
    }
    let class = class_of(&op, &key, &whole, table);
    let needs_key = !matches!(class, ClauseClass::Negative | ClauseClass::Unusable(_));
    if needs_key && holds_what_is_sought(&key) {
        return unusable(
            whole,
            table,
            "the text that is looked for is a part of the expression, so an index serves only it",
        );
    }
    if needs_key && is_reckoned(&key) {
        return unusable(whole, table, "the arithmetic is on the column; move it to the value");
    }
    if needs_key && !indexable(&key, table) {
        return unusable(whole, table, "its expression is not immutable, so it cannot be indexed");
    }
    (class, key, whole)
}

/// `strpos(line, 'a1b2') > 0`: an index on the expression would hold the answer to this one search.
fn holds_what_is_sought(key: &Expr) -> bool {
    key.any_part(&|part| {
        matches!(part, Expr::Call { name, args } if args.iter().any(|arg| matches!(arg, Expr::Constant(_)))
            && matches!(name.as_str(), "strpos" | "position" | "replace" | "similarity" | "word_similarity"))
    })
}

/// A column with a constant added, taken away or multiplied: the other side could be reckoned with as well.
fn is_reckoned(key: &Expr) -> bool {
    let Expr::Binary { op, left, right } = key else { return false };
    let is_column = |part: &Expr| part.as_column().is_some();
    let is_constant = |part: &Expr| part.columns().is_empty();
    matches!(op.as_str(), "+" | "-" | "*" | "/")
        && ((is_column(left) && is_constant(right)) || (is_constant(left) && is_column(right) && op != "/"))
}

fn commuted(op: &str) -> Option<&'static str> {
    Some(match op {
        "=" => "=",
        "<>" => "<>",
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        "@>" => "<@",
        "<@" => "@>",
        "&&" => "&&",
        "@@" => "@@",
        _ => return None,
    })
}

fn class_of(op: &str, key: &Expr, whole: &Expr, table: &Table) -> ClauseClass {
    let kind = kind_of(key, table);
    match (op, kind) {
        ("=", _) => ClauseClass::Equal,
        ("<" | "<=" | ">" | ">=", _) => ClauseClass::Range,
        ("^@", Type::Text) => ClauseClass::Prefix,
        ("~~" | "~~*" | "~" | "~*", Type::Text) => pattern(op, whole),
        ("@>", Type::Json) => ClauseClass::JsonContains,
        ("?" | "?|" | "?&", Type::Json) => ClauseClass::JsonHasKey,
        ("@>" | "<@" | "&&", Type::Array) => ClauseClass::ArrayOverlap,
        ("@>" | "<@" | "&&", Type::Range) => ClauseClass::RangeOverlap,
        ("@@", Type::Vector) => ClauseClass::TextSearch,
        ("%", Type::Text) => ClauseClass::Trigram,
        ("<>" | "!~~" | "!~~*" | "!~" | "!~*", _) => ClauseClass::Negative,
        _ => ClauseClass::Unusable(format!("no index type answers the operator {op} here")),
    }
}

/// What a key is, as far as operators differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Json,
    Array,
    Range,
    Vector,
    Other,
}

fn kind_of(key: &Expr, table: &Table) -> Type {
    match key {
        Expr::Column { name, .. } => {
            table.column(name).map_or(Type::Other, |column| match (column.type_name.as_str(), column.category) {
                ("jsonb", _) => Type::Json,
                ("tsvector", _) => Type::Vector,
                (_, 'A') => Type::Array,
                (_, 'R') => Type::Range,
                (_, 'S') => Type::Text,
                _ => Type::Other,
            })
        }
        Expr::Call { name, .. } if matches!(name.as_str(), "to_tsvector" | "setweight") => Type::Vector,
        Expr::Call { name, .. } if matches!(name.as_str(), "upper" | "lower" | "reverse" | "unaccent" | "coalesce") => {
            Type::Text
        }
        Expr::Binary { op, .. } if matches!(op.as_str(), "->" | "#>") => Type::Json,
        Expr::Binary { op, .. } if matches!(op.as_str(), "->>" | "#>>" | "||") => Type::Text,
        Expr::Cast { operand, type_name } if type_name == "text" => kind_of(operand, table).as_text(),
        Expr::Cast { type_name, .. } if type_name == "jsonb" => Type::Json,
        _ => Type::Other,
    }
}

impl Type {
    fn as_text(self) -> Self {
        if self == Self::Json { Self::Other } else { Self::Text }
    }
}

/// Why no index is advised for a pattern that is a parameter.
const UNKNOWN_PATTERN: &str = "which index serves it depends on the pattern: for '%text%' (contains, icontains) a trigram \
    index (gin_trgm_ops) with three letters or more, for 'text%' (startswith) a b-tree (text_pattern_ops). Explain it with \
    a pattern that the application sends";

/// Tells a prefix, a suffix and a text within apart.
fn pattern(op: &str, whole: &Expr) -> ClauseClass {
    let Expr::Binary { right, .. } = whole else { return ClauseClass::Trigram };
    let Some(literal) = right.as_literal() else {
        return ClauseClass::Unusable(UNKNOWN_PATTERN.to_owned());
    };
    let pattern = literal.text.as_str();
    let is_regex = op.starts_with('~') && !op.starts_with("~~");
    if is_regex {
        return regex(op, pattern);
    }
    let (runs, starts, ends) = like_runs(pattern);
    let longest = runs.iter().map(|run| run.chars().count()).max().unwrap_or(0);
    match (op, runs.as_slice()) {
        ("~~", [first, ..]) if starts && !first.is_empty() => ClauseClass::Prefix,
        ("~~", [_one]) if ends && !starts => ClauseClass::Suffix,
        _ if longest >= 3 => ClauseClass::Trigram,
        _ => ClauseClass::Unusable("trigrams need three letters in a row, and the pattern has fewer".to_owned()),
    }
}

/// A regular expression: anchored and literal at its start it is a range, with three letters in a row trigrams serve it.
fn regex(op: &str, pattern: &str) -> ClauseClass {
    let is_plain = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '_' | '-' | '@' | '/' | ':');
    if let (Some(rest), "~") = (pattern.strip_prefix('^'), op)
        && rest.chars().take_while(is_plain).count() >= 2
        && !rest.contains('|')
    {
        return ClauseClass::Prefix;
    }
    let longest = pattern.split(|letter: char| !is_plain(&letter)).map(|run| run.chars().count()).max().unwrap_or(0);
    if longest >= 3 {
        ClauseClass::Trigram
    } else {
        ClauseClass::Unusable("trigrams need three letters in a row, and the expression has fewer".to_owned())
    }
}

fn either(arms: Vec<Expr>, relation: ScanRelation<'_>) -> (ClauseClass, Expr, Expr) {
    let whole = Expr::Or(arms.clone()).normalised(relation.table);
    if arms.iter().any(|arm| arm.any_part(&|part| matches!(part, Expr::SubPlan))) {
        return (ClauseClass::Unusable("one part of the OR is a subquery".to_owned()), whole.clone(), whole);
    }
    if let Some(key) = unequal_or_null(&whole) {
        return (ClauseClass::Negative, key, whole);
    }
    if arms.iter().any(|arm| origin_of(arm, relation) == ColumnOrigin::Mixed) {
        return (ClauseClass::Unusable("the OR spans several tables".to_owned()), whole.clone(), whole);
    }
    let arms: Vec<Vec<Clause>> = arms.into_iter().map(|arm| clauses(arm, relation)).collect();
    if let Some(merged) = one_list(&arms) {
        return merged;
    }
    (ClauseClass::Either(arms), whole.clone(), whole)
}

/// `a <> 1 OR a IS NULL`, which is what `exclude(a=1)` makes of a nullable column; returns the column.
fn unequal_or_null(whole: &Expr) -> Option<Expr> {
    let Expr::Or(arms) = whole else { return None };
    match arms.as_slice() {
        [Expr::Binary { op, left, right }, Expr::IsNull(other)]
            if op == "<>" && left == other && left.as_column().is_some() && right.as_literal().is_some() =>
        {
            Some((**left).clone())
        }
        _ => None,
    }
}

/// `a = 1 OR a = 2` is `a = ANY`, as far as an index goes.
fn one_list(arms: &[Vec<Clause>]) -> Option<(ClauseClass, Expr, Expr)> {
    let mut key: Option<&Expr> = None;
    for arm in arms {
        let [only] = arm.as_slice() else { return None };
        if only.class != ClauseClass::Equal || key.is_some_and(|key| *key != only.key) {
            return None;
        }
        key = Some(&only.key);
    }
    let whole = Expr::Or(arms.iter().flatten().map(|clause| clause.whole.clone()).collect());
    key.map(|key| (ClauseClass::Equal, key.clone(), whole))
}

fn origin_of(expr: &Expr, relation: ScanRelation<'_>) -> ColumnOrigin {
    match expr {
        Expr::Column { table: Some(table), .. } if table != relation.alias && relation.whole != Some(table) => {
            ColumnOrigin::Foreign
        }
        Expr::Column { name, .. } if relation.table.column(name).is_some() => ColumnOrigin::Own,
        Expr::Column { .. } => ColumnOrigin::Foreign,
        other => {
            other.parts().into_iter().map(|part| origin_of(part, relation)).fold(ColumnOrigin::Nowhere, |all, one| {
                match (all, one) {
                    (ColumnOrigin::Nowhere, one) => one,
                    (all, ColumnOrigin::Nowhere) => all,
                    (all, one) if all == one => all,
                    _ => ColumnOrigin::Mixed,
                }
            })
        }
    }
}

/// Says whether an expression's columns are all this relation's, with at least one.
pub fn is_own(expr: &Expr, relation: ScanRelation<'_>) -> bool {
    origin_of(expr, relation) == ColumnOrigin::Own
}

/// Says whether a clause can be the predicate of a partial index that Django can declare: its value is a text, a whole
/// number or a boolean.
pub(crate) fn can_be_predicate(clause: &Clause, table: &Table) -> bool {
    if !clause.is_constant || clause.key.as_column().is_none() {
        return false;
    }
    let is_simple = |literal: &Literal| {
        let column = clause.key.as_column().and_then(|name| table.column(name));
        let is_kept = column.is_some_and(|column| {
            matches!(
                column.type_name.as_str(),
                "character varying" | "text" | "integer" | "bigint" | "smallint" | "boolean"
            )
        });
        is_kept && literal.form != LiteralForm::Null
    };
    match &clause.whole {
        Expr::Column { .. } | Expr::Not(_) | Expr::IsNull(_) | Expr::IsNotNull(_) => true,
        Expr::Binary { op, right, .. } => {
            matches!(op.as_str(), "=" | "<>") && right.as_literal().is_some_and(is_simple)
        }
        Expr::Or(_) => unequal_or_null(&clause.whole).is_some(),
        Expr::Quantified { right, .. } => right
            .as_literal()
            .is_some_and(|literal| is_simple(literal) && (1..=10).contains(&array_elements(literal).len())),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{TableColumn, parse};

    fn table() -> Table {
        let column = |name: &str, type_name: &str, category: char| TableColumn {
            name: name.into(),
            type_name: type_name.into(),
            category,
            ..TableColumn::default()
        };
        let columns = vec![
            column("status", "character varying", 'S'),
            column("store_id", "bigint", 'N'),
            column("is_active", "boolean", 'B'),
            column("created_at", "timestamp with time zone", 'D'),
            column("ripening", "interval", 'T'),
            column("attrs", "jsonb", 'U'),
            column("tags", "character varying[]", 'A'),
            column("during", "tstzrange", 'R'),
        ];
        Table { name: "o".into(), rows: Some(1e6), pages: 1e4, columns, ..Table::default() }
    }

    fn check(condition: &str, expected: &[(&str, &str)]) {
        let table = table();
        let found = clauses(parse::expression(condition), ScanRelation::of(&table, "o"));
        let said: Vec<(String, String)> = found
            .iter()
            .map(|clause| {
                let class = format!("{:?}", clause.class);
                (class.split(['(', '[']).next().unwrap_or_default().to_owned(), clause.key.sql())
            })
            .collect();
        let said: Vec<(&str, &str)> = said.iter().map(|(class, key)| (class.as_str(), key.as_str())).collect();
        assert_eq!(said, expected, "{condition}");
    }

    #[test]
    fn each_clause_has_its_class() {
        check(
            "(((o.status)::text = 'done'::text) AND (o.store_id = 7))",
            &[("Equal", "\"status\""), ("Equal", "\"store_id\"")],
        );
        check("(5 < o.store_id)", &[("Range", "\"store_id\"")]);
        check("(NOT o.is_active)", &[("Equal", "\"is_active\"")]);
        check("((o.status)::text <> 'done'::text)", &[("Negative", "\"status\"")]);
        check("((o.status)::text ~~ 'ab%'::text)", &[("Prefix", "\"status\"")]);
        check("((o.status)::text ~~ '%ab'::text)", &[("Suffix", "\"status\"")]);
        check("(upper((o.status)::text) ~~ '%ABC%'::text)", &[("Trigram", "upper(\"status\")")]);
        check("((o.status)::text ~* 'abc.*d'::text)", &[("Trigram", "\"status\"")]);
        check("(o.attrs @> '{}'::jsonb)", &[("JsonContains", "\"attrs\"")]);
        check("(o.attrs ? 'k'::text)", &[("JsonHasKey", "\"attrs\"")]);
        check("((o.attrs -> 'b'::text) = '\"x\"'::jsonb)", &[("Equal", "(\"attrs\" -> 'b'::text)")]);
        check("(o.tags && '{a}'::character varying[])", &[("ArrayOverlap", "\"tags\"")]);
        check("((o.tags[1])::text = 'a'::text)", &[("Equal", "((\"tags\")[1])::text")]);
        check("((o.status)::text <> ALL ('{a,b}'::text[]))", &[("Negative", "\"status\"")]);
        check("(((o.status)::text <> 'a'::text) OR (o.status IS NULL))", &[("Negative", "\"status\"")]);
        check("(o.during && '[1,2)'::tstzrange)", &[("RangeOverlap", "\"during\"")]);
        check(
            "((o.store_id = 1) OR ((o.status)::text = 'x'::text))",
            &[("Either", "((\"store_id\" = 1) OR (\"status\" = 'x'::text))")],
        );
        check("(o.store_id = c.id)", &[("Equal", "\"store_id\"")]);
        // Neither of two tables nor of what depends on the session can an index be built.
        for condition in [
            "((o.store_id + c.id) = 5)",
            "((o.created_at + o.ripening) > now())",
            "((o.created_at - '01:00:00'::interval) > o.created_at)",
            "(((o.status)::text || o.store_id) = 'x7'::text)",
            "((o.ripening)::text = '01:00:00'::text)",
            "((o.tags)::text = '{}'::text)",
            "(strpos((o.status)::text, 'a1b2'::text) > 0)",
        ] {
            let table = table();
            let found = clauses(parse::expression(condition), ScanRelation::of(&table, "o"));
            assert!(matches!(found[0].class, ClauseClass::Unusable(_)), "{condition}: {found:?}");
        }
        check("((hashed SubPlan 1) OR (o.store_id = 1))", &[("Unusable", "((SubPlan) OR (\"store_id\" = 1))")]);
        check(
            "((o.created_at)::date = '2025-01-01'::date)",
            &[("Unusable", "((\"created_at\")::date = '2025-01-01'::date)")],
        );
        check(
            "(((o.created_at AT TIME ZONE 'UTC'::text))::date = '2025-01-01'::date)",
            &[("Equal", "((\"created_at\" AT TIME ZONE 'UTC'::text))::date")],
        );
    }
}
