//! The journal of a comparison: what it has found equal, kept in the job's state folder as long as it is not at its end, so that
//! the same command goes on where it was stopped. It is a help and no more: where it cannot be used, the comparison says so and
//! goes on without. Nothing is synced: what is lost with the machine is compared again.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::journal_text::{self, JournalContent, JournalHead, KnownJournal, Subject};
use crate::limits::{VERIFY_JOURNAL_BYTES_MAX, VERIFY_JOURNAL_MS_MAX, VERIFY_JOURNAL_OPENS_MAX};
use crate::lock_file::{LockFile, holder};
use crate::model::number;
use crate::model::time::Timestamp;
use crate::pipeline::commit::job_lock::make_private;
use crate::pipeline::event::{Event, EventSink};
use crate::pipeline::verify::known::{EqualStretch, KnownStretches};
use crate::report::json;

/// Name of the file in the state folder of the job.
const FILE: &str = "verify.journal";

/// Whether anything of a comparison is kept if it is stopped.
#[derive(Debug, Default)]
pub struct KeptFindings(AtomicBool);

impl KeptFindings {
    /// True once something is.
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, is_any: bool) {
        self.0.store(is_any, Ordering::Relaxed);
    }
}

/// A journal, open and locked.
pub(super) struct VerifyJournal<'a> {
    /// When the first of its comparisons began.
    pub(super) began: Timestamp,
    path: PathBuf,
    head: JournalHead,
    writing: Mutex<Writing>,
    kept: &'a KeptFindings,
    events: &'a EventSink,
}

/// The file, and how much of it is whole lines.
struct Writing {
    file: LockFile,
    bytes: u64,
    /// Nothing is added any more.
    is_closed: bool,
}

/// A file as it was opened, with what it knows.
pub(super) struct OpenedFile {
    file: LockFile,
    path: PathBuf,
    head: JournalHead,
    bytes: u64,
    known: KnownStretches,
    /// What somebody should know of it.
    notices: Vec<String>,
}

impl OpenedFile {
    /// Opens the journal in the state folder of a job, and begins it anew where it is not of this comparison, or where that is
    /// asked for. The error says why there is none. Blocks.
    pub(super) fn open(folder: &Path, subject: &Subject, from_start: bool) -> Result<Self, String> {
        let path = folder.join(FILE);
        let unusable = |error: io::Error| {
            let path = path.display();
            format!(
                "what is found equal is not kept, a stop begins again from the start: {path}: {error}"
            )
        };
        make_private(folder).map_err(unusable)?;
        match locked(&path).map_err(unusable)? {
            Ok(file) => Self::begin(file, path.clone(), subject, from_start).map_err(unusable),
            Err(file) => Err(format!(
                "another comparison of this job is under way ({} holds {}): what this one finds equal is not kept, and \
                 nothing of that one is used",
                holder(&file),
                path.display()
            )),
        }
    }

    fn begin(
        file: LockFile,
        path: PathBuf,
        subject: &Subject,
        from_start: bool,
    ) -> io::Result<Self> {
        let content = if from_start {
            JournalContent::Nothing
        } else {
            journal_text::read(&text_of(file.file())?, subject, json::now())
        };
        let mut notices = Vec::new();
        match content {
            JournalContent::Known(KnownJournal { head, known, outdated, bytes }) => {
                if outdated > 0 {
                    let stretches = number::counted(outdated, "stretch was", "stretches were");
                    let days = VERIFY_JOURNAL_MS_MAX / 86_400_000;
                    notices.push(format!(
                        "{stretches} found equal more than {days} days ago, or by another clock: compared again"
                    ));
                }
                file.file().set_len(bytes)?;
                Ok(Self { file, path, head, bytes, known, notices })
            }
            JournalContent::Nothing | JournalContent::Unusable(None) => {
                Self::anew(file, path, subject, notices)
            }
            JournalContent::Unusable(Some(why)) => {
                notices.push(format!(
                    "the journal of a comparison that was stopped {why}; this one begins from the start ({})",
                    path.display()
                ));
                Self::anew(file, path, subject, notices)
            }
        }
    }

    fn anew(
        file: LockFile,
        path: PathBuf,
        subject: &Subject,
        notices: Vec<String>,
    ) -> io::Result<Self> {
        file.file().set_len(0)?;
        let (head, line) = JournalHead::new(json::now(), subject);
        let mut to = file.file();
        to.rewind()?;
        to.write_all(line.as_bytes())?;
        let (bytes, known) = (line.len() as u64, KnownStretches::default());
        Ok(Self { file, path, head, bytes, known, notices })
    }

    /// The journal, and what it knows already.
    pub(super) fn journal<'a>(
        self,
        kept: &'a KeptFindings,
        events: &'a EventSink,
    ) -> (VerifyJournal<'a>, KnownStretches) {
        let Self { file, path, head, bytes, known, notices } = self;
        for notice in notices {
            events(Event::Notice(notice));
        }
        kept.set(!known.is_empty());
        let writing = Mutex::new(Writing { file, bytes, is_closed: false });
        (VerifyJournal { began: head.began, path, head, writing, kept, events }, known)
    }
}

impl VerifyJournal<'_> {
    /// Keeps a stretch that was found equal.
    pub(super) fn keep(&self, stretch: &EqualStretch) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing.is_closed {
            return;
        }
        let line = self.head.line(stretch, json::now());
        if writing.bytes + line.len() as u64 > VERIFY_JOURNAL_BYTES_MAX {
            return self.close(&mut writing, &"it is full");
        }
        match writing.add(&line) {
            Ok(()) => self.kept.set(true),
            Err(error) => self.close(&mut writing, &error),
        }
    }

    fn close(&self, writing: &mut Writing, why: &dyn std::fmt::Display) {
        writing.is_closed = true;
        let path = self.path.display();
        let notice = format!("what is found equal from here on is not kept: {path}: {why}");
        (self.events)(Event::Notice(notice));
    }

    /// The comparison came to its end: the next one begins from the start.
    pub(super) fn remove(self) {
        self.kept.set(false);
        let writing = self.writing.into_inner().unwrap_or_else(PoisonError::into_inner);
        let emptied = writing.file.file().set_len(0);
        let removed = if is_at(writing.file.file(), &self.path) {
            fs::remove_file(&self.path)
        } else {
            Ok(())
        };
        if let Err(error) = removed.and(emptied) {
            let path = self.path.display();
            (self.events)(Event::Notice(format!("{path} cannot be removed: {error}")));
        }
    }
}

impl Writing {
    /// Adds a line. What is begun of one that cannot be written is no line.
    fn add(&mut self, line: &str) -> io::Result<()> {
        let mut file = self.file.file();
        file.seek(SeekFrom::Start(self.bytes))?;
        if let Err(error) = file.write_all(line.as_bytes()) {
            let _ = file.set_len(self.bytes);
            return Err(error);
        }
        self.bytes += line.len() as u64;
        Ok(())
    }
}

/// Opens and locks the file at the path, for its owner alone; as it was where somebody else has the lock.
fn locked(path: &Path) -> io::Result<Result<LockFile, File>> {
    for _ in 0..VERIFY_JOURNAL_OPENS_MAX {
        // Nothing is waited for at a pipe or a device.
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other("it is no file"));
        }
        match LockFile::take_soon(LockFile::open(path)?)? {
            Ok(lock) if is_at(lock.file(), path) => return Ok(Ok(lock)),
            // A comparison that came to its end has taken it away.
            Ok(_) => {}
            Err(file) => return Ok(Err(file)),
        }
    }
    Err(io::Error::other("other comparisons take it away"))
}

/// True if the file is still the one at the path.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(own), Ok(there)) => id(own) == id(there),
        _ => false,
    }
}

/// All of it; of one that is longer than a journal may be, more than is believed.
fn text_of(mut file: &File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(VERIFY_JOURNAL_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}
