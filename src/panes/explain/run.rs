//! From a statement to its plan: the values of its parameters, the estimate first, a question where the run would be
//! long or would write, then the run. One at a time.

use crate::app::{Effect, Job, JobId, JobIds, PaneRequest};
use crate::document::{Document, Language};
use crate::pg::explain::{Agreed, Consent, ExplainProgress, ExplainRequest, Options, WHAT_STAYS};
use crate::plan::{NodeKind, Plan, Relationship, scans};
use crate::sample::unit::Count;
use crate::ui::code::spans;
use crate::ui::theme::Role;

/// The cost from which on a person is asked before it is run, in units of `seq_page_cost`: about ten seconds.
const LARGE: f64 = 500_000.0;

/// Calls that a question names; the rest is counted.
const SHOWN_CALLS: usize = 8;

/// The first words of a statement, by which it is told from a pasted plan.
const STATEMENTS: &[&str] = &[
    "select", "with", "insert", "update", "delete", "merge", "values", "table", "explain", "create", "declare",
    "execute", "refresh", "(",
];

/// What is under way.
#[derive(Debug, Clone)]
pub(super) struct ExplainRun {
    /// The job that it waits for.
    pub(super) id: JobId,
    /// What was asked for.
    pub(super) request: ExplainRequest,
    /// How far it is.
    pub(super) step: RunStep,
    /// How the server stands with it.
    pub(super) progress: ExplainProgress,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunStep {
    /// The types of its parameters are looked for, or a person fills in values.
    Values,
    /// The estimate is on its way.
    Estimate,
    /// It runs.
    Real,
}

/// What follows an estimate.
#[derive(Debug)]
pub(super) enum After {
    /// Nothing: it was all that was asked for.
    Nothing,
    /// The run.
    Run(Box<ExplainRun>, Effect),
    /// A question, and the run that follows a yes.
    Ask(Box<ExplainRun>, Box<PaneRequest>),
}

impl ExplainRun {
    /// A run of a request whose estimate is looked at first.
    pub(super) fn estimate(id: JobId, request: ExplainRequest) -> (Self, PaneRequest) {
        let run = Self { id, request, step: RunStep::Estimate, progress: ExplainProgress::default() };
        let effect = run.effect();
        (run, PaneRequest::Do(effect))
    }

    /// Returns what is asked of the server in this step.
    fn effect(&self) -> Effect {
        let request = &self.request;
        if self.step == RunStep::Real {
            return Effect::Start(self.id, Job::Explain(Box::new(request.clone())));
        }
        let options = Options {
            analyze: false,
            wal: false,
            timing: false,
            serialize: false,
            buffers: false,
            generic_plan: request.parameters.is_empty() && parameters(&request.sql) > 0,
            ..request.options
        };
        let asked = ExplainRequest { options, consent: Consent::ReadOnly, ..request.clone() };
        Effect::Start(self.id, Job::Explain(Box::new(asked)))
    }

    /// Asks whether a person agrees to what the statement calls, which counts as agreed from then on.
    pub(super) fn ask_to_agree(&mut self, id: JobId, calls: &[String], agreed: &[String]) -> PaneRequest {
        let mut about = Document::new("What may do more than read");
        let new: Vec<&String> = calls.iter().filter(|call| !agreed.contains(call)).collect();
        for (at, call) in new.iter().take(SHOWN_CALLS).enumerate() {
            about.pair(if at == 0 { "it calls" } else { "" }, &crate::ui::text::clean(call));
        }
        if let Some(more) = new.len().checked_sub(SHOWN_CALLS).filter(|more| *more > 0) {
            about.pair("", &format!("and {more} more"));
        }
        let is_run = self.step == RunStep::Real;
        let question = if is_run {
            "Run the statement, including these calls?"
        } else {
            about.pair("planning", "runs immutable and stable functions, before the statement is run");
            "Plan the statement? Planning can run these calls."
        };
        self.id = id;
        self.request.agreed = Agreed::To(agreed.iter().chain(new).cloned().collect());
        PaneRequest::Ask { about, question: question.to_owned(), then: self.effect() }
    }

    /// Whether a run follows the estimate: asked for, and possible with the values there are.
    fn is_to_be_run(&self) -> bool {
        let is_generic = self.request.parameters.is_empty() && parameters(&self.request.sql) > 0;
        self.step == RunStep::Estimate && self.request.options.analyze && !is_generic
    }

    /// Says what follows an estimate.
    pub(super) fn after(mut self, plan: &Plan, ids: &mut JobIds) -> After {
        if !self.is_to_be_run() {
            return After::Nothing;
        }
        let writes = plan.nodes.iter().any(|node| node.kind == NodeKind::ModifyTable);
        let cost = plan.total_cost().unwrap_or(0.0);
        if writes {
            self.request.consent = Consent::Write;
        }
        self.id = ids.take();
        self.step = RunStep::Real;
        self.progress = ExplainProgress::default();
        let effect = self.effect();
        if !writes && cost < LARGE {
            return After::Run(Box::new(self), effect);
        }
        let mut about = Document::new("What would run");
        about.pair("cost", &format!("{} (one sequential page read is 1)", Count(cost)));
        for (verb, what) in written(plan) {
            about.pair(verb, &what);
        }
        if !writes {
            let rows = plan.root().map_or(0.0, crate::plan::Node::rows_or_estimate).round();
            about.pair("returns", &format!("about {}", Count(rows).of("row", "rows")));
        }
        for scan in scans::sequential(plan).iter().take(3) {
            about.pair("scans all of", &scan.relation);
        }
        let limit = f64::from(self.request.timeout_ms) / 1e3;
        about.pair(
            "time limit",
            &format!("{} (statement_timeout); Esc cancels it earlier", crate::sample::Seconds(limit)),
        );
        if writes {
            about.pair("writes", &format!("yes: {WHAT_STAYS}"));
        }
        let question = if writes {
            "Run this write and roll it back?".to_owned()
        } else {
            "The estimated cost is large. Run it anyway?".to_owned()
        };
        After::Ask(Box::new(self), Box::new(PaneRequest::Ask { about, question, then: effect }))
    }

    /// Returns the line that says how it stands.
    pub(super) fn line(&self, sign: &str) -> Vec<(String, Role)> {
        let doing = match self.step {
            RunStep::Values => "reading its parameters",
            RunStep::Estimate => "getting the estimate",
            RunStep::Real => "running",
        };
        let mut line = vec![
            (format!("{sign} {doing} {}", self.progress.elapsed), Role::Accent),
            ("  Esc cancels it on the server".to_owned(), Role::Muted),
        ];
        if let Some(warning) = self.progress.warnings.first() {
            line.push((format!("  {}", crate::ui::text::clean_cut(warning, 200)), Role::Warning));
        }
        if let Some(blocker) = self.progress.blocked_by.first() {
            let others = self.progress.blocked_by.len() - 1;
            let others = if others > 0 { format!(" and {others} others") } else { String::new() };
            let told = format!("  blocked by pid {}{others} ({}): ", blocker.pid, blocker.who);
            line.push((crate::ui::text::clean(&told).into_owned(), Role::Lock));
            line.push((crate::ui::text::clean_cut(&blocker.query, 200), Role::Muted));
        }
        line
    }
}

/// Returns what a statement writes, by its estimate: the verb, and how many rows of which table.
///
/// A `ModifyTable` itself returns no rows without RETURNING; those that it changes are those of its inputs.
fn written(plan: &Plan) -> Vec<(&'static str, String)> {
    let changes = plan.iter().filter(|(_, node)| node.kind == NodeKind::ModifyTable);
    changes
        .map(|(id, node)| {
            let verb = match node.operation() {
                Some("Insert") => "inserts",
                Some("Update") => "updates",
                Some("Delete") => "deletes",
                Some("Merge") => "merges",
                _ => "writes",
            };
            let is_input =
                |child: &crate::plan::Node| matches!(child.relationship, Relationship::Outer | Relationship::Member);
            let rows: f64 =
                plan.children(id).filter(|(_, child)| is_input(child)).map(|(_, child)| child.rows_or_estimate()).sum();
            let table = node.relation().map(|table| format!(" of {table}")).unwrap_or_default();
            (verb, format!("about {}{table}", Count(rows.round()).of("row", "rows")))
        })
        .collect()
}

/// Returns the highest number of a parameter (`$3`) in a statement; 0 if it has none.
pub(super) fn parameters(sql: &str) -> usize {
    let names = spans(Language::Sql, sql).into_iter().filter_map(|(range, _)| sql.get(range)?.strip_prefix('$'));
    names.filter_map(|digits| digits.parse::<usize>().ok()).filter(|number| *number <= 65_535).max().unwrap_or(0)
}

/// Whether a text is a plan, and no statement.
pub(super) fn is_plan(text: &str) -> bool {
    let first = text.trim_start().to_ascii_lowercase();
    if first.starts_with(['[', '{']) {
        return true;
    }
    let word: String = first.chars().take_while(char::is_ascii_alphabetic).collect();
    let is_statement = STATEMENTS.contains(&word.as_str()) || first.starts_with('(') || first.starts_with("--");
    let names_a_write =
        ["insert on ", "update on ", "delete on ", "merge on "].iter().any(|head| first.starts_with(head));
    has_figures(text) && (!is_statement || names_a_write)
}

/// Whether a text holds what only plans hold.
pub(super) fn has_figures(text: &str) -> bool {
    text.contains("rows=") || text.contains("QUERY PLAN") || text.contains("Node Type")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_says_how_many_rows_it_writes_and_not_how_many_it_returns() {
        for (text, expected) in [
            (
                "Delete on shop_cart  (cost=0.00..900.00 rows=0 width=0)
  ->  Seq Scan on shop_cart  (cost=0.00..900.00 rows=60000 width=6)",
                vec![("deletes", "about 60k rows of shop_cart")],
            ),
            (
                "Update on p  (cost=0.00..9.00 rows=3 width=6)
  ->  Seq Scan on p_1  (cost=0.00..4.00 rows=1 width=6)
  ->  Seq Scan on p_2  (cost=0.00..4.00 rows=2 width=6)",
                vec![("updates", "about 3 rows of p")],
            ),
            (
                "Insert on t  (cost=0.00..9.00 rows=0 width=0)
  ->  Gather  (cost=0.00..9.00 rows=240 width=6)
        Workers Planned: 2
        ->  Parallel Seq Scan on s  (cost=0.00..4.00 rows=100 width=6)",
                vec![("inserts", "about 240 rows of t")],
            ),
            ("Seq Scan on s  (cost=0.00..4.00 rows=100 width=6)", vec![]),
        ] {
            let plan = crate::plan::parse(text).plans.remove(0);
            let said = written(&plan);
            let said: Vec<(&str, &str)> = said.iter().map(|(verb, what)| (*verb, what.as_str())).collect();
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn parameters_are_counted_outside_of_strings_and_comments() {
        for (sql, count) in [
            ("select 1", 0),
            ("select * from t where a = $1 and b = any($12) limit $2", 12),
            ("select '$3', $$ $4 $$ -- $5\n/* $6 */, $1", 1),
            ("select \"$7\"", 0),
        ] {
            assert_eq!(parameters(sql), count, "{sql}");
        }
    }

    #[test]
    fn a_plan_is_told_from_a_statement() {
        for (text, expected) in [
            ("Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)", true),
            ("                QUERY PLAN\n-----\n Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)", true),
            ("[{\"Plan\": {\"Node Type\": \"Result\"}}]", true),
            (
                "2026-01-01 LOG:  duration: 3 ms  plan:\n\tQuery Text: select 1\n\tResult  (cost=0..0 rows=1 width=4)",
                true,
            ),
            ("Update on t  (cost=0.00..1.00 rows=0 width=0)", true),
            ("update t set a = 'rows=1'", false),
            ("select 'rows=1'", false),
            ("-- rows=1\nselect 1", false),
            ("with a as (select 1) select * from a", false),
        ] {
            assert_eq!(is_plan(text), expected, "{text}");
        }
    }
}
