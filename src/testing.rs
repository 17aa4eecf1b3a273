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
            ColorChoice, ExistingPolicy, ExportFormat, IntervalChoice, QuotaChoice,
        };
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
    pub mod judge {
        pub use crate::job::judge::{Passed, check};
    }
    pub mod load_spool {
        pub use crate::job::load_spool::{OpenedSpool, check, prepare};
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
pub mod model {
    pub mod batch {
        pub use crate::model::batch::BatchPlan;
    }
    pub mod canary {
        pub use crate::model::canary::Canary;
    }
    pub mod catalogue {
        pub use crate::model::catalogue::Catalogue;
    }
    pub mod density {
        pub use crate::model::density::{Cell, stretches};
    }
    pub mod filter {
        pub use crate::model::filter::Filter;
    }
    pub mod foretold {
        pub use crate::model::foretold::{Conflict, Forecast, Guide, Outlook, PlanMeasurement};
    }
    pub mod frame {
        pub use crate::model::frame::{FieldType, Frame, Run};
    }
    pub mod interval {
        pub use crate::model::interval::Interval;
    }
    pub mod random {
        pub use crate::model::random::Random;
    }
    pub mod series {
        pub use crate::model::series::{Name, Readable, Series};
    }
    pub mod share {
        pub use crate::model::share::Share;
    }
    pub mod side {
        pub use crate::model::side::Side;
    }
    pub mod spread {
        pub use crate::model::spread::Spread;
    }
    pub mod time {
        pub use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
    }
    pub mod time_type {
        pub use crate::model::time_type::TimeType;
    }
    pub mod transport {
        pub use crate::model::transport::Transport;
    }
}
pub mod pipeline {
    pub use crate::pipeline::{RunOutcome, run};
    pub mod closing {
        pub use crate::pipeline::closing::Closing;
        pub use crate::pipeline::pieces::Discrepancy;
    }
    pub mod commit {
        pub use crate::pipeline::commit::Checkpoint;
    }
    pub mod event {
        pub use crate::pipeline::event::{Counters, Event, PlannedRun, StopReason};
    }
    pub mod plan {
        pub use crate::pipeline::plan::NextBatch;
        pub mod choice {
            pub use crate::pipeline::plan::choice::Choices;
        }
        pub mod spool {
            pub use crate::pipeline::plan::spool::{Lacking, SpoolBatches, SpoolJob};
        }
    }
    pub mod pool {
        pub use crate::pipeline::pool::jobs_open;
    }
    pub mod read {
        pub use crate::pipeline::read::BatchOrigin;
    }
    pub mod source {
        pub use crate::pipeline::source::SourceBucket;
    }
    pub mod stop {
        pub use crate::pipeline::stop::{StopSignal, Stopper, stop_pair};
    }
    pub mod write {
        pub use crate::pipeline::write::{Destination, DestinationWriter};
        pub mod bucket {
            pub mod type_conflict {
                pub use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;
            }
        }
    }
}
pub mod report {
    pub use crate::report::{Ending, Mode, ReportOutput, ReportSettings, start_on};
    pub mod dry_run {
        pub use crate::report::dry_run::DryRun;
    }
    pub mod export {
        pub use crate::report::export::ExportReport;
    }
    pub mod facts {
        pub use crate::report::facts::RowFacts;
    }
    pub mod failure {
        pub use crate::report::failure::ErrorFacts;
    }
    pub mod json {
        pub use crate::report::json::{event, failure, status, summary};
    }
    pub mod plan {
        pub use crate::report::plan::{IntervalRow, PlanReport};
    }
    pub mod preflight {
        pub use crate::report::preflight::{Finding, PreflightReport, Row, Verdict};
    }
    pub mod question {
        pub use crate::report::question::Question;
    }
    pub mod run_end {
        pub use crate::report::run_end::RunEnd;
    }
    pub mod screen {
        pub use crate::report::screen::{batch_text, condition, screen, title};
    }
    pub mod state {
        pub use crate::report::state::{
            Header, OpenBatch, QuotaShown, RunState, RunTotals, SinkKind,
        };
    }
    pub mod summary {
        pub use crate::report::summary::{FailureInput, SummaryInput, failure_lines, lines};
    }
    pub mod talk {
        pub use crate::report::talk::{Talk, progress};
    }
    pub mod text {
        pub use crate::report::text::{COLUMNS, Glyphs, Paper, width};
    }
    pub mod volume {
        pub use crate::report::volume::Volume;
    }
}
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
pub mod spool {
    pub mod batch {
        pub use crate::spool::batch::FinishedBatch;
    }
    pub mod compact {
        pub use crate::spool::compact::CompactedSizes;
    }
    pub mod digest {
        pub use crate::spool::digest::ContentDigest;
    }
    pub mod error {
        pub use crate::spool::error::Error;
    }
    pub mod place {
        pub use crate::spool::place::{Surroundings, storage};
    }
    pub mod state {
        pub use crate::spool::state::{FORMAT, FileEntry, StagedJob};
    }
    pub mod storage {
        pub use crate::spool::storage::{Reach, Storage};
    }
    pub mod stored {
        pub use crate::spool::frames::Decoded;
        pub use crate::spool::stored::{Stored, StoredSelection};
    }
    pub mod writable {
        pub use crate::spool::writable::Spool;
    }
}
pub mod wire {
    pub mod answer {
        pub use crate::wire::answer::{AnswerDecoder, AnswerDecoderSettings};
    }
    pub mod csv {
        pub use crate::wire::csv::suspect;
        pub mod decoder {
            pub use crate::wire::csv::decoder::{
                AnswerTotals, CsvDecoder, CsvDecoderSettings, Form,
            };
        }
        pub mod encoder {
            pub use crate::wire::csv::encoder::CsvEncoder;
        }
        pub mod error {
            pub use crate::wire::csv::error::Error;
        }
        pub mod table {
            pub use crate::wire::csv::table::{read_tables, single_number};
        }
    }
    pub mod flux {
        pub use crate::wire::flux::{
            Selection, count, count_by_measurement, count_by_series, earliest, earliest_by_field,
            field_label, fields_of, first, first_of_measurement, latest, read, read_keyed,
            read_largest_time, read_pivoted, series_of,
        };
        pub mod askable {
            pub use crate::wire::flux::askable::count_late_carriage_returns;
        }
        pub mod carriage_returns {
            pub use crate::wire::flux::carriage_returns::{
                count_carriage_returns, count_carriage_returns_in_tags, not_carriage_return_in,
                read_carriage_returns,
            };
        }
        pub mod index {
            pub use crate::wire::flux::index::{
                measurements, series_cardinality, series_with_tag, tag_keys,
            };
        }
        pub mod literal {
            pub use crate::wire::flux::literal::{
                is_field, is_measurement, not_field, not_measurement,
            };
        }
        pub mod record {
            pub use crate::wire::flux::record::{newest_record, oldest_record, sum_of_records};
        }
    }
    pub mod frames {
        pub mod series_of {
            pub use crate::wire::frames::series_of::SeriesOf;
        }
        pub mod suspect {
            pub use crate::wire::frames::suspect::SuspectPlace;
        }
        pub mod totals {
            pub use crate::wire::frames::totals::AnswerTotals;
        }
    }
    pub mod influxql {
        pub mod decoder {
            pub use crate::wire::influxql::decoder::{
                AnswerTotals, AskedStatement, Format, InfluxqlDecoder, InfluxqlDecoderSettings,
            };
        }
        pub mod error {
            pub use crate::wire::influxql::error::Error;
        }
        pub mod query {
            pub use crate::wire::influxql::query::{
                Grouping, SHOW_FIELD_KEYS, SHOW_SERIES_CARDINALITY, SHOW_TAG_KEYS, SelectStatement,
                count, nameable, select, show_series, show_series_cardinality,
            };
        }
        pub mod show {
            pub use crate::wire::influxql::show::{
                AnswerError, parse_series_cardinality, parse_show_keys, parse_show_series,
            };
        }
    }
    pub mod line {
        pub mod body {
            pub use crate::wire::line::body::{EncoderSettings, LineBody};
        }
        pub mod carry {
            pub use crate::wire::line::carry::{Uncarried, field_key, may_be_first, series};
        }
        pub mod conflict {
            pub use crate::wire::line::conflict::{
                PartialWrite, parse_bad_lines, parse_partial_write,
            };
        }
        pub mod encoder {
            pub use crate::wire::line::encoder::{Encoder, Rejected};
        }
        pub mod escape {
            pub use crate::wire::line::escape::{field_key, series};
        }
        pub mod fields {
            pub use crate::wire::line::fields::count_fields;
        }
        pub mod point {
            pub use crate::wire::line::point::append;
        }
        pub mod split {
            pub use crate::wire::line::split::split_lines;
        }
    }
}
