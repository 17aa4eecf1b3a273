//! What a simulated server holds, and how lines get into it.

mod alias;
pub(super) mod bucket;
pub(super) mod chunk;
mod digest;
mod forget;
pub(super) mod line;
pub(super) mod objects;
pub(super) mod points;
mod restart;
pub(super) mod store;
pub(super) mod write;
