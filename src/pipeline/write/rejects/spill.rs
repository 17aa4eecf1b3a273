//! Text of refused lines that waits on the disk for the commit of its batch.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::{REFUSALS_SPILL_BYTES_MAX, REJECTS_STEP_BYTES};

/// Text in a temporary file.
#[derive(Debug)]
pub(super) struct Span {
    spill: Arc<Spill>,
    at: u64,
    pub(super) bytes: u64,
}

impl Span {
    /// Copies it, in steps.
    pub(super) fn write_to(&self, to: &mut impl Write) -> io::Result<()> {
        let mut step = vec![0; REJECTS_STEP_BYTES];
        let (mut at, end) = (self.at, self.at + self.bytes);
        while at < end {
            let part = usize::try_from(end - at).unwrap_or(usize::MAX).min(step.len());
            self.spill.file.read_exact_at(&mut step[..part], at)?;
            to.write_all(&step[..part])?;
            at += part as u64;
        }
        Ok(())
    }
}

/// A file that has lost its name already: it is gone with the last of its texts, or with the process.
#[derive(Debug)]
pub(super) struct Spill {
    file: File,
    end: AtomicU64,
}

impl Spill {
    /// In this folder, which is made if need be.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".sluice-refused-{}-{number}", std::process::id());
        fs::create_dir_all(folder)?;
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&path)?;
        fs::remove_file(&path)?;
        Ok(Self { file, end: AtomicU64::new(0) })
    }

    /// True if more should go to another file.
    pub(super) fn is_full(&self) -> bool {
        self.end.load(Ordering::Relaxed) >= REFUSALS_SPILL_BYTES_MAX
    }

    /// Adds a text.
    pub(super) fn add(spill: &Arc<Self>, text: &[u8]) -> io::Result<Span> {
        let bytes = text.len() as u64;
        let at = spill.end.fetch_add(bytes, Ordering::Relaxed);
        spill.file.write_all_at(text, at)?;
        Ok(Span { spill: Arc::clone(spill), at, bytes })
    }
}
