//! What a bench keeps: one JSON line for its circumstances, one for each trial as it ends, one for the verdict. A bench
//! that was stopped has no verdict and is still whole as far as it goes. No token is in any of it.

use serde::{Deserialize, Serialize};

use super::sample::Stratum;
use super::setting::TrialSetting;
use super::text;
use super::verdict::BenchVerdict;
use crate::model::scale;
use crate::model::spread::Spread;
use crate::model::time::Timestamp;

/// Version of the lines; raised only when a field changes its meaning.
pub(crate) const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message_type", rename_all = "snake_case")]
pub enum BenchRecord {
    /// The first line.
    BenchHeader(Box<BenchHeader>),
    /// A trial, however it ended.
    BenchTrial(Box<Trial>),
    /// The last line.
    BenchVerdict(Box<BenchVerdict>),
}

#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    /// When it was written; older files lack it.
    #[serde(default)]
    time: Option<String>,
    #[serde(flatten)]
    record: BenchRecord,
}

/// Under which circumstances was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchHeader {
    /// Version of sluice.
    pub version: String,
    /// The command line as typed.
    pub command: Vec<String>,
    /// By this machine's clock.
    #[serde(with = "text")]
    pub started: Timestamp,
    /// The machine.
    pub machine: Machine,
    /// Seed of samples and order; the same one gives the same trials.
    pub seed: u64,
    /// `org/bucket`.
    pub source: String,
    /// Version and build of the source, as far as told; `simulated` for a computed one.
    pub source_version: String,
    /// Where the values of the trials went.
    pub sink: TrialSink,
    /// Start of the whole job.
    #[serde(with = "text")]
    pub start: Timestamp,
    /// Its stop.
    #[serde(with = "text")]
    pub stop: Timestamp,
    /// Values in it, counted.
    pub values: u64,
    /// How they lie over time.
    pub density: Vec<Density>,
    /// The read quota of one window; none without.
    pub quota_window_bytes: Option<u64>,
    /// Bytes per second that the pacing grants.
    pub quota_bytes_per_s: Option<u64>,
    /// The source's limit for one query.
    pub query_timeout_ms: u64,
    /// Source bytes that may be spent, the survey among them.
    pub budget_bytes: u64,
    /// Time that may be spent.
    pub budget_ms: Option<u64>,
    /// Source bytes that the survey has cost.
    pub survey_bytes: u64,
}

/// Where the values of the trials went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialSink {
    /// Nowhere: encoded and dropped.
    Discard,
    /// Into a bucket of the destination that was made for it and deleted again.
    Destination,
}

impl TrialSink {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Destination => "destination",
        }
    }
}

/// The machine that measured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Machine {
    /// `linux`.
    pub os: String,
    /// `x86_64`.
    pub arch: String,
    /// Release of the kernel, if known.
    pub kernel: Option<String>,
    /// Processors that this process may use.
    pub cpus: u64,
    /// Memory, if known.
    pub memory_bytes: Option<u64>,
}

/// A part of the job's time, and the values in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Density {
    /// First instant.
    #[serde(with = "text")]
    pub start: Timestamp,
    /// First instant after.
    #[serde(with = "text")]
    pub stop: Timestamp,
    /// Values.
    pub values: u64,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialEnding {
    /// All batches were read.
    Complete,
    /// It was cut off, and counts for nothing but what it has cost.
    Cut {
        /// By what: `byte budget`, `time budget`, `signal`.
        by: String,
    },
    /// It failed, and counts for nothing but what it has cost.
    Failed {
        /// The error with its causes.
        error: String,
    },
}

/// One trial. Bytes are of the source's answers, times are microseconds of this machine unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// In the order in which they ran, from 1.
    pub number: u64,
    /// What was tried.
    #[serde(flatten)]
    pub setting: TrialSetting,
    /// Which repetition, from 1.
    pub repetition: u32,
    /// True for one that only warms up connections and the first guess of the costs.
    pub warm_up: bool,
    /// From which kind of stretch.
    pub stratum: Stratum,
    /// Start of what was read.
    #[serde(with = "text")]
    pub start: Timestamp,
    /// Its stop.
    #[serde(with = "text")]
    pub stop: Timestamp,
    /// How it ended.
    pub ending: TrialEnding,
    /// Values that were expected by the density.
    pub values_predicted: u64,
    /// Bytes that were expected at the most.
    pub bytes_predicted: u64,
    /// Values read.
    pub values: u64,
    /// Bytes of values as they came over the wire.
    pub bytes_wire: u64,
    /// Bytes of values after decompression.
    pub bytes_decoded: u64,
    /// All bytes that the quota was charged with, counts and look-ups among them.
    pub bytes_charged: u64,
    /// Of which before the first batch was opened: look-ups that a migration pays once.
    pub bytes_begun: u64,
    /// Requests to the source.
    pub requests: u64,
    /// From the start to the end.
    pub elapsed_us: u64,
    /// Of which before the first batch was opened.
    pub begun_us: u64,
    /// Of which everything waited for the quota.
    pub waited_us: u64,
    /// Answers of values.
    pub slices: u64,
    /// Time to the first byte of such an answer: least, median, most.
    pub first_byte_us: Spread,
    /// Time to its end.
    pub slice_us: Spread,
    /// Time of all such answers together. It has no waits for the quota.
    pub answers_us: u64,
    /// Time in which the answers together waited for their reader.
    pub reader_busy_us: u64,
    /// Time in which answers that had ended together waited until their values were written.
    pub written_us: u64,
    /// Tries that failed.
    pub retries: u64,
    /// Slices cut in halves.
    pub splits: u64,
    /// Time on processors; none where the system does not tell.
    pub cpu_us: Option<u64>,
    /// Largest resident memory of this process during the trial; none where the system does not tell.
    pub memory_bytes_max: Option<u64>,
    /// Bodies made.
    pub bodies: u64,
    /// Bytes in them.
    pub body_bytes_sum: u64,
    /// The ways in which it was read.
    pub transports: Vec<String>,
    /// Its batches that held anything.
    pub batches: Vec<TrialBatch>,
}

/// One batch of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBatch {
    /// Its start.
    #[serde(with = "text")]
    pub start: Timestamp,
    /// Values that the source counts in it.
    pub values: u64,
    /// Bytes of its answers, decoded.
    pub bytes: u64,
}

impl Trial {
    /// True if it says something of its setting.
    pub fn counts(&self) -> bool {
        self.ending == TrialEnding::Complete && !self.warm_up && self.values > 0
    }

    /// Time in which it worked on batches: what is left without waits, but no less than its readers took for the answers.
    pub fn busy_us(&self) -> u64 {
        let left = self.elapsed_us.saturating_sub(self.begun_us).saturating_sub(self.waited_us);
        left.max(self.answers_us / self.setting.concurrency.max(1) as u64).max(1)
    }

    /// Bytes that a migration would be charged with for the same values.
    pub fn steady_bytes(&self) -> u64 {
        self.bytes_charged.saturating_sub(self.bytes_begun).max(self.bytes_decoded)
    }

    /// Thousandths of a charged byte for each value.
    pub fn milli_bytes_per_value(&self) -> u64 {
        scaled(self.steady_bytes(), 1_000, self.values)
    }

    /// The longest answer in thousandths of the source's time limit for one query.
    pub fn deadline_per_mille(&self, query_timeout_ms: u64) -> u64 {
        scaled(self.slice_us.high, 1, query_timeout_ms.max(1))
    }

    /// Values per second of work.
    pub fn values_per_s(&self) -> u64 {
        scaled(self.values, 1_000_000, self.busy_us())
    }
}

/// `n * by / of`; 0 of nothing.
pub(super) fn scaled(n: u64, by: u64, of: u64) -> u64 {
    if of == 0 { 0 } else { scale::scaled(n, by, of) }
}

impl BenchRecord {
    /// The line, without its end, as written at `time`.
    ///
    /// # Panics
    /// Never: the records have nothing that JSON lacks.
    pub fn to_line(&self, time: Timestamp) -> String {
        let time = Some(time.to_string());
        serde_json::to_string(&Line { v: VERSION, time, record: self.clone() })
            .expect("objects with string keys are JSON")
    }
}

/// Why a file is no bench.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A line is none of ours.
    #[error("line {line} is no record of a bench")]
    Line {
        /// Which, from 1.
        line: usize,
        /// The parser's words.
        #[source]
        source: serde_json::Error,
    },
    /// A newer sluice has written it.
    #[error("line {line} has version {found}, this sluice reads {VERSION}: use the newer one")]
    Version {
        /// Which, from 1.
        line: usize,
        /// As written.
        found: u32,
    },
    /// It has no first line.
    #[error("it does not begin with the line that tells the circumstances")]
    NoHeader,
}

/// A recorded bench.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its circumstances.
    pub header: BenchHeader,
    /// Its trials in their order.
    pub trials: Vec<Trial>,
    /// What it came to; none if it was killed.
    pub verdict: Option<BenchVerdict>,
}

impl Recorded {
    /// Reads the lines of a file. A last line that was cut by a kill is left out.
    pub fn parse(lines: &str) -> Result<Self, ReadError> {
        let (mut header, mut trials, mut verdict) = (None, Vec::new(), None);
        for (at, text) in lines.lines().enumerate() {
            let is_cut = !lines.ends_with('\n') && at + 1 == lines.lines().count();
            let line: Line = match serde_json::from_str(text) {
                Ok(line) => line,
                Err(_) if is_cut => break,
                Err(source) => return Err(ReadError::Line { line: at + 1, source }),
            };
            if line.v > VERSION {
                return Err(ReadError::Version { line: at + 1, found: line.v });
            }
            match line.record {
                BenchRecord::BenchHeader(found) => header = Some(*found),
                BenchRecord::BenchTrial(trial) => trials.push(*trial),
                BenchRecord::BenchVerdict(found) => verdict = Some(*found),
            }
        }
        Ok(Self { header: header.ok_or(ReadError::NoHeader)?, trials, verdict })
    }
}
