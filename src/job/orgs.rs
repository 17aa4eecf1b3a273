//! Which organization the destination's buckets are in, where no setting says it.

use crate::config::job::JobEnds;
use crate::influx::api::Bucket;
use crate::influx::client::Client;
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::influx::org::OrgFound;
use crate::job::error::Error;

/// The organization of the destination: by the bucket that is written, else by that of the progress.
pub(super) async fn settled(
    ends: &JobEnds,
    destination: &Client,
) -> Result<(OrgFound, Option<Bucket>), Error> {
    let found = destination.settle_org(&ends.destination_bucket).await?;
    match found {
        (OrgFound::Several(_) | OrgFound::Unseen, None) => {
            let (by_batches, _) = destination.settle_org(&ends.batch_bucket).await?;
            let is_settled = matches!(by_batches, OrgFound::One { .. });
            Ok((if is_settled { by_batches } else { found.0 }, None))
        }
        found => Ok(found),
    }
}

/// True if the server does not know the organization that was given.
pub(super) fn is_unknown(error: &InfluxError) -> bool {
    error.kind() == FailureKind::NotFound && error.message.contains("organization")
}

/// Why there is none to name.
pub(super) fn unsettled(found: &OrgFound) -> String {
    match found {
        OrgFound::Ambiguous(ids) => {
            format!("buckets of this name are in {} organizations: {}", ids.len(), ids.join(", "))
        }
        OrgFound::Several(ids) => {
            format!("the token sees {} organizations: {}", ids.len(), ids.join(", "))
        }
        OrgFound::Unseen | OrgFound::One { .. } => {
            "not given, and neither a bucket nor the list of organizations tells it".to_owned()
        }
    }
}
