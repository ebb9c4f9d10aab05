//! A plan as JSON, as the server writes it: for copying, and for other programs.

use super::field::{Field, Name};
use super::json::write_string;
use super::{NodeId, Plan};

/// Returns the plan as `EXPLAIN (FORMAT JSON)` has it, in a list of one; fields in the order they were read in.
pub(crate) fn to_json(plan: &Plan) -> String {
    let mut writer = JsonWriter { out: String::from("[\n"), level: 1 };
    writer.open('{');
    writer.name("Plan", Comma::First);
    writer.nodes(plan);
    for (name, field) in &plan.fields {
        writer.name(name, Comma::Next);
        writer.field(field);
    }
    writer.close('}');
    writer.out.push_str("\n]\n");
    writer.out
}

/// The deepest level that is indented.
const DEEPEST: usize = 24;

struct JsonWriter {
    out: String,
    level: usize,
}

/// Whether a member is the first of its object.
#[derive(Clone, Copy)]
enum Comma {
    First,
    Next,
}

/// What is left to write of the nodes; a stack of it stands for the recursion.
enum JsonStep {
    Node(NodeId),
    Next,
    Close,
}

impl JsonWriter {
    fn nodes(&mut self, plan: &Plan) {
        let mut steps = vec![JsonStep::Node(0)];
        while let Some(step) = steps.pop() {
            match step {
                JsonStep::Node(id) => {
                    let Some(node) = plan.node(id) else { continue };
                    self.open('{');
                    self.members(&node.fields);
                    if node.children.is_empty() {
                        self.close('}');
                        continue;
                    }
                    self.name("Plans", if node.fields.is_empty() { Comma::First } else { Comma::Next });
                    self.open('[');
                    steps.push(JsonStep::Close);
                    for (at, child) in node.children.iter().enumerate().rev() {
                        steps.push(JsonStep::Node(*child));
                        if at > 0 {
                            steps.push(JsonStep::Next);
                        }
                    }
                    self.line();
                }
                JsonStep::Next => {
                    self.out.push(',');
                    self.line();
                }
                JsonStep::Close => {
                    self.close(']');
                    self.close('}');
                }
            }
        }
    }

    fn members(&mut self, members: &[(Name, Field)]) {
        for (at, (name, field)) in members.iter().enumerate() {
            self.name(name, if at == 0 { Comma::First } else { Comma::Next });
            self.field(field);
        }
    }

    fn field(&mut self, field: &Field) {
        match field {
            Field::Text(text) => write_string(&mut self.out, text),
            Field::List(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.out.push_str(if at == 0 { "" } else { ", " });
                    self.field(item);
                }
                self.out.push(']');
            }
            Field::Group(members) => {
                self.open('{');
                self.members(members);
                self.close('}');
            }
            plain => self.out.push_str(&plain.to_string()),
        }
    }

    fn name(&mut self, name: &str, comma: Comma) {
        self.out.push_str(match comma {
            Comma::First => "",
            Comma::Next => ",",
        });
        self.line();
        write_string(&mut self.out, name);
        self.out.push_str(": ");
    }

    fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        self.level += 1;
    }

    fn close(&mut self, bracket: char) {
        self.level = self.level.saturating_sub(1);
        self.line();
        self.out.push(bracket);
    }

    fn line(&mut self) {
        self.out.push('\n');
        // A plan of a thousand levels would be mostly blanks.
        self.out.extend(std::iter::repeat_n("  ", self.level.min(DEEPEST)));
    }
}
