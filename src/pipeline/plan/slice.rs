//! Windows in slices of bearable size, and slices that proved too large in parts. Pure.

use crate::limits::{HELD_INSTANT_BYTES_MAX, HELD_SLICE_BYTES_MAX, SPLIT_DEPTH_MAX};
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::plan::request::SliceRequest;
use crate::pipeline::source::layer::Layer;

/// A part of a batch that one request reads.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    /// When.
    pub range: TimeRange,
    /// Which values.
    pub layer: Layer,
    /// What of them, and how.
    pub request: SliceRequest,
    /// Values expected in it.
    pub values_predicted: u64,
    /// How often it was cut in halves.
    pub depth: u32,
    /// Bytes of frames that may be held for it.
    pub held_bytes_max: usize,
}

/// Cuts a window into slices of about `values_max` expected values each: at whole seconds, and where a second holds too
/// many, by measurement or series too.
pub(crate) fn slices(
    window: TimeRange,
    layer: Layer,
    request: &SliceRequest,
    values: u64,
    values_max: u64,
) -> Vec<Slice> {
    if values == 0 {
        return Vec::new();
    }
    let ranges = even_parts(window, values.div_ceil(values_max.max(1)));
    let by_range = values.div_ceil(ranges.len().max(1) as u64);
    let groups = usize::try_from(by_range / values_max.max(1)).unwrap_or(usize::MAX);
    let requests = if groups > 1 { request.divided(groups) } else { vec![request.clone()] };
    let values_predicted = by_range.div_ceil(requests.len().max(1) as u64);
    let held_bytes_max = HELD_SLICE_BYTES_MAX;
    let slice = |range, request| Slice {
        range,
        layer,
        request,
        values_predicted,
        depth: 0,
        held_bytes_max,
    };
    ranges
        .into_iter()
        .flat_map(|range| requests.iter().cloned().map(move |request| slice(range, request)))
        .collect()
}

/// Cuts a range into at most `parts` parts of equal length in whole seconds.
fn even_parts(range: TimeRange, parts: u64) -> Vec<TimeRange> {
    let second = i128::from(NS_PER_S);
    let length = range.duration_ns() / i128::from(parts.max(1));
    let step = ((length + second - 1) / second).max(1) * second;
    let mut ranges = Vec::new();
    let mut start = range.start;
    while start < range.stop {
        let next = (i128::from(start.ns()) + step).div_euclid(second) * second;
        let stop =
            i64::try_from(next).map_or(range.stop, |ns| Timestamp::from_ns(ns).min(range.stop));
        ranges.push(TimeRange { start, stop });
        start = stop;
    }
    ranges
}

impl Slice {
    /// Parts of a slice that proved too large: halves in time down to a second, then by measurement or series, then
    /// below a second. `None` if it cannot be cut any further.
    pub(crate) fn parts(&self) -> Option<Vec<Self>> {
        if self.depth >= SPLIT_DEPTH_MAX {
            return None;
        }
        let part = |range, request, of: usize| Self {
            range,
            layer: self.layer,
            request,
            values_predicted: self.values_predicted.div_ceil(of.max(1) as u64),
            depth: self.depth + 1,
            held_bytes_max: self.held_bytes_max,
        };
        let halves = self.range.halves();
        if self.range.duration_ns() <= i128::from(NS_PER_S) || halves.is_none() {
            let requests = self.request.divided(2);
            if requests.len() > 1 {
                let of = requests.len();
                return Some(
                    requests.into_iter().map(|request| part(self.range, request, of)).collect(),
                );
            }
        }
        let (first, second) = halves?;
        Some([first, second].map(|range| part(range, self.request.clone(), 2)).into())
    }

    /// The same where it cannot be cut, but holds more than other slices may; `None` if it had that leave already.
    pub(crate) fn held_whole(&self) -> Option<Self> {
        let more = self.held_bytes_max < HELD_INSTANT_BYTES_MAX;
        more.then(|| Self { held_bytes_max: HELD_INSTANT_BYTES_MAX, ..self.clone() })
    }

    /// The same values by another request.
    #[must_use]
    pub(crate) fn by(&self, request: SliceRequest) -> Self {
        Self { request, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::plan::request::FluxScope;

    fn range(start: &str, stop: &str) -> TimeRange {
        TimeRange::new(start.parse().unwrap(), stop.parse().unwrap())
    }

    fn flux() -> SliceRequest {
        SliceRequest::Flux(FluxScope::All)
    }

    #[test]
    fn slices_cover_their_windows_and_stay_small() {
        for (window, values, max, count) in [
            (range("2020-01-01", "2020-01-02"), 1, 1_000_000, 1),
            (range("2020-01-01", "2020-01-02"), 8_640_000, 1_000_000, 9),
            (range("2020-01-01T00:00:00.5Z", "2020-01-01T00:00:03.25Z"), 100, 1, 4),
            (range("2020-01-01", "2020-01-02"), 0, 10, 0),
        ] {
            let slices = slices(window, Layer::Plain, &flux(), values, max);
            assert_eq!(slices.len(), count);
            let mut at = window.start;
            for slice in &slices {
                assert_eq!(slice.range.start, at);
                assert!(!slice.range.is_empty());
                at = slice.range.stop;
            }
            assert!(count == 0 || at == window.stop);
        }
        let end = range("2262-04-11T23:47:16.854775800Z", "2262-04-11T23:47:16.854775806Z");
        let cut = slices(end, Layer::Plain, &flux(), 5, 1);
        assert_eq!(cut.len(), 1, "nothing below a second is cut in advance");
    }

    #[test]
    fn a_second_that_holds_too_much_is_cut_by_measurement() {
        let names = ["a", "b", "c"].map(|name| name.as_bytes().into()).to_vec();
        let request = SliceRequest::Flux(FluxScope::Measurements(names));
        let second = range("2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z");
        assert_eq!(slices(second, Layer::Plain, &request, 300, 100).len(), 3);
        let slice = Slice {
            range: second,
            layer: Layer::Plain,
            request,
            values_predicted: 300,
            depth: 0,
            held_bytes_max: 1,
        };
        let parts = slice.parts().unwrap();
        assert_eq!(parts.iter().map(|part| part.request.measurements().len()).sum::<usize>(), 3);
        assert!(parts.len() == 2 && parts.iter().all(|part| part.range == second));
    }

    #[test]
    fn halving_ends() {
        let of = |range| Slice {
            range,
            layer: Layer::Plain,
            request: flux(),
            values_predicted: 3,
            depth: 0,
            held_bytes_max: 1,
        };
        let mut slice = of(range("2020-01-01", "2020-01-02"));
        let mut cuts = 0;
        while let Some(parts) = slice.parts() {
            slice = parts[0].clone();
            cuts += 1;
        }
        assert_eq!(cuts, SPLIT_DEPTH_MAX);
        let instant = of(range("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000000001Z"));
        assert!(instant.parts().is_none());
    }
}
