//! The panes of a console, and which of them is shown.

use super::pane::Pane;
use super::pane_id::PaneId;
use super::pane_spec::{PaneContext, PaneSpec};

/// Every pane with what is known of it; one of them is shown.
#[derive(Debug)]
pub(super) struct PaneStack {
    specs: &'static [PaneSpec],
    /// In the order of `specs`.
    panes: Vec<Box<dyn Pane>>,
    shown: &'static PaneSpec,
}

impl PaneStack {
    /// Makes the panes and shows one of them.
    pub(super) fn new(specs: &'static [PaneSpec], shown: &'static PaneSpec, context: &PaneContext) -> Self {
        Self { specs, panes: specs.iter().map(|spec| (spec.make)(context)).collect(), shown }
    }

    /// Returns what is known of every pane, in the order of their keys.
    pub(super) fn specs(&self) -> &'static [PaneSpec] {
        self.specs
    }

    /// Returns what is known of the pane that is shown.
    pub(super) fn spec(&self) -> &'static PaneSpec {
        self.shown
    }

    /// Returns the place of the pane that is shown.
    pub(super) fn place(&self) -> usize {
        self.place_of(self.shown.id).unwrap_or(0)
    }

    /// Returns the pane that is shown.
    pub(super) fn shown(&self) -> Option<&dyn Pane> {
        Some(self.panes.get(self.place())?.as_ref())
    }

    /// Returns the pane that is shown, to be changed.
    pub(super) fn shown_mut(&mut self) -> Option<&mut Box<dyn Pane>> {
        let place = self.place();
        self.panes.get_mut(place)
    }

    /// Returns a pane, shown or not.
    pub(super) fn get_mut(&mut self, pane: PaneId) -> Option<&mut Box<dyn Pane>> {
        let place = self.place_of(pane)?;
        self.panes.get_mut(place)
    }

    /// Shows a pane.
    pub(super) fn show(&mut self, pane: PaneId) {
        if let Some(spec) = self.specs.iter().find(|spec| spec.id == pane) {
            self.shown = spec;
        }
    }

    /// Returns the pane some places further round.
    pub(super) fn neighbour(&self, steps: isize) -> PaneId {
        let there = (self.place().cast_signed() + steps).rem_euclid(self.specs.len().cast_signed()).cast_unsigned();
        self.specs.get(there).unwrap_or(self.shown).id
    }

    fn place_of(&self, pane: PaneId) -> Option<usize> {
        self.specs.iter().position(|spec| spec.id == pane)
    }
}
