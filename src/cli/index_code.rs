//! The code of an index as JSON, the same in every command.

use serde_json::{Value, json};

use crate::django::{DjangoCode, Owner};

/// Returns the code of an index, or why there is none.
pub(super) fn index_code(code: &Result<DjangoCode, String>) -> Value {
    match code {
        Ok(code) => json!({
            "name": code.name, "model": code.owner.as_ref().map(Owner::label), "certainty": code.certainty.words(),
            "meta": code.meta_line, "imports": code.imports, "sql": code.sql,
        }),
        Err(why) => json!({ "why_not": why }),
    }
}
