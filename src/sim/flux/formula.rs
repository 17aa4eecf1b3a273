//! `map(fn: (r) => ({r with _value: ...}))` with numbers: columns of the row, literals, and what is reckoned of them.

use super::cell::{Datum, DatumKind, FluxColumn, Segment};
use super::parse::{Expr, Node};
use super::table::FluxTable;

/// What a new value is made of.
#[derive(Debug)]
enum Term {
    Column(Vec<u8>),
    Literal(Datum),
    /// A length of time as a number, which the engine reckons row by row.
    Length(i64),
    Float(Box<Term>),
    Reckoned(&'static str, Box<Term>, Box<Term>),
}

/// A column of each row, reckoned from the others.
#[derive(Debug)]
pub(super) struct Formula {
    label: Vec<u8>,
    term: Term,
}

impl Formula {
    /// Of a function that gives the row with one column more, or another one; `None` for any other.
    pub(super) fn new(function: &Expr) -> Option<Self> {
        let Node::Function { parameter, body } = &function.node else { return None };
        let Node::Record { with: Some(row), fields } = &body.node else { return None };
        let [(label, value)] = &fields[..] else { return None };
        (row == parameter)
            .then(|| Some(Self { label: label.clone(), term: Term::new(value, parameter)? }))?
    }

    /// The table with the column. Where rows are reckoned one by one they are records, which have their columns sorted by
    /// name.
    pub(super) fn apply(&self, table: &FluxTable) -> Result<FluxTable, String> {
        let mut columns = table.columns.clone();
        let place = table.column(&self.label).unwrap_or_else(|| {
            columns.push(FluxColumn::new(&self.label, DatumKind::Float, false));
            columns.len() - 1
        });
        columns[place].kind = DatumKind::Float;
        let row = |(segment, row): (&Segment, usize)| {
            let column = |label: &[u8]| {
                table.column(label).map_or(Datum::Null, |place| segment.datum(place, row))
            };
            let mut cells: Vec<_> =
                (0..table.columns.len()).map(|place| segment.datum(place, row)).collect();
            cells.resize(columns.len(), Datum::Null);
            cells[place] = match self.term.value(&column)? {
                value @ (Datum::Float(_) | Datum::Null) => value,
                _ => return Err("only floats are simulated as new values".to_owned()),
            };
            Ok(Segment::row(cells))
        };
        let segments = table.each_row().map(row).collect::<Result<_, String>>()?;
        let mut places: Vec<_> = (0..columns.len()).collect();
        if !self.term.is_of_columns() {
            places.sort_by(|&a, &b| columns[a].label.cmp(&columns[b].label));
        }
        Ok(FluxTable::new(columns, segments).select(&places))
    }
}

impl Term {
    fn new(expr: &Expr, parameter: &str) -> Option<Self> {
        Some(match &expr.node {
            Node::Member(of, label) if matches!(&of.node, Node::Ident(name) if name == parameter) => {
                Self::Column(label.clone())
            }
            Node::Int(value) => Self::Literal(Datum::Integer(*value)),
            Node::Float(value) => Self::Literal(Datum::Float(*value)),
            Node::Binary(operator @ ("+" | "-" | "*" | "/"), a, b) => {
                let (a, b) = (Self::new(a, parameter)?, Self::new(b, parameter)?);
                Self::Reckoned(operator, Box::new(a), Box::new(b))
            }
            Node::Call { callee, arguments } => match (&callee.node, &arguments[..]) {
                (Node::Ident(name), [(label, value)]) if label == "v" => {
                    match (name.as_str(), &value.node) {
                        ("int", Node::Duration(ns)) => Self::Length(*ns),
                        ("float", _) => Self::Float(Box::new(Self::new(value, parameter)?)),
                        _ => return None,
                    }
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Whether the engine reckons whole columns at once.
    fn is_of_columns(&self) -> bool {
        match self {
            Self::Column(_) | Self::Literal(_) => true,
            Self::Length(_) => false,
            Self::Float(of) => of.is_of_columns(),
            Self::Reckoned(_, a, b) => a.is_of_columns() && b.is_of_columns(),
        }
    }

    fn value(&self, row: &dyn Fn(&[u8]) -> Datum) -> Result<Datum, String> {
        Ok(match self {
            Self::Column(label) => row(label),
            Self::Literal(datum) => datum.clone(),
            Self::Length(ns) => Datum::Integer(*ns),
            Self::Float(of) => match of.value(row)? {
                #[expect(clippy::cast_precision_loss, reason = "as the server does")]
                Datum::Integer(value) => Datum::Float(value as f64),
                value @ (Datum::Float(_) | Datum::Null) => value,
                _ => return Err("only integers are simulated as floats".to_owned()),
            },
            Self::Reckoned(operator, a, b) => match (a.value(row)?, b.value(row)?) {
                (Datum::Null, _) | (_, Datum::Null) => Datum::Null,
                (Datum::Float(a), Datum::Float(b)) => Datum::Float(match *operator {
                    "+" => a + b,
                    "-" => a - b,
                    "*" => a * b,
                    _ => a / b,
                }),
                (Datum::Integer(_), Datum::Float(_)) => {
                    return Err("type conflict: float != int".to_owned());
                }
                (Datum::Float(_), Datum::Integer(_)) => {
                    return Err("type conflict: int != float".to_owned());
                }
                _ => return Err("only floats are simulated in a formula".to_owned()),
            },
        })
    }
}
