//! A simulated source and a simulated destination on loopback, and whole migrations between them in this process.
//!
//! A run has a runtime of its own. When it is killed, that runtime is dropped as it stands: no stage is told, no lease is
//! given back, requests under way break off. What the servers hold stays.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluice::testing::config::ends::{EndConfig, TokenSetting, ValueOrigin};
use sluice::testing::config::job::{
    JobConfig, JobEnds, JobOutput, JobPace, JobSafety, SpoolChoice,
};
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::scope::JobScope;
use sluice::testing::config::values::{ColorChoice, EvidenceChoice, IntervalChoice, QuotaChoice};
use sluice::testing::config::verify::VerifyConfig;
use sluice::testing::exit::ExitCode;
use sluice::testing::influx::client::ClientSettings;
use sluice::testing::influx::signal::Observer;
use sluice::testing::job::ends::Ends;
use sluice::testing::job::error::Error;
use sluice::testing::job::heart::Heart;
use sluice::testing::job::judge::Passed;
use sluice::testing::job::prepare::prepare;
use sluice::testing::job::run::{self, Finished, Prepared};
use sluice::testing::job::verify::{KeptFindings, VerifyJob, VerifyOutcome};
use sluice::testing::job::{judge, load_spool, quota, verify};
use sluice::testing::model::filter::Filter;
use sluice::testing::model::time::Timestamp;
use sluice::testing::model::time_type::TimeType;
use sluice::testing::pipeline::event::{Counters, Event, VerifyProgress};
use sluice::testing::pipeline::stop::{StopSignal, stop_pair};
use sluice::testing::report::Ending;
use sluice::testing::report::preflight::{Finding, PreflightReport, Row, Verdict};
use sluice::testing::report::state::RunTotals;
use sluice::testing::report::summary::SummaryInput;
use sluice::testing::sim::{
    BucketStore, Fault, Matcher, Rule, Server, ServerSettings, StoredValue, Value,
};
use sluice::testing::spool::place::Surroundings;
use tokio::sync::Notify;

use super::golden::{Point, Value as Exact};

/// The bucket that is copied, at both ends.
pub(crate) const BUCKET: &str = "plant";
/// The bucket of the checkpoint.
pub(crate) const BATCHES: &str = "migration";
/// The organization of the source.
pub(crate) const CLOUD_ORG: &str = "cloud-org";
const OSS_ORG: &str = "oss-org";
/// Tokens that may appear nowhere.
pub(crate) const READ_TOKEN: &str = "CANARY-source-token";
/// See [`READ_TOKEN`].
pub(crate) const WRITE_TOKEN: &str = "CANARY-destination-token";

/// Two servers and a state folder.
pub(crate) struct Rig {
    pub(crate) source: Server,
    pub(crate) destination: Server,
    pub(crate) state: tempfile::TempDir,
    pub(crate) client: ClientSettings,
    start: Timestamp,
    stop: Timestamp,
    interval: &'static str,
}

/// A source store with this content, in shard groups of this length.
pub(crate) fn store_of(lines: &[u8], shard_s: u64) -> Arc<BucketStore> {
    let store = Arc::new(BucketStore::default());
    // Ids are numbers of a server: those of the two ends must differ.
    for other in ["other-1", "other-2", "other-3", "other-4"] {
        store.create_bucket(other, 0);
    }
    store.create_bucket_with(BUCKET, 0, shard_s);
    store.write_lp(BUCKET, lines).unwrap();
    store
}

/// A Cloud without InfluxQL and without a quota.
pub(crate) fn cloud() -> ServerSettings {
    ServerSettings::cloud(CLOUD_ORG, READ_TOKEN)
}

/// An OSS server as the source: it answers InfluxQL.
pub(crate) fn oss_source() -> ServerSettings {
    ServerSettings::oss(CLOUD_ORG, READ_TOKEN)
}

/// An OSS server as the destination.
pub(crate) fn oss() -> ServerSettings {
    ServerSettings::oss(OSS_ORG, WRITE_TOKEN)
}

/// A time from its text.
pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Rig {
    /// Serves `data` from a source, and an empty store as the destination.
    pub(crate) async fn start(source: ServerSettings, data: Arc<BucketStore>) -> Self {
        Self::between(source, data, oss(), Arc::new(BucketStore::default())).await
    }

    /// Serves two stores.
    pub(crate) async fn between(
        source: ServerSettings,
        data: Arc<BucketStore>,
        destination: ServerSettings,
        target: Arc<BucketStore>,
    ) -> Self {
        let client = ClientSettings {
            backoff_ms_min: 1,
            backoff_ms_max: 4,
            seed: Some(7),
            ..ClientSettings::default()
        };
        Self {
            source: Server::start(source, data).await.unwrap(),
            destination: Server::start(destination, target).await.unwrap(),
            state: tempfile::tempdir().unwrap(),
            client,
            start: time("2022-01-01"),
            stop: time("2022-01-02"),
            interval: "1h",
        }
    }

    /// The range and the batches of [`Rig::config`].
    pub(crate) fn over(mut self, start: &str, stop: &str, interval: &'static str) -> Self {
        (self.start, self.stop, self.interval) = (time(start), time(stop), interval);
        self
    }

    /// The settings of a plain job.
    pub(crate) fn config(&self) -> JobConfig {
        let end = |server: &Server, org: &str, token: &str| EndConfig {
            host: server.url(),
            host_from: ValueOrigin::Default("source-host"),
            org: Some(org.to_owned()),
            token: TokenSetting::Given { token: token.to_owned(), origin: "test".to_owned() },
            tls_ca_file: None,
        };
        JobConfig {
            ends: JobEnds {
                source: end(&self.source, CLOUD_ORG, READ_TOKEN),
                source_bucket: BUCKET.to_owned(),
                destination: end(&self.destination, OSS_ORG, WRITE_TOKEN),
                destination_bucket: BUCKET.to_owned(),
                batch_bucket: BATCHES.to_owned(),
                spool: None,
                wait_ms: 0,
            },
            scope: JobScope {
                start: RangeStart::At(self.start),
                stop: RangeStop::At(self.stop),
                batch_interval: IntervalChoice::Fixed(self.interval.parse().unwrap()),
                filter: Filter::default(),
            },
            pace: JobPace { quota: QuotaChoice::None, ..JobPace::default() },
            safety: JobSafety {
                create_buckets: true,
                yes: true,
                rejects: Some(self.rejects_path()),
                state_dir: self.state.path().join("state"),
                ..JobSafety::default()
            },
            output: JobOutput {
                json: false,
                color: ColorChoice::Never,
                volume: sluice::testing::report::volume::Volume::Usual,
                notices: Vec::new(),
            },
        }
    }

    fn rejects_path(&self) -> std::path::PathBuf {
        self.state.path().join("rejects.lp")
    }

    /// Another job has another one.
    fn staged_rejects_path(&self) -> std::path::PathBuf {
        self.state.path().join("staged-rejects.lp")
    }

    /// The rejects file, or both of them; empty if there is none.
    pub(crate) fn rejects(&self) -> String {
        let paths = [self.staged_rejects_path(), self.rejects_path()];
        let bytes: Vec<_> = paths.iter().flat_map(std::fs::read).flatten().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Migrates to the end.
    pub(crate) async fn migrate(&self, config: JobConfig) -> Run {
        self.migrate_until(config, |_| false).await
    }

    /// Migrates until `kill` says yes to an event: the run is gone then, in the middle of whatever it did.
    pub(crate) async fn migrate_until(
        &self,
        config: JobConfig,
        kill: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Run {
        self.migrate_stoppable(config, stop_pair().1, kill).await
    }

    /// As [`Rig::migrate_until`], with a way to ask for the end.
    pub(crate) async fn migrate_stoppable(
        &self,
        config: JobConfig,
        stop: StopSignal,
        kill: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Run {
        self.process(None, config, stop, kill).await
    }

    /// Migrates to the end on the runtime, and so on the clock, of the caller.
    pub(crate) async fn migrate_here(&self, config: JobConfig) -> Run {
        Box::pin(self.migrate_here_stoppable(config, stop_pair().1, |_| ())).await
    }

    /// As [`Rig::migrate_here`], with a way to ask for the end, and somebody who hears of each event.
    pub(crate) async fn migrate_here_stoppable(
        &self,
        config: JobConfig,
        stop: StopSignal,
        hear: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Run {
        let what = What { spool: None, config, client: self.client.clone(), stop };
        let hear = move |event: &Event| {
            hear(event);
            false
        };
        let run = followed(&what, hear).await;
        self.hold_canaries(&run);
        run
    }

    async fn process(
        &self,
        spool: Option<String>,
        config: JobConfig,
        stop: StopSignal,
        kill: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Run {
        let what = What { spool, config, client: self.client.clone(), stop };
        let run = tokio::task::spawn_blocking(move || process(&what, kill)).await;
        // What a killed run had sent is still carried out.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let run = run.unwrap();
        self.hold_canaries(&run);
        run
    }

    /// The settings of a job that writes the spool `stage` of the state folder, and needs no destination.
    pub(crate) fn stage_config(&self) -> JobConfig {
        let mut config = self.config();
        let place = self.stage_dir().display().to_string();
        let (time_type, surroundings) = (TimeType::NsUtc, Surroundings::default());
        config.ends.spool =
            Some(SpoolChoice { place, time_type, surroundings, for_load: Vec::new() });
        config.ends.destination.token = TokenSetting::None;
        config.safety.rejects = Some(self.staged_rejects_path());
        config
    }

    /// Where the spool is.
    pub(crate) fn stage_dir(&self) -> std::path::PathBuf {
        self.state.path().join("stage")
    }

    /// It, as what a destination is held against.
    pub(crate) fn spool(&self) -> EvidenceChoice {
        EvidenceChoice::Spool(self.stage_dir().display().to_string())
    }

    /// The settings of a load of all of it.
    pub(crate) fn load_config(&self) -> JobConfig {
        let stop = RangeStop::Now { settle_ns: 0 };
        with(self.config(), |config| {
            config.scope.start = RangeStart::Earliest;
            config.scope.stop = stop;
            config.scope.batch_interval = IntervalChoice::Auto;
        })
    }

    /// Loads the spool to the end.
    pub(crate) async fn load(&self, config: JobConfig) -> Run {
        self.load_until(config, |_| false).await
    }

    /// Loads the spool until `kill` says yes to an event.
    pub(crate) async fn load_until(
        &self,
        config: JobConfig,
        kill: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Run {
        self.load_stoppable(config, stop_pair().1, kill).await
    }

    /// As [`Rig::load_until`], with a way to ask for the end.
    pub(crate) async fn load_stoppable(
        &self,
        config: JobConfig,
        stop: StopSignal,
        kill: impl Fn(&Event) -> bool + Send + Sync + 'static,
    ) -> Run {
        self.process(Some(self.stage_dir().display().to_string()), config, stop, kill).await
    }

    /// Compares what was moved.
    pub(crate) async fn verify(
        &self,
        config: &JobConfig,
        wanted: &VerifyConfig,
    ) -> Result<VerifyOutcome, Error> {
        self.verify_kept(config, wanted, None).await
    }

    /// The same, where what is found equal may be kept.
    pub(crate) async fn verify_kept(
        &self,
        config: &JobConfig,
        wanted: &VerifyConfig,
        kept: Option<&KeptFindings>,
    ) -> Result<VerifyOutcome, Error> {
        let observer: Observer = Arc::new(|_| ());
        let ends = Ends::connect_with(config, &self.client, &observer)?;
        let events: Arc<dyn Fn(Event) + Send + Sync> = Arc::new(|_| ());
        let asked =
            VerifyJob { config, wanted, ends: &ends, observer: &observer, events: &events, kept };
        let progress = |_: VerifyProgress| ();
        Box::pin(verify::compare(asked, &progress)).await
    }

    /// Adds a fault at the source.
    pub(crate) fn source_fault(&self, matcher: Matcher, times: u32, fault: Fault) {
        self.source.inject(Rule { matcher, times, fault });
    }

    /// Adds a fault at the destination.
    pub(crate) fn destination_fault(&self, matcher: Matcher, times: u32, fault: Fault) {
        self.destination.inject(Rule { matcher, times, fault });
    }

    /// The progress records, in the order of their times, checked for their form.
    pub(crate) fn records(&self) -> Vec<Record> {
        records_of(self.destination.store(), BATCHES)
    }

    /// Both buckets hold the same, and the records cover the range of the job without a gap.
    pub(crate) fn assert_copied(&self) {
        let (source, destination) = (self.source.store(), self.destination.store());
        assert_eq!(source.count(BUCKET), destination.count(BUCKET), "values");
        assert!(source.dump(BUCKET) == destination.dump(BUCKET), "the contents differ");
        self.assert_records(self.stop);
    }

    /// The records follow each other from the start of the job to `stop`.
    pub(crate) fn assert_records(&self, stop: Timestamp) {
        let records = self.records();
        let mut at = self.start;
        for record in &records {
            assert_eq!(record.start, at, "records without a gap, once each");
            at = record.stop;
        }
        assert_eq!(at, stop, "the last record");
    }

    /// Everything before the watermark is at the destination: the checkpoint is never ahead of the data.
    pub(crate) fn assert_checkpoint_is_behind(&self) {
        let Some(last) = self.records().last().cloned() else { return };
        let before = |store: &BucketStore| -> Vec<StoredValue> {
            let in_range =
                |value: &StoredValue| value.time >= self.start.ns() && value.time < last.stop.ns();
            store.dump(BUCKET).into_iter().filter(in_range).collect()
        };
        assert!(
            before(self.source.store()) == before(self.destination.store()),
            "recorded up to {} but not all of it is there",
            last.stop
        );
    }

    fn hold_canaries(&self, run: &Run) {
        let mut said = format!("{:?}", run.events);
        if let Some(Err(error)) = &run.ended {
            said.push_str(&format!("{error:?}{:?}", sluice::testing::job::error::chain(error)));
        }
        said.push_str(&format!("{:?}{}", run.preflight, self.rejects()));
        said.push_str(&format!("{:?}", self.destination.store().dump(BATCHES)));
        assert!(!said.contains("CANARY"), "a token got out");
    }
}

/// What a run is to do.
struct What {
    /// The spool that is loaded; else the source is read.
    spool: Option<String>,
    config: JobConfig,
    client: ClientSettings,
    stop: StopSignal,
}

/// One run as a process of its own.
fn process(what: &What, kill: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(followed(what, kill))
}

/// One run, with what it tells.
async fn followed(what: &What, kill: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Run {
    let told = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let (killed, counters) = (Arc::new(Notify::new()), Arc::new(Counters::default()));
    // The clock of this run, also for who tells something on another thread.
    let (begun, runtime) = (tokio::time::Instant::now(), tokio::runtime::Handle::current());
    let elapsed_ms = move |runtime: &tokio::runtime::Handle| {
        let _inside = runtime.enter();
        u64::try_from(begun.elapsed().as_millis()).unwrap()
    };
    let sink: Arc<dyn Fn(Event) + Send + Sync> = {
        let (told, killed) = (Arc::clone(&told), Arc::clone(&killed));
        let (counters, runtime) = (Arc::clone(&counters), runtime.clone());
        Arc::new(move |event| {
            let kills = kill(&event);
            let moment = Moment { at_ms: elapsed_ms(&runtime), totals: RunTotals::of(&counters) };
            let mut told = told.lock().unwrap();
            told.0.push(event);
            told.1.push(moment);
            drop(told);
            if kills {
                killed.notify_one();
            }
        })
    };
    let preflight = Mutex::new(None);
    let ended = tokio::select! {
        biased;
        () = killed.notified() => None,
        result = flow(what, sink, Arc::clone(&counters), &preflight) => Some(result),
    };
    let end = Moment { at_ms: elapsed_ms(&runtime), totals: RunTotals::of(&counters) };
    let (events, moments) = told.lock().unwrap().clone();
    Run { ended, events, moments, end, preflight: preflight.into_inner().unwrap() }
}

/// What the command does, without a word.
async fn flow(
    what: &What,
    sink: Arc<dyn Fn(Event) + Send + Sync>,
    counters: Arc<Counters>,
    preflight: &Mutex<Option<PreflightReport>>,
) -> Result<Finished, Error> {
    let observer: Observer = {
        let sink = Arc::clone(&sink);
        Arc::new(move |signal| sink(Event::Client(signal)))
    };
    let What { spool, config, client, stop } = what;
    let mut both = Ends::connect_with(config, client, &observer)?;
    let stop = stop.clone();
    if let Some(place) = spool {
        let spool = load_spool::OpenedSpool::open(place, &Surroundings::default()).await?;
        let (checked, report) = load_spool::check(&spool, config, &both.destination).await?;
        *preflight.lock().unwrap() = Some(report);
        let prepared =
            load_spool::prepare(&spool, checked?, config, &both.destination, &stop).await?;
        return beating(prepared, sink, counters, stop).await;
    }
    let checked = judge::check(config, &both).await?;
    *preflight.lock().unwrap() = Some(checked.report.clone());
    let Passed { source, mut destination, .. } = checked.passed()?;
    both.source = quota::paced(config, &both.source, &source, &observer).await;
    let prepared = prepare(config, &both, &source, destination.as_mut(), &stop).await?;
    both.source.quota().tell(&observer);
    beating(prepared, sink, counters, stop).await
}

/// A run with its heartbeats, as the program has it.
async fn beating(
    prepared: Prepared,
    sink: Arc<dyn Fn(Event) + Send + Sync>,
    counters: Arc<Counters>,
    stop: StopSignal,
) -> Result<Finished, Error> {
    let heart = Heart::start(&prepared.begun.keeper, None, &counters);
    let ended = run::execute(prepared, heart.beside(sink), counters, stop.clone()).await;
    heart.end(&ending(&ended), &stop).await;
    ended
}

fn ending(ended: &Result<Finished, Error>) -> Ending {
    match ended {
        Ok(finished) => Ending::Finished(Box::new(SummaryInput {
            outcome: finished.outcome.clone(),
            source: String::new(),
            destination: String::new(),
            elapsed_ms: 0,
            exit: finished.exit.number(),
            rejects: None,
            next: None,
            later: None,
            read_back: None,
        })),
        Err(error) => Ending::Failed(error.failure(0)),
    }
}

/// The clock of a run and its sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at_ms: u64,
    pub(crate) totals: RunTotals,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its result; none if it was killed.
    pub(crate) ended: Option<Result<Finished, Error>>,
    /// What it told.
    pub(crate) events: Vec<Event>,
    /// When it told each of them.
    pub(crate) moments: Vec<Moment>,
    /// When it ended.
    pub(crate) end: Moment,
    /// What was found before it began.
    pub(crate) preflight: Option<PreflightReport>,
}

impl Run {
    /// The exit code of a run that was not killed.
    pub(crate) fn exit(&self) -> ExitCode {
        match self.ended.as_ref().expect("the run was killed") {
            Ok(finished) => finished.exit,
            Err(error) => error.exit(),
        }
    }

    /// The result of a run that ended as planned.
    pub(crate) fn finished(&self) -> &Finished {
        match self.ended.as_ref().expect("the run was killed") {
            Ok(finished) => finished,
            Err(error) => panic!("{:?}", sluice::testing::job::error::chain(error)),
        }
    }

    /// Holds the exit code against `wanted`, with the error's words if it is another.
    pub(crate) fn assert_exit(&self, wanted: ExitCode) {
        assert_eq!(self.exit(), wanted, "{}", self.words());
    }

    /// The error with its causes, or nothing.
    pub(crate) fn words(&self) -> String {
        match &self.ended {
            Some(Err(error)) => sluice::testing::job::error::chain(error).join(": "),
            _ => String::new(),
        }
    }

    /// The error of a run that failed.
    pub(crate) fn error(&self) -> &Error {
        let ended = self.ended.as_ref().expect("the run was killed");
        ended.as_ref().expect_err("the run did not fail")
    }

    /// Events that `pick` takes.
    pub(crate) fn count(&self, pick: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| pick(event)).count()
    }

    /// Batches that were read.
    pub(crate) fn opened(&self) -> usize {
        self.count(|event| matches!(event, Event::BatchOpened { .. }))
    }

    /// What preflight found under this code, failures and warnings only.
    pub(crate) fn finding(&self, code: &str) -> Option<Finding> {
        let report = self.preflight.as_ref()?;
        let rows = report.source.iter().chain(&report.destination).chain(&report.progress);
        rows.filter_map(|row| match row {
            Row::Finding(finding) => Some(finding.clone()),
            Row::Fact { .. } => None,
        })
        .find(|finding| finding.code == code && finding.verdict != Verdict::Ok)
    }
}

/// A progress record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) start: Timestamp,
    pub(crate) stop: Timestamp,
    pub(crate) rows: i64,
    pub(crate) percent: f64,
    pub(crate) time: i64,
}

/// The records of a store, in the order of their times; panics if one has not exactly the form of the official task.
pub(crate) fn records_of(store: &BucketStore, bucket: &str) -> Vec<Record> {
    let mut by_time = std::collections::BTreeMap::new();
    for value in store.dump(bucket) {
        if &*value.series.measurement == b"batches" {
            let tags: Vec<_> = value.series.tags.iter().map(|(key, _)| &**key).collect();
            assert_eq!(tags, [&b"dstBucket"[..], b"srcBucket", b"srcOrg"]);
            let fields: &mut Vec<_> = by_time.entry(value.time).or_default();
            fields.push((String::from_utf8(value.field.to_vec()).unwrap(), value.value));
        }
    }
    let record = |(time, mut fields): (i64, Vec<(String, Value)>)| {
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["batch_start", "batch_stop", "percent_complete", "rows"]);
        let text = |value: &Value| match value {
            Value::String(text) => String::from_utf8(text.to_vec()).unwrap(),
            other => panic!("{other:?} is no text"),
        };
        let nine_digits = |value: &Value| {
            let text = text(value);
            assert!(text.len() == 30 && text.ends_with('Z') && &text[19..20] == ".", "{text}");
            time_of(&text)
        };
        let (Value::Float(percent), Value::Integer(rows)) = (&fields[2].1, &fields[3].1) else {
            panic!("{fields:?}")
        };
        let (start, stop) = (nine_digits(&fields[0].1), nine_digits(&fields[1].1));
        Record { start, stop, rows: *rows, percent: *percent, time }
    };
    by_time.into_iter().map(record).collect()
}

fn time_of(text: &str) -> Timestamp {
    time(text)
}

/// A store's content in the form of the golden cases.
pub(crate) fn points(store: &BucketStore, bucket: &str) -> Vec<Point> {
    let mut points: Vec<_> = store
        .dump(bucket)
        .into_iter()
        .map(|stored| Point {
            series: (*stored.series).clone(),
            field: stored.field.to_vec().into(),
            time: stored.time,
            value: match stored.value {
                Value::Float(v) => Exact::Float(v.to_bits()),
                Value::Integer(v) => Exact::Integer(v),
                Value::Unsigned(v) => Exact::Unsigned(v),
                Value::Boolean(v) => Exact::Boolean(v),
                Value::String(v) => Exact::Text(v.to_vec().into()),
            },
        })
        .collect();
    points.sort();
    points
}

/// Two hosts, a line every ten minutes in the hours of 2022-01-01 that are given, one field of each type.
pub(crate) fn plant(hours: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let mut lines = String::new();
    for hour in hours {
        for step in 0..6 {
            for host in ["a", "b"] {
                let at = 1_640_995_200 + hour * 3_600 + step * 600;
                lines.push_str(&format!(
                    "air,host={host} b={},f={},i={}i,s=\"{host}, \\\"{step}\\\"\",u={}u {at}000000001\n",
                    step % 2 == 0,
                    0.1 + hour as f64 / 3.0,
                    hour - step,
                    hour * 1_000 + step
                ));
            }
        }
    }
    lines.into_bytes()
}

/// An address of this machine by another name, which is not known to be it.
pub(crate) fn elsewhere(address: &str) -> String {
    address.replace("127.0.0.1", "0.0.0.0")
}

/// The same settings with a change.
pub(crate) fn with(mut config: JobConfig, change: impl FnOnce(&mut JobConfig)) -> JobConfig {
    change(&mut config);
    config
}
