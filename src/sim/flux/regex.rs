//! Regular expressions on bytes, by backtracking: what predicates use of Go's syntax. A step budget bounds the work.

/// Steps of one match at the most.
const STEPS_MAX: usize = 1_000_000;

#[derive(Debug, Clone)]
enum Item {
    /// One byte out of 256.
    Set(Box<[bool; 256]>),
    Start,
    End,
    Group(Vec<Vec<Piece>>),
}

#[derive(Debug, Clone)]
struct Piece {
    item: Item,
    min: usize,
    max: usize,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Regex(Vec<Vec<Piece>>);

impl Regex {
    /// Compiles a pattern; the error says what is not understood.
    pub(super) fn new(pattern: &[u8]) -> Result<Self, String> {
        let mut compiler = Compiler { pattern, at: 0 };
        let branches = compiler.branches()?;
        if compiler.at < pattern.len() {
            return Err("unexpected )".to_owned());
        }
        Ok(Self(branches))
    }

    /// True if some part of `text` matches.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        let mut steps = 0;
        (0..=text.len())
            .any(|start| branches_match(&self.0, text, start, &mut steps, &mut |_, _| true))
    }
}

type Rest<'a> = &'a mut dyn FnMut(usize, &mut usize) -> bool;

fn branches_match(
    branches: &[Vec<Piece>],
    text: &[u8],
    at: usize,
    steps: &mut usize,
    rest: Rest<'_>,
) -> bool {
    branches.iter().any(|pieces| pieces_match(pieces, text, at, steps, rest))
}

fn pieces_match(
    pieces: &[Piece],
    text: &[u8],
    at: usize,
    steps: &mut usize,
    rest: Rest<'_>,
) -> bool {
    match pieces.split_first() {
        None => rest(at, steps),
        Some((piece, others)) => repeat(piece, others, 0, text, at, steps, rest),
    }
}

fn repeat(
    piece: &Piece,
    others: &[Piece],
    done: usize,
    text: &[u8],
    at: usize,
    steps: &mut usize,
    rest: Rest<'_>,
) -> bool {
    *steps += 1;
    if *steps > STEPS_MAX {
        return false;
    }
    let more = done < piece.max
        && match &piece.item {
            Item::Set(set) => {
                text.get(at).is_some_and(|&byte| set[usize::from(byte)])
                    && repeat(piece, others, done + 1, text, at + 1, steps, rest)
            }
            Item::Start => at == 0 && repeat(piece, others, done + 1, text, at, steps, rest),
            Item::End => at == text.len() && repeat(piece, others, done + 1, text, at, steps, rest),
            Item::Group(branches) => {
                branches_match(branches, text, at, steps, &mut |next, steps| {
                    // A turn that took nothing would repeat for ever.
                    (next > at || done < piece.min)
                        && repeat(piece, others, done + 1, text, next, steps, rest)
                })
            }
        };
    more || done >= piece.min && pieces_match(others, text, at, steps, rest)
}

struct Compiler<'a> {
    pattern: &'a [u8],
    at: usize,
}

impl Compiler<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.pattern.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.pattern.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn branches(&mut self) -> Result<Vec<Vec<Piece>>, String> {
        let mut branches = vec![Vec::new()];
        while let Some(&byte) = self.pattern.get(self.at) {
            match byte {
                b')' => break,
                b'|' => {
                    self.at += 1;
                    branches.push(Vec::new());
                }
                _ => {
                    let item = self.item()?;
                    let (min, max) = self.times()?;
                    if let Some(branch) = branches.last_mut() {
                        branch.push(Piece { item, min, max });
                    }
                }
            }
        }
        Ok(branches)
    }

    fn item(&mut self) -> Result<Item, String> {
        Ok(match self.next() {
            Some(b'^') => Item::Start,
            Some(b'$') => Item::End,
            Some(b'.') => Item::Set(set(|byte| byte != b'\n')),
            Some(b'[') => Item::Set(self.class()?),
            Some(b'\\') => Item::Set(self.escape()?),
            Some(b'(') => {
                if self.take(b'?') && !self.take(b':') {
                    return Err("group flags are not simulated".to_owned());
                }
                let branches = self.branches()?;
                if !self.take(b')') {
                    return Err("missing )".to_owned());
                }
                Item::Group(branches)
            }
            Some(b'*' | b'+' | b'?') | None => return Err("nothing to repeat".to_owned()),
            Some(literal) => Item::Set(set(|byte| byte == literal)),
        })
    }

    fn times(&mut self) -> Result<(usize, usize), String> {
        let times = match self.pattern.get(self.at) {
            Some(b'*') => (0, usize::MAX),
            Some(b'+') => (1, usize::MAX),
            Some(b'?') => (0, 1),
            Some(b'{') => return self.counted(),
            _ => return Ok((1, 1)),
        };
        self.at += 1;
        // Lazy or greedy makes no difference to whether there is a match.
        self.take(b'?');
        Ok(times)
    }

    fn counted(&mut self) -> Result<(usize, usize), String> {
        let rest = &self.pattern[self.at..];
        let close = memchr::memchr(b'}', rest).ok_or("missing }")?;
        let text = String::from_utf8_lossy(&rest[1..close]).into_owned();
        self.at += close + 1;
        let number =
            |text: &str| text.parse::<usize>().map_err(|_| format!("bad repeat count {text}"));
        match text.split_once(',') {
            None => number(&text).map(|n| (n, n)),
            Some((min, "")) => number(min).map(|min| (min, usize::MAX)),
            Some((min, max)) => Ok((number(min)?, number(max)?)),
        }
    }

    fn escape(&mut self) -> Result<Box<[bool; 256]>, String> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c);
        Ok(match self.next() {
            Some(b'd') => set(|byte| byte.is_ascii_digit()),
            Some(b'D') => set(|byte| !byte.is_ascii_digit()),
            Some(b'w') => set(word),
            Some(b'W') => set(|byte| !word(byte)),
            Some(b's') => set(space),
            Some(b'S') => set(|byte| !space(byte)),
            Some(b'n') => set(|byte| byte == b'\n'),
            Some(b'r') => set(|byte| byte == b'\r'),
            Some(b't') => set(|byte| byte == b'\t'),
            Some(byte) if byte.is_ascii_punctuation() => set(|other| other == byte),
            _ => return Err("escape is not simulated".to_owned()),
        })
    }

    fn class(&mut self) -> Result<Box<[bool; 256]>, String> {
        let negated = self.take(b'^');
        let mut inside = set(|_| false);
        let mut first = true;
        loop {
            match self.next() {
                None => return Err("missing ]".to_owned()),
                Some(b']') if !first => break,
                Some(b'\\') => {
                    let escaped = self.escape()?;
                    inside.iter_mut().zip(escaped.iter()).for_each(|(a, b)| *a |= b);
                }
                Some(low) => {
                    let range = self.pattern.get(self.at) == Some(&b'-')
                        && self.pattern.get(self.at + 1).is_some_and(|&b| b != b']');
                    let high = if range { self.pattern[self.at + 1] } else { low };
                    self.at += if range { 2 } else { 0 };
                    (low..=high).for_each(|byte| inside[usize::from(byte)] = true);
                }
            }
            first = false;
        }
        if negated {
            inside.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Ok(inside)
    }
}

fn set(holds: impl Fn(u8) -> bool) -> Box<[bool; 256]> {
    let mut bytes = Box::new([false; 256]);
    for byte in 0..=u8::MAX {
        bytes[usize::from(byte)] = holds(byte);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_what_predicates_use() {
        for (pattern, yes, no) in [
            ("\\r", &["a\rb"][..], &["ab"][..]),
            ("^cpu", &["cpu", "cpu0"], &["xcpu", ""]),
            ("^(a|bc)+$", &["a", "bc", "abca"], &["", "b", "ab"]),
            ("^h[0-9]{2}$", &["h01"], &["h1", "h001"]),
            ("[^a-c]", &["d"], &["abc"]),
            ("^.*x?\\.log$", &["a.log", "x.log"], &["alog"]),
            ("(a*)*b", &["aaab", "b"], &["aaa"]),
            ("^$", &[""], &["x"]),
        ] {
            let regex = Regex::new(pattern.as_bytes()).unwrap();
            for text in yes {
                assert!(regex.is_match(text.as_bytes()), "{pattern} {text}");
            }
            for text in no {
                assert!(!regex.is_match(text.as_bytes()), "{pattern} {text}");
            }
        }
        for bad in ["(", ")", "[a", "*", "a{x}", "(?i)a", "\\p"] {
            assert!(Regex::new(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
