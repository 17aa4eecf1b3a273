//! InfluxQL: what real servers answered, cut and damaged in every way, and random answers against a slow obvious writer.

mod errors_in_answers;
mod golden_answers;
mod random_answers;
mod show_answers;
mod writer;

pub(crate) use writer::{Form, write};

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice::testing::model::frame::{FieldType, Frame};
use sluice::testing::model::series::Name;
use sluice::testing::wire::frames::series_of::SeriesOf;
use sluice::testing::wire::influxql::decoder::{
    AnswerTotals, AskedStatement, Format, InfluxqlDecoder, InfluxqlDecoderSettings,
};
use sluice::testing::wire::influxql::error::Error;

use crate::support::golden::{Point, Value};

/// Decodes an answer that comes in these pieces.
fn decode_pieces<'a>(
    format: Format,
    statements: &[AskedStatement],
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Vec<Frame>, AnswerTotals), Error> {
    let mut decoder =
        InfluxqlDecoder::new(InfluxqlDecoderSettings { format, statements: statements.to_vec() });
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut frames)?;
    }
    let totals = decoder.finish(&mut frames)?;
    assert_eq!(totals.values, frames.iter().map(|frame| frame.values).sum::<u64>());
    assert_eq!(totals.values, totals.values_by_statement.iter().sum::<u64>());
    assert_eq!(totals.rows, frames.iter().map(|frame| frame.rows() as u64).sum::<u64>());
    assert_eq!(totals.values_by_statement.len(), statements.len());
    Ok((frames, totals))
}

fn decode(
    format: Format,
    statements: &[AskedStatement],
    bytes: &[u8],
) -> Result<(Vec<Frame>, AnswerTotals), Error> {
    decode_pieces(format, statements, [bytes])
}

/// A statement about all tags of a measurement, with the types that its points have.
fn statement<'a>(
    measurement: &[u8],
    points: impl IntoIterator<Item = &'a Point>,
) -> AskedStatement {
    let own = points.into_iter().filter(|point| *point.series.measurement == *measurement);
    let types: BTreeMap<Name, FieldType> =
        own.map(|point| (point.field.clone(), kind(&point.value))).collect();
    AskedStatement {
        measurement: measurement.into(),
        types: Arc::new(types),
        series: SeriesOf::Whole,
    }
}

fn kind(value: &Value) -> FieldType {
    match value {
        Value::Float(_) => FieldType::Float,
        Value::Integer(_) => FieldType::Integer,
        Value::Unsigned(_) => FieldType::Unsigned,
        Value::Boolean(_) => FieldType::Boolean,
        Value::Text(_) => FieldType::String,
    }
}
