//! A line of a recording of which only the moment, the sessions and the columns are read: several times as fast.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Frame, Part};
use crate::sample::{Column, SampleCost, Timestamp};

/// The section that the load is read from.
const ACTIVITY: &str = "activity";

/// Reads lines at a glance.
#[derive(Deserialize)]
pub(super) struct Glance {
    at: Timestamp,
    cost: SampleCost,
    sections: GlancedSections,
}

impl Glance {
    /// Reads a line: the sections other than the sessions have no rows.
    pub(super) fn at(line: &[u8]) -> Result<Frame<'static>, serde_json::Error> {
        let Self { at, cost, sections } = serde_json::from_slice(line)?;
        Ok(Frame { at, cost, server: None, sections: sections.0 })
    }
}

struct GlancedSections(BTreeMap<Cow<'static, str>, Part<'static>>);

/// A section of which only the columns are read.
#[derive(Deserialize)]
struct DeclaredColumns {
    #[serde(default)]
    columns: Option<Vec<Column>>,
    #[serde(default, rename = "rows")]
    _rows: IgnoredAny,
}

impl<'de> Deserialize<'de> for GlancedSections {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(SectionsVisitor)
    }
}

struct SectionsVisitor;

impl<'de> Visitor<'de> for SectionsVisitor {
    type Value = GlancedSections;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the sections of a sample")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GlancedSections, A::Error> {
        let mut sections = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == ACTIVITY {
                sections.insert(Cow::Borrowed(ACTIVITY), map.next_value::<Part<'static>>()?);
                continue;
            }
            let declared: DeclaredColumns = map.next_value()?;
            if let Some(columns) = declared.columns {
                sections.insert(Cow::Owned(name), Part { columns: Some(columns.into()), ..Part::default() });
            }
        }
        Ok(GlancedSections(sections))
    }
}
