//! An index as the line for `Meta.indexes`, its imports, its migration and its SQL.

use super::DjangoVersion;
use super::condition;
use super::expression::ExpressionReader;
use super::index_name::index_name;
use super::migration::{Atomic, MigrationFile, MigrationSteps};
use super::owner::{Certainty, Owner};
use super::project::Project;
use super::python::{Imports, Py, python_comment, python_text};
use super::sql::{Build, create_index_of, drop_index, drop_index_at_once, is_default_schema, options};
use crate::advisor::IndexSpec;
use crate::catalog::index::{AccessMethod, Definition, Key, KeyDirection, Nulls};
use crate::catalog::{Catalog, Expr, RelationKind, Table, TableColumn};

/// An index as Django code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DjangoCode {
    /// The index's name, the same in all forms.
    pub name: String,
    /// The model, where one is known.
    pub owner: Option<Owner>,
    /// The line for `Meta.indexes`, with its comma; `None` where Django cannot say it, or there is no `Meta` to put it in.
    pub meta_line: Option<String>,
    /// The imports that the line needs, one a line.
    pub imports: Vec<String>,
    /// The migration; `None` where no app is known.
    pub migration: Option<MigrationFile>,
    /// `CREATE INDEX CONCURRENTLY …;` (of a removal, `DROP INDEX CONCURRENTLY …;`), as the migration does it.
    pub sql: String,
    /// The extensions that the migration installs.
    pub extensions: Vec<&'static str>,
    /// How far the names can be trusted.
    pub certainty: Certainty,
    /// What else has to be known, one sentence each.
    pub notes: Vec<String>,
    /// The line for `Meta.indexes`, broken where it would be too long within a model.
    pub(super) meta_broken: Option<String>,
    /// What its migration does, for one that does the same for several; `None` of a removal, or where no app is known.
    pub(super) steps: Option<MigrationSteps>,
}

/// How far the line stands in within `Meta.indexes` of a model: class, Meta, list.
const META_INDENT: usize = 12;

impl DjangoCode {
    /// Returns what goes into `models.py` as one text: the imports, and the line in a `Meta`, broken to 88 letters.
    pub fn meta_block(&self) -> Option<String> {
        let (owner, line) = (self.owner.as_ref()?, self.meta_broken.as_ref()?);
        let head = python_comment(&format!("{}: {}", owner.label(), self.certainty.words()));
        Some(format!("{head}\n{}\n\n\nclass Meta:\n    indexes = [\n        {line},\n    ]\n", self.imports.join("\n")))
    }

    /// Returns all the Python as one text: what goes into `models.py`, the notes, and the migration under its path;
    /// `None` where no model is known.
    pub fn python(&self) -> Option<String> {
        let migration = self.migration.as_ref()?;
        let notes = self.notes.iter().map(|note| python_comment(note) + "\n").collect::<String>();
        let meta = match (&self.owner, self.meta_block()) {
            (_, Some(block)) => block + "\n",
            (Some(owner), None) => python_comment(&format!("{}: {}", owner.label(), self.certainty.words())) + "\n",
            (None, None) => String::new(),
        };
        Some(format!("{meta}{notes}{}\n{}", python_comment(&migration.path), migration.text))
    }
}

impl Project {
    /// Takes note of code that will be applied, so that the code of a next index depends on its migration, takes no name
    /// twice and installs no extension twice.
    pub fn after(&mut self, code: &DjangoCode) {
        let owner = code.owner.as_ref().filter(|owner| !owner.is_of_django());
        let migration = owner.zip(code.migration.as_ref()).map(|(owner, file)| (owner.app.as_str(), file.name()));
        self.will_have(&code.name, &code.extensions, migration);
    }
}

/// Why there is no code for an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// One sentence.
    pub why: String,
}

/// The operations of `django.contrib.postgres`.
pub(super) const OPERATIONS: &str = "django.contrib.postgres.operations";

/// The extensions whose operation Django has.
const EXTENSIONS: [(&str, &str); 4] = [
    ("pg_trgm", "TrigramExtension"),
    ("btree_gist", "BtreeGistExtension"),
    ("btree_gin", "BtreeGinExtension"),
    ("bloom", "BloomExtension"),
];

/// Returns an index as Django code; what cannot be said in Django is said in SQL.
///
/// It is refused only where an expression is no SQL that could be an index's: a parameter, a sub-plan, or what could not
/// be read.
pub fn code_for(
    table: &Table,
    index: &Definition,
    project: &Project,
    version: DjangoVersion,
) -> Result<DjangoCode, Refused> {
    refuse_unreadable(index)?;
    let name = index_name(table, index, project);
    let owner = project.owner(&table.name);
    let mut imports = Imports::default();
    let object = python_index(table, index, project, version, &mut imports);
    let object = object.map(|object| object.with("name", Py::text(&name)));
    let work =
        IndexCode { table, index, project, name: &name, owner: owner.as_ref(), object: object.as_ref(), version };
    let notes = work.notes(&imports);
    let steps = owner.as_ref().map(|owner| work.steps(owner, &imports));
    let migration = owner.as_ref().zip(steps.clone()).map(|(owner, steps)| steps.file(owner, &name, project));
    let extensions = work.missing_extensions();
    let is_declarable = owner.as_ref().is_some_and(|owner| owner.through.is_none() && !owner.is_of_django());
    let object = object.as_ref().filter(|_| is_declarable);
    let meta_line = object.map(|object| format!("{},", object.flat()));
    let meta_broken = object.map(|object| object.broken(META_INDENT - 4, META_INDENT));
    Ok(DjangoCode {
        sql: work.statement() + ";",
        certainty: owner.as_ref().map_or(Certainty::Unknown, |owner| owner.certainty.clone()),
        imports: if meta_line.is_some() { imports.lines() } else { Vec::new() },
        name,
        owner,
        meta_line,
        migration,
        extensions,
        notes,
        meta_broken,
        steps,
    })
}

/// The same of what the advisor advises; the catalog gives the table, the names that are taken, and the extensions.
pub fn code_for_spec(
    spec: &IndexSpec,
    catalog: &Catalog,
    project: &Project,
    version: DjangoVersion,
) -> Result<DjangoCode, Refused> {
    let schema = (!spec.schema.is_empty()).then_some(spec.schema.as_str());
    let unknown = Table { schema: spec.schema.clone(), name: spec.table.clone(), ..Table::default() };
    let table = catalog.table(schema, &spec.table).unwrap_or(&unknown);
    let mut project = project.clone();
    project.taken.extend(catalog.index_names(&table.schema).map(str::to_owned));
    project.extensions.extend(catalog.extensions.keys().filter(|name| catalog.has_extension(name)).cloned());
    code_for(table, &spec.definition, &project, version)
}

fn refuse_unreadable(index: &Definition) -> Result<(), Refused> {
    let is_lost = |part: &Expr| match part {
        Expr::Parameter(_) | Expr::SubPlan => true,
        // IS TRUE and IS NOT FALSE are read as one, and cannot be told apart any more.
        Expr::Call { name, .. } => matches!(name.as_str(), "is_true" | "is_false"),
        _ => false,
    };
    let exprs = index.keys.iter().map(|key| &key.expr).chain(&index.predicate);
    match exprs.into_iter().find(|expr| expr.any_part(&is_lost)) {
        Some(expr) => Err(Refused { why: format!("{} cannot be part of an index", expr.sql()) }),
        None if index.keys.is_empty() => Err(Refused { why: "an index needs a key".to_owned() }),
        None => Ok(()),
    }
}

/// One index and all that its code depends on.
struct IndexCode<'a> {
    table: &'a Table,
    index: &'a Definition,
    project: &'a Project,
    name: &'a str,
    owner: Option<&'a Owner>,
    object: Option<&'a Py>,
    version: DjangoVersion,
}

impl IndexCode<'_> {
    fn is_in_default_schema(&self) -> bool {
        is_default_schema(&self.table.schema)
    }

    /// The statement for people, with the schema where the search path may not lead to the table.
    fn statement(&self) -> String {
        let build = if self.is_in_default_schema() { Build::Django } else { Build::Concurrent };
        create_index_of(self.project, self.table, self.index, self.name, build)
    }

    /// Says whether Django would write a percent sign twice, which it did until 5.0.
    ///
    /// Source: `postgresql.schema.DatabaseSchemaEditor.quote_value`, whose `%%` nothing turned back.
    fn is_misquoted(&self) -> bool {
        self.version < DjangoVersion::new(5, 0) && self.statement().contains('%')
    }

    fn steps(&self, owner: &Owner, index_imports: &Imports) -> MigrationSteps {
        let mut imports = Imports::default();
        let mut operations = Vec::new();
        let missing = self.missing_extensions();
        for (_, operation) in EXTENSIONS.iter().filter(|(extension, _)| missing.contains(extension)) {
            imports.add(OPERATIONS, operation);
            operations.push(Py::call(operation, Vec::new()));
        }
        let is_partitioned = self.table.kind == RelationKind::Partitioned;
        let is_declared = owner.through.is_none() && !owner.is_of_django();
        match self.object.filter(|_| is_declared) {
            None => operations.push(self.run_sql()),
            Some(object) => {
                imports = merged(index_imports.clone(), imports);
                let add = |name: &str| {
                    Py::call(name, Vec::new()).with("model_name", Py::text(&owner.model)).with("index", object.clone())
                };
                if self.is_misquoted() {
                    operations.push(
                        Py::call("migrations.SeparateDatabaseAndState", Vec::new())
                            .with("database_operations", Py::List(vec![self.run_sql()]))
                            .with("state_operations", Py::List(vec![add("migrations.AddIndex")])),
                    );
                } else if is_partitioned {
                    operations.push(add("migrations.AddIndex"));
                } else {
                    imports.add(OPERATIONS, "AddIndexConcurrently");
                    operations.push(add("AddIndexConcurrently"));
                }
            }
        }
        let atomic = if is_partitioned { Atomic::Yes } else { Atomic::No };
        MigrationSteps { imports, operations, atomic }
    }

    fn run_sql(&self) -> Py {
        let build = create_index_of(self.project, self.table, self.index, self.name, Build::Django);
        let drop = if self.table.kind == RelationKind::Partitioned {
            drop_index_at_once(&self.table.schema, self.name)
        } else {
            drop_index(&self.table.schema, self.name)
        };
        // RunSQL passes no parameters, so that a percent sign stays one.
        Py::call("migrations.RunSQL", vec![Py::text(&build)]).with("reverse_sql", Py::text(&drop))
    }

    /// The extensions that the index needs and that are not installed.
    fn missing_extensions(&self) -> Vec<&'static str> {
        let mut needed = Vec::new();
        let opclasses = self.index.keys.iter().filter_map(|key| key.opclass.as_deref());
        if opclasses.into_iter().any(|name| name.ends_with("_trgm_ops")) {
            needed.push("pg_trgm");
        }
        let is_scalar = |key: &Key| {
            let column = key.expr.as_column().and_then(|name| self.table.column(name));
            key.opclass.is_none() && column.is_some_and(is_scalar)
        };
        match &self.index.method {
            AccessMethod::Gist if self.index.keys.iter().any(is_scalar) => needed.push("btree_gist"),
            AccessMethod::Gin if self.index.keys.iter().any(is_scalar) => needed.push("btree_gin"),
            AccessMethod::Other(name) if name == "bloom" => needed.push("bloom"),
            _ => {}
        }
        needed.retain(|name| !self.project.has_extension(name));
        needed
    }

    fn notes(&self, imports: &Imports) -> Vec<String> {
        let mut notes = Vec::new();
        let mut say = |is_so: bool, what: String| notes.extend(is_so.then_some(what));
        say(
            imports.has("django.contrib.postgres"),
            "INSTALLED_APPS must name 'django.contrib.postgres': without it Django writes operator classes wrongly"
                .to_owned(),
        );
        for extension in self.missing_extensions() {
            say(
                true,
                format!(
                    "the extension {extension} is not installed: the migration's role must be allowed to create it"
                ),
            );
        }
        let object = self.object.map(Py::flat).unwrap_or_default();
        say(
            object.contains("Trunc") || object.contains("Extract"),
            "the index uses TIME_ZONE, which must be the time zone in the SQL below, as in the statement".to_owned(),
        );
        say(
            self.object.is_none(),
            "Django has no class for this index: the migration runs SQL, and Meta has no line".to_owned(),
        );
        say(
            self.object.is_some() && self.is_misquoted(),
            "Django before 5.0 doubles a percent sign in an index: the migration runs the SQL itself".to_owned(),
        );
        say(
            !self.is_in_default_schema(),
            format!("the table is in the schema {}: Django finds it by search_path or db_table", self.table.schema),
        );
        say(
            self.table.kind == RelationKind::Partitioned,
            "a partitioned table cannot be indexed concurrently: writes wait for the build; to avoid that, build the index on each partition first".to_owned(),
        );
        if let Some(owner) = self.owner {
            say(
                owner.is_of_django(),
                format!("{} comes with Django: put the migration into an app of your own", owner.label()),
            );
            say(
                owner.through.is_some(),
                format!("{} is a many-to-many field, whose table has no Meta: the migration runs SQL", owner.label()),
            );
            if let Some(note) = dependency_notes(owner, self.project) {
                say(true, note);
            }
        }
        let unsure: Vec<&str> =
            self.index.columns().into_iter().filter(|name| !self.project.is_field_sure(self.table, name)).collect();
        say(!unsure.is_empty(), format!("the field of column {} is guessed: it has a db_column", unsure.join(", ")));
        notes
    }
}

/// Says what of a migration's dependency has to be known: that it is missing, or that it is on one printed just before.
pub(super) fn dependency_notes(owner: &Owner, project: &Project) -> Option<String> {
    if owner.is_of_django() {
        return None;
    }
    let Some(last) = project.last_migration(&owner.app) else {
        return Some(format!("the last migration of {} is not known: fill in the dependency", owner.app));
    };
    let before = project.before_planned(last)?;
    Some(format!("it follows {last}, which is printed here too: without that one, let it depend on {before} instead"))
}

/// Says whether a type is one that GIN and GiST serve only with `btree_gin` and `btree_gist`.
///
/// Source: `pg_opclass` of PostgreSQL 15, those with `opcdefault`.
fn is_scalar(column: &TableColumn) -> bool {
    let is_composite = matches!(column.category, 'A' | 'R' | 'G')
        || matches!(
            column.type_name.as_str(),
            "jsonb" | "tsvector" | "tsquery" | "hstore" | "geometry" | "geography" | "ltree"
        );
    !is_composite
}

fn merged(mut into: Imports, from: Imports) -> Imports {
    into.merge(from);
    into
}

/// Returns `models.Index(…)` or its like, without its name; `None` where Django has no form for it.
fn python_index(
    table: &Table,
    index: &Definition,
    project: &Project,
    version: DjangoVersion,
    imports: &mut Imports,
) -> Option<Py> {
    let class = match &index.method {
        AccessMethod::BTree if index.options.is_empty() => {
            imports.add("django.db", "models");
            "models.Index"
        }
        AccessMethod::BTree => postgres_class(imports, "BTreeIndex"),
        AccessMethod::Gin => postgres_class(imports, "GinIndex"),
        AccessMethod::Gist => postgres_class(imports, "GistIndex"),
        AccessMethod::Brin => postgres_class(imports, "BrinIndex"),
        AccessMethod::Hash => postgres_class(imports, "HashIndex"),
        AccessMethod::SpGist => postgres_class(imports, "SpGistIndex"),
        AccessMethod::Other(_) => return None,
    };
    let scope = ExpressionReader { table, project };
    let mut object = keys(scope, index, class, imports)?;
    if !index.predicate.is_empty() {
        object = object.with("condition", condition::of(table, &index.predicate, project, imports)?.python);
    }
    if !index.include.is_empty() {
        let fields = index.include.iter().map(|column| Py::text(&project.field(table, column))).collect();
        object = object.with("include", Py::List(fields));
    }
    for (option, value) in options(index) {
        let (keyword, value) = option_argument(&index.method, option, value, version)?;
        object = object.with(keyword, value);
    }
    Some(object)
}

fn postgres_class(imports: &mut Imports, class: &'static str) -> &'static str {
    imports.add("django.contrib.postgres.indexes", class);
    class
}

/// A storage parameter as an argument. Source: the classes of `django.contrib.postgres.indexes`.
fn option_argument(
    method: &AccessMethod,
    option: &str,
    value: &str,
    version: DjangoVersion,
) -> Option<(&'static str, Py)> {
    let keyword = match (method, option) {
        (AccessMethod::Brin, "autosummarize") => "autosummarize",
        (AccessMethod::Brin, "pages_per_range") => "pages_per_range",
        (AccessMethod::Gin, "fastupdate") => "fastupdate",
        (AccessMethod::Gin, "gin_pending_list_limit") => "gin_pending_list_limit",
        (AccessMethod::Gist, "buffering") if value != "auto" => "buffering",
        (AccessMethod::BTree | AccessMethod::Gist | AccessMethod::Hash | AccessMethod::SpGist, "fillfactor") => {
            "fillfactor"
        }
        (AccessMethod::BTree, "deduplicate_items") if version >= DjangoVersion::new(5, 1) => "deduplicate_items",
        _ => return None,
    };
    let value = match value {
        "on" | "true" => "True".to_owned(),
        "off" | "false" => "False".to_owned(),
        number => number.parse::<u32>().ok()?.to_string(),
    };
    Some((keyword, Py::Atom(value)))
}

/// `fields=[…]` where every key is a field, else the expressions.
fn keys(scope: ExpressionReader<'_>, index: &Definition, class: &str, imports: &mut Imports) -> Option<Py> {
    let is_field = |key: &Key| key.expr.as_column().is_some() && key.nulls == Nulls::Usual;
    let opclasses: Vec<&String> = index.keys.iter().filter_map(|key| key.opclass.as_ref()).collect();
    if index.keys.iter().all(is_field) && (opclasses.is_empty() || opclasses.len() == index.keys.len()) {
        let field = |key: &Key| {
            let sign = if key.direction == KeyDirection::Descending { "-" } else { "" };
            let name = scope.project.field(scope.table, key.expr.as_column().unwrap_or_default());
            Py::Atom(python_text(&format!("{sign}{name}")))
        };
        let call = Py::call(class, Vec::new()).with("fields", Py::List(index.keys.iter().map(field).collect()));
        let opclasses: Vec<Py> = opclasses.into_iter().map(|name| Py::text(name)).collect();
        return Some(if opclasses.is_empty() { call } else { call.with("opclasses", Py::List(opclasses)) });
    }
    let keys: Option<Vec<Py>> = index.keys.iter().map(|key| key_expression(scope, key, imports)).collect();
    Some(Py::call(class, keys?))
}

fn key_expression(scope: ExpressionReader<'_>, key: &Key, imports: &mut Imports) -> Option<Py> {
    let by_name = key.expr.as_column().map(|column| Py::text(&scope.project.field(scope.table, column)));
    let is_plain_order = key.direction == KeyDirection::Ascending && key.nulls == Nulls::Usual;
    let mut python = match by_name {
        Some(name) if key.opclass.is_some() || is_plain_order => name,
        _ => scope.read(&key.expr, imports)?.python,
    };
    if let Some(opclass) = &key.opclass {
        imports.add("django.contrib.postgres.indexes", "OpClass");
        python = Py::call("OpClass", vec![python]).with("name", Py::text(opclass));
    }
    let order = match (key.direction, key.nulls) {
        (KeyDirection::Ascending, Nulls::First) => ".asc(nulls_first=True)",
        (KeyDirection::Descending, Nulls::Last) => ".desc(nulls_last=True)",
        (KeyDirection::Descending, _) => ".desc()",
        (KeyDirection::Ascending, _) => "",
    };
    if !order.is_empty() && matches!(python, Py::Atom(_)) {
        // `(F('a') - F('b')).desc()`
        python = Py::call("", vec![python]);
    }
    if let Py::Call { then, .. } = &mut python {
        *then = order;
    }
    Some(python)
}

/// Returns the statement that would build an index again, for the way back of a removal.
pub(super) fn rebuild(table: &Table, index: &Definition, project: &Project, name: &str) -> String {
    create_index_of(project, table, index, name, Build::Django)
}
