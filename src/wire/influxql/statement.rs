//! What is known of a question before its answer comes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::wire::frames::series_of::SeriesOf;

/// How the server writes its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/x-msgpack`: exact.
    MessagePack,
    /// `application/json`: bytes that are not UTF-8 are lost, which is an error.
    Json,
}

/// One statement of `wire::influxql::query::select`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its measurement.
    pub measurement: Name,
    /// The type of each field of the measurement; answers do not tell them apart.
    pub types: Arc<BTreeMap<Name, FieldType>>,
    /// How the answer names its series: `Whole` for all tags in the grouping.
    pub series: SeriesOf,
}
