//! The checkpoint in the destination's batch bucket: progress records that the official task reads too, the identity
//! of the job, the lease of the run, its heartbeat, and the watermark that decides what may be recorded. Pure: no IO, no clock.

pub(crate) mod group_digests;
pub(crate) mod heartbeat;
pub(crate) mod identity;
pub(crate) mod job_state;
pub(crate) mod lease;
pub(crate) mod record;
pub(crate) mod recorded;
pub(crate) mod watermark;
