//! What reading a batch is, whatever its origin: slices in flight, each with a permit, and what became of them.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use crate::model::frame::Frame;
use crate::model::measurement_digests::MeasurementDigests;
use crate::model::schema::FieldKey;
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::permits::Permits;
use crate::pipeline::pool::joined;
use crate::pipeline::read::measurement_counts::MeasurementCounts;
use crate::pipeline::source::types_at::own_type;
use crate::pipeline::write::DestinationWriter;
use crate::pipeline::write::bucket::DestinationBucket;
use crate::pipeline::write::rejects::refusals::RefusedValues;

/// What became of a slice, or of several.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Values read.
    pub values: u64,
    /// The same by measurement, if from a bucket.
    pub counts: MeasurementCounts,
    /// Digests of what a bucket has acknowledged.
    pub digests: MeasurementDigests,
    /// The values themselves, where they are kept for a comparison.
    pub frames: Vec<Frame>,
    /// Source bytes, decoded.
    pub bytes: u64,
    /// Tries that failed.
    pub retries: u64,
    /// Values refused.
    pub refusals: RefusedValues,
    /// How they were read, if from a bucket.
    pub transports: BTreeSet<Transport>,
    /// Measurements of which InfluxQL has read anything.
    pub by_influxql: BTreeSet<Name>,
    /// Measurements of which Flux has brought strings: they may have lost a carriage return.
    pub strings_by_flux: BTreeSet<Name>,
}

impl Moved {
    /// Adds another part.
    pub(crate) fn add(&mut self, other: Self) {
        self.values += other.values;
        self.counts.add(other.counts);
        self.digests.add(other.digests);
        self.frames.extend(other.frames);
        self.bytes += other.bytes;
        self.retries += other.retries;
        self.refusals.add(other.refusals);
        self.transports.extend(other.transports);
        self.by_influxql.extend(other.by_influxql);
        self.strings_by_flux.extend(other.strings_by_flux);
    }

    /// Digests of what the bucket holds of it now, if any are taken.
    pub(crate) fn digests_held(&self, out: &DestinationWriter) -> Option<MeasurementDigests> {
        out.takes_digests().then(|| self.digests.clone())
    }
}

/// Slices of one batch that are under way.
#[derive(Debug)]
pub(super) struct SlicesInFlight {
    permits: Permits,
    tasks: JoinSet<Result<Moved, Error>>,
    moved: Moved,
}

impl SlicesInFlight {
    /// None yet.
    pub(super) fn new(permits: &Permits) -> Self {
        Self { permits: permits.clone(), tasks: JoinSet::new(), moved: Moved::default() }
    }

    /// Begins one more as soon as there is a permit for it, which it keeps to its end.
    pub(super) async fn begin(
        &mut self,
        moving: impl Future<Output = Result<Moved, Error>> + Send + 'static,
    ) -> Result<(), Error> {
        let permit = self.permits.one().await?;
        self.tasks.spawn(async move {
            let moved = moving.await;
            drop(permit);
            moved
        });
        while let Some(done) = self.tasks.try_join_next() {
            self.moved.add(joined(done)?);
        }
        Ok(())
    }

    /// Waits for all of them.
    pub(super) async fn end(mut self) -> Result<Moved, Error> {
        while let Some(done) = self.tasks.join_next().await {
            self.moved.add(joined(done)?);
        }
        Ok(self.moved)
    }
}

/// Fixes the types that the shard groups of the destination hold already, for every one that a batch touches; gives the
/// fields and shard groups without a type.
pub(super) async fn untyped(
    bucket: &DestinationBucket,
    batch: TimeRange,
) -> Result<Vec<(FieldKey, TimeRange)>, Error> {
    let mut left = Vec::new();
    for (key, group) in bucket.types.unfixed(batch, bucket.shard_group_ns) {
        match own_type(&bucket.client, &bucket.name, &key, group).await? {
            Some(own) => bucket.types.fix(&key, group, own),
            None => left.push((key, group)),
        }
    }
    Ok(left)
}
