//! What the store holds, without any server.

use sluice::testing::sim::{BucketStore, tsbs};

const DAY_NS: i64 = 86_400_000_000_000;

#[test]
fn equal_seeds_give_equal_data() {
    let load = |workload: tsbs::Workload, shard_s| {
        let store = BucketStore::default();
        store.create_bucket_with("b", 0, shard_s);
        workload.load(&store, "b").unwrap();
        (store.count("b"), store.digest("b"), store.dump("b").len() as u64)
    };
    let workload = tsbs::Workload::default();
    let (count, digest, dumped) = load(workload, 604_800);
    assert_eq!((count, dumped), (workload.values(), workload.values()));
    assert_eq!(load(workload, 3_600).1, digest, "shard groups do not show");
    assert_ne!(load(tsbs::Workload { seed: 2, ..workload }, 3_600).1, digest);
    assert_ne!(load(tsbs::Workload { floats: true, ..workload }, 3_600).1, digest);
}

#[test]
fn content_does_not_depend_on_the_way_it_came() {
    let (a, b) = (BucketStore::default(), BucketStore::default());
    for store in [&a, &b] {
        store.create_bucket("b", 0);
    }
    a.write_lp("b", b"m,t=1 f=1,g=\"x\" 5\nm,t=1 f=2 3\nm f=3 5").unwrap();
    for line in ["m f=3 5", "m,t=1 g=\"x\" 5", "m,t=1 f=9 5", "m,t=1 f=2 3", "m,t=1 f=1 5"] {
        b.write_lp("b", line.as_bytes()).unwrap();
    }
    assert_eq!((a.dump("b"), a.digest("b")), (b.dump("b"), b.digest("b")));
    b.write_lp("b", b"m f=4 5").unwrap();
    assert_ne!(a.digest("b"), b.digest("b"));
    assert!(a.write_lp("b", b"m f=1i 5").unwrap_err().contains("field type conflict"));
    assert!(a.write_lp("b", b"nonsense").unwrap_err().contains("unable to parse"));
}

#[test]
fn shard_groups_begin_on_mondays() {
    let store = BucketStore::default();
    store.create_bucket("b", 0);
    let monday_ns = 1_578_268_800_000_000_000_i64;
    for (time, value) in [
        (monday_ns - 1, "1i"),
        (monday_ns, "1.5"),
        (monday_ns + 7 * DAY_NS - 1, "2.5"),
        (monday_ns + 7 * DAY_NS, "\"x\""),
    ] {
        store.write_lp("b", format!("m f={value} {time}").as_bytes()).unwrap();
    }
    assert!(store.write_lp("b", format!("m f=1i {}", monday_ns + 3 * DAY_NS).as_bytes()).is_err());
}
