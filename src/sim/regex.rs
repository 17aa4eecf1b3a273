//! Regular expressions on bytes, by backtracking: what predicates use of Go's syntax. A step budget bounds the work.
//! As in Go, a byte that is no UTF-8 counts as one U+FFFD.

/// Steps of one match at the most.
const STEPS_MAX: usize = 1_000_000;

#[derive(Debug, Clone)]
enum Item {
    /// One character.
    Set(Set),
    Start,
    End,
    Group(Vec<Vec<Piece>>),
}

/// Characters, as ranges with both ends.
#[derive(Debug, Clone)]
struct Set {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Set {
    fn of(ranges: &[(char, char)]) -> Self {
        Self { ranges: ranges.to_vec(), negated: false }
    }

    fn not(self) -> Self {
        Self { negated: !self.negated, ..self }
    }

    fn holds(&self, c: char) -> bool {
        self.ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != self.negated
    }
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
        let pattern = String::from_utf8_lossy(pattern).chars().collect();
        let mut compiler = Compiler { pattern, at: 0 };
        let branches = compiler.branches()?;
        if compiler.at < compiler.pattern.len() {
            return Err("unexpected )".to_owned());
        }
        Ok(Self(branches))
    }

    /// True if some part of `text` matches.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        let (mut steps, mut start) = (0, 0);
        loop {
            if branches_match(&self.0, text, start, &mut steps, &mut |_, _| true) {
                return true;
            }
            match character(text, start) {
                Some((_, bytes)) => start += bytes,
                None => return false,
            }
        }
    }
}

/// The character at a place and its length in bytes; `None` at the end.
fn character(text: &[u8], at: usize) -> Option<(char, usize)> {
    let first = *text.get(at)?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let whole = (2..=4).find_map(|bytes| std::str::from_utf8(text.get(at..at + bytes)?).ok());
    let found = whole.and_then(|text| text.chars().next());
    Some(found.map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
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
            Item::Set(set) => character(text, at).is_some_and(|(c, bytes)| {
                set.holds(c) && repeat(piece, others, done + 1, text, at + bytes, steps, rest)
            }),
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

struct Compiler {
    pattern: Vec<char>,
    at: usize,
}

impl Compiler {
    fn next(&mut self) -> Option<char> {
        let c = self.pattern.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.pattern.get(self.at) == Some(&c);
        self.at += usize::from(found);
        found
    }

    fn branches(&mut self) -> Result<Vec<Vec<Piece>>, String> {
        let mut branches = vec![Vec::new()];
        while let Some(&c) = self.pattern.get(self.at) {
            match c {
                ')' => break,
                '|' => {
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
            Some('^') => Item::Start,
            Some('$') => Item::End,
            Some('.') => Item::Set(Set::of(&[('\n', '\n')]).not()),
            Some('[') => Item::Set(self.class()?),
            Some('\\') => Item::Set(self.escape()?),
            Some('(') => {
                if self.take('?') && !self.take(':') {
                    return Err("group flags are not simulated".to_owned());
                }
                let branches = self.branches()?;
                if !self.take(')') {
                    return Err("missing )".to_owned());
                }
                Item::Group(branches)
            }
            Some('*' | '+' | '?') | None => return Err("nothing to repeat".to_owned()),
            Some(literal) => Item::Set(Set::of(&[(literal, literal)])),
        })
    }

    fn times(&mut self) -> Result<(usize, usize), String> {
        let times = match self.pattern.get(self.at) {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => return self.counted(),
            _ => return Ok((1, 1)),
        };
        self.at += 1;
        // Lazy or greedy makes no difference to whether there is a match.
        self.take('?');
        Ok(times)
    }

    fn counted(&mut self) -> Result<(usize, usize), String> {
        let rest = &self.pattern[self.at..];
        let close = rest.iter().position(|&c| c == '}').ok_or("missing }")?;
        let text: String = rest[1..close].iter().collect();
        self.at += close + 1;
        let number =
            |text: &str| text.parse::<usize>().map_err(|_| format!("bad repeat count {text}"));
        match text.split_once(',') {
            None => number(&text).map(|n| (n, n)),
            Some((min, "")) => number(min).map(|min| (min, usize::MAX)),
            Some((min, max)) => Ok((number(min)?, number(max)?)),
        }
    }

    fn escape(&mut self) -> Result<Set, String> {
        let digits = Set::of(&[('0', '9')]);
        let words = Set::of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]);
        let spaces = Set::of(&[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')]);
        let one = |c: char| Set::of(&[(c, c)]);
        Ok(match self.next() {
            Some('d') => digits,
            Some('D') => digits.not(),
            Some('w') => words,
            Some('W') => words.not(),
            Some('s') => spaces,
            Some('S') => spaces.not(),
            Some('n') => one('\n'),
            Some('r') => one('\r'),
            Some('t') => one('\t'),
            Some('x') => {
                let digits = [self.next(), self.next()].map(|c| c.and_then(|c| c.to_digit(16)));
                match digits {
                    [Some(high), Some(low)] => {
                        one(char::from_u32(high * 16 + low).unwrap_or_default())
                    }
                    _ => return Err("escape is not simulated".to_owned()),
                }
            }
            Some(c) if c.is_ascii_punctuation() => one(c),
            _ => return Err("escape is not simulated".to_owned()),
        })
    }

    fn class(&mut self) -> Result<Set, String> {
        let negated = self.take('^');
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            match self.next() {
                None => return Err("missing ]".to_owned()),
                Some(']') if !first => break,
                Some('\\') => {
                    let escaped = self.escape()?;
                    if escaped.negated {
                        return Err("negated escape in a class is not simulated".to_owned());
                    }
                    ranges.extend(escaped.ranges);
                }
                Some(low) => {
                    let range = self.pattern.get(self.at) == Some(&'-')
                        && self.pattern.get(self.at + 1).is_some_and(|&c| c != ']');
                    let high = if range { self.pattern[self.at + 1] } else { low };
                    self.at += if range { 2 } else { 0 };
                    ranges.push((low, high));
                }
            }
            first = false;
        }
        Ok(Set { ranges, negated })
    }
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
        let regex = Regex::new("^a.ö[^b]+é?$".as_bytes()).unwrap();
        for (text, matches) in [
            ("a\u{fffd}öäé".as_bytes(), true),
            (b"a\xff\xc3\xb6\xe9", true),
            (b"a\xc3\xc3\xb6\xff\xff", true),
            (b"a\xff\xff\xc3\xb6x", false),
            ("a\nöx".as_bytes(), false),
        ] {
            assert_eq!(regex.is_match(text), matches, "{text:?}");
        }
        for bad in ["(", ")", "[a", "*", "a{x}", "(?i)a", "\\p"] {
            assert!(Regex::new(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
