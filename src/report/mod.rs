//! Listens to events and prints: bars on a terminal, plain lines elsewhere, JSON lines for programs.
//!
//! ```text
//! stages --Event--> EventSender --bounded channel--> reporter thread: State --pure functions--> lines
//! ```
//!
//! Invariants: sending never blocks; totals are read from the counters, so a lost event cannot make one wrong; all
//! text is made by pure functions of plain data ([`screen`], [`summary`], [`preflight`], [`plan`],
//! [`dry_run`], [`json`]), so
//! that every screen is a golden file; all of them keep within the paper they are drawn for. Wall time is allowed here.

pub(crate) mod bars;
pub(crate) mod dashboard;
pub(crate) mod density;
pub(crate) mod dry_run;
pub(crate) mod eta;
pub(crate) mod export;
pub(crate) mod facts;
pub(crate) mod failure;
pub(crate) mod influx_delete;
pub(crate) mod json;
pub(crate) mod last_word;
pub(crate) mod plan;
pub(crate) mod preflight;
pub(crate) mod progress;
pub(crate) mod pulse;
pub(crate) mod question;
pub(crate) mod read_back;
pub(crate) mod receipt;
pub(crate) mod reporter;
pub(crate) mod run_end;
pub(crate) mod screen;
pub(crate) mod sender;
pub(crate) mod snippet;
pub(crate) mod spool;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod summary;
pub(crate) mod summary_input;
pub(crate) mod table;
pub(crate) mod talk;
pub(crate) mod text;
pub(crate) mod verify;
pub(crate) mod volume;
pub(crate) mod waits;

pub(crate) use reporter::start;
pub use reporter::{Ending, Mode, ReportOutput, ReportSettings, start_on};
