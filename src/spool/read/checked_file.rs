//! One file, held against what the manifest tells of it.

use super::file_reader::FileReader;
use crate::model::content_digest::ContentDigest;
use crate::model::frame::Frame;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::error::Error;
use crate::spool::format::block;
use crate::spool::format::columns::FieldColumn;
use crate::spool::format::name::{self, Tree};
use crate::spool::format::state::{FileEntry, SpoolState};
use crate::spool::storage::{self, Stamp, Storage};

/// Holds the bytes of a file against its entry. What has another length is read only if it may be another file of this
/// spool; how long it is, is known before.
pub(crate) fn check_file(
    storage: &Storage,
    state: &SpoolState,
    file: &FileEntry,
) -> Result<Stamp, Error> {
    let fits = |found: u64| {
        if found == file.bytes || state.files.values().any(|other| other.bytes == found) {
            return Ok(());
        }
        storage::has(&file.path, file.bytes, found)
    };
    let missing = || Error::Missing { file: file.path.clone() };
    let (sha256, stamp) = storage.digest(&file.path, &fits)?.ok_or_else(missing)?;
    if sha256 == file.sha256 {
        return Ok(stamp);
    }
    let twin = state.files.values().find(|other| other.sha256 == sha256);
    Err(match twin {
        Some(other) => Error::Swapped { file: file.path.clone(), other: other.path.clone() },
        None => Error::damaged(&file.path, "its digest does not match"),
    })
}

/// Opens a file whose digest matched, all of it or what may lie in a range. What its footer tells must be what the
/// manifest tells of it.
pub(crate) fn open_file(
    storage: &Storage,
    state: &SpoolState,
    file: &FileEntry,
    range: Option<TimeRange>,
    known: Option<Stamp>,
) -> Result<FileReader, Error> {
    let (section, stamp) = storage.open(&file.path, (file.bytes, &file.sha256))?;
    let is_another = known.is_some_and(|known| known != stamp);
    if is_another && section.sha256().map_err(Error::io(&file.path))? != file.sha256 {
        return Err(Error::damaged(&file.path, "it was changed after it was verified"));
    }
    let reader = FileReader::open(&file.path, section, range)?;
    if reader.metadata("sluice.job") != Some(&state.job_id()) {
        return Err(Error::Foreign { file: file.path.clone() });
    }
    let columns = reader.columns();
    let same = (reader.metadata("sluice.bucket"), name::encode(&columns.measurement));
    if same != (Some(&file.bucket), file.measurement.clone()) {
        return Err(Error::damaged(&file.path, "it holds another measurement"));
    }
    let settled = state.measurements.get(&file.measurement);
    let fits = |field: &FieldColumn| {
        let kind = settled.and_then(|settled| settled.type_of(&field.name));
        kind.is_some_and(|kind| (kind == field.kind) == (file.tree() == Some(Tree::Data)))
    };
    if !columns.fields.iter().all(fits) || columns.time != state.job.time_type() {
        return Err(Error::damaged(&file.path, "a column of it has another type than was settled"));
    }
    let times = file.range();
    let told = [
        ("sluice.range", format!("{}/{}", times.start, Timestamp::from_ns(file.time_max))),
        ("sluice.rows", file.rows.to_string()),
        ("sluice.values", file.values.to_string()),
        ("sluice.digest", file.digest.clone()),
    ];
    match told.iter().find(|(key, text)| reader.metadata(key) != Some(text)) {
        Some((key, text)) => Err(Error::damaged(
            &file.path,
            format!("its {key} is not {text}, as the manifest says"),
        )),
        None => Ok(reader),
    }
}

/// What of a file was handed out.
#[derive(Debug)]
pub(super) struct Seen {
    rows: u64,
    values: u64,
    digest: ContentDigest,
    /// Of the first and the last value, ns.
    times: (i64, i64),
}

impl Default for Seen {
    fn default() -> Self {
        Self { rows: 0, values: 0, digest: ContentDigest::default(), times: (i64::MAX, i64::MIN) }
    }
}

impl Seen {
    pub(super) fn add(&mut self, block: &Frame) {
        self.rows += block.rows() as u64;
        self.values += block.values;
        self.digest.add_frame(block);
        for ns in block::times(block) {
            self.times = (self.times.0.min(*ns), self.times.1.max(*ns));
        }
    }

    pub(super) fn hold_against(&self, file: &FileEntry) -> Result<(), Error> {
        let Self { rows, values, digest, times } = self;
        let same = (*rows, *values, *times)
            == (file.rows, file.values, (file.time_min, file.time_max))
            && digest.to_string() == file.digest;
        if same {
            return Ok(());
        }
        let what = format!(
            "it holds {rows} rows, {values} values, digest {digest}, times {times:?}; the manifest says {} rows, {} values, digest {}, times {:?}",
            file.rows,
            file.values,
            file.digest,
            (file.time_min, file.time_max)
        );
        Err(Error::damaged(&file.path, what))
    }
}
