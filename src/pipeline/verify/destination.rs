//! A bucket that is looked at anew before each comparison, because it has new series by then.

use super::end::ComparedEnd;
use crate::influx::api::Bucket;
use crate::influx::client::Client;
use crate::model::filter::Filter;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::event::EventSink;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::may_expire;
use crate::pipeline::source::route::Routes;
use crate::pipeline::source::shape::retention_ns;
use crate::pipeline::source::survey::Survey;

/// A bucket that is to be compared.
#[derive(Clone)]
pub struct ComparedBucket {
    /// Reads.
    pub client: Client,
    /// What it is.
    pub bucket: Bucket,
    /// What of it counts.
    pub filter: Filter,
    /// How it is read, if that was chosen.
    pub transport: Option<Transport>,
    /// Slices that are read at one time.
    pub slices_in_flight: usize,
    /// Hears of the readers.
    pub events: EventSink,
}

impl ComparedBucket {
    /// The same, read in the form that needs to know least.
    pub(super) fn plainly(&self) -> Self {
        Self { transport: Some(Transport::Flux), ..self.clone() }
    }

    /// True if values of a range may pass its retention line meanwhile, or have passed it.
    pub(super) fn may_expire(&self, range: TimeRange) -> bool {
        may_expire(&self.client, retention_ns(self.bucket.retention_s), range)
    }

    /// A range of it, as if that were to be moved.
    pub(crate) async fn over(&self, range: TimeRange) -> Result<ComparedEnd, Error> {
        let Self { client, bucket, filter, .. } = self;
        let survey = Survey::run(client, bucket, filter).await?;
        let routes = Routes::new(&survey, filter);
        let job = BucketJob {
            source_bucket_id: bucket.id.clone(),
            source_org_id: bucket.org_id.clone(),
            filter: filter.clone(),
            transport: self.transport,
            field_label: survey.field_label.clone(),
            holds_strings: survey.strings,
            source_retention_ns: retention_ns(bucket.retention_s),
            slices_in_flight: self.slices_in_flight,
            ..BucketJob::to_count(&bucket.name, survey.shape, routes, range)
        };
        Ok(ComparedEnd::new(&job.over(range), client, &self.events))
    }
}

impl std::fmt::Debug for ComparedBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComparedBucket").field("bucket", &self.bucket.name).finish_non_exhaustive()
    }
}
