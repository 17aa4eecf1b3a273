//! Compaction: the small files of one measurement and month become one.
//!
//! The new file is complete and in the journal before the old ones go, so a spool is whole at every instant. It keeps
//! the ranges of its batches; a part of them can be read as before.

use std::collections::BTreeMap;

use super::batch_files::{BatchFiles, BatchTotals};
use super::parts::PartsFile;
use super::sorted::{self, SortedPart};
use super::writable::Spool;
use crate::limits::{SPOOL_COMPACTED_BYTES_MAX, SPOOL_MERGE_PARTS_MAX, SPOOL_SMALL_FILE_BYTES};
use crate::model::content_digest::ContentDigest;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::error::Error;
use crate::spool::format::columns::{Columns, Shape};
use crate::spool::format::name::{self, Month, Tree};
use crate::spool::format::state::{FileEntry, joined};
use crate::spool::held::held;
use crate::spool::lock::Reading;
use crate::spool::read::checked_file::{check_file, open_file};
use crate::spool::read::file_reader::FileReader;
use crate::spool::storage::Stamp;

/// What is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactedSizes {
    /// Files of this size and larger stay as they are.
    pub small_bytes: u64,
    /// Files that become one have so many bytes together, at the most.
    pub merged_bytes_max: u64,
}

impl Default for CompactedSizes {
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
    /// of the files it is made of. In a folder nobody may read the spool meanwhile.
    pub fn compact(&self, sizes: CompactedSizes) -> Result<Compacted, Error> {
        self.compact_step_by_step(sizes, |_, _| ())
    }

    /// The same; `tell` hears after each new file what was done so far, and of how many bytes.
    pub fn compact_step_by_step(
        &self,
        sizes: CompactedSizes,
        mut tell: impl FnMut(&Compacted, u64),
    ) -> Result<Compacted, Error> {
        let _alone = Reading::alone(&self.inner.storage)?;
        let mut compacted = Compacted::default();
        let groups = groups(self.files(), sizes);
        let all_bytes = groups.iter().flatten().map(|file| file.bytes).sum();
        for group in groups {
            compacted.files_before += group.len() as u64;
            compacted.files_after += 1;
            compacted.bytes_before += group.iter().map(|file| file.bytes).sum::<u64>();
            compacted.bytes_after += self.merge(&group)?;
            tell(&compacted, all_bytes);
        }
        Ok(compacted)
    }

    fn merge(&self, group: &[FileEntry]) -> Result<u64, Error> {
        let inner = &*self.inner;
        let _alone = held(&inner.finishing);
        let first = &group[0];
        let strange = || Error::damaged(&first.path, "its entry makes no sense");
        let measurement = name::decode(&first.measurement).ok_or_else(strange)?;
        let bucket = name::decode(&first.bucket).ok_or_else(strange)?;
        let month: Month = first.month.parse().map_err(|_| strange())?;
        let tree = first.tree().ok_or_else(strange)?;
        let (mut shape, mut stamps) = (Shape::default(), Vec::new());
        for file in group {
            let stamp = self.with_state(|state| check_file(&inner.storage, state, file))?;
            stamps.push((file, stamp));
            add_columns(&mut shape, self.reader(file, stamp)?.columns());
        }
        let columns = shape.columns(&measurement, |_, _| true);
        let settled = inner.settle(&measurement, |_| ());
        let own = group.iter().flat_map(|file| file.batches.iter().copied()).collect();
        let at = |(start, stop)| TimeRange {
            start: Timestamp::from_ns(start),
            stop: Timestamp::from_ns(stop),
        };
        let ranges: Vec<_> = joined(own).into_iter().map(at).collect();
        let whole = TimeRange { start: ranges[0].start, stop: ranges[ranges.len() - 1].stop };
        let mut files = BatchFiles::of_bucket(inner, bucket, ranges, whole);
        let (part, parts_file) = self.part(&stamps, &columns)?;
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

    /// A file, as it was when its digest was taken.
    fn reader(&self, file: &FileEntry, stamp: Stamp) -> Result<FileReader, Error> {
        self.with_state(|state| open_file(&self.inner.storage, state, file, None, Some(stamp)))
    }

    /// All rows of the files in order; more files than can be read at one time go through a file of parts.
    fn part(
        &self,
        group: &[(&FileEntry, Stamp)],
        columns: &Columns,
    ) -> Result<(SortedPart, Option<PartsFile>), Error> {
        let open = |files: &[(&FileEntry, Stamp)]| -> Result<SortedPart, Error> {
            let parts = files.iter().map(|(file, stamp)| -> Result<SortedPart, Error> {
                Ok(Box::new(self.reader(file, *stamp)?))
            });
            Ok(sorted::merge(parts.collect::<Result<_, _>>()?))
        };
        if group.len() <= SPOOL_MERGE_PARTS_MAX {
            return Ok((open(group)?, None));
        }
        let mut file = PartsFile::new(&self.inner.storage)?;
        let mut sections = Vec::new();
        for some in group.chunks(SPOOL_MERGE_PARTS_MAX) {
            sections.push(file.append(columns.clone(), open(some)?)?);
        }
        let parts = file.reduce(sections, columns, 0)?;
        Ok((sorted::merge(parts), Some(file)))
    }
}

/// Files that become one: neighbours in time, small, of one tree, bucket, measurement and month.
fn groups(files: Vec<FileEntry>, sizes: CompactedSizes) -> Vec<Vec<FileEntry>> {
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

fn add_columns(shape: &mut Shape, columns: &Columns) {
    for tag in &columns.tags {
        *shape.tags.entry(tag.name.clone()).or_default() |= tag.binary;
    }
    for field in &columns.fields {
        // How many values there are matters to no one here, but there is one.
        shape.add_field(&field.name, field.kind, 1, field.binary);
    }
}

fn check_totals(group: &[FileEntry], totals: &BatchTotals) -> Result<(), Error> {
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
