//! The rows of Advice, and what is known of each.

use crate::advisor::Refusal;
use crate::document::{Document, Language, Tone};
use crate::findings::{Finding, Findings, Severity};
use crate::panes::overview::worst;
use crate::readings::statement_line::statement_line;
use crate::report;
use crate::report::worth::Worth;
use crate::sample::Seconds;
use crate::sample::unit::Share;
use crate::ui::theme::Role;
use crate::workload::WorkloadAdvice;

/// Something that is worth doing.
#[derive(Debug, Clone)]
pub(super) struct AdviceRow {
    /// The key of the row.
    pub(super) key: String,
    /// What it is about.
    pub(super) subject: RowSubject,
    /// What it is, in one line.
    pub(super) title: String,
    /// The share of the time of all statements that it saves.
    pub(super) share: Option<f64>,
    /// The same, or the share that the statement takes; it decides the order.
    weight: f64,
    /// The time that it saves, or of a statement, that it takes.
    pub(super) time: Option<Seconds>,
    /// The statements it is about, by their places.
    pub(super) statements: Vec<usize>,
    /// Its size in bytes.
    pub(super) size: Option<f64>,
    /// How long its build works.
    pub(super) build: Option<Seconds>,
    /// What writers lose to it.
    pub(super) writes: Option<Seconds>,
    /// Who said so.
    pub(super) checked_by: &'static str,
}

/// What a row is about.
#[derive(Debug, Clone)]
pub(super) enum RowSubject {
    /// An index, by its place.
    Index(usize),
    /// A statement to be written another way, by its place.
    Rewrite(usize, Box<Refusal>),
    /// A finding.
    Finding(Box<Finding>),
}

impl AdviceRow {
    fn of(key: String, subject: RowSubject, title: String) -> Self {
        Self {
            key,
            subject,
            title,
            share: None,
            weight: 0.0,
            time: None,
            statements: Vec::new(),
            size: None,
            build: None,
            writes: None,
            checked_by: "",
        }
    }

    pub(super) fn is_index(&self) -> bool {
        matches!(self.subject, RowSubject::Index(_))
    }

    pub(super) fn kind(&self) -> &'static str {
        self.worth().word()
    }

    fn worth(&self) -> Worth {
        match &self.subject {
            RowSubject::Index(_) => Worth::Index,
            RowSubject::Rewrite(..) => Worth::Rewrite,
            RowSubject::Finding(finding) => Worth::Finding(finding.severity),
        }
    }

    pub(super) fn role(&self) -> Role {
        match &self.subject {
            RowSubject::Index(_) => Role::BadgeGood,
            RowSubject::Rewrite(..) => Role::BadgePlain,
            RowSubject::Finding(finding) => match finding.severity {
                Severity::Critical => Role::BadgeBad,
                Severity::Warning => Role::BadgeWarning,
                Severity::Notice => Role::BadgePlain,
            },
        }
    }

    /// How urgent it is.
    pub(super) fn rank(&self) -> f64 {
        self.worth().rank(self.weight)
    }
}

/// Returns all rows, worst first.
pub(super) fn rows(advice: Option<&WorkloadAdvice>, findings: &Findings) -> Vec<AdviceRow> {
    let keys = worst::keys(&findings.list);
    let mut rows: Vec<AdviceRow> = keys
        .into_iter()
        .zip(&findings.list)
        .map(|(key, finding)| AdviceRow::of(key, RowSubject::Finding(Box::new(finding.clone())), finding.title.clone()))
        .collect();
    if let Some(advice) = advice {
        rows.extend(index_rows(advice));
        rows.extend(rewrite_rows(advice));
    }
    rows.sort_by(|one, other| other.rank().total_cmp(&one.rank()));
    rows
}

fn index_rows(advice: &WorkloadAdvice) -> impl Iterator<Item = AdviceRow> {
    advice.indexes.iter().enumerate().map(|(at, index)| AdviceRow {
        share: Some(index.share),
        weight: index.share,
        time: Some(index.saves),
        statements: index.helped.iter().map(|helped| helped.change.statement).collect(),
        size: Some(index.candidate.size_bytes()),
        build: Some(index.candidate.write_cost.build),
        writes: Some(index.writes),
        checked_by: if index.is_planned { "planner" } else { "model" },
        ..AdviceRow::of(
            format!("index {}", index.candidate.summary()),
            RowSubject::Index(at),
            index.candidate.summary(),
        )
    })
}

fn rewrite_rows(advice: &WorkloadAdvice) -> Vec<AdviceRow> {
    let mut rows: Vec<AdviceRow> = Vec::new();
    for (at, refusal) in &advice.rewrites {
        let Some(planned) = advice.statements.get(*at) else { continue };
        let key = format!("rewrite {} {}", planned.statement.queryid, refusal.why);
        if rows.iter().any(|row| row.key == key) {
            continue;
        }
        let title = statement_line(&planned.statement.sql);
        rows.push(AdviceRow {
            time: Some(planned.statement.time),
            weight: advice.share_of(planned.statement.time),
            statements: vec![*at],
            ..AdviceRow::of(key, RowSubject::Rewrite(*at, Box::new(refusal.clone())), title)
        });
    }
    rows
}

/// Returns what is known of a row.
pub(super) fn of(row: &AdviceRow, advice: Option<&WorkloadAdvice>) -> Option<Document> {
    match &row.subject {
        RowSubject::Finding(finding) => Some(worst::document(finding)),
        RowSubject::Index(at) => {
            let advice = advice?;
            Some(report::workload::index_document(advice, *at, advice.indexes.get(*at)?))
        }
        RowSubject::Rewrite(at, refusal) => rewrite(advice?, *at, refusal),
    }
}

fn rewrite(advice: &WorkloadAdvice, at: usize, refusal: &Refusal) -> Option<Document> {
    let statement = &advice.statements.get(at)?.statement;
    let mut document = Document::new("A statement to write another way");
    document.code(Language::Sql, &statement.sql);
    document.pair("time", &format!("{}, {} of all", statement.time, Share(advice.share_of(statement.time))));
    document.pair("why", &refusal.why);
    if let Some(rewrite) = &refusal.rewrite {
        document.pair_as("instead", &rewrite.what, Tone::Accent);
        if let Some(django) = &rewrite.django {
            document.code(Language::Python, django);
            document.copied = Some(django.clone());
        }
    }
    Some(document)
}
