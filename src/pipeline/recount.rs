//! What counts both ends once more, a bucket of the destination with the same knowledge of it as of a source.
//!
//! Where a field has several types no count reaches over shard groups. What tags called as columns of Flux keep it from
//! counting InfluxQL counts; where the destination does not answer that, it is left out at both ends.

use crate::checkpoint::record::CommittedBatch;
use crate::influx::client::Client;
use crate::influx::influxql::Database;
use crate::model::filter::Filter;
use crate::model::schema::{FieldKey, FieldTypes};
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::plan::count;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::route::Routes;
use crate::pipeline::source::schema::{self, InfluxqlSchema};
use crate::pipeline::source::shape::{SourceShape, TypeHistory};
use crate::pipeline::source::{SourceBucket, listed, survey, unreadable};
use crate::pipeline::write::bucket::DestinationBucket;
use crate::wire::flux::askable::COLUMNS_OF_FLUX;

/// Counts a bucket of the destination.
pub(super) struct Recount {
    /// As a source is counted.
    pub(super) counter: SourceBucket,
    /// The types of its fields, if it tells them.
    pub(super) types: Option<FieldTypes>,
    /// Measurements that nothing counts there.
    uncounted: Vec<String>,
}

impl Recount {
    /// Looks at the bucket.
    pub(super) async fn of(bucket: &DestinationBucket, range: TimeRange) -> Result<Self, Error> {
        let client = &bucket.client;
        let known = known(bucket).await?;
        let types = known.as_ref().map(|(_, schema)| history(&schema.types, &[]));
        let types = types.unwrap_or(TypeHistory::Unknown);
        let names = match known.as_ref().and_then(|(_, schema)| schema.tag_keys.as_ref()) {
            Some(keys) => {
                let of_flux = |key: &String| COLUMNS_OF_FLUX.contains(&key.as_str());
                let with = keys.iter().filter(|(_, keys)| keys.iter().any(of_flux));
                with.map(|(name, _)| name.clone()).collect()
            }
            None => uncountable(client, &bucket.name).await?,
        };
        let routes = Routes::to_count(&names, known.as_ref().map(|(database, _)| database));
        let shape = SourceShape { shard_group_ns: bucket.shard_group_ns, types };
        let job = BucketJob::to_count(&bucket.name, shape, routes, range);
        Ok(Self {
            counter: SourceBucket::unheard(job, client.clone()),
            uncounted: if known.is_some() { Vec::new() } else { names },
            types: known.map(|(_, schema)| schema.types),
        })
    }

    /// The pieces without what nothing counts here, of which the source tells how much they hold; or why nobody can tell.
    pub(super) async fn comparable(
        &self,
        source: Option<&SourceBucket>,
        pieces: &[CommittedBatch],
    ) -> Result<Result<Vec<CommittedBatch>, String>, Error> {
        let mut pieces = pieces.to_vec();
        if self.uncounted.is_empty() {
            return Ok(Ok(pieces));
        }
        let Some(source) = source else {
            return Ok(Err(format!(
                "what the destination holds was not counted: series of {} have tags called as columns of Flux, which fails \
                 over them, and InfluxQL does not answer for the bucket",
                self.uncounted.join(", ")
            )));
        };
        for piece in pieces.iter_mut().filter(|piece| piece.acknowledged > 0) {
            let counts = count::influxql_counts(source, piece.range).await?;
            let is_uncounted = |name: &[u8]| self.uncounted.iter().any(|u| u.as_bytes() == name);
            let of_them = counts.iter().filter(|(name, _)| is_uncounted(name));
            let values: u64 = of_them.map(|(_, values)| values).sum();
            // Of what was refused nobody knows whether it was among them.
            piece.doubtful += values.min(piece.read.saturating_sub(piece.acknowledged));
            piece.acknowledged = piece.acknowledged.saturating_sub(values);
        }
        Ok(Ok(pieces))
    }
}

/// The types of the source's fields as they are now, if it tells them.
pub(super) async fn types_of_now(source: &SourceBucket) -> Result<Option<FieldTypes>, Error> {
    let Some(database) = &source.job.routes.database else { return Ok(None) };
    Ok(schema::field_types(&source.client, database).await?.ok())
}

/// The source as it is counted. A count over shard groups ends in silence where a field changes its type, and one that had
/// a single type when the run began may have got another since.
pub(super) fn with_types(source: &SourceBucket, now: Option<&FieldTypes>) -> SourceBucket {
    let mut job = source.job.clone();
    if job.shape.types == TypeHistory::Single {
        // Where InfluxQL may not be used, what it tells decides nothing.
        let now = now.filter(|_| job.routes.access.is_some());
        let types = now.map(|now| history(now, &job.routes.mixed));
        job.shape.types = types.unwrap_or(TypeHistory::Unknown);
    }
    SourceBucket::unheard(job, source.client.clone())
}

/// Single, if each field but these has one type.
fn history(known: &FieldTypes, apart: &[FieldKey]) -> TypeHistory {
    let changes = known.iter().any(|(measurement, fields)| {
        let is_apart =
            |field: &str| apart.contains(&(measurement.as_bytes().into(), field.as_bytes().into()));
        fields.iter().any(|(field, types)| types.len() > 1 && !is_apart(field))
    });
    if changes { TypeHistory::Unknown } else { TypeHistory::Single }
}

/// What InfluxQL knows of the bucket, if it answers for it.
async fn known(bucket: &DestinationBucket) -> Result<Option<(Database, InfluxqlSchema)>, Error> {
    let own = bucket.client.bucket_by_name(&bucket.name).await;
    match own.map_err(|error| Error::influx("destination bucket", error))? {
        Some(own) => Ok(survey::named(&bucket.client, &own).await?.ok()),
        None => Ok(None),
    }
}

/// Measurements with series that Flux cannot count, by what small queries show.
async fn uncountable(client: &Client, bucket: &str) -> Result<Vec<String>, Error> {
    let keys = listed::tag_keys(client, bucket, TimeRange::ALL).await?;
    let found = unreadable::by_index(client, bucket, &Filter::default(), &keys, &[]).await?;
    let name = |name: &[u8]| String::from_utf8(name.to_vec()).ok();
    Ok(found.iter().filter_map(|found| name(found.measurement.as_deref()?)).collect())
}
