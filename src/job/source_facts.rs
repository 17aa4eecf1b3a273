//! What the source says of itself before a run: gathered once, judged by preflight, used by a run.

use super::orgs;
use crate::config::error::ConfigError;
use crate::config::job::{JobConfig, JobPace};
use crate::config::range::RangeStart;
use crate::config::scope::JobScope;
use crate::config::shown::ShownValue;
use crate::config::values::QuotaChoice;
use crate::influx::api::{Bucket, Limits};
use crate::influx::client::{Client, ServerInfo};
use crate::influx::error::FailureKind;
use crate::influx::org::OrgFound;
use crate::job::error::Error;
use crate::job::matched::{self, Holds, Unmatched};
use crate::limits::QUOTA_BYTES_PER_WINDOW_DEFAULT;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::source::earliest::{earliest, earliest_counted};
use crate::pipeline::source::first_group::FirstGroup;
use crate::pipeline::source::route::Routes;
use crate::pipeline::source::survey::Survey;
use crate::pipeline::source::unreturned::OutOfReach;
use crate::wire::flux::{self, Selection};

/// The read quota, and where it is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// `--quota none`, or an organization without a limit.
    None,
    /// `--quota`.
    Given(u64),
    /// The limits of the organization.
    Told(u64),
    /// The limits are not readable with this token: the free plan's.
    Assumed(u64),
}

impl Quota {
    /// Bytes in five minutes.
    pub fn bytes_per_window(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Given(bytes) | Self::Told(bytes) | Self::Assumed(bytes) => Some(bytes),
        }
    }
}

/// What came of asking the source.
#[derive(Debug, Clone)]
pub enum SourceSeen {
    /// All of it.
    Facts(Box<SourceFacts>),
    /// A bucket that is not there and one that may not be read look alike. Those that can be seen.
    NoBucket(Vec<Bucket>),
    /// The organization that was given is not there. The names of those that can be seen.
    NoOrg(Vec<String>),
    /// Buckets of this name are in several organizations: their ids.
    InSeveral(Vec<String>),
}

/// The source.
#[derive(Debug, Clone)]
pub struct SourceFacts {
    /// Version and build, if told.
    pub info: ServerInfo,
    /// The bucket.
    pub bucket: Bucket,
    /// What records call its organization: the name, or the id where no name is to be had.
    pub org: String,
    /// True if that is its name.
    pub is_org_named: bool,
    /// The quota.
    pub quota: Quota,
    /// The limits of the organization, if they are readable and wanted.
    pub limits: Option<Limits>,
    /// What is in the bucket, in kind.
    pub survey: Survey,
    /// Who reads what of it.
    pub routes: Routes,
    /// What of the job's values is there.
    pub holds: Holds,
    /// Parts of the filter that name what is not there.
    pub unmatched: Vec<Unmatched>,
    /// Time of the oldest value, if the start is to be found.
    pub earliest: Option<Timestamp>,
    /// The present by the source's clock.
    pub now: Timestamp,
}

impl SourceFacts {
    /// Length of the stretches in which each field has one type: the shard groups of an OSS. Elsewhere there are none.
    pub fn one_type_ns(&self) -> Option<i64> {
        self.info.is_oss().then_some(self.survey.shape.shard_group_ns)
    }

    /// Asks the source, which has been met.
    pub async fn gather(config: &JobConfig, source: &Client) -> Result<SourceSeen, Error> {
        let settled = source.settle_org(&config.ends.source_bucket).await;
        if settled.as_ref().is_err_and(orgs::is_unknown) {
            return Ok(SourceSeen::NoOrg(source.org_names().await));
        }
        let (org, bucket) = match settled? {
            (OrgFound::Ambiguous(ids), _) => return Ok(SourceSeen::InSeveral(ids)),
            (OrgFound::One { name, .. }, Some(bucket)) => (name, bucket),
            _ => return Ok(SourceSeen::NoBucket(source.buckets_seen().await)),
        };
        let info = source.known_info();
        let is_org_named = org.is_some();
        let org = org.unwrap_or_else(|| bucket.org_id.clone());
        let (quota, limits) = quota(&config.pace, source, &bucket).await?;
        if let Some(predicate) = &config.scope.filter.predicate {
            try_predicate(source, &config.ends.source_bucket, predicate).await?;
        }
        let survey = Survey::run(source, &bucket, &config.scope.filter).await?;
        let mut routes = Routes::new(&survey, &config.scope.filter);
        let now = source.server_time().map_or(Timestamp::EPOCH, Timestamp::from_ns);
        config.scope.hold_range(now)?;
        let mut earliest = match config.scope.start.counted_from(now) {
            None => oldest(config, source, &routes).await?,
            counted => counted,
        };
        routes.out_of_reach = out_of_reach(config, source, &routes, earliest, now).await?;
        if let Some(found) = &routes.out_of_reach
            && earliest.is_none_or(|earliest| earliest >= found.before)
        {
            // Nothing that reads told of it, and it is of this job.
            earliest = Some(Timestamp::MIN);
        }
        let stop = config.scope.stop.counted_from(now);
        let range = TimeRange::new(earliest.unwrap_or(stop).min(stop), stop);
        let holds = matched::holds(config, source, &routes, (earliest, range)).await?;
        let unmatched =
            matched::unmatched(&config.scope.filter, source, &config.ends.source_bucket).await?;
        Ok(SourceSeen::Facts(Box::new(Self {
            info,
            bucket,
            org,
            is_org_named,
            quota,
            limits,
            survey,
            routes,
            holds,
            unmatched,
            earliest,
            now,
        })))
    }

    /// The first instant after this run.
    pub fn stop(&self, scope: &JobScope) -> Timestamp {
        scope.stop.counted_from(self.now)
    }

    /// What a plain Flux query reads of a range.
    pub fn selection<'a>(&'a self, config: &'a JobConfig, range: TimeRange) -> Selection<'a> {
        selection(config, &self.routes, range)
    }
}

fn selection<'a>(config: &'a JobConfig, routes: &'a Routes, range: TimeRange) -> Selection<'a> {
    Selection {
        bucket: &config.ends.source_bucket,
        range,
        filter: &config.scope.filter,
        measurements: &[],
        without: &routes.plain,
    }
}

/// The oldest value of all, also of what plain Flux does not read.
async fn oldest(
    config: &JobConfig,
    source: &Client,
    routes: &Routes,
) -> Result<Option<Timestamp>, Error> {
    let selection = selection(config, routes, TimeRange::ALL);
    let read = earliest(source, selection).await?;
    let Some(not_plain) = &routes.not_plain else { return Ok(read) };
    let before = read.unwrap_or(Timestamp::STOP_MAX);
    let left_out = Selection { without: std::slice::from_ref(not_plain), ..selection };
    Ok(earliest_counted(source, left_out, before).await?.or(read))
}

/// Whether the source takes the predicate at all, before anything else is blamed for it.
async fn try_predicate(source: &Client, bucket: &str, predicate: &str) -> Result<(), Error> {
    let what = "trial of --predicate";
    match source.query_all(&flux::try_predicate(bucket, predicate), what).await {
        Err(error) if error.kind() == FailureKind::BadRequest && !error.is_panic() => {
            // The first line is not the user's.
            let words = error.cause().replace("@2:", "@1:").replace("-2:", "-1:");
            let predicate = ShownValue::new(predicate);
            Err(ConfigError::Predicate { predicate, words }.into())
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// What of the first shard group of all time no batch would hold. The oldest value that plain Flux reads tells whether there
/// can be anything; where others read too, they are asked.
async fn out_of_reach(
    config: &JobConfig,
    source: &Client,
    routes: &Routes,
    earliest: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<OutOfReach>, Error> {
    let is_searched = matches!(config.scope.start, RangeStart::Earliest);
    let has_others = !routes.mixed.is_empty() || !routes.influxql_only.is_empty();
    let start = if is_searched && has_others { Some(Timestamp::MIN) } else { earliest };
    let Some(start) = start else { return Ok(None) };
    let job = TimeRange::new(start, config.scope.stop.counted_from(now));
    let (bucket, filter) = (config.ends.source_bucket.as_str(), &config.scope.filter);
    Ok(FirstGroup::of(source, bucket, filter, routes, job).out_of_reach().await?)
}

async fn quota(
    pace: &JobPace,
    source: &Client,
    bucket: &Bucket,
) -> Result<(Quota, Option<Limits>), Error> {
    if pace.quota == QuotaChoice::None {
        return Ok((Quota::None, None));
    }
    let limits = source.limits(&bucket.org_id).await?;
    let quota = match (pace.quota, limits) {
        (QuotaChoice::None, _) => Quota::None,
        (QuotaChoice::Bytes { per_window }, _) => Quota::Given(per_window),
        (QuotaChoice::Auto, Some(limits)) => {
            limits.read_bytes_per_window().map_or(Quota::None, Quota::Told)
        }
        // OSS has no limits at all, and says what it is.
        (QuotaChoice::Auto, None) if source.known_info().is_oss() => Quota::None,
        (QuotaChoice::Auto, None) => Quota::Assumed(QUOTA_BYTES_PER_WINDOW_DEFAULT),
    };
    Ok((quota, limits))
}
