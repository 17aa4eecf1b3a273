//! What is not read in plain Flux is held against plain Flux by content, before any of it is written.
//!
//! Counts cannot tell another bucket's values from this one's, nor wrong tags from right ones. So of each measurement that a
//! run reads by InfluxQL or restores from a catalogue, samples are drawn from the very frames that are held: some value of
//! the answer, drawn at random after the answer has come, with what else stands at its time. Flux reads the same; both must be
//! the same values. The first values of a measurement are sampled, and again each time that twice as many were read since,
//! besides as often as [`WITNESS_BYTES_PER_MILLE`] allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::AsArray as _;
use arrow::datatypes::TimestampNanosecondType;

use crate::influx::backoff::Jitter;
use crate::limits::{
    MEASUREMENTS_NAMED_MAX, WITNESS_AGAIN_VALUES_MAX, WITNESS_BYTES_PER_MILLE, WITNESS_VALUES_MAX,
};
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable, Series};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::plan::request::SliceRequest;
use crate::wire::flux::askable;
use crate::wire::frames::values::{self, WantedValues};

/// What this run has held against Flux so far.
#[derive(Debug)]
pub(crate) struct Witness(Mutex<State>);

#[derive(Debug)]
struct State {
    jitter: Jitter,
    heard: BTreeMap<Name, Heard>,
    /// Bytes that were vouched for, and those of the samples.
    bytes: u64,
    sample_bytes: u64,
}

/// One measurement.
#[derive(Debug, Default)]
struct Heard {
    /// What is read on the strength of its samples.
    values: u64,
    /// How many those were at the last sample.
    values_sampled: u64,
    time_min: Option<Timestamp>,
    time_max: Option<Timestamp>,
}

/// Values of one instant, of the measurements that the sample is for.
#[derive(Debug)]
pub(super) struct DrawnSample {
    pub(super) range: TimeRange,
    pub(super) measurements: Vec<Name>,
    /// Only series with these tags, where the instant holds too much; no condition asks for the others.
    pub(super) tags: Vec<(Name, Name)>,
    pub(super) values: BTreeSet<Vec<u8>>,
}

impl Witness {
    /// Of a run that has read nothing. Who answers cannot know which values are drawn, unless a test gives a seed.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let jitter = Jitter::new(seed);
        Self(Mutex::new(State { jitter, heard: BTreeMap::new(), bytes: 0, sample_bytes: 0 }))
    }

    /// Takes back what a measurement was believed for. Gives in words what was read on that, if anything was.
    pub(crate) fn retract(&self, measurement: &Name) -> Option<String> {
        let mut state = self.state();
        let heard = state.heard.get_mut(measurement)?;
        let (min, max) = heard.time_min.take().zip(heard.time_max.take())?;
        let values = std::mem::take(&mut heard.values);
        let name = Readable(measurement);
        Some(format!("{values} values of measurement {name} from {min} to {max}"))
    }

    /// Any number: who answers cannot know which.
    pub(super) fn random(&self) -> u64 {
        self.state().jitter.up_to(u64::MAX)
    }

    /// A sample of so many bytes was read.
    pub(super) fn note_sample(&self, bytes: u64) {
        self.state().sample_bytes += bytes;
    }

    /// The measurements of which a sample is due, with the values that it may hold: those that had none, or too long ago,
    /// else one now and then.
    pub(super) fn due(&self, frames: &[Frame]) -> Vec<(Name, usize)> {
        let mut state = self.state();
        let mut incoming: BTreeMap<&Name, u64> = BTreeMap::new();
        for frame in frames {
            *incoming.entry(&frame.measurement).or_default() += frame.values;
        }
        let bytes: usize = frames.iter().map(Frame::memory_bytes).sum();
        state.bytes += bytes as u64;
        let mut due = Vec::new();
        for (name, values) in &incoming {
            let heard = state.heard.entry((*name).clone()).or_default();
            let all = heard.values + values;
            if all >= heard.values_sampled.saturating_mul(2) {
                let is_first = heard.values_sampled == 0;
                let values_max =
                    if is_first { WITNESS_VALUES_MAX } else { WITNESS_AGAIN_VALUES_MAX };
                due.push(((*name).clone(), values_max));
            }
        }
        let allowed = state.bytes / 1_000 * WITNESS_BYTES_PER_MILLE;
        if due.is_empty() && !incoming.is_empty() && state.sample_bytes < allowed {
            let last = incoming.len() as u64 - 1;
            let at = usize::try_from(state.jitter.up_to(last)).unwrap_or(0);
            let one = incoming.into_keys().nth(at).cloned();
            due.extend(one.map(|name| (name, WITNESS_AGAIN_VALUES_MAX)));
        }
        due
    }

    /// What is written on the strength of the samples.
    pub(super) fn note(&self, frames: &[Frame], sampled: &[Name]) {
        let mut state = self.state();
        for frame in frames {
            let heard = state.heard.entry(frame.measurement.clone()).or_default();
            heard.values += frame.values;
            let times = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().values();
            // Rows ascend in time inside a run only; the ends are for a message.
            for time in [times.first(), times.last()].into_iter().flatten() {
                let time = Timestamp::from_ns(*time);
                heard.time_min = Some(heard.time_min.map_or(time, |min| min.min(time)));
                heard.time_max = heard.time_max.max(Some(time));
            }
        }
        for name in sampled {
            let heard = state.heard.entry(name.clone()).or_default();
            heard.values_sampled = heard.values;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a sample is to be of.
pub(super) struct Draw<'a> {
    pub(super) first: &'a Name,
    pub(super) due: &'a [Name],
    pub(super) request: &'a SliceRequest,
    pub(super) values_max: usize,
}

impl Draw<'_> {
    /// A value of `first`, drawn at random, with what else stands at its time: of this measurement and of others that are
    /// due, as far as that is not too much; of one series if this one holds too much by itself.
    pub(super) fn draw(&self, frames: &[Frame], random: u64) -> Option<DrawnSample> {
        let (time, series) = nth_row(frames, self.first, random)?;
        let start = Timestamp::from_ns(time);
        let range = TimeRange::new(start, start.saturating_add_ns(1));
        let (measurements, tags, values) = (self.due.to_vec(), Vec::new(), BTreeSet::new());
        let whole = DrawnSample { range, measurements, tags, values };
        let mut found: BTreeMap<Name, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for value in wanted_of(frames, &whole, self.request) {
            found.entry(values::measurement_of(&value).into()).or_default().insert(value);
        }
        let mut sample = DrawnSample { measurements: vec![self.first.clone()], ..whole };
        sample.values = found.remove(self.first).unwrap_or_default();
        let is_text = |bytes: &Name| std::str::from_utf8(bytes).is_ok();
        let tags = &series.tags;
        if sample.values.len() > self.values_max
            && tags.iter().all(|(key, value)| is_text(key) && is_text(value))
        {
            let askable = tags.iter().filter(|(key, _)| askable::is_askable(key));
            sample.tags = askable.cloned().collect();
            sample.values = wanted_of(frames, &sample, self.request);
            return Some(sample);
        }
        // Those that have nothing at this instant, or too much, stay due.
        for (name, values) in found {
            if sample.values.len() + values.len() <= self.values_max
                && sample.measurements.len() < MEASUREMENTS_NAMED_MAX
            {
                sample.measurements.push(name);
                sample.values.extend(values);
            }
        }
        Some(sample)
    }
}

/// Time and series of one row of a measurement.
fn nth_row<'a>(frames: &'a [Frame], measurement: &Name, random: u64) -> Option<(i64, &'a Series)> {
    let of_it = || frames.iter().filter(|frame| frame.measurement == *measurement);
    let rows: usize = of_it().map(Frame::rows).sum();
    let mut at = usize::try_from(random % (rows as u64).max(1)).unwrap_or(0);
    for frame in of_it() {
        if at >= frame.rows() {
            at -= frame.rows();
            continue;
        }
        let time = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().value(at);
        let run = frame.runs.iter().find(|run| at < run.end_row)?;
        return Some((time, &run.series));
    }
    None
}

/// What of these frames the sample is about, as far as the request reads it.
pub(super) fn wanted_of(
    frames: &[Frame],
    sample: &DrawnSample,
    request: &SliceRequest,
) -> BTreeSet<Vec<u8>> {
    let series = |series: &Series| {
        sample.measurements.contains(&series.measurement)
            && sample.tags.iter().all(|tag| series.tags.contains(tag))
    };
    let field = |measurement: &Name, field: &Name| request.reads(measurement, field);
    values::some(frames, &WantedValues { range: sample.range, series: &series, field: &field })
}
