//! How other engines read a spool: texts that can be run as they are. A test runs each of them.
//!
//! The folder is read as it is, so a snippet stays right when the spool grows. Where the folder of a measurement holds
//! files that are no part of the spool, or one label means two things, the files are listed one by one.

mod python;
mod sql;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::series::schema_label;
use crate::model::time::Timestamp;
use crate::model::time_type::TimeType;
use crate::spool::name::Tree;
use crate::spool::tables::{Role, Table};

/// An engine that reads Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQL.
    DuckDb,
    /// Python.
    Polars,
    /// Python.
    Pandas,
    /// Python.
    PyArrow,
    /// SQL.
    DataFusion,
    /// SQL.
    Spark,
    /// SQL of the Hive connector.
    Trino,
}

impl Engine {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::DuckDb,
        Self::Polars,
        Self::Pandas,
        Self::PyArrow,
        Self::DataFusion,
        Self::Spark,
        Self::Trino,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::Polars => "Polars",
            Self::Pandas => "pandas",
            Self::PyArrow => "pyarrow",
            Self::DataFusion => "DataFusion",
            Self::Spark => "Spark",
            Self::Trino => "Trino",
        }
    }

    const fn is_sql(self) -> bool {
        matches!(self, Self::DuckDb | Self::DataFusion | Self::Spark | Self::Trino)
    }

    /// What the engine makes of times of a type. The one place that depends on it.
    const fn times(self, kind: TimeType) -> &'static str {
        match (self, kind) {
            (Self::Trino, TimeType::I64) => "time is a bigint of nanoseconds since 1970, exact.",
            (_, TimeType::I64) => "time is an integer: nanoseconds since 1970, exact.",
            (Self::DuckDb, TimeType::NsUtc) => {
                "time is TIMESTAMPTZ_NS from DuckDB 2.0 on. Earlier versions round it down to microseconds without a \
                 word, so the first statement stops them."
            }
            (Self::DuckDb, TimeType::UsUtc) => "time is TIMESTAMPTZ, exact.",
            (Self::Polars, TimeType::NsUtc) => "time is Datetime(ns, UTC), exact.",
            (Self::Polars, TimeType::UsUtc) => "time is Datetime(us, UTC), exact.",
            (Self::Pandas | Self::PyArrow, TimeType::NsUtc) => "time is timestamp[ns, UTC], exact.",
            (Self::Pandas | Self::PyArrow, TimeType::UsUtc) => "time is timestamp[us, UTC], exact.",
            (Self::DataFusion, TimeType::NsUtc) => "time is Timestamp(ns, UTC), exact.",
            (Self::DataFusion, TimeType::UsUtc) => "time is Timestamp(us, UTC), exact.",
            (Self::Spark, TimeType::NsUtc) => {
                "time is a BIGINT of nanoseconds since 1970, exact; timestamp_micros(time div 1000) is the time to the \
                 microsecond. Spark refuses to read such times in any other way."
            }
            (Self::Spark, TimeType::UsUtc) => "time is TIMESTAMP, exact.",
            (Self::Trino, TimeType::NsUtc) => {
                "time is timestamp(9) in UTC, if the connector has hive.timestamp-precision=NANOSECONDS."
            }
            (Self::Trino, TimeType::UsUtc) => {
                "time is timestamp(6) in UTC, if the connector has hive.timestamp-precision=MICROSECONDS."
            }
        }
    }
}

/// A table with the name that it gets.
struct Named<'a> {
    name: String,
    table: &'a Table,
}

/// The text for the spool in this folder, an absolute path of UTF-8 without control characters.
pub fn text(engine: Engine, root: &str, complete: Timestamp, tables: &[Table]) -> String {
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

fn time_type(table: &Table) -> Option<TimeType> {
    table.columns.iter().find_map(|column| match column.role {
        Role::Time(kind) => Some(kind),
        _ => None,
    })
}

/// Names that differ in more than case.
fn named(tables: &[Table]) -> Vec<Named<'_>> {
    let mut used = BTreeSet::new();
    let name = |table| {
        let Table { measurement, tree, .. }: &Table = table;
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
