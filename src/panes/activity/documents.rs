//! What is known of one backend, in words: the detail, and what a signal would hit.

use crate::app::PaneView;
use crate::document::{Document, Language};
use crate::readings::act::{PlannedAct, RefusedAct, SignalKind};
use crate::readings::backends::{Backend, PREPARED};
use crate::readings::lock_acts::Forecast;
use crate::readings::statement_line::statement_line;
use crate::readings::vacuum_horizon::{VacuumHorizon, answer_of_session};
use crate::sample::Seconds;

/// Pids that are named of those that wait.
const NAMED_BEHIND: usize = 8;

fn age(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| Seconds(seconds).to_string())
}

/// Everything known of a backend.
pub(super) fn backend(one: &Backend, all: &[Backend], view: &PaneView<'_>) -> Document {
    let mut document = Document::new(format!("Session {}", one.pid));
    facts(&mut document, one);
    document.pair("holds back vacuum", &answer_of_session(view.readings, one.pid));
    waits(&mut document, one, all, view);
    locks(&mut document, one, view);
    if !one.query.is_empty() {
        let what = if one.is_idle() || one.is_idle_in_transaction() { "Last statement" } else { "Statement" };
        let part = if one.is_query_cut { ": its beginning (track_activity_query_size)" } else { "" };
        document.heading(&format!("{what}{part}"));
        document.code(Language::Sql, &crate::ui::code::format_sql(&one.query));
    }
    document
}

/// Why an act is not offered, and what would permit it; `y` copies that.
pub(in crate::panes) fn refusal(refusal: &RefusedAct) -> Document {
    let mut document = Document::new(refusal.title);
    document.text(&refusal.why);
    if let Some(grant) = &refusal.grant {
        document.code(Language::Sql, grant);
        document.text("After the GRANT, press r to read the rights again.");
        document.copied = Some(grant.clone());
    }
    document
}

/// What a signal would hit: whom, what it does, what it holds, who waits for it.
pub(in crate::panes) fn blast(
    kind: SignalKind,
    plan: &PlannedAct<'_>,
    all: &[Backend],
    view: &PaneView<'_>,
) -> Document {
    let one = plan.backend;
    let mut document = Document::new("What this affects");
    document.pair("effect", &plan.effect);
    if !one.query.is_empty() {
        let which = if one.is_active() { "statement" } else { "last statement" };
        document.pair(which, &cut(&statement_line(&one.query), 240));
    }
    if one.blocks > 0 {
        document.pair("what follows", &Forecast::of(view.readings.lock_graph(), one, kind).words());
    }
    document.pair("pid", &one.pid.to_string());
    who(&mut document, one);
    document.pair("state", &format!("{} for {}", one.state, age(one.state_age)));
    let transaction = one.xact_age.map_or_else(|| "none".to_owned(), |age| Seconds(age).to_string());
    document.pair("transaction age", &transaction);
    document.pair("holds back vacuum", &answer_of_session(view.readings, one.pid));
    let held = held_locks(one, view);
    let held = match (held.is_empty(), one.blocks) {
        (false, _) => held.join(", "),
        (true, 0) => "none".to_owned(),
        (true, _) if one.is_waiting => "none: they queue behind the lock that it waits for".to_owned(),
        (true, _) => "?".to_owned(),
    };
    document.pair("locks others wait for", &held);
    let behind: Vec<String> =
        all.iter().filter(|other| other.blocked_by.contains(&one.pid)).map(|other| other.pid.to_string()).collect();
    document.pair(
        "sessions waiting behind it",
        &if behind.is_empty() {
            "none".to_owned()
        } else {
            let more = if behind.len() > NAMED_BEHIND { ", …" } else { "" };
            let named = behind.get(..NAMED_BEHIND).unwrap_or(&behind).join(", ");
            format!("{} (directly behind it: {named}{more})", one.blocks)
        },
    );
    document
}

/// Says of one of several sessions what an act on it does.
pub(in crate::panes) fn blast_briefly(
    document: &mut Document,
    kind: SignalKind,
    plan: &PlannedAct<'_>,
    view: &PaneView<'_>,
) {
    let one = plan.backend;
    let forecast = Forecast::of(view.readings.lock_graph(), one, kind);
    let follows = if one.blocks > 0 { format!(" By itself: {}.", forecast.words()) } else { String::new() };
    let state = format!("{} {}, {} for {}", one.user, one.application, one.state, age(one.state_age));
    let statement = cut(&statement_line(&one.query), 120);
    let statement = if statement.is_empty() { String::new() } else { format!(", {statement}") };
    document.pair(&format!("pid {}", one.pid), &format!("{}{statement}. {}{follows}", state.trim(), plan.effect));
}

fn facts(document: &mut Document, one: &Backend) {
    who(document, one);
    document.pair("kind", &one.kind);
    if !one.view.is_empty() {
        document.pair("Django view", &one.view);
    }
    let state = match (one.state.as_str(), one.state_age) {
        ("", _) => "not visible to this role".to_owned(),
        (state, since) => format!("{state} for {}", age(since)),
    };
    document.pair("state", &state);
    let wait = match one.wait.as_str() {
        "" if one.has_unknown_state() => "not visible to this role",
        "" => "none",
        wait => wait,
    };
    document.pair("wait event", wait);
    document.pair("duration", &age(one.statement_age()));
    document.pair("transaction age", &age(one.xact_age));
    document.pair("session age", &age(one.backend_age));
    if let Some(id) = one.query_id {
        document.pair("queryid", &id.to_string());
    }
}

/// Whose session it is; a background process has no role and no client.
fn who(document: &mut Document, one: &Backend) {
    document.pair("role", if one.user.is_empty() { "none" } else { &one.user });
    for (label, value) in [("database", &one.database), ("application", &one.application), ("client", &one.client)] {
        if !value.is_empty() {
            document.pair(label, value);
        }
    }
}

fn waits(document: &mut Document, one: &Backend, all: &[Backend], view: &PaneView<'_>) {
    if !one.blocked_by.is_empty() {
        document.heading("Blocked by");
        for pid in &one.blocked_by {
            if *pid == PREPARED {
                document.pair("prepared transaction", &prepared(view));
                continue;
            }
            let blocker = all.iter().find(|other| other.pid == *pid);
            document.pair(
                &format!("pid {pid}"),
                &blocker.map_or_else(|| "a session that is not listed".to_owned(), in_short),
            );
        }
    }
    let behind: Vec<&Backend> = all.iter().filter(|other| other.blocked_by.contains(&one.pid)).collect();
    if !behind.is_empty() {
        document.heading("Waiting behind it");
        for other in behind {
            document.pair(&format!("pid {}", other.pid), &in_short(other));
        }
    }
}

/// A blocker without a session, and how to end it.
fn prepared(view: &PaneView<'_>) -> String {
    let horizon = view.readings.horizon();
    let ends: Vec<String> = horizon
        .into_iter()
        .flat_map(VacuumHorizon::prepared)
        .filter_map(|holder| Some(format!("{} in database {}", holder.sql_to_end()?, holder.database)))
        .collect();
    let ends = if ends.is_empty() { "ROLLBACK PREPARED in its database".to_owned() } else { ends.join(" or ") };
    format!("it has no session to cancel or terminate. {ends} ends it.")
}

fn in_short(one: &Backend) -> String {
    let query = cut(&one.query.split_whitespace().collect::<Vec<_>>().join(" "), 120);
    if one.is_hidden {
        return format!("{}: hidden from this role", one.application);
    }
    format!("{}, {}, transaction {}: {query}", one.application, one.state, age(one.xact_age))
}

/// Returns the first letters of a text, with a mark where there are more.
fn cut(text: &str, letters: usize) -> String {
    let head: String = text.chars().take(letters).collect();
    let mark = if head.len() < text.len() { "…" } else { "" };
    format!("{head}{mark}")
}

fn held_locks(one: &Backend, view: &PaneView<'_>) -> Vec<String> {
    let held = view.readings.lock_graph().holds(one.pid);
    held.into_iter().map(|(queue, mode)| format!("{} on {}", mode.words(), queue.on())).collect()
}

fn locks(document: &mut Document, one: &Backend, view: &PaneView<'_>) {
    let graph = view.readings.lock_graph();
    let (held, wanted) = (graph.holds(one.pid), graph.wants(one.pid));
    if held.is_empty() && wanted.is_none() {
        return;
    }
    document.heading("Locks others wait for");
    for (queue, mode) in held {
        document.pair(&format!("holds {}", mode.words()), &queue.on());
    }
    if let Some((queue, wanted)) = wanted {
        let since = wanted.since.and_then(|since| view.newer.at.since(since));
        let since = since.map(|age| format!(" for {age}")).unwrap_or_default();
        let holder = graph.holders(one.pid).first().copied();
        document.pair("waits for", &format!("{}{since}", queue.wanted_words(wanted.mode, holder)));
    }
}
