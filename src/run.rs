//! The shell: tokio tasks, terminal, effects. The only place that spawns.
