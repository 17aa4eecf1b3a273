//! An answer of any form to frames: the decoder for it, and what can be wrong.

use super::csv;
use super::frames::totals::AnswerTotals;
use super::influxql;
use crate::model::frame::Frame;

/// What a decoder must know of the request.
#[derive(Debug, Clone)]
pub enum AnswerDecoderSettings {
    /// Annotated CSV.
    Csv(csv::decoder::CsvDecoderSettings),
    /// Series in pieces.
    Influxql(influxql::decoder::InfluxqlDecoderSettings),
}

/// Decodes one answer.
#[derive(Debug)]
pub enum AnswerDecoder {
    /// Annotated CSV.
    Csv(Box<csv::decoder::CsvDecoder>),
    /// Series in pieces.
    Influxql(Box<influxql::decoder::InfluxqlDecoder>),
}

/// Why an answer cannot be used. What was decoded before it must not be committed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Of annotated CSV.
    #[error(transparent)]
    Csv(#[from] csv::error::Error),
    /// Of InfluxQL.
    #[error(transparent)]
    Influxql(#[from] influxql::error::Error),
}

impl AnswerDecoder {
    /// A decoder for one answer.
    pub fn new(settings: AnswerDecoderSettings) -> Self {
        match settings {
            AnswerDecoderSettings::Csv(settings) => {
                Self::Csv(Box::new(csv::decoder::CsvDecoder::new(settings)))
            }
            AnswerDecoderSettings::Influxql(settings) => {
                Self::Influxql(Box::new(influxql::decoder::InfluxqlDecoder::new(settings)))
            }
        }
    }

    /// Takes all the bytes and appends the frames that became ready. After an error the decoder is of no more use.
    pub fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Error> {
        match self {
            Self::Csv(decoder) => Ok(decoder.push(bytes, frames)?),
            Self::Influxql(decoder) => Ok(decoder.push(bytes, frames)?),
        }
    }

    /// The body ended well. Checks that the answer is complete and gives the last frames.
    pub fn finish(self, frames: &mut Vec<Frame>) -> Result<AnswerTotals, Error> {
        match self {
            Self::Csv(decoder) => Ok(decoder.finish(frames)?),
            Self::Influxql(decoder) => Ok(decoder.finish(frames)?),
        }
    }
}

impl Error {
    /// True for what the same question would bring again: it is in the data, or larger than any answer may be.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Csv(
                csv::error::Error::TooLong { .. } | csv::error::Error::DuplicateColumn { .. }
            ) | Self::Influxql(influxql::error::Error::TooLong { .. })
        )
    }

    /// The server's words, if the query failed while its answer was under way.
    pub fn failed_query(&self) -> Option<&str> {
        match self {
            Self::Csv(
                csv::error::Error::Query { message, .. }
                | csv::error::Error::GluedError { message },
            )
            | Self::Influxql(influxql::error::Error::Query { message, .. }) => Some(message),
            _ => None,
        }
    }

    /// True if the answer is whole CSV, JSON or MessagePack, but not what the catalogue and the types made expect.
    pub fn is_misfit(&self) -> bool {
        match self {
            Self::Csv(error) => matches!(
                error,
                csv::error::Error::UnknownSeries(_)
                    | csv::error::Error::KeyNotUnique(_)
                    | csv::error::Error::LostName { .. }
                    | csv::error::Error::StringUnderPivot { .. }
                    | csv::error::Error::DuplicateColumn { .. }
            ),
            Self::Influxql(error) => matches!(
                error,
                influxql::error::Error::WrongMeasurement { .. }
                    | influxql::error::Error::UnknownColumn { .. }
                    | influxql::error::Error::WrongType { .. }
                    | influxql::error::Error::NotExact { .. }
                    | influxql::error::Error::UnknownSeries(_)
                    | influxql::error::Error::KeyNotUnique(_)
            ),
        }
    }
}
