//! Rules over a snapshot, one file a rule.
