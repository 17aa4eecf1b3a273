//! One line under construction.

use memchr::memchr2;

use super::escape;

/// Bytes that are appended to many lines.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Vec<u8>,
    /// The bytes, if there is room, and whatever follows.
    block: [u8; BLOCK_BYTES],
}

/// As much is copied for a short piece, however short it is: one copy of a fixed length costs less than finding out.
const BLOCK_BYTES: usize = 32;

impl Piece {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let mut block = [0; BLOCK_BYTES];
        if let Some(start) = block.get_mut(..bytes.len()) {
            start.copy_from_slice(&bytes);
        }
        Self { bytes, block }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes of a line. The series key at its beginning stays from line to line; what follows it is written over.
///
/// A line consists of many pieces of a few bytes. Copied as one or two blocks of a fixed length they cost a fraction of
/// what a call of the general copy costs, and the buffer need not be cleared for it.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    /// The line up to `end`, then remains of earlier ones.
    bytes: Vec<u8>,
    key_end: usize,
    end: usize,
    escaped: Vec<u8>,
}

impl LineBuffer {
    /// Sets the series key of the lines to come.
    pub(super) fn set_key(&mut self, key: &[u8]) {
        self.end = 0;
        self.put(key);
        self.key_end = self.end;
    }

    /// Begins a line: it holds the series key.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.end = self.key_end;
    }

    /// Ends the line: fields written as `,key=value,key=value` follow the key after a space, the time after another.
    #[inline]
    pub(super) fn finish(&mut self, time_ns: i64) -> &[u8] {
        self.bytes[self.key_end] = b' ';
        self.put(b" ");
        self.put(itoa::Buffer::new().format(time_ns).as_bytes());
        self.put(b"\n");
        &self.bytes[..self.end]
    }

    /// Appends bytes, best a few of them.
    #[inline]
    pub(super) fn put(&mut self, piece: &[u8]) {
        let end = self.end + piece.len();
        if end > self.bytes.len() {
            self.grow(end);
        }
        copy(&mut self.bytes[self.end..end], piece);
        self.end = end;
    }

    /// Appends a piece.
    #[inline]
    pub(super) fn put_piece(&mut self, piece: &Piece) {
        let len = piece.bytes.len();
        match self.room::<BLOCK_BYTES>() {
            Some(room) if len <= BLOCK_BYTES => {
                *room = piece.block;
                self.end += len;
            }
            _ => self.put(&piece.bytes),
        }
    }

    /// Appends a signed integer with the letter behind it.
    #[inline]
    pub(super) fn put_integer(&mut self, value: i64) {
        let small = usize::try_from(value).ok().and_then(|value| SMALL_INTEGERS.get(value));
        if !small.is_some_and(|small| self.put_small(*small)) {
            self.put(itoa::Buffer::new().format(value).as_bytes());
            self.put(b"i");
        }
    }

    /// Appends an unsigned integer with the letter behind it.
    #[inline]
    pub(super) fn put_unsigned(&mut self, value: u64) {
        let small = usize::try_from(value).ok().and_then(|value| SMALL_UNSIGNED.get(value));
        if !small.is_some_and(|small| self.put_small(*small)) {
            self.put(itoa::Buffer::new().format(value).as_bytes());
            self.put(b"u");
        }
    }

    /// Appends a number of one of the tables; false if there is no room for it.
    #[inline]
    fn put_small(&mut self, small: [u8; 8]) -> bool {
        let Some(room) = self.room::<8>() else { return false };
        *room = small;
        self.end += usize::from(small[7]);
        true
    }

    /// The next bytes, if the buffer has so many. What is not made use of is written over.
    #[inline]
    fn room<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.bytes.get_mut(self.end..)?.first_chunk_mut()
    }

    /// Appends a string value, quoted and escaped.
    pub(super) fn put_string(&mut self, value: &[u8]) {
        if memchr2(b'"', b'\\', value).is_none() {
            self.put(b"\"");
            self.put(value);
            self.put(b"\"");
            return;
        }
        let mut escaped = std::mem::take(&mut self.escaped);
        escaped.clear();
        escape::string(&mut escaped, value);
        self.put(&escaped);
        self.escaped = escaped;
    }

    #[cold]
    fn grow(&mut self, bytes: usize) {
        self.bytes.resize(bytes.next_power_of_two().max(1024), 0);
    }
}

/// Copies between slices of one length: up to 32 bytes as two blocks that may overlap.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        0..4 => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
        4..8 => ends::<4>(to, from),
        8..16 => ends::<8>(to, from),
        16..=32 => ends::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `N` bytes.
#[inline]
fn ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

/// Numbers of one to three digits, which is what most measurements are made of: the digits, the letter behind them, and
/// in the last byte how many bytes these are.
static SMALL_INTEGERS: [[u8; 8]; 1_000] = small_numbers(b'i');
/// See [`SMALL_INTEGERS`].
static SMALL_UNSIGNED: [[u8; 8]; 1_000] = small_numbers(b'u');

const fn small_numbers(letter: u8) -> [[u8; 8]; 1_000] {
    let mut all = [[0; 8]; 1_000];
    let mut digits = [b'0'; 3];
    let mut value = 0;
    while value < all.len() {
        let [a, b, c] = digits;
        all[value] = match (a, b) {
            (b'0', b'0') => [c, letter, 0, 0, 0, 0, 0, 2],
            (b'0', _) => [b, c, letter, 0, 0, 0, 0, 3],
            _ => [a, b, c, letter, 0, 0, 0, 4],
        };
        let mut place = 3;
        while place > 0 {
            place -= 1;
            if digits[place] < b'9' {
                digits[place] += 1;
                break;
            }
            digits[place] = b'0';
        }
        value += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_length_are_copied_whole() {
        let text: Vec<u8> = (0..=255).collect();
        for length in 0..100 {
            let mut line = LineBuffer::default();
            line.set_key(b"key");
            for _ in 0..2 {
                line.begin();
                line.put(b",");
                line.put(&text[..length]);
                let expected = [b"key ", &text[..length], b" -5\n"].concat();
                assert_eq!(line.finish(-5), expected);
            }
        }
    }

    #[test]
    fn integers_are_whole_whatever_their_length() {
        let mut line = LineBuffer::default();
        line.set_key(b"m");
        for value in (0..1_100).chain([9_999, u32::MAX.into(), i64::MAX]) {
            for value in [value, -value] {
                line.begin();
                line.put_piece(&Piece::new(b",f=".to_vec()));
                line.put_integer(value);
                let expected = format!("m ,f={value}i 1\n").replacen(',', "", 1);
                assert_eq!(line.finish(1), expected.as_bytes());
            }
            line.begin();
            line.put_piece(&Piece::new([b",".as_slice(), &[b'f'; 40], b"="].concat()));
            line.put_unsigned(value.unsigned_abs());
            let expected = format!("m {}={value}u 1\n", "f".repeat(40));
            assert_eq!(line.finish(1), expected.as_bytes());
        }
    }

    #[test]
    fn strings_are_escaped_and_the_key_stays() {
        let mut line = LineBuffer::default();
        line.set_key(b"m,a=b");
        for (value, expected) in
            [("x", "m,a=b \"x\" 1\n"), ("x\"\\", "m,a=b \"x\\\"\\\\\" 1\n"), ("", "m,a=b \"\" 1\n")]
        {
            line.begin();
            line.put(b",");
            line.put_string(value.as_bytes());
            assert_eq!(line.finish(1), expected.as_bytes());
        }
    }
}
