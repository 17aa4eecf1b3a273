//! What a read finds of one field of one series.

use std::ops::Range;
use std::sync::Arc;

use super::cell::Datum;
use super::table::StreamError;
use crate::model::frame::FieldType;
use crate::model::series::Series;
use crate::sim::data::chunk::{Chunk, type_panic};

/// What is pushed down behind the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    All,
    /// Everything, for a sum in the engine.
    Sum,
    Count,
    First,
    Last,
}

/// The values of one field of one series.
pub(super) struct FoundField {
    pub(super) series: Arc<Series>,
    pub(super) field: Arc<[u8]>,
    pub(super) field_type: FieldType,
    pub(super) parts: Vec<(Arc<Chunk>, Range<usize>)>,
}

impl FoundField {
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.parts.iter().map(|(_, rows)| rows.len()).sum::<usize>())
            .unwrap_or(i64::MAX)
    }

    /// Values of a neighbour that stand for those of a series of another type.
    pub(super) fn type_error(&self) -> Option<StreamError> {
        let mut types = self.parts.iter().map(|(chunk, _)| chunk.values.field_type());
        let stored = types.find(|stored| *stored != self.field_type)?;
        let message = format!("panic: {}", type_panic(stored, self.field_type));
        Some(StreamError::Fails { message, internal: true })
    }

    /// Tags called `_time` and `_value` take the place of the engine's own columns, and its type assertion fails.
    pub(super) fn panic_text(&self, pick: Pick) -> Option<String> {
        let has = |label: &[u8]| self.series.tags.iter().any(|(key, _)| &key[..] == label);
        let expected = match (pick, self.field_type) {
            _ if pick != Pick::Count && has(b"_time") => "Int64",
            _ if !has(b"_value") => return None,
            (Pick::Count, _) | (_, FieldType::Integer) => "Int64",
            (_, FieldType::Float) => "Float64",
            (_, FieldType::Unsigned) => "Uint64",
            (_, FieldType::Boolean) => "Boolean",
            (_, FieldType::String) => return None,
        };
        Some(format!("interface conversion: array.Array is *array.String, not *array.{expected}"))
    }

    /// Tags with `_field` and `_measurement` among them, sorted. The values of tags that share their name with a
    /// bound are lost.
    pub(super) fn labels(&self) -> Vec<(&[u8], Datum)> {
        let mut labels: Vec<(&[u8], Datum)> = vec![
            (b"_field", Datum::String(Arc::clone(&self.field))),
            (b"_measurement", Datum::text(&self.series.measurement)),
        ];
        labels.extend(self.series.tags.iter().map(|(key, value)| {
            let lost = matches!(&key[..], b"_start" | b"_stop");
            (&key[..], if lost { Datum::Null } else { Datum::text(value) })
        }));
        labels.sort_by(|a, b| a.0.cmp(b.0));
        labels
    }

    pub(super) fn edge(&self, pick: Pick) -> Option<(&Chunk, usize)> {
        let (chunk, rows) =
            if pick == Pick::First { self.parts.first()? } else { self.parts.last()? };
        let row = if pick == Pick::First { rows.start } else { rows.end - 1 };
        Some((chunk, row))
    }
}
