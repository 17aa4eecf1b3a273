//! The fast path: rows that differ from the one before only in time and value.
//!
//! The bytes before the time and the bytes after the value of a row that the strict reader has understood are kept. A row
//! with the same bytes there has the same cells there, so only time and value are read. Anything else is left to the
//! strict reader.

use super::column::Values;
use super::series::{OpenField, Times};
use super::time::Clock;
use super::value;

/// What rows of one table have in common.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// From the start of the row to the time; empty as long as there is no template, since every row begins with a comma.
    prefix: Vec<u8>,
    /// From the comma or line end after the value to the end of the row.
    tail: Vec<u8>,
    /// False where strings need more than copying.
    plain_texts: bool,
}

impl Template {
    pub(super) fn new(plain_texts: bool) -> Self {
        Self { prefix: Vec::new(), tail: Vec::new(), plain_texts }
    }

    /// Forgets the row.
    pub(super) fn clear(&mut self) {
        self.prefix.clear();
    }

    /// Remembers a row whose value follows its time.
    pub(super) fn set(&mut self, prefix: &[u8], tail: &[u8]) {
        self.prefix.clear();
        self.prefix.extend_from_slice(prefix);
        self.tail.clear();
        self.tail.extend_from_slice(tail);
    }

    /// True if a row with these outer bytes belongs to the same table.
    pub(super) fn matches(&self, prefix: &[u8], tail: &[u8]) -> bool {
        !self.prefix.is_empty() && self.prefix == prefix && self.tail == tail
    }

    /// Reads at most `rows_max` rows; gives the bytes and the rows read.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        rows_max: usize,
        clock: &mut Clock,
        open: OpenField<'_>,
    ) -> (usize, usize) {
        if self.prefix.is_empty() {
            return (0, 0);
        }
        let OpenField { leading, times, values } = open;
        let mut rows = Reader { template: self, bytes, rows_max, clock, leading, times };
        match values {
            Values::Float(values) => rows.read(value::float, |value| values.push(value)),
            Values::Integer(values) => rows.read(value::integer, |value| values.push(value)),
            Values::Unsigned(values) => rows.read(value::unsigned, |value| values.push(value)),
            Values::Boolean(values) => rows.read(value::boolean, |value| values.push(value)),
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
    clock: &'a mut Clock,
    leading: &'a [i64],
    times: &'a mut Times,
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
            let Some(time_on) = rest.strip_prefix(prefix.as_slice()) else { break };
            let Some((time, len)) = self.clock.read(time_on) else { break };
            let Some((b',', value_on)) = time_on[len..].split_first() else { break };
            let Some((value, len)) = read(value_on) else { break };
            let Some(after) = value_on[len..].strip_prefix(tail.as_slice()) else { break };
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
