//! Operations that run in the query engine: how they take a stream of tables, and what they make of its error.

use super::lex::ScriptPlace;
use super::table::{FluxTable, Stream, StreamError, merge_by_key};

/// An engine operation with the place of its call.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) start: ScriptPlace,
    pub(super) end: ScriptPlace,
}

impl Operation {
    /// The error of upstream, as this operation passes it on.
    pub(super) fn wrap(&self, error: StreamError) -> StreamError {
        match error {
            StreamError::Panics { text, .. } => {
                StreamError::Fails { message: format!("panic: {text}"), internal: true }
            }
            StreamError::Fails { message, internal: false } => self.fails(&message),
            other @ StreamError::Fails { .. } => other,
        }
    }

    fn fails(&self, message: &str) -> StreamError {
        self.fails_as(message, false)
    }

    pub(super) fn fails_as(&self, message: &str, internal: bool) -> StreamError {
        let message =
            format!("runtime error @{}-{}: {}: {message}", self.start, self.end, self.name);
        StreamError::Fails { message, internal }
    }

    /// `rename`, `drop`, `keep` and `group`: they hold everything back, so an error leaves nothing.
    pub(super) fn reshape(
        &self,
        stream: Stream,
        change: impl Fn(&mut FluxTable) -> Result<(), String>,
    ) -> Stream {
        if let Some(error) = stream.error {
            return Stream { tables: Vec::new(), error: Some(self.wrap(error)) };
        }
        let mut tables = stream.tables;
        let changed = tables.iter_mut().try_for_each(change).and_then(|()| merge_by_key(tables));
        match changed {
            Ok(tables) => Stream { tables, error: None },
            Err(message) => Stream { tables: Vec::new(), error: Some(self.fails(&message)) },
        }
    }

    /// Operations that go table by table.
    pub(super) fn each(
        &self,
        stream: Stream,
        change: impl Fn(FluxTable) -> Result<Option<FluxTable>, String>,
    ) -> Stream {
        let mut done =
            Stream { tables: Vec::new(), error: stream.error.map(|error| self.wrap(error)) };
        for table in stream.tables {
            match change(table) {
                Ok(table) => done.tables.extend(table),
                Err(message) => {
                    done.error = Some(self.fails(&message));
                    break;
                }
            }
        }
        done
    }
}
