//! Pacing under the source's limits, so that the server never has to refuse us.
//!
//! Cloud counts response bytes in fixed windows of five minutes whose phase we do not know. So *any* five minutes must
//! stay within the quota. A request is paid for by prediction before it is sent, at a steady rate with a small burst
//! (governor, in KiB), and settled to the true byte count: what it took beyond the prediction is debt, paid before
//! the next request goes out; what it left is credit. Credit is paid from first, so that credit and what is in flight
//! together are never more than may be in flight. Hence no window sees more than
//!
//! ```text
//! share x quota + burst + in flight x (1 + prediction error) <= quota
//! ```
//!
//! ([`Bounds`]), as long as answers stay below [`QuotaLedger::request_bytes_max`] and hold at most a third more than predicted.
//! Predictions up to [`crate::limits::QUOTA_SMALL_BYTES_MAX`] (counts, look-ups) are paid for as all others, but do not
//! wait for what is in flight.
//!
//! - The share may change with the time of day ([`crate::model::share::Share`]). Burst and what is in flight follow from the largest one, so the
//!   bound holds across changes.
//! - The runs of one machine share one quota ([`runs`]): each keeps to the bound of its part, and the parts never
//!   add up to more than the whole. A part that grows starts without a burst, and who finds a killed run pays for what
//!   that one may have received beyond its predictions.
//! - Where the organization's limits can be read, the time of all queries in 30 s and the number of queries at one time
//!   are kept too.
//!
//! Modules: `bounds` divides the quota, `pace` is the rate, `state` what is known, `ledger` guards it, `admission` is a
//! request's way through it, `sharing` and [`runs`] the other runs, `time` and `slots` the two other limits, `clock` the
//! source's time, `wait` what is told of waiting.

mod admission;
mod bounds;
mod clock;
mod ledger;
mod pace;
pub(crate) mod runs;
mod sharing;
mod slots;
mod state;
mod time;
mod wait;

pub(crate) use admission::Admission;
pub(crate) use bounds::Bounds;
pub use ledger::{QuotaLedger, QuotaSettings};
pub(crate) use slots::Slot;
