//! Frames to the text of an export, and what the text cannot hold.

use std::collections::BTreeMap;

use memchr::memchr_iter;

use crate::commands::error::Error;
use crate::config::values::ExportFormat;
use crate::limits::EXPORT_REFUSALS_MAX;
use crate::model::frame::Frame;
use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;
use crate::report::export::ExportRefusals;
use crate::wire::csv::encoder as csv;
use crate::wire::line::body::{EncoderSettings, LineBody};
use crate::wire::line::encoder as line;

/// What was written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    /// Lines of line protocol, or rows of CSV.
    pub(super) lines: u64,
    /// Values in them.
    pub(super) values: u64,
    /// Line feeds that end no line.
    pub(super) line_feeds: u64,
}

/// An encoder of either form.
pub(super) struct Text {
    encoder: Encoder,
    totals: Totals,
    refusals: Refusals,
}

enum Encoder {
    Line { encoder: Box<line::Encoder>, bodies: Vec<LineBody>, rejected: Vec<line::Rejected> },
    Csv { encoder: csv::CsvEncoder, bytes: Vec<u8>, rejected: Vec<csv::CsvRejected> },
}

impl Text {
    pub(super) fn new(format: ExportFormat) -> Self {
        let encoder = match format {
            ExportFormat::Line => Encoder::Line {
                encoder: Box::new(line::Encoder::new(EncoderSettings::default())),
                bodies: Vec::new(),
                rejected: Vec::new(),
            },
            ExportFormat::Csv => Encoder::Csv {
                encoder: csv::CsvEncoder::default(),
                bytes: Vec::new(),
                rejected: Vec::new(),
            },
        };
        Self { encoder, totals: Totals::default(), refusals: Refusals::default() }
    }

    /// Encodes a frame; `write` takes what is ready.
    pub(super) fn push(
        &mut self,
        frame: &Frame,
        mut write: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match &mut self.encoder {
            Encoder::Line { encoder, bodies, rejected } => {
                encoder.push(frame, bodies, rejected);
                for line::Rejected { series, field, time_min, values, reason, .. } in
                    rejected.drain(..)
                {
                    self.refusals.add(&series, field, time_min, values, reason.to_string());
                }
                self.bodies(write)
            }
            Encoder::Csv { encoder, bytes, rejected } => {
                let encoded = encoder.push(frame, bytes, rejected);
                self.totals.lines += encoded.rows;
                self.totals.values += encoded.values;
                for csv::CsvRejected { series, field, time, values, reason } in rejected.drain(..) {
                    self.refusals.add(&series, field, time, values, reason.to_string());
                }
                write(bytes)?;
                bytes.clear();
                Ok(())
            }
        }
    }

    /// Writes what is not written yet. More may come after it.
    pub(super) fn finish(
        &mut self,
        write: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Encoder::Line { encoder, bodies, .. } = &mut self.encoder {
            encoder.finish(bodies);
        }
        self.bodies(write)
    }

    fn bodies(&mut self, mut write: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let Encoder::Line { bodies, .. } = &mut self.encoder else { return Ok(()) };
        for body in bodies.drain(..) {
            self.totals.lines += body.lines;
            self.totals.values += body.values;
            self.totals.line_feeds += memchr_iter(b'\n', &body.bytes).count() as u64 - body.lines;
            write(&body.bytes)?;
        }
        Ok(())
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    pub(super) fn refused_values(&self) -> u64 {
        self.refusals.values
    }

    pub(super) fn into_refusals(self) -> Refusals {
        self.refusals
    }
}

/// Values that the form cannot carry, by reason, measurement and field.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// At most [`EXPORT_REFUSALS_MAX`].
    pub(super) groups: Vec<ExportRefusals>,
    /// Values of all, of those beyond the named ones too.
    pub(super) values: u64,
    /// Values beyond the named ones.
    pub(super) more: u64,
    places: BTreeMap<(String, Name, Option<Name>), usize>,
}

impl Refusals {
    fn add(
        &mut self,
        series: &Series,
        field: Option<Name>,
        time: Timestamp,
        values: u64,
        reason: String,
    ) {
        self.values += values;
        let key = (reason, series.measurement.clone(), field);
        if let Some(at) = self.places.get(&key) {
            self.groups[*at].values += values;
            return;
        }
        if self.groups.len() == EXPORT_REFUSALS_MAX {
            self.more += values;
            return;
        }
        let (reason, measurement, field) = key.clone();
        self.places.insert(key, self.groups.len());
        let first = format!("{series} at {time}");
        self.groups.push(ExportRefusals { reason, measurement, field, values, first });
    }
}
