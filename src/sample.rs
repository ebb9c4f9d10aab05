//! What was read from a server: values under declared columns, and what could not be read and why.
//!
//! Pure: no socket, no screen, no clock. A sample is the raw fact; rates, shares and verdicts are
//! derived from two samples by those who need them, so live, paused and replayed are one path.

pub mod column;
pub mod history;
pub mod missing;
pub mod own;
pub mod rates;
pub mod redact;
pub mod rowset;
pub mod section;
pub mod server;
pub mod shortfall;
pub mod snapshot;
pub mod unit;
pub mod value;

pub use column::{Column, ColumnRole, Unit};
pub use history::{History, Moment};
pub use missing::Missing;
pub use rowset::{Row, RowSet, SharedRow};
pub use section::{Reading, Section};
pub use server::{Fact, ServerFacts};
pub use shortfall::shortfall;
pub use snapshot::{SampleCost, Snapshot};
pub use unit::{Bytes, Seconds, Timestamp};
pub use value::Value;
