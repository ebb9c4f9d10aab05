//! Index candidates from a plan and the catalog, their verification and their choice.
