//! The pane's own keys.

use crate::app::Action;
use crate::app::keys::{Binding, key};

pub(super) const EDIT: Action = Action::Own("edit");
pub(super) const RUN: Action = Action::Own("run");
pub(super) const HOTTEST: Action = Action::Own("hottest");
pub(super) const NEXT_SCAN: Action = Action::Own("next scan");
pub(super) const PLAN_TEXT: Action = Action::Own("plan text");
pub(super) const ANALYZE: Action = Action::Own("analyze");
pub(super) const OPTIONS: Action = Action::Own("options");
pub(super) const OPEN: Action = Action::Own("open");
pub(super) const KEEP: Action = Action::Own("keep");
pub(super) const COMPARE: Action = Action::Own("compare");
pub(super) const TRY: Action = Action::Own("try");
pub(super) const BUILD: Action = Action::Own("build index");
pub(super) const FOLD: Action = Action::Own("fold");
pub(super) const SCROLL_DOWN: Action = Action::Own("scroll down");
pub(super) const SCROLL_UP: Action = Action::Own("scroll up");
pub(super) const COPY_CODE: Action = Action::Own("copy code");
pub(super) const SAVE_CODE: Action = Action::Own("save code");

pub(super) const KEYS: &[Binding] = &[
    key(Action::View, &["v"], "view", "Next cards first: tips, indexes, the node; then the tree alone.").shown(5),
    key(EDIT, &["e"], "edit", "Write the statement, or paste a statement or a plan.").shown(1),
    key(RUN, &["R", "F5"], "run", "Estimate the statement, then run EXPLAIN ANALYZE (a: estimate only).").shown(2),
    key(HOTTEST, &["n"], "slowest node", "Go to the node with the longest self time, then the next.").shown(3),
    key(NEXT_SCAN, &["N"], "slowest scan", "Go to the slowest sequential scan, then the next.").shown(6),
    key(PLAN_TEXT, &["t"], "text", "Show the plan as psql prints it, or go back to the tree.").shown(5),
    key(ANALYZE, &["a"], "analyze", "Switch between ANALYZE and the estimate only.").shown(7),
    key(OPTIONS, &["O"], "options", "Choose the options of EXPLAIN and the time limit.").shown(8),
    key(OPEN, &["f"], "open file", "Open a file: a statement, a plan, an auto_explain log."),
    key(KEEP, &["b"], "keep", "Keep this plan to compare with.").shown(7),
    key(COMPARE, &["C"], "compare", "Compare two plans: kept and now, without and with index.").shown(7),
    key(TRY, &["B"], "index trial", "Build the index, measure with it, remove it; asks first.").shown(6).acts(),
    key(BUILD, &["I"], "build index", "Build the index concurrently and keep it; asks first, shows its progress.")
        .acts(),
    key(FOLD, &["z"], "fold", "Fold or open the branch of the plan."),
    key(SCROLL_DOWN, &["J"], "scroll down", "Scroll the cards down."),
    key(SCROLL_UP, &["U"], "scroll up", "Scroll the cards up."),
    key(COPY_CODE, &["i"], "copy code", "Copy the index: Django code, migration, SQL (by OSC 52)."),
    key(
        SAVE_CODE,
        &["w"],
        "write file",
        "Write the migration of the index, or the plan as HTML, markdown or JSON, to a file.",
    ),
];
