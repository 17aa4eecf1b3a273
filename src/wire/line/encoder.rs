//! Frames in, bodies out.
//!
//! One row becomes one line: tags sorted, every field of the row that can be carried, nanoseconds. Lines keep the order
//! of the frame, series by series, but a frame that touches several shard groups is gone through once for each of them,
//! because a body that touches many is written several times slower. Every value of a frame ends up either in one body or
//! in one [`Rejected`].

use std::ops::Range;
use std::sync::Arc;

use super::body::{EncoderSettings, LineBody, OpenBodies, OpenBody};
use super::buffer::LineBuffer;
use super::carry::{self, Balance, Uncarried};
use super::column::{self, LineColumn};
use super::escape;
use crate::model::frame::{Frame, Run};
use crate::model::series::{Name, Series};
use crate::model::time::{TimeRange, Timestamp};

/// Values that line protocol cannot carry, all for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Their series.
    pub series: Arc<Series>,
    /// Their field; `None` if the series or the time is what cannot be carried.
    pub field: Option<Name>,
    /// First time.
    pub time_min: Timestamp,
    /// Last time.
    pub time_max: Timestamp,
    /// How many; more than one only if the reason lies in a name or a time.
    pub values: u64,
    /// Why.
    pub reason: Uncarried,
    /// The first of them for people: one line, not line protocol.
    pub text: String,
}

/// Turns frames into bodies.
#[derive(Debug)]
pub struct Encoder {
    settings: EncoderSettings,
    open: OpenBodies,
    key: Option<SeriesKey>,
    line: LineBuffer,
}

impl Encoder {
    /// An encoder without lines.
    pub fn new(settings: EncoderSettings) -> Self {
        Self { settings, open: OpenBodies::default(), key: None, line: LineBuffer::default() }
    }

    /// Encodes the frame and hands out the bodies that have become full.
    ///
    /// # Panics
    ///
    /// If the columns of the frame are not of the types that [`Frame`] promises.
    pub fn push(
        &mut self,
        frame: &Frame,
        bodies: &mut Vec<LineBody>,
        rejected: &mut Vec<Rejected>,
    ) {
        let (times, columns) = column::of_frame(frame);
        let mut next_row = 0;
        let mut rest: Vec<(Range<usize>, &Run)> = Vec::with_capacity(frame.runs.len());
        for run in &frame.runs {
            rest.push((next_row..run.end_row, run));
            next_row = run.end_row;
        }
        rest.retain(|(rows, _)| !rows.is_empty());
        while let Some(earliest) = rest.iter().map(|(rows, _)| times[rows.start]).min() {
            let group = self.settings.shard_group(Timestamp::from_ns(earliest));
            let body = self.open.of(group, bodies);
            let (line, settings) = (&mut self.line, &self.settings);
            let mut out = Output { line, body, settings, bodies, rejected };
            for (rows, run) in &mut rest {
                let count =
                    times[rows.clone()].iter().take_while(|&&ns| belongs(group, ns)).count();
                if count > 0 {
                    let key = SeriesKey::of(&mut self.key, &run.series);
                    let part = Part { times, rows: rows.start..rows.start + count, key };
                    part.encode(&columns, &mut out);
                    rows.start += count;
                }
            }
            rest.retain(|(rows, _)| !rows.is_empty());
        }
    }

    /// Hands out the bodies that are not full. The encoder can be used again.
    pub fn finish(&mut self, bodies: &mut Vec<LineBody>) {
        self.open.finish(bodies);
    }
}

/// The last instant of 64 bits is the stop of the last shard group; it belongs to that group all the same.
#[inline]
fn belongs(group: TimeRange, ns: i64) -> bool {
    let time = Timestamp::from_ns(ns);
    group.start <= time
        && (time < group.stop || ns == i64::MAX && group.stop == Timestamp::STOP_MAX)
}

/// The escaped key of the series at hand, kept for as long as the series stays the same.
#[derive(Debug)]
struct SeriesKey {
    series: Arc<Series>,
    /// Measurement and tags.
    bytes: Vec<u8>,
    verdict: Result<Balance, Uncarried>,
}

impl SeriesKey {
    fn of<'a>(kept: &'a mut Option<Self>, series: &Arc<Series>) -> &'a Self {
        let same = kept.take().filter(|key| Arc::ptr_eq(&key.series, series));
        kept.insert(same.unwrap_or_else(|| Self::new(series)))
    }

    fn new(series: &Arc<Series>) -> Self {
        let mut bytes = Vec::new();
        escape::series(&mut bytes, series);
        let verdict = carry::series(series, &bytes);
        Self { series: Arc::clone(series), bytes, verdict }
    }
}

/// Rows of one series in one shard group.
struct Part<'a> {
    times: &'a [i64],
    rows: Range<usize>,
    key: &'a SeriesKey,
}

/// Where lines and refused values go.
struct Output<'a> {
    line: &'a mut LineBuffer,
    body: &'a mut OpenBody,
    settings: &'a EncoderSettings,
    bodies: &'a mut Vec<LineBody>,
    rejected: &'a mut Vec<Rejected>,
}

impl Part<'_> {
    fn encode(&self, columns: &[LineColumn<'_>], out: &mut Output<'_>) {
        let mut carried = Vec::with_capacity(columns.len());
        match self.key.verdict {
            Err(reason) => self.reject_rows(self.rows.clone(), columns, reason, out.rejected),
            Ok(balance) => {
                for column in columns {
                    match self.judge(column, balance) {
                        Ok(()) => carried.push(column),
                        Err(reason) => self.reject_column(column, reason, out.rejected),
                    }
                }
            }
        }
        if carried.is_empty() {
            return;
        }
        out.line.set_key(&self.key.bytes);
        for row in self.rows.clone() {
            match carry::time(self.time(row)) {
                Ok(()) => self.line(row, &carried, out),
                Err(reason) => {
                    self.reject_rows(row..row + 1, carried.iter().copied(), reason, out.rejected);
                }
            }
        }
    }

    fn judge(&self, column: &LineColumn<'_>, balance: Balance) -> Result<(), Uncarried> {
        column.verdict?;
        carry::field_key_length(self.key.bytes.len(), column.escaped_key().len())?;
        balance.field(column.escaped_key(), column.is_string())
    }

    #[inline]
    fn line(&self, row: usize, carried: &[&LineColumn<'_>], out: &mut Output<'_>) {
        out.line.begin();
        let mut values = 0;
        for column in carried {
            if column.is_null(row) {
                continue;
            }
            let first_and_may_not = values == 0 && !column.may_be_first;
            let appended = if first_and_may_not {
                Err(Uncarried::FieldKeyBlank)
            } else {
                column.append(out.line, row)
            };
            match appended {
                Ok(()) => values += 1,
                Err(reason) => {
                    out.rejected.push(self.rejected(row..row + 1, Some(column), 1, reason));
                }
            }
        }
        if values > 0 {
            let line = out.line.finish(self.times[row]);
            out.body.push(line, self.time(row), values, out.settings, out.bodies);
        }
    }

    fn reject_rows<'c>(
        &self,
        rows: Range<usize>,
        columns: impl IntoIterator<Item = &'c LineColumn<'c>>,
        reason: Uncarried,
        rejected: &mut Vec<Rejected>,
    ) {
        let values = columns.into_iter().map(|column| column.values(rows.clone())).sum();
        if values > 0 {
            rejected.push(self.rejected(rows, None, values, reason));
        }
    }

    fn reject_column(
        &self,
        column: &LineColumn<'_>,
        reason: Uncarried,
        rejected: &mut Vec<Rejected>,
    ) {
        let held = |row: &usize| !column.is_null(*row);
        let (first, last) = (self.rows.clone().find(held), self.rows.clone().rfind(held));
        if let (Some(first), Some(last)) = (first, last) {
            rejected.push(self.rejected(
                first..last + 1,
                Some(column),
                column.values(first..last + 1),
                reason,
            ));
        }
    }

    /// The rows are not empty.
    fn rejected(
        &self,
        rows: Range<usize>,
        column: Option<&LineColumn<'_>>,
        values: u64,
        reason: Uncarried,
    ) -> Rejected {
        let (time_min, time_max) = (self.time(rows.start), self.time(rows.end - 1));
        let series = Arc::clone(&self.key.series);
        let value = column.map(|column| column.readable(rows.start) + " ").unwrap_or_default();
        let text = format!("{series} {value}{}", time_min.ns());
        Rejected {
            series,
            field: column.map(|column| column.name.clone()),
            time_min,
            time_max,
            values,
            reason,
            text,
        }
    }

    #[inline]
    fn time(&self, row: usize) -> Timestamp {
        Timestamp::from_ns(self.times[row])
    }
}
