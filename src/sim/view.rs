//! A server as the one who asks sees it.

use std::sync::Mutex;

use super::data::store::Store;
use super::settings::{ServerSettings, Task, Token};

/// Who asks, and what there is.
pub(super) struct ServerView<'a> {
    pub(super) settings: &'a ServerSettings,
    pub(super) store: &'a Store,
    pub(super) token: &'a Token,
    pub(super) tasks: &'a Mutex<Vec<Task>>,
}
