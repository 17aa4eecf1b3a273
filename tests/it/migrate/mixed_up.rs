//! Answers that are whole, and those to another question.

#![expect(clippy::unwrap_used, reason = "a test may")]

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::RangeStart;
use sluice::testing::exit::ExitCode;
use sluice::testing::influx::signal::Signal;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{Fault, Matcher, StoredValue};

use crate::support::rig::{BUCKET, Rig, Run, cloud, oss_source, plant, store_of, time, with};

const WEEK_S: u64 = 7 * 86_400;

/// Range, first and last bound of an hour as the two languages write them.
fn bounds(hour: i64) -> (String, String, String) {
    let at = |hour: i64| time("2022-01-01").saturating_add_ns(hour * 3_600_000_000_000);
    let (start, stop) = (at(hour), at(hour + 1));
    (format!("start: {start}, stop: {stop}"), start.ns().to_string(), stop.ns().to_string())
}

/// Requests for the sixth hour are answered with what the fifth holds.
fn mistake() -> Fault {
    let ((flux, start, stop), (other_flux, other_start, other_stop)) = (bounds(5), bounds(4));
    Fault::Mistake { texts: vec![(flux, other_flux), (start, other_start), (stop, other_stop)] }
}

async fn rig_of(transport: Transport) -> (Rig, JobConfig) {
    let source = if transport == Transport::Influxql { oss_source() } else { cloud() };
    let rig = Rig::start(source, store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    let config = with(rig.config(), |config| config.pace.transport = Some(transport));
    (rig, config)
}

/// The slices of the sixth hour. What is counted has another form behind the range.
fn slices(transport: Transport) -> Matcher {
    let (flux, start, _) = bounds(5);
    match transport {
        Transport::Flux => Matcher::path("/api/v2/query").body(&format!("{flux}) |> rename")),
        Transport::FluxKeyed => {
            let filter = "filter(fn: (r) => r[\"_measurement\"]";
            Matcher::path("/api/v2/query").body(&format!("{flux}) |> {filter}"))
        }
        Transport::FluxPivot => {
            let filter = "filter(fn: (r) => (r[\"_field\"]";
            Matcher::path("/api/v2/query").body(&format!("{flux}) |> {filter}"))
        }
        Transport::Influxql => {
            let select = format!("SELECT *::field FROM \"air\" WHERE time >= {start}");
            Matcher::path("/query").body(&select)
        }
    }
}

fn was_noticed(run: &Run) -> bool {
    let tells = |event: &Event| match event {
        Event::Client(Signal::Retried { error, .. }) => error.contains("another question"),
        Event::Split { cause, .. } => cause.contains("another question"),
        _ => false,
    };
    run.count(tells) > 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_another_range_is_asked_for_again() {
    for transport in Transport::ALL {
        let (rig, config) = rig_of(transport).await;
        rig.source_fault(slices(transport), 1, mistake());
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Done);
        assert!(was_noticed(&run), "{transport}");
        rig.assert_copied();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_it_is_written_however_often_it_comes() {
    for transport in Transport::ALL {
        let (rig, config) = rig_of(transport).await;
        // What the answer to the other question holds is nowhere else.
        rig.source.store().write_lp(BUCKET, b"air,host=late i=7i 1641009600000000002\n").unwrap();
        let config = with(config, |config| {
            config.scope.start = RangeStart::At(time("2022-01-01T05:00:00Z"));
        });
        rig.source_fault(Matcher::path(""), u32::MAX, mistake());
        let run = rig.migrate(config).await;
        assert_ne!(run.exit(), ExitCode::Done, "{transport}");
        let late = |value: &StoredValue| value.time < time("2022-01-01T05:00:00Z").ns();
        assert!(!rig.destination.store().dump(BUCKET).iter().any(late), "{transport}");
    }
}

/// Two groups of series that one instant holds: the second one's answer has a series of the first in place of one of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_other_series_is_asked_for_again() {
    let line = |n| format!("m,host=h{n} v={n}i 1640995200000000000\n");
    let lines: String = (0..1_200).map(line).collect();
    for (transport, place) in
        [(Transport::FluxKeyed, "== \\\"h7\\\""), (Transport::Influxql, "'h7'")]
    {
        let source = if transport == Transport::Influxql { oss_source() } else { cloud() };
        let rig = Rig::start(source, store_of(lines.as_bytes(), WEEK_S)).await;
        // No time to divide.
        let rig = rig.over("2022-01-01", "2022-01-01T00:00:00.000000001Z", "1h");
        let config = with(rig.config(), |config| config.pace.transport = Some(transport));
        let body = "memory allocation limit reached: limit 5 bytes".to_owned();
        let too_much = Fault::Status { status: 400, retry_after: None, body };
        let (slices, among) = match transport {
            Transport::Influxql => (Matcher::path("/query").body("SELECT *::field"), "'h7'"),
            _ => (
                Matcher::path("/api/v2/query").body("keep(columns: [\"_time\", \"_value\""),
                "== \"h7\"",
            ),
        };
        let texts = vec![(place.to_owned(), place.replace("h7", "h1000"))];
        rig.source_fault(slices, 1, too_much);
        let of_group = Matcher { body: among.to_owned(), ..Matcher::default() };
        rig.source_fault(of_group, 1, Fault::Mistake { texts });
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Done);
        assert!(was_noticed(&run), "{transport}");
        rig.assert_copied();
    }
}
