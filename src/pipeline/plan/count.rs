//! How many values the source holds, by its own count. Empty stretches are found by halving: one count that answers zero
//! settles a whole stretch unread, however many batches or shard groups it reaches over.

use std::collections::{BTreeMap, BTreeSet};

use super::by_kind;
use super::emptiness::{is_empty_in, is_empty_of, one_sure};
use super::one_count::one;
use crate::model::canary::Canary;
use crate::model::filter::Filter;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::plan::request::FluxScope;
use crate::pipeline::small_answer;
use crate::pipeline::source::at_least::at_least;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::layer::{Layer, Window, values_in};
use crate::pipeline::source::shape::TypeHistory;
use crate::pipeline::source::{SourceBucket, schema};
use crate::wire::csv::columns::{NUMBERS, VALUES};
use crate::wire::csv::table::CsvTable;
use crate::wire::flux::{self, Selection};
use crate::wire::influxql::{query, show};

/// Counts a range: the windows that hold something, layer by layer.
pub(crate) async fn windows(source: &SourceBucket, range: TimeRange) -> Result<Vec<Window>, Error> {
    let mut found = Vec::new();
    // The largest time has no counts of its own and is read in another way.
    let before_end = TimeRange::new(range.start, range.stop.min(Timestamp::MAX));
    for layer in [Layer::Plain, Layer::Mixed] {
        found.extend(windows_of(source, layer, before_end).await?);
    }
    found.extend(influxql_only(source, range).await?);
    found.extend(largest_time(source, range).await?);
    Ok(found)
}

/// Counts one layer, halving down to windows that one query reads whole.
pub(crate) async fn windows_of(
    source: &SourceBucket,
    layer: Layer,
    range: TimeRange,
) -> Result<Vec<Window>, Error> {
    let mut found = Vec::new();
    let Some(shape) = source.job.shape_of(layer) else { return Ok(found) };
    if layer == Layer::Mixed
        && !range.is_empty()
        && let Some(found) = by_kind::windows(source, shape, range).await?
    {
        return Ok(found);
    }
    // The next stretch lies last, with what two other answers make believe of it. Values arrive between any two answers, so
    // that number only spares the question whether there is anything: that there is nothing is the source's to say, of
    // exactly that stretch.
    let mut stretches = vec![(range, None)];
    while let Some((stretch, believed)) = stretches.pop() {
        if stretch.is_empty() || believed == Some(0) {
            continue;
        }
        let Some((first, second)) = shape.halves(stretch) else {
            let counts = by_measurement(source, layer, stretch).await?;
            if !counts.is_empty() {
                found.push(Window { range: stretch, layer, counts });
            }
            continue;
        };
        match shape.types {
            TypeHistory::Single => {
                let all = match believed {
                    Some(values) => Some(values),
                    None => one_sure(source, layer, shape, stretch).await?,
                };
                let part = match all {
                    Some(0) => continue,
                    Some(_) => one_sure(source, layer, shape, first).await?,
                    None => None,
                };
                let rest = match source.client.canary() {
                    Canary::DerivedZero => {
                        all.zip(part).map(|(all, part)| all.saturating_sub(part))
                    }
                    _ => rest(all, part),
                };
                stretches.push((second, rest));
                if part != Some(0) {
                    stretches.push((first, part));
                }
            }
            TypeHistory::Unknown | TypeHistory::Several => {
                if !is_empty_of(source, layer, shape, stretch).await? {
                    stretches.extend([(second, None), (first, None)]);
                }
            }
        }
    }
    Ok(found)
}

/// What is left for the other half of a stretch: nothing is believed of it unless it holds something.
fn rest(all: Option<u64>, part: Option<u64>) -> Option<u64> {
    all?.checked_sub(part?).filter(|rest| *rest > 0)
}

/// Counts a window by measurement. A count that takes too long is taken in halves, which add up.
pub(crate) async fn by_measurement(
    source: &SourceBucket,
    layer: Layer,
    window: TimeRange,
) -> Result<BTreeMap<Name, u64>, Error> {
    let mut counts = BTreeMap::new();
    let mut parts = vec![window];
    while let Some(part) = parts.pop() {
        let what = format!("count of {part}");
        let counted = match layer {
            Layer::Mixed => one(source, layer, part)
                .await?
                .map(|values| BTreeMap::from_iter((values > 0).then(|| (Name::default(), values)))),
            Layer::Plain | Layer::InfluxqlOnly | Layer::LargestTime => {
                let query = flux::count_by_measurement(source.job.selection(part));
                let asked = small_answer::ask(&source.client, &query, NUMBERS, &what).await;
                small_answer::unless_too_slow(&what, asked)?.map(|tables| counts_in(&tables))
            }
        };
        match (counted, part.halves()) {
            (Some(counted), _) => {
                for (name, values) in counted {
                    *counts.entry(name).or_default() += values;
                }
            }
            (None, Some((first, second))) => parts.extend([second, first]),
            (None, None) => return Err(Error::TooSlow { range: part }),
        }
    }
    Ok(counts)
}

fn counts_in(tables: &[CsvTable]) -> BTreeMap<Name, u64> {
    let mut counts = BTreeMap::new();
    for table in tables {
        for row in 0..table.rows.len() {
            let values = table.long(row, "_value").and_then(|values| u64::try_from(values).ok());
            if let (Some(name), Some(values)) = (table.bytes(row, "_measurement"), values) {
                *counts.entry(Name::from(name)).or_default() += values;
            }
        }
    }
    counts
}

/// What only InfluxQL reads of a range.
async fn influxql_only(source: &SourceBucket, range: TimeRange) -> Result<Vec<Window>, Error> {
    let mut found = Vec::new();
    let Some(shape) = source.job.shape_of(Layer::InfluxqlOnly) else { return Ok(found) };
    if influxql_counts(source, range).await?.is_empty() {
        return Ok(found);
    }
    for part in shape.read_windows(range) {
        let counts = influxql_counts(source, part).await?;
        if !counts.is_empty() {
            found.push(Window { range: part, layer: Layer::InfluxqlOnly, counts });
        }
    }
    Ok(found)
}

/// What lies at the largest time, if the range reaches it. One row is one value.
pub(crate) async fn largest_time(
    source: &SourceBucket,
    range: TimeRange,
) -> Result<Vec<Window>, Error> {
    if !range.contains(Timestamp::MAX) {
        return Ok(Vec::new());
    }
    let range = TimeRange::new(Timestamp::MAX, Timestamp::STOP_MAX);
    let what = format!("values at {}", Timestamp::MAX);
    let query = flux::first(source.job.selection_of(Layer::LargestTime, range));
    let tables = small_answer::tables(&source.client, &query, VALUES, &what).await?;
    let mut counts = BTreeMap::new();
    for table in tables.iter().filter(|table| !table.rows.is_empty()) {
        if let Some(name) = table.bytes(0, "_measurement") {
            *counts.entry(Name::from(name)).or_default() += table.rows.len() as u64;
        }
    }
    let window = Window { range, layer: Layer::LargestTime, counts };
    Ok(if window.counts.is_empty() { Vec::new() } else { vec![window] })
}

/// What only InfluxQL reads of a range, by measurement.
pub(crate) async fn influxql_counts(
    source: &SourceBucket,
    range: TimeRange,
) -> Result<BTreeMap<Name, u64>, Error> {
    let mut counts = BTreeMap::new();
    for name in &source.job.routes.influxql_only {
        let values = influxql_count(source, name, range).await?;
        if values > 0 {
            counts.insert(Name::from(name.as_bytes()), values);
        }
    }
    Ok(counts)
}

/// Values of one measurement, by InfluxQL; of the fields that it reads.
async fn influxql_count(
    source: &SourceBucket,
    measurement: &str,
    range: TimeRange,
) -> Result<u64, Error> {
    let routes = &source.job.routes;
    let known = (&routes.access, routes.influxql.get(measurement.as_bytes()));
    let (Some(access), Some(fields)) = known else { return Ok(0) };
    let filter = Filter { fields: fields.listed.clone(), ..source.job.filter.clone() };
    let statement = query::count(measurement, range, &filter);
    let what = format!("count of measurement {measurement:?} in {range}");
    let (client, database) = (&source.client, &access.database);
    let counted = schema::ask(client, database, &statement, show::parse_counts).await?;
    counted.map_err(|text| Error::Refused { what, text })
}

/// Values of a range in all layers, as far as they are read.
pub(crate) async fn total(source: &SourceBucket, range: TimeRange) -> Result<u64, Error> {
    let before_end = TimeRange::new(range.start, range.stop.min(Timestamp::MAX));
    let mut values = 0;
    if !before_end.is_empty() {
        values = total_of_layer(source, Layer::Plain, before_end).await?;
    }
    let mut rest = windows_of(source, Layer::Mixed, before_end).await?;
    rest.extend(largest_time(source, range).await?);
    let by_influxql = influxql_counts(source, range).await?;
    Ok(values + values_in(&rest) + by_influxql.values().sum::<u64>())
}

/// Whether fields of several types still hold as many values as these windows say. A reading ends in silence where a type
/// changes meanwhile: then one value that came hides one that is missing. True where InfluxQL does not tell.
pub(crate) async fn is_mixed_as_counted(
    source: &SourceBucket,
    range: TimeRange,
    windows: &[Window],
) -> Result<bool, Error> {
    if source.job.shape_of(Layer::Mixed).is_none() {
        return Ok(true);
    }
    let mixed = windows.iter().filter(|window| window.layer == Layer::Mixed);
    let counted: u64 = mixed.map(Window::values).sum();
    let before_end = TimeRange::new(range.start, range.stop.min(Timestamp::MAX));
    Ok(by_kind::counted(source, before_end).await?.is_none_or(|now| now == counted))
}

/// True if another bucket holds as many values of each measurement in a range, of what is moved of the first one. Fields of
/// several types are not told by measurement.
pub(crate) async fn are_alike(
    one: &SourceBucket,
    other: &SourceBucket,
    range: TimeRange,
) -> Result<bool, Error> {
    let job = BucketJob { filter: one.job.filter.clone(), ..other.job.clone() };
    let other = SourceBucket::unheard(job, other.client.clone());
    let ones = by_name(windows(one, range).await?);
    let others = by_name(windows(&other, range).await?);
    Ok(unlike(&ones, &others).is_none())
}

/// How many values of each measurement these windows hold; those of fields of several types are not told by measurement, and
/// stand under the empty name.
pub(crate) fn by_name(windows: Vec<Window>) -> BTreeMap<Name, u64> {
    let mut counts = BTreeMap::new();
    for (name, values) in windows.into_iter().flat_map(|window| window.counts) {
        *counts.entry(name).or_insert(0) += values;
    }
    counts
}

/// The measurements in which such counts differ, if they do: none where they are not told by measurement.
pub(crate) fn unlike(
    ones: &BTreeMap<Name, u64>,
    others: &BTreeMap<Name, u64>,
) -> Option<BTreeSet<Name>> {
    let undivided = Name::default();
    let sum = |counts: &BTreeMap<Name, u64>| counts.values().sum::<u64>();
    if ones.contains_key(&undivided) || others.contains_key(&undivided) {
        return (sum(ones) != sum(others)).then(BTreeSet::new);
    }
    let names = ones.keys().chain(others.keys());
    let differing: BTreeSet<_> =
        names.filter(|name| ones.get(*name) != others.get(*name)).cloned().collect();
    (!differing.is_empty()).then_some(differing)
}

/// Values of one layer: one count where one is exact, else one for each window that holds something.
pub(crate) async fn total_of_layer(
    source: &SourceBucket,
    layer: Layer,
    range: TimeRange,
) -> Result<u64, Error> {
    if layer == Layer::InfluxqlOnly {
        return Ok(influxql_counts(source, range).await?.values().sum());
    }
    let Some(shape) = source.job.shape_of(layer) else { return Ok(0) };
    let mut values = 0;
    let mut stretches = vec![range];
    while let Some(stretch) = stretches.pop() {
        if shape.types != TypeHistory::Single
            && let Some((first, second)) = shape.halves(stretch)
        {
            if !is_empty_of(source, layer, shape, stretch).await? {
                stretches.extend([second, first]);
            }
            continue;
        }
        match (one(source, layer, stretch).await?, stretch.halves()) {
            (Some(counted), _) => values += counted,
            (None, Some((first, second))) => stretches.extend([second, first]),
            (None, None) => return Err(Error::TooSlow { range: stretch }),
        }
    }
    Ok(values)
}

/// String values of a range that hold a carriage return.
pub(crate) async fn carriage_returns(
    source: &SourceBucket,
    scope: &FluxScope,
    range: TimeRange,
) -> Result<u64, Error> {
    let what = format!("search for carriage returns in {range}");
    let mut values = 0;
    let mut parts = vec![range];
    while let Some(part) = parts.pop() {
        let count = match scope {
            FluxScope::LargestTime(_) => {
                flux::carriage_returns::count_carriage_returns_at_largest_time
            }
            FluxScope::All | FluxScope::Measurements(_) | FluxScope::Part(_) | FluxScope::Mixed => {
                flux::carriage_returns::count_carriage_returns
            }
        };
        let query = scope.select(&source.job, part, count);
        let counted = small_answer::number_unless_too_slow(&source.client, &query, &what).await?;
        match (counted, part.halves()) {
            (Some(counted), _) => values += counted,
            (None, Some((first, second))) => parts.extend([second, first]),
            (None, None) => return Err(Error::TooSlow { range: part }),
        }
    }
    Ok(values)
}

/// Values of the range that neither language reads, or their series where the server cannot count them.
pub(crate) async fn lost(source: &SourceBucket, range: TimeRange) -> Result<u64, Error> {
    let job = &source.job;
    if job.routes.lost.is_empty() {
        return Ok(0);
    }
    let what = format!("count of what is left out of {range}");
    let mut values = 0;
    let mut stretches = vec![range];
    while let Some(stretch) = stretches.pop() {
        let selection = Selection { without: &job.routes.only_lost, ..job.selection(stretch) };
        let halves = job.shape.halves(stretch).filter(|_| job.shape.types != TypeHistory::Single);
        if let Some((first, second)) = halves {
            let only = &job.routes.only_lost;
            if !is_empty_in(source, job.shape, selection, only).await? {
                stretches.extend([second, first]);
            }
            continue;
        }
        match (at_least(&source.client, selection, &what).await?, stretch.halves()) {
            (Some(lost), _) => values += lost,
            (None, Some((first, second))) => stretches.extend([second, first]),
            (None, None) => return Err(Error::TooSlow { range: stretch }),
        }
    }
    Ok(values + lost_at_largest_time(source, range).await?)
}

/// The same at the largest time, which no count reaches. Where the server stumbles, it has found something.
async fn lost_at_largest_time(source: &SourceBucket, range: TimeRange) -> Result<u64, Error> {
    if !range.contains(Timestamp::MAX) {
        return Ok(0);
    }
    let (job, what) = (&source.job, "what is left out at the largest time");
    let range = TimeRange::new(Timestamp::MAX, Timestamp::STOP_MAX);
    let selection = Selection { without: &job.routes.only_lost, ..job.selection(range) };
    match small_answer::tables(&source.client, &flux::first(selection), VALUES, what).await {
        Ok(tables) => Ok(tables.iter().map(|table| table.rows.len() as u64).sum()),
        Err(error) if error.is_panic_of_server() => Ok(1),
        Err(error) => Err(error),
    }
}

/// True if the range certainly holds nothing, in no layer; false if it may hold something.
pub(crate) async fn is_empty(source: &SourceBucket, range: TimeRange) -> Result<bool, Error> {
    for layer in [Layer::Plain, Layer::Mixed] {
        if let Some(shape) = source.job.shape_of(layer)
            && !is_empty_of(source, layer, shape, range).await?
        {
            return Ok(false);
        }
    }
    if by_kind::counted(source, range).await?.is_some_and(|values| values > 0) {
        return Ok(false);
    }
    let only = influxql_counts(source, range).await?;
    let at_end = largest_time(source, range).await?;
    Ok(only.is_empty() && at_end.is_empty() && lost(source, range).await? == 0)
}
