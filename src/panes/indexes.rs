//! Indexes: what is unused, duplicate, overlapping, invalid, bloated, or missing on a foreign key?
//!
//! On a narrow screen vanish first the columns without a word in them, then the rows fetched, the cache hits and the entries
//! read since the reset, the access method, where it comes from, the table, the keys, the other index, the last scan, the bloat. The name, the verdict, the size and the scans stay.

mod documents;
pub mod figures;

use ratatui::Frame;
use ratatui::layout::Rect;

use self::figures::{IndexFigures, IndexOrMissing, figures};
use super::column::{PaneColumn, cells, column, headers};
use super::measuring::{self, MEASURE, Measuring};
use super::sessions;
use super::tables::bloat_cell;
use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::{Action, DrawContext, JobId, JobNews, Pane, PaneId, PaneRequest, PaneSpec, PaneView, RowOrder};
use crate::catalog::bloat::BloatLimits;
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::usage::IndexProblem;
use crate::document::Document;
use crate::pg::exact::MeasuredRelation;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, Notice};
use crate::ui::theme::Role;

/// Which indexes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum IndexFilter {
    /// Every one.
    #[default]
    All,
    /// Those with a verdict, and those that are missing.
    Judged,
}

/// What the largest is on the ramp: large is no verdict.
const LARGEST: f64 = 0.5;

/// Its name.
pub const ID: PaneId = PaneId { name: "indexes", title: "Indexes" };

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the indexes: what is unused, duplicate, missing?",
    tab: "Index",
    order: RowOrder::Sortable,
    bindings: KEYS,
    make: |_| Box::new(Indexes::default()),
};

const KEYS: &[Binding] =
    &[key(Action::View, &["v"], "view", "List all indexes, or only those with a verdict.").shown(5), measuring::KEY];

/// The pane.
#[derive(Debug)]
pub struct Indexes {
    list: List,
    shown: IndexFilter,
    figures: Vec<IndexFigures>,
    /// What was measured exactly on demand.
    measuring: Measuring,
}

impl Default for Indexes {
    fn default() -> Self {
        Self { list: List::default(), shown: IndexFilter::default(), figures: Vec::new(), measuring: Measuring::of(ID) }
    }
}

impl Pane for Indexes {
    fn refresh(&mut self, view: &PaneView<'_>) {
        let (grid, note) = if let Ok(found) = figures(view) {
            self.figures = found.indexes;
            for one in &mut self.figures {
                one.take_measured(self.measuring.measured().get(&one.id()).copied());
            }
            self.figures.sort_by(|left, right| right.urgency().total_cmp(&left.urgency()));
            (self.grid(view), self.note(&found.notes))
        } else {
            self.figures.clear();
            (Grid::missing(headers(&columns()), super::notice(view.newer.section("indexes"))), String::new())
        };
        let title = match self.shown {
            IndexFilter::All => "Indexes".to_owned(),
            IndexFilter::Judged => "Indexes with a verdict".to_owned(),
        };
        self.list.refresh(Grid { title, footnote: super::footnote(view, "indexes", &note), ..grid });
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.list.draw(frame, area, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, action: Action, _view: &PaneView<'_>) -> PaneRequest {
        match action {
            Action::View => {
                self.shown = if self.shown == IndexFilter::All { IndexFilter::Judged } else { IndexFilter::All };
                PaneRequest::Nothing
            }
            MEASURE => self.ask_exact(),
            _ => PaneRequest::Nothing,
        }
    }

    fn inspect(&self, view: &PaneView<'_>) -> Option<Document> {
        Some(documents::index(self.selected()?, &self.figures, view))
    }

    fn has_preview(&self) -> bool {
        true
    }

    fn copy(&self, view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        let one = self.selected()?;
        match view.and_then(|view| documents::code(one, view)) {
            Some(code) => Some((code.text, format!("what to do about {}", one.name()))),
            None => Some((one.definition().unwrap_or_else(|| one.name()), "the index's definition".to_owned())),
        }
    }

    fn take_job(&mut self, id: JobId, news: JobNews) -> PaneRequest {
        self.measuring.take(id, news)
    }
}

impl Indexes {
    fn selected(&self) -> Option<&IndexFigures> {
        let key = self.list.selected_key()?;
        self.figures.iter().find(|one| one.key() == key)
    }

    fn ask_exact(&mut self) -> PaneRequest {
        let Some(one) = self.selected() else { return PaneRequest::Nothing };
        let IndexOrMissing::Index(usage) = &one.subject else {
            return PaneRequest::Say("This index is missing, so there is nothing to measure".to_owned());
        };
        if usage.method != "btree" {
            return PaneRequest::Say(format!(
                "pgstatindex measures only b-trees; {} is a {} index",
                usage.name, usage.method
            ));
        }
        let mut about = Document::new("What it costs");
        about.pair("index", &usage.label());
        about.pair("estimate", &super::estimate_words(one.bloat.as_ref()));
        let size = usage.size().map_or_else(|| "size not known".to_owned(), |bytes| Bytes(bytes).to_string());
        about.pair("reads", &format!("the whole index: {size}"));
        super::exact_costs(&mut about, usage.size(), "pgstatindex()");
        let (relation, name) = (MeasuredRelation::Index(usage.indexrelid), usage.label());
        let question = format!("Measure the bloat of {name} exactly?");
        PaneRequest::Ask { about, question, then: self.measuring.ask(relation, name) }
    }

    fn note(&self, notes: &[String]) -> String {
        let judged = self.figures.iter().filter(|one| one.is_judged()).count();
        let mut parts = match self.shown {
            IndexFilter::All => vec![format!("{judged} with a verdict (v shows only these)")],
            IndexFilter::Judged => vec!["v shows all".to_owned()],
        };
        parts.extend(notes.iter().cloned());
        parts.join("; ")
    }

    fn grid(&self, view: &PaneView<'_>) -> Grid {
        let columns = columns();
        let mut grid = Grid::new(headers(&columns));
        let usages = self.figures.iter().filter_map(|one| match &one.subject {
            IndexOrMissing::Index(usage) => usage.size(),
            IndexOrMissing::Missing(_) => None,
        });
        let largest = usages.fold(0.0, f64::max);
        let listed = self.figures.iter().filter(|one| self.shown == IndexFilter::All || one.is_judged());
        grid.rows =
            listed.map(|one| GridRow::new(one.key(), cells(&columns, &IndexRow { one, view, largest }))).collect();
        if grid.rows.is_empty() {
            let not_read = ["indexes", "foreign_keys"].iter().find_map(|probe| view.newer.section(probe).why());
            grid.notice = Some(Notice::new(match (self.shown, not_read) {
                (IndexFilter::All, _) => "No indexes in this database".to_owned(),
                (IndexFilter::Judged, None) => {
                    "No index is invalid, duplicate, redundant, unused or missing".to_owned()
                }
                (IndexFilter::Judged, Some(why)) => format!("nothing found so far, but not all was read: {why}"),
            }));
        }
        grid
    }
}

/// An index as it is listed.
struct IndexRow<'a> {
    one: &'a IndexFigures,
    view: &'a PaneView<'a>,
    /// Bytes of the largest index.
    largest: f64,
}

impl IndexRow<'_> {
    /// Returns the index; `None` for one that is missing.
    fn usage(&self) -> Option<&IndexUsage> {
        match &self.one.subject {
            IndexOrMissing::Index(usage) => Some(usage),
            IndexOrMissing::Missing(_) => None,
        }
    }

    /// Returns the cell of a count; empty for an index that is missing.
    fn count(&self, of: fn(&IndexUsage) -> Option<f64>) -> Cell {
        Cell::optional(self.usage().and_then(of).map(|count| (Count(count), count)))
    }
}

fn columns<'a>() -> Vec<PaneColumn<IndexRow<'a>>> {
    let locked = |row: &IndexRow<'_>| sessions::lockers_cell(row.view, row.one.locked_by()).role(Role::Lock);
    let size = |row: &IndexRow<'_>| match row.usage().and_then(IndexUsage::size) {
        Some(bytes) => Cell::number(Bytes(bytes), bytes).heat(LARGEST * bytes / row.largest.max(1.0)),
        None => Cell::default(),
    };
    let last_scan = |row: &IndexRow<'_>| {
        let age = row.usage().and_then(|usage| usage.last_scan).map(|at| (row.view.newer.at.0 - at.0).max(0.0));
        Cell::optional(age.map(|age| (Seconds(age), age)))
    };
    let hits = |row: &IndexRow<'_>| {
        Cell::optional(row.usage().and_then(IndexUsage::hit_share).map(|share| (Share(share), share)))
    };
    vec![
        column(GridColumn::text("index", "index", 28).names().help("The index, or \"missing\" for a foreign key that has none (pg_index, pg_constraint).").at_most(63), |row: &IndexRow<'_>| Cell::text(&row.one.name())),
        column(GridColumn::text("verdict", "verdict", 11).whole().help("What is wrong with it: unused, redundant, invalid; calculated from the columns beside it. A badge calls for action; plain words are facts about an index under 1 MB.").at_most(22), |row| verdict_cell(row.one)),
        column(GridColumn::text("other", "other index", 14).names().help("The index that makes this one needless: the same (duplicate of), or one that starts with its keys (prefix of).").at_most(48).drop(4), |row| Cell::text(&row.one.other)),
        column(GridColumn::text("locked", "locked by", 9).help("Process ids with an ACCESS EXCLUSIVE lock on it, held or waited for (pg_locks).").at_most(16), locked),
        column(GridColumn::number("size", "size").help("Its size on disk in bytes (pg_relation_size)."), size),
        column(GridColumn::number("bloat", "bloat").help("Share of its pages that a rebuild would free, estimated from statistics, or measured by b (pgstatindex).").drop(3), |row| bloat_cell(row.one.bloat.as_ref(), BloatLimits::INDEX)),
        column(GridColumn::number("rate", "scans/s").help("Scans per second in the last minute (pg_stat_user_indexes.idx_scan).").drop(2), |row| {
            Cell::optional(row.one.scan_rate.map(|rate| (Count(rate), rate)))
        }),
        column(GridColumn::number("scans", "scans").help("Scans since the statistics were reset (pg_stat_user_indexes.idx_scan)."), |row| row.count(|usage| usage.scans)),
        column(GridColumn::number("last_scan", "last scan").help("Time since the last scan (pg_stat_user_indexes.last_idx_scan, 16 and later).").short("last").drop(4), last_scan),
        column(GridColumn::text("table", "table", 14).names().help("The table it is on (pg_index.indrelid).").at_most(32).drop(6), |row| Cell::text(&row.one.table())),
        column(GridColumn::text("keys", "keys", 14).help("Its key columns, included columns and condition (pg_index).").at_most(44).drop(5), |row| Cell::text(&row.one.keys())),
        column(GridColumn::text("method", "method", 6).help("Its access method: btree, gin, brin … (pg_am).").at_most(8).drop(9), |row| {
            row.usage().map_or_else(Cell::default, |usage| Cell::text(&usage.method))
        }),
        column(GridColumn::text("origin", "defined by", 12).help("The Django model, field or migration that defines it, as far as its name and keys tell.").at_most(40).drop(8), |row| {
            row.usage().map_or_else(Cell::default, |_| Cell::text(&row.one.origin()))
        }),
        column(GridColumn::number("entries", "entries read").help("Index entries its scans returned (pg_stat_user_indexes.idx_tup_read).").short("read").drop(10), |row| {
            row.count(|usage| usage.entries_read)
        }),
        column(GridColumn::number("fetched", "rows fetched").help("Live rows that plain index scans fetched (pg_stat_user_indexes.idx_tup_fetch).").short("fetched").drop(11), |row| {
            row.count(|usage| usage.rows_fetched)
        }),
        column(GridColumn::number("hits", "cache hits").help("Share of its blocks found in shared buffers (pg_statio_user_indexes).").short("hits").drop(10), hits),
    ]
}

fn verdict_role(verdict: &IndexProblem) -> Role {
    match verdict {
        IndexProblem::Invalid => Role::BadgeBad,
        IndexProblem::BeingBuilt(_) => Role::BadgeGood,
        IndexProblem::Unused { is_suspicion: true } => Role::BadgePlain,
        _ => Role::BadgeWarning,
    }
}

fn verdict_cell(one: &IndexFigures) -> Cell {
    match (&one.subject, one.verdicts.first()) {
        (IndexOrMissing::Missing(_), _) => {
            let role = if one.searches.is_costly() { Role::BadgeBad } else { Role::BadgeWarning };
            Cell::badge("missing", role).sorted_by(one.severity())
        }
        (_, Some(worst)) => {
            let more = if one.verdicts.len() > 1 { format!(" +{}", one.verdicts.len() - 1) } else { String::new() };
            Cell::badge(&format!("{}{more}", worst.word()), verdict_role(worst)).sorted_by(one.severity())
        }
        (_, None) if one.is_bloated() => Cell::badge("bloated", Role::BadgeWarning).sorted_by(1.0),
        (_, None) => match one.small_fact() {
            Some(fact) => Cell::text(fact.word()).role(Role::Muted).sorted_by(0.5),
            None => Cell::default(),
        },
    }
}

#[cfg(test)]
mod tests;
