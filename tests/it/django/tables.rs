//! The tables of the judged project, from the catalog: as much of them as the code needs.

use pgdj::catalog::{Column, ForeignKey, Table};
use tokio_postgres::Client;

const COLUMNS: &str =
    "select c.relname::text, a.attname::text, format_type(a.atttypid, null), a.attnotnull, t.typcategory::text
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type as t on t.oid = a.atttypid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    order by c.relname, a.attnum";

const FOREIGN_KEYS: &str = "select c.relname::text, a.attname::text
    from pg_constraint as k
    join pg_class as c on c.oid = k.conrelid
    join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.conkey[1]
    where k.contype = 'f' and cardinality(k.conkey) = 1";

pub(crate) async fn tables(client: &Client) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for row in client.query(COLUMNS, &[]).await.unwrap() {
        let name: String = row.get(0);
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table { schema: "public".into(), name, ..Table::default() });
        }
        let category: String = row.get(4);
        tables.last_mut().unwrap().columns.push(Column {
            name: row.get(1),
            type_name: row.get(2),
            is_not_null: row.get(3),
            category: category.chars().next().unwrap(),
            ..Column::default()
        });
    }
    for row in client.query(FOREIGN_KEYS, &[]).await.unwrap() {
        let name: String = row.get(0);
        let table = tables.iter_mut().find(|table| table.name == name).unwrap();
        table.foreign_keys.push(ForeignKey { columns: vec![row.get(1)], ..ForeignKey::default() });
    }
    tables
}
