//! The cells of the dashboard: what each asks of the records, and how it is drawn. Both forms and their page in the docs are
//! made of this table.

/// How a cell is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// One number.
    Stat,
    /// Numbers over time.
    Line,
    /// Rows of several columns.
    Table,
}

impl CellKind {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Line => "line",
            Self::Table => "table",
        }
    }
}

/// What the numbers of a cell count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellUnit {
    /// Several things, or none.
    None,
    /// Parts of a hundred.
    Percent,
    /// Values.
    Values,
    /// Values in a second.
    ValuesPerSecond,
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
    /// Minutes.
    Minutes,
    /// Requests.
    Requests,
    /// Batches.
    Batches,
}

impl CellUnit {
    /// As the docs name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Percent => "%",
            Self::Values => "values",
            Self::ValuesPerSecond => "values/s",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes/s",
            Self::Minutes => "minutes",
            Self::Requests => "requests",
            Self::Batches => "batches",
        }
    }
}

/// Which records a cell reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellRecords {
    /// The progress records, which the official task writes too.
    Progress,
    /// What is kept beside each progress record.
    Batch,
    /// What each run tells of itself.
    Heartbeat,
}

/// From when on they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellTime {
    /// All that there are.
    All,
    /// Those that were written in the time that the dashboard shows.
    Shown,
}

/// Where a cell stands, in twelfths of the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellPlace {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
    /// How wide.
    pub width: u32,
    /// How high.
    pub height: u32,
}

const fn at(x: u32, y: u32, width: u32, height: u32) -> CellPlace {
    CellPlace { x, y, width, height }
}

/// One cell.
#[derive(Debug)]
pub struct DashboardCell {
    /// In one word, for programs.
    pub name: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// How it is drawn.
    pub kind: CellKind,
    /// What its numbers count.
    pub unit: CellUnit,
    /// Where it stands.
    pub place: CellPlace,
    /// What is read.
    pub records: CellRecords,
    /// From when on.
    pub time: CellTime,
    /// Which fields of it.
    pub fields: &'static [&'static str],
    /// What is made of them, in Flux.
    pub then: &'static [&'static str],
    /// What it shows, in a sentence.
    pub shows: &'static str,
}

/// The newest of each job.
const NEWEST: &str = "last()";
/// Without the bounds of the query.
const BARE: &str = r#"drop(columns: ["_start", "_stop"])"#;
/// Without what is the same in every row.
const PLAIN: &str =
    r#"drop(columns: ["_start", "_stop", "_measurement", "kind", "srcBucket", "srcOrg"])"#;
/// The fields of one point in one row.
const ROWS: &str = r#"pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")"#;
/// In one table.
const TOGETHER: &str = "group()";
/// The newest first.
const NEWEST_FIRST: &str = r#"sort(columns: ["_time"], desc: true)"#;
/// No more than a screen can show.
const SCREEN: &str = "limit(n: 100)";
/// What comes in each piece of time of the dashboard.
const SUM_OF_PIECES: &str = "aggregateWindow(every: v.windowPeriod, fn: sum)";
/// The same in a second.
const IN_A_SECOND: &str = "map(fn: (r) => ({r with _value: float(v: r._value) * 1000000000.0 / float(v: int(v: v.windowPeriod))}))";
/// What comes in each window of Cloud's quota.
const SUM_OF_WINDOWS: &str = "aggregateWindow(every: 5m, fn: sum)";
/// What nobody knows is written as -1.
const KNOWN: &str = "filter(fn: (r) => r._value >= 0)";
/// Milliseconds as minutes.
const MINUTES: &str = "map(fn: (r) => ({r with _value: float(v: r._value) / 60000.0}))";
/// Only where there is a quota.
const LIMITED: &str = "filter(fn: (r) => r.quota_bytes > 0)";
/// The part of it that is used.
const QUOTA_SHARE: &str = "map(fn: (r) => ({r with _value: float(v: r.quota_used_bytes) * 100.0 / float(v: r.quota_bytes)}))";
/// One number of a row.
const NUMBER: &str = r#"keep(columns: ["_time", "_value", "dstBucket"])"#;
/// Only runs with an error.
const WITH_ERROR: &str = r#"filter(fn: (r) => r.last_error != "")"#;
/// Only what was read back.
const PROVEN: &str = "filter(fn: (r) => r.proven == 1)";

use CellKind::{Line, Stat, Table};
use CellRecords::{Batch, Heartbeat, Progress};
use CellTime::{All, Shown};

/// All of them, in reading order.
pub const CELLS: [DashboardCell; 16] = [
    DashboardCell {
        name: "percent_complete",
        title: "Percent complete",
        kind: Stat,
        unit: CellUnit::Percent,
        place: at(0, 0, 2, 3),
        records: Progress,
        time: All,
        fields: &["percent_complete"],
        then: &[NEWEST, BARE],
        shows: "the share of the job's range that is committed, by its newest record",
    },
    DashboardCell {
        name: "time_left_min",
        title: "Time left, at least",
        kind: Stat,
        unit: CellUnit::Minutes,
        place: at(2, 0, 2, 3),
        records: Heartbeat,
        time: All,
        fields: &["eta_ms_min"],
        then: &[NEWEST, BARE, KNOWN, MINUTES],
        shows: "the shortest time that is likely left, as the newest run foretells it; empty where it does not",
    },
    DashboardCell {
        name: "time_left_max",
        title: "Time left, at most",
        kind: Stat,
        unit: CellUnit::Minutes,
        place: at(4, 0, 2, 3),
        records: Heartbeat,
        time: All,
        fields: &["eta_ms_max"],
        then: &[NEWEST, BARE, KNOWN, MINUTES],
        shows: "the longest time that is likely left",
    },
    DashboardCell {
        name: "quota_used",
        title: "Quota used in this window",
        kind: Stat,
        unit: CellUnit::Percent,
        place: at(6, 0, 2, 3),
        records: Heartbeat,
        time: All,
        fields: &["quota_bytes", "quota_used_bytes"],
        then: &[NEWEST, PLAIN, ROWS, TOGETHER, LIMITED, QUOTA_SHARE, NUMBER],
        shows: "the part of the source's quota that the newest run has read in its window; empty without a quota",
    },
    DashboardCell {
        name: "batches_open",
        title: "Open batches",
        kind: Stat,
        unit: CellUnit::Batches,
        place: at(8, 0, 2, 3),
        records: Heartbeat,
        time: All,
        fields: &["batches_open"],
        then: &[NEWEST, BARE],
        shows: "batches that the newest run reads or writes",
    },
    DashboardCell {
        name: "rejected",
        title: "Rejected values",
        kind: Stat,
        unit: CellUnit::Values,
        place: at(10, 0, 2, 3),
        records: Batch,
        time: All,
        fields: &["rejected"],
        then: &["sum()", BARE],
        shows: "values of all committed batches that the destination refused: they are in the rejects file",
    },
    DashboardCell {
        name: "run",
        title: "The run, and what it waits for",
        kind: Table,
        unit: CellUnit::None,
        place: at(0, 3, 12, 2),
        records: Heartbeat,
        time: All,
        fields: &[
            "machine",
            "phase",
            "seen",
            "state",
            "verified",
            "waits_for",
            "waits_since",
            "waits_why",
        ],
        then: &[NEWEST, PLAIN, ROWS, TOGETHER],
        shows: "the newest run of each job, in the words of `sluice status`: when it was last seen, its state, what it waits for \
                and since when",
    },
    DashboardCell {
        name: "values_per_batch",
        title: "Values per batch",
        kind: Line,
        unit: CellUnit::Values,
        place: at(0, 5, 6, 4),
        records: Progress,
        time: Shown,
        fields: &["rows"],
        then: &[BARE],
        shows: "values of each batch, at the time at which it was committed",
    },
    DashboardCell {
        name: "values_per_s",
        title: "Values per second",
        kind: Line,
        unit: CellUnit::ValuesPerSecond,
        place: at(6, 5, 6, 4),
        records: Batch,
        time: Shown,
        fields: &["read"],
        then: &[SUM_OF_PIECES, BARE, IN_A_SECOND],
        shows: "values of the batches that were committed in each piece of time, per second of it; a gap is a piece without any",
    },
    DashboardCell {
        name: "source_bytes_per_s",
        title: "Source bytes per second",
        kind: Line,
        unit: CellUnit::BytesPerSecond,
        place: at(0, 9, 6, 4),
        records: Batch,
        time: Shown,
        fields: &["source_bytes"],
        then: &[SUM_OF_PIECES, BARE, IN_A_SECOND],
        shows: "decoded bytes of the source's answers for these batches, per second",
    },
    DashboardCell {
        name: "source_bytes_per_window",
        title: "Source bytes per quota window",
        kind: Line,
        unit: CellUnit::Bytes,
        place: at(6, 9, 6, 4),
        records: Batch,
        time: Shown,
        fields: &["source_bytes"],
        then: &[SUM_OF_WINDOWS, BARE],
        shows: "the same in each five minutes, the length of Cloud's windows; the limit is in the cell *Quota*",
    },
    DashboardCell {
        name: "quota",
        title: "Quota",
        kind: Table,
        unit: CellUnit::None,
        place: at(0, 13, 4, 3),
        records: Heartbeat,
        time: All,
        fields: &["quota_bytes", "quota_used_bytes"],
        then: &[NEWEST, PLAIN, ROWS, TOGETHER],
        shows: "bytes that the source grants in a window, 0 where it sets no limit, and those that the newest run has read in it",
    },
    DashboardCell {
        name: "retries_and_splits",
        title: "Retries, splits, rejects",
        kind: Table,
        unit: CellUnit::None,
        place: at(4, 13, 4, 3),
        records: Heartbeat,
        time: All,
        fields: &["rejected", "retries", "splits"],
        then: &[NEWEST, PLAIN, ROWS, TOGETHER],
        shows: "of the newest run: requests that were tried again, slices that were cut in halves, values that were refused",
    },
    DashboardCell {
        name: "retries_per_batch",
        title: "Retries per batch",
        kind: Line,
        unit: CellUnit::Requests,
        place: at(8, 13, 4, 3),
        records: Batch,
        time: Shown,
        fields: &["retries"],
        then: &[BARE],
        shows: "requests of each batch that were tried again, at the time at which it was committed",
    },
    DashboardCell {
        name: "last_errors",
        title: "Last errors",
        kind: Table,
        unit: CellUnit::None,
        place: at(0, 16, 12, 3),
        records: Heartbeat,
        time: All,
        fields: &["exit", "last_error", "machine", "run", "state"],
        then: &[PLAIN, ROWS, TOGETHER, WITH_ERROR, NEWEST_FIRST, SCREEN],
        shows: "of each run that met one the last error, with its exit code once it has ended (-1 until then); the newest run first",
    },
    DashboardCell {
        name: "verified_ranges",
        title: "Verified ranges",
        kind: Table,
        unit: CellUnit::None,
        place: at(0, 19, 12, 4),
        records: Batch,
        time: Shown,
        fields: &["proven", "read", "start", "stop"],
        then: &[PLAIN, ROWS, TOGETHER, PROVEN, NEWEST_FIRST, SCREEN],
        shows: "batches that were read back and found equal before they were recorded (`--verify batch`), the newest 100; \
                whether the whole job was is `verified` in the cell of the run",
    },
];
