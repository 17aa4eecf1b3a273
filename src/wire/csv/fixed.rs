//! Bytes that many rows have in common, compared fast.

/// As many bytes are compared at once.
const WORD_BYTES: usize = 16;

/// Bytes to compare with. Up to 32 of them are compared as one or two words instead of by a call for any length: there are
/// two or three such comparisons in every row.
#[derive(Debug, Default)]
pub(super) struct Fixed {
    bytes: Vec<u8>,
    /// The first bytes, as a word; a shorter text fills up with zeros, and the mask leaves them out.
    first: u128,
    first_mask: u128,
    /// The last bytes, if there is more than a word of them.
    last: u128,
}

impl Fixed {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut fixed = Self::default();
        fixed.set(bytes);
        fixed
    }

    /// Takes other bytes.
    pub(super) fn set(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        let (mut first, mut mask) = ([0; WORD_BYTES], [0; WORD_BYTES]);
        for ((to, mask), from) in first.iter_mut().zip(&mut mask).zip(bytes) {
            (*to, *mask) = (*from, 0xff);
        }
        self.first = u128::from_le_bytes(first);
        self.first_mask = u128::from_le_bytes(mask);
        self.last = bytes.last_chunk().map_or(0, |last| u128::from_le_bytes(*last));
    }

    /// Takes no bytes.
    pub(super) fn clear(&mut self) {
        self.set(&[]);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What comes after these bytes, if the text begins with them.
    #[inline]
    pub(super) fn strip<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let len = self.bytes.len();
        let Some(first) = text.first_chunk::<WORD_BYTES>() else {
            return text.strip_prefix(self.bytes.as_slice());
        };
        if u128::from_le_bytes(*first) & self.first_mask != self.first {
            return None;
        }
        if len > WORD_BYTES {
            let same = if len <= 2 * WORD_BYTES {
                let last = text.get(len - WORD_BYTES..)?.first_chunk()?;
                u128::from_le_bytes(*last) == self.last
            } else {
                text.starts_with(&self.bytes)
            };
            if !same {
                return None;
            }
        }
        text.get(len..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_compared_whole() {
        let text: Vec<u8> = (1..=120).collect();
        let mut fixed = Fixed::default();
        for len in 0..80 {
            fixed.set(&text[..len]);
            assert_eq!((fixed.bytes(), fixed.is_empty()), (&text[..len], len == 0));
            for end in 0..text.len() {
                let expected = text[..end].strip_prefix(&text[..len]);
                assert_eq!(fixed.strip(&text[..end]), expected, "{len} {end}");
            }
            for at in 0..len {
                let mut other = text.clone();
                other[at] ^= 0x40;
                assert_eq!(fixed.strip(&other), None, "{len} {at}");
            }
        }
        fixed.clear();
        assert_eq!(fixed.strip(b"x"), Some(&b"x"[..]));
    }
}
