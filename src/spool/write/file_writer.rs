//! Sorted blocks to one Parquet file.
//!
//! Measured on data in the manner of TSBS (10 tags, 10 fields, zstd 3): see `docs/spool.md`. Integers are packed as
//! deltas, floats as split bytes; a column of few values is better off with a dictionary, which a look at the first
//! block tells.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, DictionaryArray, Int32Array, RecordBatch,
    StringArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, SchemaRef, UInt64Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::limits::{
    ROW_GROUP_BYTES_MAX, ROW_GROUP_ROWS_MAX, ROW_GROUP_STRING_BYTES_MAX, SPOOL_PART_PAGE_BYTES,
};
use crate::model::content_digest::ContentDigest;
use crate::model::frame::{FieldType, Frame};
use crate::model::time::Timestamp;
use crate::spool::error::Error;
use crate::spool::format::block;
use crate::spool::format::columns::{BYTES_KEY, Columns, FieldColumn, TIME};
use crate::spool::format::times;
use crate::spool::held::held;

/// What the file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be kept: small.
    Keep,
    /// A sorted part that is merged soon: quick.
    Part,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileContent {
    pub(super) rows: u64,
    pub(super) values: u64,
    pub(super) digest: ContentDigest,
    pub(super) time_min: Timestamp,
    pub(super) time_max: Timestamp,
}

/// A file that is being written.
pub(super) struct FileWriter<W: Write + Send> {
    file: String,
    columns: Columns,
    schema: SchemaRef,
    purpose: Purpose,
    state: State<W>,
    content: FileContent,
    bytes: u64,
    group_string_bytes: usize,
    failed: Failed,
}

/// What the system said to a write that failed: the encoder keeps no more of it than a text.
type Failed = Arc<Mutex<Option<io::Error>>>;

/// Notes what fails.
struct Noting<W> {
    inner: W,
    failed: Failed,
}

impl<W: Write> Noting<W> {
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            let own = error.raw_os_error().map(io::Error::from_raw_os_error);
            *held(&self.failed) = Some(own.unwrap_or_else(|| error.kind().into()));
        }
        result
    }
}

impl<W: Write> Write for Noting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.note(flushed)
    }
}

/// The writer is made when the first block has shown what the columns hold.
enum State<W: Write + Send> {
    New(Option<W>),
    Open(Box<ArrowWriter<Noting<W>>>),
}

impl<W: Write + Send> FileWriter<W> {
    /// A file with these columns; `file` names it in errors.
    pub(super) fn new(file: String, columns: Columns, purpose: Purpose, out: W) -> Self {
        let schema = columns.schema();
        let content = FileContent {
            rows: 0,
            values: 0,
            digest: ContentDigest::default(),
            time_min: Timestamp::from_ns(i64::MAX),
            time_max: Timestamp::from_ns(i64::MIN),
        };
        let (state, failed) = (State::New(Some(out)), Failed::default());
        let (bytes, group_string_bytes) = (0, 0);
        Self { file, columns, schema, purpose, state, content, bytes, group_string_bytes, failed }
    }

    /// Appends a block. Its fields are columns of the file, its rows come after those that are here.
    pub(super) fn push(&mut self, block: &Frame) -> Result<(), Error> {
        let batch = self.batch(block)?;
        if let State::New(out) = &mut self.state {
            let properties = properties(&self.columns, self.purpose, &batch);
            let inner = out.take().expect("a writer is made once");
            let out = Noting { inner, failed: Arc::clone(&self.failed) };
            let writer = ArrowWriter::try_new(out, Arc::clone(&self.schema), Some(properties));
            self.state = State::Open(Box::new(writer.map_err(encode(&self.file, &self.failed))?));
        }
        let State::Open(writer) = &mut self.state else { unreachable!("made above") };
        writer.write(&batch).map_err(encode(&self.file, &self.failed))?;
        self.group_string_bytes +=
            block.batch.columns().iter().map(block::string_bytes).sum::<usize>();
        if writer.in_progress_rows() == 0 {
            self.group_string_bytes = 0;
        } else if writer.memory_size() >= ROW_GROUP_BYTES_MAX
            || self.group_string_bytes >= ROW_GROUP_STRING_BYTES_MAX
        {
            writer.flush().map_err(encode(&self.file, &self.failed))?;
            self.group_string_bytes = 0;
        }
        self.bytes += block::bytes(block) as u64;
        self.note(block);
        Ok(())
    }

    fn note(&mut self, block: &Frame) {
        self.content.rows += block.rows() as u64;
        self.content.values += block.values;
        if self.purpose == Purpose::Keep {
            self.content.digest.add_frame(block);
            for ns in block::times(block) {
                let time = Timestamp::from_ns(*ns);
                self.content.time_min = self.content.time_min.min(time);
                self.content.time_max = self.content.time_max.max(time);
            }
        }
    }

    /// What was pushed so far.
    pub(super) fn content(&self) -> &FileContent {
        &self.content
    }

    /// Ends the file, with this metadata in its footer. There was at least one block.
    pub(super) fn finish(self, metadata: &[(&str, String)]) -> Result<(W, FileContent), Error> {
        let State::Open(mut writer) = self.state else {
            return Err(Error::Encode { file: self.file, what: "no rows".into() });
        };
        for (key, value) in metadata {
            writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
        }
        let bytes = self.bytes.to_string();
        writer.append_key_value_metadata(KeyValue::new(BYTES_KEY.to_owned(), bytes));
        let out = writer.into_inner().map_err(encode(&self.file, &self.failed))?;
        Ok((out.inner, self.content))
    }

    fn batch(&self, block: &Frame) -> Result<RecordBatch, Error> {
        let Some(time) = times::stored(block.batch.column(0), self.columns.time) else {
            let what = format!("a time loses digits as {}", self.columns.time);
            return Err(Error::Encode { file: self.file.clone(), what });
        };
        let mut arrays = vec![time];
        for (at, tag) in self.columns.tags.iter().enumerate() {
            arrays.push(tag_array(block, &tag.name, at, tag.binary));
        }
        let own: HashMap<_, _> = block.fields.iter().zip(&block.batch.columns()[1..]).collect();
        let mut found = 0;
        for FieldColumn { name, kind, binary, .. } in &self.columns.fields {
            arrays.push(match own.get(&(name.clone(), *kind)) {
                None => block::nulls(*kind, *binary, block.rows()),
                Some(array) => {
                    found += 1;
                    // A block may reach over files, and one of the others may hold bytes that are no text.
                    let text = if *binary { None } else { block::as_text(array) };
                    text.unwrap_or_else(|| block::as_binary(array))
                }
            });
        }
        let what = if found < block.fields.len() {
            "a block has a column that the file does not have".to_owned()
        } else {
            match RecordBatch::try_new(Arc::clone(&self.schema), arrays) {
                Ok(batch) => return Ok(batch),
                Err(error) => error.to_string(),
            }
        };
        Err(Error::Encode { file: self.file.clone(), what })
    }
}

fn encode(file: &str, failed: &Failed) -> impl FnOnce(ParquetError) -> Error {
    let (file, failed) = (file.to_owned(), Arc::clone(failed));
    move |error| match held(&failed).take() {
        Some(source) => Error::Io { file, source },
        None => Error::Encode { file, what: error.to_string() },
    }
}

/// The values of a tag, row by row. `near` is where the tag stands in a series that has all of them.
fn tag_array(block: &Frame, name: &[u8], near: usize, binary: bool) -> ArrayRef {
    let mut keys: Vec<i32> = Vec::with_capacity(block.rows());
    let mut valid: Vec<bool> = Vec::with_capacity(block.rows());
    let mut values: Vec<&[u8]> = Vec::new();
    let mut places: HashMap<&[u8], i32> = HashMap::new();
    for run in &block.runs {
        let tags = &run.series.tags;
        let expected = tags.get(near).filter(|(key, _)| **key == *name);
        let tag = expected.or_else(|| {
            tags.binary_search_by(|(key, _)| (**key).cmp(name)).ok().map(|at| &tags[at])
        });
        let key = tag.map(|(_, value)| {
            *places.entry(value).or_insert_with(|| {
                values.push(value);
                i32::try_from(values.len() - 1).expect("a block has far fewer than 2^31 rows")
            })
        });
        keys.resize(run.end_row, key.unwrap_or(0));
        valid.resize(run.end_row, key.is_some());
    }
    let nulls = NullBuffer::from(valid);
    let keys = Int32Array::new(keys.into(), (nulls.null_count() > 0).then_some(nulls));
    if values.is_empty() {
        // All keys are null, but a key has to stand under each of them.
        values.push(b"");
    }
    let values: ArrayRef = if binary {
        Arc::new(BinaryArray::from_iter_values(values))
    } else {
        let texts = values.iter().map(|value| std::str::from_utf8(value));
        Arc::new(StringArray::from_iter_values(
            texts.map(|text| text.expect("the column is binary if a value is not UTF-8")),
        ))
    };
    Arc::new(
        DictionaryArray::<Int32Type>::try_new(keys, values).expect("the keys point at the values"),
    )
}

fn properties(columns: &Columns, purpose: Purpose, sample: &RecordBatch) -> WriterProperties {
    let time = ColumnPath::from(TIME.to_owned());
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("sluice {}", env!("CARGO_PKG_VERSION")))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX));
    builder = match purpose {
        Purpose::Part => builder
            .set_compression(Compression::UNCOMPRESSED)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_data_page_size_limit(SPOOL_PART_PAGE_BYTES)
            .set_dictionary_page_size_limit(SPOOL_PART_PAGE_BYTES)
            .set_offset_index_disabled(true),
        Purpose::Keep => builder
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_column_statistics_enabled(time.clone(), EnabledStatistics::Page)
            .set_sorting_columns(Some(sorting(columns))),
    };
    builder = builder
        .set_column_encoding(time.clone(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(time, false);
    let first_field = 1 + columns.tags.len();
    for (field, array) in columns.fields.iter().zip(&sample.columns()[first_field..]) {
        let path = ColumnPath::new(vec![field.label.clone()]);
        builder = match purpose {
            Purpose::Part => builder.set_column_dictionary_enabled(path, false),
            Purpose::Keep => encoding(builder, path, field.kind, array),
        };
    }
    builder.build()
}

/// Tags in the order of the columns, then the time.
fn sorting(columns: &Columns) -> Vec<SortingColumn> {
    let tags = 1..=columns.tags.len();
    let all = tags.chain(std::iter::once(0)).map(|at| SortingColumn {
        column_idx: i32::try_from(at).expect("Parquet counts columns in 32 bits"),
        descending: false,
        nulls_first: false,
    });
    all.collect()
}

/// The encoding of a field: what its first values take least room with.
fn encoding(
    builder: WriterPropertiesBuilder,
    path: ColumnPath,
    kind: FieldType,
    sample: &ArrayRef,
) -> WriterPropertiesBuilder {
    let (encoding, dictionary) = match kind {
        FieldType::Boolean => return builder.set_column_dictionary_enabled(path, false),
        FieldType::String => (Encoding::DELTA_LENGTH_BYTE_ARRAY, is_repetitive_text(sample)),
        FieldType::Float => {
            let values = sample.as_primitive::<Float64Type>();
            let bits: Vec<u64> = values.iter().flatten().map(f64::to_bits).collect();
            (Encoding::BYTE_STREAM_SPLIT, distinct(&bits).is_some())
        }
        FieldType::Integer | FieldType::Unsigned => {
            let bits: Vec<u64> = if *sample.data_type() == DataType::Int64 {
                let values = sample.as_primitive::<Int64Type>();
                values.iter().flatten().map(i64::cast_unsigned).collect()
            } else {
                sample.as_primitive::<UInt64Type>().iter().flatten().collect()
            };
            let packed = delta_bits(&bits);
            let few = distinct(&bits).is_some_and(|distinct| {
                usize::BITS - distinct.saturating_sub(1).leading_zeros() < packed
            });
            (Encoding::DELTA_BINARY_PACKED, few)
        }
    };
    builder
        .set_column_encoding(path.clone(), encoding)
        .set_column_dictionary_enabled(path, dictionary)
}

/// How many values differ, if each comes four times or more on the average.
fn distinct<T: Eq + std::hash::Hash>(values: &[T]) -> Option<usize> {
    let mut seen = HashSet::new();
    let most = values.len() / 4;
    for value in values {
        seen.insert(value);
        if seen.len() > most {
            return None;
        }
    }
    (!seen.is_empty()).then_some(seen.len())
}

fn is_repetitive_text(sample: &ArrayRef) -> bool {
    let binary = block::as_binary(sample);
    let texts: Vec<_> = binary.as_binary::<i32>().iter().flatten().collect();
    distinct(&texts).is_some()
}

/// Bits of a value on the average when the differences are packed 32 at a time.
fn delta_bits(values: &[u64]) -> u32 {
    let deltas: Vec<i64> =
        values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]).cast_signed()).collect();
    let groups = deltas.chunks(32).map(|group| {
        let (min, max) = (group.iter().min(), group.iter().max());
        let span = min.zip(max).map_or(0, |(min, max)| max.wrapping_sub(*min).cast_unsigned());
        u64::BITS - span.leading_zeros()
    });
    let (sum, count) = groups.fold((0, 0), |(sum, count), bits| (sum + bits, count + 1));
    sum.checked_div(count).unwrap_or(0)
}
