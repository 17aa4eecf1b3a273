//! The time column of a file: nanoseconds to the type that was chosen, and back.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, Int64Array, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{
    DataType, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};

use crate::model::time_type::TimeType;

const UTC: &str = "UTC";

/// What the times are stored as.
pub(crate) fn data_type(kind: TimeType) -> DataType {
    match kind {
        TimeType::NsUtc => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
        TimeType::UsUtc => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        TimeType::I64 => DataType::Int64,
    }
}

/// Nanoseconds of a stored number; `None` if they are beyond 64 bits.
pub(crate) fn ns_of(stored: i64, kind: TimeType) -> Option<i64> {
    stored.checked_mul(kind.unit_ns())
}

/// The column of a frame as it is stored; `None` if a time would lose digits. Without nulls.
pub(crate) fn stored(times: &ArrayRef, kind: TimeType) -> Option<ArrayRef> {
    let ns = || times.as_primitive::<TimestampNanosecondType>().values();
    match kind {
        TimeType::NsUtc => Some(Arc::clone(times)),
        TimeType::I64 => Some(Arc::new(Int64Array::new(ns().clone(), None))),
        TimeType::UsUtc => {
            let unit = kind.unit_ns();
            let whole = |ns: &i64| (ns % unit == 0).then_some(ns / unit);
            let us = ns().iter().map(whole).collect::<Option<Vec<_>>>()?;
            Some(Arc::new(TimestampMicrosecondArray::from(us).with_timezone(UTC)))
        }
    }
}

/// The stored column as a frame has it; `None` if a time is beyond 64 bits. The column is of this type, without nulls.
pub(crate) fn nanoseconds(stored: &ArrayRef, kind: TimeType) -> Option<ArrayRef> {
    let ns = match kind {
        TimeType::NsUtc => return Some(Arc::clone(stored)),
        TimeType::I64 => stored.as_primitive::<Int64Type>().values().clone(),
        TimeType::UsUtc => {
            let us = stored.as_primitive::<TimestampMicrosecondType>().values().iter();
            us.map(|us| ns_of(*us, kind)).collect::<Option<Vec<_>>>()?.into()
        }
    };
    Some(Arc::new(TimestampNanosecondArray::new(ns, None).with_timezone(UTC)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(ns: &[i64]) -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from(ns.to_vec()).with_timezone(UTC))
    }

    #[test]
    fn every_type_gives_back_the_nanoseconds_or_refuses_them() {
        let whole = times(&[i64::MIN + 808, -1_000, 0, 1_000, i64::MAX - 807]);
        let odd = times(&[i64::MIN + 2, -1, 1, 999, i64::MAX - 1]);
        for kind in TimeType::ALL {
            for column in [&whole, &odd] {
                match stored(column, kind) {
                    None => assert!(kind == TimeType::UsUtc && Arc::ptr_eq(column, &odd)),
                    Some(stored) => {
                        assert_eq!(*stored.data_type(), data_type(kind));
                        assert_eq!(&nanoseconds(&stored, kind).unwrap(), column);
                    }
                }
            }
        }
        let far: ArrayRef = Arc::new(
            TimestampMicrosecondArray::from(vec![i64::MAX / 1_000 + 1]).with_timezone(UTC),
        );
        assert!(nanoseconds(&far, TimeType::UsUtc).is_none());
    }
}
