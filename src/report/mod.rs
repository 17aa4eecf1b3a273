//! Listens to events and prints: bars on a terminal, plain lines elsewhere, JSON lines for programs.
//!
//! ```text
//! stages --Event--> EventSender --bounded channel--> reporter thread: State --pure functions--> lines
//! ```
//!
//! Invariants: sending never blocks; totals are read from the counters, so a lost event cannot make one wrong; all
//! text is made by pure functions of plain data ([`screen`], [`summary`], [`preflight`], [`plan`],
//! [`dry_run`], [`json`]), so
//! that every screen is a golden file; the progress screen and its lines keep within [`text::COLUMNS`]. Wall time is
//! allowed here.

mod bars;
pub mod density;
pub mod dry_run;
pub mod eta;
pub mod export;
pub mod json;
pub mod plan;
pub mod preflight;
pub mod progress;
pub mod reporter;
pub mod screen;
pub mod sender;
pub mod snippet;
pub mod spool;
pub mod state;
pub mod stream;
pub mod summary;
pub mod talk;
pub mod text;
pub mod waits;

pub use reporter::{Ending, Mode, ReportOutput, ReportSettings, Reporter, start, start_on};
pub use sender::EventSender;
