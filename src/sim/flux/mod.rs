//! A small Flux: the pipelines that sluice and its users' predicates are made of, with the semantics of the real
//! engine. Anything else is refused like a compile error.

mod call;
mod csv;
mod eval;
mod found;
mod groups;
mod lex;
mod mutate;
mod parse;
mod pivot;
mod predicate;
mod read;
mod schema;
mod table;

pub(super) use csv::{Dialect, Encoder};
pub(super) use eval::{Context, run};
pub(super) use found::type_panic;
