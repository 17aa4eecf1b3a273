//! A single point, for the few that sluice writes of its own accord.

use super::series::Series;
use super::time::Timestamp;

/// One field value.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// Finite float.
    Float(f64),
    /// Signed integer.
    Integer(i64),
    /// Text.
    String(String),
}

/// A series with field values at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Measurement and tags.
    pub series: Series,
    /// Name and value of each field; at least one.
    pub fields: Vec<(&'static str, FieldValue)>,
    /// When.
    pub time: Timestamp,
}
