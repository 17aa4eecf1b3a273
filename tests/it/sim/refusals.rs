//! What a server refuses, by organization and by token: as seen on a real one.

use std::sync::Arc;

use sluice::testing::sim::{AccessToken, BucketStore, FluxTask, Server, ServerSettings};

use crate::support::cases::ask;

const ID: &str = "aaaaaaaaaaaaaaaa";

/// A server with the buckets `mine` and `other`, and tokens `all`, `reads`, `writes` for the first.
async fn serve() -> Server {
    let store = Arc::new(BucketStore::default());
    store.create_bucket("mine", 0);
    store.create_bucket("other", 0);
    let mut settings = ServerSettings::oss("o", "all");
    settings
        .tokens
        .extend([AccessToken::read("reads", "mine"), AccessToken::write("writes", "mine")]);
    settings.tasks = vec![FluxTask {
        id: "00000000000000aa".into(),
        name: "t".into(),
        status: "active".into(),
        flux: String::new(),
    }];
    Server::start(settings, store).await.unwrap()
}

/// Status and body without line breaks; `MINE`, `OTHER` and `ORG` stand for ids.
async fn request(server: &Server, token: &str, method: &str, path: &str, body: &str) -> String {
    let ids = [
        ("MINE", server.store().bucket("mine").unwrap().id),
        ("OTHER", server.store().bucket("other").unwrap().id),
        ("ORG", ServerSettings::oss("o", "x").org_id),
    ];
    let put =
        |text: &str| ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id));
    let headers = [
        ("Authorization".to_owned(), format!("Token {token}")),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    let answer = ask(server.addr(), method, &put(path), &headers, put(body).as_bytes()).await;
    let text = ids.iter().fold(answer.text(), |text, (name, id)| text.replace(id.as_str(), name));
    format!("{} {}", answer.status, text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of requests and refusals")]
async fn an_organization_is_wanted_where_the_real_server_wants_one() {
    let server = serve().await;
    let query = r#"{"query":"x","type":"flux"}"#;
    let by_id = format!("/api/v2/query?org={ID}");
    for (method, path, body, wanted) in [
        (
            "POST",
            "/api/v2/query",
            query,
            "400 {\"code\":\"invalid\",\"message\":\"failed to decode request body: Please provide either orgID or org\"}",
        ),
        (
            "POST",
            "/api/v2/query?org=",
            query,
            "400 {\"code\":\"invalid\",\"message\":\"failed to decode request body: Please provide either orgID or org\"}",
        ),
        (
            "POST",
            &by_id,
            query,
            "400 {\"code\":\"invalid\",\"message\":\"failed to decode request body: organization not found\"}",
        ),
        (
            "POST",
            "/api/v2/query?org=nosuch",
            query,
            "400 {\"code\":\"invalid\",\"message\":\"failed to decode request body: organization name \\\"nosuch\\\" not found\"}",
        ),
        (
            "POST",
            "/api/v2/write?bucket=mine",
            "",
            "400 {\"code\":\"invalid\",\"message\":\"Please provide either orgID or org\"}",
        ),
        (
            "POST",
            "/api/v2/write?orgID=zzzzzzzzzzzzzzzz&bucket=mine",
            "",
            "400 {\"code\":\"invalid\",\"message\":\"invalid ID\"}",
        ),
        (
            "POST",
            "/api/v2/write?org=zzzzzzzzzzzzzzzz&bucket=mine",
            "",
            "404 {\"code\":\"not found\",\"message\":\"organization name \\\"zzzzzzzzzzzzzzzz\\\" not found\"}",
        ),
        (
            "POST",
            "/api/v2/write?org=o&bucket=aaaaaaaaaaaaaaaa",
            "",
            "404 {\"code\":\"not found\",\"message\":\"bucket \\\"aaaaaaaaaaaaaaaa\\\" not found\"}",
        ),
        ("POST", "/api/v2/write?org=ORG&bucket=mine", "", "204 "),
        (
            "GET",
            "/api/v2/dbrps",
            "",
            "400 { \"code\": \"invalid\", \"message\": \"either 'org' or 'orgID' must be provided\" }",
        ),
        (
            "GET",
            "/api/v2/dbrps?org=nosuch",
            "",
            "404 { \"code\": \"not found\", \"message\": \"invalid org \\\"nosuch\\\": organization not found\" }",
        ),
        (
            "GET",
            "/api/v2/orgs?orgID=aaaaaaaaaaaaaaaa",
            "",
            "404 { \"code\": \"not found\", \"message\": \"organization not found\" }",
        ),
        (
            "GET",
            "/api/v2/tasks?org=nosuch",
            "",
            "400 {\"code\":\"invalid\",\"message\":\"failed to decode request: organization name \\\"nosuch\\\" not found\"}",
        ),
        (
            "GET",
            "/api/v2/tasks?orgID=nosuch",
            "",
            "400 {\"code\":\"invalid\",\"message\":\"failed to decode request: id must have a length of 16 bytes\"}",
        ),
        (
            "GET",
            "/api/v2/tasks?limit=0",
            "",
            "400 {\"code\":\"invalid\",\"message\":\"failed to decode request: limit must be between 1 and 500\"}",
        ),
        (
            "GET",
            "/api/v2/buckets?orgID=zzzzzzzzzzzzzzzz",
            "",
            "400 { \"code\": \"invalid\", \"message\": \"invalid ID\" }",
        ),
        (
            "GET",
            "/api/v2/buckets?org=nosuch&name=mine",
            "",
            "404 { \"code\": \"not found\", \"message\": \"organization name \\\"nosuch\\\" not found\" }",
        ),
        (
            "GET",
            "/api/v2/buckets?orgID=aaaaaaaaaaaaaaaa&name=mine",
            "",
            "404 { \"code\": \"not found\", \"message\": \"bucket \\\"mine\\\" not found\" }",
        ),
        (
            "GET",
            "/api/v2/buckets?org=o&name=nosuch",
            "",
            "404 { \"code\": \"not found\", \"message\": \"bucket \\\"nosuch\\\" not found\" }",
        ),
        (
            "GET",
            "/api/v2/buckets?id=aaaaaaaaaaaaaaaa",
            "",
            "404 { \"code\": \"not found\", \"message\": \"bucket not found\" }",
        ),
        (
            "PATCH",
            "/api/v2/buckets/aaaaaaaaaaaaaaaa",
            "{}",
            "404 { \"code\": \"not found\", \"message\": \"bucket not found\" }",
        ),
        (
            "PATCH",
            "/api/v2/buckets/MINE",
            "{\"name\":\"_x\"}",
            "400 { \"code\": \"invalid\", \"message\": \"bucket name _x is invalid. Buckets may not start with underscore\" }",
        ),
        ("GET", "/api/v2/orgs/ORG/limits", "", "404 404 page not found"),
    ] {
        let got = request(&server, "all", method, path, body).await;
        assert_eq!(got, wanted, "{method} {path}");
    }
    for (path, parts) in [
        ("/api/v2/buckets?orgID=aaaaaaaaaaaaaaaa", "\"buckets\": []"),
        ("/api/v2/buckets?name=nosuch", "\"buckets\": []"),
        ("/api/v2/buckets?orgID=ORG&name=mine", "\"name\": \"mine\""),
        ("/api/v2/tasks?orgID=aaaaaaaaaaaaaaaa", "\"tasks\":[]"),
        ("/api/v2/tasks?org=o", "\"id\":\"00000000000000aa\""),
        ("/api/v2/tasks?org=o&after=00000000000000aa", "\"tasks\":[]"),
    ] {
        let got = request(&server, "all", "GET", path, "").await;
        assert!(got.starts_with("200 ") && got.contains(parts), "{path}: {got}");
    }
}

#[tokio::test]
async fn a_token_for_one_bucket_sees_no_more() {
    let server = serve().await;
    let denied = |action: &str, bucket: &str| {
        format!(
            "401 {{ \"code\": \"unauthorized\", \"message\": \"{action}:orgs/ORG/buckets/{bucket} is unauthorized\" }}"
        )
    };
    for (token, method, path, wanted) in [
        ("reads", "GET", "/api/v2/buckets/OTHER", denied("read", "OTHER")),
        ("writes", "GET", "/api/v2/buckets/MINE", denied("read", "MINE")),
        ("reads", "PATCH", "/api/v2/buckets/MINE", denied("write", "MINE")),
        ("writes", "PATCH", "/api/v2/buckets/OTHER", denied("write", "OTHER")),
        ("writes", "DELETE", "/api/v2/buckets/OTHER", denied("write", "OTHER")),
    ] {
        assert_eq!(request(&server, token, method, path, "{}").await, wanted, "{token} {path}");
    }
    for (token, path, part) in [
        ("reads", "/api/v2/buckets", "\"name\": \"mine\""),
        ("reads", "/api/v2/buckets?org=o&name=other", "\"buckets\": []"),
        // One that may only write does not even see that bucket.
        ("writes", "/api/v2/buckets?name=mine", "\"buckets\": []"),
        ("writes", "/api/v2/buckets?org=o&name=mine", "\"buckets\": []"),
        ("reads", "/api/v2/orgs?org=o", "\"orgs\": []"),
        ("reads", "/api/v2/tasks?org=o", "\"tasks\":[]"),
        ("writes", "/api/v2/dbrps?org=o", "\"content\": []"),
    ] {
        let got = request(&server, token, "GET", path, "").await;
        assert!(got.starts_with("200 ") && got.contains(part), "{token} {path}: {got}");
    }
    let patched = request(&server, "writes", "PATCH", "/api/v2/buckets/MINE", "{}").await;
    assert!(patched.starts_with("200 "), "{patched}");
}
