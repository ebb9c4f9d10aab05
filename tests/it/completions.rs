//! The completions in the shells themselves, each where it is installed: what a press of Tab offers.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::leave_out;
use crate::support::pty::PGDJ;

/// In front of the cursor, what has to be offered there, and what must not be.
const CASES: &[(&str, &[&str], &[&str])] = &[
    ("pgdj ", &["explain", "advise", "demo", "record", "replay", "completions"], &["man"]),
    ("pgdj ex", &["explain"], &["demo"]),
    ("pgdj --", &["--host", "--read-only", "--print-sql", "--help"], &["--analyze"]),
    ("pgdj explain --", &["--queryid", "--analyze", "--read-only"], &[]),
    ("pgdj explain --format ", &["text", "json", "markdown"], &[]),
    ("pgdj advise --", &["--max-indexes", "--max-bytes", "--limit", "--format"], &["--analyze"]),
    ("pgdj record --", &["--for"], &["--queryid"]),
    ("pgdj completions ", &["bash", "zsh", "fish"], &[]),
];

fn script(home: &Path, shell: &str) -> String {
    let output = Command::new(PGDJ).args(["completions", shell]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = home.join(format!("pgdj.{shell}"));
    std::fs::write(&path, output.stdout).unwrap();
    path.display().to_string()
}

/// Runs a shell on a program with these arguments; `None`, with a sentence, where it is not installed.
fn offered(home: &Path, shell: &[&str], arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(arguments).env("HOME", home).env("TERM", "dumb").stdin(Stdio::null());
    let Ok(output) = command.output() else {
        leave_out(&format!("completions in {} (Debian: apt install {})", shell[0], shell[0]));
        return None;
    };
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{} complains", shell[0]);
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn check(shell: &[&str], program: impl Fn(&str, &str) -> Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let script = script(home.path(), shell[0]);
    for (line, wanted, unwanted) in CASES {
        let program = program(&script, line);
        let arguments: Vec<&str> = program.iter().map(String::as_str).collect();
        let Some(offered) = offered(home.path(), shell, &arguments) else { return };
        let words: Vec<&str> = offered.split_whitespace().collect();
        for word in *wanted {
            assert!(words.contains(word), "{}: {line}: no {word}: {offered}", shell[0]);
        }
        for word in *unwanted {
            assert!(!words.contains(word), "{}: {line}: {word}: {offered}", shell[0]);
        }
    }
}

#[test]
fn fish_offers_what_fits() {
    check(&["fish", "--no-config"], |script, line| {
        vec!["-c".to_owned(), format!("source {script}; complete -C '{line}'")]
    });
}

#[test]
fn bash_offers_what_fits() {
    const PROGRAM: &str = r#"source "$1"; read -ra COMP_WORDS <<<"$2"; [[ $2 != *" " ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$2; COMP_POINT=${#2}
        _pgdj pgdj "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"; printf '%s\n' "${COMPREPLY[@]}""#;
    check(&["bash", "--norc"], |script, line| ["-c", PROGRAM, "bash", script, line].map(str::to_owned).to_vec());
}

/// A second zsh on a terminal of its own, in which Tab is pressed; what it would list is printed.
#[test]
fn zsh_offers_what_fits() {
    const PROGRAM: &str = r#"zmodload zsh/zpty; zpty z zsh -f -i
        zpty -w z "PS1=; autoload -U compinit; compinit -u -D; source $1; stty cols 200; LISTMAX=10000"
        zpty -w z "offer() { zle list-choices; zle -R; print DO''NE }; zle -N offer; bindkey '^I' offer; print REA''DY"
        zpty -r -m z seen '*READY*'; zpty -w -n z "$2"$'\t'; zpty -r -m z seen '*DONE*'
        print -r -- "${${seen//$'\e[J'/ }//$'\e[K'/ }"; zpty -d z"#;
    check(&["zsh", "-f"], |script, line| ["-c", PROGRAM, "zsh", script, line].map(str::to_owned).to_vec());
}
