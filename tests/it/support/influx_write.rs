//! What `influx write --format csv` makes of a file, as far as exports go: the slow obvious way, after its source.

#![expect(clippy::unwrap_used, reason = "a test may")]

/// The line protocol that it sends. Panics where it would stop, or ignore a column.
pub(crate) fn lines(csv: &[u8]) -> Vec<u8> {
    let (mut table, mut out) = (Table::default(), Vec::new());
    for record in records(csv) {
        if record[0].starts_with(b"#") {
            assert_eq!(record[0], b"#datatype", "another annotation");
            table = Table { datatypes: record, ..Table::default() };
        } else if table.labels.is_empty() {
            table.labels = record;
        } else {
            table.line(&record, &mut out);
        }
    }
    // It cuts requests at any line feed, and leaves out empty lines.
    assert!(!out.windows(2).any(|pair| pair == b"\n\n"), "an empty line");
    out
}

/// Cells of all rows; blank lines between them do not count.
fn records(csv: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = csv.iter().copied().peekable();
    let mut begins = true;
    while let Some(byte) = rest.next() {
        match byte {
            b'\n' if begins && record.is_empty() => {}
            b'"' if begins => {
                loop {
                    match rest.next().expect("a closing quote") {
                        b'"' if rest.peek() == Some(&b'"') => cell.extend(rest.next()),
                        b'"' => break,
                        b'\r' if rest.peek() == Some(&b'\n') => {}
                        byte => cell.push(byte),
                    }
                }
                assert!(matches!(rest.peek(), Some(b',' | b'\n')), "text behind a quote");
                begins = false;
            }
            b',' | b'\n' => {
                record.push(std::mem::take(&mut cell));
                begins = true;
                if byte == b'\n' {
                    records.push(std::mem::take(&mut record));
                }
            }
            b'"' | b'\r' => panic!("a bare {byte}"),
            byte => {
                cell.push(byte);
                begins = false;
            }
        }
    }
    assert!(record.is_empty() && cell.is_empty(), "a last line without an end");
    records
}

#[derive(Default)]
struct Table {
    datatypes: Vec<Vec<u8>>,
    labels: Vec<Vec<u8>>,
}

impl Table {
    fn line(&self, cells: &[Vec<u8>], out: &mut Vec<u8>) {
        assert_eq!(cells.len(), self.labels.len());
        let names_field = self.labels.iter().any(|label| label == b"_field");
        let (mut measurement, mut time, mut name) = (None, None, None);
        let (mut tags, mut fields) = (Vec::new(), Vec::new());
        for (at, cell) in cells.iter().enumerate().skip(1) {
            let (label, datatype) = (&self.labels[at], &self.datatypes[at]);
            let datatype = std::str::from_utf8(datatype).unwrap();
            match (&label[..], datatype) {
                (b"_measurement", _) => measurement = Some(cell),
                (b"_time", "dateTime:number") => time = Some(cell),
                (b"_field", "string") => name = Some(cell),
                (b"_value", _) => fields.push((name.expect("a name before"), cell, datatype)),
                (label, _) if String::from_utf8_lossy(label).trim().is_empty() => {
                    panic!("it ignores the column {label:?}")
                }
                (_, "tag") => tags.push((label, cell)),
                _ => {
                    assert!(!names_field, "it ignores other fields then");
                    fields.push((label, cell, datatype));
                }
            }
        }
        tags.sort();
        assert!(tags.windows(2).all(|pair| pair[0].0 != pair[1].0), "a tag twice");
        escaped(measurement.expect("a measurement"), b", ", out);
        for (key, value) in tags.into_iter().filter(|(_, value)| !value.is_empty()) {
            out.push(b',');
            escaped(key, b", =", out);
            out.push(b'=');
            escaped(value, b", =", out);
        }
        let mut mark = b' ';
        for (key, value, datatype) in fields.into_iter().filter(|(_, value, _)| !value.is_empty()) {
            out.push(std::mem::replace(&mut mark, b','));
            escaped(key, b", =", out);
            out.push(b'=');
            converted(value, datatype, out);
        }
        assert_eq!(mark, b',', "no field");
        out.push(b' ');
        converted(time.expect("a time"), "dateTime:number", out);
        out.push(b'\n');
    }
}

fn escaped(text: &[u8], special: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        if special.contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
}

fn converted(value: &[u8], datatype: &str, out: &mut Vec<u8>) {
    let text = || std::str::from_utf8(value).unwrap();
    let number = match datatype {
        "string" => {
            out.push(b'"');
            escaped(value, b"\"\\", out);
            return out.push(b'"');
        }
        "field" => return out.extend_from_slice(value),
        // Without an exponent, as Go's 'f'.
        "double" => text().parse::<f64>().unwrap().to_string(),
        "long" => text().parse::<i64>().unwrap().to_string() + "i",
        "unsignedLong" => text().parse::<u64>().unwrap().to_string() + "u",
        "boolean" => text().parse::<bool>().unwrap().to_string(),
        "dateTime:number" => text().parse::<i64>().unwrap().to_string(),
        other => panic!("datatype {other}"),
    };
    out.extend_from_slice(number.as_bytes());
}
