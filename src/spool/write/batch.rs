//! One batch on its way into the spool.
//!
//! Frames come in any order and from several threads. They are held as they are until the open batches together hold
//! too much; then the largest measurement is sorted and written to a file of sorted parts in `staging`. At the end
//! the parts of each measurement are merged, month by month, into the files that stay.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::batch_files::{BatchFiles, Totals};
use super::open::OpenSpool;
use super::parts::PartsFile;
use super::sorted::{self, HeldPart, Part};
use crate::limits::SPOOL_BUFFER_BYTES_MAX;
use crate::model::frame::Frame;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::error::Error;
use crate::spool::format::block;
use crate::spool::format::columns::{Columns, Shape};
use crate::spool::format::name::Month;
use crate::spool::format::state::FileEntry;
use crate::spool::held::held;
use crate::spool::storage::{Staged, Storage};

/// A batch that is being written.
#[derive(Debug)]
pub struct BatchWriter {
    inner: Arc<OpenSpool>,
    range: TimeRange,
    buffers: Mutex<Buffers>,
}

/// A batch whose files are complete and synced, and that can be committed. Dropped, it is given up.
#[derive(Debug)]
pub struct FinishedBatch {
    inner: Arc<OpenSpool>,
    range: TimeRange,
    files: Vec<FileEntry>,
    /// BatchFiles that go to their places with the commit.
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

/// BatchFiles that stand at their places already are told of, so that nobody takes them for foreign ones.
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
    /// True once frames were refused, or lost on their way to disk.
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
    pub(super) fn new(inner: Arc<OpenSpool>, range: TimeRange) -> Self {
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
        let checked = self.check(frame);
        let bytes = block::bytes(frame);
        let mut buffers = held(&self.buffers);
        buffers.failed |= checked.is_err();
        checked?;
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

    /// Every time belongs to the batch and can be stored.
    fn check(&self, frame: &Frame) -> Result<(), Error> {
        let (batch, time_type) = (self.range, self.inner.job.time_type);
        for ns in block::times(frame) {
            let time = Timestamp::from_ns(*ns);
            if !batch.contains(time) {
                return Err(Error::OutsideBatch { batch, time });
            }
            if !time_type.holds(time) {
                let measurement = frame.measurement.clone();
                return Err(Error::TimeDigits { batch, measurement, time, time_type });
            }
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
        let mut files = BatchFiles::new(&self.inner, vec![self.range], self.range);
        while let Some((measurement, own)) = measurements.pop_first() {
            let bytes = own.bytes;
            let written = own
                .sorted(&measurement, parts.as_mut())
                .and_then(|(shapes, part)| files.write_measurement(&measurement, &shapes, part));
            self.inner.held_bytes.fetch_sub(bytes, Ordering::SeqCst);
            written?;
        }
        if let Some(parts) = parts.take() {
            self.inner.storage.discard(&parts.staged)?;
        }
        let BatchFiles { entries, mut staged, totals, .. } = files;
        if self.inner.is_past_watermark(self.range) {
            self.inner.storage.publish_all(&staged)?;
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
        Shape::of_all(&self.shapes).columns(measurement, |_, _| true)
    }

    /// Everything in order, with what each month holds.
    fn sorted(
        self,
        measurement: &Name,
        parts_file: Option<&mut PartsFile>,
    ) -> Result<(BTreeMap<Month, Shape>, Part), Error> {
        let columns = self.columns(measurement);
        let mut parts = match parts_file {
            Some(file) if !self.sections.is_empty() => file.reduce(self.sections, &columns, 1)?,
            _ => Vec::new(),
        };
        if !self.frames.is_empty() {
            parts.push(Box::new(HeldPart::new(self.frames)));
        }
        Ok((self.shapes, sorted::merge(parts)))
    }
}
