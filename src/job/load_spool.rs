//! A spool as the source: from its manifest to a run that can begin.

use std::collections::BTreeSet;

use super::{begin, judge, names};
use crate::config::job::JobConfig;
use crate::influx::client::Client;
use crate::job::begin::Begun;
use crate::job::destination_facts::{DestinationFacts, watched_by_run};
use crate::job::error::Error;
use crate::job::judge::LoadChecked;
use crate::job::judge::destination::Content;
use crate::job::load_config::local_now;
use crate::job::opened_spool::{OpenedSpool, batch_interval};
use crate::job::place::{Begins, Wanted, hold_batches};
use crate::job::proof;
use crate::job::run::Prepared;
use crate::job::spool_part::SpoolPart;
use crate::model::batch::BatchPlan;
use crate::model::foretold::Outlook;
use crate::model::frame::FieldType;
use crate::model::interval::Interval;
use crate::model::number;
use crate::model::spread::Spread;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::plan::spool::SpoolJob;
use crate::pipeline::pool::blocking;
use crate::pipeline::read::BatchOrigin;
use crate::pipeline::stop::StopSignal;
use crate::pipeline::write::Destination;
use crate::pipeline::write::bucket::DestinationBucket;
use crate::pipeline::write::rejects::limit::{RejectLimit, RejectsFile};
use crate::report::preflight::{PreflightReport, Verdict};
use crate::spool::stored::Verified;

/// Bodies are cut by days where neither end tells the length of its shard groups.
const DAY_NS: i64 = 86_400 * NS_PER_S;

/// What may be loaded, and where to.
#[derive(Debug)]
pub struct CheckedSpool {
    part: SpoolPart,
    content: Content,
    destination: DestinationFacts,
    verified: Verified,
}

impl CheckedSpool {
    /// How much it holds.
    pub(crate) fn outlook(&self) -> Outlook {
        let Verified { values, bytes, .. } = self.verified;
        Outlook { values, is_whole: true, bytes: Spread::exact(bytes), time_ms: None }
    }

    /// From when to when.
    pub(crate) fn range(&self) -> TimeRange {
        self.part.told()
    }

    /// True if its bucket is made for it.
    pub(crate) fn is_new(&self) -> bool {
        self.destination.bucket.is_none()
    }
}

/// Holds everything that is to be loaded against the manifest, and looks at the destination. Nothing is written.
pub async fn check(
    spool: &OpenedSpool,
    config: &JobConfig,
    client: &Client,
) -> Result<(Result<CheckedSpool, Error>, PreflightReport), Error> {
    let bounds = (config.scope.start, config.scope.stop);
    let part = SpoolPart::of(&spool.stored, &spool.place, &config.scope.filter, bounds)?;
    let (stored, selection) = (spool.stored.clone(), part.selection());
    let verified = blocking(move || Ok(stored.verify(&selection)?)).await?;
    let content = content(spool, &part).await?;
    let facts = source_rows(spool, &part, &verified);
    let wanted = wanted(spool, &part);
    let nothing = (verified.values == 0).then(|| part.nothing());
    let LoadChecked { report, destination, refused } =
        judge::check_load(config, client, (facts, nothing), &content, &wanted).await?;
    if report.verdict() == Verdict::Fail {
        let error = Error::failed_checks(&report, refused);
        return Ok((Err(error), report));
    }
    let destination = destination.ok_or(Error::Nowhere)?;
    Ok((Ok(CheckedSpool { part, content, destination, verified }), report))
}

fn wanted(spool: &OpenedSpool, part: &SpoolPart) -> Wanted {
    Wanted {
        source_host: spool.job.identity.source_host.clone(),
        source_bucket_id: spool.job.identity.source_bucket_id.clone(),
        filter: part.filter.clone(),
        // What moves nothing is no other job than the one that is there.
        begins: if part.is_beside {
            Begins::AtOldest(part.range.start)
        } else {
            Begins::Exactly(part.range.start)
        },
        stop: part.range.stop,
    }
}

/// What the spool brings to the destination, as far as the checks care.
async fn content(spool: &OpenedSpool, part: &SpoolPart) -> Result<Content, Error> {
    let (stored, selection) = (spool.stored.clone(), part.selection());
    let types = blocking(move || Ok(stored.field_types(&selection)?)).await?;
    let names =
        |kinds: BTreeSet<FieldType>| kinds.iter().map(|kind| kind.name().to_owned()).collect();
    let types = types.into_iter().map(|(key, kinds)| (key, names(kinds))).collect();
    let oldest = spool.stored.files(&part.selection()).iter().map(|file| file.time_min).min();
    Ok(Content {
        bucket_id: None,
        oldest: oldest.map(Timestamp::from_ns),
        now: local_now(),
        types: Some(types),
        one_type_ns: spool.job.one_type_ns,
    })
}

fn source_rows(
    spool: &OpenedSpool,
    part: &SpoolPart,
    verified: &Verified,
) -> Vec<(&'static str, String)> {
    let job = &spool.job;
    let mut rows = vec![
        ("spool", spool.place.clone()),
        ("of", format!("{}/{} at {}", job.source_org, job.source_bucket, job.identity.source_host)),
        ("range", part.told().to_string()),
        (
            "files",
            format!(
                "{}, {}, {}, all as they were written",
                number::counted(verified.files, "file", "files"),
                number::bytes(verified.bytes),
                number::counted(verified.values, "value", "values")
            ),
        ),
    ];
    if part.measurements.is_some() {
        rows.push(("only", part.filter.clone()));
    }
    if spool.stored.watermark() < job.stop {
        let (watermark, stop) = (spool.stored.watermark(), job.stop);
        rows.push(("complete", format!("up to {watermark}, of {stop}")));
    }
    let rejected = spool.stored.rejected();
    if rejected > 0 {
        let rejected = number::all_counted(rejected, "value", "values");
        rows.push(("lacks", format!("{rejected} that could not be staged")));
    }
    rows
}

/// Makes what was asked for at the destination, takes the job, and lays the plan of this run.
pub async fn prepare(
    spool: &OpenedSpool,
    checked: CheckedSpool,
    config: &JobConfig,
    client: &Client,
    stop: &StopSignal,
) -> Result<Prepared, Error> {
    let CheckedSpool { part, content, mut destination, .. } = checked;
    if part.is_beside {
        return Ok(nothing(spool, part, config));
    }
    names::check_rejects(names::rejects_file(config)).await?;
    let wanted = wanted(spool, &part);
    let shard_ns = spool.job.shard_group_ns;
    let begun = begin::begin(config, client, &mut destination, shard_ns, &wanted, stop).await?;
    let job = of_job(spool, part, config, &begun);
    if let Err(error) = hold_batches(&job.plan, job.interval) {
        return Err(begun.give_up(stop, error).await);
    }
    let policy = config.safety.on_type_conflict;
    let bucket = DestinationBucket::new(
        client.clone(),
        &config.ends.destination_bucket,
        destination.shard_group_ns(spool.job.shard_group_ns.unwrap_or(DAY_NS)),
        policy,
        watched_by_run(content.types.as_ref(), content.one_type_ns, &destination, policy),
    )
    .of_id(destination.bucket_id())
    .shared(begun.is_shared);
    let proof = proof::of(config, None, client, Some(&destination), begun.is_shared);
    let (source, sink) = (BatchOrigin::Spool(job), Destination::Bucket(bucket));
    Ok(Prepared { source, sink, begun, proof })
}

/// A run over times of which the spool has none: nothing is made, written or recorded.
fn nothing(spool: &OpenedSpool, part: SpoolPart, config: &JobConfig) -> Prepared {
    let (job, max) = (part.asked, config.safety.reject_limit);
    let begun = Begun {
        keeper: Checkpoint::None,
        job,
        resume: job.start,
        rejects: RejectLimit { before: 0, max, file: RejectsFile::nowhere() },
        is_shared: true,
        lock: None,
        folder: None,
    };
    let length_ns = job.stop.ns().saturating_sub(job.start.ns()).max(1);
    let interval = Interval::from_ns(length_ns);
    let source = SpoolJob {
        stored: spool.stored.clone(),
        lacking: part.lacking,
        measurements: part.measurements,
        range: job,
        plan: BatchPlan::new(job.start, interval, job.stop),
        interval,
        slices_in_flight: config.pace.concurrency,
    };
    let sink = Destination::Discard;
    Prepared { source: BatchOrigin::Spool(source), sink, begun, proof: None }
}

fn of_job(spool: &OpenedSpool, part: SpoolPart, config: &JobConfig, begun: &Begun) -> SpoolJob {
    let interval = batch_interval(config, &spool.stored, &part.selection(), part.range);
    SpoolJob {
        stored: spool.stored.clone(),
        lacking: part.lacking,
        measurements: part.measurements,
        range: begun.job,
        plan: BatchPlan::new(begun.resume, interval, begun.job.stop),
        interval,
        slices_in_flight: config.pace.concurrency,
    }
}
