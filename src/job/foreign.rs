//! What the destination holds, or may hold, that is not of this job: nothing of it is written over unasked, by no run.

use crate::config::job::JobConfig;
use crate::config::values::ExistingPolicy;
use crate::influx::client::Client;
use crate::job::destination_facts::count_at;
use crate::job::error::Error;
use crate::job::known_jobs::into_range;
use crate::job::names;
use crate::model::time::TimeRange;

/// The stretch of the destination that a run would write.
#[derive(Debug, Clone)]
pub(crate) struct WrittenStretch {
    /// The id of the destination bucket.
    pub bucket_id: String,
    /// Where no other job may write.
    pub own: TimeRange,
    /// Where nothing may be: no earlier run of the job can have begun that part.
    pub fresh: TimeRange,
}

/// Refuses a run if other jobs write in its stretch too, or if what no run of its job can have written is there.
pub(crate) async fn refuse(
    config: &JobConfig,
    client: &Client,
    stretch: &WrittenStretch,
) -> Result<(), Error> {
    refuse_other_sources(config, client, stretch).await?;
    refuse_data(config, client, stretch.fresh).await
}

/// Refuses a run if another job of the batch bucket writes in its stretch too.
pub(crate) async fn refuse_other_sources(
    config: &JobConfig,
    client: &Client,
    stretch: &WrittenStretch,
) -> Result<(), Error> {
    if is_asked_for(config) || stretch.own.is_empty() {
        return Ok(());
    }
    let (keys, range, id) = (names::keys(&config.ends), stretch.own, &stretch.bucket_id);
    let found = into_range(&config.ends.batch_bucket, &keys, client, id, range).await?;
    found.map_or(Ok(()), |other| {
        let (bucket, reads, theirs) = (keys.dst_bucket, other.reads, other.range);
        Err(Error::OtherSource { bucket, reads, theirs, range })
    })
}

/// Refuses a destination that holds what no run of the job has written.
pub(crate) async fn refuse_data(
    config: &JobConfig,
    client: &Client,
    range: TimeRange,
) -> Result<(), Error> {
    if is_asked_for(config) {
        return Ok(());
    }
    let values = count_at(client, &config.ends.destination_bucket, range).await?;
    if values == 0 {
        Ok(())
    } else {
        Err(Error::ForeignData { bucket: config.ends.destination_bucket.clone(), values, range })
    }
}

fn is_asked_for(config: &JobConfig) -> bool {
    config.safety.existing == ExistingPolicy::Merge
}
