//! The heart of a run: it writes the run's heartbeat, from its first batch to its end, for those who look at the batch bucket.
//!
//! It is best effort. One heartbeat is under way at a time, each is tried once and has [`HEARTBEAT_MS_MAX`]; what the server
//! says to it stops, slows and changes nothing of the run, which has a gate of its own. What a heartbeat misses the next one tells.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval_at, timeout};

use crate::checkpoint::heartbeat::Heartbeat;
use crate::checkpoint::lease::Lease;
use crate::checkpoint::record::next_record_time;
use crate::job::error::Error;
use crate::limits::{HEARTBEAT_LAST_MS_MAX, HEARTBEAT_MS, HEARTBEAT_MS_MAX};
use crate::model::scale::whole_ms;
use crate::model::time::Timestamp;
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;
use crate::pipeline::error::Error as Failure;
use crate::pipeline::event::{Counters, Event, EventSink};
use crate::pipeline::stop::StopSignal;
use crate::report::Ending;
use crate::report::pulse::Pulse;
use crate::report::state::QuotaShown;

/// Beats as long as it lives. A run without a batch bucket has none that does.
#[derive(Debug)]
pub struct Heart {
    pulse: Arc<SharedPulse>,
    /// Says that the run is over.
    over: watch::Sender<bool>,
    beating: Option<JoinHandle<()>>,
}

/// What the run tells, from whichever thread, and when it began.
#[derive(Debug)]
struct SharedPulse {
    pulse: Mutex<Pulse>,
    begun: Instant,
    /// Something happened that is not to wait for the next beat.
    changed: Notify,
}

impl SharedPulse {
    fn lock(&self) -> MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        whole_ms(self.begun.elapsed())
    }

    fn hear(&self, event: &Event) {
        self.lock().hear(event, self.now_ms());
        if matches!(event, Event::Planned(_) | Event::Stopping(_)) {
            self.changed.notify_one();
        }
    }
}

impl Heart {
    /// Begins to beat for the run that keeps its checkpoint so. The first beat comes with its plan.
    pub fn start(keeper: &Checkpoint, quota: Option<QuotaShown>, counters: &Arc<Counters>) -> Self {
        let pulse = Arc::new(SharedPulse {
            pulse: Mutex::new(Pulse::new(quota, Arc::clone(counters))),
            begun: Instant::now(),
            changed: Notify::new(),
        });
        let (over, is_over) = watch::channel(false);
        let beating = match keeper {
            Checkpoint::Bucket(records) => {
                let store = records.store().apart(HEARTBEAT_MS_MAX);
                let (own, pulse) = (records.lease().clone(), Arc::clone(&pulse));
                let beats = Beats { store, own, pulse, place: None, clock: None };
                Some(tokio::spawn(beats.all(is_over)))
            }
            Checkpoint::Spool(_) | Checkpoint::None | Checkpoint::Memory(_) => None,
        };
        Self { pulse, over, beating }
    }

    /// Who hears of events, with this as the first of them.
    pub fn beside(&self, events: EventSink) -> EventSink {
        // Nobody would read it.
        if self.beating.is_none() {
            return events;
        }
        let pulse = Arc::clone(&self.pulse);
        Arc::new(move |event| {
            pulse.hear(&event);
            events(event);
        })
    }

    /// Tells how the run ended, if the destination takes that at once.
    pub async fn end(mut self, ending: &Ending, stop: &StopSignal) {
        self.pulse.lock().end(ending, self.pulse.now_ms());
        self.over.send_replace(true);
        if let Some(beating) = &mut self.beating {
            let last = timeout(Duration::from_millis(HEARTBEAT_LAST_MS_MAX), beating);
            let _ = stop.briefly(last).await;
        }
    }
}

/// Tells that a run could not begin, if it had taken the job.
pub(crate) async fn tell_failure(keeper: &Checkpoint, error: &Error, stop: &StopSignal) {
    let ending = Ending::Failed(error.failure(0));
    Heart::start(keeper, None, &Arc::default()).end(&ending, stop).await;
}

impl Drop for Heart {
    fn drop(&mut self) {
        if let Some(beating) = &self.beating {
            beating.abort();
        }
    }
}

/// The task that writes.
struct Beats {
    store: BatchBucket,
    own: Lease,
    pulse: Arc<SharedPulse>,
    /// The time of the point, the same for each beat of the run.
    place: Option<Timestamp>,
    /// What the server's clock showed, and when.
    clock: Option<(Timestamp, Instant)>,
}

impl Beats {
    async fn all(mut self, mut is_over: watch::Receiver<bool>) {
        let pause = Duration::from_millis(HEARTBEAT_MS);
        let mut due = interval_at(Instant::now() + pause, pause);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let pulse = Arc::clone(&self.pulse);
        loop {
            let over = tokio::select! {
                biased;
                _ = is_over.wait_for(|over| *over) => true,
                () = pulse.changed.notified() => false,
                _ = due.tick() => false,
            };
            // What comes of it is nothing to the run.
            let _ = timeout(Duration::from_millis(HEARTBEAT_MS_MAX), self.beat()).await;
            if over {
                return;
            }
        }
    }

    async fn beat(&mut self) -> Result<(), Failure> {
        let place = match self.place {
            Some(place) => place,
            None => self.find_place().await?,
        };
        let now = self.now().unwrap_or(place);
        let beat = self.pulse.lock().heartbeat(&self.own, self.pulse.now_ms(), now);
        self.store.write_once(&beat.point(self.store.keys(), place), "heartbeat").await?;
        self.note_clock();
        Ok(())
    }

    /// Behind the heartbeats of all earlier runs, whatever clock they had. The newest of them tells what they have proven.
    async fn find_place(&mut self) -> Result<Timestamp, Failure> {
        // A run that does not hold the job must not stand before the one that does.
        self.store.held(&self.own).await?;
        let newest = self.store.heartbeat().await?;
        self.note_clock();
        if let Some((fields, _)) = &newest
            && let Some(earlier) = Heartbeat::stored(fields)
        {
            self.pulse.lock().follows(&earlier);
        }
        let newest = newest.map(|(_, time)| time);
        let now = self.now().or(newest).unwrap_or(Timestamp::EPOCH);
        Ok(*self.place.insert(next_record_time(newest, now)))
    }

    fn note_clock(&mut self) {
        self.clock = self.store.now().map(|now| (now, Instant::now()));
    }

    /// The server's clock, which goes on while nothing is asked.
    fn now(&self) -> Option<Timestamp> {
        let (then, at) = self.clock?;
        let passed_ns = i64::try_from(at.elapsed().as_nanos()).unwrap_or(i64::MAX);
        Some(then.saturating_add_ns(passed_ns))
    }
}
