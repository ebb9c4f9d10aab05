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
    /// Changes how rows are grouped.
    Group,
    /// Changes the view: other columns, another interval.
    View,
    /// Shows or hides idle rows.
    Idle,
    /// Pins this moment as the one that figures count from.
    Pin,
    /// Reads the exact figure of this row, which costs the server something.
    Exact,
    /// Cancels the query of the row.
    CancelQuery,
    /// Ends the session of the row.
    Terminate,
    /// Brings the row's query to the Explain pane.
    Explain,
    /// Writes the statement to be explained.
    Edit,
    /// Runs the statement.
    Run,
    /// Runs it, or asks for the estimate only.
    Analyze,
    /// Opens a file with a statement or a plan.
    Open,
    /// The options of EXPLAIN.
    Options,
    /// Folds or opens a branch of the plan.
    Fold,
    /// To the next of the nodes with the most time.
    Hottest,
    /// To the next sequential scan.
    NextScan,
    /// The plan as psql prints it.
    PlanText,
    /// Keeps this plan to compare with.
    Keep,
    /// Compares this plan with the one that was kept.
    Compare,
    /// Builds an index for real, measures the statement with it, and drops it.
    Try,
    /// Scrolls what stands beside or below the rows down.
    ScrollDown,
    /// Scrolls what stands beside or below the rows up.
    ScrollUp,
    /// Copies the code of an index.
    CopyCode,
    /// Writes the code of an index to a file.
    SaveCode,
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
    /// Closes what is on top.
    Close,
    /// Leaves.
    Quit,
    /// Stops the program; `fg` continues it.
    Suspend,
}
