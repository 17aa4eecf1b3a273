//! The lease: one run at a time, also across machines.

use super::record::{Keys, StoredFields};
use crate::limits::{LEASE_AHEAD_MS_MAX, LEASE_STALE_MS};
use crate::model::point::{FieldValue, Point};
use crate::model::time::Timestamp;

/// The kind of the details point that holds the lease.
pub(crate) const KIND_LEASE: &str = "lease";

/// Who runs the job. Refreshed by writing it again; the newest point counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The machine.
    pub machine: String,
    /// The local lock that the run holds, unlike any other of the machine: nothing for a run that does not tell.
    pub lock: String,
    /// The run, unlike any other.
    pub run: String,
}

/// A lease as found in the batch bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLease {
    /// Whose it is.
    pub lease: Lease,
    /// The time of its point, which only puts it behind the one before.
    pub time: Timestamp,
    /// When it was refreshed, by the destination's clock.
    pub refreshed: Timestamp,
    /// True if its run ended and gave it back.
    pub released: bool,
}

/// What a stored lease means for a run that wants to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseVerdict {
    /// Nobody holds the job, or its holder is dead.
    Free,
    /// Another run is alive, or was until a moment ago.
    Held {
        /// Time since its last sign of life.
        age_ms: u64,
    },
}

impl Lease {
    /// The point that takes or refreshes the lease, or with `released` gives it back. `now` is the destination's clock;
    /// `time` may have to lie ahead of it, behind a point that was written by a wrong clock.
    pub fn point(&self, keys: &Keys, time: Timestamp, now: Timestamp, released: bool) -> Point {
        Point {
            series: keys.details_series(KIND_LEASE),
            fields: vec![
                ("machine", FieldValue::String(self.machine.clone())),
                ("lock", FieldValue::String(self.lock.clone())),
                ("run", FieldValue::String(self.run.clone())),
                ("refreshed", FieldValue::String(now.to_rfc3339_nano())),
                ("released", FieldValue::Integer(i64::from(released))),
            ],
            time,
        }
    }
}

impl StoredLease {
    /// Reads the fields of the newest lease point; `None` if there is none or it is not whole.
    pub fn read(fields: &StoredFields, time: Timestamp) -> Option<Self> {
        let lease = Lease {
            machine: fields.get("machine")?.clone(),
            lock: fields.get("lock").cloned().unwrap_or_default(),
            run: fields.get("run")?.clone(),
        };
        let refreshed = fields.get("refreshed").and_then(|text| text.parse().ok());
        Some(Self {
            lease,
            time,
            refreshed: refreshed.unwrap_or(time),
            released: fields.get("released").is_some_and(|text| text == "1"),
        })
    }

    /// May a run start that holds the local lock `lock` on `machine`? A lease of the same lock is dead then: its run would
    /// hold that lock. One of the same machine and another lock is of another state folder, and as alive as any other.
    pub fn verdict(&self, machine: &str, lock: &str, server_now: Timestamp) -> LeaseVerdict {
        let same_lock =
            !lock.is_empty() && (&*self.lease.machine, &*self.lease.lock) == (machine, lock);
        if self.released || same_lock || !is_fresh(self.refreshed, server_now) {
            LeaseVerdict::Free
        } else {
            let age_ms = server_now.ms_since(self.refreshed);
            LeaseVerdict::Held { age_ms: u64::try_from(age_ms).unwrap_or(0) }
        }
    }
}

/// True for a sign of life that is young enough; one that lies far ahead is of a clock that was wrong.
pub(crate) fn is_fresh(sign: Timestamp, server_now: Timestamp) -> bool {
    let lives = -i128::from(LEASE_AHEAD_MS_MAX)..=i128::from(LEASE_STALE_MS);
    lives.contains(&server_now.ms_since(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_free_when_given_back_out_of_time_or_of_our_own_lock() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let seconds_ago = |s: i64| now.saturating_add_ns(-s * 1_000_000_000);
        let stored = |refreshed, released| StoredLease {
            lease: Lease { machine: "a".into(), lock: "x".into(), run: "1".into() },
            time: Timestamp::MAX,
            refreshed,
            released,
        };
        let held = |age_ms| LeaseVerdict::Held { age_ms };
        for (age_s, released, machine, lock, verdict) in [
            (10, false, "b", "x", held(10_000)),
            (10, false, "a", "y", held(10_000)),
            (10, false, "a", "", held(10_000)),
            (180, false, "a", "y", held(180_000)),
            (-5, false, "b", "x", held(0)),
            (-180, false, "b", "x", held(0)),
            (-181, false, "b", "x", LeaseVerdict::Free),
            (-73 * 365 * 86_400, false, "b", "x", LeaseVerdict::Free),
            (10, false, "a", "x", LeaseVerdict::Free),
            (10, true, "b", "x", LeaseVerdict::Free),
            (181, false, "b", "x", LeaseVerdict::Free),
        ] {
            let stored = stored(seconds_ago(age_s), released);
            assert_eq!(stored.verdict(machine, lock, now), verdict, "{age_s} {machine} {lock}");
        }
    }

    #[test]
    fn a_stored_lease_needs_machine_and_run() {
        let time: Timestamp = "2099-01-01".parse().unwrap();
        let now: Timestamp = "2026-01-01".parse().unwrap();
        let mut fields =
            StoredFields::from([("machine".into(), "a".into()), ("released".into(), "1".into())]);
        assert_eq!(StoredLease::read(&fields, time), None);
        fields.insert("run".into(), "7".into());
        let stored = StoredLease::read(&fields, time).unwrap();
        assert!(stored.released && stored.lease.lock.is_empty() && stored.refreshed == time);
        fields.insert("refreshed".into(), now.to_rfc3339_nano());
        let stored = StoredLease::read(&fields, time).unwrap();
        assert_eq!((stored.time, stored.refreshed), (time, now));
    }
}
