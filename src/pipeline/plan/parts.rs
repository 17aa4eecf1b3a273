//! A counted window in parts, each with the request that reads it: measurements that are worth it by themselves, small ones
//! together.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::limits::{MEASUREMENTS_NAMED_MAX, STATEMENTS_MAX};
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::plan::choice::{Choice, Choices};
use crate::pipeline::plan::measurement_part::{FieldKinds, MeasurementPart};
use crate::pipeline::plan::request::{FluxScope, SliceRequest};
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::layer::{Layer, Window};

/// What is read in one way.
#[derive(Debug, Clone)]
pub(crate) struct WindowPart {
    /// What, and how.
    pub request: SliceRequest,
    /// Of which range: the whole window.
    pub range: TimeRange,
    /// Values expected in it.
    pub values: u64,
}

/// The parts of a window; with `plain` all in the form that needs to know least.
pub(crate) async fn parts_of_window(
    source: &SourceBucket,
    choices: &Choices,
    window: &Window,
    plain: bool,
) -> Result<Vec<WindowPart>, Error> {
    let part = |request, values| WindowPart { request, range: window.range, values };
    match window.layer {
        Layer::Mixed => {
            return Ok(vec![part(SliceRequest::Flux(FluxScope::Mixed), window.values())]);
        }
        Layer::LargestTime => return Ok(at_largest_time(&source.job, window)),
        Layer::Plain | Layer::InfluxqlOnly => {}
    }
    let by_flux = plain && window.layer == Layer::Plain;
    let mut parts = Vec::new();
    let mut rest = Vec::new();
    let mut small = SmallMeasurements::default();
    for (measurement, &values) in &window.counts {
        if by_flux {
            rest.push((measurement.clone(), values));
            continue;
        }
        let choice = match window.layer {
            Layer::InfluxqlOnly => Choices::influxql_only(&source.job, measurement)
                .ok_or(Error::StageGone("InfluxQL"))?,
            _ => choices.choice_for(source, measurement, values).await?,
        };
        match choice.transport {
            Transport::Flux => rest.push((measurement.clone(), values)),
            Transport::Influxql if plain => {
                parts.push(part(
                    SliceRequest::Influxql(vec![choice.without_catalogue()], None),
                    values,
                ));
            }
            Transport::Influxql if choice.known.is_none() => {
                let values_max = choice.cost.slice_values(source.job.slice_bytes_max);
                parts.extend(
                    small
                        .add(choice, values, values_max)
                        .map(|(request, values)| part(request, values)),
                );
            }
            Transport::FluxKeyed | Transport::FluxPivot | Transport::Influxql => {
                let alone = alone(&choice, values);
                parts.extend(alone.into_iter().map(|(request, values)| part(request, values)));
            }
        }
    }
    parts.extend(small.take().map(|(request, values)| part(request, values)));
    let whole = rest.len() == window.counts.len();
    parts.extend(
        counted_flux(&rest, whole)
            .into_iter()
            .map(|(scope, values)| part(SliceRequest::Flux(scope), values)),
    );
    Ok(parts)
}

/// What reads a measurement by itself, each with the values expected of it.
pub(crate) fn alone(choice: &Arc<Choice>, values: u64) -> Vec<(SliceRequest, u64)> {
    match choice.transport {
        Transport::Flux => {
            vec![(
                SliceRequest::Flux(FluxScope::Measurements(vec![choice.measurement.clone()])),
                values,
            )]
        }
        Transport::FluxKeyed => {
            vec![(SliceRequest::Keyed(MeasurementPart::of(choice, FieldKinds::All)), values)]
        }
        Transport::FluxPivot => {
            let strings = strings(choice, values);
            let mut requests = Vec::new();
            if strings > 0 {
                let part = MeasurementPart::of(choice, FieldKinds::Strings);
                requests.push((SliceRequest::Keyed(part), strings));
            }
            let rest = values.saturating_sub(strings).max(1);
            let part = MeasurementPart::of(choice, FieldKinds::WithoutStrings);
            requests.push((SliceRequest::Pivot(part), rest));
            requests
        }
        Transport::Influxql => {
            vec![(SliceRequest::Influxql(vec![Arc::clone(choice)], None), values)]
        }
    }
}

/// By InfluxQL where it reads the measurement.
fn at_largest_time(job: &BucketJob, window: &Window) -> Vec<WindowPart> {
    let part = |request, values| WindowPart { request, range: window.range, values };
    let (mut parts, mut rest, mut rest_values) = (Vec::new(), Vec::new(), 0);
    for (measurement, &values) in &window.counts {
        if let Some(choice) = Choices::influxql_only(job, measurement) {
            parts.push(part(SliceRequest::Influxql(vec![choice], None), values));
        } else {
            rest.push(measurement.clone());
            rest_values += values;
        }
    }
    if !rest.is_empty() {
        parts.push(part(SliceRequest::Flux(FluxScope::LargestTime(rest)), rest_values));
    }
    parts
}

/// What of a window Flux has read of these measurements.
pub(crate) fn read_by_flux(
    job: &BucketJob,
    window: &Window,
    measurements: &BTreeSet<Name>,
) -> Vec<FluxScope> {
    match window.layer {
        Layer::Mixed if measurements.is_empty() => Vec::new(),
        Layer::Mixed => vec![FluxScope::Mixed],
        Layer::InfluxqlOnly => Vec::new(),
        Layer::LargestTime => {
            let requests = at_largest_time(job, window).into_iter().map(|part| part.request);
            let scope = |request| match request {
                SliceRequest::Flux(scope) => Some(scope),
                _ => None,
            };
            requests.filter_map(scope).filter(|_| !measurements.is_empty()).collect()
        }
        Layer::Plain => {
            // Also those that came after the window was counted.
            let names: Vec<_> = measurements.iter().cloned().collect();
            flux(&names, window.counts.keys().all(|name| measurements.contains(name)))
        }
    }
}

/// Source bytes expected for these windows.
pub(crate) async fn bytes(
    source: &SourceBucket,
    choices: &Choices,
    windows: &[Window],
) -> Result<u64, Error> {
    let mut bytes: u64 = 0;
    for window in windows {
        for part in parts_of_window(source, choices, window, false).await? {
            bytes = bytes.saturating_add(part.request.cost(choices).bytes(part.values));
        }
    }
    Ok(bytes)
}

/// Plain Flux reads; all in one if nothing else is in the window.
fn flux(names: &[Name], whole: bool) -> Vec<FluxScope> {
    match names {
        [] => Vec::new(),
        _ if whole => vec![FluxScope::All],
        _ => {
            let named = names.chunks(MEASUREMENTS_NAMED_MAX);
            named.map(|names| FluxScope::Measurements(names.to_vec())).collect()
        }
    }
}

/// The same, each with its values.
fn counted_flux(counts: &[(Name, u64)], whole: bool) -> Vec<(FluxScope, u64)> {
    let (names, values): (Vec<_>, Vec<u64>) = counts.iter().cloned().unzip();
    let names_max = if whole { names.len().max(1) } else { MEASUREMENTS_NAMED_MAX };
    let sums = values.chunks(names_max).map(|values| values.iter().sum());
    flux(&names, whole).into_iter().zip(sums).collect()
}

/// Values in string fields, if all fields have equally many; at least one where there are such fields, since they may have more.
fn strings(choice: &Choice, values: u64) -> u64 {
    let strings = choice.types.values().filter(|kind| **kind == FieldType::String).count() as u64;
    (values * strings / (choice.types.len() as u64).max(1)).max(strings.min(1))
}

/// SmallMeasurements measurements on their way into one request.
#[derive(Debug, Default)]
struct SmallMeasurements {
    choices: Vec<Arc<Choice>>,
    values: u64,
}

impl SmallMeasurements {
    /// Adds one; gives those before it if they would not share a request.
    fn add(
        &mut self,
        choice: Arc<Choice>,
        values: u64,
        values_max: u64,
    ) -> Option<(SliceRequest, u64)> {
        let full = self.values + values > values_max || self.choices.len() >= STATEMENTS_MAX;
        let before = if full { self.take() } else { None };
        self.choices.push(choice);
        self.values += values;
        before
    }

    fn take(&mut self) -> Option<(SliceRequest, u64)> {
        let Self { choices, values } = std::mem::take(self);
        if choices.is_empty() {
            None
        } else {
            Some((SliceRequest::Influxql(choices, None), values))
        }
    }
}
