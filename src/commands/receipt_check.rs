//! `verify --receipt-check`: what a receipt proves, without any server.

use super::error::Error;
use crate::cli::verify::VerifyArgs;
use crate::config::env::Env;
use crate::config::verify::ReceiptCheckConfig;
use crate::exit::ExitCode;
use crate::job::error::Error as JobError;
use crate::job::load_config::say_notices;
use crate::job::receipt_check;
use crate::job::shown;
use crate::report::receipt::told::ReceiptReport;
use crate::report::stream;
use crate::spool;
use crate::spool::stored::Stored;

/// Runs the command; `None` if no receipt is to be checked.
pub(crate) fn run(args: &VerifyArgs, env: &Env) -> Option<Result<ExitCode, Error>> {
    let path = args.receipt_check.as_ref()?;
    let checked = || {
        let config = ReceiptCheckConfig::new(args.typed(), env)?;
        let output = &config.output;
        say_notices(&output.notices, output.json);
        let checked = receipt_check::read(path).map_err(JobError::from)?;
        let against = |place: &String| {
            let storage = spool::place::storage(place, &config.surroundings).map_err(Box::new)?;
            let stored = Stored::open(&storage).map_err(Box::new)?;
            Ok::<_, JobError>(receipt_check::against_spool(&checked.receipt, &stored, place)?)
        };
        let spool = config.spool.as_ref().map(against).transpose()?;
        let exit = match &spool {
            Some(spool) if !spool.differing.is_empty() => ExitCode::Different,
            Some(spool) if !spool.uncompared.is_empty() => ExitCode::Rejected,
            _ => ExitCode::Done,
        };
        let file = path.display().to_string();
        let report = ReceiptReport { file, checked, spool, exit: exit.number() };
        if output.json {
            stream::print_exact(report.json());
        } else {
            let paper = stream::stdout_paper(shown::forced(output.color));
            let lines = if output.volume.is_quiet() {
                report.quiet_lines(paper)
            } else {
                report.lines(paper)
            };
            lines.iter().for_each(stream::print_exact);
        }
        Ok(exit)
    };
    Some(checked())
}
