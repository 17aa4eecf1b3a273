//! Where an export goes: a file that appears under its name once it is complete and synced, or stdout; compressed if asked.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::commands::error::Error;
use crate::config::export::ExportTarget;
use crate::job::signals::HalfDone;
use crate::limits::EXPORT_STEP_BYTES;
use crate::report::stream::Stdout;

/// Data is for its owner.
const MODE: u32 = 0o600;

/// An export that is being written.
pub(super) struct Output {
    writer: Writer,
    place: Place,
    bytes: u64,
}

enum Writer {
    Plain(BufWriter<Counted>),
    Gzip(Box<BufWriter<GzEncoder<Counted>>>),
}

enum Place {
    Stdout,
    /// Under `partial` until it is complete.
    File {
        partial: PathBuf,
        path: PathBuf,
        _half: HalfDone,
    },
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
        let (raw, place) = match target {
            ExportTarget::Stdout => (Raw::Stdout(Stdout), Place::Stdout),
            ExportTarget::File(path) => {
                if path.symlink_metadata().is_ok() {
                    return Err(Error::OutputExists { path: path.clone() });
                }
                let partial = partial(path);
                let file = open(&partial).map_err(failed(target))?;
                // An export that is stopped leaves nothing behind: what it has so far is of no use to anybody.
                let half = HalfDone::begin(&partial, path);
                (Raw::File(file), Place::File { partial, path: path.clone(), _half: half })
            }
        };
        let counted = Counted { raw, bytes: 0 };
        let writer = if gzip {
            let gzip = GzEncoder::new(counted, Compression::default());
            Writer::Gzip(Box::new(BufWriter::with_capacity(EXPORT_STEP_BYTES, gzip)))
        } else {
            Writer::Plain(BufWriter::with_capacity(EXPORT_STEP_BYTES, counted))
        };
        Ok(Self { writer, place, bytes: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        let written = match &mut self.writer {
            Writer::Plain(writer) => writer.write_all(bytes),
            Writer::Gzip(writer) => writer.write_all(bytes),
        };
        written.map_err(|source| Error::Output { target: self.place.shown(), source })
    }

    /// Ends: from now on the file has its name.
    pub(super) fn finish(self) -> Result<Sizes, Error> {
        let Self { writer, place, bytes } = self;
        let shown = place.shown();
        let finish = || -> io::Result<u64> {
            let counted = match writer {
                Writer::Plain(writer) => writer.into_inner()?,
                Writer::Gzip(writer) => writer.into_inner()?.finish()?,
            };
            let Counted { mut raw, bytes } = counted;
            raw.flush()?;
            if let (Raw::File(file), Place::File { partial, path, .. }) = (raw, &place) {
                file.sync_all()?;
                fs::rename(partial, path)?;
                File::open(folder(path))?.sync_all()?;
            }
            Ok(bytes)
        };
        match finish() {
            Ok(written_bytes) => Ok(Sizes { bytes, written_bytes }),
            Err(source) => {
                place.give_up();
                Err(Error::Output { target: shown, source })
            }
        }
    }

    /// Leaves nothing of a file behind.
    pub(super) fn give_up(self) {
        self.place.give_up();
    }
}

impl Place {
    fn give_up(&self) {
        if let Self::File { partial, .. } = self {
            // The next export to the same file would replace it anyway.
            let _ = fs::remove_file(partial);
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Stdout => "stdout".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
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

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What a stopped export has left is replaced; one that is under way is not. Anything but a file, a link to one too, is
/// left alone, and nothing is waited for.
fn open(partial: &Path) -> io::Result<File> {
    let no_file = || {
        let text = format!("{} is there already and is no file", partial.display());
        io::Error::new(io::ErrorKind::AlreadyExists, text)
    };
    match partial.symlink_metadata() {
        Ok(found) if !found.is_file() => return Err(no_file()),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    options.mode(MODE).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(partial)?;
    if !file.metadata()?.is_file() {
        return Err(no_file());
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let text = format!("another export writes {}", partial.display());
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // It may be one of another mode, and the umask may have taken from this one. A file system may have no modes.
    let _ = file.set_permissions(Permissions::from_mode(MODE));
    file.set_len(0)?;
    Ok(file)
}

enum Raw {
    Stdout(Stdout),
    File(File),
}

impl Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(file) => file.flush(),
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
