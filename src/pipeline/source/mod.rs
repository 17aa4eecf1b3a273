//! What the bucket that is read is like: how its time is cut, what is in it, who reads what of it. Asked of it; its values
//! are never read here, but for the few of the probe.

use std::fmt;
use std::sync::Arc;

use self::flux_only::FluxOnly;
use self::job::BucketJob;
use self::route::InfluxqlAccess;
use crate::influx::client::Client;
use crate::model::canary::Canary;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::event::{Event, EventSink};

pub(crate) mod at_least;
pub(crate) mod earliest;
pub(crate) mod first_group;
pub(crate) mod flux_only;
pub(crate) mod job;
pub(crate) mod layer;
pub(crate) mod listed;
mod probe;
pub(crate) mod readable;
pub(crate) mod route;
pub(crate) mod schema;
pub(crate) mod shape;
pub(crate) mod survey;
pub(crate) mod types_at;
pub(crate) mod unreadable;
pub(crate) mod unreturned;

/// The bucket that is read, or only counted, and what of it.
pub struct SourceBucket {
    /// What is moved.
    pub job: BucketJob,
    /// Asks the server.
    pub client: Client,
    /// Who hears of events.
    pub events: EventSink,
    /// What is not to be read in any other way than plain Flux.
    pub flux_only: FluxOnly,
}

impl fmt::Debug for SourceBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceBucket").field("job", &self.job).finish_non_exhaustive()
    }
}

impl SourceBucket {
    /// At the beginning of a run.
    pub fn new(job: BucketJob, client: Client, events: EventSink) -> Self {
        Self { job, client, events, flux_only: FluxOnly::default() }
    }

    /// For a look, of which nobody hears.
    pub fn unheard(job: BucketJob, client: Client) -> Self {
        Self::new(job, client, Arc::new(|_| ()))
    }

    /// The same bucket for another job.
    #[must_use]
    pub fn for_job(&self, job: BucketJob) -> Self {
        Self::new(job, self.client.clone(), Arc::clone(&self.events))
    }

    /// How InfluxQL names a measurement that it reads, unless it was found to read it otherwise than Flux.
    pub fn influxql_name<'a>(
        &'a self,
        measurement: &'a [u8],
    ) -> Option<(&'a InfluxqlAccess, &'a str)> {
        self.job.influxql_name(measurement).filter(|_| self.flux_only.why(measurement).is_none())
    }

    /// Where the InfluxQL name that is read by does not lead to the bucket any more: why not. A mapping that somebody makes
    /// meanwhile may lead it to another one, and no answer tells.
    pub(crate) async fn is_misled(&self) -> Result<Option<String>, Error> {
        let (job, client) = (&self.job, &self.client);
        let Some(access) = &job.routes.access else { return Ok(None) };
        if job.source_bucket_id.is_empty() || client.canary() == Canary::GuessedDatabase {
            return Ok(None);
        }
        let now = client.database_of_id(&job.source_org_id, &job.source_bucket_id).await;
        let now = now.map_err(|error| Error::influx("InfluxQL name of the bucket", error))?;
        Ok(match now {
            Ok(now) if now == access.database => None,
            Ok(now) => Some(format!("it is called {now} now")),
            Err(why) => Some(why),
        })
    }

    /// True if values of a range may pass the retention line while they are read, or have passed it.
    pub(crate) fn may_expire(&self, range: TimeRange) -> bool {
        may_expire(&self.client, self.job.source_retention_ns, range)
    }

    /// Tells the reporter.
    pub fn tell(&self, event: Event) {
        (self.events)(event);
    }
}

/// True if values of a range may pass the retention line of a bucket meanwhile, or have passed it.
pub(crate) fn may_expire(client: &Client, retention_ns: Option<i64>, range: TimeRange) -> bool {
    let now = client.server_time().map_or(range.stop, Timestamp::from_ns);
    retention_ns.is_some_and(|ns| range.start < now.saturating_add_ns(-ns))
}
