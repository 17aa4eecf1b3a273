//! The heartbeat of a run: one point, written again and again in the same place, that tells from elsewhere how the run fares.

use super::record::{Keys, StoredFields, stored_time};
use crate::model::point::{FieldValue, Point};
use crate::model::time::{TimeRange, Timestamp};

/// The kind of the details point that holds the heartbeat.
pub(crate) const KIND_HEARTBEAT: &str = "heartbeat";

/// The field that tells whose it is: every heartbeat has it.
pub(crate) const RUN: &str = "run";

/// The word for pacing under the source's quota.
const QUOTA: &str = "quota";

/// A closed set of words, as they are stored.
macro_rules! words {
    ($(#[$about:meta])+ $name:ident { $($(#[$each:meta])+ $word:ident = $text:literal,)+ }) => {
        $(#[$about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$each])+ $word,)+ }

        impl $name {
            /// The word.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$word => $text,)+ }
            }

            /// What a word means.
            fn of_word(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$word),)+ _ => None }
            }
        }
    };
}

words! {
    /// How a run was when it last told of itself.
    RunCondition {
        /// It moves values.
        Running = "running",
        /// It waits for something.
        Waiting = "waiting",
        /// Its end was asked for; open batches finish.
        Draining = "draining",
        /// It ended, and has moved all that it was asked for.
        Complete = "complete",
        /// It ended early, on request.
        Stopped = "stopped",
        /// It ended with an error, or with a difference.
        Failed = "failed",
    }
}

words! {
    /// What a run does, one after the other.
    RunPhase {
        /// Values go from one end to the other.
        Copy = "copy",
        /// All is committed; both ends are counted once more.
        Closing = "closing",
        /// What was moved is read back.
        ReadBack = "read_back",
    }
}

words! {
    /// What is known of the content of all that the job has moved.
    ContentProof {
        /// Nothing was compared.
        Not = "not",
        /// All of it was read back and is equal.
        Equal = "equal",
        /// Some of it was read back, or could not be proven.
        Unproven = "unproven",
        /// Some of it differs.
        Different = "different",
    }
}

impl ContentProof {
    /// Of the whole job, where `earlier` runs have moved a part of it, and this one the rest with this proof.
    #[must_use]
    pub(crate) fn after(self, earlier: Self) -> Self {
        match (earlier, self) {
            (Self::Equal, own) => own,
            (_, Self::Equal) => Self::Unproven,
            (_, own) => own,
        }
    }
}

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredWait {
    /// In one word, as on the screen of the run: `quota`, `sink`.
    pub(crate) word: String,
    /// In words.
    pub(crate) reason: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredEnd {
    /// The name of the end, as in the summary: `copied`, `error`.
    pub(crate) result: String,
    /// The exit code.
    pub(crate) exit: u8,
}

/// What a run tells of itself. Times are those of the destination's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// The run.
    pub(crate) run: String,
    /// Its machine.
    pub(crate) machine: String,
    /// The version of the program.
    pub(crate) version: String,
    /// When it told this.
    pub(crate) seen: Timestamp,
    /// When it began.
    pub(crate) begun: Timestamp,
    /// How it is.
    pub(crate) condition: RunCondition,
    /// What it waits for, if it does.
    pub(crate) waits: Option<StoredWait>,
    /// What it does.
    pub(crate) phase: RunPhase,
    /// The whole job, up to the stop of this run.
    pub(crate) job: TimeRange,
    /// Batches that are read or written.
    pub(crate) batches_open: u64,
    /// Values committed by this run.
    pub(crate) values: u64,
    /// Values per second that the destination has acknowledged over the last minutes.
    pub(crate) values_per_s: u64,
    /// Source bytes of this run, decoded.
    pub(crate) source_bytes: u64,
    /// The same per second over the last minutes.
    pub(crate) source_bytes_per_s: u64,
    /// Bytes of the source's quota in a window, and those that this run has read in this one; 0 without a quota.
    pub(crate) quota_bytes: u64,
    /// See `quota_bytes`.
    pub(crate) quota_used_bytes: u64,
    /// Requests that were tried again.
    pub(crate) retries: u64,
    /// Slices cut in halves.
    pub(crate) splits: u64,
    /// Values refused in this run.
    pub(crate) rejected: u64,
    /// When anything last moved on.
    pub(crate) moved: Timestamp,
    /// Shortest and longest time that is likely left.
    pub(crate) eta_ms: Option<(u64, u64)>,
    /// The last error that it met, or ended with; empty for none.
    pub(crate) last_error: String,
    /// What is known of the content.
    pub(crate) proof: ContentProof,
    /// How it ended, if it did.
    pub(crate) end: Option<StoredEnd>,
}

impl Heartbeat {
    /// True for the normal wait.
    pub(crate) fn waits_for_quota(&self) -> bool {
        self.waits.as_ref().is_some_and(|wait| wait.word == QUOTA)
    }

    /// The point that holds it. Every field is written each time, so that nothing of an earlier one stays.
    pub(crate) fn point(&self, keys: &Keys, time: Timestamp) -> Point {
        let text = |text: &str| FieldValue::String(text.to_owned());
        let count = |n: u64| FieldValue::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let at = |time: Timestamp| FieldValue::String(time.to_rfc3339_nano());
        let waits = self.waits.as_ref();
        let (eta_min, eta_max) = self.eta_ms.unzip();
        let or_less = |n: Option<u64>| n.map_or(FieldValue::Integer(-1), count);
        let end = self.end.as_ref();
        let fields = vec![
            (RUN, text(&self.run)),
            ("machine", text(&self.machine)),
            ("version", text(&self.version)),
            ("seen", at(self.seen)),
            ("begun", at(self.begun)),
            ("state", text(self.condition.word())),
            ("waits_for", text(waits.map_or("", |wait| &wait.word))),
            ("waits_why", text(waits.map_or("", |wait| &wait.reason))),
            ("waits_since", waits.map_or(text(""), |wait| at(wait.since))),
            ("phase", text(self.phase.word())),
            ("start", at(self.job.start)),
            ("stop", at(self.job.stop)),
            ("batches_open", count(self.batches_open)),
            ("values", count(self.values)),
            ("values_per_s", count(self.values_per_s)),
            ("source_bytes", count(self.source_bytes)),
            ("source_bytes_per_s", count(self.source_bytes_per_s)),
            ("quota_bytes", count(self.quota_bytes)),
            ("quota_used_bytes", count(self.quota_used_bytes)),
            ("retries", count(self.retries)),
            ("splits", count(self.splits)),
            ("rejected", count(self.rejected)),
            ("moved", at(self.moved)),
            ("eta_ms_min", or_less(eta_min)),
            ("eta_ms_max", or_less(eta_max)),
            ("last_error", text(&self.last_error)),
            ("verified", text(self.proof.word())),
            ("result", text(end.map_or("", |end| &end.result))),
            ("exit", or_less(end.map(|end| u64::from(end.exit)))),
        ];
        Point { series: keys.details_series(KIND_HEARTBEAT), fields, time }
    }

    /// From the fields of the newest such point; `None` if it is not whole.
    pub(crate) fn stored(fields: &StoredFields) -> Option<Self> {
        let text = |name: &str| fields.get(name).cloned();
        let count = |name: &str| fields.get(name)?.parse::<u64>().ok();
        let at = |name: &'static str| stored_time(fields, name).ok();
        let word = text("waits_for").unwrap_or_default();
        let reason = text("waits_why").unwrap_or_default();
        let waits = at("waits_since").map(|since| StoredWait { word, reason, since });
        let exit = count("exit").and_then(|exit| u8::try_from(exit).ok());
        Some(Self {
            run: text(RUN)?,
            machine: text("machine")?,
            version: text("version")?,
            seen: at("seen")?,
            begun: at("begun")?,
            condition: RunCondition::of_word(fields.get("state")?)?,
            waits,
            phase: RunPhase::of_word(fields.get("phase")?)?,
            job: TimeRange::new(at("start")?, at("stop")?),
            batches_open: count("batches_open")?,
            values: count("values")?,
            values_per_s: count("values_per_s")?,
            source_bytes: count("source_bytes")?,
            source_bytes_per_s: count("source_bytes_per_s")?,
            quota_bytes: count("quota_bytes")?,
            quota_used_bytes: count("quota_used_bytes")?,
            retries: count("retries")?,
            splits: count("splits")?,
            rejected: count("rejected")?,
            moved: at("moved")?,
            eta_ms: count("eta_ms_min").zip(count("eta_ms_max")),
            last_error: text("last_error").unwrap_or_default(),
            proof: ContentProof::of_word(fields.get("verified")?)?,
            end: exit.map(|exit| StoredEnd { result: text("result").unwrap_or_default(), exit }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat() -> Heartbeat {
        let time: Timestamp = "2026-01-01".parse().unwrap();
        Heartbeat {
            run: "7".into(),
            machine: "a".into(),
            version: "0.1.0".into(),
            seen: time.saturating_add_ns(60_000_000_000),
            begun: time,
            condition: RunCondition::Waiting,
            waits: Some(StoredWait {
                word: "quota".into(),
                reason: "source quota (normal)".into(),
                since: time,
            }),
            phase: RunPhase::Copy,
            job: TimeRange::new("2022-01-01".parse().unwrap(), "2022-02-01".parse().unwrap()),
            batches_open: 2,
            values: 3,
            values_per_s: 4,
            source_bytes: 5,
            source_bytes_per_s: 6,
            quota_bytes: 7,
            quota_used_bytes: 8,
            retries: 9,
            splits: 10,
            rejected: 11,
            moved: time,
            eta_ms: Some((12, 13)),
            last_error: "source: it broke, \"twice\"".into(),
            proof: ContentProof::Not,
            end: None,
        }
    }

    /// The fields of a point as a server gives them back.
    fn fields(point: &Point) -> StoredFields {
        let text = |value: &FieldValue| match value {
            FieldValue::String(text) => text.clone(),
            FieldValue::Integer(n) => n.to_string(),
            FieldValue::Float(n) => n.to_string(),
        };
        point.fields.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
    }

    #[test]
    fn it_is_read_as_it_was_written_and_the_task_does_not_take_it_for_a_record() {
        let keys = Keys { src_org: "o".into(), src_bucket: "s".into(), dst_bucket: "d".into() };
        let ended = Heartbeat {
            waits: None,
            eta_ms: None,
            condition: RunCondition::Failed,
            end: Some(StoredEnd { result: "error".into(), exit: 7 }),
            ..beat()
        };
        let names = |beat: &Heartbeat| -> Vec<_> {
            beat.point(&keys, beat.begun).fields.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&beat()), names(&ended), "each writes over all of the one before");
        assert!(!names(&ended).contains(&"batch_stop"), "the task would read it");
        for beat in [beat(), ended] {
            let point = beat.point(&keys, beat.begun);
            assert_eq!(Heartbeat::stored(&fields(&point)), Some(beat));
        }
    }

    #[test]
    fn one_that_is_not_whole_is_none() {
        let keys = Keys { src_org: "o".into(), src_bucket: "s".into(), dst_bucket: "d".into() };
        let whole = fields(&beat().point(&keys, Timestamp::EPOCH));
        for name in ["run", "seen", "state", "phase", "verified", "moved"] {
            let mut fields = whole.clone();
            fields.insert(name.to_owned(), "other".to_owned());
            let is_free = name == "run";
            assert_eq!(Heartbeat::stored(&fields).is_some(), is_free, "{name}");
            fields.remove(name);
            assert_eq!(Heartbeat::stored(&fields), None, "{name}");
        }
    }

    #[test]
    fn what_a_run_proves_of_its_part_says_little_of_the_others() {
        use ContentProof::{Different, Equal, Not, Unproven};
        for (earlier, own, all) in [
            (Equal, Equal, Equal),
            (Equal, Not, Not),
            (Not, Equal, Unproven),
            (Different, Equal, Unproven),
            (Equal, Different, Different),
            (Unproven, Not, Not),
        ] {
            assert_eq!(own.after(earlier), all, "{earlier:?} {own:?}");
        }
    }
}
