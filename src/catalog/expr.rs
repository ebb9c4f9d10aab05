//! Expressions in one normal form, whether they come from a plan, from an index or from us.
//!
//! Two expressions that mean the same index key are equal: qualifiers and casts that change nothing are taken off by
//! [`Expr::normalised`].

use crate::quote::{quote_ident_always, quote_text};
use std::fmt;

/// The name of the call that an element of an array is: `codes[1]`.
pub(crate) const ELEMENT: &str = "[]";

/// An expression over the columns of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// A column, with the alias of its relation where the text had one.
    Column {
        /// The alias or name of the relation.
        table: Option<String>,
        /// The column's name.
        name: String,
    },
    /// A literal.
    Constant(Literal),
    /// A parameter, `$1`.
    Parameter(String),
    /// A call; the name is in lower case. `COALESCE`, `EXTRACT`, `AT TIME ZONE` and `codes[1]` are calls too.
    Call {
        /// The function.
        name: String,
        /// Its arguments.
        args: Vec<Expr>,
    },
    /// A binary operator other than AND and OR.
    Binary {
        /// The operator as PostgreSQL writes it: `=`, `~~`, `@>`.
        op: String,
        /// The left side.
        left: Box<Expr>,
        /// The right side.
        right: Box<Expr>,
    },
    /// A comparison with any (`= ANY (…)`) or every (`<> ALL (…)`) element of an array.
    Quantified {
        /// The operator.
        op: String,
        /// The left side.
        left: Box<Expr>,
        /// The array.
        right: Box<Expr>,
        /// Any or all.
        quantifier: Quantifier,
    },
    /// All of these.
    And(Vec<Expr>),
    /// At least one of these.
    Or(Vec<Expr>),
    /// The contrary.
    Not(Box<Expr>),
    /// `IS NULL`.
    IsNull(Box<Expr>),
    /// `IS NOT NULL`.
    IsNotNull(Box<Expr>),
    /// A cast.
    Cast {
        /// What is cast.
        operand: Box<Expr>,
        /// The type, in lower case.
        type_name: String,
    },
    /// A result of a sub-plan.
    SubPlan,
    /// Anything else, as text.
    Other(String),
}

/// Any or all elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// `ANY`.
    Any,
    /// `ALL`.
    All,
}

/// A literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Literal {
    /// The value without quotes.
    pub text: String,
    /// How it is written.
    pub form: LiteralForm,
    /// The type it was cast to, in lower case.
    pub type_name: Option<String>,
}

/// How a literal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiteralForm {
    /// In quotes.
    Quoted,
    /// As a number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `NULL`.
    Null,
}

impl Expr {
    /// A column without a qualifier.
    pub fn column(name: &str) -> Self {
        Self::Column { table: None, name: name.to_owned() }
    }

    /// A call.
    pub fn call(name: &str, args: Vec<Self>) -> Self {
        Self::Call { name: name.to_owned(), args }
    }

    /// A text in quotes, cast to a type.
    pub fn text(text: &str, type_name: &str) -> Self {
        Self::Constant(Literal {
            text: text.to_owned(),
            form: LiteralForm::Quoted,
            type_name: (!type_name.is_empty()).then(|| type_name.to_owned()),
        })
    }

    /// A binary operator.
    pub fn binary(op: &str, left: Self, right: Self) -> Self {
        Self::Binary { op: op.to_owned(), left: Box::new(left), right: Box::new(right) }
    }

    /// Returns the name of a column, if it is nothing else.
    pub(crate) fn as_column(&self) -> Option<&str> {
        if let Self::Column { name, .. } = self { Some(name) } else { None }
    }

    /// Returns a literal, if it is nothing else.
    pub(crate) fn as_literal(&self) -> Option<&Literal> {
        if let Self::Constant(literal) = self { Some(literal) } else { None }
    }

    /// Returns the parts that are joined by AND.
    pub fn conjuncts(self) -> Vec<Self> {
        match self {
            Self::And(parts) => parts.into_iter().flat_map(Self::conjuncts).collect(),
            other => vec![other],
        }
    }

    /// Returns the direct parts of an expression.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Column { .. } | Self::Constant(_) | Self::Parameter(_) | Self::SubPlan | Self::Other(_) => Vec::new(),
            Self::Call { args: parts, .. } | Self::And(parts) | Self::Or(parts) => parts.iter().collect(),
            Self::Binary { left, right, .. } | Self::Quantified { left, right, .. } => vec![left, right],
            Self::Not(part) | Self::IsNull(part) | Self::IsNotNull(part) | Self::Cast { operand: part, .. } => {
                vec![part]
            }
        }
    }

    /// Returns the names of the columns in it, each as often as it stands there.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Column { name, .. } => vec![name],
            other => other.parts().into_iter().flat_map(Self::columns).collect(),
        }
    }

    /// Says whether some part of it answers a question.
    pub(crate) fn any_part(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        is(self) || self.parts().into_iter().any(|part| part.any_part(is))
    }

    /// Returns the expression with every part replaced, from the leaves up.
    #[must_use]
    pub fn map(self, change: &dyn Fn(Self) -> Self) -> Self {
        let inner = |part: Box<Self>| Box::new(part.map(change));
        let each = |parts: Vec<Self>| parts.into_iter().map(|part| part.map(change)).collect();
        change(match self {
            Self::Call { name, args } => Self::Call { name, args: each(args) },
            Self::And(parts) => Self::And(each(parts)),
            Self::Or(parts) => Self::Or(each(parts)),
            Self::Binary { op, left, right } => Self::Binary { op, left: inner(left), right: inner(right) },
            Self::Quantified { op, left, right, quantifier } => {
                Self::Quantified { op, left: inner(left), right: inner(right), quantifier }
            }
            Self::Not(part) => Self::Not(inner(part)),
            Self::IsNull(part) => Self::IsNull(inner(part)),
            Self::IsNotNull(part) => Self::IsNotNull(inner(part)),
            Self::Cast { operand, type_name } => Self::Cast { operand: inner(operand), type_name },
            leaf => leaf,
        })
    }

    /// Returns the expression as SQL, with identifiers quoted where they must be.
    pub fn sql(&self) -> String {
        self.to_string()
    }
}

/// Casts a literal by giving it the type, anything else by wrapping it.
pub(crate) fn cast(operand: Expr, type_name: String) -> Expr {
    match operand {
        Expr::Constant(literal) if literal.type_name.is_none() => {
            Expr::Constant(Literal { type_name: Some(type_name), ..literal })
        }
        operand => Expr::Cast { operand: Box::new(operand), type_name },
    }
}

fn list(parts: &[Expr], between: &str) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column { table: Some(table), name } => {
                write!(f, "{}.{}", quote_ident_always(table), quote_ident_always(name))
            }
            Self::Column { table: None, name } => f.write_str(&quote_ident_always(name)),
            Self::Constant(literal) => write!(f, "{literal}"),
            Self::Parameter(name) | Self::Other(name) => f.write_str(name),
            Self::Call { name, args } => match (name.as_str(), args.as_slice()) {
                ("extract", [Self::Constant(field), from]) => write!(f, "EXTRACT({} FROM {from})", field.text),
                // Keywords, which no parentheses may follow. Source: `SQLValueFunction` in gram.y.
                (
                    "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp"
                    | "current_role" | "current_user" | "session_user" | "user" | "current_catalog" | "current_schema",
                    [],
                ) => f.write_str(&name.to_uppercase()),
                (ELEMENT, [array, place]) => write!(f, "({array})[{place}]"),
                ("timezone", [zone, at]) => write!(f, "({at} AT TIME ZONE {zone})"),
                _ => write!(f, "{name}({})", list(args, ", ")),
            },
            Self::Binary { op, left, right } => write!(f, "({left} {op} {right})"),
            Self::Quantified { op, left, right, quantifier: Quantifier::Any } => {
                write!(f, "({left} {op} ANY ({right}))")
            }
            Self::Quantified { op, left, right, quantifier: Quantifier::All } => {
                write!(f, "({left} {op} ALL ({right}))")
            }
            Self::And(parts) => write!(f, "({})", list(parts, " AND ")),
            Self::Or(parts) => write!(f, "({})", list(parts, " OR ")),
            Self::Not(part) => write!(f, "(NOT {part})"),
            Self::IsNull(part) => write!(f, "({part} IS NULL)"),
            Self::IsNotNull(part) => write!(f, "({part} IS NOT NULL)"),
            Self::Cast { operand, type_name } => write!(f, "({operand})::{type_name}"),
            Self::SubPlan => f.write_str("(SubPlan)"),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            LiteralForm::Quoted => f.write_str(&quote_text(&self.text))?,
            LiteralForm::Null => f.write_str("NULL")?,
            LiteralForm::Number | LiteralForm::Boolean => f.write_str(&self.text)?,
        }
        self.type_name.as_ref().map_or(Ok(()), |name| write!(f, "::{name}"))
    }
}
