//! The lease: one run at a time, also across machines.

use super::record::{Keys, StoredFields};
use crate::limits::LEASE_STALE_MS;
use crate::model::point::{FieldValue, Point};
use crate::model::time::Timestamp;

/// The kind of the details point that holds the lease.
pub const KIND_LEASE: &str = "lease";

/// Who runs the job. Refreshed by writing it again; the newest point counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The machine.
    pub machine: String,
    /// The run, unlike any other.
    pub run: String,
}

/// A lease as found in the batch bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLease {
    /// Whose it is.
    pub lease: Lease,
    /// When it was refreshed, by the destination's clock.
    pub refreshed: Timestamp,
    /// True if its run ended and gave it back.
    pub released: bool,
}

/// What a stored lease means for a run that wants to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody holds the job, or its holder is dead.
    Free,
    /// Another run is alive, or was until a moment ago.
    Held {
        /// Time since its last sign of life.
        age_ms: u64,
    },
}

impl Lease {
    /// The point that takes or refreshes the lease, or with `released` gives it back.
    pub fn point(&self, keys: &Keys, time: Timestamp, released: bool) -> Point {
        Point {
            series: keys.details_series(KIND_LEASE),
            fields: vec![
                ("machine", FieldValue::String(self.machine.clone())),
                ("run", FieldValue::String(self.run.clone())),
                ("released", FieldValue::Integer(i64::from(released))),
            ],
            time,
        }
    }
}

impl StoredLease {
    /// Reads the fields of the newest lease point; `None` if there is none or it is not whole.
    pub fn read(fields: &StoredFields, refreshed: Timestamp) -> Option<Self> {
        let lease =
            Lease { machine: fields.get("machine")?.clone(), run: fields.get("run")?.clone() };
        Some(Self {
            lease,
            refreshed,
            released: fields.get("released").is_some_and(|text| text == "1"),
        })
    }

    /// May a run on `machine` start, which holds the local lock of the job? A lease of the same machine is dead then:
    /// its run would hold that lock.
    pub fn verdict(&self, machine: &str, server_now: Timestamp) -> Verdict {
        let age_ns = server_now.ns().saturating_sub(self.refreshed.ns()).max(0);
        let age_ms = u64::try_from(age_ns / 1_000_000).unwrap_or(0);
        if self.released || self.lease.machine == machine || age_ms > LEASE_STALE_MS {
            Verdict::Free
        } else {
            Verdict::Held { age_ms }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_free_when_given_back_stale_or_our_own_machines() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let seconds_ago = |s: i64| now.saturating_add_ns(-s * 1_000_000_000);
        let stored = |refreshed, released| StoredLease {
            lease: Lease { machine: "a".into(), run: "1".into() },
            refreshed,
            released,
        };
        assert_eq!(
            stored(seconds_ago(10), false).verdict("b", now),
            Verdict::Held { age_ms: 10_000 }
        );
        assert_eq!(stored(seconds_ago(-5), false).verdict("b", now), Verdict::Held { age_ms: 0 });
        assert_eq!(stored(seconds_ago(10), false).verdict("a", now), Verdict::Free);
        assert_eq!(stored(seconds_ago(10), true).verdict("b", now), Verdict::Free);
        assert_eq!(stored(seconds_ago(181), false).verdict("b", now), Verdict::Free);
    }

    #[test]
    fn a_stored_lease_needs_machine_and_run() {
        let now: Timestamp = "2026-01-01".parse().unwrap();
        let mut fields =
            StoredFields::from([("machine".into(), "a".into()), ("released".into(), "1".into())]);
        assert_eq!(StoredLease::read(&fields, now), None);
        fields.insert("run".into(), "7".into());
        assert!(StoredLease::read(&fields, now).unwrap().released);
    }
}
