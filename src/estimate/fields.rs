//! Series and fields of the bucket.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::foretold::Conflict;
use crate::model::frame::FieldType;
use crate::model::schema::FieldTypes;
use crate::model::series::{Name, Readable};
use crate::pipeline::error::Error;
use crate::pipeline::plan::catalogue;
use crate::pipeline::small_answer;
use crate::pipeline::source::survey::Survey;
use crate::pipeline::source::{SourceBucket, schema};
use crate::wire::flux;
use crate::wire::influxql::{query, show};

/// Numbers of series, by the source's index.
#[derive(Debug)]
pub(crate) struct BucketSeries {
    /// Of the whole bucket, if the source tells.
    pub total: Option<u64>,
    /// By measurement.
    pub of: BTreeMap<Name, u64>,
}

impl BucketSeries {
    /// Asks for these measurements.
    pub(crate) async fn of(
        context: &SourceBucket,
        survey: &Survey,
        names: &[Name],
    ) -> Result<Self, Error> {
        let mut known = BTreeMap::new();
        let mut total = None;
        if let Ok(influxql) = &survey.influxql {
            let statement = query::SHOW_SERIES_CARDINALITY;
            let (client, read) = (&context.client, show::parse_series_cardinality);
            if let Ok(counts) = schema::ask(client, &influxql.database, statement, read).await? {
                total = Some(counts.values().sum());
                known =
                    counts.into_iter().map(|(name, n)| (Name::from(name.as_bytes()), n)).collect();
            }
        }
        let mut of = BTreeMap::new();
        for name in names {
            let count = match known.get(name) {
                Some(count) => Some(*count),
                None => catalogue::cardinality(context, name).await?.ok(),
            };
            of.extend(count.map(|count| (name.clone(), count)));
        }
        if total.is_none() {
            let query = flux::index::series_in_bucket(&context.job.source_bucket);
            // A source that does not tell leaves the sum open.
            total = small_answer::number(&context.client, &query, "number of series").await.ok();
        }
        Ok(Self { total, of })
    }
}

/// Types of fields, and where there are several of one field.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// Fields by type; more types joined by a slash.
    pub types: Vec<(String, u64)>,
    /// What they are known from, where that is not the whole bucket.
    pub from: Option<String>,
    /// Fields of several types, here or between both ends.
    pub conflicts: Vec<Conflict>,
}

impl Fields {
    /// Of the source, held against those of the destination. `names` are asked where the source has no list.
    pub(crate) async fn of(
        context: &SourceBucket,
        survey: &Survey,
        destination: Option<&FieldTypes>,
        names: &[Name],
    ) -> Result<Self, Error> {
        let mut fields = Self::default();
        let looked;
        let types = if let Some(types) = survey.field_types() {
            types
        } else {
            looked = first_types(context, names).await?;
            let text = format!(
                "of the {} largest measurements, as their first values show: a later type is only seen by a run",
                names.len()
            );
            fields.from = Some(text);
            &looked
        };
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let filter = &context.job.filter;
        let wanted = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        for (measurement, own) in
            types.iter().filter(|(name, _)| wanted(&filter.measurements, name))
        {
            for (field, kinds) in own.iter().filter(|(name, _)| wanted(&filter.fields, name)) {
                let list = |kinds: &BTreeSet<String>| kinds.iter().cloned().collect::<Vec<_>>();
                *counts.entry(list(kinds).join("/")).or_default() += 1;
                let theirs = destination
                    .and_then(|types| types.get(measurement)?.get(field))
                    .filter(|theirs| *theirs != kinds);
                if kinds.len() > 1 || theirs.is_some() {
                    fields.conflicts.push(Conflict {
                        measurement: Readable(measurement.as_bytes()).to_string(),
                        field: Readable(field.as_bytes()).to_string(),
                        source: list(kinds),
                        destination: theirs.map(list).unwrap_or_default(),
                    });
                }
            }
        }
        fields.types = counts.into_iter().collect();
        Ok(fields)
    }
}

async fn first_types(context: &SourceBucket, names: &[Name]) -> Result<FieldTypes, Error> {
    let mut types = FieldTypes::new();
    for name in names {
        let Ok(found) = catalogue::field_types(context, name).await? else { continue };
        let text = |name: &Name| String::from_utf8_lossy(name).into_owned();
        let one = |(field, kind): (Name, FieldType)| {
            (text(&field), BTreeSet::from([kind.name().to_owned()]))
        };
        types.insert(text(name), found.into_iter().map(one).collect());
    }
    Ok(types)
}
