//! A request of a range as it is sent, and what its answer looks like. Pure.

use std::sync::Arc;

use super::choice::Choice;
use super::measurement_part::MeasurementPart;
use super::request::{FluxScope, SliceRequest};
use super::series_group::SeriesGroup;
use crate::model::filter::Filter;
use crate::model::time::TimeRange;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::layer::Layer;
use crate::wire::answer::AnswerDecoderSettings;
use crate::wire::csv::decoder::{CsvDecoderSettings, Form};
use crate::wire::flux::{self, Selection};
use crate::wire::frames::series_of::SeriesOf;
use crate::wire::influxql::decoder as influxql;
use crate::wire::influxql::query::{self, Grouping, SelectStatement};
use crate::wire::influxql::statement::AskedStatement;

/// A request that can be sent.
#[derive(Debug, Clone)]
pub(crate) enum RequestText {
    /// A script.
    Flux(String),
    /// Statements.
    Influxql(Vec<String>),
}

impl SliceRequest {
    /// The request for a range, and what its answer looks like.
    pub(crate) fn text(
        &self,
        job: &BucketJob,
        range: TimeRange,
    ) -> (RequestText, AnswerDecoderSettings) {
        let label = job.field_label.as_str();
        match self {
            Self::Flux(scope) => {
                let at_end = matches!(scope, FluxScope::LargestTime(_));
                let read = if at_end { flux::read_largest_time } else { flux::read };
                let text = scope.select(job, range, |selection| read(selection, label));
                (
                    RequestText::Flux(text),
                    AnswerDecoderSettings::Csv(CsvDecoderSettings::whole(label)),
                )
            }
            Self::CarriageReturns(scope) => {
                let read = |selection: Selection<'_>| match scope {
                    FluxScope::LargestTime(_) => {
                        flux::carriage_returns::read_carriage_returns_at_largest_time(
                            selection, label,
                        )
                    }
                    _ => flux::carriage_returns::read_carriage_returns(selection, label),
                };
                let settings = CsvDecoderSettings {
                    unescape_strings: true,
                    ..CsvDecoderSettings::whole(label)
                };
                (
                    RequestText::Flux(scope.select(job, range, read)),
                    AnswerDecoderSettings::Csv(settings),
                )
            }
            Self::Keyed(part) => (
                RequestText::Flux(keyed(job, part, range, flux::read_keyed)),
                AnswerDecoderSettings::Csv(restored(&part.choice, label, Form::Narrow)),
            ),
            Self::Pivot(part) => (
                RequestText::Flux(keyed(job, part, range, flux::read_pivoted)),
                AnswerDecoderSettings::Csv(restored(&part.choice, label, Form::Pivoted)),
            ),
            Self::Influxql(choices, among) => {
                let statements = choices
                    .iter()
                    .filter_map(|choice| statement(job, choice, among.as_ref(), range))
                    .collect();
                // Where no format was proven nothing is sent.
                let format = job.routes.access.as_ref().map(|access| access.format);
                let settings = influxql::InfluxqlDecoderSettings {
                    format: format.unwrap_or(influxql::Format::MessagePack),
                    statements: choices.iter().map(|choice| expected(choice)).collect(),
                };
                (RequestText::Influxql(statements), AnswerDecoderSettings::Influxql(settings))
            }
        }
    }
}

impl FluxScope {
    /// Calls `text` with the selection of this scope.
    pub(crate) fn select<T>(
        &self,
        job: &BucketJob,
        range: TimeRange,
        text: impl FnOnce(Selection<'_>) -> T,
    ) -> T {
        match self {
            Self::All => text(job.selection(range)),
            Self::Measurements(measurements) => {
                text(Selection { measurements, ..job.selection(range) })
            }
            Self::Part(part) => {
                let base = job.selection(range);
                let without = [base.without, &part.conditions()].concat();
                let measurements = std::slice::from_ref(&part.choice.measurement);
                text(Selection { measurements, without: &without, ..base })
            }
            Self::LargestTime(measurements) => {
                text(Selection { measurements, ..job.selection_of(Layer::LargestTime, range) })
            }
            Self::Mixed => {
                let filter = job.filter_of(Layer::Mixed);
                text(Selection { filter: &filter, ..job.selection_of(Layer::Mixed, range) })
            }
        }
    }
}

fn restored(choice: &Choice, label: &str, form: Form) -> CsvDecoderSettings {
    CsvDecoderSettings { series: series_of(choice), form, ..CsvDecoderSettings::whole(label) }
}

fn series_of(choice: &Choice) -> SeriesOf {
    match &choice.known {
        Some(known) => SeriesOf::Keyed {
            measurement: choice.measurement.clone(),
            catalogue: Arc::clone(&known.catalogue),
        },
        None => SeriesOf::Whole,
    }
}

fn expected(choice: &Choice) -> AskedStatement {
    AskedStatement {
        measurement: choice.measurement.clone(),
        types: Arc::clone(&choice.types),
        series: series_of(choice),
    }
}

type KeyedText = fn(Selection<'_>, &str, &[u8], &[Vec<u8>]) -> String;

fn keyed(job: &BucketJob, part: &MeasurementPart, range: TimeRange, text: KeyedText) -> String {
    let base = job.selection(range);
    let without = [base.without, &part.conditions()].concat();
    let keys: Vec<Vec<u8>> = part
        .choice
        .known
        .iter()
        .flat_map(|known| known.catalogue.keys())
        .map(|key| key.to_vec())
        .collect();
    let selection = Selection { without: &without, ..base };
    text(selection, &job.field_label, &part.choice.measurement, &keys)
}

fn statement(
    job: &BucketJob,
    choice: &Choice,
    among: Option<&SeriesGroup>,
    range: TimeRange,
) -> Option<String> {
    let (_, measurement) = job.influxql_name(&choice.measurement)?;
    let fields = job.routes.influxql.get(&choice.measurement)?;
    let filter = Filter { fields: fields.listed.clone(), ..job.filter.clone() };
    let keys: Option<Vec<String>> = choice.known.as_ref().map(|known| {
        known.catalogue.keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    });
    Some(query::select(&SelectStatement {
        measurement,
        range,
        filter: &filter,
        grouping: keys.as_deref().map_or(Grouping::All, Grouping::Keys),
        among: among.map(|among| (among.key.as_str(), &*among.values)),
    }))
}
