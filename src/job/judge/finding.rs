//! What is said of either end, and how.

use crate::config::ends::{EndConfig, TokenSetting};
use crate::influx::client::Client;
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::influx::secrets;
use crate::model::side::Side;
use crate::report::preflight::{Finding, Row, Verdict};

/// An end that cannot be used as it is given; `address` is the code of its address.
pub(super) fn out_of_reach(address: &str, side: Side, error: &InfluxError) -> Row {
    let (code, subject, cure) = match error.kind() {
        FailureKind::NotFound if error.message.contains("organization") => {
            ("P04", "org", format!("--{side}-org NAME, as the server has it"))
        }
        FailureKind::Forbidden => ("P02", "token", "give a token with this right".to_owned()),
        FailureKind::Proxy => (
            address,
            "proxy",
            "put user and password into the proxy's variable, or the address into NO_PROXY"
                .to_owned(),
        ),
        FailureKind::Redirect => {
            (address, "address", format!("give --{side}-host the address that it leads to"))
        }
        _ => {
            let start = match side {
                Side::Source => "check --source-host and the network",
                Side::Destination => "start InfluxDB there, or give --destination-host",
            };
            (address, "address", start.to_owned())
        }
    };
    let cure = error.cure.map_or(cure, str::to_owned);
    finding(code, Verdict::Fail, subject, error.without_cure(), Some(cure))
}

/// The address, and the proxy on the way to it.
pub(super) fn host_row(end: &EndConfig, client: &Client) -> Row {
    let proxy = client.proxy().map_or(String::new(), |proxy| format!("   (through proxy {proxy})"));
    Row::fact("host", format!("{}{proxy}", end.host))
}

/// The token's place, and who else can read it, there or on its way.
pub(super) fn token_rows(end: &EndConfig, client: &Client, rows: &mut Vec<Row>) {
    let (verdict, text, cure) = match (client.token_doubt(), &end.token) {
        (Some(doubt), TokenSetting::File(path)) => {
            (Verdict::Warn, doubt, Some(format!("chmod 600 {}", path.display())))
        }
        (Some(doubt), _) => (Verdict::Warn, doubt, None),
        (None, token) => (Verdict::Ok, token.origin(), None),
    };
    rows.push(finding("P02", verdict, "token", text, cure));
    if client.is_in_the_clear() {
        let text = "http to another machine: the token crosses the network in the clear";
        let cure = "give an https:// address, or use a tunnel that encrypts".to_owned();
        rows.push(finding("P20", Verdict::Warn, "TLS", text, Some(cure)));
    }
}

pub(super) fn finding(
    code: &str,
    verdict: Verdict,
    subject: &str,
    text: impl Into<String>,
    cure: Option<String>,
) -> Row {
    Row::Finding(Finding {
        code: code.to_owned(),
        verdict,
        subject: subject.to_owned(),
        text: secrets::redact(text.into()),
        cure: cure.map(secrets::redact),
    })
}

/// A duration of whole seconds as people write it.
pub(super) fn seconds(seconds: u64) -> String {
    match seconds {
        0 => "for ever".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ => format!("{seconds}s"),
    }
}
