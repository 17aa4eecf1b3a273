//! How the values of a whole range lie over measurements and over time, by the source's own counts and without reading
//! any of them. Each layer is counted as a run counts it, so that the sums are those that a run will find.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{DENSITY_CELLS, TALLY_MIXED_MEASUREMENTS_MAX, TALLY_MIXED_WINDOWS_MAX};
use crate::model::density::Cell;
use crate::model::number;
use crate::model::series::{Name, Readable};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::plan::{count, emptiness};
use crate::pipeline::small_answer;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::layer::{Layer, Window};
use crate::pipeline::source::shape::TypeHistory;
use crate::wire::csv::columns;
use crate::wire::flux::{self, Selection};

/// What a range holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Times of the first and the last value; none in an empty range. What only InfluxQL reads lies between the bounds of
    /// the cells that hold it.
    pub data: Option<(Timestamp, Timestamp)>,
    /// Values by measurement, but for fields of several types.
    pub values: BTreeMap<Name, u64>,
    /// Values of fields of several types, by measurement.
    pub mixed: BTreeMap<Name, u64>,
    /// Equal parts of the time between both ends of the data, in sequence.
    pub cells: Vec<Cell>,
    /// Values that neither language reads; they are not among the others.
    pub lost: u64,
    /// What was too dear to count, in words.
    pub uncounted: Vec<String>,
}

impl Tally {
    /// Values of all measurements.
    pub fn total(&self) -> u64 {
        self.values.values().chain(self.mixed.values()).sum()
    }

    /// All measurements with all their values, from the largest to the smallest.
    pub fn by_size(&self) -> Vec<(Name, u64)> {
        let mut sums = self.values.clone();
        add(&mut sums, self.mixed.clone());
        let mut sums: Vec<_> = sums.into_iter().filter(|(_, values)| *values > 0).collect();
        sums.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        sums
    }
}

/// Counts a range.
pub async fn of(context: &SourceBucket, range: TimeRange) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    if range.is_empty() {
        return Ok(tally);
    }
    let Some(data) = extent(context, range).await? else {
        tally.lost = count::lost(context, range).await?;
        return Ok(tally);
    };
    let bounds = bounds(data);
    let mut cells = vec![0; DENSITY_CELLS];
    let mut plain = vec![0; DENSITY_CELLS];
    add_cells(context, Layer::Plain, &bounds, &mut plain).await?;
    tally.values = by_measurement(context, data, plain.iter().sum()).await?;
    add_cells(context, Layer::InfluxqlOnly, &bounds, &mut cells).await?;
    add(&mut tally.values, count::influxql_counts(context, data).await?);
    mixed(context, data, &bounds, &mut cells, &mut tally).await?;
    let last = count::largest_time(context, data).await?;
    if let Some(cell) = cells.last_mut() {
        *cell += last.iter().map(Window::values).sum::<u64>();
    }
    for window in last {
        add(&mut tally.values, window.counts);
    }
    let values = cells.iter().zip(&plain).map(|(more, plain)| more + plain);
    let cell = |(pair, values): (&[Timestamp], u64)| Cell {
        range: TimeRange { start: pair[0], stop: pair[1] },
        values,
    };
    tally.cells = bounds.windows(2).zip(values).map(cell).collect();
    tally.lost = count::lost(context, range).await?;
    tally.data = Some((data.start, data.stop.saturating_add_ns(-1)));
    Ok(tally)
}

fn add(sums: &mut BTreeMap<Name, u64>, more: BTreeMap<Name, u64>) {
    for (name, values) in more {
        *sums.entry(name).or_default() += values;
    }
}

/// From the first value to just behind the last one. What only InfluxQL reads has its ends found by halving, to the cell.
async fn extent(context: &SourceBucket, range: TimeRange) -> Result<Option<TimeRange>, Error> {
    let mut ends: Vec<Timestamp> = Vec::new();
    let before_end = TimeRange::new(range.start, range.stop.min(Timestamp::MAX));
    for layer in [Layer::Plain, Layer::Mixed] {
        if context.job.shape_of(layer).is_none() || before_end.is_empty() {
            continue;
        }
        ends.extend(ends_of(context, layer, before_end).await?);
    }
    if !count::largest_time(context, range).await?.is_empty() {
        ends.push(Timestamp::MAX);
    }
    if let Some(only) = extent_of_influxql_only(context, range).await? {
        ends.extend([only.start, only.stop.saturating_add_ns(-1)]);
    }
    let (first, last) = (ends.iter().min(), ends.iter().max());
    Ok(first.zip(last).map(|(first, last)| {
        let stop = last.saturating_add_ns(1).min(range.stop);
        TimeRange { start: *first, stop }
    }))
}

async fn extent_of_influxql_only(
    context: &SourceBucket,
    range: TimeRange,
) -> Result<Option<TimeRange>, Error> {
    let holds = async |part| -> Result<bool, Error> {
        Ok(!count::influxql_counts(context, part).await?.is_empty())
    };
    if context.job.routes.influxql_only.is_empty() || !holds(range).await? {
        return Ok(None);
    }
    let (mut first, mut last) = (range, range);
    let bearable = i128::from(context.job.shape.shard_group_ns) / DENSITY_CELLS as i128;
    while first.duration_ns() > bearable
        && let Some((early, late)) = first.halves()
    {
        first = if holds(early).await? { early } else { late };
    }
    while last.duration_ns() > bearable
        && let Some((early, late)) = last.halves()
    {
        last = if holds(late).await? { late } else { early };
    }
    Ok(Some(TimeRange { start: first.start, stop: last.stop }))
}

/// Bounds of the cells; where the range has fewer nanoseconds than there are cells, some hold no time.
fn bounds(range: TimeRange) -> Vec<Timestamp> {
    let cells = DENSITY_CELLS as i128;
    let at = |cell: usize| {
        let ns = i128::from(range.start.ns()) + range.duration_ns() * cell as i128 / cells;
        i64::try_from(ns).map_or(range.stop, Timestamp::from_ns)
    };
    (0..=DENSITY_CELLS).map(at).collect()
}

/// Adds what each cell holds of one layer. Where counts of parts add up, halves are counted and their siblings follow; else
/// empty stretches are found by halving, and the other cells counted window by window.
async fn add_cells(
    context: &SourceBucket,
    layer: Layer,
    bounds: &[Timestamp],
    cells: &mut [u64],
) -> Result<(), Error> {
    let Some(shape) = context.job.shape_of(layer) else { return Ok(()) };
    if layer == Layer::InfluxqlOnly && context.job.routes.influxql_only.is_empty() {
        return Ok(());
    }
    let adds_up = layer == Layer::InfluxqlOnly || shape.types == TypeHistory::Single;
    let mut stretches = vec![(0, cells.len(), None)];
    while let Some((first, end, known)) = stretches.pop() {
        let range = TimeRange { start: bounds[first], stop: bounds[end].min(Timestamp::MAX) };
        if range.start >= range.stop || known == Some(0) {
            continue;
        }
        let middle = first + (end - first) / 2;
        if end - first == 1 {
            cells[first] += match known {
                Some(values) => values,
                None => count::total_of_layer(context, layer, range).await?,
            };
        } else if adds_up {
            let all = match known {
                Some(values) => values,
                None => count::total_of_layer(context, layer, range).await?,
            };
            let part = TimeRange { stop: bounds[middle].min(range.stop), ..range };
            let part = if all == 0 || part.start >= part.stop {
                0
            } else {
                count::total_of_layer(context, layer, part).await?
            };
            let rest = all.saturating_sub(part);
            stretches.extend([(middle, end, Some(rest)), (first, middle, Some(part))]);
        } else if !emptiness::is_empty_of(context, layer, shape, range).await? {
            stretches.extend([(middle, end, None), (first, middle, None)]);
        }
    }
    Ok(())
}

/// Values of a range in all layers.
pub(crate) async fn values(context: &SourceBucket, range: TimeRange) -> Result<u64, Error> {
    let mut values = 0;
    for layer in [Layer::Plain, Layer::Mixed, Layer::InfluxqlOnly] {
        let range = TimeRange::new(range.start, range.stop.min(Timestamp::MAX));
        if !range.is_empty() {
            values += count::total_of_layer(context, layer, range).await?;
        }
    }
    Ok(values)
}

/// Values of the plain layer by measurement. One query over all of time may stop short where a type changes, and can only
/// stop short: if it finds as much as the windows hold together, every one of its counts is right.
async fn by_measurement(
    context: &SourceBucket,
    data: TimeRange,
    expected: u64,
) -> Result<BTreeMap<Name, u64>, Error> {
    let range = TimeRange::new(data.start, data.stop.min(Timestamp::MAX));
    if expected == 0 || range.is_empty() {
        return Ok(BTreeMap::new());
    }
    let whole = count::by_measurement(context, Layer::Plain, range).await?;
    if whole.values().sum::<u64>() == expected || context.job.shape.types == TypeHistory::Single {
        return Ok(whole);
    }
    let mut exact = BTreeMap::new();
    for window in count::windows_of(context, Layer::Plain, range).await? {
        add(&mut exact, window.counts);
    }
    Ok(exact)
}

/// Fields of several types: counted hour by hour, one measurement after the other.
async fn mixed(
    context: &SourceBucket,
    data: TimeRange,
    bounds: &[Timestamp],
    cells: &mut [u64],
    tally: &mut Tally,
) -> Result<(), Error> {
    let Some(shape) = context.job.shape_of(Layer::Mixed) else { return Ok(()) };
    let names: BTreeSet<&Name> = context.job.routes.mixed.iter().map(|(name, _)| name).collect();
    let few = names.len() <= TALLY_MIXED_MEASUREMENTS_MAX;
    for name in names {
        let mut job = context.job.clone();
        job.routes.mixed.retain(|(measurement, _)| measurement == name);
        let of_one = context.for_job(job);
        let windows = match range_of(&of_one, data).await? {
            Some(range) => shape.window_count(range),
            None => continue,
        };
        if !few || windows > TALLY_MIXED_WINDOWS_MAX {
            let fields = of_one.job.routes.mixed.len();
            let text = format!(
                "{} of {} that have several types, over {}",
                number::all_counted(fields as u64, "field", "fields"),
                Readable(name),
                number::all_counted(windows, "window", "windows")
            );
            tally.uncounted.push(text);
            continue;
        }
        let mut own = vec![0; cells.len()];
        add_cells(&of_one, Layer::Mixed, bounds, &mut own).await?;
        let values = own.iter().sum();
        cells.iter_mut().zip(own).for_each(|(cell, more)| *cell += more);
        tally.mixed.insert(name.clone(), values);
    }
    Ok(())
}

/// Where the fields of several types lie.
async fn range_of(context: &SourceBucket, data: TimeRange) -> Result<Option<TimeRange>, Error> {
    let range = TimeRange::new(data.start, data.stop.min(Timestamp::MAX));
    if range.is_empty() {
        return Ok(None);
    }
    let ends = ends_of(context, Layer::Mixed, range).await?;
    let (first, last) = (ends.iter().min(), ends.iter().max());
    Ok(first
        .zip(last)
        .map(|(first, last)| TimeRange { start: *first, stop: last.saturating_add_ns(1) }))
}

/// Times of the first and of the last value of a layer, as far as it has any.
async fn ends_of(
    context: &SourceBucket,
    layer: Layer,
    range: TimeRange,
) -> Result<Vec<Timestamp>, Error> {
    let filter = context.job.filter_of(layer);
    let selection = Selection { filter: &filter, ..context.job.selection_of(layer, range) };
    let mut ends = Vec::new();
    for (query, what) in
        [(flux::earliest(selection), "oldest value"), (flux::latest(selection), "newest value")]
    {
        let tables = small_answer::tables(&context.client, &query, columns::TIME, what).await?;
        ends.extend(tables.iter().find_map(|table| table.time(0, "_time")));
    }
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cover_the_range() {
        for (start, stop) in [
            ("2020-01-01", "2020-03-01"),
            ("1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775807Z"),
            ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000000003Z"),
        ] {
            let range = TimeRange::new(start.parse().unwrap(), stop.parse().unwrap());
            let bounds = bounds(range);
            assert_eq!(bounds.len(), DENSITY_CELLS + 1);
            assert_eq!((bounds[0], bounds[DENSITY_CELLS]), (range.start, range.stop));
            assert!(bounds.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
