//! The trials of a bench as a table with commas.

use std::fmt::Write as _;

use super::extrapolate::{self, Whole};
use super::record::{Trial, TrialEnding, scaled};
use super::setting::TrialSetting;

/// The first line of the table of trials.
pub const HEAD: &str = "number,interval,transport,concurrency,body_bytes,repetition,warm_up,stratum,start,stop,\
ending,values_predicted,bytes_predicted,values,bytes_wire,bytes_decoded,bytes_charged,bytes_begun,requests,elapsed_us,\
begun_us,waited_us,slices,first_byte_us,slice_us,slice_us_max,answers_us,reader_busy_us,written_us,retries,splits,cpu_us,memory_bytes_max,\
bodies,body_bytes_sum,batches,transports,values_per_s,wire_milli_bytes_per_value,milli_bytes_per_value,deadline_per_mille,\
whole_ms";

/// One trial as a line of that table; no text in it needs quotes. The last columns follow from the others: what this trial
/// alone says of the whole migration is missing where it says nothing of it.
pub fn line(trial: &Trial, whole: &Whole) -> String {
    let optional = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
    let ending = match &trial.ending {
        TrialEnding::Complete => "complete".to_owned(),
        TrialEnding::Cut { by } => format!("cut by {by}"),
        TrialEnding::Failed { .. } => "failed".to_owned(),
    };
    let TrialSetting { interval, transport, concurrency, body_bytes } = trial.setting;
    let mut line = format!(
        "{},{interval},{transport},{concurrency},{body_bytes},{},{},{},{},{},{ending}",
        trial.number,
        trial.repetition,
        trial.warm_up,
        trial.stratum.name(),
        trial.start,
        trial.stop
    );
    let numbers = [
        trial.values_predicted,
        trial.bytes_predicted,
        trial.values,
        trial.bytes_wire,
        trial.bytes_decoded,
        trial.bytes_charged,
        trial.bytes_begun,
        trial.requests,
        trial.elapsed_us,
        trial.begun_us,
        trial.waited_us,
        trial.slices,
        trial.first_byte_us.likely,
        trial.slice_us.likely,
        trial.slice_us.high,
        trial.answers_us,
        trial.reader_busy_us,
        trial.written_us,
        trial.retries,
        trial.splits,
    ];
    for number in numbers {
        // Writing into a text does not fail.
        let _ = write!(line, ",{number}");
    }
    let _ = write!(
        line,
        ",{},{},{},{},{},{}",
        optional(trial.cpu_us),
        optional(trial.memory_bytes_max),
        trial.bodies,
        trial.body_bytes_sum,
        trial.batches.len(),
        trial.transports.join("+")
    );
    let _ = write!(
        line,
        ",{},{},{},{},{}",
        trial.values_per_s(),
        scaled(trial.bytes_wire, 1_000, trial.values),
        trial.milli_bytes_per_value(),
        trial.deadline_per_mille(whole.query_timeout_ms),
        optional(extrapolate::of_trial(trial, whole).map(|row| row.whole_ms.likely))
    );
    line
}
