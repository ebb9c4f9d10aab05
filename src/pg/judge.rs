//! Judges a statement before anything of it is planned: what it could run besides reading rows.
//!
//! A read-only transaction does not stop `pg_terminate_backend`, a function that runs COPY TO PROGRAM, or
//! `query_to_xml('select …')`, and the planner itself runs immutable and stable functions, so a plain EXPLAIN is no
//! refuge. So every function that a statement can reach is looked at:
//!
//! 1. What the statement *writes* is judged by name (`written`): every function, operator, type and relation of that
//!    name on the role's path has to be harmless. This comes before the server parses it, for parsing runs code too: a
//!    literal of a composite type or of an array of a domain runs the domain's checks, and 12 evaluates a partition key
//!    when its table is opened.
//! 2. What is *stored* is judged by number (`tree`): views, rules, policies, defaults, checks, indexes, partition keys,
//!    statistics, with the functions behind operators, aggregates, casts, types and operator classes, and the bodies of
//!    functions in SQL (`reach`).
//! 3. Then PREPARE locks relations, so that nobody replaces a view or a policy, and everything is judged again, with what
//!    it locked.
//!
//! What [`rules`] does not know is refused, by name. Nothing locks a function, a domain or a row type, so in read-only mode
//! one whose owner can replace it at any moment is refused as well, unless that owner could do worse anyway: the own role,
//! a superuser, the owner of the database. One gap is left, some milliseconds between the last judgement and the run: an
//! object that is created in it on the path, or as an index or a child of a table, is not seen.

mod reach;
pub mod rules;
mod token;
mod tree;
mod written;

use serde_json::Value as Json;

pub use tree::unknown_fields;

use reach::{ObjectFact, ObjectKind, Reach};
use token::NameFolding;
use written::{Deed, WrittenNames};

use super::control::Mode;
use super::explain::statement::begins_a_statement;
use super::own::{Hole, Own, Placeholder, Sql};
use super::session::{Query, QueryParameter};
use super::transaction::{QueryTrouble, Transaction};
use crate::sample::Value;

/// What is going to happen to the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It is planned, which runs immutable and stable functions, but no volatile one that stands as a call.
    Planned,
    /// It is run.
    Executed,
}

/// Something that a statement can run, and that may do more than read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// What: `the function public.evil()`.
    pub what: String,
    /// Why it cannot be called harmless.
    pub why: String,
    /// What calls it, where that is not the statement itself: `the view public.v`.
    pub via: Option<String>,
    /// Whether it is about what the object is, or about what it can become.
    pub concern: ObjectionKind,
}

/// What an objection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectionKind {
    /// The object as it is may do more than read.
    Acts,
    /// The object does no harm, but its owner can replace it before it runs; of this nobody is warned in full mode.
    MayBeReplaced,
}

impl Objection {
    fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), via: None, concern: ObjectionKind::Acts }
    }

    /// Returns it as a clause: `the function public.evil() (in the view public.v): it is in plpgsql …`.
    pub fn words(&self) -> String {
        let via = self.via.as_ref().map(|via| format!(" (in {via})")).unwrap_or_default();
        format!("{}{via}: {}", self.what, self.why)
    }
}

/// The facts about objects; an arm for each kind. Its limit is one more than a statement can be judged by.
pub(super) static FACTS: Own = Own {
    name: "check: what your statement calls",
    reads: "The catalog's definition of everything that your statement can run: functions, operators, types, views, policies. \
        It reads no table of yours.",
    when: "before a statement is explained, run, or planned to look for indexes; several times, until nothing new is \
        found",
    holes: &[Hole {
        name: "arms",
        doc: "one or more of the five statements below, joined by union all",
        form: Placeholder::Statements("\nunion all\n"),
    }],
    sql: include_str!("judge/facts.sql"),
};

pub(super) static OF_FUNCTION: Own = Own {
    name: "check: function",
    reads: "Functions by name or number: language, volatility, body, and what they call.",
    when: "as a part of the statement above, if your statement uses such objects",
    holes: &[],
    sql: include_str!("judge/facts/function.sql"),
};

pub(super) static OF_OPERATOR: Own = Own {
    name: "check: operator",
    reads: "Operators: the functions behind them.",
    when: "as a part of the statement above, if your statement uses such objects",
    holes: &[],
    sql: include_str!("judge/facts/operator.sql"),
};

pub(super) static OF_TYPE: Own = Own {
    name: "check: type",
    reads: "Types: their functions, casts, checks and defaults.",
    when: "as a part of the statement above, if your statement uses such objects",
    holes: &[],
    sql: include_str!("judge/facts/type.sql"),
};

pub(super) static OF_RELATION: Own = Own {
    name: "check: relation",
    reads: "Tables and views: rules, policies, defaults, checks, the expressions of indexes and partition keys.",
    when: "as a part of the statement above, if your statement uses such objects",
    holes: &[],
    sql: include_str!("judge/facts/relation.sql"),
};

pub(super) static OF_CLASS: Own = Own {
    name: "check: class",
    reads: "Operator classes: their functions and operators.",
    when: "as a part of the statement above, if your statement uses such objects",
    holes: &[],
    sql: include_str!("judge/facts/class.sql"),
};

/// Each kind with its arm, in their order.
static ARMS: [(ObjectKind, &Own); 5] = [
    (ObjectKind::Function, &OF_FUNCTION),
    (ObjectKind::Operator, &OF_OPERATOR),
    (ObjectKind::Type, &OF_TYPE),
    (ObjectKind::Relation, &OF_RELATION),
    (ObjectKind::Class, &OF_CLASS),
];

/// Returns the question for the facts about these kinds of objects.
fn facts_about(kinds: &[ObjectKind]) -> Sql {
    let wanted = ARMS.iter().filter(|(kind, _)| kinds.contains(kind));
    let arms: Vec<String> = wanted.map(|(_, arm)| arm.text()).collect();
    FACTS.fill(&[("arms", &arms.join("\nunion all\n"))])
}

/// The relations that this transaction has locked, except those of the release: views among them are found by name.
pub(super) static LOCKED: Own = Own {
    name: "check: what it locked",
    reads: "Which tables and views PREPARE has locked, to check also those that the text does not name.",
    when: "after each PREPARE; with --read-only once more after planning",
    holes: &[],
    sql: "select c.oid::int8 as oid
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_class as c on c.oid = l.relation
    where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
        and c.relkind not in ('i', 'I', 't') and c.oid >= 16384
    order by c.oid
    limit 20000",
};

/// From this release on a partition key is evaluated when a plan needs it; before, whenever the table is opened, which
/// functions that are given its number do as well (`pg_relation_size`, `pg_get_expr`).
/// Source: `RelationBuildDesc` of `src/backend/utils/cache/relcache.c`, 12 and 13.
const KEYS_WHEN_ASKED: i64 = 130_000;

/// The tables whose partition key is an expression.
pub(super) static PARTITIONED: Own = Own {
    name: "check: partition keys",
    reads: "Which tables have an expression as partition key: PostgreSQL 12 computes it whenever such a table is \
            opened.",
    when: "PostgreSQL 12 only: before a statement is explained that calls a function which can open a table by its number",
    holes: &[],
    sql: "select p.partrelid::int8 as oid
    from pg_catalog.pg_partitioned_table as p
    where p.partexprs is not null
    order by p.partrelid
    limit 20000",
};

/// A statement under judgement.
#[derive(Debug)]
pub(super) struct Judge {
    reach: Reach,
    written: WrittenNames,
    level: Level,
}

impl Judge {
    /// Judges what a statement writes, before the server has seen it.
    ///
    /// What cannot be read with certainty, and what is more than one statement, is an objection too.
    /// In full mode the read-only transaction stops a write that nobody agreed to, so that a write is none.
    pub(super) async fn of(
        transaction: &mut Transaction,
        sql: &str,
        level: Level,
        mode: Mode,
    ) -> Result<StatementVerdict, QueryTrouble> {
        Self::of_several(transaction, &[sql], level, mode).await
    }

    /// Judges several statements together: where nothing speaks against all of them, nothing speaks against any one.
    ///
    /// They are judged as one statement that writes all of their names, so what one of them is refused for is among the
    /// objections, and an objection need not be about all of them.
    pub(super) async fn of_several(
        transaction: &mut Transaction,
        statements: &[&str],
        level: Level,
        mode: Mode,
    ) -> Result<StatementVerdict, QueryTrouble> {
        Self::several(transaction, statements, level, mode, &[]).await
    }

    /// The same for statements that the server has parsed in this transaction, with all that it has locked.
    pub(super) async fn of_several_locked(
        transaction: &mut Transaction,
        statements: &[&str],
        level: Level,
        mode: Mode,
    ) -> Result<StatementVerdict, QueryTrouble> {
        let relations = locked_relations(transaction).await?;
        Self::several(transaction, statements, level, mode, &relations).await
    }

    async fn several(
        transaction: &mut Transaction,
        statements: &[&str],
        level: Level,
        mode: Mode,
        relations: &[i64],
    ) -> Result<StatementVerdict, QueryTrouble> {
        let mut all = WrittenNames::default();
        for sql in statements {
            match written(transaction, sql, level, mode) {
                Ok(written) => all.add(written),
                Err(objections) => return Ok(StatementVerdict { judge: None, objections }),
            }
        }
        Box::pin(Self::names(transaction, all, level, relations)).await
    }

    /// Judges the names of what is no statement for EXPLAIN: the definitions of hypothetical indexes.
    pub(super) async fn of_definitions(
        transaction: &mut Transaction,
        definitions: &[String],
    ) -> Result<StatementVerdict, QueryTrouble> {
        let mut all = WrittenNames::default();
        for sql in definitions {
            match WrittenNames::of(sql, folding(transaction)) {
                Ok(written) => all.add(written),
                Err(unclear) => {
                    return Ok(StatementVerdict::refused("the index", format!("pgdj cannot parse it ({unclear})")));
                }
            }
        }
        Box::pin(Self::names(transaction, all, Level::Executed, &[])).await
    }

    /// Judges names, and relations that the server says are read.
    async fn names(
        transaction: &mut Transaction,
        written: WrittenNames,
        level: Level,
        relations: &[i64],
    ) -> Result<StatementVerdict, QueryTrouble> {
        let greeting = transaction.greeting();
        let path = greeting.path.schemas(&greeting.role);
        let opens_keys = greeting.version < KEYS_WHEN_ASKED;
        let mut judge = Self { reach: Reach::new(level, &written, folding(transaction), path), written, level };
        judge.reach.add_relations(relations);
        judge.follow(transaction).await?;
        if opens_keys && judge.reach.opens_by_number() {
            let keys = transaction.ask(Query::new(PARTITIONED.sql())).await?;
            let tables: Vec<i64> = keys.rows.iter().filter_map(|row| row.first().and_then(Value::as_int)).collect();
            judge.reach.add_keys(&tables);
            judge.follow(transaction).await?;
        }
        Ok(judge.verdict())
    }

    /// Judges everything again, with fresh facts, and the relations that the prepared statement has locked: what was
    /// replaced since the first judgement is seen, and what is locked stays as it is.
    pub(super) async fn locked(self, transaction: &mut Transaction) -> Result<StatementVerdict, QueryTrouble> {
        let relations = locked_relations(transaction).await?;
        Box::pin(Self::names(transaction, self.written, self.level, &relations)).await
    }

    /// Asks until nothing new comes.
    async fn follow(&mut self, transaction: &mut Transaction) -> Result<(), QueryTrouble> {
        while let Some((kinds, wanted)) = self.reach.next() {
            let query = Query::new(facts_about(&kinds)).with(QueryParameter::Text(wanted));
            let answer = transaction.ask(query).await?;
            let rows = answer.into_rows();
            let facts = rows.iter().map(|row| {
                let kind = ObjectKind::of(row.text("kind"));
                let facts = serde_json::from_str::<Json>(row.text("facts")).ok();
                Some(ObjectFact { kind: kind?, oid: row.int("oid")?, facts: facts? })
            });
            let Some(facts) = facts.collect::<Option<Vec<ObjectFact>>>() else {
                return Err(QueryTrouble::Unusable(
                    "the catalog's facts about what the statement calls cannot be read".to_owned(),
                ));
            };
            self.reach.take(&facts);
        }
        Ok(())
    }

    fn verdict(self) -> StatementVerdict {
        let objections = self.reach.objections().to_vec();
        StatementVerdict { judge: Some(self), objections }
    }
}

/// What was found.
#[derive(Debug)]
pub(super) struct StatementVerdict {
    /// To go on with; `None` where nothing can be.
    pub(super) judge: Option<Judge>,
    /// What speaks against it, nothing for a harmless statement.
    pub(super) objections: Vec<Objection>,
}

impl StatementVerdict {
    fn refused(what: &str, why: String) -> Self {
        Self { judge: None, objections: vec![Objection::new(what, why)] }
    }
}

/// Returns what a statement writes, or where that alone decides, what speaks against it, which may be nothing.
fn written(transaction: &Transaction, sql: &str, level: Level, mode: Mode) -> Result<WrittenNames, Vec<Objection>> {
    let written = WrittenNames::of(sql, folding(transaction))
        .map_err(|unclear| vec![Objection::new("the statement", format!("pgdj cannot parse it ({unclear})"))])?;
    // What no statement begins with, the server cannot parse: nothing of it runs.
    if let Deed::Other(word) = &written.deed
        && mode == Mode::Full
        && !word.is_empty()
        && !begins_a_statement(word)
    {
        return Err(Vec::new());
    }
    match deed(&written.deed, level, mode) {
        Some(objection) => Err(vec![objection]),
        None => Ok(written),
    }
}

/// Returns the relations that this transaction has locked.
async fn locked_relations(transaction: &mut Transaction) -> Result<Vec<i64>, QueryTrouble> {
    let locked = transaction.ask(Query::new(LOCKED.sql())).await?;
    Ok(locked.rows.iter().filter_map(|row| row.first().and_then(Value::as_int)).collect())
}

/// Returns how the server folds names.
fn folding(transaction: &Transaction) -> NameFolding {
    NameFolding::of(&transaction.greeting().encoding)
}

/// Returns what speaks against a statement of this kind.
fn deed(deed: &Deed, level: Level, mode: Mode) -> Option<Objection> {
    match (deed, level) {
        (Deed::Reads, _) | (Deed::Writes(_), Level::Planned) => None,
        (Deed::Writes(_), Level::Executed) if mode == Mode::Full => None,
        (Deed::Writes(word), Level::Executed) => {
            Some(Objection::new("the statement", format!("it may write or lock rows ({})", word.to_uppercase())))
        }
        (Deed::Several, _) => Some(Objection::new("the statement", "it is more than one")),
        (Deed::Other(word), _) => Some(Objection::new(
            "the statement",
            format!(
                "what {} runs is not known before it runs",
                if word.is_empty() { "it".to_owned() } else { word.to_uppercase() }
            ),
        )),
    }
}
