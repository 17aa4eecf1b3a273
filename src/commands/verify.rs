//! `verify`: what a job has moved, compared with what the destination holds now.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use crate::cli::verify::VerifyArgs;
use crate::config::env::Env;
use crate::config::inputs::{self, Inputs};
use crate::config::verify::VerifyConfig;
use crate::exit::ExitCode;
use crate::job::ends::Ends;
use crate::job::error::Error as JobError;
use crate::job::load_config::{load_config, say_notices};
use crate::job::receipt_file::ReceiptFile;
use crate::job::run::ClientSignals;
use crate::job::shown;
use crate::job::signals::StopSignals;
use crate::job::verify::journal::KeptFindings;
use crate::job::verify::{self, VerifyJob, VerifyOutcome};
use crate::model::number;
use crate::pipeline::event::{Event, EventSink, VerifyProgress};
use crate::report::progress::StatusLine;
use crate::report::stream;
use crate::report::verify::{VerifyEnd, VerifyReport};

/// What is said where a comparison ends by an error.
const GOES_ON: &str = "what was found equal is kept: the same command goes on from there";

/// Runs the command.
pub(crate) async fn run(
    args: &VerifyArgs,
    env: Env,
    stops: &StopSignals,
) -> Result<ExitCode, Error> {
    let signals = ClientSignals::default();
    let layers = inputs::load_layers(args.typed(), &env, &inputs::read_file)?;
    let wanted = VerifyConfig::new(&layers, &env)?;
    let inputs = Inputs::new(layers, env, &inputs::read_file)?;
    let check = match wanted.spool() {
        Some(_) => Inputs::check_to_verify_spool,
        None => Inputs::check_to_verify,
    };
    let config = load_config(inputs, check, signals.observer()).await?;
    signals.told_as(&config.output);
    if wanted.repair && config.safety.dry_run {
        say_notices(&["--dry-run: nothing is repaired".to_owned()], config.output.json);
    }
    let wanted = VerifyConfig { repair: wanted.repair && !config.safety.dry_run, ..wanted };
    // What is compared takes its time: that its receipt can be written is known before.
    let receipt_file = wanted.receipt.as_deref().map(ReceiptFile::begin);
    let receipt_file = receipt_file.transpose().map_err(JobError::from)?;
    let ends = Ends::connect(&config, &signals.observer())?;
    let _moving = stops.moving();
    let stop = stops.stop();
    stops.limit_time(config.pace.max_duration_ms);
    let is_quiet = config.output.json || config.output.volume.is_quiet();
    let line = Mutex::new(StatusLine::new(is_quiet));
    let progress = |at: VerifyProgress| {
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        line.show(|| words(at));
    };
    let observer = signals.observer();
    let events: EventSink = Arc::new(move |event| tell(&event, is_quiet));
    let (config, wanted) = (&config, &wanted);
    let (kept, ends) = (KeptFindings::default(), &ends);
    let (observer, events) = (&observer, &events);
    let asked = VerifyJob { config, wanted, ends, observer, events, kept: Some(&kept) };
    let comparing = verify::compare(asked, &progress);
    let stopped = |reason| JobError::VerifyStopped { reason, is_kept: kept.is_any() };
    let compared = stop.unless(Box::pin(comparing)).await.map_err(stopped);
    drop(line);
    if matches!(compared, Ok(Err(_))) && kept.is_any() {
        say_notices(&[GOES_ON.to_owned()], config.output.json);
    }
    let compared = compared.flatten();
    let VerifyOutcome { source_org, range, evidence, verified, named, elapsed_ms, receipt } =
        compared?;
    let written = receipt_file.zip(receipt).map_or(Ok(()), |(file, receipt)| file.write(&receipt));
    let written = written.map_err(JobError::from);
    let exit = match VerifyEnd::of(range, evidence, &verified) {
        VerifyEnd::Different => ExitCode::Different,
        VerifyEnd::Unproven => ExitCode::Rejected,
        VerifyEnd::Equal | VerifyEnd::Counted | VerifyEnd::Sampled | VerifyEnd::Nothing => {
            ExitCode::Done
        }
    };
    let exit = written.as_ref().map_or_else(JobError::exit, |()| exit);
    let report = VerifyReport {
        source: format!("{source_org}/{}", config.ends.source_bucket),
        destination: shown::destination_name(&config.ends),
        evidence,
        spool: wanted.spool().map(str::to_owned),
        range,
        verified,
        values: named,
        elapsed_ms,
        exit: exit.number(),
    };
    if config.output.json {
        stream::print_exact(report.json());
    } else {
        let paper = stream::stdout_paper(shown::forced(config.output.color));
        let is_quiet = config.output.volume.is_quiet();
        let lines = if is_quiet { report.quiet_lines(paper) } else { report.lines(paper) };
        lines.iter().for_each(stream::print_exact);
    }
    // What was found is told all the same.
    written?;
    Ok(exit)
}

/// What a person should know of the readers.
fn tell(event: &Event, is_quiet: bool) {
    if let Event::Notice(text) = event
        && !is_quiet
    {
        stream::say(format_args!("notice: {text}"));
    }
}

fn words(at: VerifyProgress) -> String {
    let share = number::per_mille(at.batches.into(), at.of_batches.into());
    let differing = match at.differing {
        0 => "all equal so far".to_owned(),
        count => format!("{count} differ"),
    };
    format!(
        "verified {}/{} batches up to {}, {}, {}, {differing}",
        number::grouped(at.batches),
        number::grouped(at.of_batches),
        number::minute(at.at),
        number::percent(share),
        number::all_counted(at.values, "value", "values"),
    )
}
