//! The fast path: rows that differ from the one before only in time and value.
//!
//! The bytes before the time and the bytes after the value of a row that the strict reader has understood are kept. A row
//! with the same bytes there has the same cells there, so only time and value are read. Anything else is left to the
//! strict reader.

use super::fixed::Fixed;
use super::series::{OpenField, SeriesTimes};
use super::time::TimeReader;
use super::value;
use crate::wire::frames::column::Values;
use crate::wire::number;

/// What rows of one table have in common.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// From the start of the row to the time; empty as long as there is no template, since every row begins with a comma.
    prefix: Fixed,
    /// From the comma or line end after the value to the end of the row.
    tail: Fixed,
    /// False where strings need more than copying.
    plain_texts: bool,
}

impl Template {
    pub(super) fn new(plain_texts: bool) -> Self {
        Self { prefix: Fixed::default(), tail: Fixed::default(), plain_texts }
    }

    /// Forgets the row.
    pub(super) fn clear(&mut self) {
        self.prefix.clear();
    }

    /// Remembers a row whose value follows its time.
    pub(super) fn set(&mut self, prefix: &[u8], tail: &[u8]) {
        self.prefix.set(prefix);
        self.tail.set(tail);
    }

    /// True if a row with these outer bytes belongs to the same table.
    pub(super) fn matches(&self, prefix: &[u8], tail: &[u8]) -> bool {
        !self.prefix.is_empty() && self.prefix.bytes() == prefix && self.tail.bytes() == tail
    }

    /// Reads at most `rows_max` rows; gives the bytes and the rows read.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        rows_max: usize,
        clock: &mut TimeReader,
        open: OpenField<'_>,
    ) -> (usize, usize) {
        if self.prefix.is_empty() {
            return (0, 0);
        }
        let OpenField { leading, times, values } = open;
        let mut rows = Reader { template: self, bytes, rows_max, clock, leading, times };
        match values {
            Values::Float(values) => rows.read(number::float, |value| values.push(value)),
            Values::Integer(values) => rows.read(number::integer, |value| values.push(value)),
            Values::Unsigned(values) => rows.read(number::unsigned, |value| values.push(value)),
            Values::Boolean(values) => rows.read(number::boolean, |value| values.push(value)),
            Values::Text(texts) if self.plain_texts => {
                rows.read(value::plain_text, |text| texts.push(text))
            }
            Values::Text(_) => (0, 0),
        }
    }
}

struct Reader<'a> {
    template: &'a Template,
    bytes: &'a [u8],
    rows_max: usize,
    clock: &'a mut TimeReader,
    leading: &'a [i64],
    times: &'a mut SeriesTimes,
}

impl<'a> Reader<'a> {
    #[inline]
    fn read<T>(
        &mut self,
        read: impl Fn(&'a [u8]) -> Option<(T, usize)>,
        mut keep: impl FnMut(T),
    ) -> (usize, usize) {
        let Template { prefix, tail, .. } = self.template;
        let mut rest = self.bytes;
        let mut rows = 0;
        while rows < self.rows_max {
            let Some(time_on) = prefix.strip(rest) else { break };
            let Some((time, len)) = self.clock.read(time_on) else { break };
            let Some((b',', value_on)) = time_on[len..].split_first() else { break };
            let Some((value, len)) = read(value_on) else { break };
            let Some(after) = tail.strip(&value_on[len..]) else { break };
            if !self.times.push(self.leading, time) {
                break;
            }
            keep(value);
            rest = after;
            rows += 1;
        }
        (self.bytes.len() - rest.len(), rows)
    }
}
