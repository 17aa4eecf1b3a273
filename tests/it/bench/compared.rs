//! Two benches side by side.

use sluice::testing::bench::compare::compare;
use sluice::testing::bench::record::TrialEnding;
use sluice::testing::model::transport::Transport;

use super::{DAY_NS, cells, model, recorded, run, terms};

#[test]
fn twice_as_fast_is_seen_as_twice_as_fast() {
    let first = model(cells(DAY_NS, std::iter::repeat_n(5_000_000, 64)));
    let mut second = first.clone();
    second.latency_us /= 2;
    second.source_values_per_s *= 2;
    second.bandwidth_bytes_per_s *= 3;
    for cost in &mut second.ways {
        cost.values_per_s *= 2;
        cost.milli_bytes = cost.milli_bytes * 3 / 2;
    }
    let bench = |model, seed| {
        let (trials, _) = run(model, terms(model, "6h", 300_000_000, seed), seed);
        recorded(model, trials)
    };
    let (first, second) = (bench(&first, 1), bench(&second, 2));
    let found = compare(&first, &second);
    assert!(found.pairs.len() >= 3, "{found:?}");
    for pair in &found.pairs {
        let (speed, bytes) = (pair.speed.unwrap(), pair.bytes.unwrap());
        assert!((1.6..2.5).contains(&speed.ratio), "{pair:?}");
        assert!((1.4..1.6).contains(&bytes.ratio), "{pair:?}");
        assert!(speed.low <= speed.ratio && speed.ratio <= speed.high);
    }
    let same = compare(&first, &first);
    assert!(same.pairs.iter().all(|pair| (pair.speed.unwrap().ratio - 1.0).abs() < 1e-9));
    assert!(same.circumstances.is_empty() && same.only_first.is_empty());
}

#[test]
fn what_only_one_has_and_what_differs_is_named() {
    let model = model(cells(DAY_NS, std::iter::repeat_n(5_000_000, 64)));
    let (trials, _) = run(&model, terms(&model, "6h", 300_000_000, 1), 1);
    let first = recorded(&model, trials.clone());
    let mut second = recorded(&model, trials);
    for trial in &mut second.trials {
        if trial.setting.transport.0 == Some(Transport::Flux) {
            trial.ending = TrialEnding::Cut { by: "signal".to_owned() };
        }
    }
    second.header.values += 1;
    second.header.quota_window_bytes = Some(300_000_000);
    let found = compare(&first, &second);
    assert!(found.only_second.is_empty());
    assert!(found.only_first.iter().all(|s| s.transport.0 == Some(Transport::Flux)));
    assert_eq!(found.only_first.len(), 1);
    let what: Vec<_> = found.circumstances.iter().map(|difference| difference.what).collect();
    assert_eq!(what, ["values", "quota"]);
}
