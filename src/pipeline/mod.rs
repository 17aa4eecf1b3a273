//! The stages, and the only owner of channels and of the pool.

pub mod event;
