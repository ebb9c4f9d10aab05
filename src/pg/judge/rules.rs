//! Which of the functions that come with PostgreSQL do no harm, and which C libraries of extensions.
//!
//! Pure. The rule: a builtin function (number below 16384, so that only the release made it) that is immutable or stable
//! does no harm, unless it runs SQL that it is given, or reads a table or a type that it is given by name ([`RUNS_SQL`]).
//! Input functions of many types (`domain_in`, `array_in`) are given the type by number and run its checks: all of them
//! are refused by their arguments. Behind a type they are harmless, for that type is judged.
//! A volatile one does harm unless it is on a short list with a reason ([`HARMLESS_VOLATILE`]). So that no release slips
//! something in, each volatile function is also on one of the lists: `tests/it/judge` goes through `pg_proc` of every
//! major and fails for one that is on none.

/// Objects below it were made by `initdb`. Source: `FirstNormalObjectId` of `src/include/access/transam.h`.
pub const FIRST_OF_USERS: i64 = 16_384;

/// What is known of a builtin function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// It computes from its arguments, or reads what the server shows to everyone.
    Harmless,
    /// It is volatile and does no harm: why.
    HarmlessVolatile(&'static str),
    /// It runs SQL that it is given, or reads a table or a type given by name: why.
    RunsSql(&'static str),
    /// It is volatile and changes something, or shows files and memory of the server.
    Acts,
    /// It is volatile, and no list has it.
    Undecided,
}

/// A builtin function, as far as the rules ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinFunction<'a> {
    /// `proname`.
    pub name: &'a str,
    /// `provolatile` is `v`.
    pub is_volatile: bool,
    /// It takes or returns `internal` or is a handler, so that no statement can call it: it is part of a type, an
    /// aggregate, an access method.
    pub is_internal: bool,
    /// It takes a text (`cstring`) or a message (`internal`) and the number of a type (`oid`): the input function of all
    /// domains, arrays, rows or ranges.
    pub reads_type: bool,
}

/// Volatile functions that do no harm, each with the reason.
pub const HARMLESS_VOLATILE: &[(&str, &str)] = &[
    ("array_sample", "draws random numbers"),
    ("array_shuffle", "draws random numbers"),
    ("clock_timestamp", "reads the clock"),
    ("current_query", "returns the text of the statement"),
    ("currval", "reads what this session drew from a sequence"),
    ("gen_random_uuid", "draws random numbers"),
    ("lastval", "reads what this session drew from a sequence"),
    ("pg_blocking_pids", "reads the lock table"),
    ("pg_current_wal_flush_lsn", "reads a counter"),
    ("pg_current_wal_insert_lsn", "reads a counter"),
    ("pg_current_wal_lsn", "reads a counter"),
    ("pg_database_size", "adds up the sizes of files"),
    ("pg_indexes_size", "adds up the sizes of files, under the lock of a read"),
    ("pg_is_in_recovery", "reads a flag"),
    ("pg_last_wal_receive_lsn", "reads a counter"),
    ("pg_last_wal_replay_lsn", "reads a counter"),
    ("pg_last_xact_replay_timestamp", "reads a counter"),
    ("pg_lock_status", "reads the lock table"),
    ("pg_relation_size", "adds up the sizes of files, under the lock of a read"),
    ("pg_sleep", "waits; statement_timeout ends it"),
    ("pg_sleep_for", "waits; statement_timeout ends it"),
    ("pg_sleep_until", "waits; statement_timeout ends it"),
    ("pg_stat_get_backend_io", "reads counters"),
    ("pg_stat_get_backend_wal", "reads counters"),
    ("pg_stat_get_io", "reads counters"),
    ("pg_stat_get_recovery_prefetch", "reads counters"),
    ("pg_stat_get_xact_blocks_fetched", "reads counters of this transaction"),
    ("pg_stat_get_xact_blocks_hit", "reads counters of this transaction"),
    ("pg_stat_get_xact_function_calls", "reads counters of this transaction"),
    ("pg_stat_get_xact_function_self_time", "reads counters of this transaction"),
    ("pg_stat_get_xact_function_total_time", "reads counters of this transaction"),
    ("pg_stat_get_xact_numscans", "reads counters of this transaction"),
    ("pg_stat_get_xact_tuples_deleted", "reads counters of this transaction"),
    ("pg_stat_get_xact_tuples_fetched", "reads counters of this transaction"),
    ("pg_stat_get_xact_tuples_hot_updated", "reads counters of this transaction"),
    ("pg_stat_get_xact_tuples_inserted", "reads counters of this transaction"),
    ("pg_stat_get_xact_tuples_newpage_updated", "reads counters of this transaction"),
    ("pg_stat_get_xact_tuples_returned", "reads counters of this transaction"),
    ("pg_stat_get_xact_tuples_updated", "reads counters of this transaction"),
    ("pg_stat_have_stats", "reads whether counters exist"),
    ("pg_table_size", "adds up the sizes of files, under the lock of a read"),
    ("pg_total_relation_size", "adds up the sizes of files, under the lock of a read"),
    ("random", "draws random numbers"),
    ("random_normal", "draws random numbers"),
    ("timeofday", "reads the clock"),
    ("timezone", "converts a time; volatile until 14, for it reads the clock to know the date"),
    ("uuidv4", "draws random numbers"),
    ("uuidv7", "reads the clock and draws random numbers"),
];

/// Functions that run SQL, or read a table or a type that is named by a value, whatever their volatility.
pub const RUNS_SQL: &[(&str, &str)] = &[
    ("cursor_to_xml", "it runs the statement of a cursor"),
    ("cursor_to_xmlschema", "it runs the statement of a cursor"),
    ("database_to_xml", "it reads every table and view of the database"),
    ("database_to_xml_and_xmlschema", "it reads every table and view of the database"),
    ("database_to_xmlschema", "it opens every table and view of the database"),
    ("fmgr_c_validator", "it loads the library of a function given by number"),
    ("fmgr_sql_validator", "it parses the body of a function given by number, with its literals"),
    ("pg_current_xact_id", "it assigns a transaction ID"),
    ("pg_get_partition_constraintdef", "it evaluates the partition key of a relation given by number"),
    ("pg_input_error_info", "it runs the input function of a type given by name, with the checks of a domain"),
    ("pg_input_is_valid", "it runs the input function of a type given by name, with the checks of a domain"),
    ("query_to_xml", "it runs a statement given as text"),
    ("query_to_xml_and_xmlschema", "it runs a statement given as text"),
    ("query_to_xmlschema", "it runs a statement given as text"),
    ("satisfies_hash_partition", "it evaluates the partition key of a relation given by number"),
    ("schema_to_xml", "it reads every table and view of a schema"),
    ("schema_to_xml_and_xmlschema", "it reads every table and view of a schema"),
    ("schema_to_xmlschema", "it opens every table and view of a schema"),
    ("table_to_xml", "it reads a table or view given by name"),
    ("table_to_xml_and_xmlschema", "it reads a table or view given by name"),
    ("table_to_xmlschema", "it opens a table or view given by name"),
    ("ts_rewrite", "it runs a statement given as text"),
    ("ts_stat", "it runs a statement given as text"),
    ("txid_current", "it assigns a transaction ID"),
];

/// What input functions of many types do.
const READS_TYPE: &str = "it runs the input function of a type given by number, with the checks of a domain";

/// Beginnings of the names of volatile functions that act: on locks, files, replication, statistics, the server.
const ACTING_FAMILIES: &[&str] = &[
    "binary_upgrade_",
    "lo_",
    "pg_advisory_",
    "pg_ls_",
    "pg_replication_",
    "pg_stat_reset",
    "pg_try_advisory_",
    "pg_logical_",
];

/// The other volatile functions that change something, take a lock, open a relation by number, or show files and memory.
const ACTING: &[&str] = &[
    "amvalidate",
    "brin_desummarize_range",
    "brin_summarize_new_values",
    "brin_summarize_range",
    "currtid",
    "currtid2",
    "gin_clean_pending_list",
    "loread",
    "lowrite",
    "nextval",
    "pg_available_wal_summaries",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_cancel_backend",
    "pg_clear_attribute_stats",
    "pg_clear_relation_stats",
    "pg_collation_actual_version",
    "pg_control_checkpoint",
    "pg_control_init",
    "pg_control_recovery",
    "pg_control_system",
    "pg_copy_logical_replication_slot",
    "pg_copy_physical_replication_slot",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_create_restore_point",
    "pg_current_logfile",
    "pg_database_collation_actual_version",
    "pg_drop_replication_slot",
    "pg_export_snapshot",
    "pg_extension_config_dump",
    "pg_get_aios",
    "pg_get_backend_memory_contexts",
    "pg_get_loaded_modules",
    "pg_get_multixact_members",
    "pg_get_sequence_data",
    "pg_get_shmem_allocations",
    "pg_get_shmem_allocations_numa",
    "pg_get_wait_events",
    "pg_get_wal_replay_pause_state",
    "pg_get_wal_resource_managers",
    "pg_get_wal_summarizer_state",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_import_system_collations",
    "pg_is_in_backup",
    "pg_is_wal_replay_paused",
    "pg_isolation_test_session_is_blocked",
    "pg_jit_available",
    "pg_last_committed_xact",
    "pg_log_backend_memory_contexts",
    "pg_log_standby_snapshot",
    "pg_nextoid",
    "pg_notification_queue_usage",
    "pg_notify",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_prepared_xact",
    "pg_promote",
    "pg_read_binary_file",
    "pg_read_file",
    "pg_read_file_old",
    "pg_reload_conf",
    "pg_restore_attribute_stats",
    "pg_restore_relation_stats",
    "pg_rotate_logfile",
    "pg_rotate_logfile_old",
    "pg_safe_snapshot_blocking_pids",
    "pg_sequence_last_value",
    "pg_show_all_file_settings",
    "pg_show_replication_origin_status",
    "pg_start_backup",
    "pg_stat_clear_snapshot",
    "pg_stat_file",
    "pg_stat_force_next_flush",
    "pg_stop_backup",
    "pg_stop_making_pinned_objects",
    "pg_switch_wal",
    "pg_sync_replication_slots",
    "pg_tablespace_size",
    "pg_terminate_backend",
    "pg_wal_replay_pause",
    "pg_wal_replay_resume",
    "pg_wal_summary_contents",
    "pg_xact_commit_timestamp",
    "pg_xact_commit_timestamp_origin",
    "pg_xact_status",
    "set_config",
    "setseed",
    "setval",
    "txid_status",
    "plpgsql_call_handler",
    "plpgsql_inline_handler",
    "plpgsql_validator",
];

/// Settings that a function may change while it runs, beside `search_path`: figures of the planner, memory, how values are
/// written and read. None of them names an object, changes who one is, lifts a limit, or decides how SQL is read. Not
/// here, and so refused: `role`, `session_authorization`, `row_security`, `session_replication_role`,
/// `default_transaction_read_only`, timeouts, `standard_conforming_strings` and what else the lexer reads SQL by,
/// `default_text_search_config` and `default_table_access_method` (they name objects), a program's own (`app.user`), on
/// which policies may look.
const HARMLESS_SETTINGS: &[&str] = &[
    "bytea_output",
    "client_min_messages",
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "datestyle",
    "effective_cache_size",
    "effective_io_concurrency",
    "extra_float_digits",
    "from_collapse_limit",
    "geqo",
    "geqo_threshold",
    "hash_mem_multiplier",
    "intervalstyle",
    "jit",
    "jit_above_cost",
    "jit_inline_above_cost",
    "jit_optimize_above_cost",
    "join_collapse_limit",
    "maintenance_work_mem",
    "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size",
    "min_parallel_table_scan_size",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "pg_trgm.similarity_threshold",
    "pg_trgm.strict_word_similarity_threshold",
    "pg_trgm.word_similarity_threshold",
    "plan_cache_mode",
    "random_page_cost",
    "seq_page_cost",
    "timezone",
    "work_mem",
];

/// Whether a function may change a setting while it runs; switches of the planner (`enable_seqscan`) all do no harm.
pub(crate) fn is_harmless_setting(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("enable_") || HARMLESS_SETTINGS.contains(&name.as_str())
}

/// Words that name no function where they are not quoted. Source: `pg_get_keywords()` of 12 to 18, category R (reserved)
/// in all of them.
pub const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "session_user",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// Returns what is known of a builtin function.
pub fn builtin(function: BuiltinFunction<'_>) -> Builtin {
    let reason =
        |list: &[(&str, &'static str)]| list.iter().find(|(name, _)| *name == function.name).map(|(_, why)| *why);
    if function.reads_type {
        return Builtin::RunsSql(READS_TYPE);
    }
    if let Some(why) = reason(RUNS_SQL) {
        return Builtin::RunsSql(why);
    }
    if !function.is_volatile {
        return Builtin::Harmless;
    }
    if let Some(why) = reason(HARMLESS_VOLATILE) {
        return Builtin::HarmlessVolatile(why);
    }
    if ACTING.contains(&function.name) || ACTING_FAMILIES.iter().any(|family| function.name.starts_with(family)) {
        return Builtin::Acts;
    }
    if function.is_internal { Builtin::Harmless } else { Builtin::Undecided }
}

/// A C library whose functions compute from their arguments, and the symbols in it that do not.
///
/// Only a superuser makes a function in C, so the library is proof of what runs, whoever made the extension.
#[derive(Debug, Clone, Copy)]
struct Library {
    /// `probin`, behind `$libdir/`.
    name: &'static str,
    symbols: Symbols,
}

#[derive(Debug, Clone, Copy)]
enum Symbols {
    /// All, for they compute.
    All,
    /// These only.
    Only(&'static [&'static str]),
}

/// The libraries. Not here, and so refused: `dblink`, `file_fdw`, `postgres_fdw`, `adminpack`, `pg_prewarm`,
/// `pgrowlocks`, `pageinspect`, `pgstattuple` (they act, read files or read relations given by name), `xml2`
/// (`xpath_table` runs SQL), `plpgsql` and other languages, and every library that nobody has looked at. Of `PostGIS` only the geometry
/// and geography types: its raster library runs expressions given as text, its topology writes.
const LIBRARIES: &[Library] = &[
    Library { name: "_int", symbols: Symbols::All },
    Library { name: "bloom", symbols: Symbols::All },
    Library { name: "btree_gin", symbols: Symbols::All },
    Library { name: "btree_gist", symbols: Symbols::All },
    Library { name: "citext", symbols: Symbols::All },
    Library { name: "cube", symbols: Symbols::All },
    Library { name: "dict_int", symbols: Symbols::All },
    Library { name: "dict_xsyn", symbols: Symbols::All },
    Library { name: "earthdistance", symbols: Symbols::All },
    Library { name: "fuzzystrmatch", symbols: Symbols::All },
    // Its populate_record runs input functions of a type that the statement names, which is judged as a type.
    Library { name: "hstore", symbols: Symbols::All },
    Library { name: "isn", symbols: Symbols::All },
    Library { name: "ltree", symbols: Symbols::All },
    // Its pg_stat_statements_reset acts.
    Library {
        name: "pg_stat_statements",
        symbols: Symbols::Only(&[
            "pg_stat_statements",
            "pg_stat_statements_1_2",
            "pg_stat_statements_1_3",
            "pg_stat_statements_1_8",
            "pg_stat_statements_1_9",
            "pg_stat_statements_1_10",
            "pg_stat_statements_1_11",
            "pg_stat_statements_1_12",
            "pg_stat_statements_info",
        ]),
    },
    // set_limit changes a setting of this session, which ends with it; behind a pooler it would stay.
    Library { name: "pg_trgm", symbols: Symbols::All },
    Library { name: "pgcrypto", symbols: Symbols::All },
    // Its statements are in POSTGIS_SQL.
    Library { name: "postgis-3", symbols: Symbols::All },
    Library { name: "seg", symbols: Symbols::All },
    // Its crosstab and connectby run SQL.
    Library { name: "tablefunc", symbols: Symbols::Only(&["normal_rand"]) },
    Library { name: "tsm_system_rows", symbols: Symbols::All },
    Library { name: "tsm_system_time", symbols: Symbols::All },
    Library { name: "unaccent", symbols: Symbols::All },
    Library { name: "uuid-ossp", symbols: Symbols::All },
    Library { name: "vector", symbols: Symbols::All },
];

/// Symbols of listed libraries that act after all.
const EXCEPT: &[(&str, &str)] = &[
    ("isn", "accept_weak_input"),
    ("pg_trgm", "set_limit"),
    // Runs what the WFS locks keep as text, in triggers.
    ("postgis-3", "check_authorization"),
    ("postgis-3", "getTransactionID"),
    // Creates a table under the names it is given.
    ("postgis-3", "pgis_tablefromflatgeobuf"),
    // They look into the statistics and the index of a table given by name.
    ("postgis-3", "gserialized_estimated_extent"),
    ("postgis-3", "_postgis_gserialized_index_extent"),
    ("postgis-3", "_postgis_gserialized_joinsel"),
    ("postgis-3", "_postgis_gserialized_sel"),
    ("postgis-3", "_postgis_gserialized_stats"),
];

/// The statements that `PostGIS` runs for a geography, `ST_Transform`, `ST_AsGeoJSON` and others. Their operators and functions are
/// looked up on the role's path, and the table in one place too.
///
/// Source: `SPI_exec` in `libpgcommon/lwgeom_{cache,pg,transform}.c` and `postgis/lwgeom_in_gml.c` of 3.3 to 3.6.
const POSTGIS_SQL: &[&str] = &[
    "select proj4text, auth_name, auth_srid, srtext from spatial_ref_sys where srid = 4326 limit 1",
    "select 'urn:ogc:def:crs:' || auth_name || '::' || auth_srid from spatial_ref_sys where srid = '4326'",
    "select srid from spatial_ref_sys, regexp_matches($1::text, 'x', 'gi') as re \
     where re[1] ilike auth_name and int4(re[2]) = auth_srid",
    "select pronamespace from pg_catalog.pg_proc where proname = 'postgis_full_version'",
    "select 1 from pg_catalog.pg_class where relname = 'spatial_ref_sys' and relnamespace = 1",
];

/// Returns the statements that a harmless library runs by itself.
pub(crate) fn sql_of(library: &str) -> &'static [&'static str] {
    if library == "$libdir/postgis-3" { POSTGIS_SQL } else { &[] }
}

/// Whether a function in C does no harm: `probin` and `prosrc`.
pub(crate) fn is_harmless_symbol(library: &str, symbol: &str) -> bool {
    let Some(name) = library.strip_prefix("$libdir/") else { return false };
    let Some(known) = LIBRARIES.iter().find(|known| known.name == name) else { return false };
    !EXCEPT.contains(&(name, symbol))
        && match known.symbols {
            Symbols::All => true,
            Symbols::Only(symbols) => symbols.contains(&symbol),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str, is_volatile: bool) -> Builtin {
        builtin(BuiltinFunction { name, is_volatile, is_internal: false, reads_type: false })
    }

    #[test]
    fn a_function_is_judged_by_its_volatility_and_the_lists() {
        assert_eq!(class("lower", false), Builtin::Harmless);
        assert_eq!(class("random", true), Builtin::HarmlessVolatile("draws random numbers"));
        assert!(matches!(class("table_to_xml", false), Builtin::RunsSql(_)));
        assert_eq!(class("nextval", true), Builtin::Acts);
        assert_eq!(class("lo_create", true), Builtin::Acts);
        assert_eq!(class("pg_stat_reset_replication_slot", true), Builtin::Acts);
        let input = BuiltinFunction { name: "domain_in", is_volatile: false, is_internal: false, reads_type: true };
        assert_eq!(builtin(input), Builtin::RunsSql(READS_TYPE));
        assert_eq!(class("of_the_next_release", true), Builtin::Undecided);
    }

    #[test]
    fn no_function_is_on_two_lists() {
        let names = HARMLESS_VOLATILE.iter().chain(RUNS_SQL).map(|(name, _)| *name);
        for name in names {
            let is_acting = ACTING.contains(&name) || ACTING_FAMILIES.iter().any(|family| name.starts_with(family));
            assert!(!is_acting, "{name}");
        }
    }

    #[test]
    fn a_library_is_known_by_where_it_lies() {
        for (library, symbol, expected) in [
            ("$libdir/pg_trgm", "similarity", true),
            ("$libdir/pg_trgm", "set_limit", false),
            ("$libdir/postgis-3", "ST_Intersects", true),
            ("$libdir/postgis-3", "pgis_tablefromflatgeobuf", false),
            ("$libdir/postgis_raster-3", "RASTER_mapAlgebraExpr", false),
            ("$libdir/isn", "accept_weak_input", false),
            ("pg_trgm", "similarity", false),
            ("/tmp/pg_trgm", "similarity", false),
            ("$libdir/../../tmp/pg_trgm", "similarity", false),
            ("$libdir/dblink", "dblink_exec", false),
            ("$libdir/tablefunc", "crosstab", false),
            ("$libdir/tablefunc", "normal_rand", true),
            ("$libdir/pg_stat_statements", "pg_stat_statements_reset_1_11", false),
        ] {
            assert_eq!(is_harmless_symbol(library, symbol), expected, "{library} {symbol}");
        }
    }
}
