//! A name for an index: readable, within Django's 30 letters, unique in its schema, and the same each time.

use super::names::{Names, field};
use crate::catalog::index::{Definition, Direction, Method};
use crate::catalog::{Expr, Table};

/// Longest name of an index that Django allows. Source: `django.db.models.Index.max_name_length`.
const LONGEST: usize = 30;

/// Returns a name that says model, fields and kind; a short hash takes the place of what is too long or taken.
pub fn index_name(table: &Table, index: &Definition, names: &Names) -> String {
    let model = names.owner(&table.name).map_or_else(|| table.name.clone(), |owner| owner.model);
    let mut words = vec![slug(&model)];
    words.extend(index.keys.iter().map(|key| {
        let word = expression_word(table, &key.expr);
        if key.direction == Direction::Descending { format!("{word}_desc") } else { word }
    }));
    words.extend(index.predicate.iter().filter_map(|clause| predicate_word(table, index, clause)));
    let suffix = match index.method {
        Method::Gin => "gin",
        Method::Gist => "gist",
        Method::Brin => "brin",
        Method::Hash => "hash",
        _ if index.keys.iter().any(|key| key.opclass.as_deref().is_some_and(|name| name.ends_with("_pattern_ops"))) => {
            "like"
        }
        _ if !index.include.is_empty() => "cov",
        _ => "idx",
    };
    let plain = format!("{}_{suffix}", words.join("_"));
    let is_taken = |name: &str| table.indexes.iter().any(|known| known.name == name);
    if plain.len() <= LONGEST && !is_taken(&plain) {
        return started_by_letter(plain);
    }
    let hash = format!("{:06x}", fnv(&format!("{}.{} {index:?}", table.schema, table.name)) & 0x00ff_ffff);
    let room = LONGEST - suffix.len() - hash.len() - 2;
    let head: String = words.join("_").chars().take(room).collect();
    started_by_letter(format!("{}_{hash}_{suffix}", head.trim_end_matches('_')))
}

/// Django refuses a name that starts with an underscore or a digit (models.E033, E034).
fn started_by_letter(name: String) -> String {
    if name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return name;
    }
    format!("i{}", name.chars().skip(1).collect::<String>())
}

fn expression_word(table: &Table, expr: &Expr) -> String {
    match expr {
        Expr::Column { name, .. } => slug(field(table, name)),
        Expr::Call { name, args } if matches!(name.as_str(), "upper" | "lower" | "reverse" | "length") => {
            let inner = args.first().map(|arg| expression_word(table, arg)).unwrap_or_default();
            format!("{inner}_{name}")
        }
        Expr::Call { name, .. } if name == "to_tsvector" => "search".to_owned(),
        Expr::Cast { operand, type_name } if type_name == "date" => format!("{}_date", expression_word(table, operand)),
        Expr::Call { name, args } if matches!(name.as_str(), "timezone" | "date_trunc" | "extract") => {
            args.last().map(|arg| expression_word(table, arg)).unwrap_or_default()
        }
        Expr::Binary { left, right, .. } => {
            let key = right.as_literal().map(|literal| slug(&literal.text)).unwrap_or_default();
            format!("{}_{key}", expression_word(table, left))
        }
        other => other.columns().first().map(|name| slug(name)).unwrap_or_default(),
    }
}

/// A word for a predicate, unless the key says it already.
fn predicate_word(table: &Table, index: &Definition, clause: &Expr) -> Option<String> {
    match clause {
        Expr::Binary { right, .. } => Some(slug(&right.as_literal()?.text)),
        Expr::Column { name, .. } => Some(slug(field(table, name))),
        Expr::Not(inner) => Some(format!("not_{}", slug(inner.as_column()?))),
        Expr::IsNull(inner) => Some(format!("no_{}", slug(field(table, inner.as_column()?)))),
        Expr::IsNotNull(inner) if index.keys.iter().any(|key| key.expr == **inner) => Some("set".to_owned()),
        Expr::IsNotNull(inner) => Some(format!("has_{}", slug(field(table, inner.as_column()?)))),
        Expr::Quantified { .. } => Some("some".to_owned()),
        _ => None,
    }
    .filter(|word| !word.is_empty())
}

/// Keeps letters, digits and underscores, in lower case.
fn slug(text: &str) -> String {
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

    fn named(columns: &[&str]) -> String {
        let table = Table { name: "shop_order".into(), ..Table::default() };
        let names = Names { models: vec![("shop".into(), "order".into())], ..Names::default() };
        let keys = columns.iter().map(|name| Key::plain(Expr::column(name))).collect();
        index_name(&table, &Definition::btree(keys), &names)
    }

    #[test]
    fn a_name_is_short_stable_and_readable() {
        assert_eq!(named(&["reference"]), "order_reference_idx");
        let long = named(&["a_rather_long_column", "another_long_column"]);
        assert_eq!(long.len(), LONGEST);
        assert_eq!(long, named(&["a_rather_long_column", "another_long_column"]));
        assert!(long.starts_with("order_a_rather_long"), "{long}");
        assert_ne!(long, named(&["a_rather_long_column", "yet_another_long_column"]));
    }
}
