//! Whether InfluxQL may be trusted: one small part of a few measurements, read both ways, must be the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Unreadable;
use super::route::{Fields, Routes};
use super::schema::Schema;
use crate::influx::client::Client;
use crate::influx::influxql::{Database, Encoding};
use crate::limits::{PROBE_MEASUREMENTS_MAX, PROBE_VALUES_MAX, QUOTA_SMALL_BYTES_PREDICTED};
use crate::model::filter::Filter;
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable};
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::plan::target::whole;
use crate::pipeline::read::fetch::{format, may_pass};
use crate::wire::csv::decoder::Decoder;
use crate::wire::csv::table;
use crate::wire::flux::{self, Selection};
use crate::wire::frames::series_of::SeriesOf;
use crate::wire::influxql::decoder::{self as influxql, Statement};
use crate::wire::influxql::query::{self, Grouping, Select};
use crate::wire::line::body::EncoderSettings;
use crate::wire::line::encoder::Encoder;
use crate::wire::line::split::split_lines;

/// Lengths of the parts that are tried, from the oldest value on; the first one is an instant.
const PARTS_NS: [i64; 5] = [1, NS_PER_S, 60 * NS_PER_S, 3_600 * NS_PER_S, 86_400 * NS_PER_S];

/// Both ways to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) source: &'a Client,
    pub(super) database: &'a Database,
    pub(super) bucket: &'a str,
    pub(super) filter: &'a Filter,
    pub(super) label: &'a str,
}

impl Probe<'_> {
    /// The encoding to read with, or why InfluxQL must not be used.
    pub(super) async fn run(
        &self,
        schema: &Schema,
        unreadable: &[Unreadable],
    ) -> Result<Result<Encoding, String>, Error> {
        if self.filter.predicate.is_some() {
            return Ok(Err("--predicate is Flux".to_owned()));
        }
        let (readable, _) = Routes::readable(&schema.types, self.filter);
        let by_flux =
            |name: &&Name| !unreadable.iter().any(|found| found.measurement.as_ref() == Some(name));
        let mut encodings = vec![Encoding::MessagePack, Encoding::Json];
        let mut why = String::new();
        let mut tried = 0;
        for name in readable.keys().filter(by_flux) {
            let Some(part) = self.small_part(name, &readable[name]).await? else { continue };
            let expected = self.by_flux(name, &readable[name], part).await?;
            let mut left = Vec::new();
            for encoding in encodings {
                match self.by_influxql(name, &readable[name], part, encoding).await? {
                    Ok(found) if found == expected => left.push(encoding),
                    Ok(_) => {
                        why =
                            format!("it reads measurement {} otherwise than Flux", Readable(name));
                    }
                    Err(error) => why = error,
                }
            }
            encodings = left;
            tried += 1;
            if tried == PROBE_MEASUREMENTS_MAX || encodings.is_empty() {
                break;
            }
        }
        Ok(encodings.into_iter().next().ok_or(why))
    }

    /// The first part of the measurement that holds between one and a few values.
    async fn small_part(
        &self,
        measurement: &Name,
        fields: &Fields,
    ) -> Result<Option<TimeRange>, Error> {
        let filter = Filter { fields: fields.listed.clone(), ..self.filter.clone() };
        let selection = Selection {
            filter: &filter,
            ..self.selection(std::slice::from_ref(measurement), TimeRange::ALL)
        };
        let Some(first) = super::earliest(self.source, selection).await? else { return Ok(None) };
        let mut best = None;
        for length_ns in PARTS_NS {
            let part =
                TimeRange::new(first, first.saturating_add_ns(length_ns).min(Timestamp::STOP_MAX));
            let query = flux::count(Selection { range: part, ..selection });
            let answer = self.ask(&query, "count of the probe").await?;
            let values = table::single_long(&answer)
                .map_err(|error| Error::csv("count of the probe", error))?;
            match values.and_then(|values| u64::try_from(values).ok()).unwrap_or(0) {
                0 => {}
                values if values <= PROBE_VALUES_MAX => best = Some(part),
                _ => break,
            }
        }
        Ok(best)
    }

    async fn by_flux(
        &self,
        measurement: &Name,
        fields: &Fields,
        part: TimeRange,
    ) -> Result<BTreeSet<Vec<u8>>, Error> {
        let what = "probe by Flux";
        let filter = Filter { fields: fields.listed.clone(), ..self.filter.clone() };
        let selection = self.selection(std::slice::from_ref(measurement), part);
        let query = flux::read(Selection { filter: &filter, ..selection }, self.label);
        let answer = self.ask(&query, what).await?;
        let mut decoder = Decoder::new(whole(self.label));
        let mut frames = Vec::new();
        decoder.push(&answer, &mut frames).map_err(|error| Error::csv(what, error))?;
        decoder.finish(&mut frames).map_err(|error| Error::csv(what, error))?;
        Ok(lines(&frames))
    }

    async fn by_influxql(
        &self,
        measurement: &Name,
        fields: &Fields,
        part: TimeRange,
        encoding: Encoding,
    ) -> Result<Result<BTreeSet<Vec<u8>>, String>, Error> {
        let what = "probe by InfluxQL";
        let filter = Filter { fields: fields.listed.clone(), ..self.filter.clone() };
        let text = String::from_utf8_lossy(measurement);
        let select = Select {
            measurement: &text,
            range: part,
            filter: &filter,
            grouping: Grouping::All,
            among: None,
        };
        let statements = [query::select(&select)];
        let admission = self.source.admit(QUOTA_SMALL_BYTES_PREDICTED).await;
        let sent = self.source.influxql_stream(self.database, &statements, encoding, what).await;
        let mut stream = match sent {
            Ok(stream) => stream.charge(admission),
            Err(error) if may_pass(&error) => return Err(Error::influx(what, error)),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let statement = Statement {
            measurement: measurement.clone(),
            types: Arc::clone(&fields.types),
            series: SeriesOf::Whole,
        };
        let format = format(Some(encoding));
        let mut decoder = influxql::Decoder::new(influxql::DecoderSettings {
            format,
            statements: vec![statement],
        });
        let mut frames = Vec::new();
        while let Some(bytes) = stream.next().await.map_err(|error| Error::influx(what, error))? {
            if let Err(error) = decoder.push(&bytes, &mut frames) {
                return Ok(Err(error.to_string()));
            }
        }
        Ok(decoder.finish(&mut frames).map(|_| lines(&frames)).map_err(|error| error.to_string()))
    }

    fn selection<'b>(&'b self, measurements: &'b [Name], range: TimeRange) -> Selection<'b> {
        Selection { bucket: self.bucket, range, filter: self.filter, measurements, without: &[] }
    }

    async fn ask(&self, query: &str, what: &str) -> Result<Vec<u8>, Error> {
        self.source.query_all(query, what).await.map_err(|error| Error::influx(what, error))
    }
}

/// The same values as sorted lines: field by field, so that it does not matter which fields share a line.
fn lines(frames: &[Frame]) -> BTreeSet<Vec<u8>> {
    let mut encoder = Encoder::new(EncoderSettings::default());
    let (mut bodies, mut rejected) = (Vec::new(), Vec::new());
    for frame in frames {
        encoder.push(frame, &mut bodies, &mut rejected);
    }
    encoder.finish(&mut bodies);
    let lines = bodies
        .iter()
        .flat_map(|body| split_lines(&body.bytes).map(|line| body.bytes[line].to_vec()));
    lines.chain(rejected.iter().map(|rejected| rejected.text.clone().into_bytes())).collect()
}
