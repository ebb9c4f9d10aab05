//! Acts on the server: cancel and terminate, each named, logged and matched by pid and start.
