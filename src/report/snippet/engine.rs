//! The engines, and what they make of a table.

use crate::model::time_type::TimeType;
use crate::spool::tables::{Role, SpoolTable};

/// An engine that reads Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
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
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
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

    pub(super) const fn is_sql(self) -> bool {
        matches!(self, Self::DuckDb | Self::DataFusion | Self::Spark | Self::Trino)
    }

    /// What the engine makes of times of a type. The one place that depends on it.
    pub(super) const fn times(self, kind: TimeType) -> &'static str {
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
pub(super) struct Named<'a> {
    pub(super) name: String,
    pub(super) table: &'a SpoolTable,
}

pub(super) fn time_type(table: &SpoolTable) -> Option<TimeType> {
    table.columns.iter().find_map(|column| match column.role {
        Role::Time(kind) => Some(kind),
        _ => None,
    })
}
