//! The runs of this machine that share one quota: a folder with a file for each, held by an OS lock, which is gone with
//! its process, however that ended. Each file says which part of the quota its run has, in millionths.
//!
//! The parts of all living runs never add up to more than the whole, at no moment: who looks takes the folder's own
//! lock, reads what the others have, and takes at most an even part and at most what is free. A new run has nothing
//! until the others have given up so much; who has to give up something does so once what it has under way fits
//! into the smaller part. No clock is involved, so a process that stands still for an hour breaks nothing.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::bounds::WHOLE_PPM;
use crate::lock_file::LockFile;

/// Ending of the files of runs.
const RUN_ENDING: &str = "run";

/// Digits of the largest part and a line feed; more is no part.
const PART_BYTES_MAX: u64 = 16;

/// Why the quota cannot be shared.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// Another run is looking at this very moment.
    #[error("another run holds {}", .path.display())]
    Busy {
        /// The lock of the folder.
        path: PathBuf,
    },
    /// The folder or a file in it cannot be used.
    #[error("cannot use {}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A living run's file does not hold a part.
    #[error("{} is damaged: {text:?} is no part in millionths", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What it holds.
        text: String,
    },
}

/// What a run found when it looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    /// Living runs, this one among them.
    pub(super) runs: u32,
    /// The part that this run has, in millionths.
    pub(super) part_ppm: u32,
    /// An even part.
    pub(super) even_ppm: u32,
    /// Parts of runs that were found dead: what they have received and not paid is for this run to pay.
    pub(super) dead_ppm: u32,
    /// For how long no other run has used anything.
    pub(super) rested: Duration,
}

/// The place of this run in the folder; given back when dropped.
#[derive(Debug)]
pub(super) struct Runs {
    folder: PathBuf,
    path: PathBuf,
    file: LockFile,
    part_ppm: u32,
    rested: Duration,
    owes: bool,
}

impl Runs {
    /// Enters the folder, which is made if need be (mode 0700, files 0600), with nothing as part.
    pub(super) fn join(folder: &Path) -> Result<Self, RunsError> {
        let in_folder = |source| RunsError::Io { path: folder.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(in_folder)?;
        // What was here before this run changes the folder.
        let rested = rested(folder);
        let _guard = guard(folder)?;
        let (path, file) = new_file(folder)?;
        let io = |source| RunsError::Io { path: path.clone(), source };
        write_part(file.file(), 0).map_err(io)?;
        Ok(Self { folder: folder.to_owned(), path, file, part_ppm: 0, rested, owes: false })
    }

    /// Looks at the others and takes what is free, up to an even part; goes down to `lower_to_ppm` if that is less than
    /// it has. Files of dead runs are removed.
    pub(super) fn look(&mut self, lower_to_ppm: Option<u32>) -> Result<View, RunsError> {
        let _guard = guard(&self.folder)?;
        let others = living(&self.folder, Some(&self.path))?;
        let runs = u32::try_from(others.parts_ppm.len()).unwrap_or(u32::MAX).saturating_add(1);
        let even_ppm = WHOLE_PPM / runs;
        let taken = others.parts_ppm.iter().fold(0_u32, |sum, part| sum.saturating_add(*part));
        let free = WHOLE_PPM.saturating_sub(taken);
        let part_ppm = lower_to_ppm.map_or(self.part_ppm, |lower| self.part_ppm.min(lower));
        let part_ppm = part_ppm.max(even_ppm.min(free));
        if part_ppm != self.part_ppm {
            let io = |source| RunsError::Io { path: self.path.clone(), source };
            write_part(self.file.file(), part_ppm).map_err(io)?;
            self.part_ppm = part_ppm;
        }
        if runs > 1 || others.dead_ppm > 0 {
            self.rested = Duration::ZERO;
        }
        Ok(View { runs, part_ppm, even_ppm, dead_ppm: others.dead_ppm, rested: self.rested })
    }

    /// Whether this run has received what it has not paid. Then its file stays when it ends, as that of a killed run
    /// does, and the next one that looks pays.
    pub(super) fn set_owes(&mut self, owes: bool) {
        self.owes = owes;
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        if !self.owes {
            // If it stays, it is that of a dead run: the lock goes with the file's handle.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Living runs in a folder; none if there is no such folder. Changes nothing.
pub fn count(folder: &Path) -> Result<u32, RunsError> {
    let entries = match entries(folder) {
        Err(RunsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(0);
        }
        entries => entries?,
    };
    let mut runs = 0;
    for path in entries {
        match hold(&path) {
            Ok(Holder::Alive(_)) => runs += 1,
            Ok(Holder::Dead(_)) | Err(RunsError::Io { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(runs)
}

struct Living {
    parts_ppm: Vec<u32>,
    dead_ppm: u32,
}

/// The parts of the living runs. Files of dead ones are removed. To be called with the folder's lock.
fn living(folder: &Path, but: Option<&Path>) -> Result<Living, RunsError> {
    let mut living = Living { parts_ppm: Vec::new(), dead_ppm: 0 };
    for path in entries(folder)? {
        if but == Some(&path) {
            continue;
        }
        let io = |source| RunsError::Io { path: path.clone(), source };
        match hold(&path) {
            Ok(Holder::Alive(file)) => living.parts_ppm.push(read_part(&file, &path)?),
            Ok(Holder::Dead(lock)) => {
                // What cannot be read may have been all of it.
                let part_ppm = read_part(lock.file(), &path).unwrap_or(WHOLE_PPM);
                fs::remove_file(&path).map_err(io)?;
                living.dead_ppm = living.dead_ppm.saturating_add(part_ppm).min(WHOLE_PPM);
            }
            // It has just ended, and owes nothing.
            Err(RunsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(living)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, RunsError> {
    let io = |source| RunsError::Io { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|ending| ending == RUN_ENDING) {
            paths.push(path);
        }
    }
    Ok(paths)
}

enum Holder {
    Alive(File),
    Dead(LockFile),
}

fn hold(path: &Path) -> Result<Holder, RunsError> {
    let shared = File::open(path).and_then(LockFile::share);
    let shared = shared.map_err(|source| RunsError::Io { path: path.to_owned(), source })?;
    Ok(shared.map_or_else(Holder::Alive, Holder::Dead))
}

/// A new file of this run, held. Process numbers alone do not tell runs apart: one process may have several, containers
/// count on their own, and a dead run's file is still to be looked at.
fn new_file(folder: &Path) -> Result<(PathBuf, LockFile), RunsError> {
    let mut number: u32 = 0;
    loop {
        let path = folder.join(format!("{}-{number}.{RUN_ENDING}", std::process::id()));
        let io = |source| RunsError::Io { path: path.clone(), source };
        match LockFile::options().create_new(true).open(&path) {
            // Nobody else looks while the folder is locked: it cannot be held already.
            Ok(file) => return LockFile::wait(file).map(|lock| (path.clone(), lock)).map_err(io),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(io(source)),
        }
    }
}

/// The folder's lock, for as long as a look takes.
fn guard(folder: &Path) -> Result<LockFile, RunsError> {
    let path = folder.join("lock");
    match LockFile::open(&path).and_then(LockFile::take) {
        Ok(attempt) => attempt.map_err(|_| RunsError::Busy { path }),
        Err(source) => Err(RunsError::Io { path, source }),
    }
}

fn write_part(mut file: &File, part_ppm: u32) -> io::Result<()> {
    file.rewind()?;
    // Always the same length, so that nothing has to be cut off.
    file.write_all(format!("{part_ppm:07}\n").as_bytes())
}

fn read_part(file: &File, path: &Path) -> Result<u32, RunsError> {
    let mut bytes = Vec::new();
    let read = file.take(PART_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|source| RunsError::Io { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.trim().parse() {
        Ok(part_ppm) if part_ppm <= WHOLE_PPM => Ok(part_ppm),
        _ => Err(RunsError::Damaged { path: path.to_owned(), text }),
    }
}

/// For how long the folder has not changed: what earlier runs have used is as old.
fn rested(folder: &Path) -> Duration {
    let Ok(entries) = entries(folder) else { return Duration::ZERO };
    if entries.is_empty() && !folder.join("lock").exists() {
        return Duration::MAX;
    }
    let changed = fs::metadata(folder).and_then(|metadata| metadata.modified());
    let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
    age.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::limits::QUOTA_WINDOW_MS;

    fn look(runs: &mut Runs, lower_to_ppm: Option<u32>) -> (u32, u32, u32) {
        let view = runs.look(lower_to_ppm).unwrap();
        (view.runs, view.part_ppm, view.even_ppm)
    }

    #[test]
    fn a_new_run_gets_what_the_others_give_up() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("quota").join("one");
        assert_eq!(count(&folder).unwrap(), 0);
        let mut first = Runs::join(&folder).unwrap();
        assert_eq!(look(&mut first, None), (1, 1_000_000, 1_000_000));
        let mut second = Runs::join(&folder).unwrap();
        assert_eq!(look(&mut second, None), (2, 0, 500_000), "nothing is free");
        assert_eq!(look(&mut first, None), (2, 1_000_000, 500_000), "it must not give up yet");
        assert_eq!(look(&mut first, Some(500_000)), (2, 500_000, 500_000));
        assert_eq!(look(&mut second, None), (2, 500_000, 500_000));
        let mut third = Runs::join(&folder).unwrap();
        assert_eq!(look(&mut second, Some(333_333)), (3, 333_333, 333_333));
        assert_eq!(look(&mut third, None), (3, 166_667, 333_333), "what is free so far");
        drop(first);
        assert_eq!(look(&mut third, None), (2, 500_000, 500_000));
        assert_eq!(look(&mut second, None), (2, 500_000, 500_000));
        assert_eq!(count(&folder).unwrap(), 2);
        drop((second, third));
        assert_eq!(count(&folder).unwrap(), 0);
    }

    #[test]
    fn only_the_user_may_look_into_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("quota");
        let runs = Runs::join(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(
            (mode(&folder), mode(&runs.path), mode(&folder.join("lock"))),
            (0o700, 0o600, 0o600)
        );
    }

    #[test]
    fn a_dead_run_disappears_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join("1-0.run");
        fs::write(&dead, "0600000\n").unwrap();
        assert_eq!(count(folder.path()).unwrap(), 0);
        fs::write(folder.path().join("1-1.run"), "cut of").unwrap();
        let mut first = Runs::join(folder.path()).unwrap();
        let view = first.look(None).unwrap();
        assert_eq!((view.runs, view.part_ppm, view.dead_ppm), (1, 1_000_000, 1_000_000));
        assert!(!dead.exists());
        let view = first.look(None).unwrap();
        assert_eq!(view.dead_ppm, 0, "paid once");
        assert_eq!(view.rested, Duration::ZERO, "it may have read a moment ago");
        let mut second = Runs::join(folder.path()).unwrap();
        look(&mut first, None);
        look(&mut first, Some(500_000));
        look(&mut second, None);
        second.set_owes(true);
        drop(second);
        assert_eq!(first.look(None).unwrap().dead_ppm, 500_000);
    }

    #[test]
    fn a_folder_that_was_left_alone_for_a_window_is_rested() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Runs::join(folder.path()).unwrap();
        assert_eq!(first.look(None).unwrap().rested, Duration::MAX, "a new folder");
        drop(first);
        let mut second = Runs::join(folder.path()).unwrap();
        assert!(second.look(None).unwrap().rested < Duration::from_secs(60));
        drop(second);
        let long_ago = SystemTime::now() - Duration::from_millis(QUOTA_WINDOW_MS + 1_000);
        File::open(folder.path()).unwrap().set_modified(long_ago).unwrap();
        let mut third = Runs::join(folder.path()).unwrap();
        let window = Duration::from_millis(QUOTA_WINDOW_MS);
        assert!(third.look(None).unwrap().rested > window);
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let held = guard(folder.path()).unwrap();
        let error = Runs::join(folder.path()).unwrap_err();
        assert!(matches!(&error, RunsError::Busy { path } if path.ends_with("lock")), "{error}");
        drop(held);
        let mut first = Runs::join(folder.path()).unwrap();
        let held = guard(folder.path()).unwrap();
        assert!(matches!(first.look(None), Err(RunsError::Busy { .. })));
        drop(held);
        for text in ["", "half", "1000001\n", "-1", "\u{ff}\u{fe}", "99999999999999999999"] {
            let path = folder.path().join("2-0.run");
            let _other = LockFile::wait(LockFile::open(&path).unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let error = first.look(None).unwrap_err();
            assert!(matches!(&error, RunsError::Damaged { .. }), "{text:?}: {error}");
            assert!(error.to_string().contains("2-0.run"), "{error}");
        }
        for path in ["/proc/none/quota", "/dev/null/quota"] {
            assert!(matches!(Runs::join(Path::new(path)), Err(RunsError::Io { .. })), "{path}");
        }
        assert!(matches!(count(Path::new("/dev/null")), Err(RunsError::Io { .. })));
    }
}
