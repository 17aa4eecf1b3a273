//! One question of Flux and its small answer, whole.

use crate::influx::client::Client;
use crate::influx::error::FailureKind;
use crate::pipeline::error::Error;
use crate::wire::csv::table::{CsvTable, read_tables, single_long};

/// The tables of an answer. `what` says in errors what was asked for.
pub(crate) async fn tables(
    client: &Client,
    query: &str,
    what: &str,
) -> Result<Vec<CsvTable>, Error> {
    let answer = client.query_all(query, what).await.map_err(|error| Error::influx(what, error))?;
    tables_in(&answer, what)
}

/// The same of an answer that is there.
pub(crate) fn tables_in(answer: &[u8], what: &str) -> Result<Vec<CsvTable>, Error> {
    read_tables(answer).map_err(|error| Error::csv(what, error))
}

/// An answer; `None` if the server runs out of time or memory over it.
pub(crate) async fn unless_too_slow(
    client: &Client,
    query: &str,
    what: &str,
) -> Result<Option<Vec<u8>>, Error> {
    match client.query_all(query, what).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind(), FailureKind::Timeout | FailureKind::MemoryLimit) => {
            Ok(None)
        }
        Err(error) => Err(Error::influx(what, error)),
    }
}

/// The number of an answer of one row; 0 if it has none.
pub(crate) async fn number(client: &Client, query: &str, what: &str) -> Result<u64, Error> {
    let answer = client.query_all(query, what).await.map_err(|error| Error::influx(what, error))?;
    number_in(&answer, what)
}

/// The same of an answer that is there.
pub(crate) fn number_in(answer: &[u8], what: &str) -> Result<u64, Error> {
    let number = single_long(answer).map_err(|error| Error::csv(what, error))?;
    Ok(number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
}

/// As [`number`]; `None` if the server runs out of time or memory over it.
pub(crate) async fn number_unless_too_slow(
    client: &Client,
    query: &str,
    what: &str,
) -> Result<Option<u64>, Error> {
    let answer = unless_too_slow(client, query, what).await?;
    answer.map(|answer| number_in(&answer, what)).transpose()
}
