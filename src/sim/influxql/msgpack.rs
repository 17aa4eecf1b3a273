//! The parts of MessagePack that answers are made of.

/// A header with its length: in the first byte if it is short, else in one, two or four more.
fn header(out: &mut Vec<u8>, length: usize, short: (u8, usize), long: [u8; 3]) {
    let [one, two, four] = long;
    let bytes = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    if length < short.1 {
        out.push(short.0 | bytes[3]);
    } else if length < 0x100 && one != 0 {
        out.extend_from_slice(&[one, bytes[3]]);
    } else if length < 0x1_0000 {
        out.extend_from_slice(&[two, bytes[2], bytes[3]]);
    } else {
        out.push(four);
        out.extend_from_slice(&bytes);
    }
}

pub(super) fn map(out: &mut Vec<u8>, length: usize) {
    header(out, length, (0x80, 16), [0, 0xde, 0xdf]);
}

pub(super) fn array(out: &mut Vec<u8>, length: usize) {
    header(out, length, (0x90, 16), [0, 0xdc, 0xdd]);
}

pub(super) fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, bytes.len(), (0xa0, 32), [0xd9, 0xda, 0xdb]);
    out.extend_from_slice(bytes);
}

/// A positive number is written as a signed one from 128 on.
pub(super) fn integer(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = i8::try_from(value) {
        if value < -32 {
            out.push(0xd0);
        }
        out.push(value.cast_unsigned());
    } else if let Ok(value) = i16::try_from(value) {
        out.push(0xd1);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        out.push(0xd2);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

pub(super) fn unsigned(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value.to_be_bytes()[7]);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[0xcc, value]);
    } else if let Ok(value) = u16::try_from(value) {
        out.push(0xcd);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        out.push(0xce);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Always of 64 bits.
pub(super) fn float(out: &mut Vec<u8>, value: f64) {
    out.push(0xcb);
    out.extend_from_slice(&value.to_bits().to_be_bytes());
}

/// An extension of the library that the real server uses: seconds and nanoseconds since 1970.
pub(super) fn time(out: &mut Vec<u8>, ns: i64) {
    out.extend_from_slice(&[0xc7, 12, 5]);
    out.extend_from_slice(&ns.div_euclid(NS_PER_S).to_be_bytes());
    let fraction = u32::try_from(ns.rem_euclid(NS_PER_S)).unwrap_or(0);
    out.extend_from_slice(&fraction.to_be_bytes());
}

const NS_PER_S: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_their_kind_allows() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (-32, &[0xe0]),
            (-33, &[0xd0, 0xdf]),
            (-128, &[0xd0, 0x80]),
            (128, &[0xd1, 0, 128]),
            (-129, &[0xd1, 0xff, 0x7f]),
            (32_768, &[0xd2, 0, 0, 0x80, 0]),
            (1 << 31, &[0xd3, 0, 0, 0, 0, 0x80, 0, 0, 0]),
        ] {
            let mut out = Vec::new();
            integer(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
        for (value, bytes) in [
            (127, &[127][..]),
            (128, &[0xcc, 128]),
            (256, &[0xcd, 1, 0]),
            (65_536, &[0xce, 0, 1, 0, 0]),
            (1 << 32, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let mut out = Vec::new();
            unsigned(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
    }

    #[test]
    fn lengths_grow_their_headers() {
        for (length, head) in [
            (31, &[0xbf][..]),
            (32, &[0xd9, 32]),
            (255, &[0xd9, 255]),
            (256, &[0xda, 1, 0]),
            (65_536, &[0xdb, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            text(&mut out, &vec![b'x'; length]);
            assert_eq!((&out[..head.len()], out.len()), (head, head.len() + length));
        }
        let mut out = Vec::new();
        array(&mut out, 15);
        array(&mut out, 16);
        map(&mut out, 16);
        array(&mut out, 65_536);
        assert_eq!(out, [0x9f, 0xdc, 0, 16, 0xde, 0, 16, 0xdd, 0, 1, 0, 0]);
    }
}
