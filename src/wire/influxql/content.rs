//! What the tokens say: statements, series, columns and rows to frames.

use std::borrow::Cow;
use std::sync::Arc;

use super::error::Error;
use super::json;
use super::statement::{Format, Statement};
use super::token::{Number, Token};
use crate::limits;
use crate::model::frame::{FieldType, Frame};
use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;
use crate::wire::frames::builder::FrameBuilder;
use crate::wire::frames::column::Values;
use crate::wire::frames::series_of::{self, KeyNotUnique, SeriesOf};
use crate::wire::frames::suspect::Place;
use crate::wire::frames::totals::Totals;
use crate::wire::frames::wide::WideRows;

/// Everything after the grammar.
#[derive(Debug)]
pub(super) struct Content {
    format: Format,
    statements: Vec<Statement>,
    /// Statements answered to their end; the next one is being answered.
    done: usize,
    /// Tags of the series as far as they were read.
    tags: Vec<(Name, Name)>,
    /// Columns that differ from those of the series before, from the first one on.
    new_columns: Option<Vec<(Name, FieldType)>>,
    /// The series of the rows held.
    series: Option<Arc<Series>>,
    /// Time of the last row of the series.
    last_time: i64,
    /// True if the series goes on in the next chunk.
    is_open: bool,
    /// Number of the row that has begun, and its cells that are null.
    row: u32,
    nulls: usize,
    rows: WideRows,
    builder: FrameBuilder,
    totals: Totals,
}

/// Before every time that InfluxDB stores.
const BEFORE_ALL: i64 = Timestamp::MIN.ns() - 1;

impl Content {
    pub(super) fn new(format: Format, statements: Vec<Statement>) -> Self {
        let values_by_statement = vec![0; statements.len()];
        Self {
            format,
            statements,
            done: 0,
            tags: Vec::new(),
            new_columns: None,
            series: None,
            last_time: BEFORE_ALL,
            is_open: false,
            row: 0,
            nulls: 0,
            rows: WideRows::default(),
            builder: FrameBuilder::default(),
            totals: Totals { values_by_statement, ..Totals::default() },
        }
    }

    /// A document begins: there must be a statement left to answer.
    pub(super) fn begin_document(&self, byte: u64) -> Result<(), Error> {
        if self.done < self.statements.len() {
            return Ok(());
        }
        Err(Error::malformed(byte, "a document behind the last statement's"))
    }

    /// True if a result of the statement with this number is due.
    pub(super) fn is_due(&self, number: Number<'_>) -> bool {
        let id = number.integer().and_then(|id| usize::try_from(id).ok());
        id == Some(self.done) && self.done < self.statements.len()
    }

    /// A result ends; the statement does, too, unless the result is partial.
    pub(super) fn end_result(
        &mut self,
        is_partial: bool,
        byte: u64,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        if is_partial {
            return Ok(());
        }
        if self.is_open {
            let what = "a statement that ends inside of a series";
            return Err(Error::Incomplete { byte, what });
        }
        self.hand_on(frames);
        self.series = None;
        self.rows.set_columns([]);
        self.done += 1;
        Ok(())
    }

    /// A series begins, or a further chunk of one.
    pub(super) fn begin_series(&mut self) {
        self.tags.clear();
        self.new_columns = None;
    }

    /// The series belongs to this measurement.
    pub(super) fn measurement(&self, name: &[u8]) -> Result<(), Error> {
        let expected = &self.statement().measurement;
        if **expected == *name {
            return Ok(());
        }
        Err(Error::WrongMeasurement { expected: expected.clone(), found: name.into() })
    }

    /// The series has this tag; an empty value says that it has not.
    pub(super) fn tag(&mut self, key: Name, value: &[u8], byte: u64) -> Result<(), Error> {
        self.check_exact(&key, || Place::TagKey(key.clone()))?;
        self.check_exact(value, || Place::TagValue(key.clone()))?;
        if self.tags.iter().any(|(known, _)| *known == key) {
            return Err(Error::malformed(byte, "a tag twice"));
        }
        self.tags.push((key, value.into()));
        Ok(())
    }

    /// The next column of the series. The first one is the time.
    pub(super) fn column(&mut self, at: usize, label: &[u8], byte: u64) -> Result<(), Error> {
        let Some(at) = at.checked_sub(1) else {
            let is_time = label == b"time";
            return if is_time {
                Ok(())
            } else {
                Err(Error::malformed(byte, "no column for the time"))
            };
        };
        if self.new_columns.is_none() {
            if self.rows.columns().get(at).is_some_and(|known| *known.name == *label) {
                return Ok(());
            }
            self.new_columns = Some(self.first_columns(at));
        }
        self.check_exact(label, || Place::FieldName(label.into()))?;
        let statement = self.statement();
        let Some(kind) = statement.types.get(label) else {
            let measurement = statement.measurement.clone();
            return Err(Error::UnknownColumn { measurement, column: label.into() });
        };
        let column = (Name::from(label), *kind);
        self.new_columns.get_or_insert_default().push(column);
        Ok(())
    }

    fn first_columns(&mut self, count: usize) -> Vec<(Name, FieldType)> {
        let columns = self.rows.columns().iter().take(count);
        columns.map(|column| (column.name.clone(), column.values.kind())).collect()
    }

    /// The series has so many columns, the time among them.
    pub(super) fn end_columns(
        &mut self,
        count: usize,
        byte: u64,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        let Some(fields) = count.checked_sub(1) else {
            return Err(Error::malformed(byte, "a series without columns"));
        };
        if self.new_columns.is_none() && fields < self.rows.columns().len() {
            self.new_columns = Some(self.first_columns(fields));
        }
        if let Some(columns) = self.new_columns.take() {
            let mut names: Vec<_> = columns.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            if names.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(Error::malformed(byte, "a column twice"));
            }
            self.hand_on(frames);
            self.rows.set_columns(columns);
        }
        Ok(())
    }

    /// The rows begin: all that names the series was read.
    pub(super) fn begin_values(&mut self, byte: u64, frames: &mut Vec<Frame>) -> Result<(), Error> {
        let series = self.named_series(byte)?;
        if self.series.as_ref() == Some(&series) {
            return Ok(());
        }
        if self.is_open {
            let what = "a series that ends before its last chunk";
            return Err(Error::Incomplete { byte, what });
        }
        self.hand_on(frames);
        self.totals.tables += 1;
        self.series = Some(series);
        self.last_time = BEFORE_ALL;
        Ok(())
    }

    fn named_series(&mut self, byte: u64) -> Result<Arc<Series>, Error> {
        let tags = std::mem::take(&mut self.tags);
        let statement = self.statement();
        let SeriesOf::Keyed { measurement, catalogue } = &statement.series else {
            return Ok(Arc::new(Series::new(statement.measurement.clone(), tags)));
        };
        let values: Vec<Cow<'_, [u8]>> = catalogue
            .keys()
            .iter()
            .filter_map(|key| tags.iter().find(|(tag, _)| tag == key))
            .map(|(_, value)| Cow::Borrowed(&**value))
            .collect();
        if values.len() != catalogue.keys().len() || tags.len() != values.len() {
            return Err(Error::malformed(byte, "tags that are not the keys asked for"));
        }
        Ok(series_of::restore(measurement, catalogue, &values)?)
    }

    /// A row begins with its time.
    pub(super) fn time(&mut self, number: Number<'_>, byte: u64) -> Result<(), Error> {
        let time =
            number.integer().filter(|ns| (BEFORE_ALL + 1..=Timestamp::MAX.ns()).contains(ns));
        let Some(time) = time else {
            let what = format!("{}, which is no time that InfluxDB stores", Token::Number(number));
            return Err(Error::malformed(byte, what));
        };
        if time <= self.last_time {
            return Err(match (&self.statement().series, &self.series) {
                (SeriesOf::Keyed { .. }, Some(series)) => {
                    KeyNotUnique { series: Arc::clone(series), time_ns: time }.into()
                }
                _ => Error::malformed(byte, "times of one series that do not rise"),
            });
        }
        self.last_time = time;
        self.row = self.rows.begin(time);
        self.nulls = 0;
        Ok(())
    }

    /// A cell of the row.
    pub(super) fn cell(&mut self, at: usize, token: &Token<'_>, byte: u64) -> Result<(), Error> {
        let is_exact = self.format == Format::MessagePack;
        let Some(column) = self.rows.columns().get_mut(at) else {
            return Err(Error::malformed(byte, "a row that is longer than its columns"));
        };
        let is_taken = match (&mut column.values, token) {
            (_, Token::Null) => {
                column.null(self.row);
                self.nulls += 1;
                return Ok(());
            }
            (Values::Float(values), Token::Number(number)) => match number.float() {
                Some(value) if !value.is_finite() => {
                    let column = column.name.clone();
                    let measurement = self.statement().measurement.clone();
                    return Err(Error::NotFinite { measurement, column, byte });
                }
                value => keep(value, values),
            },
            (Values::Integer(values), Token::Number(number)) => keep(number.integer(), values),
            (Values::Unsigned(values), Token::Number(number)) => keep(number.unsigned(), values),
            (Values::Boolean(values), Token::Boolean(value)) => keep(Some(*value), values),
            (Values::Text(texts), Token::Text(text)) if is_exact || !json::is_doubtful(text) => {
                texts.push(text);
                true
            }
            (Values::Text(_), Token::Text(_)) => {
                let place = Place::FieldValue(column.name.clone());
                return Err(Error::NotExact {
                    measurement: self.statement().measurement.clone(),
                    place,
                });
            }
            _ => false,
        };
        if !is_taken {
            let (column, expected) = (column.name.clone(), column.values.kind());
            let (measurement, found) = (self.statement().measurement.clone(), token.to_string());
            return Err(Error::WrongType { measurement, column, expected, found, byte });
        }
        column.filled(self.row);
        Ok(())
    }

    /// The row ends after so many cells, the time not counted.
    pub(super) fn end_row(
        &mut self,
        cells: usize,
        byte: u64,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        if cells != self.rows.columns().len() {
            return Err(Error::malformed(byte, "a row that is shorter than its columns"));
        }
        self.rows.end(self.nulls);
        self.make_room(frames);
        Ok(())
    }

    /// The rows held, the time of the last one, and how many more may be held.
    pub(super) fn held(&mut self) -> (&mut WideRows, &mut i64, usize) {
        let room = self.rows.room(limits::WIDE_ROWS_HELD_MAX);
        (&mut self.rows, &mut self.last_time, room)
    }

    /// Hands rows on if enough of them are held.
    pub(super) fn make_room(&mut self, frames: &mut Vec<Frame>) {
        if self.rows.room(limits::WIDE_ROWS_HELD_MAX) == 0
            || self.rows.text_bytes() >= limits::MERGE_STRING_BYTES_MAX
        {
            self.hand_on(frames);
        }
    }

    /// The series ends, or goes on in the next chunk.
    pub(super) fn end_series(&mut self, is_open: bool) {
        self.is_open = is_open;
    }

    /// The rows held become rows of frames.
    fn hand_on(&mut self, frames: &mut Vec<Frame>) {
        let Some(series) = &self.series else { return };
        if let Some((min, max)) = self.rows.time_range() {
            self.totals.see(min);
            self.totals.see(max);
        }
        let values = self.rows.values() as u64;
        self.totals.values += values;
        if let Some(of_statement) = self.totals.values_by_statement.get_mut(self.done) {
            *of_statement += values;
        }
        self.rows.hand_on(series, &mut self.builder, frames);
    }

    /// The answer ended well. Checks that every statement was answered to its end and gives the last rows.
    pub(super) fn finish(mut self, byte: u64, frames: &mut Vec<Frame>) -> Result<Totals, Error> {
        if self.done < self.statements.len() {
            let what = "no final result of a statement";
            return Err(Error::Incomplete { byte, what });
        }
        self.builder.end(frames);
        Ok(self.totals)
    }

    /// The statement that is being answered.
    fn statement(&self) -> &Statement {
        &self.statements[self.done]
    }

    fn check_exact(&self, text: &[u8], place: impl FnOnce() -> Place) -> Result<(), Error> {
        if self.format == Format::Json && json::is_doubtful(text) {
            let measurement = self.statement().measurement.clone();
            return Err(Error::NotExact { measurement, place: place() });
        }
        Ok(())
    }
}

fn keep<T>(value: Option<T>, values: &mut Vec<T>) -> bool {
    let is_there = value.is_some();
    values.extend(value);
    is_there
}
