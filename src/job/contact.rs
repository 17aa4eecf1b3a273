//! The first word with both ends, spoken at once: two that cannot be reached are not waited for one after the other.

use crate::config::job::JobConfig;
use crate::influx::error::Error;
use crate::job::ends::Ends;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Met {
    /// The source.
    pub source: Result<(), Error>,
    /// The destination; nothing is asked where there is none.
    pub destination: Result<(), Error>,
}

/// Asks both ends who they are.
pub(crate) async fn meet(config: &JobConfig, ends: &Ends) -> Met {
    let wait_ms = config.ends.wait_ms;
    let destination = async {
        if config.ends.has_destination() { ends.destination.meet(wait_ms).await } else { Ok(()) }
    };
    let (source, destination) = tokio::join!(ends.source.meet(wait_ms), destination);
    Met { source, destination }
}
