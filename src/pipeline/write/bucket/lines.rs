//! What all writers of line protocol share in one run.

use std::sync::Arc;

use super::DestinationBucket;
use super::write_rate::{PackingChoice, WriteRate};
use crate::limits::{BODY_BYTES_MAX, BODY_BYTES_TARGET, WRITES_IN_FLIGHT_DEFAULT};
use crate::pipeline::event::Counters;
use crate::pipeline::permits::Permits;
use crate::pipeline::write::rejects::refusals::RejectBudget;
use crate::wire::line::body::EncoderSettings;

/// Writes line protocol to a bucket; without one its bodies are dropped.
#[derive(Debug)]
pub struct LineWriter {
    bucket: Option<DestinationBucket>,
    /// Permits for writes, and how they are sent.
    pub write_rate: WriteRate,
    /// What may be refused.
    pub rejects: Arc<RejectBudget>,
    /// Totals.
    pub counters: Arc<Counters>,
}

impl LineWriter {
    /// At the beginning of a run.
    pub fn new(
        bucket: Option<DestinationBucket>,
        rejects: Arc<RejectBudget>,
        counters: Arc<Counters>,
    ) -> Self {
        let pack = match bucket.as_ref().map(|bucket| &bucket.client) {
            Some(client) if client.is_in_the_clear() => PackingChoice::Always,
            Some(client) if !client.is_loopback() => PackingChoice::Measured,
            _ => PackingChoice::Never,
        };
        let write_rate = WriteRate::new(Permits::new("write", WRITES_IN_FLIGHT_DEFAULT), pack);
        Self { bucket, write_rate, rejects, counters }
    }

    /// The bucket, if one is written.
    pub fn bucket(&self) -> Option<&DestinationBucket> {
        self.bucket.as_ref()
    }

    /// How bodies are cut.
    pub(super) fn encoder_settings(&self) -> EncoderSettings {
        let bucket = self.bucket.as_ref();
        EncoderSettings {
            shard_group_ns: bucket.map(|bucket| bucket.shard_group_ns),
            body_bytes_target: bucket.map_or(BODY_BYTES_TARGET, |bucket| bucket.body_bytes_target),
            body_bytes_max: BODY_BYTES_MAX,
        }
    }
}
