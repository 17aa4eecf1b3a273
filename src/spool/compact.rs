//! Compaction: the small files of one measurement and month become one.
//!
//! The new file is complete and in the journal before the old ones go, so a spool is whole at every instant. It keeps
//! the ranges of its batches; a part of them can be read as before.

use std::collections::BTreeMap;

use super::batch::Totals;
use super::columns::{Columns, Shape};
use super::digest::ContentDigest;
use super::error::Error;
use super::files::Files;
use super::name::{self, Month, Tree};
use super::parts::PartsFile;
use super::sorted::{self, Part};
use super::state::FileEntry;
use super::stored::{check_file, open_file};
use super::writable::{Spool, held};
use crate::limits::{SPOOL_COMPACTED_BYTES_MAX, SPOOL_MERGE_PARTS_MAX, SPOOL_SMALL_FILE_BYTES};
use crate::model::time::{TimeRange, Timestamp};

/// What is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Files of this size and larger stay as they are.
    pub small_bytes: u64,
    /// Files that become one have so many bytes together, at the most.
    pub merged_bytes_max: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { small_bytes: SPOOL_SMALL_FILE_BYTES, merged_bytes_max: SPOOL_COMPACTED_BYTES_MAX }
    }
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Files that were merged.
    pub files_before: u64,
    /// Files that they became.
    pub files_after: u64,
    /// Bytes of the files that were merged.
    pub bytes_before: u64,
    /// Bytes of the files that they became.
    pub bytes_after: u64,
}

impl Spool {
    /// Merges small files. Each one is held against the manifest before, and the content of a merged file against that
    /// of the files it is made of.
    pub fn compact(&self, sizes: Sizes) -> Result<Compacted, Error> {
        let mut compacted = Compacted::default();
        for group in groups(self.files(), sizes) {
            compacted.files_before += group.len() as u64;
            compacted.files_after += 1;
            compacted.bytes_before += group.iter().map(|file| file.bytes).sum::<u64>();
            compacted.bytes_after += self.merge(&group)?;
        }
        Ok(compacted)
    }

    fn merge(&self, group: &[FileEntry]) -> Result<u64, Error> {
        let inner = &*self.inner;
        let _alone = held(&inner.finishing);
        let first = &group[0];
        let strange = || Error::damaged(&first.path, "its entry makes no sense");
        let measurement = name::decode(&first.measurement).ok_or_else(strange)?;
        let month: Month = first.month.parse().map_err(|_| strange())?;
        let tree = first.tree().ok_or_else(strange)?;
        let mut shape = Shape::default();
        for file in group {
            self.check(file)?;
            let reader = open_file(&inner.storage, &inner.job_id, file, None)?;
            add_columns(&mut shape, reader.columns());
        }
        let columns = shape.columns(&measurement, |_, _| true);
        let settled = inner.settle(&measurement, |_| ());
        let ranges = ranges(group);
        let whole = TimeRange { start: ranges[0].start, stop: ranges[ranges.len() - 1].stop };
        let mut files = Files::new(inner, ranges, whole);
        let (part, parts_file) = self.part(group, &columns)?;
        files.write_merged(&measurement, &settled, (tree, month), columns, part)?;
        if let Some(parts) = parts_file {
            inner.storage.discard(&parts.staged)?;
        }
        check_totals(group, &files.totals)?;
        let (Some(entry), Some((staged, _))) = (files.entries.pop(), files.staged.pop()) else {
            return Err(strange());
        };
        let bytes = entry.bytes;
        self.replace(staged, entry, group)?;
        Ok(bytes)
    }

    fn check(&self, file: &FileEntry) -> Result<(), Error> {
        self.with_state(|state| check_file(&self.inner.storage, state, file))
    }

    /// All rows of the files in order; more files than can be read at one time go through a file of parts.
    fn part(
        &self,
        group: &[FileEntry],
        columns: &Columns,
    ) -> Result<(Part, Option<PartsFile>), Error> {
        let inner = &*self.inner;
        let open = |files: &[FileEntry]| -> Result<Part, Error> {
            let parts = files.iter().map(|file| -> Result<Part, Error> {
                Ok(Box::new(open_file(&inner.storage, &inner.job_id, file, None)?))
            });
            Ok(sorted::merge(parts.collect::<Result<_, _>>()?))
        };
        if group.len() <= SPOOL_MERGE_PARTS_MAX {
            return Ok((open(group)?, None));
        }
        let mut file = PartsFile::new(&inner.storage)?;
        let mut sections = Vec::new();
        for some in group.chunks(SPOOL_MERGE_PARTS_MAX) {
            sections.push(file.append(columns.clone(), open(some)?)?);
        }
        let parts = file.reduce(sections, columns, 0)?;
        Ok((sorted::merge(parts), Some(file)))
    }
}

/// Files that become one: neighbours in time, small, of one tree, bucket, measurement and month.
fn groups(files: Vec<FileEntry>, sizes: Sizes) -> Vec<Vec<FileEntry>> {
    let mut by_place: BTreeMap<(Option<Tree>, String, String, String), Vec<FileEntry>> =
        BTreeMap::new();
    for file in files {
        let key = (file.tree(), file.bucket.clone(), file.measurement.clone(), file.month.clone());
        by_place.entry(key).or_default().push(file);
    }
    let mut groups = Vec::new();
    for mut files in by_place.into_values() {
        files.sort_by(|a, b| a.batches.cmp(&b.batches));
        let (mut group, mut bytes) = (Vec::new(), 0);
        for file in files {
            let large = file.bytes >= sizes.small_bytes;
            if large || bytes + file.bytes > sizes.merged_bytes_max {
                groups.push(std::mem::take(&mut group));
                bytes = 0;
            }
            if !large {
                bytes += file.bytes;
                group.push(file);
            }
        }
        groups.push(group);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// The ranges of the batches; neighbours become one.
fn ranges(group: &[FileEntry]) -> Vec<TimeRange> {
    let mut all: Vec<(i64, i64)> = group.iter().flat_map(|file| file.batches.clone()).collect();
    all.sort_unstable();
    let mut ranges: Vec<TimeRange> = Vec::new();
    for (start, stop) in all {
        let (start, stop) = (Timestamp::from_ns(start), Timestamp::from_ns(stop));
        match ranges.last_mut() {
            Some(last) if last.stop >= start => last.stop = last.stop.max(stop),
            _ => ranges.push(TimeRange { start, stop }),
        }
    }
    ranges
}

fn add_columns(shape: &mut Shape, columns: &Columns) {
    for tag in &columns.tags {
        *shape.tags.entry(tag.name.clone()).or_default() |= tag.binary;
    }
    for field in &columns.fields {
        // How many values there are matters to no one here, but there is one.
        shape.add_field(&field.name, field.kind, 1, field.binary);
    }
}

fn check_totals(group: &[FileEntry], totals: &Totals) -> Result<(), Error> {
    let mut digest = ContentDigest::default();
    for file in group {
        let own = file.digest.parse();
        digest.add(own.map_err(|_| Error::damaged(&file.path, "its content has no digest"))?);
    }
    let values: u64 = group.iter().map(|file| file.values).sum();
    if (values, digest) == (totals.values, totals.digest) {
        return Ok(());
    }
    let what = "the merged content is not that of the files it is made of";
    Err(Error::damaged(&group[0].path, what))
}
