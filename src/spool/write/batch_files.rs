//! The files that come out of a batch, or of a compaction.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;

use super::file_writer::{FileContent, FileWriter, Purpose};
use super::open::OpenSpool;
use super::sorted::{self, SortedPart};
use crate::model::content_digest::ContentDigest;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::digest::HashingWriter;
use crate::spool::error::Error;
use crate::spool::format::block;
use crate::spool::format::columns::{Columns, Shape};
use crate::spool::format::name::{self, Month, Tree};
use crate::spool::format::state::{FileEntry, Settled};
use crate::spool::storage::Staged;

/// What a finished batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchTotals {
    /// Rows: series and times. One that stands in both trees counts twice.
    pub rows: u64,
    /// Values, each once however often it came.
    pub values: u64,
    /// Of the content, whatever its order.
    pub digest: ContentDigest,
}

/// Complete and synced files, and those that are being written.
pub(super) struct BatchFiles<'a> {
    inner: &'a OpenSpool,
    /// Its name when the values were read. It may have another one by now.
    bucket: Name,
    /// What the values belong to.
    batches: Vec<TimeRange>,
    /// From the first batch to the last.
    range: TimeRange,
    pub(super) entries: Vec<FileEntry>,
    pub(super) staged: Vec<(Staged, String)>,
    pub(super) totals: BatchTotals,
}

type Output = FileWriter<HashingWriter<BufWriter<File>>>;

/// A file that is being written.
struct OpenFile {
    staged: Staged,
    tree: Tree,
    writer: Output,
}

impl<'a> BatchFiles<'a> {
    /// No files yet, for values of these batches, which are read now.
    pub(super) fn new(inner: &'a OpenSpool, batches: Vec<TimeRange>, range: TimeRange) -> Self {
        Self::of_bucket(inner, inner.job.source_bucket.as_bytes().into(), batches, range)
    }

    /// The same for values that were read before.
    pub(super) fn of_bucket(
        inner: &'a OpenSpool,
        bucket: Name,
        batches: Vec<TimeRange>,
        range: TimeRange,
    ) -> Self {
        let (entries, staged) = (Vec::new(), Vec::new());
        Self { inner, bucket, batches, range, entries, staged, totals: BatchTotals::default() }
    }

    /// Writes a sorted part: a file for each month, and one more where a field has several types.
    pub(super) fn write_measurement(
        &mut self,
        measurement: &Name,
        shapes: &BTreeMap<Month, Shape>,
        part: SortedPart,
    ) -> Result<(), Error> {
        let all = Shape::of_all(shapes);
        let settled = self.inner.settle(measurement, |settled| settle(settled, measurement, &all));
        let settled = &settled;
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
        let columns = columns.with_time(self.inner.job.time_type);
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
        let metadata = self.metadata(writer.content());
        let (out, content) = writer.finish(&metadata)?;
        let (out, bytes, sha256) = out.finish();
        let place = staged.path.display().to_string();
        let file = out.into_inner().map_err(|error| Error::io(&place)(error.into_error()))?;
        self.inner.storage.sync(&staged, &file)?;
        let folder = name::folder(tree, &settled.keys, &self.bucket, measurement, month);
        let path = format!("{folder}/{}", name::file_name(self.range, &sha256));
        self.totals.rows += content.rows;
        self.totals.values += content.values;
        self.totals.digest.add(content.digest);
        self.staged.push((staged, path.clone()));
        self.entries.push(FileEntry {
            path,
            bucket: name::encode(&self.bucket),
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
    fn metadata(&self, content: &FileContent) -> [(&'static str, String); 8] {
        let span = |start: Timestamp, stop: Timestamp| format!("{start}/{stop}");
        [
            ("sluice.format", self.inner.format.to_string()),
            ("sluice.job", self.inner.job_id.clone()),
            ("sluice.bucket", name::encode(&self.bucket)),
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
        part: SortedPart,
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
