//! Tests of plans that are deep or wide beyond what a screen shows.

use super::text::{lines, psql};
use super::{Plan, parse, to_json};

/// A chain of joins of so many levels, compact: a server indents JSON, and a text of it would be gigabytes.
fn chain(levels: usize) -> Plan {
    let mut text = String::from("[{\"Plan\":");
    for level in 0..levels {
        let relationship = if level % 7 == 3 { ("SubPlan", "\"Subplan Name\":\"SubPlan 1\",") } else { ("Outer", "") };
        text.push_str(&format!(
            "{{\"Node Type\":\"Nested Loop\",\"Parent Relationship\":\"{}\",{}\"Parallel Aware\":false,\"Join Type\":\"Inner\",\"Startup Cost\":0.00,\"Total Cost\":9.00,\"Plan Rows\":{level},\"Plan Width\":8,\"Join Filter\":\"(a = {level})\",\"Plans\":[",
            relationship.0, relationship.1
        ));
    }
    text.push_str("{\"Node Type\":\"Seq Scan\",\"Parent Relationship\":\"Outer\",\"Parallel Aware\":false,\"Relation Name\":\"t\",\"Alias\":\"t\",\"Startup Cost\":0.00,\"Total Cost\":1.00,\"Plan Rows\":1,\"Plan Width\":8,\"Filter\":\"(x = 1)\"}");
    text.push_str(&"]}".repeat(levels));
    text.push_str("}]");
    parse(&text).plans.remove(0)
}

fn wide(letters: usize) -> Plan {
    let ids = "100001,".repeat(letters / 7 + 1);
    parse(&format!("Seq Scan on t  (cost=0.00..1.00 rows=1 width=8)\n  Filter: (id = ANY ('{{{ids}}}'::bigint[]))"))
        .plans
        .remove(0)
}

#[test]
fn a_line_of_more_than_65_535_columns_is_printed() {
    // 8,187 ids of seven letters in an IN were enough.
    let text = psql(&wide(70_000));
    let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
    assert!(widths[0] > 70_000 && widths[0] == widths[1] && widths[1] == widths[3] + 1, "{widths:?}");
    assert_eq!(text.lines().last(), Some("(2 rows)"));
    assert!(text.starts_with("     ") && text.lines().next().unwrap().trim() == "QUERY PLAN");
}

#[test]
fn a_plan_of_10_000_levels_is_printed_in_megabytes() {
    let plan = chain(10_000);
    assert_eq!(plan.nodes.len(), 10_001);
    let length = |lines: Vec<String>| lines.iter().map(String::len).sum::<usize>();
    // By the level it was 300 MB a line a node.
    let (shallow, deep) = (length(lines(&chain(1000))), length(lines(&plan)));
    assert!(deep < 8_000_000 && deep < shallow * 11, "{shallow} {deep}");
    assert!(psql(&plan).len() < 9_000_000);
    assert!(to_json::to_json(&plan).len() < 12_000_000);
}

#[test]
fn a_deep_plan_is_read_back_from_its_own_text() {
    let shape = |plan: &Plan| -> Vec<_> {
        let nodes = plan.nodes.iter();
        nodes.map(|node| (node.parent, node.kind, node.depth, node.join_filter().map(str::to_owned))).collect()
    };
    for levels in [10, 31, 32, 33, 60, 300] {
        let plan = chain(levels);
        for text in [lines(&plan).join("\n"), psql(&plan)] {
            let parsed = parse(&text);
            assert_eq!(parsed.plans.len(), 1, "{levels}: {:?}", parsed.troubles);
            assert_eq!(shape(&parsed.plans[0]), shape(&plan), "{levels}");
        }
    }
}

#[test]
fn rules_and_comparison_of_a_deep_plan_come_to_an_end() {
    let plan = chain(10_000);
    let _verdict = super::tips::verdict(&plan, &super::tips::TipContext::default());
    let found = super::diff::diff(&plan, &plan);
    assert_eq!(found.shapes().count(), 0);
}
