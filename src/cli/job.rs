//! The flags of a job, as typed.

use clap::{ValueEnum, ValueHint};

/// When to use colours, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWord {
    /// On a terminal, unless the environment says otherwise.
    Auto,
    /// Even into a pipe.
    Always,
    /// Nowhere.
    Never,
}

impl ColorWord {
    fn text(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// What to do where a field has another type in the destination, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConflictWord {
    /// Stop before anything is written.
    Stop,
    /// Keep the values in the rejects file.
    Reject,
    /// Write them to a field named after the type.
    Suffix,
}

impl ConflictWord {
    fn text(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Reject => "reject",
            Self::Suffix => "suffix",
        }
    }
}

/// What to do with data that the destination holds already, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExistingWord {
    /// Stop.
    Refuse,
    /// Write over it.
    Merge,
}

impl ExistingWord {
    fn text(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Merge => "merge",
        }
    }
}

/// How files hold times, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimeTypeWord {
    /// Timestamps in nanoseconds.
    NsUtc,
    /// Timestamps in microseconds.
    UsUtc,
    /// Integers: nanoseconds since 1970.
    I64,
}

impl TimeTypeWord {
    fn text(self) -> &'static str {
        match self {
            Self::NsUtc => "ns-utc",
            Self::UsUtc => "us-utc",
            Self::I64 => "i64",
        }
    }
}

/// One setting as typed: the flag's name without dashes, and its values.
pub type Typed = (&'static str, Vec<String>);

/// The flags that were typed, of those with one value.
pub(super) fn typed<'a>(
    flags: impl IntoIterator<Item = (&'static str, Option<&'a str>)>,
) -> impl Iterator<Item = Typed> {
    flags.into_iter().filter_map(|(name, text)| Some((name, vec![text?.to_owned()])))
}

/// What a switch says: nothing unless it was typed.
pub(super) fn on(switch: bool) -> Option<&'static str> {
    switch.then_some("true")
}

/// The flags of the destination, and of how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub struct DestinationArgs {
    /// Address of InfluxDB OSS.
    #[arg(long, help = "InfluxDB OSS address [default: http://localhost:8086]", help_heading = "Destination", value_name = "URL", value_hint = ValueHint::Url)]
    pub destination_host: Option<String>,
    /// Organization, where the token sees more than one
    #[arg(long, help_heading = "Destination", value_name = "NAME")]
    pub destination_org: Option<String>,
    /// Bucket to write to [default: the source bucket's name]
    #[arg(long, help_heading = "Destination", value_name = "NAME")]
    pub destination_bucket: Option<String>,
    /// Address, organization and token from this influx CLI profile
    #[arg(long, help_heading = "Destination", value_name = "PROFILE")]
    pub destination_profile: Option<String>,
    /// File that holds the token
    #[arg(long, help_heading = "Destination", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub destination_token_file: Option<String>,
    /// Command that prints the token; run without a shell
    #[arg(long, help_heading = "Destination", value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub destination_token_command: Option<String>,
    /// Create destination and batch bucket, with retention 0
    #[arg(long, help_heading = "Destination")]
    pub create_buckets: bool,
    /// Certificates to trust beside the system's, at both ends
    #[arg(long, help_heading = "Connections", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_ca_file: Option<String>,
}

/// The flags of what must not happen at the destination.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub struct SafetyArgs {
    /// Field of another type: stop, reject or suffix [default: stop]
    #[arg(
        long,
        help_heading = "Safety",
        value_name = "POLICY",
        value_enum,
        hide_possible_values = true
    )]
    pub on_type_conflict: Option<ConflictWord>,
    /// Data in the destination's range: refuse or merge [default: refuse]
    #[arg(
        long,
        help_heading = "Safety",
        value_name = "POLICY",
        value_enum,
        hide_possible_values = true
    )]
    pub existing: Option<ExistingWord>,
    /// Where refused points go [default: in the job's state folder]
    #[arg(long, help_heading = "Safety", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub rejects: Option<String>,
    /// Refused values before the run stops [default: 10000]
    #[arg(long, help_heading = "Safety", value_name = "COUNT")]
    pub reject_limit: Option<String>,
    /// Do not ask
    #[arg(long, help_heading = "Safety")]
    pub yes: bool,
}

/// The flags of the settings file and of what is printed.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub struct OutputArgs {
    /// TOML file with settings
    #[arg(long, help_heading = "Output and settings", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<String>,
    /// Print JSON lines on stdout
    #[arg(long, help_heading = "Output and settings")]
    pub json: bool,
    /// Colours: auto, always or never [default: auto]
    #[arg(
        long,
        help_heading = "Output and settings",
        value_name = "WHEN",
        value_enum,
        hide_possible_values = true
    )]
    pub color: Option<ColorWord>,
}

/// The flags of `migrate`, `preflight` and `plan`.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub struct JobArgs {
    /// Address of InfluxDB Cloud.
    #[arg(long, help = "InfluxDB Cloud address, such as https://cloud2.influxdata.com", help_heading = "Source", value_name = "URL", value_hint = ValueHint::Url)]
    pub source_host: Option<String>,
    /// Organization, where the token sees more than one
    #[arg(long, help_heading = "Source", value_name = "NAME")]
    pub source_org: Option<String>,
    /// Bucket to copy; only ever read
    #[arg(long, help_heading = "Source", value_name = "NAME")]
    pub source_bucket: Option<String>,
    /// Address, organization and token from this influx CLI profile
    #[arg(long, help_heading = "Source", value_name = "PROFILE")]
    pub source_profile: Option<String>,
    /// File that holds the token
    #[arg(long, help_heading = "Source", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub source_token_file: Option<String>,
    /// Command that prints the token; run without a shell
    #[arg(long, help_heading = "Source", value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub source_token_command: Option<String>,

    /// Where it is written.
    #[command(flatten)]
    pub destination: DestinationArgs,

    /// Write to files instead of the destination: parquet
    #[arg(long, help_heading = "Spool", value_name = "FORMAT")]
    pub spool: Option<String>,
    /// Folder of the spool, or s3://bucket/prefix, gs://..., az://...
    #[arg(long, help_heading = "Spool", value_name = "DIR|URL", value_hint = ValueHint::AnyPath)]
    pub spool_dir: Option<String>,
    /// Times in the files: ns-utc, us-utc (whole microseconds only) or i64 [default: ns-utc]
    #[arg(
        long,
        help_heading = "Spool",
        value_name = "TYPE",
        value_enum,
        hide_possible_values = true
    )]
    pub time_type: Option<TimeTypeWord>,

    /// First time to copy: RFC 3339, a date, or -30d [default: earliest]
    #[arg(long, help_heading = "Job", value_name = "TIME", allow_hyphen_values = true)]
    pub start: Option<String>,
    /// First time not to copy; now is less --settle [default: now]
    #[arg(long, help_heading = "Job", value_name = "TIME", allow_hyphen_values = true)]
    pub stop: Option<String>,
    /// How far behind now the default stop stays [default: 10m]
    #[arg(long, help_heading = "Job", value_name = "DURATION")]
    pub settle: Option<String>,
    /// Length of one batch: auto, or as in 1h, 35d, 1mo [default: auto]
    #[arg(long, help_heading = "Job", value_name = "DURATION")]
    pub batch_interval: Option<String>,
    /// Bucket at the destination that keeps the progress [default: migration]
    #[arg(long, help_heading = "Job", value_name = "NAME")]
    pub batch_bucket: Option<String>,
    /// Take the settings of the official task: its Flux file, or its id
    #[arg(long, help_heading = "Job", value_name = "FILE|ID", value_hint = ValueHint::FilePath)]
    pub task: Option<String>,
    /// Pause an active task that writes the same progress
    #[arg(long, help_heading = "Job")]
    pub pause_task: bool,
    /// Take over progress of another start or filter, or a spool that is held
    #[arg(long, help_heading = "Job")]
    pub adopt: bool,

    /// Only this measurement; may be repeated
    #[arg(long, help_heading = "What is copied", value_name = "NAME")]
    pub measurement: Vec<String>,
    /// Only series with this tag; may be repeated
    #[arg(long, help_heading = "What is copied", value_name = "KEY=VALUE")]
    pub tag: Vec<String>,
    /// Only this field; may be repeated
    #[arg(long, help_heading = "What is copied", value_name = "NAME")]
    pub field: Vec<String>,
    /// Only where this Flux expression over r holds
    #[arg(long, help_heading = "What is copied", value_name = "FLUX")]
    pub predicate: Option<String>,

    /// Source read quota: auto, none, or as in 300MB/5min [default: auto]
    #[arg(long, help_heading = "Pace", value_name = "RATE")]
    pub quota: Option<String>,
    /// Share of the quota, or by UTC time 08:00,30% 19:00,95% [default: 90%]
    #[arg(long, help_heading = "Pace", value_name = "SHARE")]
    pub quota_share: Option<String>,
    /// The source's time limit for one query, 1s to 1h [default: 90s]
    #[arg(long, help_heading = "Pace", value_name = "DURATION")]
    pub query_timeout: Option<String>,
    /// Requests to the source at one time, 1 to 16 [default: 2]
    #[arg(long, help_heading = "Pace", value_name = "COUNT")]
    pub concurrency: Option<String>,
    /// How the source is read: auto, flux, flux-keyed, flux-pivot or influxql [default: auto]
    #[arg(long, help_heading = "Pace", value_name = "NAME")]
    pub transport: Option<String>,
    /// Stop after reading this much, as in 10GB; exit code 8
    #[arg(long, help_heading = "Pace", value_name = "SIZE")]
    pub max_transfer: Option<String>,
    /// Stop after this long, as in 8h; exit code 10
    #[arg(long, help_heading = "Pace", value_name = "DURATION")]
    pub max_duration: Option<String>,

    /// What must not happen.
    #[command(flatten)]
    pub safety: SafetyArgs,
    /// Check, plan and show the first 20 lines; write nothing
    #[arg(long, help_heading = "Safety")]
    pub dry_run: bool,

    /// How it is told, and where settings are.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl JobArgs {
    /// Everything that was typed but `--config`, each under the name of its flag.
    pub fn typed(&self) -> Vec<Typed> {
        let texts = [
            ("source-host", &self.source_host),
            ("source-org", &self.source_org),
            ("source-bucket", &self.source_bucket),
            ("source-profile", &self.source_profile),
            ("source-token-file", &self.source_token_file),
            ("source-token-command", &self.source_token_command),
            ("destination-host", &self.destination.destination_host),
            ("destination-org", &self.destination.destination_org),
            ("destination-bucket", &self.destination.destination_bucket),
            ("destination-profile", &self.destination.destination_profile),
            ("destination-token-file", &self.destination.destination_token_file),
            ("destination-token-command", &self.destination.destination_token_command),
            ("tls-ca-file", &self.destination.tls_ca_file),
            ("start", &self.start),
            ("stop", &self.stop),
            ("settle", &self.settle),
            ("batch-interval", &self.batch_interval),
            ("batch-bucket", &self.batch_bucket),
            ("task", &self.task),
            ("predicate", &self.predicate),
            ("quota", &self.quota),
            ("quota-share", &self.quota_share),
            ("query-timeout", &self.query_timeout),
            ("concurrency", &self.concurrency),
            ("transport", &self.transport),
            ("max-transfer", &self.max_transfer),
            ("max-duration", &self.max_duration),
            ("spool", &self.spool),
            ("spool-dir", &self.spool_dir),
            ("rejects", &self.safety.rejects),
            ("reject-limit", &self.safety.reject_limit),
        ];
        let lists =
            [("measurement", &self.measurement), ("tag", &self.tag), ("field", &self.field)];
        let switches = [
            ("create-buckets", self.destination.create_buckets),
            ("pause-task", self.pause_task),
            ("adopt", self.adopt),
            ("dry-run", self.dry_run),
            ("yes", self.safety.yes),
            ("json", self.output.json),
        ];
        let words = [
            ("on-type-conflict", self.safety.on_type_conflict.map(ConflictWord::text)),
            ("existing", self.safety.existing.map(ExistingWord::text)),
            ("time-type", self.time_type.map(TimeTypeWord::text)),
            ("color", self.output.color.map(ColorWord::text)),
        ];
        let texts = texts.into_iter().map(|(name, text)| (name, text.as_deref()));
        let switches = switches.into_iter().map(|(name, switch)| (name, on(switch)));
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(name, list)| (name, list.clone()));
        typed(texts.chain(switches).chain(words)).chain(lists).collect()
    }
}
