//! The lines of a bench: written, read, cut, of another version.

use sluice::testing::bench::csv;
use sluice::testing::bench::record::{BenchRecord, Recorded};
use sluice::testing::bench::sample::Stratum;
use sluice::testing::model::time::Timestamp;

use super::{DAY_NS, cells, model, recorded, run, terms};

fn lines() -> (Recorded, String) {
    let model = model(cells(DAY_NS, std::iter::repeat_n(5_000_000, 64)));
    let (trials, scheduler) = run(&model, terms(&model, "6h", 300_000_000, 9), 9);
    let mut bench = recorded(&model, trials);
    bench.verdict = Some(scheduler.verdict(None, 7, 8));
    let records = std::iter::once(BenchRecord::BenchHeader(Box::new(bench.header.clone())))
        .chain(bench.trials.iter().cloned().map(Box::new).map(BenchRecord::BenchTrial))
        .chain(bench.verdict.clone().map(Box::new).map(BenchRecord::BenchVerdict));
    let text = records.map(|record| record.to_line(Timestamp::EPOCH) + "\n").collect();
    (bench, text)
}

#[test]
fn lines_give_back_what_was_kept() {
    let (bench, text) = lines();
    assert_eq!(Recorded::parse(&text).unwrap(), bench);
    assert!(
        text.starts_with(r#"{"v":1,"time":"1970-01-01T00:00:00Z","message_type":"bench_header""#),
        "{}",
        &text[..80]
    );
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["v"], 1);
    }
}

#[test]
fn a_bench_that_was_killed_is_whole_as_far_as_it_goes() {
    let (bench, text) = lines();
    for length in (text.find('\n').unwrap() + 1..text.len()).step_by(97) {
        let cut = Recorded::parse(&text[..length]).unwrap();
        assert_eq!(cut.header, bench.header);
        assert_eq!(cut.trials[..], bench.trials[..cut.trials.len()]);
    }
}

#[test]
fn other_files_are_refused() {
    let (_, text) = lines();
    let newer = text.replacen(r#"{"v":1"#, r#"{"v":2"#, 3);
    let without = text.split_once('\n').unwrap().1;
    for (file, words) in [
        ("", "does not begin"),
        (without, "does not begin"),
        ("hello\n", "line 1 is no record"),
        (&newer, "line 1 has version 2"),
    ] {
        let error = Recorded::parse(file).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_table_has_a_cell_for_every_column() {
    let (bench, _) = lines();
    let model = model(cells(DAY_NS, std::iter::repeat_n(5_000_000, 64)));
    let whole = terms(&model, "6h", 300_000_000, 9).whole;
    let columns: Vec<_> = csv::HEAD.split(',').collect();
    let mut foretold = 0;
    for trial in &bench.trials {
        let line = csv::line(trial, &whole);
        let cells: Vec<_> = line.split(',').collect();
        assert_eq!(cells.len(), columns.len(), "{line}");
        assert!(!line.contains(['"', '\n']), "{line}");
        let cell = |name| cells[columns.iter().position(|column| *column == name).unwrap()];
        assert_eq!(cell("values_per_s"), trial.values_per_s().to_string());
        // A warm-up and a sparse stretch say nothing of the whole.
        let says = trial.counts() && trial.stratum != Stratum::Sparse;
        assert_eq!(!cell("whole_ms").is_empty(), says, "{line}");
        foretold += u64::from(says);
    }
    assert!(foretold > 0);
}
