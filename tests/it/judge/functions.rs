//! Every function of every release is decided by a rule, and what the judge takes for harmless by its number is.

use std::collections::BTreeSet;

use pgdj::pg::judge::rules::{Builtin, BuiltinFunction, RESERVED, builtin};

use crate::support::{open, servers};

/// Every builtin function: name, volatility, whether no statement can call it, whether its arguments hint at SQL or at
/// an object given by name or number, and whether it reads a text or a message as a type given by number.
const FUNCTIONS: &str = "select
    p.proname::text, p.provolatile = 'v',
    2281 = any (p.proargtypes::oid[]) or p.prorettype in (2279, 2281, 269, 325, 3310, 3115, 3838, 2280),
    p.proargtypes::oid[] && array['regclass'::regtype::oid, 'refcursor'::regtype::oid]
        or coalesce(p.proargnames::text, '') ~ '(sql|query|tbl|table|relation|schema|cursor|type_name)'
        or p.proname ~ '(xml|_sql|query|stat$|partition|updatable|publishable|xact_id|txid|input)',
    26 = any (p.proargtypes::oid[])
        and (2275 = any (p.proargtypes::oid[]) or 2281 = any (p.proargtypes::oid[]) and p.proname ~ 'recv$')
from pg_catalog.pg_proc as p
where p.oid < 16384";

/// Functions whose arguments hint at more than a computation and that were looked at: they read the catalog, or text only.
const LOOKED_AT: &[&str] = &[
    "age",
    "cursor_to_xml",
    "mxid_age",
    "numnode",
    "pg_get_replica_identity_index",
    "pg_index_column_has_property",
    "pg_index_has_property",
    "pg_my_temp_schema",
    "pg_partition_root",
    "pg_relation_filenode",
    "pg_relation_filepath",
    "querytree",
    "row_security_active",
    "ts_debug",
    "ts_match_qv",
    "ts_match_tq",
    "ts_match_tt",
    "ts_match_vq",
    "ts_rewrite",
    "pg_get_publication_tables",
    "pg_event_trigger_table_rewrite_oid",
    "pg_event_trigger_table_rewrite_reason",
    "pg_is_other_temp_schema",
    "current_schema",
    "current_schemas",
    "json_populate_record",
    "pg_table_is_visible",
    "plainto_tsquery",
    "phraseto_tsquery",
    "to_tsquery",
    "websearch_to_tsquery",
    "has_sequence_privilege",
    "has_table_privilege",
    "has_any_column_privilege",
    "has_column_privilege",
    "has_schema_privilege",
    "pg_snapshot_xip",
    "pg_snapshot_xmax",
    "pg_snapshot_xmin",
    "pg_visible_in_snapshot",
    "txid_current_if_assigned",
    "pg_current_xact_id_if_assigned",
    "txid_current_snapshot",
    "txid_snapshot_xip",
    "txid_snapshot_xmax",
    "txid_snapshot_xmin",
    "txid_visible_in_snapshot",
    "pg_get_acl",
    "pg_sequence_parameters",
    "pg_describe_object",
    "pg_column_is_updatable",
    "pg_relation_is_updatable",
    "pg_relation_is_publishable",
    "pg_get_object_address",
    "aclexplode",
    "pg_get_function_sqlbody",
    "pg_get_catalog_foreign_keys",
    "pg_stat_get_activity",
    "pg_identify_object",
    "regclassout",
    "regclasssend",
    "pg_prepared_statement",
    "pg_available_extension_versions",
    "pg_event_trigger_dropped_objects",
    "pg_event_trigger_ddl_commands",
];

/// Names that only compute: conversions, comparisons, texts to types, XML that is given.
const COMPUTING: &[&str] = &["tsquery", "jsonb_path_query", "xml", "txid_snapshot_", "pg_snapshot_", "has_"];

#[tokio::test]
async fn every_function_of_every_release_is_decided_by_a_rule() {
    let mut undecided = Vec::new();
    let mut readers = BTreeSet::new();
    for server in servers() {
        let client = open(&server.login("postgres")).await;
        let rows = client.query(FUNCTIONS, &[]).await.unwrap();
        assert!(rows.len() > 2900, "{}: {}", server.name, rows.len());
        for row in &rows {
            let (name, is_volatile, is_internal, is_suspicious): (&str, bool, bool, bool) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            let reads_type: bool = row.get(4);
            let class = builtin(BuiltinFunction { name, is_volatile, is_internal, reads_type });
            let is_refused = matches!(class, Builtin::RunsSql(_));
            assert!(!reads_type || is_refused, "{}: {name} reads a type given by number", server.name);
            readers.extend(reads_type.then(|| name.to_owned()));
            let is_looked_at = LOOKED_AT.contains(&name) || COMPUTING.iter().any(|start| name.starts_with(start));
            let is_decided = match class {
                Builtin::Undecided => false,
                Builtin::Harmless => !is_suspicious || is_internal || is_looked_at,
                Builtin::HarmlessVolatile(_) | Builtin::RunsSql(_) | Builtin::Acts => true,
            };
            if !is_decided {
                undecided.push(format!("{} {name}: {class:?}", server.name));
            }
        }
    }
    assert!(undecided.is_empty(), "{}", undecided.join("\n"));
    for name in
        ["domain_in", "record_in", "array_in", "range_in", "enum_in", "domain_recv", "array_recv", "record_recv"]
    {
        assert!(readers.contains(name), "{name}");
    }
}

/// Functions behind builtin operators, types, casts and operator classes, which the judge does not ask for. A type gives
/// its input function its own number, so none of them reads another.
const BEHIND: &str = "select distinct p.proname::text, p.provolatile = 'v', 2281 = any (p.proargtypes::oid[])
from (
    select unnest(array[oprcode::oid, oprrest::oid, oprjoin::oid]) from pg_operator where oid < 16384
    union select unnest(array[typinput::oid, typoutput::oid, typreceive::oid, typsend::oid, typmodin::oid, typmodout::oid, typanalyze::oid])
        from pg_type where oid < 16384
    union select castfunc::oid from pg_cast where oid < 16384
    union select amproc::oid from pg_amproc where oid < 16384
    union select unnest(array[rngcanonical::oid, rngsubdiff::oid]) from pg_range where rngtypid < 16384
    union select prosupport::oid from pg_proc where oid < 16384
) as f (oid)
join pg_proc as p on p.oid = f.oid";

#[tokio::test]
async fn what_stands_behind_builtin_operators_and_types_does_no_harm() {
    for server in servers() {
        let client = open(&server.login("postgres")).await;
        for row in client.query(BEHIND, &[]).await.unwrap() {
            let (name, is_volatile, is_internal): (&str, bool, bool) = (row.get(0), row.get(1), row.get(2));
            let class = builtin(BuiltinFunction { name, is_volatile, is_internal, reads_type: false });
            let is_harmless = matches!(class, Builtin::Harmless | Builtin::HarmlessVolatile(_));
            assert!(is_harmless, "{}: {name}: {class:?}", server.name);
        }
        // Nor does a type of the release have a check that is not one of its own functions.
        let sql = "select count(*) from pg_constraint as c join pg_type as t on t.oid = c.contypid where t.oid < 16384
            and t.typnamespace <> 'information_schema'::regnamespace";
        assert_eq!(client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 0, "{}", server.name);
    }
}

#[tokio::test]
async fn the_words_that_name_no_function_are_reserved_in_every_release() {
    for server in servers() {
        let client = open(&server.login("postgres")).await;
        let rows = client.query("select word from pg_get_keywords() where catcode = 'R'", &[]).await.unwrap();
        let reserved: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        for word in RESERVED {
            assert!(reserved.contains(word), "{}: {word}", server.name);
        }
    }
}
