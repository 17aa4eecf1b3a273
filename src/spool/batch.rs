//! One batch on its way into the spool.
//!
//! Frames come in any order and from several threads. They are held as they are until the open batches together hold
//! too much; then the largest measurement is sorted and written to a file of sorted parts in `staging`. At the end
//! the parts of each measurement are merged, month by month, into the files that stay.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::block;
use super::columns::{Columns, Shape};
use super::digest::{ContentDigest, HashingWriter};
use super::error::Error;
use super::name::{self, Month, Tree};
use super::read::{FileReader, Section};
use super::sorted::{self, HeldPart, Part};
use super::state::{FORMAT, FileEntry, Settled};
use super::storage::{Staged, Storage};
use super::writable::{Inner, held, publish};
use super::write::{Content, FileWriter, Purpose};
use crate::limits::{SPOOL_BUFFER_BYTES_MAX, SPOOL_MERGE_PARTS_MAX};
use crate::model::frame::{FieldType, Frame};
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};

/// A batch that is being written.
#[derive(Debug)]
pub struct BatchWriter {
    inner: Arc<Inner>,
    range: TimeRange,
    buffers: Mutex<Buffers>,
}

/// What a finished batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Rows: series and times. One that stands in both trees counts twice.
    pub rows: u64,
    /// Values, each once however often it came.
    pub values: u64,
    /// Of the content, whatever its order.
    pub digest: ContentDigest,
}

/// A batch whose files are complete and synced, and that can be committed. Dropped, it is given up.
#[derive(Debug)]
pub struct FinishedBatch {
    inner: Arc<Inner>,
    range: TimeRange,
    files: Vec<FileEntry>,
    /// Files that go to their places with the commit.
    staged: Vec<(Staged, String)>,
    totals: Totals,
    rejected: u64,
}

impl FinishedBatch {
    /// Its range.
    pub fn range(&self) -> TimeRange {
        self.range
    }

    /// Its files.
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// What it holds.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Notes how many values of the batch are not in it.
    pub fn set_rejected(&mut self, values: u64) {
        self.rejected = values;
    }

    /// Values of the batch that are not in it.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    pub(super) fn into_parts(mut self) -> (Vec<FileEntry>, Vec<(Staged, String)>, Totals) {
        (std::mem::take(&mut self.files), std::mem::take(&mut self.staged), self.totals)
    }
}

/// Files that stand at their places already are told of, so that nobody takes them for foreign ones.
impl Drop for FinishedBatch {
    fn drop(&mut self) {
        if self.staged.is_empty() && !self.files.is_empty() {
            self.inner.give_up(self.files.iter().map(|file| file.path.clone()).collect());
        }
    }
}

#[derive(Debug, Default)]
struct Buffers {
    measurements: BTreeMap<Name, Held>,
    parts: Option<PartsFile>,
    /// True once frames were lost on their way to disk.
    failed: bool,
}

/// What came of one measurement.
#[derive(Debug, Default)]
struct Held {
    frames: Vec<Frame>,
    bytes: usize,
    shapes: BTreeMap<Month, Shape>,
    /// Sorted parts on disk, in the order in which they came.
    sections: Vec<(u64, u64)>,
}

impl BatchWriter {
    pub(super) fn new(inner: Arc<Inner>, range: TimeRange) -> Self {
        Self { inner, range, buffers: Mutex::default() }
    }

    /// Its range.
    pub fn range(&self) -> TimeRange {
        self.range
    }

    /// Takes the values of a frame. Where a value comes twice, the later one counts. May be called by several threads;
    /// one of them may write to disk while the others wait. After an error the batch cannot be finished.
    pub fn push(&self, frame: &Frame) -> Result<(), Error> {
        if frame.rows() == 0 {
            return Ok(());
        }
        let outside = |ns: &&i64| !self.range.contains(Timestamp::from_ns(**ns));
        if let Some(ns) = block::times(frame).iter().find(outside) {
            let time = Timestamp::from_ns(*ns);
            return Err(Error::OutsideBatch { batch: self.range, time });
        }
        let bytes = block::bytes(frame);
        let mut buffers = held(&self.buffers);
        let own = buffers.measurements.entry(frame.measurement.clone()).or_default();
        block::add_shapes(frame, &mut own.shapes);
        own.frames.push(frame.clone());
        own.bytes += bytes;
        let mut all = self.inner.held_bytes.fetch_add(bytes, Ordering::SeqCst) + bytes;
        while all > SPOOL_BUFFER_BYTES_MAX {
            let spilled = buffers.spill_largest(&self.inner.storage);
            buffers.failed |= spilled.is_err();
            let Some(freed) = spilled? else { break };
            all = self.inner.held_bytes.fetch_sub(freed, Ordering::SeqCst) - freed;
        }
        Ok(())
    }

    /// Sorts, encodes and syncs everything. Blocks until the batches before it in this call are done.
    pub fn finish(self) -> Result<FinishedBatch, Error> {
        let _alone = held(&self.inner.finishing);
        let mut buffers = held(&self.buffers);
        if buffers.failed {
            let (file, what) =
                (self.range.to_string(), "a part of it could not be kept".to_owned());
            return Err(Error::Encode { file, what });
        }
        let Buffers { measurements, parts, .. } = &mut *buffers;
        let mut files = Files {
            inner: &self.inner,
            batches: vec![self.range],
            range: self.range,
            entries: Vec::new(),
            staged: Vec::new(),
            totals: Totals::default(),
        };
        while let Some((measurement, own)) = measurements.pop_first() {
            let bytes = own.bytes;
            let written = files.write_measurement(&measurement, own, parts.as_mut());
            self.inner.held_bytes.fetch_sub(bytes, Ordering::SeqCst);
            written?;
        }
        if let Some(parts) = parts.take() {
            self.inner.storage.discard(&parts.staged)?;
        }
        let Files { entries, mut staged, totals, .. } = files;
        if self.inner.is_past_watermark(self.range) {
            publish(&self.inner.storage, &staged)?;
            staged.clear();
        }
        let inner = Arc::clone(&self.inner);
        Ok(FinishedBatch { inner, range: self.range, files: entries, staged, totals, rejected: 0 })
    }
}

/// A batch that is given up holds nothing any longer. Its file of parts is swept when the spool is opened again.
impl Drop for BatchWriter {
    fn drop(&mut self) {
        let buffers = held(&self.buffers);
        let bytes: usize = buffers.measurements.values().map(|own| own.bytes).sum();
        self.inner.held_bytes.fetch_sub(bytes, Ordering::SeqCst);
    }
}

impl Buffers {
    /// Writes the frames of one measurement to disk; gives the bytes that are free now.
    fn spill_largest(&mut self, storage: &Storage) -> Result<Option<usize>, Error> {
        let held = self.measurements.iter_mut().filter(|(_, own)| !own.frames.is_empty());
        let Some((measurement, own)) = held.max_by_key(|(_, own)| own.bytes) else {
            return Ok(None);
        };
        if self.parts.is_none() {
            self.parts = Some(PartsFile::new(storage)?);
        }
        let parts = self.parts.as_mut().expect("made above");
        let part = Box::new(HeldPart::new(std::mem::take(&mut own.frames)));
        let section = parts.append(own.columns(measurement), part)?;
        own.sections.push(section);
        Ok(Some(std::mem::take(&mut own.bytes)))
    }
}

impl Held {
    /// The columns of all months.
    fn columns(&self, measurement: &Name) -> Columns {
        let mut all = Shape::default();
        self.shapes.values().for_each(|shape| all.add(shape));
        all.columns(measurement, |_, _| true)
    }
}

/// A file of sorted parts, each a Parquet file of its own.
#[derive(Debug)]
pub(super) struct PartsFile {
    pub(super) staged: Staged,
    file: Arc<File>,
}

impl PartsFile {
    pub(super) fn new(storage: &Storage) -> Result<Self, Error> {
        let (staged, file) = storage.stage()?;
        Ok(Self { staged, file: Arc::new(file) })
    }

    fn name(&self) -> String {
        self.staged.path.display().to_string()
    }

    /// Appends a sorted part; gives its place and length.
    pub(super) fn append(&mut self, columns: Columns, part: Part) -> Result<(u64, u64), Error> {
        let name = self.name();
        let start = (&*self.file).seek(SeekFrom::End(0)).map_err(Error::io(&name))?;
        let out = BufWriter::new(self.file.try_clone().map_err(Error::io(&name))?);
        let mut writer = FileWriter::new(name.clone(), columns, Purpose::Part, out);
        for block in part {
            writer.push(&block?)?;
        }
        let (mut out, _) = writer.finish(&[])?;
        out.flush().map_err(Error::io(&name))?;
        let end = (&*self.file).seek(SeekFrom::End(0)).map_err(Error::io(&name))?;
        Ok((start, end - start))
    }

    fn open(&self, (start, length): (u64, u64)) -> Result<Part, Error> {
        let section = Section { file: Arc::clone(&self.file), start, length };
        Ok(Box::new(FileReader::open(&self.name(), section)?))
    }

    /// Merges parts until few enough are left to be merged at one time with `others` more.
    pub(super) fn reduce(
        &mut self,
        mut sections: Vec<(u64, u64)>,
        columns: &Columns,
        others: usize,
    ) -> Result<Vec<Part>, Error> {
        while sections.len() + others > SPOOL_MERGE_PARTS_MAX {
            let mut merged = Vec::new();
            for group in sections.chunks(SPOOL_MERGE_PARTS_MAX) {
                let parts = group.iter().map(|section| self.open(*section));
                let parts = parts.collect::<Result<Vec<_>, _>>()?;
                merged.push(self.append(columns.clone(), sorted::merge(parts))?);
            }
            sections = merged;
        }
        sections.iter().map(|section| self.open(*section)).collect()
    }
}

/// The files that come out of a batch, or of a compaction.
pub(super) struct Files<'a> {
    pub(super) inner: &'a Inner,
    /// What the values belong to.
    pub(super) batches: Vec<TimeRange>,
    /// From the first batch to the last.
    pub(super) range: TimeRange,
    pub(super) entries: Vec<FileEntry>,
    pub(super) staged: Vec<(Staged, String)>,
    pub(super) totals: Totals,
}

type Output = FileWriter<HashingWriter<BufWriter<File>>>;

/// A file that is being written.
struct OpenFile {
    staged: Staged,
    tree: Tree,
    writer: Output,
}

impl Files<'_> {
    fn write_measurement(
        &mut self,
        measurement: &Name,
        own: Held,
        parts_file: Option<&mut PartsFile>,
    ) -> Result<(), Error> {
        let mut all = Shape::default();
        own.shapes.values().for_each(|shape| all.add(shape));
        let settled = self.inner.settle(measurement, |settled| settle(settled, measurement, &all));
        let mut parts: Vec<Part> = match parts_file {
            Some(file) if !own.sections.is_empty() => {
                file.reduce(own.sections, &all.columns(measurement, |_, _| true), 1)?
            }
            _ => Vec::new(),
        };
        if !own.frames.is_empty() {
            parts.push(Box::new(HeldPart::new(own.frames)));
        }
        self.write_part(measurement, &settled, &own.shapes, sorted::merge(parts))
    }

    /// Writes a sorted part: a file for each month, and one more where a field has several types.
    fn write_part(
        &mut self,
        measurement: &Name,
        settled: &Settled,
        shapes: &BTreeMap<Month, Shape>,
        part: Part,
    ) -> Result<(), Error> {
        let mut open: Option<(Month, Vec<OpenFile>)> = None;
        for block in part {
            for (month, block) in sorted::by_month(&block?) {
                if open.as_ref().is_none_or(|(known, _)| *known != month) {
                    if let Some((month, files)) = open.take() {
                        self.end(measurement, settled, month, files)?;
                    }
                    let shape = shapes.get(&month).cloned().unwrap_or_default();
                    open = Some((month, self.begin(measurement, settled, &shape)?));
                }
                let (_, files) = open.as_mut().expect("opened above");
                for file in files {
                    let keep = |_, field: &(Name, FieldType)| tree_of(settled, field) == file.tree;
                    if let Some(part) = block::without_empty(&block, keep) {
                        file.writer.push(&part)?;
                    }
                }
            }
        }
        match open {
            Some((month, files)) => self.end(measurement, settled, month, files),
            None => Ok(()),
        }
    }

    fn begin(
        &self,
        measurement: &Name,
        settled: &Settled,
        shape: &Shape,
    ) -> Result<Vec<OpenFile>, Error> {
        let mut files = Vec::new();
        for tree in Tree::ALL {
            let of_tree = |name: &Name, kind| tree_of(settled, &(name.clone(), kind)) == tree;
            let columns = shape.columns(measurement, of_tree);
            if !columns.fields.is_empty() {
                files.push(self.open(tree, columns)?);
            }
        }
        Ok(files)
    }

    fn open(&self, tree: Tree, columns: Columns) -> Result<OpenFile, Error> {
        let (staged, file) = self.inner.storage.stage()?;
        let out = HashingWriter::new(BufWriter::new(file));
        let name = staged.path.display().to_string();
        Ok(OpenFile { staged, tree, writer: FileWriter::new(name, columns, Purpose::Keep, out) })
    }

    fn end(
        &mut self,
        measurement: &Name,
        settled: &Settled,
        month: Month,
        files: Vec<OpenFile>,
    ) -> Result<(), Error> {
        for file in files {
            self.end_file(measurement, settled, month, file)?;
        }
        Ok(())
    }

    fn end_file(
        &mut self,
        measurement: &Name,
        settled: &Settled,
        month: Month,
        file: OpenFile,
    ) -> Result<(), Error> {
        let OpenFile { staged, tree, writer } = file;
        let bucket = self.inner.job.source_bucket.as_bytes();
        let metadata = self.metadata(writer.content());
        let (out, content) = writer.finish(&metadata)?;
        let (out, bytes, sha256) = out.finish();
        let place = staged.path.display().to_string();
        let file = out.into_inner().map_err(|error| Error::io(&place)(error.into_error()))?;
        self.inner.storage.sync(&staged, &file)?;
        let folder = name::folder(tree, &settled.keys, bucket, measurement, month);
        let path = format!("{folder}/{}", name::file_name(self.range, &sha256));
        self.totals.rows += content.rows;
        self.totals.values += content.values;
        self.totals.digest.add(content.digest);
        self.staged.push((staged, path.clone()));
        self.entries.push(FileEntry {
            path,
            bucket: name::encode(bucket),
            measurement: name::encode(measurement),
            month: month.to_string(),
            batches: self.batches.iter().map(|range| (range.start.ns(), range.stop.ns())).collect(),
            time_min: content.time_min.ns(),
            time_max: content.time_max.ns(),
            bytes,
            sha256,
            rows: content.rows,
            values: content.values,
            digest: content.digest.to_string(),
        });
        Ok(())
    }

    /// What the footer of a file tells of it. No part is secret.
    fn metadata(&self, content: &Content) -> [(&'static str, String); 8] {
        let span = |start: Timestamp, stop: Timestamp| format!("{start}/{stop}");
        let bucket = self.inner.job.source_bucket.as_bytes();
        [
            ("sluice.format", FORMAT.to_string()),
            ("sluice.job", self.inner.job_id.clone()),
            ("sluice.bucket", name::encode(bucket)),
            ("sluice.batch", span(self.range.start, self.range.stop)),
            ("sluice.range", span(content.time_min, content.time_max)),
            ("sluice.rows", content.rows.to_string()),
            ("sluice.values", content.values.to_string()),
            ("sluice.digest", content.digest.to_string()),
        ]
    }

    /// Writes one file out of files that hold the same measurement, month and tree.
    pub(super) fn write_merged(
        &mut self,
        measurement: &Name,
        settled: &Settled,
        (tree, month): (Tree, Month),
        columns: Columns,
        part: Part,
    ) -> Result<(), Error> {
        let mut file = self.open(tree, columns)?;
        for block in part {
            file.writer.push(&block?)?;
        }
        self.end_file(measurement, settled, month, file)
    }
}

fn tree_of(settled: &Settled, (name, kind): &(Name, FieldType)) -> Tree {
    if settled.type_of(name).is_none_or(|known| known == *kind) {
        Tree::Data
    } else {
        Tree::Conflicts
    }
}

/// Fixes the type of each new field, the most frequent one, and the keys of the partitions.
fn settle(settled: &mut Settled, measurement: &Name, shape: &Shape) {
    let mut best: BTreeMap<&Name, (Reverse<u64>, FieldType)> = BTreeMap::new();
    for ((name, kind), (values, _)) in &shape.fields {
        let own = (Reverse(*values), *kind);
        let known = best.entry(name).or_insert(own);
        *known = own.min(*known);
    }
    for (name, (_, kind)) in best {
        if settled.type_of(name).is_none() {
            settled.settle(name, kind);
        }
    }
    settled.tags.extend(shape.tags.keys().map(|tag| name::encode(tag)));
    let columns = shape.columns(measurement, |_, _| true);
    let keys = std::mem::take(&mut settled.keys);
    settled.keys = keys.apart_from(|key| columns.labels().any(|label| label == key));
}
