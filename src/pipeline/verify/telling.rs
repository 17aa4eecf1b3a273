//! Who hears of equal stretches, so that a later comparison need not read them. What was read by key tags alone waits until its
//! series were listed again: until then it may have been read wrongly.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::compared::Compared;
use super::end::ComparedEnd;
use super::known::EqualStretch;
use super::source::ComparedSource;
use crate::limits::{VERIFY_UNTOLD_LISTS_MIN, VERIFY_UNTOLD_MAX, VERIFY_UNTOLD_MS_MIN};
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;

/// Hears of a stretch that is equal.
pub(crate) type HearsEqual<'a> = &'a (dyn Fn(&EqualStretch) + Sync);

/// Tells of equal stretches.
pub(super) struct Telling<'a> {
    hears: HearsEqual<'a>,
    destination: Arc<ComparedEnd>,
    source: Option<ComparedSource>,
    /// Those that wait, and since when.
    untold: Vec<(TimeRange, EqualStretch)>,
    since: Instant,
    /// Lists when they were looked at last.
    lists_seen: u64,
    /// How long the last lists took that were made for them.
    listing: Duration,
}

impl<'a> Telling<'a> {
    pub(super) fn new(
        hears: HearsEqual<'a>,
        destination: &Arc<ComparedEnd>,
        source: Option<ComparedSource>,
    ) -> Self {
        Self {
            hears,
            destination: Arc::clone(destination),
            source,
            untold: Vec::new(),
            since: Instant::now(),
            lists_seen: 0,
            listing: Duration::ZERO,
        }
    }

    /// Takes what was compared, and tells of it now or later.
    pub(super) fn note(&mut self, compared: &Compared) {
        let Some(stretch) = EqualStretch::of(compared) else { return };
        if self.untold.is_empty() {
            self.since = Instant::now();
        }
        self.untold.push((compared.range, stretch));
        if self.lists_done() == self.lists_seen
            && let Some((range, stretch)) = self.untold.pop()
        {
            // Of the others nothing is known that was not known before.
            self.tell(range, stretch);
        } else {
            self.tell_proven();
        }
    }

    /// Has series listed again where stretches wait for long. Gives way to nothing else meanwhile but what is read already.
    pub(super) async fn list_if_due(&mut self) -> Result<(), Error> {
        let least = Duration::from_millis(VERIFY_UNTOLD_MS_MIN);
        let wait = least.max(self.listing * VERIFY_UNTOLD_LISTS_MIN);
        let is_due = self.untold.len() >= VERIFY_UNTOLD_MAX || self.since.elapsed() >= wait;
        if self.untold.is_empty() || !is_due {
            return Ok(());
        }
        let begun = Instant::now();
        self.destination.list_again().await?;
        if let Some(source) = &self.source {
            source.list_again().await?;
        }
        (self.listing, self.since) = (begun.elapsed(), Instant::now());
        self.tell_proven();
        Ok(())
    }

    fn tell_proven(&mut self) {
        self.lists_seen = self.lists_done();
        for (range, stretch) in std::mem::take(&mut self.untold) {
            self.tell(range, stretch);
        }
    }

    /// Tells of one, if it is proven; once anything is in doubt, of none any more.
    fn tell(&mut self, range: TimeRange, stretch: EqualStretch) {
        let source = self.source.as_ref();
        let of_source = source.and_then(ComparedSource::bucket);
        if self.destination.is_doubted() || of_source.is_some_and(ComparedEnd::is_doubted) {
            self.untold.clear();
        } else if self.destination.is_proven(range)
            && source.is_none_or(|source| source.is_proven(range))
        {
            (self.hears)(&stretch);
        } else {
            self.untold.push((range, stretch));
        }
    }

    fn lists_done(&self) -> u64 {
        let of_source = self.source.as_ref().and_then(ComparedSource::bucket);
        self.destination.lists_done() + of_source.map_or(0, ComparedEnd::lists_done)
    }
}
