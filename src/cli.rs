//! The commands: arguments, and one file a command.
