//! What one request asks of a range: which measurements and series, in which transport.

use std::fmt;
use std::sync::Arc;

use super::catalogue::KnownSeries;
use super::choice::{Choice, Choices};
use super::cost::LearnedCost;
use super::measurement_part::{FieldKinds, MeasurementPart};
use super::series_group::{SeriesGroup, groups};
use crate::limits::{HELD_SLICE_VALUES_MAX, PIVOT_VALUES_MAX, SLICE_VALUES_MAX};
use crate::model::series::{Name, Readable};
use crate::model::transport::Transport;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::layer::Layer;

/// Which of the values of a range a plain Flux query reads.
#[derive(Debug, Clone)]
pub(crate) enum FluxScope {
    /// All that Flux reads, but for fields of several types.
    All,
    /// The same of these measurements.
    Measurements(Vec<Name>),
    /// The same of a part of one measurement.
    Part(MeasurementPart),
    /// Fields of several types.
    Mixed,
    /// What Flux reads of these measurements at the largest time.
    LargestTime(Vec<Name>),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum SliceRequest {
    /// Plain Flux.
    Flux(FluxScope),
    /// The strings that hold a carriage return, escaped by the server.
    CarriageReturns(FluxScope),
    /// One measurement by its key tags.
    Keyed(MeasurementPart),
    /// One measurement by its key tags, the fields of one time in one row; no strings.
    Pivot(MeasurementPart),
    /// One statement for each of these measurements; several of them only if they are small.
    Influxql(Vec<Arc<Choice>>, Option<SeriesGroup>),
}

impl SliceRequest {
    /// The series that it is about, if not all.
    pub(crate) fn among(&self) -> Option<&SeriesGroup> {
        match self {
            Self::Keyed(part) | Self::Pivot(part) | Self::Flux(FluxScope::Part(part)) => {
                part.among.as_ref()
            }
            Self::Influxql(_, among) => among.as_ref(),
            Self::Flux(_) | Self::CarriageReturns(_) => None,
        }
    }

    /// The same of some of its series only; plain Flux of several measurements names no series.
    #[must_use]
    pub(crate) fn only_among(self, among: &SeriesGroup) -> Self {
        match self {
            Self::Keyed(part) => Self::Keyed(part.only_among(among)),
            Self::Pivot(part) => Self::Pivot(part.only_among(among)),
            Self::Flux(FluxScope::Part(part)) => {
                Self::Flux(FluxScope::Part(part.only_among(among)))
            }
            Self::Influxql(choices, _) => Self::Influxql(choices, Some(among.clone())),
            Self::Flux(_) | Self::CarriageReturns(_) => self,
        }
    }

    /// How it is read.
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Self::Flux(_) | Self::CarriageReturns(_) => Transport::Flux,
            Self::Keyed(..) => Transport::FluxKeyed,
            Self::Pivot(..) => Transport::FluxPivot,
            Self::Influxql(..) => Transport::Influxql,
        }
    }

    /// What its values cost.
    pub(crate) fn cost<'a>(&'a self, choices: &'a Choices) -> &'a LearnedCost {
        match self {
            Self::Flux(_) | Self::CarriageReturns(_) => &choices.flux_cost,
            Self::Keyed(part) if part.fields == FieldKinds::Strings => &part.choice.cost_of_strings,
            Self::Keyed(part) | Self::Pivot(part) => &part.choice.cost,
            Self::Influxql(each, _) => {
                each.first().map_or(&choices.flux_cost, |choice| &choice.cost)
            }
        }
    }

    /// Values that one slice of it should hold.
    pub(crate) fn values_max(&self, job: &BucketJob, choices: &Choices) -> u64 {
        let bound = match self {
            Self::Pivot(..) => PIVOT_VALUES_MAX,
            _ if self.known().is_some() => HELD_SLICE_VALUES_MAX,
            _ => SLICE_VALUES_MAX,
        };
        self.cost(choices).slice_values(job.slice_bytes_max).min(bound)
    }

    /// The measurement and the series that the answer is restored from. It must be held back until it is sure that
    /// no series was added.
    pub(crate) fn known(&self) -> Option<(&Name, &Arc<KnownSeries>)> {
        let choice = match self {
            Self::Flux(_) | Self::CarriageReturns(_) => return None,
            Self::Keyed(part) | Self::Pivot(part) => &part.choice,
            Self::Influxql(choices, _) => choices.first()?,
        };
        choice.known.as_ref().map(|known| (&choice.measurement, known))
    }

    /// True for the fields of a measurement that it reads, as far as they were known when it was chosen.
    pub(crate) fn reads(&self, measurement: &Name, field: &Name) -> bool {
        match self {
            Self::Keyed(part) | Self::Pivot(part) | Self::Flux(FluxScope::Part(part)) => {
                part.reads(field)
            }
            Self::Flux(_) | Self::CarriageReturns(_) => true,
            Self::Influxql(choices, _) => choices.iter().any(|choice| {
                choice.measurement == *measurement && choice.types.contains_key(field)
            }),
        }
    }

    /// Parts by measurement or by series, at most about so many; one if it cannot be divided.
    pub(crate) fn divided(&self, parts: usize) -> Vec<Self> {
        match self {
            Self::Flux(FluxScope::Measurements(names)) if names.len() > 1 => {
                let names = names.chunks(names.len().div_ceil(parts.max(2)));
                names.map(|names| Self::Flux(FluxScope::Measurements(names.to_vec()))).collect()
            }
            Self::Influxql(choices, None) if choices.len() > 1 => {
                let choices = choices.chunks(choices.len().div_ceil(parts.max(2)));
                choices.map(|choices| Self::Influxql(choices.to_vec(), None)).collect()
            }
            Self::Keyed(part) => part.divided(parts).into_iter().map(Self::Keyed).collect(),
            Self::Pivot(part) => part.divided(parts).into_iter().map(Self::Pivot).collect(),
            Self::Flux(FluxScope::Part(part)) => {
                let parts = part.divided(parts).into_iter();
                parts.map(|part| Self::Flux(FluxScope::Part(part))).collect()
            }
            Self::Influxql(choices, among) if choices.len() == 1 => {
                let groups = groups(&choices[0], among.as_ref(), parts);
                groups.into_iter().map(|among| Self::Influxql(choices.clone(), among)).collect()
            }
            _ => vec![self.clone()],
        }
    }

    /// The same values, no others, asked for in a form that needs to know less; `None` if there is none.
    pub(crate) fn plain(&self, layer: Layer) -> Option<Self> {
        match self {
            Self::Keyed(part) | Self::Pivot(part) => Some(Self::flux_of(part.clone())),
            Self::Influxql(choices, among) if layer == Layer::Plain => {
                let [choice] = choices.as_slice() else {
                    let names = choices.iter().map(|choice| choice.measurement.clone()).collect();
                    return Some(Self::Flux(FluxScope::Measurements(names)));
                };
                let part = MeasurementPart::of(choice, FieldKinds::All);
                Some(Self::flux_of(MeasurementPart { among: among.clone(), ..part }))
            }
            // Flux does not read these: at least all tags can be asked for.
            Self::Influxql(choices, among)
                if choices.iter().any(|choice| choice.known.is_some()) =>
            {
                let choices = choices.iter().map(|choice| choice.without_catalogue()).collect();
                Some(Self::Influxql(choices, among.clone()))
            }
            Self::Flux(_) | Self::CarriageReturns(_) | Self::Influxql(..) => None,
        }
    }

    fn flux_of(part: MeasurementPart) -> Self {
        Self::Flux(if part.is_whole() {
            FluxScope::Measurements(vec![part.choice.measurement.clone()])
        } else {
            FluxScope::Part(part)
        })
    }

    /// The measurements, if they are named.
    pub(crate) fn measurements(&self) -> Vec<&Name> {
        match self {
            Self::Flux(FluxScope::Measurements(names) | FluxScope::LargestTime(names))
            | Self::CarriageReturns(FluxScope::Measurements(names)) => names.iter().collect(),
            Self::Keyed(part) | Self::Pivot(part) | Self::Flux(FluxScope::Part(part)) => {
                vec![&part.choice.measurement]
            }
            Self::Flux(_) | Self::CarriageReturns(_) => Vec::new(),
            Self::Influxql(choices, _) => {
                choices.iter().map(|choice| &choice.measurement).collect()
            }
        }
    }
}

/// For messages: which measurements, in which transport.
impl fmt::Display for SliceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.measurements();
        match names.as_slice() {
            [] => write!(f, "by {}", self.transport()),
            [one] => write!(f, "of {} by {}", Readable(one), self.transport()),
            [first, rest @ ..] => {
                write!(f, "of {} and {} more by {}", Readable(first), rest.len(), self.transport())
            }
        }
    }
}
