//! Measurements that a run reads by plain Flux alone, because another way was found to read them otherwise.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::series::Name;

/// Which they are so far, and why each of them.
#[derive(Debug, Default)]
pub struct FluxOnly(Mutex<BTreeMap<Name, String>>);

impl FluxOnly {
    /// Why a measurement is one of them; `None` if nothing speaks against another way.
    pub fn why(&self, measurement: &[u8]) -> Option<String> {
        self.measurements().get(measurement).cloned()
    }

    /// True once there is one.
    pub fn is_any(&self) -> bool {
        !self.measurements().is_empty()
    }

    /// Adds one; the first reason stays.
    pub fn add(&self, measurement: &Name, why: &str) {
        self.measurements().entry(measurement.clone()).or_insert_with(|| why.to_owned());
    }

    fn measurements(&self) -> MutexGuard<'_, BTreeMap<Name, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
