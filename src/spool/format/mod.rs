//! What stands in a spool: names and schemas of its files, blocks of rows, and the record of what is known.

pub(super) mod block;
pub(super) mod columns;
pub(super) mod job;
pub(super) mod journal;
pub(crate) mod name;
pub(super) mod pages;
pub(super) mod sound;
pub(crate) mod state;
pub(super) mod times;
