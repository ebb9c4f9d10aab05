//! The index that a foreign key lacks, as Django code.

use super::DjangoVersion;
use super::code::{DjangoCode, Refused, code_for};
use super::project::Project;
use crate::catalog::usage::ReferringKey;
use crate::catalog::{Definition, Expr, ForeignKey, Key, RelationKind, Table};

/// Returns the code of the index over a foreign key's columns.
pub fn index_for_key(key: &ReferringKey, project: &Project) -> Result<DjangoCode, Refused> {
    let table = Table {
        schema: key.schema.clone(),
        name: key.table.clone(),
        kind: if key.is_partitioned { RelationKind::Partitioned } else { RelationKind::Plain },
        foreign_keys: vec![ForeignKey { columns: key.columns.clone(), ..ForeignKey::default() }],
        ..Table::default()
    };
    let keys = key.columns.iter().map(|column| Key::plain(Expr::column(column))).collect();
    let mut code = code_for(&table, &Definition::btree(keys), project, DjangoVersion::OLDEST)?;
    if let ([column], true) = (key.columns.as_slice(), code.meta_line.is_some()) {
        let field = project.field(&table, column);
        code.notes.push(format!(
            "or remove db_index=False from the field {field}: that migration blocks writes while it builds the index"
        ));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_an_index_whatever_its_names_hold() {
        let project = Project::default().with_model("shop", "order").with_migration("shop", "0007_x");
        let key = ReferringKey {
            schema: "public".into(),
            table: "shop_order".into(),
            columns: vec!["customer_id".into()],
            ..ReferringKey::default()
        };
        let code = index_for_key(&key, &project).unwrap();
        assert_eq!(code.meta_line.as_deref(), Some("models.Index(fields=['customer'], name='order_customer_idx'),"));
        assert_eq!(code.sql, r#"CREATE INDEX CONCURRENTLY "order_customer_idx" ON "shop_order" ("customer_id");"#);
        let file = code.migration.unwrap();
        assert_eq!(file.path, "shop/migrations/0008_order_customer_idx.py");
        assert!(file.text.contains("('shop', '0007_x')"), "{}", file.text);
        let hostile = ReferringKey {
            table: "t; select 'INJECTED'; --".into(),
            columns: vec!["x\"]; __import__('os').system('id') #".into()],
            ..key
        };
        let code = index_for_key(&hostile, &project).unwrap();
        assert_eq!(code.migration, None);
        assert!(
            code.sql.ends_with(r#" ON "t; select 'INJECTED'; --" ("x""]; __import__('os').system('id') #");"#),
            "{}",
            code.sql
        );
    }
}
