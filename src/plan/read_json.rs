//! Plans in FORMAT JSON: from the arena of values to nodes, by a stack of our own.

use std::borrow::Cow;

use super::NodeId;
use super::build::Builder;
use super::field::{self, Field, Fields};
use super::json::{Doc, Json, ROOT};
use super::{Plan, PlanFormat};
use crate::sample::Seconds;

/// Nesting of values inside a field that is kept; deeper ones are left out. The server nests three.
const FIELD_DEPTH: usize = 16;

/// What an object of a JSON text can be.
#[derive(Debug, Default)]
pub(crate) struct JsonContent {
    /// The plans.
    pub(crate) plans: Vec<Plan>,
    /// Texts that may hold plans: what a client wrapped as a string.
    pub(crate) texts: Vec<String>,
}

/// Returns the plans of a JSON value: a list of them, one, a bare node, or rows of a client with a column `QUERY PLAN`.
pub(crate) fn plans(doc: &Doc<'_>, duration: Option<Seconds>) -> JsonContent {
    let mut found = JsonContent::default();
    let mut ahead = vec![(ROOT, 0)];
    while let Some((place, depth)) = ahead.pop() {
        match doc.value(place) {
            Json::List(items) if depth < FIELD_DEPTH => ahead.extend(items.iter().rev().map(|item| (*item, depth + 1))),
            Json::Object(members) => {
                if let Some(plan) = plan(doc, place, duration) {
                    found.plans.push(plan);
                } else if let Some(column) = doc.member(place, "QUERY PLAN").or(doc.member(place, "query_plan")) {
                    ahead.push((column, depth + 1));
                } else if let (1, Some((_, only)), true) = (members.len(), members.first(), depth < FIELD_DEPTH) {
                    ahead.push((*only, depth + 1));
                }
            }
            Json::Text(text) if depth > 0 => found.texts.push(text.to_string()),
            _ => {}
        }
    }
    found
}

fn plan(doc: &Doc<'_>, place: usize, duration: Option<Seconds>) -> Option<Plan> {
    let root = if doc.member(place, "Node Type").is_some() { place } else { doc.member(place, "Plan")? };
    let Json::Object(_) = doc.value(root) else { return None };
    doc.member(root, "Node Type")?;
    let mut builder = Builder { format: PlanFormat::Json, duration, nodes: Vec::new(), fields: Vec::new() };
    if root != place
        && let Json::Object(members) = doc.value(place)
    {
        for (name, value) in members.iter().filter(|(name, _)| name != "Plan") {
            builder.fields.push((field::name_of(name), field(doc, *value, 0)));
        }
    }
    let mut ahead: Vec<(usize, Option<NodeId>)> = vec![(root, None)];
    while let Some((place, parent)) = ahead.pop() {
        let Json::Object(members) = doc.value(place) else { continue };
        let (fields, below) = node(doc, members);
        let id = builder.add(parent, fields);
        ahead.extend(below.iter().rev().map(|child| (*child, Some(id))));
    }
    Some(builder.finish())
}

fn node<'a>(doc: &'a Doc<'_>, members: &[(Cow<'_, str>, usize)]) -> (Fields, &'a [usize]) {
    let mut below: &[usize] = &[];
    let mut fields = Vec::with_capacity(members.len());
    for (name, value) in members {
        if name == "Plans" {
            if let Json::List(items) = doc.value(*value) {
                below = items;
            }
        } else {
            fields.push((field::name_of(name), field(doc, *value, 0)));
        }
    }
    (fields, below)
}

/// Returns a value as a field; the recursion ends at [`FIELD_DEPTH`].
fn field(doc: &Doc<'_>, place: usize, depth: usize) -> Field {
    match doc.value(place) {
        Json::Bool(truth) => Field::Bool(*truth),
        Json::Number(written) => Field::number(written),
        Json::Text(text) => Field::Text(text.to_string()),
        Json::List(items) if depth < FIELD_DEPTH => {
            Field::List(items.iter().map(|item| field(doc, *item, depth + 1)).collect())
        }
        Json::Object(members) if depth < FIELD_DEPTH => {
            let members = members.iter().map(|(name, value)| (field::name_of(name), field(doc, *value, depth + 1)));
            Field::Group(members.collect())
        }
        _ => Field::Null,
    }
}
