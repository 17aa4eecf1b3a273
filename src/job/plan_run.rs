//! From checked settings and facts to what a run reads: range, batches, bounds.

use crate::config::job::JobConfig;
use crate::config::range::RangeStart;
use crate::config::values::IntervalChoice;
use crate::estimate::interval;
use crate::influx::client::Client;
use crate::job::ends::Ends;
use crate::job::error::Error;
use crate::job::place::{JobPlace, hold_batches};
use crate::job::source_facts::SourceFacts;
use crate::limits::SLICE_BYTES_MAX;
use crate::model::batch::BatchPlan;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;
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
        source_bucket_id: source.bucket.id.clone(),
        source_org_id: source.bucket.org_id.clone(),
        shape: source.survey.shape,
        filter: config.scope.filter.clone(),
        routes: source.routes.clone(),
        transport: config.pace.transport,
        field_label: source.survey.field_label.clone(),
        holds_strings: source.survey.strings,
        source_retention_ns: retention_ns(source.bucket.retention_s),
        range: job,
        is_from_oldest: matches!(config.scope.start, RangeStart::Earliest),
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

/// A job to be looked at: no lock, no lease, nothing written. Where no place of it is known it is new.
pub async fn plan_look(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    place: Option<&JobPlace>,
) -> Result<BucketJob, Error> {
    let stop = source.stop(&config.scope);
    let start = source.earliest.unwrap_or(stop).min(stop);
    let (job, resume) =
        place.map_or((TimeRange::new(start, stop), start), |place| place.run_to(stop));
    plan_run(config, source, &ends.source, job, resume).await
}
