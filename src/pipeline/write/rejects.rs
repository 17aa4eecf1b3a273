//! The rejects file: valid line protocol, each line after a `#` line with range, reason and the server's words.
//!
//! It is kept by batch: the lines of a batch are synced before the batch is recorded, and a batch that is moved again
//! replaces its lines. Mode 0600: the file holds data.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::model::series::Readable;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::wire::line::encoder::Rejected;

/// Values that the destination does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// How many.
    pub values: u64,
    /// Why, in one line.
    pub reason: String,
    /// The line, or what is known of it, without line end. Not a line of line protocol if `carried` is false.
    pub line: Vec<u8>,
    /// True if `line` is valid line protocol.
    pub carried: bool,
}

/// Values in all of them.
pub fn values(refusals: &[Refusal]) -> u64 {
    refusals.iter().map(|refusal| refusal.values).sum()
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        let Rejected { series, field, time_min, time_max, values, reason, text } = rejected;
        let field = field.map_or(String::new(), |field| format!(" field {}", Readable(&field)));
        let reason = format!("{reason}: {series}{field}, {time_min} to {time_max}");
        Self { values, reason, line: text.into_bytes(), carried: false }
    }
}

/// The open file.
#[derive(Debug)]
pub struct Rejects {
    path: PathBuf,
}

/// Begins the section of one batch.
const BATCH_MARK: &str = "# batch ";

impl Rejects {
    /// The file at `path`, without the sections of batches that start at `resume` or later: those are moved again.
    pub fn open(path: &Path, resume: Timestamp) -> Result<Self, Error> {
        let rejects = Self { path: path.to_owned() };
        rejects.drop_from(resume).map_err(|source| rejects.error(source))?;
        Ok(rejects)
    }

    /// Where the lines are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the section of one batch and syncs it.
    pub fn append(&self, batch: TimeRange, refusals: &[Refusal]) -> Result<(), Error> {
        if refusals.is_empty() {
            return Ok(());
        }
        let mut text = format!("{BATCH_MARK}{} {}\n", batch.start, batch.stop).into_bytes();
        for refusal in refusals {
            let reason: String =
                refusal.reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            text.extend_from_slice(format!("# {} values: {reason}\n", refusal.values).as_bytes());
            if refusal.carried {
                text.extend_from_slice(&refusal.line);
            } else {
                text.extend_from_slice(
                    format!("# not line protocol: {}", refusal.line.escape_ascii()).as_bytes(),
                );
            }
            text.push(b'\n');
        }
        self.append_synced(&text).map_err(|source| self.error(source))
    }

    fn append_synced(&self, text: &[u8]) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        file.write_all(text)?;
        file.sync_all()
    }

    fn drop_from(&self, resume: Timestamp) -> io::Result<()> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let kept = committed_part(&text, resume);
        if kept.len() == text.len() {
            return Ok(());
        }
        let temporary = self.path.with_extension("tmp");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(kept)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }

    fn error(&self, source: io::Error) -> Error {
        Error::State { path: self.path.clone(), source }
    }
}

/// Sections are in the order of their batches, so what is not committed is a tail.
fn committed_part(text: &[u8], resume: Timestamp) -> &[u8] {
    let mut at = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let start = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.strip_prefix(BATCH_MARK))
            .and_then(|rest| rest.split(' ').next()?.parse::<Timestamp>().ok());
        if start.is_some_and(|start| start >= resume) {
            break;
        }
        at += line.len();
    }
    &text[..at]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(start: &str, stop: &str) -> TimeRange {
        TimeRange::new(start.parse().unwrap(), stop.parse().unwrap())
    }

    #[test]
    fn sections_of_batches_that_are_moved_again_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job/rejects.lp");
        let refusal = |line: &str, carried| Refusal {
            values: 2,
            reason: "type\nconflict".into(),
            line: line.into(),
            carried,
        };
        let rejects = Rejects::open(&path, Timestamp::EPOCH).unwrap();
        rejects.append(batch("2020-01-01", "2020-01-02"), &[refusal("m f=1 1", true)]).unwrap();
        rejects.append(batch("2020-01-02", "2020-01-03"), &[refusal("m,t=\\ f=1", false)]).unwrap();
        rejects.append(batch("2020-01-03", "2020-01-04"), &[]).unwrap();
        let first = "# batch 2020-01-01T00:00:00Z 2020-01-02T00:00:00Z\n# 2 values: type conflict\nm f=1 1\n";
        let second = "# batch 2020-01-02T00:00:00Z 2020-01-03T00:00:00Z\n# 2 values: type conflict\n# not line protocol: m,t=\\\\ f=1\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{first}{second}"));
        let again = Rejects::open(&path, "2020-01-02".parse().unwrap()).unwrap();
        assert_eq!(fs::read_to_string(again.path()).unwrap(), first);
        Rejects::open(&path, "2020-01-01".parse().unwrap()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let rejects = Rejects::open(Path::new("/proc/none/rejects.lp"), Timestamp::EPOCH).unwrap();
        let refusal =
            Refusal { values: 1, reason: "x".into(), line: b"m f=1".to_vec(), carried: true };
        let error = rejects.append(batch("2020-01-01", "2020-01-02"), &[refusal]).unwrap_err();
        assert!(error.to_string().contains("/proc/none/rejects.lp"), "{error}");
    }
}
