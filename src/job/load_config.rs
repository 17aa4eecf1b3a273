//! The settings of a job, with what has to be asked for.

use super::ends;
use crate::config::inputs::Inputs;
use crate::config::job::JobConfig;
use crate::influx::client::ClientSettings;
use crate::influx::signal::Observer;
use crate::job::error::Error;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::report::stream;

/// Settings from everywhere; a task named by its id is fetched from the destination.
pub async fn load_config(inputs: Inputs, observer: Observer) -> Result<JobConfig, Error> {
    Ok(noticed(fetched(inputs, observer).await?.check(local_now())?))
}

/// The same for a command that may do without a destination.
pub async fn load_config_to_look(inputs: Inputs, observer: Observer) -> Result<JobConfig, Error> {
    Ok(noticed(fetched(inputs, observer).await?.check_to_look(local_now())?))
}

async fn fetched(mut inputs: Inputs, observer: Observer) -> Result<Inputs, Error> {
    if let Some(id) = inputs.task_id().map(str::to_owned) {
        let end = inputs.destination()?;
        let client = ends::connect(Side::Destination, &end, &ClientSettings::default(), observer)?;
        let task = client.task(&id).await?;
        inputs.set_task(&task.flux)?;
    }
    Ok(inputs)
}

fn noticed(config: JobConfig) -> JobConfig {
    say_notices(&config.output.notices);
    config
}

/// What is to be known of the settings, on stderr.
pub fn say_notices(notices: &[String]) {
    notices.iter().for_each(|notice| stream::say(format_args!("notice: {notice}")));
}

/// This machine's clock, for relative times only: everything that is stored uses the servers' clocks.
pub fn local_now() -> Timestamp {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ns(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
