//! The server itself: its listener, its connections and what strikes them.

mod connection;
mod damage;
mod quota;
mod receive;
mod send;
pub(super) mod server;
pub(super) mod state;
