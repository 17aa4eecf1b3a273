//! The files of a bench: each line is on disk before the next trial begins, so that a stop at any time loses nothing.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::bench::csv;
use crate::bench::extrapolate::Whole;
use crate::bench::html;
use crate::bench::record::{BenchRecord, Recorded, Trial};
use crate::commands::error::Error;
use crate::limits::BENCH_NAMES_MAX;
use crate::model::time::Timestamp;
use crate::report::json;

/// `NAME.jsonl`, `NAME.csv` and, at the end, `NAME.html`.
#[derive(Debug)]
pub(super) struct Files {
    lines: File,
    table: File,
    pub(super) paths: [PathBuf; 3],
}

impl Files {
    /// Makes them. Those of another bench are not written over.
    pub(super) fn create(name: &Path) -> Result<Self, Error> {
        let path = |ending: &str| {
            let mut path = name.as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        let paths = [path(".jsonl"), path(".csv"), path(".html")];
        // All or none of them.
        if let Some(path) = paths.iter().find(|path| path.exists()) {
            return Err(Error::BenchFile { path: path.clone(), source: exists() });
        }
        let (lines, mut table) = (create(&paths[0])?, create(&paths[1])?);
        let head = writeln!(table, "{}", csv::HEAD);
        head.map_err(|source| Error::BenchFile { path: paths[1].clone(), source })?;
        Ok(Self { lines, table, paths })
    }

    /// The same under a name that is free: another bench may have begun in the same second.
    pub(super) fn create_free(name: &Path) -> Result<Self, Error> {
        let mut number = 1;
        loop {
            let mut own = name.as_os_str().to_owned();
            if number > 1 {
                own.push(format!("-{number}"));
            }
            match Self::create(Path::new(&own)) {
                Err(Error::BenchFile { source, .. })
                    if source.kind() == std::io::ErrorKind::AlreadyExists
                        && number < BENCH_NAMES_MAX =>
                {
                    number += 1;
                }
                made => return made,
            }
        }
    }

    /// Adds a line; which one, without its end.
    pub(super) fn add(&mut self, record: &BenchRecord) -> Result<String, Error> {
        let line = record.to_line(json::now());
        let written = writeln!(self.lines, "{line}").and_then(|()| self.lines.sync_data());
        written.map_err(|source| Error::BenchFile { path: self.paths[0].clone(), source })?;
        Ok(line)
    }

    /// Makes the page from the lines.
    pub(super) fn show(&self) -> Result<(), Error> {
        let [lines, _, page] = &self.paths;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::BenchFile { path, source }
        };
        let text = std::fs::read_to_string(lines).map_err(failed(lines))?;
        let bench = Recorded::parse(&text)
            .map_err(|source| Error::BenchRecord { path: lines.clone(), source })?;
        let mut file = create(page)?;
        file.write_all(html::page(&bench).as_bytes()).map_err(failed(page))
    }

    /// Adds a trial to both; its JSON line.
    pub(super) fn add_trial(&mut self, trial: &Trial, whole: &Whole) -> Result<String, Error> {
        let line = self.add(&BenchRecord::BenchTrial(Box::new(trial.clone())))?;
        let written = writeln!(self.table, "{}", csv::line(trial, whole));
        written.map_err(|source| Error::BenchFile { path: self.paths[1].clone(), source })?;
        Ok(line)
    }
}

/// `bench-20261130-205512`, in UTC: a bench is never in the way of the next one.
pub(super) fn name_of(started: Timestamp) -> PathBuf {
    let text = started.to_string();
    let whole = text.split(['.', 'Z']).next().unwrap_or(&text);
    let (date, time) = whole.split_once('T').unwrap_or((whole, ""));
    let digits = |text: &str| text.replace(['-', ':'], "");
    PathBuf::from(format!("bench-{}-{}", digits(date), digits(time)))
}

/// A new file, for its owner only, whatever the umask says.
fn create(path: &Path) -> Result<File, Error> {
    const MODE: u32 = 0o600;
    let failed = |source| Error::BenchFile { path: path.to_owned(), source };
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    let file = file.map_err(failed)?;
    // A file system may have no modes.
    let _ = file.set_permissions(Permissions::from_mode(MODE));
    Ok(file)
}

fn exists() -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::AlreadyExists,
        "it is there already; --out NAME keeps this bench elsewhere",
    )
}
