use std::ffi::OsString;

use clap::CommandFactory as _;

use super::{Args, CliCommand, ParsedArgs, parse};
use crate::pg::address::Prompt;

fn words(line: &str) -> Vec<OsString> {
    ["pgdj"].into_iter().chain(line.split_whitespace()).map(OsString::from).collect()
}

fn run(line: &str) -> Args {
    match parse(words(line)) {
        Ok(ParsedArgs::Run(args)) => *args,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str) -> String {
    parse(words(line)).map(|parsed| panic!("{parsed:?}")).unwrap_err().to_string()
}

#[test]
fn the_description_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn psqls_flags_mean_what_they_mean_to_psql() {
    let args = run("-h db1 -p 6432 -U app -d shop");
    let request = args.request(&[]);
    let flags = (request.flags.host, request.flags.port, request.flags.user, request.flags.database);
    assert_eq!(flags, (Some("db1"), Some("6432"), Some("app"), Some("shop")));
    assert_eq!(run("-hdb1").connection.host.as_deref(), Some("db1"));
    assert_eq!(run("--host=db1 --username=x").connection.username.as_deref(), Some("x"));
    for (line, prompt) in [("", Prompt::IfNeeded), ("-w", Prompt::Never), ("-W", Prompt::First)] {
        assert_eq!(run(line).request(&[]).prompt, prompt);
    }
}

#[test]
fn a_word_is_a_target_unless_it_is_a_command() {
    assert_eq!(run("prod").target(), Some("prod"));
    assert_eq!(run("postgres://a@b/c").target(), Some("postgres://a@b/c"));
    assert!(matches!(run("demo").command, Some(CliCommand::Demo { record: None, .. })));
    assert_eq!(run("-- demo").target(), Some("demo"));
    assert!(refused("prod demo").contains("prod comes before it"));
    assert!(run("demo --theme frost --pace 1").settings.theme.is_some());
    assert_eq!(run("--theme frost demo").settings.theme.as_deref(), Some("frost"));
}

#[test]
fn a_mistake_is_one_sentence_and_a_hint() {
    let check = |line: &str, expected: &str| assert_eq!(refused(line), expected, "{line}");
    check(
        "--raed-only",
        "error: unexpected argument '--raed-only' found\n  hint: a similar argument exists: '--read-only'",
    );
    check("a b", "error: unexpected argument 'b' found\n  hint: see pgdj --help");
    check(
        "-h",
        "error: a value is required for '--host <HOST>' but none was supplied\n  \
         hint: -h is the host, as in psql; for help, run pgdj --help",
    );
    check("-w -W", "error: the argument '--no-password' cannot be used with '--password'\n  hint: see pgdj --help");
    check("completions", "error: <SHELL> is missing\n  hint: see pgdj completions --help");
}

#[test]
fn a_password_in_an_argument_is_never_repeated() {
    for line in [
        "prod postgres://u:s3cret@h/d",
        "prod password=s3cret",
        "postgres://u:s3cret@h/d demo",
        "--nope=postgres://u:s3cret@h/d",
        "completions postgres://u:s3cret@h/d",
        "--read-only=password=s3cret",
    ] {
        let text = refused(line);
        assert!(!text.contains("s3cret"), "{line}: {text}");
    }
    let args = run("postgres://u:s3cret@h/d -d password=s3cret");
    assert!(!format!("{args:?}{:?}", args.request(&[])).contains("s3cret"), "{args:?}");
}

#[test]
fn help_and_version_are_said_and_not_failed() {
    for line in ["--help", "-?", "--version", "demo --help"] {
        assert!(matches!(parse(words(line)), Ok(ParsedArgs::Say(_))), "{line}");
    }
}

#[test]
fn the_help_fits_a_terminal_of_80_columns() {
    let help = Args::command().term_width(80).render_long_help().to_string();
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    insta::assert_snapshot!(Args::command().term_width(80).render_help().to_string());
}
