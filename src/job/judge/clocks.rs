//! The clocks: relative times are counted from the source's, records are timed by the destination's, this machine's is for
//! the screen. One that is far off is worth a word, whichever it is.

use crate::influx::client::Client;
use crate::job::judge::finding::finding;
use crate::limits::SKEW_MS_MAX;
use crate::model::number;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::report::preflight::{Row, Verdict};

/// What is to be said of a server's clock, by its newest answer, which came before this machine showed `here`.
pub(super) fn row(client: &Client, here: Timestamp) -> Option<Row> {
    let there = client.server_time().map(Timestamp::from_ns)?;
    let text = skew(client.side(), here, there)?;
    let skew_ms = here.ns().saturating_sub(there.ns()) / 1_000_000;
    let cure = "set the clocks by a time server; no time of the data depends on them".to_owned();
    let row = finding("P22", Verdict::Warn, "clock", text, Some(cure));
    Some(row.with("ahead_ms", skew_ms).with("time", there.to_string()))
}

fn skew(side: Side, here: Timestamp, there: Timestamp) -> Option<String> {
    let apart_ms = (i128::from(here.ns()) - i128::from(there.ns())) / 1_000_000;
    let length_ms = u64::try_from(apart_ms.unsigned_abs()).unwrap_or(u64::MAX);
    let way = if apart_ms > 0 { "ahead of" } else { "behind" };
    let use_of_it = match side {
        Side::Source => "relative times are counted by the source's",
        Side::Destination => "progress is recorded by the destination's",
    };
    (length_ms > SKEW_MS_MAX).then(|| {
        let length = number::duration(length_ms);
        format!("this machine's is {length} {way} the {side}'s ({there}); {use_of_it}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_nothing_and_more_is_said() {
        let there: Timestamp = "2026-01-01".parse().unwrap();
        let here = |s: i64| there.saturating_add_ns(s * 1_000_000_000);
        for s in [0, 59, -60] {
            assert_eq!(skew(Side::Source, here(s), there), None, "{s}");
        }
        let text = skew(Side::Source, here(3 * 86_400), there).unwrap();
        assert!(text.contains("ahead of the source's (2026-01-01T00:00:00Z)"), "{text}");
        let text = skew(Side::Destination, here(-120), there).unwrap();
        assert!(text.contains("behind the destination's"), "{text}");
    }
}
