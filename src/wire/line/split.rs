//! Where a line ends for the server.
//!
//! The server cuts a body into lines before it parses them, with a coarser rule than the parser's: a newline ends the
//! line unless it follows a backslash or stands in a quoted string; a quote counts only after the first bare space, and
//! only if more equals signs than commas were seen by then. A backslash takes the next byte with it, whatever it is.

use std::ops::Range;

/// The server's line splitter, fed byte by byte.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Splitter {
    skip: bool,
    fields: bool,
    quoted: bool,
    /// Bare equals signs less bare commas since the first bare space.
    balance: i64,
}

impl Splitter {
    /// Takes the next byte; true if it ends the line.
    #[inline]
    pub(crate) fn ends_at(&mut self, byte: u8) -> bool {
        if self.skip {
            self.skip = false;
            return false;
        }
        match byte {
            b'\\' => self.skip = true,
            b' ' => self.fields = true,
            b'=' if self.fields && !self.quoted => self.balance += 1,
            b',' if self.fields && !self.quoted => self.balance -= 1,
            b'"' if self.fields && self.balance > 0 => self.quoted = !self.quoted,
            b'\n' if !self.quoted => return true,
            _ => {}
        }
        false
    }

    /// What measurement and tags leave behind: zero unless a backslash stands before a space in them.
    /// `None` if the line has ended or a quoted string has begun, so that its rest is lost.
    pub(super) fn balance_after(key: &[u8]) -> Option<i64> {
        let mut splitter = Self::default();
        let ended = key.iter().any(|&byte| splitter.ends_at(byte));
        (!ended && !splitter.quoted).then_some(splitter.balance)
    }
}

/// The lines of a body, each with its newline: laid end to end they are the body again. This is how a body is cut in
/// parts, since a newline may also stand inside a string.
pub fn split_lines(body: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= body.len() {
            return None;
        }
        let mut splitter = Splitter::default();
        let length = body[start..].iter().position(|&byte| splitter.ends_at(byte));
        let line = start..length.map_or(body.len(), |at| start + at + 1);
        start = line.end;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(body: &str) -> Vec<&str> {
        split_lines(body.as_bytes()).map(|line| &body[line]).collect()
    }

    #[test]
    fn newlines_in_strings_do_not_end_a_line() {
        assert_eq!(lines(""), [""; 0]);
        assert_eq!(lines("m f=1 1\nm f=2 2"), ["m f=1 1\n", "m f=2 2"]);
        assert_eq!(lines("m f=\"a\nb\" 1\nn f=2 2\n"), ["m f=\"a\nb\" 1\n", "n f=2 2\n"]);
        assert_eq!(
            lines("m f=\"a\\\"\nb\\\\\",g=\"\n\" 1\nn f=2 2\n"),
            ["m f=\"a\\\"\nb\\\\\",g=\"\n\" 1\n", "n f=2 2\n"]
        );
        assert_eq!(lines("m\",a=\" f\"=1 1\nn f=2 2\n"), ["m\",a=\" f\"=1 1\n", "n f=2 2\n"]);
        assert_eq!(lines("m,a=x\\\ny f=1 1\nn f=2 2\n"), ["m,a=x\\\ny f=1 1\n", "n f=2 2\n"]);
        assert_eq!(lines("\n\nm f=1 1\n"), ["\n", "\n", "m f=1 1\n"]);
    }

    #[test]
    fn a_backslash_before_a_space_swallows_the_next_line() {
        assert_eq!(lines("a\\\\ b=1,c=\"x\nm f=1 1\n"), ["a\\\\ b=1,c=\"x\nm f=1 1\n"]);
    }
}
