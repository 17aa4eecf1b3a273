//! `demo`: a whole migration between two simulated servers in this process: a Cloud with a read quota that answers once
//! with 429, once runs into its query timeout and once breaks off, and an empty OSS. Nothing is needed, nothing is left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use crate::cli::demo::DemoArgs;
use crate::config::demo::DemoConfig;
use crate::config::ends::{EndConfig, TokenSetting};
use crate::config::env::Env;
use crate::config::job::{JobConfig, JobEnds, JobOutput, JobPace, JobSafety};
use crate::config::origin::ValueOrigin;
use crate::config::range::{RangeStart, RangeStop};
use crate::config::scope::JobScope;
use crate::config::values::{IntervalChoice, QuotaChoice, ReadBackChoice};
use crate::exit::ExitCode;
use crate::job::ends::Ends;
use crate::job::error::Error as JobError;
use crate::job::judge::Passed;
use crate::job::prepare::prepare;
use crate::job::run::{self, ClientSignals};
use crate::job::shown::{self, Shown};
use crate::job::signals::StopSignals;
use crate::job::{judge, quota, read_back};
use crate::limits::{QUOTA_BYTES_PER_WINDOW_DEFAULT, QUOTA_WINDOW_MS};
use crate::model::filter::Filter;
use crate::model::interval::Interval;
use crate::model::number;
use crate::model::time::{NS_PER_S, Timestamp};
use crate::report::state::Header;
use crate::report::text::wrap;
use crate::report::{json, stream};
use crate::sim::tsbs::Workload;
use crate::sim::{
    AccessToken, BucketStore, Fault, FaultScript, Matcher, ReadQuota, Server, ServerSettings,
    TimeoutForm,
};

/// A tenth of the smallest quota of Cloud: what a demo reads in a few seconds would not feel the whole.
const QUOTA_BYTES_PER_WINDOW: u64 = QUOTA_BYTES_PER_WINDOW_DEFAULT / 10;

const BUCKET: &str = "plant";
const CLOUD_ORG: &str = "cloud-org";
const OSS_ORG: &str = "oss-org";
const READ_TOKEN: &str = "demo-read-one-bucket";
const OSS_TOKEN: &str = "demo-oss";

/// Runs the command.
pub(crate) async fn run(args: DemoArgs, env: Env, stops: &StopSignals) -> Result<ExitCode, Error> {
    let demo = DemoConfig::new(args.typed(), &env)?;
    let servers = Servers::start(demo).await?;
    let folder = Scratch::new();
    let config = config(demo, &servers, folder.path());
    let signals = ClientSignals::default();
    let mut both = Ends::connect(&config, &signals.observer())?;
    let Passed { source, mut destination, .. } = judge::check(&config, &both).await?.passed()?;
    both.source = quota::paced(&config, &both.source, &source, &signals.observer()).await;
    let _moving = stops.moving();
    let stop = stops.stop();
    let prepared = prepare(&config, &both, &source, destination.as_mut(), &stop).await?;
    let header = Header {
        command: "demo".to_owned(),
        source: format!("{CLOUD_ORG}/{BUCKET}"),
        ..shown::header(&config, &source)
    };
    let shown = Shown {
        header,
        mode: shown::mode(&config.output),
        color: shown::forced(config.output.color),
        volume: config.output.volume,
        next: None,
        later: Some("Nothing of it is kept: both servers end with this program"),
    };
    let reads_back = read_back::of(&config, &both);
    let finished =
        run::run(prepared, reads_back, shown, &signals, stop).await.map_err(Error::told)?;
    if finished.outcome.stopped.is_none() {
        servers.compare(demo.json)?;
    }
    Ok(finished.exit)
}

/// The two simulated servers.
struct Servers {
    cloud: Server,
    oss: Server,
    start: Timestamp,
    stop: Timestamp,
}

impl Servers {
    async fn start(demo: DemoConfig) -> Result<Self, Error> {
        let io = |source| JobError::Io { what: "cannot start a simulated server", source };
        let hour_ns = 3_600 * NS_PER_S;
        let workload = Workload {
            hosts: demo.hosts,
            points_per_host: demo.hours as usize * 360,
            start_ns: 1_640_995_200 * NS_PER_S,
            seed: demo.seed,
            ..Workload::default()
        };
        let data = Arc::new(BucketStore::default());
        data.create_bucket(BUCKET, 0);
        workload.load(&data, BUCKET).expect("generated values have one type per field");
        let cloud = ServerSettings {
            tokens: vec![AccessToken::read(READ_TOKEN, BUCKET)],
            quota: Some(ReadQuota {
                bytes_per_window: QUOTA_BYTES_PER_WINDOW,
                window_ms: QUOTA_WINDOW_MS,
                phase_ms: 0,
            }),
            limits_readable: false,
            influxql: true,
            timeout_form: TimeoutForm::ErrorTable,
            faults: faults(),
            record_requests: false,
            ..ServerSettings::cloud(CLOUD_ORG, READ_TOKEN)
        };
        let oss =
            ServerSettings { record_requests: false, ..ServerSettings::oss(OSS_ORG, OSS_TOKEN) };
        let start = Timestamp::from_ns(workload.start_ns);
        Ok(Self {
            cloud: Server::start(cloud, data).await.map_err(io)?,
            oss: Server::start(oss, Arc::new(BucketStore::default())).await.map_err(io)?,
            start,
            stop: start.saturating_add_ns(i64::from(demo.hours) * hour_ns),
        })
    }

    /// Both contents, value by value.
    fn compare(&self, json: bool) -> Result<(), Error> {
        let (source, destination) = (self.cloud.store(), self.oss.store());
        let (source_values, destination_values) = (source.count(BUCKET), destination.count(BUCKET));
        if source.digest(BUCKET) != destination.digest(BUCKET)
            || source_values != destination_values
        {
            return Err(Error::DemoDiffers { source_values, destination_values });
        }
        if json {
            stream::print_exact(json::comparison(source_values));
        } else {
            let values = number::all_counted(source_values, "value", "values");
            let text = format!("COMPARED   all {values} of both ends: equal");
            wrap(&text, stream::stdout_paper(None).columns, 2).iter().for_each(stream::print);
        }
        Ok(())
    }
}

/// What goes wrong at the simulated Cloud: the guide's troubles, one of each.
fn faults() -> FaultScript {
    let reads = |skip| Matcher::path("/query").body("SELECT").skip(skip);
    FaultScript::none()
        .with(reads(4), 1, Fault::too_many(Some(2)))
        .with(reads(7), 1, Fault::Cut { after_bytes: 20_000 })
        .with(reads(11), 1, Fault::Timeout)
}

fn config(demo: DemoConfig, servers: &Servers, state_dir: &Path) -> JobConfig {
    let end = |host: String, org: &str, token: &str| EndConfig {
        host,
        host_from: ValueOrigin::Default("demo"),
        org: Some(org.to_owned()),
        token: TokenSetting::Given { token: token.to_owned(), origin: "demo".to_owned() },
        tls_ca_file: None,
    };
    JobConfig {
        ends: JobEnds {
            source: end(servers.cloud.url(), CLOUD_ORG, READ_TOKEN),
            source_bucket: BUCKET.to_owned(),
            destination: end(servers.oss.url(), OSS_ORG, OSS_TOKEN),
            destination_bucket: BUCKET.to_owned(),
            batch_bucket: "migration".to_owned(),
            spool: None,
            wait_ms: 0,
        },
        scope: JobScope {
            start: RangeStart::At(servers.start),
            stop: RangeStop::At(servers.stop),
            batch_interval: IntervalChoice::Fixed(Interval::from_ns(1_800 * NS_PER_S)),
            filter: Filter::default(),
        },
        pace: JobPace {
            quota: QuotaChoice::Bytes { per_window: QUOTA_BYTES_PER_WINDOW },
            ..JobPace::default()
        },
        safety: JobSafety {
            create_buckets: true,
            yes: true,
            state_dir: state_dir.to_owned(),
            verify: ReadBackChoice::End,
            ..JobSafety::default()
        },
        output: JobOutput {
            json: demo.json,
            color: demo.color,
            volume: demo.volume,
            notices: Vec::new(),
        },
    }
}

/// A state folder that goes with the demo.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("sluice-demo-{}", std::process::id())))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it any more.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
