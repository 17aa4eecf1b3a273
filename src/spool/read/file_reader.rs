//! One Parquet file to sorted blocks.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

use arrow::array::{Array, ArrayRef, AsArray as _, DictionaryArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type};
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use crate::model::frame::{Frame, Run};
use crate::model::series::{Name, Series};
use crate::model::time::TimeRange;
use crate::spool::error::Error;
use crate::spool::format::block::{self, block_rows};
use crate::spool::format::columns::{BYTES_KEY, Columns, TIME_AT};
use crate::spool::format::{pages, times};
use crate::spool::storage::Section;

thread_local! {
    /// True while this thread runs the decoder.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Runs something of the decoder; its panics are damage of the file, and nothing is said of them but that.
fn guarded<T>(file: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, Error> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !DECODING.get() {
                others(info);
            }
        }));
    });
    let before = DECODING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    DECODING.set(before);
    match result {
        Ok(result) => result.map_err(|what| Error::damaged(file, what)),
        Err(_) => Err(Error::damaged(file, "the decoder gave up on it")),
    }
}

/// Makes sure that a footer speaks of rows that there may be, and of places inside of its file, before the decoder goes
/// there.
fn expect_sizes(metadata: &ParquetMetaData, length: u64) -> Result<(), String> {
    let mut all: i64 = 0;
    for group in metadata.row_groups() {
        let rows = group.num_rows();
        let sum = all.checked_add(rows).filter(|_| rows > 0);
        all = sum.ok_or("a row group with a strange number of rows")?;
        for column in group.columns() {
            let inside = |at: i64| u64::try_from(at).is_ok_and(|at| (4..length).contains(&at));
            let places = [Some(column.data_page_offset()), column.dictionary_page_offset()];
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size());
            let fits = places.into_iter().flatten().all(inside)
                && column.compressed_size() > 0
                && end.is_some_and(|end| inside(end) && column.data_page_offset() < end)
                && start <= column.data_page_offset()
                && column.num_values() == rows;
            if !fits {
                return Err("a column that lies outside of it, or has other rows".to_owned());
            }
        }
    }
    if all == metadata.file_metadata().num_rows() {
        Ok(())
    } else {
        Err("row groups that do not add up to its rows".to_owned())
    }
}

/// A file that is being read: blocks in the order of their rows.
pub(crate) struct FileReader {
    file: String,
    columns: Columns,
    metadata: Vec<(String, String)>,
    reader: Option<ParquetRecordBatchReader>,
    read: Arc<AtomicU64>,
    /// The series of the last row, so that the next block can share it.
    last: Option<Arc<Series>>,
}

impl FileReader {
    /// Opens a file; `file` names it in errors. Of a range, stretches in which no row can lie inside are left unread; rows
    /// outside of it come where they stand among others.
    pub(crate) fn open(
        file: &str,
        section: Section,
        range: Option<TimeRange>,
    ) -> Result<Self, Error> {
        let read = section.bytes_read();
        let (columns, metadata, reader) = guarded(file, || {
            let text = |error: ParquetError| error.to_string();
            let length = section.length();
            let index = range.map_or(PageIndexPolicy::Skip, |_| PageIndexPolicy::Optional);
            let options = ArrowReaderOptions::new().with_page_index_policy(index);
            let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(section, options);
            let mut builder = builder.map_err(text)?;
            let columns = Columns::of_schema(builder.schema())?;
            expect_sizes(builder.metadata(), length)?;
            let footer = builder.metadata().file_metadata();
            let metadata: Vec<_> = footer
                .key_value_metadata()
                .into_iter()
                .flatten()
                .filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?)))
                .collect();
            let bytes = metadata.iter().find(|(key, _)| key == BYTES_KEY);
            let bytes: u64 =
                bytes.and_then(|(_, text)| text.parse().ok()).ok_or("no size in its footer")?;
            let rows = u64::try_from(footer.num_rows()).map_err(|_| "a negative number of rows")?;
            let per_row = usize::try_from(bytes / rows.max(1)).unwrap_or(usize::MAX);
            if let Some(range) = range {
                let (groups, rows) = pages::within(builder.metadata(), columns.time, range)?;
                builder = builder.with_row_groups(groups).with_row_selection(rows);
            }
            let reader = builder.with_batch_size(block_rows(per_row)).build().map_err(text)?;
            Ok((columns, metadata, reader))
        })?;
        let (file, reader, last) = (file.to_owned(), Some(reader), None);
        Ok(Self { file, columns, metadata, reader, read, last })
    }

    /// Bytes that were read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Its columns.
    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// An entry of the footer.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|(own, _)| own == key).map(|(_, value)| &**value)
    }

    fn block(&mut self, batch: &RecordBatch) -> Result<Frame, String> {
        let columns = &self.columns;
        let tags = columns.tags.len();
        if batch.num_columns() != 1 + tags + columns.fields.len() {
            return Err("a row group with other columns".into());
        }
        if batch.column(TIME_AT).null_count() > 0 {
            return Err("a row without a time".into());
        }
        let time = times::nanoseconds(batch.column(TIME_AT), columns.time);
        let time = time.ok_or("a time beyond 64 bits of nanoseconds")?;
        let tag_columns: Vec<_> = columns
            .tags
            .iter()
            .zip(&batch.columns()[1..=tags])
            .map(|(tag, array)| TagColumn::new(&tag.name, array))
            .collect::<Result<_, _>>()?;
        let arrays: Vec<_> = std::iter::once(time)
            .chain(batch.columns()[1 + tags..].iter().map(Arc::clone))
            .collect();
        let runs = runs(&columns.measurement, &tag_columns, batch.num_rows(), &mut self.last);
        let fields = columns.fields.iter().map(|field| (field.name.clone(), field.kind));
        let block = block::of(columns.measurement.clone(), fields.collect(), arrays, runs);
        let times = block::times(&block);
        let mut row = 0;
        for run in &block.runs {
            if !times[row..run.end_row].is_sorted_by(|a, b| a < b) {
                return Err("times that do not rise".into());
            }
            row = run.end_row;
        }
        block::without_empty(&block, |_, _| true).ok_or_else(|| "rows without values".into())
    }
}

impl Iterator for FileReader {
    type Item = Result<Frame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        let file = self.file.clone();
        let next = guarded(&file, || {
            match reader.next().transpose().map_err(|error| error.to_string())? {
                None => Ok(None),
                Some(batch) => self.block(&batch).map(Some),
            }
        });
        match next {
            Err(error) => Some(Err(error)),
            Ok(None) => None,
            Ok(Some(block)) => {
                self.reader = Some(reader);
                Some(Ok(block))
            }
        }
    }
}

/// A tag column of a batch.
struct TagColumn<'a> {
    name: &'a Name,
    array: &'a DictionaryArray<Int32Type>,
    values: ArrayRef,
}

impl<'a> TagColumn<'a> {
    fn new(name: &'a Name, array: &'a ArrayRef) -> Result<Self, String> {
        let DataType::Dictionary(_, _) = array.data_type() else {
            return Err("a tag that is no dictionary".into());
        };
        let array = array.as_dictionary::<Int32Type>();
        let values = block::as_binary(array.values());
        Ok(Self { name, array, values })
    }

    #[inline]
    fn key(&self, row: usize) -> Option<usize> {
        self.array.key(row)
    }

    fn value(&self, row: usize) -> Option<&[u8]> {
        self.key(row).map(|key| self.values.as_binary::<i32>().value(key))
    }

    fn is_same(&self, row: usize, other: usize) -> bool {
        self.key(row) == self.key(other) || self.value(row) == self.value(other)
    }
}

/// The runs of a batch: a new one begins where one of the tags changes.
fn runs(
    measurement: &Name,
    tags: &[TagColumn<'_>],
    rows: usize,
    last: &mut Option<Arc<Series>>,
) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for row in 0..rows {
        if row > 0 && tags.iter().all(|tag| tag.is_same(row, row - 1)) {
            let run = runs.last_mut().expect("the first row begins a run");
            run.end_row = row + 1;
            continue;
        }
        let own = tags.iter().filter_map(|tag| Some((tag.name.clone(), tag.value(row)?.into())));
        let series = Series { measurement: measurement.clone(), tags: own.collect() };
        let series = match last.take() {
            Some(known) if *known == series => known,
            _ => Arc::new(series),
        };
        *last = Some(Arc::clone(&series));
        runs.push(Run { end_row: row + 1, series });
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_decoder_is_damage_of_the_file() {
        let result = guarded::<()>("data/x.parquet", || panic!("a defect"));
        assert!(matches!(result, Err(Error::Damaged { file, .. }) if file == "data/x.parquet"));
    }
}
