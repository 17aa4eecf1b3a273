//! HTTP as far as every answer needs it: requests in, replies out, on no socket yet.

pub(super) mod queries;
pub(super) mod reply;
pub(super) mod request;
pub(super) mod rows;
