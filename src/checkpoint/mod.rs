//! The checkpoint in the destination's batch bucket: progress records that the official task reads too, the identity
//! of the job, the lease of the run, and the watermark that decides what may be recorded. Pure: no IO, no clock.

pub mod identity;
pub mod lease;
pub mod record;
pub mod watermark;
