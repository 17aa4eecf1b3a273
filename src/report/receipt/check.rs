//! Whether a text is a receipt as it was written, and whether what it says fits together.

use std::fmt;

use super::{
    DIGEST_MEMBER, NAME, NUMBER, Receipt, ReceiptBatch, ReceiptProof, ReceiptResult, ReceiptTotals,
    Whole, canonical,
};
use crate::model::content_digest::ContentDigest;
use crate::model::time::Timestamp;
use crate::spool::digest::sha256;

/// Why a text is no receipt that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Neither its begin nor its end is that of a receipt.
    #[error("this is no receipt of sluice verify")]
    Foreign,
    /// Another version has written it.
    #[error("its format is {0}, and this version of sluice reads format {NUMBER}")]
    Format(u64),
    /// It is not what was written.
    #[error("it was changed or cut after it was written: {0}")]
    Changed(String),
    /// It is what was written, by whomever, and cannot be true.
    #[error("its SHA-256 is right, but what it says does not fit together: {0}")]
    Unfit(String),
}

/// A receipt that is as it was written.
#[derive(Debug)]
pub(crate) struct CheckedReceipt {
    /// What it says.
    pub(crate) receipt: Receipt,
    /// Its SHA-256.
    pub(crate) sha256: String,
}

/// Reads a receipt, if each of its bytes is as it was written.
pub(crate) fn read(text: &[u8]) -> Result<CheckedReceipt, ReceiptError> {
    let changed = |what: &dyn fmt::Display| ReceiptError::Changed(what.to_string());
    let Some((body, said)) = parts(text) else {
        let was_one = is_begun(text) || format_of(text).is_some();
        let why = &"it does not end in its SHA-256, as each receipt does";
        return Err(if was_one { changed(why) } else { ReceiptError::Foreign });
    };
    let computed = sha256(&body);
    if said != computed.as_bytes() {
        let said = String::from_utf8_lossy(said);
        return Err(changed(&format!("its SHA-256 is {computed}, and it says {said:?}")));
    }
    let format = format_of(&body).ok_or(ReceiptError::Foreign)?;
    if format != NUMBER {
        return Err(ReceiptError::Format(format));
    }
    let whole: Whole<Receipt> = serde_json::from_slice(&body)
        .map_err(|error| ReceiptError::Unfit(format!("it has another form: {error}")))?;
    if canonical::text(&whole) != body {
        return Err(ReceiptError::Unfit("it has another form than sluice writes".to_owned()));
    }
    match misfit(&whole.receipt) {
        Some(why) => Err(ReceiptError::Unfit(why)),
        None => Ok(CheckedReceipt { receipt: whole.receipt, sha256: computed }),
    }
}

/// The text without its SHA-256, and that; `None` if it does not end in one.
fn parts(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    const DIGITS: usize = 64;
    let end = text.strip_suffix(b"\"}\n")?;
    let (rest, said) = end.split_at_checked(end.len().checked_sub(DIGITS)?)?;
    let body = rest.strip_suffix(DIGEST_MEMBER.as_bytes())?;
    Some(([body, b"}"].concat(), said))
}

/// True if it begins as a receipt does, or is the begin of one.
fn is_begun(text: &[u8]) -> bool {
    let begin = format!("{{\"format\":{{\"name\":\"{NAME}\"");
    let begin = begin.as_bytes();
    !text.is_empty() && (text.starts_with(begin) || begin.starts_with(text))
}

/// The number of its format, if it is a receipt.
fn format_of(body: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Any {
        format: super::Format,
    }
    let Any { format } = serde_json::from_slice(body).ok()?;
    (format.name == NAME).then_some(format.number)
}

/// What in a receipt cannot be true, if anything.
pub(crate) fn misfit(receipt: &Receipt) -> Option<String> {
    let range = receipt.range();
    let (mut at, mut sums, mut together) = (range.start, Sums::default(), Together::default());
    if receipt.range.stop < receipt.range.start {
        return Some("its range stops before it starts".to_owned());
    }
    for batch in &receipt.batches {
        if batch.start != at || batch.stop <= batch.start {
            return Some(format!("a batch from {} to {} follows {at}", batch.start, batch.stop));
        }
        at = batch.stop;
        if let Some(compared) = batch.compared
            && !(receipt.began..=receipt.ended).contains(&compared)
        {
            let (range, Receipt { began, ended, .. }) = (batch.range(), receipt);
            return Some(format!(
                "the batch {range} was compared at {compared}, and all of it from {began} to {ended}"
            ));
        }
        if let Err(why) = sums.add(batch).and_then(|()| together.add(batch)) {
            return Some(format!("the batch {}: {why}", batch.range()));
        }
    }
    if together.open > 0 {
        return Some("its last batches are a sum of more than there are".to_owned());
    }
    if at != range.stop {
        return Some(format!("its batches end at {at}, and its range at {}", range.stop));
    }
    let counted = receipt.measurements.iter().map(|one| u128::from(one.values)).sum::<u128>();
    let expected = Sums { refused: receipt.totals.refused.into(), ..sums };
    if expected != Sums::of(&receipt.totals) {
        return Some("its totals are not the sums over its batches".to_owned());
    }
    if counted != sums.values {
        return Some("its measurements hold another number of values than its batches".to_owned());
    }
    let result = result(receipt, at);
    (receipt.result != result).then(|| format!("its batches make it {result}"))
}

/// What its batches come to.
fn result(receipt: &Receipt, stop: Timestamp) -> ReceiptResult {
    let ReceiptTotals { different, refused, unproven, .. } = receipt.totals;
    let is_open = unproven > 0 || refused > 0 || !receipt.unproven.is_empty();
    if different > 0 {
        ReceiptResult::Different
    } else if is_open || !receipt.doubts.is_empty() {
        ReceiptResult::Unproven
    } else if stop == receipt.range.start {
        ReceiptResult::Nothing
    } else {
        ReceiptResult::Equal
    }
}

/// As [`ReceiptTotals`]; no sum is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    batches: u128,
    different: u128,
    refused: u128,
    unproven: u128,
    values: u128,
}

impl Sums {
    fn of(totals: &ReceiptTotals) -> Self {
        let ReceiptTotals { batches, different, refused, unproven, values } = *totals;
        let [batches, different, refused, unproven, values] =
            [batches, different, refused, unproven, values].map(u128::from);
        Self { batches, different, refused, unproven, values }
    }

    /// Adds a batch, which must have what belongs to its result, and nothing else.
    fn add(&mut self, batch: &ReceiptBatch) -> Result<(), &'static str> {
        let is_equal = [batch.values.is_some(), batch.proof.is_some()];
        let is_different =
            [batch.expected.is_some(), batch.found.is_some(), batch.measurements.is_some()];
        let (all, none) =
            (|is: &[bool]| is.iter().all(|is| *is), |is: &[bool]| !is.contains(&true));
        let more = batch.digest.is_some() || batch.sum_of.is_some() || batch.compared.is_some();
        let fits = match batch.result {
            ReceiptResult::Equal => {
                self.batches += u128::from(batch.batches);
                self.values += u128::from(batch.values.unwrap_or_default());
                all(&is_equal) && none(&is_different) && batch.why.is_none() && proves(batch)
            }
            ReceiptResult::Different => {
                self.different += 1;
                none(&is_equal) && all(&is_different) && batch.why.is_none() && !more
            }
            ReceiptResult::Unproven => {
                self.unproven += 1;
                none(&is_equal) && none(&is_different) && batch.why.is_some() && !more
            }
            ReceiptResult::Nothing => false,
        };
        if fits { Ok(()) } else { Err("its members do not belong together") }
    }
}

/// Neighbours that are proven by one sum: as many as each of them says.
#[derive(Debug, Default)]
struct Together {
    digests: u64,
    /// Those that are still to come.
    open: u64,
}

impl Together {
    fn add(&mut self, batch: &ReceiptBatch) -> Result<(), &'static str> {
        let is_between = batch.proof == Some(ReceiptProof::Nothing);
        match (self.open, batch.sum_of) {
            (0, None) => {}
            (0, Some(digests)) => *self = Self { digests, open: digests - 1 },
            (_, None) if is_between => {}
            (_, Some(digests)) if digests == self.digests => self.open -= 1,
            (_, _) => return Err("it stands among the parts of a sum and is none"),
        }
        Ok(())
    }
}

/// True if the proof of a batch has what it needs.
fn proves(batch: &ReceiptBatch) -> bool {
    let has_digest = batch.digest.is_some();
    let fits = match batch.proof {
        Some(ReceiptProof::Digest | ReceiptProof::Sum) => has_digest,
        Some(ReceiptProof::Counts) => !has_digest,
        Some(ReceiptProof::Nothing) => {
            batch.values == Some(0) && batch.digest == Some(ContentDigest::default())
        }
        Some(ReceiptProof::Values | ReceiptProof::Superset) => true,
        None => false,
    };
    let is_sum = batch.proof == Some(ReceiptProof::Sum);
    fits && is_sum == batch.sum_of.is_some() && batch.sum_of.is_none_or(|digests| digests > 1)
}

impl fmt::Display for ReceiptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Different => "different",
            Self::Equal => "equal",
            Self::Nothing => "nothing",
            Self::Unproven => "unproven",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ReceiptEnd, ReceiptJob, ReceiptMeasurement, with_sha256};
    use super::*;
    use crate::model::time::TimeRange;
    use crate::pipeline::verify::compared::EqualBy;
    use crate::pipeline::verify::ledger::{BatchFinding, LedgerEntry};

    fn range(start: i64, stop: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_ns(start), Timestamp::from_ns(stop))
    }

    fn end(bucket: &str) -> ReceiptEnd {
        ReceiptEnd {
            bucket: bucket.to_owned(),
            bucket_id: Some("0123456789abcdef".to_owned()),
            build: None,
            host: Some("https://cloud.example".to_owned()),
            org: Some("k\u{fc}che \u{1f373}\n".to_owned()),
            org_id: None,
            version: None,
        }
    }

    /// With something of each kind but what is not known of.
    fn equal() -> Receipt {
        let digest: ContentDigest = "00112233445566778899aabbccddeeff".parse().unwrap();
        let stretches = [
            (range(-5, 10), 1, 1_u64 << 60, Some(digest), EqualBy::Digest),
            (range(10, 20), 1, 7, Some(digest), EqualBy::Sum(2)),
            (range(20, 25), 0, 0, Some(ContentDigest::default()), EqualBy::Nothing),
            (range(25, 30), 1, 8, Some(digest), EqualBy::Sum(2)),
            (range(30, 40), 1, 9, None, EqualBy::Counts),
            (range(40, 50), 1, 10, Some(digest), EqualBy::Values),
        ];
        let entry = |(range, batches, values, digest, by)| {
            ReceiptBatch::new(&LedgerEntry {
                range,
                batches,
                finding: BatchFinding::Equal { values, digest, by },
                earlier: (by == EqualBy::Values).then_some(Timestamp::from_ns(2)),
            })
        };
        let batches: Vec<_> = stretches.map(entry).into();
        let values = batches.iter().filter_map(|batch| batch.values).sum();
        Receipt {
            batches,
            began: Timestamp::from_ns(1),
            destination: end("copy"),
            doubts: Vec::new(),
            ended: Timestamp::from_ns(2),
            evidence: "recorded".to_owned(),
            job: ReceiptJob {
                batch_bucket: "migration".to_owned(),
                filter: "none".to_owned(),
                interval: None,
            },
            measurements: vec![
                ReceiptMeasurement { measurement: Some("a%FE".to_owned()), values: values - 3 },
                ReceiptMeasurement { measurement: None, values: 3 },
            ],
            range: range(-5, 50).into(),
            result: ReceiptResult::Equal,
            sluice: "0.1.0".to_owned(),
            source: end("plant"),
            totals: ReceiptTotals { batches: 5, values, ..ReceiptTotals::default() },
            unproven: Vec::new(),
        }
    }

    /// As somebody would write it who changes it and computes the SHA-256 anew.
    fn forged(change: impl Fn(&mut Receipt)) -> ReceiptError {
        let mut receipt = equal();
        change(&mut receipt);
        read(&receipt.to_text()).expect_err("it does not fit together")
    }

    #[test]
    fn what_was_written_is_read() {
        let receipt = equal();
        let checked = read(&receipt.to_text()).unwrap();
        assert_eq!(checked.receipt, receipt);
    }

    /// The text has the order that anybody gets who sorts the keys.
    #[test]
    fn keys_stand_in_their_order() {
        fn sorted(value: &serde_json::Value) -> String {
            match value {
                serde_json::Value::Object(members) => {
                    let mut keys: Vec<_> = members.keys().collect();
                    keys.sort();
                    let member = |key: &String| format!("{key:?}:{}", sorted(&members[key]));
                    format!("{{{}}}", keys.into_iter().map(member).collect::<Vec<_>>().join(","))
                }
                serde_json::Value::Array(items) => {
                    format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(","))
                }
                other => String::from_utf8(canonical::text(other)).unwrap(),
            }
        }
        let mut receipt = equal();
        receipt.unproven.push((range(0, 1), "x".to_owned()).into());
        let text = String::from_utf8(receipt.to_text()).unwrap();
        assert_eq!(sorted(&serde_json::from_str(&text).unwrap()) + "\n", text);
    }

    #[test]
    fn any_other_byte_anywhere_is_found() {
        let text = equal().to_text();
        let mut other = text.clone();
        for at in 0..text.len() {
            for byte in [text[at] ^ 1, text[at] ^ 0x20, b' ', b'0', b'"', 0, 0xff] {
                if byte == text[at] {
                    continue;
                }
                other[at] = byte;
                let error = read(&other).expect_err("it was changed");
                assert!(matches!(error, ReceiptError::Changed(_)), "{at} {byte}: {error}");
            }
            other[at] = text[at];
        }
    }

    #[test]
    fn what_is_cut_or_longer_is_found() {
        let text = equal().to_text();
        assert_eq!(read(b"").unwrap_err(), ReceiptError::Foreign);
        for end in 1..text.len() {
            let error = read(&text[..end]).expect_err("it was cut");
            assert!(matches!(error, ReceiptError::Changed(_)), "{end}: {error}");
        }
        for more in ["\n", " ", "{}", "\0"] {
            let error = read(&[&text[..], more.as_bytes()].concat()).expect_err("it is longer");
            assert!(matches!(error, ReceiptError::Changed(_)), "{more:?}: {error}");
        }
        for start in 1..text.len() {
            assert!(read(&text[start..]).is_err(), "{start}");
        }
    }

    #[test]
    fn other_files_are_told_apart() {
        for text in ["{}", "x", "[1]", "{\"format\":{\"name\":\"x\",\"number\":1}}", "\0"] {
            assert_eq!(read(text.as_bytes()).unwrap_err(), ReceiptError::Foreign, "{text}");
        }
        let text = String::from_utf8(equal().to_text()).unwrap();
        let pretty: serde_json::Value = serde_json::from_str(&text).unwrap();
        let pretty = serde_json::to_string_pretty(&pretty).unwrap();
        assert!(matches!(read(pretty.as_bytes()), Err(ReceiptError::Changed(_))));
        let later = text.replacen("\"number\":1", "\"number\":2", 1);
        let (body, _) = parts(later.as_bytes()).unwrap();
        assert_eq!(read(&with_sha256(body)).unwrap_err(), ReceiptError::Format(2));
        for (own, other) in [
            ("\"batch_bucket\"", "\"more\":1,\"batch_bucket\""),
            (",\"interval\":null", ""),
            (":1152921504606846976}", ":1152921504606846976.0}"),
            ("1970-01-01T00:00:00.00000001Z", "1970-01-01T00:00:00.000000010Z"),
        ] {
            let other = text.replacen(own, other, 1);
            assert_ne!(other, text, "{own}");
            let (body, _) = parts(other.as_bytes()).unwrap();
            let error = read(&with_sha256(body)).unwrap_err();
            assert!(matches!(error, ReceiptError::Unfit(_)), "{own}: {error}");
        }
    }

    #[test]
    fn no_number_of_refused_values_makes_what_is_unproven_equal() {
        let mut receipt = equal();
        let stop = receipt.range.stop;
        assert_eq!(result(&receipt, stop), ReceiptResult::Equal);
        (receipt.totals.unproven, receipt.totals.refused) = (1, u64::MAX);
        assert_eq!(result(&receipt, stop), ReceiptResult::Unproven);
    }

    #[test]
    fn what_cannot_be_true_is_found() {
        let changes: [fn(&mut Receipt); 21] = [
            |receipt| receipt.batches[0].compared = Some(Timestamp::from_ns(0)),
            |receipt| receipt.batches[0].compared = Some(Timestamp::from_ns(3)),
            |receipt| receipt.ended = Timestamp::from_ns(1),
            |receipt| receipt.totals.values += 1,
            |receipt| receipt.totals.batches -= 1,
            |receipt| receipt.totals.refused = 1,
            |receipt| receipt.totals.different = 1,
            |receipt| receipt.result = ReceiptResult::Unproven,
            |receipt| receipt.doubts.push("x".to_owned()),
            |receipt| receipt.unproven.push((range(0, 1), "x".to_owned()).into()),
            |receipt| receipt.measurements[0].values -= 1,
            |receipt| drop(receipt.batches.remove(0)),
            |receipt| drop(receipt.batches.pop()),
            |receipt| receipt.batches.swap(0, 1),
            |receipt| receipt.batches[1].start = Timestamp::from_ns(9),
            |receipt| receipt.batches[1].values = None,
            |receipt| receipt.batches[1].digest = None,
            |receipt| receipt.batches[1].sum_of = Some(3),
            |receipt| receipt.batches[1].why = Some("x".to_owned()),
            |receipt| receipt.batches[0].result = ReceiptResult::Different,
            |receipt| receipt.batches[2].values = Some(1),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let error = forged(change);
            assert!(matches!(error, ReceiptError::Unfit(_)), "{at}: {error}");
        }
    }
}
