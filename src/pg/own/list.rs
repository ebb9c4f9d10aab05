//! Every statement of pgdj's own, in the order in which a reader wants them: what always runs first, what acts last.

use super::Own;
use crate::pg::explain::{choices, planned, watch};
use crate::pg::maintenance::upkeep;
use crate::pg::probes::Lane;
use crate::pg::sampler::{bundle, timing};
use crate::pg::transaction::parsed;
use crate::pg::verify::{ask, hypothetical, proof, sampled, trial};
use crate::pg::workload::statements;
use crate::pg::{
    blockers, catalog, connect, control, django_read, django_tables, exact, guard, judge, path, server, session,
    transaction,
};

/// Statements that are sent on the same occasion, under the same guard.
#[derive(Debug)]
pub struct Group {
    /// The occasion.
    pub title: &'static str,
    /// What holds while they run.
    pub guard: &'static str,
    /// The statements.
    pub statements: &'static [&'static Own],
    /// The lane whose probes belong to it too.
    pub probes: Option<Lane>,
}

/// All of them.
pub static GROUPS: &[Group] = &[
    Group {
        title: "When a connection opens",
        guard: "These statements set the limits of each session. pgdj keeps three connections: one for samples, one \
            for what may wait for a lock, and one for your actions. EXPLAIN and index advice open another while they \
            run.",
        statements: &[
            &connect::IS_STANDBY,
            &connect::IS_READ_ONLY,
            &session::GREETING,
            &path::PIN_SESSION,
            &guard::SET_SESSION,
            &guard::CHECK_CLIENT,
        ],
        probes: None,
    },
    Group {
        title: "Behind a connection pooler",
        guard: "Behind a pooler in transaction mode, pgdj sets nothing for the session, because another client gets \
            it next. Each batch of statements runs in one read-only transaction with the same limits.",
        statements: &[
            &guard::BEGIN,
            &path::SHOW,
            &path::PIN_TRANSACTION,
            &guard::SET_BORROWED,
            &guard::SAVE,
            &guard::BACK,
            &guard::COMMIT,
        ],
        probes: None,
    },
    Group {
        title: "Server version and features",
        guard: "Read-only, with the limits of the connection: statement_timeout 2 s or 10 s, lock_timeout 100 ms or \
            500 ms. They read only the catalog.",
        statements: &[
            &server::IDENTITY,
            &server::COLUMNS,
            &server::EXTENSIONS,
            &server::EXTENSION_PARTS,
            &server::FUNCTIONS,
            &django_tables::TABLES,
        ],
        probes: None,
    },
    Group {
        title: "Samples",
        guard: "Read-only, statement_timeout 2 s, lock_timeout 100 ms. They read shared memory and catalogs, and \
            wait for no lock on a table. A sample is one round trip every 2 s (or --pace); between two samples \
            only activity is read, every second. On a direct connection they are prepared. Each is read less often \
            if it costs more than its share of budget_ms: activity a half, the others a tenth.",
        statements: &[&timing::TIMED, &timing::CLOCK, &bundle::SEVERAL, &bundle::ARRAY, &blockers::BLOCKERS],
        probes: Some(Lane::Fast),
    },
    Group {
        title: "Samples that may take long or wait for a lock",
        guard: "Read-only, statement_timeout 10 s, lock_timeout 500 ms, over a separate connection, one at a time. \
            Each is read less often if it costs more than a twentieth of budget_ms.",
        statements: &[],
        probes: Some(Lane::Slow),
    },
    Group {
        title: "When you explain a statement",
        guard: "One transaction on a separate connection: read-only unless you agreed to a write, statement_timeout \
            30 s unless you choose another, lock_timeout half of that and at most 10 s, always ROLLBACK at the end. \
            It starts with `begin` and the search_path statements listed under \"Behind a connection pooler\". \
            Before your statement is planned, pgdj looks up what it can run. With --read-only, it refuses everything \
            that is not known to be harmless; otherwise it warns you.",
        statements: &[
            &server::BY_QUERYID,
            &guard::SET,
            &transaction::GREETING,
            &judge::PARTITIONED,
            &judge::FACTS,
            &judge::OF_FUNCTION,
            &judge::OF_OPERATOR,
            &judge::OF_TYPE,
            &judge::OF_RELATION,
            &judge::OF_CLASS,
            &path::RESTORE,
            &transaction::PREPARE,
            &transaction::PARAMETERS,
            &judge::LOCKED,
            &choices::STATISTICS,
            &planned::PLAN_CACHE_MODE,
            &planned::EXPLAIN,
            &planned::EXPLAIN_PREPARED,
            &planned::EXPLAIN_VALUES,
            &watch::WHO,
            &guard::ROLLBACK,
            &guard::DEALLOCATE,
        ],
        probes: None,
    },
    Group {
        title: "When pgdj looks for indexes for a plan",
        guard: "pgdj reads the catalog and the Django tables in a read-only session, statement_timeout 10 s, \
            lock_timeout 500 ms. Then it asks the planner in a read-only transaction, with the checks listed under \
            \"When you explain a statement\", the time limit of the EXPLAIN, lock_timeout 3 s, and ROLLBACK at the \
            end. It builds nothing.",
        statements: &[
            &catalog::SERVER,
            &catalog::TABLES,
            &catalog::COLUMNS,
            &catalog::INDEXES,
            &catalog::STATISTICS,
            &catalog::SIZES,
            &catalog::FOREIGN_KEYS,
            &catalog::GROUPS,
            &catalog::EXPRESSIONS,
            &catalog::LOCKS,
            &django_read::TAKEN,
            &django_read::EXTENSIONS,
            &ask::CIRCUMSTANCES,
            &ask::COLUMNS,
            &ask::PARTITIONS,
            &guard::SAVEPOINT,
            &ask::READ_ONLY,
            &guard::ROLLBACK_TO,
            &guard::RELEASE,
            &hypothetical::READY,
            &hypothetical::SIMULATE,
            &hypothetical::FORGET,
            &proof::OF_COLUMN,
            &proof::OF_EXPRESSION,
            &proof::FAMILY,
            &proof::HAS_OPERATOR,
        ],
        probes: None,
    },
    Group {
        title: "When you ask for advice for the whole workload",
        guard: "pgdj reads pg_stat_statements in a read-only session, statement_timeout 10 s, lock_timeout 500 ms. Then \
            it plans the statements without values, in read-only transactions of up to 100 statements and about a \
            second each, statement_timeout 2 s, lock_timeout 100 ms, ROLLBACK at the end, with the statements of the \
            two sections above. A statement that may do more than read is left out. It runs nothing and builds nothing, and asks for \
            at most 3,000 plans for 500 statements.",
        statements: &[&statements::STATEMENTS, &parsed::PREPARE_SEVERAL, &parsed::DEALLOCATE_SEVERAL],
        probes: None,
    },
    Group {
        title: "When you measure bloat exactly",
        guard: "Read-only, statement_timeout 600 s, lock_timeout 1 s. Esc cancels it on the server.",
        statements: &[&exact::OF_TABLE, &exact::OF_INDEX],
        probes: None,
    },
    Group {
        title: "Actions, only after you agree",
        guard: "pgdj asks first and names what the action affects. --read-only forbids all of them. An index trial \
            runs in a transaction that is rolled back; if the build would block writes for long, the index is built \
            concurrently and then dropped. If a trial was killed, the next one finds its index by name and drops it. \
            In a trial your statement runs with the checks listed under \"When you explain a statement\", and cannot \
            write.",
        statements: &[
            &control::CANCEL,
            &control::TERMINATE,
            &trial::LEFT,
            &trial::LIMIT,
            &trial::BUILD,
            &trial::BUILD_CONCURRENTLY,
            &trial::ANALYZE,
            &trial::IS_PASSED_OVER,
            &trial::FOUND,
            &trial::DROP,
        ],
        probes: None,
    },
    Group {
        title: "VACUUM, ANALYZE, a new index, a reset, only after you agree",
        guard: "Each is one statement on a separate connection, after a look at the right to it in a read-only \
            transaction. pgdj asks first. VACUUM and ANALYZE pass over a table that is locked, so nothing waits behind \
            them. Esc cancels on the server. --read-only forbids all of them.",
        statements: &[
            &upkeep::OF_TABLE,
            &upkeep::MAY_MAINTAIN,
            &upkeep::ANALYZE,
            &upkeep::VACUUM,
            &upkeep::VACUUM_ANALYZE,
            &upkeep::OF_INDEX,
            &upkeep::BUILD,
            &upkeep::DROP,
            &upkeep::VACUUM_PROGRESS,
            &upkeep::ANALYZE_PROGRESS,
            &upkeep::BUILD_PROGRESS,
            &upkeep::RESET_STATEMENTS,
            &upkeep::RESET_STATEMENTS_OLD,
        ],
        probes: None,
    },
    Group {
        title: "Never sent by this version: an index on a sample of a table",
        guard: "These statements are in the program, but no key, option or setting uses them. They would test an \
            index on a temporary copy of a part of the table, in a transaction that is rolled back.",
        statements: &[
            &sampled::ROWS,
            &sampled::CREATE,
            &sampled::COPY_ALL,
            &sampled::COPY_PART,
            &sampled::COPY_FIRST,
            &sampled::ANALYZE,
            &sampled::BUILD,
            &sampled::SIZE,
        ],
        probes: None,
    },
];
