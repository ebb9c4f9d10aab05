//! Tables, columns, indexes and statistics as plain types, with what can be reckoned from them: sizes, bloat, coverage.
