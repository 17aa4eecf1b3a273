//! Where both ends differ, value by value: a range is halved until both sides of it fit into memory.

use std::collections::{HashMap, HashSet};

use super::deletion;
use super::difference::{NoDelete, ValueDifference};
use super::end::ComparedEnd;
use super::source::ComparedSource;
use crate::limits::COMPARED_VALUES_MAX;
use crate::model::frame::Frame;
use crate::model::held_value::HeldValue;
use crate::model::series::{Name, Series};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::plan::count;
use crate::pipeline::pool;
use crate::wire::frames::each::each_value;

/// Walks over a range, rising in time.
#[derive(Debug)]
pub(crate) struct ValueWalk<'a> {
    source: &'a ComparedSource,
    destination: &'a ComparedEnd,
    stretches: Vec<TimeRange>,
}

/// What a stretch of it came to.
#[derive(Debug)]
pub(crate) struct ComparedValues {
    /// The stretch.
    pub(crate) range: TimeRange,
    /// In which values both ends differ, rising in time.
    pub(crate) differing: Vec<ValueDifference>,
    /// False if an end does not give all that it holds.
    pub(crate) is_whole: bool,
}

impl<'a> ValueWalk<'a> {
    /// Over a range of both ends.
    pub(crate) fn new(
        (source, destination): (&'a ComparedSource, &'a ComparedEnd),
        range: TimeRange,
    ) -> Self {
        Self { source, destination, stretches: vec![range] }
    }

    /// The next stretch that is small enough.
    pub(crate) async fn next(&mut self) -> Result<Option<ComparedValues>, Error> {
        let Self { source, destination, stretches } = self;
        while let Some(range) = stretches.pop() {
            let here = source.total(range);
            let there = count::total(destination.bucket(), range);
            let (here, there) = tokio::try_join!(here, there)?;
            if here.max(there) > COMPARED_VALUES_MAX
                && let Some((first, second)) = range.halves()
            {
                stretches.extend([second, first]);
                continue;
            }
            let (here, there) = tokio::try_join!(source.values(range), destination.values(range))?;
            let is_whole = here.lacking.is_none() && there.lacking.is_none();
            // A delete takes what was not read, too.
            let is_read = there.lacking.is_none() && destination.is_read_whole();
            let differing = pool::run(move || {
                let mut found = compare(&here.frames, &there.frames);
                if !is_read {
                    deletion::none(&mut found, NoDelete::Unread);
                }
                found
            });
            let differing = differing.await?;
            return Ok(Some(ComparedValues { range, differing, is_whole }));
        }
        Ok(None)
    }
}

/// The values of one side, each with a place in the list of series and fields.
type Held = HashMap<(usize, Timestamp), HeldValue>;

fn compare(here: &[Frame], there: &[Frame]) -> Vec<ValueDifference> {
    let mut keys: HashMap<(Series, Name), usize> = HashMap::new();
    let mut held = |frames: &[Frame]| {
        let mut held = Held::new();
        for frame in frames {
            let key = |series: &Series, field: &Name| {
                let next = keys.len();
                *keys.entry((series.clone(), field.clone())).or_insert(next)
            };
            // Strings that were read again, as they are, come last.
            each_value(frame, key, |key, time, value| {
                held.insert((key, time), value);
            });
        }
        held
    };
    let (here, there) = (held(here), held(there));
    let mut found = Vec::new();
    for ((key, time), value) in &here {
        let other = there.get(&(*key, *time));
        if other != Some(value) {
            found.push((*time, *key, Some(value), other));
        }
    }
    let is_extra = |(at, _): &(&(usize, Timestamp), _)| !here.contains_key(*at);
    let extra = there.iter().filter(is_extra);
    found.extend(extra.map(|((key, time), value)| (*time, *key, None, Some(value))));
    let mut names: Vec<_> = keys.into_iter().collect();
    names.sort_by_key(|(_, key)| *key);
    let name = |key: usize| names[key].0.clone();
    let mut found: Vec<_> = found
        .into_iter()
        .map(|(time, key, source, destination)| {
            let (series, field) = name(key);
            let (source, destination) = (source.cloned(), destination.cloned());
            ValueDifference { series, field, time, source, destination, delete: None }
        })
        .collect();
    take_renamed(&mut found);
    if found.iter().any(|one| one.source.is_none()) {
        let named = |(key, time): &(usize, Timestamp)| {
            let ((series, field), _) = &names[*key];
            (series, field, *time)
        };
        deletion::find(&mut found, there.keys().map(named));
    }
    found.sort_by(|a, b| (a.time, &a.series, &a.field).cmp(&(b.time, &b.series, &b.field)));
    found
}

/// Takes out what `--on-type-conflict suffix` has given another name: the value is there, in a field named after its type.
fn take_renamed(found: &mut Vec<ValueDifference>) {
    let extra: HashMap<_, _> = found
        .iter()
        .filter(|one| one.source.is_none())
        .filter_map(|one| {
            let key = (one.series.clone(), one.field.clone(), one.time);
            Some((key, one.destination.clone()?))
        })
        .collect();
    let mut renamed = HashSet::new();
    for one in found.iter() {
        let (Some(value), None) = (&one.source, &one.destination) else { continue };
        let name = [&one.field[..], b"_", value.kind().name().as_bytes()].concat();
        let key = (one.series.clone(), Name::from(name), one.time);
        if extra.get(&key) == Some(value) {
            renamed.insert((one.series.clone(), one.field.clone(), one.time));
            renamed.insert(key);
        }
    }
    if !renamed.is_empty() {
        found.retain(|one| !renamed.contains(&(one.series.clone(), one.field.clone(), one.time)));
    }
}
