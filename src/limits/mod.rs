//! Every bound of the program: queues, buffers, loops, waits, a file for each place. Units stand last in the names.
//! `docs/concurrency.md` adds them up to the memory formula.

mod bench;
mod config;
mod estimate;
mod http;
mod quota;
mod read;
mod report;
mod run;
mod spool;
mod verify;
mod wire;
mod write;

pub(crate) use self::bench::*;
pub use self::config::*;
pub(crate) use self::estimate::*;
pub use self::http::*;
pub use self::quota::*;
pub use self::read::*;
pub use self::report::*;
pub use self::run::*;
pub use self::spool::*;
pub(crate) use self::verify::*;
pub use self::wire::*;
pub use self::write::*;
