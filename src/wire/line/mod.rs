//! Frames to line protocol, as InfluxDB OSS 2.x reads it.
//!
//! - [`escape`]: the bytes of names and values, place by place.
//! - [`carry`]: what line protocol cannot carry. Everything else arrives unchanged.
//! - [`split`]: where the server ends a line.
//! - [`fields`]: one of our own lines in its parts.
//! - [`held`]: the values of such lines.
//! - [`point`]: the few points that sluice writes of its own accord.
//! - [`encoder`]: frames in, request bodies ([`body`]) out.
//! - [`conflict`]: what the server's refusals say.

pub(crate) mod body;
mod buffer;
pub(crate) mod carry;
mod column;
pub(crate) mod conflict;
pub(crate) mod encoder;
pub(crate) mod escape;
pub(crate) mod fields;
pub(crate) mod held;
pub(crate) mod point;
pub(crate) mod split;
