//! What the ledger knows, behind its lock: pace, credit and debt, what is in flight, what was received.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::bounds::{WHOLE_PPM, signed, unsigned};
use super::clock::SourceClock;
use super::pace::{BurstAtStart, QuotaPace};
use super::runs::View;
use super::time::QueryTime;
use crate::limits::QUOTA_WINDOW_MS;
use crate::model::scale::scaled;
use crate::model::share::{Share, ShareChange};

/// The state of the ledger, for the progress display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUsage {
    /// The quota of one window, if there is one.
    pub quota_bytes: Option<u64>,
    /// Bytes received in the last 300 s by this run.
    pub window_bytes: u64,
    /// Bytes received by this run so far.
    pub total_bytes: u64,
    /// The rate that the pacing grants this run now, if there is a quota; 0 while the other runs have all of it.
    pub bytes_per_s: Option<u64>,
    /// The share that is taken now, in thousandths.
    pub share_per_mille: u32,
    /// When it will be another one, and which.
    pub share_change: Option<ShareChange>,
    /// Runs that share the quota, this one among them.
    pub runs: u32,
    /// How long the requests that wait now will wait, all together.
    pub wait_ms: u64,
}

pub(super) struct LedgerState {
    pub(super) clock: SourceClock,
    /// The share where no bytes are limited: that of query time.
    share: Share,
    /// None: no quota.
    pub(super) pace: Option<QuotaPace>,
    /// None: the time of queries is not limited.
    pub(super) time: Option<QueryTime>,
    /// Runs that share the quota, this one among them.
    pub(super) runs: u32,
    /// The part of the limits that this run keeps to, in millionths.
    part_ppm: u32,
    /// The part that this run has, which is more while it is about to give something up.
    held_ppm: u32,
    /// Credit above zero, debt below.
    pub(super) balance_bytes: i64,
    /// Predicted, admitted and not yet received.
    reserved_bytes: u64,
    /// Still to be paid by requests that wait.
    pub(super) due_bytes: u64,
    /// Bytes received, by second since `origin`; the last five minutes of them.
    seconds: VecDeque<(u64, u64)>,
    /// Bytes received since `origin`.
    pub(super) total_bytes: u64,
    origin: Instant,
}

impl LedgerState {
    pub(super) fn new(quota_bytes: Option<u64>, share: &Share, query_time_ms: Option<u64>) -> Self {
        let clock = SourceClock::local();
        Self {
            clock,
            share: share.clone(),
            pace: quota_bytes.map(|quota| QuotaPace::new(quota, share.clone(), clock)),
            time: query_time_ms.map(QueryTime::new),
            runs: 1,
            part_ppm: WHOLE_PPM,
            held_ppm: WHOLE_PPM,
            balance_bytes: 0,
            reserved_bytes: 0,
            due_bytes: 0,
            seconds: VecDeque::new(),
            total_bytes: 0,
            origin: Instant::now(),
        }
    }

    /// Counts received bytes.
    pub(super) fn count(&mut self, bytes: u64) {
        self.total_bytes += bytes;
        let second = self.origin.elapsed().as_secs();
        let window_s = QUOTA_WINDOW_MS / 1_000;
        while self.seconds.front().is_some_and(|(first, _)| first + window_s <= second) {
            self.seconds.pop_front();
        }
        match self.seconds.back_mut() {
            Some((last, sum)) if *last == second => *sum += bytes,
            _ if bytes > 0 => self.seconds.push_back((second, bytes)),
            _ => {}
        }
    }

    /// Received in the last window.
    pub(super) fn window_bytes(&mut self) -> u64 {
        self.count(0);
        self.seconds.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The share at this moment, in thousandths.
    pub(super) fn share_per_mille(&self) -> u32 {
        self.share.at(self.clock.now())
    }

    /// True if so much more may be in flight. What is larger than all that may be goes alone, but not while this run has
    /// to give something up: it could never do so if such requests followed each other.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let most = self.pace.as_ref().map_or(u64::MAX, |pace| pace.bounds.in_flight_bytes_max);
        let alone = self.reserved_bytes == 0 && self.held_ppm <= self.part_ppm;
        alone || self.reserved_bytes.saturating_add(bytes) <= most
    }

    pub(super) fn reserve(&mut self, bytes: u64) {
        self.reserved_bytes = self.reserved_bytes.saturating_add(bytes);
    }

    pub(super) fn release(&mut self, bytes: u64) {
        self.reserved_bytes = self.reserved_bytes.saturating_sub(bytes);
    }

    /// What was paid and did not come is credit; together with what is in flight it is no more than may be in flight.
    pub(super) fn give_back(&mut self, bytes: i64) {
        self.balance_bytes = self.balance_bytes.saturating_add(bytes);
        self.cut_credit();
    }

    fn cut_credit(&mut self) {
        let Some(pace) = &self.pace else { return };
        let most = pace.bounds.in_flight_bytes_max.saturating_sub(self.reserved_bytes);
        self.balance_bytes = self.balance_bytes.min(signed(most));
    }

    /// Lets a query in, as far as its time goes.
    pub(super) fn start_query(&mut self, bytes: u64) -> Result<Option<u64>, Duration> {
        let share = self.share_per_mille();
        self.time.as_mut().map(|time| time.start(bytes, share)).transpose()
    }

    /// The smaller part that this run may be held to from now on, if it still has a larger one: once neither what is in
    /// flight, nor credit or debt, nor the time of its queries needs more.
    pub(super) fn lower_to_ppm(&mut self) -> Option<u32> {
        let share = self.share_per_mille();
        let bytes_fit = self.pace.as_ref().is_none_or(|pace| {
            let (credit, debt) = (unsigned(self.balance_bytes), unsigned(-self.balance_bytes));
            self.reserved_bytes + credit <= pace.bounds.in_flight_bytes_max
                && debt <= pace.bounds.overrun_bytes_max()
        });
        let time_fits = self.time.as_mut().is_none_or(|time| time.fits(share));
        (bytes_fit && time_fits && self.part_ppm < self.held_ppm).then_some(self.part_ppm)
    }

    /// Nothing, until the others have given something up.
    pub(super) fn begin_sharing(&mut self) {
        (self.part_ppm, self.held_ppm) = (0, 0);
        if let Some(time) = &mut self.time {
            time.set_part(0, Duration::ZERO);
        }
        if let Some(pace) = &mut self.pace {
            pace.set_part(0, BurstAtStart::Empty);
        }
    }

    /// True while this run waits for a part.
    pub(super) fn has_nothing(&self) -> bool {
        self.part_ppm == 0
    }

    /// All of it again: the others cannot be seen any more.
    pub(super) fn end_sharing(&mut self) {
        let (part_ppm, even_ppm) = (WHOLE_PPM, WHOLE_PPM);
        // As a ledger that never shared.
        self.take_up(View { runs: 1, part_ppm, even_ppm, dead_ppm: 0, rested: Duration::MAX });
    }

    /// Takes up what was found in the folder of runs. True if the part or the number of runs is another one.
    pub(super) fn take_up(&mut self, view: View) -> bool {
        let (runs, before_ppm) = (self.runs, self.part_ppm);
        self.runs = view.runs;
        self.held_ppm = view.part_ppm;
        self.part_ppm = view.part_ppm.min(view.even_ppm);
        if let Some(pace) = &self.pace {
            // What dead runs have received beyond their predictions and never paid.
            let unpaid = pace.bounds_of(view.dead_ppm).overrun_bytes_max();
            let unpaid = if view.dead_ppm > 0 { signed(unpaid) } else { 0 };
            self.balance_bytes = self.balance_bytes.saturating_sub(unpaid);
        }
        if self.part_ppm == before_ppm {
            return runs != view.runs;
        }
        let rested = if before_ppm == 0 { view.rested } else { Duration::ZERO };
        let fresh = rested > Duration::from_millis(QUOTA_WINDOW_MS);
        if let Some(time) = &mut self.time {
            time.set_part(self.part_ppm, rested);
        }
        if let Some(pace) = &mut self.pace {
            pace.set_part(
                self.part_ppm,
                if fresh { BurstAtStart::Full } else { BurstAtStart::Empty },
            );
        }
        self.cut_credit();
        true
    }

    /// What a person may want to know.
    pub(super) fn usage(&mut self, quota_bytes: Option<u64>) -> QuotaUsage {
        let bytes_per_s = self.pace.as_ref().map(|pace| pace.bytes_per_s(self.clock));
        let now = self.clock.now();
        QuotaUsage {
            quota_bytes,
            window_bytes: self.window_bytes(),
            total_bytes: self.total_bytes,
            bytes_per_s,
            share_per_mille: self.share.at(now),
            share_change: self.share.next_change(now),
            runs: self.runs,
            wait_ms: bytes_per_s.map_or(0, |rate| scaled(self.due_bytes, 1_000, rate)),
        }
    }
}
