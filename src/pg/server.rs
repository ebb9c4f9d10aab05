//! Asks a server at connect what it has.
