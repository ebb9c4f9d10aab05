//! The one table of keys: the footer, the help, the palette and the README's table are derived from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::pane_id::PaneId::{self, Activity, Explain, Indexes, Overview, Queries, Tables};

/// Where a binding works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere.
    Everywhere,
    /// Wherever rows are listed.
    Lists,
    /// In these panes.
    Panes(&'static [PaneId]),
}

/// Whether the footer names a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footer {
    /// Named; the lower the number, the longer it stays on a narrow screen.
    At(u8),
    /// Only in the help.
    No,
}

/// One action with its keys and words.
#[derive(Debug)]
pub struct Binding {
    /// What is asked for.
    pub action: Action,
    /// The keys as [`key_name`] writes them, the one to show first.
    pub keys: &'static [&'static str],
    /// Where it works.
    pub scope: Scope,
    /// One or two words for the footer.
    pub short: &'static str,
    /// Whether the footer names it.
    pub footer: Footer,
    /// One sentence for the help and the palette.
    pub doc: &'static str,
}

/// Where rows can be put in another order; a plan has one of its own.
const SORTED: &[PaneId] = &[Overview, Activity, Queries, Tables, Indexes];

/// Builds a line of the table: action, scope, keys, words.
const fn bind(
    action: Action,
    scope: Scope,
    keys: &'static [&'static str],
    words: (&'static str, &'static str),
) -> Binding {
    Binding { action, keys, scope, short: words.0, footer: Footer::No, doc: words.1 }
}

/// Builds the line of `v`, which shows something else in each pane.
const fn view(panes: &'static [PaneId], doc: &'static str) -> Binding {
    bind(Action::View, Panes(panes), &["v"], ("view", doc)).shown(5)
}

impl Binding {
    /// Names it in the footer.
    const fn shown(mut self, rank: u8) -> Self {
        self.footer = Footer::At(rank);
        self
    }

    /// Whether the binding works in a pane.
    pub fn works_in(&self, pane: PaneId) -> bool {
        match self.scope {
            Scope::Everywhere | Scope::Lists => true,
            Scope::Panes(panes) => panes.contains(&pane),
        }
    }

    /// Returns the keys as one text: `j Down`.
    pub fn keys_text(&self) -> String {
        self.keys.join(" ")
    }
}

use Scope::{Everywhere, Lists, Panes};

/// Every key there is.
pub static BINDINGS: &[Binding] = &[
    bind(Action::Show(Overview), Everywhere, &["1"], ("overview", "Show the overview: is it bad, and where?")),
    bind(Action::Show(Activity), Everywhere, &["2"], ("activity", "Show the sessions: who is doing what?")),
    bind(Action::Show(Queries), Everywhere, &["3"], ("queries", "Show the statements: what costs most?")),
    bind(
        Action::Show(Tables),
        Everywhere,
        &["4"],
        ("tables", "Show the tables: what is bloated, unvacuumed, scanned?"),
    ),
    bind(
        Action::Show(Indexes),
        Everywhere,
        &["5"],
        ("indexes", "Show the indexes: what is unused, duplicate, missing?"),
    ),
    bind(Action::Show(Explain), Everywhere, &["6"], ("explain", "Show the plan of a statement: why is it slow?")),
    bind(Action::NextPane, Everywhere, &["Tab"], ("next pane", "Show the next pane.")),
    bind(Action::PreviousPane, Everywhere, &["Shift-Tab"], ("previous pane", "Show the previous pane.")),
    bind(Action::Help, Everywhere, &["?", "F1"], ("help", "Show the keys that work here.")).shown(0),
    bind(Action::Quit, Everywhere, &["q", "Ctrl-c"], ("quit", "Quit pgdj.")).shown(1),
    bind(Action::Suspend, Everywhere, &["Ctrl-z"], ("suspend", "Stop pgdj and go back to the shell; fg continues it.")),
    bind(Action::Down, Lists, &["j", "Down"], ("down", "Go one row down.")),
    bind(Action::Up, Lists, &["k", "Up"], ("up", "Go one row up.")),
    bind(Action::PageDown, Lists, &["PageDown", "Ctrl-d"], ("page down", "Go one page down.")),
    bind(Action::PageUp, Lists, &["PageUp", "Ctrl-u"], ("page up", "Go one page up.")),
    bind(Action::First, Lists, &["g", "Home"], ("first", "Go to the first row.")),
    bind(Action::Last, Lists, &["G", "End"], ("last", "Go to the last row.")),
    bind(Action::Left, Lists, &["h", "Left"], ("left", "Scroll left.")),
    bind(Action::Right, Lists, &["l", "Right"], ("right", "Scroll right, to the columns that do not fit.")),
    bind(Action::Inspect, Lists, &["Enter"], ("inspect", "Show the details of the row.")).shown(2),
    bind(Action::Filter, Lists, &["/"], ("filter", "Filter the rows (fuzzy match).")).shown(3),
    bind(Action::Sort, Panes(SORTED), &["s"], ("sort", "Sort by the next column, or click its header.")).shown(4),
    bind(Action::SortReverse, Panes(SORTED), &["S"], ("reverse", "Reverse the sort.")),
    view(&[Overview], "Next tile, if not all fit."),
    view(&[Activity], "Next columns: what sessions do, or where they come from."),
    view(&[Queries], "Next interval: sample, minute, since pinned, since reset."),
    view(&[Tables], "Next columns: upkeep, traffic per second, since reset."),
    view(&[Indexes], "List all indexes, or only those with a verdict."),
    view(&[Explain], "Next panel: tips, indexes worth building, the node."),
    bind(Action::Jump, Panes(&[Overview]), &["o"], ("go there", "Go to the pane and row that the finding is about."))
        .shown(4),
    bind(
        Action::Group,
        Panes(&[Activity]),
        &["o"],
        ("group", "Group by state, role, application, client, statement, …"),
    )
    .shown(6),
    bind(Action::Idle, Panes(&[Activity]), &["i"], ("idle", "Show or hide idle sessions.")).shown(6),
    bind(Action::Pin, Panes(&[Queries]), &["b"], ("pin", "Pin this moment and count from it (a deployment).")).shown(6),
    bind(
        Action::Exact,
        Panes(&[Tables, Indexes]),
        &["b"],
        ("measure bloat", "Measure the bloat of this row exactly; asks first."),
    )
    .shown(6),
    bind(
        Action::CancelQuery,
        Panes(&[Activity]),
        &["c"],
        ("cancel", "Cancel the running statement of this session; asks first."),
    )
    .shown(7),
    bind(Action::Terminate, Panes(&[Activity]), &["K"], ("terminate", "Terminate this session; asks first.")).shown(8),
    bind(
        Action::Explain,
        Panes(&[Activity, Queries]),
        &["e"],
        ("explain", "Explain the statement of this row, without running it."),
    )
    .shown(3),
    bind(Action::Edit, Panes(&[Explain]), &["e"], ("edit", "Write the statement, or paste a statement or a plan."))
        .shown(1),
    bind(Action::Run, Panes(&[Explain]), &["R", "F5"], ("run", "Estimate the statement, then run EXPLAIN ANALYZE."))
        .shown(2),
    bind(
        Action::Hottest,
        Panes(&[Explain]),
        &["n"],
        ("hottest", "Go to the node with the longest self time, then the next."),
    )
    .shown(3),
    bind(
        Action::NextScan,
        Panes(&[Explain]),
        &["x"],
        ("next scan", "Go to the slowest sequential scan, then the next."),
    )
    .shown(6),
    bind(
        Action::PlanText,
        Panes(&[Explain]),
        &["t"],
        ("text", "Show the plan as psql prints it, or go back to the tree."),
    )
    .shown(5),
    bind(Action::Analyze, Panes(&[Explain]), &["a"], ("analyze", "Switch between ANALYZE and the estimate only."))
        .shown(7),
    bind(Action::Options, Panes(&[Explain]), &["O"], ("options", "Choose the options of EXPLAIN and the time limit."))
        .shown(8),
    bind(
        Action::Open,
        Panes(&[Explain]),
        &["f"],
        ("open file", "Open a file: a statement, a plan, an auto_explain log."),
    ),
    bind(Action::Keep, Panes(&[Explain]), &["b"], ("keep", "Keep this plan to compare with.")).shown(7),
    bind(
        Action::Compare,
        Panes(&[Explain]),
        &["c"],
        ("compare", "Compare two plans: kept and now, without and with index."),
    )
    .shown(7),
    bind(
        Action::Try,
        Panes(&[Explain]),
        &["B"],
        ("try index", "Build the index, measure with it, drop it; asks first."),
    )
    .shown(6),
    bind(Action::Fold, Panes(&[Explain]), &["o"], ("fold", "Fold or open the branch of the plan.")),
    bind(
        Action::ScrollDown,
        Panes(&[Explain]),
        &["J"],
        ("scroll down", "Scroll the tips, the node or the index down."),
    ),
    bind(Action::ScrollUp, Panes(&[Explain]), &["K"], ("scroll up", "Scroll the tips, the node or the index up.")),
    bind(
        Action::CopyCode,
        Panes(&[Explain]),
        &["i"],
        ("copy code", "Copy the index: Django code, migration, SQL (by OSC 52)."),
    ),
    bind(Action::SaveCode, Panes(&[Explain]), &["w"], ("save code", "Write the index as Django code to a file.")),
    bind(Action::Copy, Lists, &["y"], ("copy", "Copy the row's statement, code or name (by OSC 52).")).shown(9),
    bind(Action::CopyRow, Lists, &["Y"], ("copy row", "Copy the whole row or plan as JSON (by OSC 52).")),
    bind(Action::Pause, Everywhere, &["Space"], ("pause", "Pause the screen, or return to live; sampling continues."))
        .shown(4),
    bind(Action::Back, Everywhere, &["["], ("back", "Go one sample back in time, in every pane.")).shown(10),
    bind(Action::Forward, Everywhere, &["]"], ("forward", "Go one sample forward in time.")).shown(10),
    bind(Action::BackTen, Everywhere, &["{"], ("back 10", "Go ten samples back in time.")),
    bind(Action::ForwardTen, Everywhere, &["}"], ("forward 10", "Go ten samples forward in time.")),
    bind(Action::Faster, Everywhere, &["+", "="], ("faster", "Sample faster.")),
    bind(Action::Slower, Everywhere, &["-"], ("slower", "Sample slower.")),
    bind(Action::ReadNow, Everywhere, &["r"], ("read now", "Refresh everything now.")),
    bind(Action::Journal, Everywhere, &["!"], ("journal", "Show what pgdj did on the server, and its overhead.")),
    bind(Action::Themes, Everywhere, &["T"], ("themes", "Choose a theme, with a live preview.")),
    bind(Action::Palette, Everywhere, &[":", "Ctrl-p"], ("commands", "Find a command by its name.")).shown(5),
    bind(Action::Close, Everywhere, &["Esc"], ("close", "Close the window, clear the filter, or return to live.")),
];

/// Returns the binding of an action.
pub fn binding_of(action: Action) -> Option<&'static Binding> {
    BINDINGS.iter().find(|binding| binding.action == action)
}

/// Returns what a key asks for in a pane.
pub fn action_for(key: &KeyEvent, pane: PaneId) -> Option<Action> {
    let name = key_name(key)?;
    let bound = BINDINGS.iter().find(|binding| binding.works_in(pane) && binding.keys.contains(&name.as_str()))?;
    Some(bound.action)
}

/// Returns the name of a key as the table writes it: `a`, `A`, `Ctrl-c`, `Enter`, `Shift-Tab`, `F1`.
pub fn key_name(key: &KeyEvent) -> Option<String> {
    let name = match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::Enter => "Enter".to_owned(),
        KeyCode::Esc => "Esc".to_owned(),
        KeyCode::Tab => "Tab".to_owned(),
        KeyCode::BackTab => "Shift-Tab".to_owned(),
        KeyCode::Up => "Up".to_owned(),
        KeyCode::Down => "Down".to_owned(),
        KeyCode::Left => "Left".to_owned(),
        KeyCode::Right => "Right".to_owned(),
        KeyCode::Home => "Home".to_owned(),
        KeyCode::End => "End".to_owned(),
        KeyCode::PageUp => "PageUp".to_owned(),
        KeyCode::PageDown => "PageDown".to_owned(),
        KeyCode::F(number) => format!("F{number}"),
        _ => return None,
    };
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(if is_control { format!("Ctrl-{}", name.to_lowercase()) } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_asks_for_two_things_in_one_pane() {
        for pane in PaneId::ALL {
            let mut seen = std::collections::HashMap::new();
            for binding in BINDINGS.iter().filter(|binding| binding.works_in(*pane)) {
                for key in binding.keys {
                    assert_eq!(seen.insert(*key, binding.action), None, "{key} in {pane:?}");
                }
            }
        }
    }

    #[test]
    fn keys_have_the_names_of_the_table() {
        let key = |code, modifiers| key_name(&KeyEvent::new(code, modifiers)).unwrap_or_default();
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), "Ctrl-c");
        assert_eq!(key(KeyCode::Char('G'), KeyModifiers::SHIFT), "G");
        assert_eq!(key(KeyCode::Char(' '), KeyModifiers::NONE), "Space");
        assert_eq!(key(KeyCode::BackTab, KeyModifiers::SHIFT), "Shift-Tab");
    }
}
