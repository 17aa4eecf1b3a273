//! Statements one after the other, each against its bucket.

use super::answer::InfluxqlAnswer;
use super::format::{AnswerFormat, AnswerWriter};
use super::parse::parse;
use super::select::select;
use super::series::{Pieces, StatementOutcome};
use super::show;
use super::statement::{FromClause, InfluxqlStatement};
use crate::sim::data::bucket::StoredBucket;
use crate::sim::data::store::BucketStore;
use crate::sim::go::text::TimeText;
use crate::sim::view::ServerView;

/// What a request asks, and in which form.
#[derive(Debug)]
pub(crate) struct StatementsAsked {
    pub(crate) text: Vec<u8>,
    /// Empty for none.
    pub(crate) database: String,
    pub(crate) policy: Option<String>,
    pub(crate) format: AnswerFormat,
    /// Nanoseconds of the unit of times; `None` for RFC 3339.
    pub(crate) time_unit_ns: Option<i64>,
    /// Rows of a chunk; `None` for one document.
    pub(crate) chunk_rows: Option<u64>,
}

/// Runs statements up to the first byte of their answer; the error says what cannot be read.
pub(crate) fn run(
    asked: &StatementsAsked,
    view: &ServerView<'_>,
) -> Result<InfluxqlAnswer, String> {
    let statements = parse(&asked.text)?;
    let mut outcomes = Vec::new();
    for statement in &statements {
        let outcome = execute(statement, view, &asked.database, asked.policy.as_deref());
        let fails = matches!(outcome, StatementOutcome::Fails(_));
        outcomes.push(outcome);
        if fails {
            break;
        }
    }
    let (format, time_unit_ns) = (asked.format, asked.time_unit_ns);
    let writer = AnswerWriter { format, time_unit_ns, times: TimeText::default() };
    Ok(InfluxqlAnswer::new(outcomes, statements.len(), writer, asked.chunk_rows))
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
    statement: &InfluxqlStatement,
    view: &ServerView<'_>,
    database: &str,
    policy: Option<&str>,
) -> StatementOutcome {
    let result = match statement {
        InfluxqlStatement::NotImplemented(what) => Err(format!("not implemented: {what}")),
        InfluxqlStatement::DropMeasurement { name } => {
            return drop_measurement(view, database, name);
        }
        InfluxqlStatement::Measurements | InfluxqlStatement::TagKeys if database.is_empty() => {
            Err("database name required".to_owned())
        }
        InfluxqlStatement::Measurements => match view.default_bucket(database) {
            Some(bucket) => {
                with_bucket(view.store, &bucket, |bucket| Ok(show::measurements(bucket)))
            }
            None => Ok(StatementOutcome::Series(Vec::new(), Pieces::Whole)),
        },
        InfluxqlStatement::TagKeys => view
            .default_bucket(database)
            .ok_or_else(|| format!("default retention policy not set for: {database}"))
            .and_then(|bucket| {
                with_bucket(view.store, &bucket, |bucket| Ok(show::tag_keys(bucket)))
            }),
        InfluxqlStatement::FieldKeys => read(view, database, policy, None, show::field_keys),
        InfluxqlStatement::Series { from } => {
            read(view, database, policy, from.as_ref(), |b| show::series(b, from.as_ref()))
        }
        InfluxqlStatement::SeriesCardinality { from } => {
            read(view, database, policy, from.as_ref(), |b| show::cardinality(b, from.as_ref()))
        }
        InfluxqlStatement::Select(asked) => {
            let system = SYSTEM_SOURCES
                .iter()
                .find(|(name, _)| matches!(&asked.from, FromClause::Name(from) if from == name));
            match system {
                Some((name, instead)) => {
                    Err(format!("unable to use system source '{name}': use {instead} instead"))
                }
                None => find(view, database, policy, Some(&asked.from)).and_then(|bucket| {
                    with_bucket(view.store, &bucket, |bucket| select(bucket, asked))
                }),
            }
        }
    };
    result.unwrap_or_else(StatementOutcome::Fails)
}

fn read(
    view: &ServerView<'_>,
    database: &str,
    policy: Option<&str>,
    from: Option<&FromClause>,
    answer: impl FnOnce(&StoredBucket) -> StatementOutcome,
) -> Result<StatementOutcome, String> {
    let bucket = find(view, database, policy, from)?;
    with_bucket(view.store, &bucket, |bucket| Ok(answer(bucket)))
}

/// The bucket behind a database and a retention policy; the error is that of the statement's result.
fn find(
    view: &ServerView<'_>,
    database: &str,
    policy: Option<&str>,
    from: Option<&FromClause>,
) -> Result<String, String> {
    if matches!(from, Some(FromClause::Name(name)) if name.is_empty()) {
        return Err("invalid measurement".to_owned());
    }
    if database.is_empty() {
        return Err("database name required".to_owned());
    }
    view.bucket_of_policy(database, policy)
}

fn with_bucket(
    store: &BucketStore,
    name: &str,
    answer: impl FnOnce(&StoredBucket) -> Result<StatementOutcome, String>,
) -> Result<StatementOutcome, String> {
    let buckets = store.lock();
    let bucket = buckets.iter().find(|bucket| bucket.info.name == name);
    answer(bucket.ok_or_else(|| format!("database not found: {name}"))?)
}

/// The real server runs this on a GET too.
fn drop_measurement(view: &ServerView<'_>, database: &str, name: &str) -> StatementOutcome {
    for bucket in view.buckets_of_database(database) {
        if !view.token.may_write(&bucket) {
            return StatementOutcome::Refuses("insufficient permissions".to_owned());
        }
        let mut buckets = view.store.lock();
        if let Some(bucket) = buckets.iter_mut().find(|known| known.info.name == bucket) {
            bucket.drop_measurement(name.as_bytes());
        }
    }
    StatementOutcome::Silent
}
