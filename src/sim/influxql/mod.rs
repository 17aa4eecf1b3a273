//! `/query`: statements of InfluxQL, answered as JSON or MessagePack, whole or in chunks.

mod answer;
mod columns;
mod condition;
mod format;
mod msgpack;
mod parse;
mod rows;
mod scan;
mod schema;
mod select;
mod series;
mod show;
mod statement;

use super::http::{ApiError, Body, Reply, Request};
use super::respond::Access;
use super::rows::Rows;
use super::store::{Bucket, Store};
use super::text::TimeText;

pub(super) use answer::Answer;

use format::{Format, Writer};
use series::Outcome;
use statement::{Source, Statement};

/// The statements of a request, if it has any.
pub(super) fn statements_of(request: &Request) -> Option<Vec<u8>> {
    if request.path != "/query" {
        return None;
    }
    let given = request.parameter_bytes("q").unwrap_or_default();
    if !given.trim_ascii().is_empty() {
        return Some(given.trim_ascii().to_vec());
    }
    let kind = request.header("content-type")?;
    let raw = kind.split(';').next().is_some_and(|kind| kind.trim() == "application/vnd.influxql");
    Some(if raw { request.body.clone() } else { Vec::new() })
}

/// Answers one or several statements.
pub(super) fn answer(request: &Request, access: &Access<'_>) -> Result<Reply, ApiError> {
    let text = statements_of(request).ok_or_else(|| ApiError::decode("mime: no media type"))?;
    let (format, kind) = match request.header("accept") {
        Some("application/x-msgpack") => (Format::MessagePack, "application/x-msgpack"),
        Some("application/csv" | "text/csv") => {
            return Err(ApiError::decode("only JSON and MessagePack are simulated"));
        }
        _ => (Format::Json, "application/json"),
    };
    let statements = parse::parse(&text)
        .map_err(|message| ApiError::decode(format!("failed to parse query: {message}")))?;
    let database = request.parameter("db").unwrap_or_default();
    let policy = request.parameter("rp").filter(|policy| !policy.is_empty());
    let mut outcomes = Vec::new();
    for statement in &statements {
        let outcome = execute(statement, access, &database, policy.as_deref());
        let fails = matches!(outcome, Outcome::Fails(_));
        outcomes.push(outcome);
        if fails {
            break;
        }
    }
    let chunk_rows = (request.parameter("chunked").as_deref() == Some("true")).then(|| {
        let rows = request.parameter("chunk_size").and_then(|rows| rows.parse().ok());
        rows.filter(|&rows| rows > 0).unwrap_or(answer::PIECE_ROWS)
    });
    let time_unit_ns = match request.parameter("epoch").as_deref() {
        None | Some("") => None,
        Some("u") => Some(1_000),
        Some("ms") => Some(1_000_000),
        Some("s") => Some(1_000_000_000),
        Some("m") => Some(60_000_000_000),
        Some("h") => Some(3_600_000_000_000),
        Some(_) => Some(1),
    };
    let writer = Writer { format, time_unit_ns, times: TimeText::default() };
    let answer = Answer::new(outcomes, statements.len(), writer, chunk_rows);
    let headers = [("Content-Type", kind), ("Vary", "Accept-Encoding")];
    Ok(Reply::new(200, &headers, Body::Rows(Box::new(Rows::Influxql(answer)))))
}

/// Names that the real server keeps for itself, with what it wants instead.
const SYSTEM_SOURCES: [(&str, &str); 7] = [
    ("_fieldKeys", "SHOW FIELD KEYS"),
    ("_measurements", "SHOW MEASUREMENTS"),
    ("_name", "the appropriate meta command"),
    ("_series", "SHOW SERIES"),
    ("_tagKey", "the appropriate meta command"),
    ("_tagKeys", "SHOW TAG KEYS"),
    ("_tags", "SHOW TAG VALUES"),
];

fn execute(
    statement: &Statement,
    access: &Access<'_>,
    database: &str,
    policy: Option<&str>,
) -> Outcome {
    let result = match statement {
        Statement::NotImplemented(what) => Err(format!("not implemented: {what}")),
        Statement::DropMeasurement { name } => return drop_measurement(access, database, name),
        Statement::Measurements | Statement::TagKeys if database.is_empty() => {
            Err("database name required".to_owned())
        }
        Statement::Measurements => match access.default_bucket(database) {
            Some(bucket) => {
                with_bucket(access.store, &bucket, |bucket| Ok(show::measurements(bucket)))
            }
            None => Ok(Outcome::Series(Vec::new(), series::Pieces::Whole)),
        },
        Statement::TagKeys => access
            .default_bucket(database)
            .ok_or_else(|| format!("default retention policy not set for: {database}"))
            .and_then(|bucket| {
                with_bucket(access.store, &bucket, |bucket| Ok(show::tag_keys(bucket)))
            }),
        Statement::FieldKeys => read(access, database, policy, None, show::field_keys),
        Statement::Series { from } => {
            read(access, database, policy, from.as_ref(), |b| show::series(b, from.as_ref()))
        }
        Statement::SeriesCardinality { from } => {
            read(access, database, policy, from.as_ref(), |b| show::cardinality(b, from.as_ref()))
        }
        Statement::Select(select) => {
            let system = SYSTEM_SOURCES
                .iter()
                .find(|(name, _)| matches!(&select.from, Source::Name(from) if from == name));
            match system {
                Some((name, instead)) => {
                    Err(format!("unable to use system source '{name}': use {instead} instead"))
                }
                None => find(access, database, policy, Some(&select.from)).and_then(|bucket| {
                    with_bucket(access.store, &bucket, |bucket| select::select(bucket, select))
                }),
            }
        }
    };
    result.unwrap_or_else(Outcome::Fails)
}

fn read(
    access: &Access<'_>,
    database: &str,
    policy: Option<&str>,
    from: Option<&Source>,
    answer: impl FnOnce(&Bucket) -> Outcome,
) -> Result<Outcome, String> {
    let bucket = find(access, database, policy, from)?;
    with_bucket(access.store, &bucket, |bucket| Ok(answer(bucket)))
}

/// The bucket behind a database and a retention policy; the error is that of the statement's result.
fn find(
    access: &Access<'_>,
    database: &str,
    policy: Option<&str>,
    from: Option<&Source>,
) -> Result<String, String> {
    if matches!(from, Some(Source::Name(name)) if name.is_empty()) {
        return Err("invalid measurement".to_owned());
    }
    if database.is_empty() {
        return Err("database name required".to_owned());
    }
    access.bucket_of_policy(database, policy)
}

fn with_bucket(
    store: &Store,
    name: &str,
    answer: impl FnOnce(&Bucket) -> Result<Outcome, String>,
) -> Result<Outcome, String> {
    let buckets = store.lock();
    let bucket = buckets.iter().find(|bucket| bucket.info.name == name);
    answer(bucket.ok_or_else(|| format!("database not found: {name}"))?)
}

/// The real server runs this on a GET too.
fn drop_measurement(access: &Access<'_>, database: &str, name: &str) -> Outcome {
    for bucket in access.buckets_of_database(database) {
        if !access.token.may_write(&bucket) {
            return Outcome::Refuses("insufficient permissions".to_owned());
        }
        let mut buckets = access.store.lock();
        if let Some(bucket) = buckets.iter_mut().find(|known| known.info.name == bucket) {
            bucket.drop_measurement(name.as_bytes());
        }
    }
    Outcome::Silent
}
