//! A real InfluxDB 1.x as an oracle for line protocol: Debian packages one, and its parser is the ancestor of 2.x's.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::need::{What, need};

const POLLS_MAX: u32 = 300;
const POLL: Duration = Duration::from_millis(50);
const ANSWER: Duration = Duration::from_secs(60);

/// A server of its own in a temporary folder, ended on drop.
pub(crate) struct Influxd {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// Status and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Influxd {
    /// Starts it, where there is one.
    pub(crate) fn start() -> Option<Self> {
        let program = need(What::Influxd1x)?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port");
        let dir = folder.path().display();
        let config = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:0\"\n\
             [meta]\ndir = \"{dir}/meta\"\n\
             [data]\ndir = \"{dir}/data\"\nwal-dir = \"{dir}/wal\"\nindex-version = \"tsi1\"\n\
             [monitor]\nstore-enabled = false\n\
             [http]\nbind-address = \"{free}\"\nlog-enabled = false\nmax-body-size = 0\n"
        );
        let file = folder.path().join("influxdb.conf");
        fs::write(&file, config).expect("the folder can be written");
        let log = fs::File::create(folder.path().join("log")).expect("the folder can be written");
        let process = Command::new(&program)
            .arg("-config")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let server = Self { process, address: free, _folder: folder };
        server.wait_until_ready();
        Some(server)
    }

    fn wait_until_ready(&self) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        for _ in 0..POLLS_MAX {
            if self.try_request("GET", "/ping", b"").is_ok_and(|answer| answer.status == 204) {
                return;
            }
            runtime.block_on(async { tokio::time::sleep(POLL).await });
        }
        panic!("influxd did not answer within {:?}", POLL * POLLS_MAX);
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// One statement; its JSON, with times in nanoseconds.
    pub(crate) fn query(&self, db: &str, statement: &str) -> serde_json::Value {
        let path = format!("/query?epoch=ns&db={}&q={}", percent(db), percent(statement));
        let answer = self.try_request("POST", &path, b"").expect("an answer");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{statement}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Writes a body of line protocol with nanosecond times.
    pub(crate) fn write(&self, db: &str, body: &[u8]) -> Answer {
        self.try_request("POST", &format!("/write?precision=ns&db={}", percent(db)), body)
            .expect("an answer")
    }

    /// HTTP/1.0: the answer is neither chunked nor kept alive.
    fn try_request(&self, method: &str, path: &str, body: &[u8]) -> std::io::Result<Answer> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_read_timeout(Some(ANSWER))?;
        write!(
            socket,
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        socket.write_all(body)?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer)?;
        let bad = || std::io::Error::other("no HTTP answer");
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or_else(bad)?;
        let status = answer
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
            .ok_or_else(bad)?;
        Ok(Answer { status, body: answer.split_off(head + 4) })
    }
}

impl Drop for Influxd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
