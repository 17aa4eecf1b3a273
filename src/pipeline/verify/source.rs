//! What a destination is held against where that is read: a bucket, or a spool.

use std::sync::Arc;

use super::end::{ComparedEnd, EndContent};
use super::spool::ComparedSpool;
use crate::model::interval::Interval;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::plan::count;

/// The source of a comparison.
#[derive(Debug, Clone)]
pub(crate) enum ComparedSource {
    /// A bucket as it is now.
    Bucket(Arc<ComparedEnd>),
    /// What was staged.
    Spool(Arc<ComparedSpool>),
}

impl ComparedSource {
    /// What it lists and returns to no query, whatever the range.
    pub(crate) fn unreturned(&self) -> &[String] {
        match self {
            Self::Bucket(bucket) => bucket.unreturned(),
            Self::Spool(_) => &[],
        }
    }

    /// The bucket, where it is one.
    pub(crate) fn bucket(&self) -> Option<&ComparedEnd> {
        match self {
            Self::Bucket(bucket) => Some(bucket),
            Self::Spool(_) => None,
        }
    }

    /// Length of its batches.
    pub(crate) fn interval(&self) -> Interval {
        match self {
            Self::Bucket(bucket) => bucket.interval(),
            Self::Spool(spool) => spool.interval(),
        }
    }

    /// How many values a range holds.
    pub(super) async fn total(&self, range: TimeRange) -> Result<u64, Error> {
        match self {
            Self::Bucket(bucket) => count::total(bucket.bucket(), range).await,
            Self::Spool(spool) => spool.total(range).await,
        }
    }

    /// Reads a range for its values: it must be small.
    pub(super) async fn values(&self, range: TimeRange) -> Result<EndContent, Error> {
        match self {
            Self::Bucket(bucket) => bucket.values(range).await,
            Self::Spool(spool) => spool.values(range).await,
        }
    }

    /// True if what it does not hold any more may be what differs. A spool keeps everything.
    pub(super) fn may_expire(&self, range: TimeRange) -> bool {
        match self {
            Self::Bucket(bucket) => bucket.bucket().may_expire(range),
            Self::Spool(_) => false,
        }
    }

    /// As [`ComparedEnd::is_proven`]. Nothing of a spool is restored from a list.
    pub(super) fn is_proven(&self, range: TimeRange) -> bool {
        self.bucket().is_none_or(|bucket| bucket.is_proven(range))
    }

    /// As [`ComparedEnd::list_again`].
    pub(super) async fn list_again(&self) -> Result<(), Error> {
        match self {
            Self::Bucket(bucket) => bucket.list_again().await,
            Self::Spool(_) => Ok(()),
        }
    }

    /// Once all is read: what may have been read wrongly.
    pub(super) async fn close(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::Bucket(bucket) => bucket.close().await,
            Self::Spool(_) => Ok(Vec::new()),
        }
    }
}
