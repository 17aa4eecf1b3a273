//! The first question to a server: whether one is there, and whether it is one that sluice moves data between.

use std::time::Duration;

use tokio::time::Instant;

use super::client::{Client, ServerInfo};
use super::error::{Error, Failure, FailureKind};
use super::signal::Signal;
use crate::limits::{FIRST_PAUSE_MS, FIRST_WORD_MS};
use crate::model::number;
use crate::model::scale::whole_ms;

/// What InfluxDB 3 says where a token is missing or unknown; 2.x has other words for it.
pub(super) const INFLUXDB_3_REFUSES: &str = "the request was not authenticated";

/// What to do where another product answers.
pub(super) const OTHER_PRODUCT_CURE: &str =
    "sluice reads InfluxDB Cloud (TSM) and OSS 2.x, and writes to OSS 2.x: give the address of one";

impl Client {
    /// Asks the server who it is, after `wait_ms` at the latest: until then it may still be starting.
    pub async fn meet(&self, wait_ms: u64) -> Result<(), Error> {
        let begun = Instant::now();
        let mut said_at: Option<Instant> = None;
        loop {
            // Who waits says so himself, and tries once at a time.
            let info =
                if wait_ms > 0 { self.server_info_once().await } else { self.server_info().await };
            let met = info.and_then(|info| self.known_product(&info));
            let left_ms = wait_ms.saturating_sub(whole_ms(begun.elapsed()));
            match met {
                Err(error) if left_ms > 0 && may_come(error.kind()) => {
                    let due = said_at.is_none_or(|at| whole_ms(at.elapsed()) >= FIRST_WORD_MS);
                    if due {
                        said_at = Some(Instant::now());
                        let text = format!(
                            "waiting for the {} to be up, for {} at most: {}",
                            self.side(),
                            number::duration(left_ms.next_multiple_of(1_000)),
                            error.of_first_contact().unwrap_or_else(|| error.cause())
                        );
                        self.observe(Signal::Notice { side: self.side(), text });
                    }
                    tokio::time::sleep(Duration::from_millis(FIRST_PAUSE_MS.min(left_ms))).await;
                }
                met => return met,
            }
        }
    }

    fn known_product(&self, info: &ServerInfo) -> Result<(), Error> {
        let Some(name) = other_product(info, self.host_name()) else { return Ok(()) };
        let failure = Failure::new(FailureKind::OtherProduct, format!("this is {name}"));
        Err(self.error("version", failure.curable(OTHER_PRODUCT_CURE)))
    }
}

/// True for a server that is perhaps only not there yet.
fn may_come(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Connect
            | FailureKind::Timeout
            | FailureKind::Interrupted
            | FailureKind::Unavailable { .. }
            | FailureKind::ServerError
    )
}

/// What answers, if it is no InfluxDB 2.x. Cloud names no version.
fn other_product(info: &ServerInfo, host: &str) -> Option<String> {
    let version = info.version.as_deref().unwrap_or_default().trim_start_matches('v');
    let build = info.build.as_deref().unwrap_or_default();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(1) => Some(format!("InfluxDB {version}, of the 1.x line")),
        Some(3) => Some(format!("InfluxDB 3 {build} ({version})").replace("  ", " ")),
        None if build.eq_ignore_ascii_case("serverless") => {
            Some("InfluxDB Cloud Serverless".to_owned())
        }
        None if host.ends_with(".influxdb.io") => Some("InfluxDB Cloud Dedicated".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_products_are_known_by_what_they_say() {
        let said = |version: Option<&str>, build: Option<&str>, host: &str| {
            let info =
                ServerInfo { version: version.map(str::to_owned), build: build.map(str::to_owned) };
            other_product(&info, host).unwrap_or_default()
        };
        for (version, build, host, expected) in [
            (Some("2.9.1"), Some("OSS"), "oss", ""),
            (Some("v2.0.4"), Some("OSS"), "oss", ""),
            (Some("dev"), Some("OSS"), "oss", ""),
            (None, None, "cloud2.influxdata.com", ""),
            (None, Some("Cloud"), "cloud2.influxdata.com", ""),
            (Some("1.8.10"), Some("OSS"), "old", "InfluxDB 1.8.10, of the 1.x line"),
            (Some("3.9.1"), Some("Core"), "new", "InfluxDB 3 Core (3.9.1)"),
            (None, Some("Serverless"), "x", "InfluxDB Cloud Serverless"),
            (None, None, "abc.a.influxdb.io", "InfluxDB Cloud Dedicated"),
        ] {
            assert_eq!(said(version, build, host), expected, "{version:?} {build:?} {host}");
        }
    }
}
