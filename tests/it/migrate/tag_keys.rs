//! Tag keys that order, or a query, takes for something else.

#![expect(clippy::unwrap_used, reason = "a test may")]

use sluice::testing::exit::ExitCode;
use sluice::testing::model::transport::Transport;

use crate::support::rig::{Rig, cloud, oss_source, store_of};

const WEEK_S: u64 = 7 * 86_400;

fn transports() -> impl Iterator<Item = Option<Transport>> {
    Transport::ALL.into_iter().map(Some).chain([None])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_sort_behind_all_texts_are_carried() {
    let largest = "\u{10FFFF}".as_bytes();
    let mut lines = Vec::new();
    for (at, key) in
        [&b"\xff\xa0"[..], b"\xf5", b"\xfe", b"\xf4\x90", b"~f", b""].iter().enumerate()
    {
        for times in 0..2 {
            let key = [&largest.repeat(times), *key, b"k"].concat();
            lines.extend_from_slice(b"m,host=a,");
            lines.extend_from_slice(&key);
            lines.extend(format!("=x v={at}i,w={times}i 164099520000000000{at}\n").bytes());
        }
    }
    for source in [cloud(), oss_source()] {
        for transport in transports() {
            let rig = Rig::start(source.clone(), store_of(&lines, WEEK_S)).await;
            let mut config = rig.config();
            config.pace.transport = transport;
            let run = rig.migrate(config).await;
            run.assert_exit(ExitCode::Done);
            rig.assert_copied();
        }
    }
}
