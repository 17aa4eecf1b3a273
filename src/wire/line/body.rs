//! Bodies of write requests, one shard group each.

use bytes::Bytes;

use crate::limits::{BODIES_OPEN_MAX, BODY_BYTES_MAX, BODY_BYTES_TARGET};
use crate::model::time::{TimeRange, Timestamp};

/// One write request: whole lines of one shard group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineBody {
    /// Line protocol with nanosecond times; every line ends in a newline.
    pub bytes: Bytes,
    /// Lines in it.
    pub lines: u64,
    /// Field values in it.
    pub values: u64,
    /// The destination's shard group that holds every line: [`EncoderSettings::shard_group`].
    pub shard_group: TimeRange,
    /// Earliest time.
    pub time_min: Timestamp,
    /// Latest time.
    pub time_max: Timestamp,
}

/// How lines are put into bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSettings {
    /// Length of the destination's shard groups; `None` if unknown: then bodies are not cut by time.
    pub shard_group_ns: Option<i64>,
    /// A body that has reached this is handed out.
    pub body_bytes_target: usize,
    /// No body is larger, unless it is a single line.
    pub body_bytes_max: usize,
}

impl Default for EncoderSettings {
    fn default() -> Self {
        Self {
            shard_group_ns: None,
            body_bytes_target: BODY_BYTES_TARGET,
            body_bytes_max: BODY_BYTES_MAX,
        }
    }
}

impl EncoderSettings {
    /// The shard group of `time`; all of time if the length is unknown.
    pub fn shard_group(&self, time: Timestamp) -> TimeRange {
        /// Wider than [`TimeRange::ALL`]: it holds the times that InfluxDB refuses, too.
        const EVERY: TimeRange =
            TimeRange { start: Timestamp::from_ns(i64::MIN), stop: Timestamp::STOP_MAX };
        self.shard_group_ns.map_or(EVERY, |ns| time.shard_group(ns))
    }
}

/// A body under construction.
#[derive(Debug)]
pub(super) struct OpenBody {
    bytes: Vec<u8>,
    shard_group: TimeRange,
    lines: u64,
    values: u64,
    time_min: Timestamp,
    time_max: Timestamp,
}

impl OpenBody {
    fn new(shard_group: TimeRange) -> Self {
        Self {
            bytes: Vec::new(),
            shard_group,
            lines: 0,
            values: 0,
            time_min: Timestamp::MAX,
            time_max: Timestamp::MIN,
        }
    }

    /// Appends a line, and hands out what is full.
    #[inline]
    pub(super) fn push(
        &mut self,
        line: &[u8],
        time: Timestamp,
        values: u64,
        settings: &EncoderSettings,
        bodies: &mut Vec<LineBody>,
    ) {
        if self.bytes.len() + line.len() > settings.body_bytes_max {
            self.hand_out(bodies);
        }
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(settings.body_bytes_target + settings.body_bytes_target / 16);
        }
        self.bytes.extend_from_slice(line);
        self.lines += 1;
        self.values += values;
        self.time_min = self.time_min.min(time);
        self.time_max = self.time_max.max(time);
        if self.bytes.len() >= settings.body_bytes_target {
            self.hand_out(bodies);
        }
    }

    fn hand_out(&mut self, bodies: &mut Vec<LineBody>) {
        let full = std::mem::replace(self, Self::new(self.shard_group));
        if full.lines > 0 {
            let Self { bytes, shard_group, lines, values, time_min, time_max } = full;
            bodies.push(LineBody {
                bytes: bytes.into(),
                lines,
                values,
                shard_group,
                time_min,
                time_max,
            });
        }
    }
}

/// The bodies under construction, at most [`BODIES_OPEN_MAX`] of them, each of another shard group.
#[derive(Debug, Default)]
pub(super) struct OpenBodies {
    open: Vec<OpenBody>,
}

impl OpenBodies {
    /// The body of a shard group. To make room for a new group the largest body is handed out as it is.
    pub(super) fn of(
        &mut self,
        shard_group: TimeRange,
        bodies: &mut Vec<LineBody>,
    ) -> &mut OpenBody {
        let found = self.open.iter().position(|body| body.shard_group == shard_group);
        let at = found.unwrap_or_else(|| {
            if self.open.len() >= BODIES_OPEN_MAX {
                self.hand_out_largest(bodies);
            }
            self.open.push(OpenBody::new(shard_group));
            self.open.len() - 1
        });
        &mut self.open[at]
    }

    fn hand_out_largest(&mut self, bodies: &mut Vec<LineBody>) {
        let largest = (0..self.open.len()).max_by_key(|&at| self.open[at].bytes.len());
        if let Some(at) = largest {
            self.open.swap_remove(at).hand_out(bodies);
        }
    }

    /// Hands out everything, in order of time.
    pub(super) fn finish(&mut self, bodies: &mut Vec<LineBody>) {
        self.open.sort_by_key(|body| body.shard_group);
        self.open.drain(..).for_each(|mut body| body.hand_out(bodies));
    }
}
