//! How long advice takes, without a server: candidates and tips of a plan of 100 nodes, reading one of 10,000.
//!
//! `cargo bench`. Timings decide no test; the README quotes these figures.

use divan::{Bencher, black_box};
use pgdj::advisor::advise;
use pgdj::catalog::Catalog;
use pgdj::catalog::statistics::ColumnStatistics;
use pgdj::catalog::table::{Table, TableColumn};
use pgdj::plan::tips::{TipContext, verdict};
use pgdj::plan::{Plan, parse};

/// Tables of the schema, and the rows of each.
const TABLES: usize = 10;
const ROWS: f64 = 1_500_000.0;

fn main() {
    divan::main();
}

/// What pgdj adds before the planner is asked (HypoPG): the goal is 10 ms.
#[divan::bench]
fn candidates_of_100_nodes(bencher: Bencher) {
    let (plan, catalog) = (plan(100), catalog());
    let advice = advise(&plan, &catalog);
    assert!(
        plan.nodes.len() >= 100 && !advice.candidates.is_empty(),
        "{} nodes: {:?}",
        plan.nodes.len(),
        advice.refusals
    );
    bencher.bench_local(|| advise(black_box(&plan), black_box(&catalog)));
}

#[divan::bench]
fn tips_of_100_nodes(bencher: Bencher) {
    let (plan, context) = (plan(100), TipContext::default());
    bencher.bench_local(|| verdict(black_box(&plan), black_box(&context)));
}

#[divan::bench]
fn reading_10_000_nodes(bencher: Bencher) {
    let text = text(10_000);
    assert!(parse(&text).plans.iter().all(|plan| plan.nodes.len() >= 10_000));
    bencher.bench_local(|| parse(black_box(&text)));
}

fn plan(nodes: usize) -> Plan {
    parse(&text(nodes)).plans.remove(0)
}

/// A plan in which each part is a report on two tables: four nodes: a join, a sort, two scans with their conditions.
fn text(nodes: usize) -> String {
    let ran = |rows: usize, time: f64| format!("(actual time=0.100..{time} rows={rows} loops=1)");
    let mut text = format!("Append  (cost=0.00..900000.00 rows=1000 width=72) {}", ran(1000, 90_000.0));
    for part in 0..nodes.div_ceil(4) {
        let (one, other) = (part % TABLES, (part + 3) % TABLES);
        // Most are too quick to be worth an index, as in life.
        let time = if part % 10 == 0 { 8000.0 } else { 800.0 };
        let lines = [
            format!("  ->  Sort  (cost=90000.00..90000.10 rows=50 width=72) {}", ran(50, time + 100.0)),
            "        Sort Key: o.created_at DESC".to_owned(),
            "        Sort Method: quicksort  Memory: 200kB".to_owned(),
            format!("        ->  Hash Join  (cost=100.00..89000.00 rows=50 width=72) {}", ran(50, time + 90.0)),
            "              Hash Cond: (o.customer_id = c.id)".to_owned(),
            format!(
                "              ->  Seq Scan on shop_t{one} o  (cost=0.00..60000.00 rows=60 width=40) {}",
                ran(60, time)
            ),
            format!(
                "                    Filter: ((status = 'status{part}'::text) AND (total > 10.5) AND (created_at >= '2026-01-01 00:00:00+00'::timestamp with time zone))"
            ),
            "                    Rows Removed by Filter: 1499940".to_owned(),
            format!(
                "              ->  Seq Scan on shop_t{other} c  (cost=0.00..20000.00 rows=900 width=32) {}",
                ran(900, 80.0)
            ),
            "                    Filter: (upper((email)::text) ~~ 'A%'::text)".to_owned(),
            "                    Rows Removed by Filter: 1499100".to_owned(),
        ];
        for line in lines {
            text.push('\n');
            text.push_str(&line);
        }
    }
    text + "\nPlanning Time: 2.000 ms\nExecution Time: 90001.000 ms"
}

/// A catalog whose columns have statistics of the default size: 100 common values, 101 bounds.
fn catalog() -> Catalog {
    let table = |at: usize| Table {
        schema: "public".into(),
        name: format!("shop_t{at}"),
        rows: Some(ROWS),
        pages: ROWS / 50.0,
        all_visible_pages: ROWS / 60.0,
        columns: COLUMNS.iter().zip(1..).map(|(known, number)| column(known, number)).collect(),
        ..Table::default()
    };
    Catalog { tables: (0..TABLES).map(table).collect(), ..Catalog::default() }
}

const COLUMNS: &[(&str, &str, char, i16)] = &[
    ("id", "bigint", 'N', 8),
    ("customer_id", "bigint", 'N', 8),
    ("status", "text", 'S', -1),
    ("email", "text", 'S', -1),
    ("total", "numeric", 'N', -1),
    ("created_at", "timestamp with time zone", 'D', 8),
    ("updated_at", "timestamp with time zone", 'D', 8),
    ("is_active", "boolean", 'B', 1),
    ("note", "text", 'S', -1),
    ("data", "jsonb", 'U', -1),
];

fn column(&(name, type_name, category, length): &(&str, &str, char, i16), number: i16) -> TableColumn {
    let value = |at: usize| match category {
        'D' => format!("2025-{:02}-{:02} 00:00:00+00", at % 12 + 1, at % 28 + 1),
        'N' => (at * 37).to_string(),
        _ => format!("{name}{at}"),
    };
    let statistics = ColumnStatistics {
        width: 16.0,
        n_distinct: if name == "id" { -1.0 } else { 20_000.0 },
        common: (0..100).map(|at| (value(at), 0.002)).collect(),
        bounds: (0..101).map(value).collect(),
        ..ColumnStatistics::default()
    };
    TableColumn {
        number,
        name: name.into(),
        type_name: type_name.into(),
        full_type: type_name.into(),
        category,
        length,
        alignment: 8,
        is_not_null: true,
        statistics: Some(statistics),
        ..TableColumn::default()
    }
}
