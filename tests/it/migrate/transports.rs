//! Every way to read, over everything that is known to be hard.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;

use sluice::testing::config::job::JobConfig;
use sluice::testing::exit::ExitCode;
use sluice::testing::influx::signal::Signal;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{BucketStore, ServerSettings};

use crate::support::golden::Case;
use crate::support::rig::{BUCKET, Rig, Run, cloud, oss_source, plant, store_of, time};

const DAY_S: u64 = 86_400;
const WEEK_S: u64 = 7 * DAY_S;

/// Cases that a source without InfluxQL cannot carry whole.
const FLUX_LOSES: [&str; 3] = ["03-names-control", "03-names-start-stop", "03-names-time-value"];

fn wanted() -> impl Iterator<Item = Option<Transport>> {
    Transport::ALL.into_iter().map(Some).chain([None])
}

async fn copy(
    case: &Case,
    name: &str,
    source: ServerSettings,
    transport: Option<Transport>,
) -> (Rig, Run) {
    // Types that change do so from day to day.
    let shard_s = if name.starts_with("07") { DAY_S } else { WEEK_S };
    let rig = Rig::start(source, store_of(&case.bytes("data.lp"), shard_s)).await;
    let rig = rig.over("1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775807Z", "50y");
    let mut config = rig.config();
    config.pace.transport = transport;
    let run = rig.migrate(config).await;
    (rig, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transport_carries_every_golden_case() {
    for name in &Case::names_of_buckets() {
        let case = Case::open(name);
        for transport in wanted() {
            for source in [cloud(), oss_source()] {
                let kind = source.kind;
                let loses = FLUX_LOSES.contains(&name.as_str()) && source.kind == cloud().kind;
                let (rig, run) = copy(&case, name, source, transport).await;
                let what =
                    format!("{name} {transport:?} {kind:?}\n{}\n{}", run.words(), rig.rejects());
                if loses {
                    assert_eq!(run.exit(), ExitCode::Rejected, "{what}");
                } else {
                    assert_eq!(run.exit(), ExitCode::Done, "{what}");
                    let (here, there) = (rig.source.store(), rig.destination.store());
                    assert!(here.dump(BUCKET) == there.dump(BUCKET), "{what}");
                }
            }
        }
    }
}

fn chosen(run: &Run) -> Vec<(String, Transport)> {
    run.events
        .iter()
        .filter_map(|event| match event {
            Event::Chosen { measurement, transport, .. } => Some((measurement.clone(), *transport)),
            _ => None,
        })
        .collect()
}

fn fell_back(run: &Run) -> usize {
    run.count(|event| matches!(event, Event::Notice(text) if text.contains("instead")))
}

/// Five hours of 40 hosts, 10 integers in each line.
fn hosts() -> Vec<u8> {
    let mut lines = Vec::new();
    for step in 0..300_i64 {
        for host in 0..40 {
            let fields: Vec<_> =
                (0..10).map(|field| format!("f{field}={}i", step * field % 97)).collect();
            let at = 1_640_995_200 + step * 60;
            let line = format!("cpu,host=h{host},os=linux {} {at}000000000\n", fields.join(","));
            lines.extend(line.bytes());
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_measurement_gets_its_transport_and_the_reason_is_said() {
    for (source, transport, expected) in [
        (oss_source(), None, Transport::Influxql),
        (cloud(), None, Transport::FluxKeyed),
        (cloud(), Some(Transport::FluxPivot), Transport::FluxPivot),
        (oss_source(), Some(Transport::FluxKeyed), Transport::FluxKeyed),
        (cloud(), Some(Transport::Influxql), Transport::Flux),
    ] {
        let rig = Rig::start(source, store_of(&hosts(), WEEK_S)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T05:00:00Z", "1h");
        let mut config = rig.config();
        config.pace.transport = transport;
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Done);
        rig.assert_copied();
        assert_eq!(chosen(&run), [("cpu".to_owned(), expected)], "{transport:?}");
        assert_eq!(fell_back(&run), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_makes_bytes_decide() {
    let rig = Rig::start(cloud(), store_of(&hosts(), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T05:00:00Z", "5h");
    let mut config = rig.config();
    config.pace.quota =
        sluice::testing::config::values::QuotaChoice::Bytes { per_window: 3_000_000_000 };
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Done);
    // No other run has used anything of the limits: nothing is waited for.
    let waits = |event: &Event| matches!(event, Event::Client(Signal::WaitBegan { .. }));
    assert_eq!(run.count(waits), 0);
    rig.assert_copied();
    assert_eq!(chosen(&run), [("cpu".to_owned(), Transport::FluxPivot)]);
}

/// A run in which the source gets a line once the first batch is opened: the series are known by then, and the last batch is
/// not counted yet.
async fn migrate_adding(rig: &Rig, config: JobConfig, line: &'static str) -> Run {
    let store: Arc<BucketStore> = Arc::clone(rig.source.store());
    let first = time("2022-01-01");
    let add = move |event: &Event| {
        if matches!(event, Event::BatchOpened { batch, .. } if batch.start == first) {
            store.write_lp(BUCKET, line.as_bytes()).unwrap();
        }
        false
    };
    rig.migrate_until(config, add).await
}

/// Series, fields and types that appear after the survey: no value goes under a wrong name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_appears_meanwhile_sends_slices_back_to_a_plain_form() {
    for (line, what) in [
        ("cpu,host=h3,os=other f0=1i,f1=2i 1641010200000000000\n", "a series that shares its key"),
        ("cpu,host=new,os=linux f0=1i 1641010200000000000\n", "a new series"),
        ("cpu,host=h3,os=linux added=7i 1641010200000000000\n", "a new field"),
        ("cpu,host=h3,os=linux text=\"x\" 1641010200000000000\n", "a new string"),
    ] {
        for transport in [Transport::FluxKeyed, Transport::FluxPivot, Transport::Influxql] {
            let rig = Rig::start(oss_source(), store_of(&hosts(), WEEK_S)).await;
            let rig = rig.over("2022-01-01", "2022-01-01T05:00:00Z", "1h");
            let mut config = rig.config();
            config.pace.transport = Some(transport);
            let run = migrate_adding(&rig, config, line).await;
            assert_eq!(run.exit(), ExitCode::Done, "{what} {transport}: {}", run.words());
            rig.assert_copied();
            let needs = what.contains("series")
                || transport == Transport::Influxql
                || transport == Transport::FluxPivot && what == "a new string";
            assert!(!needs || fell_back(&run) > 0, "{what} {transport}");
        }
    }
}

/// A field of several types is read in windows of its own; everything else as if it were not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_several_types_does_not_slow_the_others_down() {
    let mut lines = hosts();
    for (day, value) in [(0, "1i"), (1, "1.5"), (2, "\"text\"")] {
        let at = 1_640_995_200 + day * 86_400;
        lines.extend(format!("odd,host=a v={value},other={day}i {at}000000000\n").bytes());
    }
    let rig = Rig::start(oss_source(), store_of(&lines, DAY_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-04", "1d");
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Done);
    rig.assert_copied();
    assert!(chosen(&run).contains(&("cpu".to_owned(), Transport::Influxql)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_measurements_share_requests() {
    let mut lines = Vec::new();
    for measurement in 0..500 {
        for step in 0..4 {
            let at = 1_640_995_200 + step * 600;
            lines.extend(
                format!("m{measurement},host=a f={step}i,g={step} {at}000000000\n").bytes(),
            );
        }
    }
    for source in [cloud(), oss_source()] {
        let kind = source.kind;
        let rig = Rig::start(source, store_of(&lines, WEEK_S)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T01:00:00Z", "1h");
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::Done);
        rig.assert_copied();
        let requests = rig.source.records().len();
        assert!(requests < 60, "{kind:?}: {requests}");
    }
}

/// Answers that are too slow however short their range: groups of series are asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_time_divides_is_divided_by_series() {
    use sluice::testing::sim::{Fault, Matcher};
    let mut lines = Vec::new();
    for host in 0..50 {
        lines.extend(format!("cpu,host=h{host} f={host}i 1640995200000000000\n").bytes());
    }
    for (transport, path, whole) in [
        (Transport::Influxql, "/query", "GROUP BY \"host\""),
        (Transport::FluxKeyed, "/api/v2/query", "keep(columns: [\\\"_time\\\", \\\"_value\\\""),
    ] {
        let rig = Rig::start(oss_source(), store_of(&lines, WEEK_S)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T00:00:01Z", "1s");
        let mut config = rig.config();
        config.pace.transport = Some(transport);
        rig.source_fault(Matcher::path(path).body(whole), 3, Fault::Timeout);
        let run = rig.migrate(config).await;
        assert_eq!(run.exit(), ExitCode::Done, "{transport} {}", run.words());
        assert!(run.count(|event| matches!(event, Event::Split { .. })) > 0, "{transport}");
        rig.assert_copied();
    }
}

/// A slice that goes back to a plain form keeps its part: what its siblings read is not read twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_in_a_plain_form_brings_nothing_of_its_siblings() {
    use sluice::testing::sim::{Fault, Matcher};
    let mut lines = Vec::new();
    for second in 1_640_995_200..1_640_995_203_i64 {
        for host in 0..50 {
            let fields = format!("f={host}i,g={second}i,s=\"up\"");
            lines.extend(format!("cpu,host=h{host} {fields} {second}000000000\n").bytes());
        }
    }
    let last = "start: 2022-01-01T00:00:02Z, stop: 2022-01-01T00:00:03Z)";
    let new_series = "cpu,host=h3,os=new f=1i 1640995202000000000\n";
    for (transport, path, whole, line) in [
        // Strings are read by themselves, and a new one is not known to be one.
        (Transport::FluxPivot, None, String::new(), "cpu,host=h3 t=\"x\" 1640995202000000000\n"),
        (
            Transport::FluxKeyed,
            Some("/api/v2/query"),
            format!("{last} |> filter(fn: (r) => r[\"_measurement\"]"),
            new_series,
        ),
        (
            Transport::Influxql,
            Some("/query"),
            "SELECT *::field FROM \"cpu\" WHERE time >= 1640995202000000000 AND time < \
             1640995203000000000 GROUP BY \"host\""
                .to_owned(),
            new_series,
        ),
    ] {
        let rig = Rig::start(oss_source(), store_of(&lines, WEEK_S)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T00:00:03Z", "1s");
        let mut config = rig.config();
        config.pace.transport = Some(transport);
        if let Some(path) = path {
            // Its series are asked for in groups.
            rig.source_fault(Matcher::path(path).body(&whole), 3, Fault::Timeout);
        }
        let run = migrate_adding(&rig, config, line).await;
        assert_eq!(run.exit(), ExitCode::Done, "{transport}: {}", run.words());
        rig.assert_copied();
        assert!(fell_back(&run) > 0, "{transport}");
        let splits = run.count(|event| matches!(event, Event::Split { .. }));
        assert_eq!(splits > 0, path.is_some(), "{transport}");
        let again = |event: &Event| matches!(event, Event::Notice(text) if text.contains("reading it again"));
        assert_eq!(run.count(again), 0, "{transport}: {}", run.words());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_kinds_of_values_come_through_every_transport() {
    for transport in wanted() {
        let rig = Rig::start(oss_source(), store_of(&plant(0..3), WEEK_S)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h");
        let mut config = rig.config();
        config.pace.transport = transport;
        let run = rig.migrate(config).await;
        assert_eq!(run.exit(), ExitCode::Done, "{transport:?} {}", run.words());
        rig.assert_copied();
    }
}
