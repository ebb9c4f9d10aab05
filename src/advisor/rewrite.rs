//! Other ways to write a statement.
