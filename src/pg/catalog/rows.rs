//! From rows of the system catalogs to [`Table`]s.

use crate::catalog::index::{KeyDirection, Nulls};
use crate::catalog::{
    AccessMethod, Catalog, Collation, ColumnStatistics, Counters, Definition, Expr, ExpressionStatistics, ForeignKey,
    Index, Key, ReferringTable, RelationKind, Table, TableColumn, TableLock, ids, parse, texts,
};
use crate::sample::{Row, RowSet, Value};

/// Returns a table without its columns.
pub(super) fn table(row: &Row<'_>) -> Table {
    let number = |column| row.number(column).unwrap_or(0.0);
    let (reltuples, pages) = (number("reltuples"), number("pages"));
    let counters = row.flag("has_counters").unwrap_or(false).then(|| Counters {
        inserted: number("inserted"),
        updated: number("updated"),
        deleted: number("deleted"),
        hot_updated: number("hot_updated"),
        changed_since_analyze: number("changed"),
        was_analyzed: row.flag("was_analyzed").unwrap_or(false),
        seconds: row.number("seconds").filter(|seconds| *seconds > 0.0),
    });
    let parent: Option<(String, String)> = serde_json::from_str(row.text("parent")).ok();
    Table {
        oid: oid(row, "oid"),
        schema: row.text("schema").to_owned(),
        name: row.text("name").to_owned(),
        kind: match row.text("kind") {
            "r" => RelationKind::Plain,
            "p" => RelationKind::Partitioned,
            "m" => RelationKind::Materialized,
            _ => RelationKind::Other,
        },
        // -1 since 14, and 0 without a page before, say that it was never counted. Source: pg_class.reltuples.
        rows: (reltuples > 0.0 || (reltuples == 0.0 && pages > 0.0)).then_some(reltuples),
        pages,
        all_visible_pages: number("all_visible"),
        counters,
        is_partition: row.flag("is_partition").unwrap_or(false),
        parent,
        ..Table::default()
    }
}

/// Adds the rows of one part of the catalog.
pub(super) fn add(part: &str, rows: &RowSet, catalog: &mut Catalog) {
    match part {
        "columns" => each(rows, catalog, |table, row| table.columns.push(column(row))),
        "statistics" => each(rows, catalog, statistics),
        "indexes" => each(rows, catalog, |table, row| {
            let index = index(table, row);
            table.indexes.push(index);
        }),
        "sizes" => sizes(rows, catalog),
        "foreign keys" => rows.iter().for_each(|row| foreign_key(&row, catalog)),
        "groups of columns" => each(rows, catalog, |table, row| groups(table, row.text("groups"))),
        "expressions" => each(rows, catalog, |table, row| {
            let expr = parse::expression(row.text("expression")).normalised(table);
            table.expressions.push(ExpressionStatistics { expr, statistics: column_statistics(row) });
        }),
        "locks" => each(rows, catalog, |table, row| {
            table.locks.push(TableLock {
                pid: row.int("pid").unwrap_or_default(),
                mode: row.text("mode").to_owned(),
                xact_started: row.number("xact_start"),
            });
        }),
        _ => {}
    }
}

fn oid(row: &Row<'_>, column: &str) -> u32 {
    row.int(column).and_then(|oid| u32::try_from(oid).ok()).unwrap_or_default()
}

fn each(rows: &RowSet, catalog: &mut Catalog, mut take: impl FnMut(&mut Table, &Row<'_>)) {
    for row in rows.iter() {
        let relid = oid(&row, "relid");
        if let Some(table) = catalog.tables.iter_mut().find(|table| table.oid == relid) {
            take(table, &row);
        }
    }
}

fn column(row: &Row<'_>) -> TableColumn {
    let small = |column| row.int(column).and_then(|number| i16::try_from(number).ok()).unwrap_or_default();
    TableColumn {
        number: small("number"),
        name: row.text("name").to_owned(),
        type_name: row.text("type_name").to_owned(),
        full_type: row.text("full_type").to_owned(),
        category: row.text("category").chars().next().unwrap_or('U'),
        length: small("length"),
        alignment: row.int("alignment").and_then(|bytes| u8::try_from(bytes).ok()).unwrap_or(8),
        is_not_null: row.flag("is_not_null").unwrap_or(false),
        collation: match row.text("collation") {
            "c" => Some(Collation::C),
            "n" => Some(Collation::NotDeterministic),
            "o" => Some(Collation::Other),
            _ => None,
        },
        statistics: None,
    }
}

fn column_statistics(row: &Row<'_>) -> ColumnStatistics {
    let number = |column| row.number(column).unwrap_or(0.0);
    let shares = |column| row.get(column).as_list().iter().filter_map(Value::as_f64).collect::<Vec<_>>();
    let paired = |values, of| texts(row, values).into_iter().zip(shares(of)).collect();
    ColumnStatistics {
        null_share: number("null_share"),
        width: number("width"),
        n_distinct: number("n_distinct"),
        correlation: number("correlation"),
        common: paired("common", "common_shares"),
        bounds: texts(row, "bounds"),
        common_elements: paired("elements", "element_shares"),
    }
}

/// Gives a column its statistics, or an expression those of an index over all rows.
fn statistics(table: &mut Table, row: &Row<'_>) {
    let name = row.text("name");
    if row.get("index").is_null() {
        if let Some(column) = table.columns.iter_mut().find(|column| column.name == name) {
            column.statistics = Some(column_statistics(row));
        }
        return;
    }
    let of_index = oid(row, "index");
    let key = row.int("number").and_then(|number| usize::try_from(number - 1).ok());
    let index = table.indexes.iter().find(|index| index.oid == of_index && index.definition.predicate.is_empty());
    let expr = index.zip(key).and_then(|(index, key)| index.definition.keys.get(key)).map(|key| key.expr.clone());
    if let Some(expr) = expr.filter(|expr| expr.as_column().is_none())
        && table.statistics_of(&expr).is_none()
    {
        table.expressions.push(ExpressionStatistics { expr, statistics: column_statistics(row) });
    }
}

fn index(table: &Table, row: &Row<'_>) -> Index {
    let count = row.int("key_count").and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
    let kinds = texts(row, "kinds");
    let (opclasses, flags) = (texts(row, "opclasses"), ids(row, "flags"));
    let all = texts(row, "keys");
    let key = |(at, text): (usize, &String)| {
        let is_column = kinds.get(at).is_none_or(|kind| kind == "c");
        let expr = if is_column { Expr::column(text) } else { parse::expression(text).normalised(table) };
        let flag = flags.get(at).copied().unwrap_or(0);
        // Bit 1 is descending, bit 2 nulls first. Source: src/include/catalog/pg_index.h.
        let (is_descending, is_nulls_first) = (flag & 1 != 0, flag & 2 != 0);
        let opclass = opclasses.get(at).filter(|name| !name.is_empty()).cloned();
        let opclass =
            if row.flag("is_recollated") == Some(true) { Some("another collation".to_owned()) } else { opclass };
        Key {
            expr,
            opclass: opclass.filter(|name| !is_same_as_default(name)),
            direction: if is_descending { KeyDirection::Descending } else { KeyDirection::Ascending },
            nulls: match (is_descending, is_nulls_first) {
                (false, true) => Nulls::First,
                (true, false) => Nulls::Last,
                _ => Nulls::Usual,
            },
        }
    };
    let predicate = row.text("predicate");
    let conjuncts = if predicate.is_empty() { Vec::new() } else { parse::expression(predicate).conjuncts() };
    Index {
        oid: oid(row, "oid"),
        name: row.text("name").to_owned(),
        definition: Definition {
            method: AccessMethod::named(row.text("method")),
            keys: all.iter().enumerate().take(count).map(key).collect(),
            include: all.iter().skip(count).cloned().collect(),
            predicate: conjuncts.into_iter().map(|part| part.normalised(table)).collect(),
            options: texts(row, "options")
                .iter()
                .filter_map(|option| option.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        },
        is_unique: row.flag("is_unique").unwrap_or(false),
        is_primary: row.flag("is_primary").unwrap_or(false),
        is_constraint: row.flag("is_constraint").unwrap_or(false),
        is_valid: row.flag("is_valid").unwrap_or(true),
        is_replica_identity: row.flag("is_replica_identity").unwrap_or(false),
        bytes: row.number("bytes"),
        rows: row.number("reltuples").filter(|rows| *rows >= 0.0),
        scans: row.number("scans"),
    }
}

/// `varchar_ops` is another name of `text_ops`, which is a text's default.
fn is_same_as_default(opclass: &str) -> bool {
    matches!(opclass, "varchar_ops" | "text_ops" | "bpchar_ops")
}

fn sizes(rows: &RowSet, catalog: &mut Catalog) {
    for row in rows.iter() {
        let (oid, Some(bytes)) = (oid(&row, "oid"), row.number("bytes")) else { continue };
        for table in &mut catalog.tables {
            if table.oid == oid && bytes > 0.0 {
                grow(table, bytes / 8192.0);
            }
            if let Some(index) = table.indexes.iter_mut().find(|index| index.oid == oid) {
                index.bytes = Some(bytes);
            }
        }
    }
}

/// Takes the true size, and as many more rows as the planner would. Source: `estimate_rel_size` in plancat.c.
fn grow(table: &mut Table, pages: f64) {
    if let Some(rows) = &mut table.rows
        && table.pages >= 1.0
    {
        *rows *= pages / table.pages;
    }
    table.pages = pages;
}

fn foreign_key(row: &Row<'_>, catalog: &mut Catalog) {
    let key = ForeignKey {
        name: row.text("name").to_owned(),
        columns: texts(row, "columns"),
        target_schema: row.text("target_schema").to_owned(),
        target_table: row.text("target_table").to_owned(),
        target_columns: texts(row, "target_columns"),
    };
    let (from, to) = (oid(row, "relid"), oid(row, "target"));
    for table in &mut catalog.tables {
        if table.oid == from {
            table.foreign_keys.push(key.clone());
        }
        if table.oid == to {
            table.referenced_by.push(ReferringTable {
                schema: row.text("schema").to_owned(),
                name: row.text("table").to_owned(),
                key: key.clone(),
                rows: row.number("rows"),
                is_indexed: row.flag("is_indexed").unwrap_or(true),
                is_deferred: row.flag("is_deferred").unwrap_or(false),
            });
        }
    }
}

/// Reads `{"1, 2": 100, "1, 3": 2000}`, by numbers of columns; those of expressions are negative and left out.
fn groups(table: &mut Table, text: &str) {
    let Ok(serde_json::Value::Object(known)) = serde_json::from_str(text) else { return };
    for (numbers, distinct) in known {
        let name = |number: &str| {
            let number: i16 = number.trim().parse().ok()?;
            table.columns.iter().find(|column| column.number == number).map(|column| column.name.clone())
        };
        let names: Option<Vec<String>> = numbers.split(',').map(name).collect();
        if let (Some(names), Some(distinct)) = (names, distinct.as_f64()) {
            table.distinct_groups.push((names, distinct));
        }
    }
}
