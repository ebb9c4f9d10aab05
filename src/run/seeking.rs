//! A recording in its file, read by a thread of its own: the screen never waits for the disk.
//!
//! The newest moment that is asked for wins. While nothing is asked for, it reads on around the moment shown, then looks
//! through the rest of the file.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use crate::app::{Event, Outcome};
use crate::record::{LoadStep, RecordedWindow, RecordingFile};
use crate::sample::Moment;

/// Answers that may wait for the loop.
const ROOM: usize = 4;
/// The least time between two reports of how far the file was looked through.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// Asks for moments of a recording, and hears of them.
pub(super) struct Seeking {
    wanted: watch::Sender<Moment>,
    /// `None` after the thread has ended.
    windows: Option<mpsc::Receiver<RecordedWindow>>,
}

impl Seeking {
    /// Starts the thread on a file that has shown this moment.
    pub(super) fn start(file: RecordingFile, shown: Moment) -> Self {
        let (wanted, asked) = watch::channel(shown);
        let (windows_in, windows) = mpsc::channel(ROOM);
        let handle = Handle::current();
        let reading = move || {
            let mut thread = SeekingThread { file, asked, sought: None, windows: windows_in };
            thread.run(&handle);
        };
        drop(tokio::task::spawn_blocking(reading));
        Self { wanted, windows: Some(windows) }
    }

    /// Asks for a moment.
    pub(super) fn seek(&self, moment: Moment) {
        self.wanted.send_replace(moment);
    }

    /// Waits for the next answer; for ever, where none will come.
    pub(super) async fn next(seeking: &mut Option<Self>) -> Event {
        let Some(Self { windows: Some(windows), .. }) = seeking else { return std::future::pending().await };
        if let Some(window) = windows.recv().await {
            return Event::Recorded(Box::new(window));
        }
        if let Some(seeking) = seeking {
            seeking.windows = None;
        }
        Event::Done(Outcome::Bad("a fault in pgdj ended the reading of the recording".to_owned()))
    }
}

/// What the thread owns.
struct SeekingThread {
    file: RecordingFile,
    asked: watch::Receiver<Moment>,
    /// The moment that is not answered yet.
    sought: Option<Moment>,
    windows: mpsc::Sender<RecordedWindow>,
}

/// Nobody listens any more.
struct Left;

impl SeekingThread {
    /// Reads until nobody listens.
    fn run(&mut self, handle: &Handle) {
        while self.answer().and_then(|()| self.read_on(handle)).is_ok() {}
    }

    /// Answers the newest moment that was asked for, where the file was looked through so far.
    fn answer(&mut self) -> Result<(), Left> {
        if self.asked.has_changed().map_err(|_closed| Left)? {
            self.sought = Some(*self.asked.borrow_and_update());
        }
        let Some(window) = self.sought.and_then(|moment| self.file.seek(moment)) else { return Ok(()) };
        self.sought = None;
        self.send(window)
    }

    /// Reads on until something is asked for: around the moment shown, then the rest of the file.
    fn read_on(&mut self, handle: &Handle) -> Result<(), Left> {
        let mut reported = Instant::now();
        let mut is_loading = self.sought.is_none();
        let mut loaded = self.loaded();
        let mut is_reported = false;
        while !self.asked.has_changed().map_err(|_closed| Left)? {
            if is_loading {
                is_reported = false;
                match self.file.load_more() {
                    LoadStep::Loaded => {
                        if loaded != self.loaded() {
                            loaded = self.loaded();
                            self.send(self.file.window())?;
                        }
                        continue;
                    }
                    LoadStep::Lost => {
                        self.sought = Some(*self.asked.borrow());
                        return Ok(());
                    }
                    LoadStep::Nothing => is_loading = false,
                }
            }
            if self.file.index_on() {
                is_reported = false;
                if self.sought.is_some() {
                    return Ok(());
                }
                if reported.elapsed() >= REPORT_EVERY {
                    reported = Instant::now();
                    is_loading = true;
                    self.send(self.file.window())?;
                }
                continue;
            }
            if self.sought.is_some() {
                return Ok(());
            }
            if !is_reported {
                is_reported = true;
                // The index may have found more to load.
                is_loading = true;
                self.send(self.file.window())?;
                continue;
            }
            handle.block_on(self.asked.changed()).map_err(|_closed| Left)?;
            self.sought = Some(*self.asked.borrow_and_update());
            return Ok(());
        }
        Ok(())
    }

    /// Returns which of what the panes need beyond the moment shown is loaded: what rates need, and all.
    fn loaded(&self) -> [bool; 2] {
        [self.file.has_span_before(), self.file.has_look_back()]
    }

    fn send(&self, window: RecordedWindow) -> Result<(), Left> {
        self.windows.blocking_send(window).map_err(|_closed| Left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::demo::RECORDING;

    async fn window(seeking: &mut Option<Seeking>) -> Box<RecordedWindow> {
        match Seeking::next(seeking).await {
            Event::Recorded(window) => window,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_newest_moment_wins_and_the_thread_ends_with_who_asks() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(RECORDING).unwrap();
        let mut file = RecordingFile::open(file, 64 << 20).unwrap();
        let first = file.open_first().moment.unwrap();
        let mut seeking = Some(Seeking::start(file, first));
        while window(&mut seeking).await.indexed < 1.0 {}
        for number in 0..60 {
            seeking.as_ref().unwrap().seek(Moment::of(number));
        }
        let last = loop {
            let window = window(&mut seeking).await;
            if window.asked == Moment::of(59) {
                break window;
            }
        };
        assert!(last.moment == Some(Moment::of(59)) && last.history.len() >= 60);
        // The runtime waits for the thread when the test ends.
        drop(seeking);
    }
}
