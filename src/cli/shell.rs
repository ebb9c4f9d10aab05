//! What shells and manuals want to know: completions and the man page, made from the arguments.

use std::io;

use super::args::command;

/// Returns the completions for a shell.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "pgdj", &mut script);
    script
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
            for word in ["read-only", "dbname", "demo"] {
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
