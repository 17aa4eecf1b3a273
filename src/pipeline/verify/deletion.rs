//! Which delete of InfluxDB removes values that only the destination has, and nothing else.
//!
//! A delete takes a measurement, tags that must be equal, and a stretch of time of which both ends go. It knows no field, and
//! a series that has more tags goes with one that has less. So it is exact where all that such series hold in the stretch is extra.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::difference::{ExactDelete, NoDelete, ValueDifference};
use crate::model::printable::is_printable;
use crate::model::series::{Name, Series, is_spelt};
use crate::model::time::Timestamp;

/// For a series at a time: whether all of its values then are extra.
type Times = BTreeMap<Timestamp, bool>;

/// Says of none of them how it is removed.
pub(super) fn none(found: &mut [ValueDifference], why: NoDelete) {
    for one in found.iter_mut().filter(|one| one.source.is_none()) {
        one.delete = Some(Err(why));
    }
}

/// Says of each extra value which delete removes it. `there` is all that the destination holds.
pub(super) fn find<'a>(
    found: &mut [ValueDifference],
    there: impl Iterator<Item = (&'a Series, &'a Name, Timestamp)>,
) {
    let held = held(found, there);
    let index = Index::new(held.keys().copied());
    let mut removed: HashMap<&Series, BTreeMap<Timestamp, Result<Arc<ExactDelete>, NoDelete>>> =
        HashMap::new();
    for one in found.iter_mut().filter(|one| one.source.is_none()) {
        let Some((series, _)) = held.get_key_value(&one.series) else { continue };
        let of_series = removed.entry(series).or_insert_with(|| of_series(series, &held, &index));
        one.delete = of_series.get(&one.time).cloned();
    }
}

/// Of each series of a measurement that has extra values.
fn held<'a>(
    found: &[ValueDifference],
    there: impl Iterator<Item = (&'a Series, &'a Name, Timestamp)>,
) -> HashMap<&'a Series, Times> {
    let extra = || found.iter().filter(|one| one.source.is_none());
    let measurements: HashSet<&Name> = extra().map(|one| &one.series.measurement).collect();
    let values: HashSet<_> = extra().map(|one| (&one.series, &one.field, one.time)).collect();
    let mut held: HashMap<&Series, Times> = HashMap::new();
    for (series, field, time) in there {
        if measurements.contains(&series.measurement) {
            let is_extra = values.contains(&(series, field, time));
            *held.entry(series).or_default().entry(time).or_insert(true) &= is_extra;
        }
    }
    held
}

/// Series by their measurement, and by each of their tags.
struct Index<'a>(HashMap<IndexKey<'a>, Vec<&'a Series>>);

/// A measurement, and a tag of it; without one it stands for all series.
type IndexKey<'a> = (&'a Name, Option<&'a (Name, Name)>);

impl<'a> Index<'a> {
    fn new(all: impl Iterator<Item = &'a Series>) -> Self {
        let mut index: HashMap<_, Vec<&Series>> = HashMap::new();
        for series in all {
            for tag in series.tags.iter().map(Some).chain([None]) {
                index.entry((&series.measurement, tag)).or_default().push(series);
            }
        }
        Self(index)
    }

    /// Others that have all tags of a series, and more.
    fn above(&self, series: &'a Series) -> impl Iterator<Item = &'a Series> {
        let tags = series.tags.iter().map(Some).chain([None]);
        let lists = tags.filter_map(|tag| self.0.get(&(&series.measurement, tag)));
        let shortest = lists.min_by_key(|list| list.len()).into_iter().flatten();
        let has_all = |other: &&Series| series.tags.iter().all(|tag| other.tags.contains(tag));
        shortest.copied().filter(has_all).filter(move |other| *other != series)
    }
}

/// For each time at which the series holds anything: what removes it then.
fn of_series<'a>(
    series: &'a Series,
    held: &HashMap<&'a Series, Times>,
    index: &Index<'a>,
) -> BTreeMap<Timestamp, Result<Arc<ExactDelete>, NoDelete>> {
    let own = &held[series];
    let Some(predicate) = predicate(series) else {
        return own.keys().map(|time| (*time, Err(NoDelete::Names))).collect();
    };
    // All that such a predicate takes, and the times between which it takes nothing else.
    let mut all = own.clone();
    for (time, is_extra) in index.above(series).flat_map(|other| &held[other]) {
        *all.entry(*time).or_insert(true) &= is_extra;
    }
    let mut removed = BTreeMap::new();
    let mut run: Vec<Timestamp> = Vec::new();
    let mut end = |run: &mut Vec<Timestamp>| {
        let (Some(first), Some(last)) = (run.first().copied(), run.last().copied()) else { return };
        let exact = Arc::new(ExactDelete { first, last, predicate: predicate.clone() });
        removed.extend(run.drain(..).map(|time| (time, Ok(Arc::clone(&exact)))));
    };
    let mut kept = Vec::new();
    for (time, is_extra) in &all {
        match (is_extra, own.get(time)) {
            (true, Some(_)) => run.push(*time),
            // Of another series alone: that is removed by its own delete.
            (true, None) => end(&mut run),
            (false, is_own) => {
                end(&mut run);
                let is_other = is_own.is_none_or(|is_extra| *is_extra);
                kept.push((*time, Err(if is_other { NoDelete::Series } else { NoDelete::Fields })));
            }
        }
    }
    end(&mut run);
    removed.extend(kept);
    removed
}

/// `None` if it would not mean this series.
fn predicate(series: &Series) -> Option<String> {
    // What they stand for in a predicate, or for whoever reads it.
    const TAKEN: [&[u8]; 7] =
        [b"_measurement", b"_field", b"_time", b"_value", b"_start", b"_stop", b"time"];
    let mut parts = vec![format!("_measurement={}", quoted(&series.measurement)?)];
    for (key, value) in &series.tags {
        if TAKEN.contains(&&**key) {
            return None;
        }
        parts.push(format!("{}={}", quoted(key)?, quoted(value)?));
    }
    Some(parts.join(" AND "))
}

/// A name as a predicate has it. A backslash has a second meaning in the keys of series.
fn quoted(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok().filter(|_| is_spelt(name))?;
    let is_plain = text.chars().all(|letter| is_printable(letter) && letter != '\\');
    is_plain.then(|| format!("\"{}\"", text.replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::held_value::HeldValue;

    type Key = (Series, Name, Timestamp);

    fn name(text: &str) -> Name {
        text.as_bytes().into()
    }

    fn series(tags: &[(&str, &str)]) -> Series {
        Series::new(name("m"), tags.iter().map(|(key, value)| (name(key), name(value))))
    }

    /// What a delete takes of the destination, from what InfluxDB says that it takes.
    fn taken<'a>(
        there: &'a BTreeSet<Key>,
        of: &'a Series,
        first: Timestamp,
        last: Timestamp,
    ) -> impl Iterator<Item = &'a Key> {
        there.iter().filter(move |(series, _, time)| {
            let has_all = of.tags.iter().all(|tag| series.tags.contains(tag));
            series.measurement == of.measurement && has_all && (first..=last).contains(time)
        })
    }

    /// Random content of series of which some have more tags than others: what is deleted is extra, and what is not could
    /// not be deleted alone.
    #[test]
    fn a_delete_takes_what_is_extra_and_only_what_cannot_be_taken_alone_has_none() {
        let all = [
            series(&[]),
            series(&[("a", "1")]),
            series(&[("a", "2")]),
            series(&[("a", "1"), ("b", "1")]),
            series(&[("b", "1")]),
            series(&[("a", "1"), ("b", "1"), ("c", "1")]),
        ];
        let mut state = 1_u64;
        let mut chance = |of: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % of
        };
        let (mut deletes, mut none) = (0, 0);
        for _ in 0..2_000 {
            let (mut there, mut found) = (BTreeSet::new(), Vec::new());
            let rare = chance(6) + 1;
            for own in &all {
                for (field, time) in (0..16).map(|n| (["f", "g"][n % 2], n / 2)) {
                    if chance(3) > 0 {
                        continue;
                    }
                    let time = Timestamp::from_ns(i64::try_from(time).unwrap());
                    there.insert((own.clone(), name(field), time));
                    // Some are as they should be, some are extra, some have another value.
                    let source = match chance(rare + 1) {
                        0 => continue,
                        1 if rare > 3 => Some(HeldValue::Integer(1)),
                        _ => None,
                    };
                    found.push(ValueDifference {
                        series: own.clone(),
                        field: name(field),
                        time,
                        source,
                        destination: Some(HeldValue::Integer(2)),
                        delete: None,
                    });
                }
            }
            find(&mut found, there.iter().map(|(series, field, time)| (series, field, *time)));
            let extra: BTreeSet<Key> = found
                .iter()
                .filter(|one| one.source.is_none())
                .map(|one| (one.series.clone(), one.field.clone(), one.time))
                .collect();
            for one in &found {
                match (&one.source, &one.delete) {
                    (Some(_), None) => {}
                    (None, Some(Ok(delete))) => {
                        deletes += 1;
                        assert!((delete.first..=delete.last).contains(&one.time));
                        let taken = taken(&there, &one.series, delete.first, delete.last);
                        assert!(taken.into_iter().all(|key| extra.contains(key)), "{one:?}");
                    }
                    (None, Some(Err(_))) => {
                        none += 1;
                        let mut taken = taken(&there, &one.series, one.time, one.time);
                        assert!(taken.any(|key| !extra.contains(key)), "{one:?}");
                    }
                    (_, delete) => panic!("{one:?} {delete:?}"),
                }
            }
        }
        assert!(deletes > 1_000 && none > 1_000, "{deletes} {none}");
    }

    #[test]
    fn names_that_a_predicate_does_not_have_have_none() {
        let text = |tags: &[(&str, &str)]| predicate(&series(tags));
        let expected = r#"_measurement="m" AND "a b"="it's \"x\" = ü""#;
        assert_eq!(text(&[("a b", "it's \"x\" = ü")]).as_deref(), Some(expected));
        for (key, value) in [
            ("a", "b\\"),
            ("a\n", "b"),
            ("a", "\u{fffd}"),
            ("a", "\u{202e}b"),
            ("_field", "x"),
            ("_measurement", "x"),
            ("time", "x"),
        ] {
            assert_eq!(text(&[(key, value)]), None, "{key} {value}");
        }
        let bytes = Series::new(name("m"), [(name("a"), Name::from(&b"\xff"[..]))]);
        assert_eq!(predicate(&bytes), None);
    }
}
