//! From settings to a comparison of what a job has moved with what the destination holds now. Nothing is written.

pub(crate) mod journal;
mod journal_text;
mod moved;
mod named;
mod receipt;
mod spool;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use self::journal::{KeptFindings, OpenedFile, VerifyJournal};
use self::journal_text::Subject;
use self::moved::MovedJob;
use self::named::Namer;
use self::receipt::ReceiptFacts;
use self::spool::{SharedRange, SourceSpool};
use crate::checkpoint::identity::filter_text;
use crate::config::ends::TokenSetting;
use crate::config::job::JobConfig;
use crate::config::range::{RangeStart, RangeStop};
use crate::config::values::EvidenceChoice;
use crate::config::verify::VerifyConfig;
use crate::influx::api::Bucket;
use crate::influx::signal::Observer;
use crate::job::ends::Ends;
use crate::job::error::{Error, chain};
use crate::job::load_config::local_now;
use crate::job::plan_run::plan_run;
use crate::job::source_facts::{SourceFacts, SourceSeen};
use crate::job::{names, proof, quota};
use crate::model::scale::whole_ms;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::pipeline::event::{Event, EventSink, VerifyProgress};
use crate::pipeline::pool::blocking;
use crate::pipeline::verify::end::ComparedEnd;
use crate::pipeline::verify::evidence::{Evidence, EvidenceKind};
use crate::pipeline::verify::known::{EqualStretch, KnownStretches};
use crate::pipeline::verify::ledger::BatchLedger;
use crate::pipeline::verify::repair::Repairer;
use crate::pipeline::verify::source::ComparedSource;
use crate::pipeline::verify::telling::HearsEqual;
use crate::pipeline::verify::{self, Course, VerifyFindings};
use crate::pipeline::write::bucket::DestinationBucket;
use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;
use crate::report::json;
use crate::report::receipt::Receipt;
use crate::report::verify::NamedValues;

/// Why no journal is kept.
const NO_PLACE: &str = "what is found equal is not kept, a stop begins again from the start: XDG_STATE_HOME or HOME names a place for it";

/// What came of a comparison.
#[derive(Debug)]
pub struct VerifyOutcome {
    /// What the records call the source's organization.
    pub source_org: String,
    /// What was compared.
    pub range: TimeRange,
    /// With what.
    pub evidence: EvidenceKind,
    /// What came of it.
    pub verified: VerifyFindings,
    /// The values that differ, as far as they were looked at.
    pub named: NamedValues,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Its receipt, if one was asked for.
    pub(crate) receipt: Option<Receipt>,
}

/// What a comparison needs to know.
#[derive(Clone, Copy)]
pub struct VerifyJob<'a> {
    /// The job.
    pub config: &'a JobConfig,
    /// What of it is compared, and how.
    pub wanted: &'a VerifyConfig,
    /// Both ends; the source is asked only where it has to be.
    pub ends: &'a Ends,
    /// Hears of the clients.
    pub observer: &'a Observer,
    /// Hears of the readers.
    pub events: &'a EventSink,
    /// Learns whether what was found equal is kept where it is stopped; `None` where nothing is to be kept, or used.
    pub kept: Option<&'a KeptFindings>,
}

/// Compares, and repairs if that is asked for.
pub async fn compare(
    asked: VerifyJob<'_>,
    progress: &(dyn Fn(VerifyProgress) + Sync),
) -> Result<VerifyOutcome, Error> {
    let VerifyJob { config, wanted, .. } = asked;
    match (wanted.spool(), &config.ends.spool) {
        (Some(place), _) => {
            let (spool, config) = SourceSpool::open(place, &wanted.surroundings, config).await?;
            let asked = VerifyJob { config: &config, ..asked };
            compare_with(asked, Some(&spool), progress).await
        }
        (None, Some(spool)) => Err(Error::NoBucketOfSpool { place: spool.place.clone() }),
        (None, None) => compare_with(asked, None, progress).await,
    }
}

/// The same, with the spool that takes the place of the source, if one does.
async fn compare_with(
    asked: VerifyJob<'_>,
    spool: Option<&SourceSpool>,
    progress: &(dyn Fn(VerifyProgress) + Sync),
) -> Result<VerifyOutcome, Error> {
    let VerifyJob { config, wanted, ends, .. } = asked;
    let (begun, began) = (Instant::now(), json::now());
    if wanted.repair && config.safety.on_type_conflict == ConflictPolicy::Suffix {
        return Err(Error::RepairRenamed);
    }
    ends.destination.meet(config.ends.wait_ms).await?;
    let filter = filter_text(&config.scope.filter);
    let filters = spool.map_or_else(|| vec![filter], SourceSpool::filters);
    let moved = MovedJob::of(config, ends, &filters).await?;
    let SharedRange { range, rest } = match spool {
        Some(spool) => spool.share(config, &moved)?,
        None => SharedRange {
            range: sub_range(config, moved.range),
            rest: outside(config, moved.range).collect(),
        },
    };
    let mut namer = Namer::new(wanted)?;
    namer.named.target = moved.target(config);
    let evidence = match spool {
        Some(spool) => spool.evidence(config, range, asked.events)?,
        None => asked.evidence(&moved, range).await?,
    };
    let destination = Arc::new(asked.bucket_end(&moved.bucket, range).await?);
    let ledger = wanted.receipt.as_ref().map(|_| BatchLedger::default());
    let source = evidence.source();
    let (journal, known) = asked.journal(&moved, &evidence).await;
    let keep = |stretch: &EqualStretch| journal.iter().for_each(|journal| journal.keep(stretch));
    let hears = journal.as_ref().map(|_| &keep as HearsEqual<'_>);
    let course = Course { known, hears, ..Course::new(range, progress, ledger) };
    let mut verified = if let (Some(sample), Some(source)) = (wanted.sample, &source) {
        verify::run_sample((&destination, source), sample, range, progress).await?
    } else {
        verify::run(&destination, &evidence, course).await?
    };
    let began = match (&verified.resumed, &journal) {
        (Some(_), Some(journal)) => journal.began,
        (_, _) => began,
    };
    let of_source = source.iter().flat_map(ComparedSource::unreturned);
    let unreturned = destination.unreturned().iter().chain(of_source);
    let mut beside: Vec<_> = unreturned.map(|words| (range, words.clone())).collect();
    beside.extend(rest.into_iter().map(|(stretch, why)| (stretch, why.to_owned())));
    for (stretch, why) in &beside {
        verified.add_unproven(*stretch, why.clone());
    }
    if namer.is_wanted(&verified) {
        let source = match source {
            Some(source) => Ok(source),
            None => asked.source_end(&moved, range).await.map(Arc::new).map(ComparedSource::Bucket),
        };
        match source {
            Ok(source) => {
                let mut repairer = wanted.repair.then(|| asked.repairer(&moved, &destination));
                let sides = (&source, &*destination);
                namer.find(sides, &mut verified, repairer.as_mut()).await?;
                if let Some(repairer) = repairer {
                    namer.named.repaired = Some(repairer.repaired);
                    asked.again(&moved, (&source, &evidence), range, &mut verified).await?;
                }
            }
            // What differs is known; which values, only the source can tell.
            Err(error) => namer.named.unnamed = Some(chain(&error).join(": ")),
        }
    }
    let elapsed_ms = whole_ms(begun.elapsed());
    let receipt = match (&wanted.receipt, verified.ledger.take()) {
        (Some(path), Some(ledger)) => {
            let (moved, evidence) = (&moved, &evidence);
            let facts = ReceiptFacts { config, ends, moved, evidence, range, beside, began };
            Some(facts.receipt(path, &verified, &ledger)?)
        }
        _ => None,
    };
    if let Some(journal) = journal {
        journal.remove();
    }
    Ok(VerifyOutcome {
        receipt,
        source_org: moved.source_org,
        range,
        evidence: evidence.kind(),
        verified,
        named: namer.named,
        elapsed_ms,
    })
}

/// What is asked for and was not moved. Only a time that is given asks for it.
fn outside(
    config: &JobConfig,
    moved: TimeRange,
) -> impl Iterator<Item = (TimeRange, &'static str)> {
    let mut stretches = Vec::new();
    if let RangeStart::At(start) = config.scope.start
        && start < moved.start
    {
        let stop = config.scope.stop.counted_from(local_now()).min(moved.start);
        stretches.push((TimeRange::new(start, stop.max(start)), "no part of the job"));
    }
    if let RangeStop::At(stop) = config.scope.stop
        && moved.stop < stop
    {
        let start = config.scope.start.counted_from(local_now()).unwrap_or(moved.start);
        stretches.push((TimeRange::new(start.max(moved.stop), stop), "not committed yet"));
    }
    stretches.into_iter().filter(|(stretch, _)| !stretch.is_empty())
}

/// What of the job's range is asked for.
fn sub_range(config: &JobConfig, moved: TimeRange) -> TimeRange {
    let now = local_now();
    let start = config.scope.start.counted_from(now).unwrap_or(moved.start);
    let stop = match config.scope.stop {
        RangeStop::Now { .. } => moved.stop,
        given => given.counted_from(now),
    };
    TimeRange::new(start, stop.max(start)).intersect(moved)
}

impl fmt::Debug for VerifyJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyJob").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl<'a> VerifyJob<'a> {
    /// What was chosen; else what is recorded, where anything is.
    async fn evidence(self, moved: &MovedJob, range: TimeRange) -> Result<Evidence, Error> {
        if matches!(self.wanted.evidence, None | Some(EvidenceChoice::Recorded)) {
            let recorded = moved.recorded().await?;
            if self.wanted.evidence.is_some() || recorded.has_digests() {
                return Ok(Evidence::Recorded(Arc::new(recorded)));
            }
            let notice = "nothing of this job has a digest: both ends are read";
            (self.events)(Event::Notice(notice.to_owned()));
        }
        let source = Arc::new(self.source_end(moved, range).await?);
        Ok(match self.wanted.evidence {
            Some(EvidenceChoice::Counts) => Evidence::Counts(source),
            _ => Evidence::Read(source),
        })
    }

    /// The journal of this very comparison, and what it knows, unless it is none that is worth one.
    async fn journal(
        self,
        moved: &MovedJob,
        evidence: &Evidence,
    ) -> (Option<VerifyJournal<'a>>, KnownStretches) {
        let is_cheap = matches!(evidence, Evidence::Counts(_)) || self.wanted.sample.is_some();
        let Some(kept) = self.kept.filter(|_| !is_cheap) else {
            return (None, KnownStretches::default());
        };
        if self.config.safety.needs_state().is_err() {
            (self.events)(Event::Notice(NO_PLACE.to_owned()));
            return (None, KnownStretches::default());
        }
        let mut config = self.config.clone();
        config.ends.source.org = Some(moved.source_org.clone());
        let folder = names::state_folder(&config, &names::keys(&config.ends));
        let (subject, from_start) = (self.subject(moved, evidence), self.wanted.from_start);
        let open = move || Ok(OpenedFile::open(&folder, &subject, from_start));
        match blocking(open).await {
            Ok(Ok(opened)) => {
                let (journal, known) = opened.journal(kept, self.events);
                (Some(journal), known)
            }
            Ok(Err(why)) => {
                (self.events)(Event::Notice(why));
                (None, KnownStretches::default())
            }
            Err(_) => (None, KnownStretches::default()),
        }
    }

    /// What is compared with what, as far as a piece of it does not tell that itself. Each piece tells its range.
    fn subject(self, moved: &MovedJob, evidence: &Evidence) -> Subject {
        let ends = &self.config.ends;
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        // Of a source that is not asked the settings tell nothing.
        let host = match evidence {
            Evidence::Read(_) | Evidence::Counts(_) => ends.source.host.clone(),
            Evidence::Recorded(_) | Evidence::Spool(_) => known(&moved.source_host),
        };
        let parts = [
            ("version of sluice", env!("CARGO_PKG_VERSION").to_owned()),
            ("evidence", evidence.kind().name().to_owned()),
            ("spool", self.wanted.spool().unwrap_or_default().to_owned()),
            ("filter", filter_text(&self.config.scope.filter)),
            ("organization of the source", moved.source_org.clone()),
            ("source bucket", ends.source_bucket.clone()),
            ("id of the source bucket", known(&moved.source_bucket_id)),
            ("address of the source", host),
            ("address of the destination", ends.destination.host.clone()),
            ("destination bucket", moved.bucket.name.clone()),
            ("id of the destination bucket", moved.bucket.id.clone()),
            ("batch bucket", ends.batch_bucket.clone()),
        ];
        parts.map(|(name, text)| (name.to_owned(), text)).into()
    }

    /// The destination, as if it were to be moved.
    async fn bucket_end(self, bucket: &Bucket, range: TimeRange) -> Result<ComparedEnd, Error> {
        let bucket = proof::compared(self.config, &self.ends.destination, bucket, self.events);
        Ok(bucket.over(range).await?)
    }

    /// The source within its limits. It must be the one that the job has moved.
    async fn source_end(self, moved: &MovedJob, range: TimeRange) -> Result<ComparedEnd, Error> {
        let (config, source) = (self.config, &self.ends.source);
        if config.ends.source.token == TokenSetting::None {
            return Err(Error::NoSource);
        }
        source.meet(config.ends.wait_ms).await?;
        let facts = match SourceFacts::gather(config, source).await? {
            SourceSeen::Facts(facts) => *facts,
            SourceSeen::NoBucket(_) | SourceSeen::NoOrg(_) | SourceSeen::InSeveral(_) => {
                let bucket = config.ends.source_bucket.clone();
                return Err(Error::NoBucket { side: Side::Source, bucket });
            }
        };
        moved.is_of_source(config, &facts.bucket)?;
        let client = quota::paced(config, source, &facts, self.observer).await;
        let config = &names::of_source(config, &facts);
        let job = plan_run(config, &facts, &client, range, range.start).await?;
        Ok(ComparedEnd::new(&job, &client, self.events))
    }

    fn repairer(self, moved: &MovedJob, destination: &ComparedEnd) -> Repairer {
        let bucket = DestinationBucket::new(
            self.ends.destination.clone(),
            &moved.bucket.name,
            destination.shard_group_ns(),
            // What the destination refuses for its type is counted.
            ConflictPolicy::Reject,
            Vec::new(),
        );
        Repairer::new(bucket.of_id(moved.bucket.id.clone()), self.events)
    }

    /// Compares again what differed before it was repaired. The destination is looked at anew: it has new series.
    async fn again(
        self,
        moved: &MovedJob,
        (source, evidence): (&ComparedSource, &Evidence),
        range: TimeRange,
        verified: &mut VerifyFindings,
    ) -> Result<(), Error> {
        let destination = Arc::new(self.bucket_end(&moved.bucket, range).await?);
        let mut found = Vec::new();
        for batch in &verified.differing {
            let (evidence, range) = (evidence.part(batch.range), batch.range);
            let ledger = verified.ledger.as_ref().map(|_| BatchLedger::default());
            let course = Course::new(range, &|_| (), ledger);
            let again = verify::run(&destination, &evidence, course).await?;
            found.push((range, again));
        }
        verified.replace_differing(found);
        // The source may hold more than was recorded by now.
        let mut judge = Namer::judge(self.wanted.superset);
        judge.find((source, &destination), verified, None).await
    }
}
