//! The whole proof of a spool: each file is the one that was written, holds what the manifest says, and all files
//! together hold what the records of the batches say.

use std::collections::BTreeMap;

use super::stored::{Stored, StoredSelection};
use crate::limits::SPOOL_FINDINGS_MAX;
use crate::model::content_digest::ContentDigest;
use crate::spool::error::Error;
use crate::spool::format::journal;
use crate::spool::format::state::{FileEntry, KeptBatch};

/// What was looked at, and what is wrong.
#[derive(Debug, Default)]
pub struct Proof {
    /// Files of the manifest.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows, decoded.
    pub rows: u64,
    /// Values, decoded.
    pub values: u64,
    /// Batches whose content is that of their records.
    pub batches: u64,
    /// Of which share files with others, so that only the sum of their contents is proved.
    pub batches_merged: u64,
    /// Files that a killed run left; they are no part of the spool.
    pub leftovers: u64,
    /// What is damaged, missing or foreign, at most [`SPOOL_FINDINGS_MAX`]; empty if the spool is whole.
    pub findings: Vec<Error>,
    /// Findings beyond these.
    pub more: u64,
}

/// Batches that share files, and the sums over these.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    batches: u64,
    recorded: (u64, ContentDigest),
    held: (u64, ContentDigest),
}

impl Proof {
    fn find(&mut self, error: Error) {
        if self.findings.len() < SPOOL_FINDINGS_MAX {
            self.findings.push(error);
        } else {
            self.more += 1;
        }
    }

    /// A damage is a finding; any other error ends the proof.
    fn note(&mut self, result: Result<(), Error>) -> Result<bool, Error> {
        match result {
            Err(error) if error.is_state() => {
                self.find(error);
                Ok(false)
            }
            other => other.map(|()| true),
        }
    }
}

impl Stored {
    /// Reads everything twice: once as bytes, once decoded. `tell` hears how far it is.
    pub fn prove(&self, mut tell: impl FnMut(&Proof)) -> Result<Proof, Error> {
        let mut proof = Proof::default();
        self.find_foreign(&mut proof)?;
        for file in self.files(&StoredSelection::ALL) {
            let whole = self.verify_file(file).and_then(|()| self.verify_decoded(file));
            proof.files += 1;
            proof.bytes += file.bytes;
            if proof.note(whole)? {
                proof.rows += file.rows;
                proof.values += file.values;
            }
            tell(&proof);
        }
        self.prove_batches(&mut proof)?;
        Ok(proof)
    }

    fn find_foreign(&self, proof: &mut Proof) -> Result<(), Error> {
        let found = self.strangers()?;
        proof.leftovers = found.leftovers;
        for file in found.foreign {
            proof.find(Error::Foreign { file });
        }
        Ok(())
    }

    /// The digests of contents are sums, so those of the files of a batch add up to that of its record. Files that were
    /// merged hold several batches: these are taken together.
    fn prove_batches(&self, proof: &mut Proof) -> Result<(), Error> {
        let batches = &self.state().batches;
        let mut groups = Groups::new(batches);
        for file in self.state().files.values() {
            if !groups.add(batches, file)? {
                let what = "the journal knows no batch that it belongs to";
                proof.find(Error::damaged(&file.path, what));
            }
        }
        for (start, group) in groups.sums(batches) {
            if group.recorded == group.held {
                proof.batches += group.batches;
                proof.batches_merged += if group.batches > 1 { group.batches } else { 0 };
            } else {
                let what = format!(
                    "the batch at {start} ns and {} more hold {} values, digest {}; their files {} values, digest {}",
                    group.batches - 1,
                    group.recorded.0,
                    group.recorded.1,
                    group.held.0,
                    group.held.1
                );
                proof.find(Error::damaged(journal::JOURNAL, what));
            }
        }
        Ok(())
    }
}

/// Which batches share files: a forest in which each batch points to another one of its group.
struct Groups {
    /// By start: the group's next batch, itself at the root.
    next: BTreeMap<i64, i64>,
    /// What the files hold, by a batch of theirs.
    held: BTreeMap<i64, (u64, ContentDigest)>,
}

impl Groups {
    fn new(batches: &BTreeMap<i64, KeptBatch>) -> Self {
        Self { next: batches.keys().map(|start| (*start, *start)).collect(), held: BTreeMap::new() }
    }

    fn root(&mut self, mut at: i64) -> i64 {
        loop {
            let next = self.next[&at];
            let after = self.next[&next];
            if next == after {
                return next;
            }
            // Halves the way for the next one.
            self.next.insert(at, after);
            at = after;
        }
    }

    /// False if the file lies in no batch.
    fn add(&mut self, batches: &BTreeMap<i64, KeptBatch>, file: &FileEntry) -> Result<bool, Error> {
        let mut first = None;
        for (start, stop) in file.batches.iter().filter(|(start, stop)| start < stop) {
            for (own, batch) in batches.range(start..stop) {
                if batch.stop > *stop {
                    continue;
                }
                let root = self.root(*own);
                match first {
                    None => first = Some(root),
                    Some(known) => {
                        let known = self.root(known);
                        self.next.insert(root, known);
                    }
                }
            }
        }
        let Some(at) = first else { return Ok(false) };
        let strange = |_| Error::damaged(&file.path, "its content has no digest");
        let digest: ContentDigest = file.digest.parse().map_err(strange)?;
        let held = self.held.entry(at).or_default();
        held.0 += file.values;
        held.1.add(digest);
        Ok(true)
    }

    /// The sums of each group, by its root.
    fn sums(mut self, batches: &BTreeMap<i64, KeptBatch>) -> BTreeMap<i64, Group> {
        let mut groups: BTreeMap<i64, Group> = BTreeMap::new();
        for (start, batch) in batches {
            let group = groups.entry(self.root(*start)).or_default();
            group.batches += 1;
            group.recorded.0 += batch.values;
            group.recorded.1.add(batch.digest);
        }
        for (at, (values, digest)) in std::mem::take(&mut self.held) {
            let group = groups.entry(self.root(at)).or_default();
            group.held.0 += values;
            group.held.1.add(digest);
        }
        groups
    }
}
