//! From an address to a connection: hosts in turn, TLS, authentication, `target_session_attrs`.
