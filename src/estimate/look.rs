//! How each measurement would be read and what that costs, without a run: the choice that a run makes, made for a few
//! sampled batches, and small samples of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::estimate::forecast::milli_bytes_per_value;
use crate::estimate::sample::{self, Place, Read, Sample};
use crate::limits::{
    MEASUREMENTS_NAMED_MAX, PLAN_CATALOGUE_SERIES_MIN, PLAN_COMPARED_VALUES_MAX, PLAN_SAMPLE_BYTES,
    PLAN_SAMPLE_EXCESS_MAX, PLAN_VALUES_PER_SERIES_MIN, PLAN_WINDOWS_MAX, SLICE_VALUES_MAX,
    STATEMENTS_MAX,
};
use crate::model::density::Cell;
use crate::model::series::Name;
use crate::model::spread::Spread;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::plan::choice::{self, Choice, Choices};
use crate::pipeline::plan::cost::LearnedCost;
use crate::pipeline::plan::{count, one_count};
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::earliest::earliest;
use crate::pipeline::source::layer::{Layer, Window};
use crate::spool::size::EncodedSize;
use crate::wire::flux::Selection;

/// A batch as a run would find it.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Its range.
    pub range: TimeRange,
    /// Its windows that hold something.
    pub windows: Vec<Window>,
    /// What counting it cost.
    pub counted: Sample,
    /// Requests that counting it took.
    pub requests: u64,
}

/// The fullest batch of a cell, found by halving; none if nothing of the cell is in the plan.
pub(crate) async fn fullest(context: &SourceBucket, cell: Cell) -> Result<Option<Batch>, Error> {
    let plan = &context.job.plan;
    let last = cell.range.stop.saturating_add_ns(-1);
    let (Some(mut first), Some(last)) = (plan.at(cell.range.start), plan.at(last)) else {
        return Ok(None);
    };
    let mut end = last + 1;
    let range = |first: u64, end: u64| {
        let (first, last) = (plan.nth(first)?, plan.nth(end - 1)?);
        Some(TimeRange::new(first.start, last.stop.min(Timestamp::MAX)))
    };
    while end - first > 1 {
        let middle = first + (end - first) / 2;
        let mut halves = [0; 2];
        for (values, part) in halves.iter_mut().zip([range(first, middle), range(middle, end)]) {
            if let Some(part) = part.filter(|part| !part.is_empty()) {
                *values = one_count::one(context, Layer::Plain, part).await?.unwrap_or(u64::MAX);
            }
        }
        if halves[0] >= halves[1] { end = middle } else { first = middle }
    }
    numbered(context, first).await
}

/// The batch that holds this instant.
pub(crate) async fn batch_at(
    context: &SourceBucket,
    time: Timestamp,
) -> Result<Option<Batch>, Error> {
    match context.job.plan.at(time) {
        Some(number) => numbered(context, number).await,
        None => Ok(None),
    }
}

async fn numbered(context: &SourceBucket, number: u64) -> Result<Option<Batch>, Error> {
    let Some(range) = context.job.plan.nth(number) else { return Ok(None) };
    let (requests, bytes) = (context.client.requests(), context.client.quota().usage().total_bytes);
    let windows = count::windows(context, range).await?;
    let bytes = context.client.quota().usage().total_bytes.saturating_sub(bytes);
    let values = windows.iter().map(Window::values).sum();
    let counted = Sample { values, bytes };
    let requests = context.client.requests().saturating_sub(requests);
    Ok(Some(Batch { range, windows, counted, requests }))
}

/// Series whose catalogues may still be read for a look.
#[derive(Debug)]
pub(crate) struct SeriesLeft(u64);

impl SeriesLeft {
    /// All that a look is given.
    pub(crate) const fn new() -> Self {
        Self(PLAN_CATALOGUE_SERIES_MIN)
    }

    fn max(&self, values: u64) -> u64 {
        self.0.max(values / PLAN_VALUES_PER_SERIES_MIN)
    }

    fn take(&mut self, choice: &Choice) {
        let series = choice.known.as_ref().map_or(0, |known| known.catalogue.len() as u64);
        self.0 = self.0.saturating_sub(series);
    }
}

impl Default for SeriesLeft {
    fn default() -> Self {
        Self::new()
    }
}

/// What a look at one measurement has shown.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    /// How it is read; none where all its fields have several types.
    pub choice: Option<Arc<Choice>>,
    /// One for each batch in that transport, as much as all its values would be, with the weight of the batch.
    pub samples: Vec<(Sample, u64)>,
    /// Samples in the other transports, or why there is none.
    pub others: Vec<(Transport, Result<Sample, String>)>,
    /// The samples as they would be staged.
    pub encoded: EncodedSize,
    /// A sample in the form of the vendor's guide.
    pub unchanged: Option<Sample>,
    /// Why a sample is missing.
    pub missing: Option<String>,
}

impl Look {
    /// Thousandths of a byte for each value: as sampled, else as a run first guesses.
    pub(crate) fn milli_bytes_per_value(&self) -> Spread {
        let guessed = || {
            guess(
                self.choice
                    .as_ref()
                    .map_or(&LearnedCost::of(Transport::Flux), |choice| &choice.cost),
            )
        };
        milli_bytes_per_value(&self.samples).unwrap_or_else(guessed)
    }
}

/// Thousandths of a byte for each value, before one was read.
pub(crate) fn guess(cost: &LearnedCost) -> Spread {
    Spread::exact(cost.bytes(1_000_000) / 1_000)
}

/// The choice for a measurement that holds `values` values in all, and of at most so many in one window.
pub(crate) async fn chosen(
    context: &SourceBucket,
    batches: &[Batch],
    measurement: &Name,
    values: u64,
    left: &mut SeriesLeft,
) -> Result<Option<Arc<Choice>>, Error> {
    let all = places(batches, measurement).into_iter().flatten();
    let Some((layer, _, most)) = all.max_by_key(|place| place.2) else { return Ok(None) };
    let choice = match layer {
        Layer::InfluxqlOnly => Choices::influxql_only(&context.job, measurement),
        _ => Some(choice::choice_for_sample(context, measurement, most, left.max(values)).await?),
    };
    if let Some(choice) = &choice {
        left.take(choice);
    }
    Ok(choice)
}

/// Windows that hold something of a measurement, batch by batch, from the largest on.
fn places(batches: &[Batch], measurement: &Name) -> Vec<Vec<(Layer, TimeRange, u64)>> {
    let of_batch = |batch: &Batch| {
        let windows = batch
            .windows
            .iter()
            .filter(|window| matches!(window.layer, Layer::Plain | Layer::InfluxqlOnly));
        let mut places: Vec<_> = windows
            .filter_map(|window| {
                Some((window.layer, window.range, *window.counts.get(measurement)?))
            })
            .collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.2));
        places
    };
    batches.iter().map(of_batch).filter(|places| !places.is_empty()).collect()
}

/// Looks at one measurement: the choice, samples of it in every batch, and if `compare` one in every other transport.
pub(crate) async fn at(
    context: &SourceBucket,
    batches: &[Batch],
    (measurement, values): (&Name, u64),
    left: &mut SeriesLeft,
    compare: bool,
) -> Result<Look, Error> {
    let own;
    let mut batches = batches;
    if places(batches, measurement).is_empty() {
        own = own_batch(context, measurement).await?;
        batches = &own;
    }
    let mut look = Look {
        choice: chosen(context, batches, measurement, values, left).await?,
        samples: Vec::new(),
        others: Vec::new(),
        encoded: EncodedSize::default(),
        unchanged: None,
        missing: None,
    };
    let Some(choice) = look.choice.clone() else { return Ok(look) };
    let places = places(batches, measurement);
    // What is written once for each series weighs more where there is less of it; all else costs the same everywhere.
    let windows = if choice.transport == Transport::Influxql { PLAN_WINDOWS_MAX } else { 1 };
    let values_max = LearnedCost::of(choice.transport).values_in(PLAN_SAMPLE_BYTES);
    for windows in places.iter().map(|places| &places[..places.len().min(windows)]) {
        let mut of_batch = Sample::default();
        for (_, window, values) in windows {
            let place = sample::place(context, &choice, *window, *values, values_max).await?;
            match measured(context, &choice, place).await? {
                Ok(Read { sample, encoded }) => {
                    choice.cost.settle(sample.values, sample.bytes);
                    look.encoded = look.encoded.plus(encoded);
                    of_batch.bytes += choice.cost.bytes(*values);
                    of_batch.values += *values;
                }
                Err(why) => look.missing = Some(why),
            }
        }
        if of_batch.values > 0 {
            look.samples.push((of_batch, of_batch.values));
        }
    }
    if compare && let Some(largest) = places.get(places.len() / 2) {
        compared(context, &choice, largest[0], &mut look).await?;
    }
    Ok(look)
}

/// What the series of a place cost in all of its slice; or why they cannot be read.
async fn measured(
    context: &SourceBucket,
    choice: &Arc<Choice>,
    place: Result<Place, String>,
) -> Result<Result<Read, String>, Error> {
    let place = match place {
        Ok(place) => place,
        Err(why) => return Ok(Err(why)),
    };
    let read = match sample::read(context, choice, &place).await? {
        Ok(read) => read,
        Err(why) => return Ok(Err(why)),
    };
    let half = match place.half() {
        Some(half) => sample::read(context, choice, &half).await?.ok(),
        None => None,
    };
    let sample = read.sample.carried_over(half.map(|half| half.sample), place.slice_values);
    Ok(Ok(Read { sample, ..read }))
}

async fn own_batch(context: &SourceBucket, measurement: &Name) -> Result<Vec<Batch>, Error> {
    let range = context.job.plan.range();
    let range = TimeRange::new(range.start, range.stop.min(Timestamp::MAX));
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let selection = Selection {
        measurements: std::slice::from_ref(measurement),
        ..context.job.selection(range)
    };
    match earliest(&context.client, selection).await? {
        Some(time) => Ok(batch_at(context, time).await?.into_iter().collect()),
        None => Ok(Vec::new()),
    }
}

async fn compared(
    context: &SourceBucket,
    choice: &Arc<Choice>,
    (layer, window, values): (Layer, TimeRange, u64),
    look: &mut Look,
) -> Result<(), Error> {
    if layer == Layer::InfluxqlOnly {
        look.others.push((Transport::Flux, Err("Flux cannot read it".to_owned())));
        return Ok(());
    }
    let place = sample::place(context, choice, window, values, PLAN_COMPARED_VALUES_MAX).await?;
    let place = match place {
        Ok(place) => place,
        Err(why) => {
            look.missing.get_or_insert(why);
            return Ok(());
        }
    };
    for (transport, other) in choice::other_choices(context, choice).await? {
        let read = match other {
            Ok(other) => sample::read(context, &other, &place).await?.map(|read| read.sample),
            Err(why) => Err(why),
        };
        look.others.push((transport, read));
    }
    look.unchanged = Some(sample::read_unchanged(context, choice, &place).await?);
    Ok(())
}

/// What the fields of several types cost, from one of their windows that is small enough; none without one.
pub(crate) async fn mixed(
    context: &SourceBucket,
    batches: &[Batch],
) -> Result<Option<Sample>, Error> {
    let windows = batches.iter().flat_map(|batch| &batch.windows);
    let small = LearnedCost::of(Transport::Flux).values_in(PLAN_SAMPLE_BYTES);
    let small = small * PLAN_SAMPLE_EXCESS_MAX;
    let window = windows
        .filter(|window| window.layer == Layer::Mixed && window.values() <= small)
        .max_by_key(|window| window.values());
    match window {
        Some(window) => Ok(sample::read_mixed(context, window.range, window.values()).await?.ok()),
        None => Ok(None),
    }
}

/// Requests of a run for one batch: its counts, its slices, the checks of their series, the searches for carriage returns.
pub(crate) fn requests(context: &SourceBucket, batch: &Batch, looks: &BTreeMap<Name, Look>) -> u64 {
    let mut requests = batch.requests;
    for window in &batch.windows {
        let mut shared: BTreeMap<Transport, (u64, u64, u64)> = BTreeMap::new();
        for (measurement, &values) in &window.counts {
            let choice = looks.get(measurement).and_then(|look| look.choice.as_ref());
            if let Some(choice) = choice.filter(|choice| choice.known.is_some()) {
                requests += 2 * sample::slice_count(context, choice, window.range, values);
                continue;
            }
            let transport = choice.map_or(usual(context), |choice| choice.transport);
            let bytes = choice.map_or(0, |choice| choice.cost.bytes(values));
            let sums = shared.entry(transport).or_default();
            *sums = (sums.0 + 1, sums.1 + values, sums.2.saturating_add(bytes));
        }
        for (transport, (measurements, values, bytes)) in &shared {
            let named = if *transport == Transport::Influxql {
                STATEMENTS_MAX
            } else {
                MEASUREMENTS_NAMED_MAX
            };
            let by_bytes = bytes.div_ceil(context.job.slice_bytes_max.max(1));
            let by_values = values.div_ceil(SLICE_VALUES_MAX);
            requests += measurements.div_ceil(named as u64).max(by_bytes).max(by_values);
        }
        let by_flux = shared.contains_key(&Transport::Flux);
        requests += u64::from(context.job.holds_strings && by_flux);
    }
    requests
}

/// What small measurements are read by.
fn usual(context: &SourceBucket) -> Transport {
    match context.job.transport {
        Some(transport) => transport,
        None if context.job.routes.access.is_some() => Transport::Influxql,
        None => Transport::Flux,
    }
}
