//! A server as the one who asks sees it.

use std::sync::Mutex;

use super::data::objects::ObjectStore;
use super::data::store::BucketStore;
use super::settings::{AccessToken, FluxTask, ServerSettings};

/// Who asks, and what there is.
pub(super) struct ServerView<'a> {
    pub(super) settings: &'a ServerSettings,
    pub(super) store: &'a BucketStore,
    pub(super) token: &'a AccessToken,
    pub(super) tasks: &'a Mutex<Vec<FluxTask>>,
    pub(super) objects: &'a Mutex<ObjectStore>,
}
