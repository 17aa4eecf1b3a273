//! The trials that say something, as lines of a plot: one for each transport, requests at one time and size of bodies,
//! over the intervals.

use std::collections::{BTreeMap, BTreeSet};

use super::svg::LineLook;
use super::text::beside;
use crate::bench::record::Trial;
use crate::bench::setting::Way;
use crate::model::interval::Interval;
use crate::model::transport::Transport;

/// The axis and its lines.
#[derive(Debug)]
pub(super) struct Grouped<'a> {
    /// The intervals that were tried, rising.
    pub(super) intervals: Vec<Interval>,
    /// The lines, by transport.
    pub(super) series: Vec<PlotLine<'a>>,
}

/// One line.
#[derive(Debug, Clone)]
pub(super) struct PlotLine<'a> {
    /// The transport, and what else tells it from the others.
    pub(super) name: String,
    /// Its shape is the same for a transport on every page; its variant tells the lines of this transport apart.
    pub(super) look: LineLook,
    /// Its transport.
    pub(super) way: Way,
    /// The trials at each interval, by its place on the axis.
    pub(super) cells: BTreeMap<usize, Vec<&'a Trial>>,
}

/// The shape of a transport.
pub(super) fn shape(way: Way) -> usize {
    let place = |own: Transport| Transport::ALL.iter().rev().position(|other| *other == own);
    way.0.and_then(place).map_or(0, |place| place + 1)
}

impl<'a> Grouped<'a> {
    /// The lines of each transport alone, on the same axis; none where no transport has more than one, and all of them can
    /// be told apart in one plot.
    pub(super) fn apart(&self) -> Option<Vec<(Way, Grouped<'a>)>> {
        let ways: BTreeSet<Way> = self.series.iter().map(|line| line.way).collect();
        if ways.len() < 2 || ways.len() == self.series.len() {
            return None;
        }
        let of = |way: Way| {
            let own = self.series.iter().filter(|line| line.way == way).cloned().collect();
            (way, Grouped { intervals: self.intervals.clone(), series: own })
        };
        Some(ways.into_iter().map(of).collect())
    }
}

/// Groups trials.
pub(super) fn grouped<'a>(trials: &[&'a Trial]) -> Grouped<'a> {
    let mut intervals: Vec<Interval> = trials.iter().map(|trial| trial.setting.interval).collect();
    intervals.sort_by_key(|interval| (interval.about_ns(), interval.to_string()));
    intervals.dedup();
    let mut found: BTreeMap<(Way, usize, usize), BTreeMap<usize, Vec<&'a Trial>>> = BTreeMap::new();
    for trial in trials {
        let setting = trial.setting;
        let at = intervals.iter().position(|own| *own == setting.interval).unwrap_or(0);
        let own = (setting.transport, setting.concurrency, setting.body_bytes);
        found.entry(own).or_default().entry(at).or_default().push(trial);
    }
    let first = found.keys().next().copied();
    let differs = |number: fn(&(Way, usize, usize)) -> usize| {
        found.keys().any(|own| first.is_some_and(|first| number(own) != number(&first)))
    };
    let (by_concurrency, by_body) = (differs(|own| own.1), differs(|own| own.2));
    let mut series: Vec<PlotLine<'a>> = Vec::new();
    for ((way, concurrency, body_bytes), cells) in found {
        let (requests, bodies) =
            (by_concurrency.then_some(concurrency), by_body.then_some(body_bytes));
        let name = format!("{way}{}", beside(requests, bodies));
        let shape = shape(way);
        let variant = series.iter().filter(|other| other.look.shape == shape).count();
        series.push(PlotLine { name, look: LineLook { shape, variant }, way, cells });
    }
    Grouped { intervals, series }
}
