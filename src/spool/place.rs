//! A place as it is typed: a folder, or the address of one.

use std::path::PathBuf;

use super::error::Error;
use super::storage::Storage;

/// The folder, if the place is one (`stage`, `/data/stage`, `file:///data/stage`).
pub fn folder(place: &str) -> Option<PathBuf> {
    match place.split_once("://") {
        None => Some(PathBuf::from(place)),
        Some(("file", path)) if path.starts_with('/') => Some(PathBuf::from(path)),
        Some(_) => None,
    }
}

/// The storage at a place.
pub fn storage(place: &str) -> Result<Storage, Error> {
    folder(place).map(Storage::folder).ok_or_else(|| Error::Place {
        place: place.to_owned(),
        why: "neither a folder nor file:///folder".to_owned(),
    })
}
