//! Answers whose values are wrong, and what tells so: nothing before the end.

use std::sync::Arc;

use sluice::testing::sim::{
    BucketStore, DamageEnd, DamagePlace, Fault, Matcher, Rule, Server, ServerSettings,
};

use crate::support::cases::{Answer, ask};

/// Enough for several pieces in every format.
async fn serve() -> Server {
    let store = Arc::new(BucketStore::default());
    store.create_bucket("b", 0);
    let mut lines = String::new();
    for at in 0..4_000_i64 {
        let time = 1_640_995_200_000_000_000 + at * 1_000_000_000;
        lines.push_str(&format!("m,k=v f={at}.5,i={at}i,s=\"letters\" {time}\n"));
    }
    store.write_lp("b", lines.as_bytes()).unwrap();
    Server::start(ServerSettings::oss("o", "secret"), store).await.unwrap()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    MessagePack,
}

async fn read(server: &Server, format: Format, zipped: bool) -> Answer {
    let mut headers = vec![("Authorization".to_owned(), "Token secret".to_owned())];
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
    if zipped {
        add("Accept-Encoding", "gzip");
    }
    let influxql = "/query?db=b&epoch=ns&chunked=true&q=SELECT%20i,f,s%20FROM%20m";
    match format {
        Format::Csv => {
            add("Content-Type", "application/vnd.flux");
            let script = b"from(bucket: \"b\") |> range(start: 2000-01-01T00:00:00Z) |> drop(columns: [\"_start\", \"_stop\"])";
            return ask(server.addr(), "POST", "/api/v2/query?org=o", &headers, script).await;
        }
        Format::Json => add("Accept", "application/json"),
        Format::MessagePack => add("Accept", "application/x-msgpack"),
    }
    ask(server.addr(), "GET", influxql, &headers, b"").await
}

/// Unpacked bytes, as far as they go, and whether the checksum is theirs.
fn unpack(packed: &[u8]) -> (Vec<u8>, bool) {
    let mut plain = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(packed);
    let whole = std::io::Read::read_to_end(&mut decoder, &mut plain).is_ok();
    (plain, whole)
}

fn differing(a: &[u8], b: &[u8]) -> Vec<usize> {
    a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect()
}

const FORMATS: [Format; 3] = [Format::Csv, Format::Json, Format::MessagePack];

fn rule(fault: Fault) -> Rule {
    Rule { matcher: Matcher::default(), times: 1, fault }
}

#[tokio::test]
async fn values_and_times_are_damaged_in_place() {
    for format in FORMATS {
        let server = serve().await;
        let truth = read(&server, format, false).await.body;
        for place in [DamagePlace::Time, DamagePlace::Number, DamagePlace::Letter] {
            let end = DamageEnd::Silent;
            let fault = Fault::Damage { after_bytes: 1_000, places: 3, place, end };
            server.inject(rule(fault));
            let answer = read(&server, format, false).await;
            assert!(answer.complete && answer.body.len() == truth.len(), "{format:?} {place:?}");
            let wrong = differing(&truth, &answer.body);
            assert_eq!(wrong.len(), 3, "{format:?} {place:?}");
            assert!(wrong.iter().all(|at| (1_000..3_000).contains(at)), "{format:?} {wrong:?}");
            for at in &wrong {
                assert_eq!(truth[*at] ^ answer.body[*at], 1, "the lowest bit");
                let kind = |bytes: &[u8]| match bytes[*at] {
                    b'0'..=b'9' => 1,
                    b'a'..=b'z' => 2,
                    _ => 3,
                };
                let binary = format == Format::MessagePack && place != DamagePlace::Letter;
                assert!(binary || kind(&truth) == kind(&answer.body));
            }
            assert_eq!(read(&server, format, false).await.body, truth, "the next one is well");
        }
    }
}

#[tokio::test]
async fn the_checksum_of_the_true_content_tells_at_the_very_end() {
    for format in FORMATS {
        let server = serve().await;
        let truth = read(&server, format, false).await.body;
        assert_eq!(unpack(&read(&server, format, true).await.body), (truth.clone(), true));
        let damage = |end| {
            rule(Fault::Damage { after_bytes: 500, places: 2, place: DamagePlace::Time, end })
        };
        server.inject(damage(DamageEnd::Checksum));
        let answer = read(&server, format, true).await;
        let (plain, fits) = unpack(&answer.body);
        assert!(answer.complete && !fits, "HTTP says that it is whole, gzip that it is not");
        assert_eq!((plain.len(), differing(&truth, &plain).len()), (truth.len(), 2));
        server.inject(damage(DamageEnd::Silent));
        let (plain, fits) = unpack(&read(&server, format, true).await.body);
        assert!(fits && differing(&truth, &plain).len() == 2);
    }
    // Any answer that the client takes so is packed, however short.
    let server = serve().await;
    server.inject(rule(Fault::Damage {
        after_bytes: 0,
        places: 1,
        place: DamagePlace::Letter,
        end: DamageEnd::Checksum,
    }));
    let headers = [("Authorization", "Token secret"), ("Accept-Encoding", "gzip")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer =
        ask(server.addr(), "GET", "/query?db=b&q=SHOW%20MEASUREMENTS", &headers, b"").await;
    assert_eq!(answer.header("Content-Encoding"), Some("gzip"));
    assert!(answer.complete && !unpack(&answer.body).1);
}

#[tokio::test]
async fn a_cut_near_the_end_tells() {
    for format in FORMATS {
        let server = serve().await;
        let truth = read(&server, format, false).await.body;
        for (end, complete, reset) in [
            (DamageEnd::CutClean { bytes: 900 }, true, false),
            (DamageEnd::Cut { bytes: 900 }, false, false),
            (DamageEnd::Reset { bytes: 900 }, false, true),
        ] {
            let fault =
                Fault::Damage { after_bytes: 500, places: 2, place: DamagePlace::Number, end };
            server.inject(rule(fault));
            let answer = read(&server, format, false).await;
            assert_eq!((answer.complete, answer.reset), (complete, reset), "{format:?} {end:?}");
            if !reset {
                // What a reset leaves behind is up to the client's system.
                assert_eq!(answer.body.len(), truth.len() - 900, "{format:?} {end:?}");
                assert_eq!(differing(&truth, &answer.body).len(), 2, "{format:?} {end:?}");
            }
        }
    }
}

#[tokio::test]
async fn one_bit_is_flipped_wherever_it_is() {
    for (format, zipped) in [(Format::Csv, false), (Format::MessagePack, true)] {
        let server = serve().await;
        let truth = read(&server, format, zipped).await.body;
        for at in [0, 1, 4_095, 4_096, truth.len() - 1] {
            server.inject(rule(Fault::Flip { at_byte: at as u64, bit: 6 }));
            let answer = read(&server, format, zipped).await;
            assert!(answer.complete);
            assert_eq!(differing(&truth, &answer.body), [at], "{format:?}");
            assert_eq!(truth[at] ^ answer.body[at], 0x40);
        }
        server.inject(rule(Fault::Flip { at_byte: truth.len() as u64, bit: 0 }));
        assert_eq!(read(&server, format, zipped).await.body, truth);
    }
}
