//! Where an export goes: a file that appears under its name once it is complete and synced, or stdout; compressed if asked.

use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::commands::error::Error;
use crate::config::export::ExportTarget;
use crate::job::whole_file::WholeFile;
use crate::limits::EXPORT_STEP_BYTES;
use crate::report::stream::Stdout;

/// An export that is being written.
pub(super) struct Output {
    writer: Writer,
    target: String,
    bytes: u64,
}

enum Writer {
    Plain(BufWriter<Counted>),
    Gzip(Box<BufWriter<GzEncoder<Counted>>>),
}

/// Bytes of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Of the text.
    pub(super) bytes: u64,
    /// As they were written.
    pub(super) written_bytes: u64,
}

impl Output {
    /// Begins. A file that is there already is not touched.
    pub(super) fn begin(target: &ExportTarget, gzip: bool) -> Result<Self, Error> {
        let raw = match target {
            ExportTarget::Stdout => Raw::Stdout(Stdout),
            ExportTarget::File(path) => {
                if path.symlink_metadata().is_ok() {
                    return Err(Error::OutputExists { path: path.clone() });
                }
                Raw::File(WholeFile::begin(path).map_err(failed(target))?)
            }
        };
        let counted = Counted { raw, bytes: 0 };
        let writer = if gzip {
            let gzip = GzEncoder::new(counted, Compression::default());
            Writer::Gzip(Box::new(BufWriter::with_capacity(EXPORT_STEP_BYTES, gzip)))
        } else {
            Writer::Plain(BufWriter::with_capacity(EXPORT_STEP_BYTES, counted))
        };
        Ok(Self { writer, target: shown(target), bytes: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        let written = match &mut self.writer {
            Writer::Plain(writer) => writer.write_all(bytes),
            Writer::Gzip(writer) => writer.write_all(bytes),
        };
        written.map_err(|source| Error::Output { target: self.target.clone(), source })
    }

    /// Ends: from now on the file has its name.
    pub(super) fn finish(self) -> Result<Sizes, Error> {
        let Self { writer, target, bytes } = self;
        let finish = || -> io::Result<u64> {
            let counted = match writer {
                Writer::Plain(writer) => writer.into_inner()?,
                Writer::Gzip(writer) => writer.into_inner()?.finish()?,
            };
            let Counted { mut raw, bytes } = counted;
            raw.flush()?;
            if let Raw::File(file) = raw {
                file.finish()?;
            }
            Ok(bytes)
        };
        match finish() {
            Ok(written_bytes) => Ok(Sizes { bytes, written_bytes }),
            Err(source) => Err(Error::Output { target, source }),
        }
    }
}

fn failed(target: &ExportTarget) -> impl FnOnce(io::Error) -> Error {
    let target = shown(target);
    move |source| Error::Output { target, source }
}

/// For people.
pub(super) fn shown(target: &ExportTarget) -> String {
    match target {
        ExportTarget::Stdout => "stdout".to_owned(),
        ExportTarget::File(path) => path.display().to_string(),
    }
}

enum Raw {
    Stdout(Stdout),
    File(WholeFile),
}

impl Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(whole) => whole.file().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(whole) => whole.file().flush(),
        }
    }
}

/// Counts what was written.
struct Counted {
    raw: Raw,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.raw.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.raw.flush()
    }
}
