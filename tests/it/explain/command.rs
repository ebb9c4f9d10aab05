//! `pgdj explain` as a person runs it.
