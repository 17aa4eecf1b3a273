//! A small InfluxQL: statements that sluice sends, answered as JSON or MessagePack, whole or in chunks.

mod answer;
mod columns;
mod condition;
mod databases;
mod format;
mod msgpack;
mod parse;
mod rows;
mod run;
mod scan;
mod schema;
mod select;
mod series;
mod show;
mod statement;

pub(super) use answer::PIECE_ROWS;
pub(super) use databases::{DbrpFilter, DbrpMapping};
pub(super) use format::AnswerFormat;
pub(super) use run::{StatementsAsked, run};
