//! Answers that are read whole.

use sluice::testing::wire::csv::error::Error;
use sluice::testing::wire::csv::table::{read_tables, single_number};

use super::golden_answers::decode;
use crate::support::golden::Case;

#[test]
fn small_answers_are_read_whole() {
    let case = Case::open("09-metadata");
    let earliest = read_tables(&case.bytes("earliest.csv")).unwrap();
    assert_eq!(earliest.len(), 1);
    assert!(earliest[0].time(0, "_time").is_some() && earliest[0].long(0, "_time").is_none());
    assert_eq!(
        earliest[0].time(0, "_time").unwrap().ns(),
        case.expected().iter().map(|point| point.time).min().unwrap()
    );
    assert_eq!(read_tables(&case.bytes("earliest_empty_bucket.csv")).unwrap(), []);
    let counts = read_tables(&case.bytes("count_by_measurement.csv")).unwrap();
    let total: i64 = counts.iter().map(|table| table.long(0, "_value").unwrap()).sum();
    assert_eq!(usize::try_from(total).unwrap(), case.expected().len());
    assert!(matches!(
        single_number(&case.bytes("count_by_measurement.csv")),
        Err(Error::Malformed { .. })
    ));
    assert_eq!(single_number(b"\r\n").unwrap(), None);

    let case = Case::open("07-type-int-float");
    let count = single_number(&case.bytes("group_count.csv")).unwrap().unwrap();
    let plain = decode(&case.bytes("plain.csv")).unwrap();
    assert_eq!(count, plain.1.values);

    let case = Case::open("05-schema");
    let tables = read_tables(&case.bytes("all_types_array.csv")).unwrap();
    assert_eq!(
        (tables[0].text(0, "s"), tables[0].double(0, "d"), tables[0].long(0, "l")),
        (Some("x"), Some(1.5), Some(-1))
    );
    assert_eq!(tables[0].double(1, "d").map(f64::to_bits), Some((-0.0f64).to_bits()));
    let mut results: Vec<_> = read_tables(&case.bytes("yields.csv"))
        .unwrap()
        .into_iter()
        .map(|table| table.result)
        .collect();
    results.dedup();
    assert_eq!(results.len(), 12);
    let empty = read_tables(&case.bytes("window_create_empty.csv")).unwrap();
    assert_eq!(
        empty.iter().map(|table| (table.id, table.rows.len())).collect::<Vec<_>>(),
        [(0, 1), (1, 0), (2, 0), (3, 1), (4, 0), (5, 0)]
    );

    let case = Case::open("12-checkpoint");
    let record = read_tables(&case.bytes("last_stop.csv")).unwrap();
    assert!(record[0].text(0, "_value").is_some());
}
