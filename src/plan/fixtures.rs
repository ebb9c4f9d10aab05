//! The plans of real servers, 12 to 18, against what must hold for every plan. Only for tests.

use super::{Node, NodeKind, Plan, PlanFormat, parse};

/// One statement on one server.
pub(crate) struct Fixture {
    pub(crate) major: u32,
    pub(crate) name: String,
    pub(crate) json: String,
    pub(crate) text: String,
    pub(crate) estimate_json: String,
    pub(crate) estimate_text: String,
}

impl Fixture {
    fn title(&self) -> String {
        format!("{} {}", self.major, self.name)
    }
}

/// Returns every statement of every server.
pub(crate) fn all() -> Vec<Fixture> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut fixtures = Vec::new();
    for major in 12..=18 {
        let lines = std::fs::read_to_string(folder.join(format!("{major}.jsonl"))).unwrap();
        for line in lines.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| value[name].as_str().unwrap().to_owned();
            fixtures.push(Fixture {
                major,
                name: text("name"),
                json: text("json"),
                text: text("text"),
                estimate_json: text("estimate_json"),
                estimate_text: text("estimate_text"),
            });
        }
    }
    fixtures
}

/// Returns the one plan of a text that must be understood wholly.
pub(crate) fn one(text: &str) -> Plan {
    let mut parsed = parse(text);
    assert!(parsed.troubles.is_empty(), "{:?} in\n{text}", parsed.troubles);
    assert_eq!(parsed.plans.len(), 1, "plans in\n{text}");
    parsed.plans.remove(0)
}

fn shape(plan: &Plan) -> Vec<String> {
    let line = |node: &Node| {
        format!(
            "{:indent$}{} {:?} {:?} {} {:?} {:?} {:?} {:?}",
            "",
            super::text_label::label(node),
            node.subplan_name(),
            node.filter(),
            node.index_cond().unwrap_or_default(),
            node.sort_key(),
            node.group_key(),
            node.output(),
            node.join_filter(),
            indent = node.depth
        )
    };
    plan.nodes.iter().map(line).collect()
}

#[test]
fn both_forms_of_the_same_estimate_give_the_same_tree() {
    for fixture in all() {
        let (json, text) = (one(&fixture.estimate_json), one(&fixture.estimate_text));
        assert_eq!((json.format, text.format), (PlanFormat::Json, PlanFormat::Text));
        assert_eq!(shape(&json), shape(&text), "{}", fixture.title());
        for (json, text) in json.nodes.iter().zip(&text.nodes) {
            assert_eq!(json.estimate, text.estimate, "{}", fixture.title());
            // The text does not tell the one child of a ModifyTable from its first.
            if json.parent != Some(0) || json.kind == NodeKind::SeqScan {
                assert_eq!(json.parent, text.parent, "{}", fixture.title());
            }
        }
        assert_eq!(json.settings, text.settings, "{}", fixture.title());
    }
}

#[test]
fn both_forms_of_the_same_run_give_the_same_facts() {
    for fixture in all() {
        let (json, text) = (one(&fixture.json), one(&fixture.text));
        let title = fixture.title();
        assert_eq!(shape(&json), shape(&text), "{title}");
        for (json, text) in json.nodes.iter().zip(&text.nodes) {
            // Which worker comes to do something is a matter of luck.
            if fixture.name.starts_with("parallel") {
                continue;
            }
            assert_eq!(json.sorted.is_some(), text.sorted.is_some(), "{title}");
            assert_eq!(json.hashed.map(|hash| hash.batches), text.hashed.map(|hash| hash.batches), "{title}");
            assert_eq!(json.memoized.map(|cache| cache.misses), text.memoized.map(|cache| cache.misses), "{title}");
            assert_eq!(json.heap_fetches(), text.heap_fetches(), "{title}");
            assert_eq!(json.aggregated.is_some(), text.aggregated.is_some(), "{title}");
            assert_eq!(json.is_never_executed(), text.is_never_executed(), "{title}");
            let is_serial = json.derived.processes <= 1.0;
            if is_serial {
                assert_eq!(json.actual.map(|it| it.loops), text.actual.map(|it| it.loops), "{title}");
                assert_eq!(json.removed.by_filter.unwrap_or(0.0), text.removed.by_filter.unwrap_or(0.0), "{title}");
            }
        }
        assert_eq!(json.triggers.len(), text.triggers.len(), "{title}");
        assert_eq!(json.settings, text.settings, "{title}");
        assert!(json.execution_time.is_some() && text.execution_time.is_some(), "{title}");
    }
}

#[test]
fn self_times_add_up_to_the_execution_time() {
    for fixture in all() {
        for plan in [one(&fixture.json), one(&fixture.text)] {
            let execution = plan.execution_time.unwrap().0;
            let own: f64 = plan.nodes.iter().filter_map(|node| node.derived.self_time).map(|time| time.0).sum();
            let all = own + plan.accounts.triggers.0 + plan.accounts.rest.0;
            assert!((all - execution).abs() <= execution * 0.01, "{}: {all} of {execution}", fixture.title());
            // Where no trigger and no start of workers takes time beside the nodes, they make up nearly all of it.
            let root = plan.root().unwrap().derived.total_time.unwrap().0;
            assert!(own >= root * 0.99, "{}: {own} of {root}", fixture.title());
            assert!(own <= execution * 1.01, "{}: {own} of {execution}", fixture.title());
        }
    }
}

#[test]
fn little_is_cut_off_to_make_the_self_times_fit() {
    for fixture in all() {
        let plan = one(&fixture.json);
        for (id, node) in plan.iter().filter(|(_, node)| !node.is_never_executed()) {
            let actual = node.actual.unwrap();
            let whole = actual.total.unwrap().0 * actual.loops / node.derived.processes;
            let children: f64 = plan
                .iter()
                .filter(|(_, child)| child.derived.charged_to == Some(id))
                .filter_map(|(_, child)| child.derived.total_time)
                .map(|time| time.0)
                .sum();
            assert!(children <= whole * 1.2 + 5e-4, "{} {}: {children} of {whole}", fixture.title(), node.node_type);
        }
    }
}

#[test]
fn the_text_made_of_json_is_the_servers_own() {
    for fixture in all() {
        let made = super::text::lines(&one(&fixture.estimate_json)).join("\n");
        assert_eq!(made, fixture.estimate_text.trim_end(), "{}", fixture.title());
    }
}

#[test]
fn the_text_made_of_a_run_says_what_the_server_says() {
    for fixture in all().iter().filter(|fixture| !fixture.name.starts_with("parallel")) {
        // Figures differ from run to run, and so do the lines that are there only if a figure is not zero.
        let varies = ["Buffers", "I/O", "WAL", "Planning:", "Rows Removed by Filter: 0"];
        let plain = |lines: &mut dyn Iterator<Item = String>| -> Vec<String> {
            let lines = lines.filter(|line| !varies.iter().any(|name| line.trim_start().starts_with(name)));
            let digits = |line: String| line.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
            lines.map(digits).map(|line| line.trim_end().replace("(originally )", "").replace("  ", " ")).collect()
        };
        let made = plain(&mut super::text::lines(&one(&fixture.json)).into_iter());
        let server =
            plain(&mut fixture.text.lines().skip(2).map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()));
        let server: Vec<String> = server.into_iter().filter(|line| !line.is_empty() && line != "( rows)").collect();
        assert_eq!(made, server, "{}", fixture.title());
    }
}

#[test]
fn a_plan_written_as_json_or_text_and_read_again_is_the_same() {
    for fixture in all() {
        let plan = one(&fixture.json);
        assert_eq!(one(&super::to_json::to_json(&plan)), plan, "{}", fixture.title());
        let again = one(&super::text::psql(&plan));
        assert_eq!(shape(&again), shape(&plan), "{}", fixture.title());
    }
}
