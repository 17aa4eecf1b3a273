//! The names of a job stand in the tags of its records. Line protocol has no way to write some of them, and then there is no
//! progress that could be kept: told before anything is made.

use crate::checkpoint::lease::KIND_LEASE;
use crate::checkpoint::record::Keys;
use crate::job::judge::finding::finding;
use crate::model::series::{Readable, Series};
use crate::report::preflight::{Row, Verdict};
use crate::wire::line::carry::{self, Uncarried};
use crate::wire::line::escape;

/// The ways out of a name, by who bears it.
const SOURCE_ORG: &str = "--source-org with the organization's id, which the records hold then";
const SOURCE_BUCKET: &str = "rename it: influx bucket update --id ID --name NAME; or take its values through files: --spool parquet, then sluice export";
const DESTINATION_BUCKET: &str =
    "--destination-bucket NAME, or rename it: influx bucket update --id ID --name NAME";

/// The name that no record can hold, if there is one, and the ways out.
pub(super) fn row(keys: &Keys) -> Option<Row> {
    let (what, name, why, cure) = unrecorded(keys)?;
    let name = Readable(name.as_bytes());
    let text = format!("no progress record can hold the {what} \"{name}\": as {why}");
    let row = finding("P23", Verdict::Fail, "names", text, Some(cure.to_owned()));
    Some(row.with("what", what).with("name", name.to_string()))
}

fn unrecorded(keys: &Keys) -> Option<(&'static str, &str, Uncarried, &'static str)> {
    let named = [
        ("source organization", &*keys.src_org, SOURCE_ORG),
        ("source bucket", &*keys.src_bucket, SOURCE_BUCKET),
        ("destination bucket", &*keys.dst_bucket, DESTINATION_BUCKET),
    ];
    // Alone first, so that the right one is named.
    let alone = named.into_iter().find_map(|(what, name, cure)| {
        let series = Series::new(*b"x", [(b"k".as_slice().into(), name.as_bytes().into())]);
        judged(&series).err().map(|why| (what, name, why, cure))
    });
    let together = || {
        let series = [keys.series(), keys.details_series(KIND_LEASE)];
        let why = series.iter().find_map(|series| judged(series).err())?;
        let (what, name, cure) = named.into_iter().find(|(_, name, _)| name.contains('\\'))?;
        Some((what, name, why, cure))
    };
    alone.or_else(together)
}

/// The records' own fields are plain names, and most of them strings.
fn judged(series: &Series) -> Result<(), Uncarried> {
    let mut key = Vec::new();
    escape::series(&mut key, series);
    carry::series(series, &key)?.field(b"batch_stop", true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_line_protocol_cannot_write_are_found_with_their_bearer() {
        let keys = |src_org: &str, src_bucket: &str, dst_bucket: &str| Keys {
            src_org: src_org.to_owned(),
            src_bucket: src_bucket.to_owned(),
            dst_bucket: dst_bucket.to_owned(),
        };
        for good in ["a", "a b,c=d\"e'f$g/../h", "\u{e4}\u{1f600}", "-a", "a\\b", "\\a", "a\tb\r"] {
            assert_eq!(unrecorded(&keys(good, good, good)), None, "{good:?}");
        }
        for bad in ["a\\", "\\", "a\nb", "\n", "a\\\\"] {
            let what = |keys| unrecorded(&keys).map(|(what, name, ..)| (what, name.to_owned()));
            let found = |what| Some((what, bad.to_owned()));
            assert_eq!(what(keys(bad, "b", "b")), found("source organization"), "{bad:?}");
            assert_eq!(what(keys("o", bad, "b")), found("source bucket"), "{bad:?}");
            assert_eq!(what(keys("o", "b", bad)), found("destination bucket"), "{bad:?}");
        }
    }
}
