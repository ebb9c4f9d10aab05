//! The keys: those of every pane stand here, a pane's own in its [`PaneSpec`]; the footer, the help and the palette are
//! derived from them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::pane_spec::{PaneSpec, RowOrder};

/// Where a binding works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    /// Everywhere.
    Everywhere,
    /// Wherever rows are listed.
    Lists,
    /// Wherever rows can be put in another order.
    Sorted,
    /// In the pane that has it.
    Pane,
}

/// Whether the footer names a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footer {
    /// Named; the lower the number, the longer it stays on a narrow screen.
    At(u8),
    /// Only in the help.
    No,
}

/// What it takes to offer an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionNeeds {
    /// Nothing: it reads.
    Nothing,
    /// A server to ask: not in a recording.
    Server,
    /// That pgdj may act on the server: not with `--read-only`, not in a recording.
    Rights,
}

/// One action with its keys and words.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// What is asked for.
    pub action: Action,
    /// The keys as [`key_name`] writes them, the one to show first.
    pub keys: &'static [&'static str],
    /// Where it works.
    pub scope: KeyScope,
    /// What it takes to offer it.
    pub needs: ActionNeeds,
    /// One or two words for the footer.
    pub short: &'static str,
    /// Whether the footer names it.
    pub footer: Footer,
    /// One sentence for the help and the palette.
    pub doc: &'static str,
    /// Other words by which the palette finds it.
    pub also: &'static str,
}

/// Builds a key of one pane: action, keys, words for the footer, sentence for the help.
pub const fn key(action: Action, keys: &'static [&'static str], short: &'static str, doc: &'static str) -> Binding {
    bind(action, KeyScope::Pane, keys, short, doc)
}

/// Builds a line of the table: action, scope, keys, words for the footer, sentence for the help.
const fn bind(
    action: Action,
    scope: KeyScope,
    keys: &'static [&'static str],
    short: &'static str,
    doc: &'static str,
) -> Binding {
    Binding { action, keys, scope, needs: ActionNeeds::Nothing, short, footer: Footer::No, doc, also: "" }
}

impl Binding {
    /// Offers it only where pgdj may act on the server.
    #[must_use]
    pub const fn acts(mut self) -> Self {
        self.needs = ActionNeeds::Rights;
        self
    }

    /// Offers it only where there is a server to ask.
    #[must_use]
    pub(crate) const fn asks_server(mut self) -> Self {
        self.needs = ActionNeeds::Server;
        self
    }

    /// Gives it other words by which the palette finds it.
    #[must_use]
    pub(crate) const fn also(mut self, words: &'static str) -> Self {
        self.also = words;
        self
    }

    /// Names it in the footer.
    #[must_use]
    pub const fn shown(mut self, rank: u8) -> Self {
        self.footer = Footer::At(rank);
        self
    }

    /// Returns the keys as one text: `j Down`.
    pub(crate) fn keys_text(&self) -> String {
        self.keys.join(" ")
    }
}

use KeyScope::{Everywhere, Lists, Sorted};

/// The keys that work in every pane, and in every list.
pub static COMMON: &[Binding] = &[
    bind(Action::NextPane, Everywhere, &["Tab"], "next pane", "Show the next pane."),
    bind(Action::PreviousPane, Everywhere, &["Shift-Tab"], "previous pane", "Show the previous pane."),
    bind(Action::Help, Everywhere, &["?", "F1"], "help", "Show the keys that work here, and what each column is.")
        .shown(0),
    bind(Action::Quit, Everywhere, &["q", "Ctrl-c"], "quit", "Quit pgdj.").shown(1),
    bind(Action::Suspend, Everywhere, &["Ctrl-z"], "suspend", "Stop pgdj and go back to the shell; fg continues it."),
    bind(Action::Down, Lists, &["j", "Down"], "down", "Go one row down."),
    bind(Action::Up, Lists, &["k", "Up"], "up", "Go one row up."),
    bind(Action::PageDown, Lists, &["PageDown", "Ctrl-d"], "page down", "Go one page down."),
    bind(Action::PageUp, Lists, &["PageUp", "Ctrl-u"], "page up", "Go one page up."),
    bind(Action::First, Lists, &["g", "Home"], "first", "Go to the first row."),
    bind(Action::Last, Lists, &["G", "End"], "last", "Go to the last row."),
    bind(Action::Left, Lists, &["h", "Left"], "left", "Scroll left."),
    bind(Action::Right, Lists, &["l", "Right"], "right", "Scroll right, to the columns that do not fit."),
    bind(Action::Inspect, Lists, &["Enter"], "details", "Show the details of the row.").shown(2),
    bind(Action::Filter, Lists, &["/"], "filter", "Filter the rows (fuzzy match).").shown(3),
    bind(
        Action::Sort,
        Sorted,
        &["s"],
        "sort",
        "Choose the column to sort by, or click its header; s again takes the next column.",
    )
    .shown(4),
    bind(Action::SortReverse, Sorted, &["S"], "reverse", "Reverse the sort."),
    bind(Action::Copy, Lists, &["y"], "copy", "Copy the row's statement, code or name (by OSC 52).").shown(9),
    bind(Action::CopyRow, Lists, &["Y"], "copy row", "Copy the whole row or plan as JSON (by OSC 52)."),
    bind(Action::Pause, Everywhere, &["Space"], "pause", "Pause the screen, or return to live; sampling continues.")
        .shown(4),
    bind(Action::Back, Everywhere, &["["], "back", "Go one sample back in time, in every pane.").shown(10),
    bind(Action::Forward, Everywhere, &["]"], "forward", "Go one sample forward in time.").shown(10),
    bind(Action::BackTen, Everywhere, &["{"], "back 10", "Go ten samples back in time."),
    bind(Action::ForwardTen, Everywhere, &["}"], "forward 10", "Go ten samples forward in time."),
    bind(Action::FirstMoment, Everywhere, &["("], "first sample", "Go to the first sample."),
    bind(Action::LastMoment, Everywhere, &[")"], "last sample", "Go to the last sample; live, return to live."),
    bind(
        Action::WorstMoment,
        Everywhere,
        &["W"],
        "worst",
        "Go to the worst minute: the most active sessions on average.",
    ),
    bind(Action::Faster, Everywhere, &["+", "="], "faster", "Sample faster."),
    bind(Action::Slower, Everywhere, &["-"], "slower", "Sample slower."),
    bind(Action::ReadNow, Everywhere, &["r"], "read now", "Refresh everything now."),
    bind(Action::Journal, Everywhere, &["!"], "journal", "Journal: what pgdj did on the server, and its overhead."),
    bind(Action::Themes, Everywhere, &["T"], "themes", "Choose a theme, with a live preview."),
    bind(Action::Palette, Everywhere, &[":", "Ctrl-p"], "commands", "Find a command by its name.").shown(5),
    bind(
        Action::Widen,
        Everywhere,
        &["Backspace"],
        "widen",
        "Remove the last condition that Load narrowed the lists to; in Load, first leave the zoom.",
    ),
    bind(Action::Close, Everywhere, &["Esc"], "close", "Close the window, clear the filter, or return to live."),
];

/// The keys that show a pane, by its place in the list.
const DIGITS: [&[&str]; 10] = [&["1"], &["2"], &["3"], &["4"], &["5"], &["6"], &["7"], &["8"], &["9"], &["0"]];

/// Returns the keys that show the panes.
pub fn showing(panes: &'static [PaneSpec]) -> impl Iterator<Item = Binding> {
    panes
        .iter()
        .zip(DIGITS)
        .map(|(pane, keys)| bind(Action::Show(pane.id), Everywhere, keys, pane.id.name, pane.question))
}

/// Returns the keys that work in a pane, its own first: they stand in for the common ones of the same keys.
pub(crate) fn bindings_of(pane: &'static PaneSpec, panes: &'static [PaneSpec]) -> impl Iterator<Item = Binding> {
    let is_own = |binding: &Binding| pane.bindings.iter().any(|own| own.keys == binding.keys);
    let is_for =
        move |binding: &&Binding| !is_own(binding) && (binding.scope != Sorted || pane.order == RowOrder::Sortable);
    pane.bindings.iter().chain(COMMON.iter().filter(is_for)).copied().chain(showing(panes))
}

/// Returns what a key asks for in a pane.
pub(crate) fn binding_for(key: &KeyEvent, pane: &'static PaneSpec, panes: &'static [PaneSpec]) -> Option<Binding> {
    let name = key_name(key)?;
    bindings_of(pane, panes).find(|binding| binding.keys.contains(&name.as_str()))
}

/// Returns the name of a key as the table writes it: `a`, `A`, `Ctrl-c`, `Enter`, `Shift-Tab`, `F1`.
pub fn key_name(key: &KeyEvent) -> Option<String> {
    let name = match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::Enter => "Enter".to_owned(),
        KeyCode::Esc => "Esc".to_owned(),
        KeyCode::Backspace => "Backspace".to_owned(),
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
    fn keys_have_the_names_of_the_table() {
        let key = |code, modifiers| key_name(&KeyEvent::new(code, modifiers)).unwrap_or_default();
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), "Ctrl-c");
        assert_eq!(key(KeyCode::Char('G'), KeyModifiers::SHIFT), "G");
        assert_eq!(key(KeyCode::Char(' '), KeyModifiers::NONE), "Space");
        assert_eq!(key(KeyCode::BackTab, KeyModifiers::SHIFT), "Shift-Tab");
    }
}
