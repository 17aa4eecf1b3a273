//! Values of one field in a row, without nulls: what the assembly holds and what frame columns are made of.

use std::ops::Range;

use arrow::array::builder::NullBufferBuilder;

use crate::model::frame::FieldType;
use crate::model::held_value::HeldValue;

/// A vector of values of one type.
#[derive(Debug)]
pub(in crate::wire) enum Values {
    Float(Vec<f64>),
    Integer(Vec<i64>),
    Unsigned(Vec<u64>),
    Boolean(Vec<bool>),
    Text(Texts),
}

/// Strings end to end. Their bytes together stay far below 2^31: both holders have a bound in `limits`.
#[derive(Debug)]
pub(in crate::wire) struct Texts {
    /// One more than there are strings; the first is 0.
    pub(in crate::wire) offsets: Vec<i32>,
    pub(in crate::wire) bytes: Vec<u8>,
}

impl Texts {
    pub(in crate::wire) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.offsets.push(offset(self.bytes.len()));
    }

    fn get(&self, at: usize) -> &[u8] {
        &self.bytes[index(self.offsets[at])..index(self.offsets[at + 1])]
    }
}

fn offset(len: usize) -> i32 {
    i32::try_from(len).expect("held strings are bounded far below 2^31 bytes")
}

fn index(offset: i32) -> usize {
    usize::try_from(offset).expect("offsets are lengths")
}

/// Runs the same expression for each type of vector.
macro_rules! each {
    ($values:expr, $vec:ident => $plain:expr, $texts:ident => $text:expr) => {
        match $values {
            Values::Float($vec) => $plain,
            Values::Integer($vec) => $plain,
            Values::Unsigned($vec) => $plain,
            Values::Boolean($vec) => $plain,
            Values::Text($texts) => $text,
        }
    };
}

/// Runs the same expression for two vectors of one type.
macro_rules! pairs {
    ($to:expr, $from:expr, $a:ident, $b:ident => $plain:expr, $s:ident, $t:ident => $text:expr) => {
        match ($to, $from) {
            (Values::Float($a), Values::Float($b)) => $plain,
            (Values::Integer($a), Values::Integer($b)) => $plain,
            (Values::Unsigned($a), Values::Unsigned($b)) => $plain,
            (Values::Boolean($a), Values::Boolean($b)) => $plain,
            (Values::Text($s), Values::Text($t)) => $text,
            _ => unreachable!("a column takes values of its own type only"),
        }
    };
}

impl Values {
    pub(in crate::wire) fn new(kind: FieldType) -> Self {
        match kind {
            FieldType::Float => Self::Float(Vec::new()),
            FieldType::Integer => Self::Integer(Vec::new()),
            FieldType::Unsigned => Self::Unsigned(Vec::new()),
            FieldType::Boolean => Self::Boolean(Vec::new()),
            FieldType::String => Self::Text(Texts { offsets: vec![0], bytes: Vec::new() }),
        }
    }

    pub(in crate::wire) fn kind(&self) -> FieldType {
        match self {
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::Unsigned(_) => FieldType::Unsigned,
            Self::Boolean(_) => FieldType::Boolean,
            Self::Text(_) => FieldType::String,
        }
    }

    pub(in crate::wire) fn len(&self) -> usize {
        each!(self, vec => vec.len(), texts => texts.offsets.len() - 1)
    }

    /// Appends a value of its type.
    pub(in crate::wire) fn push(&mut self, value: &HeldValue) {
        match (self, value) {
            (Self::Float(values), HeldValue::Float(bits)) => values.push(f64::from_bits(*bits)),
            (Self::Integer(values), HeldValue::Integer(value)) => values.push(*value),
            (Self::Unsigned(values), HeldValue::Unsigned(value)) => values.push(*value),
            (Self::Boolean(values), HeldValue::Boolean(value)) => values.push(*value),
            (Self::Text(texts), HeldValue::String(text)) => texts.push(text),
            _ => unreachable!("a column takes values of its own type only"),
        }
    }

    /// Bytes of strings.
    pub(in crate::wire) fn text_bytes(&self) -> usize {
        if let Self::Text(texts) = self { texts.bytes.len() } else { 0 }
    }

    /// Values that fit without a new allocation.
    pub(in crate::wire) fn capacity(&self) -> usize {
        each!(self, vec => vec.capacity(), texts => texts.offsets.capacity())
    }

    /// Bytes of strings that fit without a new allocation.
    pub(in crate::wire) fn text_capacity_bytes(&self) -> usize {
        if let Self::Text(texts) = self { texts.bytes.capacity() } else { 0 }
    }

    /// Empties the vector and keeps its memory, or changes its type.
    pub(in crate::wire) fn restart(&mut self, kind: FieldType) {
        if self.kind() != kind {
            *self = Self::new(kind);
        }
        each!(self, vec => vec.clear(), texts => {
            texts.offsets.truncate(1);
            texts.bytes.clear();
        });
    }

    /// Appends a range of another vector.
    pub(in crate::wire) fn extend(&mut self, from: &Self, range: Range<usize>) {
        pairs!(self, from, a, b => a.extend_from_slice(&b[range]), s, t => {
            let bytes = index(t.offsets[range.start])..index(t.offsets[range.end]);
            let shift = offset(s.bytes.len() + bytes.len()) - t.offsets[range.end];
            s.bytes.extend_from_slice(&t.bytes[bytes]);
            s.offsets.extend(t.offsets[range.start + 1..=range.end].iter().map(|end| end + shift));
        });
    }

    /// Appends the values of another vector that have these times, from place `at` on, and nothing to be seen for the other
    /// times, and notes which is which. Gives how many values these are.
    pub(in crate::wire) fn extend_at(
        &mut self,
        from: &Self,
        own: &[i64],
        at: usize,
        times: &[i64],
        valid: &mut NullBufferBuilder,
    ) -> usize {
        let mut next = at;
        pairs!(self, from, a, b => {
            for time in times {
                let is_own = own.get(next) == Some(time);
                a.push(if is_own { b[next] } else { Default::default() });
                valid.append(is_own);
                next += usize::from(is_own);
            }
        }, s, t => {
            for time in times {
                let is_own = own.get(next) == Some(time);
                s.push(if is_own { t.get(next) } else { &[] });
                valid.append(is_own);
                next += usize::from(is_own);
            }
        });
        next - at
    }

    /// Keeps the first values only.
    pub(in crate::wire) fn truncate(&mut self, len: usize) {
        each!(self, vec => vec.truncate(len), texts => {
            texts.offsets.truncate(len + 1);
            texts.bytes.truncate(texts.offsets.last().map_or(0, |end| index(*end)));
        });
    }

    /// Puts the value at `order[i]` to place i.
    pub(in crate::wire) fn reorder(&mut self, order: &[u32]) {
        each!(self, vec => *vec = order.iter().map(|&at| vec[at as usize]).collect(), texts => {
            let mut ordered = Texts { offsets: vec![0], bytes: Vec::new() };
            for at in order {
                ordered.push(texts.get(*at as usize));
            }
            *texts = ordered;
        });
    }

    /// Appends what stands under nulls.
    pub(in crate::wire) fn pad(&mut self, n: usize) {
        each!(self, vec => vec.resize(vec.len() + n, Default::default()), texts => {
            let last = offset(texts.bytes.len());
            texts.offsets.resize(texts.offsets.len() + n, last);
        });
    }
}
