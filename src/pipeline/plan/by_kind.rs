//! Fields of several types, counted. Flux stops in silence where a field changes its type, in its counts too, and nobody tells
//! where shard groups of former lengths begin. InfluxQL counts numbers, texts and truth values each by themselves, whatever
//! the shards: a stretch of which both count as much is one that Flux reads whole.

use std::collections::BTreeMap;

use super::emptiness::is_empty_of;
use super::one_count::one;
use crate::limits::{BY_KIND_FIELDS_MAX, BY_KIND_STRETCHES_MAX, BY_KIND_TRIES_MAX};
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::source::layer::{Layer, Window};
use crate::pipeline::source::shape::SourceShape;
use crate::pipeline::source::{SourceBucket, readable, schema};
use crate::wire::influxql::{query, show};

/// The windows of a range that Flux reads whole; `None` where InfluxQL does not tell, or otherwise than Flux.
pub(super) async fn windows(
    source: &SourceBucket,
    shape: SourceShape,
    range: TimeRange,
) -> Result<Option<Vec<Window>>, Error> {
    let Some(all) = counted(source, range).await? else { return Ok(None) };
    let (mut found, mut asked) = (Vec::new(), 0);
    // The next stretch lies last, with what InfluxQL counts of it.
    let mut stretches = vec![(range, all)];
    while let Some((stretch, by_kind)) = stretches.pop() {
        asked += 1;
        let Some(agreed) = agreed(source, stretch, by_kind).await? else { return Ok(None) };
        if asked > BY_KIND_STRETCHES_MAX {
            return Ok(None);
        }
        match agreed {
            Agreed::On(0) if is_empty_of(source, Layer::Mixed, shape, stretch).await? => continue,
            Agreed::On(values) if values > 0 => {
                found.push(window(stretch, values));
                continue;
            }
            Agreed::On(_) | Agreed::Less(_) => {}
        }
        let Some((first, second)) = shape.halves(stretch).or_else(|| stretch.halves()) else {
            // An instant has one type of each field: Flux returns what it counts.
            if let Agreed::Less(values @ 1..) = agreed {
                found.push(window(stretch, values));
            }
            continue;
        };
        for half in [second, first] {
            let Some(by_kind) = counted(source, half).await? else { return Ok(None) };
            stretches.push((half, by_kind));
        }
    }
    Ok(Some(found))
}

fn window(range: TimeRange, values: u64) -> Window {
    Window { range, layer: Layer::Mixed, counts: BTreeMap::from([(Name::default(), values)]) }
}

/// What Flux counts.
enum Agreed {
    /// As much as InfluxQL.
    On(u64),
    /// Less, or it runs out of time over it.
    Less(u64),
}

/// Flux' count of a stretch, held against that of InfluxQL; `None` if Flux keeps counting more. Values that arrive between the
/// two counts are counted again.
async fn agreed(
    source: &SourceBucket,
    stretch: TimeRange,
    mut by_kind: u64,
) -> Result<Option<Agreed>, Error> {
    for _ in 0..BY_KIND_TRIES_MAX {
        match one(source, Layer::Mixed, stretch).await? {
            None => return Ok(Some(Agreed::Less(0))),
            Some(values) if values == by_kind => return Ok(Some(Agreed::On(values))),
            Some(values) if values < by_kind => return Ok(Some(Agreed::Less(values))),
            Some(_) => match counted(source, stretch).await? {
                Some(again) => by_kind = again,
                None => return Ok(None),
            },
        }
    }
    Ok(None)
}

/// Values of all fields of several types in a range, by InfluxQL; `None` where it does not tell.
pub(super) async fn counted(source: &SourceBucket, range: TimeRange) -> Result<Option<u64>, Error> {
    let job = &source.job;
    let Some(database) = &job.routes.database else { return Ok(None) };
    if source.flux_only.is_any() {
        // What it returned was not this bucket's, so neither need its counts be.
        return Ok(None);
    }
    let Some(fields) = countable(source) else { return Ok(None) };
    let mut values = 0;
    for (measurement, fields) in fields {
        for fields in fields.chunks(BY_KIND_FIELDS_MAX) {
            let statement = query::count_by_kind(measurement, fields, range, &job.filter);
            let asked = schema::ask(&source.client, database, &statement, show::parse_counts).await;
            match asked? {
                Ok(counted) => values += counted,
                Err(_) => return Ok(None),
            }
        }
    }
    Ok(Some(values))
}

/// The fields of several types by measurement, if InfluxQL can name all of them and Flux reads all of their series.
fn countable(source: &SourceBucket) -> Option<BTreeMap<&str, Vec<&str>>> {
    let (routes, filter) = (&source.job.routes, &source.job.filter);
    if filter.predicate.is_some() || routes.lost.iter().any(|lost| lost.measurement.is_none()) {
        return None;
    }
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (measurement, field) in &routes.mixed {
        if routes.unreturned.iter().any(|found| found.measurement == *measurement) {
            return None;
        }
        let (measurement, field) = (query::nameable(measurement)?, query::nameable(field)?);
        if !readable::can_be_asked_for(measurement, field, filter) {
            return None;
        }
        fields.entry(measurement).or_default().push(field);
    }
    (!fields.is_empty()).then_some(fields)
}
