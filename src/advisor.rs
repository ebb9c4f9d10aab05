//! Index candidates from a plan and the catalog: what to build, what it saves and costs, and where to say no.
//!
//! Pure: [`advise`] reads a plan and a [`crate::catalog::Catalog`] and cannot fail. It knows no server; what it says of
//! costs is an estimate until the planner was asked (`pg`), and each [`Candidate`] says how sure it is.

pub mod advice;
mod arm;
pub mod btree;
pub mod choose;
pub mod condition;
pub mod cost;
pub mod existing;
mod exists;
pub(crate) mod guessed;
mod keyset;
pub mod order;
pub(crate) mod price;
pub mod reasons;
mod repeats;
pub mod rewrite;
pub mod scan;
mod shares;
pub mod special;
#[cfg(test)]
pub(crate) mod tests;
pub mod verdict;
mod words;
pub mod write;

pub use advice::{Advice, Candidate, Confidence, IndexSpec, Reason, Refusal, Rewrite, Role};
pub use choose::advise;
pub use write::WriteCost;
