//! The settings of a job, with what has to be asked for.

use super::ends;
use crate::config::error::ConfigError;
use crate::config::inputs::Inputs;
use crate::config::job::JobConfig;
use crate::influx::client::ClientSettings;
use crate::influx::signal::Observer;
use crate::job::error::Error;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::report::{json, stream};

/// Settings from everywhere, checked; a task named by its id is fetched from the destination.
pub(crate) async fn load_config(
    mut inputs: Inputs,
    check: fn(&Inputs, Timestamp) -> Result<JobConfig, ConfigError>,
    observer: Observer,
) -> Result<JobConfig, Error> {
    if let Some(id) = inputs.task_id().map(str::to_owned) {
        let end = inputs.destination()?;
        let client = ends::connect(Side::Destination, &end, &ClientSettings::default(), observer)?;
        client.meet(inputs.wait_for_ends_ms()?).await?;
        let task = client.task(&id).await?;
        inputs.set_task(&task.flux)?;
    }
    let config = check(&inputs, local_now())?;
    say_notices(&config.output.notices, config.output.json);
    Ok(config)
}

/// What is to be known of the settings: on stderr, or as JSON lines.
pub(crate) fn say_notices(notices: &[String], is_json: bool) {
    for notice in notices {
        if is_json {
            stream::print_exact(json::notice(notice));
        } else {
            stream::say(format_args!("notice: {notice}"));
        }
    }
}

/// This machine's clock, for relative times only: everything that is stored uses the servers' clocks.
pub(crate) fn local_now() -> Timestamp {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
