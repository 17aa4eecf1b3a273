//! Misbehaviour on command.

pub(super) mod fault;
pub(super) mod script;
