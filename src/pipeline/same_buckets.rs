//! The buckets of a run are those that it began with. Requests call them by name, and another may take a name while a job runs:
//! what was read or written meanwhile is recorded only if each name still leads to the same bucket.

use std::sync::Arc;

use crate::influx::client::Client;
use crate::model::side::Side;
use crate::pipeline::error::Error;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::write::bucket::DestinationBucket;

/// The buckets by name and id, as far as the ids are known.
#[derive(Debug, Clone)]
pub(super) struct SameBuckets(Arc<[BucketName]>);

#[derive(Debug)]
struct BucketName {
    side: Side,
    client: Client,
    name: String,
    id: String,
}

impl SameBuckets {
    /// Those of a run.
    pub(super) fn of(
        source: Option<&SourceBucket>,
        destination: Option<&DestinationBucket>,
    ) -> Self {
        let source = source.map(|source| BucketName {
            side: Side::Source,
            client: source.client.clone(),
            name: source.job.source_bucket.clone(),
            id: source.job.source_bucket_id.clone(),
        });
        let destination = destination.map(|bucket| BucketName {
            side: Side::Destination,
            client: bucket.client.clone(),
            name: bucket.name.clone(),
            id: bucket.id.clone(),
        });
        let known = [source, destination].into_iter().flatten().filter(|one| !one.id.is_empty());
        Self(known.collect())
    }

    /// Fails if a name leads to another bucket now, or to none.
    pub(super) async fn hold(&self) -> Result<(), Error> {
        for BucketName { side, client, name, id } in &*self.0 {
            let found = client.bucket_by_name(name).await;
            let found = found.map_err(|error| Error::influx(format!("{side} bucket"), error))?;
            let now = found.map(|bucket| bucket.id);
            if now.as_ref() != Some(id) {
                let (name, was) = (name.clone(), id.clone());
                return Err(Error::AnotherBucket { side: *side, name, was, now });
            }
        }
        Ok(())
    }
}
