//! What is read by which language, as far as it is fixed for a whole run.
//!
//! Flux cannot read everything, and neither can InfluxQL ([`Unreadable`], [`Routes::refusal`]). What one of them cannot
//! read goes to the other; what neither can is lost: counted, and named in the rejects.

use std::collections::BTreeMap;

use super::readable::{InfluxqlFields, readable};
use super::survey::Survey;
use super::unreadable::Unreadable;
use super::unreturned::{OutOfReach, Unreturned};
use crate::influx::influxql::Database;
use crate::model::filter::Filter;
use crate::model::schema::{FieldKey, FieldTypes};
use crate::model::series::{Name, Readable};
use crate::wire::flux::{self, literal};
use crate::wire::influxql::decoder::Format;

/// How InfluxQL reaches the bucket, once that is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfluxqlAccess {
    /// Its name there.
    pub database: Database,
    /// How series are written.
    pub format: Format,
}

/// Who reads what.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// InfluxQL, if it may be used at all.
    pub access: Option<InfluxqlAccess>,
    /// The bucket's name in InfluxQL, where it tells the types of its fields.
    pub database: Option<Database>,
    /// What InfluxQL can read.
    pub influxql: BTreeMap<Name, InfluxqlFields>,
    /// What only InfluxQL can read.
    pub influxql_only: Vec<String>,
    /// Fields of several types: only Flux reads them, inside windows that hold one type.
    pub mixed: Vec<FieldKey>,
    /// What neither can read.
    pub lost: Vec<Unreadable>,
    /// What the source returns to no query.
    pub unreturned: Vec<Unreturned>,
    /// What it returns to no bounded query.
    pub out_of_reach: Option<OutOfReach>,
    /// Keeps out of a Flux query what Flux cannot read, and what comes under the name of what is not returned.
    pub unreadable: Vec<String>,
    /// The same, and the fields of several types: the conditions of a plain read.
    pub plain: Vec<String>,
    /// Keeps out the fields of several types.
    pub not_mixed: Vec<String>,
    /// The same, and keeps everything out but what is lost.
    pub only_lost: Vec<String>,
    /// Is true for what a plain read leaves out, if it leaves anything out.
    pub not_plain: Option<String>,
    names: Vec<String>,
    why_not: BTreeMap<Name, String>,
    nowhere: String,
}

impl Routes {
    /// From what the survey found; InfluxQL only if reading by it is proven.
    pub fn new(survey: &Survey, filter: &Filter) -> Self {
        let mut routes = Self { unreturned: survey.unreturned.clone(), ..Self::default() };
        match &survey.influxql {
            Ok(known) => {
                routes.mixed = mixed(&known.schema.types, filter);
                routes.database = Some(known.database.clone());
                match &known.reads {
                    _ if filter.predicate.is_some() => {
                        "--predicate is Flux".clone_into(&mut routes.nowhere);
                    }
                    Ok(format) => {
                        let database = known.database.clone();
                        routes.access = Some(InfluxqlAccess { database, format: *format });
                        (routes.influxql, routes.why_not) = readable(&known.schema.types, filter);
                    }
                    Err(why) => routes.nowhere.clone_from(why),
                }
            }
            Err(refused) => routes.nowhere.clone_from(refused),
        }
        let name = |name: &Name| String::from_utf8(name.to_vec()).ok();
        routes.names = routes.influxql.keys().filter_map(name).collect();
        routes.divide(&survey.unreadable);
        routes
    }

    /// Of a bucket that is only counted: these measurements not by Flux, but by InfluxQL if that knows the bucket.
    pub(crate) fn to_count(names: &[String], database: Option<&Database>) -> Self {
        let mut routes = Self::default();
        let not = |name: &String| literal::not_measurement(name.as_bytes());
        routes.unreadable = names.iter().map(not).collect();
        routes.plain.clone_from(&routes.unreadable);
        if let Some(database) = database {
            let (database, format) = (database.clone(), Format::Json);
            routes.access = Some(InfluxqlAccess { database, format });
            let all = |name: &String| (Name::from(name.as_bytes()), InfluxqlFields::default());
            routes.influxql = names.iter().map(all).collect();
            routes.influxql_only = names.to_vec();
        }
        routes
    }

    /// The measurements that InfluxQL reads.
    pub fn influxql_names(&self) -> impl Iterator<Item = &String> {
        self.names.iter()
    }

    /// True for a measurement that only InfluxQL reads.
    pub(crate) fn is_influxql_only(&self, measurement: &[u8]) -> bool {
        self.influxql_only.iter().any(|name| name.as_bytes() == measurement)
    }

    /// Why InfluxQL does not read a measurement; `None` if it can.
    pub fn refusal(&self, measurement: &[u8]) -> Option<&str> {
        if self.access.is_none() {
            return Some(&self.nowhere);
        }
        if self.influxql.contains_key(measurement) {
            return None;
        }
        Some(self.why_not.get(measurement).map_or("not in SHOW FIELD KEYS", String::as_str))
    }

    fn divide(&mut self, unreadable: &[Unreadable]) {
        self.unreadable.extend(self.unreturned.iter().map(Unreturned::without));
        for found in unreadable {
            self.unreadable.push(found.without.clone());
            let name = found.measurement.as_ref().filter(|name| self.influxql.contains_key(*name));
            match name.and_then(|name| std::str::from_utf8(name).ok()) {
                Some(name) => {
                    // One of its fields or tags is out of Flux's reach, so all of it goes the other way.
                    self.unreadable.push(literal::not_measurement(name.as_bytes()));
                    self.influxql_only.push(name.to_owned());
                }
                None => self.lost.push(found.clone()),
            }
        }
        for list in [&mut self.unreadable, &mut self.influxql_only] {
            list.sort();
            list.dedup();
        }
        self.lose_mixed_of_unreadable(unreadable);
        let not = |(measurement, field): &FieldKey| literal::not_field(measurement, field);
        self.not_mixed = self.mixed.iter().map(not).collect();
        self.plain = [self.unreadable.as_slice(), &self.not_mixed].concat();
        self.only_lost.clone_from(&self.not_mixed);
        self.only_lost.extend(flux::either(self.lost.iter().map(|lost| lost.only.clone())));
        let read_by_influxql =
            self.influxql_only.iter().map(|name| literal::is_measurement(name.as_bytes()));
        let left_out = unreadable.iter().map(|found| found.only.clone()).chain(read_by_influxql);
        let mixed = (!self.mixed.is_empty()).then(|| format!("({})", self.is_mixed()));
        self.not_plain = flux::either(left_out.chain(mixed));
    }

    /// Fields of several types in measurements that only InfluxQL reads: it does not read those.
    fn lose_mixed_of_unreadable(&mut self, unreadable: &[Unreadable]) {
        let (kept, lost): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.mixed).into_iter().partition(|(measurement, _)| {
                unreadable.iter().all(|found| found.measurement.as_ref() != Some(measurement))
            });
        self.mixed = kept;
        for (measurement, field) in lost {
            let without = literal::not_field(&measurement, &field);
            let only = literal::is_field_of(&measurement, &field);
            let why = format!(
                "field {} of measurement {}: it has several types, and Flux cannot read the measurement",
                Readable(&field),
                Readable(&measurement)
            );
            self.lost.push(Unreadable { measurement: Some(measurement), why, without, only });
        }
    }

    /// A Flux expression that is true for the fields of several types.
    pub fn is_mixed(&self) -> String {
        let test = |(measurement, field): &FieldKey| literal::is_field_of(measurement, field);
        flux::joined(&self.mixed.iter().map(test).collect::<Vec<_>>(), " or ")
    }
}

/// Fields that have more than one type somewhere in the bucket.
fn mixed(types: &FieldTypes, filter: &Filter) -> Vec<FieldKey> {
    let mut found = Vec::new();
    for (measurement, fields) in types.iter().filter(|(name, _)| filter.takes_measurement(name)) {
        for (field, types) in fields {
            if types.len() > 1 && filter.takes_field(field) {
                found.push((measurement.as_bytes().into(), field.as_bytes().into()));
            }
        }
    }
    found
}
