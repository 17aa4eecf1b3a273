//! What the committer does for a batch, but for waiting on the destination: it finds out which batches may be
//! committed, and encodes the record.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sluice::testing::checkpoint::record::{BatchDetails, Keys, Record};
use sluice::testing::checkpoint::watermark::Watermark;
use sluice::testing::limits::BATCHES_OPEN_MAX;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::wire::line::point;

use super::sized;

/// As many as may be open, the first of them complete at last; again and again.
#[divan::bench]
fn watermark_in_reverse(bencher: Bencher<'_, '_>) {
    let (open, rounds) = (BATCHES_OPEN_MAX as u64, sized(1_000, 2));
    bencher.counter(ItemsCount::new(open * rounds)).bench_local(|| {
        let mut watermark = Watermark::new(0);
        let mut committed = 0;
        for first in (0..rounds).map(|round| round * open) {
            for seq in (first..first + open).rev() {
                committed += watermark.complete(seq..seq + 1, black_box(seq)).len();
            }
        }
        assert_eq!((watermark.next(), committed as u64), (open * rounds, open * rounds));
    });
}

/// The record of the official form and the details beside it.
#[divan::bench]
fn record(bencher: Bencher<'_, '_>) {
    let time = |text: &str| text.parse::<Timestamp>().expect("a date");
    let keys = Keys {
        src_org: "organization".into(),
        src_bucket: "plant".into(),
        dst_bucket: "plant".into(),
    };
    let job = TimeRange::new(time("2020-01-01"), time("2026-01-01"));
    let batch = TimeRange::new(time("2021-03-01"), time("2021-03-02"));
    let details = BatchDetails { transport: "influxql".into(), ..BatchDetails::default() };
    let encode = || {
        let record = Record::new(black_box(batch), 8_640_000, job, time("2026-01-02"));
        let mut body = Vec::new();
        point::append(&details.point(&keys, &record), &mut body);
        point::append(&record.point(&keys), &mut body);
        body
    };
    bencher
        .counter(ItemsCount::new(1_usize))
        .counter(BytesCount::new(encode().len()))
        .bench_local(encode);
}
