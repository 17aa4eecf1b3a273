//! The flags of `demo`.

use super::flags::{Flags, Takes};
use crate::config::flag::FlagGroup;
use crate::config::table::{COLOR, JSON, QUIET, SHOWN, VERBOSE};

/// The simulated bucket and how the run is shown.
pub(crate) type DemoArgs = Flags<TakesDemo>;

/// A command that takes a bucket to simulate.
#[derive(Debug)]
pub enum TakesDemo {}

impl Takes for TakesDemo {
    const GROUPS: &'static [FlagGroup] =
        &[SHOWN, FlagGroup::of(&[JSON.flag, QUIET.flag, VERBOSE.flag, COLOR.flag])];
}
