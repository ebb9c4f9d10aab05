//! The recordings that the pictures are drawn from, and the two commands that make and show one.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgdj::record::{Reader, Writer};
use pgdj::sample::{ServerFacts, Snapshot};

use crate::support::pty::{PGDJ, Terminal};
use crate::support::{open, own};

/// A recording of the tests.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recordings/{name}.jsonl.gz"))
}

/// What the server is, and the samples, of a recording of the tests.
pub(crate) fn read(name: &str) -> (Arc<ServerFacts>, Vec<Arc<Snapshot>>) {
    let mut reader = Reader::new(File::open(path(name)).unwrap()).unwrap();
    let samples = reader.by_ref().collect();
    assert_eq!(reader.damage(), None);
    (Arc::clone(reader.server()), samples)
}

/// Writes a recording of the tests.
pub(crate) fn write(name: &str, facts: &Arc<ServerFacts>, samples: &[Arc<Snapshot>]) {
    let mut writer = Writer::new(File::create(path(name)).unwrap(), facts, u64::MAX).unwrap();
    for sample in samples {
        writer.push(&Arc::new(Snapshot { server: Arc::clone(facts), ..(**sample).clone() })).unwrap();
    }
    drop(writer.finish().unwrap());
}

#[test]
fn a_recording_of_every_released_format_opens() {
    let (facts, samples) = read("demo");
    assert_eq!((facts.target.as_str(), samples.len()), ("demo", 70));
    let last = samples.last().unwrap();
    for probe in ["server", "activity", "statements", "tables", "indexes", "settings"] {
        assert!(last.rows(probe).is_some_and(|rows| !rows.is_empty()), "{probe}");
    }
    // Of a role without rights, by a program whose tables of columns were others.
    let (facts, samples) = read("missing");
    let last = samples.last().unwrap();
    assert_eq!((facts.role.as_str(), last.rows("server").unwrap().columns.len()), ("reporting", 14));
    assert!(last.rows("activity").is_some_and(|rows| !rows.is_empty()));
}

#[tokio::test]
async fn what_is_recorded_is_shown_again_without_a_server() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    open(&login).await.batch_execute("create table shop_recorded (id int primary key)").await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("incident.jsonl.gz");
    let name = file.to_str().unwrap();
    let target = login.conninfo();
    let record = |arguments: &[&str]| {
        let mut command = std::process::Command::new(PGDJ);
        let output = command.env_clear().env("HOME", home.path()).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, said) = record(&["record", name, &target, "--pace", "0.5", "--for", "5s"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("recorded ") && said.contains(" samples in "), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it holds the texts of queries");
    let (status, said) = record(&["record", name, &target]);
    assert_eq!(status, Some(4), "{said}");
    assert!(said.contains("never overwrites"), "{said}");
    let (status, said) = record(&["replay", "/etc/hostname"]);
    assert_eq!(status, Some(4), "{said}");
    assert!(said.contains("not a recording"), "{said}");

    let mut terminal = Terminal::start((120, 40), home.path(), &["replay", name]);
    terminal.wait_for("  1 of ").await;
    terminal.press(")");
    let newest =
        terminal.wait("the last sample", |screen| screen.contains("REPLAY") && !screen.contains("  1 of ")).await;
    terminal.press("4");
    terminal.wait_for("shop_recorded").await;
    terminal.press("[");
    terminal
        .wait("an older sample", |screen| screen.contains("REPLAY") && screen.lines().next() != newest.lines().next())
        .await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_recording_that_is_larger_than_the_history_may_be_is_shown_with_every_sample() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("long.jsonl.gz");
    let (facts, samples) = read("demo");
    let mut writer = Writer::new(File::create(&file).unwrap(), &facts, u64::MAX).unwrap();
    for round in 0..5_u32 {
        for sample in &samples {
            let mut again = Snapshot { server: Arc::clone(&facts), ..(**sample).clone() };
            again.at.0 += f64::from(round) * 100.0;
            writer.push(&Arc::new(again)).unwrap();
        }
    }
    drop(writer.finish().unwrap());
    let config = home.path().join(".config/pgdj");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "history_mb = 1\n").unwrap();
    let mut terminal = Terminal::start((140, 40), home.path(), &["replay", file.to_str().unwrap()]);
    terminal.wait_for("  1 of 350  ").await;
    for (keys, place) in [("]", 2), (")", 350), ("[", 349), ("{", 339), ("(", 1), ("}}}}}}}}", 81)] {
        terminal.press(keys);
        terminal.wait_for(&format!("  {place} of 350  ")).await;
    }
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
}

/// The samples of a recording that may be cut off at any place, or not be there yet.
pub(crate) fn samples_in(file: &Path) -> Vec<Arc<Snapshot>> {
    let reader = File::open(file).ok().and_then(|file| Reader::new(file).ok());
    reader.into_iter().flatten().collect()
}

/// A program that ends with the test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

#[tokio::test]
async fn a_recording_whose_program_was_killed_has_every_sample_and_zcat_reads_it_while_it_grows() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("incident.jsonl.gz");
    let target = login.conninfo();
    let mut command = std::process::Command::new(PGDJ);
    command.env_clear().env("HOME", home.path()).args(["record", file.to_str().unwrap(), &target]);
    let mut recording = Killed(command.stderr(std::process::Stdio::null()).spawn().unwrap());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while samples_in(&file).len() < 4 {
        assert!(std::time::Instant::now() < deadline, "no samples");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let zcat = std::process::Command::new("zcat").arg(&file).output().unwrap();
    let lines: Vec<_> = zcat.stdout.split_inclusive(|byte| *byte == b'\n').collect();
    assert!(
        lines.len() >= 5 && lines.iter().all(|line| line.ends_with(b"}\n")),
        "{}: {}",
        lines.len(),
        String::from_utf8_lossy(&zcat.stderr)
    );
    let before = samples_in(&file).len();
    recording.0.kill().unwrap();
    recording.0.wait().unwrap();
    let killed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let samples = samples_in(&file);
    assert!(samples.len() >= before, "{before} before, {} after", samples.len());
    let age = killed - samples.last().unwrap().at.0;
    assert!(age < 3.0, "the last sample is {age} s older than the end");

    let mut terminal = Terminal::start((120, 40), home.path(), &["replay", file.to_str().unwrap()]);
    terminal.wait_for(&format!("  1 of {} ", samples.len())).await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
}
