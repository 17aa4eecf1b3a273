//! The journal of a comparison as text: a line that says of what it is, then one for each stretch that was found equal. Each
//! ends in digits of the SHA-256 of itself and of the first line, so that no byte of it is believed that was not written there.
//! Names of measurements and numbers stand in it; no value, and no token.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::limits::{VERIFY_JOURNAL_DIGITS, VERIFY_JOURNAL_MS_MAX};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::verify::compared::PieceMark;
use crate::pipeline::verify::known::{EqualStretch, KnownStretches};
use crate::spool::digest::sha256;
use crate::spool::name::{decode, encode};

/// What the first line says that it is.
const NAME: &str = "sluice verify journal";

/// The format of new journals.
const NUMBER: u64 = 1;

/// The last member of each line.
const DIGITS_MEMBER: &str = ",\"sha256\":\"";

/// What a comparison is of, each part by its name. What was found of one holds for no other.
pub(super) type Subject = BTreeMap<String, String>;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    number: u64,
    /// When the first of these comparisons began, ns.
    began: i64,
    of: Subject,
}

/// A stretch that was found equal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// When, ns.
    at: i64,
    /// Each piece: its start and stop in ns, and what was expected of it.
    pieces: Vec<(i64, i64, String)>,
    values: u64,
    digest: String,
    /// Values by measurement, names percent-encoded.
    counts: BTreeMap<String, u64>,
}

/// A journal that lines can be added to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JournalHead {
    /// When the first of its comparisons began.
    pub(super) began: Timestamp,
    digits: String,
}

/// What a file holds.
#[derive(Debug)]
pub(super) enum JournalContent {
    /// No whole first line: nothing was kept in it.
    Nothing,
    /// What cannot be used, and why; `None` where nothing is lost by it.
    Unusable(Option<String>),
    /// What is known of this very comparison.
    Known(KnownJournal),
}

/// What a journal knows.
#[derive(Debug)]
pub(super) struct KnownJournal {
    /// Where more can be added.
    pub(super) head: JournalHead,
    /// What it knows.
    pub(super) known: KnownStretches,
    /// Stretches that are too old to be believed, or from the future.
    pub(super) outdated: u64,
    /// Bytes of its whole lines: what is behind them was not written to its end.
    pub(super) bytes: u64,
}

impl JournalHead {
    /// Of a comparison that begins, and its line.
    pub(super) fn new(began: Timestamp, of: &Subject) -> (Self, String) {
        let head =
            Head { name: NAME.to_owned(), number: NUMBER, began: began.ns(), of: of.clone() };
        let (line, digits) = sealed("", &head);
        (Self { began, digits }, line)
    }

    /// The line of a stretch.
    pub(super) fn line(&self, stretch: &EqualStretch, at: Timestamp) -> String {
        let piece = |PieceMark { range, expected }: &PieceMark| {
            (range.start.ns(), range.stop.ns(), format!("{expected:032x}"))
        };
        let counts = stretch.counts.iter().map(|(name, values)| (encode(name), *values));
        let line = Line {
            at: at.ns(),
            pieces: stretch.pieces.iter().map(piece).collect(),
            values: stretch.values,
            digest: stretch.digest.to_string(),
            counts: counts.collect(),
        };
        sealed(&self.digits, &line).0
    }
}

/// Reads a journal. The present decides what is too old.
pub(super) fn read(text: &[u8], subject: &Subject, now: Timestamp) -> JournalContent {
    let unusable = |why: &str| JournalContent::Unusable(Some(why.to_owned()));
    // Behind the last line there may be the begin of one.
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut lines = text[..whole].split_inclusive(|byte| *byte == b'\n');
    let Some(first) = lines.next() else { return JournalContent::Nothing };
    let Some((body, digits)) = unsealed("", first) else { return unusable("is damaged") };
    let head: Head = match parsed(&body) {
        Some(head) => head,
        None => return unusable("is of a format that this version of sluice does not read"),
    };
    if head.name != NAME || head.number != NUMBER {
        return unusable("is of a format that this version of sluice does not read");
    }
    if let Some(part) = differing(&head.of, subject) {
        let is_lost = lines.next().is_some();
        return JournalContent::Unusable(
            is_lost.then(|| format!("is of another comparison: the {part} was another one")),
        );
    }
    let head = JournalHead { began: Timestamp::from_ns(head.began), digits };
    let (mut known, mut outdated) = (KnownStretches::default(), 0);
    for line in lines {
        let line = unsealed(&head.digits, line).and_then(|(body, _)| stretch(parsed(&body)?));
        match line {
            Some((stretch, at)) if is_recent(at, now) => known.add(stretch, at),
            Some(_) => outdated += 1,
            None => return unusable("is damaged"),
        }
    }
    JournalContent::Known(KnownJournal { head, known, outdated, bytes: whole as u64 })
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    let age_ns = i128::from(now.ns()) - i128::from(at.ns());
    (0..=i128::from(VERIFY_JOURNAL_MS_MAX) * 1_000_000).contains(&age_ns)
}

/// The first part in which two comparisons differ.
fn differing<'a>(one: &'a Subject, other: &'a Subject) -> Option<&'a str> {
    let names = one.keys().chain(other.keys());
    names.map(String::as_str).find(|name| one.get(*name) != other.get(*name))
}

fn stretch(line: Line) -> Option<(EqualStretch, Timestamp)> {
    let piece = |(start, stop, expected): (i64, i64, String)| {
        let range = TimeRange { start: Timestamp::from_ns(start), stop: Timestamp::from_ns(stop) };
        let expected = u128::from_str_radix(&expected, 16).ok()?;
        (start < stop).then_some(PieceMark { range, expected })
    };
    let pieces: Vec<_> = line.pieces.into_iter().map(piece).collect::<Option<_>>()?;
    if pieces.is_empty() {
        return None;
    }
    let named = |(name, values): (String, u64)| Some((decode(&name)?, values));
    let counts = line.counts.into_iter().map(named).collect::<Option<_>>()?;
    let digest = line.digest.parse().ok()?;
    let stretch = EqualStretch { pieces, values: line.values, digest, counts };
    Some((stretch, Timestamp::from_ns(line.at)))
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// A line with its digits in it, and the digits.
fn sealed(head_digits: &str, line: &impl Serialize) -> (String, String) {
    let mut text = serde_json::to_string(line).expect("structs of numbers and texts are JSON");
    let digits = digits(head_digits, text.as_bytes());
    text.pop();
    text.extend([DIGITS_MEMBER, &digits, "\"}\n"]);
    (text, digits)
}

/// The line without its digits, and the digits; `None` if it is not what was written.
fn unsealed(head_digits: &str, line: &[u8]) -> Option<(Vec<u8>, String)> {
    let rest = line.strip_suffix(b"\"}\n")?;
    let (rest, said) = rest.split_at_checked(rest.len().checked_sub(VERIFY_JOURNAL_DIGITS)?)?;
    let body = [rest.strip_suffix(DIGITS_MEMBER.as_bytes())?, b"}"].concat();
    let digits = digits(head_digits, &body);
    (digits.as_bytes() == said).then_some((body, digits))
}

fn digits(head_digits: &str, body: &[u8]) -> String {
    let mut digits = sha256(&[head_digits.as_bytes(), body].concat());
    digits.truncate(VERIFY_JOURNAL_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ns(1_700_000_000_000_000_000);

    fn subject() -> Subject {
        [("filter", "none"), ("evidence", "read")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into()
    }

    fn mark(start: i64, stop: i64, expected: u128) -> PieceMark {
        let range = TimeRange::new(Timestamp::from_ns(start), Timestamp::from_ns(stop));
        PieceMark { range, expected }
    }

    fn stretches() -> Vec<EqualStretch> {
        let digest = "00112233445566778899aabbccddeeff".parse().unwrap();
        let name = |bytes: &[u8]| bytes.to_vec().into_boxed_slice();
        let counts: BTreeMap<_, _> = [(name(b"cpu"), 7), (name(b"\xff\n\""), 1 << 60)].into();
        let one =
            |pieces| EqualStretch { pieces, values: u64::MAX, digest, counts: counts.clone() };
        vec![
            one(vec![mark(i64::MIN, -5, u128::MAX), mark(-5, 10, 0)]),
            one(vec![mark(10, 20, 1)]),
            EqualStretch { counts: BTreeMap::new(), ..one(vec![mark(20, i64::MAX, 2)]) },
        ]
    }

    /// A journal, and how far each of its lines reaches.
    fn written() -> (Vec<u8>, Vec<usize>) {
        let (head, mut text) = JournalHead::new(NOW, &subject());
        let mut ends = vec![text.len()];
        for stretch in stretches() {
            text.push_str(&head.line(&stretch, NOW));
            ends.push(text.len());
        }
        (text.into_bytes(), ends)
    }

    fn known(count: usize) -> KnownStretches {
        let mut known = KnownStretches::default();
        stretches().into_iter().take(count).for_each(|stretch| known.add(stretch, NOW));
        known
    }

    /// What is known by a text; nothing of one that is not believed.
    fn found(text: &[u8]) -> Option<KnownJournal> {
        match read(text, &subject(), NOW) {
            JournalContent::Known(journal) => Some(journal),
            JournalContent::Nothing | JournalContent::Unusable(_) => None,
        }
    }

    #[test]
    fn what_was_written_is_known() {
        let (text, _) = written();
        let journal = found(&text).unwrap();
        assert_eq!((journal.known, journal.outdated), (known(3), 0));
        assert_eq!((journal.bytes, journal.head.began), (text.len() as u64, NOW));
        let (head, line) = JournalHead::new(NOW, &subject());
        assert_eq!(journal.head, head);
        assert!(text.starts_with(line.as_bytes()));
    }

    /// At any offset: what is whole is known, the rest is as if it had never been written.
    #[test]
    fn what_is_cut_anywhere_is_known_up_to_there() {
        let (text, ends) = written();
        for cut in 0..=text.len() {
            let lines = ends.iter().filter(|end| **end <= cut).count();
            match (read(&text[..cut], &subject(), NOW), lines) {
                (JournalContent::Nothing, 0) => {}
                (JournalContent::Known(journal), 1..) => {
                    assert_eq!(journal.known, known(lines - 1), "{cut}");
                    assert_eq!(journal.bytes, ends[lines - 1] as u64, "{cut}");
                }
                (content, lines) => panic!("{cut}: {lines} lines, {content:?}"),
            }
        }
    }

    /// Nothing is ever known that was not written: a changed byte leaves nothing, or the lines before the last one.
    #[test]
    fn another_byte_anywhere_is_not_believed() {
        let (text, _) = written();
        let mut other = text.clone();
        for at in 0..text.len() {
            for byte in [text[at] ^ 1, text[at] ^ 0x20, b' ', b'0', b'9', b'"', b'\n', 0, 0xff] {
                if byte == text[at] {
                    continue;
                }
                other[at] = byte;
                if let Some(journal) = found(&other) {
                    assert_eq!((at, journal.known), (text.len() - 1, known(2)), "{at} {byte}");
                }
            }
            other[at] = text[at];
        }
    }

    #[test]
    fn what_is_lost_is_told() {
        let (text, ends) = written();
        let why = |text: &[u8], subject: &Subject| match read(text, subject, NOW) {
            JournalContent::Unusable(why) => why.unwrap_or_default(),
            content => panic!("{content:?}"),
        };
        let mut other = subject();
        other.insert("filter".to_owned(), "cpu".to_owned());
        assert!(why(&text, &other).contains("the filter was another one"));
        // Nothing was kept in it.
        assert_eq!(why(&text[..ends[0]], &other), "");
        other = subject();
        other.remove("evidence");
        assert!(why(&text, &other).contains("the evidence was another one"));
        assert!(why(b"{}\n", &subject()).contains("damaged"));
        assert!(why(&[0; 100].map(|_| b'\n'), &subject()).contains("damaged"));
        // Lines of another journal are not of this one.
        let (_, first) = JournalHead::new(Timestamp::from_ns(1), &subject());
        let mixed = [first.as_bytes(), &text[ends[0]..]].concat();
        assert!(why(&mixed, &subject()).contains("damaged"));
        let later = Head { name: NAME.to_owned(), number: 2, began: 0, of: subject() };
        assert!(why(sealed("", &later).0.as_bytes(), &subject()).contains("format"));
        assert!(why(sealed("", &1).0.as_bytes(), &subject()).contains("damaged"));
        assert!(why(sealed("", &subject()).0.as_bytes(), &subject()).contains("format"));
    }

    #[test]
    fn what_is_old_or_of_the_future_is_not_known() {
        let (head, first) = JournalHead::new(Timestamp::from_ns(0), &subject());
        for (age_ms, is_known) in [
            (0, true),
            (VERIFY_JOURNAL_MS_MAX, true),
            (VERIFY_JOURNAL_MS_MAX + 1, false),
            (-1, false),
        ] {
            let at = Timestamp::from_ns(NOW.ns() - age_ms * 1_000_000);
            let text = first.clone() + &head.line(&stretches()[1], at);
            let journal = found(text.as_bytes()).unwrap();
            assert_eq!(journal.known.is_empty(), !is_known, "{age_ms}");
            assert_eq!(journal.outdated, u64::from(!is_known), "{age_ms}");
        }
    }
}
