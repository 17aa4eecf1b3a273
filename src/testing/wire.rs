//! What the tests reach of `wire`.

pub mod answer {
    pub use crate::wire::answer::{AnswerDecoder, AnswerDecoderSettings};
}
pub mod csv {
    pub use crate::wire::csv::suspect;
    pub mod decoder {
        pub use crate::wire::csv::decoder::{AnswerTotals, CsvDecoder, CsvDecoderSettings, Form};
    }
    pub mod encoder {
        pub use crate::wire::csv::encoder::CsvEncoder;
    }
    pub mod error {
        pub use crate::wire::csv::error::Error;
    }
    pub mod table {
        pub use crate::wire::csv::table::{read_tables, single_number};
    }
}
pub mod flux {
    pub use crate::wire::flux::{
        Selection, count, count_by_measurement, count_by_series, earliest, earliest_by_field,
        field_label, fields_of, first, first_of_measurement, latest, read, read_keyed,
        read_largest_time, read_pivoted, series_of,
    };
    pub mod askable {
        pub use crate::wire::flux::askable::count_late_carriage_returns;
    }
    pub mod carriage_returns {
        pub use crate::wire::flux::carriage_returns::{
            count_carriage_returns, count_carriage_returns_in_tags, not_carriage_return_in,
            read_carriage_returns,
        };
    }
    pub mod index {
        pub use crate::wire::flux::index::{
            measurements, series_cardinality, series_with_tag, tag_keys,
        };
    }
    pub mod literal {
        pub use crate::wire::flux::literal::{
            is_field, is_measurement, not_field, not_measurement,
        };
    }
    pub mod record {
        pub use crate::wire::flux::record::{newest_record, oldest_record, sum_of_records};
    }
}
pub mod frames {
    pub mod series_of {
        pub use crate::wire::frames::series_of::SeriesOf;
    }
    pub mod suspect {
        pub use crate::wire::frames::suspect::SuspectPlace;
    }
    pub mod totals {
        pub use crate::wire::frames::totals::AnswerTotals;
    }
}
pub mod influxql {
    pub mod decoder {
        pub use crate::wire::influxql::decoder::{
            AnswerTotals, AskedStatement, Format, InfluxqlDecoder, InfluxqlDecoderSettings,
        };
    }
    pub mod error {
        pub use crate::wire::influxql::error::Error;
    }
    pub mod query {
        pub use crate::wire::influxql::query::{
            Grouping, SHOW_FIELD_KEYS, SHOW_SERIES_CARDINALITY, SHOW_TAG_KEYS, SelectStatement,
            count, nameable, select, show_series, show_series_cardinality,
        };
    }
    pub mod show {
        pub use crate::wire::influxql::show::{
            AnswerError, parse_series_cardinality, parse_show_keys, parse_show_series,
        };
    }
}
pub mod line {
    pub mod body {
        pub use crate::wire::line::body::{EncoderSettings, LineBody};
    }
    pub mod carry {
        pub use crate::wire::line::carry::{Uncarried, field_key, may_be_first, series};
    }
    pub mod conflict {
        pub use crate::wire::line::conflict::{PartialWrite, parse_bad_lines, parse_partial_write};
    }
    pub mod encoder {
        pub use crate::wire::line::encoder::{Encoder, Rejected};
    }
    pub mod escape {
        pub use crate::wire::line::escape::{field_key, series};
    }
    pub mod fields {
        pub use crate::wire::line::fields::count_fields;
    }
    pub mod held {
        pub use crate::wire::line::held::digests;
    }
    pub mod point {
        pub use crate::wire::line::point::append;
    }
    pub mod split {
        pub use crate::wire::line::split::split_lines;
    }
}
