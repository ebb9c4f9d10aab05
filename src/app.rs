//! The state machine: events in, effects out. Nothing here awaits, spawns or draws by itself.
