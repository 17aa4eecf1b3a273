//! Refused lines: which they are, how many may be, and what is no refusal of a line.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::values::ExistingPolicy;
use sluice::testing::exit::ExitCode;
use sluice::testing::model::series::{Name, Series};
use sluice::testing::model::time::NS_PER_S;
use sluice::testing::pipeline::event::Event;
use sluice::testing::pipeline::write::bucket::type_conflict::ConflictPolicy;
use sluice::testing::sim::{
    BucketStore, ColumnValues, Fault, Matcher, ServerClock, ServerSettings,
};

use crate::support::rig::{BUCKET, Rig, cloud, oss, oss_source, plant, store_of, time, with};

/// Lines of the rejects file that are line protocol; names and values here hold no newline.
fn refused(rig: &Rig) -> BTreeSet<String> {
    rig.rejects().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn data_writes(rig: &Rig) -> usize {
    let records = rig.destination.records();
    let is_data = |head: &str| head.starts_with('m') || head.starts_with("air");
    records.iter().filter(|r| r.path == "/api/v2/write" && is_data(&r.body_head)).count()
}

/// Fields of several types in one hour, whose types nobody knows beforehand, and a destination that holds both as text.
async fn clashing(lines: &str) -> (Rig, JobConfig) {
    let target = Arc::new(BucketStore::default());
    target.create_bucket_with(BUCKET, 0, 7 * 86_400);
    target.write_lp(BUCKET, b"m,t=z v=\"x\",w=\"y\" 1640995200000000000").unwrap();
    let source = store_of(lines.as_bytes(), 7 * 86_400);
    let rig = Rig::between(cloud(), source, oss(), target).await;
    let rig = rig.over("2022-01-01", "2022-01-01T01:00:00Z", "1h");
    let mut config = rig.config();
    (config.safety.on_type_conflict, config.safety.existing) =
        (ConflictPolicy::Reject, ExistingPolicy::Merge);
    (rig, config)
}

/// The server's own account of a body decides: bisection alone would take two requests for each line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_refused_lines_cost_a_few_requests() {
    let (mut lines, mut clashing_lines) = (String::new(), BTreeSet::new());
    for at in 0..30_000_i64 {
        // Every third line is taken; the others clash by one field or the other, in turns.
        let field = ["v=0.5", "ok=7i", "w=1i"][usize::try_from(at % 3).unwrap()];
        let line = format!("m,t=a {field} {}", 1_640_995_200_000_000_000 + at * 100_000_000);
        writeln!(lines, "{line}").unwrap();
        if at % 3 != 1 {
            clashing_lines.insert(line);
        }
    }
    let (rig, mut config) = clashing(&lines).await;
    config.safety.reject_limit = 20_000;
    let run = rig.migrate(config.clone()).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(run.finished().outcome.rejected, 20_000);
    assert!(refused(&rig) == clashing_lines, "{} lines", refused(&rig).len());
    assert_eq!(rig.destination.store().count(BUCKET), 10_000 + 2);
    assert!(data_writes(&rig) <= 36, "{} writes", data_writes(&rig));
    assert!(rig.rejects().contains("input field 'v'") && rig.rejects().contains("input field 'w'"));

    // One less, and the run stops: nothing is committed, nothing kept as refused.
    let (rig, config) = {
        let (rig, config) = clashing(&lines).await;
        (rig, with(config, |config| config.safety.reject_limit = 19_999))
    };
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Permanent);
    for word in
        ["--reject-limit is 19,999", "[2022-01-01T00:00:00Z, ", "already exists as type string"]
    {
        assert!(run.words().contains(word), "no {word} in {}", run.words());
    }
    assert!(rig.records().is_empty() && rig.rejects().is_empty());
}

/// Retention refuses by time: the old lines of a body are told by the newest of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_behind_the_retention_are_refused_exactly() {
    let mut lines = String::new();
    for at in 0..2_000 {
        writeln!(lines, "m,t=a v={at}i {}", 1_640_995_200_000_000_000 + at * 180 * NS_PER_S)
            .unwrap();
    }
    let target = Arc::new(BucketStore::default());
    target.create_bucket_with(BUCKET, 200 * 3_600, 86_400);
    let clock = ServerClock::at(time("2022-01-05T04:00:00Z").ns());
    let destination = ServerSettings { clock: clock.clone(), ..oss() };
    let source = ServerSettings { clock: clock.clone(), ..cloud() };
    let data = store_of(lines.as_bytes(), 86_400);
    let rig = Rig::between(source, data, destination, target).await;
    let rig = rig.over("2022-01-01", "2022-01-06", "1d");
    // Half of the lines grow too old while the run begins.
    let kept_ns = time("2022-01-03T02:00:00Z").ns();
    let later = move |event: &Event| {
        if matches!(event, Event::Planned(_)) {
            clock.set(kept_ns + 200 * 3_600 * NS_PER_S);
        }
        false
    };
    let run = rig.migrate_until(rig.config(), later).await;
    run.assert_exit(ExitCode::Rejected);
    let old = refused(&rig);
    assert_eq!(old.len() as u64, run.finished().outcome.rejected);
    // The clock goes on: a line or two more may be too old.
    assert!((1_000..=1_002).contains(&old.len()), "{}", old.len());
    assert_eq!(rig.destination.store().count(BUCKET), 2_000 - old.len() as u64);
    let newest = old.iter().filter_map(|line| line.rsplit(' ').next()?.parse::<i64>().ok()).max();
    assert!(newest.is_some_and(|newest| newest < kept_ns + 600 * NS_PER_S));
    assert!(data_writes(&rig) <= 12, "{} writes", data_writes(&rig));
}

async fn hours() -> Rig {
    let rig = Rig::start(cloud(), store_of(&plant(0..3), 7 * 86_400)).await;
    rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h")
}

/// What refuses whatever it is sent says nothing of the lines: none of them counts as refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_refuses_everything_makes_no_refused_lines() {
    let status =
        |status, body: &str| Fault::Status { status, retry_after: None, body: body.to_owned() };
    let json = |message: &str| format!("{{\"code\":\"x\",\"message\":\"{message}\"}}");
    let page = "<html><head><title>Request Entity Too Large</title></head></html>";
    for (fault, word) in [
        (status(413, page), "client_max_body_size"),
        (Fault::too_large(), "client_max_body_size"),
        (status(400, page), "not an answer of InfluxDB"),
        (status(400, &json("blocked by policy 7")), "blocked by policy 7"),
        (status(400, ""), "status 400"),
        (status(411, &json("length required")), "length required"),
        (status(422, page), "Request Entity Too Large;"),
        (status(422, &json("blocked")), "blocked"),
    ] {
        let rig = hours().await;
        let writes = Matcher::path("/api/v2/write").body("air,");
        rig.destination_fault(writes, u32::MAX, fault.clone());
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), ExitCode::Permanent, "{fault:?}: {}", run.words());
        assert!(run.words().contains(word), "no {word}: {}", run.words());
        assert!(rig.records().is_empty() && rig.rejects().is_empty(), "{fault:?}");
        rig.destination.clear_faults();
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
        rig.assert_copied();
    }
}

/// A line that is larger than what a proxy takes is refused by itself, with a short reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_line_that_is_too_large_is_refused_by_itself() {
    let mut lines = plant(0..1);
    let long = "x".repeat(150_000);
    lines.extend_from_slice(format!("long s=\"{long}\",i=1i 1640995200000000000\n").as_bytes());
    let destination = ServerSettings { write_bytes_max: Some(100_000), ..oss() };
    let data = store_of(&lines, 7 * 86_400);
    let rig = Rig::between(cloud(), data, destination, Arc::new(BucketStore::default())).await;
    let rig = rig.over("2022-01-01", "2022-01-01T01:00:00Z", "1h");
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(run.finished().outcome.rejected, 2);
    assert_eq!(rig.destination.store().count(BUCKET), 60);
    let reasons: Vec<_> = rig
        .rejects()
        .lines()
        .filter(|line| line.starts_with("# 2 values"))
        .map(str::to_owned)
        .collect();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].starts_with("# 2 values: one line of 150"), "{reasons:?}");
    assert!(reasons[0].ends_with("larger than the destination or a proxy before it takes (413)"));
}

/// A shard that is being deleted takes the lines once it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_is_being_deleted_is_waited_for() {
    let rig = hours().await;
    let text =
        "failure writing points to database: partial write: shard 7 is pending deletion dropped=12";
    let writes = Matcher::path("/api/v2/write").body("air,");
    rig.destination_fault(writes, 3, Fault::unprocessable(text));
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    assert!(rig.destination.faults_used_up());
    rig.assert_copied();
}

/// Lines that cannot be parsed are named by the server, all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_are_named_as_bad_are_refused_with_their_own_reasons() {
    let rig = hours().await;
    let lines = String::from_utf8(plant(0..1)).unwrap();
    // As the encoder writes them: fields in order, which `plant` has too.
    let bad: Vec<_> = lines.lines().filter(|line| line.contains("host=b")).collect();
    let named: Vec<_> =
        bad.iter().map(|line| format!("unable to parse '{line}': bad luck")).collect();
    let text = serde_json::to_string(&named.join("\n")).unwrap();
    let body = format!("{{\"code\":\"invalid\",\"message\":{text}}}");
    let fault = Fault::Status { status: 400, retry_after: None, body };
    let writes = Matcher::path("/api/v2/write").body("host=b b=true,f=0.1,");
    rig.destination_fault(writes, 1, fault);
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Rejected);
    assert!(rig.destination.faults_used_up());
    assert_eq!(run.finished().outcome.rejected, 30, "six lines of five values");
    assert_eq!(refused(&rig), bad.iter().map(|line| (*line).to_owned()).collect());
    assert_eq!(rig.rejects().matches("# 5 values: bad luck\n").count(), 6);
}

/// What clashes by a type that is known beforehand counts before it is encoded or kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_for_every_source_of_refusals() {
    let mut lines = String::new();
    for at in 0..40_000_i64 {
        writeln!(lines, "m,t=a v={at}i {}", 1_640_995_200_000_000_000 + at * 50_000_000).unwrap();
    }
    for (limit, exit) in [(39_999, ExitCode::Permanent), (40_000, ExitCode::Rejected)] {
        let target = Arc::new(BucketStore::default());
        target.create_bucket_with(BUCKET, 0, 7 * 86_400);
        target.write_lp(BUCKET, b"m,t=z v=\"x\" 1640995200000000000").unwrap();
        let source = store_of(lines.as_bytes(), 7 * 86_400);
        let rig = Rig::between(oss_source(), source, oss(), target).await;
        let rig = rig.over("2022-01-01", "2022-01-01T01:00:00Z", "1h");
        let mut config = rig.config();
        config.safety.on_type_conflict = ConflictPolicy::Reject;
        (config.safety.existing, config.safety.reject_limit) = (ExistingPolicy::Merge, limit);
        let run = rig.migrate(config).await;
        run.assert_exit(exit);
        assert_eq!(data_writes(&rig), 0, "they were known beforehand");
        let kept = refused(&rig).len();
        assert_eq!(kept, if exit == ExitCode::Rejected { 40_000 } else { 0 });
        assert_eq!(rig.records().len(), usize::from(exit == ExitCode::Rejected));
    }
    // Names that no line carries.
    let rig = hours().await;
    let series = Series::new(
        b"air".to_vec().into_boxed_slice(),
        [(b"host".to_vec().into_boxed_slice(), b"x\\".to_vec().into_boxed_slice())],
    );
    let times: Vec<_> = (0..7).map(|at| time("2022-01-01T01:00:00Z").ns() + at).collect();
    let column = ColumnValues::Float(vec![0.5; 7]);
    rig.source.store().load_column(BUCKET, &series, b"f", &times, &column).unwrap();
    let run = rig.migrate(with(rig.config(), |config| config.safety.reject_limit = 6)).await;
    run.assert_exit(ExitCode::Permanent);
    assert!(run.words().contains("7 values refused") && run.words().contains("backslash"));
    assert!(rig.records().len() <= 1 && rig.rejects().is_empty());
    rig.migrate(with(rig.config(), |config| config.safety.reject_limit = 7))
        .await
        .assert_exit(ExitCode::Rejected);
}

/// A string that is read a second time for its carriage return, and refused a second time, is one refused value.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_twice_counts_once() {
    let (rig, config) = clashing("m,t=b g=1i 1640995200000000000\n").await;
    let series = Series::new(*b"m", [(Name::from(*b"t"), Name::from(*b"b"))]);
    let first = time("2022-01-01").ns();
    let texts: [&[u8]; 3] = [b"a", b"b\rc", b"d"];
    let column = ColumnValues::String(texts.iter().map(|text| (*text).into()).collect());
    let times = [first, first + NS_PER_S, first + 2 * NS_PER_S];
    rig.source.store().load_column(BUCKET, &series, b"n", &times, &column).unwrap();
    rig.destination.store().write_lp(BUCKET, b"m,t=z n=7i 1640995200000000000").unwrap();
    let run = rig.migrate(config.clone()).await;
    run.assert_exit(ExitCode::Rejected);
    let text = rig.rejects();
    assert!(text.contains("n=\"b\rc\"") && text.matches("n=\"bc\"").count() == 1, "{text}");
    // The line of the first instant holds `g` as well, which is taken.
    assert_eq!(run.finished().outcome.rejected, 3, "{text}");
    assert!(text.contains(", 3 values in "), "{text}");
    assert_eq!(rig.destination.store().count(BUCKET), 3 + 1);
    let again = rig.migrate(config).await;
    again.assert_exit(ExitCode::Rejected);
    let notices = |event: &Event| matches!(event, Event::Notice(text) if text.contains("accounts"));
    assert_eq!(again.count(notices), 0);
}
