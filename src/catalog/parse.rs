//! Conditions as the server deparses them, read into [`Expr`].
//!
//! What cannot be read becomes [`Expr::Other`] with its text: never an error, never a panic.

use sqlparser::ast::{self, BinaryOperator, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::expr::{ELEMENT, Expr, Literal, LiteralForm, Quantifier, cast};

/// Longest condition that is read, bytes; a longer one is a list of a hundred thousand values and tells nothing more.
const LONGEST: usize = 1024 * 1024;
/// Deepest nesting that is read.
const DEEPEST: usize = 120;
/// Stands for a sub-plan while the text is parsed.
const SUB_PLAN: &str = "pgdj_sub_plan";

/// Reads a condition, a key or an output column of a plan, or an expression of an index.
pub fn expression(text: &str) -> Expr {
    if text.len() > LONGEST {
        return Expr::Other(text.to_owned());
    }
    let readable = without_sub_plans(text);
    let parsed = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEEPEST).try_with_sql(&readable).and_then(
        |mut parser| {
            let expr = parser.parse_expr()?;
            match parser.peek_token().token {
                sqlparser::tokenizer::Token::EOF => Ok(expr),
                other => Err(sqlparser::parser::ParserError::ParserError(format!("unread: {other}"))),
            }
        },
    );
    parsed.map_or_else(|_unread| Expr::Other(text.to_owned()), |expr| read(&expr))
}

/// Replaces `(hashed SubPlan 1)`, `(SubPlan 1)`, `(alternatives: …)` and `(InitPlan 1).col1` by one name.
fn without_sub_plans(text: &str) -> String {
    const OPENINGS: [&str; 5] = ["(hashed SubPlan ", "(SubPlan ", "(alternatives: ", "(InitPlan ", "(rescan SubPlan "];
    if !text.contains("Plan ") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quote: Option<char> = None;
    while let Some(letter) = rest.chars().next() {
        if quote.is_none() && OPENINGS.iter().any(|opening| rest.starts_with(opening)) {
            let end = rest.find(')').map_or(rest.len(), |at| at + 1);
            rest = rest.get(end..).unwrap_or_default();
            if let Some(after) = rest.strip_prefix(".col") {
                rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
            }
            out.push_str(SUB_PLAN);
            continue;
        }
        match quote {
            Some(open) if open == letter => quote = None,
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            _ => {}
        }
        out.push(letter);
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
    }
    out
}

fn boxed(expr: &ast::Expr) -> Box<Expr> {
    Box::new(read(expr))
}

fn read(expr: &ast::Expr) -> Expr {
    use ast::Expr as Sql;
    match expr {
        Sql::Identifier(name) if name.value == SUB_PLAN => Expr::SubPlan,
        Sql::Identifier(name) => Expr::Column { table: None, name: name.value.clone() },
        Sql::CompoundIdentifier(names) => compound(names),
        Sql::Nested(inner) => read(inner),
        Sql::Value(value) => literal(&value.value),
        Sql::BinaryOp { left, op, right } => binary(left, op, right),
        Sql::UnaryOp { op: UnaryOperator::Not, expr } => Expr::Not(boxed(expr)),
        Sql::UnaryOp { op: UnaryOperator::Minus, expr } => negated(read(expr)),
        Sql::IsNull(inner) => Expr::IsNull(boxed(inner)),
        Sql::IsNotNull(inner) => Expr::IsNotNull(boxed(inner)),
        Sql::IsTrue(inner) | Sql::IsNotFalse(inner) => Expr::call("is_true", vec![read(inner)]),
        Sql::IsFalse(inner) | Sql::IsNotTrue(inner) => Expr::call("is_false", vec![read(inner)]),
        Sql::Like { negated, expr, pattern, escape_char: None, .. } => {
            Expr::binary(if *negated { "!~~" } else { "~~" }, read(expr), read(pattern))
        }
        Sql::ILike { negated, expr, pattern, escape_char: None, .. } => {
            Expr::binary(if *negated { "!~~*" } else { "~~*" }, read(expr), read(pattern))
        }
        Sql::Between { expr, negated: false, low, high } => {
            Expr::And(vec![Expr::binary(">=", read(expr), read(low)), Expr::binary("<=", read(expr), read(high))])
        }
        Sql::AnyOp { left, compare_op, right, .. } => quantified(left, compare_op, right, Quantifier::Any),
        Sql::AllOp { left, compare_op, right } => quantified(left, compare_op, right, Quantifier::All),
        Sql::Cast { expr, data_type, format: None, .. } => cast(read(expr), data_type.to_string().to_lowercase()),
        Sql::TypedString(typed) => cast(literal(&typed.value.value), typed.data_type.to_string().to_lowercase()),
        Sql::AtTimeZone { timestamp, time_zone } => Expr::call("timezone", vec![read(time_zone), read(timestamp)]),
        Sql::Extract { field, expr, .. } => {
            Expr::call("extract", vec![Expr::text(&field.to_string().to_lowercase(), ""), read(expr)])
        }
        Sql::CompoundFieldAccess { root, access_chain } => {
            element(root, access_chain).unwrap_or_else(|| Expr::Other(expr.to_string()))
        }
        Sql::Function(function) => call(function).unwrap_or_else(|| Expr::Other(expr.to_string())),
        other => Expr::Other(other.to_string()),
    }
}

/// An element of an array: `o.codes[1]`, `(o.codes)[1]`.
fn element(root: &ast::Expr, chain: &[ast::AccessExpr]) -> Option<Expr> {
    use ast::{AccessExpr, Subscript};
    let (AccessExpr::Subscript(Subscript::Index { index }), dots) = chain.split_last()? else { return None };
    let array = match (read(root), dots) {
        (array, []) => array,
        (Expr::Column { name: table, .. }, [AccessExpr::Dot(ast::Expr::Identifier(name))]) => {
            Expr::Column { table: Some(table), name: name.value.clone() }
        }
        _ => return None,
    };
    Some(Expr::call(ELEMENT, vec![array, read(index)]))
}

fn compound(names: &[ast::Ident]) -> Expr {
    match names {
        [.., table, name] => Expr::Column { table: Some(table.value.clone()), name: name.value.clone() },
        [name] => Expr::column(&name.value),
        [] => Expr::Other(String::new()),
    }
}

fn literal(value: &Value) -> Expr {
    let (text, form) = match value {
        Value::Number(text, _) => (text.clone(), LiteralForm::Number),
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => (text.clone(), LiteralForm::Quoted),
        Value::Boolean(value) => (value.to_string(), LiteralForm::Boolean),
        Value::Null => (String::new(), LiteralForm::Null),
        Value::Placeholder(name) => return Expr::Parameter(name.clone()),
        other => return Expr::Other(other.to_string()),
    };
    Expr::Constant(Literal { text, form, type_name: None })
}

fn negated(expr: Expr) -> Expr {
    match expr {
        Expr::Constant(literal) if literal.form == LiteralForm::Number && !literal.text.starts_with('-') => {
            Expr::Constant(Literal { text: format!("-{}", literal.text), ..literal })
        }
        other => Expr::call("-", vec![other]),
    }
}

fn binary(left: &ast::Expr, op: &BinaryOperator, right: &ast::Expr) -> Expr {
    let (left, right) = (read(left), read(right));
    match op {
        BinaryOperator::And => {
            let mut parts = left.conjuncts();
            parts.extend(right.conjuncts());
            Expr::And(parts)
        }
        BinaryOperator::Or => {
            let mut parts = Vec::new();
            for side in [left, right] {
                if let Expr::Or(inner) = side { parts.extend(inner) } else { parts.push(side) }
            }
            Expr::Or(parts)
        }
        op => Expr::binary(&operator(op), left, right),
    }
}

/// Returns the operator's name; `OPERATOR(schema.~~)` is its last part.
fn operator(op: &BinaryOperator) -> String {
    match op {
        BinaryOperator::PGCustomBinaryOperator(names) => names.last().cloned().unwrap_or_default(),
        op => op.to_string(),
    }
}

fn quantified(left: &ast::Expr, op: &BinaryOperator, right: &ast::Expr, quantifier: Quantifier) -> Expr {
    Expr::Quantified { op: operator(op), left: boxed(left), right: boxed(right), quantifier }
}

fn call(function: &ast::Function) -> Option<Expr> {
    if function.over.is_some() || function.filter.is_some() {
        return None;
    }
    let name = function.name.0.last()?.as_ident()?.value.to_lowercase();
    let args = match &function.args {
        FunctionArguments::None => Vec::new(),
        FunctionArguments::Subquery(_) => return None,
        FunctionArguments::List(list) => {
            if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
                return None;
            }
            list.args.iter().map(argument).collect::<Option<Vec<_>>>()?
        }
    };
    Some(Expr::Call { name, args })
}

fn argument(arg: &FunctionArg) -> Option<Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(read(expr)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(expression(text).sql(), expected, "{text}");
    }

    #[test]
    fn the_server_s_own_writing_is_read() {
        check("((status)::text = 'done'::text)", r#"(("status")::text = 'done'::text)"#);
        check("(upper((email)::text) ~~ 'A%'::text)", r#"(upper(("email")::text) ~~ 'A%'::text)"#);
        check("(NOT is_active)", r#"(NOT "is_active")"#);
        check(
            "((a.x = 1) AND (a.y IS NOT NULL) AND (b > '-5'::integer))",
            r#"(("a"."x" = 1) AND ("a"."y" IS NOT NULL) AND ("b" > '-5'::integer))"#,
        );
        check("((status)::text = ANY ('{a,b}'::text[]))", r#"(("status")::text = ANY ('{a,b}'::text[]))"#);
        check(r#"(attrs @> '{"a": 1}'::jsonb)"#, r#"("attrs" @> '{"a": 1}'::jsonb)"#);
        check(r#"((attrs -> 'brand'::text) = '"x"'::jsonb)"#, r#"(("attrs" -> 'brand'::text) = '"x"'::jsonb)"#);
        check("(attrs ? 'k'::text)", r#"("attrs" ? 'k'::text)"#);
        check("(attrs ?& '{a,b}'::text[])", r#"("attrs" ?& '{a,b}'::text[])"#);
        check(
            r#"(during && '["2025-01-01","2025-01-02")'::tstzrange)"#,
            r#"("during" && '["2025-01-01","2025-01-02")'::tstzrange)"#,
        );
        check(
            "(((created_at AT TIME ZONE 'UTC'::text))::date = '2025-01-01'::date)",
            r#"((("created_at" AT TIME ZONE 'UTC'::text))::date = '2025-01-01'::date)"#,
        );
        check(
            "(EXTRACT(month FROM created_at) = '5'::numeric)",
            r#"(EXTRACT(month FROM "created_at") = '5'::numeric)"#,
        );
        check("((name)::text ~* 'a.c'::text)", r#"(("name")::text ~* 'a.c'::text)"#);
        check(
            "(to_tsvector('english'::regconfig, ((COALESCE(title, ''::character varying))::text || ' '::text)) @@ '''postgr'''::tsquery)",
            r#"(to_tsvector('english'::regconfig, ((coalesce("title", ''::character varying))::text || ' '::text)) @@ '''postgr'''::tsquery)"#,
        );
    }

    #[test]
    fn a_sub_plan_is_one_thing_and_nonsense_is_kept_as_text() {
        check("((hashed SubPlan 1) OR (x = 2))", r#"((SubPlan) OR ("x" = 2))"#);
        check("(x = (InitPlan 1).col1)", r#"("x" = (SubPlan))"#);
        check("((x = ", "((x = ");
        check("((a)::text = 'it''s (SubPlan 1)'::text)", r#"(("a")::text = 'it''s (SubPlan 1)'::text)"#);
    }

    #[test]
    fn deep_nesting_is_kept_as_text() {
        let deep = format!("{}x{}", "(".repeat(5000), ")".repeat(5000));
        assert!(matches!(expression(&deep), Expr::Other(_)));
    }
}
