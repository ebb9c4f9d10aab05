//! Settings: built-in defaults < the user's file < environment < flags.
