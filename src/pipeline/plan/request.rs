//! What one request asks of a range: which measurements and series, in which transport.

use std::fmt;
use std::sync::Arc;

use super::catalogue::KnownSeries;
use super::choice::{Choice, Choices};
use super::cost::LearnedCost;
use super::series_group::{SeriesGroup, groups};
use crate::limits::{HELD_SLICE_VALUES_MAX, PIVOT_VALUES_MAX, SLICE_VALUES_MAX};
use crate::model::frame::FieldType;
use crate::model::series::{Name, Readable};
use crate::model::transport::Transport;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::layer::Layer;

/// Which of the values of a range a plain Flux query reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FluxScope {
    /// All that Flux reads, but for fields of several types.
    All,
    /// The same of these measurements.
    Measurements(Vec<Name>),
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
    /// One measurement by its key tags: all fields, or only those that hold strings.
    Keyed(Arc<Choice>, Option<SeriesGroup>, FieldKinds),
    /// One measurement by its key tags, the fields of one time in one row; no strings.
    Pivot(Arc<Choice>, Option<SeriesGroup>),
    /// One statement for each of these measurements; several of them only if they are small.
    Influxql(Vec<Arc<Choice>>, Option<SeriesGroup>),
}

/// Which fields of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldKinds {
    /// All.
    All,
    /// Those that hold strings.
    Strings,
}

impl SliceRequest {
    /// The series that it is about, if not all.
    pub(crate) fn among(&self) -> Option<&SeriesGroup> {
        match self {
            Self::Keyed(_, among, _) | Self::Pivot(_, among) | Self::Influxql(_, among) => {
                among.as_ref()
            }
            Self::Flux(_) | Self::CarriageReturns(_) => None,
        }
    }

    /// The same of some of its series only; plain Flux names no series.
    #[must_use]
    pub(crate) fn only_among(self, among: &SeriesGroup) -> Self {
        match self {
            Self::Keyed(choice, _, kinds) => Self::Keyed(choice, Some(among.clone()), kinds),
            Self::Pivot(choice, _) => Self::Pivot(choice, Some(among.clone())),
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
            Self::Keyed(choice, _, FieldKinds::Strings) => &choice.cost_of_strings,
            Self::Keyed(choice, ..) | Self::Pivot(choice, _) => &choice.cost,
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
            Self::Keyed(choice, ..) | Self::Pivot(choice, _) => choice,
            Self::Influxql(choices, _) => choices.first()?,
        };
        choice.known.as_ref().map(|known| (&choice.measurement, known))
    }

    /// True for the fields of a measurement that it reads, as far as they were known when it was chosen.
    pub(crate) fn reads(&self, measurement: &Name, field: &Name) -> bool {
        match self {
            Self::Flux(_) | Self::CarriageReturns(_) | Self::Keyed(_, _, FieldKinds::All) => true,
            Self::Keyed(choice, _, FieldKinds::Strings) => {
                choice.types.get(field) == Some(&FieldType::String)
            }
            Self::Pivot(choice, _) => choice.types.get(field) != Some(&FieldType::String),
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
            Self::Keyed(choice, among, kinds) => {
                let groups = groups(choice, among.as_ref(), parts);
                let one = |among| Self::Keyed(Arc::clone(choice), among, *kinds);
                groups.into_iter().map(one).collect()
            }
            Self::Pivot(choice, among) => {
                let groups = groups(choice, among.as_ref(), parts);
                groups.into_iter().map(|among| Self::Pivot(Arc::clone(choice), among)).collect()
            }
            Self::Influxql(choices, among) if choices.len() == 1 => {
                let groups = groups(&choices[0], among.as_ref(), parts);
                groups.into_iter().map(|among| Self::Influxql(choices.clone(), among)).collect()
            }
            _ => vec![self.clone()],
        }
    }

    /// The same values asked for in a form that needs to know less; `None` if there is none.
    pub(crate) fn plain(&self, layer: Layer) -> Option<Self> {
        let flux = |names| Some(Self::Flux(FluxScope::Measurements(names)));
        match self {
            Self::Keyed(choice, ..) | Self::Pivot(choice, _) => {
                flux(vec![choice.measurement.clone()])
            }
            Self::Influxql(choices, _) if layer == Layer::Plain => {
                flux(choices.iter().map(|choice| choice.measurement.clone()).collect())
            }
            // Flux does not read these: at least all tags can be asked for.
            Self::Influxql(choices, _) if choices.iter().any(|choice| choice.known.is_some()) => {
                let choices = choices.iter().map(|choice| choice.without_catalogue()).collect();
                Some(Self::Influxql(choices, None))
            }
            Self::Flux(_) | Self::CarriageReturns(_) | Self::Influxql(..) => None,
        }
    }

    /// The measurements, if they are named.
    pub(crate) fn measurements(&self) -> Vec<&Name> {
        match self {
            Self::Flux(FluxScope::Measurements(names) | FluxScope::LargestTime(names))
            | Self::CarriageReturns(FluxScope::Measurements(names)) => names.iter().collect(),
            Self::Flux(_) | Self::CarriageReturns(_) => Vec::new(),
            Self::Keyed(choice, ..) | Self::Pivot(choice, _) => vec![&choice.measurement],
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
