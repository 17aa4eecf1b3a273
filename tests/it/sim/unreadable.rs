//! Measurements whose backslash stands before a space, a comma, an equals sign or a quotation mark: listed, never returned, and
//! their neighbours answer for them. All of it was seen on a real server.

use std::sync::Arc;

use sluice::testing::sim::{BucketStore, Server, ServerSettings};

use crate::support::cases::ask;

/// Values written at 1, 2, and so on; a day apart where a number of days stands before the line.
async fn serve(lines: &[&str]) -> Server {
    let store = Arc::new(BucketStore::default());
    store.create_bucket_with("b", 0, 86_400);
    for (at, line) in lines.iter().enumerate() {
        let (day, line) = line.split_once('@').unwrap_or(("0", line));
        let time = day.parse::<i64>().unwrap() * 86_400_000_000_000 + i64::try_from(at).unwrap();
        store.write_lp("b", format!("{line} {time}").as_bytes()).unwrap();
    }
    Server::start(ServerSettings::oss("o", "secret"), store).await.unwrap()
}

async fn flux(server: &Server, script: &str) -> String {
    let headers = [
        ("Authorization".to_owned(), "Token secret".to_owned()),
        ("Content-Type".to_owned(), "application/vnd.flux".to_owned()),
    ];
    let answer = ask(server.addr(), "POST", "/api/v2/query?org=o", &headers, script.as_bytes());
    answer.await.text()
}

/// Value and measurement of each row of a Flux answer.
async fn rows(server: &Server, steps: &str) -> Vec<String> {
    let script = format!(
        "from(bucket: \"b\") |> range(start: 1970-01-01T00:00:00Z, stop: 1970-02-01T00:00:00Z){steps}"
    );
    let text = flux(server, &script).await;
    let cells = |line: &str| line.split(',').skip(6).take(3).collect::<Vec<_>>().join(",");
    text.lines().filter(|line| line.starts_with(",_result")).map(cells).collect()
}

async fn influxql(server: &Server, statement: &str) -> String {
    let headers = [
        ("Authorization".to_owned(), "Token secret".to_owned()),
        ("Content-Type".to_owned(), "application/vnd.influxql".to_owned()),
    ];
    let path = "/query?db=b&epoch=ns";
    ask(server.addr(), "POST", path, &headers, statement.as_bytes()).await.text()
}

async fn count(server: &Server, filter: &str) -> String {
    let script = format!(
        "from(bucket: \"b\") |> range(start: 1970-01-01T00:00:00Z, stop: 1970-02-01T00:00:00Z){filter} |> group() |> count()"
    );
    let text = flux(server, &script).await;
    text.trim_end().rsplit(',').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn without_a_neighbour_they_are_listed_and_empty() {
    for (written, listed) in [
        (r"alone\\ x,h=a v=1i", r"alone\ x"),
        (r"com\\,ma,h=a v=1i", r"com\,ma"),
        (r"eq\\=x,h=a v=1i", r"eq\=x"),
        (r#"qu\\"o,h=a v=1i"#, r#"qu\"o"#),
        (r"\\ lead,h=a v=1i", r"\ lead"),
        // Escaped without need, and no backslash in the list.
        (r"e\=x,h=a v=1i", "e=x"),
        (r#"q\"o,h=a v=1i"#, r#"q"o"#),
    ] {
        let server = serve(&[written]).await;
        let json = serde_json::Value::from(listed).to_string();
        for statement in [
            "SHOW MEASUREMENTS",
            "SHOW FIELD KEYS",
            "SHOW TAG KEYS",
            "SHOW SERIES EXACT CARDINALITY",
        ] {
            let answer = influxql(&server, statement).await;
            assert!(answer.contains(&json), "{statement}: {answer}");
        }
        let series = influxql(&server, "SHOW SERIES").await;
        assert!(series.contains(",h=a\"]"), "{series}");
        let names = "import \"influxdata/influxdb/schema\"\nschema.measurements(bucket: \"b\")";
        let cell = listed.replace('"', "\"\"");
        let names = flux(&server, names).await;
        assert!(names.contains(&cell), "{names}");
        assert_eq!(rows(&server, "").await, [""; 0]);
        assert_eq!(
            influxql(&server, "SELECT * FROM /.*/").await,
            "{\"results\":[{\"statement_id\":0}]}\n"
        );
        assert_eq!(server.store().count("b"), 1);
        assert_eq!((server.store().dump("b").len(), server.store().unread("b").len()), (0, 1));
    }
    let server = serve(&[r"a\z v=1i", r"a\\z v=2i", r"m,t=a\\\ b v=3i", r"m f\\\ g=4i"]).await;
    assert_eq!(server.store().unread("b"), []);
}

#[tokio::test]
async fn the_values_of_a_neighbour_answer_for_them() {
    let server = serve(&[r"disk\\ c,h=a v=1i", r"disk\ c,h=a v=2i", r"disk\ c,h=b v=3i"]).await;
    assert_eq!(
        rows(&server, "").await,
        ["2,v,disk c", "3,v,disk c", r"2,v,disk\ c"],
        "a read of all has them twice"
    );
    assert_eq!(count(&server, "").await, "3");
    let by_name = r#" |> filter(fn: (r) => r._measurement == "disk\\ c")"#;
    assert_eq!(rows(&server, by_name).await, [r"2,v,disk\ c"]);
    assert_eq!(count(&server, by_name).await, "1");
    let others = r#" |> filter(fn: (r) => r._measurement != "disk\\ c")"#;
    assert_eq!(count(&server, others).await, "2", "left out by name, each is counted once");
    assert_eq!(
        influxql(&server, r#"SELECT * FROM "disk\\ c" GROUP BY *"#).await,
        "{\"results\":[{\"statement_id\":0,\"series\":[{\"name\":\"disk\\\\ c\",\"tags\":{\"h\":\"a\"},\"columns\":[\"time\",\"v\"],\"values\":[[1,2]]}]}]}\n"
    );
    assert!(influxql(&server, r"SELECT count(*) FROM /.*/").await.contains("[0,1]"));
    let keys = influxql(&server, "SHOW SERIES").await;
    assert_eq!(keys.matches("h=a").count(), 1, "one key for both: {keys}");
    assert_eq!(server.store().dump("b").len(), 2);
    assert_eq!(server.store().unread("b").len(), 1);
}

#[tokio::test]
async fn only_what_the_index_knows_of_both_is_read() {
    let server = serve(&[
        r"z\\ z,h=a v=6i",
        r"z\ z,h=a v=7i,only=12i",
        r"1@z\\ z,h=a v=8i",
        r"2@z\ z,h=a v=9i",
        r"z\\ z,h=c v=10i",
    ])
    .await;
    let own = ["12,only,z z", "7,v,z z", "9,v,z z"];
    assert_eq!(rows(&server, "").await, [&own[..], &[r"7,v,z\ z"]].concat());
    // What comes later is seen, and what is deleted is not.
    server.store().write_lp("b", br"z\ z,h=a v=70i 86400000000000").unwrap();
    assert_eq!(rows(&server, "").await.iter().filter(|row| row.ends_with(r"z\ z")).count(), 2);
    server.store().delete("b", Some(br"z z"), 0, i64::MAX);
    assert_eq!(rows(&server, "").await, [""; 0]);
    assert_eq!(server.store().unread("b").len(), 3);
}

#[tokio::test]
async fn several_in_a_row_are_each_read_as_the_next() {
    let written = [r"a\z v=8i", r"a\ z v=9i", r"a\\ z v=10i", r"a\\\ z v=11i", r"a\\\\ z v=12i"];
    let server = serve(&written).await;
    assert_eq!(
        rows(&server, "").await,
        ["9,v,a z", r"9,v,a\ z", r"10,v,a\\ z", r"11,v,a\\\ z", r"8,v,a\z"]
    );
}

#[tokio::test]
async fn a_neighbour_of_another_type_ends_every_query_that_meets_it() {
    let server = serve(&[r"ty\\ p,h=a v=1.5", r"ty\ p,h=a v=15i"]).await;
    let panic = "panic: interface conversion: tsm1.Value is tsm1.IntegerValue, not tsm1.FloatValue";
    let by_name = "|> filter(fn: (r) => r._measurement == \"ty\\\\ p\")";
    for steps in ["|> group() |> count()", "|> count()", "|> first()", "", by_name] {
        let text = flux(&server, &format!("from(bucket: \"b\") |> range(start: 0){steps}")).await;
        assert!(text.contains(panic), "{steps}: {text}");
    }
    let text = influxql(&server, r#"SELECT * FROM "ty\\ p""#).await;
    assert!(text.contains("[panic:interface conversion: tsm1.Value is"), "{text}");
    assert_eq!(rows(&server, "|> filter(fn: (r) => r._measurement == \"ty p\")").await.len(), 1);
}

/// The order of tags is that of their escaped names, which is another one for names with spaces and commas.
#[test]
fn names_of_tags_that_need_an_escape_are_read() {
    let store = sluice::testing::sim::BucketStore::default();
    store.create_bucket("b", 0);
    for line in ["m,\\ e=1,<x=2 f=1i 1\n", "m,<x=3,\\ e=4 f=2i 1\n", "n,\\,e=5,-a=3 f=4i 1\n"] {
        store.write_lp("b", line.as_bytes()).unwrap();
    }
    assert_eq!(store.dump("b").len(), 3);
}
