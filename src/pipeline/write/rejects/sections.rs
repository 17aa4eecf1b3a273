//! The sections of a rejects file, one for each batch, found by the lengths that they tell.
//!
//! Earlier versions told none: such a section is searched line by line, as the server cuts lines, so that a string that
//! looks like a mark is none. Either way a file is gone through in steps of bounded size, whatever the length of its lines.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::limits::{REJECTS_HEAD_BYTES_MAX, REJECTS_STEP_BYTES};
use crate::model::time::{TimeRange, Timestamp};
use crate::wire::line::split::Splitter;

/// Begins a section.
const BATCH_MARK: &str = "# batch ";

/// The first line of a section of so many values and bytes.
pub(super) fn first_line(batch: TimeRange, values: u64, bytes: u64) -> String {
    let TimeRange { start, stop } = batch;
    format!("{BATCH_MARK}{start} {stop}, {values} values in {bytes} bytes\n")
}

/// What was found in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FoundSections {
    /// Bytes that stay: up to the first section of a batch that is not committed.
    pub(super) keep: u64,
    /// Values in the sections of committed batches, as far as they are whole.
    pub(super) values: u64,
    /// False if it is not as it was left.
    pub(super) whole: bool,
}

/// The first line of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Section {
    start: Timestamp,
    /// Values in it and its bytes after the first line; earlier versions have not told.
    size: Option<(u64, u64)>,
}

impl Section {
    fn read(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let rest = line.strip_prefix(BATCH_MARK)?;
        let (range, size) = match rest.split_once(", ") {
            None => (rest, None),
            Some((range, size)) => {
                let (values, bytes) = size.split_once(" values in ")?;
                let bytes = bytes.strip_suffix(" bytes")?;
                (range, Some((values.parse().ok()?, bytes.parse().ok()?)))
            }
        };
        let (start, stop) = range.split_once(' ')?;
        let _: Timestamp = stop.parse().ok()?;
        Some(Self { start: start.parse().ok()?, size })
    }
}

/// Goes from section to section. They are in the order of their batches, so what is not committed is a tail.
pub(super) fn find(
    file: &File,
    from: u64,
    len: u64,
    resume: Timestamp,
) -> io::Result<FoundSections> {
    let (mut at, mut values) = (from, 0_u64);
    // A section is as it was left if the next one, or the end, stands where its length says.
    let mut unproven = 0;
    loop {
        let line = first_line_at(file, at, len)?;
        let is_torn = !line.ends_with(b"\n") && at + line.len() as u64 == len;
        let section = match Section::read(&line) {
            // The end; or a section that was begun when the run was killed.
            None if is_torn && is_begun(&line) => {
                return Ok(FoundSections { keep: at, values: values + unproven, whole: true });
            }
            None => return Ok(FoundSections { keep: len, values, whole: false }),
            Some(section) => section,
        };
        values += unproven;
        if section.start >= resume {
            return Ok(FoundSections { keep: at, values, whole: true });
        }
        let begin = at + line.len() as u64;
        let end = if let Some((in_it, bytes)) = section.size {
            unproven = in_it;
            begin.checked_add(bytes).filter(|end| *end <= len)
        } else {
            let end = unsized_end(file, begin, len)?;
            unproven = end.map_or(0, |(_, in_it)| in_it);
            end.map(|(end, _)| end)
        };
        match end {
            Some(end) => at = end,
            None => return Ok(FoundSections { keep: len, values, whole: false }),
        }
    }
}

/// True for the beginning of the first line of a section, and for nothing at all.
fn is_begun(line: &[u8]) -> bool {
    line.starts_with(BATCH_MARK.as_bytes()) || BATCH_MARK.as_bytes().starts_with(line)
}

/// Where a section without a length ends, and its values: searched line by line, as the server cuts lines, so that a
/// string that looks like a mark is none. `None` if it ends in the middle of a line.
fn unsized_end(file: &File, begin: u64, len: u64) -> io::Result<Option<(u64, u64)>> {
    enum Place {
        Between,
        Comment(Vec<u8>),
        Line(Splitter),
    }
    let (mut at, mut line_at, mut values) = (begin, begin, 0_u64);
    let mut place = Place::Between;
    let mut step = vec![0; REJECTS_STEP_BYTES];
    while at < len {
        let count = file.read_at(&mut step, at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for &byte in &step[..count] {
            at += 1;
            if matches!(place, Place::Between) {
                line_at = at - 1;
                place = match byte {
                    b'#' => Place::Comment(Vec::new()),
                    _ => Place::Line(Splitter::default()),
                };
            }
            match &mut place {
                Place::Comment(line) => {
                    if line.len() < REJECTS_HEAD_BYTES_MAX || byte == b'\n' {
                        line.push(byte);
                    }
                    if byte != b'\n' {
                        continue;
                    }
                    if Section::read(line).is_some() {
                        return Ok(Some((line_at, values)));
                    }
                    values += values_named(line);
                    place = Place::Between;
                }
                Place::Line(splitter) => {
                    if splitter.ends_at(byte) {
                        place = Place::Between;
                    }
                }
                Place::Between => {}
            }
        }
    }
    Ok(match place {
        Place::Between => Some((len, values)),
        // The next section was begun when the run was killed.
        Place::Comment(line) if is_begun(&line) => Some((line_at, values)),
        Place::Comment(_) | Place::Line(_) => None,
    })
}

/// `12` of `# 12 values: …`.
fn values_named(line: &[u8]) -> u64 {
    let line = String::from_utf8_lossy(line);
    let named = line.strip_prefix("# ").and_then(|rest| rest.split_once(" values: "));
    named.and_then(|(values, _)| values.parse().ok()).unwrap_or(0)
}

/// The line that begins at a place, with its end, as far as the first line of a file or section can reach.
fn first_line_at(file: &File, at: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut line = read_at(file, at, len)?;
    if let Some(end) = memchr::memchr(b'\n', &line) {
        line.truncate(end + 1);
    }
    Ok(line)
}

pub(super) fn read_at(file: &File, at: u64, len: u64) -> io::Result<Vec<u8>> {
    let rest = usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; rest.min(REJECTS_HEAD_BYTES_MAX)];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

pub(super) fn ends_a_line(file: &File, len: u64) -> io::Result<bool> {
    let Some(last) = len.checked_sub(1) else { return Ok(true) };
    Ok(read_at(file, last, len)? == b"\n")
}
