//! All series of one measurement, found by the fewest tags that tell them apart. A read that names only those tags is
//! several times smaller; the other tags are restored from here.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::series::{Name, Series};

/// The series of one measurement. Right as long as no series is added: whoever reads by it checks that afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    keys: Vec<Name>,
    carriage_return: Option<Name>,
    by_values: HashMap<Box<[u8]>, Arc<Series>>,
}

impl Catalogue {
    /// Finds the key tags of these series, which all are of one measurement and differ from each other.
    pub fn new(series: impl IntoIterator<Item = Series>) -> Self {
        let series: Vec<Arc<Series>> = series.into_iter().map(Arc::new).collect();
        let keys = key_tags(&series);
        let has_carriage_return = |key: &&Name| {
            let in_value = |one: &Arc<Series>| value(one, key).contains(&b'\r');
            key.contains(&b'\r') || series.iter().any(in_value)
        };
        let carriage_return = keys.iter().find(has_carriage_return).cloned();
        let mut by_values = HashMap::with_capacity(series.len());
        for one in series {
            by_values.insert(joined(keys.iter().map(|key| value(&one, key))), one);
        }
        Self { keys, carriage_return, by_values }
    }

    /// The tags that tell the series apart, sorted; none for a single series.
    pub fn keys(&self) -> &[Name] {
        &self.keys
    }

    /// A key tag whose name or one of whose values holds a carriage return. Flux drops it, so that two series may look like
    /// one: such series cannot be read there by their keys.
    pub fn carriage_return(&self) -> Option<&Name> {
        self.carriage_return.as_ref()
    }

    /// Number of series.
    pub fn len(&self) -> usize {
        self.by_values.len()
    }

    /// True without any series.
    pub fn is_empty(&self) -> bool {
        self.by_values.is_empty()
    }

    /// The series with these values of the key tags, in their order; an absent tag is empty.
    pub fn get<'a>(&self, values: impl IntoIterator<Item = &'a [u8]>) -> Option<&Arc<Series>> {
        self.by_values.get(&joined(values))
    }

    /// How many of the series that are there `now` a read by key tags takes for one of these: they have come since, in place of
    /// others. Where none of these has gone, the number of series tells of each that comes.
    pub fn replaced(&self, now: &[Series]) -> u64 {
        let (mut kept, mut alike) = (0, 0);
        for one in now {
            match self.get(self.keys.iter().map(|key| value(one, key))) {
                Some(known) if **known == *one => kept += 1,
                Some(_) => alike += 1,
                None => {}
            }
        }
        if kept < self.len() { alike } else { 0 }
    }

    /// All values of one key tag, sorted.
    pub fn values_of(&self, key: &[u8]) -> BTreeSet<&[u8]> {
        self.by_values.values().map(|series| value(series, key)).collect()
    }
}

/// The value of a tag; empty if the series does not have it.
fn value<'a>(series: &'a Series, key: &[u8]) -> &'a [u8] {
    let at = series.tags.binary_search_by(|(tag, _)| (**tag).cmp(key));
    at.map_or(&[], |at| &series.tags[at].1)
}

/// Values with their lengths, so that no two lists look alike.
fn joined<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Box<[u8]> {
    let mut bytes = Vec::new();
    for value in values {
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        bytes.extend_from_slice(value);
    }
    bytes.into()
}

/// Adds the tag that tells most series apart until all are; of equals the one with the shortest values.
fn key_tags(series: &[Arc<Series>]) -> Vec<Name> {
    let mut rest: BTreeSet<&Name> =
        series.iter().flat_map(|one| one.tags.iter().map(|(key, _)| key)).collect();
    let mut groups: Vec<u32> = vec![0; series.len()];
    let mut known = usize::from(!series.is_empty());
    let mut keys: Vec<Name> = Vec::new();
    while known < series.len() {
        let best = rest.iter().map(|key| (refined(series, &groups, key), *key)).max_by(
            |((count, bytes, _), _), ((other, other_bytes, _), _)| {
                count.cmp(other).then(other_bytes.cmp(bytes))
            },
        );
        let Some(((count, _, finer), key)) = best else { break };
        if count == known {
            // The rest are one series written twice.
            break;
        }
        (known, groups) = (count, finer);
        keys.push(key.clone());
        rest.remove(key);
    }
    keys.sort();
    keys
}

/// Number of groups if a tag divides them further, bytes of its values, and the groups.
fn refined(series: &[Arc<Series>], groups: &[u32], key: &[u8]) -> (usize, usize, Vec<u32>) {
    let mut finer: HashMap<(u32, &[u8]), u32> = HashMap::new();
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let mut bytes = 0;
    let numbers = series
        .iter()
        .zip(groups)
        .map(|(one, group)| {
            let value = value(one, key);
            if seen.insert(value) {
                bytes += value.len();
            }
            let next = u32::try_from(finer.len()).unwrap_or(u32::MAX);
            *finer.entry((*group, value)).or_insert(next)
        })
        .collect();
    (finer.len(), bytes, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(tags: &[(&str, &str)]) -> Series {
        let tags = tags.iter().map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()));
        Series::new(b"m".as_slice(), tags)
    }

    fn keys(all: &[Series]) -> Vec<String> {
        let catalogue = Catalogue::new(all.iter().cloned());
        assert_eq!(catalogue.len(), all.len());
        for one in all {
            let values = catalogue.keys().iter().map(|key| value(one, key));
            assert_eq!(**catalogue.get(values).unwrap(), *one);
        }
        catalogue.keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    }

    #[test]
    fn the_fewest_tags_that_tell_series_apart() {
        assert!(keys(&[]).is_empty());
        assert!(keys(&[series(&[("host", "a")])]).is_empty());
        let two = [
            series(&[("host", "a"), ("region", "far-away-1")]),
            series(&[("host", "b"), ("region", "far-away-2")]),
        ];
        assert_eq!(keys(&two), ["host"], "the shorter of two that would do");
        let grid: Vec<_> = ["a", "b", "c"]
            .iter()
            .flat_map(|host| {
                ["0", "1"].map(|cpu| series(&[("host", host), ("cpu", cpu), ("os", "x")]))
            })
            .collect();
        assert_eq!(keys(&grid), ["cpu", "host"]);
        let absent = [series(&[]), series(&[("host", "a")]), series(&[("host", "a"), ("x", "1")])];
        assert_eq!(keys(&absent), ["host", "x"]);
    }

    #[test]
    fn unknown_values_are_no_series() {
        let catalogue = Catalogue::new([series(&[("a", "1"), ("b", "1")]), series(&[("a", "1")])]);
        assert_eq!(catalogue.keys().len(), 1);
        assert!(catalogue.get([b"2".as_slice()]).is_none());
        assert!(catalogue.get([]).is_none());
        assert_eq!(catalogue.values_of(b"b").len(), 2);
    }

    #[test]
    fn a_series_in_place_of_another_is_seen() {
        let rack = |host, rack| series(&[("host", host), ("rack", rack)]);
        let all = Catalogue::new([rack("a", "1"), rack("b", "1"), rack("c", "1")]);
        assert_eq!(all.keys(), [Name::from(b"host".as_slice())]);
        for (now, replaced) in [
            (vec![rack("a", "1"), rack("b", "1"), rack("c", "1")], 0),
            (vec![rack("a", "1"), rack("b", "2"), rack("c", "1")], 1),
            (vec![rack("a", "1"), rack("b", "2"), rack("c", "2"), rack("d", "1")], 2),
            // Gone, or come by another key: nothing was taken for it.
            (vec![rack("a", "1"), rack("c", "1")], 0),
            (vec![rack("a", "1"), rack("d", "1"), rack("c", "1")], 0),
            // As long as all are there, one more is one more.
            (vec![rack("a", "1"), rack("b", "1"), rack("b", "2"), rack("c", "1")], 0),
            (vec![rack("b", "1"), rack("b", "2"), rack("c", "1")], 1),
            (vec![], 0),
        ] {
            assert_eq!(all.replaced(&now), replaced, "{now:?}");
        }
    }

    #[test]
    fn carriage_returns_count_in_keys_only() {
        let other = [
            series(&[("a", "1"), ("x", "a\rb"), ("y\r", "1")]),
            series(&[("a", "2"), ("x", "a\rb"), ("y\r", "1")]),
        ];
        assert_eq!(Catalogue::new(other).carriage_return(), None);
        let value = [series(&[("a", "1,\r")]), series(&[("a", "1,")])];
        assert_eq!(Catalogue::new(value).carriage_return().map(|key| &**key), Some(&b"a"[..]));
        let key = [series(&[("a\r", "1")]), series(&[("a\r", "2")])];
        assert_eq!(Catalogue::new(key).carriage_return().map(|key| &**key), Some(&b"a\r"[..]));
    }

    proptest! {
        #[test]
        fn every_series_is_found(tags in prop::collection::btree_set(prop::collection::btree_map("[a-d]", "[x-z]{0,2}", 0..4), 0..12)) {
            let all: BTreeSet<Series> = tags
                .iter()
                .map(|tags| series(&tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>()))
                .collect();
            keys(&all.into_iter().collect::<Vec<_>>());
        }
    }
}
