//! The removal of an index as Django code.

use super::DjangoVersion;
use super::code::{DjangoCode, OPERATIONS, Refused, dependency_notes, rebuild};
use super::index_name::slug;
use super::migration::{Atomic, MigrationFile, MigrationPlan};
use super::origin::{Around, IndexConstraint, IndexOrigin, ModelSource, Named, Reference, is_of_unique_field};
use super::owner::{Certainty, Owner};
use super::project::Project;
use super::python::{Imports, Py};
use super::sql::drop_index;
use crate::catalog::index::KeyDirection;
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::{Index, Table};

/// An index that is to go.
struct Going<'a> {
    table: &'a Table,
    name: &'a str,
    origin: IndexOrigin,
    /// Whether a constraint, uniqueness or replication needs it.
    is_held: bool,
    /// The statement that builds it again; `None` where its definition was not read.
    rebuild: Option<String>,
}

/// Returns the code that removes an index: of [`DjangoCode`], `sql` drops it, and there is no line for `Meta`.
///
/// Refused for what a constraint stands on.
pub fn removal_of(
    table: &Table,
    index: &Index,
    project: &Project,
    _version: DjangoVersion,
) -> Result<DjangoCode, Refused> {
    let keys = &index.definition.keys;
    let columns: Vec<&str> = keys.iter().map(|key| key.expr.as_column().unwrap_or_default()).collect();
    let named = Named {
        table: &table.name,
        name: &index.name,
        around: around(table, &columns, project),
        columns,
        descending: keys.iter().map(|key| key.direction == KeyDirection::Descending).collect(),
        hold: IndexConstraint::Nothing,
    };
    let is_held = index.is_primary || index.is_unique || index.is_constraint || index.is_replica_identity;
    let rebuild = Some(rebuild(table, &index.definition, project, &index.name));
    code(&Going { table, name: &index.name, origin: IndexOrigin::told(&named), is_held, rebuild }, project)
}

/// The same for an index as a snapshot has it; `table` is its table, with the foreign keys that leave from it, `origin` what
/// [`super::Origins`] says.
pub fn removal_of_usage(
    table: &Table,
    index: &IndexUsage,
    origin: IndexOrigin,
    project: &Project,
) -> Result<DjangoCode, Refused> {
    // As the server deparses it, which quotes what it names.
    let head =
        |definition: &str| Some(format!("CREATE INDEX CONCURRENTLY {}", definition.strip_prefix("CREATE INDEX ")?));
    let rebuild = index.definition.as_deref().and_then(head);
    code(&Going { table, name: &index.name, origin, is_held: index.is_needed_otherwise(), rebuild }, project)
}

fn around(table: &Table, columns: &[&str], project: &Project) -> Around {
    let reference = match columns {
        _ if table.foreign_keys.iter().any(|key| key.columns == columns) => Reference::ForeignKey,
        [column] if project.has_model_called_like(column) => Reference::NamedLikeModel,
        _ => Reference::Nothing,
    };
    let has = |is_wanted: fn(&Index) -> bool| {
        let is_of_column = |index: &Index| {
            let keys = &index.definition.keys;
            let named = keys.iter().map(|key| key.expr.as_column().unwrap_or_default());
            named.eq(columns.iter().copied()) && index.definition.predicate.is_empty()
        };
        columns.len() == 1 && table.indexes.iter().any(|index| is_of_column(index) && is_wanted(index))
    };
    let is_unique_too = has(|index| index.is_unique && is_of_unique_field(&index.name))
        && has(|index| !index.is_unique && !index.name.ends_with("_like"));
    Around { reference, is_unique_too }
}

fn code(going: &Going<'_>, project: &Project) -> Result<DjangoCode, Refused> {
    if going.is_held {
        return Err(Refused { why: format!("a constraint depends on {}: do not remove this index", going.name) });
    }
    let owner = project.owner(&going.table.name);
    let field = going.origin.column.as_ref().map(|column| match column.strip_suffix("_id") {
        // Without a constraint the column does not say by itself that it is a reference.
        Some(field) if going.origin.source == ModelSource::ForeignKey && !field.is_empty() => {
            project.field(going.table, field)
        }
        _ => project.field(going.table, column),
    });
    let mut notes = vec![note(going, field.as_deref(), owner.as_ref())];
    if let Some(owner) = &owner {
        notes.extend(dependency_notes(owner, project));
    }
    Ok(DjangoCode {
        name: going.name.to_owned(),
        meta_line: None,
        imports: Vec::new(),
        migration: owner.as_ref().map(|owner| migration(going, owner, field.as_deref(), project)),
        extensions: Vec::new(),
        sql: drop_index(&going.table.schema, going.name) + ";",
        certainty: owner.as_ref().map_or(Certainty::Unknown, |owner| owner.certainty.clone()),
        owner,
        notes,
        meta_broken: None,
        steps: None,
    })
}

fn note(going: &Going<'_>, field: Option<&str>, owner: Option<&Owner>) -> String {
    let probably = if going.origin.is_confirmed { "" } else { "probably " };
    let field = field.unwrap_or_default();
    match going.origin.source {
        ModelSource::ForeignKey | ModelSource::Field if owner.is_some_and(|owner| owner.through.is_some()) => {
            let (model, through) =
                owner.map(|owner| (owner.model.as_str(), owner.through.as_deref())).unwrap_or_default();
            format!(
                "the index belongs to {field} of the table that Django created for the ManyToManyField {model}.{}, which \
                 has no db_index to change: the migration runs SQL, and makemigrations does not see it",
                through.unwrap_or_default()
            )
        }
        ModelSource::ForeignKey | ModelSource::Field if owner.is_some_and(|owner| !has_meta(owner)) => format!(
            "the index {probably}belongs to {field} of a model outside this project, so its db_index cannot be \
             changed: the migration runs SQL, and makemigrations does not see it"
        ),
        ModelSource::LeftOver => format!(
            "the field {field} is unique by another index, so the models probably do not declare this one: the migration runs \
             SQL, and the models do not change"
        ),
        ModelSource::ForeignKey | ModelSource::Field => format!(
            "the index {probably}belongs to the field {field}: give the field db_index=False; makemigrations then writes an \
             AlterField, which goes into state_operations{}",
            if going.origin.is_confirmed { "" } else { "; if it writes none, leave state_operations empty" }
        ),
        ModelSource::Pattern => {
            format!(
                "Django {probably}created this for LIKE together with the index of {field}, and does not create it \
                 again by itself"
            )
        }
        _ if owner.is_some_and(has_meta) => {
            "delete the index from Meta.indexes; if it is not there, it was created by hand: use the SQL".to_owned()
        }
        _ => "the index is in no Meta of this project: the migration runs SQL".to_owned(),
    }
}

/// Says whether a model has a `Meta` of the project.
fn has_meta(owner: &Owner) -> bool {
    owner.through.is_none() && !owner.is_of_django()
}

fn migration(going: &Going<'_>, owner: &Owner, field: Option<&str>, project: &Project) -> MigrationFile {
    let mut imports = Imports::default();
    let mut comment = Vec::new();
    let back = going.rebuild.as_ref().map_or_else(|| Py::name("migrations.RunSQL.noop"), |sql| Py::text(sql));
    let run = Py::call("migrations.RunSQL", vec![Py::text(&drop_index(&going.table.schema, going.name))])
        .with("reverse_sql", back);
    let operation = match going.origin.source {
        _ if !has_meta(owner) => run,
        ModelSource::ForeignKey | ModelSource::Field => {
            let field = slug(field.unwrap_or_default());
            comment.push(format!("Put the AlterField of {field} (db_index=False) into state_operations."));
            Py::call("migrations.SeparateDatabaseAndState", Vec::new())
                .with("database_operations", Py::List(vec![run]))
                .with("state_operations", Py::List(Vec::new()))
        }
        ModelSource::Pattern | ModelSource::LeftOver => run,
        _ => {
            imports.add(OPERATIONS, "RemoveIndexConcurrently");
            Py::call("RemoveIndexConcurrently", Vec::new())
                .with("model_name", Py::text(&owner.model))
                .with("name", Py::text(going.name))
        }
    };
    let name = format!("remove_{}", slug(going.name));
    MigrationPlan { owner, name: &name, imports, operations: vec![operation], comment, atomic: Atomic::No }
        .file(project)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Definition, Expr, Key};

    fn removed(name: &str, columns: &[&str]) -> DjangoCode {
        removed_from("shop_order", name, columns)
    }

    fn removed_from(table: &str, name: &str, columns: &[&str]) -> DjangoCode {
        let keys = columns.iter().map(|name| Key::plain(Expr::column(name))).collect();
        let index =
            Index { name: name.into(), definition: Definition::btree(keys), is_valid: true, ..Index::default() };
        let table = Table { name: table.into(), ..Table::default() };
        let project = Project::default().with_model("shop", "order").with_migration("shop", "0007_x");
        removal_of(&table, &index, &project, DjangoVersion::OLDEST).unwrap()
    }

    /// As `pretix` has it: a model's table, and the table of a many-to-many field.
    fn removed_of(table: &str, name: &str, column: &str, others: &[(&str, bool)]) -> DjangoCode {
        let on = |name: &str, is_unique| Index {
            name: name.into(),
            definition: Definition::btree(vec![Key::plain(Expr::column(column))]),
            is_valid: true,
            is_unique,
            ..Index::default()
        };
        let indexes = others.iter().map(|(name, is_unique)| on(name, *is_unique)).chain([on(name, false)]).collect();
        let table = Table { name: table.into(), indexes, ..Table::default() };
        let project = ["quota", "logentry", "setting", "event"]
            .into_iter()
            .fold(Project::default(), |project, model| project.with_model("pretixbase", model))
            .with_model("sessions", "session")
            .with_migration("pretixbase", "0007_x");
        removal_of(&table, &on(name, false), &project, DjangoVersion::OLDEST).unwrap()
    }

    #[test]
    fn what_no_field_of_the_project_declares_is_removed_by_sql_alone() {
        let uniq = ("pretixbase_setting_key_c85c6d29_uniq", true);
        for (table, name, column, others, note) in [
            (
                "pretixbase_quota_items",
                "pretixbase_quota_items_item_id_f7234603",
                "item_id",
                &[][..],
                "for the ManyToManyField quota.items, which has no db_index",
            ),
            ("django_session", "django_session_expire_date_a5c62663", "expire_date", &[], "outside this project"),
            ("pretixbase_setting", "pretixbase_setting_key_c85c6d29", "key", &[uniq], "unique by another index"),
        ] {
            let code = removed_of(table, name, column, others);
            assert!(text(&code).contains("        migrations.RunSQL("), "{}", text(&code));
            assert!(!text(&code).contains("state_operations"), "{}", text(&code));
            assert!(code.notes.iter().any(|said| said.contains(note)), "{:?}", code.notes);
        }
        let kept = removed_of("pretixbase_setting", "pretixbase_setting_key_c85c6d29", "key", &[]);
        assert!(text(&kept).contains("AlterField of key"), "{}", text(&kept));
        let loose = removed_of("pretixbase_logentry", "pretixbase_logentry_event_id_0a1b2c3d", "event_id", &[]);
        assert!(text(&loose).contains("AlterField of event (db_index=False)"), "a ForeignKey without a constraint");
    }

    fn text(code: &DjangoCode) -> &str {
        code.migration.as_ref().map(|file| file.text.as_str()).unwrap_or_default()
    }

    #[test]
    fn an_index_of_meta_is_removed_concurrently_and_one_of_a_field_by_sql() {
        let meta = removed("order_total_idx", &["total"]);
        assert!(
            text(&meta).contains("RemoveIndexConcurrently(model_name='order', name='order_total_idx')"),
            "{}",
            text(&meta)
        );
        assert_eq!(meta.migration.as_ref().unwrap().path, "shop/migrations/0008_remove_order_total_idx.py");
        let field = removed("shop_order_store_id_0a1b2c3d", &["store_id"]);
        assert!(text(&field).contains("migrations.SeparateDatabaseAndState("), "{}", text(&field));
        assert!(field.notes.iter().any(|note| note.contains("db_index=False")));
        let key = removed_from("shop_order_tags", "shop_order_tags_tag_id_0a1b2c3d", &["tag_id"]);
        assert!(
            text(&key).contains("migrations.RunSQL(") && !text(&key).contains("state_operations"),
            "{}",
            text(&key)
        );
        assert!(key.notes.iter().any(|note| note.contains("ManyToManyField order.tags")), "{:?}", key.notes);
        let pattern = removed("shop_order_reference_0a1b2c3d_like", &["reference"]);
        assert!(text(&pattern).contains("migrations.RunSQL("), "{}", text(&pattern));
        assert_eq!(pattern.sql, r#"DROP INDEX CONCURRENTLY IF EXISTS "shop_order_reference_0a1b2c3d_like";"#);
    }

    #[test]
    fn what_a_constraint_stands_on_stays() {
        let index = Index { name: "x".into(), is_unique: true, ..Index::default() };
        assert!(removal_of(&Table::default(), &index, &Project::default(), DjangoVersion::OLDEST).is_err());
    }
}
