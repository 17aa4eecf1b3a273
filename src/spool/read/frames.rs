//! The frames of a spool, of files that were held against the manifest before.

use std::collections::VecDeque;

use super::checked_file::Seen;
use super::file_reader::FileReader;
use super::stored::{Stored, StoredSelection};
use crate::model::frame::Frame;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::error::Error;
use crate::spool::format::block;
use crate::spool::format::state::FileEntry;
use crate::spool::storage::several;

/// What was read of the files, after they were verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decoded {
    /// Bytes of their footers and pages.
    pub bytes: u64,
    /// Rows, with those that lie outside of the range but share a page with others.
    pub rows: u64,
}

impl Stored {
    /// The frames of a selection, measurement by measurement and month by month. All files are verified first.
    pub fn frames(&self, selection: &StoredSelection) -> Result<Frames, Error> {
        self.verify(selection)?;
        let files: Vec<_> = self.files(selection).into_iter().cloned().collect();
        self.frames_of(&files, selection.range)
    }

    /// The frames of some files of this spool, as far as they lie in the range. These files are verified first. Of one that
    /// reaches further, only the pages that may hold some of the range are decoded; one that does not is held against
    /// its content digest at its end.
    pub fn frames_of(&self, files: &[FileEntry], range: TimeRange) -> Result<Frames, Error> {
        self.search()?;
        several::each(files, self.storage().at_one_time(), |file| self.verify_file(file))?;
        Ok(Frames {
            stored: self.clone(),
            range,
            files: files.iter().filter(|file| file.touches(range)).cloned().collect(),
            open: None,
            ready: VecDeque::new(),
            decoded: Decoded::default(),
            failed: false,
        })
    }
}

/// A file that is being read.
struct OpenFile {
    file: FileEntry,
    reader: FileReader,
    /// Of a file that is read as a whole.
    seen: Option<Seen>,
}

/// Frames of a spool. Ends at the first error.
pub struct Frames {
    stored: Stored,
    range: TimeRange,
    files: VecDeque<FileEntry>,
    open: Option<OpenFile>,
    ready: VecDeque<Frame>,
    /// Of the files before the open one.
    decoded: Decoded,
    failed: bool,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("files_left", &self.files.len()).finish_non_exhaustive()
    }
}

impl Frames {
    /// What was read so far.
    pub fn decoded(&self) -> Decoded {
        let own = self.open.as_ref().map_or(0, |open| open.reader.bytes_read());
        Decoded { bytes: self.decoded.bytes + own, ..self.decoded }
    }

    /// Reads on; false at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        let Some(open) = &mut self.open else {
            let Some(file) = self.files.pop_front() else { return Ok(false) };
            let inside = |ns| self.range.contains(Timestamp::from_ns(ns));
            let whole = inside(file.time_min) && inside(file.time_max);
            let reader = self.stored.reader(&file, (!whole).then_some(self.range))?;
            self.open = Some(OpenFile { file, reader, seen: whole.then(Seen::default) });
            return Ok(true);
        };
        let Some(block) = open.reader.next().transpose()? else {
            if let Some(seen) = &open.seen {
                seen.hold_against(&open.file)?;
            }
            self.decoded = self.decoded();
            self.open = None;
            return Ok(true);
        };
        self.decoded.rows += block.rows() as u64;
        if let Some(seen) = &mut open.seen {
            seen.add(&block);
            self.ready.extend(block::frames(&block));
        } else {
            let inside = block::inside(&block, self.range);
            self.ready.extend(inside.iter().flat_map(block::frames));
        }
        Ok(true)
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            if let Some(frame) = self.ready.pop_front() {
                return Some(Ok(frame));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
