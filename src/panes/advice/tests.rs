use std::sync::Arc;

use super::*;
use crate::advisor::tests::{catalog, plan};
use crate::fixture::snapshot;
use crate::sample::History;
use crate::workload::{
    AskedPlans, Certificate, ChosenIndex, CostChange, HelpedStatement, PlannedStatement, PricedBy, WorkloadStatement,
};

fn with_view<T>(work: impl FnOnce(&PaneView<'_>) -> T) -> T {
    let mut history = History::bounded(1 << 20);
    history.push(Arc::new(snapshot()));
    crate::fixture::with_view(&history, work)
}

fn advice() -> WorkloadAdvice {
    let text =
        "Seq Scan on orders o  (cost=0.00..48750.00 rows=1 width=72)\n  Filter: ((reference)::text = 'R1'::text)";
    let candidate = crate::advisor::advise(&plan(text), &catalog()).candidates.remove(0);
    let statement = |queryid: i64, sql: &str| PlannedStatement {
        statement: WorkloadStatement {
            queryid,
            sql: sql.to_owned(),
            calls: 100.0,
            time: Seconds(60.0),
            ..WorkloadStatement::default()
        },
        plan: plan(text),
    };
    let helped = |statement: usize| HelpedStatement {
        change: CostChange { statement, before: 48_750.0, after: 8.0 },
        saves: Seconds(30.0),
    };
    WorkloadAdvice {
        database: "shop".to_owned(),
        statements: vec![
            statement(7, "select * from orders where reference = $1"),
            statement(8, "update orders set status = $1 where reference = $2"),
        ],
        total: Seconds(240.0),
        indexes: vec![ChosenIndex {
            candidate,
            codes: vec![Err("a test".to_owned())],
            saves: Seconds(60.0),
            share: 0.25,
            writes: Seconds(0.5),
            is_planned: true,
            helped: vec![helped(0), helped(1)],
        }],
        certificate: Certificate { saves: Seconds(59.0), bound: Seconds(59.1), candidates: 12, is_planned: true },
        asked: AskedPlans { plans: 51, server: Seconds(0.02), elapsed: Seconds(0.3) },
        priced: PricedBy::Planner,
        ..WorkloadAdvice::default()
    }
}

/// Presses R; returns the job that was asked for.
fn look(pane: &mut Advice, view: &PaneView<'_>) -> JobId {
    match pane.act(LOOK, view) {
        PaneRequest::Do(Effect::Start(id, Job::AdviseWorkload(_))) => id,
        other => panic!("{other:?}"),
    }
}

fn after_looking(view: &PaneView<'_>) -> Advice {
    let mut pane = Advice::default();
    let id = look(&mut pane, view);
    let done = JobNews::Done(JobResult::WorkloadAdvised(Ok(Box::new(advice()))));
    assert!(matches!(pane.take_job(id, done), PaneRequest::Report(_)));
    pane.refresh(view);
    pane
}

#[test]
fn nothing_is_asked_before_somebody_presses_a_key() {
    with_view(|view| {
        let mut pane = Advice::default();
        pane.refresh(view);
        assert!(pane.asked.is_none() && pane.list.is_empty());
        let notice = pane.list.notice();
        assert!(notice.remedy.unwrap_or_default().starts_with("R looks for"));
        assert!(!pane.offers(WRITE) && !pane.offers(Action::Explain));
    });
}

#[test]
fn the_title_says_how_far_it_is_and_then_what_it_saves() {
    with_view(|view| {
        let mut pane = Advice::default();
        let id = look(&mut pane, view);
        let asked = AskedPlans { plans: 40, server: Seconds(0.01), ..AskedPlans::default() };
        let step = crate::workload::WorkloadStep::Pricing;
        let progress = WorkloadProgress { looked_at: 3, statements: 9, asked, step };
        drop(pane.take_job(id, JobNews::Progress(JobProgress::Workload(progress))));
        pane.refresh(view);
        let title = pane.list.grid().title.clone();
        assert!(title.contains("3/9, Esc cancels; 40 plans"), "{title}");
        drop(pane.take_job(id, JobNews::Done(JobResult::Cancelled)));
        pane.refresh(view);
        assert!(pane.list.grid().title.contains("R looks for"), "{}", pane.list.grid().title);
        let pane = after_looking(view);
        assert!(pane.list.grid().title.contains("1 index would save about 25%"), "{}", pane.list.grid().title);
        assert!(pane.list.grid().footnote.as_ref().unwrap().contains("of the best set of these 12 candidates"));
    });
}

#[test]
fn an_answer_to_an_older_question_is_dropped() {
    with_view(|view| {
        let mut pane = Advice::default();
        let older = look(&mut pane, view);
        let newer = look(&mut pane, view);
        let done = || JobNews::Done(JobResult::WorkloadAdvised(Ok(Box::new(advice()))));
        assert!(matches!(pane.take_job(older, done()), PaneRequest::Nothing) && pane.found.is_none());
        drop(pane.take_job(newer, done()));
        assert!(pane.found.is_some());
    });
}

#[test]
fn a_failure_says_what_to_do() {
    with_view(|view| {
        let mut pane = Advice::default();
        let id = look(&mut pane, view);
        let failure = Failure::new(crate::failure::FailureKind::Refused, "cannot read the workload").hint("do this");
        let request = pane.take_job(id, JobNews::Done(JobResult::WorkloadAdvised(Err(failure))));
        let PaneRequest::Report(message) = request else { panic!("{request:?}") };
        assert_eq!(message.text, "cannot read the workload (do this)");
        pane.refresh(view);
        assert_eq!(pane.list.grid().title, "Advice: cannot read the workload");
    });
}

#[test]
fn an_index_shows_its_document_and_explains_a_statement_that_it_helps() {
    with_view(|view| {
        let mut pane = after_looking(view);
        let document = pane.inspect(view).unwrap();
        let text = crate::ui::markdown::write(&[document]);
        for words in ["Index 1: orders (reference)", "Statements it helps", "6,094× less", "about 25% of the time"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let PaneRequest::Pick(choice) = pane.act(Action::Explain, view) else {
            panic!("two statements to choose from")
        };
        assert_eq!(choice.items.len(), 2);
        let PaneRequest::Go(to, PaneSubject::Statement(statement)) = pane.picked(Action::Explain, 1) else {
            panic!("the second is explained")
        };
        assert!(to == explain::ID && statement.sql.starts_with("update") && statement.from == "queryid 8");
        assert!(pane.copy(Some(view)).is_some() && pane.offers(WRITE));
    });
}
