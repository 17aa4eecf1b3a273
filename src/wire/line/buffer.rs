//! One line under construction.

use memchr::memchr2;

use super::escape;

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
