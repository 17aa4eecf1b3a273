//! The rows of one series in a frame.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::TimestampNanosecondType;
use memchr::memchr;

use super::column::Column;
use super::uncarried::{Rejected, Uncarried, is_taken};
use crate::model::frame::Frame;
use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;
use crate::wire::line::carry::{self, Balance};
use crate::wire::line::escape;

/// Rows of one series, judged.
pub(super) struct Run<'a> {
    pub(super) series: &'a Arc<Series>,
    pub(super) times: &'a [i64],
    pub(super) rows: Range<usize>,
    pub(super) key_bytes: usize,
    pub(super) verdict: Result<Balance, Uncarried>,
}

impl<'a> Run<'a> {
    pub(super) fn all(frame: &'a Frame) -> Vec<Self> {
        let times = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let (mut runs, mut row, mut key) = (Vec::with_capacity(frame.runs.len()), 0, Vec::new());
        for run in &frame.runs {
            key.clear();
            escape::series(&mut key, &run.series);
            runs.push(Self {
                series: &run.series,
                times,
                rows: row..run.end_row,
                key_bytes: key.len(),
                verdict: judge(&run.series, &key),
            });
            row = run.end_row;
        }
        runs
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &'a Name> {
        self.series.tags.iter().map(|(name, _)| name)
    }

    pub(super) fn time(&self, row: usize) -> Timestamp {
        Timestamp::from_ns(self.times[row])
    }

    pub(super) fn reject(
        &self,
        columns: &[Column<'_>],
        reason: Uncarried,
        rejected: &mut Vec<Rejected>,
    ) {
        self.reject_rows(self.rows.clone(), columns, reason, rejected);
    }

    /// All values of these rows.
    pub(super) fn reject_rows(
        &self,
        rows: Range<usize>,
        columns: &[Column<'_>],
        reason: Uncarried,
        rejected: &mut Vec<Rejected>,
    ) {
        let held = |column: &Column<'_>| {
            let cells = column.array.slice(rows.start, rows.len());
            (cells.len() - cells.null_count()) as u64
        };
        let values = columns.iter().map(held).sum();
        if values > 0 {
            rejected.push(self.rejected(rows.start, None, values, reason));
        }
    }

    pub(super) fn rejected(
        &self,
        row: usize,
        column: Option<&Column<'_>>,
        values: u64,
        reason: Uncarried,
    ) -> Rejected {
        let field = column.map(|column| column.name.clone());
        let series = Arc::clone(self.series);
        Rejected { series, field, time: self.time(row), values, reason }
    }
}

fn judge(series: &Series, key: &[u8]) -> Result<Balance, Uncarried> {
    let balance = carry::series(series, key)?;
    if memchr(b'\n', key).is_some() {
        return Err(Uncarried::LineFeed);
    }
    if series.tags.iter().any(|(name, _)| is_taken(name)) {
        return Err(Uncarried::TagLabel);
    }
    Ok(balance)
}
