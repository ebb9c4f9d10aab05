//! Keeps a password that stands in an argument out of the process list.
//!
//! Every user of a machine sees the arguments of every process (`ps`). A program cannot overwrite its own without
//! `unsafe`, so it starts itself again in its place, by `exec`: same process, same terminal, with the passwords masked in
//! the arguments. The real ones travel in a pipe that only this process holds: not in the environment, which other
//! programs of the same user can read. Until then, some milliseconds, the password is visible; a password in
//! `PGPASSWORD`, `~/.pgpass` or at the prompt never is.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::pg::address::masked;

/// Names the process and the pipe for which the arguments were masked: `PID:FD`. Of no use to any other process.
const HANDED_OVER: &str = "PGDJ_ARGUMENTS";

/// Bytes that fit into a pipe that nobody reads yet; macOS has the smallest.
const MOST: usize = 8 * 1024;

/// Ends each part of what is handed over; no argument holds it.
const END: &str = "\0";

/// Returns the arguments as they were given, the program's own name first, once none of them shows a password to others.
///
/// `warn` hears why one is still visible.
pub fn arguments(warn: impl Fn(&str)) -> Vec<OsString> {
    let shown: Vec<OsString> = std::env::args_os().collect();
    if let Some(given) = handed_over(&shown) {
        return given;
    }
    let secrets: Vec<(usize, &str, String)> = shown
        .iter()
        .enumerate()
        .skip(1)
        .filter_map(|(at, text)| Some((at, text.to_str()?, masked(text.to_str()?)?)))
        .collect();
    if !secrets.is_empty() {
        let error = start_again(&shown, &secrets);
        warn(&format!(
            "other users of this machine can see the password in the arguments (ps): {error}; use PGPASSWORD, \
             ~/.pgpass or the prompt instead"
        ));
    }
    shown
}

/// Takes the real arguments out of the pipe, if this process was started again for them.
#[expect(clippy::disallowed_methods, reason = "it is read before the environment of the command is")]
fn handed_over(shown: &[OsString]) -> Option<Vec<OsString>> {
    let value = std::env::var(HANDED_OVER).ok()?;
    let (pid, fd) = value.split_once(':')?;
    // An editor that pgdj starts has the variable too, and is another process.
    if pid.parse() != Ok(std::process::id()) {
        return None;
    }
    let fd: u32 = fd.parse().ok()?;
    let mut text = String::new();
    File::open(format!("/dev/fd/{fd}")).ok()?.read_to_string(&mut text).ok()?;
    let mut arguments = shown.to_vec();
    let mut parts = text.split_terminator(END);
    while let (Some(at), Some(argument)) = (parts.next(), parts.next()) {
        *arguments.get_mut(at.parse::<usize>().ok()?)? = argument.into();
    }
    Some(arguments)
}

/// Starts this program again with the secrets masked; returns only with what went wrong.
fn start_again(shown: &[OsString], secrets: &[(usize, &str, String)]) -> io::Error {
    match prepare(shown, secrets) {
        Ok((mut command, _pipe)) => command.exec(),
        Err(error) => error,
    }
}

/// Returns the command, and the end of the pipe that has to stay open until it has started.
fn prepare(shown: &[OsString], secrets: &[(usize, &str, String)]) -> io::Result<(Command, io::PipeReader)> {
    let mut text = String::new();
    for (at, argument, _) in secrets {
        text.extend([&at.to_string(), *argument].into_iter().flat_map(|part| [part, END]));
    }
    if text.len() > MOST {
        return Err(io::Error::other("the arguments are too long"));
    }
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(text.as_bytes())?;
    drop(writer);
    rustix::io::fcntl_setfd(&reader, rustix::io::FdFlags::empty())?;
    let mut arguments = shown.to_vec();
    for (at, _, masked) in secrets {
        if let Some(argument) = arguments.get_mut(*at) {
            *argument = masked.into();
        }
    }
    let mut arguments = arguments.into_iter();
    let mut command = Command::new(program());
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env(HANDED_OVER, format!("{}:{}", std::process::id(), reader.as_raw_fd()));
    Ok((command, reader))
}

/// Returns where this program is; Linux finds it even when its file was replaced.
fn program() -> PathBuf {
    let exists = |path: &PathBuf| path.exists();
    std::env::current_exe().ok().filter(exists).unwrap_or_else(|| PathBuf::from("/proc/self/exe"))
}
