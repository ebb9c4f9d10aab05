//! Takes samples: every due probe in one round trip, each failing alone.
