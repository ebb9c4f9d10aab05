//! What is read: one probe a file, listed here.
