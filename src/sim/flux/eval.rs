//! Runs a script: pipelines of calls, from the bucket to the results.

use super::call::{BucketRef, FluxCall, calls, renames, replacements};
use super::csv::{CsvAnswer, Dialect, panic_json};
use super::formula::Formula;
use super::found::Pick;
use super::mutate;
use super::parse::{Expr, ScriptStatement, parse};
use super::pivot::pivot;
use super::predicate::Predicate;
use super::read::EngineRead;
use super::schema::{self, SchemaNames};
use super::table::{FluxTable, Stream, StreamError};
use super::variables;
use super::window;
use crate::sim::data::store::BucketStore;
use crate::sim::http::reply::ApiError as Failure;

/// What a query runs against.
pub(crate) struct ScriptContext<'a> {
    pub(crate) store: &'a BucketStore,
    /// Whether the token may read a bucket of this name; what it may not read does not exist.
    pub(crate) may_read: &'a dyn Fn(&str) -> bool,
    /// Nanoseconds since 1970.
    pub(crate) now: i64,
    /// Path and query of the request.
    pub(crate) uri: &'a str,
}

/// Thirty days, the start of the schema functions.
const SCHEMA_START_NS: i64 = 30 * 86_400 * 1_000_000_000;

/// Runs a script up to the first byte of its answer.
pub(crate) fn run(
    script: &[u8],
    dialect: Dialect,
    context: &ScriptContext<'_>,
) -> Result<CsvAnswer, Failure> {
    let compile =
        |message: String| Failure::query(400, "invalid", format!("compilation failed: {message}"));
    let (mut pipelines, mut known) = (Vec::new(), None);
    for statement in parse(script).map_err(compile)? {
        match statement {
            ScriptStatement::Import | ScriptStatement::Assignment => {}
            ScriptStatement::Variables(variables) => known = Some(variables),
            ScriptStatement::Expression(mut expr) => {
                if let Some(known) = &known {
                    variables::put_in(&mut expr, known)
                        .map_err(|message| Failure::query(400, "invalid", message))?;
                }
                pipelines.push(Pipeline::plan(&expr, context.now)?);
            }
        }
    }
    if pipelines.is_empty() {
        return Err(Failure::query(
            400,
            "invalid",
            "error in query specification while starting program: this Flux script returns no streaming data. \
             Consider adding a \"yield\" or invoking streaming functions directly, without performing an assignment",
        ));
    }
    let mut results = Vec::new();
    for pipeline in pipelines {
        let name = pipeline.name.clone();
        results.push((name, pipeline.run(context)?));
    }
    // An error before the first byte becomes an HTTP status.
    if let Some((_, Stream { tables, error: Some(error) })) = results.first()
        && tables.is_empty()
    {
        return Err(match error {
            StreamError::Fails { message, internal: false } => {
                Failure::query(400, "invalid", message.clone())
            }
            StreamError::Fails { message, internal: true } => {
                Failure::query(500, "internal error", message.clone())
            }
            StreamError::Panics { text, .. } => {
                Failure::raw(500, "internal error", panic_json(context.uri, text))
            }
        });
    }
    Ok(CsvAnswer::new(results, dialect, context.uri))
}

#[derive(Debug)]
enum Source {
    Read { selection: EngineRead, group: Option<Vec<Vec<u8>>>, pick: Pick },
    Schema { names: SchemaNames, start: i64, stop: i64 },
    Cardinality { predicate: Option<Predicate>, start: i64, stop: i64 },
}

impl Source {
    /// What makes the storage engine fail, whatever the bucket holds.
    fn check(&self) -> Result<(), Failure> {
        let fails = |message: &str| Err(Failure::query(500, "internal error", message));
        let (stumbles, asks_for_values) = match self {
            Self::Read { selection, .. } => (selection.stumbles(), false),
            Self::Schema { .. } => (false, false),
            Self::Cardinality { predicate, .. } => {
                let predicate = predicate.as_ref();
                (
                    predicate.is_some_and(Predicate::stumbles),
                    predicate.is_some_and(|predicate| predicate.uses(&[b"_value"])),
                )
            }
        };
        if stumbles {
            return fails(
                "panic: runtime error: invalid memory address or nil pointer dereference",
            );
        }
        if asks_for_values {
            return fails("An internal error has occurred - check server logs");
        }
        Ok(())
    }
}

type StreamStep = Box<dyn Fn(Stream) -> Stream>;

/// A checked pipeline.
struct Pipeline {
    bucket: BucketRef,
    source: Source,
    steps: Vec<StreamStep>,
    name: Vec<u8>,
}

impl Pipeline {
    fn plan(expr: &Expr, now: i64) -> Result<Self, Failure> {
        let calls = calls(expr)?;
        let (first, mut rest) = (&calls[0], &calls[1..]);
        let source = if first.name == "from" {
            read(first, &mut rest, now)?
        } else {
            schema_source(first, now)?
        };
        let mut pipeline =
            Self { bucket: first.bucket()?, source, steps: Vec::new(), name: b"_result".to_vec() };
        if let Source::Read { group: None, pick: pick @ Pick::All, .. } = &mut pipeline.source
            && let Some(call) = take(&mut rest, &["sum"])
        {
            *pick = Pick::Sum;
            pipeline.steps.push(each(call, "sum", |table| mutate::engine_sum(&table)));
        }
        for (at, call) in rest.iter().enumerate() {
            if at > 0 && rest[at - 1].name == "pivot" && call.name != "yield" {
                pipeline.steps.push(Box::new(built));
            }
            if call.name == "yield" {
                pipeline.name = call.text("name")?.unwrap_or(pipeline.name);
            } else {
                pipeline.steps.push(step(call)?);
            }
        }
        Ok(pipeline)
    }

    fn run(self, context: &ScriptContext<'_>) -> Result<Stream, Failure> {
        let buckets = context.store.lock();
        let found = buckets.iter().find(|bucket| {
            let known = if self.bucket.by_id { &bucket.info.id } else { &bucket.info.name };
            *known == self.bucket.text && (context.may_read)(&bucket.info.name)
        });
        let Some(bucket) = found else {
            return Err(if self.bucket.by_id {
                Failure::query(
                    500,
                    "internal error",
                    "An internal error has occurred - check server logs",
                )
            } else {
                let name = &self.bucket.text;
                Failure::query(
                    404,
                    "not found",
                    format!("failed to initialize execute state: could not find bucket \"{name}\""),
                )
            });
        };
        self.source.check()?;
        let stream = match &self.source {
            Source::Read { selection, group: None, pick } => selection.read(bucket, *pick),
            Source::Read { selection, group: Some(by), pick } => {
                selection.read_groups(bucket, by, *pick)
            }
            Source::Schema { names, start, stop } => schema::names(bucket, names, *start, *stop),
            Source::Cardinality { predicate, start, stop } => {
                schema::cardinality(bucket, predicate.as_ref(), *start, *stop)
            }
        };
        drop(buckets);
        Ok(self.steps.iter().fold(stream, |stream, step| step(stream)))
    }
}

/// `from() |> range() |> filter()...`, and the group and the aggregate that the storage engine takes over.
fn read(from: &FluxCall<'_>, rest: &mut &[FluxCall<'_>], now: i64) -> Result<Source, Failure> {
    let building = |text: String| {
        Failure::query(
            400,
            "invalid",
            format!("error in building plan while starting program: {text}"),
        )
    };
    let Some(range) = take(rest, &["range"]) else {
        let name = from.bucket()?.text;
        return Err(building(format!(
            "cannot submit unbounded read to \"{name}\"; try bounding 'from' with a call to 'range'"
        )));
    };
    let start =
        range.time("start", now)?.ok_or_else(|| range.fails("missing required argument start"))?;
    let stop = range.time("stop", now)?.unwrap_or(now);
    if start >= stop {
        return Err(building("cannot query an empty range".to_owned()));
    }
    let mut selection = EngineRead::new(start, stop);
    while let Some(filter) = rest.first().filter(|call| call.name == "filter") {
        let predicate = filter.predicate()?;
        // What stands behind another filter is done on tables.
        if !predicate.is_pushed_down() {
            break;
        }
        selection.filters.push(predicate.pushed());
        *rest = &rest[1..];
    }
    let group = take(rest, &["group"]).map(FluxCall::labels).transpose()?;
    let pick = match take(rest, &["count", "first", "last"]).map(|call| call.name.as_str()) {
        Some("count") => Pick::Count,
        Some("first") => Pick::First,
        Some(_) => Pick::Last,
        None => Pick::All,
    };
    Ok(Source::Read { selection, group, pick })
}

/// The next call, if it is one of these.
fn take<'a, 'b>(rest: &mut &'b [FluxCall<'a>], names: &[&str]) -> Option<&'b FluxCall<'a>> {
    let (first, others) = rest.split_first()?;
    if !names.contains(&first.name.as_str()) {
        return None;
    }
    *rest = others;
    Some(first)
}

fn schema_source(call: &FluxCall<'_>, now: i64) -> Result<Source, Failure> {
    if call.name == "influxdb.cardinality" {
        let start = call.time("start", now)?;
        let start = start.ok_or_else(|| call.fails("missing required argument start"))?;
        let stop = call.time("stop", now)?.unwrap_or(now);
        let predicate = call.function("predicate")?.map(Predicate::pushed);
        return Ok(Source::Cardinality { predicate, start, stop });
    }
    let measurement = call.text("measurement")?;
    let tag = || call.text("tag")?.ok_or_else(|| call.fails("missing required argument tag"));
    let names = match call.name.as_str() {
        "schema.measurements" => SchemaNames::Measurements,
        "schema.tagKeys" | "schema.measurementTagKeys" => SchemaNames::TagKeys { measurement },
        "schema.fieldKeys" | "schema.measurementFieldKeys" => {
            SchemaNames::FieldKeys { measurement }
        }
        "schema.tagValues" | "schema.measurementTagValues" => {
            SchemaNames::TagValues { measurement, tag: tag()? }
        }
        _ => return Err(call.fails("a pipeline begins with from or a schema function")),
    };
    let start = call.time("start", now)?.unwrap_or(now.saturating_sub(SCHEMA_START_NS));
    let stop = call.time("stop", now)?.unwrap_or(now);
    Ok(Source::Schema { names, start, stop })
}

fn step(call: &FluxCall<'_>) -> Result<StreamStep, Failure> {
    Ok(match call.name.as_str() {
        "rename" => {
            let (operation, names) = (call.operation("rename"), renames(call)?);
            Box::new(move |stream| operation.reshape(stream, |table| mutate::rename(table, &names)))
        }
        "drop" => columns(call, "drop", false)?,
        "keep" => columns(call, "keep", true)?,
        "group" => {
            let (operation, by) = (call.operation("group"), call.labels()?);
            Box::new(move |stream| operation.reshape(stream, |table| mutate::regroup(table, &by)))
        }
        "count" => each(call, "count", |table| mutate::count(&table)),
        "sum" => each(call, "sum", |table| mutate::sum(&table)),
        "first" => each(call, "first", |table| Ok(mutate::edge(&table, true))),
        "last" => each(call, "last", |table| Ok(mutate::edge(&table, false))),
        "min" | "max" => {
            let column = call.text("column")?.unwrap_or_else(|| b"_value".to_vec());
            let (name, largest) = if call.name == "max" { ("max", true) } else { ("min", false) };
            each(call, name, move |table| mutate::extreme(&table, &column, largest))
        }
        "filter" => {
            let predicate = call.predicate()?;
            each(call, "filter", move |table| {
                Ok(mutate::filter(&table, |row| predicate.test(row) == Some(true)))
            })
        }
        "map" => {
            if let Some(formula) = call.argument("fn").and_then(Formula::new) {
                return Ok(each(call, "map", move |table| formula.apply(&table).map(Some)));
            }
            let replacements = replacements(call)?;
            each(call, "map", move |table| mutate::replace_all(&table, &replacements))
        }
        "aggregateWindow" if call.is("fn", "sum") => {
            let every = call.duration("every")?;
            each(call, "aggregateWindow", move |table| window::sums(&table, every))
        }
        "sort" => {
            let (by, descends) = (call.labels()?, call.is("desc", "true"));
            each(call, "sort", move |table| Ok(Some(mutate::sort(&table, &by, descends))))
        }
        "limit" => {
            let rows = call.rows("n")?;
            each(call, "limit", move |table| Ok(Some(mutate::limit(table, rows))))
        }
        "pivot" => {
            let (operation, spec) = (call.operation("pivot"), call.pivot()?);
            Box::new(move |stream| pivot(&operation, &spec, stream))
        }
        _ => return Err(call.fails(&format!("{} is not simulated here", call.name))),
    })
}

/// The rows that `pivot` makes, for what stands behind it.
fn built(mut stream: Stream) -> Stream {
    for table in &mut stream.tables {
        if let Some(built) = table.built() {
            *table = built;
        }
    }
    stream
}

fn each(
    call: &FluxCall<'_>,
    name: &'static str,
    change: impl Fn(FluxTable) -> Result<Option<FluxTable>, String> + 'static,
) -> StreamStep {
    let operation = call.operation(name);
    Box::new(move |stream| operation.each(stream, &change))
}

fn columns(call: &FluxCall<'_>, name: &'static str, keep: bool) -> Result<StreamStep, Failure> {
    let (operation, labels) = (call.operation(name), call.labels()?);
    Ok(Box::new(move |stream| {
        operation.reshape(stream, |table| {
            mutate::retain_columns(table, |label| {
                labels.iter().any(|wanted| wanted[..] == *label) == keep
            });
            Ok(())
        })
    }))
}
