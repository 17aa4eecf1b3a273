//! The journal and the manifest: how the state of a spool is kept, and read again whatever happened in between.
//!
//! The journal is the checkpoint of a spool: one line for each record, which begins with a digest of itself and of all
//! before it. A last line that is not whole was never acknowledged and is dropped; anything else that does not fit is an
//! error. The manifest is the whole state after some record, so that nothing can vanish from the end of the journal
//! unnoticed: one line of JSON, and a second one with its digest.

use super::digest;
use super::error::Error;
use super::state::{FORMAT, Record, State};
use super::storage::Storage;
use crate::limits::SPOOL_STATE_BYTES_MAX;

/// The manifest.
pub(super) const MANIFEST: &str = "manifest.json";
/// The journal of a folder; in an object store each record is an object below it.
pub(super) const JOURNAL: &str = "journal/records";
const JOURNAL_FOLDER: &str = "journal";

/// What every format of a manifest has.
#[derive(serde::Deserialize)]
struct Header {
    format: u64,
}

fn object_of(number: u64) -> String {
    format!("{JOURNAL_FOLDER}/{number:012}")
}

/// Where the next record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct End {
    /// Bytes of the records so far; folders only.
    pub(super) bytes: u64,
}

/// The digest of the chain with one more record.
fn link(chain: &str, json: &str) -> String {
    digest::sha256(format!("{chain} {json}").as_bytes())
}

/// The text of a manifest.
fn manifest_text(state: &State) -> String {
    let json = serde_json::to_string(state).expect("a state is plain data");
    let digest = digest::sha256(json.as_bytes());
    format!("{json}\n{{\"sha256\":\"{digest}\"}}\n")
}

/// Writes the manifest anew, over the one before. In an object store that may even be a later one of a run that took the
/// spool over meanwhile: both are states after some record of one journal, and what the older one lacks is read there.
pub(super) fn write_manifest(storage: &Storage, state: &State) -> Result<(), Error> {
    storage.put(MANIFEST, manifest_text(state).as_bytes())
}

/// Writes the manifest of a new spool. In an object store somebody else may have begun one meanwhile.
pub(super) fn begin(storage: &Storage, state: &State) -> Result<(), Error> {
    if !storage.is_objects() {
        return write_manifest(storage, state);
    }
    if storage.create(MANIFEST, manifest_text(state).as_bytes())? {
        Ok(())
    } else {
        Err(Error::TakenOver { file: MANIFEST.to_owned() })
    }
}

fn read_manifest(storage: &Storage) -> Result<Option<State>, Error> {
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
    if format != FORMAT {
        let file = MANIFEST.to_owned();
        return Err(Error::Format { file, found: format, known: FORMAT });
    }
    let state: State = serde_json::from_str(json).map_err(|error| damaged(&error.to_string()))?;
    if state.job.job().is_none() {
        return Err(damaged("the job is not whole"));
    }
    Ok(Some(state))
}

/// The state that manifest and journal tell of; `None` if there is neither.
pub(super) fn read(storage: &Storage) -> Result<Option<(State, End)>, Error> {
    let state = read_manifest(storage)?;
    if storage.is_objects() { read_objects(storage, state) } else { read_lines(storage, state) }
}

fn read_lines(storage: &Storage, state: Option<State>) -> Result<Option<(State, End)>, Error> {
    let journal = storage.read(JOURNAL, SPOOL_STATE_BYTES_MAX)?;
    let Some(mut state) = state else {
        // The manifest comes first, so a journal never stands alone.
        return match journal {
            None => Ok(None),
            Some(_) => Err(Error::Missing { file: MANIFEST.to_owned() }),
        };
    };
    let Some(journal) = journal else {
        return match state.records {
            0 => Ok(Some((state, End::default()))),
            _ => Err(Error::Missing { file: JOURNAL.to_owned() }),
        };
    };
    let whole = journal.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let damaged =
        |number: u64, what: &str| Error::damaged(JOURNAL, format!("record {number}: {what}"));
    let (mut chain, mut number) = (state.chain_start(), 0);
    let (known, known_chain) = (state.records, state.chain.clone());
    for line in journal[..whole].split_inclusive(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(&line[..line.len() - 1]);
        let line = line.map_err(|_| damaged(number, "not text"))?;
        let (own, json) = line.split_once(' ').ok_or_else(|| damaged(number, "no digest"))?;
        chain = link(&chain, json);
        if chain != own {
            return Err(damaged(number, "its digest does not match"));
        }
        number += 1;
        if number == known && chain != known_chain {
            return Err(damaged(number, "the manifest knows another one"));
        }
        if number > known {
            let fits = apply(&mut state, json, &chain);
            fits.map_err(|what| damaged(number, &what))?;
        }
    }
    if number < known {
        return Err(Error::damaged(JOURNAL, format!("{number} of {known} records are left")));
    }
    Ok(Some((state, End { bytes: whole as u64 })))
}

fn read_objects(storage: &Storage, state: Option<State>) -> Result<Option<(State, End)>, Error> {
    let names = storage.list(JOURNAL_FOLDER)?;
    let Some(mut state) = state else {
        if names.is_empty() {
            return Ok(None);
        }
        return Err(Error::Missing { file: MANIFEST.to_owned() });
    };
    let first = state.records;
    let last = names.last().cloned().unwrap_or_default();
    while object_of(state.records) <= last {
        let name = object_of(state.records);
        let Some(bytes) = storage.read(&name, SPOOL_STATE_BYTES_MAX)? else {
            return Err(Error::Missing { file: name });
        };
        let damaged = |what: &str| Error::damaged(&name, what);
        let text = String::from_utf8(bytes).map_err(|_| damaged("not text"))?;
        let line = text.strip_suffix('\n').ok_or_else(|| damaged("cut short"))?;
        let (own, json) = line.split_once(' ').ok_or_else(|| damaged("no digest"))?;
        let chain = link(&state.chain, json);
        if chain != own {
            return Err(damaged("its digest does not match"));
        }
        apply(&mut state, json, &chain).map_err(|what| damaged(&what))?;
    }
    // What the manifest holds must be there too, or somebody else tidied up.
    let kept = names.iter().filter(|name| **name < object_of(first)).count() as u64;
    if kept != first {
        return Err(Error::damaged(JOURNAL_FOLDER, format!("{kept} of {first} records are left")));
    }
    Ok(Some((state, End::default())))
}

/// The records again that a state was read from. Its chain was proved then.
pub(super) fn records(storage: &Storage, state: &State) -> Result<Vec<Record>, Error> {
    let names: Vec<String> = if storage.is_objects() {
        (0..state.records).map(object_of).collect()
    } else {
        vec![JOURNAL.to_owned()]
    };
    let mut records = Vec::new();
    for name in &names {
        let missing = || Error::Missing { file: name.clone() };
        let bytes = match storage.read(name, SPOOL_STATE_BYTES_MAX)? {
            None if state.records == 0 => return Ok(records),
            bytes => bytes.ok_or_else(missing)?,
        };
        let text = String::from_utf8(bytes).map_err(|_| Error::damaged(name, "not text"))?;
        for line in text.lines() {
            if records.len() as u64 == state.records {
                break;
            }
            let json = line.split_once(' ').map_or("", |(_, json)| json);
            let record = serde_json::from_str(json);
            records.push(record.map_err(|error| Error::damaged(name, error.to_string()))?);
        }
    }
    Ok(records)
}

fn apply(state: &mut State, json: &str, chain: &str) -> Result<(), String> {
    let record: Record = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if !state.apply(record) {
        return Err("does not follow from those before it".into());
    }
    state.records += 1;
    chain.clone_into(&mut state.chain);
    Ok(())
}

/// Appends a record, and applies it once it is safe.
pub(super) fn append(
    storage: &Storage,
    state: &mut State,
    end: &mut End,
    record: Record,
) -> Result<(), Error> {
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
    assert!(state.apply(record), "a record is made for the state that it is appended to");
    state.records += 1;
    state.chain = chain;
    Ok(())
}
