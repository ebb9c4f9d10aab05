//! The names of the panes.

/// The panes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaneId {
    /// Is it bad, and where?
    Overview,
    /// Who is doing what?
    Activity,
    /// What costs most?
    Queries,
    /// What is bloated, unvacuumed, scanned?
    Tables,
    /// What is unused, duplicate, overlapping, invalid, bloated, missing?
    Indexes,
    /// Why is it slow, and what would help?
    Explain,
}

impl PaneId {
    /// Every pane, in the order of their keys.
    pub const ALL: &[Self] =
        &[Self::Overview, Self::Activity, Self::Queries, Self::Tables, Self::Indexes, Self::Explain];

    /// The name of every pane, as written in the settings, in the same order.
    pub const NAMES: &[&str] = &["overview", "activity", "queries", "tables", "indexes", "explain"];

    /// Returns the pane's name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Activity => "Activity",
            Self::Queries => "Queries",
            Self::Tables => "Tables",
            Self::Indexes => "Indexes",
            Self::Explain => "Explain",
        }
    }

    /// Returns the pane of a name, as written in the settings.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|pane| pane.title().eq_ignore_ascii_case(name))
    }

    /// Returns the pane some places further round.
    pub fn step(self, steps: isize) -> Self {
        let here = Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0);
        let count = Self::ALL.len().cast_signed();
        let there = (here.cast_signed() + steps).rem_euclid(count).cast_unsigned();
        Self::ALL.get(there).copied().unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use super::PaneId;

    #[test]
    fn the_settings_name_every_pane_and_no_other() {
        let named: Vec<_> = PaneId::NAMES.iter().map(|name| PaneId::named(name)).collect();
        assert_eq!(named, PaneId::ALL.iter().copied().map(Some).collect::<Vec<_>>());
    }
}
