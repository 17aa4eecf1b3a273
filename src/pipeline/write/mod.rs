//! What was read, written: frames to bodies, bodies to the destination, down to the lines that it refuses; or frames to
//! the files of a spool.

pub mod body;
pub mod clash;
pub mod encode;
pub mod inlet;
pub mod outlet;
pub mod pressure;
pub mod refusals;
mod refused;
pub mod rejects;
mod sections;
mod spill;
