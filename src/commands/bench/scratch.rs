//! A bucket of the destination that is made for one trial and deleted after it, however the trial ends.

use std::hash::{BuildHasher as _, RandomState};

use crate::commands::error::Error;
use crate::influx::client::Client;
use crate::job::buckets;

/// The bucket.
#[derive(Debug)]
pub(super) struct Scratch {
    client: Client,
    id: String,
    pub(super) name: String,
}

impl Scratch {
    /// Makes it, with the source's shard groups. Its name is random; one that is there already is never touched.
    pub(super) async fn create(
        client: &Client,
        org_id: &str,
        shard_ns: i64,
    ) -> Result<Self, Error> {
        let name = format!("sluice-bench-{:016x}", RandomState::new().hash_one(std::process::id()));
        if client.bucket_by_name(&name).await?.is_some() {
            return Err(Error::ScratchExists { name });
        }
        let bucket = match buckets::create_one(client, org_id, &name, Some(shard_ns)).await {
            Ok(bucket) => bucket,
            Err(error) => {
                // It may have been made, and only its shard groups not be set.
                if let Ok(Some(bucket)) = client.bucket_by_name(&name).await {
                    Self { client: client.clone(), id: bucket.id, name }.delete().await?;
                }
                return Err(error.into());
            }
        };
        Ok(Self { client: client.clone(), id: bucket.id, name })
    }

    /// Deletes it.
    pub(super) async fn delete(self) -> Result<(), Error> {
        let Self { client, id, name } = self;
        client.delete_bucket(&id).await.map_err(|source| Error::ScratchLeft { name, id, source })
    }
}
