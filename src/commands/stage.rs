//! `migrate --spool`: a spool as the destination. It is its own checkpoint, and nothing else is needed.

use super::checkpoint::{Begins, Begun};
use super::error::Error;
use super::facts::SourceFacts;
use super::job;
use crate::checkpoint::identity::{Identity, filter_text};
use crate::config::migrate::{IntervalChoice, MigrateConfig, SpoolChoice, Start};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::keeper::Keeper;
use crate::pipeline::write::outlet::{RejectLimit, Sink};
use crate::pipeline::write::pool::blocking;
use crate::spool;
use crate::spool::state::Job;
use crate::spool::storage::Storage;
use crate::spool::stored::Stored;
use crate::spool::writable::Spool;

/// Opens the spool of the job, or begins it.
pub async fn begin(
    config: &MigrateConfig,
    choice: &SpoolChoice,
    source: &SourceFacts,
) -> Result<(Begun, Sink), Error> {
    let SpoolChoice { place, surroundings, .. } = choice.clone();
    let storage = blocking(move || Ok(spool::place::storage(&place, &surroundings)?)).await?;
    let known = stored_start(storage.clone()).await?;
    let stop = source.stop(config);
    let start = match (config.start, known) {
        (Start::At(time), _) => time,
        (Start::Earliest, Some(known)) => known,
        (Start::Back(_), Some(known)) => {
            Begins::Back(source.earliest.unwrap_or(known)).of_known(known)
        }
        (Start::Earliest | Start::Back(_), None) => source.earliest.unwrap_or(stop),
    };
    let job = TimeRange::new(start, stop.max(start));
    let path = rejects(config, choice);
    if job.is_empty() && known.is_none() {
        // A job over nothing is no job yet: the start of an empty bucket would be kept for ever.
        let rejects = RejectLimit { before: 0, max: config.reject_limit, path };
        let begun = Begun { keeper: Keeper::Nobody, job, resume: start, rejects, lock: None };
        return Ok((begun, Sink::Discard));
    }
    let (wanted, take_over) = (spool_job(config, choice, source, job), config.adopt);
    let spool = blocking(move || Ok(Spool::open(&storage, &wanted, take_over)?)).await?;
    let resume = spool.watermark().clamp(job.start, job.stop);
    let rejects = RejectLimit { before: spool.rejected(), max: config.reject_limit, path };
    let keeper = Keeper::Spool(spool.clone());
    Ok((Begun { keeper, job, resume, rejects, lock: None }, Sink::Spool(spool)))
}

/// Where the job of the spool begins, if there is one already.
async fn stored_start(storage: Storage) -> Result<Option<Timestamp>, Error> {
    let start = blocking(move || match Stored::open(&storage) {
        Ok(stored) => Ok(Some(stored.job().identity.start)),
        Err(spool::error::Error::NoSpool { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    });
    Ok(start.await?)
}

fn spool_job(
    config: &MigrateConfig,
    choice: &SpoolChoice,
    source: &SourceFacts,
    job: TimeRange,
) -> Job {
    let interval = match config.batch_interval {
        IntervalChoice::Auto => "auto".to_owned(),
        IntervalChoice::Fixed(interval) => interval.to_string(),
    };
    Job {
        identity: Identity {
            source_host: config.source.host.clone(),
            source_bucket_id: source.bucket.id.clone(),
            destination_bucket_id: String::new(),
            start: job.start,
            filter: filter_text(&config.filter),
        },
        source_org: config.source.org.clone().unwrap_or_default(),
        source_bucket: config.source_bucket.clone(),
        stop: job.stop,
        shard_group_ns: Some(source.survey.shape.shard_group_ns),
        one_type_ns: source.one_type_ns(),
        plan: format!("batch interval {interval}"),
        time_type: choice.time_type,
    }
}

/// In the spool's folder, outside of its data; for an object store in the job's state folder.
fn rejects(config: &MigrateConfig, choice: &SpoolChoice) -> std::path::PathBuf {
    let own = || match spool::place::folder(&choice.place) {
        Some(folder) => folder.join("rejects.lp"),
        None => job::state_folder(config, &job::keys(config)).join("rejects.lp"),
    };
    config.rejects.clone().unwrap_or_else(own)
}
