//! A name for an index: readable, within Django's 30 letters, unique in its schema, and the same each time.

use super::project::Project;
use crate::catalog::index::{AccessMethod, Definition, KeyDirection};
use crate::catalog::{Expr, Table};

/// Longest name of an index that Django allows. Source: `django.db.models.Index.max_name_length`.
const LONGEST: usize = 30;

/// Digits of the hash that makes a shortened name unique, as in Django's own names.
const HASH: usize = 6;

/// Returns a name that says model, fields and kind; a short hash takes the place of what is too long or taken.
///
/// Like Django's own (`Index.set_name_with_model`): the hash is over the whole definition, so that it does not depend on
/// when or where it is made.
pub fn index_name(table: &Table, index: &Definition, project: &Project) -> String {
    let scope = NameWords { table, project };
    let owner = project.owner(&table.name);
    let model = owner.map_or_else(
        || table.name.clone(),
        |owner| owner.through.map_or(owner.model.clone(), |field| format!("{}_{field}", owner.model)),
    );
    let mut words = vec![slug(&model)];
    words.extend(index.keys.iter().map(|key| {
        let word = scope.expression_word(&key.expr);
        if key.direction == KeyDirection::Descending { format!("{word}_desc") } else { word }
    }));
    words.extend(index.predicate.iter().filter_map(|clause| scope.predicate_word(index, clause)));
    words.retain(|word| !word.is_empty());
    let suffix = suffix(index);
    let is_taken = |name: &str| project.taken.contains(name) || table.indexes.iter().any(|known| known.name == name);
    let plain = started_by_letter(format!("{}_{suffix}", words.join("_")));
    if plain.len() <= LONGEST && !is_taken(&plain) {
        return plain;
    }
    let definition = format!("{}.{} {index:?}", table.schema, table.name);
    let room = LONGEST - suffix.len() - HASH - 2;
    let head: String = words.join("_").chars().take(room).collect();
    // A hash that is taken too is made again with a number: in practice never.
    let shortened = |attempt: u32| {
        let hash = format!("{:06x}", fnv(&format!("{definition}{attempt}")) & 0x00ff_ffff);
        started_by_letter(format!("{}_{hash}_{suffix}", head.trim_end_matches('_')))
    };
    (0..100).map(shortened).find(|name| !is_taken(name)).unwrap_or_else(|| shortened(0))
}

fn suffix(index: &Definition) -> &'static str {
    let is_pattern = |name: &String| name.ends_with("_pattern_ops");
    match index.method {
        AccessMethod::Gin => "gin",
        AccessMethod::Gist => "gist",
        AccessMethod::SpGist => "spgist",
        AccessMethod::Brin => "brin",
        AccessMethod::Hash => "hash",
        _ if index.keys.iter().any(|key| key.opclass.as_ref().is_some_and(is_pattern)) => "like",
        _ if !index.include.is_empty() => "cov",
        _ => "idx",
    }
}

/// Django refuses a name that starts with an underscore or a digit (models.E033, E034), and puts a D there itself.
fn started_by_letter(name: String) -> String {
    if name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return name;
    }
    format!("d{}", name.chars().skip(1).collect::<String>())
}

struct NameWords<'a> {
    table: &'a Table,
    project: &'a Project,
}

impl NameWords<'_> {
    fn field(&self, column: &str) -> String {
        slug(&self.project.field(self.table, column))
    }

    fn expression_word(&self, expr: &Expr) -> String {
        match expr {
            Expr::Column { name, .. } => self.field(name),
            Expr::Call { name, args } if matches!(name.as_str(), "upper" | "lower" | "reverse" | "length") => {
                let inner = args.first().map(|arg| self.expression_word(arg)).unwrap_or_default();
                format!("{inner}_{name}")
            }
            Expr::Call { name, .. } if name == "to_tsvector" => "search".to_owned(),
            Expr::Cast { operand, type_name } if type_name == "date" => {
                format!("{}_date", self.expression_word(operand))
            }
            Expr::Cast { operand, .. } => self.expression_word(operand),
            Expr::Call { name, args } if matches!(name.as_str(), "date_trunc" | "extract") => {
                let part = args.first().and_then(Expr::as_literal).map(|literal| slug(&literal.text));
                let inner = args.last().map(|arg| self.expression_word(arg)).unwrap_or_default();
                format!("{inner}_{}", part.unwrap_or_default())
            }
            Expr::Call { args, .. } => {
                args.iter().rev().map(|arg| self.expression_word(arg)).find(|word| !word.is_empty()).unwrap_or_default()
            }
            Expr::Binary { left, right, .. } => {
                let key = right.as_literal().map(|literal| slug(&literal.text)).unwrap_or_default();
                format!("{}_{key}", self.expression_word(left)).trim_end_matches('_').to_owned()
            }
            other => other.columns().first().map(|name| self.field(name)).unwrap_or_default(),
        }
    }

    /// A word for a predicate, unless the key says it already.
    fn predicate_word(&self, index: &Definition, clause: &Expr) -> Option<String> {
        match clause {
            Expr::Binary { op, right, .. } => {
                let value = slug(&right.as_literal()?.text);
                Some(if op == "<>" { format!("not_{value}") } else { value })
            }
            Expr::Column { name, .. } => Some(self.field(name)),
            Expr::Not(inner) => Some(format!("not_{}", self.field(inner.as_column()?))),
            Expr::IsNull(inner) => Some(format!("no_{}", self.field(inner.as_column()?))),
            Expr::IsNotNull(inner) if index.keys.iter().any(|key| key.expr == **inner) => Some("set".to_owned()),
            Expr::IsNotNull(inner) => Some(format!("has_{}", self.field(inner.as_column()?))),
            Expr::Quantified { .. } | Expr::And(_) | Expr::Or(_) => Some("some".to_owned()),
            _ => None,
        }
        .filter(|word| !word.is_empty())
    }
}

/// Keeps letters, digits and underscores, in lower case.
pub(super) fn slug(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' })
        .collect();
    kept.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// FNV-1a, which is the same on every machine and in every version.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Key;
    use proptest::prelude::*;

    fn project() -> Project {
        Project::default().with_model("shop", "order")
    }

    fn named(columns: &[&str], project: &Project) -> String {
        let table = Table { name: "shop_order".into(), ..Table::default() };
        let keys = columns.iter().map(|name| Key::plain(Expr::column(name))).collect();
        index_name(&table, &Definition::btree(keys), project)
    }

    #[test]
    fn a_name_is_short_stable_and_readable() {
        assert_eq!(named(&["reference"], &project()), "order_reference_idx");
        let long = named(&["a_rather_long_column", "another_long_column"], &project());
        assert_eq!(long.len(), LONGEST);
        assert_eq!(long, named(&["a_rather_long_column", "another_long_column"], &project()));
        assert!(long.starts_with("order_a_rather_"), "{long}");
        assert_ne!(long, named(&["a_rather_long_column", "yet_another_long_column"], &project()));
    }

    #[test]
    fn a_taken_name_gets_a_hash_and_a_taken_hash_another() {
        let mut project = project();
        let mut seen = Vec::new();
        for _ in 0..5 {
            let name = named(&["reference"], &project);
            assert!(!seen.contains(&name) && name.len() <= LONGEST, "{name} in {seen:?}");
            project.taken.insert(name.clone());
            seen.push(name);
        }
    }

    proptest! {
        #[test]
        fn any_column_gives_a_name_that_django_takes(columns in proptest::collection::vec(".{0,40}", 1..5)) {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let name = named(&columns, &project());
            prop_assert!(name.len() <= LONGEST && name.is_ascii(), "{}", name);
            prop_assert!(name.starts_with(|letter: char| letter.is_ascii_alphabetic()), "{}", name);
        }
    }
}
