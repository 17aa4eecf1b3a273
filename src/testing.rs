//! The one door for the tests and benches of this program: what they reach of it, and nothing else. What stands here and
//! is needed nowhere else is dead; what does not stand here and is not used, the compiler finds.

#![expect(missing_docs, reason = "each item is documented where it is defined")]

pub mod bench {
    pub mod compare {
        pub use crate::bench::compare::compare;
    }
    pub mod csv {
        pub use crate::bench::csv::{HEAD, line};
    }
    pub mod extrapolate {
        pub use crate::bench::extrapolate::Whole;
    }
    pub mod html {
        pub use crate::bench::html::page;
    }
    pub mod record {
        pub use crate::bench::record::{
            BenchHeader, BenchRecord, Density, Machine, Recorded, Trial, TrialBatch, TrialEnding,
            TrialSink,
        };
    }
    pub mod sample {
        pub use crate::bench::sample::{Strata, Stratum};
    }
    pub mod schedule {
        pub use crate::bench::schedule::Scheduler;
        pub use crate::bench::schedule::terms::{Left, Terms};
    }
    pub mod setting {
        pub use crate::bench::setting::{Axes, Axis, TrialSetting, Way, intervals_around};
    }
    pub mod simulate {
        pub use crate::bench::simulate::{Model, WayCost};
    }
    pub mod statistics {
        pub use crate::bench::statistics::spread;
    }
    pub mod verdict {
        pub use crate::bench::verdict::{BenchVerdict, Bound, Limit, Recommendation, SettingRow};
    }
}
pub mod checkpoint {
    pub mod identity {
        pub use crate::checkpoint::identity::Identity;
    }
    pub mod record {
        pub use crate::checkpoint::record::{BatchDetails, Keys, Record};
    }
    pub mod watermark {
        pub use crate::checkpoint::watermark::Watermark;
    }
}
pub mod cli {
    pub mod args {
        pub use crate::cli::args::{Args, Command};
    }
    pub mod argv {
        pub use crate::cli::argv::{ArgvError, parse_argv};
    }
    pub mod forms {
        pub use crate::cli::forms::{command, short};
    }
    pub mod job {
        pub use crate::cli::job::JobArgs;
    }
    pub mod pages {
        pub use crate::cli::pages::{all_pages, print_completions, print_man};
    }
    pub mod spool {
        pub use crate::cli::spool::SpoolCommand;
    }
}
pub mod commands {
    pub mod bench {
        pub use crate::commands::bench::measure;
        pub mod machine {
            pub use crate::commands::bench::machine::{forget_memory_peak, memory_peak_bytes};
        }
    }
    pub mod error {
        pub use crate::commands::error::Error;
    }
    pub mod export {
        pub use crate::commands::export::export;
    }
    pub mod plan {
        pub use crate::commands::plan::report;
    }
}
pub mod config {
    pub mod bench {
        pub use crate::config::bench::{BenchConfig, SimulateConfig};
    }
    pub mod demo {
        pub use crate::config::demo::DemoConfig;
    }
    pub mod ends {
        pub use crate::config::ends::{EndConfig, TokenSetting};
        pub use crate::config::origin::ValueOrigin;
    }
    pub mod env {
        pub use crate::config::env::Env;
    }
    pub mod error {
        pub use crate::config::error::{ConfigError, TaskRecordError};
    }
    pub mod export {
        pub use crate::config::export::{ExportConfig, ExportTarget};
    }
    pub mod flag {
        pub use crate::config::flag::{Flag, FlagKind, Typed};
    }
    pub mod inputs {
        pub use crate::config::inputs::{Inputs, load_layers, read_file};
    }
    pub mod job {
        pub use crate::config::job::{
            JobConfig, JobEnds, JobOutput, JobPace, JobSafety, SpoolChoice,
        };
    }
    pub mod layers {
        pub use crate::config::layers::Layers;
    }
    pub mod range {
        pub use crate::config::range::{RangeStart, RangeStop};
    }
    pub mod scope {
        pub use crate::config::scope::JobScope;
    }
    pub mod table {
        pub use crate::config::table::{
            ADOPT, CONFIG, JSON, SETTLE, SOURCE_ORG, START, STOP, all_flags,
        };
    }
    pub mod task_record {
        pub use crate::config::task_record::{Property, parse_task_record};
    }
    pub mod values {
        pub use crate::config::values::{
            ColorChoice, EvidenceChoice, ExistingPolicy, ExportFormat, IntervalChoice, QuotaChoice,
            ReadBackChoice,
        };
    }
    pub mod verify {
        pub use crate::config::verify::VerifyConfig;
    }
}
pub mod estimate {
    pub mod tally {
        pub use crate::estimate::tally::of;
    }
}
pub mod exit {
    pub use crate::exit::ExitCode;
}
pub mod influx {
    pub use crate::influx::{Gunzip, pack};
    pub mod api {
        pub use crate::influx::api::{Limits, TaskStatus};
    }
    pub mod backoff {
        pub use crate::influx::backoff::Jitter;
    }
    pub mod classify {
        pub use crate::influx::classify::{Action, RequestKind, action, classify_response};
        pub use crate::influx::query_text::classify_query_text;
    }
    pub mod client {
        pub use crate::influx::client::{Client, ClientSettings};
    }
    pub mod endpoint {
        pub use crate::influx::endpoint::Endpoint;
    }
    pub mod token {
        pub use crate::influx::token::{Token, TokenSource};
    }
    pub mod error {
        pub use crate::influx::error::{Error, FailureKind};
    }
    pub mod gate {
        pub use crate::influx::gate::Gate;
    }
    pub mod influxql {
        pub use crate::influx::influxql::Database;
    }
    pub mod quota {
        pub use crate::influx::quota::{QuotaLedger, QuotaSettings};
        pub mod runs {
            pub use crate::influx::quota::runs::count;
        }
    }
    pub mod signal {
        pub use crate::influx::signal::{Observer, Signal, WaitCause};
    }
    pub mod stream {
        pub use crate::influx::stream::QueryStream;
    }
}
pub mod job {
    pub mod ends {
        pub use crate::job::ends::Ends;
    }
    pub mod error {
        pub use crate::job::error::{Error, chain};
    }
    pub mod heart {
        pub use crate::job::heart::Heart;
    }
    pub mod judge {
        pub use crate::job::judge::{Passed, check};
    }
    pub mod load_spool {
        pub use crate::job::load_spool::{check, prepare};
        pub use crate::job::opened_spool::OpenedSpool;
    }
    pub mod plan_run {
        pub use crate::job::plan_run::plan_look;
    }
    pub mod prepare {
        pub use crate::job::prepare::prepare;
    }
    pub mod quota {
        pub use crate::job::quota::{paced, paced_look};
    }
    pub mod verify {
        pub use crate::job::verify::journal::KeptFindings;
        pub use crate::job::verify::{VerifyJob, VerifyOutcome, compare};
    }
    pub mod run {
        pub use crate::job::run::{ClientSignals, Finished, Prepared, execute};
    }
}
pub mod limits {
    pub use crate::limits::{
        BATCH_LINES_MAX, BATCHES_OPEN_MAX, BODY_BYTES_TARGET, CATALOGUE_VALUES_MIN,
        CONFIG_BYTES_MAX, CSV_ROW_BYTES_MAX, DECODE_STEP_BYTES_MAX, EVENTS_PROGRESS_QUEUED_MAX,
        EVENTS_QUEUED_MAX, FRAME_CELLS_PER_VALUE_MAX, FRAME_CELLS_SPARSE_MAX, FRAME_ROWS_MAX,
        FRAME_ROWS_TARGET, FRAME_STRING_BYTES_TARGET, FRAME_VALUES_TARGET,
        INFLUXQL_TOKEN_BYTES_MAX, LEASE_STALE_MS, MERGE_VALUES_MAX, OBJECT_ATTEMPTS_MAX,
        PLAIN_LINE_MS, QUERY_TIMEOUT_MS_DEFAULT, QUOTA_BYTES_PER_WINDOW_DEFAULT, QUOTA_JOIN_MS_MAX,
        QUOTA_LOOK_EAGER_MS, QUOTA_LOOK_MS, QUOTA_SMALL_BYTES_MAX, QUOTA_WINDOW_MS,
        STRING_VALUE_BYTES_MAX,
    };
}
pub mod model;
pub mod pipeline;
pub mod report;
pub mod sim {
    pub use crate::sim::{
        AccessToken, BucketStore, ColumnValues, DamageEnd, DamagePlace, Dbrp, Fault, FaultScript,
        FluxTask, Forgotten, Matcher, Permission, ReadQuota, RequestRecord, Rule, Server,
        ServerClock, ServerSettings, StoreChange, StoredValue, TimeoutForm, Value, When,
    };
    pub mod tsbs {
        pub use crate::sim::tsbs::Workload;
    }
}
pub mod spool;
pub mod wire;
