//! The findings of a server without a screen: it is sampled until every check is made, or as long as there is time.

use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::findings::{self, Findings, RuleInput};
use crate::pg::sampler::{self, SamplerCommand, SamplerReport, SamplerSettings};
use crate::pg::session::Connector;
use crate::readings::Readings;
use crate::sample::Snapshot;

/// Samples until every rule has judged or `enough` is over; what was not known by then is among the checks that were not
/// made. Dropped before, the sampler ends with it.
pub async fn findings_of(
    connector: Arc<dyn Connector>,
    settings: SamplerSettings,
    enough: impl Future<Output = ()>,
) -> Findings {
    let (reports_in, reports) = mpsc::channel(sampler::REPORTS_ROOM);
    let (commands, commands_out) = mpsc::channel(1);
    let looking = async {
        let mut seen = SeenSamples::default();
        tokio::select! {
            () = seen.look(reports) => {}
            // What was found by then stands.
            () = enough => {}
        }
        commands.try_send(SamplerCommand::Stop).unwrap_or_default();
        seen.findings
    };
    let (findings, ()) = tokio::join!(looking, sampler::run(connector, settings, reports_in, commands_out));
    findings
}

/// The samples that the checks are made by, and what they found.
#[derive(Default)]
struct SeenSamples {
    first: Option<Arc<Snapshot>>,
    newest: Option<Rc<Readings>>,
    findings: Findings,
}

impl SeenSamples {
    async fn look(&mut self, mut reports: mpsc::Receiver<SamplerReport>) {
        while let Some(report) = reports.recv().await {
            let SamplerReport::Snapshot(snapshot) = report else { continue };
            self.check(snapshot);
            if self.findings.pending() == 0 {
                return;
            }
        }
    }

    fn check(&mut self, snapshot: Arc<Snapshot>) {
        let older = self.first.clone();
        self.first.get_or_insert_with(|| Arc::clone(&snapshot));
        // What did not change since the last sample is not decoded again.
        let readings = match &self.newest {
            Some(newest) => Readings::beside(newest, snapshot),
            None => Readings::of(snapshot),
        };
        self.findings = findings::check(&RuleInput::new(&readings, older.as_deref()));
        self.newest = Some(readings);
    }
}
