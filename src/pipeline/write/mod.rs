//! What was read, written: frames to bodies, bodies to the destination, down to the lines that it refuses.

pub mod body;
pub mod clash;
pub mod encode;
pub mod pool;
pub mod pressure;
pub mod rejects;
