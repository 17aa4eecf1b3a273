//! The rejects file: valid line protocol, refused lines after a `#` line with their number of values, the reason and the
//! server's words.
//!
//! It belongs to one job, which its first line names; a file of anything else is never written to. It is kept by batch:
//! the section of a batch is synced before the batch is recorded, and a batch that is moved again replaces its section.
//! A section tells its own length, so sections are found by their lengths: nothing that a source names or holds is ever
//! searched, and nothing in it can be taken for a mark. Only what no committed batch has written is ever taken out, and
//! nothing at all once the file is not as it was left. Mode 0600: the file holds data.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;

use super::limit::RejectsFile;
use super::refusals::RefusedValues;
use super::regular::{self, Unopened};
use super::sections;
use crate::lock_file::LockFile;
use crate::model::series::Readable;
use crate::model::time::{TimeRange, Timestamp};
use crate::new_files::can_take_files;
use crate::pipeline::error::{Error, NotUsed};

/// Begins the first line; the name of the job ends it.
const OWNER: &str = "# sluice rejects of ";

/// How a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// Not at all, or in the middle of its first line.
    Empty,
    /// With the job's line, of so many bytes.
    Named(u64),
    /// Some other way, at the job's own place: as earlier versions have written it.
    Unnamed,
}

impl RejectsFile {
    /// Looks whether what is at the path may be used. Changes nothing, and waits for nobody.
    pub fn check(&self) -> Result<(), Error> {
        let mut reading = OpenOptions::new();
        // Nothing is added, but it has to be possible.
        reading.read(true).append(self.is_kept());
        match self.existing(&reading)? {
            Some((file, len)) => self.head(&file, len).map(|_| ()),
            None if self.is_kept() => self.can_be_made().map_err(|source| self.error(source)),
            None => Ok(()),
        }
    }

    fn can_be_made(&self) -> io::Result<()> {
        let Ok(target) = fs::read_link(&self.path) else { return can_take_files(self.folder()) };
        // Nobody makes the folder that a link leads to.
        let target = self.folder().join(target);
        let folder = target.parent().unwrap_or(&target);
        if folder.is_dir() { can_take_files(folder) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Takes out the sections of batches that start at `resume` or later: those are moved again. Gives the values of the
    /// others, as far as their sections are whole.
    pub fn resume(&self, resume: Timestamp) -> Result<u64, Error> {
        let mut both = OpenOptions::new();
        both.read(true).write(true);
        if !self.is_kept() {
            return Ok(0);
        }
        let Some((file, len)) = self.existing(&both)? else { return Ok(0) };
        let (from, is_named) = match self.head(&file, len)? {
            Head::Empty => (0, true),
            Head::Named(bytes) => (bytes, true),
            Head::Unnamed => (0, false),
        };
        let state = |source| self.error(source);
        let found = if from == 0 && is_named {
            sections::FoundSections { keep: 0, values: 0, whole: true }
        } else {
            sections::find(&file, from, len, resume).map_err(state)?
        };
        // A first line alone says nothing.
        let keep = if is_named && found.keep == from { 0 } else { found.keep };
        if found.whole && keep < len {
            file.set_len(keep).and_then(|()| file.sync_all()).map_err(state)?;
        }
        Ok(found.values)
    }

    /// Adds the section of one batch and syncs it.
    pub fn append(&self, batch: TimeRange, refusals: &RefusedValues) -> Result<(), Error> {
        if refusals.is_empty() || !self.is_kept() {
            return Ok(());
        }
        let state = |source| self.error(source);
        fs::create_dir_all(self.folder()).map_err(state)?;
        let mut adding = OpenOptions::new();
        adding.read(true).append(true);
        let (file, len) = match self.existing(&adding)? {
            Some(found) => found,
            None => (adding.create(true).mode(0o600).open(&self.path).map_err(state)?, 0),
        };
        // An error: the file system has no locks.
        let lock = LockFile::take(file.try_clone().map_err(state)?).ok().transpose();
        let _held = lock.map_err(|_| self.not_used(NotUsed::Locked))?;
        let head = self.head(&file, len)?;
        let added = self.add(&file, head, len, batch, refusals);
        if added.is_err() {
            // What was begun is nothing. If even that fails, the next run finds the section of a batch without a record.
            let _ = file.set_len(len);
        }
        added.map_err(state)
    }

    fn add(
        &self,
        mut file: &File,
        head: Head,
        len: u64,
        batch: TimeRange,
        refusals: &RefusedValues,
    ) -> io::Result<()> {
        let mut begin = String::new();
        if head == Head::Empty {
            file.set_len(0)?;
            begin = self.first_line();
        } else if !sections::ends_a_line(file, len)? {
            begin.push('\n');
        }
        begin.push_str(&sections::first_line(batch, refusals.values(), refusals.bytes()));
        file.write_all(begin.as_bytes())?;
        refusals.write_to(&mut file)?;
        file.sync_all()?;
        if head == Head::Empty {
            // The file may be new.
            File::open(self.folder())?.sync_all()?;
        }
        Ok(())
    }

    /// Opens the file and tells its length; `None` if there is none.
    fn existing(&self, options: &OpenOptions) -> Result<Option<(File, u64)>, Error> {
        regular::open(&self.path, options).map_err(|error| match error {
            Unopened::Io(source) => self.error(source),
            Unopened::NoFile(what) => self.not_used(NotUsed::NoFile(what)),
        })
    }

    fn first_line(&self) -> String {
        format!("{OWNER}{}\n", self.job)
    }

    fn head(&self, file: &File, len: u64) -> Result<Head, Error> {
        let own = self.first_line();
        let begin = sections::read_at(file, 0, len).map_err(|source| self.error(source))?;
        if begin.starts_with(own.as_bytes()) {
            return Ok(Head::Named(own.len() as u64));
        }
        if own.as_bytes().starts_with(&begin) {
            return Ok(Head::Empty);
        }
        if let Some(job) = begin.strip_prefix(OWNER.as_bytes()) {
            let job = job.split(|byte| *byte == b'\n').next().unwrap_or_default();
            return Err(self.not_used(NotUsed::OtherJob { job: Readable(job).to_string() }));
        }
        if self.is_own_place {
            return Ok(Head::Unnamed);
        }
        Err(self.not_used(NotUsed::Foreign))
    }

    fn not_used(&self, why: NotUsed) -> Error {
        Error::RejectsFile { path: self.path.clone(), why }
    }

    fn error(&self, source: io::Error) -> Error {
        Error::State { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::limits::REJECTS_STEP_BYTES;
    use crate::pipeline::write::rejects::limit::RejectLimit;
    use crate::pipeline::write::rejects::refusals::RejectBudget;

    fn file(path: PathBuf, job: &str, is_own_place: bool) -> RejectsFile {
        RejectsFile { path, job: job.to_owned(), is_own_place }
    }

    fn days(first: u32) -> TimeRange {
        let day = |day: u32| format!("2020-01-{day:02}").parse().unwrap();
        TimeRange::new(day(first), day(first + 1))
    }

    /// Two values of a line in a section of the day.
    fn add(file: &RejectsFile, day: u32, line: &str) -> Result<(), Error> {
        let limit = RejectLimit { before: 0, max: u64::MAX, file: file.clone() };
        let rejects = RejectBudget::new(limit);
        let refusals = rejects.lines(days(day), "type\nconflict", 2, line.as_bytes()).unwrap();
        file.append(days(day), &refusals)
    }

    fn text(file: &RejectsFile) -> String {
        fs::read_to_string(&file.path).unwrap()
    }

    fn section(day: u32, line: &str) -> String {
        let TimeRange { start, stop } = days(day);
        let body = format!("# 2 values: type conflict\n{line}\n");
        format!("# batch {start} {stop}, 2 values in {} bytes\n{body}", body.len())
    }

    const FIRST: &str = "# sluice rejects of j\n";

    fn why(error: &Error) -> &NotUsed {
        let Error::RejectsFile { why, .. } = error else { panic!("{error:?}") };
        why
    }

    #[test]
    fn sections_of_batches_that_are_moved_again_are_taken_out_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path().join("job/rejects.lp"), "j", false);
        file.check().unwrap();
        assert_eq!(file.resume(Timestamp::EPOCH).unwrap(), 0);
        for day in 1..=3 {
            add(&file, day, "m f=1 1").unwrap();
        }
        let all = format!(
            "{FIRST}{}{}{}",
            section(1, "m f=1 1"),
            section(2, "m f=1 1"),
            section(3, "m f=1 1")
        );
        assert_eq!(text(&file), all);
        assert_eq!(file.resume(days(4).start).unwrap(), 6);
        assert_eq!(text(&file), all);
        assert_eq!(file.resume(days(2).start).unwrap(), 2);
        assert_eq!(text(&file), format!("{FIRST}{}", section(1, "m f=1 1")));
        assert_eq!(file.resume(days(1).start).unwrap(), 0);
        assert_eq!(text(&file), "");
        add(&file, 2, "m f=1 1").unwrap();
        assert_eq!(text(&file), format!("{FIRST}{}", section(2, "m f=1 1")));
    }

    /// Lines that hold the marks of this file, whole and at their beginnings, with quotes and backslashes around them.
    const HOSTILE: [&str; 5] = [
        "m f=\"\n# batch 1990-01-01T00:00:00Z 1990-01-02T00:00:00Z, 2 values in 5 bytes\n# 9 values: x\" 1",
        "m f=\"\\\"\n# batch 2030-01-01T00:00:00Z 2030-01-02T00:00:00Z\n\\\\\" 1",
        "m,t=\\\"x f=\"\n# sluice rejects of k\n\" 1",
        "m\\\n#\\ batch\\ 2030-01-01,t=a f=1 1",
        "m# f\"=1,g=\"\n\n# batch \" 1",
    ];

    #[test]
    fn nothing_in_the_data_is_taken_for_a_mark_however_the_run_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        for is_named in [true, false] {
            let file = file(folder.path().join("rejects.lp"), "j", true);
            let _ = fs::remove_file(&file.path);
            // As earlier versions have written it.
            let first = if is_named { FIRST } else { "" };
            let old = |text: String| match text.split_once(", ") {
                Some((begin, rest)) if !is_named => {
                    format!("{begin}\n{}", rest.split_once('\n').unwrap().1)
                }
                _ => text,
            };
            let sections: Vec<_> =
                (1..).zip(HOSTILE).map(|(day, line)| old(section(day, line))).collect();
            let whole = format!("{first}{}", sections.concat());
            for committed in 0..=sections.len() {
                let keep = sections[..committed].concat();
                let kept = if keep.is_empty() { String::new() } else { format!("{first}{keep}") };
                let resume = days(u32::try_from(committed).unwrap() + 1).start;
                // The last section is torn at every byte; those before it are whole.
                for torn in [0, 1, 9, 30, 60, 90, usize::MAX] {
                    let next =
                        sections.get(committed).map_or("", |next| &next[..torn.min(next.len())]);
                    fs::write(&file.path, format!("{first}{keep}{next}")).unwrap();
                    let values = file.resume(resume).unwrap();
                    assert_eq!(values, 2 * committed as u64, "{is_named} {committed} {torn}");
                    assert_eq!(text(&file), kept, "{is_named} {committed} {torn}");
                }
                fs::write(&file.path, &whole).unwrap();
                assert_eq!(file.resume(resume).unwrap(), 2 * committed as u64);
                assert_eq!(text(&file), kept);
            }
        }
    }

    #[test]
    fn a_file_that_is_not_as_it_was_left_is_only_added_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path().join("rejects.lp"), "j", false);
        let sections: String = (1..=3).map(|day| section(day, HOSTILE[0])).collect();
        let whole = format!("{FIRST}{sections}");
        let at = |part: &str| whole.find(part).unwrap();
        let second = at("# batch 2020-01-02");
        for (damaged, values) in [
            // Cut in the second section, which is committed.
            (whole[..second + 100].to_owned(), 2),
            // A line is gone from the first one, or one was added.
            (whole.replacen("# 2 values: type conflict\n", "", 1), 0),
            (whole.replacen("# 9 values", "# my note\n# 9 values", 1), 0),
            (format!("{whole}m f=1 1\n"), 4),
        ] {
            fs::write(&file.path, &damaged).unwrap();
            assert_eq!(file.resume(days(4).start).unwrap(), values, "{damaged}");
            assert_eq!(text(&file), damaged);
            add(&file, 4, "m f=1 1").unwrap();
            let end = if damaged.ends_with('\n') { "" } else { "\n" };
            assert_eq!(text(&file), format!("{damaged}{end}{}", section(4, "m f=1 1")));
        }
    }

    #[test]
    fn what_is_not_this_jobs_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.lp");
        let ours = file(path.clone(), "j", false);
        for content in [
            "m f=1 1\n",
            "# batch 2020-01-01T00:00:00Z 2020-01-02T00:00:00Z\nm f=1 1\n",
            "#",
            "# sluice rejects of jj\n",
        ] {
            fs::write(&path, content).unwrap();
            let refused = !matches!(content, "#");
            assert_eq!(ours.check().is_err(), refused, "{content}");
            if refused {
                assert!(
                    ours.resume(Timestamp::EPOCH).is_err() && add(&ours, 1, "m f=1 1").is_err()
                );
                assert_eq!(text(&ours), content);
            }
        }
        fs::write(&path, "# sluice rejects of a\tb\nm f=1 1\n").unwrap();
        assert!(
            matches!(why(&ours.check().unwrap_err()), NotUsed::OtherJob { job } if job == "a\\tb")
        );
        // The other job came first, between the look and the first refused line.
        fs::remove_file(&path).unwrap();
        ours.check().unwrap();
        add(&file(path.clone(), "k", false), 1, "m f=1 1").unwrap();
        assert!(matches!(why(&add(&ours, 1, "m f=1 1").unwrap_err()), NotUsed::OtherJob { .. }));
        let locked = File::open(&path).unwrap();
        locked.lock().unwrap();
        let busy = add(&file(path, "k", false), 2, "m f=1 1").unwrap_err();
        assert_eq!(*why(&busy), NotUsed::Locked);
    }

    #[test]
    fn only_regular_files_are_opened_and_links_to_them_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, socket) = (folder.path().join("pipe"), folder.path().join("socket"));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, what) in [
            (folder.path().to_owned(), "a folder"),
            (pipe, "a pipe"),
            (socket, "a socket"),
            ("/dev/full".into(), "a device"),
            ("/dev/zero".into(), "a device"),
        ] {
            let linked = folder.path().join(format!("to {}", path.display()).replace('/', "-"));
            std::os::unix::fs::symlink(&path, &linked).unwrap();
            for path in [path, linked] {
                let file = file(path, "j", true);
                for error in [
                    file.check().unwrap_err(),
                    file.resume(Timestamp::EPOCH).unwrap_err(),
                    add(&file, 1, "m f=1 1").unwrap_err(),
                ] {
                    assert_eq!(*why(&error), NotUsed::NoFile(what), "{error}");
                }
            }
        }
        let (real, link) = (folder.path().join("real.lp"), folder.path().join("link.lp"));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let nowhere = folder.path().join("to nowhere");
        std::os::unix::fs::symlink("no/where", &nowhere).unwrap();
        assert!(matches!(file(nowhere, "j", false).check(), Err(Error::State { .. })));
        let linked = file(link.clone(), "j", false);
        for _ in 0..2 {
            linked.check().unwrap();
            assert_eq!(linked.resume(days(1).start).unwrap(), 0);
            add(&linked, 1, "m f=1 1").unwrap();
            assert_eq!(
                fs::read_to_string(&real).unwrap(),
                format!("{FIRST}{}", section(1, "m f=1 1"))
            );
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }

    /// One line longer than any step, and a file of many steps, in both forms.
    #[test]
    fn a_large_file_is_gone_through_in_steps() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path().join("rejects.lp"), "j", true);
        let long = format!("m f=\"{}\n# batch \" 1", "x\\\"y\n".repeat(REJECTS_STEP_BYTES));
        let sections = [section(1, &long), section(2, "m f=1 1")].concat();
        fs::write(&file.path, format!("{FIRST}{sections}")).unwrap();
        assert_eq!(file.resume(days(3).start).unwrap(), 4);
        let bare = |day| format!("# batch {} {}\n# 2 values: x\n", days(day).start, days(day).stop);
        fs::write(&file.path, format!("{}{long}\n{}m f=1 1\n", bare(1), bare(2))).unwrap();
        assert_eq!(file.resume(days(3).start).unwrap(), 4);
        assert_eq!(file.resume(days(2).start).unwrap(), 2);
        assert_eq!(text(&file), format!("{}{long}\n", bare(1)));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let file = file("/proc/none/rejects.lp".into(), "j", true);
        file.check().unwrap();
        let error = add(&file, 1, "m f=1 1").unwrap_err();
        assert!(error.to_string().contains("/proc/none/rejects.lp"), "{error}");
    }
}
