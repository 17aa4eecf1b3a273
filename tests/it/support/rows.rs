//! Rows of a table of cases, run a few at a time.

use tokio::task::JoinSet;

/// More at once would wait for each other longer than the bounds that they are about.
const ROWS_AT_ONCE: usize = 6;

/// What each row comes to, in the order of their ends. Panics with the first one that fails.
pub(crate) async fn all_of<T: Send + 'static>(
    rows: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let (mut running, mut ended) = (JoinSet::new(), Vec::new());
    for row in rows {
        if running.len() == ROWS_AT_ONCE {
            ended.extend(running.join_next().await.map(|row| row.expect("a row failed")));
        }
        running.spawn(row);
    }
    while let Some(row) = running.join_next().await {
        ended.push(row.expect("a row failed"));
    }
    ended
}
