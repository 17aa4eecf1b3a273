//! The spool: the content of a bucket as a folder (or a prefix of an object store) of Parquet files, and the checkpoint
//! of the run that fills it. The only place of parquet and object_store.
//!
//! ```text
//! manifest.json    journal/    lock    staging/      never inside of the data
//! data/bucket=<pct>/measurement=<pct>/month=YYYY-MM/<range>-<hash>.parquet
//! conflicts/...                                      values of a field in other types than the one in data
//! ```
//!
//! - Writing: [`writable`] opens a spool for one run, [`batch`] takes the frames of one batch, [`compact`] merges small
//!   files. Files are complete and synced before they appear, then comes the record of the batch, then the manifest.
//! - Reading: [`stored`] hands out frames, after it has made sure that every file is the one that was written;
//!   [`describe`] tells what is there, [`tables`] how other readers see it, [`proof`] whether it is whole.
//! - How: [`name`] paths, `columns` and `times` schemas, `block`, `weave`, `sorted` and `parts` rows in order, `files`,
//!   `write`, `pages` and `read` Parquet files, [`digest`], [`size`], `state` and `journal` what is known, `sound` what
//!   of it is believed, [`lock`] whose it is, [`storage`] where it lies, [`place`] how that is typed.
//!
//! Nothing here is asynchronous: calls block on disk and encoding, and belong on threads that may.

pub mod batch;
mod block;
mod columns;
pub mod compact;
pub mod describe;
pub mod digest;
pub mod error;
mod file_lock;
mod files;
mod held;
mod journal;
pub mod lock;
pub mod name;
mod pages;
mod parts;
pub mod place;
pub mod proof;
mod read;
pub mod size;
mod sorted;
mod sound;
pub mod state;
pub mod storage;
pub mod stored;
pub mod tables;
mod times;
mod weave;
pub mod writable;
mod write;
