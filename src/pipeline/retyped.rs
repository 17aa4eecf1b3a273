//! Fields that got another type while the job ran.
//!
//! InfluxQL returns numbers without their type, and those of one type as another: what it read meanwhile may have arrived as
//! what the field was when the job began. No count tells that, so the types of both ends are held against each other.

use std::collections::BTreeSet;

use crate::checkpoint::record::CommittedBatch;
use crate::limits::{RETYPED_LOOKS_MAX, RETYPED_WINDOWS_MAX};
use crate::model::frame::FieldType;
use crate::model::schema::{FieldKey, FieldTypes};
use crate::model::series::Readable;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::types_at::own_type;
use crate::pipeline::write::bucket::DestinationBucket;

/// What the types are held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct TypesOfNow<'a> {
    /// The source, by whose knowledge this run has read.
    pub source: &'a SourceBucket,
    /// The types of its fields now.
    pub here: &'a FieldTypes,
    /// The destination, if it keeps every field's name, and the types of its fields, if it tells them.
    pub held: Option<(&'a DestinationBucket, Option<&'a FieldTypes>)>,
}

/// A field of which some values may have arrived as another type.
struct Suspect {
    key: FieldKey,
    /// InfluxQL has read it as one of another type than it has now, or of one of several.
    is_new: bool,
}

impl TypesOfNow<'_> {
    /// What of these batches may have arrived as another type than it has at the source, in words.
    pub(super) async fn doubts(self, pieces: &[CommittedBatch]) -> Result<Vec<String>, Error> {
        let newest_first = pieces.iter().rev().filter(|piece| piece.read > 0);
        let windows =
            newest_first.flat_map(|piece| self.source.job.shape.read_windows(piece.range));
        let windows: Vec<_> = windows.take(RETYPED_WINDOWS_MAX + 1).collect();
        let suspects = self.suspects();
        let looked_at_max = (RETYPED_LOOKS_MAX / suspects.len().max(1)).min(RETYPED_WINDOWS_MAX);
        let mut doubts = Vec::new();
        for Suspect { key, is_new } in suspects {
            let is_unseen = self.source.job.routes.is_influxql_only(&key.0);
            if is_new && (is_unseen || windows.len() > looked_at_max) {
                doubts.push(format!(
                    "values of {}, which got another type while the job ran",
                    told(&key)
                ));
            } else if !is_unseen {
                for range in windows.iter().take(looked_at_max) {
                    doubts.extend(self.differing(&key, *range).await?);
                }
            }
        }
        Ok(doubts)
    }

    /// Fields with a type that they had not when the run began, or have not at the destination.
    fn suspects(self) -> Vec<Suspect> {
        let there = self.held.and_then(|(_, types)| types);
        let is_held = |measurement: &str, field: &str, types: &BTreeSet<String>| {
            let held = there.and_then(|there| there.get(measurement)?.get(field));
            held.is_none_or(|held| types.is_subset(held))
        };
        let mut suspects = Vec::new();
        for (measurement, fields) in self.here {
            for (field, types) in fields {
                let key: FieldKey = (measurement.as_bytes().into(), field.as_bytes().into());
                let believed = self.believed(&key);
                let is_new =
                    believed.is_some_and(|kind| types.iter().any(|own| own != kind.name()));
                if is_new || !is_held(measurement, field, types) {
                    suspects.push(Suspect { key, is_new });
                }
            }
        }
        suspects
    }

    /// The type that InfluxQL's values of a field were taken for.
    fn believed(self, key: &FieldKey) -> Option<FieldType> {
        self.source.job.routes.influxql.get(&key.0)?.types.get(&key.1).copied()
    }

    async fn differing(self, key: &FieldKey, range: TimeRange) -> Result<Option<String>, Error> {
        let (source, bucket) = (self.source, &self.source.job.source_bucket);
        let Some(own) = own_type(&source.client, bucket, key, range).await? else {
            return Ok(None);
        };
        let taken_for = match self.held {
            Some((bucket, _)) => own_type(&bucket.client, &bucket.name, key, range).await?,
            None => self.believed(key),
        };
        Ok(taken_for.filter(|kind| *kind != own).map(|kind| {
            let (own, kind) = (own.name(), kind.name());
            let key = told(key);
            format!("values of {key} in {range}: {own} at the source, copied as {kind}")
        }))
    }
}

fn told((measurement, field): &FieldKey) -> String {
    format!("field {} of measurement {}", Readable(field), Readable(measurement))
}
