//! What an index would do, asked before it is there, is what it does.

use std::sync::Arc;

use pgdj::pg::explain::{Agreed, Consent, ExplainRequest, Options};
use pgdj::pg::session::cancel_queue;
use pgdj::pg::verify::{Allowed, Verified, Verifier};

use super::cases::CASES;
use super::{Court, Queries, block_on, catalog, has_django, queries};
use crate::support::installed::has_server;
use crate::support::{Login, leave_out, open};

/// Asks what each index would do, as if none were there, and returns the evidence and whether it is used.
async fn verified(login: &Login, queries: &Queries) -> Vec<(&'static str, Verified)> {
    let client = open(login).await;
    client
        .batch_execute("create extension pg_trgm; create extension btree_gin; create extension btree_gist")
        .await
        .unwrap();
    if client.batch_execute("create extension hypopg").await.is_err() {
        leave_out(
            "HypoPG is not on this machine (Debian: apt install postgresql-15-hypopg): a sample is asked instead",
        );
    }
    let catalog = catalog(login).await;
    let (cancel_queue, work) = cancel_queue();
    tokio::spawn(work);
    let verifier = Verifier::new(Arc::new(login.clone()), pgdj::pg::control::Mode::Full, cancel_queue);
    let mut found = Vec::new();
    for case in CASES {
        let mut set = vec![case.spec(&catalog)];
        let other = case.name.split_once(", with ").and_then(|(_, other)| CASES.iter().find(|case| case.name == other));
        set.extend(other.map(|case| case.spec(&catalog)));
        let request = ExplainRequest {
            sql: queries[case.name].as_str().unwrap().to_owned(),
            parameters: Vec::new(),
            guessed: Vec::new(),
            options: Options::default(),
            consent: Consent::ReadOnly,
            agreed: Agreed::Anything,
            timeout_ms: 30_000,
        };
        let mut answers = verifier
            .verify(&request, &[set], Allowed::TemporaryTable)
            .await
            .unwrap_or_else(|failure| panic!("{}: {failure}", case.name));
        found.push((case.name, answers.pop().unwrap()));
    }
    found
}

#[test]
fn what_would_be_used_is_what_is_used() {
    if !has_django() || !has_server() {
        return;
    }
    let court = Court::get();
    let login = court.copy("judged_verified");
    let found = block_on(verified(&login, queries()));
    let unused = found.iter().filter(|(_, verified)| !verified.is_used());
    let unused: Vec<String> =
        unused.map(|(name, it)| format!("{name}: {:?} {:?} {:?}", it.evidence, it.verdicts, it.notes)).collect();
    assert!(unused.is_empty(), "{}", unused.join("\n"));
}
