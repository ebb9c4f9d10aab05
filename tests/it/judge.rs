//! Read-only mode against a database user who owns objects on the path: nothing of his runs, and Django's statements do.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pgdj::pg::control::Mode;
use pgdj::pg::explain::{Agreed, Consent, ExplainProgress, ExplainRequest, Options, Runner, TIMEOUT_MS};
use pgdj::pg::session::cancel_queue;
use tokio_postgres::Client;

use crate::support::{Login, Server, open};

mod attacks;
mod django;
mod functions;
mod keys;
mod refused;
mod replaced;
mod trees;

fn request(sql: &str) -> ExplainRequest {
    ExplainRequest {
        sql: sql.to_owned(),
        parameters: Vec::new(),
        guessed: Vec::new(),
        options: Options::default(),
        consent: Consent::ReadOnly,
        agreed: Agreed::Anything,
        timeout_ms: TIMEOUT_MS,
    }
}

fn estimate(sql: &str) -> ExplainRequest {
    ExplainRequest { options: Options { analyze: false, ..Options::default() }, ..request(sql) }
}

fn runner(login: &Login, mode: Mode) -> Runner {
    let (cancel_queue, work) = cancel_queue();
    tokio::spawn(work);
    Runner::new(Arc::new(login.clone()), mode, cancel_queue)
}

/// Explains in read-only mode; the whole failure as one text.
async fn explain(login: &Login, request: &ExplainRequest) -> Result<(), String> {
    let answer = runner(login, Mode::ReadOnly).run(request, |_| {}, std::future::pending()).await;
    answer.map(drop).map_err(|failure| failure.to_string())
}

/// Explains in full mode and returns what was said before it ran.
async fn warned(login: &Login, request: &ExplainRequest) -> Vec<String> {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = {
        let seen = Arc::clone(&seen);
        move |progress: ExplainProgress| seen.lock().unwrap().extend(progress.warnings)
    };
    drop(runner(login, Mode::Full).run(request, told, std::future::pending()).await);
    seen.lock().unwrap().clone()
}

/// A database in which mallory may create objects, and the victim may write files on the server, as a superuser may.
struct Scene {
    admin: Client,
    mallory: Client,
    victim: Login,
    /// The file that mallory's functions write.
    evidence: PathBuf,
}

impl Scene {
    async fn set(server: &Server) -> Self {
        let login = server.database().await;
        let admin = open(&login).await;
        server.role("mallory", "").await;
        server.role("victim", "grant pg_write_server_files to victim").await;
        let evidence = server.private.data_directory().join(format!("pwned_{}", login.database));
        let path = evidence.display();
        admin
            .batch_execute(&format!(
                "grant create on database {} to mallory; grant all on schema public to mallory",
                login.database
            ))
            .await
            .unwrap();
        let mallory = open(&login.with_user("mallory")).await;
        mallory
            .batch_execute(&format!(
                "create function pwn() returns int language plpgsql as $$ begin
                    copy (select 1) to '{path}';
                    return 1;
                exception when insufficient_privilege then return 1;
                end $$;
                create function evil() returns int language plpgsql volatile as $$ begin return public.pwn(); end $$;
                create function evil_i(int) returns int language plpgsql immutable as $$ begin return public.pwn() + $1 - 1; end $$;
                create function evil_s(int) returns int language plpgsql stable as $$ begin return public.pwn() + $1 - 1; end $$;
                create function evil_b(int) returns bool language plpgsql immutable as $$ begin return public.pwn() = 1; end $$;
                create table t (a int, b text);
                insert into t select n, 'x' from generate_series(1, 20) as n;
                grant select on t to public;
                analyze t;"
            ))
            .await
            .unwrap();
        Self { admin, mallory, victim: login.with_user("victim"), evidence }
    }

    /// Whether mallory's code ran as somebody who may write files; forgets it.
    fn was_hit(&self) -> bool {
        std::fs::remove_file(&self.evidence).is_ok()
    }
}

async fn version(client: &Client) -> i64 {
    let sql = "select current_setting('server_version_num')::bigint / 10000";
    client.query_one(sql, &[]).await.unwrap().get(0)
}
