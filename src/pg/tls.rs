//! TLS with the six meanings of `sslmode`.
