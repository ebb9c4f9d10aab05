//! Directories of private servers whose owner is gone, and whose watchdog could not clean up after it.
//!
//! An owner holds a lock on a file in its directory, which the system gives back however the owner ends. A directory is
//! abandoned when that lock is free and no process has the owner's number; of others nothing is touched.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// The file in a server's directory that its owner keeps locked.
const OWNER_FILE: &str = "owner";

/// How long a server may take to stop at once before its directory is removed under it.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Takes the owner's lock; it is held until the file is dropped.
pub(super) fn claim(directory: &Path) -> io::Result<File> {
    let file = File::create(directory.join(OWNER_FILE))?;
    file.lock()?;
    Ok(file)
}

/// Stops the servers and removes the directories in `base` that were abandoned; returns those that are gone.
pub fn sweep(base: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(base) else { return Vec::new() };
    let abandoned = entries.flatten().map(|entry| entry.path()).filter(|path| is_abandoned(path));
    abandoned.filter(|path| remove(path).is_ok()).collect()
}

fn is_abandoned(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(owner) = name.strip_prefix("pgdj-").and_then(|rest| rest.split_once('-')) else { return false };
    let (Ok(owner), Ok(_stamp)) = (owner.0.parse::<u32>(), owner.1.parse::<u32>()) else { return false };
    // The number alone is not enough: another container may share the folder. Nor is the lock: it is taken a moment
    // after the directory is made.
    let is_held = File::open(directory.join(OWNER_FILE)).is_ok_and(|file| file.try_lock().is_err());
    !is_held && command_line(owner).is_none()
}

/// Stops the server of a directory, if one runs, and removes the directory.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    if let Some(pid) = server_of(directory) {
        // By the system call, for a minimal system has no program for it. One that has just ended is no failure.
        kill_process(pid, Signal::QUIT).or_else(|error| if error == Errno::SRCH { Ok(()) } else { Err(error) })?;
        let deadline = Instant::now() + STOP_DEADLINE;
        while server_of(directory).is_some() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    fs::remove_dir_all(directory)
}

/// Returns the process number of the server that runs on this directory, made sure of by its command line.
fn server_of(directory: &Path) -> Option<Pid> {
    let pid_file = fs::read_to_string(directory.join("data/postmaster.pid")).ok()?;
    let number: u32 = pid_file.lines().next()?.trim().parse().ok()?;
    let is_its_own = command_line(number)?.contains(directory.to_str()?);
    is_its_own.then(|| Pid::from_raw(i32::try_from(number).ok()?)).flatten()
}

/// Returns the command line of a process; `None` when there is no such process, or only its remains.
fn command_line(pid: u32) -> Option<String> {
    let bytes = if Path::new("/proc/self").exists() {
        fs::read(format!("/proc/{pid}/cmdline")).ok()?
    } else {
        Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().ok()?.stdout
    };
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    (!text.is_empty()).then_some(text)
}
