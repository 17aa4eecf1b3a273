//! Real servers of object stores, over a temporary folder: `scripts/s3_server.sh` and `scripts/azure_server.sh` install
//! them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use object_store::ObjectStoreExt as _;
use object_store::aws::AmazonS3Builder;

use super::need::{What, need};

const POLLS_MAX: u32 = 600;
const POLL: Duration = Duration::from_millis(50);

/// The only bucket.
pub(crate) const S3_BUCKET: &str = "plant-spools";
const S3_KEY_ID: &str = "sluice-test";
/// What no output may show.
pub(crate) const S3_SECRET: &str = "cAnArY-s3-0123456789abcdefghijklmnop";

/// The only container.
pub(crate) const AZURE_CONTAINER: &str = "spools";
const AZURE_ACCOUNT: &str = "plant";
/// "cAnArY-azure" in base64, as keys of Azure are.
const AZURE_KEY: &str = "Y0FuQXJZLWF6dXJl";

/// Makes a container, with a signature of its own: the server has no other way to begin.
const MAKE_CONTAINER: &str = r#"
const [endpoint, account, key, container] = process.argv.slice(1);
const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-08-06" };
const path = `${new URL(endpoint).pathname}/${container}`;
const signed = ["PUT", ...Array(11).fill(""), ...Object.entries(headers).map((pair) => pair.join(":")),
  `/${account}${path}`, "restype:container"].join("\n");
const signature = require("crypto").createHmac("sha256", Buffer.from(key, "base64")).update(signed).digest("base64");
headers.authorization = `SharedKey ${account}:${signature}`;
fetch(`${endpoint}/${container}?restype=container`, { method: "PUT", headers })
  .then((answer) => { if (answer.status !== 201) throw new Error(`status ${answer.status}`); });
"#;

/// A server of its own, ended on drop.
struct Server {
    process: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts the program, where there is one.
    fn start(what: What, prepare: impl FnOnce(&mut Command, SocketAddr, &Path)) -> Option<Self> {
        let program = need(what)?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port");
        let log = File::create(folder.path().join("log")).expect("the folder can be written");
        let mut command = Command::new(&program);
        prepare(&mut command, address, folder.path());
        let process = command.stdout(Stdio::null()).stderr(log).spawn().expect("the server starts");
        let server = Self { process, address, folder };
        server.wait_until_ready();
        Some(server)
    }

    fn wait_until_ready(&self) {
        let address = self.address;
        // On a thread of its own: the test may be an asynchronous one.
        let waiting = std::thread::spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_time().build().expect("a runtime");
            (0..POLLS_MAX).any(|_| {
                let answers = TcpStream::connect(address).is_ok();
                if !answers {
                    runtime.block_on(async { tokio::time::sleep(POLL).await });
                }
                answers
            })
        });
        let answers = waiting.join().expect("it does not panic");
        assert!(answers, "the server did not answer within {:?}", POLL * POLLS_MAX);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail if it has ended, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A server of S3.
pub(crate) struct S3(Server);

impl S3 {
    /// Starts it, where there is one.
    pub(crate) fn start() -> Option<Self> {
        let prepare = |command: &mut Command, address: SocketAddr, folder: &Path| {
            let data = folder.join("data");
            std::fs::create_dir_all(data.join(S3_BUCKET)).expect("the folder can be written");
            command.args(["--quiet", "--port", &address.to_string(), "posix"]).arg(data);
            command.env("ROOT_ACCESS_KEY", S3_KEY_ID).env("ROOT_SECRET_KEY", S3_SECRET);
        };
        Server::start(What::S3, prepare).map(Self)
    }

    /// What a program needs to reach it.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let endpoint = format!("http://{}", self.0.address);
        variables(&[
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ACCESS_KEY_ID", S3_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", S3_SECRET),
        ])
    }

    /// Puts an object as any other client would.
    pub(crate) async fn put(&self, name: &str, text: String) {
        let builder = AmazonS3Builder::new()
            .with_endpoint(format!("http://{}", self.0.address))
            .with_allow_http(true)
            .with_bucket_name(S3_BUCKET)
            .with_access_key_id(S3_KEY_ID)
            .with_secret_access_key(S3_SECRET);
        let put = builder.build().expect("a client").put(&name.into(), text.into()).await;
        put.expect("the server takes it");
    }

    /// Where its objects lie as files.
    pub(crate) fn objects(&self) -> PathBuf {
        self.0.folder.path().join("data").join(S3_BUCKET)
    }
}

/// What a line does to an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rough {
    /// The server is too busy for it.
    Busy,
    /// It is done, but there is no answer.
    Lost,
    /// It is done, and half of the answer comes.
    Cut,
}

impl S3 {
    /// The variables of another way to the same server, on which every third exchange has trouble.
    pub(crate) fn rough(&self, rough: Rough) -> BTreeMap<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let server = self.0.address;
        // Ends with the process.
        std::thread::spawn(move || {
            for (n, client) in listener.incoming().enumerate() {
                let trouble = (n % 3 == 2).then_some(rough);
                std::thread::spawn(move || exchange(&mut client?, server, trouble));
            }
        });
        let mut variables = self.variables();
        variables.insert("AWS_ENDPOINT_URL".to_owned(), endpoint);
        variables
    }
}

/// One request and its answer; the connections end with it.
fn exchange(
    client: &mut TcpStream,
    server: SocketAddr,
    trouble: Option<Rough>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = client.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..read]);
        let head = request.windows(4).position(|end| end == b"\r\n\r\n");
        let wanted = head.map(|head| {
            let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            head + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap_or(0))
        });
        if read == 0 || wanted.is_some_and(|wanted| request.len() >= wanted) {
            break;
        }
    }
    if trouble == Some(Rough::Busy) {
        let body = "<Error><Code>SlowDown</Code></Error>";
        let length = body.len();
        return write!(
            client,
            "HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
    }
    let mut upstream = TcpStream::connect(server)?;
    let line = request.windows(2).position(|end| end == b"\r\n").map_or(0, |end| end + 2);
    upstream.write_all(&request[..line])?;
    upstream.write_all(b"Connection: close\r\n")?;
    upstream.write_all(&request[line..])?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    let shown = match trouble {
        None => answer.len(),
        Some(Rough::Cut) => answer.len() / 2,
        Some(Rough::Busy | Rough::Lost) => 0,
    };
    client.write_all(&answer[..shown])
}

/// A server of Azure Blob Storage.
pub(crate) struct Azure(Server);

impl Azure {
    /// Starts it, where there is one.
    pub(crate) fn start() -> Option<Self> {
        let prepare = |command: &mut Command, address: SocketAddr, folder: &Path| {
            let port = address.port().to_string();
            command.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
            command
                .args(["--blobHost", "127.0.0.1", "--blobPort", &port, "--location"])
                .arg(folder);
            command.env("AZURITE_ACCOUNTS", format!("{AZURE_ACCOUNT}:{AZURE_KEY}"));
        };
        let server = Server::start(What::Azure, prepare)?;
        let azure = Self(server);
        let made = Command::new("node")
            .args(["-e", MAKE_CONTAINER, &azure.endpoint(), AZURE_ACCOUNT, AZURE_KEY])
            .arg(AZURE_CONTAINER)
            .status();
        assert!(made.expect("the server needs node too").success(), "no container was made");
        Some(azure)
    }

    fn endpoint(&self) -> String {
        format!("http://{}/{AZURE_ACCOUNT}", self.0.address)
    }

    /// What a program needs to reach it.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        variables(&[
            ("AZURE_STORAGE_ENDPOINT", &self.endpoint()),
            ("AZURE_STORAGE_ACCOUNT_NAME", AZURE_ACCOUNT),
            ("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY),
        ])
    }
}
