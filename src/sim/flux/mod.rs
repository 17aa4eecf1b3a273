//! A small Flux: the pipelines that sluice and its users' predicates are made of, with the semantics of the real
//! engine. Anything else is refused like a compile error.

mod call;
mod cell;
mod csv;
mod eval;
mod formula;
mod found;
mod groups;
mod lex;
mod mutate;
mod operation;
mod parse;
mod pivot;
mod pivoted;
mod predicate;
mod read;
mod schema;
mod table;
mod variables;
mod window;

pub(super) use csv::Dialect;
pub(super) use eval::{ScriptContext, run};
