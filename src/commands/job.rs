//! From checked settings and facts to what a run reads: names, state folder, range, batches.

use std::path::PathBuf;

use super::error::Error;
use super::facts::{DestinationFacts, Ends, SourceFacts};
use crate::checkpoint::record::Keys;
use crate::config::job::JobConfig;
use crate::config::values::IntervalChoice;
use crate::estimate::interval;
use crate::influx::client::Client;
use crate::influx::error::FailureKind;
use crate::limits::{BATCHES_MAX, SLICE_BYTES_MAX, STATE_NAME_BYTES_CUT, STATE_NAME_BYTES_MAX};
use crate::model::batch::BatchPlan;
use crate::model::interval::Interval;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;
use crate::pipeline::error::Error as Failure;
use crate::pipeline::pool::blocking;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::write::rejects::limit::RejectsFile;
use crate::spool::digest::sha256;

/// The names of a job in the batch bucket.
pub fn keys(config: &JobConfig) -> Keys {
    Keys {
        src_org: config.ends.source.org.clone().unwrap_or_default(),
        src_bucket: config.ends.source_bucket.clone(),
        dst_bucket: config.ends.destination_bucket.clone(),
    }
}

/// The settings with what the records of the job call the source's organization.
pub fn of_source(config: &JobConfig, source: &SourceFacts) -> JobConfig {
    let mut config = config.clone();
    config.ends.source.org = Some(source.org.clone());
    config
}

/// The bucket, the source's side of a job, and where a run of it stands.
pub async fn lay(
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
        may_hold_carriage_returns: source.survey.strings,
        source_retention_ns: crate::pipeline::source::shape::retention_ns(
            source.bucket.retention_s,
        ),
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
pub fn hold_batches(plan: &BatchPlan, interval: Interval) -> Result<(), Error> {
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
pub async fn to_look_at(
    config: &JobConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: Option<&DestinationFacts>,
) -> Result<BucketJob, Error> {
    let stop = source.stop(config);
    let start = source.earliest.unwrap_or(stop).min(stop);
    let newest = match destination {
        Some(_) => {
            let keys = keys(&of_source(config, source));
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
    lay(config, source, &ends.source, TimeRange::new(start, stop), resume).await
}

/// The folder of the job's state, below the state folder.
pub fn state_folder(config: &JobConfig, keys: &Keys) -> PathBuf {
    config.safety.state_dir.join(name(config, keys))
}

/// `<source org>.<source bucket>.<destination bucket>`, with a digest of the hosts and the batch bucket, so that no two jobs
/// share a name. Names too long for a file system are cut, and the digest is a longer one.
fn name(config: &JobConfig, keys: &Keys) -> String {
    let names = [&keys.src_org, &keys.src_bucket, &keys.dst_bucket].map(|name| plain(name));
    let whole = format!(
        "{}\n{}\n{}\n{}\n{}\n{}",
        keys.src_org,
        keys.src_bucket,
        keys.dst_bucket,
        config.ends.source.host,
        config.ends.destination.host,
        config.ends.batch_bucket
    );
    joined(&names, whole.as_bytes())
}

fn joined(names: &[String; 3], whole: &[u8]) -> String {
    let name = format!("{}.{:016x}", names.join("."), fnv1a(whole));
    if name.len() <= STATE_NAME_BYTES_MAX {
        return name;
    }
    let digest = sha256(whole);
    // A point behind each name; the rest is shared evenly.
    let each = (STATE_NAME_BYTES_CUT - digest.len() - names.len()) / names.len();
    let cut = names.each_ref().map(|text| &text[..text.len().min(each)]);
    format!("{}.{digest}", cut.join("."))
}

/// A name with what any file system and any first line takes.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// Where the refused lines of a job between two buckets go.
pub fn rejects_file(config: &JobConfig) -> RejectsFile {
    let keys = keys(config);
    let own = || state_folder(config, &keys).join("rejects.lp");
    let (is_own_place, path) = match &config.safety.rejects {
        Some(path) => (false, path.clone()),
        None => (true, own()),
    };
    RejectsFile { path, job: name(config, &keys), is_own_place }
}

/// Looks whether refused lines can go there, before anything is begun.
pub async fn check_rejects(file: RejectsFile) -> Result<(), Error> {
    Ok(blocking(move || file.check()).await?)
}

/// FNV-1a: stable across versions and machines, which the standard hasher does not promise.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_only_where_no_file_system_takes_them() {
        let joined =
            |bucket: &str| joined(&["org", bucket, "copy"].map(str::to_owned), b"all of it");
        let fnv = format!("{:016x}", fnv1a(b"all of it"));
        // What earlier versions made keeps its name.
        assert_eq!(joined("plant"), format!("org.plant.copy.{fnv}"));
        let longest = "x".repeat(STATE_NAME_BYTES_MAX - "org..copy.".len() - fnv.len());
        assert_eq!(joined(&longest), format!("org.{longest}.copy.{fnv}"));
        let cut = joined(&format!("{longest}x"));
        assert!(cut.len() <= STATE_NAME_BYTES_CUT && cut.starts_with("org.xxx"), "{cut}");
        assert!(cut.ends_with(&sha256(b"all of it")), "{cut}");
    }
}
