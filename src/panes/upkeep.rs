//! ANALYZE and VACUUM of a table, asked for one at a time: what each reads, whom it blocks, what it cannot do.

use crate::app::keys::{Binding, key};
use crate::app::{Action, Effect, Job, JobId, PaneRequest, PaneView};
use crate::catalog::table_usage::TableUsage;
use crate::document::Document;
use crate::pg::maintenance::{MaintenanceTask, TableTask};
use crate::sample::Bytes;
use crate::sample::unit::{Count, counted};

/// Asks what is to be done to the row's table.
pub(super) const UPKEEP: Action = Action::Own("vacuum or analyze");

/// Its key.
pub(super) const KEY: Binding =
    key(UPKEEP, &["u"], "vacuum", "Run ANALYZE or VACUUM on this table; asks first, shows its progress.")
        .shown(6)
        .acts();

/// A table that is to be looked after.
#[derive(Clone, Copy)]
pub(super) struct UpkeepOf<'a> {
    /// The table.
    pub(super) usage: &'a TableUsage,
    /// How many indexes it has.
    pub(super) indexes: usize,
    /// What was sampled.
    pub(super) view: &'a PaneView<'a>,
}

/// Returns how the work is offered in a picker.
pub(super) fn offers() -> [(&'static str, &'static str); 3] {
    TableTask::ALL.map(|task| match task {
        TableTask::Analyze => (task.name(), "new statistics for the planner, from a sample"),
        TableTask::Vacuum => (task.name(), "removes dead rows, for new rows to take their place"),
        TableTask::VacuumAnalyze => (task.name(), "both"),
    })
}

impl UpkeepOf<'_> {
    /// Returns the question before a piece of work.
    pub(super) fn ask(self, task: TableTask, id: JobId) -> PaneRequest {
        let name = self.usage.label();
        let question = format!("Run {} on {name}?", task.name());
        let job = Job::Maintain { task: MaintenanceTask::Table { what: task, relid: self.usage.relid }, name };
        PaneRequest::Ask { about: self.about(task), question, then: Effect::Start(id, job) }
    }

    fn about(self, task: TableTask) -> Document {
        let mut about = Document::new("What it does");
        let server = &self.view.newer.server;
        about.pair("on", &format!("{} as {}, database {}", server.target, server.role, server.database));
        let heap = self.usage.heap_size();
        let size = |bytes: Option<f64>| bytes.map_or_else(|| "?".to_owned(), |bytes| Bytes(bytes).to_string());
        if task.vacuums() {
            let dead = self.usage.dead.map_or_else(|| "?".to_owned(), |dead| Count(dead).to_string());
            about.pair("removes", &format!("dead rows, at most {dead}; the file stays as large as it is"));
            let unseen = heap.map(|heap| heap * (1.0 - self.usage.visible_share));
            let indexes = counted(self.indexes, "index", "indexes");
            about.pair(
                "reads",
                &format!("about {} of {}, and {indexes} ({})", size(unseen), size(heap), size(self.usage.index_bytes)),
            );
            about.pair(
                "speed",
                "as fast as the disks allow, unless vacuum_cost_delay is set: autovacuum is slower on purpose",
            );
        } else {
            about.pair("reads", &format!("a sample of the table ({})", size(heap)));
        }
        if task != TableTask::Vacuum {
            about.pair("changes", "the planner's statistics: plans may change, mostly for the better");
        }
        about.pair(
            "who waits",
            "no reads and no writes (SHARE UPDATE EXCLUSIVE); a migration of this table, CREATE INDEX CONCURRENTLY or \
             another VACUUM waits until it is done",
        );
        let locked = if self.usage.locked_by.is_empty() {
            "when it starts, nothing is done, so that no one has to wait: try again later".to_owned()
        } else {
            let pids: Vec<String> = self.usage.locked_by.iter().map(ToString::to_string).collect();
            format!("it is now, by pid {}: nothing would be done", pids.join(", "))
        };
        about.pair("if it is locked", &locked);
        let oldest = self.view.readings.horizon().ok().and_then(|horizon| horizon.oldest()).filter(|_| task.vacuums());
        if let Some(oldest) = oldest {
            about.pair("cannot remove", &format!("the newest dead rows: {} {}", oldest.who(), oldest.what_it_pins()));
        }
        about.pair("ends", "when it is done, by Esc in this pane, or with pgdj");
        about
    }
}
