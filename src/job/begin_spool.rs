//! `migrate --spool`: a spool as the destination. It is its own checkpoint, and nothing else is needed.

use crate::checkpoint::identity::{Existing, Identity, filter_text};
use crate::config::job::{JobConfig, SpoolChoice};
use crate::config::range::RangeStart;
use crate::config::values::IntervalChoice;
use crate::job::begin::Begun;
use crate::job::error::Error;
use crate::job::names;
use crate::job::place::{Begins, JobPlace, PlaceSeen, hold_interval};
use crate::job::source_facts::SourceFacts;
use crate::model::series::Readable;
use crate::model::time::{TimeRange, Timestamp};
use crate::new_files::can_take_files;
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::pool::blocking;
use crate::pipeline::write::Destination;
use crate::pipeline::write::rejects::limit::{RejectLimit, RejectsFile};
use crate::report::stream;
use crate::spool;
use crate::spool::state::StagedJob;
use crate::spool::storage::Storage;
use crate::spool::stored::Stored;
use crate::spool::writable::Spool;

/// Where a job is to be staged.
struct Staging {
    file: RejectsFile,
    storage: Storage,
    /// Where the job that is staged there begins, if there is one.
    known: Option<Timestamp>,
    job: TimeRange,
}

async fn staging(
    config: &JobConfig,
    choice: &SpoolChoice,
    source: &SourceFacts,
) -> Result<Staging, Error> {
    can_be_used(choice).await?;
    let file = rejects(config, choice, &source.bucket.id);
    names::check_rejects(file.clone()).await?;
    let SpoolChoice { place, surroundings, .. } = choice.clone();
    let storage = blocking(move || Ok(spool::place::storage(&place, &surroundings)?)).await?;
    let known = stored_start(storage.clone()).await?;
    let stop = source.stop(&config.scope);
    let start = match (config.scope.start, known) {
        (RangeStart::At(time), _) => time,
        (RangeStart::Earliest, Some(known)) => known,
        (RangeStart::Back(_), Some(known)) => {
            Begins::Back(source.earliest.unwrap_or(known)).of_known(known)
        }
        (RangeStart::Earliest | RangeStart::Back(_), None) => source.earliest.unwrap_or(stop),
    };
    let job = TimeRange::new(start, stop.max(start));
    Ok(Staging { file, storage, known, job })
}

/// Whether the folder can take what a run writes; an object store tells only when it is asked.
async fn can_be_used(choice: &SpoolChoice) -> Result<(), Error> {
    let Some(folder) = spool::place::folder(&choice.place) else { return Ok(()) };
    let file = folder.display().to_string();
    let looked = blocking(move || Ok(can_take_files(&folder))).await?;
    looked.map_err(|source| Error::Spool(Box::new(spool::error::Error::Io { file, source })))
}

/// Looks at the spool of the job as a run would before it opens it. Nothing is written, locked or made.
pub(crate) async fn look(
    config: &JobConfig,
    choice: &SpoolChoice,
    source: &SourceFacts,
) -> PlaceSeen {
    match look_into(config, choice, source).await {
        Ok((place, refused)) => PlaceSeen { place: Some(place), refused: refused.err() },
        Err(error) => PlaceSeen { place: None, refused: Some(error) },
    }
}

async fn look_into(
    config: &JobConfig,
    choice: &SpoolChoice,
    source: &SourceFacts,
) -> Result<(JobPlace, Result<(), Error>), Error> {
    let Staging { storage, known, job, .. } = staging(config, choice, source).await?;
    let (wanted, take_over) = (spool_job(config, choice, source, job), config.safety.adopt);
    let identity = wanted.identity.clone();
    let looking = blocking(move || Ok(Spool::look(&storage, &wanted, take_over)?));
    let watermark = if job.is_empty() && known.is_none() { None } else { looking.await? };
    let resume = watermark.map_or(job.start, |watermark| watermark.clamp(job.start, job.stop));
    let place = JobPlace {
        start: job.start,
        resume,
        newest: None,
        identity,
        is_new: watermark.is_none(),
        existing: Existing::Something,
        begun: None,
        reach: None,
    };
    Ok((place, hold_interval(config, TimeRange::new(resume, job.stop))))
}

/// Opens the spool of the job, or begins it.
pub(crate) async fn begin(
    config: &JobConfig,
    choice: &SpoolChoice,
    source: &SourceFacts,
) -> Result<(Begun, Destination), Error> {
    let Staging { file, storage, known, job } = staging(config, choice, source).await?;
    let start = job.start;
    if job.is_empty() && known.is_none() {
        // A job over nothing is no job yet: the start of an empty bucket would be kept for ever.
        let rejects = RejectLimit { before: 0, max: config.safety.reject_limit, file };
        let begun = Begun {
            keeper: Checkpoint::None,
            job,
            resume: start,
            rejects,
            is_shared: true,
            lock: None,
            folder: None,
        };
        return Ok((begun, Destination::Discard));
    }
    let (wanted, take_over) = (spool_job(config, choice, source, job), config.safety.adopt);
    let (spool, open_mode) = blocking(move || {
        Ok((Spool::open(&storage, &wanted, take_over)?, storage.open_to_others()))
    })
    .await?;
    if let Some(mode) = open_mode {
        let place = Readable(choice.place.as_bytes());
        stream::say(format_args!(
            "notice: others can look into {place} (mode {mode:04o}); chmod 700 closes it"
        ));
    }
    let resume = spool.watermark().clamp(job.start, job.stop);
    let rejects = RejectLimit { before: spool.rejected(), max: config.safety.reject_limit, file };
    let keeper = Checkpoint::Spool(spool.clone());
    Ok((
        Begun { keeper, job, resume, rejects, is_shared: true, lock: None, folder: None },
        Destination::Spool(spool),
    ))
}

/// Where the job of the spool begins, if there is one already.
async fn stored_start(storage: Storage) -> Result<Option<Timestamp>, Error> {
    let start = blocking(move || match Stored::job_of(&storage) {
        Ok(job) => Ok(Some(job.identity.start)),
        Err(spool::error::Error::NoSpool { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    });
    Ok(start.await?)
}

fn spool_job(
    config: &JobConfig,
    choice: &SpoolChoice,
    source: &SourceFacts,
    job: TimeRange,
) -> StagedJob {
    let interval = match config.scope.batch_interval {
        IntervalChoice::Auto => "auto".to_owned(),
        IntervalChoice::Fixed(interval) => interval.to_string(),
    };
    StagedJob {
        identity: Identity {
            source_host: config.ends.source.host.clone(),
            source_bucket_id: source.bucket.id.clone(),
            destination_bucket_id: String::new(),
            start: job.start,
            filter: filter_text(&config.scope.filter),
        },
        source_org: config.ends.source.org.clone().unwrap_or_default(),
        source_bucket: config.ends.source_bucket.clone(),
        stop: job.stop,
        shard_group_ns: Some(source.survey.shape.shard_group_ns),
        one_type_ns: source.one_type_ns(),
        plan: format!("batch interval {interval}"),
        time_type: choice.time_type,
    }
}

/// Of a bucket's name, for people: its id tells it apart.
const NAME_CHARS_SHOWN: usize = 64;

/// In the spool's folder, outside of its data; for an object store in the job's state folder, one file for each place.
fn rejects(config: &JobConfig, choice: &SpoolChoice, bucket_id: &str) -> RejectsFile {
    let name: String =
        names::plain(&config.ends.source_bucket).chars().take(NAME_CHARS_SHOWN).collect();
    let of_bucket = format!("spool.{name}.{}", names::plain(bucket_id));
    let folder = spool::place::folder(&choice.place);
    let place = match &folder {
        Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
        None => (&choice.place).into(),
    };
    let digest = names::fnv1a(place.as_os_str().as_encoded_bytes());
    let of_place = format!("{of_bucket}.{digest:016x}");
    match (&config.safety.rejects, folder) {
        (Some(path), _) => RejectsFile { path: path.clone(), job: of_place, is_own_place: false },
        // A spool may be moved, with its refused lines.
        (None, Some(folder)) => {
            RejectsFile { path: folder.join("rejects.lp"), job: of_bucket, is_own_place: true }
        }
        (None, None) => {
            let folder = names::state_folder(config, &names::keys(&config.ends));
            let path = folder.join(format!("rejects.{digest:016x}.lp"));
            RejectsFile { path, job: of_place, is_own_place: true }
        }
    }
}
