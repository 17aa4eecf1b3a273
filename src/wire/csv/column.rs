//! Values of one field in a row, without nulls: what the assembly holds and what frame columns are made of.

use std::ops::Range;

use crate::model::frame::FieldType;

/// A vector of values of one type.
#[derive(Debug)]
pub(super) enum Values {
    Float(Vec<f64>),
    Integer(Vec<i64>),
    Unsigned(Vec<u64>),
    Boolean(Vec<bool>),
    Text(Texts),
}

/// Strings end to end. Their bytes together stay far below 2^31: both holders have a bound in `limits`.
#[derive(Debug)]
pub(super) struct Texts {
    /// One more than there are strings; the first is 0.
    pub(super) offsets: Vec<i32>,
    pub(super) bytes: Vec<u8>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &[u8]) {
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
    pub(super) fn new(kind: FieldType) -> Self {
        match kind {
            FieldType::Float => Self::Float(Vec::new()),
            FieldType::Integer => Self::Integer(Vec::new()),
            FieldType::Unsigned => Self::Unsigned(Vec::new()),
            FieldType::Boolean => Self::Boolean(Vec::new()),
            FieldType::String => Self::Text(Texts { offsets: vec![0], bytes: Vec::new() }),
        }
    }

    pub(super) fn kind(&self) -> FieldType {
        match self {
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::Unsigned(_) => FieldType::Unsigned,
            Self::Boolean(_) => FieldType::Boolean,
            Self::Text(_) => FieldType::String,
        }
    }

    pub(super) fn len(&self) -> usize {
        each!(self, vec => vec.len(), texts => texts.offsets.len() - 1)
    }

    /// Bytes of strings.
    pub(super) fn text_bytes(&self) -> usize {
        if let Self::Text(texts) = self { texts.bytes.len() } else { 0 }
    }

    /// Values that fit without a new allocation.
    pub(super) fn capacity(&self) -> usize {
        each!(self, vec => vec.capacity(), texts => texts.offsets.capacity())
    }

    /// Bytes of strings that fit without a new allocation.
    pub(super) fn text_capacity_bytes(&self) -> usize {
        if let Self::Text(texts) = self { texts.bytes.capacity() } else { 0 }
    }

    /// Empties the vector and keeps its memory, or changes its type.
    pub(super) fn restart(&mut self, kind: FieldType) {
        if self.kind() != kind {
            *self = Self::new(kind);
        }
        each!(self, vec => vec.clear(), texts => {
            texts.offsets.truncate(1);
            texts.bytes.clear();
        });
    }

    /// Appends a range of another vector.
    pub(super) fn extend(&mut self, from: &Self, range: Range<usize>) {
        pairs!(self, from, a, b => a.extend_from_slice(&b[range]), s, t => {
            let bytes = index(t.offsets[range.start])..index(t.offsets[range.end]);
            let shift = offset(s.bytes.len() + bytes.len()) - t.offsets[range.end];
            s.bytes.extend_from_slice(&t.bytes[bytes]);
            s.offsets.extend(t.offsets[range.start + 1..=range.end].iter().map(|end| end + shift));
        });
    }

    /// Appends one value of another vector.
    pub(super) fn push_from(&mut self, from: &Self, at: usize) {
        pairs!(self, from, a, b => a.push(b[at]), s, t => s.push(t.get(at)));
    }

    /// Appends what stands under nulls.
    pub(super) fn pad(&mut self, n: usize) {
        each!(self, vec => vec.resize(vec.len() + n, Default::default()), texts => {
            let last = offset(texts.bytes.len());
            texts.offsets.resize(texts.offsets.len() + n, last);
        });
    }
}
