//! What shells and manuals want to know: completions and the man page, made from the arguments.

use std::io;

use clap::{Arg, Command, ValueEnum as _};
use clap_complete::Shell;

use super::args::command;

/// Returns the completions for a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut completed(), "pgdj", &mut script);
    if shell == Shell::Fish {
        // clap tells fish the values of options only.
        let names: Vec<String> = Shell::value_variants().iter().map(ToString::to_string).collect();
        let values = names.join(" ");
        let line = format!("complete -c pgdj -n \"__fish_pgdj_using_subcommand completions\" -f -a \"{values}\"\n");
        script.extend(line.into_bytes());
    }
    script
}

/// What shells complete: the command line without what they stumble over.
///
/// TARGET, optional and first, hides the commands behind it in zsh; `-?` is a pattern to fish, which stops at it; the
/// hidden commands stay hidden.
fn completed() -> Command {
    let whole = command();
    let without_pattern = |arg: &Arg| if arg.get_short() == Some('?') { arg.clone().short(None) } else { arg.clone() };
    Command::new("pgdj")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(whole.get_arguments().filter(|arg| !arg.is_positional()).map(without_pattern))
        .subcommands(whole.get_subcommands().filter(|it| !it.is_hide_set()).cloned())
}

/// Returns the man page, in roff.
pub fn man() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command()).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::{completions, man};

    #[test]
    fn every_shell_is_told_every_flag() {
        use clap_complete::Shell::{Bash, Elvish, Fish, PowerShell, Zsh};
        for shell in [Bash, Elvish, Fish, PowerShell, Zsh] {
            let script = String::from_utf8(completions(shell)).unwrap();
            for word in ["read-only", "dbname", "print-sql", "demo"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn the_man_page_has_the_flags_and_the_examples() {
        let page = String::from_utf8(man().unwrap()).unwrap();
        for word in ["pgdj \\- A terminal console", "\\-\\-read\\-only", "\\-h", "completions bash"] {
            assert!(page.contains(word), "{word}: {page}");
        }
    }
}
