//! The examples of `docs/spool.md`: run, and compared with what stands below them. `SLUICE_TEST_REWRITE=1` writes that
//! anew.

use std::fs;
use std::path::Path;

use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::write_batch;
use crate::support::golden::{Point, Value};
use crate::support::need::rewrites;
use crate::support::process::{bare, run};

const MARK: &str = "<!-- run -->\n```sh\n";
const BETWEEN: &str = "```\n```text\n";
const PLACE: &str = "/data/stage";
const MINUTE_NS: i64 = 60_000_000_000;

/// Three hours of four hosts, a value each minute; one of them once says something else.
fn spool(place: &Path) {
    let start = "2022-01-01".parse::<Timestamp>().unwrap();
    let mut job = Job0::from(start.ns());
    job.identity.source_host = "https://eu-central-1-1.aws.cloud2.influxdata.com".to_owned();
    job.source_org = "ops-eu".to_owned();
    job.source_bucket = "plant".to_owned();
    job.stop = start.saturating_add_ns(180 * MINUTE_NS);
    let spool = Spool::open(&Storage::folder(place), &job, false).unwrap();
    for hour in 0..3 {
        let from = start.saturating_add_ns(hour * 60 * MINUTE_NS);
        let minutes = |host: &'static str| {
            (0..60).flat_map(move |minute| {
                let time = from.ns() + minute * MINUTE_NS;
                let load = f64::from(u32::try_from(minute).unwrap()) / 8.0;
                [
                    point(host, time, b"usage", Value::Integer(hour * 60 + minute)),
                    point(host, time, b"load", Value::Float(load.to_bits())),
                ]
            })
        };
        let mut points: Vec<Point> = ["a", "b", "c", "d"].into_iter().flat_map(minutes).collect();
        if hour == 1 {
            points.push(point("e", from.ns(), b"usage", Value::Text((*b"off").into())));
        }
        let range = TimeRange::new(from, from.saturating_add_ns(60 * MINUTE_NS));
        write_batch(&spool, range, &frames_of(&points)).unwrap();
    }
    spool.close().unwrap();
}

/// Without sizes and digests, which change with the encoder.
fn masked(page: &str) -> String {
    let mut text = String::new();
    let words: Vec<_> = page.split_inclusive([' ', '\n']).collect();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map_or("", |next| next.trim_end_matches([',', ' ', '\n']));
        let is_size = matches!(next, "B" | "kB" | "MB" | "B/value");
        let is_number = word.trim().parse::<f64>().is_ok();
        if is_number && (is_size || word.contains('.')) {
            text += "#";
        } else if let Some((head, tail)) = word.split_once("Z-") {
            text += head;
            text += tail.split_once('.').map_or(tail, |(_, ending)| ending);
        } else if !word.trim().is_empty() {
            text += word.trim();
        }
        text += if word.ends_with('\n') { "\n" } else { " " };
    }
    text
}

#[tokio::test]
async fn the_examples_of_the_page_are_what_the_program_prints() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("stage");
    spool(&place);
    let place = place.display().to_string();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/spool.md");
    let page = fs::read_to_string(&path).unwrap();
    assert_ne!(masked(&page), masked(&page.replace("1,441", "1,442")));
    let mut parts = page.split(MARK);
    let mut anew = parts.next().unwrap().to_owned();
    let mut examples = 0;
    for part in parts {
        let (commands, rest) = part.split_once(BETWEEN).unwrap();
        let (_, after) = rest.split_once("```").unwrap();
        let mut shown = String::new();
        for line in commands.lines() {
            let words: Vec<_> =
                line.split(' ').skip(1).map(|word| word.replace(PLACE, &place)).collect();
            let mut command = bare(&words.iter().map(String::as_str).collect::<Vec<_>>());
            command.current_dir(folder.path());
            let ended = run(command).await;
            ended.assert_code(0);
            shown += &ended.out;
        }
        let shown = shown.replace(&place, PLACE);
        anew += &format!("{MARK}{commands}{BETWEEN}{shown}```{after}");
        examples += 1;
    }
    assert_eq!(examples, 5);
    if rewrites() {
        fs::write(&path, &anew).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert!(masked(&kept) == masked(&anew), "{} is not:\n{anew}", path.display());
}
