//! The fields of one series, held back until they can be merged on time.

use std::sync::Arc;

use crate::limits;
use crate::model::frame::{FieldType, Frame};
use crate::model::series::{Name, Series};
use crate::wire::frames::builder::FrameBuilder;
use crate::wire::frames::column::Values;
use crate::wire::frames::merge::{self, Timed};

/// Rising times of one field. As long as they are those of the first field they are not stored a second time.
#[derive(Debug, Default)]
pub(super) struct SeriesTimes {
    own: Vec<i64>,
    shares: bool,
    rows: usize,
    last: Option<i64>,
}

impl SeriesTimes {
    /// Takes the time of the next value; false if it does not rise.
    #[inline]
    pub(super) fn push(&mut self, leading: &[i64], time: i64) -> bool {
        if self.last.is_some_and(|last| time <= last) {
            return false;
        }
        self.last = Some(time);
        if self.shares {
            if leading.get(self.rows) == Some(&time) {
                self.rows += 1;
                return true;
            }
            self.own.extend_from_slice(&leading[..self.rows]);
            self.shares = false;
        }
        self.own.push(time);
        self.rows += 1;
        true
    }

    /// The latest time.
    pub(super) fn last(&self) -> Option<i64> {
        self.last
    }

    fn restart(&mut self, shares: bool) {
        self.own.clear();
        self.rows = 0;
        self.shares = shares;
    }
}

/// One field of the series.
#[derive(Debug)]
pub(super) struct SeriesField {
    pub(super) name: Name,
    pub(super) values: Values,
    times: SeriesTimes,
}

impl SeriesField {
    /// The times of the values, given those of the first field.
    pub(super) fn times<'a>(&'a self, leading: &'a [i64]) -> &'a [i64] {
        if self.times.shares { &leading[..self.times.rows] } else { &self.times.own }
    }
}

/// The field that is being read.
#[derive(Debug)]
pub(super) struct OpenField<'a> {
    /// Times of the first field; empty for the first field itself.
    pub(super) leading: &'a [i64],
    pub(super) times: &'a mut SeriesTimes,
    pub(super) values: &'a mut Values,
}

/// What is held of one series. The vectors are used again for the next one.
#[derive(Debug, Default)]
pub(super) struct SeriesBuffer {
    fields: Vec<SeriesField>,
    /// Fields in use; the last one is open.
    used: usize,
    /// Values and string bytes in the fields before the open one.
    closed_values: usize,
    closed_text_bytes: usize,
    /// True while each name is greater than the one before it, as the server sends them.
    rising: bool,
}

impl SeriesBuffer {
    /// True if a field of this name is held already.
    pub(super) fn holds(&self, name: &[u8]) -> bool {
        let Some(last) = self.fields().last() else { return false };
        let is_greatest = self.rising && *last.name < *name;
        !is_greatest && self.fields().iter().any(|field| *field.name == *name)
    }

    /// Opens the next field.
    pub(super) fn begin(&mut self, name: &[u8], kind: FieldType) {
        if let Some(last) = self.fields().last() {
            let (values, text_bytes, rises) =
                (last.values.len(), last.values.text_bytes(), *last.name < *name);
            self.closed_values += values;
            self.closed_text_bytes += text_bytes;
            self.rising &= rises;
        } else {
            self.rising = true;
        }
        if self.used == self.fields.len() {
            self.fields.push(SeriesField {
                name: name.into(),
                values: Values::new(kind),
                times: SeriesTimes::default(),
            });
        }
        let field = &mut self.fields[self.used];
        if *field.name != *name {
            field.name = name.into();
        }
        field.values.restart(kind);
        field.times.restart(self.used > 0);
        field.times.last = None;
        self.used += 1;
    }

    /// The field that [`SeriesBuffer::begin`] opened last.
    pub(super) fn open(&mut self) -> Option<OpenField<'_>> {
        let (before, rest) = self.fields.split_at_mut(self.used.checked_sub(1)?);
        let leading = before.first().map_or(&[][..], |first| &first.times.own);
        let SeriesField { values, times, .. } = &mut rest[0];
        Some(OpenField { leading, times, values })
    }

    /// The fields held. Times of all but the first refer to [`SeriesBuffer::leading`].
    pub(super) fn fields(&self) -> &[SeriesField] {
        &self.fields[..self.used]
    }

    /// Times of the first field.
    pub(super) fn leading(&self) -> &[i64] {
        self.fields().first().map_or(&[], |first| &first.times.own)
    }

    /// Joins all that is held on time and hands it to the frames.
    pub(super) fn hand_on(
        &self,
        series: &Arc<Series>,
        builder: &mut FrameBuilder,
        frames: &mut Vec<Frame>,
    ) {
        let leading = self.leading();
        // A field is empty if all it had was handed on before.
        let filled = self.fields().iter().filter(|field| field.values.len() > 0);
        let fields: Vec<_> = filled
            .map(|field| Timed {
                name: &field.name,
                values: &field.values,
                times: field.times(leading),
            })
            .collect();
        merge::hand_on(&fields, None, series, builder, frames);
    }

    /// Values that may still be held.
    pub(super) fn room(&self) -> usize {
        let (open_values, open_text_bytes) = self
            .fields()
            .last()
            .map_or((0, 0), |open| (open.values.len(), open.values.text_bytes()));
        if self.closed_text_bytes + open_text_bytes >= limits::MERGE_STRING_BYTES_MAX {
            return 0;
        }
        limits::MERGE_VALUES_MAX.saturating_sub(self.closed_values + open_values)
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self) {
        let values: usize = self
            .fields
            .iter()
            .map(|field| field.values.capacity() + field.times.own.capacity())
            .sum();
        let text_bytes: usize =
            self.fields.iter().map(|field| field.values.text_capacity_bytes()).sum();
        if values > 2 * limits::MERGE_VALUES_MAX || text_bytes > 2 * limits::MERGE_STRING_BYTES_MAX
        {
            self.fields.clear();
        }
        self.used = 0;
        self.closed_values = 0;
        self.closed_text_bytes = 0;
    }

    /// Lets go of everything and goes on in the open field.
    pub(super) fn clear_before_open(&mut self) {
        let Some(open) = self.used.checked_sub(1) else { return };
        self.fields.swap(0, open);
        let field = &mut self.fields[0];
        let (kind, name, last) = (field.values.kind(), field.name.clone(), field.times.last);
        self.clear();
        self.begin(&name, kind);
        self.fields[0].times.last = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(held: &mut SeriesBuffer, time: i64) -> bool {
        let open = held.open().unwrap();
        let Values::Boolean(values) = open.values else { panic!("the field is a boolean") };
        values.push(true);
        open.times.push(open.leading, time)
    }

    #[test]
    fn times_are_shared_until_they_differ() {
        let mut held = SeriesBuffer::default();
        for (name, times) in
            [(b"a", &[1, 2, 3][..]), (b"b", &[1, 2, 3]), (b"c", &[1, 3]), (b"d", &[1])]
        {
            held.begin(name, FieldType::Boolean);
            assert!(times.iter().all(|time| push(&mut held, *time)));
        }
        let times: Vec<_> = held.fields().iter().map(|field| field.times(held.leading())).collect();
        assert_eq!(times, [&[1, 2, 3][..], &[1, 2, 3], &[1, 3], &[1]]);
        assert!(held.holds(b"b") && held.holds(b"d") && !held.holds(b"e") && !held.holds(b"A"));
    }

    #[test]
    fn times_rise_across_parts_of_a_table_but_not_across_tables() {
        let mut held = SeriesBuffer::default();
        held.begin(b"a", FieldType::Boolean);
        assert!(push(&mut held, 1));
        held.begin(b"b", FieldType::Boolean);
        assert!(push(&mut held, 1) && push(&mut held, 5));
        held.clear_before_open();
        assert_eq!((held.fields().len(), held.fields()[0].values.len()), (1, 0));
        assert_eq!(&*held.fields()[0].name, b"b");
        assert!(!push(&mut held, 5));
        assert!(push(&mut held, 6));
        held.begin(b"c", FieldType::Boolean);
        assert!(push(&mut held, 2));
    }
}
