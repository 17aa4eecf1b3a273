//! A proxy on loopback that leads everything to one server, or refuses.

#![expect(clippy::unwrap_used, reason = "a test may")]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What it does.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// Tunnels and requests go to this address, whatever they ask for.
    To(String),
    /// The same, but no answer may come packed.
    Plain(String),
    /// This instead of any tunnel or answer.
    Refuse(&'static str),
}

/// Starts one; gives its address. It ends with the runtime of the test.
pub(crate) async fn start(way: Way) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, way.clone()));
        }
    });
    address
}

async fn serve(mut client: TcpStream, way: Way) -> Option<()> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let target = match &way {
        Way::To(target) | Way::Plain(target) => target.trim_start_matches("http://").to_owned(),
        Way::Refuse(answer) => {
            client.write_all(answer.as_bytes()).await.ok()?;
            return client.shutdown().await.ok();
        }
    };
    let mut server = TcpStream::connect(target).await.ok()?;
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    if head.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
        server.write_all(&bytes[head_end..]).await.ok()?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()?;
        return Some(());
    }
    // One request for each connection; the address in its first line loses scheme and host.
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())?.ok()
    });
    while bytes.len() - head_end < length.unwrap_or(0) {
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let (first, rest) = head.split_once("\r\n")?;
    let (method, after) = first.split_once(" http://")?;
    let path = &after[after.find('/')?..];
    let kept = rest.split("\r\n").filter(|line| {
        let lower = line.to_ascii_lowercase();
        !matches!(&way, Way::Plain(_) if lower.starts_with("accept-encoding:"))
    });
    let head = format!(
        "{method} {path}\r\nConnection: close\r\n{}",
        kept.collect::<Vec<_>>().join("\r\n")
    );
    server.write_all(head.as_bytes()).await.ok()?;
    server.write_all(&bytes[head_end..]).await.ok()?;
    tokio::io::copy(&mut server, &mut client).await.ok()?;
    client.shutdown().await.ok()
}
