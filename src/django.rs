//! Django's names for what the database holds, and Django code out.
