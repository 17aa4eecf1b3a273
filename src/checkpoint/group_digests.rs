//! Digests of content as a run records them beside its batches: by measurement, or by group of measurements where there are
//! too many, so that a difference is found without reading everything again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use ring::digest::{SHA256, digest};

use crate::limits::{DIGEST_GROUPS, DIGESTS_BYTES_MAX};
use crate::model::content_digest::ContentDigest;
use crate::model::measurement_digests::MeasurementDigests;
use crate::model::series::{Name, Readable};

/// What stands as it is in the recorded form.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');

/// One of [`DIGEST_GROUPS`]: the first byte of the name's SHA-256.
fn group_of(measurement: &[u8]) -> u8 {
    let groups = u8::try_from(DIGEST_GROUPS).expect("fewer than 256 groups");
    digest(&SHA256, measurement).as_ref()[0] % groups
}

fn by_hash(digests: &MeasurementDigests) -> BTreeMap<u8, ContentDigest> {
    let mut groups: BTreeMap<u8, ContentDigest> = BTreeMap::new();
    for (measurement, digest) in digests.iter() {
        groups.entry(group_of(measurement)).or_default().add(digest);
    }
    groups
}

/// Digests as a run records them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupDigests {
    /// Of each measurement.
    Measurements(MeasurementDigests),
    /// Of each group of measurements.
    Groups(BTreeMap<u8, ContentDigest>),
}

impl GroupDigests {
    /// By measurement; by group where there are too many, or too long names.
    pub fn of(digests: &MeasurementDigests) -> Self {
        if digests.iter().len() <= DIGEST_GROUPS {
            let each = Self::Measurements(digests.clone());
            if each.to_string().len() <= DIGESTS_BYTES_MAX {
                return each;
            }
        }
        Self::Groups(by_hash(digests))
    }

    /// What of the values that were found differs from these, in words for a person.
    pub(crate) fn differing(&self, found: &MeasurementDigests) -> Vec<String> {
        match self {
            Self::Measurements(recorded) => Readable::all(&recorded.differing(found)),
            Self::Groups(recorded) => {
                let now = by_hash(found);
                let get = |groups: &BTreeMap<u8, _>, group| {
                    groups.get(&group).copied().unwrap_or_default()
                };
                let groups = 0..=u8::MAX;
                let differing = groups.filter(|group| get(recorded, *group) != get(&now, *group));
                differing.map(|group| format!("measurements of group {group}")).collect()
            }
        }
    }
}

/// `cpu=0f..., disk%20io=1a...`: names percent-encoded, or `#` and the number of a group.
impl fmt::Display for GroupDigests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        let mut put = |name: &dyn fmt::Display, digest: &ContentDigest| {
            write!(f, "{space}{name}={digest}")?;
            space = " ";
            Ok(())
        };
        match self {
            Self::Measurements(each) => each
                .iter()
                .try_for_each(|(name, digest)| put(&percent_encode(name, ENCODED), &digest)),
            Self::Groups(each) => {
                each.iter().try_for_each(|(group, digest)| put(&format_args!("#{group}"), digest))
            }
        }
    }
}

/// A text that holds no digests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} holds no digests of measurements")]
pub struct ParseDigestsError(pub String);

impl FromStr for GroupDigests {
    type Err = ParseDigestsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParseDigestsError(text.to_owned());
        let (mut measurements, mut groups) = (BTreeMap::<Name, _>::new(), BTreeMap::new());
        for part in text.split_terminator(' ') {
            let (name, digest) = part.split_once('=').ok_or_else(bad)?;
            let digest: ContentDigest = digest.parse().map_err(|_| bad())?;
            if let Some(group) = name.strip_prefix('#') {
                groups.insert(group.parse().map_err(|_| bad())?, digest);
            } else {
                measurements.insert(percent_decode_str(name).collect(), digest);
            }
        }
        match (measurements.is_empty(), groups.is_empty()) {
            (true, false) => Ok(Self::Groups(groups)),
            (_, true) => Ok(Self::Measurements(measurements.into_iter().collect())),
            (false, false) => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(names: impl IntoIterator<Item = Vec<u8>>) -> MeasurementDigests {
        let digest = |at: usize| format!("{at:032x}").parse().unwrap();
        let each = names.into_iter().enumerate();
        each.map(|(at, name)| (name.into(), digest(at + 1))).collect()
    }

    #[test]
    fn what_is_recorded_reads_back() {
        for names in [
            vec![],
            vec![b"cpu".to_vec()],
            vec![b"a b=c,#1".to_vec(), b"#7".to_vec(), b"\xff%20".to_vec(), "k\u{fc}che".into()],
            (0..100_u32).map(|n| format!("m{n}").into_bytes()).collect(),
            vec![vec![b'\xfe'; DIGESTS_BYTES_MAX]],
        ] {
            let digests = digests(names);
            let recorded = GroupDigests::of(&digests);
            assert!(recorded.to_string().len() <= DIGESTS_BYTES_MAX);
            assert_eq!(recorded.to_string().parse(), Ok(recorded.clone()));
            assert_eq!(recorded.differing(&digests), Vec::<String>::new());
        }
        for bad in ["cpu", "cpu=1", "#300=0123456789abcdef0123456789abcdef", "a=b c=d"] {
            assert!(bad.parse::<GroupDigests>().is_err(), "{bad}");
        }
    }

    #[test]
    fn differences_are_named_in_either_form() {
        for count in [3_u32, 100] {
            let names: Vec<_> = (0..count).map(|n| format!("m{n}").into_bytes()).collect();
            let whole = digests(names.clone());
            let recorded = GroupDigests::of(&whole);
            let each = || whole.iter().map(|(name, digest)| (name.clone(), digest));
            let less: MeasurementDigests = each().filter(|(name, _)| **name != *b"m1").collect();
            let new = (Name::from(&b"new"[..]), format!("{:032x}", 9).parse().unwrap());
            let more: MeasurementDigests = each().chain([new]).collect();
            for (found, name) in [(less, &b"m1"[..]), (more, b"new")] {
                let told = recorded.differing(&found);
                let group = format!("measurements of group {}", group_of(name));
                let named = String::from_utf8_lossy(name).into_owned();
                assert!(told == [named] || told == [group], "{told:?}");
                assert_ne!(found.whole(), whole.whole());
                assert_eq!(whole.differing(&found), [Name::from(name)]);
            }
        }
    }
}
