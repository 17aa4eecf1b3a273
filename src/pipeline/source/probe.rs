//! Whether InfluxQL may be trusted: one small part of a few measurements, read both ways, must be the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::earliest::{earliest, latest};
use super::readable::{InfluxqlFields, readable};
use super::schema::{self, InfluxqlSchema};
use super::unreadable::Unreadable;
use crate::influx::client::Client;
use crate::influx::influxql::Database;
use crate::limits::{PROBE_MEASUREMENTS_MAX, PROBE_VALUES_MAX};
use crate::model::filter::Filter;
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable};
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::csv::{columns, decoder};
use crate::wire::flux::{self, Selection, askable};
use crate::wire::frames::series_of::SeriesOf;
use crate::wire::frames::values;
use crate::wire::influxql::decoder::{self as influxql, Format};
use crate::wire::influxql::query::{self, Grouping, SelectStatement};
use crate::wire::influxql::show;
use crate::wire::influxql::statement::AskedStatement;

/// Lengths of the parts that are tried, from the oldest or the newest value on; the first one is an instant.
const PARTS_NS: [i64; 3] = [1, 60 * NS_PER_S, 86_400 * NS_PER_S];

/// Both ways to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) source: &'a Client,
    pub(super) database: &'a Database,
    pub(super) bucket: &'a str,
    pub(super) filter: &'a Filter,
    pub(super) label: &'a str,
}

/// Why InfluxQL is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing could be read both ways, so nothing is proven; what it says of names and types may still be true.
    NotCompared(String),
    /// It reads otherwise than Flux: nothing that it says is true of this bucket.
    Differs(String),
}

/// A small part of a measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    range: TimeRange,
    /// Narrower than the job's where a single instant holds too much.
    filter: Filter,
}

impl Probe<'_> {
    /// The format to read with, or why InfluxQL must not be used.
    pub(super) async fn run(
        &self,
        schema: &InfluxqlSchema,
        unreadable: &[Unreadable],
    ) -> Result<Result<Format, Doubt>, Error> {
        if self.filter.predicate.is_some() {
            return Ok(Err(Doubt::NotCompared("--predicate is Flux".to_owned())));
        }
        let (readable, _) = readable(&schema.types, self.filter);
        let by_flux =
            |name: &Name| !unreadable.iter().any(|found| found.measurement.as_ref() == Some(name));
        let (both, by_influxql): (Vec<_>, Vec<_>) =
            readable.iter().partition(|(name, _)| by_flux(name));
        let mut formats = vec![Format::MessagePack, Format::Json];
        let mut doubt = Doubt::NotCompared("no value was found to read both ways".to_owned());
        // What Flux does not read it still counts: less of a proof, for where there is no other.
        for (compared, measurements) in [(Compared::Content, both), (Compared::Number, by_influxql)]
        {
            let mut tried = 0;
            for (name, fields) in measurements {
                let parts = match self.parts(name, fields).await {
                    Err(error) if error.is_panic_of_server() => self.oldest(name, fields).await?,
                    parts => parts?,
                };
                for part in &parts {
                    let one = One { measurement: name, fields, part };
                    formats = self.compared(one, compared, &formats, &mut doubt).await?;
                }
                tried += usize::from(!parts.is_empty());
                if tried == PROBE_MEASUREMENTS_MAX || formats.is_empty() {
                    break;
                }
            }
            if tried > 0 {
                return Ok(formats.into_iter().next().ok_or(doubt));
            }
        }
        Ok(Err(doubt))
    }

    /// The formats in which InfluxQL gives the same as Flux.
    async fn compared(
        &self,
        one: One<'_>,
        compared: Compared,
        formats: &[Format],
        doubt: &mut Doubt,
    ) -> Result<Vec<Format>, Error> {
        let expected = match compared {
            Compared::Content => Seen::Content(self.by_flux(one).await?),
            Compared::Number => match self.count(one.measurement, one.part).await {
                Err(error) if error.is_panic_of_server() => Seen::Series(self.series(one).await?),
                values => Seen::Number(values?),
            },
        };
        let mut left = Vec::new();
        for format in formats {
            let found = self.by_influxql(one, *format).await?.map(|frames| match expected {
                Seen::Content(_) => Seen::Content(values::all(&frames)),
                Seen::Number(_) => Seen::Number(values::all(&frames).len() as u64),
                Seen::Series(_) => {
                    let runs = frames.iter().flat_map(|frame| &frame.runs);
                    let series: BTreeSet<_> = runs.map(|run| &run.series).collect();
                    Seen::Series(series.len() as u64)
                }
            });
            match found {
                Ok(found) if found == expected => left.push(*format),
                Ok(_) => {
                    let name = Readable(one.measurement);
                    let text = format!("it reads measurement {name} otherwise than Flux");
                    *doubt = Doubt::Differs(text);
                }
                Err(why) if matches!(doubt, Doubt::NotCompared(_)) => {
                    *doubt = Doubt::NotCompared(why);
                }
                Err(_) => {}
            }
        }
        Ok(left)
    }

    /// The oldest and the newest part of the measurement that hold between one and a few values.
    async fn parts(&self, measurement: &Name, fields: &InfluxqlFields) -> Result<Vec<Part>, Error> {
        let filter = Filter { fields: fields.listed.clone(), ..self.filter.clone() };
        let whole = Part { range: TimeRange::ALL, filter };
        let measurements = std::slice::from_ref(measurement);
        let selection = self.selection(measurements, &whole);
        let ends = [earliest(self.source, selection).await?, latest(self.source, selection).await?];
        let from_oldest = |at: Timestamp, ns| TimeRange::new(at, at.saturating_add_ns(ns));
        let to_newest = |at: Timestamp, ns: i64| {
            let stop = at.saturating_add_ns(1);
            TimeRange::new(stop.saturating_add_ns(-ns), stop)
        };
        let mut found = Vec::new();
        for (end, part_of) in
            ends.into_iter().zip([from_oldest as fn(_, _) -> _, to_newest as fn(_, _) -> _])
        {
            let Some(at) = end else { continue };
            let range = |ns| {
                let range: TimeRange = part_of(at, ns);
                TimeRange::new(range.start, range.stop.min(Timestamp::STOP_MAX))
            };
            if let Some(part) = self.small_part(measurement, fields, &whole.filter, range).await?
                && !found.contains(&part)
            {
                found.push(part);
            }
        }
        Ok(found)
    }

    /// The oldest instant of a measurement that no Flux query tells anything of but its series.
    async fn oldest(
        &self,
        measurement: &Name,
        fields: &InfluxqlFields,
    ) -> Result<Vec<Part>, Error> {
        let filter = Filter { fields: fields.listed.clone(), ..self.filter.clone() };
        let name = String::from_utf8_lossy(measurement);
        let statement = query::oldest(&name, TimeRange::ALL, &filter);
        let read = show::parse_first_time;
        let oldest = schema::ask(self.source, self.database, &statement, read).await?;
        let range = |at| TimeRange::new(at, at.saturating_add_ns(1));
        let part = |ns| Part { range: range(Timestamp::from_ns(ns)), filter };
        Ok(oldest.ok().flatten().map(part).into_iter().collect())
    }

    /// The longest part that holds no more than a few values; of an instant that holds more, one field, or one field of
    /// one series.
    async fn small_part(
        &self,
        measurement: &Name,
        fields: &InfluxqlFields,
        filter: &Filter,
        range: impl Fn(i64) -> TimeRange,
    ) -> Result<Option<Part>, Error> {
        let mut best = None;
        for length_ns in PARTS_NS {
            let part = Part { range: range(length_ns), filter: filter.clone() };
            match self.count(measurement, &part).await? {
                0 => {}
                values if values <= PROBE_VALUES_MAX => best = Some(part),
                _ => break,
            }
        }
        if best.is_some() {
            return Ok(best);
        }
        let instant = range(PARTS_NS[0]);
        for name in fields.types.keys() {
            let Ok(field) = std::str::from_utf8(name) else { continue };
            let filter = Filter { fields: vec![field.to_owned()], ..filter.clone() };
            let mut part = Part { range: instant, filter };
            let values = self.count(measurement, &part).await?;
            if values > PROBE_VALUES_MAX {
                self.narrow_to_one_series(measurement, &mut part).await?;
            }
            if values > 0 {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    /// Adds the tags of one of the series to the filter.
    async fn narrow_to_one_series(&self, measurement: &Name, part: &mut Part) -> Result<(), Error> {
        let what = "one series for the probe";
        let selection = self.selection(std::slice::from_ref(measurement), part);
        let query = flux::one_of_all_series(selection);
        let tables = small_answer::tables(self.source, &query, columns::VALUES, what).await?;
        let Some(table) = tables.iter().find(|table| !table.rows.is_empty()) else { return Ok(()) };
        for column in &table.columns {
            let text = |bytes| std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty());
            let is_askable = askable::is_askable(&column.label);
            let (Some(key), Some(value)) = (
                text(&column.label),
                table.bytes(0, &String::from_utf8_lossy(&column.label)).and_then(text),
            ) else {
                continue;
            };
            if is_askable && query::nameable(value.as_bytes()).is_some() {
                part.filter.tags.retain(|(known, _)| known != key);
                part.filter.tags.push((key.to_owned(), value.to_owned()));
            }
        }
        Ok(())
    }

    async fn count(&self, measurement: &Name, part: &Part) -> Result<u64, Error> {
        let selection = self.selection(std::slice::from_ref(measurement), part);
        small_answer::number(self.source, &flux::count(selection), "count of the probe").await
    }

    /// By the index.
    async fn series(&self, one: One<'_>) -> Result<u64, Error> {
        let selection = self.selection(std::slice::from_ref(one.measurement), one.part);
        let query = flux::index::series_of_selection(selection);
        small_answer::number(self.source, &query, "series of the probe").await
    }

    async fn by_flux(&self, one: One<'_>) -> Result<BTreeSet<Vec<u8>>, Error> {
        let what = "probe by Flux";
        let selection = self.selection(std::slice::from_ref(one.measurement), one.part);
        let query = flux::read(selection, self.label);
        let frames = |answer: &[u8]| decoder::frames_of(answer, self.label);
        let asked = self.source.query_as(&query, what, frames).await;
        Ok(values::all(&small_answer::read(what, asked)?))
    }

    async fn by_influxql(
        &self,
        one: One<'_>,
        format: Format,
    ) -> Result<Result<Vec<Frame>, String>, Error> {
        let what = "probe by InfluxQL";
        let text = String::from_utf8_lossy(one.measurement);
        let select = SelectStatement {
            measurement: &text,
            range: one.part.range,
            filter: &one.part.filter,
            grouping: Grouping::All,
            among: None,
        };
        let statements = [query::select(&select)];
        let asked = self.source.influxql_all(self.database, &statements, format, what).await;
        let answer = match Error::unless_refused(what, asked)? {
            Ok(answer) => answer,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        let statement = AskedStatement {
            measurement: one.measurement.clone(),
            types: Arc::clone(&one.fields.types),
            series: SeriesOf::Whole,
        };
        let mut decoder = influxql::InfluxqlDecoder::new(influxql::InfluxqlDecoderSettings {
            format,
            statements: vec![statement],
        });
        let mut frames = Vec::new();
        if let Err(error) = decoder.push(&answer, &mut frames) {
            return Ok(Err(error.to_string()));
        }
        let ended = decoder.finish(&mut frames).map_err(|error| error.to_string());
        Ok(ended.map(|_| frames))
    }

    fn selection<'b>(&'b self, measurements: &'b [Name], part: &'b Part) -> Selection<'b> {
        let Part { range, filter } = part;
        Selection { bucket: self.bucket, range: *range, filter, measurements, without: &[] }
    }
}

/// What is read both ways.
#[derive(Debug, Clone, Copy)]
struct One<'a> {
    measurement: &'a Name,
    fields: &'a InfluxqlFields,
    part: &'a Part,
}

/// How both readings are held against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Content,
    Number,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Content(BTreeSet<Vec<u8>>),
    Number(u64),
    Series(u64),
}
