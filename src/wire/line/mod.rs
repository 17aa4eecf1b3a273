//! Frames to line protocol, as InfluxDB OSS 2.x reads it.
//!
//! - [`escape`]: the bytes of names and values, place by place.
//! - [`carry`]: what line protocol cannot carry. Everything else arrives unchanged.
//! - [`split`]: where the server ends a line.
//! - [`encoder`]: frames in, request bodies out; [`body`] and [`column`] are its two ends.
//! - [`point`]: the few points that sluice writes of its own accord.
//! - [`conflict`]: what the server's refusals say.

pub mod body;
pub mod carry;
mod column;
pub mod conflict;
pub mod encoder;
pub mod escape;
pub mod point;
pub mod split;
