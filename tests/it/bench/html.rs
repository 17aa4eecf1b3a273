//! The page of a bench: one golden file, and what must hold of every page.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod markup;
mod sample;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sluice::testing::bench::html::page;
use sluice::testing::bench::record::{Density, Recorded, Trial, TrialEnding};
use sluice::testing::bench::sample::Stratum;
use sluice::testing::model::interval::Interval;
use sluice::testing::model::spread::Spread;
use sluice::testing::model::time::Timestamp;

use self::markup::Page;
use super::{DAY_NS, cells, model, recorded, run, terms};
use crate::support::need::rewrites;

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bench").join(name);
    if rewrites() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(text == kept, "{name} differs; SLUICE_TEST_REWRITE=1 rewrites it");
}

/// What holds of every page; gives the page for more.
fn hold(bench: &Recorded) -> Page {
    let text = page(bench);
    assert_eq!(text, page(bench), "the same records give the same bytes");
    let page = Page::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    page.fetches_nothing();
    page.names_are_unique_and_found();
    page.plots_stay_inside();
    page
}

#[test]
fn a_small_bench() {
    let bench = sample::small();
    hold(&bench);
    check("small.html", &page(&bench));
}

#[test]
fn a_full_bench_shows_every_plot() {
    let bench = sample::full();
    let page = hold(&bench);
    for id in ["finish", "speed", "bytes", "answers", "density"] {
        assert!(page.has_id(id), "{id}");
    }
    for words in [
        "Recommended setting",
        "--batch-interval 1w --transport influxql --concurrency 4",
        "limit for one query: 90.0 s",
        "flux with batches of 1mo (budget)",
        "6.1.0-28-amd64",
        "--source-bucket plant",
    ] {
        assert!(page.text().contains(words), "{words}");
    }
    // Each trial that counts and reads full stretches is a dot of its own.
    let full = |trial: &&Trial| trial.counts() && trial.stratum != Stratum::Sparse;
    let dots = page.count_in("speed", |tag| tag.class().starts_with("raw"));
    assert_eq!(dots, bench.trials.iter().filter(full).count());
    let answers = page.count_in("answers", |tag| tag.class().starts_with("raw"));
    assert_eq!(answers, bench.trials.iter().filter(|trial| trial.counts()).count());
    // Every transport has a colour and a mark of its own.
    let looks = |n: usize| {
        let class = format!("mark look{n} variant0");
        page.count_in("speed", |tag| tag.class() == class)
    };
    assert_eq!([looks(0), looks(1), looks(2), looks(3), looks(4)], [0, 6, 6, 0, 6]);
}

#[test]
fn a_killed_bench_shows_what_its_trials_say() {
    let model = model(cells(DAY_NS, std::iter::repeat_n(5_000_000, 64)));
    let (trials, scheduler) = run(&model, terms(&model, "6h", 300_000_000, 9), 9);
    let mut bench = recorded(&model, trials);
    bench.header.density = model
        .cells
        .iter()
        .map(|cell| Density { start: cell.range.start, stop: cell.range.stop, values: cell.values })
        .collect();
    bench.verdict = Some(scheduler.verdict(None, 7, 8));
    let whole = page(&bench);
    assert!(whole.contains("Simulated:") && !whole.contains("ended before its verdict"));
    bench.verdict = None;
    let killed = page(&bench);
    assert!(killed.contains("ended before its verdict"));
    // The same rules give the same table and the same recommendation.
    for (from, to) in [("<h2>Settings</h2>", "</section>"), ("<p class=\"flags\">", "</p>")] {
        let part = |text: &str| {
            let start = text.find(from).unwrap();
            text[start..start + text[start..].find(to).unwrap()].to_owned()
        };
        assert_eq!(part(&whole), part(&killed));
    }
}

#[test]
fn every_length_of_a_bench_has_a_page() {
    let whole = sample::full();
    for length in [0, 1, 2, 3, 17, 31] {
        for verdict in [false, true] {
            let trials = whole.trials[..length].to_vec();
            let verdict = verdict.then(|| sample::verdict(&whole.header, &trials));
            let bench = Recorded { header: whole.header.clone(), trials, verdict };
            let page = hold(&bench);
            let said = page.text().contains("No recommendation");
            let measured = bench.verdict.as_ref().is_some_and(|v| v.recommendation.is_some());
            assert!(!(said && measured) && (said || length > 0), "{length}");
        }
    }
    let mut none = Recorded { verdict: None, trials: Vec::new(), ..whole };
    none.header.density.clear();
    let page = hold(&none);
    assert!(page.text().contains("none was run") && !page.has_id("density"));
}

#[test]
fn trials_that_count_for_nothing_are_only_listed() {
    let mut bench = sample::full();
    bench.verdict = None;
    for (n, trial) in bench.trials.iter_mut().enumerate() {
        trial.ending = match n % 2 {
            0 => TrialEnding::Cut { by: "signal".to_owned() },
            _ => TrialEnding::Failed { error: format!("refused <{n}>") },
        };
    }
    let page = hold(&bench);
    assert!(page.text().contains("Nothing to plot") && page.text().contains("refused <1>"));
    assert!(!page.has_id("speed") && page.has_id("density"));
}

#[test]
fn names_are_text_and_nothing_else() {
    let names = [
        "</title></h1><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload='x",
        "&lt;b&gt; &#x3c;",
        "]]><!--",
        "\u{202e}tnalp\u{0}\u{7}\n",
    ];
    for name in names {
        let mut bench = sample::small();
        let header = &mut bench.header;
        header.source = name.to_owned();
        header.version = name.to_owned();
        header.source_version = name.to_owned();
        header.command = vec![name.to_owned(); 3];
        header.machine.os = name.to_owned();
        header.machine.kernel = Some(name.to_owned());
        for trial in &mut bench.trials {
            trial.transports = vec![name.to_owned()];
            if let TrialEnding::Cut { by: text } | TrialEnding::Failed { error: text } =
                &mut trial.ending
            {
                *text = name.to_owned();
            }
        }
        let verdict = bench.verdict.as_mut().unwrap();
        verdict.not_seen = vec![name.to_owned()];
        verdict.stopped = name.to_owned();
        for row in &mut verdict.rows {
            row.transports = vec![name.to_owned()];
        }
        let page = hold(&bench);
        let visible: String = name.chars().filter(char::is_ascii_graphic).collect();
        let squeezed: String = page.text().chars().filter(char::is_ascii_graphic).collect();
        if name.is_ascii() && !name.contains('\0') {
            assert!(squeezed.matches(&visible).count() >= 9, "{name:?}");
        }
        assert!(!page.text().contains(['\u{202e}', '\0', '\u{7}']));
    }
}

/// A trial whose numbers are all this one.
fn every_number(mut trial: Trial, n: u64) -> Trial {
    let size = usize::try_from(n).unwrap();
    trial.setting.concurrency = size;
    trial.setting.body_bytes = size;
    trial.setting.interval = Interval::from_ns(i64::try_from(n >> 1).unwrap());
    for number in [
        &mut trial.values,
        &mut trial.values_predicted,
        &mut trial.bytes_predicted,
        &mut trial.bytes_wire,
        &mut trial.bytes_decoded,
        &mut trial.bytes_charged,
        &mut trial.bytes_begun,
        &mut trial.requests,
        &mut trial.elapsed_us,
        &mut trial.begun_us,
        &mut trial.waited_us,
        &mut trial.slices,
        &mut trial.reader_busy_us,
        &mut trial.written_us,
        &mut trial.retries,
        &mut trial.splits,
        &mut trial.bodies,
        &mut trial.body_bytes_sum,
    ] {
        *number = n;
    }
    trial.slice_us = Spread::exact(n);
    trial.first_byte_us = Spread::exact(n);
    (trial.cpu_us, trial.memory_bytes_max) = (Some(n), Some(n));
    for batch in &mut trial.batches {
        (batch.values, batch.bytes) = (n, n);
    }
    trial
}

#[test]
fn extreme_numbers_and_times_stay_on_the_page() {
    let ends =
        [Timestamp::MIN, Timestamp::from_ns(i64::MIN), Timestamp::STOP_MAX, Timestamp::EPOCH];
    for n in [0, 1, u64::MAX / 2, u64::MAX] {
        for (start, stop) in ends.into_iter().flat_map(|a| ends.map(|b| (a, b))) {
            let mut bench = sample::small();
            for trial in bench.trials.iter_mut().skip(2) {
                *trial = every_number(trial.clone(), n);
                (trial.start, trial.stop) = (start, stop);
            }
            let header = &mut bench.header;
            (header.start, header.stop, header.started) = (start, stop, start);
            (header.values, header.budget_bytes, header.survey_bytes) = (n, n, n);
            (header.query_timeout_ms, header.machine.cpus) = (n, n);
            (header.quota_bytes_per_s, header.quota_window_bytes) = (Some(n), Some(n));
            header.budget_ms = Some(n);
            header.density.truncate(2);
            for cell in &mut header.density {
                *cell = Density { start, stop, values: n };
            }
            for row in &mut bench.verdict.as_mut().unwrap().rows {
                row.whole_ms = Spread { low: 0, likely: n / 2, high: n };
                row.milli_bytes_per_value = Spread::exact(n);
                row.values_per_s = Spread::exact(n);
                row.deadline_per_mille = n;
            }
            hold(&bench);
            bench.verdict = None;
            hold(&bench);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn points_stay_in_their_plots(
        numbers in prop::collection::vec((any::<u64>(), 0u32..64), 1..12),
        limit in (any::<u64>(), 0u32..64),
    ) {
        let mut bench = sample::small();
        bench.header.query_timeout_ms = limit.0 >> limit.1;
        for (trial, (n, shift)) in bench.trials.iter_mut().zip(numbers.iter().cycle()) {
            let n = n >> shift;
            (trial.values, trial.bytes_charged, trial.elapsed_us) = (n.max(1), n, n.reverse_bits() >> shift);
            trial.slice_us = Spread { low: n / 3, likely: n / 2, high: n };
        }
        hold(&bench);
        bench.verdict = None;
        hold(&bench);
    }
}

#[test]
fn many_settings_and_many_cells() {
    let mut bench = sample::full();
    for (n, trial) in (0..).zip(&mut bench.trials) {
        trial.setting.concurrency = 1 << (n / 2 % 5);
        trial.setting.interval = Interval::from_ns((n / 2 % 30 + 1) * 86_400_000_000_000);
    }
    bench.verdict = Some(sample::verdict(&bench.header, &bench.trials));
    let cell = bench.header.density[30];
    bench.header.density = (0..5_000)
        .map(|n| Density {
            start: cell.start.saturating_add_ns(n * 1_000_000_000),
            stop: cell.start.saturating_add_ns((n + 1) * 1_000_000_000),
            values: n.unsigned_abs(),
        })
        .collect();
    let page = hold(&bench);
    assert!(page.text().contains("The fastest 15 of "), "what is not drawn is said");
}

#[test]
fn texts_can_be_read_in_both_modes() {
    let text = page(&sample::small());
    let style = text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let (light, rest) = style.split_once("@media (prefers-color-scheme: dark)").unwrap();
    for (mode, rules) in [("light", light), ("dark", rest.split_once("\n}").unwrap().0)] {
        for (ink, paper) in [
            ("ink", "paper"),
            ("ink", "card"),
            ("soft", "paper"),
            ("soft", "card"),
            ("accent", "paper"),
            ("accent", "card"),
            ("accent", "tint"),
            ("ink", "tint"),
            ("limit", "card"),
            ("warn", "warn-paper"),
            ("look0", "card"),
            ("look1", "card"),
            ("look2", "card"),
            ("look3", "card"),
            ("look4", "card"),
        ] {
            let ratio = markup::contrast(rules, ink, paper);
            assert!(ratio >= 4.5, "{mode}: {ink} on {paper} has {ratio:.2}");
        }
    }
}
