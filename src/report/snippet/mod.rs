//! How other engines read a spool: texts that can be run as they are. A test runs each of them.
//!
//! The folder is read as it is, so a snippet stays right when the spool grows. Where the folder of a measurement holds
//! files that are no part of the spool, or one label means two things, the files are listed one by one.

mod engine;
mod python;
mod sql;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::series::schema_label;
use crate::model::time::Timestamp;
use crate::model::time_type::TimeType;
use crate::spool::name::Tree;
use crate::spool::tables::SpoolTable;

pub(crate) use engine::Engine;
use engine::{Named, time_type};

/// The text for the spool in this folder, an absolute path of UTF-8 without control characters.
pub(crate) fn text(
    engine: Engine,
    root: &str,
    complete: Timestamp,
    tables: &[SpoolTable],
) -> String {
    let mut text = String::new();
    let comment = if engine.is_sql() { "--" } else { "#" };
    let _ =
        writeln!(text, "{comment} {}: the spool {root}, complete up to {complete}.", engine.name());
    let _ = writeln!(text, "{comment} Read it while no run writes to it.");
    let kinds: BTreeSet<TimeType> = tables.iter().filter_map(time_type).collect();
    for kind in &kinds {
        let _ = writeln!(text, "{comment} {}", engine.times(*kind));
    }
    let named = named(tables);
    match engine {
        Engine::DuckDb => sql::duckdb(&mut text, root, &named),
        Engine::DataFusion => sql::datafusion(&mut text, root, &named),
        Engine::Spark => sql::spark(&mut text, root, &named),
        Engine::Trino => sql::trino(&mut text, root, &named),
        Engine::Polars | Engine::Pandas | Engine::PyArrow => {
            python::text(engine, &mut text, root, &named);
        }
    }
    text
}

/// Names that differ in more than case.
fn named(tables: &[SpoolTable]) -> Vec<Named<'_>> {
    let mut used = BTreeSet::new();
    let name = |table| {
        let SpoolTable { measurement, tree, .. }: &SpoolTable = table;
        let ending = if *tree == Tree::Conflicts { "_conflicts" } else { "" };
        let base = format!("{}{ending}", schema_label(measurement).replace(char::is_control, "_"));
        let mut name = base.clone();
        let mut number = 1;
        while !used.insert(name.to_lowercase()) {
            number += 1;
            name = format!("{base}_{number}");
        }
        Named { name, table }
    };
    tables.iter().map(name).collect()
}
