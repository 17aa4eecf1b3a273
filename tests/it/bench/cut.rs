//! A trial that brings more than anybody could expect is cut off in the middle of an answer.

use sluice::testing::bench::record::{Recorded, TrialEnding, TrialSink};
use sluice::testing::bench::setting::Way;
use sluice::testing::commands::bench;
use sluice::testing::config::bench::BenchConfig;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::stop::stop_pair;
use sluice::testing::sim::ServerSettings;

use crate::support::rig::{Rig, cloud, store_of};
use crate::support::virtual_time;

/// Strings of 5 kB, where the first guess is 130 bytes for a value.
fn long_strings() -> Vec<u8> {
    let word = "x".repeat(5_000);
    let mut lines = Vec::new();
    for step in 0..4_000_i64 {
        let at = (1_640_995_200 + step * 20) * 1_000_000_000;
        lines.extend(format!("log,host=a text=\"{word}\" {at}\n").bytes());
    }
    lines
}

#[test]
fn what_is_larger_than_expected_is_cut_and_used_for_nothing() {
    const BUDGET: u64 = 1_000_000;
    virtual_time::run(async {
        // Slow enough that little is on its way when reading ends.
        let server = ServerSettings { read_bytes_per_s: Some(200_000), ..cloud() };
        let data = store_of(&long_strings(), 7 * 86_400);
        let rig = Rig::start(server, data).await.over("2022-01-01", "2022-01-02", "1h");
        let mut config = rig.config();
        config.pace.max_transfer_bytes = Some(BUDGET);
        let out = tempfile::tempdir().unwrap();
        let settings = BenchConfig {
            sink: TrialSink::Discard,
            intervals: Some(vec!["1h".parse().unwrap()]),
            transports: Some(vec![Way(Some(Transport::Flux))]),
            concurrencies: Some(vec![2]),
            body_sizes: None,
            repetitions: 3,
            seed: Some(1),
            out: Some(out.path().join("bench")),
        };
        let verdict = bench::measure(&config, &settings, &rig.client, stop_pair().1).await.unwrap();
        let lines = std::fs::read_to_string(out.path().join("bench.jsonl")).unwrap();
        let trials = Recorded::parse(&lines).unwrap().trials;
        let cut = TrialEnding::Cut { by: "byte budget".to_owned() };
        assert!(trials.iter().any(|trial| trial.ending == cut), "{trials:?}");
        assert!(trials.iter().all(|trial| trial.ending != cut || !trial.counts()));
        assert!(verdict.bytes_spent <= BUDGET, "{}", verdict.bytes_spent);
        assert!(
            verdict.recommendation.is_none() && verdict.stopped == "byte budget",
            "{verdict:?}"
        );
        let queries = rig.source.records().into_iter().filter(|it| it.path.ends_with("/query"));
        let sent: u64 = queries.map(|record| record.decoded_bytes).sum();
        assert!(sent <= BUDGET, "{sent}");
    });
}
