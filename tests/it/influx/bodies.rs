//! Bodies: whole, cut, damaged, silent, too large.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use sluice::testing::influx::client::ClientSettings;
use sluice::testing::influx::error::FailureKind;
use sluice::testing::model::side::Side;

use super::{client_of, drain, given, settings, silent, source};
use crate::support::golden;
use crate::support::scripted::{Reply, Scripted, Step, chunk, head, reply};

const CSV: (&str, &str) = ("Content-Type", "text/csv; charset=utf-8");
const GZIP: (&str, &str) = ("Content-Encoding", "gzip");
const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

fn rows() -> Vec<u8> {
    let mut rows = String::from(
        "#datatype,string,long,long\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n",
    );
    for row in 0..3_000 {
        rows.push_str(&format!(",,0,{}\r\n", row * 7_919 % 10_007));
    }
    rows.push_str("\r\n");
    rows.into_bytes()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Reads one reply as a stream.
async fn read(
    reply: Reply,
    settings: ClientSettings,
) -> (Vec<u8>, Result<(u64, u64), FailureKind>) {
    let server = Scripted::start([reply]).await;
    let client = client_of(Side::Source, &server.host, given(), settings, silent());
    let mut stream = match client.query("x", "rows").await {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Err(error.kind())),
    };
    let (bytes, end) = drain(&mut stream).await;
    match end {
        Ok(()) => {
            assert!(stream.next().await.unwrap().is_none(), "the end stays the end");
            (bytes, Ok((stream.wire_bytes(), stream.decoded_bytes())))
        }
        Err(error) => {
            assert!(stream.next().await.is_err(), "no end follows a failure");
            (bytes, Err(error.kind()))
        }
    }
}

fn in_chunks(body: &[u8], encoding: &[(&str, &str)], ends: bool) -> Vec<u8> {
    let mut bytes = head(200, &[&[CSV, CHUNKED], encoding].concat());
    bytes.extend(body.chunks(4_096).flat_map(chunk));
    if ends {
        bytes.extend(chunk(b""));
    }
    bytes
}

#[tokio::test]
async fn whole_answers_come_as_they_are() {
    let (plain, packed) = (rows(), gzip(&rows()));
    let sizes = |wire: &[u8], plain: &[u8]| Ok((wire.len() as u64, plain.len() as u64));
    for (reply, wire) in [
        (reply(200, &[CSV], &plain), &plain),
        (reply(200, &[CSV, GZIP], &packed), &packed),
        (vec![Step::Send(in_chunks(&plain, &[], true))], &plain),
        (vec![Step::Send(in_chunks(&packed, &[GZIP], true))], &packed),
    ] {
        let (bytes, end) = read(reply, settings()).await;
        assert!(bytes == plain);
        assert_eq!(end, sizes(wire, &plain));
    }
    let (bytes, end) = read(reply(200, &[CSV], ""), settings()).await;
    assert_eq!((bytes.len(), end), (0, Ok((0, 0))), "the missing end mark is the reader's to see");
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_ends_well() {
    let (plain, packed) = (rows(), gzip(&rows()));
    let length = |length: usize| length.to_string();
    let nine_tenths = plain.len() * 9 / 10;
    let with_length = head(200, &[CSV, ("Content-Length", &length(plain.len()))]);
    let short = [&with_length[..], &plain[..nine_tenths]].concat();
    let packed_short = &packed[..packed.len() * 9 / 10];
    let trailer = packed.len() - 8;
    let mut bad_crc = packed.clone();
    bad_crc[trailer] ^= 1;
    let mut bad_size = packed.clone();
    bad_size[trailer + 4] ^= 1;
    for (name, bytes, last) in [
        ("length short, FIN", short.clone(), Step::Close),
        ("length short, RST", short, Step::Reset),
        ("chunks without the last, FIN", in_chunks(&plain, &[], false), Step::Close),
        ("chunks without the last, RST", in_chunks(&plain, &[], false), Step::Reset),
        ("cut inside a chunk", in_chunks(&plain, &[], false)[..20_000].to_vec(), Step::Close),
        ("gzip cut, framing clean", in_chunks(packed_short, &[GZIP], true), Step::Close),
        ("gzip cut, connection closed", in_chunks(packed_short, &[GZIP], false), Step::Close),
        ("gzip without trailer", in_chunks(&packed[..trailer], &[GZIP], true), Step::Close),
        ("gzip with a wrong sum", in_chunks(&bad_crc, &[GZIP], true), Step::Close),
        ("gzip with a wrong size", in_chunks(&bad_size, &[GZIP], true), Step::Close),
        ("gzip whole, last chunk missing", in_chunks(&packed, &[GZIP], false), Step::Close),
        (
            "gzip in two members",
            in_chunks(&[&packed[..], &packed].concat(), &[GZIP], true),
            Step::Close,
        ),
        (
            "junk behind gzip",
            in_chunks(&[&packed[..], b"junk"].concat(), &[GZIP], true),
            Step::Close,
        ),
        ("says gzip, is plain", in_chunks(&plain, &[GZIP], true), Step::Close),
        ("says gzip, is empty", in_chunks(b"", &[GZIP], true), Step::Close),
        ("says gzip, length 0", head(200, &[CSV, GZIP, ("Content-Length", "0")]), Step::Close),
    ] {
        let (got, end) = read(vec![Step::Send(bytes), last], settings()).await;
        assert_eq!(end, Err(FailureKind::Interrupted), "{name}");
        assert!(plain.starts_with(&got), "{name}: what came is a beginning of the answer");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_tell_its_end_is_asked_for_twice() {
    let unframed = || vec![Step::Send([head(200, &[CSV]), rows()].concat()), Step::Close];
    assert_eq!(read(unframed(), settings()).await.1, Err(FailureKind::Unframed));
    let server = Scripted::start([unframed(), reply(200, &[CSV], "\r\n")]).await;
    assert_eq!(source(&server.host).query_all("x", "rows").await.unwrap(), b"\r\n");
    let server = Scripted::start((0..9).map(|_| unframed())).await;
    let error = source(&server.host).query_all("x", "rows").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts), (FailureKind::Unframed, 2));
    assert!(error.to_string().contains("HTTP/1.0"), "{error}");
    // What it refuses stays what it is.
    let missing = [head(404, &[]), b"{\"code\":\"not found\",\"message\":\"no such\"}".to_vec()];
    let server = Scripted::start([vec![Step::Send(missing.concat()), Step::Close]]).await;
    let error = source(&server.host).query_all("x", "rows").await.unwrap_err();
    assert_eq!((error.kind(), &*error.message), (FailureKind::NotFound, "no such"));
    // A bucket that is not there, also where the text of the refusal is lost.
    for text in ["{\"code\":\"not found\",\"message\":\"bucket \\\"b\\\" not found\"}", ""] {
        let missing =
            [head(404, &[("X-Influxdb-Version", "2.9.1")]), text.as_bytes().to_vec()].concat();
        let server = Scripted::start([vec![Step::Send(missing), Step::Close]]).await;
        assert_eq!(source(&server.host).bucket_by_name("b").await.unwrap(), None, "{text}");
    }
}

#[tokio::test]
async fn gzip_cut_where_a_member_ends_is_left_to_the_end_mark() {
    let half = gzip(&rows()[..rows().len() / 2]);
    let cut = || vec![Step::Send(in_chunks(&half, &[GZIP], true))];
    assert!(read(cut(), settings()).await.1.is_ok(), "the transport cannot see it");
    let server = Scripted::start([cut(), cut(), reply(200, &[CSV], rows())]).await;
    let whole = source(&server.host).query_all("x", "rows").await.unwrap();
    assert!(whole == rows(), "a whole answer is asked for until it has its end mark");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn silence_and_deadline_end_a_read() {
    let silence = ClientSettings { silence_ms_max: 50, ..settings() };
    let begin = in_chunks(&rows(), &[], false);
    let (got, end) = read(vec![Step::Send(begin.clone()), Step::Hang], silence).await;
    assert_eq!(end, Err(FailureKind::Interrupted));
    assert!(got == rows());
    let deadline = || ClientSettings { query_timeout_ms: 40, query_grace_ms: 10, ..settings() };
    let (_, end) = read(vec![Step::Send(begin), Step::Hang], deadline()).await;
    assert_eq!(end, Err(FailureKind::Timeout), "headers, then nothing");
    let (_, end) = read(vec![Step::Hang], deadline()).await;
    assert_eq!(end, Err(FailureKind::Timeout), "accepted, never answered");
    let late = ClientSettings { query_timeout_ms: 0, ..settings() };
    let cut = vec![Step::Send(in_chunks(&rows(), &[], false)), Step::Close];
    assert_eq!(
        read(cut, late).await.1,
        Err(FailureKind::Timeout),
        "cut when the server's own time was over"
    );
}

#[tokio::test]
async fn large_answers_are_bounded() {
    let zeros = gzip(&vec![0; 70 * 1024 * 1024]);
    let bomb = reply(200, &[CSV, GZIP], &zeros);
    let server = Scripted::start([bomb]).await;
    let error = source(&server.host).query_all("x", "rows").await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::TooBig);
    let (_, end) = read(reply(200, &[CSV, ("Content-Encoding", "br")], "x"), settings()).await;
    assert_eq!(end, Err(FailureKind::Unexpected));
}

#[tokio::test]
async fn recorded_answers_of_a_real_server() {
    let golden = golden();
    let folder = golden.join("cases/11-transport");
    for name in [
        "plain",
        "gzip",
        "gzip_small",
        "gzip_mid",
        "gzip_q0",
        "empty",
        "inband_error",
        "inband_error_gzip",
    ] {
        let bytes = std::fs::read(folder.join(format!("{name}.http"))).unwrap();
        let expected = std::fs::read(folder.join(format!("{name}.body"))).unwrap();
        let (got, end) = read(vec![Step::Send(bytes.clone()), Step::Close], settings()).await;
        assert!(end.is_ok() && got == expected, "{name}: {end:?}");
        let cut = bytes[..bytes.len() - 3].to_vec();
        let (_, end) = read(vec![Step::Send(cut), Step::Close], settings()).await;
        assert_eq!(end, Err(FailureKind::Interrupted), "{name} cut");
        let server = Scripted::start([vec![Step::Send(bytes), Step::Close]]).await;
        let whole = source(&server.host).query_all("x", name).await;
        if name.starts_with("inband_error") {
            let error = whole.unwrap_err();
            assert_eq!(error.kind(), FailureKind::BadRequest);
            assert!(error.message.contains("schema collision"), "{}", error.message);
        } else {
            assert!(whole.unwrap() == expected, "{name}");
        }
    }
}
