//! What a person can ask for.

use super::pane_id::PaneId;

/// Something a person can ask for; its keys and words are in [`super::keys`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Shows a pane.
    Show(PaneId),
    /// Shows the next pane.
    NextPane,
    /// Shows the previous pane.
    PreviousPane,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Sideways to the left.
    Left,
    /// Sideways to the right.
    Right,
    /// Everything known about the row.
    Inspect,
    /// Narrows the rows by a fuzzy text.
    Filter,
    /// Sorts by the next column.
    Sort,
    /// Turns the order round.
    SortReverse,
    /// Copies the row's text by OSC 52.
    Copy,
    /// Copies the whole row as JSON by OSC 52.
    CopyRow,
    /// Goes to the pane and row that this one is about.
    Jump,
    /// Changes the view: other columns, another interval.
    View,
    /// Brings the row's query to the Explain pane.
    Explain,
    /// What only one pane knows, by the name that the pane gave it.
    Own(&'static str),
    /// Holds the clock, or lets it go.
    Pause,
    /// One sample back in time.
    Back,
    /// One sample forward in time.
    Forward,
    /// Ten samples back in time.
    BackTen,
    /// Ten samples forward in time.
    ForwardTen,
    /// To the first sample there is.
    FirstMoment,
    /// To the newest sample, or on live.
    LastMoment,
    /// To the minute with the highest load.
    WorstMoment,
    /// Samples faster.
    Faster,
    /// Samples slower.
    Slower,
    /// Reads everything now.
    ReadNow,
    /// Every action by name.
    Palette,
    /// The themes, with a live preview.
    Themes,
    /// The keys that work here.
    Help,
    /// What pgdj did on the server, and what it costs it.
    Journal,
    /// Takes away the last condition that the lists are narrowed to.
    Widen,
    /// Closes what is on top.
    Close,
    /// Leaves.
    Quit,
    /// Stops the program; `fg` continues it.
    Suspend,
}
