//! Every flag there is. A flag is added here, under its heading: from its line come its place on the command line, its
//! variable, its key and its help. Its value is a field of the configuration of those who use it.

#![expect(rustdoc::bare_urls, reason = "the comments are the help")]

use std::path::PathBuf;

use super::flag::{
    Completes, Flag, FlagGroup, FlagOf, flags, list, official, one, program, switch,
};
use super::given::Given;
use super::range::{RangeStart, RangeStop, read_start, read_stop};
use super::values::{
    self, ColorChoice, EvidenceChoice, ExistingPolicy, ExportFormat, IntervalChoice, QuotaChoice,
    ReadBackChoice,
};
use crate::bench::record::TrialSink;
use crate::bench::setting::Way;
use crate::limits::{BENCH_REPETITIONS_MAX, SLICES_IN_FLIGHT_MAX, VERIFY_VALUES_SHOWN_MAX};
use crate::model::interval::Interval;
use crate::model::share::Share;
use crate::model::time_type::TimeType;
use crate::model::transport::Transport;
use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;

flags! {
    /// Where the data is read.
    SOURCE under "Source":
    /// InfluxDB Cloud address, such as https://cloud2.influxdata.com
    SOURCE_HOST: String = official("source-host", "URL").completes(Completes::Url).read_by(values::read_address);
    /// Organization, where the token sees more than one
    SOURCE_ORG: String = official("source-org", "NAME").read_by(Given::name);
    /// Bucket to copy; only ever read
    SOURCE_BUCKET: String = official("source-bucket", "NAME").read_by(Given::name);
    /// Address, organization and token from this influx CLI profile
    SOURCE_PROFILE: String = one("source-profile", "PROFILE").read_by(values::read_text);
    /// File that holds the token
    SOURCE_TOKEN_FILE: PathBuf = one("source-token-file", "FILE").completes(Completes::File).read_by(values::read_path);
    /// Command that prints the token; run without a shell
    SOURCE_TOKEN_COMMAND: Vec<String> = program("source-token-command").read_by(values::read_command);
}

flags! {
    /// Where it is written.
    DESTINATION under "Destination":
    /// InfluxDB OSS address
    DESTINATION_HOST: String = one("destination-host", "URL").or("http://localhost:8086")
        .completes(Completes::Url).read_by(values::read_address);
    /// Organization, where the token sees more than one
    DESTINATION_ORG: String = one("destination-org", "NAME").read_by(Given::name);
    /// Bucket to write to [default: the source bucket's name]
    DESTINATION_BUCKET: String = official("destination-bucket", "NAME").read_by(Given::name);
    /// Address, organization and token from this influx CLI profile
    DESTINATION_PROFILE: String = one("destination-profile", "PROFILE").read_by(values::read_text);
    /// File that holds the token
    DESTINATION_TOKEN_FILE: PathBuf = one("destination-token-file", "FILE").completes(Completes::File)
        .read_by(values::read_path);
    /// Command that prints the token; run without a shell
    DESTINATION_TOKEN_COMMAND: Vec<String> = program("destination-token-command").read_by(values::read_command);
    /// Create destination and batch bucket, with retention 0
    CREATE_BUCKETS: bool = switch("create-buckets").read_by(values::read_yes);
}

flags! {
    /// How the ends are reached.
    CONNECTIONS under "Connections":
    /// Certificates to trust beside the system's, at both ends
    TLS_CA_FILE: PathBuf = one("tls-ca-file", "FILE").completes(Completes::File).read_by(values::read_path);
    /// Wait so long for both ends to be up, as in 5m [default: two tries]
    WAIT_FOR_ENDS: u64 = one("wait-for-ends", "DURATION").read_by(values::read_wait_ms);
}

flags! {
    /// Files instead of the destination.
    SPOOLED under "Spool":
    /// Write to files instead of the destination: parquet
    SPOOL: () = one("spool", "FORMAT").read_by(values::read_parquet);
    /// Folder of the spool, or s3://bucket/prefix, gs://..., az://...
    SPOOL_DIR: String = one("spool-dir", "DIR|URL").completes(Completes::Path).read_by(Given::place);
    /// Times in the files: ns-utc, us-utc (whole microseconds only) or i64
    TIME_TYPE: TimeType = one("time-type", "TYPE").or("ns-utc").words(&[
        ("ns-utc", "Timestamps in nanoseconds"),
        ("us-utc", "Timestamps in microseconds"),
        ("i64", "Integers: nanoseconds since 1970"),
    ]).read_by(|given| given.parse("ns-utc, us-utc or i64"));
}

flags! {
    /// Range, batches, and the official task.
    JOB under "Job":
    /// First time to copy: RFC 3339, a date, or -30d
    START: RangeStart = official("start", "TIME").or("earliest").hyphens().read_by(read_start);
    /// First time not to copy; now is less --settle
    STOP: Option<RangeStop> = official("stop", "TIME").or("now").hyphens().read_by(read_stop);
    /// How far behind now the default stop stays
    SETTLE: i64 = one("settle", "DURATION").or("10m").read_by(values::read_settle_ns);
    /// Length of one batch: auto, or as in 1h, 35d, 1mo
    BATCH_INTERVAL: IntervalChoice = official("batch-interval", "DURATION").or("auto")
        .read_by(values::read_batch_interval);
    /// Bucket at the destination that keeps the progress
    BATCH_BUCKET: String = official("batch-bucket", "NAME").or("migration").read_by(Given::name);
    /// Take the settings of the official task: its Flux file, or its id
    TASK: String = one("task", "FILE|ID").completes(Completes::File).read_by(values::read_text);
    /// Pause an active task that writes the same progress
    PAUSE_TASK: bool = switch("pause-task").read_by(values::read_yes);
    /// Take over progress of another start or filter, or a spool that is held
    ADOPT: bool = switch("adopt").read_by(values::read_yes);
}

flags! {
    /// What of the bucket.
    COPIED under "What is copied":
    /// Only this measurement; may be repeated
    MEASUREMENT: Vec<String> = list("measurement", "NAME").read_by(values::read_names);
    /// Only series with this tag; may be repeated
    TAG: Vec<(String, String)> = list("tag", "KEY=VALUE").read_by(values::read_tags);
    /// Only this field; may be repeated
    FIELD: Vec<String> = list("field", "NAME").read_by(values::read_names);
    /// Only where this Flux expression over r holds
    PREDICATE: String = one("predicate", "FLUX").read_by(values::read_predicate);
}

flags! {
    /// How fast, and how much.
    PACE under "Pace":
    /// Source read quota: auto, none, or as in 300MB/5min
    QUOTA: QuotaChoice = one("quota", "RATE").or("auto").read_by(values::read_quota);
    /// Share of the quota, or by UTC time 08:00,30% 19:00,95%
    QUOTA_SHARE: Share = one("quota-share", "SHARE").or("90%").read_by(values::read_quota_share);
    /// The source's time limit for one query, 1s to 1h
    QUERY_TIMEOUT: u64 = one("query-timeout", "DURATION").or("90s").read_by(values::read_query_timeout_ms);
    /// Requests to the source at one time, 1 to 16
    CONCURRENCY: usize = one("concurrency", "COUNT").or("2")
        .read_by(|given| given.number(1..=SLICES_IN_FLIGHT_MAX, "a number from 1 to 16"));
    /// How the source is read: auto, flux, flux-keyed, flux-pivot or influxql
    TRANSPORT: Option<Transport> = one("transport", "NAME").or("auto").read_by(values::read_transport);
    /// Stop after reading this much, as in 10GB; exit code 8
    MAX_TRANSFER: u64 = one("max-transfer", "SIZE").read_by(values::read_max_transfer_bytes);
    /// Stop after this long, as in 8h; exit code 10
    MAX_DURATION: u64 = one("max-duration", "DURATION").read_by(values::read_max_duration_ms);
}

flags! {
    /// What must not happen at the destination.
    SAFETY under "Safety":
    /// Field of another type: stop, reject or suffix
    ON_TYPE_CONFLICT: ConflictPolicy = one("on-type-conflict", "POLICY").or("stop").words(&[
        ("stop", "Stop before anything is written"),
        ("reject", "Keep the values in the rejects file"),
        ("suffix", "Write them to a field named after the type"),
    ]).read_by(values::read_on_type_conflict);
    /// Data in the destination's range: refuse or merge
    EXISTING: ExistingPolicy = one("existing", "POLICY").or("refuse")
        .words(&[("refuse", "Stop"), ("merge", "Write over it")]).read_by(values::read_existing);
    /// Where refused points go [default: in the job's state folder]
    REJECTS: PathBuf = one("rejects", "FILE").completes(Completes::File).read_by(values::read_path);
    /// Refused values before the run stops
    REJECT_LIMIT: u64 = one("reject-limit", "COUNT").or("10000").read_by(values::read_whole);
    /// Do not ask
    YES: bool = switch("yes").read_by(values::read_yes);
}

flags! {
    /// Whether what was moved is read back.
    PROOF under "Safety":
    /// Read the destination back and compare: auto, batch, end, off
    VERIFY: ReadBackChoice = one("verify", "WHEN").or("auto").words(&[
        ("auto", "Batch by batch while the quota is waited for; the rest at the end, for a third of the run at most"),
        ("batch", "Each batch before it is recorded: committed means proven"),
        ("end", "At the end"),
        ("off", "Never: counts are compared all the same"),
    ]).read_by(values::read_read_back);
}

flags! {
    /// What a job does if it is only tried.
    TRIED under "Safety":
    /// Check, plan and show the first lines; write nothing
    DRY_RUN: bool = switch("dry-run").read_by(values::read_yes);
}

flags! {
    /// The file, and what is printed.
    OUTPUT under "Output and settings":
    /// TOML file with settings
    CONFIG: PathBuf = one("config", "FILE").completes(Completes::File).not_in_file().read_by(values::read_path);
    /// Print JSON lines on stdout
    JSON: bool = switch("json").read_by(values::read_yes);
    /// Say warnings, errors and the last line only
    QUIET: bool = switch("quiet").short('q').read_by(values::read_yes);
    /// Say each try, split, wait and choice of transport
    VERBOSE: bool = switch("verbose").short('v').read_by(values::read_yes);
    /// Colours: auto, always or never
    COLOR: ColorChoice = one("color", "WHEN").or("auto").words(&[
        ("auto", "On a terminal, unless the environment says otherwise"),
        ("always", "Even into a pipe"),
        ("never", "Nowhere"),
    ]).read_by(values::read_color);
}

/// What `migrate`, `preflight`, `plan` and `bench` take, in the order of the help.
pub(crate) const OF_JOB: &[FlagGroup] =
    &[SOURCE, DESTINATION, CONNECTIONS, SPOOLED, JOB, COPIED, PACE, SAFETY, PROOF, TRIED, OUTPUT];

const fn bench(name: &'static str, value: &'static str) -> Flag {
    one(name, value).only("bench")
}

flags! {
    /// What `bench` tries.
    TRIALS under "Trials":
    /// Batch intervals to try, as in 1h,6h,1d [default: around the one of plan]
    INTERVALS: Vec<Interval> = bench("intervals", "LIST").read_by(values::read_intervals);
    /// Transports to try, as in auto,flux [default: all that can be used]
    TRANSPORTS: Vec<Way> = bench("transports", "LIST").read_by(values::read_transports);
    /// Requests at one time to try, as in 1,2,4 [default: around 2]
    CONCURRENCIES: Vec<usize> = bench("concurrencies", "LIST").read_by(values::read_concurrencies);
    /// Sizes of bodies to try, as in 1MB,2MB,4MB; for --sink destination
    BODY_SIZES: Vec<usize> = bench("body-sizes", "LIST").read_by(values::read_body_sizes);
    /// Runs of each setting that stays to the end, 1 to 100
    REPETITIONS: u32 = bench("repetitions", "COUNT").or("3")
        .read_by(|given| given.number(1..=BENCH_REPETITIONS_MAX, "a number from 1 to 100"));
    /// Where values go: discard or destination
    SINK: TrialSink = bench("sink", "SINK").or("discard").words(&[
        ("discard", "Nowhere"),
        ("destination", "Into a bucket made for it"),
    ]).read_by(values::read_sink);
    /// Seed of samples and order: the same seed tries the same [default: random]
    BENCH_SEED: u64 = bench("seed", "NUMBER").read_by(values::read_whole);
    /// Name of the files of results, without ending [default: bench with date and time]
    OUT: PathBuf = bench("out", "NAME").completes(Completes::Path)
        .read_by(|given| given.name().map(PathBuf::from));
}

flags! {
    /// The source that `bench --simulate` computes.
    SIMULATION under "Simulation":
    /// Its values
    SIM_VALUES: u64 = bench("sim-values", "COUNT").or("1000000000000").read_by(values::read_above_0);
    /// Its bytes for each value
    SIM_BYTES_PER_VALUE: u64 = bench("sim-bytes-per-value", "BYTES").or("2.1").read_by(values::read_milli_bytes);
    /// Time to the first byte of an answer
    SIM_LATENCY: u64 = bench("sim-latency", "DURATION").or("50ms").read_by(values::read_latency_us);
    /// Bytes of the line in a second, as in 12MB
    SIM_BANDWIDTH: u64 = bench("sim-bandwidth", "SIZE").or("100MB").read_by(values::read_bandwidth_bytes_per_s);
    /// Values that the source reads in a second, all requests together
    SIM_SOURCE_RATE: u64 = bench("sim-source-rate", "COUNT").or("5000000").read_by(values::read_above_0);
}

const fn verify(flag: Flag) -> Flag {
    flag.only("verify")
}

flags! {
    /// What `verify` compares, and what it does with a difference.
    EVIDENCE under "Comparison":
    /// Evidence: recorded, read, counts or spool:DIR, what was staged [default: recorded, where anything is]
    VERIFY_SOURCE: EvidenceChoice = verify(one("source", "EVIDENCE")).read_by(values::read_evidence);
    /// Values that differ, named on the screen
    DIFFERENCES: usize = verify(one("differences", "COUNT")).or("20")
        .read_by(|given| given.number(0..=VERIFY_VALUES_SHOWN_MAX, "a number from 0 to 1000"));
    /// File for all values that differ, as JSON lines
    REPORT: PathBuf = verify(one("report", "FILE")).completes(Completes::File).read_by(values::read_path);
    /// File for the receipt: what was compared, and what came of it
    RECEIPT: PathBuf = verify(one("receipt", "FILE")).completes(Completes::File).read_by(values::read_path);
    /// Values that only the destination has are no difference
    SUPERSET: bool = verify(switch("superset")).read_by(values::read_yes);
    /// Compare some batches of --source read or spool:DIR only, such as 5%
    SAMPLE: u32 = verify(one("sample", "SHARE")).read_by(values::read_sample_per_mille);
    /// Number that chooses which batches; another one, others
    SAMPLE_SEED: u64 = verify(one("sample-seed", "NUMBER")).or("0").read_by(values::read_whole);
    /// Write again what is missing or changed, and compare again
    REPAIR: bool = verify(switch("repair")).not_in_file().read_by(values::read_yes);
    /// Compare all of it, whatever a comparison that was stopped has found
    FROM_START: bool = verify(switch("from-start")).not_in_file().read_by(values::read_yes);
}

const fn status(flag: Flag) -> Flag {
    flag.only("status").not_in_file()
}

flags! {
    /// Which jobs `status` shows, and how often.
    LOOKED_AT under "Jobs":
    /// All jobs, also where a bucket is named
    ALL_JOBS: bool = status(switch("all")).read_by(values::read_yes);
    /// Look again every three seconds, until Ctrl-C
    WATCH: bool = status(switch("watch")).read_by(values::read_yes);
}

const fn export(flag: Flag) -> Flag {
    flag.only("export").not_in_file()
}

flags! {
    /// The form of an export.
    EXPORTED:
    /// What is written: lp (line protocol) or csv (annotated CSV); must be given
    FORMAT: ExportFormat = export(one("format", "FORMAT"))
        .words(&[("lp", "Line protocol"), ("csv", "Annotated CSV")]).read_by(values::read_format);
    /// Compress; without saying if the name ends in .gz
    GZIP: bool = export(switch("gzip")).read_by(values::read_yes);
}

const fn demo(name: &'static str, value: &'static str) -> Flag {
    one(name, value).only("demo").not_in_file()
}

flags! {
    /// The bucket that `demo` shows.
    SHOWN:
    /// Hosts in the simulated bucket, 1 to 1000
    HOSTS: u32 = demo("hosts", "COUNT").or("50").read_by(|given| given.number(1..=1_000, "a number from 1 to 1000"));
    /// Hours of data in it, 1 to 720
    HOURS: u32 = demo("hours", "COUNT").or("6").read_by(|given| given.number(1..=720, "a number from 1 to 720"));
    /// Seed of its values: the same seed gives the same data
    DEMO_SEED: u64 = demo("seed", "NUMBER").or("1").read_by(values::read_whole);
}

/// Every flag that is a variable, in the order of the help.
pub fn all_flags() -> impl Iterator<Item = &'static Flag> {
    let groups = OF_JOB.iter().chain(&[TRIALS, SIMULATION, EVIDENCE, LOOKED_AT, EXPORTED, SHOWN]);
    groups.flat_map(|group| group.flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_three_ways() {
        let interval = BATCH_INTERVAL.flag;
        assert_eq!(
            (interval.variable(), interval.key(), interval.camel()),
            ("SLUICE_BATCH_INTERVAL".into(), "batch_interval".into(), "batchInterval".into())
        );
        let sizes = BODY_SIZES.flag;
        assert_eq!(
            (sizes.variable(), sizes.full_key()),
            ("SLUICE_BENCH_BODY_SIZES".into(), Some("bench.body_sizes".into()))
        );
        assert_eq!(GZIP.flag.full_key(), None, "export reads no file");
        let official = all_flags().filter(|flag| flag.is_official());
        assert_eq!(official.count(), 8, "the nine less sourceToken");
    }
}
