//! A small reader of MessagePack: brings the parts whose order is random into one order, and keeps every other byte.

/// A value as it was sent, maps sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tree {
    /// Anything that holds nothing else, header and all.
    Scalar(Vec<u8>),
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
}

/// The documents of an answer, one behind the other; `None` if one is not whole or no MessagePack.
pub(crate) fn documents(bytes: &[u8]) -> Option<Vec<Tree>> {
    let (mut all, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        all.push(value(&mut rest)?);
    }
    Some(all)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8], bytes: usize) -> Option<usize> {
    let taken = take(rest, bytes)?;
    Some(taken.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

fn value(rest: &mut &[u8]) -> Option<Tree> {
    let start = *rest;
    let first = number(rest, 1)?;
    let length = match first {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 0,
        0x80..=0x8f => return map(rest, first & 0x0f),
        0x90..=0x9f => return list(rest, first & 0x0f),
        0xa0..=0xbf => first & 0x1f,
        0xcc | 0xd0 => 1,
        0xcd | 0xd1 => 2,
        0xca | 0xce | 0xd2 => 4,
        0xcb | 0xcf | 0xd3 => 8,
        0xd9 => number(rest, 1)?,
        0xda => number(rest, 2)?,
        0xdb => number(rest, 4)?,
        // An extension has its kind before its bytes.
        0xc7 => number(rest, 1)? + 1,
        0xdc => {
            let length = number(rest, 2)?;
            return list(rest, length);
        }
        0xdd => {
            let length = number(rest, 4)?;
            return list(rest, length);
        }
        0xde => {
            let length = number(rest, 2)?;
            return map(rest, length);
        }
        _ => return None,
    };
    take(rest, length)?;
    Some(Tree::Scalar(start[..start.len() - rest.len()].to_vec()))
}

fn list(rest: &mut &[u8], length: usize) -> Option<Tree> {
    (0..length).map(|_| value(rest)).collect::<Option<_>>().map(Tree::List)
}

fn map(rest: &mut &[u8], length: usize) -> Option<Tree> {
    let mut pairs: Vec<_> =
        (0..length).map(|_| Some((value(rest)?, value(rest)?))).collect::<Option<_>>()?;
    pairs.sort();
    Some(Tree::Map(pairs))
}

#[test]
fn maps_are_sorted_and_damage_is_seen() {
    let a = documents(b"\x82\xa1b\x01\xa1a\x91\xc0\xc3").unwrap();
    assert_eq!(a, documents(b"\x82\xa1a\x91\xc0\xa1b\x01\xc3").unwrap());
    assert_ne!(a, documents(b"\x82\xa1b\x01\xa1a\x91\xc2\xc3").unwrap());
    assert_eq!(a.len(), 2);
    for bad in [&b"\x92\x01"[..], b"\xa5abc", b"\xc1", b"\xcb\0\0"] {
        assert_eq!(documents(bad), None, "{bad:?}");
    }
}
