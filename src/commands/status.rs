//! `status`: how the jobs of a batch bucket stand, read from there alone.

use tokio::time::{Duration, sleep};

use super::error::Error;
use crate::cli::status::StatusArgs;
use crate::config::env::Env;
use crate::config::inputs::{Inputs, read_file};
use crate::config::status::StatusConfig;
use crate::exit::ExitCode;
use crate::influx::client::{Client, ClientSettings};
use crate::job::ends;
use crate::job::error::{Error as JobError, chain};
use crate::job::exit_code::of_stop;
use crate::job::load_config::say_notices;
use crate::job::run::ClientSignals;
use crate::job::shown;
use crate::job::signals::StopSignals;
use crate::job::status::{look, meet};
use crate::limits::{WATCH_MS, WATCH_RETRIES_MAX};
use crate::model::side::Side;
use crate::report::status::StatusReport;
use crate::report::status::watched::{WatchedScreen, print};
use crate::report::stream;
use crate::report::text::{Paper, clean, wrap};

/// Runs the command.
pub(crate) async fn run(
    args: StatusArgs,
    env: Env,
    stops: &StopSignals,
) -> Result<ExitCode, Error> {
    let signals = ClientSignals::default();
    let config = Inputs::load(args.typed(), env, &read_file)?.check_status()?;
    say_notices(&config.output.notices, config.output.json);
    signals.told_as(&config.output);
    let mut settings = ClientSettings::default();
    if config.watch {
        settings.retries_max = WATCH_RETRIES_MAX;
    }
    let client =
        ends::connect(Side::Destination, &config.destination, &settings, signals.observer())?;
    meet(&config, &client).await?;
    let first = look(&config, &client).await?;
    if config.watch {
        return watch(&config, &client, first, stops).await;
    }
    let paper = stream::stdout_paper(shown::forced(config.output.color));
    lines(&config, &first, paper).iter().for_each(stream::print_exact);
    Ok(first.exit())
}

/// What is shown of a look.
fn lines(config: &StatusConfig, report: &StatusReport, paper: Paper) -> Vec<String> {
    let volume = config.output.volume;
    match config.output.json {
        true => report.json_lines(),
        false if volume.is_quiet() => report.quiet_lines(paper),
        false => report.lines(paper, volume.is_verbose()),
    }
}

/// Looks again and again, until somebody asks for the end. Trouble that may pass is shown with what was seen last.
async fn watch(
    config: &StatusConfig,
    client: &Client,
    first: StatusReport,
    stops: &StopSignals,
) -> Result<ExitCode, Error> {
    let _moving = stops.moving();
    let stop = stops.stop();
    let color = shown::forced(config.output.color);
    // JSON is for programs, whatever the streams are.
    let mut screen = (!config.output.json).then(WatchedScreen::new);
    let (mut report, mut trouble) = (first, None);
    let ended = loop {
        let taken = match &mut screen {
            None if trouble.is_none() => print(&report.json_lines()),
            None => Ok(()),
            Some(screen) => {
                let paper = screen.paper(color);
                let mut shown = lines(config, &report, paper);
                if let Some(trouble) = &trouble {
                    let text = format!("not read since then: {trouble}");
                    shown.extend(wrap(&clean(&text, paper.glyphs), paper.columns, 2));
                }
                screen.show(shown)
            }
        };
        if taken.is_err() {
            // Nobody looks any more.
            break Ok(report.exit());
        }
        let next = async {
            sleep(Duration::from_millis(WATCH_MS)).await;
            look(config, client).await
        };
        match stop.unless(Box::pin(next)).await {
            Err(reason) => break Ok(of_stop(reason)),
            Ok(Ok(found)) => (report, trouble) = (found, None),
            Ok(Err(error)) if may_pass(&error) => trouble = Some(chain(&error).join(": ")),
            Ok(Err(error)) => break Err(Error::from(error)),
        }
    };
    if let Some(screen) = screen {
        screen.end();
    }
    ended
}

fn may_pass(error: &JobError) -> bool {
    error.exit() == ExitCode::Temporary
}
