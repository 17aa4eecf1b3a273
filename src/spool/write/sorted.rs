//! Sorted parts: frames in the order of month, tags and time, out of frames in any order, and several sorted parts
//! merged into one.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use super::weave::{Thread, Weave};
use crate::limits::{SPOOL_BLOCK_BYTES_TARGET, SPOOL_BLOCK_ROWS_MAX};
use crate::model::frame::Frame;
use crate::model::series::Series;
use crate::model::time::Timestamp;
use crate::spool::error::Error;
use crate::spool::format::block::{self, Stretch, block_rows};
use crate::spool::format::name::Month;

/// Blocks of one measurement in the order of month, tags, time.
pub(super) type Part = Box<dyn Iterator<Item = Result<Frame, Error>> + Send>;

fn bytes_per_row(frame: &Frame) -> usize {
    block::bytes(frame) / frame.rows().max(1)
}

/// Frames of one measurement in any order of their series, sorted while they are read.
pub(super) struct HeldPart {
    frames: Vec<Frame>,
    /// Sorted; with the frame of each.
    stretches: Vec<(Stretch, usize)>,
    next: usize,
    rows_max: usize,
    weave: Weave,
}

impl HeldPart {
    /// The frames in the order in which they came: the later one counts where two hold the same value.
    pub(super) fn new(frames: Vec<Frame>) -> Self {
        let mut all: Vec<(Stretch, usize)> = Vec::new();
        for (at, frame) in frames.iter().enumerate() {
            all.extend(block::stretches(frame).into_iter().map(|stretch| (stretch, at)));
        }
        // The sort is stable: the order of arrival stays.
        all.sort_by(|(a, _), (b, _)| key_order((a.month, &a.series), (b.month, &b.series)));
        let rows: usize = frames.iter().map(Frame::rows).sum();
        let bytes: usize = frames.iter().map(block::bytes).sum();
        let rows_max = block_rows(bytes / rows.max(1));
        Self { frames, stretches: all, next: 0, rows_max, weave: Weave::default() }
    }
}

impl Iterator for HeldPart {
    type Item = Result<Frame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.weave.rows() < self.rows_max && self.next < self.stretches.len() {
            let (first, _) = &self.stretches[self.next];
            let same = self.stretches[self.next..].iter().take_while(|(stretch, _)| {
                stretch.month == first.month && is_same(&stretch.series, &first.series)
            });
            let threads: Vec<_> = same
                .map(|(stretch, source)| Thread { source: *source, rows: stretch.rows.clone() })
                .collect();
            self.weave.add(&first.series, &threads, &self.frames);
            self.next += threads.len();
        }
        (self.weave.rows() > 0).then(|| Ok(self.weave.build(self.rows_max, &self.frames)))
    }
}

fn is_same(a: &Arc<Series>, b: &Arc<Series>) -> bool {
    Arc::ptr_eq(a, b) || a.tags == b.tags
}

fn key_order(a: (Month, &Arc<Series>), b: (Month, &Arc<Series>)) -> Ordering {
    a.0.cmp(&b.0).then_with(|| {
        if Arc::ptr_eq(a.1, b.1) { Ordering::Equal } else { block::by_tags(a.1, b.1) }
    })
}

/// Where a part stands.
struct Cursor {
    part: Part,
    at: Option<At>,
}

/// A stretch of the block that a part stands at.
struct At {
    frame: Frame,
    stretches: VecDeque<Stretch>,
    /// Place among the sources of the block that is being built.
    source: Option<usize>,
    bytes_per_row: usize,
}

impl Cursor {
    /// Goes to the next block where the last one is used up.
    fn settle(&mut self) -> Result<(), Error> {
        while self.at.as_ref().is_none_or(|at| at.stretches.is_empty()) {
            self.at = match self.part.next().transpose()? {
                None => {
                    self.at = None;
                    return Ok(());
                }
                Some(frame) => Some(At {
                    stretches: block::stretches(&frame).into(),
                    bytes_per_row: bytes_per_row(&frame),
                    frame,
                    source: None,
                }),
            };
        }
        Ok(())
    }

    fn head(&self) -> Option<&Stretch> {
        self.at.as_ref()?.stretches.front()
    }
}

/// Several parts as one. They are given in the order in which they came: the later one counts.
pub(super) struct Merge {
    cursors: Vec<Cursor>,
    sources: Vec<Frame>,
    weave: Weave,
    bytes: usize,
    ready: VecDeque<Frame>,
}

/// Merges parts into one.
pub(super) fn merge(mut parts: Vec<Part>) -> Part {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let cursors = parts.into_iter().map(|part| Cursor { part, at: None }).collect();
    let (sources, weave, ready) = (Vec::new(), Weave::default(), VecDeque::new());
    Box::new(Merge { cursors, sources, weave, bytes: 0, ready })
}

impl Merge {
    /// Plans the next rows of the first series; false at the end.
    fn step(&mut self) -> Result<bool, Error> {
        for cursor in &mut self.cursors {
            cursor.settle()?;
        }
        let heads = self.cursors.iter().filter_map(Cursor::head);
        let first = heads.min_by(|a, b| key_order((a.month, &a.series), (b.month, &b.series)));
        let Some(first) = first.cloned() else { return Ok(false) };
        let is_first =
            |head: &Stretch| head.month == first.month && is_same(&head.series, &first.series);
        // Up to here each part has shown all rows of the series: where its block ends with them, there may be more.
        let shown = self.cursors.iter().filter_map(|cursor| {
            let at = cursor.at.as_ref()?;
            let head = at.stretches.front().filter(|head| is_first(head))?;
            let last = block::times(&at.frame)[head.rows.end - 1];
            (at.stretches.len() == 1).then_some(last)
        });
        let until = shown.min().unwrap_or(i64::MAX);
        let mut threads = Vec::new();
        for cursor in &mut self.cursors {
            let Some(at) = cursor.at.as_mut() else { continue };
            let Some(head) = at.stretches.front_mut().filter(|head| is_first(head)) else {
                continue;
            };
            let rows = &block::times(&at.frame)[head.rows.clone()];
            let taken = rows.partition_point(|time| *time <= until);
            let cut = head.rows.start + taken;
            let source = *at.source.get_or_insert_with(|| {
                self.sources.push(at.frame.clone());
                self.sources.len() - 1
            });
            threads.push(Thread { source, rows: head.rows.start..cut });
            self.bytes += taken * at.bytes_per_row;
            head.rows.start = cut;
            if head.rows.is_empty() {
                at.stretches.pop_front();
            }
        }
        self.weave.add(&first.series, &threads, &self.sources);
        Ok(true)
    }

    /// Builds all that is planned.
    fn build(&mut self) {
        let rows_max = block_rows(self.bytes / self.weave.rows().max(1));
        while self.weave.rows() > 0 {
            self.ready.push_back(self.weave.build(rows_max, &self.sources));
        }
        self.bytes = 0;
        self.sources.clear();
        for at in self.cursors.iter_mut().filter_map(|cursor| cursor.at.as_mut()) {
            at.source = None;
        }
    }
}

impl Iterator for Merge {
    type Item = Result<Frame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            match self.step() {
                Err(error) => return Some(Err(error)),
                Ok(false) if self.weave.rows() == 0 => return None,
                Ok(false) => self.build(),
                Ok(true) => {
                    let full = self.weave.rows() >= SPOOL_BLOCK_ROWS_MAX
                        || self.bytes >= SPOOL_BLOCK_BYTES_TARGET;
                    if full {
                        self.build();
                    }
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// The blocks of a part, cut where the month changes: each with its month.
pub(super) fn by_month(block: &Frame) -> Vec<(Month, Frame)> {
    let times = block::times(block);
    let month_at = |row: usize| Month::of(Timestamp::from_ns(times[row]));
    let (first, last) = (month_at(0), month_at(times.len() - 1));
    if first == last {
        return vec![(first, block.clone())];
    }
    let mut parts: Vec<(Month, Frame)> = Vec::new();
    let stretches = block::stretches(block);
    for same in stretches.chunk_by(|a, b| a.month == b.month) {
        let (start, end) = (same[0].rows.start, same[same.len() - 1].rows.end);
        let runs = same.iter().map(|stretch| crate::model::frame::Run {
            end_row: stretch.rows.end - start,
            series: Arc::clone(&stretch.series),
        });
        let columns = block.batch.columns().iter().map(|column| column.slice(start, end - start));
        let part = block::of(
            block.measurement.clone(),
            block.fields.clone(),
            columns.collect(),
            runs.collect(),
        );
        parts.push((same[0].month, part));
    }
    parts
}
