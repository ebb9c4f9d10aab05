//! Everything that a statement can run: what it names, and what that calls, until nothing new comes.
//!
//! Pure: it says what has to be asked next and takes the answers. What it cannot decide is an [`Objection`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rules::{
    Builtin, BuiltinFunction, FIRST_OF_USERS, builtin, is_harmless_setting, is_harmless_symbol, sql_of,
};
use super::token::NameFolding;
use super::tree::{self, MentionedObjects};
use super::written::{Deed, WrittenNames};
use super::{Level, Objection, ObjectionKind};
use crate::pg::path::RolePath;

/// Objects that are looked at for one statement; one that reaches more cannot be judged.
pub(super) const MOST: usize = 20_000;

/// Bytes of a name that the server keeps. Source: `NAMEDATALEN` of `src/include/pg_config_manual.h`.
const LONGEST_NAME: usize = 63;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ObjectKind {
    Function,
    Operator,
    Type,
    Relation,
    Class,
}

/// When something is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RunsWhen {
    /// By the planner only, which evaluates no volatile function that stands as a call.
    Folded,
    /// In any case: with the statement, or behind an operator, a type or an aggregate, of which the planner asks more.
    Always,
}

/// Names that are to be looked up, and on which schemas.
#[derive(Debug, Clone)]
struct NameLookup {
    written: WrittenNames,
    schemas: BTreeSet<String>,
    run: RunsWhen,
    via: String,
}

/// What is known, what is to be asked, and what speaks against it.
#[derive(Debug)]
pub(super) struct Reach {
    level: Level,
    folding: NameFolding,
    /// Whether anything in it writes, so that rules on writes may fire.
    writes: bool,
    /// The rules on writes of what was looked at so far, and what they belong to.
    rules: Vec<(String, String)>,
    /// The statements of libraries that were looked at.
    library_sql: BTreeSet<&'static str>,
    /// Tables that are looked at for their partition key alone.
    keys_only: BTreeSet<i64>,
    /// Whether something in it can open a table that it is given by number.
    opens_by_number: bool,
    /// The schemas of the role's path, and of the paths that functions set while they run.
    path: Vec<String>,
    /// The names that were looked up.
    looked_up: Vec<NameLookup>,
    known: BTreeMap<(ObjectKind, i64), RunsWhen>,
    pending: BTreeMap<(ObjectKind, i64), (RunsWhen, String)>,
    names: Vec<NameLookup>,
    asked: Option<NameLookup>,
    objections: Vec<Objection>,
}

/// A row of `facts.sql`.
#[derive(Debug, Clone)]
pub(super) struct ObjectFact {
    pub(super) kind: ObjectKind,
    pub(super) oid: i64,
    pub(super) facts: Value,
}

impl ObjectKind {
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "function" => Self::Function,
            "operator" => Self::Operator,
            "type" => Self::Type,
            "relation" => Self::Relation,
            "class" => Self::Class,
            _ => return None,
        })
    }
}

impl Reach {
    /// What a statement names, on a path.
    pub(super) fn new(level: Level, written: &WrittenNames, folding: NameFolding, path: Vec<String>) -> Self {
        let mut reach = Self {
            level,
            folding,
            writes: false,
            rules: Vec::new(),
            library_sql: BTreeSet::new(),
            keys_only: BTreeSet::new(),
            opens_by_number: false,
            path,
            looked_up: Vec::new(),
            known: BTreeMap::new(),
            pending: BTreeMap::new(),
            names: Vec::new(),
            asked: None,
            objections: Vec::new(),
        };
        let run = reach.run();
        reach.name(written.clone(), run, String::new());
        reach
    }

    /// When the statement's own calls run.
    fn run(&self) -> RunsWhen {
        if self.level == Level::Planned { RunsWhen::Folded } else { RunsWhen::Always }
    }

    fn name(&mut self, written: WrittenNames, run: RunsWhen, via: String) {
        if written.is_empty() {
            return;
        }
        if matches!(written.deed, Deed::Writes(_)) {
            self.fire_rules();
        }
        let schemas = self.path.iter().chain(&written.schemas).cloned();
        let schemas = schemas.chain(["pg_catalog".to_owned()]).collect();
        self.names.push(NameLookup { written, schemas, run, via });
    }

    /// Adds the schemas of a path that a function sets: what it calls looks its names up there, so all names are looked
    /// up again.
    fn widen(&mut self, schemas: &[String]) {
        let new: Vec<String> = schemas.iter().filter(|schema| !self.path.contains(schema)).cloned().collect();
        if new.is_empty() {
            return;
        }
        self.path.extend(new.iter().cloned());
        for mut names in std::mem::take(&mut self.looked_up).into_iter().chain(std::mem::take(&mut self.names)) {
            names.schemas.extend(new.iter().cloned());
            self.names.push(names);
        }
    }

    /// Adds relations that the server says the statement reads.
    pub(super) fn add_relations(&mut self, relations: &[i64]) {
        for relation in relations {
            self.add(ObjectKind::Relation, *relation, self.run(), "");
        }
    }

    /// Adds tables that a function may open by their numbers: their partition keys are computed then.
    pub(super) fn add_keys(&mut self, relations: &[i64]) {
        for relation in relations {
            if !self.known.contains_key(&(ObjectKind::Relation, *relation)) {
                self.keys_only.insert(*relation);
                self.add(ObjectKind::Relation, *relation, RunsWhen::Folded, "");
            }
        }
    }

    /// Whether something in it can open a table that it is given by number.
    pub(super) fn opens_by_number(&self) -> bool {
        self.opens_by_number
    }

    /// Looks at the rules on writes too, of what was looked at and of what comes.
    fn fire_rules(&mut self) {
        self.writes = true;
        for (tree, via) in std::mem::take(&mut self.rules) {
            self.tree(&tree, self.run(), &via);
        }
    }

    fn add(&mut self, kind: ObjectKind, oid: i64, run: RunsWhen, via: &str) {
        // Builtin operators, types and operator classes lead to builtin functions that do no harm: a test goes through them.
        let is_decided =
            matches!(kind, ObjectKind::Operator | ObjectKind::Type | ObjectKind::Class) && oid < FIRST_OF_USERS;
        if is_decided || oid <= 0 || self.known.get(&(kind, oid)).is_some_and(|known| *known >= run) {
            return;
        }
        let entry = self.pending.entry((kind, oid)).or_insert_with(|| (run, via.to_owned()));
        entry.0 = entry.0.max(run);
    }

    /// Returns what to ask next: the kinds of objects, and the parameter of `facts.sql`; `None` when all is known.
    pub(super) fn next(&mut self) -> Option<(Vec<ObjectKind>, String)> {
        if self.known.len() + self.pending.len() > MOST {
            self.object("the statement".to_owned(), "it uses more objects than pgdj can check".to_owned(), "");
            return None;
        }
        self.asked = self.names.pop();
        if self.asked.is_none() && self.pending.is_empty() {
            return None;
        }
        let ids = |kind: ObjectKind| -> Vec<String> {
            self.pending.keys().filter(|(pending, _)| *pending == kind).map(|(_, oid)| oid.to_string()).collect()
        };
        let nothing = (WrittenNames::default(), BTreeSet::new());
        let (written, schemas) =
            self.asked.as_ref().map_or((&nothing.0, &nothing.1), |names| (&names.written, &names.schemas));
        let kinds =
            [ObjectKind::Function, ObjectKind::Operator, ObjectKind::Type, ObjectKind::Relation, ObjectKind::Class];
        let is_asked = |kind: &ObjectKind| {
            let by_name = self.asked.is_some() && *kind != ObjectKind::Class;
            by_name || self.pending.keys().any(|(pending, _)| pending == kind)
        };
        let wanted = json!({
            "schemas": schemas,
            "calls": written.calls,
            "fields": written.fields,
            "words": written.words,
            "operators": written.operators,
            "functions": ids(ObjectKind::Function),
            "operator_ids": ids(ObjectKind::Operator),
            "types": ids(ObjectKind::Type),
            "relations": ids(ObjectKind::Relation),
            "classes": ids(ObjectKind::Class),
        });
        Some((kinds.into_iter().filter(is_asked).collect(), wanted.to_string()))
    }

    /// Takes the answer to what [`Self::next`] asked.
    pub(super) fn take(&mut self, facts: &[ObjectFact]) {
        if facts.len() > MOST {
            self.object("the statement".to_owned(), "it uses more objects than pgdj can check".to_owned(), "");
        }
        let mut pending = std::mem::take(&mut self.pending);
        let asked = self.asked.take();
        self.looked_up.extend(asked.clone());
        for fact in facts {
            let key = (fact.kind, fact.oid);
            let named = asked.as_ref().map(|names| (names.run, names.via.clone()));
            let (run, via) = match (pending.remove(&key), named) {
                (Some((run, via)), Some((of_name, _))) => (run.max(of_name), via),
                (Some(found), None) | (None, Some(found)) => found,
                (None, None) => (RunsWhen::Always, String::new()),
            };
            // A name brings up again what was looked at, and a function in SQL may call itself.
            if self.known.get(&key).is_none_or(|known| *known < run) {
                self.known.insert(key, run);
                self.check(fact, run, &via);
            }
        }
        // What is asked by number counts as known even where there is no such object.
        for (key, (run, _)) in pending {
            self.known.insert(key, run);
        }
    }

    /// Returns what speaks against the statement so far.
    pub(super) fn objections(&self) -> &[Objection] {
        &self.objections
    }

    fn object(&mut self, what: String, why: String, via: &str) {
        let is_same = |known: &Objection| known.what == what && known.concern == ObjectionKind::Acts;
        if !self.objections.iter().any(is_same) {
            // What it does says more than what it may become.
            self.objections.retain(|known| known.what != what);
            let via = Some(via.to_owned()).filter(|via| !via.is_empty());
            self.objections.push(Objection { what, why, via, concern: ObjectionKind::Acts });
        }
    }

    /// Objects to what another role can replace at any moment.
    fn owned(&mut self, facts: &Value, what: &str, via: &str) {
        let Some(owner) = facts.get("stranger").and_then(Value::as_str) else { return };
        if !self.objections.iter().any(|known| known.what == what) {
            let why = format!(
                "its owner {owner} can replace it at any moment; make a superuser, the owner of the database or your role \
                 its owner (ALTER … OWNER TO …)"
            );
            let via = Some(via.to_owned()).filter(|via| !via.is_empty());
            self.objections.push(Objection { what: what.to_owned(), why, via, concern: ObjectionKind::MayBeReplaced });
        }
    }

    fn check(&mut self, fact: &ObjectFact, run: RunsWhen, via: &str) {
        let facts = &fact.facts;
        let name = format!("{}.{}", text(facts, "schema"), text(facts, "name"));
        let name = name.strip_prefix("pg_catalog.").unwrap_or(&name).to_owned();
        match fact.kind {
            ObjectKind::Function => self.function(fact, &name, run, via),
            ObjectKind::Operator => self.parts(facts, &format!("the operator {name}")),
            ObjectKind::Type => {
                let name = format!("the type {name}");
                self.parts(facts, &name);
                self.trees(facts, "trees", RunsWhen::Always, &name);
                for oid in numbers(facts, "relations") {
                    self.add(ObjectKind::Relation, oid, RunsWhen::Folded, &name);
                }
                self.owned(facts, &name, via);
            }
            ObjectKind::Relation if self.keys_only.contains(&fact.oid) => self.key(facts, &name),
            ObjectKind::Relation => self.relation(facts, &name, via),
            ObjectKind::Class => self.parts(facts, &format!("the operator class {name}")),
        }
    }

    /// Adds what an object names by number; all of it runs whenever the object is used.
    fn parts(&mut self, facts: &Value, via: &str) {
        for (list, kind) in [
            ("functions", ObjectKind::Function),
            ("alias_of", ObjectKind::Function),
            ("operators", ObjectKind::Operator),
            ("types", ObjectKind::Type),
            ("aggregate_types", ObjectKind::Type),
            ("classes", ObjectKind::Class),
        ] {
            for oid in numbers(facts, list) {
                self.add(kind, oid, RunsWhen::Always, via);
            }
        }
    }

    fn trees(&mut self, facts: &Value, list: &str, run: RunsWhen, via: &str) {
        let trees = facts.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for tree in trees.iter().filter_map(Value::as_str) {
            self.tree(tree, run, via);
        }
    }

    fn tree(&mut self, tree: &str, run: RunsWhen, via: &str) {
        let Some(MentionedObjects { functions, operators, types, relations, classes, writes }) = tree::mentions(tree)
        else {
            self.object(via.to_owned(), "its stored definition cannot be read".to_owned(), "");
            return;
        };
        if writes && !self.writes {
            self.fire_rules();
        }
        for (kind, oids) in [
            (ObjectKind::Operator, operators),
            (ObjectKind::Type, types),
            (ObjectKind::Relation, relations),
            (ObjectKind::Class, classes),
        ] {
            for oid in oids {
                self.add(kind, oid, RunsWhen::Always, via);
            }
        }
        for oid in functions {
            self.add(ObjectKind::Function, oid, run, via);
        }
    }

    fn relation(&mut self, facts: &Value, name: &str, via: &str) {
        let kind = match text(facts, "kind") {
            "v" => "view",
            "f" => {
                let why = "it is a foreign table, and pgdj does not know what it runs on the remote server";
                return self.object(format!("the foreign table {name}"), why.to_owned(), via);
            }
            "r" | "p" | "m" | "S" => "table",
            // A table that came with the release is TOAST, an index or a composite type.
            _ => return,
        };
        let via = format!("the {kind} {name}");
        self.parts(facts, &via);
        self.trees(facts, "trees", self.run(), &via);
        self.trees(facts, "folded", RunsWhen::Folded, &via);
        self.trees(facts, "keys", RunsWhen::Folded, &via);
        for oid in numbers(facts, "key_classes") {
            self.add(ObjectKind::Class, oid, RunsWhen::Always, &via);
        }
        let rules = facts.get("on_write").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        self.rules.extend(rules.iter().filter_map(Value::as_str).map(|tree| (tree.to_owned(), via.clone())));
        if self.writes {
            self.fire_rules();
        }
        for oid in numbers(facts, "relations") {
            self.add(ObjectKind::Relation, oid, RunsWhen::Always, &via);
        }
    }

    /// The partition key of a table that the statement need not name.
    fn key(&mut self, facts: &Value, name: &str) {
        let via = format!(
            "the partition key of the table {name}, which PostgreSQL 12 computes when a function opens a table by its \
             number: leave that function out, or see to it that the key calls only functions of the release"
        );
        self.trees(facts, "keys", RunsWhen::Folded, &via);
        for oid in numbers(facts, "key_classes") {
            self.add(ObjectKind::Class, oid, RunsWhen::Folded, &via);
        }
    }

    fn function(&mut self, fact: &ObjectFact, name: &str, run: RunsWhen, via: &str) {
        let (facts, oid) = (&fact.facts, fact.oid);
        let called = format!("the function {name}()");
        self.parts(facts, &called);
        self.trees(facts, "trees", run, &called);
        self.owned(facts, &called, via);
        if text(facts, "kind") == "a" {
            // Its parts were added; itself it is nothing.
            return;
        }
        let is_volatile = text(facts, "volatility") == "v";
        self.opens_by_number |= oid < FIRST_OF_USERS && facts.get("is_given_number") == Some(&Value::Bool(true));
        // The planner runs no volatile function, and inlines only those that are in SQL.
        let is_spared = is_volatile && run == RunsWhen::Folded;
        let language = text(facts, "language");
        let why = match language {
            "sql" => Self::of_rules(facts, oid)
                .or_else(|| self.body(facts, &called, if is_spared { run } else { RunsWhen::Always })),
            "internal" | "c" if oid < FIRST_OF_USERS => Self::of_rules(facts, oid),
            "internal" if facts.get("alias_of").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) => None,
            "c" if is_harmless_symbol(text(facts, "library"), text(facts, "source")) => {
                self.library(text(facts, "library"), &called);
                None
            }
            "c" => Some("it is in C, in a library that pgdj does not know".to_owned()),
            _ => Some(format!("it is in {language}, and what it does is not known")),
        };
        if let Some(why) = why.filter(|_| !is_spared) {
            self.object(called, why, via);
        }
    }

    /// What the rules say of a builtin function; nothing of any other.
    fn of_rules(facts: &Value, oid: i64) -> Option<String> {
        if oid >= FIRST_OF_USERS {
            return None;
        }
        let function = BuiltinFunction {
            name: text(facts, "name"),
            is_volatile: text(facts, "volatility") == "v",
            is_internal: facts.get("is_internal") == Some(&Value::Bool(true)),
            reads_type: facts.get("reads_type") == Some(&Value::Bool(true)),
        };
        match builtin(function) {
            Builtin::Harmless | Builtin::HarmlessVolatile(_) => None,
            Builtin::RunsSql(why) => Some(why.to_owned()),
            Builtin::Acts => Some(NOT_HARMLESS.to_owned()),
            Builtin::Undecided => Some("it is volatile, and pgdj does not know it".to_owned()),
        }
    }

    /// Adds the names in the statements that a library runs, which it looks up on the role's path.
    fn library(&mut self, library: &str, called: &str) {
        for sql in sql_of(library) {
            if !self.library_sql.insert(*sql) {
                continue;
            }
            match WrittenNames::of(sql, self.folding) {
                Ok(written) => self.name(written, RunsWhen::Always, called.to_owned()),
                Err(unclear) => self.object(called.to_owned(), format!("its SQL cannot be read ({unclear})"), ""),
            }
        }
    }

    /// Follows the body of a function in SQL; returns why it cannot be judged.
    fn body(&mut self, facts: &Value, called: &str, run: RunsWhen) -> Option<String> {
        let schemas = match schemas_of(facts) {
            Ok(schemas) => schemas,
            Err(setting) => return Some(format!("it sets {setting} while it runs")),
        };
        self.widen(&schemas);
        if let Some(body) = facts.get("body").and_then(Value::as_str) {
            self.tree(body, run, called);
            return None;
        }
        match WrittenNames::of(text(facts, "source"), self.folding) {
            Err(unclear) => Some(format!("pgdj cannot parse its body ({unclear})")),
            Ok(written) => {
                let why = match &written.deed {
                    Deed::Reads => None,
                    Deed::Writes(word) => Some(format!("it may write ({})", word.to_uppercase())),
                    Deed::Other(_) | Deed::Several => Some("its body is not one SELECT".to_owned()),
                };
                self.name(written, run, called.to_owned());
                why
            }
        }
    }
}

/// What is said of a builtin function that changes something besides tables, or shows files and memory of the server.
const NOT_HARMLESS: &str = "pgdj does not know it to be harmless, not even in a read-only transaction";

/// Returns the schemas of a function's own path; what else it sets is an error.
fn schemas_of(facts: &Value) -> Result<Vec<String>, String> {
    let mut schemas = Vec::new();
    let settings = facts.get("config").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for setting in settings.iter().filter_map(Value::as_str) {
        match setting.split_once('=') {
            Some(("search_path", path)) => schemas.extend(names_of(path).ok_or("search_path to something unclear")?),
            Some((name, _)) if is_harmless_setting(name) => {}
            Some((name, _)) => return Err(name.to_owned()),
            None => return Err(setting.to_owned()),
        }
    }
    Ok(schemas)
}

/// Returns the names of a search path as it is stored; `None` where it cannot be read with certainty.
fn names_of(path: &str) -> Option<Vec<String>> {
    // SET quotes a name that is not plain. A path that FROM CURRENT took over may hold letters without quotes that each
    // release or encoding folds or skips in its own way, and names that the server cuts off.
    let mut is_quoted = false;
    let is_certain = path.chars().all(|letter| {
        is_quoted ^= letter == '"';
        letter == ' ' || letter.is_ascii_graphic() || is_quoted && !letter.is_control()
    });
    let names = RolePath::parse(path).schemas("$user");
    // `$user` is another schema for each role.
    if !is_certain || names.iter().any(|name| name == "$user" || name.len() > LONGEST_NAME) {
        return None;
    }
    // An empty name is no schema: `SET search_path = ''`.
    Some(names.into_iter().filter(|name| !name.is_empty()).collect())
}

fn text<'a>(facts: &'a Value, name: &str) -> &'a str {
    facts.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn numbers(facts: &Value, name: &str) -> Vec<i64> {
    facts
        .get(name)
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_i64).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_s_path_is_read_as_the_server_reads_it() {
        for (path, expected) in [
            ("all, pg_catalog", Some(&["all", "pg_catalog"][..])),
            ("x.y, a+b", Some(&["x.y", "a+b"])),
            ("Select , \"All\",\"a,\"\"b\"", Some(&["select", "All", "a,\"b"])),
            ("\"\"", Some(&[])),
            ("", Some(&[])),
            ("pg_catalog, pg_temp", Some(&["pg_catalog", "pg_temp"])),
            ("\"sch\u{e9}ma\"", Some(&["sch\u{e9}ma"])),
            ("\"$user\", public", None),
            ("$user", None),
            ("SCH\u{c9}MA", None),
            ("a\u{b}", None),
            ("\u{a0}a", None),
            (&"a".repeat(64), None),
        ] {
            let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(names_of(path), expected, "{path}");
        }
    }
}
