//! Runs a script: pipelines of calls, from the bucket to the results.

use super::super::store::Store;
use super::csv::{Dialect, Encoder, panic_json};
use super::lex::Place;
use super::mutate::{self, Operation};
use super::parse::{Expr, Node, Statement, parse};
use super::predicate::Predicate;
use super::read::{Pick, Selection};
use super::schema::{self, Names};
use super::table::{Stream, StreamError};
use super::Failure;

/// What a query runs against.
pub(in crate::sim) struct Context<'a> {
    pub(in crate::sim) store: &'a Store,
    /// Whether the token may read a bucket of this name; what it may not read does not exist.
    pub(in crate::sim) may_read: &'a dyn Fn(&str) -> bool,
    /// Nanoseconds since 1970.
    pub(in crate::sim) now: i64,
    /// Path and query of the request.
    pub(in crate::sim) uri: &'a str,
}

/// Thirty days, the start of the schema functions.
const SCHEMA_START_NS: i64 = 30 * 86_400 * 1_000_000_000;

/// Runs a script up to the first byte of its answer.
pub(in crate::sim) fn run(script: &[u8], dialect: Dialect, context: &Context<'_>) -> Result<Encoder, Failure> {
    let compile = |message: String| Failure::query(400, "invalid", format!("compilation failed: {message}"));
    let mut pipelines = Vec::new();
    for statement in parse(script).map_err(compile)? {
        match statement {
            Statement::Import | Statement::Assignment => {}
            Statement::Expression(expr) => pipelines.push(Pipeline::plan(&expr, context.now)?),
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
            StreamError::Fails { message, internal: false } => Failure::query(400, "invalid", message.clone()),
            StreamError::Fails { message, internal: true } => Failure::query(500, "internal error", message.clone()),
            StreamError::Panics(text) => Failure::raw(500, "internal error", panic_json(context.uri, text)),
        });
    }
    Ok(Encoder::new(results, dialect, context.uri))
}

/// A bucket by name or id.
#[derive(Debug)]
struct BucketRef {
    text: String,
    by_id: bool,
}

#[derive(Debug)]
enum Source {
    Read { selection: Selection, group: Option<Vec<Vec<u8>>>, pick: Pick },
    Schema { names: Names, start: i64, stop: i64 },
}

type Step = Box<dyn Fn(Stream) -> Stream>;

/// A checked pipeline.
struct Pipeline {
    bucket: BucketRef,
    source: Source,
    steps: Vec<Step>,
    name: Vec<u8>,
}

/// One call of a pipeline.
struct Call<'a> {
    name: String,
    arguments: &'a [(String, Expr)],
    start: Place,
    end: Place,
}

impl<'a> Call<'a> {
    fn new(expr: &'a Expr) -> Result<Self, Failure> {
        let Node::Call { callee, arguments } = &expr.node else { return Err(refused(expr, "expression is not simulated")) };
        let name = match &callee.node {
            Node::Ident(name) => name.clone(),
            Node::Member(of, name) => match &of.node {
                Node::Ident(of) => format!("{of}.{}", String::from_utf8_lossy(name)),
                _ => return Err(refused(callee, "expression is not simulated")),
            },
            _ => return Err(refused(callee, "expression is not simulated")),
        };
        if !FUNCTIONS.contains(&name.as_str()) {
            return Err(refused(callee, &format!("undefined identifier {name}")));
        }
        Ok(Self { name, arguments, start: expr.start, end: expr.end })
    }

    fn argument(&self, name: &str) -> Option<&'a Expr> {
        self.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn fails(&self, message: &str) -> Failure {
        Failure::query(400, "invalid", format!("error @{}-{}: {message}", self.start, self.end))
    }

    fn text(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self.argument(name) {
            None => Ok(None),
            Some(Expr { node: Node::String(text), .. }) => Ok(Some(text.clone())),
            Some(expr) => Err(refused(expr, "expected a string literal")),
        }
    }

    fn labels(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let Some(expr) = self.argument("columns") else { return Ok(Vec::new()) };
        let Node::Array(items) = &expr.node else { return Err(refused(expr, "expected an array of strings")) };
        let label = |item: &Expr| match &item.node {
            Node::String(text) => Ok(text.clone()),
            _ => Err(refused(item, "expected a string literal")),
        };
        items.iter().map(label).collect()
    }

    /// A bound of time: a time, seconds since 1970, or a duration from now.
    fn time(&self, name: &str, now: i64) -> Result<Option<i64>, Failure> {
        let Some(expr) = self.argument(name) else { return Ok(None) };
        Ok(Some(match &expr.node {
            Node::Time(ns) => *ns,
            Node::Int(seconds) => seconds.wrapping_mul(1_000_000_000),
            Node::Duration(ns) => now.saturating_add(*ns),
            Node::Call { callee, arguments } => match (&callee.node, &arguments[..]) {
                (Node::Ident(function), []) if function == "now" => now,
                (Node::Ident(function), [(_, Expr { node: Node::Int(ns), .. })]) if function == "time" => *ns,
                (Node::Ident(function), [(_, Expr { node: Node::Unary("-", ns), .. })]) if function == "time" => match ns.node {
                    Node::Int(ns) => -ns,
                    _ => return Err(refused(expr, "expected a time")),
                },
                _ => return Err(refused(expr, "expected a time")),
            },
            _ => return Err(refused(expr, "expected a time")),
        }))
    }

    fn predicate(&self) -> Result<Predicate, Failure> {
        match self.argument("fn").map(|expr| &expr.node) {
            Some(Node::Function { parameter, body }) => {
                Predicate::new(body, parameter).map_err(|message| Failure::query(400, "invalid", message))
            }
            _ => Err(self.fails("missing required argument fn")),
        }
    }

    fn bucket(&self) -> Result<BucketRef, Failure> {
        let (text, by_id) = match (self.text("bucket")?, self.text("bucketID")?) {
            (Some(name), None) => (name, false),
            (None, Some(id)) => (id, true),
            _ => return Err(self.fails("must specify only one of bucket or bucketID")),
        };
        Ok(BucketRef { text: String::from_utf8_lossy(&text).into_owned(), by_id })
    }

    fn operation(&self, name: &'static str) -> Operation {
        Operation { name, start: self.start, end: self.end }
    }
}

const FUNCTIONS: [&str; 22] = [
    "from", "range", "filter", "rename", "drop", "keep", "group", "count", "sum", "first", "last", "min", "max", "map", "yield",
    "schema.measurements", "schema.tagKeys", "schema.measurementTagKeys", "schema.fieldKeys", "schema.measurementFieldKeys",
    "schema.tagValues", "schema.measurementTagValues",
];

fn refused(expr: &Expr, message: &str) -> Failure {
    Failure::query(400, "invalid", format!("error @{}-{}: {message}", expr.start, expr.end))
}

/// The calls of `a |> b |> c`, in order.
fn calls(expr: &Expr) -> Result<Vec<Call<'_>>, Failure> {
    let (mut chain, mut rest) = (Vec::new(), expr);
    while let Node::Pipe(left, right) = &rest.node {
        chain.push(&**right);
        rest = left;
    }
    chain.push(rest);
    chain.into_iter().rev().map(Call::new).collect()
}

impl Pipeline {
    fn plan(expr: &Expr, now: i64) -> Result<Self, Failure> {
        let calls = calls(expr)?;
        let (first, mut rest) = (&calls[0], &calls[1..]);
        let source = if first.name == "from" { read(first, &mut rest, now)? } else { schema_source(first, now)? };
        let mut pipeline = Self { bucket: first.bucket()?, source, steps: Vec::new(), name: b"_result".to_vec() };
        for call in rest {
            if call.name == "yield" {
                pipeline.name = call.text("name")?.unwrap_or(pipeline.name);
            } else {
                pipeline.steps.push(step(call)?);
            }
        }
        Ok(pipeline)
    }

    fn run(self, context: &Context<'_>) -> Result<Stream, Failure> {
        let buckets = context.store.lock();
        let found = buckets.iter().find(|bucket| {
            let known = if self.bucket.by_id { &bucket.info.id } else { &bucket.info.name };
            *known == self.bucket.text && (context.may_read)(&bucket.info.name)
        });
        let Some(bucket) = found else {
            return Err(if self.bucket.by_id {
                Failure::query(500, "internal error", "An internal error has occurred - check server logs")
            } else {
                let name = &self.bucket.text;
                Failure::query(404, "not found", format!("failed to initialize execute state: could not find bucket \"{name}\""))
            });
        };
        let stream = match &self.source {
            Source::Read { selection, group: None, pick } => selection.read(bucket, *pick),
            Source::Read { selection, group: Some(by), pick } => selection.read_groups(bucket, by, *pick),
            Source::Schema { names, start, stop } => schema::names(bucket, names, *start, *stop),
        };
        drop(buckets);
        Ok(self.steps.iter().fold(stream, |stream, step| step(stream)))
    }
}

/// `from() |> range() |> filter()...`, and the group and the aggregate that the storage engine takes over.
fn read(from: &Call<'_>, rest: &mut &[Call<'_>], now: i64) -> Result<Source, Failure> {
    let building = |text: String| Failure::query(400, "invalid", format!("error in building plan while starting program: {text}"));
    let Some(range) = take(rest, &["range"]) else {
        let name = from.bucket()?.text;
        return Err(building(format!("cannot submit unbounded read to \"{name}\"; try bounding 'from' with a call to 'range'")));
    };
    let start = range.time("start", now)?.ok_or_else(|| range.fails("missing required argument start"))?;
    let stop = range.time("stop", now)?.unwrap_or(now);
    if start >= stop {
        return Err(building("cannot query an empty range".to_owned()));
    }
    let mut selection = Selection::new(start, stop);
    while let Some(filter) = take(rest, &["filter"]) {
        selection.filters.push(filter.predicate()?);
    }
    let group = take(rest, &["group"]).map(Call::labels).transpose()?;
    let pick = match take(rest, &["count", "first", "last"]).map(|call| call.name.as_str()) {
        Some("count") => Pick::Count,
        Some("first") => Pick::First,
        Some(_) => Pick::Last,
        None => Pick::All,
    };
    Ok(Source::Read { selection, group, pick })
}

/// The next call, if it is one of these.
fn take<'a, 'b>(rest: &mut &'b [Call<'a>], names: &[&str]) -> Option<&'b Call<'a>> {
    let (first, others) = rest.split_first()?;
    if !names.contains(&first.name.as_str()) {
        return None;
    }
    *rest = others;
    Some(first)
}

fn schema_source(call: &Call<'_>, now: i64) -> Result<Source, Failure> {
    let measurement = call.text("measurement")?;
    let tag = || call.text("tag")?.ok_or_else(|| call.fails("missing required argument tag"));
    let names = match call.name.as_str() {
        "schema.measurements" => Names::Measurements,
        "schema.tagKeys" | "schema.measurementTagKeys" => Names::TagKeys { measurement },
        "schema.fieldKeys" | "schema.measurementFieldKeys" => Names::FieldKeys { measurement },
        "schema.tagValues" | "schema.measurementTagValues" => Names::TagValues { measurement, tag: tag()? },
        _ => return Err(call.fails("a pipeline begins with from or a schema function")),
    };
    let start = call.time("start", now)?.unwrap_or(now.saturating_sub(SCHEMA_START_NS));
    let stop = call.time("stop", now)?.unwrap_or(now);
    Ok(Source::Schema { names, start, stop })
}

fn step(call: &Call<'_>) -> Result<Step, Failure> {
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
            each(call, "filter", move |table| Ok(mutate::filter(&table, |row| predicate.test(row) == Some(true))))
        }
        "map" => {
            let replacements = replacements(call)?;
            each(call, "map", move |table| mutate::replace_all(&table, &replacements))
        }
        _ => return Err(call.fails(&format!("{} is not simulated here", call.name))),
    })
}

fn each(call: &Call<'_>, name: &'static str, change: impl Fn(super::table::Table) -> Result<Option<super::table::Table>, String> + 'static) -> Step {
    let operation = call.operation(name);
    Box::new(move |stream| operation.each(stream, &change))
}

fn columns(call: &Call<'_>, name: &'static str, keep: bool) -> Result<Step, Failure> {
    let (operation, labels) = (call.operation(name), call.labels()?);
    Ok(Box::new(move |stream| {
        operation.reshape(stream, |table| {
            mutate::retain_columns(table, |label| labels.iter().any(|wanted| wanted[..] == *label) == keep);
            Ok(())
        })
    }))
}

fn renames(call: &Call<'_>) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Failure> {
    let Some(Expr { node: Node::Record { with: None, fields }, .. }) = call.argument("columns") else {
        return Err(call.fails("expected a record of column names"));
    };
    let name = |(from, to): &(Vec<u8>, Expr)| match &to.node {
        Node::String(to) => Ok((from.clone(), to.clone())),
        _ => Err(refused(to, "expected a string literal")),
    };
    fields.iter().map(name).collect()
}

/// The replacements of `map(fn: (r) => ({r with _value: strings.replaceAll(v: ..., t: "a", u: "b")}))`, innermost first.
fn replacements(call: &Call<'_>) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Failure> {
    let other = || call.fails("only strings.replaceAll on _value is simulated in map");
    let Some(Expr { node: Node::Function { parameter, body }, .. }) = call.argument("fn") else { return Err(other()) };
    let Node::Record { with: Some(row), fields } = &body.node else { return Err(other()) };
    let [(label, value)] = &fields[..] else { return Err(other()) };
    if row != parameter || label != b"_value" {
        return Err(other());
    }
    let (mut found, mut expr) = (Vec::new(), value);
    while let Node::Call { callee, arguments } = &expr.node {
        let is_replace = matches!(&callee.node, Node::Member(of, name)
            if name == b"replaceAll" && matches!(&of.node, Node::Ident(package) if package == "strings"));
        let argument = |wanted: &str| arguments.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let (Some(of), Some(Node::String(from)), Some(Node::String(to)), true) =
            (argument("v"), argument("t").map(|e| &e.node), argument("u").map(|e| &e.node), is_replace)
        else {
            return Err(other());
        };
        found.push((from.clone(), to.clone()));
        expr = of;
    }
    match &expr.node {
        Node::Member(of, label) if label == b"_value" && matches!(&of.node, Node::Ident(name) if name == parameter) => {
            found.reverse();
            Ok(found)
        }
        _ => Err(other()),
    }
}
