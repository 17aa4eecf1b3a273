//! Objects that were fetched, kept as long as there is room: batch after batch is read from the same files.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::section::Section;
use crate::limits::OBJECT_KEPT_BYTES_MAX;

/// The files, by the digest of their content; the one that was used last stands at the end. They have no names: what is
/// forgotten is gone with its last reader.
#[derive(Debug, Default)]
pub(super) struct Fetched(Mutex<VecDeque<(String, Section)>>);

impl Fetched {
    fn held(&self) -> MutexGuard<'_, VecDeque<(String, Section)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, sha256: &str) -> Option<Section> {
        let mut files = self.held();
        let at = files.iter().position(|(own, _)| own == sha256)?;
        let file = files.remove(at)?;
        let section = file.1.anew();
        files.push_back(file);
        Some(section)
    }

    pub(super) fn keep(&self, sha256: &str, section: &Section) {
        let mut files = self.held();
        files.push_back((sha256.to_owned(), section.anew()));
        let mut bytes: u64 = files.iter().map(|(_, section)| section.length()).sum();
        while bytes > OBJECT_KEPT_BYTES_MAX {
            let Some((_, oldest)) = files.pop_front() else { break };
            bytes -= oldest.length();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_was_used_last_is_kept_as_far_as_there_is_room() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let third = Section::new(Arc::clone(&file), 0, OBJECT_KEPT_BYTES_MAX / 3);
        let fetched = Fetched::default();
        let known = |names: [&str; 4]| names.map(|name| fetched.get(name).is_some());
        for name in ["a", "b", "c"] {
            fetched.keep(name, &third);
        }
        assert_eq!(known(["c", "b", "a", "d"]), [true, true, true, false]);
        fetched.keep("d", &third);
        assert_eq!(known(["a", "b", "c", "d"]), [true, true, false, true], "c was used first");
        let large = Section::new(file, 0, OBJECT_KEPT_BYTES_MAX + 1);
        fetched.keep("e", &large);
        assert!(fetched.get("e").is_none());
    }
}
