//! Whether a run reads its batches back before it records them.

use std::sync::Arc;

use crate::config::job::JobConfig;
use crate::config::values::ReadBackChoice;
use crate::influx::api::Bucket;
use crate::influx::client::Client;
use crate::job::destination_facts::DestinationFacts;
use crate::pipeline::event::{Event, EventSink};
use crate::pipeline::verify::destination::ComparedBucket;
use crate::pipeline::verify::prover::{BatchProof, ProvenFrom};

/// Of a run into a bucket; `source` has a quota perhaps, a spool has none.
pub(super) fn of(
    config: &JobConfig,
    source: Option<&Client>,
    client: &Client,
    destination: Option<&DestinationFacts>,
    is_shared: bool,
) -> Option<BatchProof> {
    let from = match (config.safety.verify, source) {
        (ReadBackChoice::Batch, _) => ProvenFrom::Start,
        (ReadBackChoice::Auto, Some(source)) if source.quota().bytes_per_s().is_some() => {
            ProvenFrom::QuotaWait(source.clone())
        }
        _ => return None,
    };
    let unheard: EventSink = Arc::new(|_: Event| ());
    let bucket = compared(config, client, destination?.bucket.as_ref()?, &unheard);
    Some(BatchProof { bucket, from, is_shared })
}

/// The destination of a job, to be compared as the job is read.
pub(super) fn compared(
    config: &JobConfig,
    client: &Client,
    bucket: &Bucket,
    events: &EventSink,
) -> ComparedBucket {
    ComparedBucket {
        client: client.clone(),
        bucket: bucket.clone(),
        filter: config.scope.filter.clone(),
        transport: config.pace.transport,
        slices_in_flight: config.pace.concurrency,
        events: Arc::clone(events),
    }
}
