//! Taking turns with the task of the vendor's guide on the same records.

use serde_json::json;

use super::Real;
use crate::support::need::{What, need};

/// The script of the guide, where its text is, set up for a job.
fn script(real: &Real, source: &str, destination: &str) -> Option<String> {
    let guide = std::fs::read_to_string(need(What::Guide)?).unwrap();
    let script = guide
        .split("```js\n")
        .filter_map(|part| part.split("```").next())
        .find(|part| part.contains("batchRange = "))
        .expect("the migration script");
    let set = |script: String, name: &str, value: String| {
        let line = script
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{name}: ")))
            .unwrap_or_else(|| panic!("no {name}"))
            .to_owned();
        script.replacen(&line, &format!("    {name}: {value},"), 1)
    };
    let text = |text: &str| format!("\"{text}\"");
    let mut script = script.to_owned();
    for (name, value) in [
        ("start", "2022-01-01T00:00:00Z".to_owned()),
        ("stop", "2022-01-01T06:00:00Z".to_owned()),
        ("batchInterval", "1h".to_owned()),
        ("batchBucket", text(&format!("progress-{destination}"))),
        ("sourceHost", text(&real.url())),
        ("sourceOrg", text(&real.org)),
        ("sourceToken", text(&real.token)),
        ("sourceBucket", text(source)),
        ("destinationBucket", text(destination)),
    ] {
        script = set(script, name, value);
    }
    Some(script)
}

/// One run of the task; the error's text if it fails.
async fn run_task(real: &Real, script: &str) -> Result<(), String> {
    let headers = [
        ("Authorization".to_owned(), format!("Token {}", real.token)),
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Prefer".to_owned(), "return-no-content-with-error".to_owned()),
    ];
    let body = json!({"query": script, "type": "flux"}).to_string();
    let path = format!("/api/v2/query?org={}", real.org);
    let answer =
        crate::support::cases::ask(real.addr, "POST", &path, &headers, body.as_bytes()).await;
    if answer.complete && answer.body.is_empty() {
        Ok(())
    } else {
        Err(format!("{} {}", answer.status, answer.text()))
    }
}

/// Start and stop of all records, in the order of their times.
async fn records(real: &Real, bucket: &str) -> Vec<(String, String)> {
    let field = |name: &'static str| async move {
        let statement = format!("SELECT {name} FROM batches");
        let answer = real.influxql(bucket, &statement).await;
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let rows =
            json["results"][0]["series"][0]["values"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| row[1].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    field("batch_start").await.into_iter().zip(field("batch_stop").await).collect()
}

async fn everything(real: &Real, bucket: &str) -> String {
    let range = "range(start: 2022-01-01T00:00:00Z, stop: 2022-01-01T06:00:00Z)";
    let answer = real.query(&format!("from(bucket: \"{bucket}\") |> {range}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[tokio::test]
async fn the_official_task_and_sluice_take_over_from_each_other() {
    let Some(real) = Real::start().await else { return };
    let (source, destination) = ("task-source", "task-destination");
    let Some(script) = script(&real, source, destination) else { return };
    let mut lines = String::new();
    for minute in 0..360_i64 {
        // Nothing in the fourth hour: the task writes a record for it all the same.
        if minute / 60 != 3 {
            let time = 1_640_995_200_000_000_000 + minute * 60_000_000_000;
            lines.push_str(&format!("cpu,host=a,Zone=x user={minute}i,idle=0.5 {time}\n"));
            lines.push_str(&format!("cpu,host=b user={minute}i,note=\"n {minute}\" {time}\n"));
        }
    }
    real.bucket(source, None).await;
    real.load(source, lines.as_bytes()).await;
    real.bucket(destination, None).await;
    real.bucket(&format!("progress-{destination}"), None).await;
    let stop = |hour: u32| format!("2022-01-01T{hour:02}:00:00Z");
    let sluice = |hour: u32| {
        let stop = stop(hour);
        let real = &real;
        async move {
            let more = ["--batch-interval", "1h", "--stop", &stop, "--existing", "merge"];
            real.migrate(source, destination, &more).await.assert_code(0);
        }
    };
    // The task, sluice, the task, sluice, the task.
    run_task(&real, &script).await.unwrap();
    sluice(2).await;
    run_task(&real, &script).await.unwrap();
    sluice(5).await;
    run_task(&real, &script).await.unwrap();
    let done = run_task(&real, &script).await.expect_err("nothing is left for the task");
    assert!(done.contains("Migration is complete."), "{done}");
    sluice(6).await;
    let found = records(&real, &format!("progress-{destination}")).await;
    let expected: Vec<_> = (0..6)
        .map(|hour| {
            (stop(hour).replace('Z', ".000000000Z"), stop(hour + 1).replace('Z', ".000000000Z"))
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(everything(&real, source).await, everything(&real, destination).await);
}
