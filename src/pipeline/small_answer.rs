//! One question of Flux and its small answer, read whole. An answer that is not what was asked for is asked for again.

use crate::influx;
use crate::influx::client::Client;
use crate::influx::error::FailureKind;
use crate::pipeline::error::Error;
use crate::wire::csv;
use crate::wire::csv::columns::AskedColumns;
use crate::wire::csv::table::{CsvTable, read_with, single_number};

/// What came of a question: why there is no answer; what its rows tell, that none can be read from; or what was read.
pub(crate) type Asked<T> = Result<Result<T, csv::error::Error>, influx::error::Error>;

/// The tables of an answer, each with these columns. `what` says in errors what was asked for.
pub(crate) async fn ask(
    client: &Client,
    query: &str,
    columns: AskedColumns,
    what: &str,
) -> Asked<Vec<CsvTable>> {
    client.query_as(query, what, |answer| read_with(answer, columns)).await
}

/// The number of an answer of one row; 0 if it has none.
pub(crate) async fn ask_number(client: &Client, query: &str, what: &str) -> Asked<u64> {
    client.query_as(query, what, |answer| Ok(single_number(answer)?.unwrap_or(0))).await
}

/// What was read of an answer.
pub(crate) fn read<T>(what: &str, asked: Asked<T>) -> Result<T, Error> {
    asked.map_err(|error| Error::influx(what, error))?.map_err(|error| Error::csv(what, error))
}

/// The same; `None` if the server runs out of time or memory over it.
pub(crate) fn unless_too_slow<T>(what: &str, asked: Asked<T>) -> Result<Option<T>, Error> {
    match asked {
        Err(error) if matches!(error.kind(), FailureKind::Timeout | FailureKind::MemoryLimit) => {
            Ok(None)
        }
        asked => read(what, asked).map(Some),
    }
}

/// The same, or why the server refuses it; trouble that may pass is neither.
pub(crate) fn unless_refused<T>(
    what: &str,
    asked: Asked<T>,
) -> Result<Result<T, influx::error::Error>, Error> {
    match Error::unless_refused(what, asked)? {
        Ok(answered) => read(what, Ok(answered)).map(Ok),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// [`ask`], to be answered.
pub(crate) async fn tables(
    client: &Client,
    query: &str,
    columns: AskedColumns,
    what: &str,
) -> Result<Vec<CsvTable>, Error> {
    read(what, ask(client, query, columns, what).await)
}

/// [`ask_number`], to be answered.
pub(crate) async fn number(client: &Client, query: &str, what: &str) -> Result<u64, Error> {
    read(what, ask_number(client, query, what).await)
}

/// [`ask_number`]; `None` if the server runs out of time or memory over it.
pub(crate) async fn number_unless_too_slow(
    client: &Client,
    query: &str,
    what: &str,
) -> Result<Option<u64>, Error> {
    unless_too_slow(what, ask_number(client, query, what).await)
}
