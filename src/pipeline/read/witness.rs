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
    MEASUREMENTS_NAMED_MAX, WITNESS_AGAIN_VALUES_MAX, WITNESS_BYTES_PER_MILLE, WITNESS_TRIES,
    WITNESS_VALUES_MAX,
};
use crate::model::canary::Canary;
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable, Series};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::plan::target::{Among, Target, whole};
use crate::pipeline::progress::Progress;
use crate::pipeline::read::fetch::{self, Request};
use crate::pipeline::write::outlet::Sink;
use crate::pipeline::write::pool;
use crate::wire::csv::decoder::CsvDecoder;
use crate::wire::flux::{self, Selection, literal};
use crate::wire::frames::values::{self, WantedValues};

/// What this run has held against Flux so far.
#[derive(Debug)]
pub struct Witness(Mutex<State>);

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
    /// Why it is read by plain Flux alone from now on.
    refused: Option<String>,
}

/// Values of one instant, of the measurements that the sample is for.
#[derive(Debug)]
struct Sample {
    range: TimeRange,
    measurements: Vec<Name>,
    /// Only series with these tags, where the instant holds too much.
    tags: Vec<(Name, Name)>,
    values: BTreeSet<Vec<u8>>,
}

impl Witness {
    /// Of a run that has read nothing. Who answers cannot know which values are drawn, unless a test gives a seed.
    pub fn new(seed: Option<u64>) -> Self {
        let jitter = Jitter::new(seed);
        Self(Mutex::new(State { jitter, heard: BTreeMap::new(), bytes: 0, sample_bytes: 0 }))
    }

    /// Why a measurement is read by plain Flux alone; `None` if nothing speaks against it.
    pub fn refusal(&self, measurement: &[u8]) -> Option<String> {
        self.state().heard.get(measurement)?.refused.clone()
    }

    /// Lets a measurement be read by plain Flux alone. Gives in words what was read otherwise before, if anything was.
    pub fn refuse(&self, measurement: &Name, why: &str) -> Option<String> {
        let mut state = self.state();
        let heard = state.heard.entry(measurement.clone()).or_default();
        heard.refused.get_or_insert_with(|| why.to_owned());
        let (min, max) = heard.time_min.take().zip(heard.time_max.take())?;
        let values = std::mem::take(&mut heard.values);
        let name = Readable(measurement);
        Some(format!("{values} values of measurement {name} from {min} to {max}"))
    }

    /// Holds the frames of an answer against Flux as far as it is due, and gives them back.
    pub(super) async fn hear(
        &self,
        context: &Context,
        progress: &Progress,
        request: Request<'_>,
        frames: Vec<Frame>,
    ) -> Result<Vec<Frame>, Error> {
        let believed = context.source.canary() == Canary::GuessedDatabase;
        if believed || !is_of_interest(context, request) {
            return Ok(frames);
        }
        let mut due = self.due(&frames);
        let sampled: Vec<Name> = due.iter().map(|(name, _)| name.clone()).collect();
        let mut held = frames;
        while let Some((name, values_max)) = due.first().cloned() {
            let names: Vec<Name> = due.iter().map(|(name, _)| name.clone()).collect();
            let random = self.state().jitter.up_to(u64::MAX);
            let target = request.target.clone();
            let (back, sample) = pool::run(move || {
                let wanted = Draw { first: &name, due: &names, target: &target, values_max };
                let sample = wanted.draw(&held, random);
                (held, sample)
            })
            .await?;
            held = back;
            let Some(sample) = sample else { break };
            self.compare(context, progress, request, &sample).await?;
            due.retain(|(name, _)| !sample.measurements.contains(name));
        }
        self.note(&held, &sampled);
        Ok(held)
    }

    /// The measurements of which a sample is due, with the values that it may hold: those that had none, or too long ago,
    /// else one now and then.
    fn due(&self, frames: &[Frame]) -> Vec<(Name, usize)> {
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
    fn note(&self, frames: &[Frame], sampled: &[Name]) {
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

    /// Reads the sample by Flux. Where both differ, the values may have changed between the two readings: then both are
    /// read again.
    async fn compare(
        &self,
        context: &Context,
        progress: &Progress,
        request: Request<'_>,
        sample: &Sample,
    ) -> Result<(), Error> {
        let mut by_flux = self.by_flux(context, request.target, sample).await?;
        if by_flux == sample.values {
            return Ok(());
        }
        let names = sample.measurements.iter().map(|name| Readable(name).to_string());
        let place = format!(
            "measurement {} at {}",
            names.collect::<Vec<_>>().join(", "),
            sample.range.start
        );
        let changed = |text: String| {
            Err(Error::NotAsFlux { what: request.what.to_owned(), text, measurement: None })
        };
        for _ in 0..WITNESS_TRIES {
            let again = Request { range: sample.range, ..request };
            let (_, frames) = fetch::stream(context, progress, again).await?;
            let read = wanted_of(&frames, sample, request.target);
            let before = std::mem::replace(
                &mut by_flux,
                self.by_flux(context, request.target, sample).await?,
            );
            if read == by_flux {
                return changed(format!("{place} changed while it was read"));
            }
            if before == by_flux {
                let transport = request.target.transport();
                let text = format!("{transport} reads {place} otherwise than Flux");
                let what = request.what.to_owned();
                let other = read.symmetric_difference(&by_flux).next();
                let measurement = other.map(|value| values::measurement_of(value).into());
                return Err(Error::NotAsFlux { what, text, measurement });
            }
        }
        changed(format!("{place} keeps changing"))
    }

    async fn by_flux(
        &self,
        context: &Context,
        target: &Target,
        sample: &Sample,
    ) -> Result<BTreeSet<Vec<u8>>, Error> {
        let what = format!("sample of {} by Flux", sample.range);
        let (job, label) = (&context.job, context.job.field_label.as_str());
        let base = job.selection(sample.range);
        let mut conditions = base.without.to_vec();
        conditions.extend(target.among().map(Among::condition));
        conditions.extend(sample.tags.iter().map(|(key, value)| literal::is_tag(key, value)));
        let selection =
            Selection { measurements: &sample.measurements, without: &conditions, ..base };
        let answer = context.source.query_all(&flux::read(selection, label), &what).await;
        let answer = answer.map_err(|error| Error::influx(&what, error))?;
        self.state().sample_bytes += answer.len() as u64;
        let mut decoder = CsvDecoder::new(whole(label));
        let mut frames = Vec::new();
        decoder.push(&answer, &mut frames).map_err(|error| Error::csv(&what, error))?;
        decoder.finish(&mut frames).map_err(|error| Error::csv(&what, error))?;
        Ok(wanted_of(&frames, sample, target))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plain Flux needs no witness, and what Flux cannot read has none.
fn is_of_interest(context: &Context, request: Request<'_>) -> bool {
    match request.target {
        // What is only looked at is believed by nobody.
        _ if matches!(context.out.sink, Sink::Discard) => false,
        _ if request.range.contains(Timestamp::MAX) => false,
        Target::Flux(_) | Target::CarriageReturns(_) => false,
        Target::Keyed(..) | Target::Pivot(..) => true,
        Target::Influxql(choices, _) => choices.iter().all(|choice| {
            let only = &context.job.routes.influxql_only;
            !only.iter().any(|name| name.as_bytes() == &*choice.measurement)
        }),
    }
}

/// What a sample is to be of.
struct Draw<'a> {
    first: &'a Name,
    due: &'a [Name],
    target: &'a Target,
    values_max: usize,
}

impl Draw<'_> {
    /// A value of `first`, drawn at random, with what else stands at its time: of this measurement and of others that are
    /// due, as far as that is not too much; of one series if this one holds too much by itself.
    fn draw(&self, frames: &[Frame], random: u64) -> Option<Sample> {
        let (time, series) = nth_row(frames, self.first, random)?;
        let start = Timestamp::from_ns(time);
        let range = TimeRange::new(start, start.saturating_add_ns(1));
        let (measurements, tags, values) = (self.due.to_vec(), Vec::new(), BTreeSet::new());
        let whole = Sample { range, measurements, tags, values };
        let mut found: BTreeMap<Name, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for value in wanted_of(frames, &whole, self.target) {
            found.entry(values::measurement_of(&value).into()).or_default().insert(value);
        }
        let mut sample = Sample { measurements: vec![self.first.clone()], ..whole };
        sample.values = found.remove(self.first).unwrap_or_default();
        let nameable = |bytes: &Name| std::str::from_utf8(bytes).is_ok();
        let tags = &series.tags;
        if sample.values.len() > self.values_max
            && tags.iter().all(|(key, value)| nameable(key) && nameable(value))
        {
            sample.tags.clone_from(tags);
            sample.values = wanted_of(frames, &sample, self.target);
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

/// What of these frames the sample is about, as far as the target reads it.
fn wanted_of(frames: &[Frame], sample: &Sample, target: &Target) -> BTreeSet<Vec<u8>> {
    let series = |series: &Series| {
        sample.measurements.contains(&series.measurement)
            && sample.tags.iter().all(|tag| series.tags.contains(tag))
    };
    let field = |measurement: &Name, field: &Name| target.reads(measurement, field);
    values::some(frames, &WantedValues { range: sample.range, series: &series, field: &field })
}
