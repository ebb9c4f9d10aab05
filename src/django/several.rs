//! Several indexes as code that belongs together: one migration for each app.

use super::DjangoVersion;
use super::code::{DjangoCode, Refused, code_for_spec};
use super::migration::{MigrationFile, MigrationSteps};
use super::owner::Owner;
use super::project::Project;
use crate::advisor::IndexSpec;
use crate::catalog::Catalog;

/// Several indexes as code.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeveralCodes {
    /// The code of each, in their order; the migration in it is for this one alone.
    pub codes: Vec<Result<DjangoCode, Refused>>,
    /// One migration for each app, which does all of its indexes.
    pub migrations: Vec<MigrationFile>,
    /// The SQL of those that no app is known for.
    pub sql: Vec<String>,
}

/// The name of a migration with several indexes.
const NAME: &str = "advised_indexes";

/// Returns several indexes as code. Each can be applied by itself: none depends on the migration of another.
pub fn codes_for_specs(specs: &[&IndexSpec], catalog: &Catalog, project: &Project) -> SeveralCodes {
    let mut named = project.clone();
    let mut several = SeveralCodes::default();
    let mut apps: Vec<(Owner, Vec<String>, MigrationSteps)> = Vec::new();
    for spec in specs {
        let code = code_for_spec(spec, catalog, &named, DjangoVersion::default());
        if let Ok(code) = &code {
            named.will_have(&code.name, &[], None);
            match (&code.owner, &code.steps) {
                (Some(owner), Some(steps)) => {
                    let is_same =
                        |known: &Owner| known.app == owner.app && known.is_of_django() == owner.is_of_django();
                    if let Some((_, names, all)) = apps.iter_mut().find(|(known, ..)| is_same(known)) {
                        names.push(code.name.clone());
                        all.append(steps.clone());
                    } else {
                        apps.push((owner.clone(), vec![code.name.clone()], steps.clone()));
                    }
                }
                _ => several.sql.push(code.sql.clone()),
            }
        }
        several.codes.push(code);
    }
    several.migrations = apps
        .into_iter()
        .map(|(owner, names, steps)| {
            let name = if let [only] = names.as_slice() { only } else { NAME };
            steps.file(&owner, name, project)
        })
        .collect();
    several
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Definition, Expr, Key};

    #[test]
    fn the_indexes_of_an_app_are_one_migration() {
        let spec = |table: &str, columns: &[&str]| IndexSpec {
            schema: "public".into(),
            table: table.into(),
            definition: Definition::btree(columns.iter().map(|name| Key::plain(Expr::column(name))).collect()),
        };
        let project = Project::default()
            .with_model("shop", "order")
            .with_model("shop", "customer")
            .with_model("blog", "post")
            .with_migration("shop", "0007_last")
            .with_migration("blog", "0001_initial");
        let specs = [
            spec("shop_order", &["status"]),
            spec("blog_post", &["slug"]),
            spec("shop_customer", &["email"]),
            spec("legacy", &["it\"s"]),
        ];
        let specs: Vec<&IndexSpec> = specs.iter().collect();
        let several = codes_for_specs(&specs, &Catalog::default(), &project);
        let paths: Vec<&str> = several.migrations.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths.len(), 2);
        assert_eq!(paths[0], "shop/migrations/0008_advised_indexes.py");
        assert!(paths[1].starts_with("blog/migrations/0002_") && !paths[1].contains("advised"), "{paths:?}");
        let text = &several.migrations[0].text;
        assert_eq!(text.matches("AddIndexConcurrently(").count(), 2, "{text}");
        assert!(text.contains("atomic = False") && text.contains("('shop', '0007_last')"), "{text}");
        assert!(several.sql.len() == 1 && several.sql[0].contains("\"it\"\"s\""), "{:?}", several.sql);
        assert!(several.codes.iter().all(Result::is_ok));
    }
}
