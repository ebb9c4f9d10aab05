//! An EXPLAIN plan: JSON and text in, a tree with self times and buffers out.
