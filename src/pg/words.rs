//! What a server or a pooler says, as it is passed on: without secrets, and a pooler's bare words explained.

use crate::sample::redact::redact;

/// What PgBouncer says when it gives up, and what that means. Source: PgBouncer's manual, "Timeouts", and its client.c.
const POOLER: &[(&str, &str)] = &[
    ("query_wait_timeout", "PgBouncer found no free server connection in time"),
    ("client_login_timeout", "PgBouncer gave up the login"),
    ("client_idle_timeout", "PgBouncer closed the connection because it was idle"),
    ("query_timeout", "PgBouncer ended the statement because it took too long"),
    ("idle_transaction_timeout", "PgBouncer ended the transaction because it was idle"),
    ("transaction_timeout", "PgBouncer ended the transaction because it took too long"),
    ("server_login_retry", "PgBouncer cannot log in to the server"),
    ("server_lifetime", "PgBouncer closed an old server connection"),
    ("no more connections allowed (max_client_conn)", "PgBouncer takes no more clients"),
];

/// Returns a message without secrets; a bare word of PgBouncer's is explained and kept in parentheses.
pub(super) fn words(message: &str) -> String {
    match meaning(message) {
        Some(meaning) => format!("{meaning} ({message})"),
        None => redact(message).into_owned(),
    }
}

/// Returns what to do about what PgBouncer says.
pub(super) fn pooler_hint(message: &str) -> Option<&'static str> {
    Some(match message.trim() {
        "query_wait_timeout" => {
            "its pool is taken: SHOW POOLS on its admin console says by whom; default_pool_size makes it larger"
        }
        said if said.starts_with("no more connections allowed") => {
            "end idle clients, or raise max_client_conn in pgbouncer.ini"
        }
        said if meaning(said).is_some() => "pgbouncer.ini has this limit; PgBouncer's log may say more",
        _ => return None,
    })
}

fn meaning(message: &str) -> Option<&'static str> {
    POOLER.iter().find(|(said, _)| message.trim() == *said).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_word_of_a_pooler_is_explained() {
        let check = |message: &str, expected: &str| assert_eq!(words(message), expected);
        check("query_wait_timeout", "PgBouncer found no free server connection in time (query_wait_timeout)");
        check("relation \"t\" does not exist", "relation \"t\" does not exist");
        check("invalid option: password=abc", "invalid option: password=[redacted]");
        assert!(pooler_hint("query_wait_timeout").unwrap().contains("SHOW POOLS"));
        assert_eq!(pooler_hint("out of memory"), None);
    }
}
