//! From checked settings and facts to what a run reads: range, batches, bounds.

use super::names;
use crate::config::job::JobConfig;
use crate::config::values::IntervalChoice;
use crate::estimate::interval;
use crate::influx::client::Client;
use crate::influx::error::FailureKind;
use crate::job::destination_facts::DestinationFacts;
use crate::job::ends::Ends;
use crate::job::error::Error;
use crate::job::source_facts::SourceFacts;
use crate::limits::{BATCHES_MAX, SLICE_BYTES_MAX};
use crate::model::batch::BatchPlan;
use crate::model::interval::Interval;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;
use crate::pipeline::error::Error as Failure;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::shape::retention_ns;

/// The bucket, the source's side of a job, and where a run of it stands.
pub(crate) async fn plan_run(
    config: &JobConfig,
    source: &SourceFacts,
    client: &Client,
    job: TimeRange,
    resume: Timestamp,
) -> Result<BucketJob, Error> {
    let rest = TimeRange::new(resume, job.stop);
    let interval = match config.scope.batch_interval {
        IntervalChoice::Fixed(interval) => interval,
        IntervalChoice::Auto => {
            // As most of the data will be read, as far as that is known before the series are looked at.
            let unasked =
                if source.routes.access.is_some() { Transport::Influxql } else { Transport::Flux };
            let transport = config.pace.transport.unwrap_or(unasked);
            let all = source.selection(config, rest);
            interval::choose(client, all, transport, source.survey.shape.shard_group_ns).await?
        }
    };
    let plan = BatchPlan::new(resume, interval, job.stop);
    hold_batches(&plan, interval)?;
    Ok(BucketJob {
        source_bucket: config.ends.source_bucket.clone(),
        shape: source.survey.shape,
        filter: config.scope.filter.clone(),
        routes: source.routes.clone(),
        transport: config.pace.transport,
        field_label: source.survey.field_label.clone(),
        holds_strings: source.survey.strings,
        source_retention_ns: retention_ns(source.bucket.retention_s),
        range: job,
        plan,
        interval,
        slices_in_flight: config.pace.concurrency,
        slice_bytes_max: client
            .quota()
            .request_bytes_max()
            .unwrap_or(SLICE_BYTES_MAX)
            .min(SLICE_BYTES_MAX),
        transfer_bytes_max: config.pace.max_transfer_bytes,
        cut_at_bytes: None,
    })
}

/// Refuses an interval that makes more batches of the rest of a job than anybody can want.
pub(crate) fn hold_batches(plan: &BatchPlan, interval: Interval) -> Result<(), Error> {
    let (range, batches, max) = (plan.range(), plan.len(), BATCHES_MAX);
    if batches <= max {
        return Ok(());
    }
    let least_ns = range.duration_ns() / i128::from(max) + 1;
    let least_s = i64::try_from(least_ns / i128::from(NS_PER_S)).unwrap_or(i64::MAX / NS_PER_S - 1);
    let least = Interval::from_ns((least_s + 1) * NS_PER_S);
    Err(Error::TooManyBatches { interval, range, batches, max, least })
}

/// A job to be looked at: no lock, no lease, nothing written. Without a destination there is nothing to resume.
pub async fn plan_look(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: Option<&DestinationFacts>,
) -> Result<BucketJob, Error> {
    let stop = source.stop(&config.scope);
    let start = source.earliest.unwrap_or(stop).min(stop);
    let newest = match destination {
        Some(_) => {
            let keys = names::keys(&names::of_source(config, source).ends);
            let store = BatchBucket::new(ends.destination.clone(), &config.ends.batch_bucket, keys);
            match store.newest_record().await {
                // The batch bucket may not be there yet, or not be readable: then there is nothing to resume.
                Err(Failure::Influx { source, .. }) if source.kind() == FailureKind::NotFound => {
                    None
                }
                found => found?,
            }
        }
        None => None,
    };
    let resume = newest.map_or(start, |(resume, _)| resume.clamp(start, stop));
    plan_run(config, source, &ends.source, TimeRange::new(start, stop), resume).await
}
