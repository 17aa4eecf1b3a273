//! Bytes to rows and cells: RFC 4180 as the server writes it, and nothing more lenient.
//!
//! The scanner may be stopped at any byte and resumed with a longer slice that begins at the same place.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr2_iter, memchr3};

/// One cell: the bytes between its commas, without the quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CsvCell {
    start: usize,
    end: usize,
    quoted: bool,
}

impl CsvCell {
    /// Where the cell's first byte is, its quote included.
    pub(super) fn start(self) -> usize {
        self.start - usize::from(self.quoted)
    }

    /// Where the comma or the CRLF after the cell is.
    pub(super) fn end(self) -> usize {
        self.end + usize::from(self.quoted)
    }

    /// The bytes as they came, quotes included.
    pub(super) fn raw(self, row: &[u8]) -> &[u8] {
        &row[self.start()..self.end()]
    }

    /// What the cell says: quotes undoubled, CRLF inside quotes back to LF.
    pub(super) fn content(self, row: &[u8]) -> Cow<'_, [u8]> {
        let inner = &row[self.start..self.end];
        if !self.quoted || memchr2(b'"', b'\r', inner).is_none() {
            return Cow::Borrowed(inner);
        }
        let mut text = Vec::with_capacity(inner.len());
        let mut from = 0;
        for at in memchr2_iter(b'"', b'\r', inner) {
            if at >= from {
                // Of a pair of quotes the second stays, of CRLF the LF.
                text.extend_from_slice(&inner[from..at]);
                text.push(inner[at + 1]);
                from = at + 2;
            }
        }
        text.extend_from_slice(&inner[from..]);
        Cow::Owned(text)
    }

    /// True if nothing in the cell explains its quotes: it held a carriage return, which the server dropped.
    pub(super) fn lost_carriage_return(self, row: &[u8]) -> bool {
        let inner = &row[self.start..self.end];
        self.quoted
            && memchr3(b',', b'"', b'\n', inner).is_none()
            && !begins_with_space(inner)
            && inner != b"\\."
    }
}

fn begins_with_space(text: &[u8]) -> bool {
    text.utf8_chunks()
        .next()
        .and_then(|chunk| chunk.valid().chars().next())
        .is_some_and(char::is_whitespace)
}

/// How far a scan came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// The row is whole and that long, its CRLF included.
    Whole(usize),
    /// More bytes are needed.
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// After a quote inside quotes: the end of the cell or half of a pair.
    Quote,
    /// After the CR behind a quoted cell.
    CarriageReturn,
}

/// Finds the cells of one row.
#[derive(Debug)]
pub(super) struct RowScanner {
    cells: Vec<CsvCell>,
    state: State,
    at: usize,
    start: usize,
}

impl RowScanner {
    pub(super) fn new() -> Self {
        Self { cells: Vec::new(), state: State::CellStart, at: 0, start: 0 }
    }

    /// Makes ready for the next row.
    pub(super) fn reset(&mut self) {
        self.cells.clear();
        self.state = State::CellStart;
        self.at = 0;
    }

    /// The cells of the row that was found whole.
    pub(super) fn cells(&self) -> &[CsvCell] {
        &self.cells
    }

    /// How far the scan came.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes on in a row that begins at the first byte of `bytes`.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<Scan, &'static str> {
        while self.at < bytes.len() {
            match self.state {
                State::CellStart => {
                    let quoted = bytes[self.at] == b'"';
                    self.at += usize::from(quoted);
                    self.start = self.at;
                    self.state = if quoted { State::Quoted } else { State::Plain };
                }
                State::Plain => match memchr3(b',', b'\n', b'"', &bytes[self.at..]) {
                    None => self.at = bytes.len(),
                    Some(skipped) => {
                        self.at += skipped;
                        match bytes[self.at] {
                            b',' => self.end_plain(bytes, self.at)?,
                            b'"' => return Err("a quote inside a cell without quotes"),
                            _ => return self.end_plain_row(bytes),
                        }
                    }
                },
                State::Quoted => match memchr(b'"', &bytes[self.at..]) {
                    None => self.at = bytes.len(),
                    Some(skipped) => {
                        self.at += skipped + 1;
                        self.state = State::Quote;
                    }
                },
                State::Quote => match bytes[self.at] {
                    b'"' => {
                        self.at += 1;
                        self.state = State::Quoted;
                    }
                    b',' => self.end_quoted(bytes, self.at - 1, State::CellStart)?,
                    b'\r' => self.end_quoted(bytes, self.at - 1, State::CarriageReturn)?,
                    _ => return Err("text behind a closing quote"),
                },
                State::CarriageReturn => {
                    self.at += 1;
                    return if bytes[self.at - 1] == b'\n' {
                        Ok(Scan::Whole(self.at))
                    } else {
                        Err("a lone carriage return")
                    };
                }
            }
        }
        Ok(Scan::More)
    }

    fn end_plain(&mut self, bytes: &[u8], end: usize) -> Result<(), &'static str> {
        if memchr(b'\r', &bytes[self.start..end]).is_some() {
            return Err("a carriage return inside a cell without quotes");
        }
        self.cells.push(CsvCell { start: self.start, end, quoted: false });
        self.at = end + 1;
        self.state = State::CellStart;
        Ok(())
    }

    fn end_plain_row(&mut self, bytes: &[u8]) -> Result<Scan, &'static str> {
        let line_feed = self.at;
        if line_feed == self.start || bytes[line_feed - 1] != b'\r' {
            return Err("a line feed without a carriage return");
        }
        self.end_plain(bytes, line_feed - 1)?;
        Ok(Scan::Whole(line_feed + 1))
    }

    fn end_quoted(&mut self, bytes: &[u8], end: usize, next: State) -> Result<(), &'static str> {
        let inner = &bytes[self.start..end];
        for at in memchr2_iter(b'\r', b'\n', inner) {
            let paired = if inner[at] == b'\r' {
                inner.get(at + 1) == Some(&b'\n')
            } else {
                at > 0 && inner[at - 1] == b'\r'
            };
            if !paired {
                return Err("a line end inside quotes that is not CRLF");
            }
        }
        self.cells.push(CsvCell { start: self.start, end, quoted: true });
        self.at += 1;
        self.state = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(row: &[u8]) -> Result<Vec<(Vec<u8>, bool)>, &'static str> {
        let mut whole = RowScanner::new();
        let outcome = whole.scan(row);
        // The same row byte by byte.
        let mut pieces = RowScanner::new();
        let mut last = Ok(Scan::More);
        for end in 0..=row.len() {
            last = pieces.scan(&row[..end]);
            if last != Ok(Scan::More) {
                break;
            }
        }
        assert_eq!(outcome, last);
        match outcome? {
            Scan::More => Ok(Vec::new()),
            Scan::Whole(len) => {
                assert_eq!(whole.cells(), pieces.cells());
                let row = &row[..len];
                Ok(whole
                    .cells()
                    .iter()
                    .map(|c| (c.content(row).into_owned(), c.lost_carriage_return(row)))
                    .collect())
            }
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "to be compared with what `cells` gives")]
    fn plain(texts: &[&str]) -> Result<Vec<(Vec<u8>, bool)>, &'static str> {
        Ok(texts.iter().map(|text| (text.as_bytes().to_vec(), false)).collect())
    }

    #[test]
    fn splits_rows() {
        assert_eq!(cells(b"\r\n"), plain(&[""]));
        assert_eq!(cells(b",,\r\nrest"), plain(&["", "", ""]));
        assert_eq!(
            cells(b",\"a,b\",\"x\"\"y\",\"a\r\nb\",\" \"\r\n"),
            plain(&["", "a,b", "x\"y", "a\nb", " "])
        );
        assert_eq!(cells(b"\"\"\"\"\r\n"), plain(&["\""]));
        assert_eq!(cells(b"\"\r\n\r\n\",\"\"\"\r\n\"\r\n"), plain(&["\n\n", "\"\n"]));
        assert_eq!(
            cells(b"\"\\.\",\"\xc2\x85\",\"\xe3\x80\x80x\"\r\n"),
            plain(&["\\.", "\u{85}", "\u{3000}x"])
        );
        assert_eq!(cells(b"a\r"), plain(&[]));
    }

    #[test]
    fn sees_lost_carriage_returns() {
        for text in ["ab", "", "a", "a b", "\u{e9}"] {
            let row = format!("\"{text}\"\r\n");
            assert_eq!(cells(row.as_bytes()), Ok(vec![(text.as_bytes().to_vec(), true)]));
        }
        assert_eq!(cells(b"\"\xff\"\r\n"), Ok(vec![(vec![0xff], true)]));
    }

    #[test]
    fn refuses_what_the_server_never_writes() {
        for bad in [
            &b"a\"b\r\n"[..],
            b"\"a\"b\r\n",
            b"a\nb\r\n",
            b"\n",
            b"a,\n",
            b"a\rb\r\n",
            b"a\r\r\n",
            b"\"a\nb\"\r\n",
            b"\"a\rb\"\r\n",
            b"\"a\"\rb",
            b"\"a\"\n",
        ] {
            assert!(cells(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
