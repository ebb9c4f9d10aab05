//! Where to connect, as libpq understands it: URL, key=value, service, environment, password file.
