//! InfluxQL, the answers of `/query`: texts of the statements, small JSON answers, and series streamed to frames.
//!
//! A streamed answer is one document after the other, in MessagePack without anything between them, in JSON one on each
//! line. Without `chunked` there is one document with all results.
//!
//! ```text
//! document := { "results": [ result* ] }  |  { "error": text }
//! result   := { "statement_id": n, "messages"?, "series": [ series* ], "partial"?: true }  |  { "error": text }
//! series   := { "name", "tags"?: { key: value }, "columns": [ "time", field* ], "values": [ row* ], "partial"?: true }
//! row      := [ time, value* ]
//! ```
//!
//! - A statement is answered to its end by its first result without `partial`, also if it gives nothing. Results come in
//!   the order of the statements. So a cut anywhere is seen.
//! - A series with `partial` goes on in the next one.
//! - Tags of the grouping that a series does not have come with an empty value, in any order. A null is a field without a
//!   value.
//! - Types are those of `SHOW FIELD KEYS`: the formats do not tell all of them apart ([`decoder::AskedStatement::types`]).
//! - Errors come with HTTP status 200, and in MessagePack without the number of their statement.
//!
//! No crate reads these formats from bytes that are pushed, whatever the cuts, straight into columns; so `json` and
//! `messagepack` are written here.
//!
//! Reading order: `token` (what both formats are made of), `messagepack` and `json` with its `digits` (bytes to tokens, and
//! the fast path of rows), `outline` (the grammar above), `content` (what it means), [`decoder`] (all together).

mod content;
pub(crate) mod decoder;
mod digits;
pub(crate) mod error;
mod json;
mod messagepack;
mod outline;
pub(crate) mod query;
pub(crate) mod show;
pub(crate) mod statement;
mod token;
