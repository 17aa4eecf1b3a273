//! The expressions of `filter`.

use std::cmp::Ordering;

use super::cell::Datum;
use super::parse::{Expr, Node};
use crate::sim::go::regex::GoRegex;

/// A boolean expression over the columns of one row.
#[derive(Debug, Clone)]
pub(super) enum Predicate {
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
    Compare(Operand, &'static str, Operand),
    Matches { operand: Operand, regex: GoRegex, negated: bool },
    Exists(Vec<u8>),
    Constant(bool),
}

#[derive(Debug, Clone)]
pub(super) enum Operand {
    Column(Vec<u8>),
    Literal(Datum),
}

impl Predicate {
    /// Reads the body of `(row) => body`; the error says what is not understood, and where.
    pub(super) fn new(body: &Expr, row: &str) -> Result<Self, String> {
        let both = |a: &Expr, b: &Expr| {
            Ok::<_, String>((Box::new(Self::new(a, row)?), Box::new(Self::new(b, row)?)))
        };
        Ok(match &body.node {
            Node::Binary("and", a, b) => both(a, b).map(|(a, b)| Self::And(a, b))?,
            Node::Binary("or", a, b) => both(a, b).map(|(a, b)| Self::Or(a, b))?,
            Node::Unary("not", a) => Self::Not(Box::new(Self::new(a, row)?)),
            Node::Unary("exists", a) => match operand(a, row)? {
                Operand::Column(label) => Self::Exists(label),
                Operand::Literal(_) => return Err(refused(body)),
            },
            Node::Binary(operator @ ("=~" | "!~"), a, pattern) => {
                let Node::Regex(pattern) = &pattern.node else { return Err(refused(pattern)) };
                let regex = GoRegex::new(pattern)
                    .map_err(|why| format!("error @{}-{}: {why}", body.start, body.end))?;
                Self::Matches { operand: operand(a, row)?, regex, negated: *operator == "!~" }
            }
            Node::Binary(operator @ ("==" | "!=" | "<" | "<=" | ">" | ">="), a, b) => {
                Self::Compare(operand(a, row)?, operator, operand(b, row)?)
            }
            Node::Ident(name) if name == "true" || name == "false" => {
                Self::Constant(name == "true")
            }
            _ => return Err(refused(body)),
        })
    }

    /// How deep its operators are nested.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::And(a, b) | Self::Or(a, b) => 1 + a.depth().max(b.depth()),
            Self::Not(a) => 1 + a.depth(),
            Self::Compare(..) | Self::Matches { .. } | Self::Exists(_) | Self::Constant(_) => 0,
        }
    }

    /// As the storage engine takes it: it has names of its own for some columns, whatever the tags, and for a value that is
    /// there.
    pub(super) fn pushed(self) -> Self {
        let both = |a: Box<Self>, b: Box<Self>| (Box::new(a.pushed()), Box::new(b.pushed()));
        match self {
            Self::And(a, b) => {
                let (a, b) = both(a, b);
                Self::And(a, b)
            }
            Self::Or(a, b) => {
                let (a, b) = both(a, b);
                Self::Or(a, b)
            }
            Self::Not(a) => Self::Not(Box::new(a.pushed())),
            Self::Compare(a, operator, b) => Self::Compare(a.pushed(), operator, b.pushed()),
            Self::Matches { operand, regex, negated } => {
                Self::Matches { operand: operand.pushed(), regex, negated }
            }
            Self::Exists(label) if label == b"$" => {
                let value = Operand::Column(b"_value".to_vec());
                Self::Compare(value, "!=", Operand::Literal(Datum::text(b"")))
            }
            Self::Exists(label) => Self::Exists(engine_column(label)),
            Self::Constant(value) => Self::Constant(value),
        }
    }

    /// Whether the storage engine fails over it: it has a name for a list of tag keys, which only a read of named
    /// measurements takes for a tag.
    pub(super) fn stumbles(&self) -> bool {
        self.uses(&[b"_tagKey"]) && !self.names_measurements()
    }

    fn names_measurements(&self) -> bool {
        match self {
            Self::And(a, b) => a.names_measurements() || b.names_measurements(),
            Self::Or(a, b) => a.names_measurements() && b.names_measurements(),
            Self::Compare(Operand::Column(label), "==", Operand::Literal(_)) => {
                label == b"_measurement"
            }
            _ => false,
        }
    }

    /// The value for a row; `None` where null decides.
    pub(super) fn test(&self, row: &dyn Fn(&[u8]) -> Datum) -> Option<bool> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::And(a, b) => match (a.test(row), b.test(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(a, b) => match (a.test(row), b.test(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(a) => a.test(row).map(|value| !value),
            Self::Exists(label) => Some(match row(label) {
                Datum::Null => false,
                Datum::String(text) => !text.is_empty() || &label[..] == b"_value",
                _ => true,
            }),
            Self::Matches { operand, regex, negated } => match operand.get(row) {
                Datum::String(text) => Some(regex.is_match(&text) != *negated),
                Datum::Null => None,
                _ => Some(false),
            },
            Self::Compare(a, operator, b) => compare(&a.get(row), operator, &b.get(row)),
        }
    }

    /// Whether the storage engine filters by it: it knows texts of tags and values, but neither negation nor time.
    pub(super) fn is_pushed_down(&self) -> bool {
        let is_known = |label: &Vec<u8>| !matches!(&label[..], b"_time" | b"_start" | b"_stop");
        match self {
            Self::And(a, b) | Self::Or(a, b) => a.is_pushed_down() && b.is_pushed_down(),
            Self::Exists(_) => true,
            Self::Matches { operand: Operand::Column(label), .. } => is_known(label),
            Self::Compare(Operand::Column(label), operator, Operand::Literal(_)) => {
                &label[..] == b"_value" || is_known(label) && matches!(*operator, "==" | "!=")
            }
            Self::Not(_) | Self::Constant(_) | Self::Matches { .. } | Self::Compare(..) => false,
        }
    }

    /// Whether it looks at a column that differs from row to row.
    pub(super) fn uses(&self, columns: &[&[u8]]) -> bool {
        let operand = |operand: &Operand| matches!(operand, Operand::Column(label) if columns.contains(&&label[..]));
        match self {
            Self::And(a, b) | Self::Or(a, b) => a.uses(columns) || b.uses(columns),
            Self::Not(a) => a.uses(columns),
            Self::Compare(a, _, b) => operand(a) || operand(b),
            Self::Matches { operand: a, .. } => operand(a),
            Self::Exists(label) => columns.contains(&&label[..]),
            Self::Constant(_) => false,
        }
    }
}

/// The column that the storage engine takes a name for.
fn engine_column(label: Vec<u8>) -> Vec<u8> {
    match &label[..] {
        b"$" => b"_value".to_vec(),
        b"_name" | b"\0" => b"_measurement".to_vec(),
        _ => label,
    }
}

impl Operand {
    fn pushed(self) -> Self {
        match self {
            Self::Column(label) => Self::Column(engine_column(label)),
            Self::Literal(datum) => Self::Literal(datum),
        }
    }

    fn get(&self, row: &dyn Fn(&[u8]) -> Datum) -> Datum {
        match self {
            Self::Column(label) => row(label),
            Self::Literal(datum) => datum.clone(),
        }
    }
}

fn refused(expr: &Expr) -> String {
    format!("error @{}-{}: expression is not simulated", expr.start, expr.end)
}

fn operand(expr: &Expr, row: &str) -> Result<Operand, String> {
    Ok(match &expr.node {
        Node::Member(of, label) if matches!(&of.node, Node::Ident(name) if name == row) => {
            Operand::Column(label.clone())
        }
        Node::String(text) => Operand::Literal(Datum::text(text)),
        Node::Int(value) => Operand::Literal(Datum::Integer(*value)),
        Node::Float(value) => Operand::Literal(Datum::Float(*value)),
        Node::Time(ns) => Operand::Literal(Datum::Time(*ns)),
        Node::Ident(name) if name == "true" || name == "false" => {
            Operand::Literal(Datum::Boolean(name == "true"))
        }
        Node::Call { callee, arguments } => match (&callee.node, &arguments[..]) {
            // Only patterns are tried on it, which no other type matches.
            (Node::Ident(name), [(label, value)]) if name == "string" && label == "v" => {
                operand(value, row)?
            }
            (Node::Ident(name), [(label, value)]) if name == "uint" && label == "v" => {
                match value.node {
                    Node::Int(value) => Operand::Literal(Datum::Unsigned(value.cast_unsigned())),
                    _ => return Err(refused(expr)),
                }
            }
            _ => return Err(refused(expr)),
        },
        _ => return Err(refused(expr)),
    })
}

fn compare(a: &Datum, operator: &str, b: &Datum) -> Option<bool> {
    if matches!(a, Datum::Null) || matches!(b, Datum::Null) {
        return None;
    }
    let order = match (a, b) {
        (Datum::Boolean(a), Datum::Boolean(b)) => Some(a.cmp(b)),
        (Datum::String(a), Datum::String(b)) => Some(a.cmp(b)),
        (Datum::Time(a), Datum::Time(b)) => Some(a.cmp(b)),
        _ => match (whole(a), whole(b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => number(a)?.partial_cmp(&number(b)?),
        },
    };
    let Some(order) = order else { return Some(operator == "!=") };
    Some(match operator {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order == Ordering::Less,
        "<=" => order.is_le(),
        ">" => order == Ordering::Greater,
        _ => order.is_ge(),
    })
}

fn whole(datum: &Datum) -> Option<i128> {
    match datum {
        Datum::Integer(value) => Some(i128::from(*value)),
        Datum::Unsigned(value) => Some(i128::from(*value)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "an integer against a float is compared as floats")]
fn number(datum: &Datum) -> Option<f64> {
    match datum {
        Datum::Float(value) => Some(*value),
        _ => whole(datum).map(|value| value as f64),
    }
}
