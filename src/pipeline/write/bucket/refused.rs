//! What the refusal of a body says of its lines.
//!
//! The server tells how many lines of one shard it has dropped, and of the first of them why. Two accounts are complete: as
//! many dropped as there are lines, and the named lines of a body that cannot be parsed. Everything else says only where to
//! look: the suspects and the others are sent apart, and each part is sent until it is taken or its account is complete.

use bytes::Bytes;

use crate::influx::error::{Error as Failure, FailureKind};
use crate::limits::LINE_BYTES_TAKEN;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::wire::line::carry;
use crate::wire::line::conflict::{PartialWrite, parse_bad_lines, parse_partial_write};
use crate::wire::line::escape;
use crate::wire::line::fields::{Field, Line};
use crate::wire::line::split::split_lines;

/// What is to be done with the lines of a refused body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RefusalVerdict {
    /// Some are refused, each group for a reason; the others are to be sent again.
    Refused(Vec<(String, Bytes)>, Option<Bytes>),
    /// Each part is to be sent by itself, the last one first.
    Apart([Bytes; 2]),
    /// Whatever is sent is refused as too large.
    NothingTaken,
    /// The refusal is about no line.
    Foreign,
}

/// Reads a refusal of a kind that may be about lines.
pub(super) fn judge(part: &Bytes, failure: &Failure) -> RefusalVerdict {
    let text = &*failure.message;
    match failure.kind() {
        FailureKind::TooLarge => too_large(part),
        FailureKind::BadRequest if text.contains(UNPARSED) => unparsed(part, text),
        FailureKind::PartialWrite
            if text.contains("partial write") || text.contains("field type conflict") =>
        {
            partial(part, text)
        }
        _ => RefusalVerdict::Foreign,
    }
}

fn too_large(part: &Bytes) -> RefusalVerdict {
    match halves(part) {
        Some(halves) => RefusalVerdict::Apart(halves),
        None if part.len() <= LINE_BYTES_TAKEN => RefusalVerdict::NothingTaken,
        None => {
            let bytes = part.len();
            let reason = format!(
                "one line of {bytes} bytes is larger than the destination or a proxy before it takes (413)"
            );
            RefusalVerdict::Refused(vec![(reason, part.clone())], None)
        }
    }
}

const UNPARSED: &str = "unable to parse '";

/// Nothing of the body was written, and every line that cannot be parsed is named. A text that a line could have forged is
/// not believed.
fn unparsed(part: &Bytes, text: &str) -> RefusalVerdict {
    let is_plain = memchr::memmem::find(part, UNPARSED.as_bytes()).is_none();
    let named = if is_plain { parse_bad_lines(text) } else { Vec::new() };
    let (mut refused, mut rest) = (Vec::new(), Vec::new());
    let mut named = named.into_iter().peekable();
    for range in split_lines(part) {
        let line = &part[range.clone()];
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        match named.next_if(|bad| bad.line.as_bytes() == bare) {
            Some(bad) => refused.push((bad.reason, part.slice(range))),
            None => rest.extend_from_slice(line),
        }
    }
    if refused.is_empty() || named.next().is_some() {
        return in_halves(part, text);
    }
    RefusalVerdict::Refused(refused, (!rest.is_empty()).then(|| rest.into()))
}

fn partial(part: &Bytes, text: &str) -> RefusalVerdict {
    // A text that was cut on its way holds no sentence of the server, only the beginning of its answer.
    if text.starts_with('{') {
        return in_halves(part, text);
    }
    let lines = split_lines(part).count() as u64;
    let refused =
        |refused: Bytes, rest| RefusalVerdict::Refused(vec![(text.to_owned(), refused)], rest);
    match parse_partial_write(text) {
        PartialWrite::TypeConflict { measurement, field, existing_type, dropped, .. } => {
            match Clash::new(&measurement, &field, existing_type).parted(part) {
                // What else was dropped had reasons of its own, which it tells when it is sent alone.
                Some([rest, clashing]) if dropped == lines => refused(clashing, Some(rest)),
                Some(parts) => RefusalVerdict::Apart(parts),
                None if dropped == lines => refused(part.clone(), None),
                None => in_halves(part, text),
            }
        }
        PartialWrite::OutsideRetention { dropped, .. } if dropped == lines => {
            refused(part.clone(), None)
        }
        PartialWrite::OutsideRetention { dropped, newest: Some(newest) } => {
            let is_old = |line: &Line<'_>| line.time().is_some_and(|time| time <= newest);
            match by_line(part, is_old) {
                Some([rest, old]) if split_lines(&old).count() as u64 == dropped => {
                    refused(old, Some(rest))
                }
                _ => in_halves(part, text),
            }
        }
        PartialWrite::Other { dropped: Some(dropped), .. }
        | PartialWrite::StringTooLong { dropped, .. }
        | PartialWrite::FieldNameTime { dropped }
            if dropped == lines =>
        {
            refused(part.clone(), None)
        }
        _ => in_halves(part, text),
    }
}

/// A field that the shard holds with another type.
struct Clash {
    measurement: Vec<u8>,
    field: Vec<u8>,
    existing: FieldType,
}

impl Clash {
    fn new(measurement: &Name, field: &Name, existing: FieldType) -> Self {
        let (mut escaped_measurement, mut escaped_field) = (Vec::new(), Vec::new());
        escape::measurement(&mut escaped_measurement, measurement);
        escape::field_key(&mut escaped_field, field);
        Self { measurement: escaped_measurement, field: escaped_field, existing }
    }

    /// Everything but the values that clash, and those alone, if there are both. A line is taken apart, unless a field
    /// came to its beginning that the server would shorten there.
    fn parted(&self, part: &Bytes) -> Option<[Bytes; 2]> {
        let (mut others, mut clashing) = (Vec::new(), Vec::new());
        for range in split_lines(part) {
            let text = &part[range];
            let line = Line::of(text);
            if !line.is_of(&self.measurement) {
                others.extend_from_slice(text);
                continue;
            }
            let clashes =
                |field: &Field<'_>| field.key == self.field && field.kind != self.existing;
            let (clash, rest): (Vec<_>, Vec<_>) = line.fields().partition(clashes);
            let may_begin = |fields: &[Field<'_>]| {
                fields.first().is_none_or(|field| carry::may_be_first(field.key))
            };
            if clash.is_empty() {
                others.extend_from_slice(text);
            } else if rest.is_empty() || !may_begin(&rest) || !may_begin(&clash) {
                clashing.extend_from_slice(text);
            } else {
                line.append_with(&rest, &mut others);
                line.append_with(&clash, &mut clashing);
            }
        }
        both(others, clashing)
    }
}

/// The lines that are not meant, and those that are, if there are both.
fn by_line(part: &Bytes, is_meant: impl Fn(&Line<'_>) -> bool) -> Option<[Bytes; 2]> {
    let (mut others, mut meant) = (Vec::new(), Vec::new());
    for range in split_lines(part) {
        let line = &part[range];
        let to = if is_meant(&Line::of(line)) { &mut meant } else { &mut others };
        to.extend_from_slice(line);
    }
    both(others, meant)
}

fn both(others: Vec<u8>, meant: Vec<u8>) -> Option<[Bytes; 2]> {
    (!others.is_empty() && !meant.is_empty()).then(|| [others.into(), meant.into()])
}

/// Where the text does not tell more: a line alone is what it is about.
fn in_halves(part: &Bytes, text: &str) -> RefusalVerdict {
    match halves(part) {
        Some(halves) => RefusalVerdict::Apart(halves),
        None => RefusalVerdict::Refused(vec![(text.to_owned(), part.clone())], None),
    }
}

/// A body in two halves at a line end, the second one first; `None` if it is one line.
fn halves(part: &Bytes) -> Option<[Bytes; 2]> {
    let lines: Vec<_> = split_lines(part).collect();
    if lines.len() < 2 {
        return None;
    }
    let cut = lines[lines.len() / 2].start;
    Some([part.slice(cut..), part.slice(..cut)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn all(part: &Bytes, reason: &str) -> RefusalVerdict {
        RefusalVerdict::Refused(vec![(reason.to_owned(), part.clone())], None)
    }

    const THREE: &str = "m,t=a f=1,g=1i 1\nm f=2i,g=2i 2\nn f=3 3\n";

    fn conflict(dropped: u32) -> String {
        format!(
            "failure writing points to database: partial write: field type conflict: input field \"f\" on \
             measurement \"m\" is type float, already exists as type integer dropped={dropped}"
        )
    }

    #[test]
    fn a_type_conflict_takes_the_values_of_its_field_out() {
        let part = bytes(THREE);
        let clashing = bytes("m,t=a f=1 1\n");
        let rest = bytes("m,t=a g=1i 1\nm f=2i,g=2i 2\nn f=3 3\n");
        assert_eq!(
            partial(&part, &conflict(1)),
            RefusalVerdict::Apart([rest.clone(), clashing.clone()]),
            "the count may be that of one shard among several"
        );
        assert_eq!(
            partial(&part, &conflict(3)),
            RefusalVerdict::Refused(vec![(conflict(3), clashing.clone())], Some(rest))
        );
        assert_eq!(partial(&clashing, &conflict(1)), all(&clashing, &conflict(1)));
        // Another field of another shard's type is not told: halves.
        let others = bytes("m g=1i 1\nm g=2i 2\n");
        assert_eq!(
            partial(&others, &conflict(1)),
            RefusalVerdict::Apart([bytes("m g=2i 2\n"), bytes("m g=1i 1\n")])
        );
        assert_eq!(partial(&others, &conflict(2)), all(&others, &conflict(2)));
    }

    #[test]
    fn no_field_comes_to_the_beginning_that_may_not_stand_there() {
        let part = bytes("m f=1,\tg=1i 1\nm h=1 2\n");
        let [rest, whole] = [bytes("m h=1 2\n"), bytes("m f=1,\tg=1i 1\n")];
        assert_eq!(partial(&part, &conflict(1)), RefusalVerdict::Apart([rest, whole.clone()]));
        assert_eq!(partial(&whole, &conflict(1)), all(&whole, &conflict(1)));
    }

    #[test]
    fn old_lines_are_told_by_their_time_if_the_count_agrees() {
        let text = |dropped: u32| {
            format!(
                "partial write: dropped {dropped} points outside retention policy of duration 24h0m0s - oldest point m at \
                 1970-01-01T00:00:00.000000001Z dropped because it violates a Retention Policy Lower Bound at \
                 2026-11-22T04:32:30Z, newest point m at 1970-01-01T00:00:00.000000002Z dropped because it violates a \
                 Retention Policy Lower Bound at 2026-11-22T04:32:30Z dropped={dropped} for database: x for retention \
                 policy: autogen"
            )
        };
        let part = bytes(THREE);
        let old = bytes("m,t=a f=1,g=1i 1\nm f=2i,g=2i 2\n");
        assert_eq!(
            partial(&part, &text(2)),
            RefusalVerdict::Refused(vec![(text(2), old)], Some(bytes("n f=3 3\n")))
        );
        assert_eq!(partial(&part, &text(3)), all(&part, &text(3)));
        let halves = [bytes("m f=2i,g=2i 2\nn f=3 3\n"), bytes("m,t=a f=1,g=1i 1\n")];
        assert_eq!(partial(&part, &text(1)), RefusalVerdict::Apart(halves));
    }

    #[test]
    fn named_lines_that_cannot_be_parsed_are_refused_unless_a_line_could_forge_them() {
        let part = bytes(THREE);
        let text = "unable to parse 'm,t=a f=1,g=1i 1': bad\nunable to parse 'n f=3 3': worse";
        let refused = vec![
            ("bad".to_owned(), bytes("m,t=a f=1,g=1i 1\n")),
            ("worse".to_owned(), bytes("n f=3 3\n")),
        ];
        assert_eq!(
            unparsed(&part, text),
            RefusalVerdict::Refused(refused, Some(bytes("m f=2i,g=2i 2\n")))
        );
        for text in
            ["unable to parse 'm f': bad", "unable to parse 'n f=3 3': x\nunable to parse 'z': y"]
        {
            assert!(matches!(unparsed(&part, text), RefusalVerdict::Apart(_)), "{text}");
        }
        let forger = bytes("m f=\"': x\nunable to parse 'n f=3 3\" 1\nn f=3 3\n");
        let text = "unable to parse 'm f=\"': x\nunable to parse 'n f=3 3\" 1': bad";
        assert!(matches!(unparsed(&forger, text), RefusalVerdict::Apart(_)));
    }

    #[test]
    fn a_short_line_is_never_too_large() {
        assert!(matches!(too_large(&bytes(THREE)), RefusalVerdict::Apart(_)));
        assert_eq!(too_large(&bytes("m f=1 1\n")), RefusalVerdict::NothingTaken);
        let long = Bytes::from(format!("m f=\"{}\" 1\n", "x".repeat(LINE_BYTES_TAKEN)));
        let RefusalVerdict::Refused(refused, None) = too_large(&long) else {
            panic!("not refused")
        };
        assert!(refused[0].0.starts_with("one line of 65") && refused[0].0.len() < 100);
    }

    #[test]
    fn a_text_that_was_cut_tells_nothing() {
        let cut = "{\"code\":\"unprocessable entity\",\"message\":\"partial write: x dropped=3";
        assert!(matches!(partial(&bytes(THREE), cut), RefusalVerdict::Apart(_)));
    }
}
