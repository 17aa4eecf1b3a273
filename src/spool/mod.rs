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
//! - Reading: [`stored`] makes sure that every file is the one that was written, then [`frames`] come of it;
//!   `describe` tells what is there, [`tables`] how other readers see it, [`proof`] whether it is whole.
//! - How, each folder using only those before it: [`storage`] where it lies, [`place`] how that is typed, [`lock`] whose it
//!   is; `format`: [`name`] paths, `columns` and `times` schemas, `block` rows, `pages` what a file tells of them, [`state`] and
//!   `journal` what is known, `sound` what of it is believed; `read`: `file_reader` one file, `checked_file` what it must be, [`stored`] all
//!   of them;
//!   `write`: `sorted`, `weave` and `parts` rows in order, `file_writer` one file, `batch_files` those of a batch, `open`
//!   what the batches share, [`size`] what they come to. [`digest`] serves all.
//!
//! Nothing here is asynchronous: calls block on disk and encoding, and belong on threads that may.

pub(crate) mod digest;
pub(crate) mod error;
mod format;
mod held;
pub(crate) mod lock;
pub(crate) mod place;
mod read;
pub(crate) mod storage;
mod write;

pub(crate) use format::{name, state};
pub(crate) use read::{frames, proof, stored, tables};
pub(crate) use write::{batch, compact, size, writable};
