//! Trouble at every place of a run, and what becomes of it.

#![expect(clippy::unwrap_used, reason = "a test may")]

use sluice::testing::config::job::JobConfig;
use sluice::testing::exit::ExitCode;
use sluice::testing::influx::signal::Signal;
use sluice::testing::model::side::Side;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{Fault, Matcher, StoreChange, TimeoutForm, When};

use crate::support::rig::{BUCKET, Rig, cloud, elsewhere, plant, store_of};
use crate::support::rows;

/// Where trouble strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Survey,
    Count,
    Read,
    Data,
    Record,
    Ownership,
}
use Place::{Count, Data, Ownership, Read, Record, Survey};

impl Place {
    fn side(self) -> Side {
        match self {
            Survey | Count | Read => Side::Source,
            Data | Record | Ownership => Side::Destination,
        }
    }

    /// The second request of its kind.
    fn matcher(self) -> Matcher {
        match self {
            Survey => Matcher::path("/api/v2/query").body("schema."),
            Count => Matcher::path("/api/v2/query").body("count()").skip(1),
            Read => Matcher::path("/api/v2/query").body("rename").skip(1),
            Data => Matcher::path("/api/v2/write").body("air,").skip(1),
            Record => Matcher::path("/api/v2/write").body("batch_stop").skip(1),
            Ownership => Matcher::path("/api/v2/query").body("\"lease\"").skip(2),
        }
    }
}

fn status(status: u16, text: &str) -> Fault {
    let body = if text.starts_with('<') {
        text.to_owned()
    } else {
        format!("{{\"code\":\"x\",\"message\":\"{text}\"}}")
    };
    Fault::Status { status, retry_after: None, body }
}

fn after(status: u16, retry_after: &str) -> Fault {
    let body = "{\"code\":\"x\",\"message\":\"wait\"}".to_owned();
    Fault::Status { status, retry_after: Some(retry_after.to_owned()), body }
}

fn table(message: &str) -> Fault {
    Fault::ErrorTable { after_rows: 3, message: message.to_owned() }
}

/// Six hours, one batch each.
async fn rig() -> Rig {
    hours(6, "2022-01-01T06:00:00Z").await
}

async fn one_hour() -> Rig {
    hours(1, "2022-01-01T01:00:00Z").await
}

async fn hours(hours: i64, stop: &str) -> Rig {
    let mut rig = Rig::start(cloud(), store_of(&plant(0..hours), 7 * 86_400)).await.over(
        "2022-01-01",
        stop,
        "1h",
    );
    rig.client.retries_max = 4;
    rig
}

/// Bounds of one second where the fault is a silence: the others must not run into them on a busy machine.
fn hurry(rig: &mut Rig, config: &mut JobConfig, fault: &Fault) {
    if matches!(fault, Fault::Stall { .. }) {
        rig.client.silence_ms_max = 1_000;
        rig.client.query_grace_ms = 500;
        config.pace.query_timeout_ms = 2_000;
    }
}

fn inject(rig: &Rig, place: Place, times: u32, fault: Fault) {
    match place.side() {
        Side::Source => rig.source_fault(place.matcher(), times, fault),
        Side::Destination => rig.destination_fault(place.matcher(), times, fault),
    }
}

/// Trouble that passes: the run ends well, and both ends hold the same.
fn passing() -> Vec<(Place, u32, Fault)> {
    let mut rows = Vec::new();
    for place in [Survey, Count, Read, Ownership] {
        for fault in [
            Fault::Refuse,
            Fault::Reset { after_bytes: 60 },
            Fault::Cut { after_bytes: 60 },
            Fault::CutClean { after_bytes: 60 },
            Fault::Stall { after_bytes: 60, ms: 3_000 },
            table("internal error: rpc error"),
            status(500, "internal error"),
            status(502, "<html>Bad Gateway</html>"),
        ] {
            rows.push((place, 2, fault));
        }
    }
    for fault in [
        table("query timeout: context deadline exceeded"),
        status(400, "memory allocation limit reached: limit 5 bytes"),
        status(503, "queue length exceeded"),
        Fault::Timeout,
        after(429, "1"),
        status(429, "org 1 has exceeded limited_query plan limit"),
        after(503, "1"),
    ] {
        rows.push((Count, 1, fault.clone()));
        rows.push((Read, 1, fault));
    }
    // Before the head: the bound of the whole answer.
    rows.push((Read, 1, Fault::Stall { after_bytes: 0, ms: 5_000 }));
    rows.push((Read, 2, Fault::Timeout));
    for place in [Data, Record] {
        for fault in [
            Fault::Refuse,
            Fault::Reset { after_bytes: 0 },
            Fault::LostAck,
            status(500, "internal error"),
            status(502, "<html>Bad Gateway</html>"),
            status(500, "engine: cache-max-memory-size exceeded: (9/1)"),
            after(429, "1"),
            after(503, "1"),
        ] {
            rows.push((place, 1, fault));
        }
    }
    rows.push((Data, 3, Fault::too_large()));
    rows.push((Data, 2, status(422, "partial write: points beyond retention policy dropped=1")));
    rows.push((Data, 2, status(400, "unable to parse 'air': bad timestamp")));
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_that_passes_leaves_no_trace() {
    rows::all_of(passing().into_iter().map(|(place, times, fault)| async move {
        let mut rig = rig().await;
        let mut config = rig.config();
        hurry(&mut rig, &mut config, &fault);
        inject(&rig, place, times, fault.clone());
        let run = rig.migrate(config).await;
        let what = format!("{place:?} {fault:?}: {}", run.words());
        assert_eq!(run.exit(), ExitCode::Done, "{what}");
        let used = match place.side() {
            Side::Source => rig.source.faults_used_up(),
            Side::Destination => rig.destination.faults_used_up(),
        };
        assert!(used, "{what}: it struck");
        rig.assert_copied();
    }))
    .await;
}

/// Trouble that lasts: with which code the run ends. What is recorded by then is there, and the next run completes.
fn lasting() -> Vec<(Place, Fault, ExitCode)> {
    use ExitCode::{Permanent, Temporary, TokenRefused};
    let mut rows = Vec::new();
    for place in [Survey, Count, Read, Data, Record, Ownership] {
        rows.extend([
            (place, Fault::unauthorized(), TokenRefused),
            (place, status(401, "read:orgs/1/buckets/2 is unauthorized"), Permanent),
            (place, status(403, "insufficient permissions"), Permanent),
            (place, status(404, "bucket \\\"plant\\\" not found"), Permanent),
            (place, status(503, "partition cardinality limit exceeded"), Permanent),
            (place, Fault::Refuse, Temporary),
            (place, status(500, "internal error"), Temporary),
            (place, status(302, "moved"), Permanent),
        ]);
    }
    for place in [Survey, Count, Read, Ownership] {
        let panic = Fault::ErrorTable {
            after_rows: if place == Read { 3 } else { 0 },
            message: "runtime error: a panic has occurred".to_owned(),
        };
        rows.extend([
            (place, panic, Permanent),
            (place, status(200, "<html>Please log in</html>"), Temporary),
            (place, Fault::Cut { after_bytes: 60 }, Temporary),
            (place, status(204, ""), Temporary),
            (place, Fault::Unframed, Permanent),
        ]);
    }
    rows.push((Read, Fault::Timeout, Temporary));
    rows.push((Count, Fault::Timeout, Temporary));
    rows.push((Record, status(422, "partial write: field type conflict dropped=1"), Permanent));
    let conflict = "partial write: field type conflict: input field \\\"f\\\" on measurement \\\"air\\\" is type float, already exists as type integer dropped=1";
    rows.push((Data, status(422, conflict), Permanent));
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_that_lasts_ends_the_run_and_not_the_job() {
    rows::all_of(lasting().into_iter().map(|(place, fault, exit)| async move {
        let rig = rig().await;
        inject(&rig, place, u32::MAX, fault.clone());
        let run = rig.migrate(rig.config()).await;
        let what = format!("{place:?} {fault:?}: {}", run.words());
        assert_eq!(run.exit(), exit, "{what}");
        assert!(place == Survey || rig.records().len() < 6, "{what}");
        rig.assert_checkpoint_is_behind();
        rig.source.clear_faults();
        rig.destination.clear_faults();
        let again = rig.migrate(rig.config()).await;
        assert_eq!(again.exit(), ExitCode::Done, "after {what}: {}", again.words());
        rig.assert_copied();
    }))
    .await;
}

/// One bit of one answer: where it breaks the form of the answer it is asked for again, and no run ends for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_that_shows_is_tried_again() {
    let places = [Survey, Count, Read].into_iter();
    let flips = places.flat_map(|place| {
        let step = if place == Read { 23 } else { 7 };
        (0..900_u64).step_by(step).map(move |at_byte| (place, at_byte))
    });
    let are_hidden = rows::all_of(flips.map(|(place, at_byte)| async move {
        let bit = u8::try_from(at_byte % 7).unwrap();
        let rig = one_hour().await;
        inject(&rig, place, 1, Fault::Flip { at_byte, bit });
        let run = rig.migrate(rig.config()).await;
        let what = format!("{place:?} {at_byte} {bit}: {}", run.words());
        assert!(!matches!(run.exit(), ExitCode::Permanent | ExitCode::Unexpected), "{what}");
        // Without a checksum a value may be another one that is as good.
        rig.source.store().dump(BUCKET) != rig.destination.store().dump(BUCKET)
    }))
    .await;
    let hidden = are_hidden.iter().filter(|is_hidden| **is_hidden).count();
    assert!(hidden < 30, "{hidden} of some 300 flips were not seen");
}

/// From another machine answers come packed, and the checksum shows every flipped bit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checksum_of_a_packed_answer_is_looked_at_first() {
    let flips = (0..60_u64).map(|n| (n * 41, u8::try_from(n % 8).unwrap()));
    rows::all_of(flips.map(|(at_byte, bit)| async move {
        let rig = rig().await;
        let mut config = from_elsewhere(&rig);
        config.scope.batch_interval =
            sluice::testing::config::values::IntervalChoice::Fixed("6h".parse().unwrap());
        let matcher = Matcher::path("/api/v2/query").body("rename");
        rig.source_fault(matcher, 2, Fault::Flip { at_byte, bit });
        let run = rig.migrate(config).await;
        assert_eq!(run.exit(), ExitCode::Done, "{at_byte} {bit}: {}", run.words());
        rig.assert_copied();
    }))
    .await;
}

/// A small answer comes plain from another machine too: over `http://` it counts once it has come twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bit_that_flips_in_a_small_answer_from_elsewhere_changes_nothing() {
    let places = [Survey, Count, Read].into_iter();
    let flips = places.flat_map(|place| {
        let step = if place == Read { 3 } else { 17 };
        (0..290_u64).step_by(step).map(move |at_byte| (place, at_byte))
    });
    rows::all_of(flips.map(|(place, at_byte)| async move {
        let bit = u8::try_from(at_byte % 8).unwrap();
        let rig = small().await;
        let matcher = Matcher { skip: 0, ..place.matcher() };
        rig.source_fault(matcher, 1, Fault::Flip { at_byte, bit });
        let run = rig.migrate(from_elsewhere(&rig)).await;
        assert_eq!(run.exit(), ExitCode::Done, "{place:?} {at_byte} {bit}: {}", run.words());
        rig.assert_copied();
    }))
    .await;
}

/// Where no two are alike the question is tried again like any other that fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_answers_that_never_agree_are_not_believed() {
    let rig = small().await;
    for bit in 0..8 {
        let matcher = Matcher { skip: 0, ..Read.matcher() };
        rig.source_fault(matcher, 1, Fault::Flip { at_byte: 280, bit });
    }
    let run = rig.migrate(from_elsewhere(&rig)).await;
    run.assert_exit(ExitCode::Done);
    let never = |event: &Event| format!("{event:?}").contains("no two alike");
    assert!(run.count(never) > 0, "{}", run.words());
    rig.assert_copied();
}

/// What is newer than the stop grows with each answer while somebody writes: that holds nothing up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_written_all_the_time_is_copied_from_elsewhere() {
    let rig = small().await;
    for second in 0..200_u32 {
        let line = format!("air,host=b f=1 {}\n", 1_643_673_600_000_000_000 + u64::from(second));
        let matcher = Matcher { skip: second, ..Matcher::path("/api/v2/query") };
        let change = StoreChange::Write { bucket: BUCKET.to_owned(), lines: line.into_bytes() };
        rig.source_fault(matcher, 1, Fault::Change { when: When::Before, change });
    }
    let run = rig.migrate(from_elsewhere(&rig)).await;
    run.assert_exit(ExitCode::Done);
    assert_eq!(run.count(|event| matches!(event, Event::Client(Signal::Retried { .. }))), 0);
    assert_eq!(rig.destination.store().count(BUCKET), 2);
}

/// What is written to another machine over `http://` is packed, for its checksum: values and progress alike.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bit_that_flips_in_a_write_to_elsewhere_changes_nothing() {
    let clean = small().await;
    clean.migrate(to_elsewhere(&clean)).await.assert_exit(ExitCode::Done);
    let writes = clean.destination.records();
    let writes = writes.iter().filter(|request| request.path == "/api/v2/write").count();
    assert!(writes >= 4, "{writes}");
    let flips = (0..u32::try_from(writes).unwrap())
        .flat_map(|skip| (0..400_usize).step_by(13).map(move |at_byte| (skip, at_byte)));
    rows::all_of(flips.map(|(skip, at_byte)| async move {
        let bit = u8::try_from(at_byte % 8).unwrap();
        let rig = small().await;
        let matcher = Matcher { skip, ..Matcher::path("/api/v2/write") };
        rig.destination_fault(matcher, 1, Fault::FlipAsked { at_byte, bit });
        let run = rig.migrate(to_elsewhere(&rig)).await;
        assert_eq!(run.exit(), ExitCode::Done, "{skip} {at_byte} {bit}: {}", run.words());
        rig.assert_copied();
        let again = rig.migrate(to_elsewhere(&rig)).await;
        assert_eq!(again.exit(), ExitCode::Done, "{skip} {at_byte} {bit}: {}", again.words());
        rig.assert_copied();
    }))
    .await;
}

fn to_elsewhere(rig: &Rig) -> JobConfig {
    let mut config = rig.config();
    config.ends.destination.host = elsewhere(&config.ends.destination.host);
    config
}

/// One hour with two values: all answers are small.
async fn small() -> Rig {
    let lines = b"air,host=a f=12.5 1640995200000000001\nair,host=a f=13.25 1640995800000000001\n";
    let rig = Rig::start(cloud(), store_of(lines, 7 * 86_400)).await;
    let mut rig = rig.over("2022-01-01", "2022-01-01T01:00:00Z", "1h");
    rig.client.retries_max = 4;
    rig
}

fn from_elsewhere(rig: &Rig) -> JobConfig {
    let mut config = rig.config();
    config.ends.source.host = elsewhere(&config.ends.source.host);
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slices_that_are_too_much_are_cut_in_halves() {
    for (form, fault) in [
        (TimeoutForm::ErrorTable, Fault::Timeout),
        (TimeoutForm::Cut, Fault::Timeout),
        (TimeoutForm::Cut, status(400, "memory allocation limit reached")),
    ] {
        let settings = sluice::testing::sim::ServerSettings { timeout_form: form, ..cloud() };
        let rig = Rig::start(settings, store_of(&plant(0..6), 7 * 86_400)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T06:00:00Z", "6h");
        rig.source_fault(Matcher::path("/api/v2/query").body("rename"), 4, fault);
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::Done);
        assert!(run.count(|event| matches!(event, Event::Split { .. })) >= 2, "{form:?}");
        rig.assert_copied();
        assert_eq!(rig.records().len(), 1, "the batch stays as planned");
    }
}

/// An answer that is cut where it looks whole, right behind the blank line between two blocks, and everywhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_cut_anywhere_is_not_taken_for_whole() {
    let rig = one_hour().await;
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let read = |request: &sluice::testing::sim::RequestRecord| request.body_head.contains("rename");
    let whole = rig.source.records().into_iter().find(read).unwrap().decoded_bytes;
    // The last bytes are those of the blank line.
    let cuts = (0..whole - 1).step_by(61).chain([whole - 2, whole - 1]);
    let counted = rows::all_of(cuts.map(|after_bytes| async move {
        let rig = one_hour().await;
        let matcher = Matcher::path("/api/v2/query").body("rename");
        rig.source_fault(matcher, 1, Fault::CutClean { after_bytes });
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), ExitCode::Done, "{after_bytes}: {}", run.words());
        rig.assert_copied();
        run.count(|event| matches!(event, Event::Notice(text) if text.contains("arrived")))
    }))
    .await;
    let counted_only: usize = counted.into_iter().sum();
    assert!(counted_only <= 4, "elsewhere than between blocks the end mark tells: {counted_only}");
}

/// Between two blocks an answer looks whole: only the count tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_cut_between_two_blocks_is_found_by_the_count() {
    for times in [1, 2] {
        let rig = one_hour().await;
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
        let blocks = block_ends(&rig).await;
        assert!(blocks.len() > 2, "{blocks:?}");
        let rig = one_hour().await;
        let matcher = Matcher::path("/api/v2/query").body("rename");
        rig.source_fault(matcher, times, Fault::CutClean { after_bytes: blocks[0] });
        let run = rig.migrate(rig.config()).await;
        let exit = if times == 1 { ExitCode::Done } else { ExitCode::Permanent };
        assert_eq!(run.exit(), exit, "{}", run.words());
        rig.assert_checkpoint_is_behind();
        let again = rig.migrate(rig.config()).await;
        again.assert_exit(ExitCode::Done);
        rig.assert_copied();
    }
}

/// Lengths of the beginnings of the first slice's answer that end in a blank line.
async fn block_ends(rig: &Rig) -> Vec<u64> {
    use sluice::testing::job::ends::Ends;
    let ends = Ends::connect(&rig.config(), &(std::sync::Arc::new(|_| ()) as _)).unwrap();
    let read = |request: &sluice::testing::sim::RequestRecord| request.body_head.contains("rename");
    let query = rig.source.records().into_iter().find(read).unwrap().body_head;
    let answer = ends.source.query_all(&query, "answer").await.unwrap();
    let blank = b"\r\n\r\n";
    answer
        .windows(4)
        .enumerate()
        .filter(|(_, part)| part == blank)
        .map(|(at, _)| at as u64 + 4)
        .collect()
}
