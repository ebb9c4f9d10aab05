//! Plans in FORMAT TEXT: a line is a node, a property of the node it is indented under, or the rest of one.
//!
//! The indentation is the tree: the properties of a node stand two columns right of its name, its children's arrows
//! too, and behind a `SubPlan 1` line two more. Source: `ExplainNode` and `ExplainPropertyText` in
//! `src/backend/commands/explain.c`.

use super::NodeId;
use super::build::Builder;
use super::field::{self, Field, Fields};
use super::node::NodeKind;
use super::text_label;
use super::text_property::{self, PlanSection};
use super::{Plan, PlanFormat, Trouble};
use crate::sample::Seconds;

/// Returns the plans of the lines (each with its number in the whole text), and what was not understood.
pub(crate) fn plans(lines: &[(usize, &str)], duration: Option<Seconds>) -> (Vec<Plan>, Vec<Trouble>) {
    let mut reader = TextPlanReader { duration, ..TextPlanReader::default() };
    for (number, line) in lines {
        reader.line(*number, line);
    }
    reader.end_plan();
    (reader.plans, reader.troubles)
}

/// A node that may get more properties or children.
#[derive(Debug)]
struct Open {
    /// The column its properties and its children's arrows stand in.
    indent: usize,
    id: NodeId,
    kind: NodeKind,
    inputs: usize,
}

#[derive(Debug, Default)]
struct TextPlanReader {
    plans: Vec<Plan>,
    troubles: Vec<Trouble>,
    duration: Option<Seconds>,
    builder: Builder,
    open: Vec<Open>,
    /// The column of the root's name.
    base: usize,
    /// Lines before the root: the statement of `auto_explain`.
    query: Option<String>,
    /// The name of the `InitPlan`, `SubPlan` or CTE whose root comes next.
    subplan: Option<String>,
    section: PlanSection,
    /// Whether the line before was a property whose text may go on: where its field is.
    last: Option<Last>,
    strangers: usize,
    /// Columns that the lines of a deep node would stand further right.
    unindented: usize,
}

#[derive(Debug, Clone)]
struct Last {
    owner: Option<NodeId>,
    name: String,
    is_quote_open: bool,
}

/// Lines that were not understood and are told one by one; the rest is told as a number.
const TOLD: usize = 5;

impl TextPlanReader {
    fn line(&mut self, number: usize, line: &str) {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if self.last.as_ref().is_some_and(|last| last.is_quote_open) {
            return self.go_on(line);
        }
        if text.is_empty() {
            return;
        }
        let (indent, text) = self.unfold(indent, text);
        if let Some(node) = text.strip_prefix("->") {
            return self.child(number, indent, node.trim_start());
        }
        if self.builder.is_empty() {
            return self.before_root(number, indent, text);
        }
        if indent <= self.base && text_label::has_figures(text) && text_label::fields(text).is_some() {
            self.end_plan();
            return self.before_root(number, indent, text);
        }
        if let Some(name) = text_label::subplan(text) {
            self.close_to(indent);
            self.subplan = Some(name.to_owned());
            self.last = None;
            return;
        }
        if indent <= self.base || self.section != PlanSection::Node {
            if text_property::of_plan(&mut self.builder.fields, &mut self.section, text) {
                self.last = None;
                return;
            }
        } else if self.property(indent, text) {
            return;
        }
        self.stranger(number, line);
    }

    /// Returns the column in which a line would stand if the whole tree were indented, and the line without its level.
    fn unfold<'t>(&mut self, indent: usize, text: &'t str) -> (usize, &'t str) {
        match level(text) {
            Some((level, rest)) if level > 0 && level <= self.open.len() => {
                self.open.truncate(level);
                let column = self.open.last().map_or(indent, |parent| parent.indent);
                // The arrow of a SubPlan stands two columns right of its name.
                let column = column + if self.subplan.is_some() { 2 } else { 0 };
                self.unindented = column.saturating_sub(indent) + 6;
                (column, rest)
            }
            _ if text.starts_with("->") => {
                self.unindented = 0;
                (indent, text)
            }
            // The lines of the plan as a whole stand at its left end.
            _ if indent <= self.base => (indent, text),
            _ => (indent + self.unindented, text),
        }
    }

    fn before_root(&mut self, number: usize, indent: usize, text: &str) {
        if let Some(query) = text.strip_prefix("Query Text: ") {
            self.query = Some(query.to_owned());
            return;
        }
        if let Some(parameters) = text.strip_prefix("Query Parameters: ") {
            self.builder.fields.push(("Query Parameters".into(), Field::Text(parameters.to_owned())));
            return;
        }
        let is_root = text_label::has_figures(text) || self.query.is_none();
        let root = text_label::fields(text).filter(|_| is_root);
        if root.is_none()
            && let Some((_, Field::Text(parameters))) = self.builder.fields.last_mut()
        {
            // A value of several lines; nothing but the parameters is there before the root.
            parameters.push('\n');
            parameters.push_str(text);
            return;
        }
        match root {
            Some((kind, fields)) => {
                self.base = indent;
                let id = self.builder.add(None, fields);
                self.builder.format = PlanFormat::Text;
                self.open.push(Open { indent: indent + 2, id, kind, inputs: 0 });
            }
            None => match &mut self.query {
                Some(query) => {
                    query.push('\n');
                    query.push_str(text);
                }
                None => self.stranger(number, text),
            },
        }
    }

    fn child(&mut self, number: usize, indent: usize, text: &str) {
        self.last = None;
        let Some((kind, mut fields)) = text_label::fields(text) else {
            return self.trouble(number, "a node without a name was left out");
        };
        if !text_label::is_whole(text) {
            self.trouble(number, "the line of a node is cut; its figures are missing");
        }
        self.close_to(indent);
        let Some(parent) = self.open.last_mut() else {
            self.trouble(number, "a node above the first was read as a separate plan");
            let id = self.builder_of_next();
            self.base = indent;
            if let Some(own) = self.builder.fields_of(id) {
                *own = fields;
            }
            return self.open.push(Open { indent: indent + 6, id, kind, inputs: 0 });
        };
        let relationship = match self.subplan.take() {
            Some(name) => {
                let relationship = if name.starts_with("SubPlan") { "SubPlan" } else { "InitPlan" };
                fields.push(("Subplan Name".into(), Field::Text(name)));
                relationship
            }
            None => relationship(parent),
        };
        let parent = parent.id;
        fields.insert(1.min(fields.len()), ("Parent Relationship".into(), Field::Text(relationship.to_owned())));
        let id = self.builder.add(Some(parent), fields);
        self.open.push(Open { indent: indent + 6, id, kind, inputs: 0 });
    }

    fn builder_of_next(&mut self) -> NodeId {
        self.end_plan();
        self.builder.format = PlanFormat::Text;
        self.builder.add(None, Fields::new())
    }

    /// Closes the nodes whose properties stand further right.
    fn close_to(&mut self, indent: usize) {
        while self.open.len() > 1 && self.open.last().is_some_and(|open| open.indent > indent) {
            self.open.pop();
        }
    }

    fn property(&mut self, indent: usize, text: &str) -> bool {
        let Some(at) = self.open.iter().rposition(|open| open.indent <= indent) else { return false };
        let Some(open) = self.open.get(at) else { return false };
        let (id, kind, is_deeper) = (open.id, open.kind, indent > open.indent);
        let Some(fields) = self.builder.fields_of(id) else { return false };
        if let Some(target) = text_label::target_table(text).filter(|_| kind == NodeKind::ModifyTable) {
            text_property::push_to_list(fields, "Target Tables", target);
            return true;
        }
        if is_deeper {
            // Figures of a worker stand below its line; anything else goes on with the line before.
            if text_property::of_worker(fields, text) {
                return true;
            }
            return self.last.is_some() && self.append(text);
        }
        self.open.truncate(at + 1);
        match text_property::of_node(fields, kind, text) {
            Some(name) => {
                let is_quote_open = text.matches('\'').count() % 2 == 1;
                self.last = Some(Last { owner: Some(id), name, is_quote_open });
                true
            }
            None => self.last.is_some() && self.append(text),
        }
    }

    /// Adds a line to the text of the property before it.
    fn append(&mut self, text: &str) -> bool {
        let Some(last) = self.last.clone() else { return false };
        let Some(fields) = last.owner.and_then(|id| self.builder.fields_of(id)) else { return false };
        let field = fields.iter_mut().rev().find(|(name, _)| *name == last.name).map(|(_, field)| field);
        let text_of = match field {
            Some(Field::Text(whole)) => whole,
            Some(Field::List(items)) => match items.last_mut() {
                Some(Field::Text(whole)) => whole,
                _ => return false,
            },
            _ => return false,
        };
        text_of.push('\n');
        text_of.push_str(text);
        true
    }

    fn go_on(&mut self, line: &str) {
        self.append(line.trim_end());
        if let Some(last) = &mut self.last {
            last.is_quote_open ^= line.matches('\'').count() % 2 == 1;
        }
    }

    fn stranger(&mut self, number: usize, line: &str) {
        // psql says it below a plan, and other programs say other things around it.
        if self.builder.is_empty() && text_label::looks_unlike_plan(line) {
            return;
        }
        self.strangers += 1;
        if self.strangers <= TOLD {
            let start: String = line.trim().chars().take(40).collect();
            self.trouble(number, &format!("\"{start}\" was not parsed and is left out"));
        }
    }

    fn trouble(&mut self, line: usize, what: &str) {
        if self.troubles.len() < 20 {
            self.troubles.push(Trouble { line: Some(line), what: what.to_owned() });
        }
    }

    fn end_plan(&mut self) {
        if self.strangers > TOLD {
            let what = format!("{} more lines were not parsed and are left out", self.strangers - TOLD);
            self.troubles.push(Trouble { line: None, what });
        }
        let mut builder = std::mem::take(&mut self.builder);
        let query = self.query.take();
        (self.section, self.last, self.subplan, self.strangers) = (PlanSection::Node, None, None, 0);
        self.unindented = 0;
        self.open.clear();
        if builder.is_empty() {
            return;
        }
        if let Some(query) = query {
            builder.fields.insert(0, (field::name_of("Query Text"), Field::Text(query)));
        }
        builder.duration = self.duration;
        self.plans.push(builder.finish());
    }
}

/// Returns the level that a deep node names, and the rest of its line: `[57] ->  Seq Scan on t`.
fn level(text: &str) -> Option<(usize, &str)> {
    let (level, rest) = text.strip_prefix('[')?.split_once("] ")?;
    let is_node = rest.starts_with("->") || text_label::subplan(rest).is_some();
    level.parse().ok().filter(|_| is_node).map(|level| (level, rest))
}

/// Returns how the next child hangs on a node, which the text does not say.
fn relationship(parent: &mut Open) -> &'static str {
    parent.inputs += 1;
    match parent.kind {
        NodeKind::Append | NodeKind::MergeAppend | NodeKind::BitmapAnd | NodeKind::BitmapOr => "Member",
        NodeKind::SubqueryScan => "Subquery",
        NodeKind::CustomScan => "child",
        NodeKind::ModifyTable if parent.inputs > 1 => "Member",
        _ if parent.inputs > 1 => "Inner",
        _ => "Outer",
    }
}
