//! Calls of a pipeline and their arguments.

use super::lex::ScriptPlace;
use super::operation::Operation;
use super::parse::{Expr, Node};
use super::pivot::Spec;
use super::predicate::Predicate;
use crate::sim::http::reply::ApiError as Failure;

/// How deep operators may be nested: a row of 168 terms is refused.
const DEPTH_MAX: usize = 166;

/// Names or texts, each with what takes its place.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A bucket by name or id.
#[derive(Debug)]
pub(super) struct BucketRef {
    pub(super) text: String,
    pub(super) by_id: bool,
}

/// One call of a pipeline.
pub(super) struct FluxCall<'a> {
    pub(super) name: String,
    arguments: &'a [(String, Expr)],
    start: ScriptPlace,
    end: ScriptPlace,
}

impl<'a> FluxCall<'a> {
    fn new(expr: &'a Expr) -> Result<Self, Failure> {
        let Node::Call { callee, arguments } = &expr.node else {
            return Err(refused(expr, "expression is not simulated"));
        };
        let name = match &callee.node {
            Node::Ident(name) => name.clone(),
            Node::Member(of, name) => match &of.node {
                Node::Ident(of) => format!("{of}.{}", String::from_utf8_lossy(name)),
                _ => return Err(refused(callee, "expression is not simulated")),
            },
            _ => return Err(refused(callee, "expression is not simulated")),
        };
        let known = FUNCTIONS.iter().find(|(known, _)| *known == name);
        let Some((_, understood)) = known else {
            return Err(refused(callee, &format!("undefined identifier {name}")));
        };
        if let Some((other, _)) =
            arguments.iter().find(|(given, _)| !understood.contains(&given.as_str()))
        {
            return Err(refused(expr, &format!("found unexpected argument {other}")));
        }
        Ok(Self { name, arguments, start: expr.start, end: expr.end })
    }

    pub(super) fn argument(&self, name: &str) -> Option<&'a Expr> {
        self.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn fails(&self, message: &str) -> Failure {
        Failure::query(400, "invalid", format!("error @{}-{}: {message}", self.start, self.end))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self.argument(name) {
            None => Ok(None),
            Some(Expr { node: Node::String(text), .. }) => Ok(Some(text.clone())),
            Some(expr) => Err(refused(expr, "expected a string literal")),
        }
    }

    pub(super) fn labels(&self) -> Result<Vec<Vec<u8>>, Failure> {
        self.texts("columns")
    }

    /// A list of strings; empty if it is not given.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Failure> {
        let Some(expr) = self.argument(name) else { return Ok(Vec::new()) };
        let Node::Array(items) = &expr.node else {
            return Err(refused(expr, "expected an array of strings"));
        };
        let label = |item: &Expr| match &item.node {
            Node::String(text) => Ok(text.clone()),
            _ => Err(refused(item, "expected a string literal")),
        };
        items.iter().map(label).collect()
    }

    /// A bound of time: a time, seconds since 1970, or a duration from now.
    pub(super) fn time(&self, name: &str, now: i64) -> Result<Option<i64>, Failure> {
        let Some(expr) = self.argument(name) else { return Ok(None) };
        Ok(Some(match &expr.node {
            Node::Time(ns) => *ns,
            Node::Int(seconds) => seconds.wrapping_mul(1_000_000_000),
            Node::Duration(ns) => now.saturating_add(*ns),
            Node::Call { callee, arguments } => match (&callee.node, &arguments[..]) {
                (Node::Ident(function), []) if function == "now" => now,
                (Node::Ident(function), [(_, Expr { node: Node::Int(ns), .. })])
                    if function == "time" =>
                {
                    *ns
                }
                (Node::Ident(function), [(_, Expr { node: Node::Unary("-", ns), .. })])
                    if function == "time" =>
                {
                    match ns.node {
                        Node::Int(ns) => -ns,
                        _ => return Err(refused(expr, "expected a time")),
                    }
                }
                _ => return Err(refused(expr, "expected a time")),
            },
            _ => return Err(refused(expr, "expected a time")),
        }))
    }

    pub(super) fn predicate(&self) -> Result<Predicate, Failure> {
        self.function("fn")?.ok_or_else(|| self.fails("missing required argument fn"))
    }

    /// A predicate of any name, if it is given.
    pub(super) fn function(&self, name: &str) -> Result<Option<Predicate>, Failure> {
        match self.argument(name).map(|expr| &expr.node) {
            Some(Node::Function { parameter, body }) => {
                let refused = |message| Failure::query(400, "invalid", message);
                let predicate = Predicate::new(body, parameter).map_err(refused)?;
                if predicate.depth() > DEPTH_MAX {
                    let (start, end) = (body.start, body.end);
                    return Err(refused(format!(
                        "compilation failed: error @{start}-{end}: Program is nested too deep"
                    )));
                }
                Ok(Some(predicate))
            }
            Some(_) => Err(self.fails(&format!("{name} is no function"))),
            None => Ok(None),
        }
    }

    /// A length of time.
    pub(super) fn duration(&self, name: &str) -> Result<i64, Failure> {
        match self.argument(name).map(|expr| &expr.node) {
            Some(Node::Duration(ns)) => Ok(*ns),
            _ => Err(self.fails(&format!("missing required argument {name}"))),
        }
    }

    /// Whether an argument is this word.
    pub(super) fn is(&self, name: &str, word: &str) -> bool {
        self.argument(name)
            .is_some_and(|expr| matches!(&expr.node, Node::Ident(given) if given == word))
    }

    /// A number of rows.
    pub(super) fn rows(&self, name: &str) -> Result<usize, Failure> {
        match self.argument(name).map(|expr| &expr.node) {
            Some(Node::Int(rows)) => usize::try_from(*rows)
                .map_err(|_| self.fails(&format!("{name} must not be negative"))),
            _ => Err(self.fails(&format!("missing required argument {name}"))),
        }
    }

    pub(super) fn pivot(&self) -> Result<Spec, Failure> {
        let value = self.text("valueColumn")?;
        Ok(Spec {
            row_key: self.texts("rowKey")?,
            column_key: self.texts("columnKey")?,
            value_column: value
                .ok_or_else(|| self.fails("missing required argument valueColumn"))?,
        })
    }

    pub(super) fn bucket(&self) -> Result<BucketRef, Failure> {
        let (text, by_id) = match (self.text("bucket")?, self.text("bucketID")?) {
            (Some(name), None) => (name, false),
            (None, Some(id)) => (id, true),
            _ => return Err(self.fails("must specify only one of bucket or bucketID")),
        };
        Ok(BucketRef { text: String::from_utf8_lossy(&text).into_owned(), by_id })
    }

    pub(super) fn operation(&self, name: &'static str) -> Operation {
        Operation { name, start: self.start, end: self.end }
    }
}

/// What can be called, with the arguments that are understood.
const FUNCTIONS: [(&str, &[&str]); 27] = [
    ("from", &["bucket", "bucketID"]),
    ("range", &["start", "stop"]),
    ("filter", &["fn"]),
    ("rename", &["columns"]),
    ("drop", &["columns"]),
    ("keep", &["columns"]),
    ("group", &["columns"]),
    ("count", &[]),
    ("sum", &[]),
    ("first", &[]),
    ("last", &[]),
    ("min", &["column"]),
    ("max", &["column"]),
    ("map", &["fn"]),
    ("limit", &["n"]),
    ("sort", &["columns", "desc"]),
    ("aggregateWindow", &["every", "fn"]),
    ("pivot", &["rowKey", "columnKey", "valueColumn"]),
    ("yield", &["name"]),
    ("influxdb.cardinality", &["bucket", "start", "stop", "predicate"]),
    ("schema.measurements", &["bucket", "start", "stop"]),
    ("schema.tagKeys", &["bucket", "start", "stop"]),
    ("schema.measurementTagKeys", &["bucket", "measurement", "start", "stop"]),
    ("schema.fieldKeys", &["bucket", "start", "stop"]),
    ("schema.measurementFieldKeys", &["bucket", "measurement", "start", "stop"]),
    ("schema.tagValues", &["bucket", "tag", "start", "stop"]),
    ("schema.measurementTagValues", &["bucket", "measurement", "tag", "start", "stop"]),
];

fn refused(expr: &Expr, message: &str) -> Failure {
    Failure::query(400, "invalid", format!("error @{}-{}: {message}", expr.start, expr.end))
}

/// The calls of `a |> b |> c`, in order.
pub(super) fn calls(expr: &Expr) -> Result<Vec<FluxCall<'_>>, Failure> {
    let (mut chain, mut rest) = (Vec::new(), expr);
    while let Node::Pipe(left, right) = &rest.node {
        chain.push(&**right);
        rest = left;
    }
    chain.push(rest);
    chain.into_iter().rev().map(FluxCall::new).collect()
}

/// The names in `rename(columns: {from: "to"})`.
pub(super) fn renames(call: &FluxCall<'_>) -> Result<Pairs, Failure> {
    let Some(Expr { node: Node::Record { with: None, fields }, .. }) = call.argument("columns")
    else {
        return Err(call.fails("expected a record of column names"));
    };
    let name = |(from, to): &(Vec<u8>, Expr)| match &to.node {
        Node::String(to) => Ok((from.clone(), to.clone())),
        _ => Err(refused(to, "expected a string literal")),
    };
    fields.iter().map(name).collect()
}

/// The replacements of `map(fn: (r) => ({r with _value: strings.replaceAll(v: ..., t: "a", u: "b")}))`, innermost first.
pub(super) fn replacements(call: &FluxCall<'_>) -> Result<Pairs, Failure> {
    let other = || call.fails("only strings.replaceAll on _value is simulated in map");
    let Some(Expr { node: Node::Function { parameter, body }, .. }) = call.argument("fn") else {
        return Err(other());
    };
    let Node::Record { with: Some(row), fields } = &body.node else { return Err(other()) };
    let [(label, value)] = &fields[..] else { return Err(other()) };
    if row != parameter || label != b"_value" {
        return Err(other());
    }
    let (mut found, mut expr) = (Vec::new(), value);
    while let Node::Call { callee, arguments } = &expr.node {
        // Values that are texts already.
        if let (Node::Ident(name), [(label, of)]) = (&callee.node, &arguments[..])
            && name == "string"
            && label == "v"
        {
            expr = of;
            continue;
        }
        let is_replace = matches!(&callee.node, Node::Member(of, name)
            if name == b"replaceAll" && matches!(&of.node, Node::Ident(package) if package == "strings"));
        let argument = |wanted: &str| {
            arguments.iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        let (Some(of), Some(Node::String(from)), Some(Node::String(to)), true) = (
            argument("v"),
            argument("t").map(|e| &e.node),
            argument("u").map(|e| &e.node),
            is_replace,
        ) else {
            return Err(other());
        };
        found.push((from.clone(), to.clone()));
        expr = of;
    }
    match &expr.node {
        Node::Member(of, label)
            if label == b"_value" && matches!(&of.node, Node::Ident(name) if name == parameter) =>
        {
            found.reverse();
            Ok(found)
        }
        _ => Err(other()),
    }
}
