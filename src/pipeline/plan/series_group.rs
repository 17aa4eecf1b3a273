//! Groups of the series of one measurement, by the values of one key tag. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::catalogue::KnownSeries;
use super::choice::Choice;
use crate::limits::AMONG_VALUES_MAX;
use crate::model::series::Series;
use crate::wire::flux::{askable, joined, literal};
use crate::wire::influxql::query;

/// Series with one of these values of one key tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeriesGroup {
    pub(super) key: String,
    pub(super) values: Arc<[String]>,
}

impl SeriesGroup {
    /// About `part` of every `whole` series of a measurement, spread evenly, with the numbers of key values kept and of all;
    /// none where one query cannot name a group of them.
    pub(crate) fn some(choice: &Choice, part: u64, whole: u64) -> Option<(Self, u64, u64)> {
        let (key, values) = widest_key(choice.known.as_ref()?)?;
        let all = values.len() as u64;
        let most = u64::try_from(AMONG_VALUES_MAX).unwrap_or(u64::MAX);
        let wanted = u128::from(all) * u128::from(part) / u128::from(whole.max(1));
        let kept = u64::try_from(wanted).unwrap_or(u64::MAX).clamp(1, all.clamp(1, most));
        let step = usize::try_from(all / kept).unwrap_or(1).max(1);
        let count = usize::try_from(kept).unwrap_or(1);
        let values: Arc<[String]> = values.into_iter().step_by(step).take(count).collect();
        let kept = values.len() as u64;
        Some((Self { key, values }, kept, all))
    }

    /// A test that is true for these series.
    pub(crate) fn test(&self) -> impl Fn(&Series) -> bool + use<'_> {
        let values: BTreeSet<&[u8]> = self.values.iter().map(String::as_bytes).collect();
        move |series| {
            let mut tags = series.tags.iter();
            let own = tags.find(|(key, _)| **key == *self.key.as_bytes());
            own.is_some_and(|(_, value)| values.contains(&**value))
        }
    }

    /// A Flux expression that is true for these series.
    pub(crate) fn condition(&self) -> String {
        let column = literal::quote(self.key.as_bytes());
        let tests: Vec<_> = self
            .values
            .iter()
            .map(|value| format!("r[{column}] == {}", literal::quote(value.as_bytes())))
            .collect();
        format!("({})", joined(&tests, " or "))
    }
}

/// Groups of series by the values of the key tag that has most of them; the whole if there is no such tag.
pub(super) fn groups(
    choice: &Choice,
    among: Option<&SeriesGroup>,
    parts: usize,
) -> Vec<Option<SeriesGroup>> {
    let whole = || vec![among.cloned()];
    let (key, values) = match among {
        Some(among) => (among.key.clone(), among.values.to_vec()),
        None => match choice.known.as_ref().and_then(|known| widest_key(known)) {
            Some(found) => found,
            None => return whole(),
        },
    };
    if values.len() < 2 {
        return whole();
    }
    let length = values.len().div_ceil(parts.max(2)).min(AMONG_VALUES_MAX);
    values
        .chunks(length)
        .map(|values| Some(SeriesGroup { key: key.clone(), values: values.into() }))
        .collect()
}

/// The key tag of the most values, if every series has it and it and all its values can be asked for.
fn widest_key(known: &KnownSeries) -> Option<(String, Vec<String>)> {
    let askable = known.catalogue.keys().iter().filter(|key| askable::is_askable(key));
    let all = askable.filter_map(|key| {
        let values: Option<Vec<String>> = known
            .catalogue
            .values_of(key)
            .into_iter()
            .map(|value| query::nameable(value).filter(|text| !text.is_empty()).map(str::to_owned))
            .collect();
        Some((String::from_utf8(key.to_vec()).ok()?, values?))
    });
    all.max_by_key(|(_, values)| values.len())
}
