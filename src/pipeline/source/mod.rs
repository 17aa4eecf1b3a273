//! What the bucket that is read is like: how its time is cut, what is in it, who reads what of it. Asked of it; its values
//! are never read here, but for the few of the probe.

pub mod earliest;
pub mod layer;
pub mod listed;
mod probe;
mod readable;
pub mod route;
pub mod schema;
pub mod shape;
pub mod survey;
pub mod unreadable;
pub mod unreturned;
