//! Parses, runs, and prints a failure with its hint.

fn main() {}
