//! Single points as lines: the few that sluice writes of its own accord.

use std::io::Write as _;

use super::escape;
use crate::model::point::{FieldValue, Point};

/// Appends the line of a point, with its line end. Fields are written in the order given.
pub fn append(point: &Point, out: &mut Vec<u8>) {
    escape::series(out, &point.series);
    for (index, (name, value)) in point.fields.iter().enumerate() {
        out.push(if index == 0 { b' ' } else { b',' });
        escape::field_key(out, name.as_bytes());
        out.push(b'=');
        match value {
            FieldValue::Float(value) => {
                out.extend_from_slice(zmij::Buffer::new().format_finite(*value).as_bytes());
            }
            FieldValue::Integer(value) => {
                out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes());
                out.push(b'i');
            }
            FieldValue::String(value) => escape::string(out, value.as_bytes()),
        }
    }
    writeln!(out, " {}", point.time.ns()).expect("a vector takes all bytes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::series::Series;
    use crate::model::time::Timestamp;

    #[test]
    fn a_point_is_one_line() {
        let point = Point {
            series: Series::new(
                b"m x".as_slice(),
                [
                    (b"b".as_slice().into(), b"1,2".as_slice().into()),
                    (b"a".as_slice().into(), b"z".as_slice().into()),
                ],
            ),
            fields: vec![
                ("f", FieldValue::Float(0.5)),
                ("i", FieldValue::Integer(-3)),
                ("s", FieldValue::String("say \"\\\"".into())),
            ],
            time: Timestamp::from_ns(-7),
        };
        let mut out = Vec::new();
        append(&point, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "m\\ x,a=z,b=1\\,2 f=0.5,i=-3i,s=\"say \\\"\\\\\\\"\" -7\n"
        );
    }
}
