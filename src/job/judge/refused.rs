//! What a run would not begin over, as a finding: the same words and the same exit code, said before anything is begun.

use crate::config::error::ConfigError;
use crate::config::job::JobEnds;
use crate::exit::ExitCode;
use crate::job::error::{Error, chain, way_out};
use crate::job::exit_code;
use crate::job::judge::finding::{finding, is_finding};
use crate::model::number;
use crate::pipeline::commit::job_lock::LockError;
use crate::pipeline::error::Error as Failure;
use crate::report::preflight::{PreflightReport, Row, Verdict};
use crate::spool::error::Error as SpoolError;

const FOREIGN: &str =
    "another --destination-bucket; or --existing merge, which writes over and between them";
const WAIT: &str = "wait until the other run has ended";
const STATE_FOLDER: &str = "set XDG_STATE_HOME to a folder that can be written";
const RIGHTS: &str =
    "give a token that may read and write the destination bucket and the batch bucket";

/// Adds the finding. What only trouble that may pass has brought about is no finding, and ends the command.
pub(super) fn told(
    ends: &JobEnds,
    refused: Option<Error>,
    report: &mut PreflightReport,
) -> Result<Option<Error>, Error> {
    let Some(error) = refused else { return Ok(None) };
    let Some(row) = row(&error) else { return Err(error) };
    if matches!(error, Error::ForeignData { .. }) && report.has_failed(&["P17", "P18"]) {
        // What it holds is its own: the wrong bucket is named.
        return Ok(None);
    }
    report.refusals.push(error.exit());
    let of_content = matches!(error, Error::ForeignData { .. } | Error::OtherSource { .. });
    let is_of_destination = of_content || ends.spool.is_some();
    let rows = if is_of_destination { &mut report.destination } else { &mut report.progress };
    rows.push(row);
    Ok(Some(error))
}

fn row(error: &Error) -> Option<Row> {
    let fail = |code, subject, text: String, cure: &str| {
        Some(finding(code, Verdict::Fail, subject, text, Some(cure.to_owned())))
    };
    let words = || chain(error).join(": ");
    match error {
        Error::ForeignData { values: held, range, .. } => {
            let values = number::all_counted(*held, "value", "values");
            let text = format!("holds {values} in {range} that this job has not written");
            let row = fail("P14", "content", text, FOREIGN);
            row.map(|row| {
                let (start, stop) = (range.start.to_string(), range.stop.to_string());
                row.with("values", *held).with("start", start).with("stop", stop)
            })
        }
        Error::OtherSource { reads, theirs, range, .. } => {
            let text =
                format!("another job moves {reads} there, over {theirs}; this run writes {range}");
            let cure = "another --destination-bucket, or --existing merge if both shall lie in one; if it is this very source: --source-org as that job has it";
            fail("P29", "content", text, cure)
        }
        Error::OtherJob { bucket, difference } => {
            let text = format!("{bucket:?} holds the progress of another job: {difference}");
            fail("P24", "job", text, way_out(difference))
        }
        Error::NotAdopted { why } => {
            let text = format!("holds records of the official task, but {why}");
            fail("P24", "job", text, "--adopt takes them over all the same")
        }
        Error::Spool(spool) | Error::Pipeline(Failure::Spool(spool)) => {
            match (&**spool, exit_code::of_spool(spool)) {
                (SpoolError::OtherJob { .. }, _) => {
                    fail("P24", "job", words(), "give another --spool-dir, or the same settings")
                }
                (_, ExitCode::Locked) => fail("P25", "lock", words(), WAIT),
                (_, ExitCode::Temporary) => None,
                _ => fail("P27", "state", words(), "give another --spool-dir, or mend this one"),
            }
        }
        Error::Leased { .. } | Error::Lock(LockError::Held { .. }) => {
            fail("P25", "lock", words(), WAIT)
        }
        Error::TooManyBatches { interval, batches, max, least, .. } => {
            let (many, most) = (number::grouped(*batches), number::grouped(*max));
            let text = format!("{interval} makes {many} of them, more than {most}");
            let cure = format!("--batch-interval auto, or one of {least} at the least");
            let row = fail("P26", "batches", text, &cure);
            row.map(|row| row.with("batches", *batches).with("batches_max", *max))
        }
        Error::Lock(LockError::Io { .. }) | Error::Config(ConfigError::NoStateDir) => {
            fail("P27", "state", words(), STATE_FOLDER)
        }
        Error::Pipeline(Failure::RejectsFile { .. } | Failure::State { .. }) => {
            fail("P27", "rejects", words(), "--rejects FILE")
        }
        Error::Pipeline(Failure::Record(_)) => {
            fail("P24", "job", words(), "--batch-bucket NAME keeps a separate job")
        }
        Error::Pipeline(Failure::Influx { source, .. }) | Error::Influx(source)
            if is_finding(source) =>
        {
            fail("P05", "rights", source.without_cure(), RIGHTS)
        }
        _ => None,
    }
}
