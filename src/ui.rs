//! Widgets and themes; knows no server.
