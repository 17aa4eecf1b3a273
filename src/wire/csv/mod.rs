//! Annotated CSV, the answer of `POST /api/v2/query`, to frames; and back, for `influx write` ([`encoder`]).
//!
//! Every request asks for the annotations `datatype`, `group` and `default` and for the header. Then an answer is:
//!
//! ```text
//! response := result*                  one result for each yield; none of ours has more than one
//! result   := block* CRLF              the CRLF is written even if there is no block
//! block    := [CRLF] annotation{3} header row*
//! row      := "," "," table "," cell { "," cell } CRLF
//! ```
//!
//! - Rows end in CRLF. A cell is quoted if it holds a comma, a quote, LF or CR, begins with a space, or is `\.`; quotes are
//!   doubled. Inside quotes the server writes LF as CRLF and **drops every CR**: a quoted cell without any other
//!   reason for its quotes has lost one ([`suspect`]).
//! - The first three columns are known by position, the others by label: tags may be called `result` or `table`.
//! - A blank line ends a result, and also stands before every block but the first: an answer cut there cannot be
//!   told from a whole one. Counts catch it.
//! - An error after the first byte comes as a block with the header `error,reference`, or as JSON glued behind the
//!   last byte, both with HTTP status 200.
//!
//! An answer is narrow, with one value in each row and the field named in a column, or pivoted, with a column for each
//! field ([`decoder::Form`]). It names its series by measurement and all tags, or by key tags alone
//! ([`SeriesOf`](super::frames::series_of::SeriesOf)).
//!
//! Reading order: `row` (bytes to cells), `block` (annotations to columns), `outline` (the grammar above),
//! `layout` and `naming` (what each column means), `template` over `fixed` (the fast path), `series` (the fields of one
//! series), `assembly` (narrow rows to these), `pivot` with `pivot_template` (the same for pivoted rows), `decoder` (all
//! together). `table` reads small answers whole, held against the `columns` that they must have.

mod assembly;
pub(crate) mod block;
pub(crate) mod columns;
pub(crate) mod decoder;
pub(crate) mod encoder;
pub(crate) mod error;
mod fixed;
mod layout;
mod naming;
mod outline;
mod pivot;
mod pivot_template;
mod row;
mod series;
pub(crate) mod table;
mod template;
mod time;
mod value;

pub use super::frames::suspect;
