//! The journal and the manifest: how the state of a spool is kept, and read again whatever happened in between.
//!
//! The journal is the checkpoint of a spool: one line for each record, which begins with a digest of itself and of all
//! before it. A last line that is not whole was never acknowledged and is dropped; anything else that does not fit is an
//! error. The manifest is the whole state after some record, so that nothing can vanish from the end of the journal
//! unnoticed: one line of JSON, and a second one with its digest.
//!
//! Whoever opens a spool, for whatever end, reads all records, and each of them, and the manifest, must be
//! [`super::sound`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::job::{FIRST_FORMAT, FORMAT};
use super::sound;
use super::state::{JournalRecord, SpoolState};
use crate::limits::{SPOOL_STATE_BYTES_MAX, SPOOL_STATE_READS};
use crate::spool::digest;
use crate::spool::error::Error;
use crate::spool::held::held;
use crate::spool::storage::{Storage, several};

/// The manifest.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The journal of a folder; in an object store each record is an object below it.
pub(crate) const JOURNAL: &str = "journal/records";
const JOURNAL_FOLDER: &str = "journal";

/// What every format of a manifest has.
#[derive(serde::Deserialize)]
struct Header {
    format: u64,
}

fn object_of(number: u64) -> String {
    format!("{JOURNAL_FOLDER}/{number:012}")
}

fn number_of(name: &str) -> Option<u64> {
    let number = name.rsplit('/').next()?.parse().ok()?;
    (object_of(number) == name).then_some(number)
}

/// Where the next record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct End {
    /// Bytes of the records so far; folders only.
    pub(crate) bytes: u64,
}

/// The digest of the chain with one more record.
fn link(chain: &str, json: &str) -> String {
    digest::sha256(format!("{chain} {json}").as_bytes())
}

/// The text of a manifest.
fn manifest_text(state: &SpoolState) -> String {
    let json = serde_json::to_string(state).expect("a state is plain data");
    let digest = digest::sha256(json.as_bytes());
    format!("{json}\n{{\"sha256\":\"{digest}\"}}\n")
}

/// Writes the manifest anew, over the one before. In an object store that may even be a later one of a run that took the
/// spool over meanwhile: both are states after some record of one journal, and what the older one lacks is read there.
pub(crate) fn write_manifest(storage: &Storage, state: &SpoolState) -> Result<(), Error> {
    storage.put(MANIFEST, manifest_text(state).as_bytes())
}

/// Writes the manifest of a new spool. In an object store somebody else may have begun one meanwhile.
pub(crate) fn begin(storage: &Storage, state: &SpoolState) -> Result<(), Error> {
    if !storage.is_objects() {
        return write_manifest(storage, state);
    }
    if storage.create(MANIFEST, manifest_text(state).as_bytes())? {
        Ok(())
    } else {
        Err(Error::TakenOver { file: MANIFEST.to_owned() })
    }
}

fn read_manifest(storage: &Storage) -> Result<Option<SpoolState>, Error> {
    let Some(bytes) = storage.read(MANIFEST, SPOOL_STATE_BYTES_MAX)? else { return Ok(None) };
    let damaged = |what: &str| Error::damaged(MANIFEST, what);
    let text = String::from_utf8(bytes).map_err(|_| damaged("not text"))?;
    let (json, rest) = text.split_once('\n').ok_or_else(|| damaged("cut short"))?;
    let digest = digest::sha256(json.as_bytes());
    if rest != format!("{{\"sha256\":\"{digest}\"}}\n") {
        return Err(damaged("its digest does not match"));
    }
    let Header { format } =
        serde_json::from_str(json).map_err(|error| damaged(&error.to_string()))?;
    if !(FIRST_FORMAT..=FORMAT).contains(&format) {
        let file = MANIFEST.to_owned();
        return Err(Error::Format { file, found: format, known: FORMAT });
    }
    let state: SpoolState =
        serde_json::from_str(json).map_err(|error| damaged(&error.to_string()))?;
    sound::job(&state.job).map_err(|what| damaged(&what))?;
    Ok(Some(state))
}

/// The state that manifest and journal tell of; `None` if there is neither, an error if it may be wrong. Read while a run
/// writes them, they may seem damaged: what is so stays so.
pub(crate) fn read(storage: &Storage) -> Result<Option<(SpoolState, End)>, Error> {
    let found = read_settled(storage)?;
    match found.as_ref().and_then(|(state, _)| state.doubts.first()) {
        Some(text) => Err(Error::Doubtful { text: text.clone() }),
        None => Ok(found),
    }
}

fn read_settled(storage: &Storage) -> Result<Option<(SpoolState, End)>, Error> {
    let mut before = None;
    for _ in 1..SPOOL_STATE_READS {
        match read_once(storage) {
            Err(error) if error.is_state() => {
                let text = error.to_string();
                if before.as_ref() == Some(&text) {
                    return Err(error);
                }
                before = Some(text);
            }
            other => return other,
        }
    }
    read_once(storage)
}

fn read_once(storage: &Storage) -> Result<Option<(SpoolState, End)>, Error> {
    let manifest = read_manifest(storage)?;
    if storage.is_objects() {
        read_objects(storage, manifest)
    } else {
        read_lines(storage, manifest)
    }
}

/// All records so far, from the first one on, held against the manifest where that was written.
struct Replay {
    manifest: SpoolState,
    state: SpoolState,
}

impl Replay {
    fn new(manifest: SpoolState) -> Result<Self, Error> {
        let state = SpoolState::before_all(manifest.job.clone(), manifest.format);
        let replay = Self { manifest, state };
        replay.meet()?;
        Ok(replay)
    }

    /// Where the manifest was written, both must say the same.
    fn meet(&self) -> Result<(), Error> {
        if self.state.records != self.manifest.records {
            return Ok(());
        }
        let same = sound::manifest(&self.manifest, &self.state);
        same.map_err(|what| Error::damaged(MANIFEST, what))
    }

    /// The next record: its line without the line feed. `file` holds it.
    fn add(&mut self, file: &str, line: &[u8]) -> Result<(), Error> {
        let number = self.state.records;
        let damaged = |what: &str| Error::damaged(file, format!("record {number}: {what}"));
        let line = std::str::from_utf8(line).map_err(|_| damaged("not text"))?;
        let (own, json) = line.split_once(' ').ok_or_else(|| damaged("no digest"))?;
        let chain = link(&self.state.chain, json);
        if chain != own {
            return Err(damaged("its digest does not match"));
        }
        let record = serde_json::from_str(json).map_err(|error| damaged(&error.to_string()))?;
        sound::record(&self.state, &record).map_err(|what| damaged(&what))?;
        self.state.apply(record, chain);
        self.meet()
    }

    fn end(self) -> Result<SpoolState, Error> {
        let (left, known) = (self.state.records, self.manifest.records);
        if left < known {
            return Err(Error::damaged(JOURNAL, format!("{left} of {known} records are left")));
        }
        sound::totals(&self.state).map_err(|what| Error::damaged(JOURNAL, what))?;
        Ok(self.state)
    }
}

fn read_lines(
    storage: &Storage,
    manifest: Option<SpoolState>,
) -> Result<Option<(SpoolState, End)>, Error> {
    let journal = storage.read(JOURNAL, SPOOL_STATE_BYTES_MAX)?;
    let Some(manifest) = manifest else {
        // The manifest comes first, so a journal never stands alone.
        return match journal {
            None => Ok(None),
            Some(_) => Err(Error::Missing { file: MANIFEST.to_owned() }),
        };
    };
    let records = manifest.records;
    let mut replay = Replay::new(manifest)?;
    let Some(journal) = journal else {
        return match records {
            0 => Ok(Some((replay.end()?, End::default()))),
            _ => Err(Error::Missing { file: JOURNAL.to_owned() }),
        };
    };
    let whole = journal.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    for line in journal[..whole].split_inclusive(|byte| *byte == b'\n') {
        replay.add(JOURNAL, &line[..line.len() - 1])?;
    }
    Ok(Some((replay.end()?, End { bytes: whole as u64 })))
}

fn read_objects(
    storage: &Storage,
    manifest: Option<SpoolState>,
) -> Result<Option<(SpoolState, End)>, Error> {
    let names = storage.list(JOURNAL_FOLDER)?;
    let Some(manifest) = manifest else {
        if names.is_empty() {
            return Ok(None);
        }
        return Err(Error::Missing { file: MANIFEST.to_owned() });
    };
    let known = manifest.records;
    let mut replay = Replay::new(manifest)?;
    // What else lies there is not ours.
    let numbers: BTreeSet<u64> = names.iter().filter_map(|name| number_of(name)).collect();
    let numbers: Vec<u64> = numbers.into_iter().collect();
    if let Some((number, _)) = (0..).zip(&numbers).find(|(number, found)| number != *found) {
        return Err(Error::Missing { file: object_of(number) });
    }
    for some in numbers.chunks(storage.at_one_time()) {
        let found = Mutex::new(BTreeMap::new());
        several::each(some, storage.at_one_time(), |number| {
            let name = object_of(*number);
            let bytes = storage.read(&name, SPOOL_STATE_BYTES_MAX)?;
            // What the manifest holds must be there too, or somebody else tidied up.
            let bytes = bytes.ok_or(Error::Missing { file: name })?;
            held(&found).insert(*number, bytes);
            Ok::<_, Error>(())
        })?;
        for (number, bytes) in std::mem::take(&mut *held(&found)) {
            let name = object_of(number);
            let line = bytes.strip_suffix(b"\n");
            replay.add(&name, line.ok_or_else(|| Error::damaged(&name, "cut short"))?)?;
        }
    }
    if replay.state.records < known {
        let left = replay.state.records;
        let what = format!("{left} of {known} records are left");
        return Err(Error::damaged(JOURNAL_FOLDER, what));
    }
    Ok(Some((replay.end()?, End::default())))
}

/// Appends a record, and applies it once it is safe.
pub(crate) fn append(
    storage: &Storage,
    state: &mut SpoolState,
    end: &mut End,
    record: JournalRecord,
) -> Result<(), Error> {
    // Before it is written: a record that no reader takes would cost the whole spool.
    sound::record(state, &record)
        .map_err(|what| Error::Encode { file: JOURNAL.to_owned(), what })?;
    let json = serde_json::to_string(&record).expect("a record is plain data");
    let chain = link(&state.chain, &json);
    let line = format!("{chain} {json}\n");
    if storage.is_objects() {
        let name = object_of(state.records);
        if !storage.create(&name, line.as_bytes())? {
            return Err(Error::TakenOver { file: name });
        }
    } else {
        storage.append(JOURNAL, end.bytes, line.as_bytes())?;
        end.bytes += line.len() as u64;
    }
    state.apply(record, chain);
    Ok(())
}
